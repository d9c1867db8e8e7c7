"""What there is in a span of time, read now on both sides; what could not be read says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.app.connections import calendars_of, grant_died
from shared.app.gathering import DAYS_APART, LASTS_AT_MOST
from shared.app.records import Calendar, Connection, Role, Status
from shared.app.world import World
from shared.core.errors import GrantDeadError, OverLimitError, SyncError
from shared.core.model import Appointment, Event
from shared.core.policy import Mode
from shared.core.window import instants
from shared.ports import CalendarService, GoneError

CALENDARS_MAX = 20
"""Calendars that one answer lists."""
PAGES_MAX = 4
"""Of one calendar: 10,000 events."""


@dataclass(frozen=True)
class Listed:
    """One calendar within the span. `problem`: why it could not be read, or not to its end."""

    calendar: Calendar
    events: list[Event] = field(default_factory=list, repr=False)
    problem: str | None = None


@dataclass(frozen=True)
class SpanRead:
    """[`start`, `end`) of a connection's time."""

    connection: Connection
    start: datetime
    end: datetime
    rows: list[Appointment] = field(default_factory=list, repr=False)
    """Appointments and blocks of the EHR that overlap it, and those that have no start."""
    rows_problem: str | None = None
    listed: list[Listed] = field(default_factory=list)
    standing: str | None = None
    """Why the connection itself cannot say anything of the calendars."""

    @property
    def problems(self) -> list[str]:
        """What keeps any of it from being told."""
        told = [self.rows_problem, self.standing, *(each.problem for each in self.listed)]
        return [each for each in told if each is not None]

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """A point counts where it lies."""
        return start < self.end and (self.start < end or self.start <= start)


def read_span(
    world: World, connection: Connection, start: datetime, end: datetime, *, granted: bool
) -> SpanRead:
    """At most CALENDARS_MAX calendars of PAGES_MAX pages each, and one search of the EHR.

    `granted`: whether other calendars of the account may be read. Nothing is raised: what cannot be read is
    said.
    """
    read = SpanRead(connection, start, end, standing=_standing(world, connection, granted=granted))
    rows, rows_problem = _rows(world, read)
    stands_still = connection.status is not Status.ACTIVE or connection.settings.mode is Mode.OFF
    listed = [] if stands_still else list(_listed(world, read))
    return SpanRead(connection, start, end, rows, rows_problem, listed, read.standing)


# --- reading ----------------------------------------------------------------------------------------------


def _standing(world: World, connection: Connection, *, granted: bool) -> str | None:
    if connection.status is not Status.ACTIVE:
        return str(connection.status.value)
    if connection.settings.mode is Mode.OFF:
        return str(Mode.OFF.value)
    if connection.pause_until is not None and connection.pause_until > world.clock.now():
        return "google_rate_limit"
    return None if granted else "external_calendars_not_granted"


def _rows(world: World, read: SpanRead) -> tuple[list[Appointment], str | None]:
    practitioner, zone = read.connection.practitioner, read.connection.settings.zone
    try:
        ehr = world.ehr(read.connection.practice)
        rows = ehr.scan(practitioner, read.start - LASTS_AT_MOST, read.end)
    except SyncError as error:
        return [], error.reason
    own = [row for row in rows if practitioner in row.practitioner_ids]
    return [row for row in own if row.when is None or read.overlaps(*instants(row.when, zone))], None


def _listed(world: World, read: SpanRead) -> Iterator[Listed]:
    """Each calendar that takes part; once the account is over a limit nobody asks any more."""
    stop = read.standing if read.standing == "google_rate_limit" else None
    service: CalendarService | None = None
    for number, calendar in enumerate(_taking_part(world, read.connection)):
        if stop is None and number >= CALENDARS_MAX:
            stop = "too_many_calendars"
        if stop is not None:
            yield Listed(calendar, problem=stop)
            continue
        try:
            service = service or world.calendars(read.connection, paced=False)
            yield _list(service, calendar, read)
        except (OverLimitError, GrantDeadError) as error:
            if isinstance(error, GrantDeadError):
                grant_died(world, read.connection)
            stop = error.reason
            yield Listed(calendar, problem=stop)
        except GoneError:
            ours = calendar.role is Role.APPOINTMENTS
            yield Listed(calendar, problem="calendar_missing" if ours else "external_calendar_unreadable")
        except SyncError as error:
            yield Listed(calendar, problem=error.reason)


def _taking_part(world: World, connection: Connection) -> list[Calendar]:
    """The appointments calendar first, once it is made."""
    account = world.keys.account(connection.sub)
    ours = [
        calendar
        for calendar in calendars_of(world, connection.key)
        if calendar.account == account and not calendar.leaving and calendar.calendar_id is not None
    ]
    return sorted(ours, key=lambda calendar: (calendar.role is not Role.APPOINTMENTS, calendar.key))


def _list(service: CalendarService, calendar: Calendar, read: SpanRead) -> Listed:
    assert calendar.calendar_id is not None
    page: str | None = None
    events: list[Event] = []
    for _ in range(PAGES_MAX):
        found = service.occurrences(
            calendar.calendar_id, read.start - DAYS_APART, read.end + DAYS_APART, page=page
        )
        events += _within(found.events, read)
        page = found.next_page
        if page is None:
            return Listed(calendar, events)
    return Listed(calendar, events, "too_many_events")


def _within(events: Sequence[Event], read: SpanRead) -> list[Event]:
    zone = read.connection.settings.zone
    living = [event for event in events if not event.cancelled]
    return [event for event in living if event.when is None or read.overlaps(*instants(event.when, zone))]
