"""What a person does in Google Calendar's web page, on the same model."""

from __future__ import annotations

from typing import Any

from sandbox.google import resource
from sandbox.google.errors import Json, not_found
from sandbox.google.store import Calendar, StoredEvent
from sandbox.google.user_calendars import CalendarUser

EVERYTHING = {"conferenceDataVersion": 1, "supportsAttachments": True}
OF_THE_ORIGINAL = ("id", "iCalUID", "sequence")


class Person(CalendarUser):
    """One account's owner at the screen. Refusals are those of the API; there are no versions to match."""

    def create(self, calendar: str, body: Json) -> Json:
        """A new event under an id of Google's own, of any type: Google makes `fromGmail` ones itself."""
        found = self._writable(calendar)
        given = resource.without_nulls(resource.accepted(body, EVERYTHING))
        given.pop("id", None)
        return self._read(calendar, self._google.events.create(self._sub, found, _zoned(given, found)))

    def edit(self, calendar: str, event: str, body: Json) -> Json:
        """Change text, Free/Busy, visibility and the like, as a patch does."""
        return self._google.events.patch(self._sub, calendar, event, body, EVERYTHING)

    def move(self, calendar: str, event: str, start: Json, end: Json) -> Json:
        """Drag to another time; timed to all-day and back too."""
        found = self._writable(calendar)
        stored = self._event(found, event)
        zone = {"timeZone": stored.resource["start"].get("timeZone", found.details["timeZone"])}
        times = {"start": _named(start, zone), "end": _named(end, zone)}
        self._google.events.replace(found, stored, {**stored.resource, **resource.without_nulls(times)})
        return self._read(calendar, stored)

    def repeat(self, calendar: str, event: str, rules: list[str]) -> Json:
        """Make it a series; no rules make it a single event again."""
        return self.edit(calendar, event, {"recurrence": rules})

    def delete(self, calendar: str, event: str) -> None:
        """To the Bin."""
        self._google.events.delete(self._sub, calendar, event)

    def undelete(self, calendar: str, event: str) -> Json:
        """Back from the Bin, whatever the API would say. ValueError when it is not there."""
        found = self._writable(calendar)
        stored = found.events.get(event)
        if stored is None or not stored.cancelled or "start" not in stored.resource:
            raise ValueError(f"event {event!r} is not in the Bin")
        self._google.events.replace(found, stored, {**stored.resource, "status": "confirmed"})
        return self._read(calendar, stored)

    def duplicate(self, calendar: str, event: str) -> Json:
        """A copy under a new id, private properties and all."""
        stored = self._event(self._writable(calendar), event)
        copy = {name: v for name, v in stored.resource.items() if name not in OF_THE_ORIGINAL}
        return self.create(calendar, copy)

    def move_to(self, calendar: str, event: str, destination: str) -> Json:
        """Drag to another calendar: there under the same id, here a cancelled stub without details."""
        source, target = self._writable(calendar), self._writable(destination)
        if source is target:
            raise ValueError("the event is in that calendar already")
        stored = self._event(source, event)
        settled = self._google.events.settle(target, stored.resource)
        stub = {**resource.bare(stored.resource), "status": "cancelled"}
        self._google.events.save(source, stored, stub)
        return self._read(destination, settled)

    def _writable(self, calendar: str) -> Calendar:
        found, _ = self._google.store.open_for("writer", self._sub, calendar)
        return found

    def _event(self, calendar: Calendar, event: str) -> StoredEvent:
        """One that can be seen on the screen."""
        stored = calendar.events.get(event)
        if stored is None or stored.cancelled:
            raise not_found()
        return stored

    def _read(self, calendar: str, stored: StoredEvent) -> Json:
        return self._google.events.get(self._sub, calendar, stored.resource["id"])


def _zoned(body: Json, calendar: Calendar) -> Json:
    """The page always names a zone for the times of a series."""
    if not body.get("recurrence"):
        return body
    zone = {"timeZone": calendar.details["timeZone"]}
    return {**body, **{name: _named(body[name], zone) for name in ("start", "end") if name in body}}


def _named(time: Any, zone: Json) -> Any:
    return {**zone, **time} if isinstance(time, dict) and "dateTime" in time else time
