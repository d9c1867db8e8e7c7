"""How fast a queue may dispatch just now: its rate, and how it is slowed down after 429 and 503."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

SLOW_MIN = timedelta(seconds=1)
SLOW_MAX = timedelta(minutes=1)
"""Google's own figures are unknown; Retry-After counts where it asks for more."""

_NONE = timedelta(0)
_MICROSECOND = 1e-6  # instants know no less, so `ready_at` may lie that much before its token


def burst_size(dispatches_per_second: float) -> int:
    """What may be dispatched at once after a rest: a second's worth, at least one."""
    return max(1, math.ceil(dispatches_per_second))


class Limits:
    """The token bucket of a queue, and until when its handler's answers hold it back."""

    def __init__(self) -> None:
        self._missing = 0.0
        """Tokens short of a full bucket at `_at`."""
        self._at: datetime | None = None
        self._slow_until: datetime | None = None
        self._slow_step = SLOW_MIN

    def tokens(self, rate: float, now: datetime) -> int:
        """Dispatches possible now, the concurrency aside."""
        if self._slow_until is not None and now < self._slow_until:
            return 0
        return math.floor(burst_size(rate) - self._missing_at(rate, now) + _MICROSECOND * rate)

    def take(self, rate: float, now: datetime, count: int) -> None:
        self._missing = self._missing_at(rate, now) + count
        self._at = now

    def ready_at(self, rate: float, now: datetime) -> datetime:
        """The next instant with a token."""
        short = self._missing_at(rate, now) - (burst_size(rate) - 1)
        ready = now + timedelta(seconds=max(0.0, short) / rate)
        return max(ready, self._slow_until) if self._slow_until else ready

    def slow_down(self, now: datetime, retry_after: timedelta | None) -> None:
        """The handler answered 429 or 503: the whole queue waits, longer each time."""
        self._slow_until = now + max(self._slow_step, retry_after or _NONE)
        self._slow_step = min(2 * self._slow_step, SLOW_MAX)

    def recover(self, now: datetime) -> None:
        """The handler succeeded; what was dispatched before the queue was slowed says nothing."""
        if self._slow_until is None or now >= self._slow_until:
            self._slow_until, self._slow_step = None, SLOW_MIN

    def _missing_at(self, rate: float, now: datetime) -> float:
        passed = (now - self._at).total_seconds() if self._at else 0.0
        return max(0.0, self._missing - max(0.0, passed) * rate)
