"""Listing and sync tokens."""

from __future__ import annotations

import random

import pytest

from sandbox.google.calendar import Settings
from tests.sandbox.google.world import World, refusal


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


def test_a_listing_comes_in_pages_and_only_the_last_has_the_sync_token() -> None:
    world = World()
    made = [world.insert()["id"] for _ in range(7)]
    pages = world.pages(maxResults=3)
    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert ["nextSyncToken" in page for page in pages] == [False, False, True]
    assert ["nextPageToken" in page for page in pages] == [True, True, False]
    assert ids([row for page in pages for row in page["items"]]) == made


def test_a_full_page_at_the_very_end_has_no_page_after_it() -> None:
    world = World()
    for _ in range(4):
        world.insert()
    assert [len(page["items"]) for page in world.pages(maxResults=2)] == [2, 2]


def test_a_page_can_be_empty_although_rows_follow() -> None:
    world = World(Settings(empty_page_chance=1, short_page_chance=0))
    made = world.insert()["id"]
    pages = world.pages()
    assert [ids(page["items"]) for page in pages] == [[], [made]]


def test_a_page_can_be_short_although_rows_follow() -> None:
    world = World(Settings(empty_page_chance=0, short_page_chance=1))
    made = [world.insert()["id"] for _ in range(4)]
    pages = world.pages(maxResults=4)
    assert [len(page["items"]) for page in pages] == [2, 2]
    assert ids([row for page in pages for row in page["items"]]) == made


def test_empty_pages_come_by_default_and_the_same_seed_brings_the_same_ones() -> None:
    def shape(seed: int) -> list[int]:
        world = World(Settings(), seed)
        for _ in range(60):
            world.insert()
        return [len(page["items"]) for page in world.pages(maxResults=1)]

    assert 0 in shape(3)
    assert shape(3) == shape(3)
    assert sum(shape(3)) == 60


def test_a_delta_holds_the_latest_state_of_every_event_changed_since() -> None:
    world = World()
    untouched, edited, deleted = (world.insert()["id"] for _ in range(3))
    token = world.token()
    world.patch(edited, {"summary": "first"})
    world.patch(edited, {"summary": "second"})
    made = world.insert(summary="new")["id"]
    world.delete(deleted)
    rows = {row["id"]: row for row in world.rows(syncToken=token, showDeleted=True)}
    assert set(rows) == {edited, made, deleted}
    assert untouched not in rows
    assert rows[edited]["summary"] == "second"
    assert rows[deleted]["status"] == "cancelled"


def test_several_edits_collapse_to_one_row() -> None:
    world = World()
    edited = world.insert()["id"]
    token = world.token()
    for number in range(200):
        world.patch(edited, {"summary": str(number)})
    assert [row["summary"] for row in world.rows(syncToken=token)] == ["199"]


def test_ones_own_write_comes_back_in_the_next_delta() -> None:
    world = World()
    token = world.token()
    made = world.insert()
    assert world.rows(syncToken=token) == [made]


def test_an_empty_delta_ends_with_a_token_that_works() -> None:
    world = World()
    token = world.token()
    page = world.page(syncToken=token)
    assert page["items"] == []
    made = world.insert()["id"]
    assert ids(world.rows(syncToken=page["nextSyncToken"])) == [made]


def test_what_changes_while_one_pages_is_in_the_next_delta() -> None:
    world = World()
    made = [world.insert()["id"] for _ in range(4)]
    first = world.page(maxResults=2)
    world.patch(made[0], {"summary": "after it was listed"})
    world.patch(made[3], {"summary": "before it was listed"})
    late = world.insert()["id"]
    last = world.page(maxResults=2, pageToken=first["nextPageToken"])
    delta = world.rows(syncToken=last["nextSyncToken"])
    assert set(ids(delta)) == {made[0], made[3], late}


def test_what_changes_while_one_pages_through_a_delta_is_in_the_next_one() -> None:
    world = World()
    token = world.token()
    made = [world.insert()["id"] for _ in range(4)]
    first = world.page(maxResults=2, syncToken=token)
    world.delete(made[0])
    world.patch(made[3], {"summary": "moved to the end"})
    last = world.page(maxResults=2, syncToken=token, pageToken=first["nextPageToken"])
    delta = world.rows(syncToken=last["nextSyncToken"])
    assert {*ids(first["items"]), *ids(last["items"]), *ids(delta)} == set(made)
    assert set(ids(delta)) == {made[0], made[3]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeMin", "2026-01-01T00:00:00Z"),
        ("timeMax", "2026-01-01T00:00:00Z"),
        ("updatedMin", "2026-03-01T00:00:00Z"),
        ("q", "x"),
        ("orderBy", "updated"),
        ("iCalUID", "x"),
        ("privateExtendedProperty", ["a=b"]),
        ("sharedExtendedProperty", ["a=b"]),
        ("showDeleted", "false"),
    ],
)
def test_a_sync_token_goes_with_no_filter(name: str, value: object) -> None:
    world = World()
    token = world.token()
    assert refusal(world.page, syncToken=token, **{name: value})[:2] == (400, "badRequest")


@pytest.mark.parametrize("token", ["", "x", "AAAA", "CPDAlvWDx70CEPDAlvWDx70CGAU=", "ü"])
def test_a_malformed_sync_token_is_invalid(token: str) -> None:
    assert refusal(World().page, syncToken=token) == (400, "invalid", "Invalid sync token value.")


def test_a_sync_token_of_another_calendar_is_invalid() -> None:
    world = World()
    other = world.google.events.list(world.sub, "primary")["nextSyncToken"]
    assert refusal(world.page, syncToken=other) == (400, "invalid", "Invalid sync token value.")


def test_a_damaged_sync_token_is_invalid() -> None:
    world = World()
    token = world.token()
    damaged = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    assert refusal(world.page, syncToken=damaged)[2] == "Invalid sync token value."


def test_a_page_token_is_no_sync_token() -> None:
    world = World()
    world.insert()
    world.insert()
    token = world.page(maxResults=1)["nextPageToken"]
    assert refusal(world.page, syncToken=token)[2] == "Invalid sync token value."


def test_a_page_token_goes_with_the_parameters_it_came_from() -> None:
    world = World()
    world.insert()
    world.insert()
    token = world.page(maxResults=1)["nextPageToken"]
    assert refusal(world.page, pageToken=token, showDeleted=True)[0] == 400
    assert refusal(world.page, pageToken="x")[0] == 400
    assert len(world.page(pageToken=token)["items"]) == 1


def test_expired_sync_tokens_ask_for_a_full_listing() -> None:
    world = World()
    token = world.token()
    world.google.expire_sync_tokens(world.calendar)
    assert refusal(world.page, syncToken=token) == (
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
    )
    assert world.rows(syncToken=world.token()) == []


def test_sync_tokens_die_when_the_rights_change() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "Europe/Berlin")
    token = world.token()
    world.google.share(world.calendar, other.sub, "reader")
    assert refusal(world.page, syncToken=token)[1] == "fullSyncRequired"


def test_deleted_events_are_listed_when_asked_for() -> None:
    world = World()
    kept, gone = world.insert()["id"], world.insert(summary="gone")["id"]
    world.delete(gone)
    assert ids(world.rows()) == [kept]
    assert ids(world.rows(showDeleted=True)) == [kept, gone]
    assert world.rows(showDeleted="true")[1]["summary"] == "gone"


def test_a_delta_without_showdeleted_has_bare_tombstones() -> None:
    world = World()
    gone = world.insert(summary="gone")["id"]
    token = world.token()
    world.delete(gone)
    (row,) = world.rows(syncToken=token)
    assert row.keys() == {"kind", "etag", "id", "status"}
    (row,) = world.rows(syncToken=token, showDeleted=True)
    assert row["summary"] == "gone"


def test_the_window_bounds_are_exclusive_and_on_the_far_end() -> None:
    world = World()
    made = world.insert()["id"]  # 09:00 to 10:00 UTC
    assert ids(world.rows(timeMin="2026-03-10T09:59:59Z")) == [made]
    assert ids(world.rows(timeMin="2026-03-10T10:00:00Z")) == []
    assert ids(world.rows(timeMax="2026-03-10T09:00:01Z")) == [made]
    assert ids(world.rows(timeMax="2026-03-10T09:00:00Z")) == []


def test_an_all_day_event_is_in_the_window_by_the_calendars_zone() -> None:
    world = World()
    made = world.insert(start={"date": "2026-03-10"}, end={"date": "2026-03-11"})["id"]
    assert ids(world.rows(timeMax="2026-03-09T23:00:01Z")) == [made]
    assert ids(world.rows(timeMax="2026-03-09T23:00:00Z")) == []


def test_the_window_of_the_first_listing_does_not_hold_for_its_deltas() -> None:
    world = World()
    token = world.page(timeMin="2026-06-01T00:00:00Z")["nextSyncToken"]
    outside = world.insert()["id"]
    assert ids(world.rows(syncToken=token)) == [outside]


def test_a_window_bound_needs_an_offset() -> None:
    assert refusal(World().page, timeMin="2026-03-10T00:00:00")[0] == 400
    assert refusal(World().page, timeMin="soon")[0] == 400


def test_an_empty_window_is_refused() -> None:
    low, high = "2026-03-11T00:00:00Z", "2026-03-10T00:00:00Z"
    assert refusal(World().page, timeMin=low, timeMax=high)[1] == "timeRangeEmpty"


def test_updated_min_brings_deleted_events_too() -> None:
    world = World()
    old, gone = world.insert()["id"], world.insert()["id"]
    world.tick(60)
    world.delete(gone)
    assert ids(world.rows(updatedMin="2026-03-02T09:00:30Z")) == [gone]
    assert set(ids(world.rows(updatedMin="2026-03-02T09:00:00Z"))) == {old, gone}


def test_updated_min_too_long_ago_is_gone() -> None:
    answer = refusal(World().page, updatedMin="2026-01-01T00:00:00Z")
    assert answer[:2] == (410, "updatedMinTooLongAgo")


def test_max_results_is_clamped() -> None:
    world = World()
    for _ in range(3):
        world.insert()
    assert len(world.page(maxResults=0)["items"]) == 1
    assert len(world.page(maxResults="99999")["items"]) == 3
    assert refusal(world.page, maxResults="many")[1] == "invalidParameter"


def test_events_can_be_found_by_text_uid_type_and_property() -> None:
    world = World()
    made = world.insert(summary="Yoga", extendedProperties={"private": {"k": "1", "g": "2"}})
    world.insert(summary="Tea")
    for query in (
        {"q": "yoga"},
        {"iCalUID": made["iCalUID"]},
        {"privateExtendedProperty": ["k=1", "g=2"]},
        {"privateExtendedProperty": "k=1"},
    ):
        assert ids(world.rows(**query)) == [made["id"]]
    assert world.rows(privateExtendedProperty=["k=1", "g=3"]) == []
    assert world.rows(eventTypes=["outOfOffice"]) == []
    assert len(world.rows(eventTypes="default")) == 2


def test_an_ordered_listing_is_in_order_and_ends_without_a_sync_token() -> None:
    world = World()
    hours = ("12", "10", "11")
    for hour in hours:
        start, end = (f"2026-03-10T{hour}:{minute}:00Z" for minute in ("00", "30"))
        world.insert(summary=hour, start={"dateTime": start}, end={"dateTime": end})
        world.tick()
    pages = world.pages(orderBy="startTime", singleEvents=True, maxResults=2)
    assert [row["summary"] for page in pages for row in page["items"]] == ["10", "11", "12"]
    assert "nextSyncToken" not in pages[-1]
    assert [row["summary"] for row in world.rows(orderBy="updated", maxResults=1)] == list(hours)
    assert refusal(world.page, orderBy="startTime")[0] == 400


def test_a_listing_can_end_without_a_token_of_either_kind() -> None:
    world = World()
    world.google.settings = Settings(empty_page_chance=0, short_page_chance=0, withhold_sync_tokens=True)
    assert not {"nextSyncToken", "nextPageToken"} & world.page().keys()


def test_an_idle_calendar_keeps_its_sync_token_whatever_the_filters() -> None:
    world = World()
    world.insert()
    assert world.page(q="nothing")["nextSyncToken"] == world.token()
    world.google.events.insert(
        world.sub, "primary", {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    )
    assert world.page(syncToken=world.token())["nextSyncToken"] == world.token()


def test_a_delta_looks_only_at_what_changed() -> None:
    world = World()
    made = [world.insert()["id"] for _ in range(300)]
    token = world.token()
    world.patch(made[7], {"summary": "x"})
    history = world.google.calendar(world.calendar).history
    seen = list(history.changed_between(history.last - 1, history.last))
    assert [row.resource["id"] for row in seen] == [made[7]]
    assert len(world.rows(syncToken=token)) == 1
    for number in range(2000):
        world.patch(made[0], {"summary": str(number)})
    assert len(history._changes) < 800


class Mirror:
    """A client that keeps a copy of the calendar by sync tokens, one page at a time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.query: dict[str, object] = {"showDeleted": True, "maxResults": 3}
        self.copy: dict[str, object] = {}

    def step(self) -> bool:
        """Read one page; whether a listing ended with it."""
        page = self.world.page(**self.query)
        self.copy |= {row["id"]: row for row in page["items"]}
        if "nextPageToken" in page:
            self.query["pageToken"] = page["nextPageToken"]
            return False
        self.query.pop("pageToken", None)
        self.query["syncToken"] = page["nextSyncToken"]
        return True


@pytest.mark.parametrize("seed", range(40))
def test_a_client_that_follows_the_tokens_has_every_change(seed: int) -> None:
    world = World(Settings(empty_page_chance=0.3, short_page_chance=0.3), seed)
    rng, mirror, made = random.Random(seed), Mirror(world), [world.insert()["id"]]
    for number in range(150):
        choice = rng.random()
        if choice < 0.3:
            made.append(world.insert()["id"])
        elif choice < 0.5:
            world.patch(rng.choice(made), {"summary": str(number)})
        elif choice < 0.6 and world.get(gone := rng.choice(made))["status"] != "cancelled":
            world.delete(gone)
        else:
            mirror.step()
    ends = [mirror.step() for _ in range(500)]
    assert ends.count(True) > 2
    assert mirror.copy == {row["id"]: row for row in world.google.all_events(world.calendar)}
