"""What a practitioner may have events say of their clients, by what their practice and their account are."""

from __future__ import annotations

import pytest

from tests.functions.deployed import NUMBERLESS, Account, Deployment, Front, account, practitioner

pytest_plugins = ["tests.functions.deployment"]

FULL = {"client_label": "full_name"}
UNACKNOWLEDGED = (422, "full_name_unacknowledged")


@pytest.fixture
def connected(front: Front, google_account: Account) -> Front:
    front.connect(google_account)
    return front


@pytest.fixture
def hosted(deployment: Deployment) -> Account:
    return account(deployment, hosted_domain="practice.example")


def label(front: Front) -> str:
    return str(front.get("/settings")["client_label"])


# --- numbers of the practice ----------------------------------------------------------------------------


def test_a_practice_with_numbers_begins_with_them(connected: Front) -> None:
    assert label(connected) == "internal_id"


@pytest.mark.usefixtures("front")
def test_a_practice_without_numbers_begins_with_initials_and_is_refused_them(deployment: Deployment) -> None:
    front = Front(deployment, practitioner(deployment), NUMBERLESS)
    front.connect(account(deployment))
    assert label(front) == "initials"
    body = {"client_label": "internal_id", "mode": "one_way"}
    assert front.refused("PATCH", "/settings", body) == (422, "internal_id_unavailable")
    settings = front.get("/settings")
    assert (settings["client_label"], settings["mode"]) == ("initials", "two_way")
    assert front.call("PATCH", "/settings", {"client_label": "first_name"}).status_code == 200


# --- full names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [{}, {"full_name_acknowledged": False}])
def test_full_names_in_an_account_of_no_organization_are_refused_unless_it_is_said(
    connected: Front, told: dict[str, bool]
) -> None:
    body = {**FULL, **told, "mode": "one_way"}
    assert connected.refused("PATCH", "/settings", body) == UNACKNOWLEDGED
    settings = connected.get("/settings")
    assert (settings["client_label"], settings["mode"]) == ("internal_id", "two_way")
    assert settings["full_name_acknowledged_at"] is None


def test_what_was_said_is_kept_and_not_asked_for_again(connected: Front) -> None:
    settings = connected.call("PATCH", "/settings", {**FULL, "full_name_acknowledged": True}).get_json()
    assert settings["client_label"] == "full_name"
    said_at = settings["full_name_acknowledged_at"]
    assert said_at.endswith("Z")
    connected.call("PATCH", "/settings", {"client_label": "initials"})
    assert connected.call("PATCH", "/settings", FULL).get_json()["full_name_acknowledged_at"] == said_at


def test_an_account_of_an_organization_needs_no_word(front: Front, hosted: Account) -> None:
    front.connect(hosted)
    settings = front.call("PATCH", "/settings", {**FULL, "full_name_acknowledged": True}).get_json()
    assert (settings["client_label"], settings["full_name_acknowledged_at"]) == ("full_name", None)


@pytest.mark.parametrize("body", [{"client_label": "initials"}, {"mode": "one_way"}, {}])
def test_the_word_alone_says_nothing(connected: Front, body: dict[str, str]) -> None:
    connected.call("PATCH", "/settings", {**body, "full_name_acknowledged": True})
    assert connected.get("/settings")["full_name_acknowledged_at"] is None


def test_what_was_said_of_one_account_does_not_hold_for_another(
    deployment: Deployment, connected: Front, google_account: Account, hosted: Account
) -> None:
    connected.call("PATCH", "/settings", {**FULL, "full_name_acknowledged": True})
    connected.post("/disconnect")
    connected.connect(google_account)
    assert label(connected) == "full_name"
    for other, expected in ((hosted, "full_name"), (account(deployment), "internal_id")):
        connected.post("/disconnect")
        connected.connect(other)
        settings = connected.get("/settings")
        assert (settings["client_label"], settings["full_name_acknowledged_at"]) == (expected, None)
    assert connected.refused("PATCH", "/settings", FULL) == UNACKNOWLEDGED
