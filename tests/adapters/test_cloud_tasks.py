"""What the adapter does beyond the contract of the queues: errors, repeats, requests, connecting."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions as api_core_exceptions
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import AnonymousCredentials

from sandbox import rpc
from sandbox.faults import Fault
from sandbox.tasks.messages import HttpRequest
from sandbox.tasks.model import Model, Outcome, Task
from sandbox.tasks.model import Queue as ModelQueue
from sandbox.tasks.server import routes
from sandbox.tasks.service import Service
from shared.adapters import cloud_tasks as adapter
from shared.adapters.cloud_tasks import CloudTasks, task_id, translate
from shared.core.errors import BlockedError, RetryableError
from shared.ports import NewTask, Queue
from tests.adapters.cloud_error_classes import CREDENTIAL_ERRORS, GOOGLE_ERROR_CLASSES, REMEDIES, made

google_errors: Any = api_core_exceptions  # their constructors carry no types
auth_errors: Any = auth_exceptions

LOCATION = "projects/demo/locations/here"
QUEUES = {Queue.LIVE: "live", Queue.BULK: "bulk"}

# --- errors ---------------------------------------------------------------------------------------------


def test_every_error_of_the_library_has_its_place() -> None:
    assert sorted(GOOGLE_ERROR_CLASSES) == sorted(REMEDIES)


@pytest.mark.parametrize("name", REMEDIES)
def test_a_foreign_error_is_named_by_its_remedy(name: str) -> None:
    known = translate(made(GOOGLE_ERROR_CLASSES[name]))
    assert (None if known is None else type(known)) is REMEDIES[name]


@pytest.mark.parametrize("kind", CREDENTIAL_ERRORS)
def test_errors_of_credentials_block_unless_they_pass(kind: type[Exception]) -> None:
    expected = RetryableError if issubclass(kind, auth_errors.TransportError) else BlockedError
    assert isinstance(translate(made(kind)), expected)


def test_a_reason_is_a_code_and_carries_nothing_of_the_answer() -> None:
    known = translate(google_errors.ServiceUnavailable("details of projects/p/queues/q"))
    assert str(known) == "tasks_unavailable"


# --- calls ----------------------------------------------------------------------------------------------


@dataclass
class Server:
    service: Service
    port: int

    def tasks(self) -> list[Task]:
        with self.service.using() as (model, _):
            return list(model.tasks.values())

    def fault(self, **fault: Any) -> None:
        self.service.faults.add(Fault("CreateTask", **fault))


@pytest.fixture
def server() -> Iterator[Server]:
    """Cloud Tasks in this process; it dispatches nothing."""
    model = Model()
    for queue_id in QUEUES.values():
        model.create_queue(ModelQueue(f"{LOCATION}/queues/{queue_id}"))
    service = Service(model, lambda _dispatch, _target: Outcome(200))
    running, port = rpc.start(routes(service), 0)
    yield Server(service, port)
    running.stop(1).wait()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., CloudTasks]]:
    made: list[CloudTasks] = []

    def make(**changed: Any) -> CloudTasks:
        arguments: dict[str, Any] = {
            "project": "demo",
            "location": "here",
            "queues": QUEUES,
            "target": "https://sync.example.com/run",
            "invoker": "tasks@demo.example.com",
            "audience": "https://sync.example.com",
            "host": f"127.0.0.1:{server.port}",
        }
        tasks = CloudTasks(**{**arguments, **changed})
        made.append(tasks)
        return tasks

    yield make
    for tasks in made:
        tasks.close()


@pytest.fixture
def tasks(connect: Callable[..., CloudTasks]) -> CloudTasks:
    return connect()


def test_a_task_carries_all_that_its_handler_needs(tasks: CloudTasks, server: Server) -> None:
    tasks.enqueue(NewTask(Queue.BULK, {"calendar": "k1"}))
    (task,) = server.tasks()
    request = HttpRequest.FromString(task.request)
    assert task.queue == f"{LOCATION}/queues/bulk"
    assert (request.url, request.http_method) == ("https://sync.example.com/run", 1)
    assert (dict(request.headers), request.body) == (
        {"Content-Type": "application/json"},
        b'{"calendar":"k1"}',
    )
    assert request.oidc_token.service_account_email == "tasks@demo.example.com"
    assert request.oidc_token.audience == "https://sync.example.com"
    assert task.deadline == timedelta(seconds=adapter.ATTEMPT_SECONDS)


@pytest.mark.parametrize("name", ["push/k1/1772438400", "", "ü" * 1000, "a" * 1000, "\n"])
def test_an_id_is_a_hash_then_the_name_as_far_as_it_is_legal(name: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}-[A-Za-z0-9_-]{0,200}", task_id(name))
    assert task_id(name) != task_id(f"{name}x")


def test_an_id_can_be_read_by_who_looks_for_it() -> None:
    assert task_id("push/k1").endswith("-push-k1")


@pytest.mark.parametrize(("name", "made"), [("k1", 1), (None, 2)])
def test_a_task_whose_answer_was_lost_is_made_again(
    tasks: CloudTasks, server: Server, name: str | None, made: int
) -> None:
    server.fault(lost=True)
    tasks.enqueue(NewTask(Queue.LIVE, {}, name))
    assert len(server.tasks()) == made


@pytest.mark.parametrize("status", [500, 503])
def test_what_passes_is_tried_again(tasks: CloudTasks, server: Server, status: int) -> None:
    server.fault(status=status, count=2)
    tasks.enqueue(NewTask(Queue.LIVE, {}, "k1"))
    assert len(server.tasks()) == 1


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, google_errors.InvalidArgument),
        (401, BlockedError),
        (403, BlockedError),
        (404, BlockedError),
        (409, RetryableError),
        (412, BlockedError),
        (429, RetryableError),
        (504, RetryableError),
    ],
)
def test_another_refusal_is_named_by_its_remedy_at_once(
    tasks: CloudTasks, server: Server, status: int, remedy: type[Exception]
) -> None:
    server.fault(status=status)
    server.fault(status=500)
    with pytest.raises(remedy):
        tasks.enqueue(NewTask(Queue.LIVE, {}, "k1"))
    assert len(server.service.faults) == 1  # the second was not met


def test_trying_again_has_an_end(connect: Callable[..., CloudTasks], server: Server) -> None:
    server.fault(status=503, count=1000)
    with pytest.raises(RetryableError):
        connect(create_seconds=0.3).enqueue(NewTask(Queue.LIVE, {}, "k1"))


def test_queues_that_cannot_be_reached_are_worth_another_try(connect: Callable[..., CloudTasks]) -> None:
    with socket.socket() as deaf:  # bound, so nobody else has it, but not listening
        deaf.bind(("127.0.0.1", 0))
        unreachable = connect(host=f"127.0.0.1:{deaf.getsockname()[1]}", create_seconds=0.3)
        with pytest.raises(RetryableError):
            unreachable.enqueue(NewTask(Queue.LIVE, {}))


def test_a_queue_that_is_not_there_is_for_a_person(connect: Callable[..., CloudTasks]) -> None:
    with pytest.raises(BlockedError, match="tasks_misconfigured"):
        connect(queues={**QUEUES, Queue.LIVE: "none"}).enqueue(NewTask(Queue.LIVE, {}))


def test_a_closed_connection_is_made_again(tasks: CloudTasks, server: Server) -> None:
    for _ in range(2):
        tasks.enqueue(NewTask(Queue.LIVE, {}))
        tasks.close()
    assert len(server.tasks()) == 2


def test_nothing_is_connected_before_it_is_needed(connect: Callable[..., CloudTasks]) -> None:
    connect(host="nowhere.invalid:1")


def test_what_cannot_work_is_not_made(connect: Callable[..., CloudTasks]) -> None:
    with pytest.raises(ValueError, match="plain channel"):
        connect(credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="no queue for bulk"):
        connect(queues={Queue.LIVE: "live"})
