"""The EHR of one practice over the sandbox's model, without HTTP.

The adapter's own `FhirEhr` runs on top, so searching, translation and every error are the product's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.ehr import rest, urls
from sandbox.ehr.batch import batch
from sandbox.ehr.fhir import FhirStore
from shared.adapters.fhir import Answer, FhirEhr, FhirSettings

SETTINGS = FhirSettings(
    system="https://calsync.example",
    internal_id_system=urls.INTERNAL_ID,
    time_zone_extension=urls.TIME_ZONE,
    protected_extension=urls.DELETION_PROTECTED,
)
"""Of the sandbox's EHR."""


class ModelExchange:
    """`Exchange` answered by the model, in its profile's ways."""

    def __init__(self, store: FhirStore) -> None:
        self._store = store

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        parts = urlsplit(url.removeprefix(f"{urls.BASE}/"))
        path = tuple(unquote(segment) for segment in parts.path.split("/") if segment)
        named = {name.lower(): value for name, value in {"User-Agent": "model", **(headers or {})}.items()}
        call = rest.Call(
            method,
            path,
            [*parse_qsl(parts.query), *params],
            named,
            b"" if body is None else json.dumps(body).encode(),
            urls.BASE,
        )
        answer = self._perform(call)
        return Answer(
            answer.status, answer.resource, {name.lower(): each for name, each in answer.headers.items()}
        )

    def _perform(self, call: rest.Call) -> rest.Answer:
        if rest.operation_of(call.method, call.path) == "batch":
            return batch(self._store.settings, call, self._perform)
        return rest.answer(self._store, call)


class FakeEhr(FhirEhr):
    def __init__(self, store: FhirStore, settings: FhirSettings = SETTINGS) -> None:
        super().__init__(ModelExchange(store), settings)
