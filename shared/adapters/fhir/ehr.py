"""`ports.Ehr` in terms of single exchanges with a FHIR server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from shared.adapters.fhir.appointments import (
    BOOKED,
    CAME,
    CANCELLABLE,
    CANCELLED,
    actor,
    appointment_from_json,
    has_unknown_modifiers,
    instant_text,
    moves,
    new_appointment,
    object_of,
    patched,
    renamed,
    system_of,
)
from shared.adapters.fhir.bundles import Page, page_from_json, resource_from_json, unreadable
from shared.adapters.fhir.errors import NoAnswerError, translate
from shared.adapters.fhir.exchange import Answer, Exchange
from shared.adapters.fhir.feed import Params, newest_cursor, read_changes
from shared.adapters.fhir.people import ELEMENTS, client_from_json, full_name, zone_of
from shared.adapters.fhir.settings import FhirSettings
from shared.core.errors import BlockedError, RejectedError
from shared.core.model import Appointment, Client, Kind, Status, What
from shared.core.policy import LabelMode
from shared.ports import FeedCursor, FeedPage, GoneError, Practitioner, ProtectedError

IDS_AT_ONCE = 50
"""In one search: their UUIDs keep the address below 2,000 characters."""
SCAN_SLICE = timedelta(days=31)
PAGES_MAX = 200
"""Of one search: 20,000 rows, far above what one practitioner has in a month."""

Json = Mapping[str, Any]
Span = tuple[datetime, datetime]

_SEARCH = {"Prefer": "handling=strict", "Cache-Control": "no-cache"}
_WRITE = {"Prefer": "return=representation"}


class FhirEhr:
    """The EHR of one practice. Belongs to one thread, as its exchange does."""

    def __init__(self, exchange: Exchange, settings: FhirSettings) -> None:
        self._exchange = exchange
        self._settings = settings

    # --- people -----------------------------------------------------------------------------------------

    def practitioner(self, practitioner_id: str) -> Practitioner:
        """`practitioner_id`: of a Practitioner, or `PractitionerRole/…`, which has no name of its own."""
        reference = actor(practitioner_id)
        answer = self._send("Practitioner.read", "GET", _path(*reference.split("/", 1)))
        raw = resource_from_json(answer.body, reference.partition("/")[0])
        zone = zone_of(raw, self._settings.time_zone_extension)
        return Practitioner(practitioner_id, full_name(raw), zone)

    def clients(self, patient_ids: Iterable[str], mode: LabelMode) -> dict[str, Client]:
        clients = {}
        for chunk in _chunks(patient_ids):
            params = (("_id", ",".join(chunk)), ("_elements", ELEMENTS[mode]), ("_count", str(IDS_AT_ONCE)))
            for raw in self._search("Patient", params):
                if raw["id"] in chunk:
                    clients[raw["id"]] = client_from_json(raw, mode, self._settings)
        return clients

    # --- reading appointments ---------------------------------------------------------------------------

    def cursor_now(self) -> FeedCursor:
        return newest_cursor(self._page("Appointment.changes", (("_sort", "-_lastUpdated"), ("_count", "1"))))

    def changes(self, cursor: FeedCursor) -> FeedPage:
        """Raises BlockedError `ehr_cannot_list_changes` where the server cannot search by change."""
        read = read_changes(
            lambda params: self._page("Appointment.changes", params),
            lambda url: self._following("Appointment.changes", url),
            cursor,
            self._settings,
        )
        return FeedPage(tuple(map(self._appointment, read.rows)), read.cursor, read.complete)

    def scan(self, practitioner_id: str, start: datetime, end: datetime) -> list[Appointment]:
        """By slices of SCAN_SLICE. What a server answers beyond what was asked is left out."""
        rows: dict[str, Appointment] = {}
        while start < end:
            until = min(start + SCAN_SLICE, end)
            for row in self._scan_slice(practitioner_id, start, until):
                rows[row.id] = row
            start = until
        return list(rows.values())

    def _scan_slice(self, practitioner_id: str, start: datetime, end: datetime) -> Iterator[Appointment]:
        params = (
            ("actor", actor(practitioner_id)),
            ("date", f"ge{instant_text(start)}"),
            ("date", f"lt{instant_text(end)}"),
            ("_count", str(self._settings.page_size)),
        )
        for row in map(self._appointment, self._search("Appointment", params)):
            begins = row.when.start if row.when else None
            inside = isinstance(begins, datetime) and start <= begins < end
            if inside and practitioner_id in row.practitioner_ids:
                yield row

    def read(self, ids: Iterable[str]) -> dict[str, Appointment | None]:
        """What a search leaves out is asked for by itself: only 404 and 410 say that it is not there."""
        found: dict[str, Appointment | None] = {}
        for chunk in _chunks(ids):
            params = (("_id", ",".join(chunk)), ("_count", str(IDS_AT_ONCE)))
            rows = {row.id: row for row in map(self._appointment, self._search("Appointment", params))}
            found |= {each: rows.get(each) or self._read_one(each) for each in chunk}
        return found

    def _read_one(self, appointment_id: str) -> Appointment | None:
        try:
            return self._row(self._send("Appointment.read", "GET", _path("Appointment", appointment_id)))
        except GoneError:
            return None

    # --- writing appointments ---------------------------------------------------------------------------

    def create(
        self, kind: Kind, practitioner_id: str, identifier: str, span: Span, what: What
    ) -> Appointment:
        """Safe to repeat: a conditional create. Without an answer it is repeated once."""
        resource = new_appointment(kind, practitioner_id, identifier, span, what, self._settings)
        name = f"{system_of(kind, self._settings)}|{identifier}"
        headers = {**_WRITE, "If-None-Exist": f"identifier={name}"}

        def create() -> Answer:
            return self._send("Appointment.create", "POST", "Appointment", headers=headers, body=resource)

        try:
            answer = create()
        except NoAnswerError:
            answer = create()
        if _is_appointment(answer.body):
            return self._row(answer)
        made = list(self._search("Appointment", (("identifier", name),)))  # some servers answer none
        if len(made) != 1:
            raise unreadable()
        return self._appointment(made[0])

    def update(
        self,
        row: Appointment,
        *,
        span: Span | None = None,
        what: What | None = None,
        identifier: str | None = None,
    ) -> Appointment:
        """Raises RejectedError too where a slot hangs on the times: moving one would falsify the other."""
        resource = self._changed(row, span, what)
        if identifier is not None:
            resource = renamed(resource, row.identifier, identifier)
        return self._put(row, resource)

    def cancel(self, row: Appointment) -> Appointment:
        """One that is over is answered as it stands."""
        code = row.raw.get("status")
        if row.status is Status.OVER:
            return row
        if code in CAME:
            raise ProtectedError("ehr_protected")
        if code not in CANCELLABLE:
            raise RejectedError("ehr_status_unknown")
        return self._put(row, patched(row.raw, self._settings, status=CANCELLED))

    def rebook(self, row: Appointment, *, span: Span | None = None, what: What | None = None) -> Appointment:
        return self._put(row, self._changed(row, span, what, status=BOOKED))

    def _changed(
        self, row: Appointment, span: Span | None, what: What | None, status: str | None = None
    ) -> dict[str, Any]:
        if span is not None and row.raw.get("slot") and moves(row.raw, span):
            raise RejectedError("ehr_slot_bound")
        return patched(row.raw, self._settings, span=span, what=what, status=status)

    def _put(self, row: Appointment, resource: Json) -> Appointment:
        """Over the version that was read. A lost answer is looked for: the goal there is success."""
        if not row.version:
            raise BlockedError("ehr_without_versions")
        if has_unknown_modifiers(row.raw):
            raise RejectedError("ehr_unknown_modifier")
        headers = {**_WRITE, "If-Match": f'W/"{row.version}"'}
        path = _path("Appointment", row.id)
        try:
            answer = self._send("Appointment.update", "PUT", path, headers=headers, body=resource)
            if _is_appointment(answer.body):
                return self._row(answer)
        except NoAnswerError:
            pass
        now = self._read_one(row.id)
        if now is None:
            raise GoneError("ehr_gone")
        if not _same(now, self._appointment(resource)):
            raise NoAnswerError
        return now

    # --- exchanges --------------------------------------------------------------------------------------

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
        answer = self._send(operation, "GET", resource_type, params=params, headers=_SEARCH)
        return page_from_json(answer.body, resource_type)

    def _following(self, operation: str, url: str) -> Page:
        answer = self._send(operation, "GET", url, headers=_SEARCH)
        return page_from_json(answer.body, operation.partition(".")[0])

    def _send(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> Answer:
        answer = self._exchange(method, url, params=params, headers=headers, body=body)
        if 200 <= answer.status < 300:
            return answer
        raise translate(answer.status, answer.body, operation, answer.headers)

    def _row(self, answer: Answer) -> Appointment:
        """One row; a minimal server may name the version in the ETag only."""
        raw = resource_from_json(answer.body, "Appointment")
        tag = answer.headers.get("etag", "").removeprefix("W/").strip('"')
        meta = object_of(raw.get("meta"))
        if tag and not meta.get("versionId"):
            raw = {**raw, "meta": {**meta, "versionId": tag}}
        return self._appointment(raw)

    def _appointment(self, raw: Json) -> Appointment:
        return appointment_from_json(raw, self._settings)


def _path(resource_type: str, resource_id: str) -> str:
    """Raises GoneError for what can be no id, but, as a part of an address, is another place."""
    if not resource_id.strip("."):
        raise GoneError("ehr_gone")
    return f"{resource_type}/{quote(resource_id, safe='')}"


def _chunks(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Each id once, at most IDS_AT_ONCE together."""
    distinct = list(dict.fromkeys(ids))
    for first in range(0, len(distinct), IDS_AT_ONCE):
        yield distinct[first : first + IDS_AT_ONCE]


def _is_appointment(body: object) -> bool:
    """Not so where a server answers writes with nothing, or with an OperationOutcome."""
    return object_of(body).get("resourceType") == "Appointment"


def _same(one: Appointment, other: Appointment) -> bool:
    """Whether all that a write may change is the same."""
    ours, theirs = ((each.status, each.when, each.title, each.busy, each.identifier) for each in (one, other))
    return ours == theirs
