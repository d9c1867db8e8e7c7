"""The endpoints of a practitioner's sync, as the EHR's front end finds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from shared.adapters.firestore import FirestoreDocuments
from shared.adapters.google_oauth import APP_CREATED, LIST_READ
from shared.ports import Capabilities, ProtectedBy
from tests.functions.deployed import (
    BROKEN,
    ONE,
    SYNC,
    TIMEOUT_SECONDS,
    TWO,
    UNSERVED,
    Account,
    Deployment,
    Front,
    account,
    origin,
    practitioner,
)
from tests.tasks import Control

pytest_plugins = ["tests.functions.deployment"]

ENDPOINTS = [
    ("GET", ""),
    ("GET", "/settings"),
    ("PATCH", "/settings"),
    ("POST", "/connect"),
    ("POST", "/connect/complete"),
    ("GET", "/calendars"),
    ("GET", "/external-calendars"),
    ("POST", "/external-calendars/choose"),
    ("POST", "/external-calendars/leave"),
    ("POST", "/start"),
    ("POST", "/check-now"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/disconnect"),
    ("GET", "/reviews"),
    ("GET", "/reviews/some"),
    ("POST", "/reviews/some/answers"),
    ("POST", "/reviews/some/undo"),
]
ADMINS = [("GET", ""), ("POST", "/pause"), ("POST", "/disconnect")]
NOBODY_ASKED = dict.fromkeys(("last_read", "last_hook", "listing", "protected_by", "problem")) | {
    "hooks_arrive": False
}
"""Of an EHR."""
HOSTILE = "<script>alert(1)</script>"
BULK = {"kind": "calendar", "look": False, "queue": "bulk"}
LIVE = {"kind": "calendar", "look": True, "queue": "live"}


@pytest.fixture
def connected(front: Front, google_account: Account) -> Front:
    front.connect(google_account)
    return front


@pytest.fixture
def started(front: Front, google_account: Account) -> Front:
    return front.started(google_account)


def asked_for(deployment: Deployment, queue: str, wanted: dict[str, Any]) -> int:
    """How many tasks of this kind wait."""
    return sum(body | wanted == body for body in deployment.waiting(queue))


def google_user(deployment: Deployment, whose: Account, action: str, **details: Any) -> Any:
    return deployment.control(deployment.google, "POST", "user", sub=whose.sub, action=action, **details)


# --- state ----------------------------------------------------------------------------------------------


def test_before_anything_the_state_is_not_connected(front: Front) -> None:
    assert front.get() == {
        "status": "not_connected",
        "google_email": None,
        "external_calendars": False,
        "calendar": None,
        "pending": 0,
        "set_aside": [],
        "ehr": NOBODY_ASKED,
        "problems": [],
        "next_look_by": None,
        "settings": None,
        "receipt": None,
    }


def test_the_state_of_what_was_started(started: Front, google_account: Account) -> None:
    state = started.get()
    assert (state["status"], state["google_email"]) == ("syncing", google_account.email)
    assert state["external_calendars"] is True
    assert state["next_look_by"].endswith("Z")
    assert state["settings"] == started.get("/settings")
    assert state["calendar"] == {
        "name": "Practice appointments",
        "ready": False,
        "last_look": None,
        "last_full_read": None,
        "progress": None,
        "problem": None,
        "failing": False,
        "push": {"live": False, "until": None, "problem": None},
    }


# --- connect --------------------------------------------------------------------------------------------


def test_connecting_ends_with_the_account_that_consented(front: Front, google_account: Account) -> None:
    assert front.connect(google_account) == {
        "google_email": google_account.email,
        "external_calendars": True,
        "status": "connected",
    }
    assert front.status == "connected"


def test_a_hint_leads_to_the_account(front: Front) -> None:
    url = front.post("/connect", {"login_hint": "robin@example.com"})["url"]
    assert "login_hint=robin%40example.com" in url


def test_a_code_completes_once(front: Front, google_account: Account) -> None:
    code = front.code(google_account)
    front.post("/connect/complete", {"code": code})
    assert front.refused("POST", "/connect/complete", {"code": code}) == (422, "connect_code_unknown")


def test_a_code_waits_for_ten_minutes(deployment: Deployment, front: Front, google_account: Account) -> None:
    code = front.code(google_account)
    deployment.pass_time(601)
    assert front.refused("POST", "/connect/complete", {"code": code}) == (422, "connect_code_unknown")


def test_a_code_is_good_only_for_whom_it_was_asked(
    deployment: Deployment, front: Front, google_account: Account
) -> None:
    code = front.code(google_account)
    other = Front(deployment, practitioner(deployment))
    assert other.refused("POST", "/connect/complete", {"code": code}) == (403, "connect_other_practitioner")
    assert other.status == "not_connected"
    assert front.post("/connect/complete", {"code": code})["status"] == "connected"


def test_another_account_is_refused_with_both_names_and_its_code_stays_good(
    deployment: Deployment, connected: Front, google_account: Account
) -> None:
    other = account(deployment)
    code = connected.code(other)
    answer = connected.call("POST", "/connect/complete", {"code": code})
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (409, "other_account")
    assert (problem["connected_email"], problem["new_email"]) == (google_account.email, other.email)
    connected.post("/disconnect")
    assert connected.post("/connect/complete", {"code": code})["google_email"] == other.email


@pytest.mark.usefixtures("front")
def test_a_practitioner_whom_the_ehr_does_not_know_is_told_so(
    deployment: Deployment, google_account: Account
) -> None:
    stranger = Front(deployment, "nobody-here")
    code = stranger.code(google_account)
    refused = stranger.refused("POST", "/connect/complete", {"code": code})
    assert refused == (404, "practitioner_unknown")
    assert stranger.status == "not_connected"


# --- start ----------------------------------------------------------------------------------------------


def test_starting_asks_for_the_bulk_job_once_everything_is_stored(
    deployment: Deployment, connected: Front
) -> None:
    state = connected.post("/start", {"calendar_name": "  My practice "})
    assert (state["status"], state["calendar"]["name"]) == ("syncing", "My practice")
    assert asked_for(deployment, "bulk", BULK) == 1
    assert deployment.waiting("live") == []


def test_starting_again_changes_nothing(started: Front) -> None:
    before = started.get()
    after = started.post("/start", {"calendar_name": "Another"})
    assert before.pop("next_look_by") <= after.pop("next_look_by")  # at once
    assert after == before


@pytest.mark.usefixtures("front")
def test_where_the_ehr_knows_no_zone_it_is_that_of_the_primary_calendar(deployment: Deployment) -> None:
    nowhere = Front(deployment, practitioner(deployment, zone=None))
    nowhere.connect(account(deployment, "Asia/Tokyo"))
    assert nowhere.get("/settings")["time_zone"] == "UTC"
    nowhere.post("/start")
    assert nowhere.get("/settings")["time_zone"] == "Asia/Tokyo"


@pytest.mark.usefixtures("front")
def test_utc_that_was_chosen_is_kept(deployment: Deployment) -> None:
    nowhere = Front(deployment, practitioner(deployment, zone=None))
    nowhere.connect(account(deployment, "Asia/Tokyo"))
    nowhere.call("PATCH", "/settings", {"time_zone": "UTC"})
    nowhere.post("/start")
    assert nowhere.get("/settings")["time_zone"] == "Etc/UTC"


def test_the_second_in_an_account_has_their_name_in_the_calendars(
    deployment: Deployment, started: Front, google_account: Account
) -> None:
    second = Front(deployment, practitioner(deployment, "America/Denver", name="Kim Beispiel"))
    second.started(google_account)
    assert started.get()["calendar"]["name"] == "Practice appointments"
    assert second.get()["calendar"]["name"] == "Practice appointments (Kim Beispiel)"


def test_a_queue_that_fails_does_not_fail_what_is_stored(
    connected: Front, control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control("POST", "control/faults", {"operation": "CreateTask", "status": 404, "count": 100})
    assert connected.post("/start")["status"] == "syncing"
    assert '"api.not_enqueued"' in capsys.readouterr().out


# --- check now, pause, resume ---------------------------------------------------------------------------


def test_check_now_has_calendar_and_ehr_looked_at(deployment: Deployment, started: Front) -> None:
    assert started.call("POST", "/check-now").status_code == 202
    assert asked_for(deployment, "live", LIVE) == 1
    assert asked_for(deployment, "live", {"kind": "feed", "practice": ONE}) == 1


def test_check_now_says_when_nobody_could_be_asked(started: Front, control: Control) -> None:
    control("POST", "control/faults", {"operation": "CreateTask", "status": 429, "count": 100})
    answer = started.call("POST", "/check-now")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "try_again")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_pause_lasts_until_it_is_resumed(deployment: Deployment, started: Front) -> None:
    assert started.post("/pause")["status"] == "paused"
    assert started.post("/pause")["status"] == "paused"
    assert started.refused("POST", "/check-now") == (409, "not_syncing")
    assert deployment.waiting("bulk") == []
    assert started.post("/resume")["status"] == "syncing"
    assert asked_for(deployment, "bulk", BULK) == 1


@pytest.mark.parametrize(("rest", "code"), [("/pause", "not_started"), ("/resume", "not_paused")])
def test_what_was_not_started_cannot_be_paused_or_resumed(connected: Front, rest: str, code: str) -> None:
    assert connected.refused("POST", rest) == (409, code)


# --- disconnect -----------------------------------------------------------------------------------------


def test_disconnecting_gives_the_grant_back(started: Front) -> None:
    state = started.post("/disconnect", {"events": "keep"})
    assert (state["status"], state["google_email"]) == ("disconnected", None)
    assert started.post("/disconnect")["status"] == "disconnected"
    assert started.refused("GET", "/calendars") == (404, "not_connected")
    assert started.refused("POST", "/start") == (409, "reconnect_needed")


def test_whoever_comes_back_is_let_in_with_the_new_grant_at_once(
    started: Front, google_account: Account
) -> None:
    before = started.get("/calendars")
    started.post("/disconnect")
    assert started.connect(google_account)["status"] == "connected"
    assert started.get("/calendars") == before


# --- settings -------------------------------------------------------------------------------------------


def test_the_settings_at_first(connected: Front) -> None:
    settings = connected.get("/settings")
    today = (datetime.now(UTC) + timedelta(seconds=connected.deployment.ahead)).date()
    assert settings.pop("start_from") in {str(today), str(today - timedelta(days=1))}
    assert settings == {
        "mode": "two_way",
        "client_label": "internal_id",
        "google_edits": "revert",
        "personal_text": "Busy",
        "external_titles": "hide",
        "free_events": "hide",
        "cancelled_events": "remove",
        "review_threshold": 3,
        "review_window_minutes": 10,
        "telehealth_link": False,
        "service_line": False,
        "horizon_days": 201,
        "time_zone": "America/Denver",
        "calendar_name": "Practice appointments",
        "full_name_acknowledged_at": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "one_way"},
        {"client_label": "first_name"},
        {"client_label": "initials"},
        {"telehealth_link": True, "service_line": True},
        {"google_edits": "revert"},
        {"personal_text": "title"},
        {"horizon_days": 730},
        {"start_from": "2025-12-31"},
        {"time_zone": "Europe/Berlin"},
        {"calendar_name": "My practice"},
        {"mode": "off", "horizon_days": 1},
        {},
    ],
)
def test_what_is_changed_is_changed_and_the_rest_stays(connected: Front, change: dict[str, object]) -> None:
    before = connected.get("/settings")
    answer = connected.call("PATCH", "/settings", change)
    assert (answer.status_code, answer.get_json()) == (200, {**before, **change})
    assert connected.get("/settings") == {**before, **change}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"mode": "both"}, {"mode": "enum"}),
        ({"client_label": "nickname"}, {"client_label": "enum"}),
        ({"service_line": "yes"}, {"service_line": "bool_type"}),
        ({"horizon_days": 0}, {"horizon_days": "greater_than_equal"}),
        ({"horizon_days": 731}, {"horizon_days": "less_than_equal"}),
        ({"horizon_days": "30"}, {"horizon_days": "int_type"}),
        ({"start_from": "yesterday"}, {"start_from": "date_parsing"}),
        ({"start_from": "2999-01-01"}, {"start_from": "out_of_range"}),
        ({"start_from": "1999-01-01"}, {"start_from": "out_of_range"}),
        ({"time_zone": "Mars/Olympus"}, {"time_zone": "zone_unknown"}),
        ({"time_zone": "localtime"}, {"time_zone": "zone_unknown"}),
        ({"time_zone": "../../etc/passwd"}, {"time_zone": "zone_unknown"}),
        ({"calendar_name": "  "}, {"calendar_name": "string_too_short"}),
        ({"calendar_name": "x" * 201}, {"calendar_name": "string_too_long"}),
        ({"calendar_name": "a\nb"}, {"calendar_name": "string_pattern_mismatch"}),
        ({"mode": None}, {"mode": "null"}),
        ({"colour": "red", "mode": 5}, {"colour": "extra_forbidden", "mode": "enum"}),
    ],
)
def test_what_is_wrong_is_named_by_its_field_and_nothing_is_changed(
    connected: Front, body: dict[str, object], wrong: dict[str, str]
) -> None:
    before = connected.get("/settings")
    answer = connected.call("PATCH", "/settings", body)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (400, "invalid")
    assert {each["field"]: each["problem"] for each in problem["fields"]} == wrong
    assert connected.get("/settings") == before


def test_changes_made_in_google_can_be_accepted_where_the_ehr_tells_protection(connected: Front) -> None:
    changed = connected.call("PATCH", "/settings", {"google_edits": "accept"}).get_json()
    assert changed["google_edits"] == connected.get("/settings")["google_edits"] == "accept"


def test_changes_made_in_google_cannot_be_accepted_where_nobody_tells_protection(
    connected: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    unprotected = Capabilities(protected_by=ProtectedBy.NONE)
    monkeypatch.setattr("shared.api.endpoints.capabilities_of", lambda _world, _practice: unprotected)
    body = {"google_edits": "accept", "mode": "one_way"}
    assert connected.refused("PATCH", "/settings", body) == (422, "accept_unavailable")
    assert connected.get("/settings")["mode"] == "two_way"


def test_other_settings_of_what_runs_ask_for_one_pass_and_the_same_ones_for_none(
    deployment: Deployment, started: Front
) -> None:
    started.call("PATCH", "/settings", {"client_label": "internal_id"})
    assert deployment.waiting("bulk") == []
    started.call("PATCH", "/settings", {"client_label": "initials"})
    assert asked_for(deployment, "bulk", BULK) == 1
    assert started.status == "syncing"


def test_two_changes_at_the_same_moment_are_both_kept(
    connected: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, meanwhile = FirestoreDocuments.commit, [{"horizon_days": 99}]

    def raced(self: FirestoreDocuments, writes: Any) -> Any:
        while meanwhile:
            assert connected.call("PATCH", "/settings", meanwhile.pop()).status_code == 200
        return commit(self, writes)

    monkeypatch.setattr(FirestoreDocuments, "commit", raced)
    connected.call("PATCH", "/settings", {"mode": "one_way"})
    settings = connected.get("/settings")
    assert (settings["mode"], settings["horizon_days"]) == ("one_way", 99)


def test_what_is_switched_off_asks_for_nothing(deployment: Deployment, started: Front) -> None:
    started.call("PATCH", "/settings", {"mode": "off"})
    assert deployment.waiting("bulk") == []
    assert started.status == "off"


def test_a_calendar_that_has_a_name_is_renamed_in_google(started: Front) -> None:
    body = {"calendar_name": "Another", "mode": "one_way"}
    assert started.refused("PATCH", "/settings", body) == (409, "already_started")
    assert started.get("/settings")["mode"] == "two_way"
    same = {"calendar_name": "Practice appointments"}
    assert started.call("PATCH", "/settings", same).status_code == 200


# --- calendars ------------------------------------------------------------------------------------------


def test_the_calendars_of_the_account_with_what_speaks_against_them(
    deployment: Deployment, connected: Front, google_account: Account
) -> None:
    other = account(deployment)
    team = google_user(deployment, other, "create_calendar", summary="Team", time_zone="UTC")["id"]
    sharing = {"calendar": team, "account": google_account.sub, "role": "reader"}
    google_user(deployment, other, "share_calendar", **sharing)
    first, second = connected.get("/calendars")
    assert first == {
        "id": google_account.email,
        "name": google_account.email,
        "primary": True,
        "eligible": True,
        "reason": None,
    }
    assert (second["name"], second["eligible"], second["reason"]) == ("Team", False, "not_owner")


def test_a_right_that_was_not_granted_is_the_reason(front: Front, google_account: Account) -> None:
    front.connect(google_account, scopes=[APP_CREATED, LIST_READ])
    (primary,) = front.get("/calendars")
    assert (primary["eligible"], primary["reason"]) == (False, "rights_missing")


def test_a_chosen_calendar_is_read_and_one_that_is_left_loses_its_blocks(
    deployment: Deployment, started: Front, google_account: Account
) -> None:
    bulk = asked_for(deployment, "bulk", BULK)
    body = {"id": google_account.email, "rules": {"all_day": False}}
    (chosen,) = started.post("/external-calendars/choose", body)
    assert (chosen["id"], chosen["status"]) == (google_account.email, "reading")
    assert chosen["rules"] == {
        "all_day": False,
        "tentative": True,
        "unanswered": True,
        "focus_time": True,
        "out_of_office": True,
    }
    assert asked_for(deployment, "bulk", BULK) == bulk + 1
    again = {"id": google_account.email, "rules": {"tentative": False}}
    (chosen,) = started.post("/external-calendars/choose", again)
    assert (chosen["rules"]["all_day"], chosen["rules"]["tentative"]) == (False, False)
    assert started.get("/external-calendars") == [chosen]
    (left,) = started.post("/external-calendars/leave", {"id": google_account.email})
    assert left["status"] == "leaving"


def test_what_is_not_eligible_cannot_be_chosen(
    deployment: Deployment, started: Front, google_account: Account
) -> None:
    other = account(deployment)
    team = google_user(deployment, other, "create_calendar", summary="Team", time_zone="UTC")["id"]
    sharing = {"calendar": team, "account": google_account.sub, "role": "reader"}
    google_user(deployment, other, "share_calendar", **sharing)
    refused = started.call("POST", "/external-calendars/choose", {"id": team})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "calendar_not_eligible")
    assert refused.get_json()["reason"] == "not_owner"
    unknown = started.refused("POST", "/external-calendars/choose", {"id": "nobodys"})
    assert unknown == (404, "calendar_unknown")
    assert started.refused("POST", "/external-calendars/leave", {"id": team}) == (404, "not_chosen")
    assert started.get("/external-calendars") == []


def test_google_that_is_down_is_to_be_asked_again(deployment: Deployment, connected: Front) -> None:
    fault = {"operation": "calendarList.list", "status": 503, "retry_after_seconds": 7, "count": 5}
    deployment.control(deployment.google, "POST", "faults", **fault)
    answer = connected.call("GET", "/calendars")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "try_again")
    assert answer.headers["Retry-After"] == "7"


def test_a_grant_that_is_dead_needs_a_new_consent(
    deployment: Deployment, started: Front, google_account: Account
) -> None:
    deployment.control(deployment.google, "POST", "grants/revoke", sub=google_account.sub)
    assert started.refused("GET", "/calendars") == (409, "reconnect_needed")
    assert started.status == "reconnect_needed"
    deployment.empty_queues()
    deployment.pass_time(2)
    assert started.connect(google_account)["status"] == "syncing"
    assert asked_for(deployment, "bulk", BULK) == 1


# --- without a connection -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "rest"),
    [each for each in ENDPOINTS if each[1] not in ("", "/connect", "/connect/complete", "/reviews")],
)
def test_without_a_connection_there_is_nothing_to_do_it_with(front: Front, method: str, rest: str) -> None:
    body = {"id": "calendar"} if rest.startswith("/external-calendars/") else None
    assert front.refused(method, rest, body) == (404, "not_connected")


# --- who calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"alg": "none"}, "jwt_algorithm"),
        ({"alg": "HS256"}, "jwt_algorithm"),
        ({"kid": "nobodys"}, "jwt_unknown_key"),
        ({"audience": "calsync:two"}, "jwt_audience"),
        ({"audience": "somebody"}, "jwt_audience"),
        ({"issuer": "https://elsewhere.example"}, "jwt_issuer"),
        ({"practice": TWO, "audience": "calsync:one"}, "jwt_audience"),
        ({"practice": UNSERVED}, "jwt_practice"),
        ({"practice": "../one"}, "jwt_practice"),
        ({"expired": True}, "jwt_expired"),
        ({"minutes": 16}, "jwt_too_long_lived"),
    ],
)
def test_a_token_that_is_wrong_is_refused_by_its_code(
    front: Front, claims: dict[str, object], code: str
) -> None:
    answer = front.call("GET", token=front.token(**claims))
    assert (answer.status_code, answer.get_json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("authorization", "code", "challenge"),
    [
        (None, "token_missing", "Bearer"),
        ("", "token_missing", "Bearer"),
        ("Bearer", "token_missing", "Bearer"),
        ("Basic YTpi", "token_missing", "Bearer"),
        ("Bearer nonsense", "jwt_malformed", 'Bearer error="invalid_token"'),
        ("Bearer a.b.c", "jwt_malformed", 'Bearer error="invalid_token"'),
    ],
)
def test_without_a_token_nobody_is_let_in(
    deployment: Deployment, front: Front, authorization: str | None, code: str, challenge: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, rest in ENDPOINTS:
        path = f"{SYNC.format(front.practitioner)}{rest}"
        answer = deployment.api.open(path, method=method, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"] == challenge


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_both_algorithms_let_in(front: Front, alg: str) -> None:
    assert front.call("GET", token=front.token(alg=alg)).status_code == 200


@pytest.mark.parametrize(("method", "rest"), ENDPOINTS)
def test_nobody_does_anything_with_somebody_elses_sync(front: Front, method: str, rest: str) -> None:
    assert front.refused(method, rest, token=front.token(practitioner="other")) == (403, "other_practitioner")


def test_the_same_id_in_another_practice_is_somebody_else(deployment: Deployment, connected: Front) -> None:
    assert Front(deployment, connected.practitioner, TWO).status == "not_connected"
    assert connected.status == "connected"


@pytest.mark.parametrize("practitioner_id", ["office", None])
def test_an_administrator_sees_pauses_and_disconnects_and_nothing_else(
    started: Front, practitioner_id: str | None
) -> None:
    claims = {"practitioner": practitioner_id} if practitioner_id else {}
    token = started.token(role="admin", **claims)
    for method, rest in ENDPOINTS:
        if (method, rest) not in ADMINS:
            assert started.refused(method, rest, {}, token=token) == (403, "role")
    for method, rest in ADMINS:
        assert started.call(method, rest, token=token).status_code == 200
    assert started.status == "disconnected"


def test_an_administrator_is_told_neither_account_nor_names_nor_settings(started: Front) -> None:
    state = started.call("GET", token=started.token(role="admin", practitioner="office")).get_json()
    assert (state["status"], state["calendar"]["failing"]) == ("syncing", False)
    assert (state["google_email"], state["calendar"]["name"], state["settings"]) == (None, None, None)


def test_an_administrator_of_another_practice_sees_nothing(started: Front) -> None:
    token = started.token(role="admin", practitioner="office", practice=TWO)
    assert started.call("GET", token=token).get_json()["status"] == "not_connected"


def test_keys_that_the_ehr_rotates_go_on_letting_in(deployment: Deployment, front: Front) -> None:
    assert front.status == "not_connected"
    deployment.control(deployment.ehr, "POST", "keys/rotate")
    deployment.pass_time(31)  # an unknown key is asked for again, but not at once
    assert front.status == "not_connected"


def test_trust_follows_the_practices_secret(deployment: Deployment, front: Front) -> None:
    changed = deployment.practice(ONE, jwt_audience="calsync:another")
    try:
        deployment.secrets.put(f"practice-{ONE}", changed)
        deployment.pass_time(301)
        assert front.refused("GET", "") == (401, "jwt_audience")
        assert front.call("GET", token=front.token(audience="calsync:another")).status_code == 200
    finally:
        deployment.secrets.put(f"practice-{ONE}", deployment.practice(ONE))
        deployment.pass_time(301)
    assert front.status == "not_connected"


# --- requests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/practitioners/x", "/v1/practitioners/x/sync/", "/v1/practitioners/x/sync/other"]
    + [
        f"/v1/practitioners/{each}/sync"
        for each in ("", ".", "..", "a/b", "a%20b", "x" * 65, "Patient/x", "..%2F..")
    ],
)
def test_there_is_nothing_at_another_address(deployment: Deployment, path: str) -> None:
    answer = deployment.api.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_a_practitioner_role_is_somebody_too(deployment: Deployment, front: Front) -> None:
    assert Front(deployment, f"PractitionerRole/{front.practitioner}").status == "not_connected"


@pytest.mark.parametrize(
    ("method", "rest", "allowed"),
    [
        ("HEAD", "", "GET"),
        ("POST", "", "GET"),
        ("PUT", "/settings", "GET, PATCH"),
        ("GET", "/connect", "POST"),
        ("DELETE", "/disconnect", "POST"),
        ("BREW", "/start", "POST"),
    ],
)
def test_another_method_is_told_which_ones_there_are(
    front: Front, method: str, rest: str, allowed: str
) -> None:
    answer = front.call(method, rest)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b"[]", "application/json", 400, "malformed"),
        (b"null", "application/json", 400, "malformed"),
        (b"\xff", "application/json", 400, "malformed"),
        (b"[" * 5_000, "application/json", 400, "malformed"),
        (b'{"calendar_name": "\\ud800"}', "application/json", 400, "malformed"),
        (b"{}", "text/plain", 415, "media_type"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "media_type"),
        (b"{}", "", 415, "media_type"),
        (b" " * 65_537, "application/json", 413, "too_large"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    connected: Front, content: bytes, media_type: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {connected.token()}", "Content-Type": media_type}
    path = f"{SYNC.format(connected.practitioner)}/start"
    answer = connected.deployment.api.post(path, data=content, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert connected.status == "connected"


def test_json_may_name_its_charset(connected: Front) -> None:
    headers = {
        "Authorization": f"Bearer {connected.token()}",
        "Content-Type": "application/json; charset=utf-8",
    }
    path = f"{SYNC.format(connected.practitioner)}/start"
    answer = connected.deployment.api.post(
        path, data=b'{"calendar_name": "Praxis \xc3\xbc"}', headers=headers
    )
    assert answer.get_json()["calendar"]["name"] == "Praxis \u00fc"


@pytest.mark.parametrize(
    ("rest", "body", "field"),
    [
        ("/connect", {"login_hint": f"{HOSTILE}@"}, "login_hint"),
        ("/connect/complete", {"code": 7, "x": HOSTILE}, "code"),
        ("/start", {"calendar_name": f"{HOSTILE}\0"}, "calendar_name"),
        ("/disconnect", {"events": HOSTILE}, "events"),
        ("/pause", {"for": HOSTILE}, "for"),
    ],
)
def test_a_problem_names_fields_and_repeats_no_value(
    connected: Front, rest: str, body: dict[str, object], field: str
) -> None:
    answer = connected.call("POST", rest, body)
    assert answer.status_code == 400
    assert field in [each["field"] for each in answer.get_json()["fields"]]
    assert "script" not in answer.get_data(as_text=True)


def test_a_problem_says_what_the_standard_asks_for(front: Front) -> None:
    answer = front.call("POST", "/pause")
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_connected",
        "detail": "No Google account is connected.",
    }


# --- pages of other origins -----------------------------------------------------------------------------


def preflight(deployment: Deployment, origin: str) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
    return deployment.api.options(f"{SYNC.format('x')}/settings", headers=headers)


@pytest.mark.parametrize("practice", [ONE, TWO])
def test_a_page_of_a_practice_may_call(deployment: Deployment, practice: str) -> None:
    answer = preflight(deployment, origin(practice))
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == origin(practice)
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "stranger",
    [
        "https://elsewhere.example",
        "http://one.ehr.example",
        "https://one.ehr.example:444",
        "https://one.ehr.example.elsewhere.example",
        "HTTPS://ONE.EHR.EXAMPLE",
        origin(UNSERVED),
        "null",
        "*",
        "",
    ],
)
def test_a_page_of_any_other_origin_may_not(deployment: Deployment, stranger: str) -> None:
    answer = preflight(deployment, stranger)
    assert answer.status_code == 403
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_an_answer_is_for_pages_of_the_callers_practice_only(front: Front) -> None:
    own, other = front.call("GET", Origin=origin(ONE)), front.call("GET", Origin=origin(TWO))
    assert own.headers["Access-Control-Allow-Origin"] == origin(ONE)
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["Vary"] == "Origin"
    assert not [answer for answer in (own, other) if "Access-Control-Allow-Credentials" in answer.headers]


def test_a_page_can_read_why_its_token_was_refused(front: Front) -> None:
    token = front.token(expired=True)
    answer = front.call("GET", token=token, Origin=origin(ONE))
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, origin(ONE))
    stranger = front.call("GET", token=token, Origin="https://elsewhere.example")
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_nothing_is_kept_or_sniffed(front: Front) -> None:
    for answer in (front.call("GET"), front.call("POST", "/pause"), preflight(front.deployment, origin(ONE))):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


# --- what fails -----------------------------------------------------------------------------------------


def test_a_practice_whose_secret_is_wrong_is_out_of_order_and_no_other_is(
    deployment: Deployment, front: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Front(deployment, front.practitioner, BROKEN)
    capsys.readouterr()
    answer = broken.call("GET")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
    assert "secret" not in answer.get_data(as_text=True)
    line = json.loads(capsys.readouterr().out)
    assert (line["severity"], line["reason"]) == ("ERROR", "practice_secret_unreadable")
    assert front.status == "not_connected"


def test_a_bug_is_answered_and_logged_without_a_word_of_it(
    front: Front, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("somebody's name")

    monkeypatch.setattr("shared.api.routing.read_state", broken)
    answer = front.call("GET")
    printed = capsys.readouterr().out
    assert (answer.status_code, answer.get_json()["code"]) == (500, "bug")
    assert json.loads(printed)["bug"] == "KeyError"
    assert not any("somebody" in text for text in (answer.get_data(as_text=True), printed))


def test_what_somebody_has_to_mend_is_named_in_the_log_alone(
    deployment: Deployment, connected: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = {"operation": "calendarList.list", "status": 403, "reason": "accessNotConfigured"}
    deployment.control(deployment.google, "POST", "faults", **fault)
    capsys.readouterr()
    answer = connected.call("GET", "/calendars")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
    assert "google_api" not in answer.get_data(as_text=True)
    assert json.loads(capsys.readouterr().out)["reason"] == "google_api_disabled"


# --- the log --------------------------------------------------------------------------------------------


def test_a_request_is_one_line_that_names_nobody(
    front: Front, google_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    code = front.code(google_account)
    capsys.readouterr()
    front.post("/connect/complete", {"code": code})
    printed = capsys.readouterr().out
    line = json.loads(printed)
    assert line.pop("duration_ms") >= 0
    assert line == {
        "severity": "INFO",
        "event": "api",
        "method": "POST",
        "endpoint": "/v1/practitioners/{id}/sync/connect/complete",
        "status": 200,
        "code": "ok",
    }
    assert not any(each in printed for each in (front.practitioner, code, google_account.email))


@pytest.mark.parametrize(
    ("ask", "endpoint", "code"),
    [
        (lambda api: api.get(f"/{HOSTILE}"), "none", "not_found"),
        (lambda api: api.open("/", method=HOSTILE.upper()), "none", "not_found"),
        (lambda api: api.get(SYNC.format("x")), "/v1/practitioners/{id}/sync", "token_missing"),
        (lambda api: api.options("/", headers={"Origin": HOSTILE}), "preflight", "origin"),
    ],
)
def test_nothing_of_a_request_is_in_its_line(
    deployment: Deployment,
    capsys: pytest.CaptureFixture[str],
    ask: Callable[[Any], Any],
    endpoint: str,
    code: str,
) -> None:
    capsys.readouterr()
    ask(deployment.api)
    printed = capsys.readouterr().out
    line = json.loads(printed)
    assert (line["endpoint"], line["code"]) == (endpoint, code)
    assert "script" not in printed.lower()


def test_nothing_is_asked_of_google_for_a_state(deployment: Deployment, started: Front) -> None:
    before = len(google_requests(deployment))
    started.get()
    assert len(google_requests(deployment)) == before


def google_requests(deployment: Deployment) -> list[Any]:
    answer = requests.get(f"{deployment.google}/control/requests", timeout=TIMEOUT_SECONDS)
    return list(answer.json()["requests"])
