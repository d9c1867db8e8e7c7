"""What we made is taken away, because its practitioner asked for it on the way out: paced, in slices.

Of the appointments calendar: our events, by their mapping or their marker, whatever their time; what somebody
made by hand stays, and the calendar goes only where nothing else is in it. Of external calendars: their
blocks in the EHR, as where one is left. Each item is written down as without its event before that goes, so
what comes back later never takes our removal for a person's deletion. A slice lists anew: what an earlier one
did before it died is simply not there any more.

Whichever job finds everything over ends the connection: channels, grant, receipt. A dead grant ends it too:
what is left is counted as refused. So does a time after which nobody waits for it any more.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NoReturn

from shared.app.appointments_calendar import find_calendar
from shared.app.channels import stop_channels
from shared.app.connections import TRIES, calendar_documents, calendars_of, load
from shared.app.items import Items
from shared.app.outcome import Outcome, State
from shared.app.receipts import is_block, is_by_hand, removal_receipt, stock_of
from shared.app.records import (
    Calendar,
    Connection,
    Lease,
    Progress,
    Removal,
    Role,
    Status,
    calendar_data,
    connection_data,
    connection_of,
    connection_path,
    parked,
)
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
from shared.ports import COMMIT_WRITES_MAX, CalendarService, Document, GoneError, Put, Remove

LASTS = timedelta(days=7)
"""How long a removal is tried; what is left then is counted as refused."""
VOIDED_AT_ONCE = 20
"""Items written down as without their event in one commit, before those events go."""


# --- begin ----------------------------------------------------------------------------------------------


def begin_removal(world: World, stopping: Connection) -> Connection:
    """From `stopping` to `removing`, with every calendar concerned due at once, in one commit.

    Raises RetryableError `connection_contested` where it was changed or begun again meanwhile.
    """
    for _ in range(TRIES):
        document, now = _stored(world, stopping.key)
        if now.epoch != stopping.epoch:
            break
        if now.status is not Status.STOPPING:
            return now
        removing = replace(now, status=Status.REMOVING, receipt=None)
        writes = [Put(document.path, connection_data(removing), document.version)]
        for each, calendar in calendar_documents(world, now.key):
            if concerned(now, calendar):
                writes.append(Put(each.path, calendar_data(due_removal(world, calendar)), each.version))
        with contextlib.suppress(StaleError):
            world.documents.commit(writes)
            return removing
    raise RetryableError("connection_contested")


def concerned(connection: Connection, calendar: Calendar) -> bool:
    """Blocks are in the EHR, of whatever account; the appointments calendar of another is out of reach."""
    if calendar.role is Role.EXTERNAL:
        return not calendar.left
    return calendar.key == connection.calendar_key


def due_removal(world: World, calendar: Calendar) -> Calendar:
    now, external = world.clock.now(), calendar.role is Role.EXTERNAL
    return replace(
        calendar,
        active=True,
        missing=False,
        lease=None,
        pass_at=now,
        due_at=now,
        progress=None,
        problem=None,
        leaving=external,
        removal=Removal(now, was_leaving=calendar.leaving),
    )


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
            calendar_deleted=True,
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


# --- end ------------------------------------------------------------------------------------------------


def conclude(world: World, key: str) -> Connection:
    """End the connection if its removal is over, with a receipt; else it is answered as it stands.

    Raises RetryableError where the grant cannot be given back now: again.
    """
    stored, connection = _stored(world, key)
    if connection.status is not Status.REMOVING:
        return connection
    found = [(each, calendar) for each, calendar in calendar_documents(world, key) if calendar.removal]
    ended = [_ended(world, connection, calendar) for _, calendar in found]
    over = [calendar for calendar in ended if calendar is not None]
    if len(over) < len(found):
        return connection
    receipt = removal_receipt(world.clock.now(), over)
    stop_all_channels(world, connection)
    gone = world.give_back(key)
    disconnected = replace(connection, status=Status.DISCONNECTED, receipt=receipt)
    writes: list[Put | Remove] = [
        Put(stored.path, connection_data(disconnected), stored.version),
        *gone,
    ]
    for (document, _), calendar in zip(found, over, strict=True):
        writes.append(Put(document.path, calendar_data(_asleep(calendar)), document.version))
    try:
        world.documents.commit(writes)
    except StaleError:  # whoever wrote goes on
        return load(world, key)
    return disconnected


def _stored(world: World, key: str) -> tuple[Document, Connection]:
    path = connection_path(key)
    document = world.documents.get(path).get(path)
    if document is None:
        raise RejectedError("not_connected")
    return document, connection_of(document)


def stop_all_channels(world: World, connection: Connection) -> None:
    """Before the grant goes, for nobody could stop them after it. Best effort: they end by themselves."""
    with contextlib.suppress(BlockedError):
        service = world.calendars(connection, paced=False)
        for calendar in calendars_of(world, connection.key):
            stop_channels(service, calendar)


def _ended(world: World, connection: Connection, calendar: Calendar) -> Calendar | None:
    """The calendar with what is left of it, if its removal is over."""
    removal = calendar.removal
    assert removal is not None
    if calendar.role is Role.APPOINTMENTS:
        return calendar if removal.over else None
    if calendar.left:
        return replace(calendar, removal=replace(removal, left=0, over=True))
    items = Items(world.documents, calendar, connection.practice)
    items.load_all()
    unfinished = [item for item in items if item.retry_at is not None and item.aside is None]
    read = calendar.epoch == connection.epoch and calendar.passed_at is not None
    done = read and not calendar.in_pass and not unfinished
    if not done and world.clock.now() < removal.since + LASTS:
        return None
    left = [item for item in items if is_block(item)]
    why = next((item.aside for item in left if item.aside), calendar.problem)
    found = max(removal.found or 0, len(left))
    return replace(calendar, removal=replace(removal, found=found, left=len(left), over=True, problem=why))


def _asleep(calendar: Calendar) -> Calendar:
    """As a calendar that nobody has read yet, should the account come back."""
    removal = calendar.removal
    deleted = removal is not None and removal.calendar_deleted
    return replace(
        parked(calendar),
        removal=None,
        progress=None,
        problem=None,
        cursor=None,
        passed_at=None,
        renew_at=None,
        channels=(),
        calendar_id=None if deleted else calendar.calendar_id,
        pass_at=calendar.pass_at if calendar.leaving else None,
    )


def called_off(world: World, key: str) -> list[Put | Remove]:
    """What to write where a removal ends in its middle: nothing more is being taken away."""
    writes: list[Put | Remove] = []
    for document, calendar in calendar_documents(world, key):
        removal = calendar.removal
        if removal is not None:
            leaving = calendar.leaving and (removal.was_leaving or calendar.left)
            stays = replace(parked(calendar), removal=None, progress=None, leaving=leaving)
            writes.append(Put(document.path, calendar_data(stays), document.version))
    return writes
