"""What a connection is at, in words that a front end can show: read, never written."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from shared.app.connect import Connecting
from shared.app.external_state import ExternalState, read_external
from shared.app.feed import HOOKS_ARRIVE
from shared.app.grants import Purpose, StoredGrant, bound_to, grant_of, grant_path
from shared.app.items import OPEN_SERIES_MAX
from shared.app.records import (
    LOOK_SLOTS,
    Calendar,
    Connection,
    Progress,
    Status,
    calendar_of,
    calendar_path,
    connection_of,
    connection_path,
    items_path,
    occurrences_of,
    practice_of,
    practice_path,
    series_path,
)
from shared.app.set_aside import SET_ASIDE_MAX
from shared.app.world import World
from shared.core.errors import BlockedError
from shared.core.policy import Mode
from shared.ports import Documents, Listing, ProtectedBy, Where

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Shown(Enum):
    """One word for all of it; where several would do, the first that asks somebody to act."""

    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    """To be started."""
    SYNCING = "syncing"
    """Everything is being read, the first time or under other settings."""
    IN_SYNC = "in_sync"
    PAUSED = "paused"
    STOPPING = "stopping"
    """A pause or a disconnection waits for a job that runs."""
    RECONNECT_NEEDED = "reconnect_needed"
    FAILING = "failing"
    """The last job came to nothing; it is tried again."""
    CALENDAR_MISSING = "calendar_missing"
    OFF = "off"
    REMOVING = "removing"
    """What we made is being removed; then it is disconnected."""
    LAPSED = "lapsed"
    """The time that was agreed on is over: everything waits."""
    DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class PushState:
    live: bool = False
    until: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True)
class CalendarState:
    """The appointments calendar. `problem`: a code, why the last job came to nothing."""

    ready: bool = False
    """It exists at the calendar service, as far as is known."""
    last_look: datetime | None = None
    """While nothing happens it is noted once an hour."""
    last_full_read: datetime | None = None
    progress: Progress | None = None
    problem: str | None = None
    failing: bool = False
    push: PushState = PushState()
    pending: int = 0
    """Items with something left to be done, those set aside not counted."""
    set_aside: Mapping[str, int] = field(default_factory=dict)
    """How many, by reason."""


@dataclass(frozen=True)
class EhrState:
    """The EHR of the practice, as its job found it."""

    last_read: datetime | None = None
    """When what changed was last asked for; None: never."""
    last_hook: datetime | None = None
    """When it last told us that something changed, give or take an hour."""
    hooks_arrive: bool = False
    listing: Listing | None = None
    """How it tells what changed; None: nobody has found out."""
    protected_by: ProtectedBy | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be. `calendar`: of which; None: of the connection or the EHR."""

    code: str
    calendar: Calendar | None = None


@dataclass(frozen=True, repr=False)
class SyncState:
    status: Shown
    connection: Connection | None = None
    email: str | None = None
    """Of the account; None also where it cannot be opened."""
    external_calendars: bool = False
    """Whether other calendars of the account may be read."""
    calendar: CalendarState = CalendarState()
    external: list[ExternalState] = field(default_factory=list)
    ehr: EhrState = EhrState()
    problems: list[Problem] = field(default_factory=list)
    next_look_by: datetime | None = None
    """None: nobody looks."""

    @property
    def pending(self) -> int:
        return self.calendar.pending

    @property
    def set_aside(self) -> Mapping[str, int]:
        return self.calendar.set_aside


def read_state(world: World, connecting: Connecting, *, practice: str, practitioner: str) -> SyncState:
    """The state of this practitioner's sync, whether there is one or not."""
    key = world.keys.connection(practice, practitioner)
    found = world.documents.get(connection_path(key), grant_path(key))
    if connection_path(key) not in found:
        return SyncState(Shown.NOT_CONNECTED)
    connection = connection_of(found[connection_path(key)])
    grant = grant_of(found[grant_path(key)]) if grant_path(key) in found else None
    calendar = _calendar(world.documents, connection.calendar_key)
    state = state_of(world, connecting, connection, grant, calendar)
    granted = bool(grant and not grant.scopes.isdisjoint(connecting.scopes.external_events))
    external, ehr = read_external(world, connection), _ehr_state(world, practice)
    problems = list(_problems(world, connection, calendar, external, ehr, granted=granted))
    return replace(state, external_calendars=granted, external=external, ehr=ehr, problems=problems)


def state_of(
    world: World,
    connecting: Connecting,
    connection: Connection,
    grant: StoredGrant | None,
    calendar: Calendar | None,
) -> SyncState:
    """Of a connection whose records were read: without its grant nothing is said of the account, and nothing
    of its other calendars and of the EHR.
    """
    key = connection.key
    shown = calendar_state(world, calendar) if calendar else CalendarState()
    return SyncState(
        status=_word(connection, calendar, failing=shown.failing),
        connection=connection,
        email=_email(connecting, key, grant) if grant else None,
        calendar=shown,
        next_look_by=_next_look(connection, calendar, world.clock.now()) if calendar else None,
    )


def _calendar(documents: Documents, key: str) -> Calendar | None:
    path = calendar_path(key)
    document = documents.get(path).get(path)
    return calendar_of(document) if document else None


def _email(connecting: Connecting, key: str, grant: StoredGrant) -> str | None:
    with contextlib.suppress(BlockedError):  # a key that was taken away: what else is known is still true
        return connecting.sealing.open(grant.sealed_email, bound_to(Purpose.GRANT_EMAIL, key))
    return None


def _word(connection: Connection, calendar: Calendar | None, *, failing: bool) -> Shown:
    if connection.status is not Status.ACTIVE:
        return Shown(connection.status.value)
    if connection.settings.mode is Mode.OFF:
        return Shown.OFF
    if calendar is None:
        return Shown.SYNCING
    if calendar.missing:
        return Shown.CALENDAR_MISSING
    if failing:
        return Shown.FAILING
    unread = calendar.passed_at is None or calendar.epoch != connection.epoch
    return Shown.SYNCING if unread or calendar.in_pass else Shown.IN_SYNC


def calendar_state(world: World, calendar: Calendar) -> CalendarState:
    """What its document and its open items say."""
    now = world.clock.now()
    live = [row.expires for row in calendar.channels if row.resource_id is not None and row.expires > now]
    dying = _is_dying(world, calendar)
    pending, set_aside = _open(world.documents, calendar)
    return CalendarState(
        ready=calendar.calendar_id is not None and not calendar.missing,
        last_look=calendar.checked_at,
        last_full_read=calendar.passed_at,
        progress=calendar.progress,
        problem=calendar.problem,
        failing=calendar.problem is not None or dying,
        push=PushState(bool(live), max(live, default=None), calendar.watch_problem),
        pending=pending,
        set_aside=set_aside,
    )


def _is_dying(world: World, calendar: Calendar) -> bool:
    return calendar.lapses + 1 >= world.limits.lapses_max


def _ehr_state(world: World, practice: str) -> EhrState:
    path = practice_path(practice)
    document = world.documents.get(path).get(path)
    if document is None:
        return EhrState()
    record = practice_of(document)
    found = record.capabilities
    return EhrState(
        last_read=record.read_at,
        last_hook=record.hooked_at,
        hooks_arrive=record.hooked_at is not None and world.clock.now() - record.hooked_at < HOOKS_ARRIVE,
        listing=found.listing if found else None,
        protected_by=found.protected_by if found else None,
        problem=record.problem,
    )


def _problems(
    world: World,
    connection: Connection,
    calendar: Calendar | None,
    external: list[ExternalState],
    ehr: EhrState,
    *,
    granted: bool,
) -> Iterator[Problem]:
    """Of the connection, its calendars, the EHR; why a calendar tells of no changes comes last."""
    if connection.status is Status.RECONNECT_NEEDED:
        yield Problem("reconnect_needed")
    elif connection.status in (Status.ACTIVE, Status.PAUSED) and not granted:
        yield Problem("external_calendars_not_granted")
    if connection.pause_until is not None and connection.pause_until > world.clock.now():
        yield Problem("google_rate_limit")
    calendars = [*([calendar] if calendar else []), *(each.calendar for each in external)]
    for each in calendars:
        codes = {"calendar_missing": each.missing, "failing_jobs": _is_dying(world, each)}
        yield from (Problem(code, each) for code, holds in codes.items() if holds)
        if each.problem is not None and not each.missing:
            yield Problem(each.problem, each)
    if ehr.problem is not None:
        yield Problem(ehr.problem)
    yield from (Problem(each.watch_problem, each) for each in calendars if each.watch_problem is not None)


def _open(documents: Documents, calendar: Calendar) -> tuple[int, Mapping[str, int]]:
    """Items left to be done, and those set aside by reason. What is set aside is taken up again too."""
    path, to_be_taken_up = items_path(calendar.key), Where("retry_at", ">=", _LONG_AGO)
    aside = documents.find(path, Where("aside", ">", ""), order_by="aside", limit=SET_ASIDE_MAX)
    waiting = sum("retry_at" in document.data for document in aside)
    pending = max(0, documents.count(path, to_be_taken_up) - waiting)
    series = documents.find(
        series_path(calendar.key), to_be_taken_up, order_by="retry_at", limit=OPEN_SERIES_MAX
    )
    occurrences = [item for document in series for item in occurrences_of(document, calendar)]
    pending += sum(item.retry_at is not None and item.aside is None for item in occurrences)
    reasons = [str(document.data["aside"]) for document in aside]
    return pending, Counter(reasons + [item.aside for item in occurrences if item.aside])


def _next_look(connection: Connection, calendar: Calendar, now: datetime) -> datetime | None:
    """The end of its slot's next minute, or when it is due, if that is sooner."""
    if not (connection.moves and calendar.active) or calendar.missing:
        return None
    begin = max(now, connection.pause_until or now)
    minute = int(begin.timestamp() // 60) + 1
    minute += (calendar.look_slot - minute) % LOOK_SLOTS
    look = datetime.fromtimestamp(minute * 60, UTC) + timedelta(minutes=1)
    return look if calendar.due_at is None else min(look, max(begin, calendar.due_at))
