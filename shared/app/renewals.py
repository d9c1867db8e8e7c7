"""What comes due by the clock: looks, polls, and calendars that nobody has seen to. Every minute, by slots.

A run takes the slots of its minute and of the two before it, and names every task by slot and minute: a run
that comes twice does nothing, one that was missed is made good. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.app import notices
from shared.app.items import chunks
from shared.app.jobs import CalendarTask, FeedTask, LooksTask, NoticeTask, named
from shared.app.records import LOOK_SLOTS, POLL_SLOTS, Calendar, calendar_of
from shared.ports import Documents, Queue, Tasks, Where

MINUTES_BACK = 2
"""So many missed runs are made good."""
SLOT_MAX = 2_000
"""Calendars looked at in one slot; what is beyond it is looked at by nobody, so it is said."""
DUE_MAX = 2_000
"""Calendars that are due, in one run; the others are due in the next."""
NOTICES_MAX = 500
"""Notices told in one run; the others in the next."""
LOOKS_MAX = 50
"""Calendars in one task."""


@dataclass(frozen=True)
class Renewed:
    """What a run asked for; a name that was taken counts too."""

    looks: int
    """Calendars to be looked at."""
    polls: int
    """Practices to be read."""
    due: int
    """Calendars with something to be done."""
    full: bool
    """A bound was met."""
    notices: int = 0
    """That the EHR is to be told of."""


@dataclass(frozen=True)
class Every:
    """Minutes from one to the next: divisors of LOOK_SLOTS and POLL_SLOTS."""

    look: int = LOOK_SLOTS
    poll: int = POLL_SLOTS


def renew(
    documents: Documents, tasks: Tasks, now: datetime, practices: frozenset[str], every: Every = Every()
) -> Renewed:
    """Ask for everything that is due. `practices`: those that are served.

    Raises RetryableError and BlockedError of the store and the queue: the next run makes it good.
    """
    minute = int(now.timestamp() // 60)
    minutes = range(minute - MINUTES_BACK, minute + 1)
    looks, full = 0, False
    for at, slot in _turns(minutes, every.look, LOOK_SLOTS):
        found = _looks(documents, tasks, at, slot)
        looks, full = looks + found, full or found >= SLOT_MAX
    polls = sum(
        _polls(documents, tasks, at, slot, practices) for at, slot in _turns(minutes, every.poll, POLL_SLOTS)
    )
    due, told = _due(documents, tasks, now), _notices(documents, tasks, now)
    return Renewed(looks, polls, due, full or due >= DUE_MAX or told >= NOTICES_MAX, told)


def _turns(minutes: range, every: int, slots: int) -> Iterator[tuple[int, int]]:
    """Minute and slot, of every slot that has its turn in these minutes."""
    for minute in minutes:
        yield from ((minute, slot) for slot in range(slots) if slot % every == minute % every)


def _looks(documents: Documents, tasks: Tasks, minute: int, slot: int) -> int:
    found = documents.find("calendars", Where("look_slot", "==", slot), limit=SLOT_MAX)
    for number, some in enumerate(chunks([document.id for document in found], LOOKS_MAX)):
        tasks.enqueue(named(LooksTask(tuple(some)), f"looks-{minute}-{slot}-{number}"))
    return len(found)


def _polls(documents: Documents, tasks: Tasks, minute: int, slot: int, practices: frozenset[str]) -> int:
    found = documents.find("practices", Where("poll_slot", "==", slot))
    served = [document.id for document in found if document.id in practices]
    for practice in served:
        tasks.enqueue(named(FeedTask(practice), f"poll-{minute}-{practice}"))
    return len(served)


def _due(documents: Documents, tasks: Tasks, now: datetime) -> int:
    found = documents.find("calendars", Where("due_at", "<=", now), order_by="due_at", limit=DUE_MAX)
    for document in found:
        calendar = calendar_of(document)
        assert calendar.due_at is not None
        name = f"due-{calendar.key}-{int(calendar.due_at.timestamp())}-{int(now.timestamp() // 3600)}"
        tasks.enqueue(named(CalendarTask(calendar.key, queue=_queue(calendar, now)), name))
    return len(found)


def _notices(documents: Documents, tasks: Tasks, now: datetime) -> int:
    found = notices.due(documents, now, NOTICES_MAX)
    for notice in found:
        assert notice.send_at is not None
        name = f"notice-{notice.id}-{int(notice.send_at.timestamp())}-{int(now.timestamp() // 3600)}"
        tasks.enqueue(named(NoticeTask(notice.id), name))
    return len(found)


def _queue(calendar: Calendar, now: datetime) -> Queue:
    """Whatever is a pass, or what a pass has left to be done, is bulk work."""
    passes = calendar.usable_cursor is None or (calendar.pass_at is not None and calendar.pass_at <= now)
    return Queue.BULK if passes or calendar.in_pass else Queue.LIVE
