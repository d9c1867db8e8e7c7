"""Events that come from elsewhere: imported, moved, read out of a sentence."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.google.quick_add import read
from tests.sandbox.google.world import Json, World, event, refusal

UID = "meeting-1@example.com"
FOREIGN = {"email": "berta@example.com", "displayName": "Berta"}


# --- import ---------------------------------------------------------------------------------------------


def imported(world: World, **body: Any) -> Json:
    return world.google.transfers.import_(world.sub, world.calendar, event(iCalUID=UID, **body))


def test_an_imported_event_keeps_its_uid_and_gets_an_id_no_client_may_choose() -> None:
    world = World()
    made = imported(world, summary="Tea", id="aaaaa")
    assert (made["iCalUID"], made["summary"], made["id"][0]) == (UID, "Tea", "_")
    assert made["organizer"]["email"] == world.calendar
    assert "privateCopy" not in made
    assert world.get(made["id"]) == made
    assert refusal(world.insert, id=made["id"])[0] == 400


def test_a_foreign_organizer_makes_it_a_private_copy() -> None:
    made = imported(World(), organizer={**FOREIGN, "self": True})
    assert (made["organizer"], made["privateCopy"]) == (FOREIGN, True)
    assert made["creator"]["email"] == "anna@example.com"


def test_a_calendars_new_title_is_not_on_the_copies_of_others() -> None:
    world = World()
    made, own = imported(world, organizer=FOREIGN), world.insert()
    moved(world, world.insert(id="aaaaa")["id"])
    world.google.calendars.patch(world.sub, world.calendar, {"summary": "Plans"})
    assert world.get(made["id"])["organizer"] == FOREIGN
    assert world.get(own["id"])["organizer"]["displayName"] == "Plans"
    assert "organizer" not in world.get("aaaaa")


@pytest.mark.parametrize("how", ["alive", "deleted", "with a later sequence", "made by an insert"])
def test_a_known_uid_is_a_duplicate(how: str) -> None:
    world = World()
    made = world.insert(iCalUID=UID) if how == "made by an insert" else imported(world)
    if how == "deleted":
        world.delete(made["id"])
    more = {"sequence": 5} if how == "with a later sequence" else {}
    assert refusal(imported, world, **more)[:2] == (409, "duplicate")


def test_an_import_needs_a_uid_times_and_an_ordinary_event() -> None:
    world = World()
    call = world.google.transfers.import_
    assert refusal(call, world.sub, world.calendar, event())[:2] == (400, "required")
    assert refusal(call, world.sub, world.calendar, {"iCalUID": UID})[:2] == (400, "required")
    assert refusal(imported, world, eventType="focusTime")[:2] == (400, "badRequest")
    assert refusal(call, world.sub, world.calendar, [])[:2] == (400, "parseError")


# --- move -----------------------------------------------------------------------------------------------


def moved(world: World, event_id: str, destination: str = "primary", if_match: str | None = None) -> Json:
    query = {"destination": destination}
    return world.google.transfers.move(world.sub, world.calendar, event_id, query, if_match)


def test_a_moved_event_is_answered_as_cancelled_and_is_well_where_it_went() -> None:
    world = World()
    made = world.insert(summary="Tea")
    token, there = world.token(), world.google.events.list(world.sub, "primary")["nextSyncToken"]
    answer = moved(world, made["id"], if_match=made["etag"])
    assert (answer["status"], answer["organizer"]["email"]) == ("cancelled", "anna@example.com")
    (row,) = world.google.events.list(world.sub, "primary", {"syncToken": there})["items"]
    assert (row["id"], row["status"], row["summary"]) == (made["id"], "confirmed", "Tea")
    (stub,) = world.rows(syncToken=token)
    assert (stub["id"], stub["status"], stub.keys() & {"start", "summary"}) == (
        made["id"],
        "cancelled",
        set(),
    )


def test_a_moved_event_comes_back_under_its_id() -> None:
    world = World()
    made = world.insert()
    moved(world, made["id"])
    world.google.transfers.move(world.sub, "primary", made["id"], {"destination": world.calendar})
    assert world.get(made["id"])["status"] == "confirmed"


def test_a_move_needs_a_destination_one_may_write_and_an_event_that_can_move() -> None:
    world = World()
    made = world.insert()
    other = world.google.add_account("berta@example.com", "UTC")
    world.google.share(other.primary, world.sub, "reader")
    move = world.google.transfers.move
    assert refusal(move, world.sub, world.calendar, made["id"])[:2] == (400, "required")
    assert refusal(moved, world, made["id"], "nowhere")[:2] == (404, "notFound")
    assert refusal(moved, world, made["id"], other.primary)[:2] == (403, "requiredAccessLevel")
    assert refusal(moved, world, made["id"], world.calendar)[:2] == (400, "badRequest")
    assert refusal(moved, world, "nothere")[:2] == (404, "notFound")
    assert refusal(moved, world, made["id"], if_match='"1"')[0] == 412
    away = {"eventType": "outOfOffice", "outOfOfficeProperties": {}}
    absent = world.google.events.insert(world.sub, "primary", event(**away))
    answer = refusal(move, world.sub, "primary", absent["id"], {"destination": world.calendar})
    assert answer[:2] == (400, "badRequest")


def test_a_writer_without_private_access_moves_no_private_event() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    world.google.share(world.calendar, other.sub, "writerWithoutPrivateAccess")
    move, query = world.google.transfers.move, {"destination": "primary"}
    private, open_ = world.insert(visibility="private"), world.insert()
    assert refusal(move, other.sub, world.calendar, private["id"], query)[:2] == (403, "forbidden")
    assert move(other.sub, world.calendar, open_["id"], query)["status"] == "cancelled"


# --- a sentence -----------------------------------------------------------------------------------------

MONDAY = datetime(2026, 3, 2, 9, 15, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "summary", "location", "start", "end"),
    [
        ("Tea", "Tea", "", "2026-03-02T09:15:00+01:00", "2026-03-02T10:15:00+01:00"),
        ("Tea tomorrow", "Tea", "", "2026-03-03", "2026-03-04"),
        ("Tea on 2026-04-01", "Tea", "", "2026-04-01", "2026-04-02"),
        ("Tea at 3pm", "Tea", "", "2026-03-02T15:00:00+01:00", "2026-03-02T16:00:00+01:00"),
        ("Tea 12am", "Tea", "", "2026-03-02T00:00:00+01:00", "2026-03-02T01:00:00+01:00"),
        ("Tea Friday 14:30", "Tea", "", "2026-03-06T14:30:00+01:00", "2026-03-06T15:30:00+01:00"),
        ("Tea monday 10-11am", "Tea", "", "2026-03-02T10:00:00+01:00", "2026-03-02T11:00:00+01:00"),
        ("Party 11pm to 1am", "Party", "", "2026-03-02T23:00:00+01:00", "2026-03-03T01:00:00+01:00"),
        (
            "Appointment at Somewhere on June 3rd 10am-10:25am",
            "Appointment",
            "Somewhere",
            "2026-06-03T10:00:00+02:00",
            "2026-06-03T10:25:00+02:00",
        ),
        ("Visit on Jan 5", "Visit", "", "2027-01-05", "2027-01-06"),
        ("Room 12 on February 30", "Room 12 on February 30", "", "2026-03-02T09:15:00+01:00", None),
        ("Bus 13pm", "Bus 13pm", "", "2026-03-02T09:15:00+01:00", None),
        ("Score 27:90", "Score 27:90", "", "2026-03-02T09:15:00+01:00", None),
    ],
)
def test_a_sentence_is_read(text: str, summary: str, location: str, start: str, end: str | None) -> None:
    found = read(text, MONDAY)
    assert (found["summary"], found.get("location", "")) == (summary, location)
    assert next(iter(found["start"].values())) == start
    assert end is None or next(iter(found["end"].values())) == end


def test_a_quick_event_is_in_the_calendars_zone() -> None:
    world = World()
    made = world.google.transfers.quick_add(world.sub, world.calendar, {"text": "Tea at Anna's 3pm"})
    assert (made["summary"], made["location"]) == ("Tea", "Anna's")
    assert made["start"] == {"dateTime": "2026-03-02T15:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert world.get(made["id"]) == made


@pytest.mark.parametrize("query", [{}, {"text": "  "}])
def test_no_sentence_is_no_event(query: Json) -> None:
    world = World()
    answer = refusal(world.google.transfers.quick_add, world.sub, world.calendar, query)
    assert answer[:2] == (400, "required")
