"""Local days, and the window of what is taken in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.core.model import When, all_day

LOOK_BACK_DAYS = 30
"""Scans after the first begin at most so many days ago; older items are touched only by their own change."""
ZERO_MINUTES = timedelta(minutes=1)
"""Calendars show no zero-minute event: such an appointment goes out this long."""


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC; where a clock change skips midnight, the first there is."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def instants(when: When, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end as instants; all-day is the local days of `zone` (23 and 25 hours included)."""
    if isinstance(when.start, datetime) and isinstance(when.end, datetime):
        return when.start, when.end
    return midnight(when.start, zone), midnight(when.end, zone)


def whole_days(when: When, zone: ZoneInfo) -> When:
    """A timed span that is exactly local days, as those days; any other as it is."""
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime) or when.end <= when.start:
        return when
    first, last = when.start.astimezone(zone).date(), when.end.astimezone(zone).date()
    exact = midnight(first, zone) == when.start and midnight(last, zone) == when.end
    return all_day(first, last) if exact else when


def at_least_a_minute(when: When) -> When:
    """What a calendar can show of an appointment: a point becomes one minute."""
    if isinstance(when.start, datetime) and when.start == when.end:
        return When(when.start, when.start + ZERO_MINUTES)
    return when


@dataclass(frozen=True)
class Window:
    """[`start`, `end`) as instants: what is taken in. What is mapped is followed wherever it moves."""

    start: datetime
    end: datetime

    def takes_in(self, when: When, zone: ZoneInfo) -> bool:
        """Whether it overlaps the window; a point counts where it lies."""
        start, end = instants(when, zone)
        return start < self.end and (end > self.start or start >= self.start)


def window(start_from: date, horizon_days: int, *, now: datetime, zone: ZoneInfo) -> Window:
    """From the day of `start_from` to the end of the day `horizon_days` from today."""
    today = now.astimezone(zone).date()
    return Window(midnight(start_from, zone), midnight(today + timedelta(days=horizon_days + 1), zone))


def scan_window(taken_in: Window, *, now: datetime) -> Window:
    """What a scan after the first reads of a window: not more than LOOK_BACK_DAYS of the past."""
    return Window(max(taken_in.start, now - timedelta(days=LOOK_BACK_DAYS)), taken_in.end)
