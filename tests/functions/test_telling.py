"""What the product says about itself, as the EHR's front end asks for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shared.adapters.google_oauth import APP_CREATED, LIST_READ
from shared.api.table import ENDPOINTS
from shared.api.telling import PATHS
from shared.app.activity import Entry, page
from shared.core.activity import Done, Happened
from shared.core.model import Kind, Side
from tests.functions.deployed import ONE, Account, Deployment, Front, connection_key, wiring

pytest_plugins = ["tests.functions.deployment"]

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
THEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def started(front: Front, google_account: Account) -> Front:
    return front.started(google_account)


def asked(**given: object) -> str:
    return "?" + "&".join(f"{name.rstrip('_')}={quote(str(value))}" for name, value in given.items())


def spanning(rest: str, begin: datetime, end: datetime) -> str:
    return rest + asked(from_=begin.isoformat(), to=end.isoformat())


def with_history(front: Front, count: int) -> None:
    """So many lines of days gone by, a page each."""
    key, documents = connection_key(front), wiring().documents
    for number in range(count):
        at = NOW - number * DAY
        done = Done(Happened.MOVED, Side.EHR, Kind.CLIENT, at, f"row-{number % 2}")
        documents.commit([page(key, "gone", ONE, [Entry(f"job-{number}", done)], f"job-{number}")])


# --- who may --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", PATHS)
def test_it_is_the_practitioners_own(front: Front, rest: str) -> None:
    other = front.token(practitioner="other")
    assert front.refused("GET", rest, token=other) == (403, "other_practitioner")
    assert front.refused("GET", rest, token=front.token(role="admin")) == (403, "role")


def test_without_a_connection_there_is_nothing_to_tell(front: Front) -> None:
    day = (NOW, NOW + DAY)
    for rest in ("/activity", "/set-aside", spanning("/explain", *day), spanning("/availability", *day)):
        assert front.refused("GET", rest) == (404, "not_connected")


def test_all_of_it_is_only_read() -> None:
    assert {method for methods in PATHS.values() for method in methods} == {"GET"}
    assert all(f"/v1/practitioners/{{id}}/sync{rest}" in ENDPOINTS for rest in PATHS)


# --- queries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "field"),
    [
        ("/activity?limit=0", "limit"),
        ("/activity?limit=201", "limit"),
        ("/activity?happened=exploded", "happened"),
        ("/activity?cursor=!!!", "cursor"),
        ("/activity?cursor=" + quote("MjAyNg"), "cursor"),
        ("/activity?colour=red", "colour"),
        ("/explain", "at"),
        ("/explain?at=2026-03-02T10:00:00", "at"),
        ("/explain?at=2026-03-02T10:00:00Z&from=2026-03-02T10:00:00Z", "at"),
        (spanning("/explain", THEN, THEN + DAY + timedelta(seconds=1)), "to"),
        (spanning("/availability", THEN, THEN), "to"),
        (spanning("/availability", THEN, THEN + 31 * DAY + timedelta(seconds=1)), "to"),
        ("/availability?from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z", "from"),
        ("/availability?from=9999-12-31T00:00:00Z&to=9999-12-31T23:00:00Z", "from"),
        ("/availability?from=tomorrow&to=2026-03-02T10:00:00Z", "from"),
    ],
)
def test_what_is_wrong_with_a_query_is_named_by_its_field(started: Front, rest: str, field: str) -> None:
    answer = started.call("GET", rest)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (400, "invalid")
    assert field in [each["field"] for each in problem["fields"]]


# --- the history ----------------------------------------------------------------------------------------


def test_the_history_is_turned_page_by_page_with_its_cursor(started: Front) -> None:
    with_history(started, 7)
    lines: list[Any] = []
    rest = "/activity?limit=3"
    for _ in range(4):
        answer = started.get(rest)
        lines += answer["lines"]
        if answer["cursor"] is None:
            break
        rest = f"/activity?limit=3&cursor={answer['cursor']}"
    assert [each["id"] for each in lines] == [f"job-{number}" for number in range(7)]
    assert set(lines[0]) == set(LINE)
    assert (lines[0]["happened"], lines[0]["side"], lines[0]["calendar"]) == ("moved", "ehr", None)
    only = started.get("/activity?appointment=row-1")["lines"]
    assert [each["appointment"] for each in only] == ["row-1"] * 3
    assert started.get("/activity?happened=conflict") == {"lines": [], "cursor": None}


LINE = (
    "id",
    "at",
    "happened",
    "side",
    "kind",
    "count",
    "calendar",
    "appointment",
    "reason",
    "before",
    "after",
    "lost",
    "took_seconds",
)


# --- time -----------------------------------------------------------------------------------------------


def test_events_of_a_chosen_calendar_take_time_and_say_why(
    deployment: Deployment, started: Front, google_account: Account
) -> None:
    started.post("/external-calendars/choose", {"id": google_account.email})
    begin = datetime.now(UTC).replace(microsecond=0) + DAY
    end = begin + timedelta(hours=1)
    event = {
        "summary": "Canarytitle",
        "start": {"dateTime": begin.isoformat()},
        "end": {"dateTime": end.isoformat()},
    }
    deployment.control(
        deployment.google,
        "POST",
        "user",
        sub=google_account.sub,
        action="create",
        calendar=google_account.email,
        body=event,
    )
    answer = started.get(spanning("/availability", begin - DAY / 24, end + DAY / 24))
    assert [each["status"] for each in answer["spans"]] == ["free", "busy", "free"]
    then = started.get("/explain" + asked(at=begin.isoformat()))
    assert [(each["busy"], each["rule"]) for each in then["events"]] == [(True, "any_other")]
    assert (then["unread"], then["set_aside"]) == ([], [])
    assert "Canarytitle" not in str(then)


def test_a_right_that_was_not_granted_leaves_nothing_free_and_is_a_problem(
    front: Front, google_account: Account
) -> None:
    front.connect(google_account, scopes=[APP_CREATED, LIST_READ])
    front.post("/start")
    [span] = front.get(spanning("/availability", NOW, NOW + DAY))["spans"]
    assert (span["status"], span["reason"]) == ("unverified", "external_calendars_not_granted")
    [problem] = front.get()["problems"]
    assert (problem["code"], problem["remedy"]) == ("external_calendars_not_granted", "practitioner")
    assert problem["sentence"].endswith(".")
    [unread] = front.get("/explain" + asked(at=NOW.isoformat()))["unread"]
    assert (unread["calendar"], unread["reason"]) == (None, "external_calendars_not_granted")


def test_nothing_is_set_aside_at_first(started: Front) -> None:
    assert started.get("/set-aside") == []


def test_a_chosen_calendar_says_how_it_is_doing(started: Front, google_account: Account) -> None:
    [chosen] = started.post("/external-calendars/choose", {"id": google_account.email})
    assert (chosen["pending"], chosen["set_aside"], chosen["progress"]) == (0, [], None)
    assert chosen["push"] == {"live": False, "until": None, "problem": None}
