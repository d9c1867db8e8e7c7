"""Push channels: `events.watch`, `channels.stop`, and the messages a change makes. No HTTP, no waiting.

A message waits here until its time on the model's clock has come. Whoever sends asks `due`, and says with
`answered` what came of each.
"""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.google import fields
from sandbox.google.errors import ApiError, Json, invalid, required
from sandbox.google.events import NOTHING
from sandbox.google.record import Record
from sandbox.google.store import Calendar, Store

ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}", re.ASCII)
TOKEN_MAX = 256
TYPES = ("web_hook", "webhook")

DELIVERED = frozenset({102, 200, 201, 202, 204})
RETRIED = frozenset({500, 502, 503, 504})
"""Any other status, and no answer at all, is the end of a message."""
ATTEMPTS_MAX = 8
"""Of one message; then it is dropped."""
WAITING_MAX = 10_000
"""Messages that wait; while there are so many, changes are not told."""
NUMBER_STEP_MAX = 5_000
"""Message numbers grow by up to this much."""

USER_AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"


@dataclass(slots=True, eq=False)
class Channel:
    id: str
    sub: str
    app: str
    """OAuth client, which stands for its project."""
    calendar: Calendar
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
        self._watching: defaultdict[str, list[Channel]] = defaultdict(list)  # by calendar
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
        """A channel for a calendar's events; its `sync` message waits at once. Raises ApiError."""
        calendar, _ = self._store.open(sub, calendar_id)
        settings = self._store.settings
        asked = _read(body, loopback=settings.loopback_push)
        if calendar.id in settings.unwatchable:
            message = "Push notifications are not supported by this resource."
            raise ApiError(400, "pushNotSupportedForRequestedResource", message)
        if (app, asked["id"]) in self._by_id:
            raise ApiError(400, "channelIdNotUnique", f"Channel id {asked['id']} not unique")
        channel = Channel(
            id=asked["id"],
            sub=sub,
            app=app,
            calendar=calendar,
            address=asked["address"],
            token=asked.get("token"),
            resource_id=_resource_id(calendar.id),
            resource_uri=f"https://www.googleapis.com/calendar/v3/calendars/{quote(calendar.id, safe='')}"
            "/events?alt=json",
            expires=_expires(asked, self._store.now(), timedelta(seconds=settings.channel_seconds_max)),
        )
        self._by_id[app, channel.id] = channel
        self._watching[calendar.id].append(channel)
        channel.number = 1
        self._wait(Message(channel, "sync", 1, self._store.now()))
        return fields.answer(_answer(channel), "channel", query)

    def stop(self, sub: str, body: Json, query: Mapping[str, Any] = NOTHING, app: str = "") -> None:  # noqa: ARG002
        """By the account and client that made it, as often as one likes. Raises ApiError 404 for others."""
        if not isinstance(body, dict):
            raise ApiError(400, "parseError", "Parse Error")
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

    def _changed(self, calendar: Calendar) -> None:
        """An event of the calendar changed, whoever did it."""
        watching = self._watching.get(calendar.id)
        if not watching:
            return
        settings, now = self._store.settings, self._store.now()
        delay = timedelta(seconds=settings.push_delay_seconds + settings.push_batch_seconds)
        self._watching[calendar.id] = watching = [c for c in watching if now < c.expires and not c.ended]
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
        if channel.ended or now >= channel.expires or channel.sub not in channel.calendar.roles:
            return False
        late = timedelta(seconds=settings.push_late_seconds)
        if channel.stopped is not None and now >= channel.stopped + late:
            return False
        return settings.channels_outlive_grants or self.granted(channel.sub, channel.app)

    def _wait(self, message: Message) -> None:
        self._waiting.append(message)
        self.on_waiting()

    def _note(self, message: Message, outcome: str, status: int | None = None) -> None:
        entry = {
            "at": self._store.now().isoformat(),
            "channel": message.channel.id,
            "calendar": message.channel.calendar.id,
            "address": message.channel.address,
            "state": message.state,
            "message": message.number,
            "attempt": message.attempt,
            "outcome": outcome,
            "status": status,
        }
        self.deliveries.add(entry)


def _read(body: Any, *, loopback: bool) -> Json:
    """A channel as a client describes it. Raises ApiError 400."""
    if not isinstance(body, dict):
        raise ApiError(400, "parseError", "Parse Error")
    for name in ("id", "type", "address"):
        if not body.get(name):
            raise required(f"Missing required field: {name}")
    if not isinstance(body["id"], str) or not ID.fullmatch(body["id"]):
        raise invalid(r"Channel id does not match the required pattern [A-Za-z0-9\-_\+/=]+")
    if body["type"] not in TYPES:
        raise invalid("Invalid value for: type")
    token = body.get("token", "")
    if not isinstance(token, str) or len(token) > TOKEN_MAX or not (token.isascii() and token.isprintable()):
        raise invalid("Invalid value for: token")
    _check_address(body["address"], loopback=loopback)
    return {name: value for name, value in body.items() if value is not None}


def _check_address(address: Any, *, loopback: bool) -> None:
    if not isinstance(address, str) or not address.isascii() or not address.isprintable() or " " in address:
        raise invalid("Invalid value for: address")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:  # no port, no address
        raise invalid("Invalid value for: address") from None
    if not host:
        raise invalid("Invalid value for: address")
    plain = loopback and parts.scheme == "http" and _is_loopback(host)
    if parts.scheme != "https" and not plain:
        message = f"WebHook callback must be HTTPS: {address}"
        raise ApiError(400, "push.webhookUrlNotHttps", message)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _expires(asked: Json, now: datetime, longest: timedelta) -> datetime:
    """The soonest of what is asked and what is allowed, in whole seconds. Raises ApiError 400."""
    ends = [now + longest]
    params = asked.get("params", {})
    ttl = params.get("ttl") if isinstance(params, dict) else None
    try:
        if asked.get("expiration"):
            ends.append(datetime.fromtimestamp(int(asked["expiration"]) / 1000, UTC))
        if ttl is not None:
            ends.append(now + timedelta(seconds=int(ttl)))
    except (TypeError, ValueError, OverflowError, OSError):
        raise invalid("Invalid value for: expiration") from None
    if min(ends) <= now:
        raise invalid("Invalid value for: expiration")
    return min(ends).replace(microsecond=0)


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


def _resource_id(calendar_id: str) -> str:
    """Opaque, the same for every channel of the calendar."""
    return base64.urlsafe_b64encode(hashlib.sha256(calendar_id.encode()).digest()[:20]).decode().rstrip("=")


def _unknown(channel_id: str, app: str) -> ApiError:
    return ApiError(404, "notFound", f"Channel '{channel_id}' not found for project '{app}'")
