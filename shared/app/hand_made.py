"""Series that a person makes in the appointments calendar: each occurrence is an item, and a split is a move.

Splitting a series, re-timing it or giving it another rule takes occurrences away and puts others in their
place. To the practitioner that is the same time, moved: new occurrences take over, in order of their start,
the appointments of those that are gone. Only what is then left over is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from shared.app.cases import Case, see_event, see_row
from shared.app.gathering import Gatherer
from shared.core.identity import series_of
from shared.core.item import Item
from shared.core.model import Appointment, Event, Facts, Kind, Side
from shared.core.window import instants


class HandMadeSeries:
    """Those that the rows of one listing touch, but for events of ours that were given a rule."""

    def __init__(self, gatherer: Gatherer, events: list[Event]) -> None:
        self._gatherer = gatherer
        self._items, self._keys = gatherer.items, gatherer.tools.world.keys
        self._renderer = gatherer.tools.renderer
        by_id = {event.id: event for event in events}
        touched = {master: event for event in events for master in gatherer.touched(event)}
        self.masters: dict[str, Event | None] = {
            master: by_id.get(master) for master, event in touched.items() if not self._is_ours(master, event)
        }
        """By their ids, as this listing has them if it does."""
        self._moved = [event for event in events if self._is_part(event) and event.origin is not None]

    def _is_ours(self, master_id: str, event: Event) -> bool:
        """An event of ours to which a rule was added, or an exception of that: it is one appointment."""
        stored = self._items.get(self._items.k_of_event(master_id) or "")
        if stored is not None and (stored.origin is Side.EHR or stored.kind is Kind.CLIENT):
            return True
        return event.marker is not None  # its occurrences have the marker of the master

    def _is_part(self, event: Event) -> bool:
        return event.series and not self.masters.keys().isdisjoint(self._gatherer.touched(event))

    # --- what is to be matched --------------------------------------------------------------------------

    def expanded(self, events: list[Event], occurrences: list[Event]) -> list[Event]:
        """The listing with these series as their occurrences, those moved out of reach among them."""
        rest = [event for event in events if not self._is_part(event)]
        within = [event for event in occurrences if event.origin and event.origin.series_id in self.masters]
        listed = {event.id for event in within}
        beyond = [event for event in self._moved if not event.cancelled and event.id not in listed]
        return [*rest, *within, *beyond]

    def instances(self) -> list[Event]:
        """Their occurrences within reach, a call for each series."""
        asked = self.masters.items()
        return [event for master, found in asked for event in self._gatherer.instances(master, found)]

    # --- what is gone, and who takes over ---------------------------------------------------------------

    def see_gone(self, cases: dict[str, Case]) -> None:
        """After the occurrences were matched: what is known of these series and is no part of them now."""
        gone = sorted(self._gone(), key=self._start_of)
        heirs = sorted(
            filter(self._is_new, cases.values()), key=lambda case: self._start(case.known(Side.CALENDAR))
        )
        booked = [item for item in gone if item.appointment_id and item.known(Side.EHR) is not None]
        rows = self._rows_of(booked) if heirs else {}
        theirs = [item for item in booked if not self._has_client(rows.get(item.appointment_id or ""))]
        inherited = dict(zip((item.k for item in theirs), heirs, strict=False))
        for item in gone:
            if item.k in inherited:
                self._hand_over(item, inherited[item.k], cases)
            else:
                see_event(self._gatherer.case(item.k, item), None, self._renderer)
        for heir in inherited.values():  # its row is named after one that is gone: it is written in any case
            see_row(heir, rows[heir.item.appointment_id or ""], self._renderer)

    def _gone(self) -> Iterator[Item]:
        gatherer = self._gatherer
        for master, event in self.masters.items():
            if master in gatherer.unread:
                continue
            over = event is not None and (event.cancelled or not event.master)
            single = self._items.get(self._items.k_of_event(master) or "")
            if single is not None and series_of(single.k) is None and not over:
                yield single  # it is a series now
            for item in gatherer.known_of_series(master):
                expected = gatherer.within_reach(item) and (over or not gatherer.is_beyond(item))
                if expected and not self._left(item) and not gatherer.is_read(item):
                    yield item

    def _left(self, item: Item) -> bool:
        """It has an event of its own, or is about to: no change of the series reaches it."""
        calendar_key, generations = self._gatherer.tools.calendar.key, range(item.generation + 1)
        own = [self._keys.event_id(calendar_key, item.k, each) for each in generations]
        return item.kind is Kind.CLIENT or item.event_id in own

    def _is_new(self, case: Case) -> bool:
        calendar_key, item = self._gatherer.tools.calendar.key, case.item
        ours = {self._keys.series(calendar_key, master) for master in self.masters}
        ours |= {self._keys.k_of_event(calendar_key, master) for master in self.masters}
        lives = case.calendar is not None and case.calendar.facts is not None
        return (
            case.stored is None
            and lives
            and item.appointment_id is None
            and (series_of(item.k) or item.k) in ours
        )

    def _hand_over(self, old: Item, heir: Case, cases: dict[str, Case]) -> None:
        heir.item = replace(
            heir.item,
            kind=old.kind,
            appointment_id=old.appointment_id,
            base=old.base,
            generation=max(heir.item.generation, old.generation),
        )
        cases.pop(old.k, None)
        self._items.drop(old.k)

    def _rows_of(self, items: list[Item]) -> dict[str, Appointment | None]:
        ids = sorted(item.appointment_id for item in items if item.appointment_id)
        rows = self._gatherer.tools.ehr.read(ids) if ids else {}
        self._renderer.learn(self._gatherer.tools.ehr, rows.values())
        return rows

    def _has_client(self, row: Appointment | None) -> bool:
        """It was given one meanwhile, and may have an event of its own already: it goes with no series."""
        return row is not None and row.kind is Kind.CLIENT

    def _start_of(self, item: Item) -> datetime:
        return self._start(item.known(Side.CALENDAR) or item.base.calendar)

    def _start(self, facts: Facts | None) -> datetime:
        zone = self._gatherer.tools.connection.settings.zone
        return instants(facts.when, zone)[0] if facts else datetime.max.replace(tzinfo=UTC)
