"""The appointments calendar is found before it is made, so that none is made twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from shared.app.records import Calendar, Connection
from shared.app.world import World
from shared.core.errors import RetryableError
from shared.ports import CalendarService

DESCRIPTION = "Kept in sync with your practice software. Reference, do not remove: {mark}"


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
    mark = world.keys.calendar_mark(connection.practice, connection.practitioner, connection.sub)
    found = sorted(entry.id for entry in service.entries() if entry.owner and mark in entry.description)
    if not found:
        now = world.clock.now()
        wait = timedelta(seconds=world.limits.creating_seconds)
        if calendar.creating_at is not None and now < calendar.creating_at + wait:
            raise RetryableError("calendar_being_made", (calendar.creating_at + wait - now).total_seconds())
        calendar = replace(calendar, creating_at=now)
        save(calendar)
        description = DESCRIPTION.format(mark=mark)
        made = service.add_calendar(connection.calendar_name, description, connection.settings.zone.key)
        found = [made.id]
    calendar = replace(calendar, calendar_id=found[0], creating_at=None)
    save(calendar)
    return calendar
