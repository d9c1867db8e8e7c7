"""Gathering: bring both sides of each item together for a job, whatever the role of its calendar.

Nothing is decided here. `gather.py` does it for the appointments calendar, `external.py` for others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.app.cases import Case
from shared.app.items import Items
from shared.app.tools import Tools
from shared.core.errors import BlockedError, RejectedError
from shared.core.item import Item
from shared.core.model import Appointment, Event, Side
from shared.core.window import Window, instants, scan_window
from shared.ports import EventPage, GoneError

LASTS_AT_MOST = timedelta(days=31)
"""A scan finds appointments by their start: it begins so much before the window, for what reaches into it."""
DAYS_APART = timedelta(hours=26)
"""Between the same local day in the first zone and in the last. So much more of a calendar is asked for: its
own zone tells there when a day begins, and not the practitioner's."""


@dataclass
class Gathered:
    cases: list[Case]
    listed: bool
    """The calendar was read, from its cursor on or whole."""
    cursor: str | None
    """At the end of that listing, to be kept once the cases are saved; it may have none."""
    pass_wanted: bool = False
    """Something came up that only a complete pass can place."""
    orphans: int = 0
    """Live events of ours whose appointment was not found."""


@dataclass
class Gatherer(ABC):
    """Reads for one calendar under its lease."""

    tools: Tools
    now: datetime
    items: Items
    _cases: dict[str, Case] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    """Masters of series that live and whose occurrences cannot be told now."""
    _told_alive: set[str] = field(default_factory=set)
    """Masters of occurrences that were listed: who sees busy times only sees these and not their series."""
    _pass_wanted: bool = False
    _orphans: int = 0

    @abstractmethod
    def changes(self, first: EventPage | None, ids: Iterable[str], *, take_up: bool = True) -> Gathered:
        """What changed: the delta from its first page on, these appointments, and the items that are open."""

    @abstractmethod
    def everything(self) -> Gathered:
        """A complete pass: both sides whole, every item, matched before anything is created."""

    # --- what both ways share ---

    @property
    def window(self) -> Window:
        return self.tools.renderer.window

    @property
    def reach(self) -> Window:
        """What a complete pass reads: the first one the whole window, later ones little of the past."""
        return (
            self.window if self.tools.calendar.passed_at is None else scan_window(self.window, now=self.now)
        )

    def load_due(self, *, take_up: bool) -> list[Item]:
        """Items of the store that are to be taken up again, and those loaded before that are."""
        retry_at = self.tools.calendar.retry_at
        if take_up and retry_at is not None and retry_at <= self.now:
            self.items.load_open(self.now, self.tools.world.limits.take_up_max)
        return [item for item in self.items if item.retry_at is not None and item.retry_at <= self.now]

    def scanned(self) -> dict[str, Appointment | None]:
        """Every row of the practitioner within reach, and mapped ones that the scan should have listed."""
        reach = self.reach
        practitioner = self.tools.connection.practitioner
        scan = self.tools.ehr.scan(practitioner, reach.start - LASTS_AT_MOST, reach.end)
        rows: dict[str, Appointment | None] = {row.id: row for row in scan}
        unlisted = sorted(self._mapped_rows(reach) - rows.keys())
        return rows | self.tools.ehr.read(unlisted) if unlisted else rows

    def _mapped_rows(self, reach: Window) -> set[str]:
        """Appointments that a scan should have listed, and those with something open.

        What ended before the scan begins is touched only by a change of its own.
        """
        zone = self.tools.connection.settings.zone
        mapped = set()
        for item in self.items:
            facts = item.known(Side.EHR)
            in_reach = facts is not None and instants(facts.when, zone)[1] >= reach.start
            if item.appointment_id and (in_reach or item.retry_at is not None):
                mapped.add(item.appointment_id)
        return mapped

    def result(self, cursor: str | None, *, listed: bool) -> Gathered:
        zone = self.tools.connection.settings.zone
        for case in self._cases.values():
            case.cut_anew(now=self.now, zone=zone)
            case.agree_on_absence()
        return Gathered(list(self._cases.values()), listed, cursor, self._pass_wanted, self._orphans)

    # --- pages ---

    def listing(self, cursor: str | None, first: EventPage | None = None) -> tuple[list[Event], str | None]:
        """All events of a listing, the last state of each, and the cursor at its end."""
        service, calendar_id = self.tools.service, self.tools.calendar_id

        def page(token: str | None) -> EventPage:
            return service.events(calendar_id, cursor=cursor, page=token)

        events: dict[str, Event] = {}
        last = first or page(None)
        for read in self.following(last, page):
            events |= {event.id: event for event in read.events}
            last = read
        told = (event.origin.series_id for event in events.values() if event.origin and not event.cancelled)
        self._told_alive.update(told)
        return list(events.values()), last.cursor

    def following(self, first: EventPage, page: Callable[[str | None], EventPage]) -> Iterator[EventPage]:
        """The first page and all after it."""
        read = first
        for _ in range(self.tools.world.limits.listing_pages_max):
            yield read
            if read.next_page is None:
                return
            read = page(read.next_page)
        raise BlockedError("listing_without_end")

    # --- series ---

    def load_series(self, events: Iterable[Event]) -> None:
        """What is known of the series that these may belong to."""
        keys, calendar_key = self.tools.world.keys, self.tools.calendar.key
        masters = {master for event in events for master in _masters_of(event)}
        self.items.load_ks(f"{keys.series(calendar_key, master)}." for master in masters)

    def touched(self, event: Event) -> Iterator[str]:
        """Ids of the masters whose series this row touches: a tombstone says no more than its own id."""
        if event.series:
            yield series_id(event) or event.id
            return
        yield from (master for master in _masters_of(event) if self.known_of_series(master))

    def known_of_series(self, master_id: str) -> list[Item]:
        return self.items.of_series(self.tools.world.keys.series(self.tools.calendar.key, master_id))

    def instances(self, master_id: str, master: Event | None) -> list[Event]:
        """The living occurrences within reach; `master`: as read now, if it was.

        Where they cannot be told although it lives, it is among `unread` and a complete pass follows.
        """
        if master is not None and (master.cancelled or not master.master):
            return []
        start, end = self._asked_for
        try:
            return self.tools.service.instances(self.tools.calendar_id, master_id, start, end)
        except (GoneError, RejectedError):
            if master is not None or master_id in self._told_alive or self._lives(master_id):
                self.unread.add(master_id)
                self._pass_wanted = True
            return []

    def _lives(self, master_id: str) -> bool:
        """Raises what reading it raises: nothing is known then."""
        try:
            event = self.tools.service.event(self.tools.calendar_id, master_id)
        except RejectedError:
            return True
        return event is not None and event.master and not event.cancelled

    def occurrences(self, listed: Iterable[Event]) -> list[Event]:
        """Everything that lives within reach, series as their occurrences.

        `listed`: by the other listing. Where this one says that nothing lives, the series that do are asked.
        """
        service, calendar_id = self.tools.service, self.tools.calendar_id
        start, end = self._asked_for

        def page(token: str | None) -> EventPage:
            return service.occurrences(calendar_id, start, end, page=token)

        found = [event for read in self.following(page(None), page) for event in read.events]
        masters = [] if found else [event for event in listed if event.master and not event.cancelled]
        return found or [each for master in masters for each in self.instances(master.id, master)]

    @property
    def _asked_for(self) -> tuple[datetime, datetime]:
        reach = self.reach
        return reach.start - DAYS_APART, reach.end + DAYS_APART

    def is_read(self, item: Item) -> bool:
        """Whether the calendar's side of it was read in this job."""
        case = self._cases.get(item.k)
        return case is not None and case.calendar is not None

    def within_reach(self, item: Item) -> bool:
        """What ended before is touched only by a change of its own."""
        known, zone = item.known(Side.CALENDAR), self.tools.connection.settings.zone
        return known is not None and instants(known.when, zone)[1] >= self.reach.start

    def is_beyond(self, item: Item) -> bool:
        known, zone = item.known(Side.CALENDAR), self.tools.connection.settings.zone
        return known is not None and not self.window.takes_in(known.when, zone)

    # --- cases ---

    def verify(self, item: Item) -> None:
        """A mapped event that a complete listing lacks: gone only if reading it by id says so too."""
        case = self.case(item.k, item)
        if case.calendar is None:
            case.verify = True

    def case(self, k: str, item: Item) -> Case:
        if k not in self._cases:
            stored = self.items.get(k)
            half_done = item.carrying is not None
            self._cases[k] = Case(item, stored, half_done=half_done, verify=item.verify)
        return self._cases[k]


def series_id(event: Event) -> str | None:
    """Id of the master, where the event says so."""
    return event.id if event.master else event.origin.series_id if event.origin else None


def _masters_of(event: Event) -> Iterator[str]:
    """Ids that may be its master's; which is, the store knows. Those of occurrences end in `_` and a time."""
    master_id = series_id(event)
    if master_id is not None:
        yield master_id
        return
    yield event.id
    prefix, underscore, _ = event.id.rpartition("_")
    if underscore and prefix:
        yield prefix
