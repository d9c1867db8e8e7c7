"""What can be made to go wrong: every error Google is known to answer, and answers spoiled on their way."""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Callable
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from sandbox.google.errors import KNOWN
from tests.eventually import eventually
from tests.sandbox.google.conftest import Json, Sandbox, refused
from tests.sandbox.google.world import event

FULL = ["calendar"]
NEWER = ("authError", "insufficientPermissions", "accessNotConfigured", "dailyLimitExceeded")

ROWS = [
    (400, "calendar", "timeRangeEmpty"),
    (400, "global", "invalid"),
    (400, "global", "required"),
    (400, "global", "badRequest"),
    (400, "global", "parseError"),
    (400, "global", "channelIdNotUnique"),
    (400, "global", "pushNotSupportedForRequestedResource"),
    (400, "global", "push.webhookUrlNotHttps"),
    (400, "calendar", "cannotUseDefaultRemindersAndSpecifyOverride"),
    (401, "global", "authError"),
    (401, "global", "push.webhookUrlUnauthorized"),
    (403, "usageLimits", "userRateLimitExceeded"),
    (403, "usageLimits", "rateLimitExceeded"),
    (403, "usageLimits", "quotaExceeded"),
    (403, "usageLimits", "dailyLimitExceeded"),
    (403, "usageLimits", "accessNotConfigured"),
    (403, "global", "insufficientPermissions"),
    (403, "global", "forbidden"),
    (403, "calendar", "forbiddenForNonOrganizer"),
    (403, "calendar", "requiredAccessLevel"),
    (403, "calendar", "notACalendarUser"),
    (404, "global", "notFound"),
    (409, "global", "duplicate"),
    (409, "global", "conflict"),
    (410, "calendar", "fullSyncRequired"),
    (410, "calendar", "updatedMinTooLongAgo"),
    (410, "global", "deleted"),
    (412, "global", "conditionNotMet"),
    (412, "global", "failedPrecondition"),
    (429, "usageLimits", "rateLimitExceeded"),
    (500, "global", "backendError"),
    (502, "global", "backendError"),
    (503, "global", "backendError"),
    (504, "global", "backendError"),
]

PART = (
    "--b\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/users/me/calendarList\r\n\r\n\r\n--b--\r\n"
)

Requests = Callable[[Any], Any]
OPERATIONS: dict[str, Requests] = {
    "events.list": lambda client: client.events().list(calendarId="primary"),
    "events.insert": lambda client: client.events().insert(calendarId="primary", body=event(id="aaaaa")),
}


@pytest.fixture
def client(sandbox: Sandbox) -> Any:
    made = sandbox.client(sandbox.account(scopes=FULL))
    made.calendarList().list().execute()  # a token is in hand: faults hit the API alone
    return made


def test_the_rows_have_every_reason_that_is_known() -> None:
    assert {reason for _, _, reason in ROWS} == set(KNOWN)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("status", "domain", "reason"), ROWS)
def test_an_error_is_answered_as_google_says_it_and_nothing_is_done(
    sandbox: Sandbox, client: Any, operation: str, status: int, domain: str, reason: str
) -> None:
    count = 3 if status == 401 else 1  # the client signs in anew by itself, twice
    sandbox.fault(
        operation,
        reason=reason,
        count=count,
        **({} if status == KNOWN[reason].status else {"status": status}),
    )
    code, said, error = refused(OPERATIONS[operation](client))
    assert (code, said, error["message"]) == (status, reason, KNOWN[reason].message)
    assert error["errors"][0]["domain"] == domain
    assert ("details" in error) == (reason in NEWER or "RateLimit" in reason or "rateLimit" in reason)
    assert client.events().list(calendarId="primary").execute()["items"] == []


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("envelope", "keys"),
    [
        ("older", {"errors", "code", "message"}),
        ("newer", {"errors", "code", "message", "status", "details"}),
        ("bare", {"code", "message", "status", "details"}),
    ],
)
def test_an_error_comes_in_any_envelope(
    sandbox: Sandbox, client: Any, operation: str, envelope: str, keys: set[str]
) -> None:
    sandbox.fault(operation, reason="forbidden", envelope=envelope)
    with pytest.raises(HttpError) as caught:
        OPERATIONS[operation](client).execute()
    error = json.loads(caught.value.content)["error"]
    assert error.keys() == keys
    assert error.get("status", "PERMISSION_DENIED") == "PERMISSION_DENIED"
    assert error.get("details", [{"reason": "FORBIDDEN"}])[0]["reason"] == "FORBIDDEN"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("status", [403, 404, 500, 502])
@pytest.mark.parametrize("body", ["", "<html>Sorry...</html>", '{"error": {"errors": [{"reas'])
def test_an_error_may_be_no_json_at_all(
    sandbox: Sandbox, client: Any, operation: str, status: int, body: str
) -> None:
    sandbox.fault(operation, status=status, body=body)
    with pytest.raises(HttpError) as caught:
        OPERATIONS[operation](client).execute()
    assert (caught.value.status_code, caught.value.content.decode()) == (status, body)
    kind = "text/html" if body.startswith("<") else "application/json"
    assert caught.value.resp["content-type"].startswith(kind)


def test_a_page_of_html_has_the_status_of_the_reason_it_stands_for(sandbox: Sandbox, client: Any) -> None:
    sandbox.fault("events.list", reason="notFound", body="<html>Not here</html>")
    with pytest.raises(HttpError) as caught:
        OPERATIONS["events.list"](client).execute()
    assert (caught.value.status_code, caught.value.content) == (404, b"<html>Not here</html>")


def test_a_precondition_fails_without_an_if_match(sandbox: Sandbox, client: Any) -> None:
    sandbox.fault("events.insert", reason="failedPrecondition")
    insert = OPERATIONS["events.insert"](client)
    assert refused(insert)[2]["message"] == "Precondition check failed."
    assert insert.execute()["id"] == "aaaaa"


# --- an answer cut in its middle ------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_cut_answer_ends_in_the_middle_of_its_body_and_the_work_is_done(
    sandbox: Sandbox, operation: str
) -> None:
    account = sandbox.account(scopes=FULL)
    bearer = sandbox.bearer(account)
    sandbox.fault(operation, answer="cut")
    connection = http.client.HTTPConnection(sandbox.address.removeprefix("http://"), timeout=10)
    path = f"/calendar/v3/calendars/{account['calendar']}/events"
    body = json.dumps(event(id="aaaaa")) if operation == "events.insert" else None
    connection.request("POST" if body else "GET", path, body, {"Authorization": bearer})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json; charset=UTF-8")
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    connection.close()
    whole = int(answer.headers["content-length"])
    assert len(caught.value.partial) == whole // 2 > 0
    rows = sandbox.client(account).events().list(calendarId="primary").execute()["items"]
    assert [row["id"] for row in rows] == (["aaaaa"] if body else [])


def test_googles_client_tells_of_a_cut_answer(sandbox: Sandbox, client: Any) -> None:
    sandbox.fault("events.list", answer="cut", count=2)
    with pytest.raises(http.client.IncompleteRead):
        OPERATIONS["events.list"](client).execute()


# --- an answer that is kept back --------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["calendarList.list", "batch"])
def test_a_held_answer_comes_when_the_faults_are_cleared_and_the_work_is_done_before(
    sandbox: Sandbox, operation: str
) -> None:
    account = sandbox.account(scopes=FULL)
    sandbox.fault(operation, held=True)
    connection = asking(sandbox, account, "POST", "/batch/calendar/v3")
    seen(sandbox, account, "calendarList.list")
    assert select.select([connection.sock], [], [], 0) == ([], [], [])
    assert sandbox.request("GET", "/calendar/v3/users/me/calendarList")[0] == 401  # others are answered
    sandbox.control("DELETE", "faults")
    answer = connection.getresponse()
    assert (answer.status, b"HTTP/1.1 200 OK" in answer.read()) == (200, True)
    connection.close()


def test_whoever_hangs_up_does_not_get_a_held_answer_and_its_work_stays_done(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=FULL)
    sandbox.fault("events.insert", held=True, count=2)
    path = f"/calendar/v3/calendars/{account['calendar']}/events"
    asking(sandbox, account, "POST", path, json.dumps(event(id="aaaaa"))).close()
    seen(sandbox, account, "events.insert")
    asking(sandbox, account, "POST", path, json.dumps(event(id="aaaaa"))).close()
    assert eventually(lambda: len(asked(sandbox, account, "events.insert")) == 2, "the second is refused")
    sandbox.control("DELETE", "faults")
    rows = sandbox.client(account).events().list(calendarId="primary").execute()["items"]
    assert [row["id"] for row in rows] == ["aaaaa"]


def asking(
    sandbox: Sandbox, account: Json, method: str, path: str, body: str = PART
) -> http.client.HTTPConnection:
    """A request that is under way."""
    connection = http.client.HTTPConnection(sandbox.address.removeprefix("http://"), timeout=10)
    headers = {"Authorization": sandbox.bearer(account), "Content-Type": 'multipart/mixed; boundary="b"'}
    connection.request(method, path, body, headers)
    return connection


def asked(sandbox: Sandbox, account: Json, operation: str) -> list[Json]:
    return [entry for entry in sandbox.requests(account) if entry["operation"] == operation]


def seen(sandbox: Sandbox, account: Json, operation: str) -> None:
    eventually(lambda: asked(sandbox, account, operation), f"{operation} was done")


# --- listings that are wrong and look right --------------------------------------------------------------


def test_a_full_listing_can_be_empty_with_a_200(sandbox: Sandbox, client: Any) -> None:
    OPERATIONS["events.insert"](client).execute()
    sandbox.fault("events.list", answer="empty")
    wrong = OPERATIONS["events.list"](client).execute()
    assert (wrong["items"], "nextSyncToken" in wrong) == ([], True)
    assert len(OPERATIONS["events.list"](client).execute()["items"]) == 1


def test_a_listing_can_end_without_its_token(sandbox: Sandbox, client: Any) -> None:
    OPERATIONS["events.insert"](client).execute()
    sandbox.fault("events.list", answer="tokenless")
    wrong = OPERATIONS["events.list"](client).execute()
    assert not {"nextSyncToken", "nextPageToken"} & wrong.keys()
    assert len(wrong["items"]) == 1


@pytest.mark.parametrize("answer", ["empty", "tokenless"])
def test_an_answer_that_is_no_listing_stays_as_it_is(sandbox: Sandbox, client: Any, answer: str) -> None:
    sandbox.fault("events.insert", answer=answer)
    made = OPERATIONS["events.insert"](client).execute()
    assert client.events().get(calendarId="primary", eventId="aaaaa").execute() == made
    sandbox.fault("events.insert", answer=answer)
    assert refused(OPERATIONS["events.insert"](client))[:2] == (409, "duplicate")
    sandbox.fault("events.delete", answer=answer)
    assert client.events().delete(calendarId="primary", eventId="aaaaa").execute() == ""
    sandbox.fault("batch", answer=answer)
    content = "--b\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/colors\r\n--b--\r\n"
    kind = 'multipart/mixed; boundary="b"'
    assert sandbox.request("POST", "/batch/calendar/v3", content, content_type=kind)[0] == 200


def listed(client: Any, **query: Any) -> list[Json]:
    """Every page, until the last or a refusal."""
    request = client.events().list(calendarId="primary", maxResults=1, showDeleted=True, **query)
    pages: list[Json] = []
    while request is not None:
        assert len(pages) < 10
        pages.append(request.execute())
        request = client.events().list_next(request, pages[-1])
    return pages


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_token_can_die_on_any_page_and_twice_running(sandbox: Sandbox, client: Any, page: int) -> None:
    token = listed(client)[-1]["nextSyncToken"]
    for name in ("aaaaa", "bbbbb", "ccccc"):
        client.events().insert(calendarId="primary", body=event(id=name)).execute()
    sandbox.fault("events.list", reason="fullSyncRequired", skip=page)
    sandbox.fault("events.list", reason="fullSyncRequired")
    for _ in range(2):
        with pytest.raises(HttpError) as caught:
            listed(client, syncToken=token)
        assert caught.value.status_code == 410
        assert json.loads(caught.value.content)["error"]["errors"][0]["location"] == "syncToken"
    assert len(listed(client, syncToken=token)) == 3


# --- what a fault may say -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ({}, "a fault needs"),
        ({"reason": "moodiness"}, "a fault needs"),
        ({"answer": "late"}, "'answer' is one of"),
        ({"status": 403, "envelope": "torn"}, "'envelope' is one of"),
        ({"status": 403, "cut": True}, "unknown: cut"),
    ],
)
def test_a_fault_that_would_do_nothing_or_is_unknown_is_refused(
    sandbox: Sandbox, fault: Json, names: str
) -> None:
    status, _, answer = sandbox.request("POST", "/control/faults", {"operation": "events.list", **fault})
    assert status == 400
    assert names in answer["error"]
