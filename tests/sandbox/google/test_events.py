"""Writing and reading one event."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.google.world import CALM, World, event, refusal

HOUR = {"start": {"dateTime": "2026-03-10T10:00:00Z"}, "end": {"dateTime": "2026-03-10T11:00:00Z"}}
MOVED = {"start": {"dateTime": "2026-03-11T10:00:00Z"}, "end": {"dateTime": "2026-03-11T11:00:00Z"}}


# --- what an answer looks like --------------------------------------------------------------------------


def test_an_event_is_answered_with_what_google_adds() -> None:
    world = World()
    made = world.insert(summary="Tea")
    assert re.fullmatch(r"[a-v0-9]{26}", made["id"])
    assert re.fullmatch(r'"\d+"', made["etag"])
    assert made["htmlLink"].startswith("https://www.google.com/calendar/event?eid=")
    assert {name: made[name] for name in made.keys() - {"id", "etag", "htmlLink", "start", "end"}} == {
        "kind": "calendar#event",
        "status": "confirmed",
        "summary": "Tea",
        "created": "2026-03-02T09:00:00.000Z",
        "updated": "2026-03-02T09:00:00.000Z",
        "creator": {"email": "anna@example.com"},
        "organizer": {"email": world.calendar, "displayName": "Work", "self": True},
        "iCalUID": made["id"] + "@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
    }


def test_on_the_primary_calendar_creator_and_organizer_are_oneself() -> None:
    world = World()
    made = world.insert("primary")
    assert made["creator"] == made["organizer"] == {"email": "anna@example.com", "self": True}


def test_times_are_rendered_in_the_calendars_zone_and_keep_their_own_zone() -> None:
    made = World().insert(
        start={"dateTime": "2026-07-10T10:00:00", "timeZone": "America/New_York"},
        end={"dateTime": "2026-07-10T15:00:00.750Z"},
    )
    assert made["start"] == {"dateTime": "2026-07-10T16:00:00+02:00", "timeZone": "America/New_York"}
    assert made["end"] == {"dateTime": "2026-07-10T17:00:00+02:00", "timeZone": "Europe/Berlin"}


def test_times_can_be_asked_for_in_another_zone() -> None:
    world = World()
    made = world.insert()
    assert world.get(made["id"], timeZone="UTC")["start"]["dateTime"] == "2026-03-10T09:00:00Z"
    assert world.page(timeZone="UTC")["items"][0]["end"]["dateTime"] == "2026-03-10T10:00:00Z"
    assert world.page(timeZone="UTC")["timeZone"] == "UTC"
    assert refusal(world.get, made["id"], timeZone="Mars/Olympus")[0] == 400


def test_what_is_empty_or_default_is_left_out() -> None:
    made = World().insert(
        summary="", description="", location="", transparency="opaque", visibility="default", attendees=[]
    )
    left = {"summary", "description", "location", "transparency", "visibility", "attendees"}
    assert not left & made.keys()


def test_unknown_and_read_only_properties_are_dropped() -> None:
    made = World().insert(
        etag='"1"', created="2001-01-01T00:00:00Z", organizer={"email": "x@example.com"}, foo=1
    )
    assert made["etag"] != '"1"'
    assert made["created"].startswith("2026")
    assert made["organizer"]["email"] != "x@example.com"
    assert "foo" not in made


def test_the_model_shares_nothing_with_its_callers() -> None:
    world = World()
    body = event(extendedProperties={"private": {"k": "1"}})
    made = world.google.events.insert(world.sub, world.calendar, body)
    body["extendedProperties"]["private"]["k"] = "changed by the caller"
    made["extendedProperties"]["private"]["k"] = "changed by the reader"
    world.page()["items"][0]["start"]["dateTime"] = "x"
    again = world.get(made["id"])
    assert again["extendedProperties"]["private"] == {"k": "1"}
    assert again["start"]["dateTime"] == "2026-03-10T10:00:00+01:00"


def test_fields_cut_the_answer() -> None:
    world = World()
    made = world.insert(summary="Tea", extendedProperties={"private": {"k": "1"}})
    assert world.get(made["id"], fields="id,start/dateTime,extendedProperties/private") == {
        "id": made["id"],
        "start": {"dateTime": "2026-03-10T10:00:00+01:00"},
        "extendedProperties": {"private": {"k": "1"}},
    }
    page = world.page(fields="nextSyncToken,items(id,summary)")
    assert page.keys() == {"nextSyncToken", "items"}
    assert page["items"] == [{"id": made["id"], "summary": "Tea"}]


def test_without_the_page_token_in_the_mask_there_is_none() -> None:
    world = World()
    world.insert()
    world.insert()
    assert world.page(fields="items/id", maxResults=1).keys() == {"items"}


# --- ids ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event_id", ["abcd", "wxyz0", "ABCDE", "abc-d", "a" * 1025, "aäaaa", 12345])
def test_a_client_id_outside_base32hex_or_of_a_wrong_length_is_refused(event_id: Any) -> None:
    assert refusal(World().insert, id=event_id) == (400, "invalid", "Invalid resource id value.")


def test_a_client_id_is_kept_and_names_the_uid() -> None:
    made = World().insert(id="v0" * 16)
    assert (made["id"], made["iCalUID"]) == ("v0" * 16, "v0" * 16 + "@google.com")


def test_an_id_is_unique_in_its_calendar_only() -> None:
    world = World()
    world.insert(id="aaaaa")
    world.insert("primary", id="aaaaa")
    answer = refusal(world.insert, id="aaaaa", summary="second")
    assert answer == (409, "duplicate", "The requested identifier already exists.")
    assert "summary" not in world.get("aaaaa")


def test_a_deleted_id_stays_taken() -> None:
    world = World()
    world.insert(id="aaaaa")
    world.delete("aaaaa")
    assert refusal(world.insert, id="aaaaa")[:2] == (409, "duplicate")


def test_id_and_uid_together_are_refused() -> None:
    world = World()
    assert refusal(world.insert, id="aaaaa", iCalUID="x@example.com")[0] == 400
    assert world.insert(iCalUID="x@example.com")["iCalUID"] == "x@example.com"


def test_an_id_cannot_change() -> None:
    world = World()
    made = world.insert()
    assert refusal(world.patch, made["id"], {"id": "bbbbb"})[0] == 400
    assert world.patch(made["id"], {"id": made["id"], "summary": "x"})["summary"] == "x"


def test_an_unknown_event_is_not_found() -> None:
    world = World()
    for call in (world.get, world.delete):
        assert refusal(call, "nothere") == (404, "notFound", "Not Found")
    assert refusal(world.patch, "nothere", {})[0] == 404
    assert refusal(world.update, "nothere", HOUR)[0] == 404


# --- times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ({"end": None}, "required", "Missing end time."),
        ({"start": None}, "required", "Missing start time."),
        (
            {"start": {"date": "2026-03-10", "dateTime": "2026-03-10T10:00:00Z"}},
            "invalid",
            "Invalid start time.",
        ),
        ({"start": {"timeZone": "UTC"}}, "invalid", "Invalid start time."),
        ({"start": {"dateTime": "tomorrow"}}, "invalid", "Invalid start time."),
        ({"start": {"dateTime": "2026-02-30T10:00:00Z"}}, "invalid", "Invalid start time."),
        ({"start": {"dateTime": "0001-01-01T00:00:00+14:00"}}, "invalid", "Invalid start time."),
        ({"end": {"date": "20260310"}}, "invalid", "Invalid end time."),
        ({"start": "2026-03-10"}, "invalid", "Invalid start time."),
        ({"end": {"date": "2026-03-12"}}, "invalid", "The start and end times must either both be date or"),
        (
            {"start": {"dateTime": "2026-03-10T10:00:00"}},
            "required",
            "Missing time zone definition for start time.",
        ),
        (
            {"start": {"dateTime": "2026-03-10T10:00:00", "timeZone": "Mars/Olympus"}},
            "invalid",
            "Invalid time zone definition for start time.",
        ),
        (
            {"start": {"dateTime": "2026-03-10T10:00:00", "timeZone": "Europe/Kyiv"}},
            "invalid",
            "Invalid time zone definition for start time.",
        ),
        (
            {"end": {"dateTime": "2026-03-10T08:00:00Z"}},
            "timeRangeEmpty",
            "The specified time range is empty.",
        ),
        (
            {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-09"}},
            "timeRangeEmpty",
            "The specified time range is empty.",
        ),
    ],
)
def test_wrong_times_are_refused_with_googles_words(body: Any, reason: str, message: str) -> None:
    status, said, words = refusal(World().insert, **body)
    assert (status, said) == (400, reason)
    assert words.startswith(message)


def test_an_event_may_have_no_length() -> None:
    made = World().insert(start=HOUR["start"], end=HOUR["start"])
    assert made["start"] == made["end"]


def test_an_all_day_event_has_dates_and_no_zone() -> None:
    made = World().insert(start={"date": "2026-03-10", "timeZone": "UTC"}, end={"date": "2026-03-11"})
    assert (made["start"], made["end"]) == ({"date": "2026-03-10"}, {"date": "2026-03-11"})


def test_all_day_becomes_timed_only_when_the_date_is_cleared() -> None:
    world = World()
    made = world.insert(start={"date": "2026-03-10"}, end={"date": "2026-03-11"})
    assert refusal(world.patch, made["id"], HOUR)[2] == "Invalid start time."
    timed = {name: {"date": None, **HOUR[name]} for name in ("start", "end")}
    assert world.patch(made["id"], timed)["start"]["dateTime"] == "2026-03-10T11:00:00+01:00"


# --- patch and update -----------------------------------------------------------------------------------


def test_a_patch_merges_objects_replaces_arrays_and_clears_with_null() -> None:
    world = World()
    made = world.insert(
        summary="Tea",
        location="Here",
        extendedProperties={"private": {"k": "1", "g": "0", "x": "y"}, "shared": {"s": "1"}},
        reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]},
        attendees=[{"email": "a@example.com"}, {"email": "b@example.com"}],
    )
    patch: Any = {
        "location": None,
        "extendedProperties": {"private": {"g": "1", "x": None}},
        "attendees": [{"email": "c@example.com"}],
    }
    patched = world.patch(made["id"], patch)
    assert patched["summary"] == "Tea"
    assert "location" not in patched
    assert patched["extendedProperties"] == {"private": {"k": "1", "g": "1"}, "shared": {"s": "1"}}
    assert patched["attendees"] == [{"email": "c@example.com", "responseStatus": "needsAction"}]
    assert patched["reminders"] == made["reminders"]


def test_a_cleared_status_is_confirmed() -> None:
    world = World()
    made = world.insert(status="tentative")
    assert world.patch(made["id"], {"status": None})["status"] == "confirmed"


def test_the_last_private_property_takes_the_object_with_it() -> None:
    world = World()
    made = world.insert(extendedProperties={"private": {"k": "1"}})
    patched = world.patch(made["id"], {"extendedProperties": {"private": {"k": None}}})
    assert "extendedProperties" not in patched


def test_an_update_drops_what_it_leaves_out() -> None:
    world = World()
    made = world.insert(
        summary="Tea",
        transparency="transparent",
        extendedProperties={"private": {"k": "1"}},
        reminders={"useDefault": False},
    )
    put = world.update(made["id"], {**HOUR, "summary": "Coffee"})
    assert put["summary"] == "Coffee"
    assert not {"transparency", "extendedProperties"} & put.keys()
    assert put["reminders"] == {"useDefault": True}
    for name in ("id", "created", "creator", "iCalUID", "htmlLink", "organizer"):
        assert put[name] == made[name]
    assert refusal(world.update, made["id"], {"summary": "x"})[2] == "Missing start time."


def test_a_change_moves_etag_and_updated_and_only_a_move_the_sequence() -> None:
    world = World()
    made = world.insert()
    world.tick(1.25)
    named = world.patch(made["id"], {"summary": "Tea"})
    assert named["etag"] != made["etag"]
    assert (named["updated"], named["sequence"]) == ("2026-03-02T09:00:01.250Z", 0)
    assert world.patch(made["id"], MOVED)["sequence"] == 1


def test_a_patch_that_changes_nothing_keeps_the_etag_and_is_no_news() -> None:
    world = World()
    made = world.insert(summary="Tea")
    token = world.token()
    world.tick()
    assert world.patch(made["id"], {"summary": "Tea", "start": {"dateTime": "2026-03-10T09:00:00Z"}}) == made
    assert world.rows(syncToken=token) == []


def test_a_change_of_reminders_does_not_move_updated() -> None:
    world = World()
    made = world.insert()
    world.tick()
    patched = world.patch(made["id"], {"reminders": {"useDefault": False}})
    assert patched["updated"] == made["updated"]
    assert patched["etag"] != made["etag"]


def test_a_sequence_cannot_go_back() -> None:
    world = World()
    made = world.insert(sequence=4)
    assert made["sequence"] == 4
    assert refusal(world.patch, made["id"], {"sequence": 3})[2].startswith("Invalid sequence value.")
    assert world.update(made["id"], {**MOVED, "sequence": 9})["sequence"] == 9


# --- versions -------------------------------------------------------------------------------------------


def test_a_stale_etag_is_refused_and_changes_nothing() -> None:
    world = World()
    stale = world.insert()
    fresh = world.patch(stale["id"], {"summary": "first"})
    for call, args in (
        (world.patch, (stale["id"], {"summary": "second"})),
        (world.update, (stale["id"], HOUR)),
        (world.delete, (stale["id"],)),
    ):
        answer = refusal(call, *args, if_match=stale["etag"])
        assert answer == (412, "conditionNotMet", "Precondition Failed")
    assert world.get(stale["id"]) == fresh


def test_the_etag_read_or_a_star_lets_a_change_through() -> None:
    world = World()
    made = world.insert()
    patched = world.patch(made["id"], {"summary": "x"}, if_match=made["etag"])
    world.patch(made["id"], {"summary": "y"}, if_match="*")
    assert refusal(world.delete, made["id"], if_match=patched["etag"])[0] == 412
    world.delete(made["id"], if_match="*")


# --- deletion -------------------------------------------------------------------------------------------


def test_a_deleted_event_keeps_its_details_on_the_organizers_calendar() -> None:
    world = World()
    made = world.insert(summary="Tea", extendedProperties={"private": {"k": "1"}})
    world.tick()
    world.delete(made["id"])
    gone = world.get(made["id"])
    assert (gone["status"], gone["summary"]) == ("cancelled", "Tea")
    assert gone["extendedProperties"] == made["extendedProperties"]
    assert gone["etag"] != made["etag"]
    assert gone["updated"] > made["updated"]


def test_tombstones_can_be_bare() -> None:
    world = World()
    made = world.insert(summary="Tea")
    world.delete(made["id"])
    world.google.settings = replace(CALM, bare_tombstones=True)
    assert world.get(made["id"]).keys() == {"kind", "etag", "id", "status"}
    assert world.rows(showDeleted=True)[0].keys() == {"kind", "etag", "id", "status"}


def test_deleting_twice_says_deleted() -> None:
    world = World()
    made = world.insert()
    world.delete(made["id"])
    assert refusal(world.delete, made["id"]) == (410, "deleted", "Resource has been deleted")


def test_patching_the_status_to_cancelled_deletes() -> None:
    world = World()
    made = world.insert()
    assert world.patch(made["id"], {"status": "cancelled"})["status"] == "cancelled"
    assert refusal(world.delete, made["id"])[1] == "deleted"


def test_a_deleted_event_comes_back_when_its_status_is_confirmed() -> None:
    world = World()
    made = world.insert(summary="Tea")
    world.delete(made["id"])
    token = world.token()
    back = world.patch(made["id"], {"status": "confirmed"})
    assert (back["status"], back["summary"]) == ("confirmed", "Tea")
    assert world.rows(syncToken=token) == [back]


def test_bringing_a_deleted_event_back_can_be_forbidden() -> None:
    world = World()
    made = world.insert()
    world.delete(made["id"])
    world.google.settings = replace(CALM, revive="forbidden")
    assert refusal(world.patch, made["id"], {"status": "confirmed"})[:2] == (403, "forbidden")
    assert refusal(world.update, made["id"], HOUR)[:2] == (403, "forbidden")
    assert world.get(made["id"])["status"] == "cancelled"


# --- limits and kinds -----------------------------------------------------------------------------------


def test_long_property_keys_vanish_and_long_values_are_cut_without_a_word() -> None:
    private = {"k" * 44: "kept", "k" * 45: "dropped", "v": "x" * 1025}
    made = World().insert(extendedProperties={"private": private})
    assert made["extendedProperties"]["private"] == {"k" * 44: "kept", "v": "x" * 1024}


def test_a_long_description_is_cut() -> None:
    assert len(World().insert(description="d" * 9000)["description"]) == 8192


def test_default_reminders_and_overrides_together_are_refused() -> None:
    reminders = {"useDefault": True, "overrides": [{"method": "popup", "minutes": 5}]}
    answer = refusal(World().insert, reminders=reminders)
    assert answer[1] == "cannotUseDefaultRemindersAndSpecifyOverride"
    many = {"useDefault": False, "overrides": [{"method": "popup", "minutes": n} for n in range(6)]}
    assert refusal(World().insert, reminders=many)[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {"status": "maybe"},
        {"transparency": "glass"},
        {"visibility": "secret"},
        {"eventType": "party"},
        {"eventType": "fromGmail"},
        {"eventType": "outOfOffice", "outOfOfficeProperties": {"autoDeclineMode": "declineNone"}},
        {"eventType": "birthday", "extendedProperties": {"private": {"k": "1"}}},
        {"recurrence": "RRULE:FREQ=DAILY"},
        {"recurrence": ["every day"]},
        {"recurrence": ["RRULE:FREQ=DAILY"]},  # its start names no zone
        {"summary": 5},
        {"reminders": [1]},
        {"extendedProperties": {"private": "k=1"}},
    ],
)
def test_what_google_cannot_take_is_refused(body: Any) -> None:
    assert refusal(World().insert, **body)[0] == 400


def test_a_body_that_is_no_object_does_not_parse() -> None:
    world = World()
    made = world.insert()
    assert refusal(world.patch, made["id"], ["x"])[:2] == (400, "parseError")


def test_an_event_type_cannot_change() -> None:
    world = World()
    made = world.insert()
    assert refusal(world.patch, made["id"], {"eventType": "birthday"})[0] == 400


def test_status_events_live_on_the_primary_calendar() -> None:
    made = World().insert(
        "primary", eventType="outOfOffice", outOfOfficeProperties={"autoDeclineMode": "declineNone"}
    )
    assert made["eventType"] == "outOfOffice"


def test_a_recurrence_rule_is_kept_as_it_is() -> None:
    world = World()
    made = world.insert()
    rules = ["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20260317T100000"]
    assert world.patch(made["id"], {"recurrence": rules})["recurrence"] == rules


def test_no_rules_need_no_zone() -> None:
    assert "recurrence" not in World().insert(recurrence=[])


def test_a_conference_needs_its_parameter() -> None:
    world = World()
    body = event(conferenceData={"conferenceId": "x"})
    assert "conferenceData" not in world.google.events.insert(world.sub, world.calendar, body)
    query = {"conferenceDataVersion": 1}
    assert "conferenceData" in world.google.events.insert(world.sub, world.calendar, body, query)
