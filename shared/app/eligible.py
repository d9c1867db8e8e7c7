"""Which calendars of an account may take part beside the appointments calendar, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.app.appointments_calendar import SIGN
from shared.app.records import Connection
from shared.app.world import World
from shared.ports import CalendarEntry


class Unfit(Enum):
    OURS = "ours"
    """An appointments calendar, this connection's or another's."""
    NOT_OWNER = "not_owner"
    RIGHTS_MISSING = "rights_missing"
    """The person has not granted the reading of it."""


@dataclass(frozen=True)
class Reach:
    """Which calendars' events may be read, by what the person has granted."""

    owned: bool
    others: bool | None
    """None: here nobody is asked for calendars of others."""


@dataclass(frozen=True, repr=False)
class Candidate:
    entry: CalendarEntry
    unfit: Unfit | None
    """None: it may take part."""


def candidates(world: World, connection: Connection, reach: Reach) -> list[Candidate]:
    """The whole calendar list, the primary calendar first, then as the service lists them."""
    mark = world.keys.calendar_mark(connection.practice, connection.practitioner, connection.sub)
    entries = sorted(world.calendars(connection, paced=False).entries(), key=lambda entry: not entry.primary)
    return [Candidate(entry, _unfit(entry, mark, reach)) for entry in entries]


def _unfit(entry: CalendarEntry, mark: str, reach: Reach) -> Unfit | None:
    if mark in entry.description or SIGN in entry.description:
        return Unfit.OURS
    if not entry.owner and reach.others is None:
        return Unfit.NOT_OWNER
    readable = reach.owned if entry.owner else reach.others
    return None if readable else Unfit.RIGHTS_MISSING
