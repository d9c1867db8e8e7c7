"""The EHR of one practice over the sandbox's model, without HTTP.

The adapter's own `FhirEhr` runs on top, so searching, translation and every error are the product's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.ehr import urls
from sandbox.ehr.fhir import FhirError, FhirStore
from shared.adapters.fhir import Answer, FhirEhr, FhirSettings

SETTINGS = FhirSettings(
    system="https://calsync.example",
    internal_id_system=urls.INTERNAL_ID,
    time_zone_extension=urls.TIME_ZONE,
    protected_extension=urls.DELETION_PROTECTED,
)
"""Of the sandbox's EHR."""


class ModelExchange:
    """`Exchange` answered by the model."""

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
        resource_type, _, resource_id = parts.path.partition("/")
        query = [*parse_qsl(parts.query), *params]
        try:
            if method == "GET":
                found = self._get(resource_type, unquote(resource_id), query, headers or {})
                return Answer(200, found)
            return self._write(dict(body or {}), headers or {})
        except FhirError as error:
            return Answer(error.status, error.outcome())

    def _get(
        self,
        resource_type: str,
        resource_id: str,
        query: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
    ) -> dict[str, Any]:
        if resource_id:
            return self._store.read(resource_type, resource_id)
        strict = "handling=strict" in headers.get("Prefer", "")
        return self._store.search(resource_type, query, strict=strict)

    def _write(self, resource: dict[str, Any], headers: Mapping[str, str]) -> Answer:
        if "id" in resource:
            version = headers["If-Match"].removeprefix('W/"').removesuffix('"')
            written = self._store.update(resource, if_match=version)
        else:
            written = self._store.create(resource, if_none_exist=headers.get("If-None-Exist"))
        return Answer(written.status, written.resource)


class FakeEhr(FhirEhr):
    def __init__(self, store: FhirStore, settings: FhirSettings = SETTINGS) -> None:
        super().__init__(ModelExchange(store), settings)
