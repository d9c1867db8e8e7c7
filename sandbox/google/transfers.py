"""Events that come from elsewhere: `events.import`, `events.move`, `events.quickAdd`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import fields, quick_add, resource, series
from sandbox.google.errors import (
    ApiError,
    Json,
    bad_request,
    condition_not_met,
    not_found,
    refusal,
    required,
)
from sandbox.google.events import NOTHING, Events
from sandbox.google.series import Event
from sandbox.google.store import Calendar, Store

WRITER = "writerWithoutPrivateAccess"


class Transfers:
    """One method per API method."""

    def __init__(self, store: Store, events: Events) -> None:
        self._store = store
        self._events = events

    def import_(self, sub: str, calendar_id: str, body: Json, query: Mapping[str, Any] = NOTHING) -> Json:
        """A private copy of an event that has its own UID, and perhaps another organizer.

        ApiError 409 for a UID the calendar has ever had, a deleted event's too.
        """
        calendar, _ = self._store.open_for(WRITER, sub, calendar_id)
        given = resource.without_nulls(resource.accepted(body, query))
        uid = given.get("iCalUID")
        if not isinstance(uid, str) or not uid:
            raise required("Missing required field: iCalUID")
        if given.get("eventType", "default") != "default":
            raise bad_request("Only default events can be imported.")
        if any(known.resource.get("iCalUID") == uid for known in calendar.history):
            raise refusal("duplicate")
        given.pop("id", None)
        given |= _organizer(body, calendar)
        stored = self._events.create(sub, calendar, given, resource.copy_id(uid))
        return self._events.get(sub, calendar_id, stored.resource["id"], query)

    def move(
        self,
        sub: str,
        calendar_id: str,
        event_id: str,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        """To the calendar `destination`, under the same id; here a cancelled stub without details stays.

        A series goes as a whole, its instances do not go alone.
        Google answers the moved event as cancelled although it is well where it went: so does this.
        """
        source, role = self._store.open_for(WRITER, sub, calendar_id)
        if not query.get("destination"):
            raise required("Missing required parameter: destination")
        target, _ = self._store.open_for(WRITER, sub, str(query["destination"]))
        stored = self._movable(source, role, event_id, if_match)
        if source is target:
            raise bad_request("The event is in that calendar already.")
        settled = self._events.transfer(source, target, stored)
        return fields.answer({**settled.resource, "status": "cancelled"}, "event", query)

    def quick_add(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        calendar, _ = self._store.open_for(WRITER, sub, calendar_id)
        text = str(query.get("text") or "")
        if not text.strip():
            raise required("Missing required parameter: text")
        given = quick_add.read(text, self._store.now().astimezone(calendar.zone))
        stored = self._events.create(sub, calendar, given)
        return self._events.get(sub, calendar_id, stored.resource["id"], query)

    def _movable(self, source: Calendar, role: str, event_id: str, if_match: str | None) -> Event:
        event = series.find(source, event_id)
        if event is None or event.cancelled:
            raise not_found()
        resource.check_writable_by(role, event.resource)
        if if_match is not None and if_match not in ("*", event.resource["etag"]):
            raise condition_not_met()
        if series.origin_of(event) is not None:
            message = "Cannot change the organizer of an instance."
            raise ApiError(400, "cannotChangeOrganizerOfInstance", message, "calendar")
        return event


def _organizer(body: Json, calendar: Calendar) -> Json:
    """A foreign organizer makes the event a copy, whose changes tell nobody."""
    organizer = body.get("organizer")
    if not isinstance(organizer, dict) or organizer.get("email") in (None, calendar.id):
        return {}
    named = {name: organizer[name] for name in ("email", "displayName") if name in organizer}
    return {"organizer": named, "privateCopy": True}
