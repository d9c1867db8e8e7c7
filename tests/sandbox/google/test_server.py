"""Calendar v3 over the wire, through Google's own client."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.sandbox.google.conftest import Json, Sandbox, refused
from tests.sandbox.google.world import event

FULL = ["openid", "email", "calendar"]


def work(client: Any) -> str:
    """A calendar the client makes."""
    return str(client.calendars().insert(body={"summary": "Work", "timeZone": "UTC"}).execute()["id"])


# --- methods --------------------------------------------------------------------------------------------


def test_an_event_lives_its_life_through_googles_client(sandbox: Sandbox) -> None:
    events = (client := sandbox.client(sandbox.account())).events()
    calendar = work(client)
    made = events.insert(calendarId=calendar, body=event(id="aaaaa", summary="Tea")).execute()
    assert events.get(calendarId=calendar, eventId="aaaaa").execute() == made
    patched = events.patch(calendarId=calendar, eventId="aaaaa", body={"summary": "x"}).execute()
    assert patched["summary"] == "x"
    put = events.update(calendarId=calendar, eventId="aaaaa", body=event()).execute()
    assert "summary" not in put
    assert events.delete(calendarId=calendar, eventId="aaaaa").execute() == ""
    assert events.get(calendarId=calendar, eventId="aaaaa").execute()["status"] == "cancelled"
    assert refused(events.delete(calendarId=calendar, eventId="aaaaa"))[:2] == (410, "deleted")
    assert refused(events.insert(calendarId=calendar, body=event(id="aaaaa")))[:2] == (409, "duplicate")
    assert refused(events.get(calendarId=calendar, eventId="bbbbb"))[:2] == (404, "notFound")


def test_pages_and_deltas_through_googles_client(sandbox: Sandbox) -> None:
    account = sandbox.account()
    client = sandbox.client(account)
    events = client.events()
    calendar = work(client)
    for _ in range(5):
        events.insert(calendarId=calendar, body=event()).execute()
    request = events.list(calendarId=calendar, maxResults=2, showDeleted=True, singleEvents=False)
    pages: list[Json] = []
    while request is not None:
        pages.append(request.execute())
        request = events.list_next(request, pages[-1])
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    token = pages[-1]["nextSyncToken"]
    sandbox.user(account, "delete", calendar=calendar, event=pages[0]["items"][0]["id"])
    (row,) = events.list(calendarId=calendar, syncToken=token, showDeleted=True).execute()["items"]
    assert (row["id"], row["status"]) == (pages[0]["items"][0]["id"], "cancelled")


def test_calendars_and_their_list_through_googles_client(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=FULL)
    client = sandbox.client(account)
    calendar = work(client)
    assert client.calendars().get(calendarId=calendar).execute()["summary"] == "Work"
    patched = client.calendars().patch(calendarId=calendar, body={"description": "mark"}).execute()
    assert patched["description"] == "mark"
    assert client.calendarList().get(calendarId=calendar).execute()["description"] == "mark"
    entry = client.calendarList().patch(calendarId=calendar, body={"colorId": "5"}).execute()
    assert entry["colorId"] == "5"
    status, _, error = refused(client.calendarList().delete(calendarId=calendar))
    assert (status, error["message"][:14]) == (403, "The data owner")
    assert client.calendars().delete(calendarId=calendar).execute() == ""
    assert refused(client.calendars().get(calendarId=calendar))[:2] == (404, "notFound")
    listed = client.calendarList().list(showDeleted=True).execute()["items"]
    assert [(entry["id"], entry.get("deleted", False)) for entry in listed] == [
        (account["calendar"], False),
        (calendar, True),
    ]


def test_ids_in_paths_are_percent_encoded(sandbox: Sandbox) -> None:
    account = sandbox.account()
    bearer = sandbox.bearer(account)
    name = account["calendar"].replace("@", "%40")
    status, _, answer = sandbox.request("GET", f"/calendar/v3/calendars/{name}/events", authorization=bearer)
    assert (status, answer["summary"]) == (200, account["calendar"])
    path = "/calendar/v3/calendars/en.german%23holiday%40group.v.calendar.google.com/events"
    assert sandbox.request("GET", path, authorization=bearer)[2]["error"]["errors"][0]["reason"] == "notFound"


def test_a_get_too_long_for_a_url_comes_as_a_post(sandbox: Sandbox) -> None:
    account = sandbox.account()
    events = sandbox.client(account).events()
    many = [f"k{number}=v{number}" for number in range(300)]
    assert events.list(calendarId="primary", privateExtendedProperty=many).execute()["items"] == []
    (asked,) = [entry for entry in sandbox.requests(account) if entry["operation"] == "events.list"]
    assert asked["method"] == "GET"
    assert asked["query"]["privateExtendedProperty"] == many


def test_fields_are_honoured(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    listed = client.calendarList().list(fields="items(id,primary)").execute()
    assert listed.keys() == {"items"}
    assert refused(client.calendarList().list(fields="items(id"))[:2] == (400, "invalidParameter")


# --- versions -------------------------------------------------------------------------------------------


def test_versions_travel_in_headers(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    calendar = work(client)
    made = client.events().insert(calendarId=calendar, body=event()).execute()
    request = client.events().patch(calendarId=calendar, eventId=made["id"], body={"summary": "x"})
    request.headers["If-Match"] = made["etag"]
    request.execute()
    status, reason, error = refused(request)
    assert (status, reason) == (412, "conditionNotMet")
    detail = error["errors"][0]
    assert (detail["locationType"], detail["location"]) == ("header", "If-Match")
    request.headers["If-Match"] = "*"
    assert request.execute()["summary"] == "x"


def test_a_known_version_is_not_sent_again(sandbox: Sandbox) -> None:
    account = sandbox.account()
    client = sandbox.client(account)
    calendar = work(client)
    made = client.events().insert(calendarId=calendar, body=event()).execute()
    path = f"/calendar/v3/calendars/{calendar}/events/{made['id']}"
    bearer = sandbox.bearer(account)
    status, headers, _ = sandbox.request("GET", path, authorization=bearer)
    assert (status, headers["etag"]) == (200, made["etag"])
    status, _, body = sandbox.request("GET", path, authorization=bearer, if_none_match=made["etag"])
    assert (status, body) == (304, "")


def test_a_known_version_of_anything_is_not_sent_again(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=FULL)
    bearer = sandbox.bearer(account)
    for path in (
        "calendars/primary",
        "calendars/primary/acl",
        f"calendars/primary/acl/user:{account['email']}",
        "calendars/primary/events",
        "users/me/calendarList",
        "users/me/calendarList/primary",
        "users/me/settings/timezone",
    ):
        get = {"method": "GET", "path": f"/calendar/v3/{path}", "authorization": bearer}
        etag = sandbox.request(**get)[1]["etag"]
        assert sandbox.request(**get, if_none_match=f'"0", {etag}')[0] == 304, path
        assert sandbox.request(**get, if_none_match='"0"')[0] == 200, path


def test_a_verb_can_be_named_by_a_header(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=FULL)
    made = sandbox.user(account, "create", calendar="primary", body=event())
    path = f"/calendar/v3/calendars/primary/events/{made['id']}"
    post = {"method": "POST", "path": path, "authorization": sandbox.bearer(account)}
    answer = sandbox.request(**post, body={"summary": "Tea"}, x_http_method_override="PATCH")[2]
    assert answer["summary"] == "Tea"
    assert sandbox.request(**post, x_http_method_override="delete")[0] == 204
    assert sandbox.request(**post, x_http_method_override="TRACE")[0] == 404


def test_a_token_may_come_as_a_parameter_and_the_answer_only_as_json(sandbox: Sandbox) -> None:
    account = sandbox.account()
    token = sandbox.bearer(account).removeprefix("Bearer ")
    path = f"/calendar/v3/users/me/calendarList?oauth_token={token}&prettyPrint=false"
    assert sandbox.request("GET", path)[0] == 200
    error = sandbox.request("GET", f"{path}&alt=media")[2]["error"]
    assert (error["code"], error["errors"][0]["location"]) == (400, "alt")
    assert token not in str(sandbox.requests(account))


# --- errors ---------------------------------------------------------------------------------------------


def test_most_errors_come_in_the_older_envelope(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    _, _, error = refused(client.events().get(calendarId="primary", eventId="nothere"))
    assert error == {
        "errors": [{"domain": "global", "reason": "notFound", "message": "Not Found"}],
        "code": 404,
        "message": "Not Found",
    }


def test_errors_of_the_front_end_come_in_the_newer_envelope(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    status, reason, error = refused(client.events().insert(calendarId="primary", body=event()))
    assert (status, reason, error["status"]) == (403, "insufficientPermissions", "PERMISSION_DENIED")
    assert error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


@pytest.mark.parametrize("body", ['{"summary": ', '{"summary": NaN}', "[" * 10_000, "[]"])
def test_a_body_that_is_no_json_object_does_not_parse(sandbox: Sandbox, body: str) -> None:
    bearer = sandbox.bearer(sandbox.account())
    status, _, answer = sandbox.request("POST", "/calendar/v3/calendars", body, authorization=bearer)
    assert (status, answer["error"]["errors"][0]["reason"]) == (400, "parseError")


def test_an_unknown_path_is_no_json(sandbox: Sandbox) -> None:
    status, headers, body = sandbox.request("GET", "/calendar/v3/users/me/calendars")
    assert (status, headers["content-type"][:9]) == (404, "text/html")
    assert body.startswith("<!DOCTYPE html>")


# --- faults ---------------------------------------------------------------------------------------------


def test_a_lost_answer_is_a_commit_and_a_closed_connection(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=FULL)
    bearer = sandbox.bearer(account)
    sandbox.fault("events.insert", lost=True)
    connection = http.client.HTTPConnection(sandbox.address.removeprefix("http://"), timeout=10)
    path = f"/calendar/v3/calendars/{account['calendar']}/events"
    connection.request("POST", path, json.dumps(event(id="aaaaa")), {"Authorization": bearer})
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()
    assert sandbox.client(account).events().get(calendarId="primary", eventId="aaaaa").execute()
    (asked,) = [entry for entry in sandbox.requests(account) if entry["operation"] == "events.insert"]
    assert (asked["lost"], asked["status"]) == (True, 200)


def test_googles_client_repeats_a_lost_post_once_by_itself(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account(scopes=FULL))
    client.calendarList().list().execute()
    sandbox.fault("events.insert", lost=True)
    insert = client.events().insert(calendarId="primary", body=event(id="aaaaa"))
    assert refused(insert)[:2] == (409, "duplicate")
    sandbox.fault("events.insert", lost=True, count=2)
    with pytest.raises(http.client.RemoteDisconnected):
        client.events().insert(calendarId="primary", body=event(id="bbbbb")).execute()
    assert client.events().get(calendarId="primary", eventId="bbbbb").execute()["status"] == "confirmed"


@pytest.mark.parametrize(
    ("status", "reason", "domain", "newer"),
    [
        (403, "userRateLimitExceeded", "usageLimits", True),
        (403, "quotaExceeded", "usageLimits", False),
        (403, "forbidden", "global", False),
        (410, "fullSyncRequired", "calendar", False),
        (429, "rateLimitExceeded", "usageLimits", True),
        (500, "backendError", "global", False),
    ],
)
def test_a_fault_answers_in_googles_shape_and_does_nothing(
    sandbox: Sandbox, status: int, reason: str, domain: str, *, newer: bool
) -> None:
    account = sandbox.account(scopes=FULL)
    client = sandbox.client(account)
    sandbox.fault("events.insert", status=status, reason=reason, message="m")
    answer = refused(client.events().insert(calendarId="primary", body=event()))
    assert answer[:2] == (status, reason)
    assert answer[2]["errors"][0]["domain"] == domain
    assert ("details" in answer[2]) is newer
    assert client.events().list(calendarId="primary").execute()["items"] == []


def test_a_fault_can_name_when_to_come_again(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    sandbox.fault("calendarList.list", status=429, reason="rateLimitExceeded", retry_after_seconds=7)
    with pytest.raises(HttpError) as caught:
        client.calendarList().list().execute()
    assert caught.value.resp["retry-after"] == "7"
    client.calendarList().list().execute()


def test_a_fault_can_be_a_page_of_html(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    sandbox.fault("calendarList.list", status=403, body="<html>Sorry...</html>")
    with pytest.raises(HttpError) as caught:
        client.calendarList().list().execute()
    assert caught.value.content == b"<html>Sorry...</html>"
    assert caught.value.resp["content-type"].startswith("text/html")


def test_a_fault_can_be_a_json_cut_short_which_googles_client_hands_on_as_text(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    cut = '{"items": [{"id": "x'
    sandbox.fault("calendarList.list", status=200, body=cut)
    assert client.calendarList().list().execute() == cut


def test_expired_sync_tokens_answer_410(sandbox: Sandbox) -> None:
    account = sandbox.account()
    events = sandbox.client(account).events()
    token = events.list(calendarId="primary").execute()["nextSyncToken"]
    sandbox.control("POST", "expire-sync-tokens", {"calendar": account["calendar"]})
    status, reason, error = refused(events.list(calendarId="primary", syncToken=token))
    assert (status, reason) == (410, "fullSyncRequired")
    assert error["errors"][0]["location"] == "syncToken"


def test_an_accounts_list_has_sync_tokens_that_expire_too(sandbox: Sandbox) -> None:
    account = sandbox.account()
    entries = sandbox.client(account).calendarList()
    token = entries.list().execute()["nextSyncToken"]
    assert entries.list(syncToken=token).execute()["items"] == []
    sandbox.control("POST", "expire-sync-tokens", {"sub": account["sub"]})
    assert refused(entries.list(syncToken=token))[:2] == (410, "fullSyncRequired")


def test_too_many_units_in_a_minute_are_refused(sandbox: Sandbox) -> None:
    client = sandbox.client(sandbox.account())
    sandbox.control("POST", "settings", {"quota_units_a_minute": 4})
    calendar = work(client)
    client.calendars().patch(calendarId=calendar, body={}).execute()
    status, reason, error = refused(client.calendars().get(calendarId=calendar))
    assert (status, reason) == (403, "userRateLimitExceeded")
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    sandbox.client(sandbox.account()).calendarList().list().execute()
