"""Appointments, and slots that are blocks, read from a FHIR server: by change, by time, by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from shared.adapters.fhir.appointments import actor
from shared.adapters.fhir.elements import begins_within, instant_text
from shared.adapters.fhir.feed import NEWEST, Params, newest_cursor, of_practitioner, read_changes
from shared.adapters.fhir.scheduling import Scheduling
from shared.adapters.fhir.server import IDS_AT_ONCE, in_chunks, path_of
from shared.adapters.fhir.slots import TYPE as SLOT
from shared.core.errors import BlockedError
from shared.core.model import Appointment
from shared.ports import BlockAs, FeedCursor, FeedPage, GoneError

APPOINTMENT = "Appointment"
REFUSED = "ehr_search_refused"
SCAN_SLICE = timedelta(days=31)
LISTED_MAX = 2 * IDS_AT_ONCE
"""Rows that are looked through for the ids asked for: each once, and once more where pages overlap."""

Json = Mapping[str, Any]


class Reading(Scheduling):
    _scan_by = "actor"
    """The search parameter that names the practitioner; some servers know `practitioner` only."""

    def cursor_now(self, practitioner_id: str | None = None) -> FeedCursor:
        """Raises BlockedError `ehr_cannot_list_changes` as `changes` does."""
        params = (*of_practitioner(practitioner_id), *NEWEST)
        return newest_cursor(self._page("Appointment.changes", params))

    def changes(self, cursor: FeedCursor, practitioner_id: str | None = None) -> FeedPage:
        """Raises BlockedError `ehr_cannot_list_changes` where the server cannot search by change."""
        who = of_practitioner(practitioner_id)
        read = read_changes(
            lambda params: self._page("Appointment.changes", (*who, *params)),
            lambda url: self._following("Appointment.changes", url),
            cursor,
            self._settings,
        )
        return FeedPage(tuple(map(self._appointment, read.rows)), read.cursor, read.complete)

    # --- by time ---

    def scan(self, practitioner_id: str, start: datetime, end: datetime) -> list[Appointment]:
        """By slices of SCAN_SLICE. What a server answers beyond what was asked is left out, what it answers
        twice is taken as it came last. Where blocks are slots, ours are among the rows.
        """
        schedules = self._schedules_of(practitioner_id) if self._can.block_as is BlockAs.SLOT else []
        rows: dict[str, Appointment] = {}
        while start < end:
            until = min(start + SCAN_SLICE, end)
            found = self._scan_slice(practitioner_id, start, until)
            slots = self._block_slots(schedules, practitioner_id, start, until) if schedules else ()
            rows |= {row.id: row for row in chain(found, slots)}
            start = until
        return list(rows.values())

    def _scan_slice(self, practitioner_id: str, start: datetime, end: datetime) -> Iterator[Appointment]:
        params = (
            ("date", f"ge{instant_text(start)}"),
            ("date", f"lt{instant_text(end)}"),
            ("_count", str(self._settings.page_size)),
        )
        for row in map(self._appointment, self._of_practitioner(practitioner_id, params)):
            if begins_within(row.when, start, end) and practitioner_id in row.practitioner_ids:
                yield row

    def _of_practitioner(self, practitioner_id: str, params: Params) -> list[Json]:
        """All of one search. A role is an actor only: a search by `practitioner` would find nothing of it."""
        who = actor(practitioner_id)
        by = self._scan_by if who.startswith("Practitioner/") else "actor"
        try:
            return list(self._search(APPOINTMENT, ((by, who), *params)))
        except BlockedError as error:
            if error.reason != REFUSED or by != "actor" or not who.startswith("Practitioner/"):
                raise
        found = list(self._search(APPOINTMENT, (("practitioner", who), *params)))
        self._scan_by = "practitioner"
        return found

    # --- by id ---

    def read(self, ids: Iterable[str]) -> dict[str, Appointment | None]:
        """What a search leaves out is asked for by itself: only 404 and 410 say that it is not there.

        `Slot/…` is the id of a block that is a slot.
        """
        by_type: dict[str, list[str]] = {APPOINTMENT: [], SLOT: []}
        for each in ids:
            by_type[place_of(each)[0]].append(each)
        found: dict[str, Appointment | None] = {}
        for resource_type, of_type in by_type.items():
            for chunk in in_chunks(of_type):
                rows = self._listed(resource_type, chunk)
                found |= {each: rows.get(each) or self._read_one(each) for each in chunk}
        return found

    def _listed(self, resource_type: str, ids: Sequence[str]) -> dict[str, Appointment]:
        """What one search has of them: nothing where the server does not take it, and no more than
        LISTED_MAX rows of a server that reads over `_id`.
        """
        asked = {place_of(each)[1] for each in ids}
        params = (("_id", ",".join(place_of(each)[1] for each in ids)), ("_count", str(IDS_AT_ONCE)))
        try:
            listed = list(islice(self._search(resource_type, params), LISTED_MAX))
        except BlockedError as error:
            if error.reason != REFUSED:
                raise
            return {}
        rows = [self._row_of(raw) for raw in listed if raw["id"] in asked]
        return {row.id: row for row in rows}

    def _read_one(self, row_id: str) -> Appointment | None:
        resource_type, resource_id = place_of(row_id)
        try:
            answer = self._send(f"{resource_type}.read", "GET", path_of(resource_type, resource_id))
        except GoneError:
            return None
        return self._row_of(self._resource(answer, resource_type))

    def _row_of(self, raw: Json) -> Appointment:
        return self._slot(raw) if raw.get("resourceType") == SLOT else self._appointment(raw)


def place_of(row_id: str) -> tuple[str, str]:
    """Type and id of a row's resource."""
    slot_id = row_id.removeprefix(f"{SLOT}/")
    return (APPOINTMENT, row_id) if slot_id == row_id else (SLOT, slot_id)


def row_id(resource_type: str, resource_id: str) -> str:
    """Of a row, as `place_of` takes it apart."""
    return resource_id if resource_type == APPOINTMENT else f"{resource_type}/{resource_id}"
