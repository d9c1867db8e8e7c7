"""Whether a practitioner's time is taken: by the EHR and every calendar that takes part, both read now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.app.records import Calendar, Connection, Role
from shared.app.set_aside import set_aside_of
from shared.app.span import Listed, SpanRead, read_span
from shared.app.world import World
from shared.core.availability import Span, busy, tiled, unverified
from shared.core.blocking import Effect, effect
from shared.core.identity import parse_identifier
from shared.core.model import Appointment, Event, Kind, Status
from shared.core.policy import Mode
from shared.core.window import instants


def read_availability(
    world: World, connection: Connection, start: datetime, end: datetime, *, granted: bool
) -> list[Span]:
    """[`start`, `end`) without a gap. Reads as `span.read_span`, and the items set aside of each calendar."""
    read = read_span(world, connection, start, end, granted=granted)
    aside = (span for each in read.listed for span in _aside(world, each.calendar, read))
    whole = (unverified(start, end, reason) for reason in read.problems)
    return tiled(start, end, [*whole, *_of_rows(read), *_of_events(read), *aside])


def _of_rows(read: SpanRead) -> Iterator[Span]:
    """A block says what its calendar said before; of one that was just read the calendar says it itself."""
    zone = read.connection.settings.zone
    listed = {each.calendar.key for each in read.listed if each.problem is None}
    for row in read.rows:
        if row.status is not Status.LIVE or not row.busy or _calendar_key(row) in listed:
            continue
        if row.when is None:
            yield unverified(read.start, read.end, "appointment_without_start")
        else:
            yield busy(*instants(row.when, zone))


def _calendar_key(row: Appointment) -> str | None:
    parts = parse_identifier(row.identifier or "") if row.kind is Kind.BLOCK else None
    return parts[0] if parts else None


def _of_events(read: SpanRead) -> Iterator[Span]:
    zone = read.connection.settings.zone
    for listed in read.listed:
        for event in listed.events:
            if not _takes(event, listed, read.connection):
                continue
            if event.when is None:
                yield unverified(read.start, read.end, "event_without_start")
            else:
                yield busy(*instants(event.when, zone))


def _takes(event: Event, listed: Listed, connection: Connection) -> bool:
    """In one way what is made by hand in the appointments calendar is nobody's appointment."""
    if listed.calendar.role is Role.APPOINTMENTS:
        ours = event.marker is not None
        return event.what.busy and (ours or connection.settings.mode is not Mode.ONE_WAY)
    return effect(event, listed.calendar.rules) is Effect.TAKES


def _aside(world: World, calendar: Calendar, read: SpanRead) -> Iterator[Span]:
    """What could not be brought over is nothing that anybody may count on."""
    for aside in set_aside_of(world, read.connection, calendar):
        known = aside.times or [(read.start, read.end)]
        yield from (unverified(start, end, aside.reason) for start, end in known)
