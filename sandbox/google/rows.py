"""The rows of a listing, in order, from where a page begins: stored events, and instances of series."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, takewhile

from sandbox.google import series
from sandbox.google.errors import Json
from sandbox.google.listing import Wanted
from sandbox.google.series import Event, Occurrence, series_of
from sandbox.google.store import Calendar, StoredEvent
from sandbox.google.tokens import PageToken

INSTANCES_MAX = 730
"""Of a series, from now on, where a request sets no upper bound."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What a client may know of and is no more: an instance of former rules, an event that recurs now."""

    resource: Json
    original: datetime
    changed: int
    """Number of the change that ended it, or of a later one of the series."""

    @property
    def cancelled(self) -> bool:
        return True


Row = Event | Tombstone


def _position(row: Row) -> int:
    """Where an instance stands in its series."""
    return 0 if isinstance(row, StoredEvent) else int((row.original - EPOCH).total_seconds())


@dataclass(frozen=True)
class Listing:
    """`events.list` from the page that begins at `begin`."""

    calendar: Calendar
    wanted: Wanted
    begin: PageToken
    now: datetime
    """Where series without end are cut from."""
    cancelled_days: int
    """So far from now instances that are no more are told of."""

    def key(self, row: Row) -> Key:
        """What the rows are ordered by, so that a page can begin after the last row of the one before."""
        position = _position(row)
        if self.begin.since >= 0 or isinstance(row, Tombstone):
            return (row.changed, position)
        if self.wanted.order == "startTime":
            return (int((row.starts - EPOCH).total_seconds()), row.created, position)
        if self.wanted.order == "updated":
            return (int(row.updated.timestamp() * 1000), row.created, position)
        return (*row.place, position)

    def rows(self) -> Iterator[Row]:
        """Those after the page token; no more of a series is worked out than is taken."""
        found: Iterable[Row]
        if self.begin.since >= 0:
            found = self._changed()
        elif self.wanted.order is None:
            found = chain.from_iterable(map(self._meant, self._from_place()))
        else:
            found = self._ordered()
        return (row for row in found if self.key(row) > self.begin.after)

    def _from_place(self) -> Iterator[StoredEvent]:
        """Stored events from the one the last page ended with, or in, on."""
        after = self.begin.after
        place = (after[0], after[1] - 1) if after else ()
        return self.calendar.history.made_between(place, self.begin.until)

    def _ordered(self) -> Iterable[Row]:
        stored = list(self.calendar.history.made_between((), self.begin.until))
        streams = [self._instances(event) for event in stored if self._expands(event)]
        later = [e for e in stored if not self._expands(e) and self.key(e) > self.begin.after]
        plain = (event for event in sorted(later, key=self.key) if self._is_meant(event))
        if self.wanted.order == "updated":
            return sorted(chain(plain, *streams), key=self.key)
        return heapq.merge(plain, *streams, key=self.key) if streams else plain

    def _meant(self, stored: StoredEvent) -> Iterable[Row]:
        if self._expands(stored):
            return self._instances(stored)
        return (stored,) if self._is_meant(stored) else ()

    def _expands(self, stored: StoredEvent) -> bool:
        return self.wanted.single and stored.recurs

    def _is_meant(self, stored: StoredEvent) -> bool:
        """A series is meant when any of its instances is within the bounds."""
        wanted = self.wanted
        unbound = wanted.starts_before is None and wanted.ends_after is None
        if unbound or not stored.recurs:
            return wanted.matches(stored)
        if not wanted.tells(stored) or (stored.cancelled and not wanted.deleted):
            return False
        exceptions = series_of(stored).exceptions.values()
        return any(wanted.spans(row.starts, row.ends) for row in exceptions) or any(
            wanted.spans(found.starts, found.ends)
            for found in series.occurrences(self.calendar, stored, wanted.ends_after, wanted.starts_before)
        )

    def _instances(self, master: StoredEvent) -> Iterator[Occurrence]:
        """The instances that are as the series has them; exceptions are rows of their own."""
        wanted = self.wanted
        if not wanted.tells(master) or (master.cancelled and not wanted.deleted):
            return
        high = wanted.starts_before or horizon(self.calendar, master, self.now)
        for found in series.occurrences(self.calendar, master, self._low(master), high):
            if wanted.spans(found.starts, found.ends):
                yield found

    def _low(self, master: StoredEvent) -> datetime | None:
        """Where a series is taken up: at the lower bound, or where the last page ended."""
        after, low = self.begin.after, self.wanted.ends_after
        if not after or self.begin.since >= 0:
            return low
        if self.wanted.order == "startTime":
            reached = after[0]
        elif self.wanted.order is None and after[:2] == master.place:
            reached = after[2]
        else:
            return low
        reached_at = EPOCH + timedelta(seconds=reached)
        return reached_at if low is None else max(low, reached_at)

    # --- what changed -----------------------------------------------------------------------------------

    def _changed(self) -> Iterator[Row]:
        after = self.begin.after
        since = after[0] - 1 if after else self.begin.since
        for stored in self.calendar.history.changed_between(since, self.begin.until):
            if self.wanted.single and stored.series is not None:
                yield from self._news(stored)
            elif self.wanted.matches(stored):
                yield stored

    def _news(self, master: StoredEvent) -> list[Row]:
        """A changed series to a client that knows instances only: all there are, and what is no more."""
        news: list[Row] = list(self._gone(master)) if self.wanted.tells(master) else []
        if not master.recurs:
            news += (master,) if self.wanted.matches(master) else ()
        elif master.cancelled:
            news += (found for found in self._instances(master) if self._is_near(found.original))
        else:
            news += self._instances(master)
        return sorted(news, key=self.key)

    def _gone(self, master: StoredEvent) -> Iterator[Tombstone]:
        number, former = master.changed, series_of(master)
        told: set[str] = set()
        for ended, was in former.former:
            if ended <= self.begin.since:
                continue
            if was is None and master.recurs:
                yield Tombstone(_stub(master, master.id), series.EARLIEST, number)
            near = was.since(self.now - timedelta(days=self.cancelled_days)) if was else ()
            for original in takewhile(self._is_near, near):
                assert was is not None
                name = f"{former.stem}_{was.suffix(original)}"
                if name in told or series.find(self.calendar, name) is not None:
                    continue
                told.add(name)
                start = series.original_time(self.calendar, was, original)
                origin = {"recurringEventId": master.id, "originalStartTime": start}
                yield Tombstone({**_stub(master, name), **origin}, original, number)

    def _is_near(self, original: datetime) -> bool:
        return abs(original - self.now) <= timedelta(days=self.cancelled_days)


def _stub(master: StoredEvent, event_id: str) -> Json:
    return {
        "kind": "calendar#event",
        "etag": master.resource["etag"],
        "id": event_id,
        "status": "cancelled",
    }


def horizon(calendar: Calendar, master: StoredEvent, now: datetime) -> datetime | None:
    """Where a listing without upper bound ends a series; None: it ends before that by itself."""
    recurrence = series_of(master).recurrence
    beyond = next(islice(recurrence.since(now), INSTANCES_MAX, None), None)
    return beyond and series.start_of(calendar, recurrence, beyond)


def in_series(row: Row) -> Key:
    """The order of `events.instances`: by when they were to begin."""
    origin = None if isinstance(row, Tombstone) else series.origin_of(row)
    return (int((origin[1] - EPOCH).total_seconds()) if origin else 0,)


def instances(
    calendar: Calendar, event: Event, wanted: Wanted, begin: PageToken, now: datetime
) -> Iterator[Row]:
    """The instances of a series that come after the page token; of any other event, itself."""
    found: Iterable[Event] = [event]
    if isinstance(event, StoredEvent) and event.recurs:
        exceptions = sorted(series_of(event).exceptions.values(), key=in_series)
        low = wanted.ends_after
        if begin.after:
            reached = EPOCH + timedelta(seconds=begin.after[0])
            low = reached if low is None else max(low, reached)
        high = wanted.starts_before or horizon(calendar, event, now)
        found = heapq.merge(exceptions, series.occurrences(calendar, event, low, high), key=in_series)
    for each in found:
        origin = series.origin_of(each)
        asked = wanted.original is None or (origin is not None and origin[1] == wanted.original)
        if asked and wanted.matches(each) and in_series(each) > begin.after:
            yield each
