"""What comes in from outside: who is believed, what it makes happen, and what a stranger learns."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from shared.app.jobs import CalendarTask, FeedTask, job_of
from shared.app.webhook import HOOK_BODY_MAX, Arrivals, ehr_hook, google_push
from shared.core.errors import RetryableError
from shared.core.signing import KeyRing, seal_channel_token
from shared.ports import NewTask
from tests.fakes.clock import START, FakeClock
from tests.fakes.tasks import MemoryTasks

KEYS = KeyRing.of([b"channel key of at least 32 bytes ..", b"an older one of at least 32 bytes .."])
SECRETS = [b"a hook secret of some length", b"the secret before"]
LATER = START + timedelta(days=7)
PRACTICE = "one"


class NoQueue:
    def enqueue(self, task: NewTask) -> None:
        del task
        raise RetryableError("tasks_unavailable")


@pytest.fixture
def tasks() -> MemoryTasks:
    return MemoryTasks(FakeClock())


# --- Google ---------------------------------------------------------------------------------------------


def push(*, state: str = "exists", channel: str = "channel-1", token: str | None = None) -> dict[str, str]:
    sealed = seal_channel_token("calendar-key", "channel-1", LATER, KEYS) if token is None else token
    return {
        "x-goog-channel-id": channel,
        "x-goog-channel-token": sealed,
        "x-goog-resource-state": state,
        "x-goog-message-number": "7",
    }


def test_a_push_makes_its_calendar_be_looked_at(tasks: MemoryTasks) -> None:
    assert google_push(push(), KEYS, Arrivals(tasks, START)) == 204
    [task] = tasks.waiting
    assert job_of(task.body) == CalendarTask("calendar-key")


def test_two_hundred_pushes_in_ten_seconds_are_ten_jobs(tasks: MemoryTasks) -> None:
    for number in range(200):
        google_push(push(), KEYS, Arrivals(tasks, START + timedelta(seconds=number / 20)))
    assert len(tasks.waiting) == 10


@pytest.mark.parametrize(
    "headers",
    [
        {},
        push(token=""),
        push(token="v1.x.y.z.w"),
        push(channel="another"),
        push(state="sync"),
        {**push(), "x-goog-channel-token": push()["x-goog-channel-token"][:-1] + "!"},
    ],
    ids=["nothing", "no token", "nonsense", "another channel", "sync", "tampered"],
)
def test_whatever_does_not_verify_gets_the_same_answer_and_makes_no_task(
    tasks: MemoryTasks, headers: dict[str, str]
) -> None:
    assert google_push(headers, KEYS, Arrivals(tasks, START)) == 204
    assert tasks.waiting == []


def test_a_token_ends_with_its_channel(tasks: MemoryTasks) -> None:
    google_push(push(), KEYS, Arrivals(tasks, LATER + timedelta(seconds=1)))
    assert tasks.waiting == []


def test_google_is_asked_to_come_again_only_where_the_task_could_not_be_made() -> None:
    assert google_push(push(), KEYS, Arrivals(NoQueue(), START)) == 503
    assert google_push({}, KEYS, Arrivals(NoQueue(), START)) == 204


# --- the EHR --------------------------------------------------------------------------------------------


def signed(body: bytes, *, secret: bytes = SECRETS[0], at: float | None = None) -> dict[str, str]:
    moment = str(int(START.timestamp() if at is None else at))
    signature = hmac.new(secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-calsync-signature": f"t={moment},v1={signature}"}


def hook(tasks: Any, body: bytes, headers: dict[str, str] | None = None) -> int:
    given = signed(body) if headers is None else headers
    return ehr_hook(PRACTICE, given, body, SECRETS, Arrivals(tasks, START))


def notification(kind: str) -> bytes:
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": kind}]}
    bundle = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": parameters}]}
    return json.dumps(bundle).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"resourceType":"Appointment","id":"1"}',
        b"not json",
        b"[1]",
        b'{"resourceType":7}',
        notification("event-notification"),
    ],
)
def test_a_poke_makes_the_practice_be_read_whatever_it_says(tasks: MemoryTasks, body: bytes) -> None:
    assert hook(tasks, body) == 202
    [task] = tasks.waiting
    assert job_of(task.body) == FeedTask(PRACTICE)


def test_a_poke_about_something_else_makes_no_task(tasks: MemoryTasks) -> None:
    assert hook(tasks, b'{"resourceType":"Patient","id":"1"}') == 202
    assert tasks.waiting == []


@pytest.mark.parametrize("kind", ["handshake", "heartbeat"])
def test_a_handshake_and_a_heartbeat_are_answered_and_make_no_task(tasks: MemoryTasks, kind: str) -> None:
    assert hook(tasks, notification(kind)) == 200
    status = json.dumps({"resourceType": "Bundle", "entry": [{"resource": {"type": kind}}]}).encode()
    assert hook(tasks, status) == 200
    assert tasks.waiting == []


@pytest.mark.parametrize("secret", SECRETS)
def test_both_secrets_hold_while_they_are_rotated(tasks: MemoryTasks, secret: bytes) -> None:
    assert hook(tasks, b"{}", signed(b"{}", secret=secret)) == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"other"),
        signed(b"{}", secret=b"a secret nobody here knows"),
        signed(b"{}", at=START.timestamp() - 301),
        {"authorization": "Bearer wrong"},
    ],
)
def test_a_hook_that_does_not_verify_is_refused(tasks: MemoryTasks, headers: dict[str, str]) -> None:
    assert hook(tasks, b"{}", headers) == 401
    assert tasks.waiting == []


def test_a_practice_that_is_not_served_is_refused_alike(tasks: MemoryTasks) -> None:
    refused = ehr_hook("unknown", signed(b"{}"), b"{}", (), Arrivals(tasks, START))
    assert refused == 401


def test_a_body_too_large_is_refused_unread(tasks: MemoryTasks) -> None:
    assert hook(tasks, b"x" * (HOOK_BODY_MAX + 1), {}) == 413


def test_the_sender_is_asked_to_come_again_where_the_task_could_not_be_made() -> None:
    assert hook(NoQueue(), b"{}") == 503
