"""Live and bulk jobs: who makes a pass, who works through what it found; and nothing falls between them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.app.calendar_job import run_calendar_job
from shared.app.jobs import CalendarTask, FeedTask
from shared.app.outcome import Outcome, State
from shared.app.records import CURSOR_FORMAT, Progress
from shared.core.errors import RetryableError
from shared.ports import Queue
from tests.app.stage import (
    PRACTICE,
    Crash,
    Hook,
    Practitioner,
    Stage,
    at_step,
    nothing,
    once,
    raising,
    starts,
)
from tests.fakes.clock import START

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def slow(stage: Stage, seconds: float) -> Hook:
    """Every call about an event takes so long."""

    def hook(name: str, _given: Mapping[str, Any]) -> None:
        if name.startswith("events."):
            stage.clock.advance(seconds)

    return hook


def in_pass(stage: Stage, whose: Practitioner, appointments: int = 12) -> list[str]:
    """Let a pass find so many new appointments, and the first slice end before it comes to most of them."""
    rows = [stage.book(whose, hours=24 + number) for number in range(appointments)]
    stage.feed()  # the pass alone knows of them
    stage.before = slow(stage, 8)
    stage.bulk(whose, everything=True)
    stage.before = nothing
    assert stage.calendar(whose).in_pass
    stage.ledger.clear()
    return rows


# --- who makes a pass -----------------------------------------------------------------------------------


def test_a_live_job_does_not_make_the_first_pass_but_asks_for_it(stage: Stage) -> None:
    ada = stage.add()
    row = stage.book(ada)
    stage.ledger.clear()
    assert stage.live(ada, row) == Outcome(State.IDLE, pass_due=True)
    assert stage.ledger.google + stage.ledger.ehr + stage.ledger.commits == []


@pytest.mark.parametrize(
    "changes",
    [{"pass_at": START}, {"epoch": 0}, {"cursor_format": CURSOR_FORMAT - 1}],
    ids=["daily", "settings", "our own reading"],
)
def test_a_live_job_that_finds_a_pass_due_asks_for_it(
    stage: Stage, ada: Practitioner, changes: dict[str, Any]
) -> None:
    stage.change_calendar(ada, **changes)
    outcome = stage.live(ada)
    assert (outcome.state, outcome.pass_due) == (State.IDLE, True)
    assert stage.ledger.passes == 0
    assert stage.bulk(ada).state is State.DONE
    assert stage.ledger.passes == 1
    assert not stage.live(ada).pass_due


def test_a_live_job_does_what_just_happened_though_a_pass_is_due(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.hand_made(ada, hours=60)
    stage.change_calendar(ada, epoch=0)
    outcome = stage.live(ada, row)
    assert (outcome.state, outcome.pass_due) == (State.DONE, True)
    assert stage.ledger.passes == 0
    assert len(stage.events(ada)) == len(stage.store.resources("Appointment")) == 2


def test_a_live_job_is_not_asked_for_a_pass(stage: Stage, ada: Practitioner) -> None:
    outcome = run_calendar_job(stage.world, ada.connection.calendar_key, everything=True)
    assert outcome == Outcome(State.IDLE)
    assert stage.ledger.passes == 0


def test_a_bulk_job_without_a_reason_makes_no_pass(stage: Stage, ada: Practitioner) -> None:
    assert stage.bulk(ada) == Outcome(State.IDLE)
    assert stage.ledger.google + stage.ledger.ehr == []


def test_what_a_live_job_asks_for_is_made_once(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, epoch=0)
    for _ in range(5):
        stage.ask(CalendarTask(ada.connection.calendar_key))
        stage.clock.advance(3)
    stage.drain()
    assert stage.ledger.passes == 1


# --- who works through it -------------------------------------------------------------------------------


def test_a_live_job_leaves_what_a_pass_found_to_the_bulk_jobs(stage: Stage, ada: Practitioner) -> None:
    in_pass(stage, ada)
    begun = len(stage.events(ada))
    stage.clock.advance(60)
    outcome = stage.live(ada)  # the delta brings what the pass made
    assert (outcome.state, outcome.again_at) == (State.DONE, stage.calendar(ada).pass_at)
    assert stage.ledger.google == ["events.list"]
    assert len(stage.events(ada)) == begun
    assert stage.live(ada).state is State.IDLE
    stage.sync(ada)
    assert len(stage.events(ada)) == 12
    assert not stage.calendar(ada).in_pass


def test_a_live_job_does_what_is_named_to_it_in_the_middle_of_a_pass(stage: Stage, ada: Practitioner) -> None:
    rows = in_pass(stage, ada)
    begun = len(stage.events(ada))
    stage.reschedule(rows[-1], hours=99)
    stage.live(ada, rows[-1], look=False)
    assert stage.ledger.google == ["events.insert"]
    assert len(stage.events(ada)) == begun + 1
    assert stage.at(99) in map(starts, stage.events(ada))
    stage.sync(ada)
    assert len(stage.events(ada)) == 12


def test_what_happens_meanwhile_does_not_count_as_progress_of_the_pass(
    stage: Stage, ada: Practitioner
) -> None:
    rows = in_pass(stage, ada)
    before = stage.calendar(ada).progress
    assert before is not None
    stage.live(ada, stage.own_time(ada, hours=200), look=False)
    assert stage.calendar(ada).progress == before
    left = next(item.appointment_id for item in stage.items(ada) if item.event_id is None)
    assert left in rows
    stage.live(ada, left, look=False)
    assert stage.calendar(ada).progress == Progress(before.done + 1, before.total)


def test_what_just_happened_does_not_wait_for_what_has_waited(stage: Stage, ada: Practitioner) -> None:
    waiting = [stage.book(ada, hours=24 + number) for number in range(6)]
    stage.before = slow(stage, 31)
    stage.live(ada, *waiting, look=False)
    stage.before = nothing
    new, when = stage.own_time(ada, hours=200), stage.at(200)
    made: list[datetime] = []

    def note(name: str, given: Mapping[str, Any]) -> None:
        if name == "events.insert":
            made.append(starts(given["body"]))

    stage.before = note
    stage.live(ada, new, look=False)
    assert len(made) == 5
    assert made[0] == when


def test_once_a_pass_is_worked_through_a_live_job_takes_up_what_is_open(
    stage: Stage, ada: Practitioner
) -> None:
    stage.book(ada)
    stage.before = once("events.insert", raising(RetryableError("google_unavailable")))
    stage.bulk(ada, everything=True)
    assert stage.calendar(ada).progress == Progress(1, 1)
    stage.clock.advance(30)
    stage.live(ada)
    assert len(stage.events(ada)) == 1


def test_a_bulk_slice_ends_after_twenty_seconds_and_a_live_one_after_a_minute(stage: Stage) -> None:
    took = {}
    for queue in Queue:
        ada = stage.connect()
        rows = [stage.book(ada, hours=24 + number) for number in range(100)]
        stage.before, began = slow(stage, 1), stage.clock.now()
        stage.live(ada, *rows, look=False) if queue is Queue.LIVE else stage.bulk(ada, everything=True)
        took[queue] = stage.clock.now() - began
        stage.before = nothing
    assert took == {Queue.LIVE: 60 * SECOND, Queue.BULK: 20 * SECOND}


def test_a_short_lease_makes_bulk_slices_shorter_still() -> None:
    stage = Stage(lease_seconds=12)
    ada = stage.connect()
    for number in range(20):
        stage.book(ada, hours=24 + number)
    stage.before, began = slow(stage, 1), stage.clock.now()
    stage.bulk(ada, everything=True)
    assert stage.clock.now() - began == 8 * SECOND


def test_between_two_slices_others_of_the_account_have_their_turn(stage: Stage, ada: Practitioner) -> None:
    for number in range(6):
        stage.book(ada, hours=24 + number)
    stage.before = slow(stage, 8)
    stage.ask(CalendarTask(ada.connection.calendar_key, everything=True, queue=Queue.BULK))
    while not stage.run_due():
        stage.clock.advance(1)
    [follows] = stage.tasks.waiting
    assert follows.queue is Queue.BULK
    assert follows.run_at == stage.clock.now() + 2 * SECOND


# --- a lost cursor --------------------------------------------------------------------------------------


def test_a_lost_cursor_that_a_live_job_finds_is_rebuilt_by_the_bulk_job(
    stage: Stage, ada: Practitioner
) -> None:
    stage.hand_made(ada)
    stage.own_time(ada, hours=60)
    stage.settle()
    items = stage.items(ada)
    stage.google.expire_sync_tokens(stage.calendar_id(ada))
    stage.ledger.clear()
    assert stage.live(ada) == Outcome(State.IDLE, pass_due=True)
    assert stage.ledger.passes == 0
    assert stage.bulk(ada).state is State.DONE
    assert (stage.ledger.passes, stage.ledger.side_writes) == (1, [])
    assert stage.items(ada) == items
    assert stage.live(ada) == Outcome(State.IDLE)


def test_that_a_pass_is_wanted_after_a_lost_cursor_outlives_its_task(stage: Stage, ada: Practitioner) -> None:
    stage.google.expire_sync_tokens(stage.calendar_id(ada))
    stage.live(ada)  # and the task that it asks for is lost
    stage.minutes(16)
    assert stage.ledger.passes == 1


def test_a_poke_that_meets_a_lost_cursor_is_made_good_by_the_pass(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.google.expire_sync_tokens(stage.calendar_id(ada))
    stage.ask(CalendarTask(ada.connection.calendar_key, (row,)))
    stage.drain()
    assert len(stage.events(ada)) == 1


# --- nothing falls between ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_that_happens_while_a_first_sync_runs(seed: int) -> None:
    """People go on at both sides between any two calls of it, hooks and pushes come as they do."""
    stage, rng = Stage(push=True), random.Random(seed)
    ada = stage.add()
    for number in range(20):
        stage.book(ada, hours=24 + number)

    def go_on(name: str, _given: Mapping[str, Any]) -> None:
        stage.clock.advance(rng.choice([0, 1, 3]))
        if name == "commit" or rng.random() > 0.25 or len(stage.store.resources("Appointment")) > 60:
            return
        rng.choice([by_staff, by_hand, told])()

    def by_staff() -> None:
        rows = [row["id"] for row in stage.store.resources("Appointment") if row["status"] == "booked"]
        stage.book(ada, hours=rng.randint(50, 90))
        stage.reschedule(rng.choice(rows), hours=rng.randint(100, 190))
        stage.ask(FeedTask(PRACTICE))

    def by_hand() -> None:
        if stage.calendar(ada).calendar_id is not None:
            stage.hand_made(ada, hours=rng.randint(50, 90))

    def told() -> None:
        stage.pushes()

    stage.before = go_on
    stage.ask(CalendarTask(ada.connection.calendar_key, queue=Queue.BULK))
    stage.drain()
    stage.before = nothing
    stage.pushes()
    stage.ask(FeedTask(PRACTICE))
    stage.drain()
    rows = stage.store.resources("Appointment")
    assert sorted(map(starts, rows)) == sorted(map(starts, stage.events(ada)))
    assert stage.ledger.passes == 1
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


@pytest.mark.parametrize("step", range(14))
def test_a_first_sync_that_is_killed_anywhere_is_gone_on_with_when_it_is_due(step: int) -> None:
    """And its task with it: the queue has given it up."""
    stage = Stage(push=True)
    ada = stage.add()
    for number in range(3):
        stage.book(ada, hours=24 + number)
    stage.before = at_step(step, raising(Crash()))
    with pytest.raises(Crash):
        stage.bulk(ada)
    stage.before = nothing
    stage.minutes(20)
    assert len(stage.events(ada)) == 3
    assert stage.calendar(ada).progress == Progress(3, 3)


def test_a_pass_whose_task_is_lost_is_gone_on_with_however_busy_the_calendar_is(
    stage: Stage, ada: Practitioner
) -> None:
    in_pass(stage, ada)
    for _ in range(10):
        row = stage.own_time(ada, hours=200)
        stage.live(ada, row)
        stage.minutes(4)
    assert not stage.calendar(ada).in_pass
