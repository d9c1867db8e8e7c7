"""Queues, tasks and their attempts: what is accepted, what is due, what becomes of an attempt.

No I/O, no clock and no chance of its own: every instant is given, and so is the order of what is due. Whoever
uses it from several threads holds a lock around each call.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeAlias

import grpc

from sandbox.rpc import RefusedError, not_found
from sandbox.tasks.limits import Limits
from sandbox.tasks.retry import RETENTION, Retry

TOMBSTONE = timedelta(hours=24)
"""A name stays taken so long after its task was executed or deleted: the longest that is documented."""


@dataclass(frozen=True)
class Queue:
    name: str
    retry: Retry = field(default_factory=Retry)
    dispatches_per_second: float = 500.0
    concurrent_max: int = 1000
    target: bytes = b""
    """The HttpTarget that overrides what tasks say, as a protobuf; the model does not look into it."""
    paused: bool = False
    purged_at: datetime | None = None


@dataclass(frozen=True)
class Attempt:
    scheduled_at: datetime
    dispatched_at: datetime
    responded_at: datetime | None = None
    status: int = 0
    """Of the HTTP response; 0 where there was none."""
    reason: str = ""


@dataclass(frozen=True)
class Task:
    name: str
    number: int
    """Position in the order of creation."""
    request: bytes
    """The HttpRequest as a protobuf; the model does not look into it."""
    created_at: datetime
    scheduled_at: datetime
    """Of its next attempt."""
    deadline: timedelta
    """How long one attempt may take."""
    retry: Retry | None = None
    """Instead of its queue's."""
    dispatches: int = 0
    responses: int = 0
    executions: int = 0
    """Responses that came from the handler itself: none of 5xx."""
    first_dispatched_at: datetime | None = None
    last: Attempt | None = None

    @property
    def queue(self) -> str:
        return self.name.rpartition("/tasks/")[0]


@dataclass(frozen=True)
class Dispatch:
    """One attempt on its way."""

    task: Task
    """As it stands while the attempt runs."""
    previous: Attempt | None
    dispatched_at: datetime

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all others."""
        return self.task.name, self.task.dispatches

    @property
    def deadline_at(self) -> datetime:
        return self.dispatched_at + self.task.deadline


@dataclass(frozen=True)
class Gone:
    """A task that is no more, and until when its name is taken."""

    name: str
    until: datetime


Entry: TypeAlias = Queue | Task | Gone
"""A change, as a journal keeps it."""


@dataclass(frozen=True)
class Outcome:
    """What came of sending an attempt."""

    status: int
    reason: str = ""
    retry_after: timedelta | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Result(Enum):
    """What an attempt's outcome meant for its task."""

    DONE = "done"
    RETRY = "retry"
    DROPPED = "dropped"
    """It failed, and no attempt is left."""
    DELETED = "deleted"
    """The task was deleted meanwhile."""
    LATE = "late"
    """The attempt was over: past its deadline, or by the answer to its duplicate."""


class Model:
    def __init__(self, record: Callable[[Entry], None] = lambda _: None) -> None:
        """`record` is told every change once it is made; `restore` takes them back in that order."""
        self.queues: dict[str, Queue] = {}
        self.tasks: dict[str, Task] = {}
        self._gone: dict[str, datetime] = {}
        self._waiting: dict[str, list[tuple[datetime, int, str]]] = {}
        """Per queue a heap of (due, number, name); an entry that no longer fits its task is passed over."""
        self._limits: dict[str, Limits] = {}
        self._running: dict[tuple[str, int], Dispatch] = {}
        self._last_number = 0
        self._record = record

    # --- changes ----------------------------------------------------------------------------------------

    def restore(self, entry: Entry) -> None:
        """A change of an earlier life; attempts that were running then are due again."""
        match entry:
            case Queue():
                self.queues[entry.name] = entry
                self._limits.setdefault(entry.name, Limits())
                self._waiting.setdefault(entry.name, [])
            case Task():
                self.tasks[entry.name] = entry
                self._gone.pop(entry.name, None)
                self._last_number = max(self._last_number, entry.number)
                heapq.heappush(self._waiting[entry.queue], (entry.scheduled_at, entry.number, entry.name))
            case Gone():
                self.tasks.pop(entry.name, None)
                self._gone.pop(entry.name, None)  # what goes again goes last
                self._gone[entry.name] = entry.until

    def entries(self, now: datetime) -> Iterator[Entry]:
        """Everything that is still of use, as changes from nothing."""
        yield from self.queues.values()
        yield from self.tasks.values()
        yield from (Gone(name, until) for name, until in self._gone.items() if until > now)

    def _change(self, entry: Entry) -> None:
        self.restore(entry)
        self._record(entry)

    # --- queues -----------------------------------------------------------------------------------------

    def queue(self, name: str) -> Queue:
        """Raises RefusedError NOT_FOUND."""
        if name not in self.queues:
            raise not_found(f"queue {name!r} does not exist")
        return self.queues[name]

    def create_queue(self, queue: Queue) -> Queue:
        if queue.name in self.queues:
            raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"queue {queue.name!r} exists")
        return self.put_queue(queue)

    def put_queue(self, queue: Queue) -> Queue:
        self._change(queue)
        return queue

    def purge(self, name: str, now: datetime) -> Queue:
        queue = self.queue(name)
        for task in [task for task in self.tasks.values() if task.queue == name]:
            self._change(Gone(task.name, now + TOMBSTONE))
        return self.put_queue(replace(queue, purged_at=now))

    # --- tasks ------------------------------------------------------------------------------------------

    def task(self, name: str) -> Task:
        """Raises RefusedError NOT_FOUND."""
        if name not in self.tasks:
            raise not_found(f"task {name!r} does not exist; it may have been executed or deleted")
        return self.tasks[name]

    def taken(self, name: str, now: datetime) -> bool:
        """Whether a task has the name, or had it not long ago."""
        return name in self.tasks or self._gone.get(name, now) > now

    def add(self, task: Task, now: datetime) -> Task:
        """The task with its number. Raises RefusedError: no such queue, or a name that is taken."""
        self.queue(task.queue)
        self._forget(now)
        if self.taken(task.name, now):
            raise RefusedError(
                grpc.StatusCode.ALREADY_EXISTS, f"task {task.name!r} exists, or existed not long ago"
            )
        numbered = replace(task, number=self._last_number + 1)
        self._change(numbered)
        return numbered

    def delete(self, name: str, now: datetime) -> None:
        """An attempt that is running goes on; nothing follows it."""
        self.task(name)
        self._change(Gone(name, now + TOMBSTONE))

    def running(self, task: Task) -> bool:
        return (task.name, task.dispatches) in self._running

    def _forget(self, now: datetime) -> None:
        """Free the names whose time is over; they stand in the order in which that happens."""
        while self._gone:
            name = next(iter(self._gone))
            if self._gone[name] > now:
                return
            del self._gone[name]

    # --- attempts ---------------------------------------------------------------------------------------

    def begin(
        self, now: datetime, room: int, order: Callable[[list[Task]], None] | None = None
    ) -> list[Dispatch]:
        """The attempts that start now, at most `room`.

        A queue's go by due time, then by creation; `order` may arrange those due in another way.
        """
        started: list[Dispatch] = []
        for queue in self.queues.values():
            limits, rate = self._limits[queue.name], queue.dispatches_per_second
            limit = min(room - len(started), self._free(queue), limits.tokens(rate, now))
            due = self._take_due(queue.name, now, limit, order)
            limits.take(rate, now, len(due))
            started += [self._start(task, now) for task in due]
        return started

    def _free(self, queue: Queue) -> int:
        """How many more of a queue's tasks may run beside those that do."""
        running = sum(dispatch.task.queue == queue.name for dispatch in self._running.values())
        return 0 if queue.paused else queue.concurrent_max - running

    def _take_due(
        self, queue: str, now: datetime, limit: int, order: Callable[[list[Task]], None] | None
    ) -> list[Task]:
        """At most `limit` due tasks, off the heap; those too old to be tried again are dropped on the way."""
        heap, due = self._waiting[queue], dict[str, Task]()
        while limit > 0 and (order or len(due) < limit):
            task = self._next(queue)
            if task is None or task.scheduled_at > now:
                break
            heapq.heappop(heap)
            if task.created_at + RETENTION <= now:
                self._change(Gone(task.name, now + TOMBSTONE))
            else:
                due[task.name] = task
        tasks = list(due.values())
        if order:
            order(tasks)
        for task in tasks[limit:]:
            heapq.heappush(heap, (task.scheduled_at, task.number, task.name))
        return tasks[:limit]

    def _next(self, queue: str) -> Task | None:
        """The first waiting task of a queue; heap entries that fit no waiting task are taken off."""
        heap = self._waiting[queue]
        while heap:
            scheduled_at, _, name = heap[0]
            task = self.tasks.get(name)
            if task and task.scheduled_at == scheduled_at and not self.running(task):
                return task
            heapq.heappop(heap)
        return None

    def _start(self, task: Task, now: datetime) -> Dispatch:
        started = replace(
            task,
            dispatches=task.dispatches + 1,
            first_dispatched_at=task.first_dispatched_at or now,
            last=Attempt(task.scheduled_at, now),
        )
        dispatch = Dispatch(started, task.last, now)
        self._running[dispatch.key] = dispatch
        self._change(started)
        return dispatch

    def end(self, dispatch: Dispatch, outcome: Outcome, now: datetime) -> Result:
        """What became of an attempt that `begin` gave."""
        if self._running.pop(dispatch.key, None) is None:
            return Result.LATE
        limits = self._limits[dispatch.task.queue]
        if outcome.ok:
            limits.recover(now)
        elif outcome.status in (429, 503):
            limits.slow_down(now, outcome.retry_after)
        task = self.tasks.get(dispatch.task.name)
        if task is None:
            return Result.DELETED
        if outcome.ok:
            self._change(Gone(task.name, now + TOMBSTONE))
            return Result.DONE
        return self._failed(task, dispatch, outcome, now)

    def _failed(self, task: Task, dispatch: Dispatch, outcome: Outcome, now: datetime) -> Result:
        retry = task.retry or self.queues[task.queue].retry
        first = task.first_dispatched_at or dispatch.dispatched_at
        if retry.exhausted(task.dispatches, first, now):
            self._change(Gone(task.name, now + TOMBSTONE))
            return Result.DROPPED
        answered = outcome.status != 0
        self._change(
            replace(
                task,
                scheduled_at=now + max(retry.backoff(task.dispatches), outcome.retry_after or timedelta(0)),
                responses=task.responses + answered,
                executions=task.executions + (answered and outcome.status < 500),
                last=Attempt(
                    task.scheduled_at,
                    dispatch.dispatched_at,
                    now if answered else None,
                    outcome.status,
                    outcome.reason,
                ),
            )
        )
        return Result.RETRY

    def expire(self, now: datetime) -> list[tuple[Dispatch, Outcome, Result]]:
        """End the attempts whose deadline has passed: they failed, though their handlers may still run."""
        over = [dispatch for dispatch in self._running.values() if dispatch.deadline_at <= now]
        outcome = Outcome(0, "DEADLINE_EXCEEDED")
        return [(dispatch, outcome, self.end(dispatch, outcome, now)) for dispatch in over]

    def next_time(self, now: datetime) -> datetime | None:
        """When to look again if nothing happens before; None: not before something happens."""
        times = [dispatch.deadline_at for dispatch in self._running.values()]
        for queue in self.queues.values():
            task = self._next(queue.name) if self._free(queue) > 0 else None
            if task:
                ready = self._limits[queue.name].ready_at(queue.dispatches_per_second, now)
                times.append(max(task.scheduled_at, ready))
        return min(times, default=None)
