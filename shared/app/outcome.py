"""How a job on a calendar ended, and when the calendar is to be seen to again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from shared.app.records import Calendar
from shared.app.settle import Counts
from shared.ports import EventPage

STAMP_EVERY = timedelta(hours=1)


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


def has_news(page: EventPage) -> bool:
    """Whether the first page of a delta asks for a job."""
    return bool(page.events or page.next_page or page.cursor is None)


def stamp(calendar: Calendar, cursor: str | None, now: datetime) -> Calendar | None:
    """The calendar as an idle look leaves it; None: that is not worth a write yet."""
    recent = calendar.checked_at is not None and now - calendar.checked_at < STAMP_EVERY
    return None if cursor is None or recent else replace(calendar, checked_at=now, cursor=cursor)


def next_due(calendar: Calendar, now: datetime, soon_seconds: float) -> datetime | None:
    """When somebody is to see to the calendar: what comes soon is in the queue, and found again later."""
    first = earliest(calendar.retry_at, calendar.pass_at, calendar.renew_at)
    return max(first, now + timedelta(seconds=soon_seconds)) if first else None


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that are known."""
    return min((moment for moment in moments if moment is not None), default=None)
