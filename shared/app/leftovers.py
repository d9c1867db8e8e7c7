"""What earlier installations left in an account: their events in our calendar, and their calendars.

Their markers are of other keys, so nothing here ever adopts, changes or counts them. They are shown, and go
only where a person has chosen each by its id. A calendar of a connection that is stored here is none, of
whichever practitioner: several may share an account.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from shared.app.accounts import CONNECTIONS_MAX
from shared.app.appointments_calendar import SIGN, mark_of
from shared.app.connections import calendars_of
from shared.app.records import Connection, calendar_of, calendar_path, connection_of
from shared.app.world import World
from shared.core.errors import BlockedError, GrantDeadError, RejectedError, StaleError
from shared.core.match import Claim, claim
from shared.core.model import Event
from shared.core.window import instants
from shared.ports import CalendarEntry, CalendarService, GoneError, Where

CALENDARS_MAX = 20
"""Calendars of earlier installations that are looked into; the rest are seen once these are gone."""
PAGES_MAX = 40
"""Of one calendar: a hundred thousand events."""
EVENTS_A_CALL = 50
"""Events that one call removes: somebody waits for it."""


@dataclass(frozen=True, repr=False)
class Leftover:
    id: str
    """Of a calendar, Google's; of events, the key in their marker."""
    calendar: bool
    """A whole calendar; else events in ours."""
    name: str
    """Of the calendar that it is, or that they are in."""
    events: int | None = None
    """None: it cannot be looked into."""
    by_hand: int = 0
    """Of these, in a calendar, those that carry no marker: somebody made them."""
    since: date | None = None
    """The first day that any of them is on."""


@dataclass(frozen=True)
class Cleared:
    """What became of what was chosen, in events; and how many calendars went."""

    calendars: int = 0
    removed: int = 0
    refused: int = 0
    left: int = 0
    """The same call again goes on with them."""


def leftovers(world: World, connection: Connection) -> list[Leftover]:
    """Calendars first. Raises BlockedError without a grant, RetryableError."""
    service = world.calendars(connection, paced=False)
    entries = list(service.entries())
    found = [_whole(connection, service, entry) for entry in _left_behind(world, connection, entries)]
    own = _own_calendar(world, connection)
    name = next((entry.name for entry in entries if entry.id == own), connection.calendar_name)
    groups = _foreign(world, connection, service, own) if own else {}
    found += [
        replace(_counted(connection, events), id=key, calendar=False, name=name)
        for key, events in sorted(groups.items())
    ]
    return found


def clear(world: World, connection: Connection, ids: Collection[str]) -> Cleared:
    """Remove those of these that are left over; what is not, or not any more, is passed over.

    Raises BlockedError without a grant, RetryableError: the same call again.
    """
    service = world.calendars(connection, paced=True)
    entries = [entry for entry in _left_behind(world, connection, service.entries()) if entry.id in ids]
    cleared = Cleared()
    for entry in entries:
        cleared = _without_calendar(connection, service, entry, cleared)
    own = _own_calendar(world, connection)
    if own is None or not set(ids) - {entry.id for entry in entries}:
        return cleared
    groups = _foreign(world, connection, service, own)
    chosen = [event for key, events in sorted(groups.items()) if key in ids for event in events]
    removed = sum(_removed(world, service, own, event) for event in chosen[:EVENTS_A_CALL])
    tried = len(chosen[:EVENTS_A_CALL])
    return replace(
        cleared,
        removed=cleared.removed + removed,
        refused=cleared.refused + tried - removed,
        left=len(chosen) - tried,
    )


# --- calendars ------------------------------------------------------------------------------------------


def _left_behind(
    world: World, connection: Connection, entries: Iterable[CalendarEntry]
) -> list[CalendarEntry]:
    """Those that this product has made and no stored connection has, by mark or by id."""
    same = world.documents.find("connections", Where("sub", "==", connection.sub), limit=CONNECTIONS_MAX)
    stored = [connection_of(document) for document in same]
    marks = [mark_of(world, each) for each in stored if each.key != connection.key]
    taken = {_own_calendar(world, each) for each in stored}
    if _own_calendar(world, connection) is None:
        marks.append(mark_of(world, connection))  # it is about to be found by its mark
    taken |= {calendar.calendar_id for calendar in calendars_of(world, connection.key)}
    found = [
        entry
        for entry in entries
        if entry.owner and not entry.primary and SIGN in entry.description and entry.id not in taken
    ]
    return [entry for entry in found if not any(mark in entry.description for mark in marks)][:CALENDARS_MAX]


def _own_calendar(world: World, connection: Connection) -> str | None:
    path = calendar_path(connection.calendar_key)
    document = world.documents.get(path).get(path)
    return calendar_of(document).calendar_id if document else None


def _whole(connection: Connection, service: CalendarService, entry: CalendarEntry) -> Leftover:
    known = Leftover(entry.id, calendar=True, name=entry.name)
    try:
        events = list(_living(service, entry.id))
    except GrantDeadError:
        raise
    except (BlockedError, RejectedError, GoneError):
        return known
    return replace(_counted(connection, events), id=entry.id, calendar=True, name=entry.name)


def _without_calendar(
    connection: Connection, service: CalendarService, entry: CalendarEntry, so_far: Cleared
) -> Cleared:
    events = _whole(connection, service, entry).events or 0
    try:
        service.remove_calendar(entry.id)
    except GrantDeadError:
        raise
    except (BlockedError, RejectedError):  # made by another client: only that may delete it
        return replace(so_far, refused=so_far.refused + max(events, 1))
    return replace(so_far, calendars=so_far.calendars + 1, removed=so_far.removed + events)


# --- events ---------------------------------------------------------------------------------------------


def _foreign(
    world: World, connection: Connection, service: CalendarService, calendar_id: str
) -> dict[str, list[Event]]:
    """By the key in their marker."""
    groups: dict[str, list[Event]] = {}
    with contextlib.suppress(GoneError):
        for event in _living(service, calendar_id):
            standing = claim(world.keys, connection.calendar_key, event, mapped=False)
            if standing is Claim.FOREIGN and event.marker is not None and event.origin is None:
                groups.setdefault(event.marker.calendar_key, []).append(event)
    return groups


def _living(service: CalendarService, calendar_id: str) -> Iterator[Event]:
    page = None
    for _ in range(PAGES_MAX):
        read = service.events(calendar_id, cursor=None, page=page)
        yield from (event for event in read.events if not event.cancelled)
        page = read.next_page
        if page is None:
            return
    raise BlockedError("listing_without_end")


def _counted(connection: Connection, events: Iterable[Event]) -> Leftover:
    there = [event for event in events if event.origin is None]
    zone = connection.settings.zone
    starts: list[datetime] = [instants(event.when, zone)[0] for event in there if event.when is not None]
    since = min(starts).astimezone(zone).date() if starts else None
    by_hand = sum(event.marker is None for event in there)
    return Leftover("", calendar=False, name="", events=len(there), by_hand=by_hand, since=since)


def _removed(world: World, service: CalendarService, calendar_id: str, event: Event) -> bool:
    current: Event | None = event
    for _ in range(world.limits.stale_tries):
        if current is None or current.cancelled:
            return True
        try:
            service.delete(calendar_id, current)
        except StaleError:
            current = service.event(calendar_id, event.id)
        except RejectedError:
            return False
        else:
            return True
    return False
