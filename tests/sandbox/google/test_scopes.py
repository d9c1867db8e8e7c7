"""Which scope allows what: every scope and every method, as Google's discovery document has it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.google.methods import BASE, METHODS
from sandbox.google.scopes import SCOPES, SIGN_IN
from tests.sandbox.google.conftest import Json, Sandbox, refused
from tests.sandbox.google.discovery import document, methods
from tests.sandbox.google.world import event


def test_every_scope_there_is_can_be_granted() -> None:
    assert set(document()["auth"]["oauth2"]["scopes"]) == set(SCOPES) - SIGN_IN


@pytest.mark.parametrize("scope", document()["auth"]["oauth2"]["scopes"])
def test_a_scope_allows_the_methods_google_says_and_no_other(scope: str) -> None:
    assert SCOPES[scope].methods == {name for name, method in methods().items() if scope in method["scopes"]}


def test_every_method_is_served_under_its_path_and_verb() -> None:
    served = {method.id: (method.http_method, "/".join(method.path)) for method in METHODS}
    described = {
        name: (method["httpMethod"], "/".join("{}" if "{" in p else p for p in method["path"].split("/")))
        for name, method in methods().items()
    }
    assert served == described


# --- over the wire --------------------------------------------------------------------------------------


def refused_methods(sandbox: Sandbox, account: Json) -> set[str]:
    """The methods that the account's scopes do not allow; others may be refused for what was asked."""
    authorization = sandbox.bearer(account)
    refused = set()
    for method in METHODS:
        path = BASE + "/".join("primary" if part == "{}" else part for part in method.path)
        content: Json | None = {} if method.http_method in ("POST", "PUT", "PATCH") else None
        answer = sandbox.request(method.http_method, path, content, authorization=authorization)[2]
        error = answer.get("error", {}) if isinstance(answer, dict) else {}
        if error and error["errors"][0]["reason"] == "insufficientPermissions":
            assert error["code"] == 403
            refused.add(method.id)
    return refused


@pytest.mark.parametrize("scope", document()["auth"]["oauth2"]["scopes"])
def test_a_scope_alone_is_refused_every_other_method(sandbox: Sandbox, scope: str) -> None:
    account = sandbox.account(scopes=[scope])
    sandbox.user(account, "publish_calendar", calendar="primary", role="reader")
    allowed = {name for name, method in methods().items() if scope in method["scopes"]}
    reached = set() if scope.endswith(".app.created") else allowed
    nowhere = {"calendars.insert", "channels.stop", "colors.get"} & allowed  # these name no calendar
    assert refused_methods(sandbox, account) == {m.id for m in METHODS} - reached - nowhere


def reader_of(sandbox: Sandbox, role: str, *scopes: str) -> tuple[Any, str, str]:
    """A client under these scopes, and a calendar of another's with an event, in which it has the role."""
    owner, reader = sandbox.account(), sandbox.account(scopes=list(scopes))
    calendar = sandbox.user(owner, "create_calendar", summary="Shared")["id"]
    made = sandbox.user(owner, "create", calendar=calendar, body=event(summary="Tea"))["id"]
    sandbox.user(owner, "share_calendar", calendar=calendar, account=reader["sub"], role=role)
    return sandbox.client(reader), calendar, made


def test_the_scope_of_availability_shows_times_alone(sandbox: Sandbox) -> None:
    client, calendar, made = reader_of(sandbox, "owner", "calendar.events.freebusy")
    page = client.events().list(calendarId=calendar).execute()
    assert page["accessRole"] == "freeBusyReader"
    assert [("start" in row, "summary" in row) for row in page["items"]] == [(True, False)]
    assert "summary" not in client.events().get(calendarId=calendar, eventId=made).execute()


def test_the_widest_of_the_granted_scopes_counts(sandbox: Sandbox) -> None:
    scopes = ("calendar.events.freebusy", "calendar.events.owned.readonly")
    client, calendar, _ = reader_of(sandbox, "owner", *scopes)
    assert client.events().list(calendarId=calendar).execute()["items"][0]["summary"] == "Tea"
    client, calendar, _ = reader_of(sandbox, "writer", *scopes)
    assert "summary" not in client.events().list(calendarId=calendar).execute()["items"][0]


def test_the_scope_of_public_calendars_reaches_what_everybody_may_read(sandbox: Sandbox) -> None:
    owner, reader = sandbox.account(), sandbox.account(scopes=["calendar.events.public.readonly"])
    client = sandbox.client(reader)
    calendar = sandbox.user(owner, "create_calendar", summary="Public")["id"]
    sandbox.user(owner, "share_calendar", calendar=calendar, account=reader["sub"], role="writer")
    for role in (None, "freeBusyReader"):
        sandbox.user(owner, "publish_calendar", calendar=calendar, role=role)
        answer = refused(client.events().list(calendarId=calendar))
        assert answer[:2] == (403, "insufficientPermissions")
    sandbox.user(owner, "publish_calendar", calendar=calendar, role="reader")
    assert client.events().list(calendarId=calendar).execute()["items"] == []


def test_an_event_moves_only_between_calendars_the_scope_reaches(sandbox: Sandbox) -> None:
    client, calendar, made = reader_of(sandbox, "writer", "calendar.events.owned")
    own = client.events().insert(calendarId="primary", body=event()).execute()["id"]
    for source, which, target in (("primary", own, calendar), (calendar, made, "primary")):
        move = client.events().move(calendarId=source, eventId=which, destination=target)
        assert refused(move)[:2] == (403, "insufficientPermissions")
