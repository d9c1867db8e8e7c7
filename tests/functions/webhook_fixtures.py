"""Fixtures: push_webhook as it is deployed, on this machine, with queue and secrets of the test's own.

Taken with `pytest_plugins = ["tests.functions.webhook_fixtures"]`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from functions_framework import create_app

from sandbox.tasks.child import Addresses
from tests.functions.webhook import CHANNEL_KEY, HOOK_SECRET, HOOKS, SOURCE, Waiting
from tests.tasks import Control

pytest_plugins = ["tests.cloud_tasks", "tests.secrets_servers"]


@pytest.fixture
def project(secrets_client: Any, secrets_project: str) -> str:
    """A project with its two secrets."""
    for name, value in {"channel-keys": CHANNEL_KEY, HOOKS: HOOK_SECRET}.items():
        secret: dict[str, Any] = {"replication": {"automatic": {}}}
        request = {"parent": f"projects/{secrets_project}", "secret_id": name, "secret": secret}
        secrets_client.create_secret(request=request)
        _add(secrets_client, secrets_project, name, value)
    return secrets_project


@pytest.fixture
def add_hooks(secrets_client: Any, project: str) -> Callable[[bytes], None]:
    """Add a version to what the hooks of the practice are believed by; before the function reads it."""
    return lambda value: _add(secrets_client, project, HOOKS, value)


def _add(client: Any, project: str, name: str, value: bytes) -> None:
    version = {"parent": f"projects/{project}/secrets/{name}", "payload": {"data": value}}
    client.add_secret_version(request=version)


@pytest.fixture
def waiting(client: Any, control: Control, project: str) -> Waiting:
    control.stand_at(datetime.now(UTC))
    return Waiting(client, f"projects/{project}/locations/here")


@pytest.fixture
def application(
    waiting: Waiting,
    project: str,
    tasks_addresses: Addresses,
    secrets_address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Any]:
    """Loads the function under the framework, with the settings of a deployment: a WSGI application."""
    settings = {
        "PROJECT": project,
        "PRACTICES": "one",
        "TASKS_LOCATION": "here",
        "QUEUE_LIVE": waiting.queue,
        "SYNC_TASK_URL": "http://127.0.0.1:9/run",
        "TASKS_AUDIENCE": "sync-task",
        "TASKS_INVOKER": "invoker@demo.example",
        "TASKS_HOST": tasks_addresses.grpc,
        "SECRETS_HOST": secrets_address,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"CALSYNC_{name}", value)
    return lambda: create_app("main", str(SOURCE))  # type: ignore[no-untyped-call]


@pytest.fixture
def function(application: Callable[[], Any]) -> Any:
    return application().test_client()
