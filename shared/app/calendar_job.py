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
from enum import Enum

from shared.app.accounts import let_go, pause, take
from shared.app.appointments_calendar import ensure_calendar
from shared.app.cases import Case
from shared.app.channels import channel_due, renew_channel
from shared.app.connections import grant_died
from shared.app.gather import Gathered, Gatherer
from shared.app.items import Items
from shared.app.records import (
    CURSOR_FORMAT,
    Calendar,
    Connection,
    Lease,
    Progress,
    calendar_data,
    calendar_of,
    calendar_path,
    connection_of,
    connection_path,
    item_data,
    items_path,
)
from shared.app.render import Renderer
from shared.app.settle import Counts, Settler, kept
from shared.app.tools import Tools
from shared.app.world import World
from shared.core.errors import (
    BlockedError,
    GrantDeadError,
    OverLimitError,
    RetryableError,
    StaleError,
    SyncError,
)
from shared.core.identity import slot
from shared.core.item import Item
from shared.ports import (
    COMMIT_WRITES_MAX,
    CursorLostError,
    EventPage,
    Expect,
    GoneError,
    Put,
    Queue,
)

LEASE_TRIES = 3
BUSY_SECONDS = 2
BUSY_BULK_SECONDS = 20
ACCOUNT_TAKEN_SECONDS = (5, 20)
"""Another bulk job has the account: when to come again, at random, for several may be waiting."""
FAILURES_IN_A_ROW = 3
"""Retryable failures after which a slice ends: it is not the item."""
SAFE_SHARE = 5 / 6
"""Nothing is written in the last sixth of a lease."""
STAMP_EVERY = timedelta(hours=1)
NO_CURSOR_SECONDS = 60
"""A complete listing ended without a cursor: when to list again."""


class State(Enum):
    IDLE = "idle"
    """Nothing new; nothing was written."""
    DONE = "done"
    BUSY = "busy"
    """Another job has the calendar: come again with what was asked."""
    MORE = "more"
    """There is more to do."""


@dataclass(frozen=True)
class Outcome:
    state: State
    again_at: datetime | None = None
    """When the calendar wants its next job; None: when something happens."""
    look: bool = False
    """That job has to look."""
    pass_due: bool = False
    """A complete pass is wanted, which a bulk job has to make."""
    counts: Counts = field(default_factory=Counts)
    orphans: int = 0


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
        outcome = job.run()
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
    version: str = ""
    """Of the calendar document as read or last saved: the fence against a second job."""

    def run(self) -> Outcome | None:
        """None: somebody wrote the calendar document since it was read."""
        calendar, connection = self._load()
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
            self.pause_account(connection, error.after_seconds)
            raise
        except GrantDeadError:
            grant_died(self.world, connection)
            raise
        except BlockedError as error:
            self._note(error)
            raise

    def busy(self, seconds: float | None = None) -> Outcome:
        if seconds is None:
            seconds = BUSY_BULK_SECONDS if self.bulk else BUSY_SECONDS
        return Outcome(State.BUSY, self.world.clock.now() + timedelta(seconds=seconds), look=self.look)

    def pause_account(self, connection: Connection, seconds: float | None) -> None:
        wait = seconds or self.world.limits.pause_seconds
        pause(self.world, connection.sub, wait * (1 + self.world.chance() / 4))

    # --- before the lease ---

    def _load(self) -> tuple[Calendar, Connection]:
        path = calendar_path(self.key)
        document = self.world.documents.get(path).get(path)
        if document is None:
            raise BlockedError("no_such_calendar")
        self.version = document.version
        calendar = calendar_of(document)
        path = connection_path(calendar.connection)
        return calendar, connection_of(self.world.documents.get(path)[path])

    def _waits(self, calendar: Calendar, connection: Connection) -> Outcome | None:
        """Why the calendar is left alone for now, if it is."""
        now = self.world.clock.now()
        if not (connection.moves and calendar.active):
            return Outcome(State.IDLE)
        if calendar.missing:
            raise BlockedError("calendar_missing")
        if connection.pause_until is not None and connection.pause_until > now:
            return self.busy((connection.pause_until - now).total_seconds())
        if calendar.lease is not None and calendar.lease.until > now:
            return self.busy()
        return Outcome(State.IDLE) if now < self._rests_until(calendar) else None

    def _rests_until(self, calendar: Calendar) -> datetime:
        """A calendar whose jobs die one after the other is tried less and less often."""
        limits = self.world.limits
        over = calendar.lapses + 1 - limits.lapses_max
        if over < 0 or calendar.lease is None:
            return datetime.min.replace(tzinfo=UTC)
        rest = min(limits.rest_seconds * 2 ** min(over, 10), limits.rest_seconds_max)
        return calendar.lease.until + timedelta(seconds=rest)

    def _work(self, calendar: Calendar, connection: Connection) -> Outcome | None:
        work = _Slice(self, calendar, connection)
        whole, gathered = self._wants_everything(calendar, connection), None
        try:
            if whole and not self.bulk and calendar.usable_cursor is None:
                return Outcome(State.IDLE, pass_due=True)
            if not (whole and self.bulk):
                page = self._look(work)
                if self._nothing_to_do(calendar, page):
                    self._stamp(calendar, page)
                    return Outcome(State.IDLE, again_at=_earliest(calendar.retry_at), pass_due=whole)
                gathered = work.gatherer().changes(page, self.ids, take_up=self.takes_up(calendar))
        except CursorLostError:
            if not self.bulk:
                noted = self._saves(replace(calendar, pass_at=self.world.clock.now()))
                return Outcome(State.IDLE, pass_due=True) if noted else None
        except GoneError:
            if not self._saves(replace(calendar, missing=True)):
                return None
            raise BlockedError("calendar_missing") from None
        except StaleError:
            return None
        try:
            work.take_lease(gathered)
        except StaleError:
            return None
        outcome = self._under_lease(work, gathered)
        return replace(outcome, pass_due=outcome.pass_due or (whole and not self.bulk))

    def takes_up(self, calendar: Calendar) -> bool:
        """What a pass has found is the bulk jobs' to work through, at their pace."""
        return self.bulk or not calendar.in_pass

    def _wants_everything(self, calendar: Calendar, connection: Connection) -> bool:
        if self.everything or calendar.epoch != connection.epoch or calendar.usable_cursor is None:
            return True
        return calendar.pass_at is not None and calendar.pass_at <= self.world.clock.now()

    def _look(self, work: _Slice) -> EventPage | None:
        """The first page of the delta; None: no look was asked for. Raises CursorLostError, GoneError."""
        calendar = work.calendar
        if not self.look or calendar.usable_cursor is None:
            return None
        assert calendar.calendar_id is not None
        return work.service.events(calendar.calendar_id, cursor=calendar.usable_cursor, page=None)

    def _nothing_to_do(self, calendar: Calendar, page: EventPage | None) -> bool:
        now = self.world.clock.now()
        due = calendar.retry_at is not None and calendar.retry_at <= now and self.takes_up(calendar)
        news = page is not None and has_news(page)
        return not (self.ids or due or news or channel_due(calendar, self.world.push, now))

    def _stamp(self, calendar: Calendar, page: EventPage | None) -> None:
        """An idle look is worth a write once an hour, or where the record says otherwise."""
        now = self.world.clock.now()
        stamped = stamp(calendar, page.cursor if page else None, now)
        if calendar.problem is not None or (calendar.due_at is not None and calendar.due_at <= now):
            due_at = next_due(calendar, now, self.world.limits.soon_seconds)
            stamped = replace(stamped or calendar, problem=None, due_at=due_at)
        if stamped is not None:
            self.save(stamped)

    def _saves(self, calendar: Calendar) -> bool:
        """False: somebody wrote the document since it was read."""
        try:
            self.save(calendar)
        except StaleError:
            return False
        return True

    def _note(self, error: SyncError) -> None:
        """Say in the calendar's document why nothing moves. Best effort: whoever writes it knows more."""
        with contextlib.suppress(SyncError):
            calendar, _ = self._load()
            if calendar.problem != error.reason and calendar.lease is None:
                self.save(replace(calendar, problem=error.reason))

    # --- under the lease ---

    def _under_lease(self, work: _Slice, gathered: Gathered | None) -> Outcome:
        now = self.world.clock.now()
        try:
            return work.run(gathered)
        except CursorLostError:
            work.give_up(pass_at=now)
            return Outcome(State.MORE, again_at=now, look=True)
        except GoneError:
            work.give_up(missing=True)
            raise BlockedError("calendar_missing") from None
        except (RetryableError, BlockedError) as error:
            pass_at = now if gathered is None else work.calendar.pass_at
            work.give_up(pass_at=pass_at, problem=error.reason)
            raise
        except StaleError:  # the lease is not ours any more: another job goes on
            return self.busy()

    def save(self, calendar: Calendar, items: Iterable[Put] = ()) -> list[str]:
        """Items and the calendar document in one commit; the items' new versions.

        Raises StaleError when the fence has fallen.
        """
        put = Put(calendar_path(self.key), calendar_data(calendar), self.version)
        *versions, self.version = self.world.documents.commit([*items, put])
        return versions


class _Slice:
    """The work of one job while it holds the lease."""

    def __init__(self, job: _Job, calendar: Calendar, connection: Connection) -> None:
        world = job.world
        self.job, self.world = job, world
        self.calendar, self.connection = calendar, connection
        self.service = world.calendars(connection, paced=job.bulk)
        self.ehr = world.ehr(connection.practice)
        self.renderer = Renderer(world.keys, connection.settings, connection.practitioner)
        self.started = world.clock.now()
        self._unsaved: dict[str, Put] = {}
        self._flushed_open = False
        self._pass_follows = False

    def tools(self) -> Tools:
        return Tools(self.world, self.connection, self.calendar, self.service, self.ehr, self.renderer)

    def gatherer(self) -> Gatherer:
        return Gatherer(self.tools(), self.world.clock.now())

    def take_lease(self, gathered: Gathered | None) -> None:
        """With it the new items are written down. Raises StaleError: the document was written since."""
        now, limits = self.world.clock.now(), self.world.limits
        self.calendar = replace(
            self.calendar,
            lease=Lease(self.world.new_id(), now + timedelta(seconds=limits.lease_seconds)),
            lapses=self.calendar.lapses + (self.calendar.lease is not None),
            due_at=now + timedelta(seconds=limits.soon_seconds),
        )
        self._write_down(gathered.cases if gathered else [])

    def run(self, gathered: Gathered | None) -> Outcome:
        """`gathered` None: a complete pass."""
        whole = gathered is None
        if gathered is None:
            if self.calendar.calendar_id is None:
                ensure_calendar(self.world, self.calendar, self.connection, self.service, self._save)
            gathered = self.gatherer().everything()
            self.calendar = replace(self.calendar, progress=Progress(0, len(gathered.cases)))
            self._write_down(gathered.cases)
        self._pass_follows = gathered.pass_wanted
        settler = Settler(self.tools())
        self._settle(gathered.cases, settler, whole=whole)
        if settler.over_limit:
            self.job.pause_account(self.connection, settler.stop_after)
        else:
            self._keep_channel()
        return self._end(gathered, settler, whole=whole)

    def _keep_channel(self) -> None:
        push = self.world.push
        if push is not None and channel_due(self.calendar, push, self.world.clock.now()):
            self._flush(keep=0)  # what is settled is not at the mercy of one more call
            self.calendar = renew_channel(self.world, push, self.calendar, self.service, self._save)

    def _write_down(self, cases: list[Case]) -> None:
        """Save what must not be forgotten, as something to be taken up, and with it the lease."""
        first = [case for case in cases if case.to_be_written_down()]
        for some in batched_cases(first, COMMIT_WRITES_MAX - 1) or [[]]:
            for case in some:
                item = kept(case, retry_at=self.started, tries=case.item.tries)
                case.item = replace(item, carrying=case.met_deleted() or item.carrying)
            versions = self._save(self.calendar, [self._put(case.item, case.version) for case in some])
            for case, version in zip(some, versions, strict=True):
                case.stored, case.version = case.item, version

    def give_up(
        self, *, pass_at: datetime | None = None, missing: bool = False, problem: str | None = None
    ) -> None:
        """Let the lease go without a step forward; what was saved stays."""
        calendar = replace(
            self.calendar, lease=None, lapses=0, pass_at=pass_at, missing=missing, problem=problem
        )
        with contextlib.suppress(StaleError, RetryableError):  # else it runs out by itself
            self.job.save(calendar)

    # --- settle ---

    def _settle(self, cases: list[Case], settler: Settler, *, whole: bool) -> None:
        in_a_row = 0
        cases.sort(key=_was_open)  # what just happened is not to wait for what has waited
        for index, case in enumerate(cases):
            if settler.stop_after is not None or in_a_row >= FAILURES_IN_A_ROW or self._time_is_up():
                self._postpone(cases[index:])
                return
            failed = settler.counts.retried
            self._store(case, settler.settle(case))
            self._pass_follows |= bool(case.extras)  # nothing else would bring them again
            in_a_row = in_a_row + 1 if settler.counts.retried > failed else 0
            if whole or _was_open(case):
                self._advance()
            if len(self._unsaved) >= self.world.limits.flush_items:
                self._flush(keep=0)

    def _time_is_up(self) -> bool:
        limits = self.world.limits
        budget = limits.lease_seconds * min(limits.slice_share, SAFE_SHARE)
        if self.job.bulk:
            budget = min(budget, limits.bulk_slice_seconds)
        return (self.world.clock.now() - self.started).total_seconds() >= budget

    def _postpone(self, cases: list[Case]) -> None:
        """Keep what was read of the rest as seen; the next job takes it up."""
        now = self.world.clock.now()
        for case in cases:
            if case.item.aside is None or case.item.retry_at is None:
                self._store(case, kept(case, retry_at=now, tries=case.item.tries))
            self._pass_follows |= bool(case.extras)

    def _advance(self) -> None:
        progress = self.calendar.progress
        if progress is not None and progress.done < progress.total:
            self.calendar = replace(self.calendar, progress=replace(progress, done=progress.done + 1))

    # --- save ---

    def _store(self, case: Case, item: Item) -> None:
        if item != case.stored:
            put = self._put(item, case.version)
            self._unsaved[put.path] = put

    def _put(self, item: Item, version: str | None) -> Put:
        path = f"{items_path(self.calendar.key)}/{item.k}"
        data = item_data(item, self.calendar, self.connection.practice, self.world.clock.now())
        return Put(path, data, Expect.ABSENT if version is None else version)

    def _flush(self, *, keep: int) -> None:
        """Save items until at most `keep` are unsaved."""
        while len(self._unsaved) > keep:
            some = list(self._unsaved)[: COMMIT_WRITES_MAX - 1]
            self._save(self.calendar, [self._unsaved[path] for path in some])
            for path in some:
                self._flushed_open |= "retry_at" in self._unsaved.pop(path).data

    def _save(self, calendar: Calendar, items: Iterable[Put] = ()) -> list[str]:
        if self.world.clock.now() >= self._lease_until():
            raise StaleError("lease_over")
        versions = self.job.save(calendar, items)
        self.calendar = calendar  # only now: giving up must not save a cursor whose items were not
        return versions

    def _end(self, gathered: Gathered, settler: Settler, *, whole: bool) -> Outcome:
        """The last items and, in the same commit, the cursor with the lease let go."""
        self._flush(keep=COMMIT_WRITES_MAX - 1)
        now = self.world.clock.now()
        cursor = gathered.cursor
        retry_at = self._next_open()
        pass_at = self._next_pass(gathered, now, whole=whole)
        calendar = replace(
            self.calendar,
            cursor=cursor or self.calendar.cursor,
            cursor_format=CURSOR_FORMAT if cursor else self.calendar.cursor_format,
            pass_at=pass_at,
            passed_at=self.started if whole else self.calendar.passed_at,
            checked_at=now if whole or cursor else self.calendar.checked_at,
            retry_at=retry_at,
            epoch=self.connection.epoch if whole else self.calendar.epoch,
            progress=self._progress(retry_at, now),
            lease=None,
            lapses=0,
            problem=None,
        )
        calendar = replace(calendar, due_at=next_due(calendar, now, self.world.limits.soon_seconds))
        self._save(calendar, self._unsaved.values())
        goes_on = retry_at if self.job.takes_up(calendar) else None
        again_at = _earliest(goes_on, pass_at, now if settler.look_wanted else None)
        if again_at is not None and settler.stop_after is not None:
            again_at = max(again_at, now + timedelta(seconds=settler.stop_after))
        state = State.MORE if again_at is not None and again_at <= now else State.DONE
        return Outcome(
            state, again_at, look=settler.look_wanted, counts=settler.counts, orphans=gathered.orphans
        )

    def _progress(self, retry_at: datetime | None, now: datetime) -> Progress | None:
        """A pass is at its end when nothing that it found is left to be begun."""
        progress = self.calendar.progress
        at_rest = retry_at is None or retry_at > now
        return replace(progress, done=progress.total) if progress and at_rest else progress

    def _lease_until(self) -> datetime:
        lease = self.calendar.lease
        assert lease is not None
        return lease.until

    def _next_pass(self, gathered: Gathered, now: datetime, *, whole: bool) -> datetime | None:
        if gathered.listed and gathered.cursor is None:
            return now + timedelta(seconds=NO_CURSOR_SECONDS)
        if self._pass_follows:
            last = self.started if whole else self.calendar.passed_at
            every = timedelta(seconds=self.world.limits.passes_seconds)
            return max(now, last + every) if last else now
        return self._tomorrow(now) if whole else self.calendar.pass_at

    def _tomorrow(self, now: datetime) -> datetime:
        """Daily, and spread: who began at the same time drifts apart."""
        spread = timedelta(minutes=slot(self.calendar.key, 120) - 60)
        return now + timedelta(seconds=self.world.limits.daily_seconds) + spread

    def _next_open(self) -> datetime | None:
        """When the first open item is due, of those stored and those about to be."""
        unsaved = [put.data.get("retry_at") for put in self._unsaved.values()]
        waiting = [at for at in unsaved if isinstance(at, datetime)]
        if self.calendar.retry_at is not None or self._flushed_open:
            waiting += Items(self.world.documents, self.calendar).next_open(besides=set(self._unsaved))
        return min(waiting, default=None)


def batched_cases(cases: list[Case], size: int) -> list[list[Case]]:
    return [cases[start : start + size] for start in range(0, len(cases), size)]


def _was_open(case: Case) -> bool:
    return case.stored is not None and case.stored.retry_at is not None


def has_news(page: EventPage) -> bool:
    """Whether the first page of a delta asks for a job."""
    return bool(page.events or page.next_page or page.cursor is None)


def stamp(calendar: Calendar, cursor: str | None, now: datetime) -> Calendar | None:
    """The calendar as an idle look leaves it; None: that is not worth a write yet."""
    recent = calendar.checked_at is not None and now - calendar.checked_at < STAMP_EVERY
    return None if cursor is None or recent else replace(calendar, checked_at=now, cursor=cursor)


def next_due(calendar: Calendar, now: datetime, soon_seconds: float) -> datetime | None:
    """When somebody is to see to the calendar: what comes soon is in the queue, and found again later."""
    first = _earliest(calendar.retry_at, calendar.pass_at, calendar.renew_at)
    return max(first, now + timedelta(seconds=soon_seconds)) if first else None


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
