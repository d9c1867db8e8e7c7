"""Looks: one cheap call for a calendar where nothing is; what is not plainly idle is its job's to see."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.connections import pause
from shared.app.jobs import CalendarTask, LooksTask, job_of, perform
from shared.app.looks import Looked, look
from shared.app.records import CURSOR_FORMAT, Lease
from shared.core.errors import BlockedError, OverLimitError, RetryableError
from shared.core.policy import Mode
from tests.app.consents import ConsentingStage
from tests.app.stage import Practitioner, Stage, nothing, once, raising
from tests.app.workers import Worker

HOUR = timedelta(hours=1)


def key(whose: Practitioner) -> str:
    return whose.connection.calendar_key


def looked(stage: Stage, *people: Practitioner) -> Looked:
    return look(stage.world, [key(each) for each in people])


# --- what it costs --------------------------------------------------------------------------------------


def test_an_idle_calendar_costs_one_call_and_no_write(stage: Stage, ada: Practitioner) -> None:
    assert looked(stage, ada) == Looked(1, ())
    assert stage.ledger.google == ["events.list"]
    assert stage.ledger.ehr + stage.ledger.commits == []
    assert stage.ledger.reads == 2


def test_many_cost_one_call_each_and_are_read_together(stage: Stage) -> None:
    people = [stage.connect() for _ in range(5)]
    stage.ledger.clear()
    assert looked(stage, *people) == Looked(5, ())
    assert stage.ledger.google == ["events.list"] * 5
    assert stage.ledger.reads == 10


def test_an_idle_one_is_stamped_once_an_hour(stage: Stage, ada: Practitioner) -> None:
    written = []
    for _ in range(9):
        stage.clock.advance(900)
        stage.ledger.clear()
        looked(stage, ada)
        written.append(stage.ledger.documents_written)
    assert written == [0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert stage.calendar(ada).checked_at == stage.clock.now() - timedelta(minutes=15)


def test_a_stamp_changes_nothing_but_when_and_from_where(stage: Stage, ada: Practitioner) -> None:
    stage.clock.advance(3_600)
    before = stage.calendar(ada)
    looked(stage, ada)
    after = stage.calendar(ada)
    assert after == replace(before, checked_at=stage.clock.now(), cursor=after.cursor)


def test_a_stamp_is_dropped_where_somebody_wrote_meanwhile(stage: Stage, ada: Practitioner) -> None:
    stage.clock.advance(3_600)
    due_at = stage.at(5)
    stage.before = once("commit", lambda: stage.change_calendar(ada, due_at=due_at))
    assert looked(stage, ada) == Looked(1, ())
    assert stage.calendar(ada).due_at == due_at
    assert stage.calendar(ada).checked_at == stage.clock.now() - HOUR


# --- what it is for -------------------------------------------------------------------------------------


def settings_changed(stage: Stage, whose: Practitioner) -> None:
    stage.change_settings(whose, horizon_days=30)


def cursor_gone(stage: Stage, whose: Practitioner) -> None:
    stage.google.expire_sync_tokens(stage.calendar_id(whose))


def cursor_of_another_reading(stage: Stage, whose: Practitioner) -> None:
    stage.change_calendar(whose, cursor_format=CURSOR_FORMAT - 1)


def problem_noted(stage: Stage, whose: Practitioner) -> None:
    stage.change_calendar(whose, problem="google_refused")


def event_made(stage: Stage, whose: Practitioner) -> None:
    stage.hand_made(whose)


def deleted(stage: Stage, whose: Practitioner) -> None:
    whose.person.delete_calendar(stage.calendar_id(whose))


def test_a_channel_that_is_to_be_made_anew_is_its_jobs_to_make() -> None:
    stage = Stage(push=True)
    ada = stage.connect()
    assert looked(stage, ada) == Looked(1, ())
    stage.change_calendar(ada, renew_at=stage.clock.now())
    assert looked(stage, ada) == Looked(1, (key(ada),))
    assert "events.watch" not in stage.ledger.google


@pytest.mark.parametrize(
    "happened",
    [event_made, settings_changed, cursor_gone, cursor_of_another_reading, problem_noted, deleted],
)
def test_what_is_not_plainly_idle_has_its_job_and_nothing_else_is_done(
    stage: Stage, ada: Practitioner, happened: Callable[[Stage, Practitioner], None]
) -> None:
    bea = stage.connect()
    happened(stage, ada)
    before = [stage.calendar(each) for each in (ada, bea)]
    stage.ledger.clear()
    assert looked(stage, ada, bea) == Looked(2, (key(ada),))
    assert stage.ledger.commits + stage.ledger.side_writes == []
    assert [stage.calendar(each) for each in (ada, bea)] == before


@pytest.mark.parametrize(
    "error",
    [
        RetryableError("google_unavailable"),
        OverLimitError("google_rate_limit"),
        BlockedError("google_unauthorized"),
        ZeroDivisionError(),
    ],
)
def test_an_error_of_one_is_its_jobs_to_name_and_the_others_are_looked_at(
    stage: Stage, ada: Practitioner, error: Exception
) -> None:
    bea = stage.connect()
    stage.ledger.clear()
    stage.before = once("events.list", raising(error))
    assert looked(stage, ada, bea) == Looked(2, (key(ada),))
    assert stage.ledger.google == ["events.list"] * 2
    assert stage.ledger.commits == []


def test_a_calendar_that_is_not_made_yet_has_its_job_and_costs_no_call(stage: Stage) -> None:
    ada = stage.add()
    assert looked(stage, ada) == Looked(1, (key(ada),))
    assert stage.ledger.google == []


def test_a_grant_that_is_dead_or_missing_is_its_jobs_to_name() -> None:
    stage = ConsentingStage()
    ada, bea = stage.connect(), stage.connect()
    stage.withdraw(ada)
    stage.lose_grant(bea)
    stage.ledger.clear()
    assert looked(stage, ada, bea) == Looked(2, (key(ada), key(bea)))
    assert stage.ledger.commits == []


# --- what is left alone ---------------------------------------------------------------------------------


def off(stage: Stage, whose: Practitioner) -> None:
    stage.change_settings(whose, mode=Mode.OFF)


def paused(stage: Stage, whose: Practitioner) -> None:
    pause(stage.world, whose.connection.key)


def over_a_limit(stage: Stage, whose: Practitioner) -> None:
    stage.before = once("events.list", raising(OverLimitError("google_rate_limit")))
    with pytest.raises(OverLimitError):
        stage.live(whose)
    stage.before = nothing


def missing(stage: Stage, whose: Practitioner) -> None:
    stage.change_calendar(whose, missing=True)


def leased(stage: Stage, whose: Practitioner) -> None:
    stage.change_calendar(whose, lease=Lease("another", stage.at(0.01)))


@pytest.mark.parametrize("state", [off, paused, over_a_limit, missing, leased])
def test_what_waits_for_something_else_is_not_read(
    stage: Stage, ada: Practitioner, state: Callable[[Stage, Practitioner], None]
) -> None:
    stage.clock.advance(3_600)
    state(stage, ada)
    stage.ledger.clear()
    assert looked(stage, ada) == Looked(0, ())
    assert stage.ledger.google + stage.ledger.commits == []


def test_what_a_dead_job_left_leased_is_looked_at_again(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, lease=Lease("dead", stage.clock.now()))
    stage.hand_made(ada)
    assert looked(stage, ada) == Looked(1, (key(ada),))


def test_a_calendar_that_is_known_no_more_is_passed_over(stage: Stage, ada: Practitioner) -> None:
    assert look(stage.world, ["nobodys", key(ada)]) == Looked(1, ())


def test_a_running_job_is_not_disturbed_by_a_look(stage: Stage, ada: Practitioner) -> None:
    """An idle look would be worth a stamp: it would take the calendar from under the job."""
    row = stage.book(ada)
    stage.clock.advance(3_600)
    stage.before = once("events.insert", lambda: looked(stage, ada))
    stage.live(ada, row, look=False)
    assert stage.item(ada).event_id == stage.event(ada)["id"]
    assert stage.calendar(ada).lease is None


@pytest.mark.parametrize("step", range(1, 5))
def test_a_look_and_a_job_at_once_cost_neither_what_it_found(
    stage: Stage, ada: Practitioner, step: int
) -> None:
    row = stage.book(ada)
    stage.clock.advance(3_600)
    with Worker(stage, lambda: stage.live(ada, row)) as worker:
        worker.steps(step)
        looked(stage, ada)
        worker.finish()
    assert stage.item(ada).event_id == stage.event(ada)["id"]
    assert stage.calendar(ada).lease is None


# --- as a task ------------------------------------------------------------------------------------------


def test_each_with_news_gets_a_live_job_of_its_own(stage: Stage) -> None:
    people = [stage.connect() for _ in range(3)]
    for person in people[1:]:
        stage.hand_made(person)
    answer = perform(stage.world, stage.tasks, LooksTask(tuple(map(key, people))))
    assert answer == Looked(3, (key(people[1]), key(people[2])))
    jobs = [job_of(task.body) for task in stage.tasks.waiting]
    assert jobs == [CalendarTask(key(person)) for person in people[1:]]
    stage.drain()
    assert len(stage.store.resources("Appointment")) == 2


def test_a_push_and_a_look_in_the_same_second_are_one_job(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.ask(CalendarTask(key(ada)))
    perform(stage.world, stage.tasks, LooksTask((key(ada),)))
    assert len(stage.tasks.waiting) == 1


def test_a_store_that_fails_brings_the_whole_task_again(stage: Stage, ada: Practitioner) -> None:
    stage.clock.advance(3_600)
    stage.before = once("commit", raising(RetryableError("store_unavailable")))
    task = LooksTask((key(ada),))
    assert perform(stage.world, stage.tasks, task) is None
    [again] = stage.tasks.waiting
    assert job_of(again.body) == replace(task, tries=1)


def test_they_may_be_taken_side_by_side(stage: Stage) -> None:
    people = [stage.connect() for _ in range(4)]
    for person in people[::2]:
        stage.hand_made(person)

    def in_threads(do: Callable[[str], str | None], these: Sequence[str]) -> list[str | None]:
        answers: dict[str, str | None] = {}
        for each in reversed(these):
            thread = threading.Thread(target=lambda each=each: answers.update({each: do(each)}))
            thread.start()
            thread.join()
        return [answers[each] for each in these]

    stage.world = replace(stage.world, side_by_side=in_threads)
    assert looked(stage, *people) == Looked(4, (key(people[0]), key(people[2])))
