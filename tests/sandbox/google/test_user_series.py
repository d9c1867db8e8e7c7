"""What a person does with series in the web page: to one, to all, to this and all that follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.google.errors import ApiError
from sandbox.google.user import Person
from tests.sandbox.google.conftest import Sandbox
from tests.sandbox.google.recurring import BERLIN, days, ids, instances, series, starts, timed
from tests.sandbox.google.world import CALM, Json, World, refusal

KEY = {"private": {"k": "1"}}


class Screen:
    """A person before a weekly series of six Tuesdays, ten to eleven in Berlin, from March 10th."""

    def __init__(self, *rules: str, at: str = "2026-03-10T10:00:00", **settings: Any) -> None:
        self.world = World(replace(CALM, **settings))
        self.person = Person(self.world.google, self.world.sub)
        rules = rules or ("RRULE:FREQ=WEEKLY;COUNT=6",)
        self.made = series(self.world, *rules, at=at, summary="Yoga", extendedProperties=KEY)
        self.id: str = self.made["id"]
        self.names = ids(instances(self.world, self.id))

    def do(self, action: str, event: str, **more: Any) -> Any:
        return getattr(self.person, action)(self.world.calendar, event, **more)

    def row(self, event: str) -> Json:
        return self.world.get(event)

    def shown(self) -> list[tuple[str, str]]:
        """Day and title of all there is."""
        rows = self.world.rows(singleEvents=True, orderBy="startTime")
        return [(start[5:16], row.get("summary", "")) for start, row in zip(starts(rows), rows, strict=True)]


# --- scopes ---------------------------------------------------------------------------------------------


def test_an_edit_is_of_what_is_named_unless_the_scope_says_otherwise() -> None:
    screen = Screen()
    screen.do("edit", screen.names[1], body={"summary": "one"})
    screen.do("edit", screen.names[2], body={"summary": "too"}, scope="one")
    screen.do("edit", screen.names[3], body={"location": "Hall"}, scope="all")
    screen.do("edit", screen.id, body={"description": "Mats"})
    rows = instances(screen.world, screen.id)
    assert [row["summary"] for row in rows] == ["Yoga", "one", "too", "Yoga", "Yoga", "Yoga"]
    assert {(row["location"], row["description"]) for row in rows} == {("Hall", "Mats")}


@pytest.mark.parametrize("scope", ["one", "following"])
def test_a_scope_needs_one_instance(scope: str) -> None:
    screen = Screen()
    with pytest.raises(ValueError, match="whole series"):
        screen.do("edit", screen.id, body={}, scope=scope)
    with pytest.raises(ValueError, match="scope is one of"):
        screen.do("edit", screen.names[0], body={}, scope="some")


def test_a_single_event_has_no_scope_to_speak_of() -> None:
    screen = Screen()
    single = screen.world.insert()["id"]
    for scope in ("one", "all", "following"):
        assert screen.do("edit", single, body={"summary": scope}, scope=scope)["summary"] == scope


# --- this and following ---------------------------------------------------------------------------------


def test_an_edit_of_what_follows_splits_the_series() -> None:
    screen = Screen()
    tail = screen.do("edit", screen.names[2], body={"summary": "Pilates"}, scope="following")
    assert tail["id"] == screen.id + "_R20260324T090000"
    assert tail["iCalUID"] == tail["id"] + "@google.com"
    assert tail["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=4"]
    assert tail["start"] == {"dateTime": "2026-03-24T10:00:00+01:00", **BERLIN}
    assert screen.row(screen.id)["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20260323T225959Z"]
    assert ids(instances(screen.world, tail["id"]))[0] == tail["id"] + "_20260324T090000Z"
    titles = [title for _, title in screen.shown()]
    assert titles == ["Yoga", "Yoga", "Pilates", "Pilates", "Pilates", "Pilates"]


def test_a_series_of_days_is_split_by_dates() -> None:
    screen = Screen("RRULE:FREQ=DAILY;UNTIL=20260315", at="2026-03-10")
    tail = screen.do("edit", screen.names[2], body={"summary": "x"}, scope="following")
    assert tail["id"] == screen.id + "_R20260312"
    assert tail["recurrence"] == ["RRULE:FREQ=DAILY;UNTIL=20260315"]
    assert screen.row(screen.id)["recurrence"] == ["RRULE:FREQ=DAILY;UNTIL=20260311"]


def test_a_second_split_leaves_the_first_mark_out_and_a_taken_id_is_not_used() -> None:
    screen = Screen()
    tail = screen.do("edit", screen.names[2], body={"summary": "x"}, scope="following")
    names = ids(instances(screen.world, tail["id"]))
    again = screen.do("edit", names[2], body={"summary": "y"}, scope="following")
    assert again["id"] == screen.id + "_R20260407T080000"
    screen.do("repeat", screen.id, rules=["RRULE:FREQ=WEEKLY;COUNT=6"])
    other = screen.do("edit", screen.names[2], body={"summary": "z"}, scope="following")
    assert other["id"] not in (tail["id"], again["id"])
    assert "_R" not in other["id"]


def test_all_that_follows_the_first_is_all() -> None:
    screen = Screen()
    edited = screen.do("edit", screen.names[0], body={"summary": "x"}, scope="following")
    assert edited["id"] == screen.id
    screen.do("delete", screen.names[0], scope="following")
    assert screen.row(screen.id)["status"] == "cancelled"


def test_a_split_drops_the_exceptions_after_it_and_keeps_those_before() -> None:
    screen = Screen()
    for name in (screen.names[1], screen.names[4]):
        screen.do("edit", name, body={"summary": "Dance"})
    screen.do("delete", screen.names[5])
    token = screen.world.token()
    tail = screen.do("edit", screen.names[3], body={"location": "Hall"}, scope="following")
    assert [title for _, title in screen.shown()] == ["Yoga", "Dance", "Yoga", "Yoga", "Yoga", "Yoga"]
    rows = {row["id"]: row["status"] for row in screen.world.rows(syncToken=token)}
    assert rows == {screen.id: "confirmed", screen.names[4]: "cancelled", tail["id"]: "confirmed"}


@pytest.mark.parametrize("copied", [True, False])
def test_a_split_may_take_private_properties_along(copied: bool) -> None:  # noqa: FBT001 - both ways
    screen = Screen(split_copies_private=copied)
    tail = screen.do("edit", screen.names[2], body={"summary": "x"}, scope="following")
    assert tail.get("extendedProperties") == (KEY if copied else None)
    assert screen.row(screen.id)["extendedProperties"] == KEY


def test_instances_of_the_second_series_can_go_by_the_id_of_the_first() -> None:
    """As odoo/odoo#120798 and #287171 meet them: `recurringEventId` says which series."""
    screen = Screen(split_instances_by_base=True)
    screen.do("edit", screen.names[4], body={"summary": "Dance"})
    tail = screen.do("edit", screen.names[2], body={"location": "Hall"}, scope="following")
    found = instances(screen.world, tail["id"])
    assert ids(found) == screen.names[2:]
    assert {row["recurringEventId"] for row in found} == {tail["id"]}
    assert {row["summary"] for row in found} == {"Yoga"}
    patched = screen.world.patch(screen.names[3], {"summary": "Dance"})
    assert patched["recurringEventId"] == tail["id"]
    again = screen.do("edit", screen.names[4], body={"summary": "x"}, scope="following")
    assert ids(instances(screen.world, again["id"])) == screen.names[4:]
    assert screen.row(screen.names[5])["recurringEventId"] == again["id"]


def test_dates_of_a_split_series_go_to_the_part_they_belong_to() -> None:
    screen = Screen(
        "RRULE:FREQ=WEEKLY;COUNT=6",
        "RRULE:FREQ=DAILY;COUNT=2",
        "EXDATE;TZID=Europe/Berlin:20260317T100000,20260407T100000",
        "RDATE:20260312T090000Z,20260401T090000Z",
        "EXRULE:FREQ=YEARLY",
    )
    before = screen.shown()
    cut = next(name for name in screen.names if "20260324" in name)
    tail = screen.do("edit", cut, body={"summary": "x"}, scope="following")
    assert screen.row(screen.id)["recurrence"] == [
        "RRULE:FREQ=WEEKLY;UNTIL=20260323T225959Z",
        "RRULE:FREQ=DAILY;COUNT=2",
        "EXDATE;TZID=Europe/Berlin:20260317T100000",
        "RDATE:20260312T090000Z",
        "EXRULE:FREQ=YEARLY",
    ]
    assert tail["recurrence"] == [
        "RRULE:FREQ=WEEKLY;COUNT=4",
        "EXDATE;TZID=Europe/Berlin:20260407T100000",
        "RDATE:20260401T090000Z",
        "EXRULE:FREQ=YEARLY",
    ]
    exrule = ("03-24T10:00", "x")  # EXRULE takes the start away, of the second series too
    assert [day for day, _ in screen.shown()] == [day for day, _ in before if day != exrule[0]]


def test_extra_dates_alone_are_split_and_those_before_the_start_are_not() -> None:
    screen = Screen("RDATE:20260301T090000Z,20260312T090000Z,20260401T080000Z")
    tail = screen.do("edit", screen.names[3], body={"summary": "x"}, scope="following")
    assert tail["recurrence"] == ["RDATE:20260401T080000Z"]
    assert [title for _, title in screen.shown()] == ["Yoga", "Yoga", "Yoga", "x"]
    assert screen.do("edit", screen.names[1], body={"summary": "y"}, scope="following")["id"] == screen.id


def test_a_series_with_several_times_a_day_is_split_within_the_day() -> None:
    screen = Screen("RRULE:FREQ=DAILY;BYHOUR=10,15;COUNT=6")
    screen.do("edit", screen.names[3], body={"summary": "x"}, scope="following")
    assert screen.row(screen.id)["recurrence"] == ["RRULE:FREQ=DAILY;BYHOUR=10,15;UNTIL=20260311T135959Z"]
    assert [title for _, title in screen.shown()] == ["Yoga"] * 3 + ["x"] * 3


def test_deleting_what_follows_ends_the_series_before() -> None:
    screen = Screen()
    screen.do("edit", screen.names[4], body={"summary": "Dance"})
    screen.do("delete", screen.names[3], scope="following")
    assert screen.row(screen.id)["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20260330T215959Z"]
    assert len(screen.shown()) == 3
    assert screen.row(screen.names[4])["status"] == "cancelled"


# --- deleting and restoring -----------------------------------------------------------------------------


def test_one_instance_is_deleted_and_brought_back() -> None:
    screen = Screen()
    screen.do("edit", screen.names[1], body={"summary": "Dance"})
    screen.do("delete", screen.names[1], scope="one")
    assert len(screen.shown()) == 5
    with pytest.raises(ApiError, match="404"):
        screen.do("edit", screen.names[1], body={})
    assert screen.do("undelete", screen.names[1])["summary"] == "Dance"
    with pytest.raises(ValueError, match="not in the Bin"):
        screen.do("undelete", screen.names[2])


def test_a_series_is_deleted_from_any_instance_and_brought_back_with_its_exceptions() -> None:
    screen = Screen()
    screen.do("edit", screen.names[1], body={"summary": "Dance"})
    screen.do("delete", screen.names[4], scope="all")
    assert screen.shown() == []
    with pytest.raises(ApiError, match="forbidden"):
        screen.do("undelete", screen.names[1])
    screen.do("undelete", screen.id)
    assert [title for _, title in screen.shown()] == ["Yoga", "Dance", "Yoga", "Yoga", "Yoga", "Yoga"]


def test_a_duplicate_of_a_series_is_a_series_and_of_an_instance_a_single_event() -> None:
    screen = Screen()
    copy = screen.do("duplicate", screen.id)
    assert copy["recurrence"] == screen.made["recurrence"]
    assert copy["iCalUID"] != screen.made["iCalUID"]
    single = screen.do("duplicate", screen.names[1])
    assert not {"recurrence", "recurringEventId", "originalStartTime"} & single.keys()
    assert (single["start"]["dateTime"], single["extendedProperties"]) == ("2026-03-17T10:00:00+01:00", KEY)


# --- moving ---------------------------------------------------------------------------------------------


def test_one_instance_is_moved_alone() -> None:
    screen = Screen()
    moved = screen.do("move", screen.names[1], **timed("2026-03-18T12:00:00"), scope="one")
    assert (moved["id"], moved["recurringEventId"]) == (screen.names[1], screen.id)
    assert [day for day, _ in screen.shown()][:3] == ["03-10T10:00", "03-18T12:00", "03-24T10:00"]


def test_all_are_moved_by_as_much_as_the_one_that_is_dragged() -> None:
    screen = Screen()
    moved = screen.do("move", screen.names[3], **timed("2026-04-01T12:30:00", 30), scope="all")
    assert moved["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=6"]
    assert moved["start"] == {"dateTime": "2026-03-11T12:30:00+01:00", **BERLIN}
    assert moved["end"]["dateTime"] == "2026-03-11T13:00:00+01:00"
    assert [day for day, _ in screen.shown()][3:5] == ["04-01T12:30", "04-08T12:30"]


def test_what_follows_is_moved_and_what_was_before_stays() -> None:
    screen = Screen()
    tail = screen.do("move", screen.names[3], **timed("2026-04-02T09:00:00"), scope="following")
    assert tail["id"] == screen.id + "_R20260331T080000"
    assert [day for day, _ in screen.shown()] == [
        "03-10T10:00",
        "03-17T10:00",
        "03-24T10:00",
        "04-02T09:00",
        "04-09T09:00",
        "04-16T09:00",
    ]


@pytest.mark.parametrize(
    ("rule", "dragged_to", "becomes"),
    [
        ("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4", "2026-03-11", "FREQ=WEEKLY;BYDAY=WE,FR;COUNT=4"),
        ("FREQ=WEEKLY;BYDAY=TU,SU;COUNT=4", "2026-03-09", "FREQ=WEEKLY;BYDAY=MO,SA;COUNT=4"),
        ("FREQ=MONTHLY;BYDAY=2TU;COUNT=4", "2026-03-18", "FREQ=MONTHLY;BYDAY=3WE;COUNT=4"),
        ("FREQ=MONTHLY;BYDAY=-4TU;COUNT=4", "2026-03-31", "FREQ=MONTHLY;BYDAY=-1TU;COUNT=4"),
        ("FREQ=MONTHLY;BYMONTHDAY=10;COUNT=4", "2026-03-12", "FREQ=MONTHLY;BYMONTHDAY=12;COUNT=4"),
        ("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=10", "2026-04-01", "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=1"),
        ("FREQ=DAILY;UNTIL=20260320T225959Z", "2026-03-15", "FREQ=DAILY;UNTIL=20260325T225959Z"),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=4", "2026-03-10", "FREQ=WEEKLY;BYDAY=TU;COUNT=4"),
    ],
)
def test_rules_that_name_days_follow_a_move(rule: str, dragged_to: str, becomes: str) -> None:
    screen = Screen(f"RRULE:{rule}")
    count = len(screen.shown())
    moved = screen.do("move", screen.id, **timed(f"{dragged_to}T11:00:00"))
    assert moved["recurrence"] == [f"RRULE:{becomes}"]
    assert screen.shown()[0][0] == f"{dragged_to[5:]}T11:00"
    assert len(screen.shown()) == count


@pytest.mark.parametrize("rule", ["FREQ=MONTHLY;BYDAY=2TU,3TU", "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2"])
def test_a_rule_of_which_nobody_can_say_what_it_becomes_is_not_moved(rule: str) -> None:
    screen = Screen(f"RRULE:{rule};COUNT=4")
    with pytest.raises(ValueError, match="cannot be dragged"):
        screen.do("move", screen.id, **timed("2026-03-11T11:00:00"))
    screen.do("move", screen.id, **timed("2026-03-10T11:00:00"))


def test_excluded_and_extra_dates_go_along() -> None:
    screen = Screen(
        "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20260317T090000Z", "RDATE;TZID=Europe/Berlin:20260401T100000"
    )
    screen.do("move", screen.id, **timed("2026-03-11T12:00:00"))
    assert [day for day, _ in screen.shown()] == ["03-11T12:00", "03-25T12:00", "04-02T12:00"]


def test_a_series_becomes_all_day_and_timed_again() -> None:
    screen = Screen("RRULE:FREQ=WEEKLY;UNTIL=20260331T080000Z", "EXDATE:20260317T090000Z")
    moved = screen.do("move", screen.names[1], **days("2026-03-25", 2), scope="all")
    assert moved["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20260401", "EXDATE;VALUE=DATE:20260318"]
    assert [row["id"][-8:] for row in instances(screen.world, screen.id)] == [
        "20260311",
        "20260325",
        "20260401",
    ]
    assert (moved["start"], moved["end"]) == ({"date": "2026-03-11"}, {"date": "2026-03-13"})
    span = {n: {"dateTime": t["dateTime"]} for n, t in timed("2026-03-10T10:00:00").items()}
    back = screen.do("move", screen.id, **span)
    assert back["start"] == {"dateTime": "2026-03-10T10:00:00+01:00", **BERLIN}
    assert [day for day, _ in screen.shown()] == ["03-10T10:00", "03-24T10:00", "03-31T10:00"]


# --- other calendars ------------------------------------------------------------------------------------


def test_an_instance_that_is_dragged_away_leaves_its_series() -> None:
    screen = Screen()
    token = screen.world.token()
    there = screen.do("move_to", screen.names[1], destination="primary")
    assert there["id"] == screen.names[1]
    assert not {"recurringEventId", "originalStartTime"} & there.keys()
    (row,) = screen.world.rows(syncToken=token)
    assert (row["id"], row["status"], row["recurringEventId"]) == (screen.names[1], "cancelled", screen.id)
    assert len(screen.shown()) == 5


def test_an_instance_dragged_back_is_one_of_its_series_again() -> None:
    screen = Screen()
    screen.do("move_to", screen.names[1], destination="primary")
    screen.person.edit("primary", screen.names[1], {"summary": "Dance"})
    back = screen.person.move_to("primary", screen.names[1], screen.world.calendar)
    assert (back["recurringEventId"], back["summary"]) == (screen.id, "Dance")
    assert [title for _, title in screen.shown()] == ["Yoga", "Dance", "Yoga", "Yoga", "Yoga", "Yoga"]


def test_a_series_is_dragged_away_with_its_exceptions_and_leaves_stubs() -> None:
    screen = Screen()
    world = screen.world
    screen.do("edit", screen.names[1], body={"summary": "Dance"})
    screen.do("delete", screen.names[2])
    before = screen.shown()
    token, single = world.token(), world.pages(singleEvents=True)[-1]["nextSyncToken"]
    there = screen.do("move_to", screen.id, destination="primary")
    assert (there["id"], there["recurrence"]) == (screen.id, screen.made["recurrence"])
    rows = world.google.events.list(world.sub, "primary", {"singleEvents": True, "orderBy": "startTime"})[
        "items"
    ]
    assert [(row["start"]["dateTime"][5:16], row["summary"]) for row in rows] == before
    stubs = {row["id"]: row for row in world.rows(syncToken=token)}
    assert set(stubs) == {screen.id, screen.names[1], screen.names[2]}
    assert {row["status"] for row in stubs.values()} == {"cancelled"}
    assert {*ids(world.rows(singleEvents=True, syncToken=single))} == {screen.id, *screen.names}
    for name in (screen.names[0], screen.names[3]):
        with pytest.raises(ApiError, match="404"):
            world.get(name)
    screen.person.move_to("primary", screen.id, world.calendar)
    assert screen.shown() == before


def test_a_series_does_not_overrun_an_instance_that_was_dragged_there_before() -> None:
    screen = Screen()
    screen.do("move_to", screen.names[1], destination="primary")
    screen.person.edit("primary", screen.names[1], {"summary": "Mine"})
    screen.do("move_to", screen.id, destination="primary")
    world = screen.world
    assert world.google.events.get(world.sub, "primary", screen.names[1])["summary"] == "Mine"
    rows = world.google.events.list(world.sub, "primary", {"singleEvents": True})["items"]
    assert sorted(ids(rows)) == screen.names


def test_a_deleted_series_leaves_room_for_an_event_of_an_instances_id() -> None:
    screen = Screen()
    screen.do("edit", screen.names[1], body={"summary": "Dance"})
    screen.do("move_to", screen.names[1], destination="primary")
    screen.do("delete", screen.id)
    back = screen.person.move_to("primary", screen.names[1], screen.world.calendar)
    assert (back["status"], "recurringEventId" in back) == ("confirmed", False)
    assert screen.row(screen.names[1]) == back


def test_only_ordinary_events_are_dragged_to_another_calendar() -> None:
    screen = Screen()
    away: Json = {"eventType": "outOfOffice", "outOfOfficeProperties": {}}
    made = screen.world.insert("primary", **timed("2026-03-10T10:00:00"), **away)
    with pytest.raises(ApiError, match="cannot be moved"):
        screen.person.move_to("primary", made["id"], screen.world.calendar)


def test_the_api_moves_a_series_as_a_whole_and_no_instance_alone() -> None:
    screen = Screen()
    screen.do("edit", screen.names[1], body={"summary": "Dance"})
    world, before = screen.world, screen.shown()
    move, query = world.google.transfers.move, {"destination": "primary"}
    for name in screen.names[:2]:
        answer = refusal(move, world.sub, world.calendar, name, query)
        assert answer[:2] == (400, "cannotChangeOrganizerOfInstance")
    assert move(world.sub, world.calendar, screen.id, query)["status"] == "cancelled"
    world.calendar = world.account.primary
    assert screen.shown() == before


# --- over the wire --------------------------------------------------------------------------------------


def test_scopes_and_invitations_are_actions_of_control(sandbox: Sandbox) -> None:
    account = sandbox.account()
    body = {**timed("2026-03-10T10:00:00"), "recurrence": ["RRULE:FREQ=WEEKLY"]}
    made = sandbox.user(account, "create", calendar="primary", body=body)
    name = made["id"] + "_20260317T090000Z"
    tail = sandbox.user(
        account, "edit", calendar="primary", event=name, body={"summary": "x"}, scope="following"
    )
    assert tail["id"] == made["id"] + "_R20260317T090000"
    invited = sandbox.user(account, "invite", calendar="primary", body=body, organizer="boss@example.com")
    answered = sandbox.user(account, "respond", calendar="primary", event=invited["id"], response="accepted")
    assert answered["attendees"][1]["responseStatus"] == "accepted"
    wrong = {"sub": account["sub"], "action": "delete", "calendar": "primary", "event": name, "scope": 5}
    assert sandbox.request("POST", "/control/user", wrong)[2] == {"error": "'scope' is a text, not 5"}
