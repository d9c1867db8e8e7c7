"""Changes to events, without rights and switches: for the API's methods and for what a person does."""

from __future__ import annotations

from datetime import datetime

from sandbox.google import recurrence, resource, series, split, times
from sandbox.google.errors import Json, bad_request, forbidden, refusal
from sandbox.google.recurrence import Recurrence
from sandbox.google.series import Event
from sandbox.google.store import Calendar, Deviation, Series, Store, StoredEvent

MOVES = ("start", "end", "recurrence", "status")
"""What raises the sequence number when it changes."""
VISIBILITIES = {"public": 0, "default": 1, "private": 2, "confidential": 2}
"""How much is hidden."""


class Writes:
    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, sub: str, calendar: Calendar, given: Json, event_id: str = "", stem: str = ""
    ) -> StoredEvent:
        """A new event from clean properties, under the id given or one of Google's own.

        `stem`: what the ids of a series' instances begin with, unless with its own. ApiError 409: id taken.
        """
        store = self._store
        event_id = event_id or given.get("id") or store.random_id()
        if series.find(calendar, event_id) is not None:
            raise refusal("duplicate")
        now = store.now()
        account = store.accounts[sub]
        body = {
            "kind": "calendar#event",
            "status": "confirmed",
            "htmlLink": resource.link(event_id, calendar.id),
            "created": times.stamp_whole(now),
            "creator": {"email": account.email, **({"self": True} if account.primary == calendar.id else {})},
            "organizer": organizer(calendar),
            "iCalUID": f"{event_id}@google.com",
            "sequence": 0,
            "eventType": "default",
            **given,
            "id": event_id,
        }
        resource.check_sequence(body, 0)
        return self._add(calendar, body, stem)

    def settle(self, calendar: Calendar, body: Json) -> StoredEvent:
        """An event that comes from another calendar under its own id. ApiError 409: a live one has it."""
        body = {**body, "htmlLink": resource.link(body["id"], calendar.id), "organizer": organizer(calendar)}
        found = series.find(calendar, body["id"])
        if found is not None and not found.cancelled:
            raise refusal("duplicate")
        stored = calendar.events.get(body["id"])
        if stored is None:
            return self._add(calendar, body)
        if stored.deviation is not None and not series.is_kept(stored):
            series.release(stored)
        self.replace(calendar, stored, body)
        return stored

    def transfer(self, source: Calendar, target: Calendar, event: Event) -> StoredEvent:
        """Take an event to another calendar: there under its id, here a cancelled stub without details.

        A series takes its exceptions along. An instance leaves its series: it is a single event there, and
        cancelled here. ApiError 400 for events of special types, 409 when there is a live one of that id.
        """
        if event.resource["eventType"] != "default":
            raise bad_request("Events of this type cannot be moved.")
        if series.origin_of(event) is not None:
            settled = self.settle(target, series.alone(event.resource))
            self.cancel(source, event)
            return settled
        assert isinstance(event, StoredEvent)
        settled = self.settle(target, event.resource)
        rows = list(event.series.exceptions.values()) if event.series else []
        for row in rows:
            assert row.deviation is not None
            there = target.events.get(row.id)
            if there is None or there.cancelled:
                self._except(target, settled, row.deviation.original, row.id, row.deviation.own)
            series.release(row)
        if event.series is not None:
            series.recur(event, None, self._store.next_number(), event.id)
        for gone in (event, *rows):
            self.save(source, gone, {**resource.bare(gone.resource), "status": "cancelled"})
        return settled

    def replace(self, calendar: Calendar, event: Event, body: Json, *, reset: bool = False) -> Event:
        """Make the event what `body` says, if that is a change; an instance becomes an exception by it.

        `reset`: exceptions beyond the new end of a series are dropped, as the page does and the API does not.
        """
        origin = series.origin_of(event)
        if origin is not None:
            return self._replace_instance(calendar, event, *origin, body)
        assert isinstance(event, StoredEvent)
        old = event.resource
        kept, starts, ends = resource.normal(body, calendar, self._store.settings)
        if kept == old and not reset:
            return event
        found = _recurrence(kept, starts, ends)
        _count(old, kept)
        event.starts, event.ends = starts, ends
        self._change(calendar, event, kept, found, reset=reset)
        return event

    def cancel(self, calendar: Calendar, event: Event) -> None:
        """Delete: what is kept is the tombstone. Of a series, its exceptions' too."""
        old = event.resource
        body = {**old, "status": "cancelled", "sequence": old["sequence"] + 1}
        origin = series.origin_of(event)
        if origin is not None:
            self._replace_instance(calendar, event, *origin, body)
            return
        assert isinstance(event, StoredEvent)
        found = event.series.recurrence if event.series and event.recurs else None
        self._change(calendar, event, body, found)

    def end(self, calendar: Calendar, master: StoredEvent, cut: datetime) -> None:
        """End a series before one of its instances, as the page does."""
        before, _ = split.divided(series.series_of(master).recurrence, cut)
        self.replace(calendar, master, {**master.resource, "recurrence": before}, reset=True)

    def split(self, sub: str, calendar: Calendar, master: StoredEvent, cut: datetime) -> StoredEvent:
        """End a series before one of its instances and go on from there with a new one, which is answered."""
        store, old = self._store, series.series_of(master)
        _, after = split.divided(old.recurrence, cut)
        name = split.tail_id(master.id, old.recurrence, cut)
        if series.find(calendar, name) is not None:
            name = store.random_id()  # split there once before
        first = series.alone(series.occurrence(calendar, master, cut).resource)
        given = {n: v for n, v in first.items() if n not in split.OF_THE_FIRST}
        if not store.settings.split_copies_private:
            given["extendedProperties"] = {**given.get("extendedProperties", {}), "private": {}}
        given |= {"iCalUID": f"{name}@google.com", "recurrence": after}
        self.end(calendar, master, cut)
        by_base = store.settings.split_instances_by_base
        tail = self.create(sub, calendar, given, name, old.stem if by_base else "")
        if by_base:
            for row in series.hand_over(master, tail):
                self.save(calendar, row, self._derive(calendar, row))
            series.series_of(calendar.events[old.stem]).tails.append(tail.id)
        return tail

    def save(self, calendar: Calendar, stored: StoredEvent, body: Json, *, silent: bool = False) -> None:
        """Store a change under the next number; a silent one leaves `updated` as it is."""
        store = self._store
        number = store.next_number()
        if not silent:
            stored.updated = store.now()
        version = {"etag": store.etag(number), "updated": times.stamp(stored.updated)}
        stored.resource = resource.ordered({**body, **version})
        calendar.history.touch(stored, number)
        store.changed(calendar)

    # --- events and series ------------------------------------------------------------------------------

    def _add(self, calendar: Calendar, body: Json, stem: str = "") -> StoredEvent:
        kept, starts, ends = resource.normal(body, calendar, self._store.settings)
        found = _recurrence(kept, starts, ends)
        stored = StoredEvent(kept, starts, ends, 0, 0, self._store.now())
        if found is not None:
            stored.series = Series(found, stem or stored.id)
        self._enter(calendar, stored)
        return stored

    def _enter(self, calendar: Calendar, stored: StoredEvent, before: StoredEvent | None = None) -> None:
        """Store a new event under the next number; `before`: listed just before that one."""
        store = self._store
        number = store.next_number()
        version = {"etag": store.etag(number), "updated": times.stamp(stored.updated)}
        stored.created = stored.changed = number
        stored.place = (number, 0) if before is None else (before.place[0], -number)
        stored.resource = resource.ordered({**stored.resource, **version})
        calendar.events[stored.id] = stored
        calendar.history.add(stored)
        store.changed(calendar)

    def _change(
        self,
        calendar: Calendar,
        stored: StoredEvent,
        kept: Json,
        found: Recurrence | None,
        *,
        reset: bool = False,
    ) -> None:
        """Save an event, and what its exceptions become by it."""
        old, stored.resource = stored.resource, kept
        rows: list[StoredEvent] = []
        if found is not None or stored.series is not None:
            before = stored.series.recurrence.shape if stored.series else None
            series.recur(stored, found, self._store.next_number(), stored.id)
            after = series.series_of(stored)
            rows = [*after.exceptions.values(), *after.dropped.values()]
            series.sort_out(stored, cut_only=not reset and before == after.recurrence.shape)
        changes = [(stored, kept, is_silent(old, kept)), *self._derived(calendar, rows)]
        if rows and self._store.rng.random() < self._store.settings.exceptions_first_chance:
            changes.append(changes.pop(0))
        for each, body, silent in changes:
            self.save(calendar, each, body, silent=silent)

    def _derived(self, calendar: Calendar, rows: list[StoredEvent]) -> list[tuple[StoredEvent, Json, bool]]:
        """The exceptions that are changed by a change of their series, and what to."""
        changes = ((row, self._derive(calendar, row)) for row in rows)
        return [(row, kept, is_silent(row.resource, kept)) for row, kept in changes if kept != row.resource]

    # --- instances --------------------------------------------------------------------------------------

    def _replace_instance(
        self, calendar: Calendar, event: Event, master: StoredEvent, original: datetime, body: Json
    ) -> Event:
        if master.cancelled or series.is_dropped(event):
            raise forbidden()
        kept, _, _ = resource.normal(body, calendar, self._store.settings)
        _count(event.resource, kept)
        plain = series.occurrence(calendar, master, original).resource
        own = series.own_of(plain, kept)
        if own != (event.deviation.own if event.deviation else {}):
            event = self._except(calendar, master, original, event.id, own)
        wanted = kept.get("visibility", "default")
        if VISIBILITIES[wanted] > VISIBILITIES[plain.get("visibility", "default")]:
            # what one instance hides, all do; what one would show is not heard
            self.replace(calendar, master, {**master.resource, "visibility": wanted})
        return event

    def _except(
        self, calendar: Calendar, master: StoredEvent, original: datetime, event_id: str, own: Json
    ) -> StoredEvent:
        """Store what an instance has otherwise than its series."""
        store = self._store
        row = calendar.events.get(event_id)
        if row is None:
            plain = series.occurrence(calendar, master, original)
            row = StoredEvent(plain.resource, plain.starts, plain.ends, 0, 0, store.now())
        row.deviation = Deviation(master, original, own)
        series.series_of(master).exceptions[event_id] = row
        old, kept = row.resource, self._derive(calendar, row)
        if row.created:
            self.save(calendar, row, kept, silent=is_silent(old, kept))
            return row
        row.resource = kept
        first = store.rng.random() < store.settings.exceptions_first_chance
        self._enter(calendar, row, before=master if first else None)
        return row

    def _derive(self, calendar: Calendar, row: StoredEvent) -> Json:
        """What an exception is by its series and its own, with the version it has."""
        version = {name: row.resource[name] for name in ("etag", "updated")}
        body = {**series.derived(calendar, row), **version}
        kept, row.starts, row.ends = resource.normal(body, calendar, self._store.settings)
        return kept


def _recurrence(kept: Json, starts: datetime, ends: datetime) -> Recurrence | None:
    """Raises ApiError 400."""
    lines = kept.get("recurrence")
    return recurrence.read(lines, kept["start"], starts, ends - starts) if lines else None


def _count(old: Json, kept: Json) -> None:
    """Raise the sequence number of an event that moves, unless the request has."""
    moved = any(kept.get(name) != old.get(name) for name in MOVES)
    if moved and kept["sequence"] == old.get("sequence"):
        kept["sequence"] += 1


def is_silent(old: Json, kept: Json) -> bool:
    """Whether all that changes is a person's own: no news to others."""
    return {**kept, "reminders": old.get("reminders")} == old


def organizer(calendar: Calendar) -> Json:
    """The calendar an event belongs to, as its events name it."""
    if calendar.primary:
        return {"email": calendar.id, "self": True}
    return {"email": calendar.id, "displayName": calendar.details["summary"], "self": True}
