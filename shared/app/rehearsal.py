"""Ports that read and do not write: what a job would do is counted, and answered as if it were done.

The job itself knows nothing of it, so what a preview says is decided by the code that does it later. Reads
see what was written in the same rehearsal by its name only: it is one slice of one job for each calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.core.model import Appointment, Client, Event, Kind, Status, What, timed
from shared.core.policy import LabelMode
from shared.ports import (
    CalendarEntry,
    CalendarService,
    Capabilities,
    Channel,
    Document,
    Documents,
    Ehr,
    EventPage,
    EventWrite,
    FeedCursor,
    FeedPage,
    GoneError,
    NewChannel,
    Practitioner,
    Put,
    Remove,
    TakenError,
    Where,
)

VERSION = "rehearsed"
NEW_CALENDAR = "rehearsed"
"""Id of a calendar that would be made."""


@dataclass
class Planned:
    """What would be written on one side."""

    created: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass
class RehearsedDocuments(Documents):
    """`over`: what stands in the place of stored documents; None: nothing. `hidden`: collections as empty."""

    real: Documents
    over: dict[str, Document | None] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def get(self, *paths: str) -> dict[str, Document]:
        stored = [path for path in paths if path not in self.over and not self._is_hidden(path)]
        found = self.real.get(*stored)
        rehearsed = {path: self.over[path] for path in paths if path in self.over}
        return found | {path: document for path, document in rehearsed.items() if document is not None}

    def _is_hidden(self, path: str) -> bool:
        return path.rpartition("/")[0] in self.hidden

    def commit(self, writes: Sequence[Put | Remove]) -> list[str]:
        for write in writes:
            self.over[write.path] = (
                Document(write.path, write.data, VERSION) if isinstance(write, Put) else None
            )
        return [VERSION if isinstance(write, Put) else "" for write in writes]

    def find(
        self,
        collection: str,
        *where: Where,
        group: bool = False,
        order_by: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Document]:
        if collection in self.hidden:
            return []
        found = self.real.find(collection, *where, group=group, order_by=order_by, limit=limit, after=after)
        if collection != "calendars":
            return found
        own = [self.over.get(document.path, document) for document in found]
        return [document for document in own if document is not None]

    def count(self, collection: str, *where: Where, group: bool = False) -> int:
        return self.real.count(collection, *where, group=group)


@dataclass
class RehearsedCalendars(CalendarService):
    real: CalendarService
    planned: Planned
    _taken: set[str] = field(default_factory=set)
    """Ids of events that a listing has shown, deleted ones too."""
    _deleted: set[str] = field(default_factory=set)

    def entries(self) -> Iterator[CalendarEntry]:
        return self.real.entries()

    def add_calendar(self, name: str, description: str, zone: str) -> CalendarEntry:
        return CalendarEntry(NEW_CALENDAR, name, description, owner=True, primary=False, zone=zone)

    def remove_calendar(self, calendar_id: str) -> None:
        """Nothing: that it would go is in the receipt."""

    def calendar(self, calendar_id: str) -> CalendarEntry:
        return self.real.calendar(calendar_id)

    def events(self, calendar_id: str, *, cursor: str | None, page: str | None) -> EventPage:
        if calendar_id == NEW_CALENDAR:
            return EventPage((), cursor=VERSION)
        read = self.real.events(calendar_id, cursor=cursor, page=page)
        self._taken |= {event.id for event in read.events}
        return replace(read, events=tuple(map(self._as_it_would_be, read.events)))

    def _as_it_would_be(self, event: Event) -> Event:
        return replace(event, cancelled=True) if event.id in self._deleted else event

    def occurrences(self, calendar_id: str, start: datetime, end: datetime, *, page: str | None) -> EventPage:
        if calendar_id == NEW_CALENDAR:
            return EventPage(())
        return self.real.occurrences(calendar_id, start, end, page=page)

    def instances(self, calendar_id: str, master_id: str, start: datetime, end: datetime) -> list[Event]:
        if calendar_id == NEW_CALENDAR:
            raise GoneError("no_such_event")
        return self.real.instances(calendar_id, master_id, start, end)

    def event(self, calendar_id: str, event_id: str) -> Event | None:
        return None if calendar_id == NEW_CALENDAR else self.real.event(calendar_id, event_id)

    def create(self, calendar_id: str, event_id: str, write: EventWrite) -> Event:
        if calendar_id != NEW_CALENDAR and event_id in self._taken:
            raise TakenError("event_id_taken")
        self.planned.created += 1
        what = write.what or What("")
        return Event(event_id, VERSION, cancelled=False, when=write.when, what=what, marker=write.marker)

    def update(self, calendar_id: str, event: Event, write: EventWrite) -> Event:
        del calendar_id
        self.planned.updated += 1
        return _written(event, write)

    def restore(self, calendar_id: str, event: Event, write: EventWrite) -> Event:
        del calendar_id
        self.planned.created += 1
        return _written(event, write)

    def delete(self, calendar_id: str, event: Event) -> None:
        del calendar_id
        self.planned.deleted += 1
        self._deleted.add(event.id)

    def unmark(self, calendar_id: str, event: Event) -> Event:
        del calendar_id
        self.planned.updated += 1
        return replace(event, version=VERSION, marker=None)

    def watch(self, calendar_id: str, channel: NewChannel) -> Channel:
        del calendar_id, channel
        raise AssertionError("nobody is to be told in a rehearsal")

    def stop(self, channel: Channel) -> None:
        """Nothing."""


def _written(event: Event, write: EventWrite) -> Event:
    when, what = write.when or event.when, write.what or event.what
    return replace(event, version=VERSION, cancelled=False, when=when, what=what)


@dataclass
class RehearsedEhr(Ehr):
    real: Ehr
    planned: Planned

    @property
    def has_internal_ids(self) -> bool:
        return self.real.has_internal_ids

    def capabilities(self) -> Capabilities:
        return self.real.capabilities()

    def practitioner(self, practitioner_id: str) -> Practitioner:
        return self.real.practitioner(practitioner_id)

    def cursor_now(self, practitioner_id: str | None = None) -> FeedCursor:
        return self.real.cursor_now(practitioner_id)

    def changes(self, cursor: FeedCursor, practitioner_id: str | None = None) -> FeedPage:
        return self.real.changes(cursor, practitioner_id)

    def scan(self, practitioner_id: str, start: datetime, end: datetime) -> list[Appointment]:
        return self.real.scan(practitioner_id, start, end)

    def read(self, ids: Iterable[str]) -> dict[str, Appointment | None]:
        return self.real.read(ids)

    def clients(self, patient_ids: Iterable[str], mode: LabelMode) -> dict[str, Client]:
        return self.real.clients(patient_ids, mode)

    def clients_now(self) -> FeedCursor:
        return self.real.clients_now()

    def clients_changed(self, cursor: FeedCursor, start: datetime, hide: Callable[[str], str]) -> FeedPage:
        return self.real.clients_changed(cursor, start, hide)

    def protection(self, row: Appointment) -> bool | None:
        return self.real.protection(row)

    def create(
        self, kind: Kind, practitioner_id: str, identifier: str, span: tuple[datetime, datetime], what: What
    ) -> Appointment:
        self.planned.created += 1
        return Appointment(
            id=f"{VERSION}-{self.planned.created}",
            version=VERSION,
            status=Status.LIVE,
            kind=kind,
            when=timed(*span),
            practitioner_ids=frozenset({practitioner_id}),
            identifier=identifier,
            title=what.summary,
            busy=what.busy,
        )

    def update(
        self,
        row: Appointment,
        *,
        span: tuple[datetime, datetime] | None = None,
        what: What | None = None,
        identifier: str | None = None,
    ) -> Appointment:
        self.planned.updated += 1
        return replace(_changed(row, span, what), identifier=identifier or row.identifier)

    def cancel(self, row: Appointment) -> Appointment:
        self.planned.deleted += 1
        return replace(row, version=VERSION, status=Status.OVER, cancelled=True)

    def rebook(
        self,
        row: Appointment,
        *,
        span: tuple[datetime, datetime] | None = None,
        what: What | None = None,
        status: str | None = None,
    ) -> Appointment:
        del status
        self.planned.created += 1
        return replace(_changed(row, span, what), status=Status.LIVE, cancelled=False)


def _changed(row: Appointment, span: tuple[datetime, datetime] | None, what: What | None) -> Appointment:
    row = replace(row, version=VERSION, when=timed(*span) if span else row.when)
    return row if what is None else replace(row, title=what.summary, busy=what.busy)
