"""Begin again from nothing that is known, and find everything: for when a person doubts what they see.

Cursors and mappings are forgotten, in the stillness of a stop, and a first sync follows. It matches before it
creates: events by their marker, appointments by our identifier, so nothing comes twice. What is forgotten is
what was only known here: a deletion that nobody had read yet is undone by it, for what lives on one side and
lacks its base is made on the other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from shared.app.connections import calendars_of, change, load, park_calendars, stopped
from shared.app.items import DOCUMENTS_MAX, PAGE
from shared.app.records import (
    Calendar,
    Connection,
    Status,
    calendar_of,
    calendar_path,
    items_path,
    parked,
    series_path,
)
from shared.app.world import World
from shared.core.errors import RejectedError
from shared.ports import Remove


def start_over(world: World, key: str, start_from: date) -> Connection:
    """A first sync from this day on; where one has not begun yet, nothing.

    Raises RejectedError: `not_connected`, `not_started`, `reconnect_needed`, `removing`, `lapsed`,
    `calendar_missing`. RetryableError `stopping` where a running job does not end: the connection stays
    `stopping`, and the same call goes on.
    """
    before = load(world, key)
    calendar = _appointments_calendar(world, before)
    if calendar is not None and calendar.missing:
        raise RejectedError("calendar_missing")
    same = before.status is Status.ACTIVE and before.settings.start_from == start_from
    if same and (calendar is None or calendar.passed_at is None):
        return before
    connection = change(world, key, _stopping)
    park_calendars(world, connection, forgotten)
    for each in _forgettable(world, connection):
        for path in (items_path(each.key), series_path(each.key)):
            _remove_all(world, path)
    return stopped(world, connection, Status.ACTIVE, start_from=start_from)


def forgotten(calendar: Calendar) -> Calendar:
    """As one that was never read; one that is being left keeps what it knows of its blocks."""
    if calendar.leaving:
        return parked(calendar)
    return replace(
        parked(calendar),
        cursor=None,
        cursor_format=0,
        pass_at=None,
        passed_at=None,
        retry_at=None,
        progress=None,
        problem=None,
        gone_at=None,
    )


def _stopping(now: Connection) -> Connection:
    match now.status:
        case Status.STOPPING:
            return now
        case Status.ACTIVE | Status.PAUSED:
            return replace(now, status=Status.STOPPING, epoch=now.epoch + 1)
        case Status.CONNECTED:
            raise RejectedError("not_started")
        case Status.DISCONNECTED:
            raise RejectedError("not_connected")
        case _:
            raise RejectedError(now.status.value)


def _appointments_calendar(world: World, connection: Connection) -> Calendar | None:
    path = calendar_path(connection.calendar_key)
    document = world.documents.get(path).get(path)
    return calendar_of(document) if document else None


def _forgettable(world: World, connection: Connection) -> list[Calendar]:
    return [calendar for calendar in calendars_of(world, connection.key) if not calendar.leaving]


def _remove_all(world: World, path: str) -> None:
    for _ in range(DOCUMENTS_MAX // PAGE):
        page = world.documents.find(path, limit=PAGE)
        if not page:
            return
        world.documents.commit([Remove(document.path) for document in page])
    raise AssertionError("more items than a calendar can have")
