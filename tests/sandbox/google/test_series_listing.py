"""Series in listings: as they are, expanded, one by one, and in deltas."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from sandbox.google.rows import INSTANCES_MAX
from sandbox.google.series import FORMER_MAX
from tests.sandbox.google.recurring import Follower, days, ids, instances, series, starts, timed
from tests.sandbox.google.world import CALM, Json, World, refusal

ENDLESS = "RRULE:FREQ=DAILY"
MARCH = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-04-01T00:00:00Z"}
IN_TURN = replace(CALM, exceptions_first_chance=0)
FIRST = replace(CALM, exceptions_first_chance=1)


def paged(world: World, event_id: str, **query: Any) -> list[list[Json]]:
    """The pages of `events.instances`."""
    pages: list[Json] = []
    while not pages or "nextPageToken" in pages[-1]:
        assert len(pages) < 1000
        more = {"pageToken": pages[-1]["nextPageToken"]} if pages else {}
        pages.append(world.google.events.instances(world.sub, world.calendar, event_id, {**query, **more}))
    assert not any("nextSyncToken" in page for page in pages)
    return [page["items"] for page in pages]


# --- instances ------------------------------------------------------------------------------------------


def test_the_instances_of_a_series_come_in_the_order_they_were_meant_to_be() -> None:
    world = World()
    made = series(world)
    names = ids(instances(world, made["id"]))
    world.patch(names[2], timed("2026-03-01T10:00:00"))
    assert ids(instances(world, made["id"])) == names
    assert names == [
        f"{made['id']}_202603{day}" for day in ("10T090000Z", "17T090000Z", "24T090000Z", "31T080000Z")
    ]


def test_instances_are_bound_by_their_own_times_and_the_lower_bound_is_meant_too() -> None:
    world = World()
    made = series(world)
    world.patch(f"{made['id']}_20260331T080000Z", timed("2026-03-01T10:00:00"))

    def between(low: str, high: str) -> list[str]:
        rows = instances(world, made["id"], timeMin=low, timeMax=high)
        return [row["id"][-16:-8] for row in rows]

    assert between("2026-03-10T10:00:00Z", "2026-03-17T09:00:01Z") == ["20260310", "20260317"]
    assert between("2026-03-10T10:00:01Z", "2026-03-17T09:00:00Z") == []
    assert between("2026-02-28T00:00:00Z", "2026-03-02T00:00:00Z") == ["20260331"]


def test_cancelled_instances_are_told_when_asked_for() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_20260317T090000Z"
    world.delete(name)
    assert name not in ids(instances(world, made["id"]))
    assert [row["status"] for row in instances(world, made["id"], showDeleted=True)].count("cancelled") == 1
    world.delete(made["id"])
    assert instances(world, made["id"]) == []
    assert {row["status"] for row in instances(world, made["id"], showDeleted="true")} == {"cancelled"}


def test_one_instance_is_found_by_its_original_start() -> None:
    world = World()
    made, of_days = series(world), series(world, at="2026-03-10")
    name = f"{made['id']}_20260317T090000Z"
    world.patch(name, timed("2026-03-19T10:00:00"))
    for text in ("2026-03-17T09:00:00Z", "2026-03-17T10:00:00+01:00"):
        assert ids(instances(world, made["id"], originalStart=text)) == [name]
    assert ids(instances(world, of_days["id"], originalStart="2026-03-17")) == [of_days["id"] + "_20260317"]
    assert instances(world, made["id"], originalStart="2026-03-19T09:00:00Z") == []
    for text in ("tomorrow", "2026-03-17T09:00:00"):
        assert refusal(instances, world, made["id"], originalStart=text)[:2] == (400, "invalidParameter")


def test_an_instance_asked_for_its_instances_is_itself_or_nothing() -> None:
    world = World()
    made = series(world)
    name = f"{made['id']}_20260317T090000Z"
    for _ in range(2):
        assert ids(instances(world, name)) == [name]
        assert instances(world, name, timeMin="2026-03-18T00:00:00Z") == []
        world.patch(name, {"summary": "Dance"})
    world.delete(name)
    assert instances(world, name) == []
    assert ids(instances(world, name, showDeleted=True)) == [name]
    assert refusal(instances, world, f"{made['id']}_20260318T090000Z")[0] == 404


def test_instances_come_in_pages() -> None:
    world = World()
    made = series(world, "RRULE:FREQ=DAILY;COUNT=7")
    names = ids(instances(world, made["id"]))
    world.patch(names[3], {"summary": "Dance"})
    pages = paged(world, made["id"], maxResults=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row["id"] for page in pages for row in page] == names
    token = world.google.events.instances(world.sub, world.calendar, made["id"], {"maxResults": 3})[
        "nextPageToken"
    ]
    assert refusal(paged, world, names[0], pageToken=token)[0] == 400


def test_an_endless_series_is_told_as_far_as_asked_or_for_730_instances_from_now() -> None:
    world = World()
    made = series(world, ENDLESS, at="2026-02-20T10:00:00")
    ended = instances(world, made["id"], timeMax="2026-03-10T00:00:00Z")
    assert len(ended) == 18
    rows = [row for page in paged(world, made["id"], maxResults=250) for row in page]
    assert len(rows) == INSTANCES_MAX + 10  # those before today too
    assert ids(rows) == ids(world.rows(singleEvents=True, maxResults=400))


# --- expanded -------------------------------------------------------------------------------------------


def test_single_events_are_instances_instead_of_series() -> None:
    world = World()
    single = world.insert()["id"]
    made = series(world)
    changed = world.patch(f"{made['id']}_20260317T090000Z", {"summary": "Dance"})
    world.delete(f"{made['id']}_20260324T090000Z")
    rows = world.rows(singleEvents=True)
    assert len(rows) == 4
    assert made["id"] not in ids(rows)
    assert changed in rows
    assert ids(rows)[0] == single
    assert len(world.rows(singleEvents=True, showDeleted=True)) == 5


def test_instances_are_listed_within_the_bounds_and_exceptions_by_their_own_times() -> None:
    world = World()
    made = series(world, ENDLESS)
    away, here = (f"{made['id']}_2026{day}" for day in ("0315T090000Z", "0601T080000Z"))
    world.patch(away, timed("2026-06-01T10:00:00"))
    world.patch(here, timed("2026-03-15T20:00:00"))
    query = {"timeMin": "2026-03-14T09:00:00Z", "timeMax": "2026-03-16T09:00:00Z", "singleEvents": True}
    assert ids(world.rows(**query, orderBy="startTime")) == [made["id"] + "_20260314T090000Z", here]


def test_long_instances_reach_into_the_window() -> None:
    world = World()
    made = series(world, "RRULE:FREQ=WEEKLY;COUNT=3", **days("2026-03-10", 10))
    query = {"timeMin": "2026-03-19T12:00:00Z", "timeMax": "2026-03-20T12:00:00Z", "singleEvents": True}
    assert ids(world.rows(**query)) == [made["id"] + "_20260310", made["id"] + "_20260317"]


@pytest.mark.parametrize("order", ["startTime", None, "updated"])
def test_an_expanded_listing_comes_whole_in_pages_of_every_size(order: str | None) -> None:
    world = World(replace(CALM, short_page_chance=0.3, empty_page_chance=0.2))
    one, other = (
        series(world, "RRULE:FREQ=DAILY;COUNT=20"),
        series(world, "RRULE:FREQ=DAILY;COUNT=9", at="2026-03-12"),
    )
    for _ in range(5):
        world.insert()
    for day in (12, 14, 15):
        world.patch(f"{one['id']}_202603{day}T090000Z", timed(f"2026-03-{day + 2}T08:00:00"))
    world.delete(other["id"] + "_20260314")
    query: Json = {"singleEvents": True, **MARCH, **({"orderBy": order} if order else {})}
    whole = world.rows(**query, maxResults=2500)
    assert len(whole) == len(set(ids(whole))) == 5 + 20 + 8
    for size in (1, 2, 3, 7, 32, 33):
        assert world.rows(**query, maxResults=size) == whole
    if order == "startTime":
        moments = [row["start"].get("dateTime") or row["start"]["date"] + "T00:00:00+01:00" for row in whole]
        assert moments == sorted(moments)


def test_an_expanded_listing_goes_by_what_the_series_says() -> None:
    world = World()
    made = series(world, summary="Yoga", extendedProperties={"private": {"k": "1"}})
    world.patch(f"{made['id']}_20260317T090000Z", {"summary": "Dance"})
    assert len(world.rows(singleEvents=True, q="yoga")) == 3
    assert len(world.rows(singleEvents=True, iCalUID=made["iCalUID"])) == 4
    assert len(world.rows(singleEvents=True, privateExtendedProperty="k=1")) == 4
    assert world.rows(singleEvents=True, eventTypes=["focusTime"]) == []


def test_the_instances_of_deleted_series_are_told_when_asked_for() -> None:
    world = World()
    made = series(world)
    world.delete(made["id"])
    assert world.rows(singleEvents=True) == []
    rows = world.rows(singleEvents=True, showDeleted=True)
    assert [row["status"] for row in rows] == ["cancelled"] * 4
    assert made["id"] not in ids(rows)


# --- as they are ----------------------------------------------------------------------------------------


def test_series_and_exceptions_are_rows_and_cancelled_instances_come_unasked() -> None:
    world = World()
    made, single = series(world), world.insert()
    changed, gone = (f"{made['id']}_202603{day}T090000Z" for day in ("17", "24"))
    world.patch(changed, {"summary": "Dance"})
    world.delete(gone)
    world.delete(single["id"])
    rows = {row["id"]: row["status"] for row in world.rows()}
    assert rows == {made["id"]: "confirmed", changed: "confirmed", gone: "cancelled"}
    world.delete(made["id"])
    assert world.rows() == []
    assert set(ids(world.rows(showDeleted=True))) == {made["id"], changed, gone, single["id"]}


@pytest.mark.parametrize(
    ("low", "high", "listed"),
    [
        ("2026-03-17T09:30:00Z", "2026-03-17T09:45:00Z", True),
        ("2026-03-17T10:00:00Z", "2026-03-24T09:00:00Z", False),
        ("2026-03-11T00:00:00Z", None, True),
        ("2026-04-01T00:00:00Z", None, False),
        (None, "2026-03-10T09:00:00Z", False),
        ("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z", False),
    ],
)
def test_a_series_is_in_the_window_when_any_instance_is(
    low: str | None,
    high: str | None,
    listed: bool,  # noqa: FBT001 - an outcome
) -> None:
    world = World()
    made = series(world)
    query = {name: value for name, value in (("timeMin", low), ("timeMax", high)) if value}
    assert (ids(world.rows(**query)) == [made["id"]]) is listed


def test_a_series_is_in_the_window_when_an_exception_is() -> None:
    world = World()
    made = series(world)
    world.patch(f"{made['id']}_20260317T090000Z", timed("2026-05-01T10:00:00"))
    rows = world.rows(timeMin="2026-05-01T00:00:00Z", timeMax="2026-05-02T00:00:00Z")
    assert made["id"] in ids(rows)
    assert len(rows) == 2


def test_exceptions_can_come_before_their_series_even_on_another_page() -> None:
    def listed(world: World) -> list[str]:
        made = series(world)
        for day in ("17", "24"):
            world.patch(f"{made['id']}_202603{day}T090000Z", {"summary": "Dance"})
        whole = ids(world.rows())
        assert [ids(page["items"]) for page in world.pages(maxResults=1)] == [[name] for name in whole]
        return [name[len(made["id"]) :][:9] for name in whole]

    assert listed(World(IN_TURN)) == ["", "_20260317", "_20260324"]
    assert listed(World(FIRST)) == ["_20260324", "_20260317", ""]


def test_an_exception_made_while_one_pages_is_in_the_next_delta() -> None:
    world = World(FIRST)
    made, other = series(world), world.insert()
    first = world.page(maxResults=1)
    name = f"{made['id']}_20260317T090000Z"
    world.patch(name, {"summary": "Dance"})
    last = world.page(maxResults=1, pageToken=first["nextPageToken"])
    assert ids(first["items"] + last["items"]) == [made["id"], other["id"]]
    assert ids(world.rows(syncToken=last["nextSyncToken"])) == [name]


def test_a_changed_series_is_told_before_its_exceptions_or_after() -> None:
    def told(world: World) -> list[bool]:
        made = series(world)
        world.patch(f"{made['id']}_20260317T090000Z", {"location": "Hall"})
        token = world.token()
        world.patch(made["id"], {"summary": "Pilates"})
        return [row["id"] == made["id"] for row in world.rows(syncToken=token)]

    assert told(World(IN_TURN)) == [True, False]
    assert told(World(FIRST)) == [False, True]


# --- deltas of expanded listings ------------------------------------------------------------------------


def test_an_edited_series_brings_all_its_instances_to_who_has_it_expanded() -> None:
    world = World()
    made = series(world, ENDLESS)
    world.patch(f"{made['id']}_20260317T090000Z", {"summary": "Dance"})
    follower = Follower(world, singleEvents=True)
    world.patch(made["id"], {"summary": "Pilates"})
    assert len(follower.read()) == INSTANCES_MAX - 1  # the exception has its own summary
    world.patch(f"{made['id']}_20260318T090000Z", {"summary": "Dance"})
    assert ids(follower.read()) == [f"{made['id']}_20260318T090000Z"]
    assert follower.read() == []


def test_a_deleted_series_is_told_for_half_a_year_to_who_has_it_expanded() -> None:
    world = World()
    made = series(world, "RRULE:FREQ=WEEKLY", at="2026-03-03T10:00:00")
    token = world.pages(singleEvents=True)[-1]["nextSyncToken"]
    world.delete(made["id"])
    rows = world.rows(singleEvents=True, syncToken=token)
    assert {row["status"] for row in rows} == {"cancelled"}
    assert (len(rows), rows[0]["recurringEventId"]) == (27, made["id"])
    assert rows[0].keys() == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}


def test_a_re_timed_series_takes_back_the_instances_it_had() -> None:
    world = World()
    made = series(world)
    before = ids(instances(world, made["id"]))
    follower = Follower(world, singleEvents=True)
    world.patch(made["id"], timed("2026-03-10T12:00:00"))
    rows = {row["id"]: row["status"] for row in follower.read()}
    now = ids(instances(world, made["id"]))
    assert rows == dict.fromkeys(before, "cancelled") | dict.fromkeys(now, "confirmed")


def test_an_event_made_a_series_and_back_changes_what_it_is_called() -> None:
    world = World()
    made = world.insert(**timed("2026-03-10T10:00:00"))
    follower = Follower(world, singleEvents=True)
    world.patch(made["id"], {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]})
    rows = {row["id"]: row["status"] for row in follower.read()}
    names = [f"{made['id']}_20260310T090000Z", f"{made['id']}_20260317T090000Z"]
    assert rows == {made["id"]: "cancelled", **dict.fromkeys(names, "confirmed")}
    world.patch(made["id"], {"recurrence": None})
    rows = {row["id"]: row["status"] for row in follower.read()}
    assert rows == {made["id"]: "confirmed", **dict.fromkeys(names, "cancelled")}


def test_a_series_re_timed_many_times_between_two_deltas_is_told_as_it_is() -> None:
    world = World()
    made = series(world)
    follower = Follower(world, singleEvents=True)
    rng = random.Random(1)
    for _ in range(5):
        for _ in range(FORMER_MAX):
            world.patch(made["id"], timed(f"2026-03-10T{rng.randint(8, 20):02}:00:00"))
        follower.read()
        alive = {name for name, row in follower.copy.items() if row["status"] == "confirmed"}
        assert alive == set(ids(instances(world, made["id"])))


def test_a_page_token_resumes_inside_a_changed_series() -> None:
    world = World()
    made = series(world, "RRULE:FREQ=DAILY;COUNT=9")
    token = world.pages(singleEvents=True)[-1]["nextSyncToken"]
    world.patch(made["id"], {"summary": "Pilates"})
    pages = world.pages(singleEvents=True, syncToken=token, maxResults=4)
    assert [len(page["items"]) for page in pages] == [4, 4, 1]
    assert starts([row for page in pages for row in page["items"]])[4][:10] == "2026-03-14"


def test_a_series_far_from_its_beginning_is_found_at_once() -> None:
    world = World()
    made = series(world, ENDLESS, at="1990-01-01T10:00:00")
    query = {"singleEvents": True, "timeMin": "2089-01-01T00:00:00Z", "timeMax": "2089-01-02T00:00:00Z"}
    assert ids(world.rows(**query)) == [made["id"] + "_20890101T090000Z"]
    assert world.rows(**{**query, "timeMin": "2120-01-01T00:00:00Z", "timeMax": "2121-01-01T00:00:00Z"}) == []


def test_instances_take_time_and_free_ones_do_not() -> None:
    world = World()
    made = series(world)
    world.patch(f"{made['id']}_20260317T090000Z", timed("2026-03-18T10:00:00"))
    world.patch(f"{made['id']}_20260324T090000Z", {"transparency": "transparent"})
    world.delete(f"{made['id']}_20260331T080000Z")
    asked = {**MARCH, "items": [{"id": world.calendar}]}
    answer = world.google.freebusy.query(world.sub, asked)
    busy = answer["calendars"][world.calendar]["busy"]
    assert [period["start"] for period in busy] == ["2026-03-10T09:00:00Z", "2026-03-18T09:00:00Z"]
