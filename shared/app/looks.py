"""Looks: many calendars in one task, one cheap read each. What is not plainly idle is its job's to see."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.app.channels import channel_due
from shared.app.entitlements import is_to_be_told
from shared.app.outcome import has_news, stamp
from shared.app.records import (
    Calendar,
    Connection,
    calendar_data,
    calendar_of,
    calendar_path,
    connection_of,
    connection_path,
)
from shared.app.world import World
from shared.core.errors import StaleError
from shared.ports import Document, Put


@dataclass(frozen=True)
class Looked:
    calendars: int
    """That were read; the others wait for something."""
    with_news: tuple[str, ...]
    """Keys of those that need their job: news, a pass, an error that it has to name."""


def look(world: World, calendar_keys: Iterable[str]) -> Looked:
    """Read the delta of each of these calendars that nothing holds up. Raises RetryableError: the store."""
    paths = [calendar_path(key) for key in calendar_keys]
    documents = world.documents.get(*paths)
    due = _due(world, documents)

    def read(path: str) -> str | None:
        return _news(world, documents[path], *due[path])

    found = world.side_by_side(read, list(due))
    return Looked(len(due), tuple(key for key in found if key is not None))


def _due(world: World, documents: Mapping[str, Document]) -> dict[str, tuple[Calendar, Connection]]:
    """By path, the calendars that are to be looked at now."""
    calendars = {path: calendar_of(document) for path, document in documents.items()}
    connections = world.documents.get(*{connection_path(each.connection) for each in calendars.values()})
    now = world.clock.now()
    due = {}
    for path, calendar in calendars.items():
        connection = connection_of(connections[connection_path(calendar.connection)])
        paused = connection.pause_until is not None and connection.pause_until > now
        waits = calendar.missing or paused or calendar.is_leased(now)  # a stamp would take it from the job
        if connection.moves and calendar.active and not waits:
            due[path] = calendar, connection
    return due


def _news(world: World, document: Document, calendar: Calendar, connection: Connection) -> str | None:
    """The calendar's key, if it needs its job."""
    cursor = calendar.usable_cursor
    if is_to_be_told(connection, world.clock.now()):
        return calendar.key
    if cursor is None or calendar.epoch != connection.epoch or calendar.calendar_id is None:
        return calendar.key
    try:
        service = world.calendars(connection, paced=False)
        page = service.events(calendar.calendar_id, cursor=cursor, page=None)
    except Exception:  # noqa: BLE001 - its own job meets it and names it; the others are looked at
        return calendar.key
    now = world.clock.now()
    if has_news(page) or calendar.problem is not None or channel_due(calendar, connection, world.push, now):
        return calendar.key
    stamped = stamp(calendar, page.cursor, now)
    if stamped is not None:
        with contextlib.suppress(StaleError):  # whoever wrote it knows more
            world.documents.commit([Put(document.path, calendar_data(stamped), document.version)])
    return None
