"""Jobs as tasks: what merges, what never does, what a task may say, and what follows a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.jobs import (
    CalendarTask,
    FeedTask,
    Job,
    LooksTask,
    RowsTask,
    arriving,
    job_of,
    later,
    perform,
    waiting,
)
from shared.app.records import Lease
from shared.core.errors import BlockedError, RejectedError, RetryableError
from shared.ports import Queue
from tests.app.stage import PRACTICE, Practitioner, Stage, once, raising, starts
from tests.fakes.clock import START, FakeClock
from tests.fakes.tasks import MemoryTasks

SECOND = timedelta(seconds=1)
LOOK = CalendarTask("calendar")
NAMED = CalendarTask("calendar", ids=("a", "b"), look=False)
JOBS: list[Job] = [
    LOOK,
    NAMED,
    CalendarTask("calendar", everything=True, queue=Queue.BULK, tries=3),
    FeedTask("practice"),
    FeedTask("practice", hooked=True, tries=2),
    RowsTask("practice", ("a", "b"), tries=1),
    LooksTask(("calendar", "other")),
    LooksTask((), tries=1),
]


# --- as tasks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", JOBS)
def test_a_job_comes_back_from_its_task_as_it_was(job: Job) -> None:
    assert job_of(arriving(job, START).body) == job
    assert job_of(later(job, START).body) == job


def test_a_burst_within_a_second_is_one_task() -> None:
    tasks = MemoryTasks(FakeClock())
    for tenths in range(10):
        tasks.enqueue(arriving(LOOK, START + tenths * SECOND / 10))
    assert len(tasks.waiting) == 1


def test_a_burst_runs_after_the_second_it_arrived_in() -> None:
    assert arriving(LOOK, START + SECOND / 2).run_at == START + SECOND + SECOND / 4


def test_what_arrives_in_the_next_second_is_another_task() -> None:
    assert arriving(LOOK, START).name != arriving(LOOK, START + SECOND).name


@pytest.mark.parametrize(
    "other",
    [
        CalendarTask("other"),
        replace(LOOK, everything=True),
        replace(LOOK, queue=Queue.BULK),
        replace(LOOK, look=False),
        FeedTask("calendar"),
        RowsTask("calendar", ("1",)),
    ],
)
def test_different_jobs_never_merge(other: Job) -> None:
    assert arriving(LOOK, START).name != arriving(other, START).name
    assert waiting(LOOK, START).name != waiting(other, START).name


def test_a_task_with_ids_has_no_name_and_runs_at_once() -> None:
    task = arriving(NAMED, START)
    assert (task.name, task.run_at) == (None, START)


def test_a_task_that_goes_on_has_no_name() -> None:
    assert later(LOOK, START).name is None


# --- those that wait ------------------------------------------------------------------------------------


def test_those_that_wait_for_the_same_are_one() -> None:
    tasks = MemoryTasks(FakeClock())
    for tenths in range(0, 20, 3):
        tasks.enqueue(waiting(LOOK, START + tenths * SECOND / 10))
    [task] = tasks.waiting
    assert job_of(task.body) == LOOK
    assert task.run_at == START + 2 * SECOND


def test_those_with_other_ids_wait_each_for_itself() -> None:
    tasks, jobs = MemoryTasks(FakeClock()), [NAMED, replace(NAMED, ids=("a",)), replace(NAMED, ids=("c",))]
    for job in jobs:
        tasks.enqueue(waiting(job, START + SECOND))
    assert [job_of(task.body) for task in tasks.waiting] == jobs


@pytest.mark.parametrize("tenths", range(0, 41, 7))
def test_nobody_is_woken_before_what_it_waits_for(tenths: int) -> None:
    until = START + tenths * SECOND / 10
    run_at = waiting(LOOK, until).run_at
    assert run_at is not None
    assert until < run_at <= until + 2 * SECOND


def test_who_waits_again_takes_no_name_that_was_used() -> None:
    """A calendar that stays busy: each time its job comes, it waits two seconds more."""
    clock, names = FakeClock(), list[str | None]()
    tasks = MemoryTasks(clock)
    for _ in range(20):
        tasks.enqueue(waiting(LOOK, clock.now() + 2 * SECOND))
        [task] = tasks.waiting
        assert task.run_at is not None
        clock.advance((task.run_at - clock.now()).total_seconds())
        assert len(tasks.take_due()) == 1
        names.append(task.name)
    assert len(set(names)) == 20


def test_a_burst_at_a_busy_calendar_is_one_job_once_it_is_free(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, lease=Lease("another", stage.clock.now() + 10 * SECOND))
    for _ in range(8):
        stage.ask(CalendarTask(ada.connection.calendar_key))
        stage.clock.advance(1)
        stage.run_due()
    assert len(stage.tasks.waiting) <= 3
    stage.hand_made(ada)
    stage.drain()
    assert stage.item(ada).appointment_id == stage.row()["id"]


def test_what_follows_a_slice_does_not_swallow_a_push(stage: Stage, ada: Practitioner) -> None:
    """Both find the calendar taken and wait for it; only one of them looks."""
    key = ada.connection.calendar_key
    stage.change_calendar(ada, lease=Lease("another", stage.clock.now() + 3 * SECOND))
    stage.hand_made(ada)
    perform(stage.world, stage.tasks, CalendarTask(key, look=False))
    perform(stage.world, stage.tasks, CalendarTask(key))
    stage.drain()
    assert stage.item(ada).appointment_id == stage.row()["id"]


def bodies() -> list[dict[str, Any]]:
    whole = dict(arriving(NAMED, START).body)
    return [
        {},
        {"kind": "other"},
        {**whole, "extra": 1},
        {name: value for name, value in whole.items() if name != "look"},
        {**whole, "ids": "ab"},
        {**whole, "ids": [1]},
        {**whole, "queue": "fast"},
        {**whole, "tries": True},
        {**whole, "calendar_key": None},
        {"kind": "feed", "practice": 1, "hooked": False, "tries": 0},
        {"kind": "feed", "practice": "practice", "tries": 0},
        {"kind": "feed", "practice": "practice", "hooked": 1, "tries": 0},
        {"kind": "feed", "practice": "practice", "hooked": False, "tries": 0, "calendar_keys": []},
        {"kind": "rows", "practice": "practice", "tries": 0},
        {"kind": "rows", "practice": "practice", "ids": "ab", "tries": 0},
        {"kind": "rows", "practice": "practice", "ids": [1], "tries": 0},
        {"kind": "looks", "tries": 0},
        {"kind": "looks", "calendar_keys": "calendar", "tries": 0},
        {"kind": "looks", "calendar_keys": ["calendar", 1], "tries": 0},
        {"kind": "looks", "calendar_keys": [["calendar"]], "tries": 0},
        {"kind": "looks", "calendar_keys": [], "tries": None},
        {"kind": ["looks"], "calendar_keys": [], "tries": 0},
    ]


@pytest.mark.parametrize("body", bodies())
def test_a_body_that_nobody_here_wrote_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match="task_malformed"):
        job_of(body)


# --- what they do ---------------------------------------------------------------------------------------


def test_a_first_sync_goes_on_in_tasks_until_it_is_done(stage: Stage) -> None:
    ada = stage.add()
    for hours in range(24, 48):
        stage.book(ada, hours=hours)
    stage.ask(CalendarTask(ada.connection.calendar_key, queue=Queue.BULK))
    stage.drain()
    assert len(stage.events(ada)) == 24


def test_a_change_in_the_ehr_reaches_the_calendar_through_the_queue(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.ask(FeedTask(PRACTICE))
    stage.drain()
    assert starts(stage.event(ada)) > stage.clock.now()


def test_a_job_that_finds_the_calendar_taken_comes_again_with_its_ids(
    stage: Stage, ada: Practitioner
) -> None:
    row = stage.book(ada)
    other = MemoryTasks(stage.clock)
    key = ada.connection.calendar_key
    stage.before = once(
        "events.insert", lambda: perform(stage.world, other, CalendarTask(key, (row,), False))
    )
    stage.sync(ada, row, look=False)
    [again] = other.waiting
    assert job_of(again.body) == CalendarTask(key, (row,), look=False)
    assert again.run_at is not None
    assert again.run_at > stage.clock.now()


def test_an_outage_makes_the_job_again_with_a_growing_wait(stage: Stage, ada: Practitioner) -> None:
    waits = []
    job: Job = CalendarTask(ada.connection.calendar_key)
    for _ in range(8):
        stage.before = once("events.list", raising(RetryableError("google_unavailable")))
        assert perform(stage.world, stage.tasks, job) is None
        task = stage.tasks.waiting.pop()
        assert task.run_at is not None
        waits.append((task.run_at - stage.clock.now()).total_seconds())
        job = job_of(task.body)
    assert waits == [2, 5, 15, 60, 300, 900, 900, 900]


def test_an_outage_that_names_its_wait_is_waited_for(stage: Stage, ada: Practitioner) -> None:
    stage.before = once("events.list", raising(RetryableError("google_rate_limit", 77)))
    perform(stage.world, stage.tasks, CalendarTask(ada.connection.calendar_key))
    assert stage.tasks.waiting[0].run_at == stage.clock.now() + 77 * SECOND


def test_what_a_person_must_mend_is_not_tried_again(stage: Stage) -> None:
    with pytest.raises(BlockedError, match="no_such_calendar"):
        perform(stage.world, stage.tasks, CalendarTask("nobody's"))
    assert stage.tasks.waiting == []


def test_what_waits_for_a_day_waits_in_its_document_and_not_in_the_queue(
    stage: Stage, ada: Practitioner
) -> None:
    row = stage.book(ada)
    stage.before = once("events.insert", raising(RejectedError("google_invalid")))
    outcome = perform(stage.world, stage.tasks, CalendarTask(ada.connection.calendar_key, (row,), look=False))
    assert outcome is not None
    assert stage.calendar(ada).retry_at == stage.clock.now() + timedelta(days=1)
    assert stage.tasks.waiting == []
