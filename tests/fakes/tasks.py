"""The queues in memory: tasks wait here until a test takes those that are due."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.ports import Clock, NewTask, Queue

TAKEN = timedelta(days=1)
"""How long a name stays taken once its task was run."""


class MemoryTasks:
    """Tasks in this process, by the given clock. Nothing is shared with the caller's data."""

    def __init__(self, clock: Clock) -> None:
        self.waiting: list[NewTask] = []
        """In the order in which they were made, each with its `run_at`."""
        self._clock = clock
        self._names: dict[tuple[Queue, str], datetime | None] = {}
        """Names in use: until when, None while their task waits."""

    def enqueue(self, task: NewTask) -> None:
        body = json.loads(json.dumps(task.body, allow_nan=False))
        if task.run_at is not None and task.run_at.tzinfo is None:
            raise ValueError("run_at has no time zone")
        if task.name is not None:
            if self._is_taken(task.queue, task.name):
                return
            self._names[task.queue, task.name] = None
        self.waiting.append(replace(task, body=body, run_at=task.run_at or self._clock.now()))

    def take_due(self) -> list[Mapping[str, Any]]:
        """The bodies of the tasks that are due, off the queues, by due time and then as they were made."""
        now, due, later = self._clock.now(), list[NewTask](), list[NewTask]()
        for task in self.waiting:
            (due if _run_at(task) <= now else later).append(task)
        self.waiting = later
        for task in due:
            if task.name is not None:
                self._names[task.queue, task.name] = now + TAKEN
        return [task.body for task in sorted(due, key=_run_at)]

    def _is_taken(self, queue: Queue, name: str) -> bool:
        until = self._names.get((queue, name), self._clock.now())
        return until is None or until > self._clock.now()


def _run_at(task: NewTask) -> datetime:
    assert task.run_at is not None, "set when it was enqueued"
    return task.run_at
