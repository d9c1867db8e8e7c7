"""The deployed function under the framework, against a real queue and real secrets on this machine."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from functions_framework import create_app

from sandbox.tasks.child import Addresses
from shared.core.signing import KeyRing, seal_channel_token
from shared.settings import SettingsError
from tests.app.test_webhook import push, signed
from tests.tasks import Control

pytest_plugins = ["tests.cloud_tasks", "tests.secrets_servers"]

SOURCE = Path(__file__).parents[2] / "functions" / "push_webhook" / "main.py"
CHANNEL_KEY = b"a channel key of at least 32 bytes .."
HOOK_SECRET = b"the hook secret of practice one"


class Waiting:
    """A queue of the test's own, and what waits in it."""

    def __init__(self, client: Any, location: str) -> None:
        self.queue = f"live-{uuid.uuid4().hex[:12]}"
        self._client, self._path = client, f"{location}/queues/{self.queue}"
        client.create_queue(parent=location, queue={"name": self._path})

    def bodies(self) -> list[dict[str, Any]]:
        found = self._client.list_tasks(request={"parent": self._path, "response_view": "FULL"})
        return [json.loads(task.http_request.body) for task in found]


@pytest.fixture
def project(secrets_client: Any, secrets_project: str) -> str:
    """A project with its two secrets."""
    for name, value in {"channel-keys": CHANNEL_KEY, "practice-one-hooks": HOOK_SECRET}.items():
        parent = f"projects/{secrets_project}"
        secret: dict[str, Any] = {"replication": {"automatic": {}}}
        secrets_client.create_secret(request={"parent": parent, "secret_id": name, "secret": secret})
        version = {"parent": f"{parent}/secrets/{name}", "payload": {"data": value}}
        secrets_client.add_secret_version(request=version)
    return secrets_project


@pytest.fixture
def waiting(client: Any, control: Control, project: str) -> Waiting:
    control.stand_at(datetime.now(UTC))
    return Waiting(client, f"projects/{project}/locations/here")


@pytest.fixture
def function(
    waiting: Waiting,
    project: str,
    tasks_addresses: Addresses,
    secrets_address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """The function under the framework, with the settings of a deployment."""
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
    return create_app("main", str(SOURCE)).test_client()  # type: ignore[no-untyped-call]


def pushed() -> dict[str, str]:
    expires = datetime.now(UTC) + timedelta(days=1)
    token = seal_channel_token("calendar-key", "channel-1", expires, KeyRing.of([CHANNEL_KEY]))
    return push(token=token)


def hooked(body: bytes) -> dict[str, str]:
    return signed(body, secret=HOOK_SECRET, at=datetime.now(UTC).timestamp())


def test_a_push_becomes_a_task(function: Any, waiting: Waiting) -> None:
    assert function.post("/google", headers=pushed()).status_code == 204
    [body] = waiting.bodies()
    assert (body["kind"], body["calendar_key"], body["look"]) == ("calendar", "calendar-key", True)


def test_a_forged_push_is_answered_alike_and_becomes_nothing(function: Any, waiting: Waiting) -> None:
    forged = {**pushed(), "x-goog-channel-id": "another"}
    assert function.post("/google", headers=forged).status_code == 204
    assert waiting.bodies() == []


def test_a_hook_of_a_practice_becomes_a_task(function: Any, waiting: Waiting) -> None:
    answer = function.post("/ehr/one", data=b"{}", headers=hooked(b"{}"))
    assert (answer.status_code, answer.data) == (202, b"")
    assert [body["practice"] for body in waiting.bodies()] == ["one"]


@pytest.mark.parametrize("practice", ["two", "one/x", "../one", "ONE"])
def test_a_practice_that_is_not_served_is_never_looked_up(
    function: Any, waiting: Waiting, practice: str
) -> None:
    answer = function.post(f"/ehr/{practice}", data=b"{}", headers=hooked(b"{}"))
    assert answer.status_code in {401, 404}
    assert waiting.bodies() == []


def test_a_body_too_large_is_refused(function: Any, waiting: Waiting) -> None:
    assert function.post("/ehr/one", data=b"x" * 300_000).status_code == 413
    assert waiting.bodies() == []


def test_with_the_queue_down_the_sender_is_asked_to_come_again(
    function: Any, control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control("POST", "control/faults", {"operation": "CreateTask", "status": 503, "count": 100})
    assert function.post("/google", headers=pushed()).status_code == 503
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["event"], line["status"]) == ("webhook", 503)


def test_what_is_not_ours_to_name_is_answered_without_a_word(
    function: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a client's name")

    monkeypatch.setattr("shared.app.webhook.calendar_of", broken)
    answer = function.post("/google", headers=pushed())
    assert (answer.status_code, answer.data) == (500, b"")
    printed = capsys.readouterr().out
    assert "KeyError" in printed
    assert "name" not in printed


def test_missing_settings_are_named_at_once_before_anything_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALSYNC_TYPO", "1")
    with pytest.raises(SettingsError, match=r"CALSYNC_PROJECT is not set; .*CALSYNC_TYPO is unknown"):
        create_app("main", str(SOURCE))  # type: ignore[no-untyped-call]
