"""What is made again, because it came too early or met an outage, is made again once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.app.jobs import CalendarTask, FeedTask, Job, LooksTask, again, job_of, perform, waiting
from shared.app.records import Lease, Practice, practice_data, practice_path
from shared.core.errors import RetryableError
from shared.ports import NewTask, Put, Queue
from tests.app.stage import PRACTICE, Practitioner, Stage, once, raising
from tests.fakes.clock import START

SECOND = timedelta(seconds=1)
LOOK = CalendarTask("calendar")
NAMED = CalendarTask("calendar", ids=("a", "b"), look=False)
DIFFERENT: list[Job] = [
    LOOK,
    replace(LOOK, calendar_key="other"),
    replace(LOOK, look=False),
    replace(LOOK, everything=True),
    replace(LOOK, queue=Queue.BULK),
    NAMED,
    replace(NAMED, ids=("a",)),
    FeedTask("practice"),
    FeedTask("other"),
    LooksTask(("calendar",)),
    LooksTask(("calendar", "other")),
]


@pytest.mark.parametrize("made_again", [waiting, again])
def test_only_what_is_to_do_the_same_is_one(made_again: Callable[[Job, datetime], NewTask]) -> None:
    names = [made_again(job, START).name for job in DIFFERENT]
    assert len(set(names)) == len(DIFFERENT)
    assert [made_again(job, START + SECOND).name for job in DIFFERENT] == names
    assert made_again(replace(NAMED, ids=("b", "a")), START).name == made_again(NAMED, START).name


def test_the_next_try_is_no_repeat_of_the_one_before() -> None:
    assert again(replace(LOOK, tries=1), START).name != again(replace(LOOK, tries=2), START).name


@pytest.mark.parametrize("ids", [(), ("a", "b")])
def test_a_job_that_is_delivered_twice_to_a_busy_calendar_waits_once(
    stage: Stage, ada: Practitioner, ids: tuple[str, ...]
) -> None:
    stage.change_calendar(ada, lease=Lease("another", stage.clock.now() + 10 * SECOND))
    job = CalendarTask(ada.connection.calendar_key, ids, look=not ids)
    for _ in range(2):
        perform(stage.world, stage.tasks, job)
        stage.clock.advance(0.01)
    [task] = stage.tasks.waiting
    assert job_of(task.body) == job


def test_pokes_that_meet_a_read_of_the_practice_wait_as_one(stage: Stage, ada: Practitioner) -> None:
    del ada
    lease = Lease("another", stage.clock.now() + 10 * SECOND)
    stage.documents.commit([Put(practice_path(PRACTICE), practice_data(Practice(PRACTICE, lease=lease)))])
    for _ in range(5):
        perform(stage.world, stage.tasks, FeedTask(PRACTICE))
    [task] = stage.tasks.waiting
    assert job_of(task.body) == FeedTask(PRACTICE)


def test_a_job_that_is_delivered_twice_during_an_outage_is_tried_again_once(
    stage: Stage, ada: Practitioner
) -> None:
    for _ in range(2):
        stage.before = once("events.list", raising(RetryableError("google_unavailable")))
        perform(stage.world, stage.tasks, CalendarTask(ada.connection.calendar_key))
    [task] = stage.tasks.waiting
    assert job_of(task.body) == CalendarTask(ada.connection.calendar_key, tries=1)
