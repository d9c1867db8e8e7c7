"""Fixtures: Firestore servers to test against; taken with `pytest_plugins = ["tests.firestores"]`.

Every test has a project of its own, so that tests in parallel never meet on one server.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.servers import server


@pytest.fixture(scope="session")
def sandbox_firestore() -> Iterator[str]:
    """Our own server, as a child process: `host:port`."""
    with server("sandbox.firestore") as address:
        yield address


@pytest.fixture(scope="session")
def emulator_firestore() -> str:
    """Google's emulator, when one runs: `host:port`."""
    host = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if not host:
        pytest.skip("FIRESTORE_EMULATOR_HOST is not set (python -m sandbox.emulator -- pytest …)")
    return host


@pytest.fixture(params=["sandbox", "emulator"])
def firestore_host(request: pytest.FixtureRequest) -> str:
    """Each of the servers in turn."""
    host: str = request.getfixturevalue(f"{request.param}_firestore")
    return host


@pytest.fixture
def project() -> str:
    return f"demo-{uuid.uuid4().hex[:12]}"
