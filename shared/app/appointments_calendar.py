"""The appointments calendar is found before it is made, so that none is made twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from shared.app.records import Calendar, Connection, calendar_of, calendar_path
from shared.app.world import World
from shared.core.errors import RetryableError, StaleError
from shared.ports import CalendarService

DESCRIPTION = "Kept in sync with your practice software. Reference, do not remove: {mark}"
SIGN = DESCRIPTION.partition("{mark}")[0].strip()
"""What every calendar that was ever made so has in its description, whosever it is."""


def ensure_calendar(
    world: World,
    calendar: Calendar,
    connection: Connection,
    service: CalendarService,
    save: Callable[[Calendar], object],
) -> Calendar:
    """The calendar record with the id of a calendar that exists.

    Found by the mark in its description over the whole calendar list, else made. That it is being made is
    saved first: after a lost answer nothing is made before the list had time to show it.
    Raises RetryableError then.
    """
    found = find_calendar(world, connection, service)
    if found is None:
        now = world.clock.now()
        wait = timedelta(seconds=world.limits.creating_seconds)
        if calendar.creating_at is not None and now < calendar.creating_at + wait:
            raise RetryableError("calendar_being_made", (calendar.creating_at + wait - now).total_seconds())
        calendar = replace(calendar, creating_at=now)
        save(calendar)
        description = DESCRIPTION.format(mark=mark_of(world, connection))
        made = service.add_calendar(connection.calendar_name, description, connection.settings.zone.key)
        try:
            return _saved(calendar, made.id, save)
        except StaleError:
            _remove_second(world, calendar.key, made.id, service)
            raise
    return _saved(calendar, found, save)


def find_calendar(world: World, connection: Connection, service: CalendarService) -> str | None:
    """Id of the calendar that carries the connection's mark; of several always the same."""
    mark = mark_of(world, connection)
    return min(
        (entry.id for entry in service.entries() if entry.owner and mark in entry.description), default=None
    )


def mark_of(world: World, connection: Connection) -> str:
    return world.keys.calendar_mark(connection.practice, connection.practitioner, connection.sub)


def _saved(calendar: Calendar, calendar_id: str, save: Callable[[Calendar], object]) -> Calendar:
    calendar = replace(calendar, calendar_id=calendar_id, creating_at=None)
    save(calendar)
    return calendar


def _remove_second(world: World, key: str, made_id: str, service: CalendarService) -> None:
    """Our job was too late: another has gone on. If with a calendar of its own, ours is one too many."""
    path = calendar_path(key)
    document = world.documents.get(path).get(path)
    used = calendar_of(document).calendar_id if document else None
    if used not in (None, made_id):
        service.remove_calendar(made_id)
