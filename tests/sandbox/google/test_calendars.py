"""Calendars, lists of calendars, and who may do what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.google.calendar import Account
from tests.sandbox.google.recurring import series
from tests.sandbox.google.world import CALM, World, event, refusal


def shared(role: str) -> tuple[World, Account]:
    """A world whose secondary calendar another account sees with this role."""
    world = World()
    other = world.google.add_account("berta@example.com", "Europe/Berlin")
    world.google.share(world.calendar, other.sub, role)
    return world, other


def listed(world: World, sub: str | None = None, **query: Any) -> list[Any]:
    return list(world.google.calendar_list.list(sub or world.sub, query)["items"])


# --- calendars ------------------------------------------------------------------------------------------


def test_an_account_has_a_primary_calendar_named_by_its_email() -> None:
    world = World()
    primary = world.google.calendars.get(world.sub, "primary")
    assert primary == world.google.calendars.get(world.sub, "anna@example.com")
    assert (primary["id"], primary["timeZone"]) == ("anna@example.com", "Europe/Berlin")
    assert "dataOwner" not in primary


def test_a_calendar_made_is_owned_listed_and_of_its_own_kind() -> None:
    world = World()
    made = world.google.calendars.insert(world.sub, {"summary": "Plans", "description": "d"}, app="client-1")
    assert made["id"].endswith("@group.calendar.google.com")
    assert (made["kind"], made["timeZone"], made["dataOwner"]) == (
        "calendar#calendar",
        "UTC",
        "anna@example.com",
    )
    assert world.google.made_by(made["id"]) == "client-1"
    entry = world.google.calendar_list.get(world.sub, made["id"])
    assert (entry["accessRole"], entry["summary"]) == ("owner", "Plans")
    assert entry["etag"] != made["etag"]


def test_a_calendar_needs_a_title_and_a_known_zone() -> None:
    world = World()
    insert = world.google.calendars.insert
    assert refusal(insert, world.sub, {})[:2] == (400, "required")
    assert refusal(insert, world.sub, {"summary": "x", "timeZone": "Mars/Olympus"})[0] == 400
    assert refusal(insert, world.sub, {"summary": "x", "timeZone": "Europe/Kyiv"})[0] == 400
    assert refusal(insert, world.sub, [])[:2] == (400, "parseError")


def test_making_too_many_calendars_is_refused_and_deleting_gives_nothing_back() -> None:
    world = World(replace(CALM, calendars_per_account_max=2))
    made = world.google.calendars.insert(world.sub, {"summary": "second"})
    world.google.calendars.delete(world.sub, made["id"])
    answer = refusal(world.google.calendars.insert, world.sub, {"summary": "third"})
    assert answer == (403, "quotaExceeded", "Calendar usage limits exceeded.")


def test_a_patched_calendar_has_a_new_etag_unless_nothing_changed() -> None:
    world = World()
    patch = world.google.calendars.patch
    before = world.google.calendars.get(world.sub, world.calendar)
    assert patch(world.sub, world.calendar, {"summary": "Work"}) == before
    after = patch(world.sub, world.calendar, {"description": "mark"}, {}, before["etag"])
    assert after["etag"] != before["etag"]
    answer = refusal(patch, world.sub, world.calendar, {"summary": "x"}, {}, before["etag"])
    assert answer[0] == 412


def test_a_new_title_is_on_the_events_and_a_new_zone_in_their_times() -> None:
    world = World()
    timed = world.insert()["id"]
    token = world.token()
    world.google.calendars.patch(world.sub, world.calendar, {"summary": "Plans", "timeZone": "UTC"})
    assert world.get(timed)["organizer"]["displayName"] == "Plans"
    assert world.get(timed)["start"] == {"dateTime": "2026-03-10T09:00:00Z", "timeZone": "Europe/Berlin"}
    assert world.rows(syncToken=token) == []


def test_a_deleted_calendar_is_gone_for_everyone_and_marked_on_their_lists() -> None:
    world, other = shared("reader")
    made = world.insert()
    world.google.calendars.delete(world.sub, world.calendar)
    for sub in (world.sub, other.sub):
        assert refusal(world.google.calendars.get, sub, world.calendar)[0] == 404
        assert refusal(world.google.events.list, sub, world.calendar)[0] == 404
        assert refusal(world.google.events.get, sub, world.calendar, made["id"])[0] == 404
        assert refusal(world.google.calendar_list.get, sub, world.calendar)[0] == 404
        assert world.calendar not in [entry["id"] for entry in listed(world, sub)]
        (entry,) = (e for e in listed(world, sub, showDeleted=True) if e["id"] == world.calendar)
        assert entry["deleted"] is True


def test_a_primary_calendar_cannot_be_deleted() -> None:
    world = World()
    assert refusal(world.google.calendars.delete, world.sub, "primary")[0] == 403


def test_an_updated_calendar_keeps_what_the_body_says_and_its_zone() -> None:
    world = World()
    update = world.google.calendars.update
    world.google.calendars.patch(world.sub, world.calendar, {"description": "d", "location": "l"})
    before = world.google.calendars.get(world.sub, world.calendar)
    put = update(world.sub, world.calendar, {"summary": "Plans", "location": "l"}, {}, before["etag"])
    assert (put["summary"], put["location"], "description" in put) == ("Plans", "l", False)
    assert put["timeZone"] == "Europe/Berlin"
    assert update(world.sub, world.calendar, {"summary": "Plans", "location": "l"}) == put
    assert refusal(update, world.sub, world.calendar, {}, {}, before["etag"])[0] == 412
    assert refusal(update, world.sub, world.calendar, {})[:2] == (400, "required")
    assert refusal(update, world.sub, world.calendar, [])[:2] == (400, "parseError")


def test_a_primary_calendar_can_be_cleared_and_no_other() -> None:
    world = World()
    first = world.google.events.insert(world.sub, "primary", event())
    gone = world.google.events.insert(world.sub, "primary", event())
    world.google.events.delete(world.sub, "primary", gone["id"])
    token = world.google.events.list(world.sub, "primary")["nextSyncToken"]
    world.google.calendars.clear(world.sub, "primary")
    rows = world.google.events.list(world.sub, "primary", {"syncToken": token})["items"]
    assert [(row["id"], row["status"]) for row in rows] == [(first["id"], "cancelled")]
    assert refusal(world.google.calendars.clear, world.sub, world.calendar)[:2] == (400, "badRequest")
    other = world.google.add_account("berta@example.com", "UTC")
    world.google.share(world.account.primary, other.sub, "writer")
    answer = refusal(world.google.calendars.clear, other.sub, world.account.primary)
    assert answer[:2] == (403, "requiredAccessLevel")


def test_an_administrator_gives_a_calendar_another_data_owner_of_the_domain() -> None:
    world = World()
    add = world.google.add_account
    boss, old, new, far = (
        add(f"{name}@{domain}", "UTC", hosted_domain=domain)
        for name, domain in (("boss", "a.org"), ("old", "a.org"), ("new", "a.org"), ("far", "b.org"))
    )
    calendar = world.google.calendars.insert(old.sub, {"summary": "Team"})["id"]
    transfer = world.google.calendars.transfer
    good = {"newDataOwner": new.email, "useAdminAccess": "true"}
    assert refusal(transfer, boss.sub, calendar, good)[:2] == (403, "forbidden")
    world.google.settings = replace(CALM, administrators=frozenset({boss.sub, world.sub}))
    for sub, name, query, answer in (
        (boss.sub, calendar, {"newDataOwner": new.email}, (400, "invalidParameter")),
        (boss.sub, calendar, {**good, "useAdminAccess": "false"}, (400, "invalidParameter")),
        (boss.sub, calendar, {**good, "newDataOwner": far.email}, (400, "invalidParameter")),
        (boss.sub, calendar, {"useAdminAccess": True}, (400, "invalidParameter")),
        (boss.sub, "nowhere", good, (404, "notFound")),
        (boss.sub, world.calendar, good, (404, "notFound")),
        (boss.sub, old.primary, good, (400, "badRequest")),
        (world.sub, calendar, good, (403, "forbidden")),
    ):
        assert refusal(transfer, sub, name, query)[:2] == answer
    transfer(boss.sub, calendar, good)
    assert world.google.calendar_list.get(new.sub, calendar)["dataOwner"] == new.email
    assert refusal(world.google.calendar_list.delete, new.sub, calendar)[0] == 403
    assert world.google.role(old.sub, calendar) == "owner"
    world.google.calendar_list.delete(old.sub, calendar)


# --- rights ---------------------------------------------------------------------------------------------


def test_a_calendar_one_may_not_see_does_not_exist() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    for call, args in (
        (world.google.events.list, ()),
        (world.google.events.get, ("aaaaa",)),
        (world.google.events.insert, (event(),)),
        (world.google.calendars.get, ()),
        (world.google.calendars.delete, ()),
        (world.google.calendar_list.get, ()),
    ):
        answer = refusal(call, other.sub, world.calendar, *args)
        assert answer == (404, "notFound", "Not Found")


@pytest.mark.parametrize("role", ["freeBusyReader", "reader"])
def test_a_reader_cannot_write(role: str) -> None:
    world, other = shared(role)
    made = world.insert()
    events = world.google.events
    for call, args in (
        (events.insert, (event(),)),
        (events.patch, (made["id"], {})),
        (events.update, (made["id"], event())),
        (events.delete, (made["id"],)),
    ):
        assert refusal(call, other.sub, world.calendar, *args)[:2] == (403, "requiredAccessLevel")


def test_a_writer_writes_events_but_not_the_calendar() -> None:
    world, other = shared("writer")
    made = world.google.events.insert(other.sub, world.calendar, event())
    assert made["creator"] == {"email": "berta@example.com"}
    assert made["organizer"]["email"] == world.calendar
    patch = world.google.calendars.patch
    assert refusal(patch, other.sub, world.calendar, {"summary": "x"})[1] == "requiredAccessLevel"


def test_a_free_busy_reader_sees_times_only() -> None:
    world, other = shared("freeBusyReader")
    made = world.insert(summary="Tea", extendedProperties={"private": {"k": "1"}})
    (row,) = world.google.events.list(other.sub, world.calendar)["items"]
    assert not {"summary", "extendedProperties", "creator"} & row.keys()
    assert row["start"] == made["start"]


def test_a_free_busy_reader_sees_the_instances_of_a_series_and_not_the_series() -> None:
    world, other = shared("freeBusyReader")
    made = series(world, "RRULE:FREQ=DAILY;COUNT=3")
    call = world.google.events.list
    rows = call(other.sub, world.calendar)["items"]
    assert [row["recurringEventId"] for row in rows] == [made["id"]] * 3
    token = call(other.sub, world.calendar)["nextSyncToken"]
    world.delete(rows[1]["id"])
    changed = call(other.sub, world.calendar, {"syncToken": token})["items"]
    assert (rows[1]["id"], "cancelled") in [(row["id"], row["status"]) for row in changed]
    assert made["id"] not in [row["id"] for row in changed]


@pytest.mark.parametrize("role", ["reader", "writerWithoutPrivateAccess"])
def test_private_events_are_times_only_for_those_without_private_access(role: str) -> None:
    world, other = shared(role)
    open_, private = world.insert(summary="open"), world.insert(summary="secret", visibility="private")
    get = world.google.events.get
    assert get(other.sub, world.calendar, open_["id"])["summary"] == "open"
    seen = get(other.sub, world.calendar, private["id"])
    assert "summary" not in seen
    assert seen["visibility"] == "private"


def test_a_writer_without_private_access_changes_open_events_only() -> None:
    world, other = shared("writerWithoutPrivateAccess")
    open_, private = world.insert(), world.insert(visibility="confidential")
    patch = world.google.events.patch
    assert patch(other.sub, world.calendar, open_["id"], {"summary": "x"})["summary"] == "x"
    answer = refusal(patch, other.sub, world.calendar, private["id"], {"summary": "x"})
    assert answer[:2] == (403, "forbidden")


def test_access_can_be_taken_away() -> None:
    world, other = shared("writer")
    world.google.share(world.calendar, other.sub, None)
    assert refusal(world.google.events.list, other.sub, world.calendar)[0] == 404
    (entry,) = (e for e in listed(world, other.sub, showDeleted=True) if e["id"] == world.calendar)
    assert entry["deleted"] is True


def test_sharing_names_what_is_wrong() -> None:
    world, other = shared("reader")
    with pytest.raises(ValueError, match="no role"):
        world.google.share(world.calendar, other.sub, "boss")
    with pytest.raises(ValueError, match="no calendar"):
        world.google.share("nowhere", other.sub, "reader")
    with pytest.raises(ValueError, match="data owner"):
        world.google.share(world.calendar, world.sub, "reader")


# --- the list -------------------------------------------------------------------------------------------


def test_the_list_has_the_primary_and_the_secondary_calendars() -> None:
    world = World()
    primary, work = listed(world)
    assert (primary["primary"], primary["accessRole"]) == (True, "owner")
    assert "primary" not in work
    assert work["id"] == world.calendar


def test_default_reminders_are_those_of_ones_own_list() -> None:
    world = World()
    reminders = [{"method": "email", "minutes": 5}]
    world.google.calendar_list.patch(world.sub, world.calendar, {"defaultReminders": reminders})
    assert world.page()["defaultReminders"] == reminders


def test_the_list_comes_in_pages() -> None:
    world = World()
    first = world.google.calendar_list.list(world.sub, {"maxResults": 1})
    last = world.google.calendar_list.list(world.sub, {"maxResults": 1, "pageToken": first["nextPageToken"]})
    assert [entry["id"] for entry in first["items"] + last["items"]] == ["anna@example.com", world.calendar]
    assert "nextSyncToken" in last


def test_hidden_entries_are_listed_when_asked_for() -> None:
    world = World()
    hidden = world.google.calendar_list.patch(world.sub, world.calendar, {"hidden": True, "colorId": "3"})
    assert (hidden["hidden"], hidden["colorId"]) == (True, "3")
    assert len(listed(world)) == 1
    assert len(listed(world, showHidden=True)) == 2


def test_the_list_can_be_cut_by_role() -> None:
    world, other = shared("reader")
    assert len(listed(world, other.sub, minAccessRole="reader")) == 2
    assert len(listed(world, other.sub, minAccessRole="writer")) == 1
    assert refusal(listed, world, other.sub, minAccessRole="boss")[0] == 400


def test_a_delta_of_the_list_has_hidden_and_deleted_entries() -> None:
    world, other = shared("reader")
    token = world.google.calendar_list.list(other.sub)["nextSyncToken"]
    assert listed(world, other.sub, syncToken=token) == []
    world.google.calendars.patch(world.sub, world.calendar, {"summary": "read-only news is none"})
    assert listed(world, other.sub, syncToken=token) == []
    world.google.calendar_list.patch(other.sub, world.calendar, {"hidden": True})
    assert [entry["hidden"] for entry in listed(world, other.sub, syncToken=token)] == [True]
    world.google.calendar_list.delete(other.sub, world.calendar)
    assert [entry["deleted"] for entry in listed(world, other.sub, syncToken=token)] == [True]
    for name, value in (("minAccessRole", "reader"), ("showDeleted", False), ("showHidden", "false")):
        assert refusal(listed, world, other.sub, syncToken=token, **{name: value})[0] == 400


def test_a_sync_token_of_anothers_list_is_invalid() -> None:
    world, other = shared("reader")
    token = world.google.calendar_list.list(other.sub)["nextSyncToken"]
    assert refusal(listed, world, syncToken=token)[2] == "Invalid sync token value."


def test_the_data_owner_cannot_take_a_calendar_off_the_list() -> None:
    world, other = shared("writer")
    answer = refusal(world.google.calendar_list.delete, world.sub, world.calendar)
    assert answer[0] == 403
    assert answer[2].startswith("The data owner of a calendar cannot remove")
    world.google.calendar_list.delete(other.sub, world.calendar)
    assert world.google.events.list(other.sub, world.calendar)["items"] == []


def test_a_list_entry_patched_to_the_same_keeps_its_etag() -> None:
    world = World()
    patch = world.google.calendar_list.patch
    before = world.google.calendar_list.get(world.sub, world.calendar)
    assert patch(world.sub, world.calendar, {"hidden": False, "summary": "read only"}) == before
    named = patch(world.sub, world.calendar, {"summaryOverride": "Mine"}, {}, before["etag"])
    assert named["summaryOverride"] == "Mine"
    assert refusal(patch, world.sub, world.calendar, {"colorId": "2"}, {}, before["etag"])[0] == 412


def test_a_calendar_is_put_on_the_list_by_its_id() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    insert = world.google.calendar_list.insert
    assert refusal(insert, other.sub, {"id": world.calendar})[:2] == (404, "notFound")
    assert refusal(insert, other.sub, {"summary": "x"})[:2] == (400, "required")
    assert refusal(insert, other.sub, [])[:2] == (400, "parseError")
    again = insert(world.sub, {"id": world.calendar, "selected": True})
    assert (again["selected"], len(listed(world))) == (True, 2)


def test_an_updated_entry_keeps_what_the_body_says_and_its_colour() -> None:
    world = World()
    entries = world.google.calendar_list
    entries.patch(world.sub, world.calendar, {"colorId": "3", "summaryOverride": "x", "hidden": True})
    reminders = [{"method": "popup", "minutes": 40_320}]
    put = entries.update(world.sub, world.calendar, {"defaultReminders": reminders, "summary": "read only"})
    assert (put["colorId"], put["defaultReminders"], put["summary"]) == ("3", reminders, "Work")
    assert not {"summaryOverride", "hidden"} & put.keys()
    assert refusal(entries.update, world.sub, world.calendar, {}, {}, '"1"')[0] == 412


def test_notifications_are_kept_and_null_clears_them() -> None:
    world = World()
    patch = world.google.calendar_list.patch
    told = {"notifications": [{"type": "agenda", "method": "email"}]}
    assert patch(world.sub, "primary", {"notificationSettings": told})["notificationSettings"] == told
    cleared = patch(world.sub, "primary", {"notificationSettings": None, "defaultReminders": None})
    assert ("notificationSettings" in cleared, cleared["defaultReminders"]) == (False, [])


@pytest.mark.parametrize(
    "body",
    [
        {"hidden": "true"},
        {"selected": 1},
        {"summaryOverride": 5},
        {"defaultReminders": {}},
        {"defaultReminders": [5]},
        {"defaultReminders": [{"method": "sms", "minutes": 5}]},
        {"defaultReminders": [{"method": "email", "minutes": -1}]},
        {"defaultReminders": [{"method": "email", "minutes": 40_321}]},
        {"defaultReminders": [{"method": "email", "minutes": True}]},
        {"defaultReminders": [{"method": "email"}]},
        {"notificationSettings": []},
        {"notificationSettings": {"notifications": {}}},
        {"notificationSettings": {"notifications": ["agenda"]}},
        {"notificationSettings": {"notifications": [{"type": "moon", "method": "email"}]}},
        {"notificationSettings": {"notifications": [{"type": "agenda", "method": "sms"}]}},
    ],
)
def test_an_entry_that_cannot_be_is_refused(body: Any) -> None:
    world = World()
    entries = world.google.calendar_list
    for call in (entries.patch, entries.update):
        assert refusal(call, world.sub, world.calendar, body)[:2] == (400, "invalid")


def test_the_list_can_be_cut_to_ones_own_organization() -> None:
    world = World()
    one, two, far = (
        world.google.add_account(f"{name}@{domain}", "UTC", hosted_domain=domain)
        for name, domain in (("one", "a.org"), ("two", "a.org"), ("far", "b.org"))
    )
    for other in (two, far):
        world.google.share(other.primary, one.sub, "reader")
    world.google.share(one.primary, world.sub, "reader")
    assert [e["id"] for e in listed(world, one.sub, showOwnOrganizationOnly=True)] == [
        one.primary,
        two.primary,
    ]
    assert one.primary not in [e["id"] for e in listed(world, showOwnOrganizationOnly=True)]


def test_the_primary_calendar_cannot_be_taken_off_the_list() -> None:
    world = World()
    answer = refusal(world.google.calendar_list.delete, world.sub, "primary")
    assert answer[:2] == (403, "cannotChangeOwnPrimarySubscription")


# --- accounts -------------------------------------------------------------------------------------------


def test_accounts_name_what_is_wrong() -> None:
    world = World()
    for email, zone, what in (
        ("anna@example.com", "UTC", "taken"),
        ("anna", "UTC", "no e-mail"),
        ("c@example.com", "Mars/Olympus", "no time zone"),
        ("c@example.com", "Europe/Kyiv", "no time zone"),
    ):
        with pytest.raises(ValueError, match=what):
            world.google.add_account(email, zone)
