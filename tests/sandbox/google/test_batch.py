"""Batches: many requests in one, through Google's own client and by hand."""

from __future__ import annotations

import http.client
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from tests.sandbox.google.conftest import Json, Sandbox
from tests.sandbox.google.world import event

PATH = "/batch/calendar/v3"
KIND = 'multipart/mixed; boundary="b"'


class Results:
    def __init__(self) -> None:
        self.answers: dict[str, Json] = {}
        self.refusals: dict[str, HttpError] = {}

    def __call__(self, name: str, answer: Json, error: HttpError | None) -> None:
        if error is None:
            self.answers[name] = answer
        else:
            self.refusals[name] = error


def signed_in(sandbox: Sandbox, account: Json) -> Any:
    """A client with an access token: for a batch the library gets one on a connection it leaves open."""
    client = sandbox.client(account)
    client.events().list(calendarId="primary", fields="kind").execute()
    return client


def batch(sandbox: Sandbox, results: Results) -> Any:
    return BatchHttpRequest(callback=results, batch_uri=sandbox.address + PATH)


def by_hand(*parts: str) -> str:
    return "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"


def request(line: str, *headers: str, body: str = "") -> str:
    lines = ["Content-Type: application/http", "", line, *headers, "", body]
    return "\r\n".join(lines)


def test_a_batch_answers_each_request_by_itself(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])
    client = signed_in(sandbox, account)
    results = Results()
    together = batch(sandbox, results)
    together.add(
        client.events().insert(calendarId="primary", body=event(id="aaaaa", summary="Zoë")), request_id="one"
    )
    together.add(client.events().get(calendarId="primary", eventId="nothere"), request_id="two")
    together.add(client.calendarList().list(maxResults=1), request_id="three")
    together.execute()
    assert results.answers["one"]["summary"] == "Zoë"
    assert results.answers["three"]["items"][0]["id"] == account["calendar"]
    assert results.refusals["two"].status_code == 404
    assert client.events().get(calendarId="primary", eventId="aaaaa").execute() == results.answers["one"]


def test_the_requests_of_a_batch_run_in_no_promised_order(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])
    client, results = signed_in(sandbox, account), Results()
    together = batch(sandbox, results)
    names = [f"aaaa{letter}" for letter in "abcdefgh"]
    for name in names:
        together.add(client.events().insert(calendarId="primary", body=event(id=name)), request_id=name)
    together.execute()
    rows = client.events().list(calendarId="primary").execute()["items"]
    assert list(results.answers) == names
    assert {row["id"] for row in rows} == set(names)
    assert [row["id"] for row in rows] != names


def test_each_request_of_a_batch_costs_and_is_recorded(sandbox: Sandbox) -> None:
    account = sandbox.account()
    client = signed_in(sandbox, account)
    sandbox.control("POST", "settings", {"quota_units_a_minute": 3})
    results = Results()
    together = batch(sandbox, results)
    for name in ("one", "two", "three"):
        together.add(client.calendarList().list(), request_id=name)
    together.execute()
    (refused,) = results.refusals.values()
    assert refused.status_code == 403
    asked = [entry["operation"] for entry in sandbox.requests(account)]
    assert asked == ["events.list", *["calendarList.list"] * 3]


def test_a_fault_hits_one_request_of_a_batch_or_the_batch(sandbox: Sandbox) -> None:
    client = signed_in(sandbox, sandbox.account())
    results = Results()
    sandbox.fault("calendarList.list", status=503, reason="backendError")
    together = batch(sandbox, results)
    together.add(client.calendarList().list(), request_id="one")
    together.add(client.events().list(calendarId="primary"), request_id="two")
    together.execute()
    assert (set(results.refusals), set(results.answers)) == ({"one"}, {"two"})
    sandbox.fault("batch", status=503, reason="backendError")
    again = batch(sandbox, Results())
    again.add(client.calendarList().list())
    with pytest.raises(HttpError) as caught:
        again.execute()
    assert caught.value.status_code == 503


@pytest.mark.parametrize("operation", ["calendarList.list", "batch"])
@pytest.mark.parametrize("fault", [{"lost": True}, {"answer": "cut"}])
def test_an_answer_lost_in_a_batch_takes_the_connection_with_it(
    sandbox: Sandbox, operation: str, fault: Json
) -> None:
    bearer = sandbox.bearer(sandbox.account())
    sandbox.fault(operation, **fault)
    connection = http.client.HTTPConnection(sandbox.address.removeprefix("http://"), timeout=10)
    part = request("GET /calendar/v3/users/me/calendarList")
    connection.request("POST", PATH, by_hand(part, part), {"Authorization": bearer, "Content-Type": KIND})
    with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead)):
        connection.getresponse().read()
    connection.close()


def test_a_part_may_sign_in_for_itself(sandbox: Sandbox) -> None:
    account, other = sandbox.account(), sandbox.account()
    line = "GET /calendar/v3/users/me/calendarList/primary?fields=id HTTP/1.1"
    parts = (request(line), request(line, f"Authorization: {sandbox.bearer(other)}"))
    status, headers, body = sandbox.request(
        "POST", PATH, by_hand(*parts), content_type=KIND, authorization=sandbox.bearer(account)
    )
    assert (status, headers["content-type"].partition(";")[0]) == (200, "multipart/mixed")
    assert body.index(account["calendar"]) < body.index(other["calendar"])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("{}", "application/json"),
        ("", KIND),
        ("no part at all", KIND),
        (by_hand(*[request("GET /calendar/v3/colors")] * 51), KIND),
        (by_hand('Content-Type: multipart/mixed; boundary="c"\r\n\r\n--c\r\n\r\nx\r\n--c--'), KIND),
    ],
)
def test_what_is_no_batch_is_refused(sandbox: Sandbox, content: str, kind: str) -> None:
    status, _, answer = sandbox.request("POST", PATH, content, content_type=kind)
    assert (status, answer["error"]["errors"][0]["reason"]) == (400, "badRequest")


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (request("GET /nowhere HTTP/1.1"), 404),
        (request(""), 404),
        (request("POST /calendar/v3/calendars HTTP/1.1", body="{"), 400),
        (request("GET /calendar/v3/colors HTTP/1.1", "Authorization: Bearer nobody"), 401),
    ],
)
def test_a_part_that_is_wrong_is_refused_alone(sandbox: Sandbox, part: str, status: int) -> None:
    good = request("GET /calendar/v3/users/me/calendarList HTTP/1.1")
    bearer = sandbox.bearer(sandbox.account())
    body = sandbox.request("POST", PATH, by_hand(part, good), content_type=KIND, authorization=bearer)[2]
    assert [line.split()[1] for line in body.splitlines() if line.startswith("HTTP/1.1")] == [
        str(status),
        "200",
    ]
