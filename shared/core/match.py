"""Match before create: which item an event or an appointment belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from shared.core.identity import Keys, parse_identifier
from shared.core.model import Appointment, Event


class Claim(Enum):
    """What an event's marker is worth."""

    OURS = "ours"
    COPY = "copy"
    """Our marker on an id that is not ours: somebody duplicated an event. The marker comes off."""
    FOREIGN = "foreign"
    """The marker of another deployment or connection: never adopted, changed or deleted."""
    UNMARKED = "unmarked"
    """Made by hand."""


def claim(keys: Keys, calendar_key: str, event: Event, *, mapped: bool) -> Claim:
    """`mapped`: an item names this event's id, which proves it ours whatever its marker says."""
    if mapped or keys.is_ours(calendar_key, event):
        return Claim.OURS
    if event.marker is None:
        return Claim.UNMARKED
    return Claim.COPY if event.marker.calendar_key == calendar_key else Claim.FOREIGN


def k_of_event(keys: Keys, calendar_key: str, event: Event) -> str:
    """Of an event that no item names: by its marker where that proves it ours, else by its id."""
    if event.marker is not None and keys.is_ours(calendar_key, event):
        return event.marker.k
    return keys.k_of_event(calendar_key, event.id)


def k_from_calendar(calendar_key: str, row: Appointment) -> str | None:
    """The k of a row that came from this calendar, by our identifier on it."""
    parts = parse_identifier(row.identifier or "")
    return parts[1] if parts is not None and parts[0] == calendar_key else None


def choose_event(
    mapped_id: str | None, events: Iterable[Event], *, mapped_lives: bool
) -> tuple[Event | None, list[Event]]:
    """Of the events read for one item: the one that speaks for it, and live ones that are too many.

    The mapped one stays while it lives; else the live one of the highest generation takes over; else the
    mapped one's tombstone speaks. `mapped_lives`: as far as is known where it was not read.
    """
    by_id = {event.id: event for event in events}
    mapped = by_id.get(mapped_id or "")
    live = sorted((event for event in by_id.values() if not event.cancelled), key=_generation)
    if mapped is not None and not mapped.cancelled:
        return mapped, [event for event in live if event is not mapped]
    if mapped is None and mapped_lives:
        return None, live
    if live:
        return live[-1], live[:-1]
    return mapped, []


def _generation(event: Event) -> tuple[int, str]:
    return (event.marker.generation if event.marker else -1, event.id)
