"""The calendar's job: one bounded slice of work on one calendar, under its lease.

    read the calendar document → look, gather → take the lease under the version read → settle → save

A complete pass is a bulk job's work: it shares the account with other bulk jobs, one at a time and paced. A
live job that finds one due says so and does the rest.

Reading comes before the lease, so that a look that brings nothing writes nothing; the lease is taken under
the version of the document that the look used, so nobody has moved the cursor in between. (A complete pass
reads long: it takes the lease first.) What is new and what was met deleted is written down with the lease,
before anything is made of it on the other side: whoever changes it meanwhile finds it mapped, and our own
deletion is not taken for a person's. Items are saved before the cursor, or with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from shared.app.accounts import let_go, pause, take
from shared.app.channels import channel_due
from shared.app.connections import grant_died
from shared.app.entitlements import is_to_be_told, tell
from shared.app.gathering import Gathered
from shared.app.notices import NoticeKind, note_once
from shared.app.outcome import Outcome, State, earliest, has_news, next_due, stamp
from shared.app.records import (
    Calendar,
    Connection,
    Role,
    Status,
    calendar_of,
    calendar_path,
    connection_of,
    connection_path,
)
from shared.app.removal import conclude
from shared.app.removing import count_blocks, remove_events, without_calendars
from shared.app.slice import Fence, Slice, takes_up
from shared.app.world import World
from shared.core.errors import (
    BlockedError,
    GrantDeadError,
    OverLimitError,
    RetryableError,
    StaleError,
    SyncError,
)
from shared.ports import (
    CursorLostError,
    EventPage,
    GoneError,
    Queue,
)

LEASE_TRIES = 3
BUSY_SECONDS = 2
BUSY_WAITS_SECONDS = (0.05, 0.15, 0.3)
"""How long a live job waits for the calendar before it comes again."""
BUSY_BULK_SECONDS = 20
ACCOUNT_TAKEN_SECONDS = (5, 20)
"""Another bulk job has the account: when to come again, at random, for several may be waiting."""
FAILS_FOR_LONG = timedelta(hours=2)
"""After this an outage is something a person should know."""


def run_calendar_job(
    world: World,
    calendar_key: str,
    *,
    ids: Iterable[str] = (),
    look: bool = True,
    everything: bool = False,
    queue: Queue = Queue.LIVE,
) -> Outcome:
    """One slice: a look, and/or these appointments; `everything` asks for a complete pass (bulk only).

    Raises BlockedError (a person must act) and RetryableError (nothing was decided: the same job again).
    """
    bulk = queue is Queue.BULK
    job = _Job(world, calendar_key, frozenset(ids), look=look, everything=everything and bulk, bulk=bulk)
    for _ in range(LEASE_TRIES):
        outcome = job.run_when_free()
        if outcome is not None:
            return outcome
    return job.busy()


@dataclass
class _Job:
    world: World
    key: str
    ids: frozenset[str]
    look: bool
    everything: bool
    bulk: bool
    met_lease: bool = False
    """Another job had the calendar."""
    fence: Fence = field(init=False)

    def __post_init__(self) -> None:
        self.fence = Fence(self.world, self.key)

    def run_when_free(self) -> Outcome | None:
        """A live job waits a little for one that is about to end: mostly that has an echo to look at."""
        for wait in () if self.bulk else BUSY_WAITS_SECONDS:
            self.met_lease = False
            outcome = self.run()
            if not self.met_lease:
                return outcome
            self.world.clock.sleep(wait)
        return self.run()

    def run(self) -> Outcome | None:
        """None: somebody wrote the calendar document, or the connection, since it was read."""
        calendar, connection = self._load()
        if is_to_be_told(connection, self.world.clock.now()):
            tell(self.world, connection)
            return None
        waits = self._waits(calendar, connection)
        if waits is not None:
            return waits
        return self._one_at_a_time(calendar, connection) if self.bulk else self._told(calendar, connection)

    def _one_at_a_time(self, calendar: Calendar, connection: Connection) -> Outcome | None:
        """The work of a bulk job, while it has the account."""
        holder = self.world.new_id()
        if not take(self.world, calendar.account, holder):
            least, most = ACCOUNT_TAKEN_SECONDS
            return self.busy(least + (most - least) * self.world.chance())
        try:
            outcome = self._told(calendar, connection)
        except Exception:  # a process that is killed lets nothing go
            let_go(self.world, calendar.account, holder)
            raise
        let_go(self.world, calendar.account, holder)
        return outcome

    def _told(self, calendar: Calendar, connection: Connection) -> Outcome | None:
        """The work, and word of what stops more than this job."""
        try:
            return self._work(calendar, connection)
        except OverLimitError as error:
            pause(self.world, connection.sub, error.after_seconds)
            raise
        except GrantDeadError:
            if grant_died(self.world, connection):
                raise
            return None
        except BlockedError as error:
            missing = error.reason == "calendar_missing"
            note_once(self.world, connection, NoticeKind.CALENDAR_MISSING if missing else NoticeKind.FAILING)
            with contextlib.suppress(SyncError):
                self._note(self._load()[0], error.reason)
            raise
        except RetryableError:
            if self._fails_for_long(calendar):
                note_once(self.world, connection, NoticeKind.FAILING)
            raise

    def _fails_for_long(self, calendar: Calendar) -> bool:
        """Nothing was read for hours: an idle look is noted once an hour at least."""
        last = calendar.checked_at
        return last is not None and self.world.clock.now() - last >= FAILS_FOR_LONG

    def busy(self, seconds: float | None = None) -> Outcome:
        if seconds is None:
            seconds = BUSY_BULK_SECONDS if self.bulk else BUSY_SECONDS
        return Outcome(State.BUSY, self.world.clock.now() + timedelta(seconds=seconds), look=self.look)

    # --- before the lease ---

    def _load(self) -> tuple[Calendar, Connection]:
        path = calendar_path(self.key)
        document = self.world.documents.get(path).get(path)
        if document is None:
            raise BlockedError("no_such_calendar")
        self.fence.version = document.version
        calendar = calendar_of(document)
        path = connection_path(calendar.connection)
        return calendar, connection_of(self.world.documents.get(path)[path])

    def _waits(self, calendar: Calendar, connection: Connection) -> Outcome | None:
        """Why the calendar is left alone for now, if it is."""
        now = self.world.clock.now()
        removing = connection.status is Status.REMOVING
        if removing and not self.bulk and calendar.active:
            return Outcome(State.IDLE)  # that is bulk work, and it has its task
        if not ((connection.moves or removing) and calendar.active):
            self._is_not_due(calendar)
            return Outcome(State.IDLE)
        if calendar.missing:
            raise BlockedError("calendar_missing")
        if connection.pause_until is not None and connection.pause_until > now:
            return self.busy((connection.pause_until - now).total_seconds())
        if calendar.is_leased(now):
            self.met_lease = True
            return self.busy()
        if now < self._rests_until(calendar):
            self._note(calendar)
            return Outcome(State.IDLE)
        return None

    def _is_not_due(self, calendar: Calendar) -> None:
        """Nothing moves: else it would be found first among those that are due, for ever."""
        now = self.world.clock.now()
        if calendar.due_at is not None and calendar.due_at <= now and not calendar.is_leased(now):
            self.fence.saves(replace(calendar, due_at=None))

    def _rests_until(self, calendar: Calendar) -> datetime:
        """A calendar whose jobs die one after the other is tried less and less often."""
        limits = self.world.limits
        over = calendar.lapses + 1 - limits.lapses_max
        if over < 0 or calendar.lease is None:
            return datetime.min.replace(tzinfo=UTC)
        rest = min(limits.rest_seconds * 2 ** min(over, 10), limits.rest_seconds_max)
        return calendar.lease.until + timedelta(seconds=rest)

    def _work(self, calendar: Calendar, connection: Connection) -> Outcome | None:
        if connection.status is not Status.REMOVING:
            return self._sync(calendar, connection)
        try:
            if calendar.role is Role.APPOINTMENTS:
                outcome: Outcome | None = remove_events(self.fence, calendar, connection)
            else:
                self.fence.world = without_calendars(self.world)
                outcome = self._sync(count_blocks(self.fence, calendar, connection), connection)
        except StaleError:
            return None
        conclude(self.world, connection.key)
        return outcome

    def _sync(self, calendar: Calendar, connection: Connection) -> Outcome | None:
        work = Slice(self.fence, calendar, connection, bulk=self.bulk)
        whole, gathered = self._wants_everything(calendar, connection), None
        try:
            if whole and not self.bulk and (calendar.leaving or calendar.usable_cursor is None):
                return Outcome(State.IDLE, pass_due=True)
            if not (whole and self.bulk):
                page = self._look(work)
                decided = self.bulk and work.reviewing.has_decisions
                if not decided and self._nothing_to_do(calendar, connection, page):
                    self._stamp(calendar, page)
                    return Outcome(State.IDLE, again_at=calendar.retry_at, pass_due=whole)
                work.take_up_decisions()
                gathered = work.gatherer().changes(page, self.ids, take_up=takes_up(calendar, bulk=self.bulk))
        except CursorLostError:
            if not self.bulk:
                noted = self.fence.saves(replace(calendar, pass_at=self.world.clock.now()))
                return Outcome(State.IDLE, pass_due=True) if noted else None
        except GoneError:
            return self._met_gone(work, calendar)
        except StaleError:
            return None
        try:
            work.take_lease(gathered)
        except StaleError:
            return None
        outcome = self._under_lease(work, gathered)
        return replace(outcome, pass_due=outcome.pass_due or (whole and not self.bulk))

    def _met_gone(self, work: Slice, calendar: Calendar) -> Outcome | None:
        """Ours: nothing moves until it is repaired. Another goes once the account lists it no longer."""
        if calendar.role is Role.APPOINTMENTS:
            self._refute_missing(work)
            if not self.fence.saves(replace(calendar, missing=True)):
                return None
            raise BlockedError("calendar_missing")
        now = self.world.clock.now()
        listed = any(entry.id == calendar.calendar_id for entry in work.service.entries())
        since = calendar.gone_at or now
        sure = not listed and (now - since).total_seconds() >= self.world.limits.gone_seconds
        gone = replace(calendar, gone_at=None if listed else since, problem="external_calendar_unreadable")
        if sure:
            gone = replace(gone, leaving=True, problem="external_calendar_gone", pass_at=now)
        return Outcome(State.IDLE, pass_due=sure) if self.fence.saves(gone) else None

    def _refute_missing(self, work: Slice) -> None:
        """Google says now and then that what is there is not: RetryableError while the account lists it."""
        assert work.calendar.calendar_id is not None
        with contextlib.suppress(GoneError):
            work.service.calendar(work.calendar.calendar_id)
            raise RetryableError("calendar_not_found")

    def _wants_everything(self, calendar: Calendar, connection: Connection) -> bool:
        if self.everything or calendar.leaving or calendar.usable_cursor is None:
            return True
        if calendar.epoch != connection.epoch:
            return True
        return calendar.pass_at is not None and calendar.pass_at <= self.world.clock.now()

    def _look(self, work: Slice) -> EventPage | None:
        """The first page of the delta; None: no look was asked for. Raises CursorLostError, GoneError."""
        calendar = work.calendar
        if not self.look or calendar.usable_cursor is None:
            return None
        assert calendar.calendar_id is not None
        return work.service.events(calendar.calendar_id, cursor=calendar.usable_cursor, page=None)

    def _nothing_to_do(self, calendar: Calendar, connection: Connection, page: EventPage | None) -> bool:
        now = self.world.clock.now()
        due = (
            takes_up(calendar, bulk=self.bulk) and calendar.retry_at is not None and calendar.retry_at <= now
        )
        news = page is not None and has_news(page)
        channel = channel_due(calendar, connection, self.world.push, now)
        return not (self.ids or due or news or channel)

    def _stamp(self, calendar: Calendar, page: EventPage | None) -> None:
        """An idle look is worth a write once an hour, or where the record says otherwise."""
        now = self.world.clock.now()
        stamped = stamp(calendar, page.cursor if page else None, now)
        late = calendar.due_at is not None and calendar.due_at <= now and takes_up(calendar, bulk=self.bulk)
        if late or calendar.problem is not None or calendar.gone_at is not None:
            due_at = next_due(calendar, now, self.world.limits.soon_seconds) if late else calendar.due_at
            stamped = replace(stamped or calendar, problem=None, gone_at=None, due_at=due_at)
        if stamped is not None:
            self.fence.save(stamped)

    def _note(self, calendar: Calendar, problem: str | None = None) -> None:
        """Say in the calendar's document what was not done: why, and that what was named is to be looked for.

        Best effort: whoever writes it meanwhile knows more.
        """
        now = self.world.clock.now()
        noted = replace(
            calendar,
            problem=problem or calendar.problem,
            pass_at=earliest(calendar.pass_at, now) if self.ids else calendar.pass_at,
        )
        if noted != calendar and not calendar.is_leased(now):
            with contextlib.suppress(SyncError):
                self.fence.save(noted)

    # --- under the lease ---

    def _under_lease(self, work: Slice, gathered: Gathered | None) -> Outcome:
        now = self.world.clock.now()
        try:
            return self._run(work, gathered)
        except CursorLostError:  # of a listing from its beginning: in haste it would only say so again
            work.give_up(pass_at=now)
            again_at = now + timedelta(seconds=self.world.limits.retry_seconds)
            return Outcome(State.MORE, again_at=again_at, look=True)
        except GoneError:
            ours = work.calendar.role is Role.APPOINTMENTS
            work.give_up(missing=ours)
            if ours:
                raise BlockedError("calendar_missing") from None
            return self._met_gone(work, replace(work.calendar, lease=None, lapses=0)) or self.busy()
        except (RetryableError, BlockedError) as error:
            pass_at = now if gathered is None else work.calendar.pass_at
            work.give_up(pass_at=pass_at, problem=error.reason)
            raise
        except StaleError:  # the lease is not ours any more: another job goes on
            return self.busy()

    def _run(self, work: Slice, gathered: Gathered | None) -> Outcome:
        try:
            return work.run(gathered)
        except GoneError:
            if work.calendar.role is Role.APPOINTMENTS and work.calendar.calendar_id is not None:
                self._refute_missing(work)
            raise
