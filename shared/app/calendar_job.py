"""The calendar's job: one bounded slice of work on one calendar, under its lease.

    read the calendar document → look, gather → take the lease under the version read → settle → save

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
from datetime import datetime, timedelta
from enum import Enum

from shared.app.appointments_calendar import ensure_calendar
from shared.app.cases import Case
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
from shared.core.errors import BlockedError, RetryableError, StaleError
from shared.core.item import Item
from shared.core.policy import Mode
from shared.ports import (
    COMMIT_WRITES_MAX,
    CursorLostError,
    EventPage,
    Expect,
    GoneError,
    Put,
)

LEASE_TRIES = 3
BUSY_SECONDS = 2
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
    counts: Counts = field(default_factory=Counts)
    orphans: int = 0


def run_calendar_job(
    world: World, calendar_key: str, *, ids: Iterable[str] = (), look: bool = True, everything: bool = False
) -> Outcome:
    """One slice: a look, and/or these appointments; `everything` asks for a complete pass.

    Raises BlockedError (a person must act) and RetryableError (nothing was decided: the same job again).
    """
    job = _Job(world, calendar_key, frozenset(ids), look=look, everything=everything)
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
    version: str = ""
    """Of the calendar document as read or last saved: the fence against a second job."""

    def run(self) -> Outcome | None:
        """None: somebody wrote the calendar document since it was read."""
        calendar, connection = self._load()
        if connection.settings.mode is Mode.OFF:
            return Outcome(State.IDLE)
        if calendar.missing:
            raise BlockedError("calendar_missing")
        if calendar.lease is not None and calendar.lease.until > self.world.clock.now():
            return self.busy()
        work = _Slice(self, calendar, connection)
        gathered = None
        try:
            if not self._wants_everything(calendar):
                page = self._look(work)
                if self._nothing_to_do(calendar, page):
                    self._stamp(calendar, page)
                    return Outcome(State.IDLE, again_at=_earliest(calendar.retry_at, calendar.pass_at))
                gathered = work.gatherer().changes(page, self.ids)
        except CursorLostError:
            gathered = None
        except GoneError:
            self.save(replace(calendar, missing=True))
            raise BlockedError("calendar_missing") from None
        except StaleError:
            return None
        try:
            work.take_lease(gathered)
        except StaleError:
            return None
        return self._under_lease(work, gathered)

    def busy(self) -> Outcome:
        again_at = self.world.clock.now() + timedelta(seconds=BUSY_SECONDS)
        return Outcome(State.BUSY, again_at, look=self.look)

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

    def _wants_everything(self, calendar: Calendar) -> bool:
        if self.everything:
            return True
        if calendar.pass_at is not None and calendar.pass_at <= self.world.clock.now():
            return True
        return calendar.pass_at is None and calendar.usable_cursor is None

    def _look(self, work: _Slice) -> EventPage | None:
        """The first page of the delta; None: no look was asked for. Raises CursorLostError, GoneError."""
        calendar = work.calendar
        if not self.look or calendar.usable_cursor is None:
            return None
        assert calendar.calendar_id is not None
        return work.service.events(calendar.calendar_id, cursor=calendar.usable_cursor, page=None)

    def _nothing_to_do(self, calendar: Calendar, page: EventPage | None) -> bool:
        due = calendar.retry_at is not None and calendar.retry_at <= self.world.clock.now()
        news = page is not None and (page.events or page.next_page or page.cursor is None)
        return not self.ids and not due and not news

    def _stamp(self, calendar: Calendar, page: EventPage | None) -> None:
        """An idle look is worth a write once an hour."""
        now = self.world.clock.now()
        if page is None or (calendar.checked_at is not None and now - calendar.checked_at < STAMP_EVERY):
            return
        self.save(replace(calendar, checked_at=now, cursor=page.cursor))

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
        except (RetryableError, BlockedError):
            work.give_up(pass_at=now if gathered is None else work.calendar.pass_at)
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
        self.service = world.calendars(connection)
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
        until = self.world.clock.now() + timedelta(seconds=self.world.limits.lease_seconds)
        self.calendar = replace(self.calendar, lease=Lease(self.world.new_id(), until))
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
        self._settle(gathered.cases, settler)
        return self._end(gathered, settler, whole=whole)

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

    def give_up(self, *, pass_at: datetime | None = None, missing: bool = False) -> None:
        """Let the lease go without a step forward; what was saved stays."""
        calendar = replace(self.calendar, lease=None, pass_at=pass_at, missing=missing)
        with contextlib.suppress(StaleError, RetryableError):  # else it runs out by itself
            self.job.save(calendar)

    # --- settle ---

    def _settle(self, cases: list[Case], settler: Settler) -> None:
        in_a_row = 0
        for index, case in enumerate(cases):
            if settler.stop_after is not None or in_a_row >= FAILURES_IN_A_ROW or self._time_is_up():
                self._postpone(cases[index:])
                return
            failed = settler.counts.retried
            self._store(case, settler.settle(case))
            self._pass_follows |= bool(case.extras)  # nothing else would bring them again
            in_a_row = in_a_row + 1 if settler.counts.retried > failed else 0
            self._advance()
            if len(self._unsaved) >= self.world.limits.flush_items:
                self._flush(keep=0)

    def _time_is_up(self) -> bool:
        limits = self.world.limits
        budget = limits.lease_seconds * min(limits.slice_share, SAFE_SHARE)
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
            lease=None,
        )
        self._save(calendar, self._unsaved.values())
        again_at = _earliest(retry_at, pass_at, now if settler.look_wanted else None)
        if again_at is not None and settler.stop_after is not None:
            again_at = max(again_at, now + timedelta(seconds=settler.stop_after))
        state = State.MORE if again_at is not None and again_at <= now else State.DONE
        return Outcome(
            state, again_at, look=settler.look_wanted, counts=settler.counts, orphans=gathered.orphans
        )

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
        return None if whole else self.calendar.pass_at

    def _next_open(self) -> datetime | None:
        """When the first open item is due, of those stored and those about to be."""
        unsaved = [put.data.get("retry_at") for put in self._unsaved.values()]
        waiting = [at for at in unsaved if isinstance(at, datetime)]
        if self.calendar.retry_at is not None or self._flushed_open:
            waiting += Items(self.world.documents, self.calendar).next_open(besides=set(self._unsaved))
        return min(waiting, default=None)


def batched_cases(cases: list[Case], size: int) -> list[list[Case]]:
    return [cases[start : start + size] for start in range(0, len(cases), size)]


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
