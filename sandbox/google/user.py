"""What a person does in Google Calendar's web page, on the same model."""

from __future__ import annotations

from typing import Any

from sandbox.google import guests, moving, resource, series
from sandbox.google.errors import Json, not_found
from sandbox.google.series import Event
from sandbox.google.store import Calendar, StoredEvent
from sandbox.google.user_calendars import CalendarUser

EVERYTHING = {"conferenceDataVersion": 1, "supportsAttachments": True}
OF_THE_ORIGINAL = ("id", "iCalUID", "sequence")
SCOPES = ("one", "all", "following")


class Person(CalendarUser):
    """One account's owner at the screen. Refusals are those of the API; there are no versions to match.

    Of a series, `event` is the id of the series or of an instance, and `scope` what the page asks then:
    `one`, `all` or `following` (this one and all after it); unless given, what the id names.
    """

    def create(self, calendar: str, body: Json) -> Json:
        """A new event under an id of Google's own, of any type: Google makes `fromGmail` ones itself."""
        found = self._writable(calendar)
        given = resource.without_nulls(resource.accepted(body, EVERYTHING))
        given.pop("id", None)
        return self._read(calendar, self._google.events.create(self._sub, found, _zoned(given, found)))

    def edit(self, calendar: str, event: str, body: Json, scope: str | None = None) -> Json:
        """Change text, Free/Busy, visibility and the like, as a patch does."""
        target = self._target(self._writable(calendar, "writerWithoutPrivateAccess"), event, scope)
        return self._google.events.patch(self._sub, calendar, target.id, body, EVERYTHING)

    def move(self, calendar: str, event: str, start: Json, end: Json, scope: str | None = None) -> Json:
        """Drag to another time; timed to all-day and back too. All of a series goes along by as much."""
        found = self._writable(calendar)
        dragged = self._event(found, event)
        target = self._target(found, event, scope)
        zone = {"timeZone": target.resource["start"].get("timeZone", found.details["timeZone"])}
        wanted: Json = resource.without_nulls({"start": _named(start, zone), "end": _named(end, zone)})
        if isinstance(target, StoredEvent) and target.recurs:
            refused = self._google.settings.refused_zones
            wanted = moving.dragged(found, target, dragged.starts, wanted, refused)
        return self._replaced(calendar, found, target, {**target.resource, **wanted})

    def repeat(self, calendar: str, event: str, rules: list[str]) -> Json:
        """Make it a series; no rules make it a single event again."""
        return self.edit(calendar, event, {"recurrence": rules})

    def delete(self, calendar: str, event: str, scope: str | None = None) -> None:
        """To the Bin; `following` ends the series before."""
        found = self._writable(calendar, "writerWithoutPrivateAccess")
        origin = series.origin_of(self._event(found, event))
        if scope == "following" and origin is not None and not series.is_first(*origin):
            self._google.events.end(found, *origin)
        else:
            self._google.events.delete(self._sub, calendar, self._target(found, event, scope).id)

    def undelete(self, calendar: str, event: str) -> Json:
        """Back from the Bin, whatever the API would say. ValueError when it is not there."""
        found = self._writable(calendar)
        stored = found.events.get(event)
        if stored is None or not stored.cancelled or "start" not in stored.resource:
            raise ValueError(f"event {event!r} is not in the Bin")
        return self._replaced(calendar, found, stored, {**stored.resource, "status": "confirmed"})

    def duplicate(self, calendar: str, event: str) -> Json:
        """A copy under a new id, private properties and all; of an instance, a single event."""
        target = self._event(self._writable(calendar), event)
        copy = {name: v for name, v in target.resource.items() if name not in OF_THE_ORIGINAL}
        return self.create(calendar, copy)

    def move_to(self, calendar: str, event: str, destination: str) -> Json:
        """Drag to another calendar: there under the same id, here a cancelled stub without details.

        A series goes with all its exceptions; an instance leaves its series.
        """
        source, target = self._writable(calendar), self._writable(destination)
        if source is target:
            raise ValueError("the event is in that calendar already")
        return self._read(
            destination, self._google.events.transfer(source, target, self._event(source, event))
        )

    # --- guests -----------------------------------------------------------------------------------------

    def invite(self, calendar: str, body: Json, organizer: str) -> Json:
        """Somebody else's event arrives in this calendar, to be answered; `organizer` is an address."""
        found = self._writable(calendar)
        given = resource.without_nulls(resource.accepted(body, EVERYTHING))
        given.pop("id", None)
        theirs = {"email": organizer}
        others = [entry for entry in given.get("attendees", []) if entry.get("email") != found.id]
        given |= {
            "creator": theirs,
            "organizer": theirs,
            "attendees": [{**theirs, "responseStatus": "accepted"}, {"email": found.id}, *others],
        }
        return self._read(calendar, self._google.events.create(self._sub, found, _zoned(given, found)))

    def respond(self, calendar: str, event: str, response: str, scope: str | None = None) -> Json:
        """Answer an invitation, of a series to all or to one: `accepted`, `declined` or `tentative`."""
        if scope == "following":
            raise ValueError("an invitation is answered for one or for all")
        found = self._writable(calendar)
        target = self._target(found, event, scope)
        return self._replaced(calendar, found, target, guests.answered(target.resource, response))

    def add_guests(self, calendar: str, event: str, emails: list[str], scope: str | None = None) -> Json:
        found = self._writable(calendar)
        target = self._target(found, event, scope)
        return self._replaced(calendar, found, target, guests.with_guests(target.resource, emails))

    # ----------------------------------------------------------------------------------------------------

    def _writable(self, calendar: str, role: str = "writer") -> Calendar:
        found, _ = self._google.store.open_for(role, self._sub, calendar)
        return found

    def _event(self, calendar: Calendar, event: str) -> Event:
        """One that can be seen on the screen."""
        found = series.find(calendar, event)
        if found is None or found.cancelled:
            raise not_found()
        return found

    def _target(self, calendar: Calendar, event: str, scope: str | None) -> Event:
        """What an action is for; `following` splits the series, and it is for the second one."""
        if scope not in (None, *SCOPES):
            raise ValueError(f"scope is one of {', '.join(SCOPES)}, not {scope!r}")
        found = self._event(calendar, event)
        origin = series.origin_of(found)
        if origin is None:
            if found.recurs and scope in ("one", "following"):
                raise ValueError(f"event {event!r} is a whole series; name one of its instances")
            return found
        if scope == "all" or (scope == "following" and series.is_first(*origin)):
            return origin[0]
        return self._google.events.split(self._sub, calendar, *origin) if scope == "following" else found

    def _replaced(self, calendar: str, found: Calendar, target: Event, body: Json) -> Json:
        return self._read(calendar, self._google.events.replace(found, target, body))

    def _read(self, calendar: str, event: Event) -> Json:
        return self._google.events.get(self._sub, calendar, event.id)


def _zoned(body: Json, calendar: Calendar) -> Json:
    """The page always names a zone for the times of a series."""
    if not body.get("recurrence"):
        return body
    zone = {"timeZone": calendar.details["timeZone"]}
    return {**body, **{name: _named(body[name], zone) for name in ("start", "end") if name in body}}


def _named(time: Any, zone: Json) -> Any:
    return {**zone, **time} if isinstance(time, dict) and "dateTime" in time else time
