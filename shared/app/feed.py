"""The practice's job: find out once what changed in the EHR, and name it to everyone it concerns.

Only ids are passed on; each calendar reads them itself. The cursor moves last. An EHR that cannot tell what
changed in the whole practice is followed for one practitioner at a time: `follow.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from shared.app.concerned import concerned
from shared.app.notices import NoticeKind, note_once, the_practice
from shared.app.records import (
    Connection,
    Lease,
    Practice,
    connection_of,
    practice_data,
    practice_of,
    practice_path,
)
from shared.app.world import World
from shared.core.errors import BlockedError, RetryableError, StaleError
from shared.core.identity import slot
from shared.core.model import Appointment
from shared.core.window import LOOK_BACK_DAYS
from shared.ports import Capabilities, Ehr, Expect, Listing, Put, Where

CAPABILITIES_KEPT = timedelta(days=1)
"""What an EHR can do is found out again after this."""
HOOKS_ARRIVE = timedelta(days=1)
"""So long after the last hook they are taken to arrive."""
HOOKS_SILENT = timedelta(days=1, hours=1)
"""A day, and the hour for which the last one may not have been noted."""
HOOK_TAKES = timedelta(minutes=1)
"""What changed sooner may have its hook on the way."""
UNREACHABLE = timedelta(hours=1)
OF_THE_EHR = "ehr_"
"""How the reasons begin that its adapter gives."""
POLL = timedelta(minutes=5)
POLLS_AN_HOUR = 12
PAGE = 300
CONNECTIONS_MAX = 100_000
"""Of one practice."""


class Dispatch(Protocol):
    def __call__(self, calendar_key: str, appointment_ids: Sequence[str]) -> None:
        """Have the job of this calendar read these appointments; once more is harmless."""


class Follow(Protocol):
    def __call__(self, connection_key: str) -> None:
        """Have this practitioner's part of the EHR read; once more is harmless."""


@dataclass(frozen=True)
class FeedOutcome:
    rows: int = 0
    dispatched: Mapping[str, int] = field(default_factory=dict)
    """Appointments named to each calendar."""
    complete: bool = True
    """False: another job is at it, or more is there than one job reads; come again."""
    followed: int = 0
    """Practitioners whose part is read by a job of its own."""
    overdue: bool = field(default=False, compare=False)
    """A row changed so long ago that a hook would have told of it."""


def run_feed_job(
    world: World, practice: str, dispatch: Dispatch, follow: Follow | None = None, *, poll: bool = False
) -> FeedOutcome:
    """Find out what changed in a practice. Raises RetryableError and BlockedError.

    Without a cursor it begins now: what was before is read by each calendar's first pass. `follow` None: that
    is left to the next poll. `poll`: nobody said that anything changed.
    """
    try:
        job = _Job(world, dispatch, *_take_lease(world, practice))
    except StaleError:
        return FeedOutcome(complete=False)
    try:
        listing = job.capabilities().listing
        if listing is Listing.PRACTICE:
            job.read()
        if listing is not Listing.WINDOW and (poll or job.record.clients is None):
            job.read_clients()
        job.reached()
        if poll and job.outcome.overdue:
            hooks_are_missed(world, job.record)
        if listing is Listing.PRACTICE or follow is None:
            return job.outcome
        followed = list(_to_follow(world, job.record, poll=poll))
        for key in followed:
            follow(key)
        return replace(job.outcome, followed=len(followed))
    except StaleError:  # the lease ran out and another job has it: it goes on from the last cursor saved
        return replace(job.outcome, complete=False)
    except RetryableError as error:
        job.not_reached(error.reason)
        raise
    except BlockedError as error:
        job.doubt(error)
        job.not_reached(error.reason)
        raise
    finally:
        job.let_go()


@dataclass
class _Job:
    world: World
    dispatch: Dispatch
    record: Practice
    version: str
    outcome: FeedOutcome = field(default_factory=FeedOutcome)
    told: set[str] = field(default_factory=set)

    @property
    def ehr(self) -> Ehr:
        return self.world.ehr(self.record.key)

    def capabilities(self) -> Capabilities:
        """What the EHR can do: as it is kept, or found out anew; if that fails what is kept still holds."""
        now, known = self.world.clock.now(), self.record.capabilities
        found_at = self.record.capabilities_at
        if known is not None and found_at is not None and now - found_at < CAPABILITIES_KEPT:
            return known
        try:
            found = self.ehr.capabilities()
        except (RetryableError, BlockedError):
            if known is None:
                raise
            return known
        self.save(replace(self.record, capabilities=found, capabilities_at=now))
        return found

    def doubt(self, error: BlockedError) -> None:
        """An EHR that does not do what it was found to do is asked again."""
        if error.reason == "ehr_cannot_list_changes":
            self.record = replace(self.record, capabilities_at=None)

    def reached(self) -> None:
        now = self.world.clock.now()
        self.record = replace(self.record, unreached_at=None, read_at=now, problem=None)

    def not_reached(self, reason: str) -> None:
        """Since when is written down with the lease's end; after an hour it is a notice."""
        now, since = self.world.clock.now(), self.record.unreached_at
        self.record = replace(self.record, problem=reason)
        if not reason.startswith(OF_THE_EHR):  # our own queue or store was out
            return
        self.record = replace(self.record, unreached_at=since or now)
        if since is not None and now - since >= UNREACHABLE:
            whom = the_practice(self.record.key)
            note_once(self.world, whom, NoticeKind.EHR_UNREACHABLE, of=f"since-{int(since.timestamp())}")

    def read(self) -> None:
        if self.record.cursor is None:
            self.save(replace(self.record, cursor=self.ehr.cursor_now()))
            return
        for _ in range(self.world.limits.feed_pages_max):
            assert self.record.cursor is not None
            page = self.ehr.changes(self.record.cursor)
            self._tell(page.rows)
            self.save(replace(self.record, cursor=page.cursor))
            if page.complete:
                return
        self.outcome = replace(self.outcome, complete=False)

    def read_clients(self) -> None:
        """Name the appointments of clients that have another name now.

        Left to the daily pass where the EHR cannot tell, and what one job does not come to to the next poll.
        """
        practice, now = self.record.key, self.world.clock.now()
        start = now - timedelta(days=LOOK_BACK_DAYS)
        hide = partial(self.world.keys.patient, practice)
        try:
            if self.record.clients is None:
                self.save(replace(self.record, clients=self.ehr.clients_now()))
                return
            page = self.ehr.clients_changed(self.record.clients, start, hide)
        except BlockedError:
            return
        self._tell([row for row in page.rows if row.id not in self.told])
        if page.cursor != self.record.clients:
            self.save(replace(self.record, clients=page.cursor))

    def _tell(self, rows: Sequence[Appointment]) -> None:
        self.outcome = tell(self.world, self.record.key, rows, self.dispatch, self.outcome)
        self.told.update(row.id for row in rows)

    def save(self, record: Practice) -> None:
        """Raises StaleError: another job has taken the lease."""
        put = Put(practice_path(record.key), practice_data(record), self.version)
        [self.version] = self.world.documents.commit([put])
        self.record = record

    def let_go(self) -> None:
        with contextlib.suppress(StaleError, RetryableError):  # else it runs out by itself
            self.save(replace(self.record, lease=None))


def hooks_are_missed(world: World, record: Practice) -> None:
    """A poll has found what no hook told of: where they used to arrive, it is a notice, one a silence."""
    hooked_at = record.hooked_at
    if hooked_at is not None and world.clock.now() - hooked_at >= HOOKS_SILENT:
        of = f"since-{int(hooked_at.timestamp())}"
        note_once(world, the_practice(record.key), NoticeKind.HOOKS_SILENT, of=of)


def tell(
    world: World,
    practice: str,
    rows: Sequence[Appointment],
    dispatch: Dispatch,
    outcome: FeedOutcome,
    gone: Sequence[str] = (),
) -> FeedOutcome:
    """Name these rows, and the ids of those that are no longer found, to whom they concern; the sum of it."""
    told = dict(outcome.dispatched)
    for key, ids in concerned(world, practice, rows, gone).items():
        dispatch(key, sorted(ids))
        told[key] = told.get(key, 0) + len(ids)
    then = world.clock.now() - HOOK_TAKES
    overdue = outcome.overdue or any(row.changed_at is None or row.changed_at <= then for row in rows)
    return replace(outcome, rows=outcome.rows + len(rows), dispatched=told, overdue=overdue)


def _take_lease(world: World, practice: str) -> tuple[Practice, str]:
    path = practice_path(practice)
    document = world.documents.get(path).get(path)
    record = practice_of(document) if document else Practice(practice)
    now = world.clock.now()
    if record.lease is not None and record.lease.until > now:
        raise StaleError("practice_is_read")
    lease = Lease(world.new_id(), now + timedelta(seconds=world.limits.lease_seconds))
    leased = replace(record, lease=lease)
    put = Put(path, practice_data(leased), document.version if document else Expect.ABSENT)
    return leased, world.documents.commit([put])[0]


def _to_follow(world: World, record: Practice, *, poll: bool) -> Iterator[str]:
    """The connections whose part is to be read now: all; of a poll while hooks arrive a twelfth."""
    now = world.clock.now()
    hooks_arrive = record.hooked_at is not None and now - record.hooked_at < HOOKS_ARRIVE
    for connection in _connections(world, record.key):
        if connection.moves and (not (poll and hooks_arrive) or _has_its_turn(connection.key, now)):
            yield connection.key


def _has_its_turn(key: str, now: datetime) -> bool:
    return slot(key, POLLS_AN_HOUR) == int(now.timestamp() // POLL.total_seconds()) % POLLS_AN_HOUR


def _connections(world: World, practice: str) -> Iterator[Connection]:
    after = None
    for _ in range(CONNECTIONS_MAX // PAGE):
        page = world.documents.find("connections", Where("practice", "==", practice), limit=PAGE, after=after)
        yield from map(connection_of, page)
        if len(page) < PAGE:
            return
        after = page[-1].path
    raise AssertionError("more connections than a practice can have")
