"""Items that cannot be done as they stand: which, why, and where a person can change them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.app.connections import calendars_of
from shared.app.items import OPEN_SERIES_MAX
from shared.app.records import Calendar, Connection, item_of, items_path, occurrences_of, series_path
from shared.app.world import World
from shared.core.item import Item
from shared.core.model import Appointment, Side
from shared.core.policy import EditIn, Traits, edit_in, is_past
from shared.core.window import instants
from shared.ports import Where

SET_ASIDE_MAX = 500
"""Of one calendar; more is a calendar that needs somebody anyway."""


@dataclass(frozen=True)
class Aside:
    calendar: Calendar
    item: Item
    reason: str
    times: tuple[tuple[datetime, datetime], ...]
    """When it is, as far as is known: on either side."""
    edit_in: EditIn

    @property
    def start(self) -> datetime | None:
        return self.times[0][0] if self.times else None

    @property
    def end(self) -> datetime | None:
        return self.times[0][1] if self.times else None


def read_set_aside(world: World, connection: Connection) -> list[Aside]:
    """Of every calendar of the account."""
    account = world.keys.account(connection.sub)
    ours = [each for each in calendars_of(world, connection.key) if each.account == account]
    return [aside for calendar in ours for aside in set_aside_of(world, connection, calendar)]


def set_aside_of(world: World, connection: Connection, calendar: Calendar) -> list[Aside]:
    """At most SET_ASIDE_MAX, and those of OPEN_SERIES_MAX series."""
    aside = Where("aside", ">", "")
    found = world.documents.find(items_path(calendar.key), aside, order_by="aside", limit=SET_ASIDE_MAX)
    series = world.documents.find(series_path(calendar.key), order_by="retry_at", limit=OPEN_SERIES_MAX)
    items = [item_of(document, calendar) for document in found]
    items += [item for document in series for item in occurrences_of(document, calendar)]
    now = world.clock.now()
    return [
        Aside(
            calendar,
            item,
            item.aside,
            times_of(item, connection),
            where_to_edit(item, connection, None, now=now),
        )
        for item in items
        if item.aside is not None
    ]


def times_of(item: Item, connection: Connection) -> tuple[tuple[datetime, datetime], ...]:
    zone = connection.settings.zone
    known = (item.known(side) for side in Side)
    return tuple(instants(facts.when, zone) for facts in known if facts is not None)


def where_to_edit(item: Item, connection: Connection, row: Appointment | None, *, now: datetime) -> EditIn:
    """`row`: as read now, for whether it is protected is known where it says so."""
    held = item.known(Side.EHR) or item.known(Side.CALENDAR)
    past = is_past(held, now=now, zone=connection.settings.zone)
    protected = row is not None and row.protected is True
    return edit_in(
        Traits(kind=item.kind, origin=item.origin, past=past, protected=protected), connection.settings
    )
