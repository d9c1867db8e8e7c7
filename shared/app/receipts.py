"""What is in a calendar of a connection that is ours, and the receipt of an end that adds up.

Ours are the events that we made of appointments, and whatever event a client's appointment has. An event that
somebody made by hand stays theirs, and the personal appointment that came of it stays the practice's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.app.connections import calendars_of
from shared.app.items import Items
from shared.app.records import Calendar, Connection, Receipt, Role, Tally
from shared.app.world import World
from shared.core.item import Item
from shared.core.model import Kind, Side


@dataclass(frozen=True)
class Stock:
    """What is known to be there because of one calendar."""

    ours: int = 0
    """Events of ours, or blocks in the EHR."""
    by_hand: int = 0
    """Events that somebody made and that were taken in."""
    personal: int = 0
    """Appointments in the EHR that came of such events."""


def is_by_hand(item: Item) -> bool:
    return item.kind is Kind.PERSONAL and item.origin is Side.CALENDAR


def is_block(item: Item) -> bool:
    return item.kind is Kind.BLOCK and item.known(Side.EHR) is not None


def stock(world: World, calendar: Calendar, practice: str) -> Stock:
    """By what is stored; every item is read."""
    items = Items(world.documents, calendar, practice)
    items.load_all()
    return stock_of(items, calendar)


def stock_of(items: Iterable[Item], calendar: Calendar) -> Stock:
    found = list(items)
    if calendar.role is Role.EXTERNAL:
        return Stock(ours=sum(map(is_block, found)))
    there = [item for item in found if item.known(Side.CALENDAR) is not None]
    by_hand = sum(map(is_by_hand, there))
    personal = sum(is_by_hand(item) and item.known(Side.EHR) is not None for item in found)
    return Stock(len(there) - by_hand, by_hand, personal)


def kept_receipt(world: World, connection: Connection) -> Receipt:
    """Of an end that takes nothing away, or nothing more: what a removal has taken by then is gone."""
    events, blocks, personal = Tally(), Tally(), 0
    for calendar in calendars_of(world, connection.key):
        found = stock(world, calendar, connection.practice)
        removed = _removed(calendar, found)
        if calendar.role is Role.EXTERNAL:
            blocks = _more(blocks, removed=removed, kept=found.ours)
        else:
            events = _more(events, removed=removed, kept=found.ours + found.by_hand)
            personal += found.personal
    return Receipt(world.clock.now(), events, blocks, personal_kept=personal)


def removal_receipt(at: datetime, calendars: Iterable[Calendar]) -> Receipt:
    """Of a removal that is over, `calendars` as it has left them."""
    events, blocks = Tally(), Tally()
    personal, deleted, problem = 0, False, None
    for calendar in calendars:
        removal = calendar.removal
        if removal is None:
            continue
        removed, refused = (removal.found or 0) - removal.left, removal.left
        if calendar.role is Role.EXTERNAL:
            blocks = _more(blocks, removed=removed, refused=refused)
        else:
            events = _more(events, removed=removed, kept=removal.kept, refused=refused)
            personal += removal.personal
            deleted = deleted or removal.calendar_deleted
        problem = problem or (removal.problem if refused else None)
    return Receipt(at, events, blocks, personal, calendar_deleted=deleted, problem=problem)


def _removed(calendar: Calendar, now: Stock) -> int:
    removal = calendar.removal
    return max(0, removal.found - now.ours) if removal and removal.found is not None else 0


def _more(tally: Tally, *, removed: int = 0, kept: int = 0, refused: int = 0) -> Tally:
    return Tally(tally.removed + removed, tally.kept + kept, tally.refused + refused)
