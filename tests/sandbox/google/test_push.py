"""Push channels: on the model, where time is told, and over the wire, where it passes."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.google.calendar import Settings
from sandbox.google.channels import ATTEMPTS_MAX, Message
from sandbox.google.dispatcher import post
from sandbox.google.errors import ApiError
from sandbox.google.user import Person
from tests.sandbox.google.conftest import Json, Sandbox, refused
from tests.sandbox.google.hook import Hook, listening
from tests.sandbox.google.world import CALM, NOW, World, event, refusal

WEEK = timedelta(days=7)


def wanted(name: str = "channel-1", **more: Any) -> Json:
    return {"id": name, "type": "web_hook", "address": "https://app.example.org/google", **more}


def watch(world: World, name: str = "channel-1", **more: Any) -> Json:
    """A channel whose `sync` message has been taken."""
    made = world.google.channels.watch(world.sub, world.calendar, wanted(name, **more))
    (sync,) = world.google.channels.due()
    world.google.channels.answered(sync, 200)
    return made


def due(world: World) -> list[Message]:
    return world.google.channels.due()


def outcomes(world: World) -> list[str]:
    return [entry["outcome"] for entry in world.google.channels.deliveries.since(0)]


def settings(**changed: Any) -> Settings:
    return replace(CALM, **changed)


# --- watch ----------------------------------------------------------------------------------------------


def test_a_channel_lives_for_a_week_and_says_so_as_text() -> None:
    world = World()
    made = world.google.channels.watch(world.sub, world.calendar, wanted(token="t"))
    assert made["expiration"] == str(int((NOW + WEEK).timestamp()) * 1000)
    assert (made["kind"], made["id"], made["token"]) == ("api#channel", "channel-1", "t")
    assert made["resourceUri"].startswith("https://www.googleapis.com/calendar/v3/calendars/")
    assert made["resourceUri"].endswith("%40group.calendar.google.com/events?alt=json")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({"params": {"ttl": "3600"}}, 3600),
        ({"params": {"ttl": "9999999"}}, 604_800),
        ({"expiration": str(int((NOW + timedelta(hours=2)).timestamp()) * 1000)}, 7200),
        ({"expiration": int((NOW + timedelta(hours=2)).timestamp()) * 1000}, 7200),
        ({"expiration": str(int((NOW + timedelta(days=70)).timestamp()) * 1000)}, 604_800),
        ({"expiration": str(int((NOW + WEEK).timestamp()) * 1000), "params": {"ttl": "60"}}, 60),
    ],
)
def test_the_soonest_of_what_is_asked_and_allowed_is_the_end(asked: Json, seconds: int) -> None:
    made = watch(World(), **asked)
    assert datetime.fromtimestamp(int(made["expiration"]) / 1000, UTC) == NOW + timedelta(seconds=seconds)


def test_what_is_allowed_is_a_setting() -> None:
    made = watch(World(settings(channel_seconds_max=60)))
    assert datetime.fromtimestamp(int(made["expiration"]) / 1000, UTC) == NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"id": None}, "required"),
        ({"id": "x" * 65}, "invalid"),
        ({"id": "a b"}, "invalid"),
        ({"id": 5}, "invalid"),
        ({"type": None}, "required"),
        ({"type": "email"}, "invalid"),
        ({"address": None}, "required"),
        ({"address": "http://app.example.org/google"}, "push.webhookUrlNotHttps"),
        ({"address": "ftp://app.example.org/google"}, "push.webhookUrlNotHttps"),
        ({"address": "http://127.0.0.1.example.org/"}, "push.webhookUrlNotHttps"),
        ({"address": "https://"}, "invalid"),
        ({"address": "https://app.example.org:x/"}, "invalid"),
        ({"address": "https://app.example.org/\r\nX: y"}, "invalid"),
        ({"address": 5}, "invalid"),
        ({"token": "t" * 257}, "invalid"),
        ({"token": "a\nb"}, "invalid"),
        ({"token": 5}, "invalid"),
        ({"expiration": "soon"}, "invalid"),
        ({"expiration": "1"}, "invalid"),
        ({"params": {"ttl": "0"}}, "invalid"),
        ({"params": {"ttl": "a week"}}, "invalid"),
    ],
)
def test_a_wrong_channel_is_refused(changed: Json, reason: str) -> None:
    world = World()
    body = {name: value for name, value in wanted(**changed).items() if value is not None}
    assert refusal(world.google.channels.watch, world.sub, world.calendar, body)[:2] == (400, reason)
    assert due(world) == []


def test_a_channel_that_is_no_object_does_not_parse() -> None:
    world = World()
    assert refusal(world.google.channels.watch, world.sub, world.calendar, [])[1] == "parseError"
    assert refusal(world.google.channels.stop, world.sub, [])[1] == "parseError"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8081/x", "http://localhost/x", "http://[::1]:1/"])
def test_plain_http_is_for_loopback_only_and_can_be_forbidden_there(address: str) -> None:
    assert watch(World(), address=address)
    strict = World(settings(loopback_push=False))
    answer = refusal(strict.google.channels.watch, strict.sub, strict.calendar, wanted(address=address))
    assert answer[:2] == (400, "push.webhookUrlNotHttps")


def test_a_token_may_have_256_characters() -> None:
    assert watch(World(), token="t" * 256)["token"] == "t" * 256


def test_a_channel_id_is_used_once_in_a_project() -> None:
    world = World()
    made = watch(world)
    world.google.channels.stop(world.sub, made)
    again = refusal(world.google.channels.watch, world.sub, "primary", wanted())
    assert again[:2] == (400, "channelIdNotUnique")
    assert world.google.channels.watch(world.sub, "primary", wanted(), app="another project")


def test_some_calendars_cannot_be_watched() -> None:
    world = World()
    world.google.settings = settings(unwatchable=frozenset({world.account.primary}))
    answer = refusal(world.google.channels.watch, world.sub, "primary", wanted())
    assert answer[:2] == (400, "pushNotSupportedForRequestedResource")
    assert watch(world)


def test_a_calendar_one_does_not_see_cannot_be_watched() -> None:
    world = World()
    assert refusal(world.google.channels.watch, world.sub, "nowhere", wanted())[:2] == (404, "notFound")


@pytest.mark.parametrize(
    ("collection", "path"),
    [
        ("acl", "calendars/anna%40example.com/acl"),
        ("list", "users/me/calendarList"),
        ("settings", "users/me/settings"),
    ],
)
def test_other_collections_can_be_watched(collection: str, path: str) -> None:
    world = World()
    channels = world.google.channels
    watches: dict[str, Callable[[Json], Json]] = {
        "acl": lambda body: channels.watch_acl(world.sub, "primary", body),
        "list": lambda body: channels.watch_list(world.sub, body),
        "settings": lambda body: channels.watch_settings(world.sub, body),
    }
    made = watches[collection](wanted())
    events = channels.watch(world.sub, "primary", wanted("channel-2"))
    assert made["resourceUri"] == f"https://www.googleapis.com/calendar/v3/{path}?alt=json"
    assert made["resourceId"] != events["resourceId"]
    assert refusal(watches[collection], wanted())[1] == "channelIdNotUnique"
    channels.stop(world.sub, {"id": "channel-1", "resourceId": made["resourceId"]})


def test_rules_are_watched_by_owners_alone() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    world.google.share(world.calendar, other.sub, "writer")
    answer = refusal(world.google.channels.watch_acl, other.sub, world.calendar, wanted())
    assert answer[:2] == (403, "requiredAccessLevel")


# --- messages -------------------------------------------------------------------------------------------


def test_the_first_message_is_sync_and_has_number_one() -> None:
    world = World()
    world.google.channels.watch(world.sub, world.calendar, wanted())
    (message,) = due(world)
    assert (message.state, message.number) == ("sync", 1)
    assert not world.google.channels.waiting


def test_a_message_is_its_headers() -> None:
    world = World()
    made = watch(world, token="t")
    world.insert()
    (message,) = due(world)
    headers = message.headers()
    assert int(headers.pop("X-Goog-Message-Number")) > 1
    assert headers.pop("User-Agent").startswith("APIs-Google")
    assert headers == {
        "X-Goog-Channel-ID": "channel-1",
        "X-Goog-Channel-Expiration": "Mon, 09 Mar 2026 09:00:00 GMT",
        "X-Goog-Channel-Token": "t",
        "X-Goog-Resource-ID": made["resourceId"],
        "X-Goog-Resource-State": "exists",
        "X-Goog-Resource-URI": made["resourceUri"],
    }


def test_without_a_token_no_token_is_sent() -> None:
    world = World()
    world.google.channels.watch(world.sub, world.calendar, wanted())
    assert "X-Goog-Channel-Token" not in due(world)[0].headers()


def test_every_change_of_the_calendar_is_told_whoever_made_it() -> None:
    world = World()
    watch(world)
    person = Person(world.google, world.sub)
    made = world.insert()
    changes: list[Callable[[], object]] = [
        lambda: world.patch(made["id"], {"summary": "Tea"}),
        lambda: person.move(world.calendar, made["id"], made["end"], {"dateTime": "2026-03-10T12:00:00Z"}),
        lambda: world.delete(made["id"]),
        lambda: person.undelete(world.calendar, made["id"]),
        lambda: person.move_to(world.calendar, made["id"], "primary"),
    ]
    numbers = [message.number for message in due(world)]
    for change in changes:
        change()
        (message,) = due(world)
        assert message.state == "exists"
        numbers.append(message.number)
    assert numbers == sorted(set(numbers))
    assert [b - a for a, b in itertools.pairwise(numbers)] != [1] * 5


def test_what_changes_nothing_and_other_calendars_are_not_told() -> None:
    world = World()
    made = world.insert(summary="Tea")
    watch(world)
    world.patch(made["id"], {"summary": "Tea"})
    world.insert("primary")
    world.get(made["id"])
    assert due(world) == []


def test_each_collection_tells_of_its_own_changes() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    world.google.share(world.calendar, other.sub, "owner")
    channels, mine = world.google.channels, Person(world.google, world.sub)
    channels.watch_acl(other.sub, world.calendar, wanted("acl"))
    channels.watch_list(other.sub, wanted("list"))
    channels.watch_settings(other.sub, wanted("settings"))
    channels.watch(other.sub, world.calendar, wanted("events"))
    due(world)
    berta = Person(world.google, other.sub)
    rule = {"role": "reader", "scope": {"type": "user", "value": "carla@example.com"}}
    changes: list[tuple[Callable[[], object], list[str]]] = [
        (world.insert, ["events"]),
        (lambda: world.google.acl.insert(world.sub, world.calendar, rule), ["acl"]),
        (lambda: world.google.acl.insert(world.sub, world.calendar, rule), []),
        (lambda: berta.hide_calendar(world.calendar), ["list"]),
        (lambda: berta.hide_calendar(world.calendar), []),
        (lambda: mine.rename_calendar(world.calendar, "Plans"), []),
        (lambda: berta.create_calendar("Mine"), ["list"]),
        (lambda: berta.change_setting("weekStart", "1"), ["settings"]),
        (lambda: mine.change_setting("weekStart", "1"), []),
        (lambda: mine.share_calendar(world.calendar, other.sub, "reader"), []),
        (world.insert, ["events"]),
        (lambda: mine.unshare_calendar(world.calendar, other.sub), ["list"]),
        (world.insert, []),
        (lambda: mine.share_calendar(world.calendar, other.sub, "reader"), ["list"]),
    ]
    for change, told in changes:
        change()
        assert [message.channel.id for message in due(world)] == told


def test_channels_that_overlap_are_told_each() -> None:
    world = World()
    old, new = watch(world, "old"), watch(world, "new")
    assert old["resourceId"] == new["resourceId"]
    world.insert()
    assert sorted(message.channel.id for message in due(world)) == ["new", "old"]


def test_a_channel_ends_at_its_expiration() -> None:
    world = World()
    watch(world, params={"ttl": "60"})
    world.insert()
    world.tick(60)
    world.insert()
    assert due(world) == []
    assert outcomes(world) == ["delivered", "ended"]


def test_who_no_longer_sees_the_calendar_is_told_nothing() -> None:
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    world.google.share(world.calendar, other.sub, "reader")
    world.google.channels.watch(other.sub, world.calendar, wanted())
    world.google.share(world.calendar, other.sub, None)
    world.insert()
    assert due(world) == []


def test_a_change_can_be_told_late() -> None:
    world = World(settings(push_delay_seconds=60))
    watch(world)
    world.insert()
    world.tick(59)
    assert due(world) == []
    assert world.google.channels.waiting
    world.tick(1)
    assert len(due(world)) == 1


def test_changes_can_be_told_together() -> None:
    world = World(settings(push_batch_seconds=30))
    watch(world)
    world.insert()
    world.tick(29)
    world.insert()
    assert due(world) == []
    world.tick(1)
    assert len(due(world)) == 1
    world.insert()
    world.tick(30)
    assert len(due(world)) == 1


def test_a_message_can_be_lost_and_can_come_twice() -> None:
    world = World(settings(push_drop_chance=1))
    watch(world)
    world.insert()
    assert due(world) == []
    world.google.settings = settings(push_duplicate_chance=1)
    world.insert()
    first, second = due(world)
    assert first.headers() == second.headers()
    assert outcomes(world) == ["delivered", "dropped"]


def test_no_more_than_so_many_messages_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.google.channels.WAITING_MAX", 2)
    world = World()
    watch(world)
    for _ in range(3):
        world.insert()
    assert len(due(world)) == 2
    assert outcomes(world) == ["delivered", "dropped"]
    world.insert()
    assert len(due(world)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again_each_time_later(status: int) -> None:
    world = World()
    watch(world)
    world.insert()
    for attempt in range(1, ATTEMPTS_MAX):
        (message,) = due(world)
        assert message.attempt == attempt
        world.google.channels.answered(message, status)
        world.tick(2 ** (attempt - 1) - 0.5)
        assert due(world) == []
        world.tick(0.5)
    (message,) = due(world)
    world.google.channels.answered(message, status)
    assert not world.google.channels.waiting
    assert outcomes(world)[1:] == ["retried"] * (ATTEMPTS_MAX - 1) + ["failed"]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 429, 501, 505, None])
def test_any_other_answer_ends_the_message(status: int | None) -> None:
    world = World()
    watch(world)
    world.insert()
    world.google.channels.answered(due(world)[0], status)
    assert not world.google.channels.waiting
    assert outcomes(world) == ["delivered", "failed"]


@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
def test_these_answers_are_success(status: int) -> None:
    world = World()
    watch(world)
    world.insert()
    world.google.channels.answered(due(world)[0], status)
    assert outcomes(world) == ["delivered", "delivered"]


def test_a_channel_does_not_change_what_chance_does_elsewhere() -> None:
    def ids(*, watched: bool) -> list[str]:
        world = World(settings(push_drop_chance=0.5))
        if watched:
            watch(world)
        return [world.insert()["id"] for _ in range(3)]

    assert ids(watched=True) == ids(watched=False)


# --- stop -----------------------------------------------------------------------------------------------


def test_a_stopped_channel_is_told_nothing_more_and_can_be_stopped_again() -> None:
    world = World()
    made = watch(world)
    world.insert()
    for _ in range(3):
        world.google.channels.stop(world.sub, made)
    world.insert()
    assert due(world) == []
    assert outcomes(world) == ["delivered", "ended"]


def test_messages_can_still_come_after_a_stop() -> None:
    world = World(settings(push_late_seconds=10))
    made = watch(world)
    world.google.channels.stop(world.sub, made)
    world.tick(9)
    world.insert()
    assert len(due(world)) == 1
    world.tick(1)
    world.insert()
    assert due(world) == []


def test_only_what_is_known_lives_and_is_ones_own_can_be_stopped() -> None:
    world = World()
    made = watch(world, params={"ttl": "60"})
    other = world.google.add_account("berta@example.com", "UTC")
    stop = world.google.channels.stop
    message = "Channel 'channel-1' not found for project ''"
    assert refusal(stop, other.sub, made) == (404, "notFound", message)
    assert refusal(stop, world.sub, {**made, "resourceId": "x"}) == (404, "notFound", message)
    assert refusal(stop, world.sub, {**made, "id": "nobody"})[:2] == (404, "notFound")
    with pytest.raises(ApiError, match="not found for project 'other'"):
        stop(world.sub, made, app="other")
    world.tick(60)
    assert refusal(stop, world.sub, made)[:2] == (404, "notFound")
    assert refusal(stop, world.sub, {"id": "channel-1"})[:2] == (400, "required")


def test_a_channel_ends_with_its_grant_unless_a_setting_says_otherwise() -> None:
    world = World()
    made = watch(world)
    world.google.channels.end(world.sub, "another client")
    world.insert()
    assert len(due(world)) == 1
    world.google.settings = settings(channels_outlive_grants=True)
    world.google.channels.end(world.sub, "")
    world.insert()
    assert len(due(world)) == 1
    world.google.settings = CALM
    world.google.channels.end(world.sub, "")
    world.insert()
    assert due(world) == []
    assert refusal(world.google.channels.stop, world.sub, made)[:2] == (404, "notFound")


def test_a_grant_that_died_of_age_tells_nothing() -> None:
    world = World()
    watch(world)
    world.google.channels.granted = lambda sub, app: (sub, app) != (world.sub, "")
    world.insert()
    assert due(world) == []


# --- over the wire --------------------------------------------------------------------------------------


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as receiver:
        yield receiver


def name() -> str:
    return f"channel-{random.getrandbits(64):x}"


def opened(sandbox: Sandbox, account: Json, hook: Hook, **more: Any) -> Json:
    """A channel on the primary calendar whose `sync` message has come."""
    body = {**wanted(name(), address=hook.address), **more}
    made = sandbox.client(account).events().watch(calendarId="primary", body=body).execute()
    assert hook.next_state() == "sync"
    return dict(made)


def delivered(sandbox: Sandbox, channel: str, count: int) -> list[Json]:
    """The first entries about a channel, once there are so many."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        entries = sandbox.control("GET", "deliveries")["deliveries"]
        found = [entry for entry in entries if entry["channel"] == channel]
        if len(found) >= count:
            return found[:count]
        time.sleep(0.01)
    raise AssertionError(f"fewer than {count} deliveries for {channel}")


def test_a_change_arrives_with_its_headers_and_no_body(sandbox: Sandbox, hook: Hook) -> None:
    account = sandbox.account()
    made = opened(sandbox, account, hook, token="t-1")
    sandbox.user(account, "create", calendar="primary", body=event())
    got = hook.next()
    assert (got.path, got.body, got.headers["content-length"]) == ("/google", b"", "0")
    assert got.headers["user-agent"].startswith("APIs-Google")
    assert got.headers["x-goog-channel-id"] == made["id"]
    assert got.headers["x-goog-channel-token"] == "t-1"
    assert got.headers["x-goog-resource-id"] == made["resourceId"]
    assert got.headers["x-goog-resource-state"] == "exists"
    assert got.headers["x-goog-resource-uri"] == made["resourceUri"]
    sync, exists = delivered(sandbox, made["id"], 2)
    assert (sync["state"], sync["outcome"], sync["status"]) == ("sync", "delivered", 204)
    assert str(exists["message"]) == got.headers["x-goog-message-number"]


def test_our_own_writes_are_told_too(sandbox: Sandbox, hook: Hook) -> None:
    account = sandbox.account(scopes=["calendar"])
    opened(sandbox, account, hook)
    sandbox.client(account).events().insert(calendarId="primary", body=event()).execute()
    assert hook.next_state() == "exists"


def test_the_sync_message_can_come_before_the_answer(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.control("POST", "settings", {"sync_before_answer": True})
    body = wanted(name(), address=hook.address)
    sandbox.client(sandbox.account()).events().watch(calendarId="primary", body=body).execute()
    assert hook.receiver.received[0].headers["x-goog-message-number"] == "1"


def test_every_collection_can_be_watched_over_the_wire(sandbox: Sandbox, hook: Hook) -> None:
    account = sandbox.account(scopes=["calendar"])
    client, name = sandbox.client(account), account["sub"][:12]
    sandbox.control("POST", "settings", {"sync_before_answer": True})

    def channel(kind: str) -> Json:
        return {"id": f"{kind}-{name}", "type": "web_hook", "address": hook.address}

    client.acl().watch(calendarId="primary", body=channel("acl")).execute()
    client.calendarList().watch(body=channel("list")).execute()
    client.settings().watch(body=channel("settings")).execute()
    rule = {"role": "reader", "scope": {"type": "default"}}
    client.acl().insert(calendarId="primary", body=rule).execute()
    client.calendarList().patch(calendarId="primary", body={"colorId": "3"}).execute()
    sandbox.user(account, "change_setting", setting="weekStart", value="1")
    told = [hook.next().headers for _ in range(6)]
    assert [headers["x-goog-resource-state"] for headers in told] == ["sync"] * 3 + ["exists"] * 3
    assert sorted(headers["x-goog-channel-id"] for headers in told[3:]) == [
        f"{kind}-{name}" for kind in ("acl", "list", "settings")
    ]


def test_a_receiver_that_fails_is_asked_again(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.control("POST", "settings", {"push_retry_seconds": 0})
    account = sandbox.account()
    made = opened(sandbox, account, hook)
    hook.statuses += [503, 500, 200]
    sandbox.user(account, "create", calendar="primary", body=event())
    assert len({hook.next().headers["x-goog-message-number"] for _ in range(3)}) == 1
    entries = delivered(sandbox, made["id"], 4)[1:]
    assert [(e["attempt"], e["outcome"], e["status"]) for e in entries] == [
        (1, "retried", 503),
        (2, "retried", 500),
        (3, "delivered", 200),
    ]


def test_a_receiver_nobody_reaches_is_given_up(sandbox: Sandbox) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        body = wanted(name(), address=f"http://127.0.0.1:{unused.getsockname()[1]}/")
        sandbox.client(sandbox.account()).events().watch(calendarId="primary", body=body).execute()
        (entry,) = delivered(sandbox, body["id"], 1)
    assert (entry["outcome"], entry["status"]) == ("failed", None)


def test_a_channel_is_stopped_through_googles_client(sandbox: Sandbox, hook: Hook) -> None:
    account = sandbox.account()
    made = opened(sandbox, account, hook)
    channels = sandbox.client(account).channels()
    body = {"id": made["id"], "resourceId": made["resourceId"]}
    assert channels.stop(body=body).execute() == ""
    assert channels.stop(body=body).execute() == ""
    status, reason, error = refused(channels.stop(body={**body, "id": "nobody"}))
    assert (status, reason) == (404, "notFound")
    assert error["message"].startswith("Channel 'nobody' not found for project ")
    other = sandbox.client(sandbox.account()).channels()
    assert refused(other.stop(body=body))[:2] == (404, "notFound")


def test_a_revoked_grant_ends_its_channels_and_a_new_one_does_not_bring_them_back(
    sandbox: Sandbox, hook: Hook
) -> None:
    account = sandbox.account()
    made = opened(sandbox, account, hook)
    sandbox.request("POST", "/revoke", "token=" + account["refresh_token"])
    again = sandbox.control("POST", "grants", {"sub": account["sub"]})
    fresh = opened(sandbox, again, hook)
    sandbox.user(account, "create", calendar="primary", body=event())
    assert hook.next().headers["x-goog-channel-id"] == fresh["id"]
    assert [entry["state"] for entry in delivered(sandbox, made["id"], 1)] == ["sync"]
    body = {"id": made["id"], "resourceId": made["resourceId"]}
    assert refused(sandbox.client(again).channels().stop(body=body))[:2] == (404, "notFound")


def test_watching_needs_a_scope_that_reads_the_events_of_that_calendar(sandbox: Sandbox, hook: Hook) -> None:
    for scope in ("calendar.calendarlist.readonly", "calendar.app.created", "openid"):
        client = sandbox.client(sandbox.account(scopes=[scope]))
        request = client.events().watch(calendarId="primary", body=wanted(name(), address=hook.address))
        assert refused(request)[:2] == (403, "insufficientPermissions"), scope
    client = sandbox.client(sandbox.account(scopes=["calendar.app.created"]))
    mine = client.calendars().insert(body={"summary": "Work"}).execute()["id"]
    client.events().watch(calendarId=mine, body=wanted(name(), address=hook.address)).execute()
    assert hook.next_state() == "sync"


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1:{port}/", "http://127.0.0.1:{port}/", "http://127.0.0.1:{port}"]
)
def test_what_answers_no_http_has_no_status(address: str) -> None:
    async def asked() -> int | None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"220 mail.example.org ESMTP\r\n")
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as peer:
            port = peer.sockets[0].getsockname()[1]
            return await post(address.format(port=port), {})

    assert asyncio.run(asked()) is None


def test_credentials_in_an_address_are_not_sent(hook: Hook) -> None:
    with_credentials = hook.address.replace("http://", "http://anna:secret@") + "?x=1"
    assert asyncio.run(post(with_credentials, {"X-Goog-Channel-ID": "c"})) == 204
    got = hook.next()
    assert got.path == "/google?x=1"
    assert "anna" not in str(got.headers)
    assert got.headers["host"] == hook.address.removeprefix("http://").removesuffix("/google")
