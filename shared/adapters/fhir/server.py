"""Single exchanges with a FHIR server, and searches to their end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from shared.adapters.fhir.appointments import appointment_from_json
from shared.adapters.fhir.bundles import Page, page_from_json, resource_from_json
from shared.adapters.fhir.elements import object_of
from shared.adapters.fhir.errors import translate
from shared.adapters.fhir.exchange import Answer, Exchange
from shared.adapters.fhir.feed import Params
from shared.adapters.fhir.settings import FhirSettings
from shared.core.errors import BlockedError
from shared.core.model import Appointment
from shared.ports import Capabilities, GoneError

IDS_AT_ONCE = 50
"""In one search: their UUIDs keep the address below 2,000 characters."""
PAGES_MAX = 200
"""Of one search: 20,000 rows, far above what one practitioner has in a month."""

Json = Mapping[str, Any]

STRICTLY = {"Prefer": "handling=strict", "Cache-Control": "no-cache"}


class Server:
    """A FHIR server of one practice. Belongs to one thread, as its exchange does."""

    def __init__(
        self, exchange: Exchange, settings: FhirSettings, capabilities: Capabilities | None = None
    ) -> None:
        """`capabilities`: as they were found out before; None: those of a server that can do everything."""
        self._exchange = exchange
        self._settings = settings
        self._can = capabilities or Capabilities()

    def _search(self, resource_type: str, params: Params) -> Iterator[Json]:
        """Every match, all pages or an error."""
        operation = f"{resource_type}.search"
        page = self._page(operation, params)
        for _ in range(PAGES_MAX):
            yield from page.resources
            if page.next_url is None:
                return
            page = self._following(operation, page.next_url)
        raise BlockedError("ehr_search_endless")

    def _page(self, operation: str, params: Params) -> Page:
        resource_type = operation.partition(".")[0]
        answer = self._send(operation, "GET", resource_type, params=params, headers=STRICTLY)
        return page_from_json(answer.body, resource_type)

    def _following(self, operation: str, url: str) -> Page:
        """`url`: a link of the page before; one that is a query alone is of the same place."""
        resource_type = operation.partition(".")[0]
        address = f"{resource_type}{url}" if url.startswith("?") else url
        answer = self._send(operation, "GET", address, headers=STRICTLY)
        return page_from_json(answer.body, resource_type)

    def _send(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        answer = self._exchange(method, url, params=params, headers=headers, body=body)
        if 200 <= answer.status < 300:
            return answer
        raise translate(answer.status, answer.body, operation, answer.headers)

    def _resource(self, answer: Answer, resource_type: str) -> Json:
        """One resource; a minimal server may name its version in the ETag only."""
        raw = resource_from_json(answer.body, resource_type)
        tag = answer.headers.get("etag", "").removeprefix("W/").strip('"')
        meta = object_of(raw.get("meta"))
        if tag and not meta.get("versionId"):
            raw = {**raw, "meta": {**meta, "versionId": tag}}
        return raw

    def _appointment(self, raw: Json) -> Appointment:
        return appointment_from_json(raw, self._settings)


def path_of(resource_type: str, resource_id: str) -> str:
    """Raises GoneError for what can be no id, but, as a part of an address, is another place."""
    if not resource_id.strip("."):
        raise GoneError("ehr_gone")
    return f"{resource_type}/{quote(resource_id, safe='')}"


def in_chunks(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Each id once, at most IDS_AT_ONCE together."""
    distinct = list(dict.fromkeys(ids))
    for first in range(0, len(distinct), IDS_AT_ONCE):
        yield distinct[first : first + IDS_AT_ONCE]
