"""What is due when, and what becomes of an attempt: the model alone, without clock, threads or network."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from sandbox.rpc import RefusedError
from sandbox.tasks.limits import SLOW_MAX, Limits
from sandbox.tasks.model import TOMBSTONE, Dispatch, Entry, Model, Outcome, Queue, Result, Task
from sandbox.tasks.retry import RETENTION, Retry

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86_400))
QUEUE = "projects/demo/locations/here/queues/live"
ROOM = 1000

OK, FAILED, BUSY = Outcome(200), Outcome(500, "HTTP 500"), Outcome(503, "HTTP 503")


def model_with(**queue: object) -> Model:
    model = Model()
    model.create_queue(Queue(QUEUE, **queue))  # type: ignore[arg-type]
    return model


def task(name: str, due: datetime = NOW, **more: object) -> Task:
    made = Task(f"{QUEUE}/tasks/{name}", 0, b"", NOW, due, 10 * MINUTE)
    return replace(made, **more)  # type: ignore[arg-type]


def ids(dispatches: list[Dispatch]) -> list[str]:
    return [dispatch.task.name.rpartition("/")[2] for dispatch in dispatches]


def only(dispatches: list[Dispatch]) -> Dispatch:
    (dispatch,) = dispatches
    return dispatch


# --- retries --------------------------------------------------------------------------------------------


def test_the_wait_doubles_then_grows_linearly_up_to_its_maximum() -> None:
    retry = Retry(min_backoff=10 * SECOND, max_backoff=300 * SECOND, max_doublings=3)
    waits = [retry.backoff(failures).total_seconds() for failures in range(1, 9)]
    assert waits == [10, 20, 40, 80, 160, 240, 300, 300]  # the example of the documentation


@pytest.mark.parametrize("failures", [1, 2, 100, 10_000])
@pytest.mark.parametrize("doublings", [0, 16, 2**31 - 1])
def test_no_wait_is_longer_than_its_maximum(failures: int, doublings: int) -> None:
    retry = Retry(min_backoff=SECOND, max_backoff=MINUTE, max_doublings=doublings)
    assert SECOND <= retry.backoff(failures) <= MINUTE


@pytest.mark.parametrize(
    ("max_attempts", "max_duration", "attempts", "after", "given_up"),
    [
        (3, HOUR, 3, HOUR, True),
        (3, HOUR, 3, HOUR - SECOND, False),  # both limits must be reached
        (3, HOUR, 2, 2 * HOUR, False),
        (3, timedelta(0), 3, timedelta(0), True),  # a limit that is not set cannot hold
        (-1, HOUR, 1, HOUR, True),
        (-1, timedelta(0), 10_000, 30 * DAY, False),
    ],
)
def test_a_task_is_given_up_when_each_limit_that_is_set_is_reached(
    max_attempts: int, max_duration: timedelta, attempts: int, after: timedelta, *, given_up: bool
) -> None:
    retry = Retry(max_attempts, max_duration)
    assert retry.exhausted(attempts, NOW, NOW + after) is given_up


def test_a_failed_task_comes_again_after_its_wait_and_is_dropped_after_the_last_attempt() -> None:
    model = model_with(retry=Retry(max_attempts=2, min_backoff=MINUTE))
    model.add(task("a"), NOW)
    first = only(model.begin(NOW, ROOM))
    assert model.end(first, FAILED, NOW + SECOND) is Result.RETRY
    assert model.next_time(NOW) == NOW + SECOND + MINUTE
    assert model.begin(NOW + MINUTE, ROOM) == []
    second = only(model.begin(NOW + SECOND + MINUTE, ROOM))
    assert (second.task.dispatches, second.task.executions) == (2, 0)
    assert second.previous is not None
    assert (second.previous.status, second.previous.reason) == (500, "HTTP 500")
    assert model.end(second, FAILED, NOW + HOUR) is Result.DROPPED
    assert model.tasks == {}


def test_a_tasks_own_retries_go_before_its_queues() -> None:
    model = model_with(retry=Retry(max_attempts=5))
    model.add(task("a", retry=Retry(max_attempts=1)), NOW)
    assert model.end(only(model.begin(NOW, ROOM)), FAILED, NOW) is Result.DROPPED


@pytest.mark.parametrize(
    ("outcome", "responses", "executions"),
    [(Outcome(404), 1, 1), (Outcome(302), 1, 1), (FAILED, 1, 0), (Outcome(0, "UNAVAILABLE"), 0, 0)],
)
def test_a_5xx_is_a_response_but_no_execution(outcome: Outcome, responses: int, executions: int) -> None:
    model = model_with()
    model.add(task("a"), NOW)
    model.end(only(model.begin(NOW, ROOM)), outcome, NOW)
    (left,) = model.tasks.values()
    assert (left.dispatches, left.responses, left.executions) == (1, responses, executions)


def test_a_task_lives_31_days() -> None:
    model = model_with(retry=Retry(max_attempts=-1))
    model.add(task("a"), NOW)
    assert model.begin(NOW + RETENTION, ROOM) == []
    assert model.tasks == {}


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["waiting", "executed", "deleted", "dropped", "purged"])
def test_a_name_stays_taken_for_a_day_after_its_task(how: str) -> None:
    model = model_with(retry=Retry(max_attempts=1))
    model.add(task("a"), NOW)
    if how in ("executed", "dropped"):
        model.end(only(model.begin(NOW, ROOM)), OK if how == "executed" else FAILED, NOW)
    elif how == "deleted":
        model.delete(task("a").name, NOW)
    elif how == "purged":
        model.purge(QUEUE, NOW)
    later = NOW + TOMBSTONE
    with pytest.raises(RefusedError) as refused:
        model.add(task("a"), later - SECOND)
    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS
    if how != "waiting":
        assert model.add(task("a", later), later).name == task("a").name
        assert ids(model.begin(later, ROOM)) == ["a"]


def test_a_name_is_free_again_even_when_the_clock_ran_backwards_in_between() -> None:
    model = model_with()
    for name, at in (("late", NOW + DAY), ("early", NOW)):
        model.add(task(name, at), at)
        model.delete(task(name).name, at)
    assert model.add(task("early"), NOW + TOMBSTONE).number == 3


def test_a_queue_that_is_not_there_takes_no_task() -> None:
    with pytest.raises(RefusedError) as refused:
        Model().add(task("a"), NOW)
    assert refused.value.code is grpc.StatusCode.NOT_FOUND


# --- what is due ----------------------------------------------------------------------------------------


def test_due_tasks_go_by_time_then_by_creation() -> None:
    model = model_with()
    for name, due in (("c", NOW), ("b", NOW - SECOND), ("d", NOW), ("later", NOW + SECOND)):
        model.add(task(name, due), NOW)
    assert ids(model.begin(NOW, ROOM)) == ["b", "c", "d"]
    assert model.begin(NOW, ROOM) == []  # they are running
    assert ids(model.begin(NOW + SECOND, ROOM)) == ["later"]


def test_an_order_of_ones_own_loses_nobody() -> None:
    model = model_with(concurrent_max=2)
    for name in "abcd":
        model.add(task(name), NOW)
    first = model.begin(NOW, ROOM, order=lambda due: due.reverse())
    assert ids(first) == ["d", "c"]
    for dispatch in first:
        model.end(dispatch, OK, NOW)
    assert ids(model.begin(NOW, ROOM, order=lambda due: due.reverse())) == ["b", "a"]


def test_no_more_run_than_there_is_room_for() -> None:
    model = model_with()
    for name in "abc":
        model.add(task(name), NOW)
    assert ids(model.begin(NOW, 2)) == ["a", "b"]
    assert ids(model.begin(NOW, 0)) == []


def test_a_queue_runs_only_so_many_at_once() -> None:
    model = model_with(concurrent_max=2)
    for name in "abc":
        model.add(task(name), NOW)
    running = model.begin(NOW, ROOM)
    assert ids(running) == ["a", "b"]
    assert model.next_time(NOW) == NOW + 10 * MINUTE  # nothing but a deadline is waited for
    model.end(running[0], OK, NOW)
    assert ids(model.begin(NOW, ROOM)) == ["c"]


def test_a_queue_dispatches_a_seconds_worth_at_once_and_then_at_its_rate() -> None:
    model = model_with(dispatches_per_second=2.0)
    for name in "abcde":
        model.add(task(name), NOW)
    assert ids(model.begin(NOW, ROOM)) == ["a", "b"]
    half = NOW + SECOND / 2
    assert model.next_time(NOW) == half
    assert ids(model.begin(half, ROOM)) == ["c"]
    assert ids(model.begin(half, ROOM)) == []
    assert ids(model.begin(NOW + HOUR, ROOM)) == ["d", "e"]


def test_a_slow_rate_is_kept_over_many_steps() -> None:
    limits, sent, now = Limits(), 0, NOW
    for _ in range(1000):
        ready = limits.ready_at(0.3, now)
        now = max(ready, now + timedelta(milliseconds=100))
        count = limits.tokens(0.3, now)
        assert count in (0, 1)
        limits.take(0.3, now, count)
        sent += count
    assert sent <= 1 + (now - NOW).total_seconds() * 0.3 < sent + 2


def test_a_paused_queue_takes_tasks_and_dispatches_none() -> None:
    model = model_with(paused=True)
    model.add(task("a"), NOW)
    assert model.begin(NOW, ROOM) == []
    assert model.next_time(NOW) is None
    model.put_queue(replace(model.queue(QUEUE), paused=False))
    assert ids(model.begin(NOW, ROOM)) == ["a"]


# --- answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_handler_slows_the_whole_queue_longer_each_time(status: int) -> None:
    model = model_with(retry=Retry(min_backoff=timedelta(0)))
    model.add(task("a"), NOW)
    model.end(only(model.begin(NOW, ROOM)), Outcome(status), NOW)
    model.add(task("b"), NOW)
    assert model.begin(NOW, ROOM) == []
    assert model.next_time(NOW) == NOW + SECOND
    both = model.begin(NOW + SECOND, ROOM)
    assert len(both) == 2
    for dispatch in both:
        model.end(dispatch, Outcome(status), NOW + SECOND)
    assert model.next_time(NOW + SECOND) == NOW + 5 * SECOND  # 2 s, then 4 s from the same instant


def test_another_error_slows_only_its_own_task() -> None:
    model = model_with()
    model.add(task("a"), NOW)
    model.end(only(model.begin(NOW, ROOM)), FAILED, NOW)
    model.add(task("b"), NOW)
    assert ids(model.begin(NOW, ROOM)) == ["b"]


def test_a_success_ends_the_slowing_unless_it_was_under_way_before() -> None:
    limits = Limits()
    limits.slow_down(NOW, None)
    limits.recover(NOW)
    assert limits.tokens(1, NOW) == 0
    limits.recover(NOW + SECOND)
    limits.slow_down(NOW + SECOND, None)
    assert limits.ready_at(1, NOW + SECOND) == NOW + 2 * SECOND
    for _ in range(20):
        limits.slow_down(NOW, None)
    assert limits.ready_at(1, NOW) == NOW + SLOW_MAX


def test_retry_after_is_waited_for_by_the_task_and_its_queue() -> None:
    model = model_with()
    model.add(task("a"), NOW)
    model.add(task("b", NOW + SECOND), NOW)
    model.end(only(model.begin(NOW, ROOM)), Outcome(503, retry_after=MINUTE), NOW)
    assert model.next_time(NOW) == NOW + MINUTE
    assert sorted(ids(model.begin(NOW + MINUTE, ROOM))) == ["a", "b"]


def test_an_attempt_past_its_deadline_failed_and_its_answer_comes_too_late() -> None:
    model = model_with()
    model.add(task("a"), NOW)
    first = only(model.begin(NOW, ROOM))
    assert model.expire(NOW + 10 * MINUTE - SECOND) == []
    ((over, outcome, result),) = model.expire(NOW + 10 * MINUTE)
    assert (over, outcome.reason, result) == (first, "DEADLINE_EXCEEDED", Result.RETRY)
    second = only(model.begin(NOW + HOUR, ROOM))
    assert model.end(first, OK, NOW + HOUR) is Result.LATE
    assert model.end(second, OK, NOW + HOUR) is Result.DONE


def test_deleting_a_running_task_lets_it_end_and_lets_nothing_follow() -> None:
    model = model_with()
    model.add(task("a"), NOW)
    running = only(model.begin(NOW, ROOM))
    model.delete(task("a").name, NOW)
    assert model.end(running, FAILED, NOW) is Result.DELETED
    assert model.begin(NOW + DAY, ROOM) == []


# --- another life ---------------------------------------------------------------------------------------


def test_what_was_recorded_makes_the_same_model_again_with_running_attempts_due() -> None:
    recorded: list[Entry] = []
    model = Model(recorded.append)
    model.create_queue(Queue(QUEUE, retry=Retry(min_backoff=HOUR)))
    for name in ("done", "failed", "running", "waiting"):
        model.add(task(name), NOW)
    done, failed, _running = model.begin(NOW, 3)
    model.end(done, OK, NOW)
    model.end(failed, FAILED, NOW)
    for entries in (recorded, list(model.entries(NOW))):
        again = Model()
        for entry in entries:
            again.restore(entry)
        assert (again.queues, again.tasks) == (model.queues, model.tasks)
        with pytest.raises(RefusedError):
            again.add(task("done"), NOW)
        assert ids(again.begin(NOW, ROOM)) == ["running", "waiting"]
        assert ids(again.begin(NOW + HOUR, ROOM)) == ["failed"]
        assert again.add(task("new"), NOW).number == 5


def test_a_name_that_was_used_again_is_not_gone_in_the_next_life() -> None:
    recorded: list[Entry] = []
    model = Model(recorded.append)
    model.create_queue(Queue(QUEUE))
    model.add(task("a"), NOW)
    model.delete(task("a").name, NOW)
    model.add(task("a"), NOW + TOMBSTONE)
    again = Model()
    for entry in [*recorded, *model.entries(NOW)]:
        again.restore(entry)
    assert again.tasks == model.tasks
