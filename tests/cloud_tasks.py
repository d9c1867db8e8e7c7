"""Fixtures: a Cloud Tasks server to test against; taken with `pytest_plugins = ["tests.cloud_tasks"]`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.tasks.child import Addresses, tasks_server
from tests.tasks import LOCATION, START, Control, Target, tasks_client


@pytest.fixture(scope="session")
def tasks_addresses() -> Iterator[Addresses]:
    """One server for the tests of a worker, its dispatcher paused: each test says when it dispatches."""
    with tasks_server("--seed", "7") as addresses:
        Control(addresses.control)("POST", "control/settings", {"paused": True})
        yield addresses


@pytest.fixture
def control(tasks_addresses: Addresses) -> Iterator[Control]:
    """The server's clock stands at START; what a test turns is turned back."""
    control = Control(tasks_addresses.control)
    control.stand_at(START)
    yield control
    control("DELETE", "control/faults")
    control("POST", "control/settings", {"paused": True, "duplicates": False, "reorder": False})


@pytest.fixture
def client(tasks_addresses: Addresses) -> Iterator[Any]:
    client = tasks_client(tasks_addresses.grpc)
    yield client
    client.transport.close()


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.close()


@pytest.fixture
def queue_id(client: Any) -> Iterator[str]:
    """A queue of the test's own; what it leaves behind is purged."""
    queue_id = f"q-{uuid.uuid4().hex[:12]}"
    name = f"{LOCATION}/queues/{queue_id}"
    client.create_queue(parent=LOCATION, queue={"name": name})
    yield queue_id
    client.purge_queue(name=name)
