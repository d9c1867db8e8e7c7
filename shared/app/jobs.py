"""Jobs as they travel: what a task says, when it runs, what it does, and what it asks for next.

A task carries ids and flags, never content. One without ids is named by its key and the second it arrived
in, and runs a little after that second's end: a burst is one job, nothing that arrives is lost, and no name
comes twice. One that names appointments to a calendar is not named: every one is run, and running one again
writes nothing.

What is made again, because it came too early or met an outage, is named by what it is to do and by when: a
task that the queue delivers twice is made again once. Without names the two would meet again, and be more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Any

from shared.app.calendar_job import run_calendar_job
from shared.app.feed import Dispatch, FeedOutcome, run_feed_job
from shared.app.follow import run_follow_job
from shared.app.hook_health import note_hook
from shared.app.looks import Looked, look
from shared.app.notices import tell
from shared.app.outcome import Outcome, State
from shared.app.rows import run_rows_job
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError
from shared.ports import NewTask, Queue, Tasks

BUCKET_SECONDS = 1.0
SETTLE = timedelta(seconds=0.25)
"""How long after its bucket's end a named task runs."""
WAITS_SECONDS = (2, 5, 15, 60, 300, 900)
"""Between tries of a job that met an outage, by tries so far; then always the last."""
WAITING_BUCKET_SECONDS = 2.0
"""Jobs that wait for the end of another are one, when they wait for the same time give or take this."""
BULK_REST_SECONDS = 2
"""Between two slices of bulk work: another calendar of the account may have its turn."""
_DIGEST_LENGTH = 32
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
    hooked: bool = False
    """A hook of the EHR asked for it."""
    tries: int = 0


@dataclass(frozen=True)
class FollowTask:
    """Read what changed in the EHR for the practitioner of this connection."""

    connection_key: str
    tries: int = 0


@dataclass(frozen=True)
class RowsTask:
    """Read these appointments of a practice, which a hook of the EHR named."""

    practice: str
    ids: tuple[str, ...]
    tries: int = 0


@dataclass(frozen=True)
class LooksTask:
    """Look at these calendars; those with news have their job."""

    calendar_keys: tuple[str, ...]
    tries: int = 0


@dataclass(frozen=True)
class NoticeTask:
    """Tell the EHR of a notice."""

    notice: str
    tries: int = 0


Job = CalendarTask | FeedTask | FollowTask | RowsTask | LooksTask | NoticeTask


# --- as a task --------------------------------------------------------------------------------------------


def arriving(job: Job, now: datetime, bucket_seconds: float = BUCKET_SECONDS) -> NewTask:
    """A job that something asked for just now: with all that asks for it in the same bucket it is one.

    Where it names appointments to a calendar it is a task of its own.
    """
    if isinstance(job, LooksTask) or (isinstance(job, CalendarTask) and job.ids):
        return NewTask(_queue(job), _body(job), run_at=now)
    end, run_at = _bucket_end(now, bucket_seconds)
    return NewTask(_queue(job), _body(job), name=f"{_key(job)}-{end}", run_at=run_at + SETTLE)


def named(job: Job, name: str) -> NewTask:
    """A job that is to run once for whatever the name says."""
    return NewTask(_queue(job), _body(job), name=name)


def later(job: Job, run_at: datetime) -> NewTask:
    """A job that goes on at a time of its own; never merged with what arrives."""
    return NewTask(_queue(job), _body(job), run_at=run_at)


def waiting(job: Job, until: datetime) -> NewTask:
    """A job that came too early. Those that are to do the same and wait for the same are one."""
    end, run_at = _bucket_end(until, WAITING_BUCKET_SECONDS)
    return NewTask(_queue(job), _body(job), name=f"{_key(job)}-waiting-{end}", run_at=run_at)


def again(job: Job, run_at: datetime) -> NewTask:
    """A job that met an outage. Those that are to do the same, and were tried as often, are one."""
    end, _ = _bucket_end(run_at, WAITING_BUCKET_SECONDS)
    return NewTask(_queue(job), _body(job), name=f"{_key(job)}-again-{job.tries}-{end}", run_at=run_at)


def _bucket_end(moment: datetime, seconds: float) -> tuple[int, datetime]:
    """The number of the bucket after the one that a moment is in, and when that begins."""
    end = floor(moment.timestamp() / seconds) + 1
    return end, datetime.fromtimestamp(end * seconds, UTC)


def job_of(body: Mapping[str, Any]) -> Job:
    """The job that a task's body says. Raises RejectedError: a body that nobody here has written."""
    types = _FIELDS.get(str(body.get("kind")))
    if types is None or {name: type(value) for name, value in body.items()} != types:
        raise RejectedError("task_malformed")
    fields = {name: value for name, value in body.items() if name != "kind"}
    if not all(isinstance(each, str) for name in _LISTS for each in fields.get(name, ())):
        raise RejectedError("task_malformed")
    if body["kind"] == "feed":
        return FeedTask(**fields)
    if body["kind"] == "follow":
        return FollowTask(**fields)
    if body["kind"] == "rows":
        return RowsTask(fields["practice"], tuple(fields["ids"]), fields["tries"])
    if body["kind"] == "notice":
        return NoticeTask(**fields)
    if body["kind"] == "looks":
        return LooksTask(tuple(fields["calendar_keys"]), fields["tries"])
    if fields["queue"] not in _QUEUES:
        raise RejectedError("task_malformed")
    return CalendarTask(**{**fields, "ids": tuple(fields["ids"]), "queue": _QUEUES[fields["queue"]]})


_LISTS = ("ids", "calendar_keys")
_QUEUES = {queue.value: queue for queue in Queue}
_FIELDS: dict[str, dict[str, type]] = {
    "feed": {"kind": str, "practice": str, "hooked": bool, "tries": int},
    "follow": {"kind": str, "connection_key": str, "tries": int},
    "rows": {"kind": str, "practice": str, "ids": list, "tries": int},
    "looks": {"kind": str, "calendar_keys": list, "tries": int},
    "notice": {"kind": str, "notice": str, "tries": int},
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
        return {"kind": "feed", "practice": job.practice, "hooked": job.hooked, "tries": job.tries}
    if isinstance(job, FollowTask):
        return {"kind": "follow", "connection_key": job.connection_key, "tries": job.tries}
    if isinstance(job, RowsTask):
        return {"kind": "rows", "practice": job.practice, "ids": list(job.ids), "tries": job.tries}
    if isinstance(job, LooksTask):
        return {"kind": "looks", "calendar_keys": list(job.calendar_keys), "tries": job.tries}
    if isinstance(job, NoticeTask):
        return {"kind": "notice", "notice": job.notice, "tries": job.tries}
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
    """The same for jobs that do the same: one that looks is not merged into one that does not."""
    match job:
        case FeedTask():
            return f"feed-{job.practice}{'-hooked' if job.hooked else ''}"
        case FollowTask():
            return f"follow-{job.connection_key}"
        case RowsTask():
            return f"rows-{job.practice}-{_digest(job.ids)}"
        case LooksTask():
            return f"looks-{_digest(job.calendar_keys)}"
        case NoticeTask():
            return f"notice-{_digest((job.notice,))}"
        case CalendarTask():
            what = f"{'-whole' if job.everything else ''}{'' if job.look else '-open'}"
            ids = f"-{_digest(job.ids)}" if job.ids else ""
            return f"calendar-{job.queue.value}-{job.calendar_key}{what}{ids}"


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:_DIGEST_LENGTH]


# --- what it does -----------------------------------------------------------------------------------------


def perform(world: World, tasks: Tasks, job: Job) -> Outcome | FeedOutcome | Looked | None:
    """Run one job and ask for what follows it; None: an outage, the job comes again, or a notice's.

    An outage of the other sides is no fault of the queue: the same job is made again with a longer wait.
    Raises BlockedError (a person must act), and what the queue itself raises: then the task is run again.
    """
    try:
        match job:
            case FeedTask():
                return _read_feed(world, tasks, job)
            case FollowTask():
                return _follow(world, tasks, job)
            case RowsTask():
                return _read_rows(world, tasks, job)
            case LooksTask():
                return _look(world, tasks, job)
            case NoticeTask():
                tell(world, job.notice)
                return None
            case CalendarTask():
                return _work(world, tasks, job)
    except RetryableError as error:
        wait = max(error.after_seconds or 0, WAITS_SECONDS[min(job.tries, len(WAITS_SECONDS) - 1)])
        tasks.enqueue(again(replace(job, tries=job.tries + 1), _in(world, wait)))
        return None


def _work(world: World, tasks: Tasks, job: CalendarTask) -> Outcome:
    outcome = run_calendar_job(
        world, job.calendar_key, ids=job.ids, look=job.look, everything=job.everything, queue=job.queue
    )
    if outcome.pass_due:
        bulk = CalendarTask(job.calendar_key, look=False, queue=Queue.BULK)
        tasks.enqueue(arriving(bulk, world.clock.now()))
    if outcome.state is State.BUSY:
        assert outcome.again_at is not None
        tasks.enqueue(waiting(replace(job, tries=0), outcome.again_at))
    elif _goes_on(world, outcome):
        assert outcome.again_at is not None
        follow = CalendarTask(job.calendar_key, look=outcome.look, queue=job.queue)
        rest = BULK_REST_SECONDS if job.queue is Queue.BULK else 0
        tasks.enqueue(later(follow, max(outcome.again_at, _in(world, rest))))
    return outcome


def _goes_on(world: World, outcome: Outcome) -> bool:
    """Whether a task follows. What waits longer is in the calendar's document; what was idle has its task."""
    soon = outcome.again_at is not None and outcome.again_at <= _in(world, world.limits.soon_seconds)
    return soon and outcome.state is not State.IDLE


def _look(world: World, tasks: Tasks, job: LooksTask) -> Looked:
    looked = look(world, job.calendar_keys)
    for key in looked.with_news:
        tasks.enqueue(arriving(CalendarTask(key), world.clock.now()))
    return looked


def _read_feed(world: World, tasks: Tasks, job: FeedTask) -> FeedOutcome:
    if job.hooked and job.tries == 0:  # later tries tell nothing of when it arrived
        note_hook(world, job.practice)

    def follow(connection_key: str) -> None:
        tasks.enqueue(arriving(FollowTask(connection_key), world.clock.now()))

    dispatch = _dispatch(world, tasks)
    outcome = run_feed_job(world, job.practice, dispatch, follow, poll=not job.hooked)
    if not outcome.complete:
        tasks.enqueue(waiting(replace(job, tries=0), _in(world, WAITS_SECONDS[0])))
    return outcome


def _follow(world: World, tasks: Tasks, job: FollowTask) -> FeedOutcome:
    outcome = run_follow_job(world, job.connection_key, _dispatch(world, tasks))
    if not outcome.complete:
        tasks.enqueue(waiting(replace(job, tries=0), _in(world, WAITS_SECONDS[0])))
    return outcome


def _read_rows(world: World, tasks: Tasks, job: RowsTask) -> FeedOutcome:
    if job.tries == 0:
        note_hook(world, job.practice)
    outcome = run_rows_job(world, job.practice, job.ids, _dispatch(world, tasks))
    if not outcome.complete:
        tasks.enqueue(waiting(FeedTask(job.practice), _in(world, WAITS_SECONDS[0])))
    return outcome


def _dispatch(world: World, tasks: Tasks) -> Dispatch:
    """A task for each calendar that appointments are named to, and no more than IDS_MAX in it."""

    def dispatch(calendar_key: str, appointment_ids: Sequence[str]) -> None:
        for start in range(0, len(appointment_ids), IDS_MAX):
            ids = tuple(appointment_ids[start : start + IDS_MAX])
            tasks.enqueue(arriving(CalendarTask(calendar_key, ids, look=False), world.clock.now()))

    return dispatch


def _in(world: World, seconds: float) -> datetime:
    return world.clock.now() + timedelta(seconds=seconds)
