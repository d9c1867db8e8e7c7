"""What the queues must do, said once for every implementation of them.

`memory` is the one that simulations use; `sandbox` is the real adapter against our own server.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.adapters.cloud_tasks import CloudTasks
from shared.ports import NewTask, Queue, Tasks
from tests.fakes.clock import FakeClock
from tests.fakes.tasks import MemoryTasks
from tests.tasks import LOCATION, Control, Target

pytest_plugins = ["tests.cloud_tasks"]

DAY_SECONDS = 86_400.0


@dataclass
class Stage:
    tasks: Tasks
    clock: FakeClock
    ran: Callable[[], list[Any]]
    """Runs what is due; the bodies, of each task once."""

    def enqueue(self, body: dict[str, object], name: str | None = None, **more: Any) -> None:
        self.tasks.enqueue(NewTask(more.pop("queue", Queue.LIVE), body, name, **more))


@pytest.fixture(params=["memory", "sandbox"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    clock = FakeClock()
    if request.param == "memory":
        tasks = MemoryTasks(clock)
        yield Stage(tasks, clock, lambda: sorted(tasks.take_due(), key=str))
    else:
        yield from sandbox_stage(request, clock)


def sandbox_stage(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Stage]:
    control: Control = request.getfixturevalue("control")
    client, target = request.getfixturevalue("client"), request.getfixturevalue("target")
    assert isinstance(target, Target)
    queues = {queue: f"{queue.value}-{uuid.uuid4().hex[:12]}" for queue in Queue}
    for queue_id in queues.values():
        client.create_queue(parent=LOCATION, queue={"name": f"{LOCATION}/queues/{queue_id}"})
    addresses = request.getfixturevalue("tasks_addresses")
    tasks = CloudTasks(
        "demo",
        "here",
        queues,
        target=target.url,
        invoker="tasks@demo.example.com",
        audience="https://sync.example.com",
        host=addresses.grpc,
    )

    def ran() -> list[Any]:
        control.stand_at(clock.now())
        target.calls.clear()
        control.run()
        return sorted((json.loads(body) for body in target.bodies()), key=str)

    yield Stage(tasks, clock, ran)
    tasks.close()
    for queue_id in queues.values():
        client.purge_queue(name=f"{LOCATION}/queues/{queue_id}")


def test_a_task_is_run_once_with_its_body(stage: Stage) -> None:
    body = {"calendar": "k1", "items": ["a", "ü"], "pass": True, "epoch": 3, "none": None}
    stage.enqueue(body)
    assert stage.ran() == [body]
    assert stage.ran() == []


def test_the_caller_and_the_queue_share_nothing(stage: Stage) -> None:
    items = ["a"]
    stage.enqueue({"items": items})
    items.append("b")
    assert stage.ran() == [{"items": ["a"]}]


def test_of_a_second_task_with_the_same_name_nothing_comes(stage: Stage) -> None:
    stage.enqueue({"n": 1}, "k1/7")
    stage.enqueue({"n": 2}, "k1/7")
    assert stage.ran() == [{"n": 1}]


def test_a_name_stays_taken_for_a_day_after_its_task_was_run(stage: Stage) -> None:
    stage.enqueue({"n": 1}, "k1/7")
    stage.ran()
    stage.clock.advance(DAY_SECONDS - 1)
    assert stage.ran() == []
    stage.enqueue({"n": 2}, "k1/7")
    assert stage.ran() == []
    stage.clock.advance(1)
    assert stage.ran() == []
    stage.enqueue({"n": 3}, "k1/7")
    assert stage.ran() == [{"n": 3}]


def test_a_name_is_taken_as_long_as_its_task_waits(stage: Stage) -> None:
    waits = timedelta(days=2)
    stage.enqueue({"n": 1}, "k1/7", run_at=stage.clock.now() + waits)
    stage.clock.advance(waits.total_seconds() - 1)
    stage.enqueue({"n": 2}, "k1/7")
    assert stage.ran() == []
    stage.clock.advance(1)
    assert stage.ran() == [{"n": 1}]


def test_tasks_without_a_name_are_all_run(stage: Stage) -> None:
    for _ in range(2):
        stage.enqueue({"n": 1})
    assert stage.ran() == [{"n": 1}, {"n": 1}]


NAMES = ["a/b", "a-b", "a b", "a.b", "A-B", "ü", "", "a" * 1000, "a" * 1001]


def test_a_name_is_any_text_and_no_two_are_taken_for_one(stage: Stage) -> None:
    for name in NAMES:
        for _ in range(2):
            stage.enqueue({"name": name}, name)
    assert stage.ran() == sorted(({"name": name} for name in NAMES), key=str)


def test_each_queue_has_names_of_its_own(stage: Stage) -> None:
    for queue in Queue:
        stage.enqueue({"queue": queue.value}, "k1", queue=queue)
    assert stage.ran() == [{"queue": "bulk"}, {"queue": "live"}]


def test_a_task_is_not_run_before_its_time(stage: Stage) -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    stage.enqueue({"n": 1}, run_at=stage.clock.now().astimezone(zone) + timedelta(seconds=60))
    stage.enqueue({"n": 2}, run_at=stage.clock.now() - timedelta(seconds=60))
    assert stage.ran() == [{"n": 2}]
    stage.clock.advance(59)
    assert stage.ran() == []
    stage.clock.advance(1)
    assert stage.ran() == [{"n": 1}]


@pytest.mark.parametrize(
    ("body", "run_at", "error"),
    [
        ({"at": datetime(2026, 3, 1, tzinfo=UTC)}, None, TypeError),
        ({"x": math.nan}, None, ValueError),
        ({}, datetime(2026, 3, 1), ValueError),  # noqa: DTZ001 - it is what is refused
    ],
)
def test_a_task_that_cannot_be_kept_is_refused(
    stage: Stage, body: dict[str, object], run_at: datetime | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        stage.enqueue(body, run_at=run_at)
    assert stage.ran() == []
