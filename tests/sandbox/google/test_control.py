"""The control paths of the server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.google.conftest import Sandbox
from tests.sandbox.google.world import event


def test_an_account_comes_with_what_is_needed_to_sign_in(sandbox: Sandbox) -> None:
    account = sandbox.account(name="Anna", hosted_domain="example.com", scopes=["openid", "calendar"])
    assert account["calendar"] == account["email"]
    assert account["scopes"] == ["openid", "https://www.googleapis.com/auth/calendar"]
    primary = sandbox.client(account).calendars().get(calendarId="primary").execute()
    assert (primary["id"], primary["timeZone"]) == (account["email"], "Europe/Berlin")


def test_a_person_acts_by_name(sandbox: Sandbox) -> None:
    account = sandbox.account()
    made = sandbox.user(account, "create", calendar="primary", body=event(summary="Tea"))
    edited = sandbox.user(account, "edit", calendar="primary", event=made["id"], body={"summary": "x"})
    assert edited["summary"] == "x"
    assert sandbox.user(account, "delete", calendar="primary", event=made["id"]) == {}
    rows = sandbox.control("GET", f"calendars/{account['calendar']}/events")
    assert [(row["id"], row["status"], row["summary"]) for row in rows] == [(made["id"], "cancelled", "x")]


@pytest.mark.parametrize(
    ("method", "path", "body", "names"),
    [
        ("POST", "accounts", {"time_zone": "UTC"}, "'email' is missing"),
        ("POST", "accounts", {"email": 5, "time_zone": "UTC"}, "'email' is a text"),
        ("POST", "accounts", {"email": "x@example.com", "time_zone": "Mars"}, "no time zone"),
        (
            "POST",
            "accounts",
            {"email": "x@example.com", "time_zone": "UTC", "scopes": ["all"]},
            "unknown scope",
        ),
        (
            "POST",
            "accounts",
            {"email": "x@example.com", "time_zone": "UTC", "scopes": "all"},
            "a list of texts",
        ),
        (
            "POST",
            "accounts",
            {"email": "y@example.com", "time_zone": "UTC", "client_id": "z"},
            "unknown client_id",
        ),
        ("POST", "accounts", "{", "no JSON"),
        ("POST", "accounts", [], "no JSON object"),
        ("POST", "user", {"sub": "0", "action": "create"}, "no account with sub '0'"),
        ("POST", "grants/revoke", {}, "'sub' is missing"),
        ("POST", "faults", {"operation": "token"}, "'status'"),
        ("POST", "faults", {"operation": "token", "status": "500"}, "'status' is a whole number"),
        ("POST", "faults", {"operation": "token", "status": 7}, "'status' is an HTTP status"),
        ("POST", "faults", {"status": 500}, "'operation' is missing"),
        ("POST", "expire-sync-tokens", {"calendar": "nowhere"}, "no calendar 'nowhere'"),
        ("POST", "expire-sync-tokens", {"sub": "0"}, "no account with sub '0'"),
        ("POST", "settings", {"speed": 1}, "unknown setting 'speed'"),
        ("POST", "settings", {"revive": "maybe"}, "'works' or 'forbidden'"),
        ("POST", "settings", {"bare_tombstones": 1}, "'bare_tombstones' is a bool"),
        ("PUT", "clock", {"hours": 1}, "a clock is"),
        ("PUT", "clock", {"fixed": "noon"}, "no ISO instant"),
        ("GET", "requests?since=x", None, "'since' is the number"),
        ("GET", "deliveries?since=x", None, "'since' is the number"),
        ("GET", "calendars/nowhere/events", None, "no calendar 'nowhere'"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    sandbox: Sandbox, method: str, path: str, body: Any, names: str
) -> None:
    status, _, answer = sandbox.request(method, f"/control/{path}", body)
    assert status == 400
    assert names in answer["error"]


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({"action": "dance"}, "unknown action 'dance'"),
        ({"action": "create", "calendar": "primary"}, "missing a required argument: 'body'"),
        (
            {"action": "delete", "calendar": "primary", "event": "x", "why": "y"},
            "unexpected keyword argument 'why'",
        ),
        ({"action": "delete", "calendar": "primary", "event": "nothere"}, "404 notFound"),
        ({"action": "delete", "calendar": "primary", "event": 5}, "'event' is a text"),
        ({"action": "share_calendar", "calendar": "primary", "account": "0", "role": "reader"}, "no account"),
        ({"action": "create", "calendar": "primary", "body": {}}, "Missing start time."),
        ({"action": "publish_calendar", "calendar": "primary", "role": "owner"}, "no role for everybody"),
        ({"action": "restore_calendar", "calendar": "primary"}, "no calendar 'primary'"),
        ({"action": "color_calendar", "calendar": "primary", "color": 3}, "'color' is a text"),
        ({"action": "change_setting", "setting": "mood", "value": "good"}, "no setting 'mood'"),
    ],
)
def test_a_wrong_action_is_told_what_is_wrong(sandbox: Sandbox, request_: Any, names: str) -> None:
    body = {"sub": sandbox.account()["sub"], **request_}
    status, _, answer = sandbox.request("POST", "/control/user", body)
    assert status == 400
    assert names in answer["error"]


def test_calendars_are_shared_published_hidden_left_and_restored_by_name(sandbox: Sandbox) -> None:
    owner, other = sandbox.account(), sandbox.account(scopes=["calendar"])
    entries = sandbox.client(other).calendarList()

    def listed(**query: bool) -> list[str]:
        found = entries.list(**query).execute()["items"]
        return [entry["accessRole"] for entry in found if entry["id"] == owner["calendar"]]

    where = {"calendar": owner["calendar"]}
    sandbox.user(owner, "share_calendar", **where, account=other["sub"], role="writer")
    assert listed() == ["writer"]
    sandbox.user(owner, "publish_calendar", **where, role="reader")
    sandbox.user(owner, "unshare_calendar", **where, account=other["sub"])
    assert listed() == ["reader"]
    sandbox.user(other, "hide_calendar", **where)
    assert (listed(), listed(showHidden=True)) == ([], ["reader"])
    sandbox.user(other, "show_calendar", **where)
    sandbox.user(other, "color_calendar", **where, color="3")
    sandbox.user(other, "nickname_calendar", **where, summary="Theirs")
    entry = entries.get(calendarId=owner["calendar"]).execute()
    assert (entry["colorId"], entry["summaryOverride"]) == ("3", "Theirs")
    sandbox.user(other, "unsubscribe", **where)
    assert listed() == []
    sandbox.user(other, "subscribe", **where)
    sandbox.user(owner, "publish_calendar", **where, role=None)
    assert listed() == []
    made = sandbox.user(owner, "create_calendar", summary="Work")["id"]
    sandbox.user(owner, "delete_calendar", calendar=made)
    assert sandbox.user(owner, "restore_calendar", calendar=made)["summary"] == "Work"


def test_an_account_refused_for_its_scopes_is_not_made(sandbox: Sandbox) -> None:
    body = {"email": "late@example.com", "time_zone": "UTC"}
    assert sandbox.request("POST", "/control/accounts", {**body, "scopes": ["all"]})[0] == 400
    assert sandbox.request("POST", "/control/accounts", {**body, "client_id": "nobody"})[0] == 400
    assert sandbox.request("POST", "/control/accounts", body)[0] == 200


def test_the_clock_can_stand_and_be_shifted(sandbox: Sandbox) -> None:
    before = sandbox.control("GET", "clock")
    assert before["now"].startswith("2026-03-02T")
    fixed = sandbox.control("PUT", "clock", {"fixed": "2027-01-01"})
    assert fixed["now"] == "2027-01-01T00:00:00+00:00"
    made = sandbox.user(sandbox.account(), "create", calendar="primary", body=event())
    assert made["updated"] == "2027-01-01T00:00:00.000Z"
    after = sandbox.control("PUT", "clock", {"offset_seconds": before["offset_seconds"]})
    assert after["now"] > before["now"]


def test_settings_can_be_read_and_changed_one_by_one(sandbox: Sandbox) -> None:
    changed = sandbox.control("POST", "settings", {"refused_zones": ["Europe/Paris"], "empty_page_chance": 1})
    assert changed["refused_zones"] == ["Europe/Paris"]
    assert changed["revive"] == "works"
    assert sandbox.control("GET", "settings") == changed
    account = sandbox.account()
    page = sandbox.client(account).events().list(calendarId="primary").execute()
    assert (page["items"], "nextPageToken" in page) == ([], True)


def test_requests_are_recorded_with_what_was_sent(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])
    client = sandbox.client(account)
    start = sandbox.control("GET", "requests")["last"]
    insert = client.events().insert(calendarId="primary", body=event(id="aaaaa"), sendUpdates="none")
    insert.execute()
    request = client.events().patch(calendarId="primary", eventId="aaaaa", body={"summary": "x"})
    request.headers["If-Match"] = '"1"'
    with pytest.raises(Exception, match="412"):
        request.execute()
    token, first, second = sandbox.control("GET", f"requests?since={start}")["requests"]
    assert (token["operation"], token["sub"]) == ("token", None)
    assert account["refresh_token"] not in str(token)
    headers = first.pop("headers")
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    assert first == {
        "number": start + 2,
        "operation": "events.insert",
        "method": "POST",
        "path": "/calendar/v3/calendars/primary/events",
        "query": {"sendUpdates": "none", "alt": "json"},
        "body": event(id="aaaaa"),
        "if_match": None,
        "sub": account["sub"],
        "status": 200,
        "lost": False,
    }
    assert (second["if_match"], second["status"]) == ('"1"', 412)
    assert sandbox.control("GET", f"requests?since={start + 3}")["requests"] == []


def test_a_calendar_file_is_imported_as_a_person_would(sandbox: Sandbox) -> None:
    account = sandbox.account()
    text = "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "X-WR-TIMEZONE:Europe/Berlin",
            *("BEGIN:VEVENT", "UID:1@example.com", "DTSTART:20260310T090000Z", "SUMMARY:Tea", "END:VEVENT"),
            *("BEGIN:VEVENT", "DTSTART:2026", "END:VEVENT"),
            *("BEGIN:VEVENT", "DTSTART;TZID=Europe/Kyiv:20260310T090000", "END:VEVENT"),
            *("BEGIN:VEVENT", "DTSTART:20260310T090000Z", "RRULE:FREQ=DAILY", "END:VEVENT"),
            "END:VCALENDAR",
        ]
    )
    body = {"sub": account["sub"], "calendar": account["calendar"], "text": text, "name": "old.ics"}
    answer = sandbox.control("POST", "import-ics", body)
    assert (answer["created"], answer["left_out"]) == (1, {"recurring": 1})
    assert [(problem["file"], problem["line"]) for problem in answer["problems"]] == [
        ("old.ics", 9),
        ("old.ics", 11),
    ]
    assert "Google refuses the event" in answer["problems"][1]["sentence"]
    (row,) = sandbox.control("GET", f"calendars/{account['calendar']}/events")
    assert (row["summary"], row["start"]["dateTime"]) == ("Tea", "2026-03-10T10:00:00+01:00")
    assert row["iCalUID"] != "1@example.com"
