"""The queue as it may behave: any order of what is due, twice now and then, and late."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from shared.ports import Clock, NewTask
from tests.fakes.tasks import TAKEN, MemoryTasks

TWICE = 0.2


class AnyOrder(MemoryTasks):
    def __init__(self, clock: Clock, rng: random.Random) -> None:
        super().__init__(clock)
        self._rng = rng

    def take(self) -> NewTask | None:
        """Any of those that are due; now and then it stays and will be taken again."""
        now = self._clock.now()
        due = [task for task in self.waiting if task.run_at is not None and task.run_at <= now]
        if not due:
            return None
        task = self._rng.choice(due)
        self.waiting.remove(task)
        if task.name is not None:
            self._names[task.queue, task.name] = now + TAKEN
        if self._rng.random() < TWICE:
            self.again(task, seconds=0)
        return task

    def again(self, task: NewTask, *, seconds: float) -> None:
        """Its worker did not answer well: it is delivered again."""
        self.waiting.append(replace(task, name=None, run_at=self._clock.now() + timedelta(seconds=seconds)))

    def next_in(self) -> float | None:
        """Seconds until the first is due; None: nothing waits."""
        now = self._clock.now()
        waits = [(task.run_at - now).total_seconds() for task in self.waiting if task.run_at is not None]
        return max(0.0, min(waits)) if waits else None
