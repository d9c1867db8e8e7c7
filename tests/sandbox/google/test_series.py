"""Series, their instances and exceptions, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.google.recurring import BERLIN, days, ids, instances, series, starts, timed
from tests.sandbox.google.world import CALM, World, refusal

SECOND = "20260317T090000Z"
AT_TWO = timed("2026-03-17T14:00:00")


# --- what an instance is --------------------------------------------------------------------------------


def test_an_instance_is_answered_as_its_series_makes_it() -> None:
    world = World()
    made = series(world, summary="Yoga", extendedProperties={"private": {"k": "1"}})
    name = f"{made['id']}_{SECOND}"
    found = world.get(name)
    own = {"id", "htmlLink", "start", "end", "recurringEventId", "originalStartTime"}
    assert {n: found[n] for n in found.keys() - own} == {
        n: made[n] for n in made.keys() - own - {"recurrence"}
    }
    assert found["start"] == {"dateTime": "2026-03-17T10:00:00+01:00", **BERLIN}
    assert found["end"] == {"dateTime": "2026-03-17T11:00:00+01:00", **BERLIN}
    assert (found["recurringEventId"], found["originalStartTime"]) == (made["id"], found["start"])
    assert found["htmlLink"] != made["htmlLink"]
    assert list(found).index("recurringEventId") == list(found).index("end") + 1


def test_an_instance_of_days_goes_by_its_date() -> None:
    world = World()
    made = series(world, at="2026-03-10", end={"date": "2026-03-12"})
    found = world.get(made["id"] + "_20260317")
    assert (found["start"], found["end"]) == ({"date": "2026-03-17"}, {"date": "2026-03-19"})
    assert found["originalStartTime"] == {"date": "2026-03-17"}


def test_an_instance_is_as_long_as_its_series_whatever_the_clocks_do() -> None:
    world = World()
    made = series(world, "RRULE:FREQ=DAILY;COUNT=2", **timed("2026-03-28T01:00:00", 180))
    night = world.get(made["id"] + "_20260329T000000Z")
    assert night["end"]["dateTime"] == "2026-03-29T05:00:00+02:00"


def test_instances_are_told_in_the_zone_that_is_asked_for() -> None:
    world = World()
    made = series(world, **timed("2026-03-10T10:00:00", zone="America/New_York"))
    found = world.get(made["id"] + "_20260317T140000Z", timeZone="Asia/Tokyo")
    assert found["originalStartTime"] == {
        "dateTime": "2026-03-17T23:00:00+09:00",
        "timeZone": "America/New_York",
    }


@pytest.mark.parametrize(
    "suffix",
    [
        "20260317",
        "20260317T090001Z",
        "20260318T090000Z",
        "20260407T080000Z",
        "20261332T090000Z",
        "R20260317T090000",
    ],
)
def test_an_id_outside_the_rule_is_not_found(suffix: str) -> None:
    world = World()
    name = f"{series(world)['id']}_{suffix}"
    for call in (world.get, world.delete):
        assert refusal(call, name) == (404, "notFound", "Not Found")
    assert refusal(world.patch, name, {})[0] == 404
    assert refusal(world.get, f"nowhere_{SECOND}")[0] == 404


def test_ids_of_series_may_have_any_number_of_underscores() -> None:
    world = World()
    body = {**timed("2026-03-10T10:00:00"), "recurrence": ["RRULE:FREQ=WEEKLY"]}
    calendar = world.google.calendar(world.calendar)
    for name in ("_60q30c1g", "abc_R20260310T090000", f"abc_{SECOND}", "a_20260310_20260310"):
        world.google.events.create(world.sub, calendar, body, name)
        assert world.get(f"{name}_{SECOND}")["recurringEventId"] == name


def test_a_single_event_whose_id_looks_like_an_instances_is_a_single_event() -> None:
    world = World()
    made = series(world)
    calendar = world.google.calendar(world.calendar)
    name = f"{made['id']}_{SECOND}"
    alone = f"{made['id']}_20270101T090000Z"
    for event_id in (alone, "_" + SECOND):
        world.google.events.create(world.sub, calendar, timed("2026-03-17T12:00:00"), event_id)
        assert "recurringEventId" not in world.get(event_id)
        assert ids(instances(world, event_id)) == [event_id]
    assert refusal(world.google.events.create, world.sub, calendar, AT_TWO, name)[:2] == (409, "duplicate")


def test_a_series_of_times_needs_a_zone() -> None:
    answer = refusal(World().insert, recurrence=["RRULE:FREQ=DAILY"])
    assert answer == (400, "required", "Missing time zone definition for start time.")


def test_a_wrong_rule_changes_nothing() -> None:
    world = World()
    made = series(world)
    assert refusal(world.patch, made["id"], {"recurrence": ["DTSTART:20260310T090000Z"]})[:2] == (
        400,
        "invalid",
    )
    assert refusal(series, world, "RRULE:FREQ=NEVER")[0] == 400
    assert world.rows() == [made]


# --- exceptions -----------------------------------------------------------------------------------------


def test_a_patch_of_an_instance_makes_an_exception() -> None:
    world = World()
    made = series(world, summary="Yoga")
    name = f"{made['id']}_{SECOND}"
    world.tick()
    patched = world.patch(name, {"summary": "Dance"})
    assert (patched["id"], patched["summary"], patched["recurringEventId"]) == (name, "Dance", made["id"])
    assert patched["etag"] != made["etag"]
    assert patched["updated"] > made["updated"]
    assert world.get(name) == patched
    assert world.get(made["id"]) == made
    assert [row["summary"] for row in instances(world, made["id"])] == ["Yoga", "Dance", "Yoga", "Yoga"]


def test_an_instance_that_is_moved_keeps_its_id_and_original_start() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    moved = world.patch(name, AT_TWO)
    assert moved["start"]["dateTime"] == "2026-03-17T14:00:00+01:00"
    assert moved["originalStartTime"]["dateTime"] == "2026-03-17T10:00:00+01:00"
    assert moved["sequence"] == made["sequence"] + 1
    all_day = world.patch(
        name, {n: {"dateTime": None, "timeZone": None, **t} for n, t in days("2026-03-18").items()}
    )
    assert (all_day["id"], all_day["start"]) == (name, {"date": "2026-03-18"})


def test_an_update_of_an_instance_takes_away_what_it_leaves_out() -> None:
    world = World()
    made = series(world, summary="Yoga", location="Hall")
    put = world.update(f"{made['id']}_{SECOND}", {**AT_TWO, "summary": "Yoga"})
    assert "location" not in put
    assert put["originalStartTime"]["dateTime"] == "2026-03-17T10:00:00+01:00"
    assert "location" in world.get(made["id"])


def test_a_change_of_nothing_makes_no_exception() -> None:
    world = World()
    made = series(world, summary="Yoga")
    token = world.token()
    assert world.patch(f"{made['id']}_{SECOND}", {"summary": "Yoga"})["etag"] == made["etag"]
    assert world.rows(syncToken=token) == []


def test_an_instance_has_the_version_of_its_series_until_it_has_its_own() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    assert refusal(world.patch, name, {"summary": "x"}, if_match='"1"')[1] == "conditionNotMet"
    patched = world.patch(name, {"summary": "x"}, if_match=made["etag"])
    assert refusal(world.delete, name, if_match=made["etag"])[0] == 412
    assert world.get(name)["etag"] == patched["etag"]
    world.delete(name, if_match=patched["etag"])


def test_deleting_one_instance_leaves_a_cancelled_exception() -> None:
    world = World()
    made = series(world, summary="Yoga")
    name = f"{made['id']}_{SECOND}"
    world.delete(name)
    gone = world.get(name)
    assert (gone["status"], gone["summary"], gone["recurringEventId"]) == ("cancelled", "Yoga", made["id"])
    assert len(instances(world, made["id"])) == 3
    assert refusal(world.delete, name)[:2] == (410, "deleted")
    assert world.get(made["id"]) == made


def test_a_cancelled_status_deletes_one_instance_and_a_confirmed_one_brings_it_back() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    world.patch(name, {"summary": "Dance"})
    assert world.patch(name, {"status": "cancelled"})["status"] == "cancelled"
    back = world.patch(name, {"status": "confirmed"})
    assert (back["status"], back["summary"]) == ("confirmed", "Dance")
    assert len(instances(world, made["id"])) == 4


def test_bringing_an_instance_back_can_be_forbidden() -> None:
    world = World()
    name = f"{series(world)['id']}_{SECOND}"
    world.delete(name)
    world.google.settings = replace(CALM, revive="forbidden")
    assert refusal(world.patch, name, {"status": "confirmed"})[:2] == (403, "forbidden")


@pytest.mark.parametrize("bare", [True, False])
def test_a_cancelled_exception_says_which_instance_it_is(bare: bool) -> None:  # noqa: FBT001 - both ways
    world = World(replace(CALM, bare_tombstones=bare))
    name = f"{series(world, summary='Yoga')['id']}_{SECOND}"
    world.delete(name)
    least = {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    assert (world.get(name).keys() == least) is bare
    (row,) = (row for row in world.rows() if row["id"] == name)
    assert row.keys() == least


def test_an_instance_cannot_recur_itself() -> None:
    world = World()
    name = f"{series(world)['id']}_{SECOND}"
    assert refusal(world.patch, name, {"recurrence": ["RRULE:FREQ=DAILY"]})[:2] == (400, "badRequest")
    assert world.patch(name, {"recurrence": [], "summary": "x"})["summary"] == "x"


def test_what_one_instance_hides_all_do_and_what_one_shows_is_not_heard() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    assert world.patch(name, {"visibility": "private"})["visibility"] == "private"
    assert world.get(made["id"])["visibility"] == "private"
    assert {row["visibility"] for row in instances(world, made["id"])} == {"private"}
    world.patch(name, {"visibility": "public", "summary": "x"})
    assert {row["visibility"] for row in instances(world, made["id"])} == {"private"}
    assert world.get(name)["summary"] == "x"


# --- changes of the series ------------------------------------------------------------------------------


def test_a_new_text_of_the_series_is_every_instances_that_has_none_of_its_own() -> None:
    world = World()
    made = series(world, summary="Yoga", location="Hall")
    named, moved, gone = (f"{made['id']}_202603{day}T090000Z" for day in ("10", "17", "24"))
    world.patch(named, {"summary": "Dance"})
    world.patch(moved, AT_TWO)
    world.delete(gone)
    token = world.token()
    world.patch(made["id"], {"summary": "Pilates", "location": "Garden"})
    found = {row["id"]: row for row in instances(world, made["id"], showDeleted=True)}
    assert [row["summary"] for row in found.values()] == ["Dance", "Pilates", "Pilates", "Pilates"]
    assert {row["location"] for row in found.values()} == {"Garden"}
    assert found[moved]["start"]["dateTime"] == "2026-03-17T14:00:00+01:00"
    assert found[gone]["status"] == "cancelled"
    assert set(ids(world.rows(syncToken=token))) == {made["id"], named, moved, gone}


def test_what_an_exception_took_away_stays_away() -> None:
    world = World()
    made = series(world, location="Hall")
    name = f"{made['id']}_{SECOND}"
    world.patch(name, {"location": None})
    world.patch(made["id"], {"location": "Garden"})
    assert "location" not in world.get(name)


def test_another_length_is_every_instances_that_has_no_times_of_its_own() -> None:
    world = World()
    made = series(world)
    named, moved = f"{made['id']}_20260310T090000Z", f"{made['id']}_{SECOND}"
    world.patch(named, {"summary": "Dance"})
    world.patch(moved, AT_TWO)
    world.patch(made["id"], {"end": timed("2026-03-10T10:00:00", 90)["end"]})
    assert world.get(named)["end"]["dateTime"] == "2026-03-10T11:30:00+01:00"
    assert world.get(moved)["end"]["dateTime"] == "2026-03-17T15:00:00+01:00"


def test_an_exception_with_one_end_of_its_own_outlives_a_shorter_series() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    world.patch(name, {"start": timed("2026-03-17T10:45:00")["start"]})
    world.patch(made["id"], {"end": timed("2026-03-10T10:00:00", 30)["end"]})
    assert world.get(name)["end"]["dateTime"] == "2026-03-17T11:00:00+01:00"
    assert world.get(made["id"])["end"]["dateTime"] == "2026-03-10T10:30:00+01:00"


def test_another_time_of_the_series_moves_the_ids_and_drops_the_exceptions() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    world.patch(name, {"summary": "Dance"})
    token = world.token()
    world.patch(made["id"], timed("2026-03-10T12:00:00"))
    assert [row["id"][-7:-1] for row in instances(world, made["id"])] == [
        "110000",
        "110000",
        "110000",
        "100000",
    ]
    assert all("summary" not in row for row in instances(world, made["id"]))
    rows = {row["id"]: row["status"] for row in world.rows(syncToken=token)}
    assert rows == {made["id"]: "confirmed", name: "cancelled"}
    assert set(ids(world.rows())) == {made["id"]}
    assert refusal(world.patch, name, {"status": "confirmed"})[:2] == (403, "forbidden")


def test_an_instance_that_is_back_after_the_rule_was_is_as_the_series_has_it() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    world.patch(name, {"summary": "Dance"})
    world.patch(made["id"], timed("2026-03-10T12:00:00"))
    token = world.token()
    world.patch(made["id"], timed("2026-03-10T10:00:00"))
    assert "summary" not in world.get(name)
    rows = {row["id"]: row["status"] for row in world.rows(syncToken=token)}
    assert rows == {made["id"]: "confirmed", name: "confirmed"}


def test_another_rule_drops_only_the_exceptions_it_does_not_make() -> None:
    world = World()
    made = series(world, "RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=6")
    tuesday, thursday = f"{made['id']}_{SECOND}", f"{made['id']}_20260319T090000Z"
    for name in (tuesday, thursday):
        world.patch(name, {"summary": "Dance"})
    world.patch(made["id"], {"recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=6"]})
    assert world.get(tuesday)["summary"] == "Dance"
    assert world.get(thursday)["status"] == "cancelled"


def test_a_series_cut_by_the_api_leaves_later_exceptions_where_they_are() -> None:
    world = World()
    made = series(world, "RRULE:FREQ=WEEKLY")
    later = f"{made['id']}_20260407T080000Z"
    world.patch(later, {"summary": "Dance"})
    world.patch(made["id"], {"recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20260330T215959Z"]})
    assert world.get(later)["summary"] == "Dance"
    assert starts(instances(world, made["id"]))[-1] == "2026-04-07T10:00:00+02:00"
    assert len(instances(world, made["id"])) == 4
    world.patch(made["id"], {"summary": "Pilates", "location": "Garden"})
    assert (world.get(later)["summary"], world.get(later)["location"]) == ("Dance", "Garden")


def test_an_excluded_date_takes_an_exception_with_it() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    world.patch(name, {"summary": "Dance"})
    world.patch(made["id"], {"recurrence": [*made["recurrence"], "EXDATE:" + SECOND]})
    assert world.get(name)["status"] == "cancelled"
    assert len(instances(world, made["id"], showDeleted=True)) == 3


def test_a_deleted_series_takes_its_instances_with_it_and_brings_them_back() -> None:
    world = World()
    made = series(world)
    changed, gone = f"{made['id']}_{SECOND}", f"{made['id']}_20260324T090000Z"
    world.patch(changed, {"summary": "Dance"})
    world.delete(gone)
    token = world.token()
    world.delete(made["id"])
    assert {row["id"]: row["status"] for row in world.rows(syncToken=token)} == {
        made["id"]: "cancelled",
        changed: "cancelled",
    }
    assert world.rows() == instances(world, made["id"]) == []
    assert world.get(f"{made['id']}_20260310T090000Z")["status"] == "cancelled"
    for name in (changed, f"{made['id']}_20260310T090000Z"):
        assert refusal(world.patch, name, {"status": "confirmed"})[:2] == (403, "forbidden")
        assert refusal(world.delete, name)[:2] == (410, "deleted")
    world.patch(made["id"], {"status": "confirmed"})
    found = {row["id"]: row for row in instances(world, made["id"], showDeleted=True)}
    assert found[changed]["summary"] == "Dance"
    assert [row["status"] for row in found.values()] == ["confirmed", "confirmed", "cancelled", "confirmed"]


def test_a_series_made_single_again_drops_its_exceptions() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    world.patch(name, {"summary": "Dance"})
    assert "recurrence" not in world.patch(made["id"], {"recurrence": []})
    assert world.get(name)["status"] == "cancelled"
    assert refusal(world.get, f"{made['id']}_20260324T090000Z")[0] == 404
    assert ids(world.rows()) == [made["id"]]


def test_a_change_of_reminders_of_the_series_is_no_news_to_others() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_{SECOND}"
    patched = world.patch(name, {"summary": "Dance"})
    world.tick()
    world.patch(made["id"], {"reminders": {"useDefault": False}})
    found = world.get(name)
    assert found["reminders"] == {"useDefault": False}
    assert (found["updated"], found["etag"] != patched["etag"]) == (patched["updated"], True)


def test_another_zone_of_the_calendar_is_every_instances() -> None:
    world = World()
    made, of_days = series(world), series(world, at="2026-03-10")
    world.patch(f"{made['id']}_{SECOND}", AT_TWO)
    world.patch(f"{of_days['id']}_20260317", {"summary": "Dance"})
    body = {"timeZone": "America/New_York"}
    world.google.calendars.patch(world.sub, world.calendar, body)
    found = instances(world, made["id"])
    assert starts(found)[:2] == ["2026-03-10T05:00:00-04:00", "2026-03-17T09:00:00-04:00"]
    assert found[1]["originalStartTime"] == {"dateTime": "2026-03-17T05:00:00-04:00", **BERLIN}
    query: Any = {"timeMin": "2026-03-18T03:59:59Z", "timeMax": "2026-03-18T04:00:01Z"}
    assert ids(instances(world, of_days["id"], **query)) == [of_days["id"] + "_20260317"]
    world.patch(made["id"], {"summary": "Pilates"})
    assert world.get(f"{made['id']}_{SECOND}")["start"]["dateTime"] == "2026-03-17T09:00:00-04:00"
