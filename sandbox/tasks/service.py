"""One running sandbox Cloud Tasks: the model behind its lock, and the thread that dispatches what is due."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sandbox.faults import Faults
from sandbox.google.clock import Clock
from sandbox.tasks.model import Dispatch, Model, Outcome
from sandbox.tasks.names import last_part

SENDING_MAX = 100
"""Attempts under way at once, over all queues: each has a thread."""
RUN_ROUNDS_MAX = 1000
RUN_SECONDS = 60.0
HISTORY_MAX = 100_000
_WAIT_MIN, _WAIT_MAX = 0.02, 60.0

Send: TypeAlias = Callable[[Dispatch, bytes], Outcome]
"""Sends an attempt, given its queue's HttpTarget."""


@dataclass
class Settings:
    """What a person or a test may turn."""

    paused: bool = False
    """Nothing is dispatched but what `run` dispatches."""
    duplicates: bool = False
    """Every attempt is sent twice, at the same time."""
    reorder: bool = False
    """What is due at the same time goes in any order."""


class Service:
    """Safe between threads. `start` begins to dispatch; without it only `run` does."""

    def __init__(self, model: Model, send: Send, clock: Clock | None = None, seed: int = 0) -> None:
        self.clock = clock or Clock()
        self.settings = Settings()
        self.faults = Faults()
        self._model = model
        self._send = send
        self._random = random.Random(f"{seed}/tasks")
        self._changed = threading.Condition()
        """Held around every use of the model; notified when something may be due sooner."""
        self._sending = 0
        self._closed = False
        self._history: deque[dict[str, Any]] = deque(maxlen=HISTORY_MAX)
        self._last = 0

    @contextlib.contextmanager
    def using(self) -> Iterator[tuple[Model, datetime]]:
        """The model for the length of the block, and what the clock shows."""
        with self._changed:
            yield self._model, self.clock.now()
            self._changed.notify_all()

    def free_name(self, queue: str) -> str:
        """For a task that was given none; tries again at most as often as there are names taken."""
        with self.using() as (model, now):
            while True:  # a server that goes on from a file has the chance of its earlier life again
                name = f"{queue}/tasks/{self._random.randrange(10**18, 10**19)}"
                if not model.taken(name, now):
                    return name

    def history(self, since: int) -> tuple[int, list[dict[str, Any]]]:
        """The number of the last attempt that came to an end, and those after number `since`."""
        with self._changed:
            return self._last, [entry for entry in self._history if entry["number"] > since]

    # --- dispatching ------------------------------------------------------------------------------------

    def start(self) -> None:
        threading.Thread(target=self._loop, name="dispatcher", daemon=True).start()

    def close(self) -> None:
        """Dispatch nothing more; attempts under way are left to themselves."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def run(self) -> dict[str, Any]:
        """Dispatch all that may be dispatched at this instant, and wait for the answers.

        What is made or let through meanwhile goes in the next round; RUN_ROUNDS_MAX rounds at most, each
        waited for RUN_SECONDS at most. `sent` counts requests, `unanswered` those not waited for longer.
        """
        now, sent, unanswered = self.clock.now(), 0, 0
        for _ in range(RUN_ROUNDS_MAX):
            threads = self._dispatch(now)
            if not threads:
                break
            until = time.monotonic() + RUN_SECONDS
            for thread in threads:
                thread.join(max(0.0, until - time.monotonic()))
            sent += len(threads)
            unanswered += sum(thread.is_alive() for thread in threads)
        return {"sent": sent, "unanswered": unanswered}

    def _loop(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                if self.settings.paused or not self._dispatch(self.clock.now()):
                    self._changed.wait(self._wait_seconds())

    def _wait_seconds(self) -> float:
        now = self.clock.now()
        due = None if self.settings.paused else self._model.next_time(now)
        wait = _WAIT_MAX if due is None else (due - now).total_seconds()
        return min(max(wait, _WAIT_MIN), _WAIT_MAX)

    def _dispatch(self, now: datetime) -> list[threading.Thread]:
        """Start all that may start; a thread for each request."""
        with self._changed:
            for dispatch, outcome, result in self._model.expire(now):
                self._note(dispatch, outcome, result.value, dispatch.task.deadline.total_seconds())
            order = self._random.shuffle if self.settings.reorder else None
            begun = self._model.begin(now, SENDING_MAX - self._sending, order)
            if self.settings.duplicates:
                begun = [dispatch for dispatch in begun for _ in range(2)]
            targets = [self._model.queues[dispatch.task.queue].target for dispatch in begun]
            self._sending += len(begun)
        threads = [
            threading.Thread(target=self._attempt, args=pair, daemon=True)
            for pair in zip(begun, targets, strict=True)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _attempt(self, dispatch: Dispatch, target: bytes) -> None:
        """Send, then say so to the model; of two sendings the first answer counts, the other comes late."""
        began = time.monotonic()
        try:
            outcome = self._send(dispatch, target)
        except Exception as error:  # the task must not be lost with its thread
            outcome = Outcome(0, f"INTERNAL: {type(error).__name__}")
            raise
        finally:
            with self.using() as (model, now):
                self._sending -= 1
                result = model.end(dispatch, outcome, now)
                self._note(dispatch, outcome, result.value, time.monotonic() - began)

    def _note(self, dispatch: Dispatch, outcome: Outcome, result: str, seconds: float) -> None:
        self._last += 1
        self._history.append(
            {
                "number": self._last,
                "queue": last_part(dispatch.task.queue),
                "name": last_part(dispatch.task.name),
                "attempt": dispatch.task.dispatches,
                "dispatched_at": dispatch.dispatched_at.isoformat(),
                "status": outcome.status,
                "reason": outcome.reason,
                "result": result,
                "latency_seconds": round(seconds, 6),
            }
        )
