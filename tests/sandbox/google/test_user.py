"""What a person does in the web page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.google.errors import ApiError
from sandbox.google.user import Person
from tests.sandbox.google.world import CALM, World, event

LATER: Any = {"start": {"dateTime": "2026-03-12T10:00:00Z"}, "end": {"dateTime": "2026-03-12T11:00:00Z"}}


def at_the_screen() -> tuple[World, Person]:
    world = World()
    return world, Person(world.google, world.sub)


def test_a_person_makes_an_event_under_an_id_of_googles_own() -> None:
    world, person = at_the_screen()
    made = person.create(world.calendar, event(id="aaaaa", summary="Tea"))
    assert made["id"] != "aaaaa"
    assert world.get(made["id"]) == made


def test_google_makes_events_from_mail_and_nobody_changes_them() -> None:
    world, person = at_the_screen()
    made = person.create(world.calendar, event(eventType="fromGmail"))
    assert made["eventType"] == "fromGmail"
    with pytest.raises(ApiError, match="cannot be changed"):
        world.patch(made["id"], {"summary": "x"})


def test_a_person_edits_text_and_free_busy() -> None:
    world, person = at_the_screen()
    made = world.insert(summary="Tea")
    edited = person.edit(world.calendar, made["id"], {"summary": "Coffee", "transparency": "transparent"})
    assert (edited["summary"], edited["transparency"]) == ("Coffee", "transparent")
    assert edited["etag"] != made["etag"]


def test_a_move_keeps_the_zone_and_everything_else() -> None:
    world, person = at_the_screen()
    times: dict[str, Any] = {n: {**t, "timeZone": "America/New_York"} for n, t in event().items()}
    made = world.insert(**times, extendedProperties={"private": {"k": "1"}})
    moved = person.move(world.calendar, made["id"], **LATER)
    assert moved["start"] == {"dateTime": "2026-03-12T11:00:00+01:00", "timeZone": "America/New_York"}
    assert moved["extendedProperties"] == made["extendedProperties"]
    assert moved["sequence"] == made["sequence"] + 1


def test_a_timed_event_dragged_to_the_top_is_all_day() -> None:
    world, person = at_the_screen()
    made = world.insert()
    moved = person.move(world.calendar, made["id"], {"date": "2026-03-12"}, {"date": "2026-03-13"})
    assert moved["start"] == {"date": "2026-03-12"}
    back = person.move(world.calendar, made["id"], **LATER)
    assert back["start"]["timeZone"] == "Europe/Berlin"


def test_a_deleted_event_comes_back_from_the_bin_whatever_the_api_would_say() -> None:
    world, person = at_the_screen()
    world.google.settings = replace(CALM, revive="forbidden", bare_tombstones=True)
    made = world.insert(summary="Tea")
    person.delete(world.calendar, made["id"])
    assert world.get(made["id"])["status"] == "cancelled"
    assert person.undelete(world.calendar, made["id"])["summary"] == "Tea"
    for event_id in (made["id"], "nothere"):
        with pytest.raises(ValueError, match="not in the Bin"):
            person.undelete(world.calendar, event_id)


def test_a_duplicate_has_another_id_and_the_same_private_properties() -> None:
    world, person = at_the_screen()
    made = world.insert(id="aaaaa", summary="Tea", extendedProperties={"private": {"k": "1"}})
    copy = person.duplicate(world.calendar, made["id"])
    assert (copy["id"] != made["id"], copy["iCalUID"] != made["iCalUID"]) == (True, True)
    same = ("summary", "start", "end", "extendedProperties")
    assert {name: copy[name] for name in same} == {name: made[name] for name in same}


def test_a_person_makes_a_series_and_a_single_event_again() -> None:
    world, person = at_the_screen()
    made = world.insert()
    series = person.repeat(world.calendar, made["id"], ["RRULE:FREQ=WEEKLY"])
    assert series["recurrence"] == ["RRULE:FREQ=WEEKLY"]
    assert "recurrence" not in person.repeat(world.calendar, made["id"], [])
    assert person.create(world.calendar, event(recurrence=["RRULE:FREQ=DAILY"]))["recurrence"]


def test_an_event_dragged_to_another_calendar_leaves_a_stub() -> None:
    world, person = at_the_screen()
    made = world.insert(summary="Tea", extendedProperties={"private": {"k": "1"}})
    token = world.token()
    there = person.move_to(world.calendar, made["id"], "primary")
    assert (there["id"], there["summary"]) == (made["id"], "Tea")
    assert there["organizer"] == {"email": "anna@example.com", "self": True}
    assert there["extendedProperties"] == made["extendedProperties"]
    (row,) = world.rows(syncToken=token, showDeleted=True)
    assert row.keys() == {"kind", "etag", "id", "status"}
    assert world.rows(timeMin="2026-01-01T00:00:00Z") == []
    for body in ({"status": "confirmed"}, {"summary": "x"}):
        with pytest.raises(ApiError, match="forbidden"):
            world.patch(made["id"], body)


def test_an_event_dragged_back_is_itself_again() -> None:
    world, person = at_the_screen()
    made = world.insert(summary="Tea")
    person.move_to(world.calendar, made["id"], "primary")
    back = person.move_to("primary", made["id"], world.calendar)
    same = ("id", "summary", "start", "organizer", "created", "iCalUID", "htmlLink", "status")
    assert {name: back[name] for name in same} == {name: made[name] for name in same}
    assert [row["id"] for row in world.rows(showDeleted=True)] == [made["id"]]


def test_an_event_cannot_be_dragged_to_where_it_is() -> None:
    world, person = at_the_screen()
    made = world.insert("primary")
    with pytest.raises(ValueError, match="already"):
        person.move_to("primary", made["id"], "anna@example.com")


def test_a_person_makes_renames_and_deletes_a_calendar() -> None:
    world, person = at_the_screen()
    made = person.create_calendar("Mine")
    assert (made["timeZone"], world.google.made_by(made["id"])) == ("Europe/Berlin", "")
    assert person.rename_calendar(made["id"], "Ours")["summary"] == "Ours"
    person.delete_calendar(made["id"])
    assert world.google.role(world.sub, made["id"]) is None


def test_only_an_owner_shares_a_calendar() -> None:
    world, person = at_the_screen()
    other = world.google.add_account("berta@example.com", "UTC")
    person.share_calendar(world.calendar, other.sub, "writer")
    assert world.google.role(other.sub, world.calendar) == "writer"
    with pytest.raises(ApiError, match="owner access"):
        Person(world.google, other.sub).share_calendar(world.calendar, world.sub, "reader")


@pytest.mark.parametrize("action", ["move", "duplicate", "delete", "edit", "move_to"])
def test_a_person_cannot_touch_what_is_not_on_the_screen(action: str) -> None:
    world, person = at_the_screen()
    more: dict[str, Any] = {"move": LATER, "edit": {"body": {}}, "move_to": {"destination": "primary"}}
    with pytest.raises(ApiError):
        getattr(person, action)(world.calendar, "nothere", **more.get(action, {}))
