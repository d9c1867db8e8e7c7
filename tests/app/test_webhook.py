"""What comes in from outside: who is believed, what it makes happen, and what a stranger learns."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from shared.app.hook_secret import HookTrust
from shared.app.jobs import CalendarTask, FeedTask, RowsTask, job_of
from shared.app.webhook import HOOK_BODY_MAX, Arrivals, ehr_hook, google_push
from shared.core.errors import RejectedError, RetryableError
from shared.core.signing import KeyRing, seal_channel_token
from shared.ports import NewTask
from tests.fakes.clock import START, FakeClock
from tests.fakes.tasks import MemoryTasks

KEYS = KeyRing.of([b"channel key of at least 32 bytes ..", b"an older one of at least 32 bytes .."])
SECRETS = (b"a hook secret of some length", b"the secret before")
TOPICS = frozenset({"arn:aws:sns:us-east-1:123456789012:appointments"})
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
    return ehr_hook(PRACTICE, given, body, HookTrust(SECRETS), nobody, Arrivals(tasks, START))


def nobody(body: bytes, topics: frozenset[str]) -> bytes | None:
    raise AssertionError(f"asked for {len(body)} bytes of {len(topics)} topics")


def jobs(tasks: MemoryTasks) -> list[Any]:
    return [job_of(task.body) for task in tasks.waiting]


def notification(kind: str) -> bytes:
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": kind}]}
    bundle = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": parameters}]}
    return json.dumps(bundle).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"resourceType":"Appointment"}',
        b"not json",
        b"[" * 100_000,
        b"[1]",
        b'{"resourceType":7}',
        notification("event-notification"),
    ],
)
def test_a_poke_makes_the_practice_be_read_whatever_it_says(tasks: MemoryTasks, body: bytes) -> None:
    assert hook(tasks, body) == 202
    assert jobs(tasks) == [FeedTask(PRACTICE, hooked=True)]


def test_a_poke_that_says_which_makes_that_one_be_read(tasks: MemoryTasks) -> None:
    assert hook(tasks, b'{"resourceType":"Appointment","id":"1"}') == 202
    assert jobs(tasks) == [RowsTask(PRACTICE, ("1",))]


def test_each_appointment_of_a_bundle_is_a_task_of_its_own(tasks: MemoryTasks) -> None:
    entries = [{"fullUrl": f"https://ehr.example/Appointment/{number}"} for number in range(3)]
    body = json.dumps({"resourceType": "Bundle", "entry": entries}).encode()
    assert hook(tasks, body) == 202
    assert jobs(tasks) == [RowsTask(PRACTICE, (str(number),)) for number in range(3)]


def test_a_burst_about_one_appointment_is_one_task_and_no_ones_else(tasks: MemoryTasks) -> None:
    for number in (1, 2, 1, 1):
        hook(tasks, json.dumps({"resourceType": "Appointment", "id": str(number)}).encode())
    assert jobs(tasks) == [RowsTask(PRACTICE, ("1",)), RowsTask(PRACTICE, ("2",))]


def test_a_hook_that_is_sent_again_later_is_a_look_and_no_more(tasks: MemoryTasks) -> None:
    body = b'{"resourceType":"Appointment","id":"1"}'
    plain = {"x-signature": hmac.new(SECRETS[0], body, hashlib.sha256).hexdigest()}
    for days in range(3):
        arrivals = Arrivals(tasks, START + timedelta(days=days))
        assert ehr_hook(PRACTICE, plain, body, HookTrust(SECRETS), nobody, arrivals) == 202
    assert jobs(tasks) == [RowsTask(PRACTICE, ("1",))] * 3


def test_the_header_of_a_deletion_says_which(tasks: MemoryTasks) -> None:
    headers = {**signed(b"{}"), "x-medplum-deleted-resource": "Appointment/7"}
    assert hook(tasks, b"{}", headers) == 202
    assert jobs(tasks) == [RowsTask(PRACTICE, ("7",))]


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
    refused = ehr_hook("unknown", signed(b"{}"), b"{}", HookTrust(), nobody, Arrivals(tasks, START))
    assert refused == 401


def test_a_body_too_large_is_refused_unread(tasks: MemoryTasks) -> None:
    assert hook(tasks, b"x" * (HOOK_BODY_MAX + 1), {}) == 413


def test_the_sender_is_asked_to_come_again_where_the_task_could_not_be_made() -> None:
    assert hook(NoQueue(), b"{}") == 503
    assert hook(NoQueue(), b'{"resourceType":"Appointment","id":"1"}') == 503


def test_what_means_nothing_needs_no_queue() -> None:
    assert hook(NoQueue(), b'{"resourceType":"Slot","id":"1"}') == 202
    assert hook(NoQueue(), notification("heartbeat")) == 200


# --- topics ---------------------------------------------------------------------------------------------


class Told:
    """A topic whose messages are all the same."""

    def __init__(self, message: bytes | Exception | None) -> None:
        self.asked: list[tuple[bytes, frozenset[str]]] = []
        self._message = message

    def __call__(self, body: bytes, topics: frozenset[str]) -> bytes | None:
        self.asked.append((body, topics))
        if isinstance(self._message, Exception):
            raise self._message
        return self._message


def published(tasks: MemoryTasks, topic: Told, headers: dict[str, str], trust: HookTrust) -> int:
    return ehr_hook(PRACTICE, headers, b"{}", trust, topic, Arrivals(tasks, START))


def test_what_a_topic_tells_is_a_hook_like_any_other(tasks: MemoryTasks) -> None:
    topic = Told(b'{"resourceType":"Appointment","id":"1"}')
    assert published(tasks, topic, {}, HookTrust(topics=TOPICS)) == 202
    assert jobs(tasks) == [RowsTask(PRACTICE, ("1",))]
    assert topic.asked == [(b"{}", TOPICS)]


def test_what_is_about_the_subscription_makes_no_task(tasks: MemoryTasks) -> None:
    assert published(tasks, Told(None), {}, HookTrust(SECRETS, TOPICS)) == 200
    assert tasks.waiting == []


def test_a_message_that_no_topic_sent_is_refused_like_any_other(tasks: MemoryTasks) -> None:
    refused = Told(RejectedError("sns_signature"))
    assert published(tasks, refused, {}, HookTrust(SECRETS, TOPICS)) == 401
    assert tasks.waiting == []


def test_no_topic_is_asked_where_none_is_named_or_another_form_verifies(tasks: MemoryTasks) -> None:
    topic = Told(b"{}")
    assert published(tasks, topic, {}, HookTrust(SECRETS)) == 401
    assert published(tasks, topic, signed(b"{}"), HookTrust(SECRETS, TOPICS)) == 202
    assert topic.asked == []


def test_a_header_beside_a_topics_message_says_nothing(tasks: MemoryTasks) -> None:
    headers = {"x-medplum-deleted-resource": "Appointment/7"}
    assert published(tasks, Told(b"{}"), headers, HookTrust(topics=TOPICS)) == 202
    assert jobs(tasks) == [FeedTask(PRACTICE, hooked=True)]


def test_where_a_message_cannot_be_checked_the_sender_comes_again(tasks: MemoryTasks) -> None:
    with pytest.raises(RetryableError):
        published(tasks, Told(RetryableError("sns_unavailable")), {}, HookTrust(topics=TOPICS))
