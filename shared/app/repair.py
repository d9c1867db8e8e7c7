"""The appointments calendar was deleted there: it is made again, and everything is sent anew.

Nothing in the EHR changes. What went with the calendar is nobody's deletion: an item that speaks of another
calendar than the one there is comes without its calendar side (`shared/app/records.py`).
"""

from __future__ import annotations

from dataclasses import replace

from shared.app.connections import load, rewrite
from shared.app.records import Calendar, Connection, calendar_of, calendar_path
from shared.app.world import World
from shared.core.errors import RejectedError


def repair(world: World, key: str) -> Connection:
    """Have the calendar found by its mark, else made, by the next bulk job; one that is there is left alone.

    Raises RejectedError `not_connected`, `not_syncing`; RetryableError `stopping`.
    """
    connection = load(world, key)
    if not connection.moves:
        raise RejectedError("not_syncing")
    path = calendar_path(connection.calendar_key)
    document = world.documents.get(path).get(path)
    if document is not None and calendar_of(document).missing:
        rewrite(world, connection.calendar_key, lambda calendar: _mended(world, calendar))
    return connection


def _mended(world: World, calendar: Calendar) -> Calendar:
    if not calendar.missing:
        return calendar
    now = world.clock.now()
    return replace(
        calendar,
        missing=False,
        calendar_id=None,
        cursor=None,
        cursor_format=0,
        pass_at=now,
        passed_at=None,
        due_at=now,
        progress=None,
        problem=None,
        lease=None,
        channels=(),
        renew_at=None,
    )
