"""The slices of a removal: events of ours from the appointments calendar, blocks of others from the EHR.

A slice lists anew: what an earlier one did before it died is simply not there any more.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NoReturn

from shared.app.appointments_calendar import find_calendar
from shared.app.items import Items
from shared.app.outcome import Outcome, State
from shared.app.receipts import is_by_hand, stock_of
from shared.app.records import Calendar, Connection, Lease, Progress, Removal
from shared.app.removal import LASTS
from shared.app.slice import Fence
from shared.app.world import World
from shared.core.errors import (
    BlockedError,
    GrantDeadError,
    RejectedError,
    RetryableError,
    StaleError,
)
from shared.core.item import Item, Seen
from shared.core.match import Claim, claim
from shared.core.model import Base, Event
from shared.ports import COMMIT_WRITES_MAX, CalendarService, GoneError

VOIDED_AT_ONCE = 20
"""Items written down as without their event in one commit, before those events go."""


# --- blocks in the EHR ----------------------------------------------------------------------------------


def count_blocks(fence: Fence, calendar: Calendar, connection: Connection) -> Calendar:
    """With how many there are, before the first of them goes. Raises StaleError."""
    removal = calendar.removal
    if removal is None or removal.found is not None:
        return calendar
    items = Items(fence.world.documents, calendar, connection.practice)
    items.load_all()
    found = stock_of(items, calendar).ours
    counted = replace(calendar, removal=replace(removal, found=found, left=found))
    fence.save(counted)
    return counted


def without_calendars(world: World) -> World:
    """To remove blocks nothing of their calendar is asked: that goes without a grant too."""

    def nobody(connection: Connection, *, paced: bool) -> CalendarService:
        del connection, paced
        return _NOBODY

    return replace(world, calendars=nobody)


class _Nobody:
    def __getattr__(self, name: str) -> NoReturn:
        raise BlockedError("not_connected")


_NOBODY: CalendarService = _Nobody()


# --- events ---------------------------------------------------------------------------------------------


def remove_events(fence: Fence, calendar: Calendar, connection: Connection) -> Outcome:
    """One slice. Raises StaleError where another has the calendar, RetryableError, BlockedError."""
    if calendar.removal is None or calendar.removal.over:
        return Outcome(State.IDLE)
    return _Events(fence, calendar, connection, calendar.removal).run()


@dataclass
class _Events:
    fence: Fence
    calendar: Calendar
    connection: Connection
    removal: Removal

    def __post_init__(self) -> None:
        self.world = self.fence.world
        self.started = self.world.clock.now()
        self.items = Items(self.world.documents, self.calendar, self.connection.practice)

    def run(self) -> Outcome:
        self._take_lease()
        self.items.load_all()
        try:
            self._remove(self.world.calendars(self.connection, paced=True))
        except (RetryableError, BlockedError) as error:
            final = isinstance(error, GrantDeadError) or error.reason == "not_connected"
            if not final and self.world.clock.now() < self.removal.since + LASTS:
                self._let_go(problem=error.reason)
                raise
            self._give_up(error.reason)
        self._let_go()
        if self.removal.over:
            return Outcome(State.DONE)
        return Outcome(State.MORE, again_at=self.world.clock.now())

    def _remove(self, service: CalendarService) -> None:
        calendar_id = self.calendar.calendar_id or find_calendar(self.world, self.connection, service)
        if calendar_id is None:
            self._is_gone()
            return
        self.calendar = replace(self.calendar, calendar_id=calendar_id)
        try:
            self._remove_from(service, calendar_id)
        except GoneError:
            with contextlib.suppress(GoneError):  # Google says now and then that what is there is not
                service.calendar(calendar_id)
                raise RetryableError("calendar_not_found") from None
            self._is_gone()

    def _remove_from(self, service: CalendarService, calendar_id: str) -> None:
        ours, others = self._listed(service, calendar_id)
        self._count(ours, others)
        refused, done = 0, 0
        for number, event in enumerate(ours):
            if number and self._time_is_up():
                break
            if number % VOIDED_AT_ONCE == 0:
                self._void(ours[number : number + VOIDED_AT_ONCE])
            done += 1
            if self._deleted(service, calendar_id, event):
                self.removal = replace(self.removal, left=self.removal.left - 1)
            else:
                refused += 1
        if done < len(ours):
            return
        problem = "google_refused" if refused else None
        self.removal = replace(self.removal, over=True, problem=problem)
        if not refused and not others and self._is_empty(service, calendar_id):
            with contextlib.suppress(RejectedError):  # then it stays, empty
                service.remove_calendar(calendar_id)
                self._is_gone()

    # --- what is there ---

    def _listed(self, service: CalendarService, calendar_id: str) -> tuple[list[Event], list[Event]]:
        """What lives there: ours to be removed, and the rest. What goes with its master is neither."""
        living = [event for event in self._pages(service, calendar_id) if not event.cancelled]
        ours = [event for event in living if self._is_ours(event)]
        going = {event.id for event in ours}
        followers = {event.id for event in living if event.origin and event.origin.series_id in going}
        ours = [event for event in ours if event.id not in followers]
        return ours, [event for event in living if event.id not in going | followers]

    def _pages(self, service: CalendarService, calendar_id: str) -> list[Event]:
        events: dict[str, Event] = {}
        page = None
        for _ in range(self.world.limits.listing_pages_max):
            read = service.events(calendar_id, cursor=None, page=page)
            events |= {event.id: event for event in read.events}
            page = read.next_page
            if page is None:
                return list(events.values())
        raise BlockedError("listing_without_end")

    def _is_ours(self, event: Event) -> bool:
        item = self._item(event)
        if item is not None:
            return not is_by_hand(item)
        return claim(self.world.keys, self.calendar.key, event, mapped=False) is Claim.OURS

    def _item(self, event: Event) -> Item | None:
        k = self.items.k_of_event(event.id)
        return self.items.get(k) if k is not None else None

    def _is_empty(self, service: CalendarService, calendar_id: str) -> bool:
        """Asked once more: somebody may have made an event meanwhile."""
        return all(event.cancelled for event in self._pages(service, calendar_id))

    def _count(self, ours: list[Event], others: list[Event]) -> None:
        left, found = len(ours), self.removal.found
        self.removal = replace(
            self.removal,
            found=left if found is None else max(found, left),
            left=left,
            kept=len([event for event in others if event.origin is None]),
            personal=stock_of(self.items, self.calendar).personal,
        )

    # --- what is done ---

    def _void(self, events: list[Event]) -> None:
        for event in events:
            item = self._item(event)
            if item is not None:
                self.items.put(_voided(item))
        self._save()

    def _deleted(self, service: CalendarService, calendar_id: str, event: Event) -> bool:
        """False: it is refused."""
        current: Event | None = event
        for _ in range(self.world.limits.stale_tries):
            if current is None or current.cancelled:
                return True
            try:
                service.delete(calendar_id, current)
            except GoneError:
                raise
            except StaleError:
                current = service.event(calendar_id, event.id)
            except RejectedError:
                return False
            else:
                return True
        return False

    def _is_gone(self) -> None:
        """The calendar is no more, and all that was in it."""
        known, found = stock_of(self.items, self.calendar), self.removal.found
        self.removal = replace(
            self.removal,
            found=known.ours if found is None else found,
            left=0,
            kept=0,
            personal=known.personal,
            over=True,
            calendar_deleted=self.calendar.calendar_id is not None,
            problem=None,
        )
        self.calendar = replace(self.calendar, calendar_id=None)

    def _give_up(self, reason: str) -> None:
        if self.removal.found is None:
            known = stock_of(self.items, self.calendar)
            self.removal = replace(
                self.removal, found=known.ours, left=known.ours, kept=known.by_hand, personal=known.personal
            )
        self.removal = replace(self.removal, over=True, problem=reason)

    # --- lease ---

    def _take_lease(self) -> None:
        limits = self.world.limits
        lease = Lease(self.world.new_id(), self.started + timedelta(seconds=limits.lease_seconds))
        due_at = self.started + timedelta(seconds=limits.soon_seconds)
        self.calendar = replace(self.calendar, lease=lease, due_at=due_at)
        self.fence.save(self.calendar)

    def _time_is_up(self) -> bool:
        limits = self.world.limits
        budget = min(limits.bulk_slice_seconds, limits.lease_seconds * limits.slice_share)
        return (self.world.clock.now() - self.started).total_seconds() >= budget

    def _save(self) -> None:
        lease = self.calendar.lease
        if lease is not None and self.world.clock.now() >= lease.until:
            raise StaleError("lease_over")
        found = self.removal.found or 0
        progress = Progress(found - self.removal.left, found)
        self.calendar = replace(self.calendar, removal=self.removal, progress=progress)
        writes = self.items.writes(self.world.clock.now(), COMMIT_WRITES_MAX - 1)
        versions = self.fence.save(self.calendar, writes)
        self.items.saved(writes, versions)

    def _let_go(self, problem: str | None = None) -> None:
        self._save()
        self.calendar = replace(self.calendar, lease=None, lapses=0, problem=problem)
        self.fence.save(self.calendar)


def _voided(item: Item) -> Item:
    """As it stands where nobody has settled anything with the calendar; the event's id stays known."""
    return replace(
        item,
        base=Base(ehr=item.base.ehr),
        seen=Seen(ehr=item.seen.ehr),
        retry_at=None,
        tries=0,
        aside=None,
        carrying=None,
        verdict=None,
        verify=False,
    )
