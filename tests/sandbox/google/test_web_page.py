"""The data behind Google's own page: an account's week, in its wall time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.servers import server

SECONDS = 10
EMAIL = "robin@example.com"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server("sandbox.google", "--now", "2026-11-20T12:00:00Z") as found:
        act(found, "accounts", {"email": EMAIL, "time_zone": "America/Denver"})
        yield found


def act(address: str, path: str, body: object) -> Any:
    answer = requests.post(f"{address}/control/{path}", json=body, timeout=SECONDS)
    answer.raise_for_status()
    return answer.json()


def week(address: str, **query: str) -> requests.Response:
    asked = {"account": EMAIL, "from": "2026-11-16", "days": "7", **query}
    return requests.get(f"{address}/app/data/week", params=asked, timeout=SECONDS)


def test_a_week_has_all_calendars_and_times_of_the_account(address: str) -> None:
    sub = week(address).json()["sub"]
    family = act(address, "user", {"sub": sub, "action": "create_calendar", "summary": "Family"})["id"]
    noon = {"start": {"dateTime": "2026-11-18T19:00:00Z"}, "end": {"dateTime": "2026-11-18T20:00:00Z"}}
    days = {"start": {"date": "2026-11-19"}, "end": {"date": "2026-11-21"}}
    for calendar, body in ((EMAIL, {"summary": "Lunch", **noon}), (family, {"summary": "Trip", **days})):
        act(address, "user", {"sub": sub, "action": "create", "calendar": calendar, "body": body})
    found = week(address).json()
    assert (found["zone"], found["now"]) == ("America/Denver", "2026-11-20T05:00")
    assert {each["name"] for each in found["calendars"]} == {EMAIL, "Family"}
    shown = {each["title"]: (each["start"], each["end"], each["allDay"]) for each in found["events"]}
    assert shown == {
        "Lunch": ("2026-11-18T12:00", "2026-11-18T13:00", False),
        "Trip": ("2026-11-19", "2026-11-21", True),
    }


@pytest.mark.parametrize("query", [{"account": "nobody@example.com"}, {"days": "400"}, {"from": "soon"}])
def test_what_cannot_be_shown_is_refused(address: str, query: dict[str, str]) -> None:
    assert week(address, **query).status_code == 400


def test_the_page_may_be_shown_beside_another_of_this_machine(address: str) -> None:
    answer = requests.get(f"{address}/app/", timeout=SECONDS)
    assert "frame-ancestors http://127.0.0.1:*" in answer.headers["Content-Security-Policy"]
    assert requests.get(f"{address}/app/static/week.js", timeout=SECONDS).ok
