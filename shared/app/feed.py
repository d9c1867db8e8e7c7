"""The practice's job: read what changed in the EHR once, and name it to everyone it concerns.

Only ids are passed on; each calendar reads them itself. The cursor moves last.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from shared.app.concerned import concerned
from shared.app.records import Lease, Practice, practice_data, practice_of, practice_path
from shared.app.world import World
from shared.core.errors import RetryableError, StaleError
from shared.ports import Expect, Put


class Dispatch(Protocol):
    def __call__(self, calendar_key: str, appointment_ids: Sequence[str]) -> None:
        """Have the job of this calendar read these appointments; once more is harmless."""


@dataclass(frozen=True)
class FeedOutcome:
    rows: int = 0
    dispatched: Mapping[str, int] = field(default_factory=dict)
    """Appointments named to each calendar."""
    complete: bool = True
    """False: another job is at it, or more is there than one job reads; come again."""


def run_feed_job(world: World, practice: str, dispatch: Dispatch) -> FeedOutcome:
    """Read the changes of a practice since its cursor. Raises RetryableError and BlockedError.

    Without a cursor it begins now: what was before is read by each calendar's first pass.
    """
    try:
        record, version = _take_lease(world, practice)
    except StaleError:
        return FeedOutcome(complete=False)
    ehr = world.ehr(practice)
    rows, dispatched, complete = 0, dict[str, int](), False
    try:
        if record.cursor is None:
            record, complete = replace(record, cursor=ehr.cursor_now()), True
        for _ in range(0 if complete else world.limits.feed_pages_max):
            assert record.cursor is not None
            page = ehr.changes(record.cursor)
            for key, ids in concerned(world, practice, page.rows).items():
                dispatch(key, sorted(ids))
                dispatched[key] = dispatched.get(key, 0) + len(ids)
            record, rows, complete = replace(record, cursor=page.cursor), rows + len(page.rows), page.complete
            version = _save(world, record, version)
            if complete:
                break
    except StaleError:  # the lease ran out and another job has it: it goes on from the last cursor saved
        return FeedOutcome(rows, dispatched, complete=False)
    finally:
        _let_go(world, record, version)
    return FeedOutcome(rows, dispatched, complete)


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


def _save(world: World, record: Practice, version: str) -> str:
    return world.documents.commit([Put(practice_path(record.key), practice_data(record), version)])[0]


def _let_go(world: World, record: Practice, version: str) -> None:
    with contextlib.suppress(StaleError, RetryableError):  # else it runs out by itself
        _save(world, replace(record, lease=None), version)
