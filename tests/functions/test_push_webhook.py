"""The deployed function under the framework, against a real queue and real secrets on this machine."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from functions_framework import create_app

from sandbox.ehr.fhir import Change, FhirStore
from sandbox.ehr.notifications import (
    Body,
    Content,
    Form,
    Kind,
    Notification,
    Receiver,
    Status,
    body_of,
    headers_of,
)
from shared.core.signing import KeyRing, seal_channel_token
from shared.settings import SettingsError
from tests.app.test_webhook import push, signed
from tests.functions.webhook import CHANNEL_KEY, HOOK_SECRET, SOURCE, Waiting
from tests.tasks import Control

pytest_plugins = ["tests.functions.webhook_fixtures"]


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


# --- every sender, every shape --------------------------------------------------------------------------

Expected = dict[str, object] | None
LOOKS: Expected = {"kind": "feed", "hooked": True}
READS_IT: Expected = {"kind": "rows"}
TELLS_NOTHING: Expected = None


def told(kind: Kind, body: Body, content: Content, deleted: bool) -> tuple[int, Expected]:  # noqa: FBT001
    """What a notification of the EHR is answered, and what is to be done then."""
    if kind is not Kind.EVENT:
        return 200, TELLS_NOTHING
    if body is Body.BACKPORT:
        return 202, LOOKS if content is Content.EMPTY else READS_IT
    by_header = deleted and body in (Body.BRACES, Body.RESOURCE)
    return 202, READS_IT if by_header or body in (Body.RESOURCE, Body.ID) else LOOKS


def shapes() -> Iterator[tuple[Kind, Body, Content, Status, bool]]:
    for kind in Kind:
        for content in Content:
            for status in Status:
                yield kind, Body.BACKPORT, content, status, False
    for body in (Body.EMPTY, Body.BRACES, Body.RESOURCE, Body.ID):
        for deleted in (False, True):
            yield Kind.EVENT, body, Content.ID_ONLY, Status.PARAMETERS, deleted


def change(number: int, *, deleted: bool) -> Change:
    """What somebody did to an appointment; each number another one."""
    seen: list[Change] = []
    store = FhirStore(now=lambda: datetime.now(UTC), rng=random.Random(number))
    store.on_change = seen.append
    participant = {"actor": {"reference": "Practitioner/1"}, "status": "accepted"}
    row = {"resourceType": "Appointment", "status": "proposed", "participant": [participant]}
    made = store.create(row)
    if deleted:
        store.delete("Appointment", made.resource["id"])
    return seen[-1]


@pytest.mark.parametrize("form", Form)
def test_every_shape_of_every_sender_is_answered_and_does_what_it_says(
    function: Any, waiting: Waiting, form: Form
) -> None:
    now = datetime.now(UTC)
    for number, (kind, body, content, status, deleted) in enumerate(shapes()):
        to = Receiver("hook-1", "", HOOK_SECRET.decode(), form, body, content, status)
        event = change(number, deleted=deleted) if kind is Kind.EVENT else None
        notification = Notification(kind, number, now, event)
        sent = body_of(notification, to)
        before = {json.dumps(each) for each in waiting.bodies()}
        answer = function.post("/ehr/one", data=sent, headers=headers_of(notification, to, sent, now))
        made = [json.loads(each) for each in {json.dumps(each) for each in waiting.bodies()} - before]
        expected_status, expected = told(kind, body, content, deleted)
        shape = (kind, body, content, status, deleted)
        assert answer.status_code == expected_status, shape
        if expected == READS_IT:
            assert event is not None
            assert [(each["kind"], each["ids"]) for each in made] == [("rows", [event.version.id])], shape
        else:  # all looks of a second are one task
            assert all(each.items() >= (expected or {"": 0}).items() for each in made), shape


@pytest.mark.parametrize("form", Form)
def test_both_secrets_hold_while_they_are_rotated_and_a_third_does_not(
    function: Any, add_hooks: Callable[[bytes], None], form: Form
) -> None:
    newer, newest = b"a newer secret of practice one", b"the newest secret of practice one"
    add_hooks(newer)
    add_hooks(newest)
    answers = []
    for secret in (HOOK_SECRET, newer, newest):
        to = Receiver("", "", secret.decode(), form, Body.BRACES, Content.EMPTY, Status.PARAMETERS)
        greeting = Notification(Kind.HEARTBEAT, 0, datetime.now(UTC))
        headers = headers_of(greeting, to, b"{}", datetime.now(UTC))
        answers.append(function.post("/ehr/one", data=b"{}", headers=headers).status_code)
    assert answers == [401, 202, 202]


def test_a_sender_that_cannot_set_authorization_has_a_header_of_ours(function: Any) -> None:
    headers = {"X-Calsync-Secret": HOOK_SECRET.decode()}
    assert function.post("/ehr/one", data=b"{}", headers=headers).status_code == 202


def test_who_is_refused_learns_nothing_of_the_practice(function: Any) -> None:
    answers = [function.post(f"/ehr/{practice}", data=b"{}", headers={}) for practice in ("one", "two")]
    known, unknown = [(each.status, each.data, sorted(each.headers)) for each in answers]
    assert known == unknown
    assert answers[0].status_code == 401


def test_a_secret_that_cannot_be_read_is_said_and_no_hook_is_believed(
    function: Any, add_hooks: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    add_hooks(b'{"sns": {"topics": []}')
    headers = {"Authorization": '{"sns": {"topics": []}'}
    assert function.post("/ehr/one", data=b"{}", headers=headers).status_code == 503
    assert json.loads(capsys.readouterr().out)["reason"] == "hooks_secret_unreadable"


# --- what is refused ------------------------------------------------------------------------------------


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
