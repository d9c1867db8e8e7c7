"""Whole calendar files with their series, taken in."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.google.ics import read_ics
from sandbox.google.imports import Import, Imported
from tests.sandbox.google.conftest import Sandbox
from tests.sandbox.google.recurring import ids, instances, starts
from tests.sandbox.google.test_ics import file, vevent
from tests.sandbox.google.world import World

UID = "UID:1@example.org"
COPY = "_6506au31dlo6op9edtp6e"
START = "DTSTART;TZID=Europe/Berlin:20260310T100000"
WEEKLY = vevent(UID, START, "DURATION:PT1H", "SUMMARY:Yoga", "LOCATION:Hall", "RRULE:FREQ=WEEKLY;COUNT=4")


def taken(world: World, *lines: str) -> Imported:
    found = read_ics(file(*lines), "a.ics", "Europe/Berlin", series=True)
    calendar = world.google.calendar(world.calendar)
    return Import(world.google.events, world.sub, calendar, "a.ics").take(found)


def rules(*lines: str, start: str = START) -> list[str]:
    (body,) = read_ics(file(*vevent(UID, start, *lines)), "a.ics", "Europe/Berlin", series=True).events
    return list(body.get("recurrence", []))


def test_a_series_is_taken_in_under_the_id_that_follows_from_its_uid() -> None:
    world = World()
    done = taken(world, *WEEKLY)
    assert (done.created, done.left_out, done.problems) == (1, {}, [])
    (row,) = world.rows()
    assert (row["id"], row["iCalUID"], row["recurrence"]) == (
        COPY,
        "1@example.org",
        ["RRULE:FREQ=WEEKLY;COUNT=4"],
    )
    assert ids(instances(world, COPY))[1] == COPY + "_20260317T090000Z"


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("RRULE:FREQ=WEEKLY;UNTIL=20260401", "RRULE:FREQ=WEEKLY;UNTIL=20260401"),
        ("RRULE:FREQ=WEEKLY;UNTIL=20260401T080000Z", "RRULE:FREQ=WEEKLY;UNTIL=20260401T080000Z"),
        ("RRULE:FREQ=WEEKLY;UNTIL=20260401T100000", "RRULE:FREQ=WEEKLY;UNTIL=20260401T080000Z"),
        ("EXDATE;TZID=Europe/Berlin:20260401T100000", "EXDATE:20260401T080000Z"),
        ("EXDATE;TZID=W. Europe Standard Time:20260401T100000", "EXDATE:20260401T080000Z"),
        ("EXDATE:20260401T100000,20260401T080000Z", "EXDATE:20260401T080000Z,20260401T080000Z"),
        ("EXDATE;VALUE=DATE:20260401", "EXDATE;VALUE=DATE:20260401"),
        ("RDATE;VALUE=PERIOD:20260401T080000Z/PT1H", "RDATE:20260401T080000Z"),
    ],
)
def test_lines_are_taken_as_they_are_meant(line: str, becomes: str) -> None:
    assert rules(line) == [becomes]


def test_lines_of_a_name_may_be_several() -> None:
    lines = ("RRULE:FREQ=DAILY;COUNT=9", "EXDATE;VALUE=DATE:20260311", "EXDATE;VALUE=DATE:20260312")
    day = "DTSTART;VALUE=DATE:20260310"
    assert rules(*lines, start=day) == ["RRULE:FREQ=DAILY;COUNT=9", "EXDATE;VALUE=DATE:20260311,20260312"]


def test_changed_and_cancelled_occurrences_find_their_series_wherever_they_stand() -> None:
    world = World()
    changed = vevent(
        UID,
        "RECURRENCE-ID;TZID=Europe/Berlin:20260317T100000",
        "DTSTART;TZID=Europe/Berlin:20260318T120000",
        "DTEND;TZID=Europe/Berlin:20260318T130000",
        "SUMMARY:Dance",
    )
    gone = vevent(UID, "RECURRENCE-ID:20260324T090000Z", START, "STATUS:CANCELLED")
    done = taken(world, *changed, *gone, *WEEKLY)
    assert (done.created, done.left_out, done.problems) == (3, {}, [])
    found = instances(world, COPY, showDeleted=True)
    assert [row["status"] for row in found] == ["confirmed", "confirmed", "cancelled", "confirmed"]
    assert starts(found)[1] == "2026-03-18T12:00:00+01:00"
    assert (found[1]["summary"], "location" in found[1], found[0]["location"]) == ("Dance", False, "Hall")


def test_an_occurrence_whose_series_is_not_in_the_file_is_an_event_of_its_own() -> None:
    world = World()
    done = taken(world, *vevent(UID, "RECURRENCE-ID:20260317T090000Z", START, "SUMMARY:Guest"))
    assert done.created == 1
    (row,) = world.rows()
    assert (row["id"], "recurringEventId" in row) == (COPY + "_20260317T090000Z", False)


def test_an_occurrence_after_the_end_of_its_series_stays_where_it_is() -> None:
    world = World()
    later = vevent(UID, "RECURRENCE-ID:20260407T080000Z", "DTSTART:20260407T120000Z", "SUMMARY:Dance")
    assert taken(world, *WEEKLY, *later).created == 2
    assert world.get(COPY + "_20260407T080000Z")["summary"] == "Dance"


def test_days_texts_and_deleted_events_are_taken_in_too() -> None:
    world = World()
    day = vevent("DTSTART;VALUE=DATE:20260310", "DURATION:P3D", "TRANSP:TRANSPARENT", "CLASS:PRIVATE")
    gone = vevent("UID:2@example.org", "DTSTART:20260310T090000Z", "STATUS:CANCELLED", "SUMMARY:Gone")
    assert taken(world, *day, *gone).created == 2
    (row,) = world.rows()
    assert (row["end"], row["transparency"], row["visibility"]) == (
        {"date": "2026-03-13"},
        "transparent",
        "private",
    )
    deleted = world.rows(showDeleted=True)[1]
    assert (deleted["status"], deleted["summary"]) == ("cancelled", "Gone")


def test_what_cannot_be_taken_is_named_or_counted() -> None:
    world = World()
    bad = vevent("UID:2@example.org", START, "RRULE:FREQ=HOURLY")
    of_bad = vevent("UID:2@example.org", START, "RECURRENCE-ID:20260310T100000Z")
    later = vevent(UID, START, "RECURRENCE-ID;RANGE=THISANDFUTURE:20260317T090000Z")
    other_kind = vevent(UID, START, "RECURRENCE-ID;VALUE=DATE:20260317")
    broken = vevent("UID:3@example.org", START, "RRULE:FREQ=SOMETIMES")
    far = vevent("UID:4@example.org", START, "RRULE:FREQ=DAILY", "EXDATE;TZID=Asia/Tokyo:00010101T000000")
    done = taken(world, *WEEKLY, *bad, *of_bad, *later, *other_kind, *broken, *far)
    assert done.created == 1
    assert done.left_out == {
        "of a series that is not taken": 1,
        "change of all that follow": 1,
        "occurrence of another kind than its series": 1,
    }
    assert [(problem.line, problem.sentence) for problem in done.problems] == [
        (11, "Google refuses the event: Invalid recurrence rule."),
        (34, "RRULE cannot be read: FREQ=SOMETIMES"),
        (38, "the event lies where no calendar reaches"),
    ]


def test_nothing_is_taken_in_twice() -> None:
    world = World()
    taken(world, *WEEKLY)
    (problem,) = taken(world, *WEEKLY).problems
    assert problem.sentence == "Google refuses the event: The requested identifier already exists."
    assert len(world.rows()) == 1


def test_changes_of_a_deleted_series_are_counted() -> None:
    world = World()
    gone = (*WEEKLY[:-1], "STATUS:CANCELLED", WEEKLY[-1])
    done = taken(world, *gone, *vevent(UID, START, "RECURRENCE-ID:20260317T090000Z"))
    assert (done.created, done.left_out) == (1, {"of a cancelled series": 1})


@pytest.mark.parametrize("series", [True, False])
def test_control_takes_series_in_when_asked_to(sandbox: Sandbox, series: bool) -> None:  # noqa: FBT001 - both ways
    account = sandbox.account()
    body: dict[str, Any] = {"sub": account["sub"], "calendar": "primary", "text": file(*WEEKLY)}
    found = sandbox.control("POST", "import-ics", {**body, "series": series})
    created, left_out = (1, {}) if series else (0, {"recurring": 1})
    assert (found["created"], found["left_out"], found["problems"]) == (created, left_out, [])
    assert sandbox.request("POST", "/control/import-ics", {**body, "series": "yes"})[0] == 400
