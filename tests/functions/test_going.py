"""The ways out of a sync and back, as the EHR's front end calls them; and how long, as the practice says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functions.deployed import TWO, Account, Deployment, Front, practitioner

pytest_plugins = ["tests.functions.deployment"]

BULK = {"kind": "calendar", "look": False, "queue": "bulk"}
OVER = {"start_from": str(datetime.now(UTC).date() - timedelta(days=3)), "confirm": "start_over"}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/start-over", OVER),
    ("POST", "/repair", {}),
    ("POST", "/preview", {"of": "remove"}),
    ("GET", "/leftovers", {}),
    ("POST", "/leftovers/remove", {"ids": ["calendar"]}),
]


@pytest.fixture
def started(front: Front, google_account: Account) -> Front:
    return front.started(google_account)


def asked_for(deployment: Deployment) -> int:
    return sum(body | BULK == body for body in deployment.waiting("bulk"))


class Office:
    """An administrator of a practice; `about`: a practitioner's front end."""

    def __init__(self, about: Front) -> None:
        self.about = about

    def call(self, method: str, body: object = None, **claims: object) -> Any:
        given = {"role": "admin", "practitioner": "office", **claims}
        headers = {"Authorization": f"Bearer {self.about.token(**given)}"}
        content = {} if body is None else {"json": body}
        path = f"/v1/entitlements/{self.about.practitioner}"
        return self.about.deployment.api.open(path, method=method, headers=headers, **content)

    def put(self, active_until: str) -> Any:
        answer = self.call("PUT", {"active_until": active_until})
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()


# --- disconnect -----------------------------------------------------------------------------------------


def test_what_is_kept_is_on_the_receipt(started: Front) -> None:
    state = started.post("/disconnect")
    assert state["status"] == "disconnected"
    receipt = state["receipt"]
    none = {"total": 0, "removed": 0, "kept": 0, "refused": 0}
    assert (receipt["events"], receipt["blocks"], receipt["personal_kept"]) == (none, none, 0)
    assert started.get()["receipt"] == receipt


def test_what_is_to_be_removed_is_removed_by_bulk_jobs(deployment: Deployment, started: Front) -> None:
    state = started.post("/disconnect", {"events": "remove"})
    assert (state["status"], state["receipt"]) == ("removing", None)
    assert asked_for(deployment) == 1
    assert started.post("/disconnect", {"events": "remove"})["status"] == "removing"
    assert started.refused("POST", "/start") == (409, "removing")
    assert started.post("/disconnect", {"events": "keep"})["status"] == "disconnected"


def test_an_administrator_may_have_it_removed_and_sees_counts_alone(started: Front) -> None:
    token = started.token(role="admin", practitioner="office")
    answer = started.call("POST", "/disconnect", {"events": "remove"}, token=token)
    assert answer.get_json()["status"] == "removing"
    state = started.call("POST", "/disconnect", {"events": "keep"}, token=token).get_json()
    assert state["receipt"]["events"]["total"] == 0
    assert state["google_email"] is None


def test_events_are_kept_or_removed(started: Front) -> None:
    assert started.refused("POST", "/disconnect", {"events": "burn"}) == (400, "invalid")


# --- start over and repair ------------------------------------------------------------------------------


def test_starting_over_asks_for_the_first_sync(deployment: Deployment, started: Front) -> None:
    state = started.post("/start-over", OVER)
    assert (state["status"], state["settings"]["start_from"]) == ("syncing", OVER["start_from"])
    assert asked_for(deployment) == 1
    assert started.post("/start-over", OVER)["status"] == "syncing"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"start_from": OVER["start_from"]},
        {**OVER, "confirm": "yes"},
        {**OVER, "start_from": "2001-01-01"},
        {**OVER, "start_from": "2099-01-01"},
        {**OVER, "more": 1},
    ],
)
def test_without_its_confirmation_or_with_a_day_that_is_none_nothing_begins(
    started: Front, body: dict[str, Any]
) -> None:
    before = started.get("/settings")
    assert started.refused("POST", "/start-over", body) == (400, "invalid")
    assert started.get("/settings") == before


def test_only_what_was_started_is_started_over(front: Front, google_account: Account) -> None:
    front.connect(google_account)
    assert front.refused("POST", "/start-over", OVER) == (409, "not_started")


def test_where_no_calendar_is_missing_there_is_nothing_to_repair(started: Front) -> None:
    assert started.post("/repair")["status"] == "syncing"


def test_what_is_paused_is_not_repaired(started: Front) -> None:
    started.post("/pause")
    assert started.refused("POST", "/repair") == (409, "not_syncing")


# --- preview and leftovers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"of": "start"},
        {"of": "start_over", "start_from": OVER["start_from"]},
        {"of": "settings", "mode": "one_way", "client_label": "full_name", "google_edits": "accept"},
        {"of": "settings", "start_from": OVER["start_from"]},
    ],
)
def test_of_an_empty_practice_nothing_would_be_written(started: Front, body: dict[str, Any]) -> None:
    none = {"created": 0, "updated": 0, "deleted": 0}
    before = started.get("/settings")
    assert started.post("/preview", body) == {
        "google": none,
        "ehr": none,
        "complete": True,
        "receipt": None,
    }
    assert started.get("/settings") == before


def test_of_a_removal_its_receipt_is_shown_and_nothing_ends(started: Front) -> None:
    found = started.post("/preview", {"of": "remove"})
    assert (found["complete"], found["receipt"]["events"]["total"]) == (True, 0)
    assert started.status == "syncing"


@pytest.mark.parametrize(
    "body",
    [{}, {"of": "everything"}, {"of": "start_over", "start_from": "2001-01-01"}, {"of": "start", "x": 1}],
)
def test_what_nobody_could_do_has_no_preview(started: Front, body: dict[str, Any]) -> None:
    assert started.refused("POST", "/preview", body) == (400, "invalid")


def test_what_was_not_started_has_no_other_settings_to_preview(front: Front, google_account: Account) -> None:
    front.connect(google_account)
    assert front.refused("POST", "/preview", {"of": "settings"}) == (409, "not_started")


def test_in_a_new_account_nothing_is_left_over(started: Front) -> None:
    assert started.get("/leftovers") == []
    none = {"calendars": 0, "removed": 0, "refused": 0, "left": 0}
    assert started.post("/leftovers/remove", {"ids": ["nothing"]}) == none


@pytest.mark.parametrize("ids", [[], ["x"] * 21, "all", None])
def test_leftovers_are_chosen_one_by_one(started: Front, ids: object) -> None:
    assert started.refused("POST", "/leftovers/remove", {"ids": ids}) == (400, "invalid")


# --- whose they are -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "rest", "body"), CALLS)
def test_they_are_the_practitioners_own(started: Front, method: str, rest: str, body: dict[str, Any]) -> None:
    other, admin = started.token(practitioner="other"), started.token(role="admin", practitioner="office")
    assert started.refused(method, rest, body, token=other) == (403, "other_practitioner")
    assert started.refused(method, rest, body, token=admin) == (403, "role")


@pytest.mark.parametrize(("method", "rest", "body"), CALLS)
def test_without_a_connection_there_is_nothing_to_do_it_with(
    front: Front, method: str, rest: str, body: dict[str, Any]
) -> None:
    assert front.refused(method, rest, body) == (404, "not_connected")


# --- until when -----------------------------------------------------------------------------------------


def test_of_whom_nobody_has_spoken_there_is_no_end(front: Front) -> None:
    expected = {"practitioner": front.practitioner, "active_until": None, "lapsed": False}
    assert Office(front).call("GET").get_json() == expected


def test_what_is_over_lapses_and_a_later_day_brings_it_back(deployment: Deployment, started: Front) -> None:
    office = Office(started)
    said = office.put("2020-01-01T00:00:00Z")
    assert (said["active_until"], said["lapsed"]) == ("2020-01-01T00:00:00Z", True)
    assert office.call("GET").get_json() == said
    assert started.status == "lapsed"
    assert started.refused("POST", "/start") == (409, "lapsed")
    assert started.refused("POST", "/resume") == (409, "lapsed")
    deployment.empty_queues()
    deployment.pass_time(2)
    assert office.put("open")["active_until"] is None
    assert started.status == "syncing"
    assert asked_for(deployment) == 1


def test_it_may_be_said_before_anybody_connects(front: Front, google_account: Account) -> None:
    Office(front).put("2020-01-01T01:00:00+01:00")
    front.connect(google_account)
    assert front.refused("POST", "/start") == (409, "lapsed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"active_until": "soon"},
        {"active_until": "2026-01-01T00:00:00"},
        {"active_until": "0001-01-01T00:00Z"},
    ],
)
def test_a_day_without_its_offset_or_beyond_all_days_is_none(front: Front, body: dict[str, Any]) -> None:
    answer = Office(front).call("PUT", body)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_practitioners_do_not_say_it_themselves(front: Front, method: str) -> None:
    own = {"role": "practitioner", "practitioner": front.practitioner}
    answer = Office(front).call(method, {"active_until": "open"}, **own)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "admins_only")


def test_another_practice_says_nothing_of_this_one(deployment: Deployment, started: Front) -> None:
    other = Office(Front(deployment, started.practitioner, TWO))
    other.put("2020-01-01T00:00:00Z")
    assert started.status == "syncing"
    assert Office(Front(deployment, practitioner(deployment))).call("GET").get_json()["lapsed"] is False
