"""When a job runs, and what becomes of a run: no clock, no chance, no I/O.

A run is a first attempt and its retries; it is open until one succeeds or none is left.

Sources: the comments of google.cloud.scheduler.v1's Job and RetryConfig, and
cloud.google.com/scheduler/docs/configuring/retry-jobs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from sandbox.tasks.retry import Retry

BACKOFF = Retry(min_backoff=timedelta(seconds=5), max_backoff=timedelta(hours=1), max_doublings=5)
"""Of a job that says nothing; how often is another matter."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Result(Enum):
    DONE = "done"
    RETRY = "retry"
    FAILED = "failed"
    """No retry is left: the schedule goes on all the same."""


@dataclass(frozen=True)
class Attempt:
    run: int
    scheduled_at: datetime
    """What the run is for; its retries keep it."""
    number: int = 1
    forced: bool = False
    """By a person or a test, not by the schedule."""


class Schedule:
    """Ticks at the multiples of `every` since 1970, as a cron line does; with zero never by itself."""

    def __init__(self, every: timedelta, now: datetime) -> None:
        self._every = every
        self._over = now
        """Ticks up to here are over, whatever came of them."""
        self._runs = 0
        self._open: set[int] = set()
        self._waiting: list[tuple[datetime, Attempt]] = []
        """Retries, and when they are due."""

    def begin(self, now: datetime) -> list[Attempt]:
        """What is to be sent now: retries, and the last of the ticks that went by unless a run is open."""
        due = [attempt for at, attempt in self._waiting if at <= now]
        self._waiting = [(at, attempt) for at, attempt in self._waiting if at > now]
        tick = self._last_tick(now) if self._every else None
        if tick is not None and tick > self._over:
            self._over = tick
            if not self._open:
                due.append(self._start(tick))
        return due

    def force(self, now: datetime) -> Attempt:
        """A run that waits for nothing. It is said to be for the next tick; where there is none, for now."""
        return self._start(self._last_tick(now) + self._every if self._every else now, forced=True)

    def end(self, attempt: Attempt, now: datetime, *, succeeded: bool, retry_count: int) -> Result:
        """What follows from an answer, or from none. `retry_count`: how often a run is tried again."""
        if succeeded or attempt.number > retry_count:
            self._open.discard(attempt.run)
            return Result.DONE if succeeded else Result.FAILED
        again = replace(attempt, number=attempt.number + 1)
        self._waiting.append((now + BACKOFF.backoff(attempt.number), again))
        return Result.RETRY

    def skip(self, now: datetime) -> None:
        """Go on from now: ticks up to it are over, those after it are to come."""
        self._over = now

    def next_time(self) -> datetime | None:
        """When `begin` is to be asked next; None: not before something ends or is forced."""
        times = [at for at, _ in self._waiting]
        if self._every:
            times.append(self._last_tick(self._over) + self._every)
        return min(times, default=None)

    def _start(self, scheduled_at: datetime, *, forced: bool = False) -> Attempt:
        self._runs += 1
        self._open.add(self._runs)
        return Attempt(self._runs, scheduled_at, forced=forced)

    def _last_tick(self, now: datetime) -> datetime:
        return _EPOCH + (now - _EPOCH) // self._every * self._every
