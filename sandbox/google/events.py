"""The methods of `events`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google import fields, listing, paging, resource, times
from sandbox.google.errors import (
    ApiError,
    Json,
    bad_request,
    condition_not_met,
    forbidden,
    invalid,
    not_found,
)
from sandbox.google.store import Calendar, Store, StoredEvent

NOTHING: Mapping[str, Any] = {}

PAGE_DEFAULT = 250
PAGE_MAX = 2500


class Events:
    """One method per API method. `query` holds the request's parameters, as text or as values."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(
        self,
        sub: str,
        calendar_id: str,
        event_id: str,
        query: Mapping[str, Any] = NOTHING,
        if_none_match: str | None = None,
    ) -> Json:
        """A deleted event is answered, as cancelled. ApiError 304 when the etag is the one given."""
        calendar, role = self._store.open(sub, calendar_id)
        stored = _find(calendar, event_id)
        if if_none_match is not None and _is_one_of(stored, if_none_match):
            raise ApiError(304, "notModified", "Not Modified")
        return self._answer(stored, role, query)

    def list(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        """One page: everything, or with `syncToken` what changed since."""
        store = self._store
        calendar, role = store.open(sub, calendar_id)
        wanted = listing.read(query, store.now(), store.settings.updated_min_days_max)
        size = paging.page_size(query, PAGE_DEFAULT, PAGE_MAX)
        listed = paging.Listed(f"events/{calendar.id}", calendar.epoch, calendar.history.last)
        begin = paging.beginning(listed, query)
        key = listing.key_of(wanted, begin)
        page = paging.cut(listing.rows(calendar, wanted, begin, key), key, begin, size, store)
        if wanted.order is not None:
            page.token.pop("nextSyncToken", None)  # an ordered listing ends without one
        zone = _zone_asked(query)
        whole = bool(paging.flag(query, "showDeleted")) or "updatedMin" in query
        items = [self._shown(row, role, zone, whole=whole) for row in page.rows]
        entry = store.lists[sub].entries.get(calendar.id)  # none of a calendar one sees but does not list
        reminders = entry.own.get("defaultReminders", []) if entry else []
        head = {**self._head(calendar, role, zone), "defaultReminders": reminders}
        return fields.answer({**head, **page.token, "items": items}, "events", query)

    def insert(self, sub: str, calendar_id: str, body: Json, query: Mapping[str, Any] = NOTHING) -> Json:
        calendar, role = self._store.open_for("writerWithoutPrivateAccess", sub, calendar_id)
        given = resource.without_nulls(resource.accepted(body, query))
        if given.get("eventType") == "fromGmail":
            raise bad_request("Events of this type cannot be created.")
        return self._answer(self.create(sub, calendar, given), role, query)

    def patch(
        self,
        sub: str,
        calendar_id: str,
        event_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        """Objects merge, arrays are replaced, null clears. Changing nothing keeps the etag."""
        calendar, role, stored = self._open_event(sub, calendar_id, event_id, if_match)
        given = resource.accepted(body, query)
        self._check_change(stored, given)
        self.replace(calendar, stored, resource.merged(stored.resource, given))
        return self._answer(stored, role, query)

    def update(
        self,
        sub: str,
        calendar_id: str,
        event_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        """What the body leaves out is gone afterwards."""
        calendar, role, stored = self._open_event(sub, calendar_id, event_id, if_match)
        given = resource.without_nulls(resource.accepted(body, query))
        self._check_change(stored, given)
        kept = {name: stored.resource[name] for name in resource.IDENTITY if name in stored.resource}
        self.replace(calendar, stored, {"status": "confirmed", **kept, **given})
        return self._answer(stored, role, query)

    def delete(
        self,
        sub: str,
        calendar_id: str,
        event_id: str,
        query: Mapping[str, Any] = NOTHING,  # noqa: ARG002 - `sendUpdates`: there are no guests to tell
        if_match: str | None = None,
    ) -> None:
        """The event stays as a tombstone. ApiError 410 `deleted` for one that already is."""
        calendar, role = self._store.open_for("writerWithoutPrivateAccess", sub, calendar_id)
        stored = _find(calendar, event_id)
        resource.check_writable_by(role, stored.resource)
        if stored.cancelled:
            raise ApiError(410, "deleted", "Resource has been deleted")
        _check_match(stored, if_match)
        self.cancel(calendar, stored)

    # --- without rights and switches: for the methods above and for what a person does ------------------

    def create(self, sub: str, calendar: Calendar, given: Json, event_id: str = "") -> StoredEvent:
        """A new event from clean properties, under the id given or one of Google's own."""
        store = self._store
        event_id = event_id or self._new_id(calendar, given)
        now = store.now()
        account = store.accounts[sub]
        body = {
            "kind": "calendar#event",
            "status": "confirmed",
            "htmlLink": _link(event_id, calendar.id),
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
        return self._add(calendar, body)

    def settle(self, calendar: Calendar, body: Json) -> StoredEvent:
        """An event that comes from another calendar under its own id. ApiError 409: a live one has it."""
        body = {**body, "htmlLink": _link(body["id"], calendar.id), "organizer": organizer(calendar)}
        stored = calendar.events.get(body["id"])
        if stored is None:
            return self._add(calendar, body)
        if not stored.cancelled:
            raise _duplicate()
        self.replace(calendar, stored, body)
        return stored

    def _add(self, calendar: Calendar, body: Json) -> StoredEvent:
        store = self._store
        now = store.now()
        kept, starts, ends = resource.normal(body, calendar, store.settings)
        number = store.next_number()
        kept = {**kept, "etag": store.etag(number), "updated": times.stamp(now)}
        stored = StoredEvent(_ordered(kept), starts, ends, number, number, now)
        calendar.events[body["id"]] = stored
        calendar.history.add(stored)
        store.changed(calendar)
        return stored

    def replace(self, calendar: Calendar, stored: StoredEvent, body: Json) -> None:
        """Make the event what `body` says, if that is a change."""
        old = stored.resource
        kept, starts, ends = resource.normal(body, calendar, self._store.settings)
        if kept == old:
            return
        moved = any(kept.get(name) != old.get(name) for name in ("start", "end", "recurrence", "status"))
        if moved and kept["sequence"] == old.get("sequence"):
            kept["sequence"] += 1
        stored.starts, stored.ends = starts, ends
        silent = {**kept, "reminders": old.get("reminders")} == old  # a person's own, no news to others
        self.save(calendar, stored, kept, silent=silent)

    def cancel(self, calendar: Calendar, stored: StoredEvent) -> None:
        """Delete: what is kept is the tombstone."""
        old = stored.resource
        self.save(calendar, stored, {**old, "status": "cancelled", "sequence": old["sequence"] + 1})

    def save(self, calendar: Calendar, stored: StoredEvent, body: Json, *, silent: bool = False) -> None:
        """Store a change under the next number; a silent one leaves `updated` as it is."""
        store = self._store
        number = store.next_number()
        if not silent:
            stored.updated = store.now()
        version = {"etag": store.etag(number), "updated": times.stamp(stored.updated)}
        stored.resource = {**body, **version}
        calendar.history.touch(stored, number)
        store.changed(calendar)

    # ----------------------------------------------------------------------------------------------------

    def _open_event(
        self, sub: str, calendar_id: str, event_id: str, if_match: str | None
    ) -> tuple[Calendar, str, StoredEvent]:
        """For a change: rights, existence, version."""
        calendar, role = self._store.open_for("writerWithoutPrivateAccess", sub, calendar_id)
        stored = _find(calendar, event_id)
        resource.check_writable_by(role, stored.resource)
        _check_match(stored, if_match)
        return calendar, role, stored

    def _check_change(self, stored: StoredEvent, given: Json) -> None:
        """What no change may touch, and whether a deleted event may be touched at all."""
        old = stored.resource
        if stored.cancelled and (self._store.settings.revive == "forbidden" or "start" not in old):
            raise forbidden()
        if given.get("eventType", old["eventType"]) != old["eventType"]:
            raise bad_request("Event type cannot be changed.")
        if old["eventType"] == "fromGmail":
            raise bad_request("Events of this type cannot be changed.")
        for name in ("id", "iCalUID"):
            if given.pop(name, old[name]) != old[name]:
                raise invalid(f"Invalid value for: {name}")
        resource.check_sequence(given, old["sequence"])

    def _new_id(self, calendar: Calendar, given: Json) -> str:
        if "id" not in given:
            return self._store.random_id()
        event_id = resource.check_client_id(given["id"])
        if "iCalUID" in given:
            raise bad_request("Only one of id and iCalUID can be given.")
        if event_id in calendar.events:
            raise _duplicate()
        return event_id

    def _answer(self, stored: StoredEvent, role: str, query: Mapping[str, Any]) -> Json:
        seen = self._shown(stored, role, _zone_asked(query), whole=True)
        return fields.answer(seen, "event", query)

    def _shown(self, stored: StoredEvent, role: str, zone: ZoneInfo | None, *, whole: bool) -> Json:
        """The event as this role sees it; not to be changed. `whole`: a tombstone with its details."""
        without = not whole or self._store.settings.bare_tombstones or "start" not in stored.resource
        if stored.cancelled and without:
            return resource.bare(stored.resource)
        seen = resource.shown(stored.resource, role)
        return seen if zone is None else times.in_zone(seen, zone)

    def _head(self, calendar: Calendar, role: str, zone: ZoneInfo | None) -> Json:
        """What a page of a listing says of the calendar."""
        details = calendar.details
        return {
            "kind": "calendar#events",
            "etag": self._store.etag(calendar.history.last),
            "summary": details["summary"],
            **({"description": details["description"]} if "description" in details else {}),
            "updated": times.stamp(self._last_update(calendar)),
            "timeZone": details["timeZone"] if zone is None else zone.key,
            "accessRole": role,
        }

    def _last_update(self, calendar: Calendar) -> datetime:
        last = calendar.history.newest()
        return self._store.now() if last is None else last.updated


def organizer(calendar: Calendar) -> Json:
    """The calendar an event belongs to, as its events name it."""
    if calendar.primary:
        return {"email": calendar.id, "self": True}
    return {"email": calendar.id, "displayName": calendar.details["summary"], "self": True}


def _find(calendar: Calendar, event_id: str) -> StoredEvent:
    stored = calendar.events.get(event_id)
    if stored is None:
        raise not_found()
    return stored


def _duplicate() -> ApiError:
    return ApiError(409, "duplicate", "The requested identifier already exists.")


def _ordered(body: Json) -> Json:
    return {name: body[name] for name in resource.ORDER if name in body}


def _is_one_of(stored: StoredEvent, header: str) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return "*" in tags or stored.resource["etag"] in tags


def _check_match(stored: StoredEvent, if_match: str | None) -> None:
    if if_match is not None and not _is_one_of(stored, if_match):
        raise condition_not_met()


def _zone_asked(query: Mapping[str, Any]) -> ZoneInfo | None:
    if "timeZone" not in query:
        return None
    zone = times.zone_named(str(query["timeZone"]))
    if zone is None:
        raise invalid("Invalid time zone.")
    return zone


def _link(event_id: str, calendar_id: str) -> str:
    name = base64.urlsafe_b64encode(f"{event_id} {calendar_id}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={name}"
