"""Jobs as they travel: what a task says, when it runs, what it does, and what it asks for next.

A task carries ids and flags, never content. One without ids is named by its key and the second it arrived
in, and runs a little after that second's end: a burst is one job, nothing that arrives is lost, and no name
comes twice. One with ids is not named: every one is run, and running one again writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Any

from shared.app.calendar_job import Outcome, State, run_calendar_job
from shared.app.feed import FeedOutcome, run_feed_job
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError
from shared.ports import NewTask, Queue, Tasks

BUCKET = timedelta(seconds=1)
SETTLE = timedelta(seconds=0.25)
"""How long after its bucket's end a named task runs."""
WAITS_SECONDS = (2, 5, 15, 60, 300, 900)
"""Between tries of a job that met an outage, by tries so far; then always the last."""
BULK_BUSY_SECONDS = 20
"""When a bulk job that found the calendar taken comes again; a live one comes when the outcome says."""
SOON_SECONDS = 900
"""What is to be taken up later than this waits in the calendar's document, not in the queue."""
IDS_MAX = 500
"""Appointments named in one task: far below what a task may weigh."""


@dataclass(frozen=True)
class CalendarTask:
    """A slice of work on one calendar."""

    calendar_key: str
    ids: tuple[str, ...] = ()
    look: bool = True
    everything: bool = False
    queue: Queue = Queue.LIVE
    tries: int = 0


@dataclass(frozen=True)
class FeedTask:
    """Read what changed in the EHR of a practice."""

    practice: str
    tries: int = 0


Job = CalendarTask | FeedTask


# --- as a task --------------------------------------------------------------------------------------------


def arriving(job: Job, now: datetime) -> NewTask:
    """A job that something asked for just now."""
    if isinstance(job, CalendarTask) and job.ids:
        return NewTask(job.queue, _body(job), run_at=now)
    end = floor(now.timestamp() / BUCKET.total_seconds()) + 1
    run_at = datetime.fromtimestamp(end * BUCKET.total_seconds(), UTC) + SETTLE
    return NewTask(_queue(job), _body(job), name=f"{_key(job)}-{end}", run_at=run_at)


def later(job: Job, run_at: datetime) -> NewTask:
    """A job that goes on at a time of its own; never merged with what arrives."""
    return NewTask(_queue(job), _body(job), run_at=run_at)


def job_of(body: Mapping[str, Any]) -> Job:
    """The job that a task's body says. Raises RejectedError: a body that nobody here has written."""
    types = _FIELDS.get(str(body.get("kind")))
    if types is None or {name: type(value) for name, value in body.items()} != types:
        raise RejectedError("task_malformed")
    fields = {name: value for name, value in body.items() if name != "kind"}
    if body["kind"] == "feed":
        return FeedTask(**fields)
    if not all(isinstance(each, str) for each in fields["ids"]) or fields["queue"] not in _QUEUES:
        raise RejectedError("task_malformed")
    return CalendarTask(**{**fields, "ids": tuple(fields["ids"]), "queue": _QUEUES[fields["queue"]]})


_QUEUES = {queue.value: queue for queue in Queue}
_FIELDS: dict[str, dict[str, type]] = {
    "feed": {"kind": str, "practice": str, "tries": int},
    "calendar": {
        "kind": str,
        "calendar_key": str,
        "ids": list,
        "look": bool,
        "everything": bool,
        "queue": str,
        "tries": int,
    },
}


def _body(job: Job) -> dict[str, object]:
    if isinstance(job, FeedTask):
        return {"kind": "feed", "practice": job.practice, "tries": job.tries}
    return {
        "kind": "calendar",
        "calendar_key": job.calendar_key,
        "ids": list(job.ids),
        "look": job.look,
        "everything": job.everything,
        "queue": job.queue.value,
        "tries": job.tries,
    }


def _queue(job: Job) -> Queue:
    return job.queue if isinstance(job, CalendarTask) else Queue.LIVE


def _key(job: Job) -> str:
    if isinstance(job, FeedTask):
        return f"feed-{job.practice}"
    return f"calendar-{job.queue.value}-{job.calendar_key}{'-whole' if job.everything else ''}"


# --- what it does -----------------------------------------------------------------------------------------


def perform(world: World, tasks: Tasks, job: Job) -> Outcome | FeedOutcome | None:
    """Run one job and ask for what follows it; None: an outage, the job comes again.

    An outage of the other sides is no fault of the queue: the same job is made again with a longer wait.
    Raises BlockedError (a person must act), and what the queue itself raises: then the task is run again.
    """
    try:
        if isinstance(job, FeedTask):
            return _read_feed(world, tasks, job)
        return _work(world, tasks, job)
    except RetryableError as error:
        wait = max(error.after_seconds or 0, WAITS_SECONDS[min(job.tries, len(WAITS_SECONDS) - 1)])
        tasks.enqueue(later(replace(job, tries=job.tries + 1), _in(world, wait)))
        return None


def _work(world: World, tasks: Tasks, job: CalendarTask) -> Outcome:
    outcome = run_calendar_job(world, job.calendar_key, ids=job.ids, look=job.look, everything=job.everything)
    if outcome.state is State.BUSY:
        busy = _in(world, BULK_BUSY_SECONDS) if job.queue is Queue.BULK else outcome.again_at
        assert busy is not None
        tasks.enqueue(later(replace(job, tries=0), busy))
    elif outcome.again_at is not None and outcome.again_at <= _in(world, SOON_SECONDS):
        follow = CalendarTask(job.calendar_key, look=outcome.look, queue=job.queue)
        tasks.enqueue(later(follow, outcome.again_at))
    return outcome


def _read_feed(world: World, tasks: Tasks, job: FeedTask) -> FeedOutcome:
    def dispatch(calendar_key: str, appointment_ids: Sequence[str]) -> None:
        for start in range(0, len(appointment_ids), IDS_MAX):
            ids = tuple(appointment_ids[start : start + IDS_MAX])
            tasks.enqueue(arriving(CalendarTask(calendar_key, ids, look=False), world.clock.now()))

    outcome = run_feed_job(world, job.practice, dispatch)
    if not outcome.complete:
        tasks.enqueue(later(FeedTask(job.practice), _in(world, WAITS_SECONDS[0])))
    return outcome


def _in(world: World, seconds: float) -> datetime:
    return world.clock.now() + timedelta(seconds=seconds)
