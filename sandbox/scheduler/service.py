"""One running sandbox Cloud Scheduler: the schedule behind its lock, and the thread that keeps it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sandbox.exchange import Answer
from sandbox.google.clock import Clock
from sandbox.scheduler.model import Attempt, Schedule

HISTORY_MAX = 10_000
RETRY_COUNT_MAX = 5
DEADLINE_SECONDS_MIN, DEADLINE_SECONDS_MAX = 15, 1800
_WAIT_MIN, _WAIT_MAX = 0.02, 60.0

Json: TypeAlias = dict[str, Any]
Send: TypeAlias = Callable[[datetime, float], Answer]
"""Sends an attempt, given what it is scheduled for and how many seconds it may take."""


@dataclass(frozen=True)
class Settings:
    """What a person or a test may turn; the defaults and the bounds are Cloud Scheduler's."""

    paused: bool = False
    """Nothing is sent but what `tick` sends."""
    retry_count: int = 0
    """How often a run that fails is tried again, beyond its first attempt."""
    attempt_deadline_seconds: float = 180

    def changed(self, data: Json) -> Settings:
        """Raises ValueError naming what is wrong."""
        if unknown := sorted(set(data) - set(asdict(self))):
            raise ValueError(f"unknown: {', '.join(unknown)}; there are: {', '.join(asdict(self))}")
        settings = replace(self, **data)
        if not isinstance(settings.paused, bool):
            raise ValueError("'paused' is true or false")  # noqa: TRY004 - answered with the others
        if type(settings.retry_count) is not int or not 0 <= settings.retry_count <= RETRY_COUNT_MAX:
            raise ValueError(f"'retry_count' is a whole number from 0 to {RETRY_COUNT_MAX}")
        deadline = settings.attempt_deadline_seconds
        if type(deadline) not in (int, float) or not DEADLINE_SECONDS_MIN <= deadline <= DEADLINE_SECONDS_MAX:
            bounds = f"{DEADLINE_SECONDS_MIN} to {DEADLINE_SECONDS_MAX}"
            raise ValueError(f"'attempt_deadline_seconds' is a number from {bounds}")
        return settings


class Service:
    """Safe between threads. `start` begins to keep the schedule; without it only `tick` sends."""

    def __init__(self, schedule: Schedule, send: Send, clock: Clock) -> None:
        self.clock = clock
        self.settings = Settings()
        self._schedule = schedule
        self._send = send
        self._changed = threading.Condition()
        """Held around every use of the schedule; notified when something may be due sooner."""
        self._closed = False
        self._history: deque[Json] = deque(maxlen=HISTORY_MAX)
        self._last = 0

    def change_settings(self, data: Json) -> None:
        """Ticks that went by in a pause are not made up for. Raises ValueError."""
        with self._changed:
            before, self.settings = self.settings, self.settings.changed(data)
            if before.paused and not self.settings.paused:
                self._schedule.skip(self.clock.now())
            self._changed.notify_all()

    def set_clock(self, data: Json) -> None:
        """Raises ValueError."""
        with self._changed:
            before = self.clock.now()
            self.clock.set(data)
            if self.clock.now() < before:
                self._schedule.skip(self.clock.now())
            self._changed.notify_all()

    def history(self, since: int) -> tuple[int, list[Json]]:
        """The number of the last attempt that came to an end, and those after number `since`."""
        with self._changed:
            return self._last, [entry for entry in self._history if entry["number"] > since]

    def tick(self) -> Json:
        """Run the job now, whatever else is under way; blocks until its first attempt came to an end."""
        with self._changed:
            attempt = self._schedule.force(self.clock.now())
        return self._attempt(attempt)

    def start(self) -> None:
        threading.Thread(target=self._loop, name="schedule", daemon=True).start()

    def close(self) -> None:
        """Begin nothing more; attempts under way are left to themselves."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _loop(self) -> None:
        with self._changed:
            while not self._closed:
                if not self.settings.paused:
                    for attempt in self._schedule.begin(self.clock.now()):
                        threading.Thread(target=self._attempt, args=(attempt,), daemon=True).start()
                self._changed.wait(self._wait_seconds())

    def _wait_seconds(self) -> float:
        due = None if self.settings.paused else self._schedule.next_time()
        wait = _WAIT_MAX if due is None else (due - self.clock.now()).total_seconds()
        return min(max(wait, _WAIT_MIN), _WAIT_MAX)

    def _attempt(self, attempt: Attempt) -> Json:
        """Send, then say so to the schedule; the entry of the history."""
        answer = Answer(0, "INTERNAL")  # stays where sending fails by a mistake of ours: the run must end
        sent_at, began = self.clock.now(), time.monotonic()
        try:
            answer = self._send(attempt.scheduled_at, self.settings.attempt_deadline_seconds)
        finally:
            with self._changed:
                entry = self._end(attempt, answer, sent_at, time.monotonic() - began)
                self._changed.notify_all()
        return entry

    def _end(self, attempt: Attempt, answer: Answer, sent_at: datetime, seconds: float) -> Json:
        result = self._schedule.end(
            attempt,
            self.clock.now(),
            succeeded=200 <= answer.status < 300,
            retry_count=self.settings.retry_count,
        )
        self._last += 1
        entry = {
            "number": self._last,
            "scheduled_at": attempt.scheduled_at.isoformat(),
            "attempt": attempt.number,
            "forced": attempt.forced,
            "sent_at": sent_at.isoformat(),
            "status": answer.status,
            "reason": answer.reason,
            "result": result.value,
            "latency_seconds": round(seconds, 6),
        }
        self._history.append(entry)
        return entry
