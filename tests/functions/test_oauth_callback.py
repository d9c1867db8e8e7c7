"""The consent's way back: from Google to the page of the EHR, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.adapters.google_oauth import APP_CREATED, LIST_READ, OWNED_READ
from shared.core.errors import RetryableError
from shared.core.signing import ConsentState, KeyRing, seal_state
from tests.functions.deployed import (
    STATE_KEY,
    TWO,
    UNSERVED,
    Account,
    Deployment,
    Front,
    return_page,
    sent_on,
)

pytest_plugins = ["tests.functions.deployment"]

HOSTILE = "<script>alert(1)</script>\"'&"


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line of the last visit."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"event"' in line]
    (line,) = [line for line in lines if line["event"] == "oauth_callback"]
    return dict(line)


def not_connected(front: Front) -> bool:
    return front.status == "not_connected"


# --- the way through ------------------------------------------------------------------------------------


def test_a_consent_leads_to_the_practices_page_with_a_one_time_code_and_nothing_else(
    front: Front, google_account: Account
) -> None:
    answer = front.come_back(front.consent(google_account))
    address = urlsplit(answer.headers["Location"])
    assert answer.headers["Location"].startswith(f"{return_page('one')}?")
    assert [name for name, _ in parse_qsl(address.query)] == ["code"]
    assert address.fragment == ""
    assert answer.data == b""


def test_the_code_alone_connects_nothing(front: Front, google_account: Account) -> None:
    front.code(google_account)
    assert not_connected(front)


def test_each_practice_has_its_own_page(
    deployment: Deployment, front: Front, google_account: Account
) -> None:
    other = Front(deployment, front.practitioner, TWO)
    answer = other.come_back(other.consent(google_account))
    assert answer.headers["Location"].startswith(f"{return_page(TWO)}?")


@pytest.mark.parametrize("name", ["return_page", "redirect_uri", "redirect", "next", "page", "practice"])
def test_nothing_in_an_address_leads_elsewhere(front: Front, google_account: Account, name: str) -> None:
    query = {**front.consent(google_account), name: "https://elsewhere.example"}
    answer = front.come_back(query)
    assert answer.headers["Location"].startswith(f"{return_page('one')}?code=")
    assert "elsewhere" not in answer.headers["Location"]


# --- no consent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "code"),
    [
        ({"deny": True}, "consent_denied"),
        ({"error": "admin_policy_enforced"}, "consent_failed"),
    ],
)
def test_a_refusal_is_told_by_its_code_and_nothing_is_kept(
    front: Front, decision: dict[str, Any], code: str
) -> None:
    assert sent_on(front.come_back(front.consent(**decision))) == {"error": code}
    assert not_connected(front)


@pytest.mark.parametrize(
    ("ticked", "code"),
    [
        ([LIST_READ, OWNED_READ], "consent_without_own_calendars"),
        ([APP_CREATED, OWNED_READ], "consent_without_calendar_list"),
        ([OWNED_READ], "consent_without_calendars"),
    ],
)
def test_a_box_that_was_not_ticked_is_named_and_nothing_is_kept(
    front: Front, google_account: Account, ticked: list[str], code: str
) -> None:
    assert sent_on(front.come_back(front.consent(google_account, scopes=ticked))) == {"error": code}
    assert not_connected(front)
    assert front.connect(google_account)["google_email"] == google_account.email


def test_without_other_calendars_it_is_a_consent_all_the_same(front: Front, google_account: Account) -> None:
    connected = front.connect(google_account, scopes=[APP_CREATED, LIST_READ])
    assert connected["external_calendars"] is False


def test_a_state_is_answered_once(front: Front, google_account: Account) -> None:
    query = front.consent(google_account)
    assert "code" in sent_on(front.come_back(query))
    assert sent_on(front.come_back(query)) == {"error": "consent_state_used"}
    assert not_connected(front)


def test_after_ten_minutes_it_is_too_late(
    deployment: Deployment, front: Front, google_account: Account
) -> None:
    query = front.consent(google_account)
    deployment.pass_time(601)
    assert sent_on(front.come_back(query)) == {"error": "consent_state_expired"}
    assert not_connected(front)


@pytest.mark.parametrize("code", [{}, {"code": ""}, {"code": "4/nobodys"}])
def test_a_code_that_google_does_not_know_is_refused(
    front: Front, google_account: Account, code: dict[str, str]
) -> None:
    state = front.consent(google_account)["state"]
    assert sent_on(front.come_back({"state": state, **code})) == {"error": "consent_code_refused"}
    assert not_connected(front)


def test_the_code_of_another_consent_is_refused(front: Front, google_account: Account) -> None:
    mine, other = front.consent(google_account), front.consent(google_account)
    mixed = {"state": mine["state"], "code": other["code"]}
    assert sent_on(front.come_back(mixed)) == {"error": "consent_code_refused"}
    assert not_connected(front)


# --- where there is no page to go to --------------------------------------------------------------------


def forged(query: dict[str, str]) -> dict[str, str]:
    signature = query["state"][-43:]
    return {**query, "state": query["state"].replace(signature, signature[::-1])}


@pytest.mark.parametrize(
    "change",
    [forged, lambda query: {**query, "state": HOSTILE}, lambda query: {**query, "state": ""}, lambda _: {}],
)
def test_what_is_not_our_state_gets_a_page_that_repeats_nothing(
    front: Front, google_account: Account, change: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    query = {**change(front.consent(google_account)), "error_description": HOSTILE}
    answer = front.come_back(query)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "Location" not in answer.headers
    assert "go back to your practice software" in page
    assert not any(value and value in page for value in (*query.values(), "script"))
    assert not_connected(front)


def test_a_practice_that_is_not_served_is_never_looked_up(front: Front) -> None:
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    state = ConsentState(UNSERVED, front.practitioner, "nonce", expires)
    answer = front.come_back({"state": seal_state(state, KeyRing.of([STATE_KEY.encode()])), "code": "c"})
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_whoever_only_looks_does_not_use_the_state_up(
    deployment: Deployment, front: Front, google_account: Account, method: str
) -> None:
    query = front.consent(google_account)
    answer = deployment.callback.open("/", method=method, query_string=query)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert "code" in sent_on(front.come_back(query))


# --- what fails -----------------------------------------------------------------------------------------


def test_before_the_state_is_taken_the_same_address_may_be_loaded_again(
    front: Front, google_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = front.consent(google_account)

    def unavailable(*_: object) -> None:
        raise RetryableError("store_unavailable")

    with monkeypatch.context() as broken:
        broken.setattr("shared.adapters.firestore.FirestoreDocuments.get", unavailable)
        answer = front.come_back(query)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "reload this page" in answer.get_data(as_text=True)
    assert "code" in sent_on(front.come_back(query))


def test_a_client_that_google_refuses_is_told_as_out_of_order_and_logged_by_name(
    deployment: Deployment, front: Front, google_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    query = front.consent(google_account)
    fault = {"operation": "token", "status": 401, "reason": "invalid_client"}
    deployment.control(deployment.google, "POST", "faults", **fault)
    capsys.readouterr()
    assert sent_on(front.come_back(query)) == {"error": "unavailable"}
    line = logged(capsys)
    assert (line["severity"], line["reason"]) == ("ERROR", "google_client_configuration")
    assert not_connected(front)


def test_a_bug_is_a_page_without_a_word_of_it(
    front: Front, google_account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    query = front.consent(google_account)

    def broken(*_: object, **__: object) -> None:
        raise KeyError("somebody's name")

    monkeypatch.setattr("shared.api.callback.receive", broken)
    answer = front.come_back(query)
    printed = capsys.readouterr().out
    assert answer.status_code == 500
    assert "KeyError" in printed
    assert not any("somebody" in text for text in (answer.get_data(as_text=True), printed))


# --- every answer ---------------------------------------------------------------------------------------


def test_no_answer_is_kept_framed_or_told_to_others(front: Front, google_account: Account) -> None:
    for answer in (front.come_back(front.consent(google_account)), front.come_back({})):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy


def test_a_visit_is_one_line_without_state_code_or_person(
    front: Front, google_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    query = front.consent(google_account)
    capsys.readouterr()
    one_time_code = sent_on(front.come_back(query))["code"]
    printed = capsys.readouterr().out
    (line,) = [json.loads(line) for line in printed.splitlines()]
    assert (line["event"], line["status"], line["code"]) == ("oauth_callback", 303, "ok")
    assert line["duration_ms"] >= 0
    secret = (query["state"], query["code"], one_time_code, front.practitioner, google_account.email)
    assert not any(each in printed for each in secret)
