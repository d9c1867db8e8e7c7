"""Appointments read from a FHIR server: by change, by time, by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from shared.adapters.fhir.appointments import actor
from shared.adapters.fhir.elements import instant_text
from shared.adapters.fhir.feed import newest_cursor, read_changes
from shared.adapters.fhir.server import IDS_AT_ONCE, Server, in_chunks, path_of
from shared.core.model import Appointment
from shared.ports import FeedCursor, FeedPage, GoneError

SCAN_SLICE = timedelta(days=31)


class Reading(Server):
    def cursor_now(self, practitioner_id: str | None = None) -> FeedCursor:
        params = (*_of(practitioner_id), ("_sort", "-_lastUpdated"), ("_count", "1"))
        return newest_cursor(self._page("Appointment.changes", params))

    def changes(self, cursor: FeedCursor, practitioner_id: str | None = None) -> FeedPage:
        """Raises BlockedError `ehr_cannot_list_changes` where the server cannot search by change."""
        read = read_changes(
            lambda params: self._page("Appointment.changes", (*_of(practitioner_id), *params)),
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
        for chunk in in_chunks(ids):
            params = (("_id", ",".join(chunk)), ("_count", str(IDS_AT_ONCE)))
            rows = {row.id: row for row in map(self._appointment, self._search("Appointment", params))}
            found |= {each: rows.get(each) or self._read_one(each) for each in chunk}
        return found

    def _read_one(self, appointment_id: str) -> Appointment | None:
        try:
            return self._row(self._send("Appointment.read", "GET", path_of("Appointment", appointment_id)))
        except GoneError:
            return None


def _of(practitioner_id: str | None) -> tuple[tuple[str, str], ...]:
    return () if practitioner_id is None else (("actor", actor(practitioner_id)),)
