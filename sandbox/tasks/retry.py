"""When a failed task is tried again, and when it is given up.

Source: cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#retryconfig.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

RETENTION = timedelta(days=31)
"""The longest life of a task, whatever its retries allow."""

_NO_LIMIT = timedelta(0)
_DOUBLINGS_MAX = 64  # a microsecond doubled so often is above every wait


@dataclass(frozen=True)
class Retry:
    """The defaults are those of a queue that says nothing."""

    max_attempts: int = 100
    """The first one included; -1: no limit."""
    max_duration: timedelta = _NO_LIMIT
    """Since the first attempt; zero: no limit."""
    min_backoff: timedelta = timedelta(milliseconds=100)
    max_backoff: timedelta = timedelta(hours=1)
    max_doublings: int = 16

    def backoff(self, failures: int) -> timedelta:
        """The wait after so many failures, of which there is at least one.

        It begins at `min_backoff`, doubles `max_doublings` times, then grows by the step reached, up to
        `max_backoff`: 10 s, 300 s and 3 doublings make 10, 20, 40, 80, 160, 240, 300, 300 …
        """
        doublings = min(failures - 1, self.max_doublings, _DOUBLINGS_MAX)
        steps = max(1, failures - self.max_doublings)
        seconds = self.min_backoff.total_seconds() * 2.0**doublings * steps
        return timedelta(seconds=min(seconds, self.max_backoff.total_seconds()))

    def exhausted(self, attempts: int, first_attempt_at: datetime, now: datetime) -> bool:
        """Both limits must be reached; one that is not set counts as reached, as long as the other is set."""
        if self.max_attempts < 0 and self.max_duration == _NO_LIMIT:
            return False
        attempts_over = self.max_attempts < 0 or attempts >= self.max_attempts
        duration_over = self.max_duration == _NO_LIMIT or now - first_attempt_at >= self.max_duration
        return attempts_over and duration_over
