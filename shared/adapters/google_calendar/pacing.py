"""Pacing: a bulk job spaces its calls, so that one account's quota is never used up by it.

Source: developers.google.com/workspace/calendar/api/guides/quota (600 units a minute and user; a patch is 3).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.ports import Clock

UNITS = {"events.patch": 3}
"""Quota units of a call; every other is 1."""


class Pacer:
    """Called before each call: returns once there is room for it. One thread's own."""

    def __init__(self, clock: Clock, units_per_second: float) -> None:
        self._clock = clock
        self._seconds_per_unit = 1 / units_per_second
        self._free_at: datetime | None = None
        """When the calls so far have been paid for."""

    def __call__(self, operation: str) -> None:
        now = self._clock.now()
        free_at = max(now, self._free_at or now)
        if free_at > now:
            self._clock.sleep((free_at - now).total_seconds())
        cost = UNITS.get(operation, 1) * self._seconds_per_unit
        self._free_at = free_at + timedelta(seconds=cost)
