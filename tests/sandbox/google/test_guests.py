"""Guests and invitations; events of special types."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.google.user import Person
from tests.sandbox.google.recurring import days, ids, instances, timed
from tests.sandbox.google.world import CALM, Json, World, event, refusal

BOSS = "boss@example.com"
ME = "anna@example.com"
WEEKLY = {**timed("2026-03-10T10:00:00"), "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}


def invited(body: Json | None = None) -> tuple[World, Person, Json]:
    """An invitation in one's primary calendar."""
    world = World()
    person = Person(world.google, world.sub)
    world.calendar = ME
    return world, person, person.invite("primary", body or event(summary="Meeting"), BOSS)


def answers(row: Json) -> dict[str, str]:
    return {entry["email"]: entry["responseStatus"] for entry in row["attendees"]}


# --- entries --------------------------------------------------------------------------------------------


def test_a_guest_is_answered_with_what_google_adds() -> None:
    world = World()
    guests = [{"email": "b@example.com", "optional": True, "self": True, "organizer": True}, {"email": ME}]
    made = world.insert("primary", attendees=guests)
    assert made["attendees"] == [
        {"email": "b@example.com", "optional": True, "responseStatus": "needsAction"},
        {"email": ME, "organizer": True, "self": True, "responseStatus": "needsAction"},
    ]


@pytest.mark.parametrize("oneself", [True, False])
def test_on_a_secondary_calendar_an_owner_is_oneself_or_is_not(oneself: bool) -> None:  # noqa: FBT001 - both ways
    guests = [{"email": ME}, {"email": BOSS}]
    first, second = World(replace(CALM, self_on_secondary=oneself)).insert(attendees=guests)["attendees"]
    assert (first.get("self", False), "organizer" in first) == (oneself, False)
    assert "self" not in second


@pytest.mark.parametrize(
    ("guests", "message"),
    [
        ([{"displayName": "Berta"}], "Missing attendee email."),
        ([{"email": "berta"}], "Invalid attendee email."),
        ([{"email": BOSS, "responseStatus": "maybe"}], "Invalid value for: maybe is not a valid value"),
        (["berta@example.com"], "Invalid value for: attendees"),
        ({"email": BOSS}, "Invalid value for: attendees"),
    ],
)
def test_a_guest_needs_an_address(guests: Any, message: str) -> None:
    assert refusal(World().insert, attendees=guests)[::2] == (400, message)


def test_more_guests_than_asked_for_are_oneself_alone() -> None:
    world, _, made = invited()
    for call in (world.get(made["id"], maxAttendees="1"), world.page(maxAttendees=1)["items"][0]):
        assert ([entry["email"] for entry in call["attendees"]], call["attendeesOmitted"]) == ([ME], True)
    assert len(world.get(made["id"], maxAttendees=2)["attendees"]) == 2
    assert refusal(world.page, maxAttendees="few")[1] == "invalidParameter"


def test_a_person_adds_guests_and_is_then_one() -> None:
    world = World()
    person = Person(world.google, world.sub)
    made = world.insert("primary")
    added = person.add_guests("primary", made["id"], ["b@example.com"])
    assert answers(added) == {ME: "accepted", "b@example.com": "needsAction"}
    again = person.add_guests("primary", made["id"], ["c@example.com"])
    assert list(answers(again)) == [ME, "b@example.com", "c@example.com"]


# --- invitations ----------------------------------------------------------------------------------------


def test_an_invitation_is_somebody_elses_event_with_oneself_as_a_guest() -> None:
    _, _, made = invited()
    assert made["organizer"] == made["creator"] == {"email": BOSS}
    assert made["attendees"] == [
        {"email": BOSS, "organizer": True, "responseStatus": "accepted"},
        {"email": ME, "self": True, "responseStatus": "needsAction"},
    ]


@pytest.mark.parametrize("response", ["accepted", "declined", "tentative"])
def test_an_invitation_is_answered(response: str) -> None:
    world, person, made = invited()
    answered = person.respond("primary", made["id"], response)
    assert answers(answered) == {BOSS: "accepted", ME: response}
    assert answered["status"] == "confirmed"
    assert world.get(made["id"]) == answered


def test_an_invitation_to_a_series_is_answered_for_one_or_for_all() -> None:
    world, person, made = invited(WEEKLY)
    names = ids(instances(world, made["id"]))
    person.respond("primary", names[1], "declined")
    assert [answers(row)[ME] for row in instances(world, made["id"])] == [
        "needsAction",
        "declined",
        "needsAction",
    ]
    person.respond("primary", names[0], "accepted", scope="all")
    assert [answers(row)[ME] for row in instances(world, made["id"])] == ["accepted", "declined", "accepted"]
    with pytest.raises(ValueError, match="for one or for all"):
        person.respond("primary", names[0], "accepted", scope="following")


def test_only_a_guest_answers_and_only_with_an_answer() -> None:
    world, person, made = invited()
    own = world.insert("primary")["id"]
    with pytest.raises(ValueError, match="no guest"):
        person.respond("primary", own, "accepted")
    for response in ("needsAction", "maybe"):
        with pytest.raises(ValueError, match="an answer is one of"):
            person.respond("primary", made["id"], response)


@pytest.mark.parametrize(
    "body",
    [
        {"summary": "x"},
        {"start": {"dateTime": "2026-03-10T09:00:00Z"}, "end": {"dateTime": "2026-03-10T10:30:00Z"}},
        {"attendees": [{"email": ME}]},
        {"extendedProperties": {"shared": {"k": "1"}}},
        {"guestsCanModify": True},
        {"recurrence": ["RRULE:FREQ=DAILY"]},
    ],
)
def test_what_all_copies_share_is_the_organizers(body: Json) -> None:
    world, _, made = invited()
    status, reason, _ = refusal(world.patch, made["id"], body)
    assert (status, reason) == (403, "forbiddenForNonOrganizer")
    assert world.get(made["id"]) == made


def test_leaving_out_what_is_shared_counts_as_changing_it() -> None:
    world, _, made = invited()
    body = {name: made[name] for name in ("start", "end", "summary")}
    assert refusal(world.update, made["id"], body)[1] == "forbiddenForNonOrganizer"
    put = world.update(made["id"], {**body, "attendees": made["attendees"], "colorId": "3"})
    assert put["colorId"] == "3"


def test_what_is_a_guests_own_a_guest_may_change() -> None:
    world, _, made = invited()
    own = {
        "colorId": "3",
        "transparency": "transparent",
        "reminders": {"useDefault": False},
        "extendedProperties": {"private": {"k": "1"}},
        "attendees": [made["attendees"][0], {"email": ME, "responseStatus": "declined"}],
        "start": made["start"],
    }
    patched = world.patch(made["id"], own)
    assert (patched["colorId"], answers(patched)[ME]) == ("3", "declined")
    world.delete(made["id"])
    assert world.get(made["id"])["status"] == "cancelled"


def test_guests_may_change_what_the_organizer_lets_them() -> None:
    world, _, made = invited(event(guestsCanModify=True))
    assert world.patch(made["id"], {"summary": "x"})["summary"] == "x"


# --- special types --------------------------------------------------------------------------------------

HOUR = timed("2026-03-10T10:00:00")
DAY = days("2026-03-10")
AWAY: Json = {"eventType": "outOfOffice", "outOfOfficeProperties": {}}
FOCUS: Json = {"eventType": "focusTime", "focusTimeProperties": {}}
PLACE: Json = {
    "eventType": "workingLocation",
    "workingLocationProperties": {"type": "homeOffice"},
    "visibility": "public",
    "transparency": "transparent",
}
BIRTHDAY: Json = {
    "eventType": "birthday",
    "visibility": "private",
    "transparency": "transparent",
    "recurrence": ["RRULE:FREQ=YEARLY"],
}


@pytest.mark.parametrize(
    "body", [{**AWAY, **HOUR}, {**FOCUS, **HOUR}, {**PLACE, **HOUR}, {**PLACE, **DAY}, {**BIRTHDAY, **DAY}]
)
def test_events_of_special_types_are_made_as_google_wants_them(body: Json) -> None:
    world = World()
    made = world.insert("primary", **body)
    assert made["eventType"] == body["eventType"]
    assert world.google.events.list(world.sub, "primary", {"eventTypes": body["eventType"]})["items"] == [
        made
    ]


@pytest.mark.parametrize(
    "body",
    [
        {**AWAY, **DAY},
        {**FOCUS, **HOUR, "transparency": "transparent"},
        {**PLACE, **HOUR, "transparency": "opaque"},
        {**PLACE, **HOUR, "visibility": "private"},
        {**PLACE, **days("2026-03-10", 2)},
        {"eventType": "workingLocation", **HOUR},
        {**BIRTHDAY, **HOUR, "recurrence": []},
        {**BIRTHDAY, **days("2026-03-10", 2)},
        {**BIRTHDAY, **DAY, "recurrence": ["RRULE:FREQ=DAILY"]},
        {**BIRTHDAY, **DAY, "visibility": "public"},
        {**BIRTHDAY, **DAY, "extendedProperties": {"private": {"k": "1"}}},
    ],
)
def test_events_of_special_types_are_refused_in_any_other_form(body: Json) -> None:
    assert refusal(World().insert, "primary", **body)[:2] == (400, "badRequest")


@pytest.mark.parametrize("body", [{**AWAY, **HOUR}, {**FOCUS, **HOUR}, {**PLACE, **HOUR}])
def test_status_events_live_on_the_primary_calendar_alone(body: Json) -> None:
    assert refusal(World().insert, **body)[:2] == (400, "badRequest")


def test_an_instance_of_a_birthday_can_be_renamed() -> None:
    world = World()
    world.calendar = ME
    made = world.insert("primary", **BIRTHDAY, **DAY)
    assert world.patch(made["id"] + "_20270310", {"summary": "Berta"})["summary"] == "Berta"
