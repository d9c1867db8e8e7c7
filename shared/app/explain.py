"""What is known of an instant or a day, and why something takes the time or not: ids, kinds and codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from shared.app.items import Items
from shared.app.records import Calendar, Role
from shared.app.set_aside import Aside, set_aside_of, where_to_edit
from shared.app.span import Listed, SpanRead
from shared.app.world import World
from shared.core.blocking import Effect, Rule, effect, rule_of
from shared.core.identity import parse_identifier
from shared.core.item import Item
from shared.core.model import Appointment, Event, Kind, Status
from shared.core.policy import EditIn
from shared.core.window import instants

A_MOMENT = timedelta(seconds=1)
"""An instant is asked for as so long a span."""


class Standing(Enum):
    """What becomes of an item."""

    AGREED = "agreed"
    PENDING = "pending"
    """Something is left to be done."""
    OPEN = "open"
    """One side differs, and stays so until something changes: it was left, or waits for a person."""
    SET_ASIDE = "set_aside"
    UNKNOWN = "unknown"
    """It is not synced: outside the window, or not read yet."""


@dataclass(frozen=True)
class Told:
    """What the sync knows of one thing."""

    standing: Standing
    reason: str | None = None
    retry_at: datetime | None = None
    edit_in: EditIn = EditIn.EHR


@dataclass(frozen=True)
class AppointmentThen:
    id: str
    kind: Kind
    live: bool
    start: datetime | None
    end: datetime | None
    busy: bool
    told: Told


@dataclass(frozen=True)
class EventThen:
    id: str
    calendar: Calendar
    ours: bool
    """We made it, of an appointment."""
    start: datetime | None
    end: datetime | None
    busy: bool
    rule: Rule | None
    """What decided, in an external calendar."""
    appointment_id: str | None
    told: Told


@dataclass(frozen=True)
class Explained:
    appointments: list[AppointmentThen]
    events: list[EventThen]
    aside: list[Aside]


def explain(world: World, read: SpanRead) -> Explained:
    """`read`: what was listed. What the sync knows of it is read here, a few queries a calendar."""
    rows = {row.id: row for row in read.rows}
    known = _Known(world, read)
    for listed in read.listed:
        known.load(listed, rows)
    return Explained(
        appointments=[_appointment(row, known, read) for row in read.rows],
        events=[_event(event, listed, known, read) for listed in read.listed for event in listed.events],
        aside=list(_aside(world, read)),
    )


class _Known:
    """The items of what was listed."""

    def __init__(self, world: World, read: SpanRead) -> None:
        self._world, self._read = world, read
        self._by_row: dict[str, Item] = {}
        self._by_event: dict[tuple[str, str], Item] = {}
        self._now = world.clock.now()
        self._rows = {row.id: row for row in read.rows}

    def load(self, listed: Listed, rows: Iterable[str]) -> None:
        calendar = listed.calendar
        items = Items(self._world.documents, calendar, self._read.connection.practice)
        if calendar.role is Role.APPOINTMENTS:
            items.load_named("appointment_id", rows)
            items.load_named("event_id", (event.id for event in listed.events))
        names = {event.id: _k(event, calendar, world=self._world) for event in listed.events}
        items.load_ks([*names.values(), *self._ks_of_rows(calendar)])
        for event in listed.events:
            mapped = items.k_of_event(event.id) or names[event.id]
            item = items.get(mapped)
            if item is not None:
                self._by_event[calendar.key, event.id] = item
        self._by_row.update({item.appointment_id: item for item in items if item.appointment_id})

    def _ks_of_rows(self, calendar: Calendar) -> Iterator[str]:
        for row in self._read.rows:
            parts = parse_identifier(row.identifier or "")
            if parts is not None and parts[0] == calendar.key:
                yield parts[1]

    def of_row(self, row: Appointment) -> Told:
        return self.told(self._by_row.get(row.id), row.kind, row)

    def of_event(self, event: Event, calendar: Calendar) -> tuple[Item | None, Told]:
        item = self._by_event.get((calendar.key, event.id))
        kind = Kind.BLOCK if calendar.role is Role.EXTERNAL else Kind.PERSONAL
        row = self._rows.get(item.appointment_id or "") if item else None
        return item, self.told(item, kind, row)

    def told(self, item: Item | None, kind: Kind, row: Appointment | None = None) -> Told:
        if item is None:
            return Told(Standing.UNKNOWN, edit_in=EditIn.GOOGLE if kind is Kind.BLOCK else EditIn.EHR)
        return Told(
            _standing(item),
            item.aside,
            item.retry_at,
            where_to_edit(item, self._read.connection, row, now=self._now),
        )


def _k(event: Event, calendar: Calendar, *, world: World) -> str:
    """Under which the sync would know it."""
    if event.marker is not None and event.marker.calendar_key == calendar.key:
        return event.marker.k
    if event.origin is not None and event.origin.start is not None:
        return world.keys.k_of_occurrence(calendar.key, event.origin.series_id, event.origin.start)
    return world.keys.k_of_event(calendar.key, event.id)


def _standing(item: Item) -> Standing:
    if item.aside is not None:
        return Standing.SET_ASIDE
    if item.retry_at is not None:
        return Standing.PENDING
    seen = item.seen.ehr, item.seen.calendar
    return Standing.AGREED if seen == (None, None) else Standing.OPEN


def _appointment(row: Appointment, known: _Known, read: SpanRead) -> AppointmentThen:
    start, end = instants(row.when, read.connection.settings.zone) if row.when else (None, None)
    live = row.status is Status.LIVE
    return AppointmentThen(row.id, row.kind, live, start, end, live and row.busy, known.of_row(row))


def _event(event: Event, listed: Listed, known: _Known, read: SpanRead) -> EventThen:
    calendar = listed.calendar
    item, told = known.of_event(event, calendar)
    start, end = instants(event.when, read.connection.settings.zone) if event.when else (None, None)
    external = calendar.role is Role.EXTERNAL
    takes = effect(event, calendar.rules) is Effect.TAKES if external else event.what.busy
    return EventThen(
        id=event.id,
        calendar=calendar,
        ours=event.marker is not None and event.marker.calendar_key == calendar.key,
        start=start,
        end=end,
        busy=takes,
        rule=rule_of(event) if external else None,
        appointment_id=item.appointment_id if item else None,
        told=told,
    )


def _aside(world: World, read: SpanRead) -> Iterator[Aside]:
    """Neither side need have it at this time any more; one whose time is not known may be then."""
    for listed in read.listed:
        for aside in set_aside_of(world, read.connection, listed.calendar):
            if not aside.times or any(read.overlaps(start, end) for start, end in aside.times):
                yield aside
