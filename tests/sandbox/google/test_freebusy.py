"""Free and busy: periods, and errors inside a good answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.google.world import Json, World, refusal

DAY = {"timeMin": "2026-03-10T00:00:00+01:00", "timeMax": "2026-03-11T00:00:00+01:00"}


def asked(world: World, *names: str, **more: Any) -> Json:
    items = [{"id": name} for name in names or (world.calendar,)]
    return world.google.freebusy.query(world.sub, {**DAY, "items": items, **more})


def busy(world: World, **more: Any) -> list[tuple[str, str]]:
    """Hours of the day in the calendar's zone."""
    (answer,) = asked(world, timeZone="Europe/Berlin", **more)["calendars"].values()
    return [(period["start"][11:16], period["end"][11:16]) for period in answer["busy"]]


def insert(world: World, start: str, end: str, **more: Any) -> Json:
    return world.insert(
        start={"dateTime": f"2026-03-10T{start}:00+01:00"},
        end={"dateTime": f"2026-03-10T{end}:00+01:00"},
        **more,
    )


def test_events_that_touch_or_overlap_are_one_period_and_all_come_in_order() -> None:
    world = World()
    for start, end in (("14:00", "15:00"), ("09:00", "10:00"), ("10:00", "11:00"), ("14:30", "14:45")):
        insert(world, start, end)
    assert busy(world) == [("09:00", "11:00"), ("14:00", "15:00")]


def test_what_takes_no_time_is_free() -> None:
    world = World()
    world.delete(insert(world, "09:00", "10:00")["id"])
    insert(world, "10:00", "11:00", transparency="transparent")
    insert(world, "11:00", "12:00", attendees=[{"email": world.calendar, "responseStatus": "declined"}])
    insert(world, "12:00", "12:00")
    assert busy(world) == []
    insert(world, "13:00", "14:00", status="tentative")
    insert(world, "15:00", "16:00", attendees=[{"email": world.calendar}])
    assert busy(world) == [("13:00", "14:00"), ("15:00", "16:00")]


def test_periods_are_cut_to_what_is_asked() -> None:
    world = World()
    world.insert(start={"date": "2026-03-09"}, end={"date": "2026-03-12"})
    noon = {"timeMin": "2026-03-10T12:00:00+01:00", "timeMax": "2026-03-10T13:00:00+01:00"}
    assert busy(world, **noon) == [("12:00", "13:00")]
    world.google.calendars.patch(world.sub, world.calendar, {"timeZone": "America/New_York"})
    early = {"timeMin": "2026-03-09T00:00:00+01:00", "timeMax": "2026-03-09T12:00:00+01:00"}
    assert busy(world, **early) == [("05:00", "12:00")]


def test_the_answer_is_in_utc_unless_a_zone_is_asked_for() -> None:
    world = World()
    insert(world, "09:00", "10:00")
    answer = asked(world)
    assert (answer["kind"], answer["timeMin"]) == ("calendar#freeBusy", "2026-03-09T23:00:00Z")
    assert answer["calendars"][world.calendar]["busy"] == [
        {"start": "2026-03-10T08:00:00Z", "end": "2026-03-10T09:00:00Z"}
    ]


def test_a_calendar_one_may_not_see_is_an_error_inside_the_answer() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    answer = asked(world, "primary", other.primary)["calendars"]
    assert answer["primary"] == {"busy": []}
    assert answer[other.primary] == {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    world.google.share(other.primary, world.sub, "freeBusyReader")
    assert asked(world, other.primary)["calendars"] == {other.primary: {"busy": []}}


def test_too_many_calendars_are_told_of_none() -> None:
    world = World()
    names = [f"{number}@example.com" for number in range(51)]
    answer = asked(world, world.calendar, *names[:-1])["calendars"]
    assert {calendar["errors"][0]["reason"] for calendar in answer.values()} == {"tooManyCalendarsRequested"}
    few = asked(world, world.calendar, *names[:2], calendarExpansionMax=2)["calendars"]
    assert few[world.calendar]["errors"][0]["reason"] == "tooManyCalendarsRequested"
    assert len(asked(world, *names[:-1])["calendars"]) == 50


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"timeMin": None}, "required"),
        ({"timeMax": None}, "required"),
        ({"timeMin": "2026-03-10"}, "badRequest"),
        ({"timeMin": "2026-03-11T00:00:00+01:00"}, "timeRangeEmpty"),
        ({"timeMax": "2026-07-11T00:00:00+01:00"}, "timeRangeTooLong"),
        ({"timeZone": "Mars/Olympus"}, "invalid"),
        ({"items": ["primary"]}, "badRequest"),
        ({"items": "primary"}, "badRequest"),
        ({"calendarExpansionMax": 51}, "invalid"),
        ({"groupExpansionMax": "9"}, "invalid"),
    ],
)
def test_a_wrong_question_is_refused(changed: Json, reason: str) -> None:
    world = World()
    body = {**DAY, "items": [{"id": "primary"}], **changed}
    assert refusal(world.google.freebusy.query, world.sub, body)[:2] == (400, reason)


def test_a_question_that_is_no_object_does_not_parse() -> None:
    world = World()
    assert refusal(world.google.freebusy.query, world.sub, [])[1] == "parseError"
    assert asked(world, items=[])["calendars"] == {}
