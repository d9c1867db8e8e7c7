"""Tokens and scopes."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from google.auth.exceptions import RefreshError

from sandbox.google import scopes
from sandbox.google.grants import CLIENT_ID, TESTING_LIFE, UNUSED_LIFE, Grants, OAuthError
from sandbox.google.store import Settings
from tests.sandbox.google.conftest import Json, Sandbox, refused
from tests.sandbox.google.world import NOW, event

CALENDAR = scopes.PREFIX + "calendar"


def form(account: Json, **more: str) -> str:
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": account["refresh_token"],
        "client_id": account["client_id"],
        "client_secret": account["client_secret"],
        **more,
    }
    return "&".join(f"{name}={value}" for name, value in fields.items())


# --- the token endpoint ---------------------------------------------------------------------------------


def test_a_refresh_answers_as_google_does(sandbox: Sandbox) -> None:
    status, _, answer = sandbox.request("POST", "/token", form(sandbox.account()))
    assert status == 200
    assert answer.keys() == {"access_token", "expires_in", "scope", "token_type"}
    assert (answer["expires_in"], answer["token_type"]) == (3599, "Bearer")
    assert answer["scope"].split() == list(scopes.DEFAULT)


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"refresh_token": "1//nobody"}, 400, "invalid_grant"),
        ({"refresh_token": ""}, 400, "invalid_request"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_wrong_refresh_names_its_error(
    sandbox: Sandbox, change: dict[str, str], status: int, error: str
) -> None:
    answer = sandbox.request("POST", "/token", form(sandbox.account(), **change))
    assert (answer[0], answer[2]["error"]) == (status, error)


def test_a_grant_taken_back_is_an_invalid_grant_for_googles_client(sandbox: Sandbox) -> None:
    account = sandbox.account()
    client = sandbox.client(account)
    client.calendarList().list().execute()
    sandbox.control("POST", "grants/revoke", {"sub": account["sub"]})
    with pytest.raises(RefreshError, match="Token has been expired or revoked"):
        client.calendarList().list().execute()
    again = sandbox.control("POST", "grants", {"sub": account["sub"]})
    assert sandbox.client(again).calendarList().list().execute()["items"]


def test_revoking_either_token_ends_both(sandbox: Sandbox) -> None:
    account = sandbox.account()
    bearer = sandbox.bearer(account)
    status, _, _ = sandbox.request("POST", "/revoke", "token=" + bearer.removeprefix("Bearer "))
    assert status == 200
    path = "/calendar/v3/users/me/calendarList"
    assert sandbox.request("GET", path, authorization=bearer)[0] == 401
    assert sandbox.request("POST", "/token", form(account))[2]["error"] == "invalid_grant"
    answer = sandbox.request("POST", "/revoke", "token=" + account["refresh_token"])
    assert (answer[0], answer[2]["error"]) == (400, "invalid_token")


def test_googles_client_refreshes_an_access_token_that_has_expired_there(sandbox: Sandbox) -> None:
    account = sandbox.account()
    client = sandbox.client(account)
    client.calendarList().list().execute()
    before = sandbox.control("GET", "clock")
    sandbox.control("PUT", "clock", {"offset_seconds": before["offset_seconds"] + 3600})
    client.calendarList().list().execute()
    sandbox.control("PUT", "clock", {"offset_seconds": before["offset_seconds"]})
    statuses = [r["status"] for r in sandbox.control("GET", "requests")["requests"]]
    assert statuses[-3:] == [401, 200, 200]  # refused, token, again


@pytest.mark.parametrize("authorization", ["", "Bearer nobody", "Basic x"])
def test_without_a_live_access_token_nothing_is_answered(sandbox: Sandbox, authorization: str) -> None:
    path = "/calendar/v3/users/me/calendarList"
    status, headers, answer = sandbox.request("GET", path, authorization=authorization)
    assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert "invalid_token" in headers["www-authenticate"]
    detail = answer["error"]["errors"][0]
    assert (detail["reason"], detail["location"]) == ("authError", "Authorization")


def test_the_token_endpoint_has_faults_too(sandbox: Sandbox) -> None:
    account = sandbox.account()
    sandbox.fault("token", status=400, reason="invalid_grant", message="Token has been expired or revoked.")
    with pytest.raises(RefreshError, match="invalid_grant"):
        sandbox.client(account).calendarList().list().execute()
    assert sandbox.client(account).calendarList().list().execute()


def grants() -> Grants:
    return Grants(lambda: NOW, random.Random(1))


def refresh(grants: Grants, token: str) -> Json:
    return grants.refresh(CLIENT_ID, {"refresh_token": token})


def test_the_oldest_of_too_many_refresh_tokens_dies() -> None:
    held = grants()
    tokens = [held.give("1", CLIENT_ID, ()) for _ in range(101)]
    other = held.give("2", CLIENT_ID, ())
    with pytest.raises(OAuthError):
        refresh(held, tokens[0])
    for token in (*tokens[1:], other):
        refresh(held, token)


def test_an_access_token_lives_for_an_hour() -> None:
    held = grants()
    token = refresh(held, held.give("1", CLIENT_ID, ()))["access_token"]
    held.now = lambda: NOW + timedelta(seconds=3598)
    assert held.holder(token) is not None
    held.now = lambda: NOW + timedelta(seconds=3599)
    assert held.holder(token) is None


def test_a_refresh_token_that_nobody_uses_dies_after_six_months() -> None:
    held = grants()
    used, unused = held.give("1", CLIENT_ID, ()), held.give("1", CLIENT_ID, ())
    held.now = lambda: NOW + UNUSED_LIFE - timedelta(seconds=1)
    refresh(held, used)
    held.now = lambda: NOW + UNUSED_LIFE
    refresh(held, used)
    with pytest.raises(OAuthError, match=r"Token has been expired or revoked\."):
        refresh(held, unused)


def test_a_refresh_token_of_testing_mode_dies_after_a_week_although_it_is_used() -> None:
    held = grants()
    held.settings = lambda: Settings(testing_mode=True)
    token, signing_in = (
        held.give("1", CLIENT_ID, ("openid", CALENDAR)),
        held.give("2", CLIENT_ID, ("openid",)),
    )
    held.now = lambda: NOW + TESTING_LIFE - timedelta(seconds=1)
    refresh(held, token)
    assert held.lives("1", CLIENT_ID)
    held.now = lambda: NOW + TESTING_LIFE
    with pytest.raises(OAuthError, match="invalid_grant"):
        refresh(held, token)
    assert not held.lives("1", CLIENT_ID)
    refresh(held, signing_in)


def test_an_expired_token_cannot_be_revoked() -> None:
    held = grants()
    token = held.give("1", CLIENT_ID, ())
    access = refresh(held, token)["access_token"]
    held.now = lambda: NOW + UNUSED_LIFE
    for dead in (token, access, "nobody"):
        with pytest.raises(OAuthError, match="400 invalid_token"):
            held.revoke(dead)


# --- scopes ---------------------------------------------------------------------------------------------


def test_the_default_scopes_write_only_to_calendars_the_client_made(sandbox: Sandbox) -> None:
    account = sandbox.account()
    client = sandbox.client(account)
    mine = client.calendars().insert(body={"summary": "Work"}).execute()["id"]
    by_hand = sandbox.user(account, "create_calendar", summary="By hand")["id"]
    client.events().insert(calendarId=mine, body=event()).execute()
    for calendar in ("primary", account["calendar"], by_hand):
        client.events().list(calendarId=calendar).execute()
        insert = client.events().insert(calendarId=calendar, body=event())
        assert refused(insert)[:2] == (403, "insufficientPermissions")
        delete = client.calendars().delete(calendarId=calendar)
        assert refused(delete)[:2] == (403, "insufficientPermissions")


def test_owned_calendars_only_are_read_with_the_owned_scope(sandbox: Sandbox) -> None:
    owner, reader = sandbox.account(), sandbox.account()
    calendar = sandbox.user(owner, "create_calendar", summary="Shared")["id"]
    sandbox.user(owner, "share_calendar", calendar=calendar, account=reader["sub"], role="writer")
    narrow = sandbox.client(reader).events()
    assert refused(narrow.list(calendarId=calendar))[:2] == (403, "insufficientPermissions")
    wide = sandbox.control("POST", "grants", {"sub": reader["sub"], "scopes": ["calendar.events.readonly"]})
    assert sandbox.client(wide).events().list(calendarId=calendar).execute()["items"] == []


def test_a_calendar_one_does_not_see_is_not_found_whatever_the_scopes(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    assert refused(client.events().list(calendarId="nowhere"))[:2] == (404, "notFound")
