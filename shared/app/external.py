"""Gather for an external calendar: what its events take of the practitioner's time, occurrence by occurrence.

The calendar service expands series, we do not: of a series that was touched, every occurrence within reach is
read in one call, and that answer is evidence for what it lacks. Nothing is ever written there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.app.cases import Case, see_event, see_row
from shared.app.gathering import Gathered, Gatherer
from shared.core.identity import series_of
from shared.core.item import Item
from shared.core.match import k_from_calendar
from shared.core.model import Appointment, Event, Kind, Side
from shared.core.spans import occurrences_or_spans
from shared.core.window import instants
from shared.ports import EventPage

WITHOUT_EVENT = "block_without_event"
"""A block of this calendar whose event a complete listing lacks, for the first time."""


@dataclass
class ExternalGatherer(Gatherer):
    """For a calendar of the practitioner's own: its events are blocks in the EHR."""

    # --- the two ways to read ---

    def changes(self, first: EventPage | None, ids: Iterable[str], *, take_up: bool = True) -> Gathered:
        events, cursor = self.listing(self.tools.calendar.usable_cursor, first) if first else ([], None)
        ids = set(ids)
        self.items.load_named("appointment_id", ids)
        self._load(events)
        due = self.load_due(take_up=take_up)
        ids |= {item.appointment_id for item in due if item.appointment_id}
        self._see_rows(self.tools.ehr.read(sorted(ids)) if ids else {}, whole=False)
        self._see_delta({event.id: event for event in events})
        for item in due:
            self.case(item.k, item)
        return self.result(cursor, listed=first is not None)

    def everything(self) -> Gathered:
        """Of a calendar that is leaving: as if there were nothing in it any more."""
        self.items.load_all()
        self._see_rows(self.scanned(), whole=True)
        if self.tools.calendar.leaving:
            for item in self.items:
                see_event(self.case(item.k, item), None, self.tools.renderer)
            return self.result(None, listed=False)
        listed, cursor = self.listing(None)
        occurrences = self.occurrences(listed)
        self._see_living(occurrences)
        self._see_singles(listed)
        self._see_lacking(listed, occurrences)
        return self.result(cursor, listed=True)

    # --- the calendar's events ---

    def _load(self, events: list[Event]) -> None:
        """What is known of them, and of the series they may belong to."""
        keys, calendar_key = self.tools.world.keys, self.tools.calendar.key
        self.items.load_ks(keys.k_of_event(calendar_key, event.id) for event in events)
        self.load_series(events)

    def _see_delta(self, events: Mapping[str, Event]) -> None:
        for event in events.values():
            if event.series:  # what it was as a single event is over
                self._see_single_gone(event.id)
            else:
                self._see(self.tools.world.keys.k_of_event(self.tools.calendar.key, event.id), event)
        for master in sorted({master for event in events.values() for master in self.touched(event)}):
            self._see_series(master, events.get(master))

    def _see_series(self, master_id: str, master: Event | None) -> None:
        """Every occurrence of a series, and what is known of it and is no occurrence any more."""
        for k, event in self._named(self.instances(master_id, master)):
            self._see(k, event)
        if master_id in self.unread:
            return
        for item in self.items.of_series(self.tools.world.keys.series(self.tools.calendar.key, master_id)):
            if not self.is_read(item) and self.within_reach(item):
                see_event(self.case(item.k, item), None, self.tools.renderer)

    def _see_living(self, events: list[Event]) -> None:
        for k, event in self._named(events):
            self._see(k, event)

    def _named(self, events: list[Event]) -> Iterator[tuple[str, Event]]:
        keys, calendar_key = self.tools.world.keys, self.tools.calendar.key
        for event in occurrences_or_spans(events, self.tools.connection.settings.zone):
            if event.origin is None or event.origin.start is None:
                yield keys.k_of_event(calendar_key, event.id), event
            else:
                yield keys.k_of_occurrence(calendar_key, event.origin.series_id, event.origin.start), event

    def _see(self, k: str, event: Event) -> None:
        """An event that is nothing to the EHR is none of ours, unless it was something before."""
        item, renderer = self.items.get(k), self.tools.renderer
        readable = event.cancelled or event.when is not None
        nothing = readable and renderer.event(event, Kind.BLOCK).facts is None
        if item is None and nothing and k not in self._cases:
            return
        see_event(self.case(k, item or Item(k, Kind.BLOCK, Side.CALENDAR)), event, renderer)

    def _see_single_gone(self, event_id: str) -> None:
        item = self.items.get(self.tools.world.keys.k_of_event(self.tools.calendar.key, event_id))
        if item is not None:
            see_event(self.case(item.k, item), None, self.tools.renderer)

    # --- what a complete listing lacks ---

    def _see_singles(self, listed: list[Event]) -> None:
        """Those that live, as the listing has them that tells what was deleted too."""
        keys, calendar_key = self.tools.world.keys, self.tools.calendar.key
        zone, begin = self.tools.connection.settings.zone, self.reach.start
        for event in listed:
            k = keys.k_of_event(calendar_key, event.id)
            item = self.items.get(k)
            if event.series or event.cancelled or (item is not None and self.is_read(item)):
                continue
            if item is not None or event.when is None or instants(event.when, zone)[1] >= begin:
                self._see(k, event)

    def _see_lacking(self, listed: list[Event], occurrences: list[Event]) -> None:
        """What nothing was said of: gone where the listings speak of it or of its series, else to be read."""
        evidence = {event.id for event in listed if event.cancelled or event.master}
        series = self._series_told(listed, occurrences)
        for item in list(self.items):
            if self.is_read(item):
                continue
            if item.known(Side.CALENDAR) is not None and self.within_reach(item):
                if item.event_id in evidence or series_of(item.k) in series or self.is_beyond(item):
                    see_event(self.case(item.k, item), None, self.tools.renderer)
                else:
                    self.verify(item)
            elif item.known(Side.CALENDAR) is None and item.k in self._cases and item.event_id in evidence:
                see_event(self._cases[item.k], None, self.tools.renderer)
            elif item.retry_at is not None:
                self.case(item.k, item)
        keys, calendar_key = self.tools.world.keys, self.tools.calendar.key
        gone = {keys.k_of_event(calendar_key, event_id) for event_id in evidence}
        for case in self._cases.values():
            if case.calendar is None and not case.verify and case.item.known(Side.CALENDAR) is None:
                told = case.item.k in gone or series_of(case.item.k) in series
                self._see_without_event(case, gone=told and self._row_within_reach(case))

    def _row_within_reach(self, case: Case) -> bool:
        facts, zone = case.known(Side.EHR), self.tools.connection.settings.zone
        return facts is not None and instants(facts.when, zone)[1] >= self.reach.start

    def _series_told(self, listed: list[Event], occurrences: list[Event]) -> set[str]:
        """Series of which some occurrences were told, and those that are over: what they lack is gone."""
        told = {event.origin.series_id for event in occurrences if event.origin}
        over = {event.id for event in listed if event.cancelled or not event.series}
        keys, calendar_key = self.tools.world.keys, self.tools.calendar.key
        return {keys.series(calendar_key, master) for master in (told | over) - self.unread}

    def _see_without_event(self, case: Case, *, gone: bool) -> None:
        """A block nobody knows the event of: the second listing that lacks it has it removed.

        `gone`: the listing speaks of its event or of its series, and that is enough.
        """
        if gone or (case.stored is not None and case.stored.aside == WITHOUT_EVENT):
            see_event(case, None, self.tools.renderer)
        elif case.stored is None:
            case.unreadable = WITHOUT_EVENT

    # --- the EHR's rows ---

    def _see_rows(self, rows: Mapping[str, Appointment | None], *, whole: bool) -> None:
        ks = {row_id: self._k_of_row(row_id, row) for row_id, row in rows.items()}
        self.items.load_ks(k for k in ks.values() if k is not None)
        for row_id, k in ks.items():
            if k is not None:
                self._see_row(k, row_id, rows[row_id], whole=whole)

    def _k_of_row(self, row_id: str, row: Appointment | None) -> str | None:
        mapped = self.items.k_of_appointment(row_id)
        return mapped or (k_from_calendar(self.tools.calendar.key, row) if row is not None else None)

    def _see_row(self, k: str, row_id: str, row: Appointment | None, *, whole: bool) -> None:
        item = self.items.get(k)
        if item is None and (row is None or row.kind is not Kind.BLOCK or not self.tools.renderer.has(row)):
            return
        if item is None and not whole:
            self._pass_wanted = True  # only a complete listing tells whether its event is there
            return
        if item is not None and item.appointment_id not in (None, row_id):
            return  # a second row with our identifier: the mapped one stays
        see_row(self.case(k, item or Item(k, Kind.BLOCK, Side.CALENDAR)), row, self.tools.renderer)
