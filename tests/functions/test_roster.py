"""The roster and the invitations, as an administrator of the practice finds them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.app.invites import invite_path
from tests.functions.deployed import (
    TWO,
    Account,
    Deployment,
    Front,
    account,
    connection_key,
    grows_old,
    practitioner,
)
from tests.functions.practice_calls import as_admin, as_somebody

pytest_plugins = ["tests.functions.deployment"]

FIELDS = {
    "practitioner",
    "status",
    "last_look",
    "problem",
    "pending",
    "set_aside",
    "in_review",
    "mode",
    "client_label",
    "active_until",
    "invited_at",
    "invite_expires_at",
}


def whole_roster(front: Front, limit: int = 50) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    after = ""
    for _ in range(200):
        status, page = as_admin(front, "GET", f"/v1/roster?limit={limit}{after}")
        assert status == 200, page
        assert len(page["practitioners"]) <= limit
        entries += page["practitioners"]
        if page["after"] is None:
            return entries
        after = f"&after={page['after']}"
    raise AssertionError("the roster does not end")


def of(front: Front, practitioner_id: str | None = None) -> list[dict[str, Any]]:
    wanted = practitioner_id or front.practitioner
    return [each for each in whole_roster(front) if each["practitioner"] == wanted]


def test_who_is_connected_is_there_and_nothing_that_is_theirs_alone(
    front: Front, google_account: Account
) -> None:
    front.started(google_account)
    [entry] = of(front)
    assert set(entry) == FIELDS
    assert (entry["status"], entry["mode"], entry["client_label"]) == ("syncing", "two_way", "internal_id")
    assert (entry["pending"], entry["set_aside"], entry["in_review"], entry["problem"]) == (0, 0, 0, None)
    text = json.dumps(whole_roster(front))
    assert google_account.email not in text
    assert "Practice appointments" not in text


def test_it_says_until_when_each_may_sync_connected_or_not(front: Front) -> None:
    as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    assert of(front)[0]["active_until"] is None
    until = {"active_until": "2040-01-01T00:00:00Z"}
    assert as_admin(front, "PUT", f"/v1/entitlements/{front.practitioner}", until)[0] == 200
    assert of(front)[0]["active_until"] == until["active_until"]


def test_who_never_connected_is_not_there(front: Front) -> None:
    assert of(front) == []


def test_it_is_paged_and_everybody_is_there_once(deployment: Deployment, front: Front) -> None:
    there = {practitioner(deployment) for _ in range(3)}
    for each in there:
        assert as_admin(front, "POST", "/v1/invites", {"practitioner": each})[0] == 200
    front.connect(account(deployment))
    listed = [each["practitioner"] for each in whole_roster(front, limit=1)]
    assert there | {front.practitioner} <= set(listed)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("query", ["limit=0", "limit=51", "limit=x", "after=..", "page=2"])
def test_what_it_cannot_be_asked_is_refused(front: Front, query: str) -> None:
    status, problem = as_admin(front, "GET", f"/v1/roster?{query}")
    assert (status, problem["code"]) == (400, "invalid")


# --- invitations ----------------------------------------------------------------------------------------


def test_an_invitation_is_one_however_often_it_is_made_and_is_in_the_roster(front: Front) -> None:
    status, made = as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    assert (status, made["practitioner"]) == (200, front.practitioner)
    assert as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner}) == (200, made)
    [entry] = of(front)
    assert (entry["status"], entry["client_label"]) == ("not_connected", None)
    assert (entry["invited_at"], entry["invite_expires_at"]) == (made["invited_at"], made["expires_at"])
    [notice] = front.get("/notices")["notices"]
    assert (notice["kind"], notice["count"], notice["seen"]) == ("invited", 1, False)


def test_it_opens_nothing_and_ends_with_connecting(front: Front, google_account: Account) -> None:
    as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    assert front.status == "not_connected"
    front.connect(google_account)
    [entry] = of(front)
    assert (entry["status"], entry["invited_at"]) == ("connected", None)
    status, problem = as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    assert (status, problem["code"]) == (409, "already_connected")


def test_it_is_withdrawn_and_once_more_is_nothing(front: Front) -> None:
    as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    for _ in range(2):
        assert as_admin(front, "DELETE", f"/v1/invites/{front.practitioner}") == (200, {})
    assert of(front) == []


def test_it_stands_for_thirty_days(front: Front) -> None:
    _, made = as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    grows_old(invite_path(connection_key(front)), 30)
    assert of(front) == []
    _, again = as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    assert again["invited_at"] > made["invited_at"]


def test_nobody_is_invited_whom_the_ehr_does_not_know(front: Front) -> None:
    status, problem = as_admin(front, "POST", "/v1/invites", {"practitioner": "nobody-here"})
    assert (status, problem["code"]) == (404, "practitioner_unknown")


@pytest.mark.parametrize("named", ["a/b", "../x", "", "PractitionerRole/", "x" * 65, 7])
def test_what_is_no_id_is_refused(front: Front, named: object) -> None:
    status, problem = as_admin(front, "POST", "/v1/invites", {"practitioner": named})
    assert (status, problem["code"]) == (400, "invalid")


# --- who may --------------------------------------------------------------------------------------------

OF_A_PRACTICE: list[tuple[str, str, object]] = [
    ("GET", "/v1/roster", None),
    ("POST", "/v1/invites", {"practitioner": "1"}),
    ("DELETE", "/v1/invites/1", None),
    ("GET", "/v1/notices", None),
    ("POST", "/v1/notices/seen", {"ids": []}),
]


@pytest.mark.parametrize(("method", "path", "body"), OF_A_PRACTICE)
def test_a_practitioner_may_not(front: Front, method: str, path: str, body: object) -> None:
    status, problem = as_somebody(front, method, path, body)
    assert (status, problem["code"]) == (403, "admins_only")


def test_another_practice_is_another_roster(front: Front, google_account: Account) -> None:
    front.connect(google_account)
    there = Front(front.deployment, front.practitioner, TWO)
    assert of(there) == []
    assert as_admin(there, "DELETE", f"/v1/invites/{front.practitioner}")[0] == 200


# --- notices of the practice ----------------------------------------------------------------------------


def test_an_administrator_is_told_how_many_and_never_whose(front: Front) -> None:
    as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    status, told = as_admin(front, "GET", "/v1/notices")
    assert (status, told["of_the_practice"]) == (200, [])
    [before] = [each["count"] for each in told["unseen"] if each["kind"] == "invited"]
    [notice] = front.get("/notices")["notices"]
    seen = front.post("/notices/seen", {"ids": [notice["id"], "no-such"]})
    assert [each["seen"] for each in seen["notices"]] == [True]
    _, told = as_admin(front, "GET", "/v1/notices")
    assert sum(each["count"] for each in told["unseen"] if each["kind"] == "invited") == before - 1
    assert as_admin(front, "POST", "/v1/notices/seen", {"ids": [notice["id"]]})[0] == 200
