"""Who in a practice is connected or invited, page by page, in the order of their keys.

A connection and its invitation have the same key, so two lists in one order are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.app.connect import Connecting
from shared.app.entitlements import entitlement_of
from shared.app.invites import INVITES, Invite, invite_of, invite_path
from shared.app.records import (
    Connection,
    calendar_of,
    calendar_path,
    connection_of,
    connection_path,
    entitlement_path,
)
from shared.app.review_answers import reviews_of_connection, waiting
from shared.app.state import SyncState, state_of
from shared.app.world import World
from shared.ports import Document, Where

CONNECTIONS = "connections"


@dataclass(frozen=True)
class Entry:
    key: str
    practitioner: str
    state: SyncState | None
    """None: they never connected."""
    invite: Invite | None
    """The one that stands."""
    in_review: int
    """Deletions that wait for an answer of theirs."""
    active_until: datetime | None
    """Until when the practice has agreed; None: without an end."""


@dataclass(frozen=True)
class Page:
    entries: tuple[Entry, ...]
    after: str | None
    """The key that the next page begins after; None: there is none."""


def read_roster(
    world: World, connecting: Connecting, practice: str, *, after: str | None, limit: int
) -> Page:
    """At most `limit`. Who is neither connected nor invited any more is in it as disconnected."""
    connections = _listed(world, CONNECTIONS, practice, connection_path(after) if after else None, limit)
    invites = _listed(world, INVITES, practice, invite_path(after) if after else None, limit)
    keys = sorted(connections.keys() | invites.keys())
    these = keys[:limit]
    records = {key: connection_of(connections[key]) for key in these if key in connections}
    asked = {key: invite_of(invites[key]) for key in these if key in invites}
    states = _states(world, connecting, list(records.values()))
    ends = _ends(world, these)
    now = world.clock.now()
    standing = {key: each for key, each in asked.items() if each.expire_at > now}
    entries = tuple(
        Entry(
            key,
            (records.get(key) or asked[key]).practitioner,
            states.get(key),
            standing.get(key),
            waiting(reviews_of_connection(world, key)) if key in records else 0,
            ends.get(key),
        )
        for key in these
        if key in records or key in standing
    )
    full = len(keys) > limit or limit in (len(connections), len(invites))
    return Page(entries, these[-1] if full and these else None)


def _listed(
    world: World, collection: str, practice: str, after: str | None, limit: int
) -> dict[str, Document]:
    found = world.documents.find(collection, Where("practice", "==", practice), limit=limit, after=after)
    return {document.id: document for document in found}


def _ends(world: World, keys: Sequence[str]) -> Mapping[str, datetime | None]:
    found = world.documents.get(*map(entitlement_path, keys))
    return {document.id: entitlement_of(document).active_until for document in found.values()}


def _states(
    world: World, connecting: Connecting, connections: Sequence[Connection]
) -> Mapping[str, SyncState]:
    paths = {each.key: calendar_path(each.calendar_key) for each in connections}
    found = world.documents.get(*paths.values())
    calendars = {key: calendar_of(found[path]) for key, path in paths.items() if path in found}
    return {
        each.key: state_of(world, connecting, each, None, calendars.get(each.key)) for each in connections
    }
