"""How many requests a client may make in a minute, and how it is told what is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


class RateLimit:
    """Counts by the minute that the first request began."""

    def __init__(self) -> None:
        self._ends: datetime | None = None
        self._used = 0

    def take(self, now: Callable[[], datetime], limit: int) -> tuple[bool, dict[str, str]]:
        """Whether one more may be made, and the headers of its answer. `limit` a minute; 0: no limit."""
        if not limit:
            return True, {}
        moment = now()
        if self._ends is None or not self._ends - MINUTE <= moment < self._ends:
            self._ends, self._used = moment + MINUTE, 0
        seconds = max(1, round((self._ends - moment).total_seconds()))
        allowed = self._used < limit
        self._used += allowed
        headers = {"RateLimit": f'"requests";r={limit - self._used};t={seconds}'}
        return allowed, headers if allowed else {**headers, "Retry-After": str(seconds)}
