"""Push channels: the `watch` methods, `channels.stop`, and the messages a change makes. No HTTP, no waiting.

A message waits here until its time on the model's clock has come. Whoever sends asks `due`, and says with
`answered` what came of each.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from sandbox.google import channel_requests, fields
from sandbox.google.bodies import object_of
from sandbox.google.errors import ApiError, Json, required
from sandbox.google.events import NOTHING
from sandbox.google.record import Record
from sandbox.google.store import Store

DELIVERED = frozenset({102, 200, 201, 202, 204})
RETRIED = frozenset({500, 502, 503, 504})
"""Any other status, and no answer at all, is the end of a message."""
ATTEMPTS_MAX = 8
"""Of one message; then it is dropped."""
WAITING_MAX = 10_000
"""Messages that wait; while there are so many, changes are not told."""
NUMBER_STEP_MAX = 5_000
"""Message numbers grow by up to this much."""

OF_CALENDARS = ("events", "acl")
"""Collections of one calendar; the others are an account's."""

RESOURCES = "https://www.googleapis.com/calendar/v3"
USER_AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"


@dataclass(slots=True, eq=False)
class Channel:
    id: str
    sub: str
    app: str
    """OAuth client, which stands for its project."""
    collection: str
    """What is watched, as the store names it."""
    calendar: str
    """Id of the calendar it belongs to; empty for what belongs to the account."""
    address: str
    token: str | None
    resource_id: str
    resource_uri: str
    expires: datetime
    number: int = 0
    """Of its last message."""
    stopped: datetime | None = None
    ended: bool = False
    """With its grant."""
    collecting: bool = False
    """A message waits that stands for later changes too."""


@dataclass(frozen=True, slots=True)
class Message:
    channel: Channel
    state: str
    """`sync` or `exists`."""
    number: int
    due: datetime
    attempt: int = 1

    def headers(self) -> dict[str, str]:
        """All there is to a message: it has no body."""
        channel = self.channel
        token = {} if channel.token is None else {"X-Goog-Channel-Token": channel.token}
        return {
            "User-Agent": USER_AGENT,
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Expiration": format_datetime(channel.expires, usegmt=True),
            "X-Goog-Message-Number": str(self.number),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-State": self.state,
            "X-Goog-Resource-URI": channel.resource_uri,
            **token,
        }


class Channels:
    def __init__(self, store: Store, rng: random.Random) -> None:
        self._store = store
        self._rng = rng
        self._by_id: dict[tuple[str, str], Channel] = {}  # an id stays taken
        self._watching: defaultdict[str, list[Channel]] = defaultdict(list)  # by collection
        self._waiting: list[Message] = []
        self.deliveries = Record()
        """What became of messages: one entry for each time one was sent or given up."""
        self.granted: Callable[[str, str], bool] = lambda _sub, _app: True
        """Whether the account's consent to the client stands."""
        self.on_waiting: Callable[[], None] = lambda: None
        """Called when a message begins to wait."""
        store.listeners.append(self._changed)

    # --- the API's methods ------------------------------------------------------------------------------

    def watch(
        self, sub: str, calendar_id: str, body: Json, query: Mapping[str, Any] = NOTHING, app: str = ""
    ) -> Json:
        """`events.watch`. Raises ApiError."""
        calendar, _ = self._store.open(sub, calendar_id)
        path = f"calendars/{quote(calendar.id, safe='')}/events"
        return self._open(sub, f"events/{calendar.id}", path, body, query, app)

    def watch_acl(
        self, sub: str, calendar_id: str, body: Json, query: Mapping[str, Any] = NOTHING, app: str = ""
    ) -> Json:
        """`acl.watch`. Raises ApiError."""
        calendar, _ = self._store.open_for("owner", sub, calendar_id)
        path = f"calendars/{quote(calendar.id, safe='')}/acl"
        return self._open(sub, f"acl/{calendar.id}", path, body, query, app)

    def watch_list(self, sub: str, body: Json, query: Mapping[str, Any] = NOTHING, app: str = "") -> Json:
        """`calendarList.watch`. Raises ApiError."""
        return self._open(sub, f"list/{sub}", "users/me/calendarList", body, query, app)

    def watch_settings(self, sub: str, body: Json, query: Mapping[str, Any] = NOTHING, app: str = "") -> Json:
        """`settings.watch`. Raises ApiError."""
        return self._open(sub, f"settings/{sub}", "users/me/settings", body, query, app)

    def stop(self, sub: str, body: Json, query: Mapping[str, Any] = NOTHING, app: str = "") -> None:  # noqa: ARG002
        """By the account and client that made it, as often as one likes. Raises ApiError 404 for others."""
        body = object_of(body)
        for name in ("id", "resourceId"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise required(f"Missing required field: {name}")
        channel = self._by_id.get((app, body["id"]))
        if channel is None or channel.sub != sub or channel.resource_id != body["resourceId"]:
            raise _unknown(body["id"], app)
        if channel.ended or channel.expires <= self._store.now():
            raise _unknown(body["id"], app)
        channel.stopped = channel.stopped or self._store.now()

    # --- for whoever sends ------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def due(self) -> list[Message]:
        """Messages to be sent now, which no longer wait; those of channels that ended are given up."""
        now = self._store.now()
        ready = [message for message in self._waiting if message.due <= now]
        self._waiting = [message for message in self._waiting if message.due > now]
        live = []
        for message in ready:
            message.channel.collecting = False
            if self._tells(message.channel, now):
                live.append(message)
            else:
                self._note(message, "ended")
        return live

    def answered(self, message: Message, status: int | None) -> None:
        """What the receiver answered; None: nothing. A retry waits again, each time twice as long."""
        if status in DELIVERED:
            self._note(message, "delivered", status)
        elif status in RETRIED and message.attempt < ATTEMPTS_MAX:
            self._note(message, "retried", status)
            seconds = self._store.settings.push_retry_seconds * 2 ** (message.attempt - 1)
            due = self._store.now() + timedelta(seconds=seconds)
            self._wait(replace(message, due=due, attempt=message.attempt + 1))
        else:
            self._note(message, "failed", status)

    def end(self, sub: str, app: str) -> None:
        """The consent was taken back: every channel made under it ends, unless a setting says otherwise."""
        if self._store.settings.channels_outlive_grants:
            return
        for channel in self._by_id.values():
            if (channel.sub, channel.app) == (sub, app):
                channel.ended = True

    # ----------------------------------------------------------------------------------------------------

    def _open(
        self, sub: str, collection: str, path: str, body: Any, query: Mapping[str, Any], app: str
    ) -> Json:
        """A channel for a collection the account may see; its `sync` message waits at once."""
        settings = self._store.settings
        asked = channel_requests.read(body, loopback=settings.loopback_push)
        kind, _, owner = collection.partition("/")
        calendar = owner if kind in OF_CALENDARS else ""
        if calendar in settings.unwatchable:
            message = "Push notifications are not supported by this resource."
            raise ApiError(400, "pushNotSupportedForRequestedResource", message)
        if (app, asked["id"]) in self._by_id:
            raise ApiError(400, "channelIdNotUnique", f"Channel id {asked['id']} not unique")
        longest = timedelta(seconds=settings.channel_seconds_max)
        channel = Channel(
            id=asked["id"],
            sub=sub,
            app=app,
            collection=collection,
            calendar=calendar,
            address=asked["address"],
            token=asked.get("token"),
            resource_id=_resource_id(collection),
            resource_uri=f"{RESOURCES}/{path}?alt=json",
            expires=channel_requests.expires(asked, self._store.now(), longest),
        )
        self._by_id[app, channel.id] = channel
        self._watching[collection].append(channel)
        channel.number = 1
        self._wait(Message(channel, "sync", 1, self._store.now()))
        return fields.answer(_answer(channel), "channel", query)

    def _changed(self, collection: str) -> None:
        """Something of the collection changed, whoever did it."""
        watching = self._watching.get(collection)
        if not watching:
            return
        settings, now = self._store.settings, self._store.now()
        delay = timedelta(seconds=settings.push_delay_seconds + settings.push_batch_seconds)
        self._watching[collection] = watching = [c for c in watching if now < c.expires and not c.ended]
        for channel in watching:
            if channel.collecting or not self._tells(channel, now):
                continue
            channel.number += self._rng.randint(1, NUMBER_STEP_MAX)
            message = Message(channel, "exists", channel.number, now + delay)
            full = len(self._waiting) >= WAITING_MAX
            if self._rng.random() < settings.push_drop_chance or full:
                self._note(message, "dropped")
                continue
            channel.collecting = settings.push_batch_seconds > 0
            self._wait(message)
            if self._rng.random() < settings.push_duplicate_chance:
                self._wait(message)

    def _tells(self, channel: Channel, now: datetime) -> bool:
        """Whether a message of the channel may still go out."""
        settings = self._store.settings
        if channel.ended or now >= channel.expires or not self._sees(channel):
            return False
        late = timedelta(seconds=settings.push_late_seconds)
        if channel.stopped is not None and now >= channel.stopped + late:
            return False
        return settings.channels_outlive_grants or self.granted(channel.sub, channel.app)

    def _sees(self, channel: Channel) -> bool:
        """Whether the account may still see what is watched."""
        if not channel.calendar:
            return True
        found = self._store.find(channel.sub, channel.calendar)
        return found is not None and (found[1] == "owner" or not channel.collection.startswith("acl/"))

    def _wait(self, message: Message) -> None:
        self._waiting.append(message)
        self.on_waiting()

    def _note(self, message: Message, outcome: str, status: int | None = None) -> None:
        entry = {
            "at": self._store.now().isoformat(),
            "channel": message.channel.id,
            "collection": message.channel.collection.partition("/")[0],
            "calendar": message.channel.calendar,
            "address": message.channel.address,
            "state": message.state,
            "message": message.number,
            "attempt": message.attempt,
            "outcome": outcome,
            "status": status,
        }
        self.deliveries.add(entry)


def _answer(channel: Channel) -> Json:
    token = {} if channel.token is None else {"token": channel.token}
    return {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        **token,
        "expiration": str(int(channel.expires.timestamp()) * 1000),
    }


def _resource_id(collection: str) -> str:
    """Opaque, the same for every channel of the collection."""
    return base64.urlsafe_b64encode(hashlib.sha256(collection.encode()).digest()[:20]).decode().rstrip("=")


def _unknown(channel_id: str, app: str) -> ApiError:
    return ApiError(404, "notFound", f"Channel '{channel_id}' not found for project '{app}'")
