"""Gather for the appointments calendar: the EHR's rows, our events, and those that were made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.app.cases import Case, see_event, see_row
from shared.app.gathering import Gathered, Gatherer
from shared.app.hand_made import HandMadeSeries
from shared.core.identity import series_of
from shared.core.item import Item
from shared.core.match import Claim, choose_event, claim, k_from_calendar, k_of_event
from shared.core.model import Appointment, Event, Kind, Side
from shared.core.policy import Mode
from shared.ports import EventPage


@dataclass
class AppointmentsGatherer(Gatherer):
    """For the appointments calendar, whose events are ours or made by hand."""

    _unmapped: dict[str, Appointment] = field(default_factory=dict)
    """Rows that are not taken in, by k."""

    # --- the two ways to read ---

    def changes(self, first: EventPage | None, ids: Iterable[str], *, take_up: bool = True) -> Gathered:
        events, cursor = self.listing(self.tools.calendar.usable_cursor, first) if first else ([], None)
        ids = set(ids)
        self.items.load_named("appointment_id", ids)
        self.items.load_named("event_id", (event.id for event in events))
        self.load_series(events)
        due = self.load_due(take_up=take_up)
        ids |= {item.appointment_id for item in due if item.appointment_id}
        self._match_rows(self.tools.ehr.read(sorted(ids)) if ids else {}, whole=False)
        series = HandMadeSeries(self, events if self._reads_hand_made else [])
        self._match_events(series.expanded(events, series.instances()), whole=False)
        series.see_gone(self._cases)
        for item in due:
            if self.items.get(item.k) is not None:  # it may have handed its appointment over just now
                self.case(item.k, item)
        return self.result(cursor, listed=first is not None)

    def everything(self) -> Gathered:
        events, cursor = self.listing(None)
        self.items.load_all()
        self._match_rows(self.scanned(), whole=True)
        series = HandMadeSeries(self, events if self._reads_hand_made else [])
        events = series.expanded(events, self.occurrences(events) if series.masters else [])
        self._match_events(events, whole=True)
        series.see_gone(self._cases)
        listed = {event.id for event in events}
        for item in self.items:
            mapped = item.event_id is not None and item.known(Side.CALENDAR) is not None
            lacking = mapped and item.event_id not in listed and not self.is_read(item)
            if lacking and (series_of(item.k) is None or self.within_reach(item)):
                self.verify(item)
            elif item.retry_at is not None:
                self.case(item.k, item)
        return self.result(cursor, listed=True)

    # --- the EHR's rows ---

    def _match_rows(self, rows: Mapping[str, Appointment | None], *, whole: bool) -> None:
        self.tools.renderer.learn(self.tools.ehr, rows.values())
        ks = {row_id: self._k_of_row(row_id, row) for row_id, row in rows.items()}
        self.items.load_ks(ks.values())
        for row_id, row in rows.items():
            self._take_row(ks[row_id], row_id, row, whole=whole)

    def _k_of_row(self, row_id: str, row: Appointment | None) -> str:
        mapped = self.items.k_of_appointment(row_id)
        came = k_from_calendar(self.tools.calendar.key, row) if row is not None else None
        return (
            mapped
            or came
            or self.tools.world.keys.k_of_appointment(
                self.tools.connection.practice, self.tools.connection.key, row_id
            )
        )

    def _take_row(self, k: str, row_id: str, row: Appointment | None, *, whole: bool) -> None:
        stored = self.items.get(k)
        item = stored or self._new_item(k, row)
        if item is None or item.appointment_id not in (None, row_id):
            return  # a block, nothing, or a second row with our identifier: the mapped one stays
        if stored is None and row is not None and not self._takes_in_row(row):
            self._unmapped[k] = row  # of interest only where its event turns up
            return
        if stored is None and item.origin is Side.CALENDAR and not whole:
            self._pass_wanted = True  # only a complete listing tells whether its event is there
            return
        see_row(self.case(k, item), row, self.tools.renderer)

    def _new_item(self, k: str, row: Appointment | None) -> Item | None:
        if row is None or row.kind is Kind.BLOCK:
            return None
        came = k_from_calendar(self.tools.calendar.key, row) is not None
        return Item(k, row.kind, Side.CALENDAR if came else Side.EHR, appointment_id=row.id)

    def _takes_in_row(self, row: Appointment) -> bool:
        if not self.tools.renderer.has(row):
            return False
        return row.when is None or self.window.takes_in(row.when, self.tools.connection.settings.zone)

    # --- the calendar's events ---

    def _match_events(self, events: list[Event], *, whole: bool) -> None:
        by_k: dict[str, list[Event]] = {}
        for event in events:
            placed = self._placed(event)
            if placed is not None:
                by_k.setdefault(self._k(placed), []).append(placed)
        if not whole:
            self.items.load_ks(by_k)
        for k, same in by_k.items():
            self._take_events(k, same)

    def _k(self, event: Event) -> str:
        mapped = self.items.k_of_event(event.id)
        keys, calendar_key = self.tools.world.keys, self.tools.calendar.key
        if mapped is None and event.origin is not None and event.origin.start is not None:
            return keys.k_of_occurrence(calendar_key, event.origin.series_id, event.origin.start)
        return mapped or k_of_event(keys, calendar_key, event)

    def _placed(self, event: Event) -> Event | None:
        """The event as it is to be matched; None: not ours to touch."""
        mapped = self.items.k_of_event(event.id) is not None
        standing = claim(self.tools.world.keys, self.tools.calendar.key, event, mapped=mapped)
        if event.origin is not None and event.marker is not None:
            return None  # an occurrence of one of ours that was made a series: its master is put right
        if standing is Claim.OURS or (standing is Claim.UNMARKED and self._reads_hand_made):
            return event
        if standing is Claim.COPY and self._reads_hand_made and self._takes_in_event(event):
            return event
        return None

    @property
    def _reads_hand_made(self) -> bool:
        return self.tools.connection.settings.mode is Mode.TWO_WAY

    def _takes_in_event(self, event: Event) -> bool:
        if event.cancelled:
            return False
        zone = self.tools.connection.settings.zone
        return event.when is None or self.window.takes_in(event.when, zone)

    def _take_events(self, k: str, events: list[Event]) -> None:
        stored = self.items.get(k)
        if stored is None:
            self._take_new_events(k, events)
            return
        item = stored
        lives = item.known(Side.CALENDAR) is not None
        chosen, extras = choose_event(item.event_id, events, mapped_lives=lives)
        if chosen is not None or extras:
            self._see(self.case(k, item), chosen, extras)

    def _take_new_events(self, k: str, events: list[Event]) -> None:
        case = self._cases.get(k)
        chosen, extras = choose_event(None, events, mapped_lives=False)
        if chosen is None:
            return  # a tombstone without a mapping deletes nothing
        if case is None and k in self._unmapped:
            item = self._new_item(k, self._unmapped[k])
            assert item is not None
            case = self.case(k, item)
            see_row(case, self._unmapped[k], self.tools.renderer)
        ours = chosen.marker is not None and self.tools.world.keys.is_ours(self.tools.calendar.key, chosen)
        if case is None and (ours or not self._takes_in_event(chosen)):
            self._orphans += ours  # of an appointment that is not known here: left as it is
            return
        self._see(case or self.case(k, Item(k, Kind.PERSONAL, Side.CALENDAR)), chosen, extras)

    def _see(self, case: Case, event: Event | None, extras: list[Event]) -> None:
        case.extras = extras
        if event is not None:
            see_event(case, event, self.tools.renderer)
