"""Deletions that wait for a person: when they do, and what becomes of each.

deletions in the calendar, seen for the first time, that would be applied
few                           applied
more than the threshold       all held
while a review is open        all held

held ── confirmed ──► cancelled ── undo ──► undone | changed
├──── restore ───► restored
└ by itself: ended, cancelled or moved in the EHR, back in the calendar ──► left
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from shared.core.model import Kind, Side
from shared.core.policy import Verdict

ANSWERED_WITHIN = timedelta(days=30)
"""What nobody has answered by then is restored."""
UNDONE_WITHIN = timedelta(days=7)


class Standing(Enum):
    """Where a deletion stands."""

    HELD = "held"
    CONFIRMED = "confirmed"
    """Asked for, and on its way: the appointment is to be cancelled."""
    RESTORE = "restore"
    """Asked for, and on its way: the event is to come back."""
    CANCELLED = "cancelled"
    RESTORED = "restored"
    LEFT = "left"
    """It was decided otherwise, by what happened to it."""
    UNDO = "undo"
    """Asked for, and on its way: the cancelled appointment is to be booked again."""
    UNDONE = "undone"
    CHANGED = "changed"
    """Somebody has changed the appointment since: our cancellation is not ours to take back any more."""


ASKED = {Standing.CONFIRMED: Verdict.CONFIRMED, Standing.RESTORE: Verdict.RESTORE}
"""What a person asked for, as the right of the deletion."""
OPEN = frozenset({Standing.HELD, *ASKED})
"""The review is not at its end while one of its deletions stands there."""
PENDING = frozenset({Standing.UNDO, *ASKED})
"""Somebody waits for a job to do it."""


@dataclass(frozen=True)
class Entry:
    """One deletion of a review."""

    k: str
    appointment_id: str
    kind: Kind
    origin: Side
    start: str
    """ISO: an instant in UTC, or a date."""
    end: str
    standing: Standing = Standing.HELD
    code: str = ""
    """The EHR's own word for how the appointment stood before it was cancelled."""
    version: str = ""
    """Of the appointment: as it was shown to whoever confirmed; then the one that our cancellation made."""
    at: datetime | None = None
    """When it came to where it stands."""


def must_wait(first_seen: int, applied_lately: int, threshold: int, *, is_open: bool) -> bool:
    """Whether these deletions wait for a person."""
    return first_seen > 0 and (is_open or first_seen + applied_lately > threshold)


def is_open(entries: Iterable[Entry]) -> bool:
    return any(entry.standing in OPEN for entry in entries)


def can_be_undone(entry: Entry, now: datetime) -> bool:
    return entry.standing is Standing.CANCELLED and entry.at is not None and now - entry.at < UNDONE_WITHIN
