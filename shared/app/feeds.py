"""A practitioner's appointments as a link that any calendar program can subscribe to; they ask for it.

The link is its own key: whoever has it reads. So it is shown once, stored as a hash, good for a year, ended
and made anew at will. What it shows is read from the EHR each time: nothing of it is stored here.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.app.records import Connection, Status, connection_of, connection_path
from shared.app.render import Renderer
from shared.app.world import World
from shared.core.blocking import BlockRules
from shared.core.errors import BlockedError, RejectedError
from shared.core.ics import Entry, calendar_text
from shared.core.model import Appointment, Kind, Side, What
from shared.core.text import BUSY
from shared.core.window import Window, at_least_a_minute, scan_window, whole_days, window
from shared.ports import Document, Put, Remove

STANDS = timedelta(days=365)
EVENTS_MAX = 5_000
"""A feed with more is not served: what it left out would look free."""
ENDED = (Status.DISCONNECTED, Status.REMOVING)
"""Such connections show nothing; who connects anew asks for a new link."""
SECRET_BYTES = 32
_KEY_LENGTH = 32
"""Characters of a connection's key, which a token begins with."""


@dataclass(frozen=True)
class Feed:
    """A link that was given out."""

    key: str
    """Of its connection."""
    practice: str
    token_hash: str
    labels: bool
    """Whether it says what the connection's events say; else "Busy"."""
    made_at: datetime
    expire_at: datetime


def feed_path(key: str) -> str:
    return f"feeds/{key}"


def feed_data(feed: Feed) -> dict[str, object]:
    return {
        "practice": feed.practice,
        "token_hash": feed.token_hash,
        "labels": feed.labels,
        "made_at": feed.made_at,
        "expire_at": feed.expire_at,
    }


def feed_of(document: Document) -> Feed:
    data: Mapping[str, Any] = document.data
    return Feed(document.id, **data)


# --- the link -------------------------------------------------------------------------------------------


def make(
    world: World, connection: Connection, random_text: Callable[[], str], *, labels: bool
) -> tuple[Feed, str]:
    """A new link and its token, which nobody is told again; the one before it is good no more.

    Raises RejectedError `not_connected`: a connection that has come to its end shows nothing.
    """
    if connection.status in ENDED:
        raise RejectedError("not_connected")
    token, now = connection.key + random_text(), world.clock.now()
    feed = Feed(connection.key, connection.practice, world.keys.feed(token), labels, now, now + STANDS)
    world.documents.commit([Put(feed_path(feed.key), feed_data(feed))])
    return feed, token


def current(world: World, key: str) -> Feed | None:
    """The link of a connection, if it has one that is good."""
    standing = _standing(world, key)
    return standing[0] if standing else None


def revoke(world: World, key: str) -> None:
    """Once more is nothing."""
    world.documents.commit([Remove(feed_path(key))])


def opened(world: World, token: str) -> tuple[Feed, Connection] | None:
    """What a token opens. None, without a word of why: it was made up, it ended, or its connection did."""
    standing = _standing(world, token[:_KEY_LENGTH])
    if standing is None or not hmac.compare_digest(standing[0].token_hash, world.keys.feed(token)):
        return None
    return standing


def _standing(world: World, key: str) -> tuple[Feed, Connection] | None:
    paths = feed_path(key), connection_path(key)
    found = world.documents.get(*paths)
    if not all(path in found for path in paths):
        return None
    feed, connection = feed_of(found[paths[0]]), connection_of(found[paths[1]])
    good = feed.expire_at > world.clock.now() and connection.status not in ENDED
    return (feed, connection) if good else None


# --- what it shows --------------------------------------------------------------------------------------


def feed_text(world: World, feed: Feed, connection: Connection) -> str:
    """The calendar, read from the EHR now: the connection's window, at most a month of it past.

    Raises RetryableError, and BlockedError, `feed_too_large` too.
    """
    settings, now = connection.settings, world.clock.now()
    whole = window(settings.start_from, settings.horizon_days, now=now, zone=settings.zone)
    seen = scan_window(whole, now=now)
    renderer = Renderer(world.keys, settings, connection.practitioner, seen, BlockRules())
    ehr = world.ehr(connection.practice)
    rows = [
        row for row in _scanned(world, connection, seen) if renderer.has(row) and row.kind is not Kind.BLOCK
    ]
    if len(rows) > EVENTS_MAX:
        raise BlockedError("feed_too_large")
    if feed.labels:
        renderer.learn(ehr, rows)
    entries = [_entry(world, feed, connection, renderer, row) for row in rows if row.when is not None]
    return calendar_text(connection.calendar_name, entries)


def _scanned(world: World, connection: Connection, seen: Window) -> list[Appointment]:
    return world.ehr(connection.practice).scan(connection.practitioner, seen.start, seen.end)


def _entry(world: World, feed: Feed, connection: Connection, renderer: Renderer, row: Appointment) -> Entry:
    assert row.when is not None
    origin = Side.CALENDAR if row.identifier else Side.EHR
    what = renderer.what(row, origin)
    shown = what if feed.labels else What(summary=BUSY, busy=what.busy)
    when = row.when if row.kind is Kind.CLIENT else whole_days(row.when, connection.settings.zone)
    uid = world.keys.k_of_appointment(connection.practice, connection.key, row.id)
    return Entry(f"{uid}@calsync", row.changed_at or feed.made_at, at_least_a_minute(when), shown)
