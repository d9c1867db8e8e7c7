"""What a calendar service must do, said once for the fake and for the real adapter over HTTP.

`model` is the fake that simulations use; `server` is the real adapter against the sandbox's Google. What
only a wire can do wrong comes last.
"""

from __future__ import annotations

import random
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pytest
import requests

from sandbox.google.calendar import GoogleCalendar
from sandbox.google.store import changed_settings
from sandbox.google.user import Person
from shared.adapters.google_calendar import GoogleCalendarService, GoogleCalls, google_credentials
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError
from shared.core.model import Event, Kind, Marker, What, When, all_day
from shared.ports import (
    CalendarEntry,
    CalendarService,
    Channel,
    CursorLostError,
    EventPage,
    EventWrite,
    GoneError,
    NewChannel,
    RefusedError,
    TakenError,
)
from tests.fakes.calendar import FakeCalendarService
from tests.fakes.clock import START, FakeClock
from tests.sandbox.google.hook import listening
from tests.servers import server

Json = dict[str, Any]
DENVER = ZoneInfo("America/Denver")
PAGES_MAX = 50


def span(hour: int, hours: int = 1) -> When:
    begin = START + timedelta(hours=hour)
    return When(begin, begin + timedelta(hours=hours))


NINE = span(1)
MARKER = Marker("calendarkey", "itemkey", 0)
WRITE = EventWrite(NINE, What("C-1001"), Kind.CLIENT, MARKER)
TIMED = {
    "start": {"dateTime": "2026-03-02T09:00:00Z"},
    "end": {"dateTime": "2026-03-02T10:00:00Z"},
}


# --- two worlds -----------------------------------------------------------------------------------------


class World(Protocol):
    """One person's account: our side of it, and what its owner and Google do there."""

    service: CalendarService
    email: str
    of_another_account: CalendarService

    def person(self, action: str, **arguments: Any) -> Json: ...
    def person_of_another_account(self, action: str, **arguments: Any) -> Json: ...
    def share(self, calendar_id: str, role: str | None) -> None:
        """One of the other account's calendars."""

    def settings(self, **values: Any) -> None: ...
    def expire_cursors(self, calendar_id: str) -> None: ...


class ModelWorld:
    def __init__(self) -> None:
        self.google = GoogleCalendar(FakeClock().now, random.Random(7))
        account = self.google.add_account("robin@example.org", "America/Denver")
        self.email, self._sub = account.email, account.sub
        self._other = self.google.add_account("kim@example.org", "Europe/Berlin").sub
        self.service: CalendarService = FakeCalendarService(self.google, account.sub, zone=DENVER)
        self.of_another_account: CalendarService = FakeCalendarService(self.google, self._other, zone=DENVER)

    def person(self, action: str, **arguments: Any) -> Json:
        result: Json | None = getattr(Person(self.google, self._sub), action)(**arguments)
        return result or {}

    def person_of_another_account(self, action: str, **arguments: Any) -> Json:
        result: Json | None = getattr(Person(self.google, self._other), action)(**arguments)
        return result or {}

    def share(self, calendar_id: str, role: str | None) -> None:
        self.google.share(calendar_id, self._sub, role)

    def settings(self, **values: Any) -> None:
        self.google.settings = changed_settings(self.google.settings, values)

    def expire_cursors(self, calendar_id: str) -> None:
        self.google.expire_sync_tokens(calendar_id)


class ServerWorld:
    """An account of its own on a server that other tests use too."""

    def __init__(self, address: str) -> None:
        self.address = address
        name = uuid.uuid4().hex[:12]
        self.email = f"robin.{name}@example.org"
        self.grant = self.control("accounts", email=self.email, time_zone="America/Denver")
        other = self.control("accounts", email=f"kim.{name}@example.org", time_zone="Europe/Berlin")
        self._other = other["sub"]
        self._open: list[GoogleCalls] = []
        self.service: CalendarService = self.connect()
        self.of_another_account: CalendarService = self.connect(**other)

    def close(self) -> None:
        for calls in self._open:
            calls.close()

    def connect(
        self, address: str | None = None, *, timeout_seconds: float = 20, **changed: Any
    ) -> GoogleCalendarService:
        address = address or self.address
        grant = {**self.grant, **changed}
        names = ("refresh_token", "client_id", "client_secret")
        credentials = google_credentials(
            token_uri=f"{address}/token", **{name: grant[name] for name in names}
        )
        endpoint = f"{address}/calendar/v3/"
        calls = GoogleCalls(credentials, api_endpoint=endpoint, timeout_seconds=timeout_seconds)
        self._open.append(calls)
        return GoogleCalendarService(calls, zone=DENVER)

    def control(self, what: str, **data: Any) -> Json:
        answer = requests.post(f"{self.address}/control/{what}", json=data, timeout=10)
        assert answer.ok, answer.text
        result: Json = answer.json()
        return result

    def person(self, action: str, **arguments: Any) -> Json:
        return self.control("user", sub=self.grant["sub"], action=action, **arguments)

    def person_of_another_account(self, action: str, **arguments: Any) -> Json:
        return self.control("user", sub=self._other, action=action, **arguments)

    def share(self, calendar_id: str, role: str | None) -> None:
        self.person_of_another_account(
            "share_calendar", calendar=calendar_id, account=self.grant["sub"], role=role
        )

    def settings(self, **values: Any) -> None:
        self.control("settings", **values)

    def expire_cursors(self, calendar_id: str) -> None:
        self.control("expire-sync-tokens", calendar=calendar_id)

    def fault(self, operation: str, **fault: Any) -> None:
        self.control("faults", operation=operation, **fault)

    def requests(self) -> list[Json]:
        """All that this account asked of the API."""
        asked = requests.get(f"{self.address}/control/requests", timeout=10).json()["requests"]
        return [each for each in asked if each["sub"] == self.grant["sub"]]


@pytest.fixture(scope="session")
def google_server() -> Iterator[str]:
    with server("sandbox.google", "--now", START.isoformat()) as address:
        yield address


@pytest.fixture
def wire(google_server: str) -> Iterator[ServerWorld]:
    """The real adapter on a server whose faults and settings are back to none afterwards."""
    settings = requests.get(f"{google_server}/control/settings", timeout=10).json()
    world = ServerWorld(google_server)
    yield world
    world.close()
    requests.delete(f"{google_server}/control/faults", timeout=10)
    world.settings(**settings)


@pytest.fixture(params=["model", "server"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "model":
        return ModelWorld()
    found: World = request.getfixturevalue("wire")
    return found


def add_calendar(world: World) -> str:
    return world.service.add_calendar("Appointments", "mark", "America/Denver").id


@pytest.fixture
def calendar(world: World) -> str:
    return add_calendar(world)


def listing(service: CalendarService, calendar_id: str, cursor: str | None = None) -> EventPage:
    """All pages as one."""
    events: list[Event] = []
    page: str | None = None
    for _ in range(PAGES_MAX):
        got = service.events(calendar_id, cursor=cursor, page=page)
        events += got.events
        page = got.next_page
        if page is None:
            return EventPage(tuple(events), None, got.cursor)
        assert got.cursor is None, "the cursor comes on the last page only"
    raise AssertionError("the listing did not end")


def read(service: CalendarService, calendar_id: str, event_id: str) -> Event:
    event = service.event(calendar_id, event_id)
    assert event is not None
    return event


# --- calendars ------------------------------------------------------------------------------------------


def test_a_calendar_that_was_made_is_on_the_list(world: World) -> None:
    made = world.service.add_calendar("Appointments", "a mark", "America/Denver")
    assert made == CalendarEntry(
        made.id, "Appointments", "a mark", owner=True, primary=False, zone="America/Denver"
    )
    assert made in list(world.service.entries())
    assert world.service.calendar(made.id) == made


def test_the_list_has_the_accounts_own_calendars_and_shared_ones_with_their_right(world: World) -> None:
    shared = world.person_of_another_account("create_calendar", summary="Team", time_zone="Asia/Tokyo")["id"]
    world.share(shared, "reader")
    entries = {entry.id: entry for entry in world.service.entries()}
    own = CalendarEntry(world.email, world.email, "", owner=True, primary=True, zone="America/Denver")
    assert entries[world.email] == own
    team = CalendarEntry(shared, "Team", "", owner=False, primary=False, zone="Asia/Tokyo")
    assert entries[shared] == team


def test_a_calendar_goes_by_what_its_person_calls_it(world: World, calendar: str) -> None:
    world.person("nickname_calendar", calendar=calendar, summary="My days")
    assert world.service.calendar(calendar).name == "My days"


def test_a_deleted_calendar_is_on_no_list_and_gone(world: World, calendar: str) -> None:
    world.person("delete_calendar", calendar=calendar)
    assert calendar not in [entry.id for entry in world.service.entries()]
    with pytest.raises(GoneError):
        world.service.calendar(calendar)


def test_a_calendar_that_never_was_is_gone(world: World) -> None:
    with pytest.raises(GoneError):
        world.service.calendar("nobody@group.calendar.google.com")


def test_a_calendar_in_a_zone_google_does_not_know_is_rejected(world: World) -> None:
    with pytest.raises(RejectedError):
        world.service.add_calendar("Appointments", "mark", "Europe/Nowhere")


# --- listing --------------------------------------------------------------------------------------------


def test_a_listing_has_every_event_and_every_tombstone(world: World, calendar: str) -> None:
    kept = world.service.create(calendar, "aaaaa", WRITE)
    deleted = world.service.create(calendar, "bbbbb", WRITE)
    world.service.delete(calendar, deleted)
    found = {event.id: event for event in listing(world.service, calendar).events}
    assert found["aaaaa"] == kept
    assert (found["bbbbb"].cancelled, len(found)) == (True, 2)


def test_a_delta_has_what_changed_since_the_cursor_and_nothing_else(world: World, calendar: str) -> None:
    world.service.create(calendar, "aaaaa", WRITE)
    changed = world.service.create(calendar, "bbbbb", WRITE)
    cursor = listing(world.service, calendar).cursor
    assert listing(world.service, calendar, cursor).events == ()
    world.person("edit", calendar=calendar, event="bbbbb", body={"summary": "by hand"})
    made = world.person("create", calendar=calendar, body={"summary": "new", **TIMED})["id"]
    delta = listing(world.service, calendar, cursor)
    assert {event.id for event in delta.events} == {changed.id, made}
    assert listing(world.service, calendar, delta.cursor).events == ()


def test_a_deletion_by_hand_is_a_tombstone_in_the_delta(world: World, calendar: str) -> None:
    world.service.create(calendar, "aaaaa", WRITE)
    cursor = listing(world.service, calendar).cursor
    world.person("delete", calendar=calendar, event="aaaaa")
    [event] = listing(world.service, calendar, cursor).events
    assert (event.id, event.cancelled) == ("aaaaa", True)


def test_a_bare_tombstone_has_no_time(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    world.service.delete(calendar, event)
    world.settings(bare_tombstones=True)
    [tombstone] = listing(world.service, calendar).events
    assert (tombstone.cancelled, tombstone.when, tombstone.marker) == (True, None, None)


def test_a_page_may_be_empty_while_rows_follow(world: World, calendar: str) -> None:
    world.service.create(calendar, "aaaaa", WRITE)
    world.settings(empty_page_chance=1.0)
    first = world.service.events(calendar, cursor=None, page=None)
    assert (first.events, first.cursor) == ((), None)
    assert first.next_page is not None
    assert [event.id for event in listing(world.service, calendar).events] == ["aaaaa"]


def test_a_listing_may_end_without_a_cursor(world: World, calendar: str) -> None:
    world.settings(withhold_sync_tokens=True)
    page = listing(world.service, calendar)
    assert (page.next_page, page.cursor) == (None, None)


def test_a_recurring_event_comes_as_its_master(world: World, calendar: str) -> None:
    body = {"summary": "weekly", "recurrence": ["RRULE:FREQ=WEEKLY"], **TIMED}
    world.person("create", calendar=calendar, body=body)
    [event] = listing(world.service, calendar).events
    assert (event.what.recurring, event.series, event.when) == (True, True, NINE)


@pytest.mark.parametrize("cursor", ["no such cursor", "expired"])
def test_a_cursor_that_is_no_longer_taken_is_lost(world: World, calendar: str, cursor: str) -> None:
    if cursor == "expired":
        cursor = listing(world.service, calendar).cursor or ""
        world.expire_cursors(calendar)
    with pytest.raises(CursorLostError):
        world.service.events(calendar, cursor=cursor, page=None)


def test_a_listing_of_a_calendar_that_is_gone(world: World, calendar: str) -> None:
    cursor = listing(world.service, calendar).cursor
    world.person("delete_calendar", calendar=calendar)
    for old in (None, cursor):
        with pytest.raises(GoneError):
            world.service.events(calendar, cursor=old, page=None)


def test_a_calendar_taken_away_is_gone(world: World) -> None:
    shared = world.person_of_another_account("create_calendar", summary="Team")["id"]
    world.share(shared, "owner")
    world.service.events(shared, cursor=None, page=None)
    world.share(shared, None)
    with pytest.raises(GoneError):
        world.service.events(shared, cursor=None, page=None)


# --- one event ------------------------------------------------------------------------------------------


def test_an_event_is_read_as_it_was_written(world: World, calendar: str) -> None:
    what = What("C-1001", "two\nlines", "Room 1", busy=False)
    created = world.service.create(calendar, "aaaaa", replace(WRITE, what=what))
    assert (created.when, created.what, created.marker, created.series) == (NINE, what, MARKER, False)
    assert read(world.service, calendar, "aaaaa") == created


def test_an_all_day_event_is_read_as_days(world: World, calendar: str) -> None:
    days = all_day(date(2026, 3, 2), date(2026, 3, 4))
    created = world.service.create(calendar, "aaaaa", replace(WRITE, when=days))
    assert created.when == days


def test_a_tombstone_is_read(world: World, calendar: str) -> None:
    world.service.delete(calendar, world.service.create(calendar, "aaaaa", WRITE))
    assert read(world.service, calendar, "aaaaa").cancelled


def test_an_event_that_never_was_is_none(world: World, calendar: str) -> None:
    assert world.service.event(calendar, "aaaaa") is None


def test_an_event_of_a_calendar_that_is_gone_is_not_none(world: World, calendar: str) -> None:
    world.service.create(calendar, "aaaaa", WRITE)
    world.person("delete_calendar", calendar=calendar)
    for event_id in ("aaaaa", "bbbbb"):
        with pytest.raises(GoneError):
            world.service.event(calendar, event_id)


def test_an_event_made_by_hand_is_read(world: World, calendar: str) -> None:
    made = world.person("create", calendar=calendar, body={"transparency": "transparent", **TIMED})
    event = read(world.service, calendar, made["id"])
    assert event.what == What("", busy=False, private=False)
    assert (event.when, event.marker) == (NINE, None)


# --- creating -------------------------------------------------------------------------------------------


def test_an_id_is_taken_by_a_live_event(world: World, calendar: str) -> None:
    world.service.create(calendar, "aaaaa", WRITE)
    with pytest.raises(TakenError):
        world.service.create(calendar, "aaaaa", replace(WRITE, what=What("other")))
    assert read(world.service, calendar, "aaaaa").what == WRITE.what


def test_a_deleted_id_stays_taken(world: World, calendar: str) -> None:
    world.service.delete(calendar, world.service.create(calendar, "aaaaa", WRITE))
    with pytest.raises(TakenError):
        world.service.create(calendar, "aaaaa", WRITE)


def test_nothing_is_created_in_a_calendar_that_is_gone(world: World, calendar: str) -> None:
    world.person("delete_calendar", calendar=calendar)
    with pytest.raises(GoneError):
        world.service.create(calendar, "aaaaa", WRITE)


def test_an_event_google_does_not_take_is_rejected(world: World, calendar: str) -> None:
    with pytest.raises(RejectedError):
        world.service.create(calendar, "not-an-id", WRITE)


# --- changing -------------------------------------------------------------------------------------------


def test_a_change_of_time_leaves_the_rest(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    moved = world.service.update(calendar, event, EventWrite(span(5, 2)))
    assert (moved.when, moved.what, moved.marker) == (span(5, 2), event.what, MARKER)
    assert moved.version != event.version
    assert read(world.service, calendar, "aaaaa") == moved


def test_an_event_becomes_all_day_and_timed_again(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    days = all_day(date(2026, 3, 3), date(2026, 3, 4))
    event = world.service.update(calendar, event, EventWrite(days))
    assert event.when == days
    assert world.service.update(calendar, event, EventWrite(NINE)).when == NINE


def test_a_client_event_that_was_edited_by_hand_is_put_back_whole(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    edit = {
        "summary": "x",
        "description": "y",
        "location": "z",
        "transparency": "transparent",
        "visibility": "public",
    }
    world.person("edit", calendar=calendar, event="aaaaa", body=edit)
    world.person("repeat", calendar=calendar, event="aaaaa", rules=["RRULE:FREQ=DAILY"])
    edited = read(world.service, calendar, "aaaaa")
    assert edited.what == What("x", "y", "z", busy=False, private=False, recurring=True)
    assert world.service.update(calendar, edited, EventWrite(what=event.what)).what == event.what


def test_of_a_personal_event_only_summary_and_busy_are_written(world: World, calendar: str) -> None:
    body = {"summary": "Dentist", "description": "mine", "location": "there", "visibility": "public", **TIMED}
    made = world.person("create", calendar=calendar, body=body)["id"]
    event = read(world.service, calendar, made)
    write = EventWrite(what=What("Doctor", busy=False), kind=Kind.PERSONAL)
    changed = world.service.update(calendar, event, write)
    assert changed.what == What("Doctor", "mine", "there", busy=False, private=False)


def test_a_marker_is_put_on_an_event_made_by_hand(world: World, calendar: str) -> None:
    made = world.person("create", calendar=calendar, body={"summary": "Dentist", **TIMED})["id"]
    event = read(world.service, calendar, made)
    marked = world.service.update(calendar, event, EventWrite(marker=MARKER))
    assert (marked.marker, marked.what) == (MARKER, event.what)


def test_a_change_of_nothing_changes_nothing(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    assert world.service.update(calendar, event, WRITE) == event


def test_a_change_over_an_older_version_is_stale_and_not_made(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    world.person("edit", calendar=calendar, event="aaaaa", body={"summary": "by hand"})
    with pytest.raises(StaleError) as raised:
        world.service.update(calendar, event, EventWrite(span(5)))
    assert not isinstance(raised.value, GoneError)
    now = read(world.service, calendar, "aaaaa")
    assert (now.when, now.what.summary) == (NINE, "by hand")


def test_a_change_of_what_is_not_there_finds_it_gone(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    with pytest.raises(GoneError):
        world.service.update(calendar, replace(event, id="bbbbb"), WRITE)


def test_an_event_google_does_not_let_be_changed_is_rejected(world: World, calendar: str) -> None:
    body = {"summary": "Flight", "eventType": "fromGmail", **TIMED}
    made = world.person("create", calendar=calendar, body=body)["id"]
    event = read(world.service, calendar, made)
    with pytest.raises(RejectedError):
        world.service.update(calendar, event, WRITE)


# --- restoring, deleting, unmarking ---------------------------------------------------------------------


def deleted_by_hand(world: World, calendar: str) -> Event:
    world.service.create(calendar, "aaaaa", WRITE)
    world.person("delete", calendar=calendar, event="aaaaa")
    return read(world.service, calendar, "aaaaa")


def test_a_deleted_event_is_brought_back_under_its_id(world: World, calendar: str) -> None:
    tombstone = deleted_by_hand(world, calendar)
    write = EventWrite(span(5), What("C-2002"), Kind.CLIENT, replace(MARKER, generation=1))
    restored = world.service.restore(calendar, tombstone, write)
    assert (restored.id, restored.cancelled, restored.when) == ("aaaaa", False, span(5))
    assert (restored.what, restored.marker) == (What("C-2002"), replace(MARKER, generation=1))
    assert read(world.service, calendar, "aaaaa") == restored


def test_google_may_refuse_to_bring_an_event_back(world: World, calendar: str) -> None:
    tombstone = deleted_by_hand(world, calendar)
    world.settings(revive="forbidden")
    with pytest.raises(RefusedError):
        world.service.restore(calendar, tombstone, WRITE)


def test_what_has_no_tombstone_any_more_cannot_be_brought_back(world: World, calendar: str) -> None:
    tombstone = deleted_by_hand(world, calendar)
    with pytest.raises(RefusedError):
        world.service.restore(calendar, replace(tombstone, id="bbbbb"), WRITE)


def test_an_event_that_came_back_meanwhile_is_not_brought_back_over_it(world: World, calendar: str) -> None:
    tombstone = deleted_by_hand(world, calendar)
    world.person("undelete", calendar=calendar, event="aaaaa")
    with pytest.raises(StaleError):
        world.service.restore(calendar, tombstone, EventWrite(span(5)))
    assert read(world.service, calendar, "aaaaa").when == NINE


def test_deleting_what_is_already_gone_is_success(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    world.service.delete(calendar, event)
    world.service.delete(calendar, event)
    world.service.delete(calendar, replace(event, id="bbbbb"))
    world.person("delete_calendar", calendar=calendar)
    world.service.delete(calendar, event)


def test_a_deletion_over_an_older_version_is_stale_and_not_made(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    world.person("edit", calendar=calendar, event="aaaaa", body={"summary": "by hand"})
    with pytest.raises(StaleError):
        world.service.delete(calendar, event)
    assert not read(world.service, calendar, "aaaaa").cancelled


def test_a_copy_loses_our_properties_and_nothing_else(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    made = world.person("duplicate", calendar=calendar, event="aaaaa")["id"]
    copy = read(world.service, calendar, made)
    assert copy.marker == MARKER
    plain = world.service.unmark(calendar, copy)
    assert (plain.marker, plain.what, plain.when) == (None, event.what, event.when)
    assert read(world.service, calendar, "aaaaa").marker == MARKER


def test_unmarking_is_over_the_version_that_was_read(world: World, calendar: str) -> None:
    event = world.service.create(calendar, "aaaaa", WRITE)
    world.person("edit", calendar=calendar, event="aaaaa", body={"summary": "by hand"})
    with pytest.raises(StaleError):
        world.service.unmark(calendar, event)
    with pytest.raises(GoneError):
        world.service.unmark(calendar, replace(event, id="bbbbb"))


# --- channels -------------------------------------------------------------------------------------------

HOUR = 3600
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)
"""More than a test takes, where the clock runs."""


def new_channel(**changed: Any) -> NewChannel:
    """Nobody listens where its messages go."""
    channel = NewChannel(uuid.uuid4().hex, "https://127.0.0.1:9/google", "a token", HOUR)
    return replace(channel, **changed)


def test_a_channel_is_made_under_our_id_and_says_when_it_ends(world: World, calendar: str) -> None:
    wanted = new_channel()
    channel = world.service.watch(calendar, wanted)
    assert channel.id == wanted.id
    assert channel.resource_id
    assert timedelta() <= channel.expires - START - timedelta(seconds=HOUR) < MINUTE


def test_a_channel_may_end_sooner_than_was_asked_for(world: World, calendar: str) -> None:
    channel = world.service.watch(calendar, new_channel(ttl_seconds=30 * 24 * HOUR))
    assert timedelta() <= channel.expires - START - WEEK < MINUTE


def test_channels_of_one_calendar_overlap_and_end_one_by_one(world: World, calendar: str) -> None:
    old = world.service.watch(calendar, new_channel())
    new = world.service.watch(calendar, new_channel())
    assert (old.resource_id, old.id != new.id) == (new.resource_id, True)
    world.service.stop(old)
    world.service.stop(new)


def test_an_id_that_was_used_before_is_taken_though_its_channel_was_stopped(
    world: World, calendar: str
) -> None:
    wanted = new_channel()
    world.service.stop(world.service.watch(calendar, wanted))
    with pytest.raises(TakenError):
        world.service.watch(calendar, wanted)


def test_a_calendar_that_cannot_be_watched_is_told_from_all_else(world: World, calendar: str) -> None:
    world.settings(unwatchable=[world.email])
    with pytest.raises(RejectedError, match="google_not_watchable"):
        world.service.watch(world.email, new_channel())
    assert world.service.watch(calendar, new_channel()).resource_id


def test_a_calendar_that_is_gone_cannot_be_watched(world: World, calendar: str) -> None:
    world.person("delete_calendar", calendar=calendar)
    with pytest.raises(GoneError):
        world.service.watch(calendar, new_channel())


def test_an_address_nobody_takes_is_our_own_fault(world: World, calendar: str) -> None:
    with pytest.raises(BlockedError, match="google_push_address"):
        world.service.watch(calendar, new_channel(address="http://app.example.org/google"))


def test_what_is_no_channel_is_refused(world: World, calendar: str) -> None:
    with pytest.raises(RejectedError, match="google_invalid"):
        world.service.watch(calendar, new_channel(token="t" * 257))


def test_a_channel_that_is_unknown_gone_or_not_ours_is_stopped(world: World, calendar: str) -> None:
    channel = world.service.watch(calendar, new_channel())
    world.of_another_account.stop(channel)
    world.service.stop(channel)
    world.service.stop(channel)
    world.service.stop(Channel("nobody", "nothing", channel.expires))


# --- over the wire --------------------------------------------------------------------------------------


def every_call(service: CalendarService, calendar_id: str) -> dict[str, Any]:
    """One call of each operation, by its id at Google."""
    event = Event("aaaaa", '"1"', cancelled=False, when=NINE, what=What(""))
    channel = Channel("nobody", "nothing", START)
    return {
        "calendarList.list": lambda: list(service.entries()),
        "calendarList.get": lambda: service.calendar(calendar_id),
        "calendars.insert": lambda: service.add_calendar("x", "y", "UTC"),
        "events.list": lambda: service.events(calendar_id, cursor=None, page=None),
        "events.get": lambda: service.event(calendar_id, "aaaaa"),
        "events.insert": lambda: service.create(calendar_id, "aaaaa", WRITE),
        "events.patch": lambda: service.update(calendar_id, event, WRITE),
        "events.delete": lambda: service.delete(calendar_id, event),
        "events.watch": lambda: service.watch(calendar_id, new_channel()),
        "channels.stop": lambda: service.stop(channel),
    }


OPERATIONS = tuple(every_call(FakeCalendarService(ModelWorld().google, "", zone=DENVER), ""))
HTML = "<!DOCTYPE html><html lang=en><title>Error</title>"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"status": 429, "reason": "rateLimitExceeded", "retry_after_seconds": 7}, 7.0),
        ({"status": 403, "reason": "userRateLimitExceeded"}, None),
        ({"status": 403, "reason": "quotaExceeded"}, 3600.0),
        ({"status": 503, "reason": "backendError", "retry_after_seconds": 9}, 9.0),
        ({"status": 502, "body": HTML}, None),
        ({"status": 403, "body": HTML}, None),
        ({"status": 403, "body": ""}, None),
        ({"status": 200, "body": '{"kind": "calendar#eve'}, None),
        ({"status": 200, "body": HTML}, None),
    ],
)
def test_what_passes_is_tried_again_later(
    wire: ServerWorld, operation: str, fault: Json, seconds: float | None
) -> None:
    wire.fault(operation, **fault)
    with pytest.raises(RetryableError) as raised:
        every_call(wire.service, "primary")[operation]()
    assert raised.value.after_seconds == seconds
    assert [each["operation"] for each in wire.requests()] == [operation]  # sent once


WITHOUT_ANSWER = ("events.delete", "channels.stop")


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in WITHOUT_ANSWER])
def test_nothing_is_no_answer_but_to_what_ends_something(wire: ServerWorld, operation: str) -> None:
    wire.fault(operation, status=200, body="")
    with pytest.raises(RetryableError, match="google_answer_unreadable"):
        every_call(wire.service, "primary")[operation]()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("reason", "told"),
    [("insufficientPermissions", "google_scope_missing"), ("accessNotConfigured", "google_api_disabled")],
)
def test_what_a_person_must_mend_is_blocked(
    wire: ServerWorld, operation: str, reason: str, told: str
) -> None:
    wire.fault(operation, status=403, reason=reason)
    with pytest.raises(BlockedError, match=told):
        every_call(wire.service, "primary")[operation]()


def test_a_lost_answer_to_a_create_leaves_the_id_taken_by_what_was_meant(wire: ServerWorld) -> None:
    calendar = add_calendar(wire)
    wire.fault("events.insert", lost=True)
    with pytest.raises(TakenError):
        wire.service.create(calendar, "aaaaa", WRITE)
    event = read(wire.service, calendar, "aaaaa")
    assert (event.when, event.marker) == (NINE, MARKER)


def test_a_lost_answer_to_making_a_calendar_makes_one_and_tells(wire: ServerWorld) -> None:
    wire.fault("calendars.insert", lost=True)
    with pytest.raises(RetryableError, match="google_unreachable"):
        add_calendar(wire)
    assert [entry.description for entry in wire.service.entries()] == ["", "mark"]


def test_a_lost_answer_to_a_change_is_told_and_the_change_is_there(wire: ServerWorld) -> None:
    calendar = add_calendar(wire)
    event = wire.service.create(calendar, "aaaaa", WRITE)
    wire.fault("events.patch", lost=True, count=2)
    with pytest.raises((RetryableError, StaleError)):
        wire.service.update(calendar, event, EventWrite(span(5)))
    assert read(wire.service, calendar, "aaaaa").when == span(5)


def test_a_lost_answer_to_a_deletion_is_success(wire: ServerWorld) -> None:
    calendar = add_calendar(wire)
    event = wire.service.create(calendar, "aaaaa", WRITE)
    wire.fault("events.delete", lost=True)
    wire.service.delete(calendar, event)
    assert read(wire.service, calendar, "aaaaa").cancelled


def test_a_lost_answer_to_a_channel_makes_one_and_tells(wire: ServerWorld) -> None:
    wanted = new_channel()
    wire.fault("events.watch", lost=True)
    with pytest.raises(RetryableError, match="google_unreachable"):
        wire.service.watch("primary", wanted)
    with pytest.raises(TakenError):
        wire.service.watch("primary", wanted)


def test_changes_come_with_the_token_of_their_channel_until_it_is_stopped(wire: ServerWorld) -> None:
    with listening() as hook:
        channel = wire.service.watch("primary", new_channel(address=hook.address, token="v1.a.b"))
        assert hook.next_state() == "sync"
        wire.person("create", calendar="primary", body=TIMED)
        headers = hook.next().headers
        assert (headers["x-goog-channel-id"], headers["x-goog-channel-token"]) == (channel.id, "v1.a.b")
        assert headers["x-goog-resource-id"] == channel.resource_id
        wire.service.stop(channel)
        wire.person("create", calendar="primary", body=TIMED)
        other = wire.service.watch("primary", new_channel(address=hook.address))
        assert hook.next().headers["x-goog-channel-id"] == other.id  # nothing came between


def test_a_server_that_never_answers_is_unreachable(wire: ServerWorld) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        service = wire.connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.2)
        with pytest.raises(RetryableError, match="google_unreachable"):
            list(service.entries())
    with pytest.raises(RetryableError, match="google_unreachable"):  # and now nobody listens
        list(service.entries())


def test_a_revoked_grant_must_be_given_anew(wire: ServerWorld) -> None:
    wire.control("grants/revoke", sub=wire.grant["sub"])
    with pytest.raises(BlockedError, match="reconnect_needed"):
        list(wire.connect().entries())


def test_a_wrong_client_secret_is_our_own_fault(wire: ServerWorld) -> None:
    with pytest.raises(BlockedError, match="google_client_configuration"):
        list(wire.connect(client_secret="wrong").entries())


def test_an_access_token_that_is_no_longer_taken_is_fetched_anew(wire: ServerWorld) -> None:
    wire.fault("calendarList.list", status=401, reason="authError")
    assert [entry.id for entry in wire.service.entries()] == [wire.email]


def test_a_token_nobody_takes_is_no_dead_grant(wire: ServerWorld) -> None:
    wire.fault("calendarList.list", status=401, reason="authError", count=5)
    with pytest.raises(BlockedError, match="google_unauthorized"):
        list(wire.service.entries())


def test_a_missing_scope_is_named(wire: ServerWorld) -> None:
    grant = wire.control("grants", sub=wire.grant["sub"], scopes=["calendar.calendarlist.readonly"])
    with pytest.raises(BlockedError, match="google_scope_missing"):
        wire.connect(**grant).add_calendar("x", "y", "UTC")


def test_what_is_sent_is_silent_conditional_and_asks_for_named_fields_only(wire: ServerWorld) -> None:
    calendar = add_calendar(wire)
    event = wire.service.create(calendar, "aaaaa", WRITE)
    event = wire.service.update(calendar, event, EventWrite(span(5)))
    event = wire.service.unmark(calendar, event)
    wire.service.delete(calendar, event)
    listing(wire.service, calendar)
    asked = {each["operation"]: each for each in wire.requests()}
    for name in ("events.insert", "events.patch", "events.delete"):
        assert asked[name]["query"]["sendUpdates"] == "none"
    for name in ("events.patch", "events.delete"):
        assert asked[name]["if_match"].startswith('"')
    for name in ("calendars.insert", "events.insert", "events.patch", "events.list"):
        assert "fields" in asked[name]["query"]
    assert asked["events.list"]["query"]["singleEvents"] == "false"
