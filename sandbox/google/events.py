"""The methods of `events`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google import fields, guests, listing, paging, resource, rows, series, times
from sandbox.google.errors import (
    Json,
    bad_request,
    condition_not_met,
    forbidden,
    invalid,
    invalid_parameter,
    not_found,
    refusal,
)
from sandbox.google.paging import Page
from sandbox.google.rows import Row
from sandbox.google.series import Event
from sandbox.google.store import Calendar
from sandbox.google.writes import Writes, organizer

__all__ = ["NOTHING", "Events", "organizer"]

NOTHING: Mapping[str, Any] = {}

PAGE_DEFAULT = 250
PAGE_MAX = 2500


class Events(Writes):
    """One method per API method. `query` holds the request's parameters, as text or as values."""

    def get(self, sub: str, calendar_id: str, event_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        """A deleted event is answered, as cancelled."""
        calendar, role = self._store.open(sub, calendar_id)
        return self._answer(_find(calendar, event_id), role, query)

    def list(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        """One page: everything, or with `syncToken` what changed since.

        Who may see times alone sees the instances of a series, as with `singleEvents`.
        """
        store = self._store
        calendar, role = store.open(sub, calendar_id)
        asked = {**query, "singleEvents": True} if role == "freeBusyReader" else query
        wanted = listing.read(asked, store.now(), store.settings.updated_min_days_max)
        size = paging.page_size(query, PAGE_DEFAULT, PAGE_MAX)
        listed = paging.Listed(f"events/{calendar.id}", calendar.epoch, calendar.history.last)
        begin = paging.beginning(listed, query)
        found = rows.Listing(calendar, wanted, begin, store.now(), store.settings.cancelled_instances_days)
        page = paging.cut(found.rows(), found.key, begin, size, store)
        if wanted.order is not None:
            page.token.pop("nextSyncToken", None)  # an ordered listing ends without one
        whole = bool(paging.flag(query, "showDeleted")) or "updatedMin" in query
        return self._answer_page(sub, calendar, role, query, page, whole=whole)

    def instances(
        self, sub: str, calendar_id: str, event_id: str, query: Mapping[str, Any] = NOTHING
    ) -> Json:
        """One page of a series; of an instance, or an event that does not recur, that one alone."""
        store = self._store
        calendar, role = store.open(sub, calendar_id)
        event = _find(calendar, event_id)
        wanted = listing.read_instances(query)
        size = paging.page_size(query, PAGE_DEFAULT, PAGE_MAX)
        listed = paging.Listed(f"instances/{calendar.id}/{event_id}", calendar.epoch, calendar.history.last)
        begin = paging.beginning(listed, query)
        found = rows.instances(calendar, event, wanted, begin, store.now())
        page = paging.cut(found, rows.in_series, begin, size, store)
        page.token.pop("nextSyncToken", None)  # it is no collection to be synced
        return self._answer_page(sub, calendar, role, query, page, whole=wanted.deleted)

    def insert(self, sub: str, calendar_id: str, body: Json, query: Mapping[str, Any] = NOTHING) -> Json:
        calendar, role = self._store.open_for("writerWithoutPrivateAccess", sub, calendar_id)
        given = resource.without_nulls(resource.accepted(body, query))
        if given.get("eventType") == "fromGmail":
            raise bad_request("Events of this type cannot be created.")
        if "id" in given:
            resource.check_client_id(given["id"])
            if "iCalUID" in given:
                raise bad_request("Only one of id and iCalUID can be given.")
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
        calendar, role, event = self._open_event(sub, calendar_id, event_id, if_match)
        given = resource.accepted(body, query)
        self._check_change(event, given)
        changed = self._change_as_client(calendar, event, resource.merged(event.resource, given))
        return self._answer(changed, role, query)

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
        calendar, role, event = self._open_event(sub, calendar_id, event_id, if_match)
        given = resource.without_nulls(resource.accepted(body, query))
        self._check_change(event, given)
        old = event.resource
        kept = {name: old[name] for name in resource.IDENTITY if name in old}
        changed = self._change_as_client(calendar, event, {"status": "confirmed", **kept, **given})
        return self._answer(changed, role, query)

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
        event = _find(calendar, event_id)
        resource.check_writable_by(role, event.resource)
        if event.cancelled:
            raise refusal("deleted")
        _check_match(event, if_match)
        self.cancel(calendar, event)

    # ----------------------------------------------------------------------------------------------------

    def _open_event(
        self, sub: str, calendar_id: str, event_id: str, if_match: str | None
    ) -> tuple[Calendar, str, Event]:
        """For a change: rights, existence, version."""
        calendar, role = self._store.open_for("writerWithoutPrivateAccess", sub, calendar_id)
        event = _find(calendar, event_id)
        resource.check_writable_by(role, event.resource)
        _check_match(event, if_match)
        return calendar, role, event

    def _check_change(self, event: Event, given: Json) -> None:
        """What no change may touch, and whether a deleted event may be touched at all."""
        old = event.resource
        if event.cancelled and (self._store.settings.revive == "forbidden" or "start" not in old):
            raise forbidden()
        if given.get("eventType", old["eventType"]) != old["eventType"]:
            raise bad_request("Event type cannot be changed.")
        if old["eventType"] == "fromGmail":
            raise bad_request("Events of this type cannot be changed.")
        if series.origin_of(event) is not None and given.pop("recurrence", None):
            raise bad_request("An instance of a recurring event cannot recur itself.")
        for name in ("id", "iCalUID"):
            if given.pop(name, old[name]) != old[name]:
                raise invalid(f"Invalid value for: {name}")
        resource.check_sequence(given, old["sequence"])

    def _change_as_client(self, calendar: Calendar, event: Event, body: Json) -> Event:
        if guests.is_guest(event.resource):
            kept, _, _ = resource.normal(body, calendar, self._store.settings)
            guests.check_change(event.resource, kept)
        return self.replace(calendar, event, body)

    def _answer(self, event: Event, role: str, query: Mapping[str, Any]) -> Json:
        seen = self._shown(event, role, query, _zone_asked(query), whole=True)
        return fields.answer(seen, "event", query)

    def _answer_page(
        self,
        sub: str,
        calendar: Calendar,
        role: str,
        query: Mapping[str, Any],
        page: Page[Row],
        *,
        whole: bool,
    ) -> Json:
        zone = _zone_asked(query)
        items = [self._shown(row, role, query, zone, whole=whole) for row in page.rows]
        entry = self._store.lists[sub].entries.get(
            calendar.id
        )  # none of a calendar one sees but does not list
        reminders = entry.own.get("defaultReminders", []) if entry else []
        head = {**self._head(calendar, role, zone), "defaultReminders": reminders}
        return fields.answer({**head, **page.token, "items": items}, "events", query)

    def _shown(
        self, event: Row, role: str, query: Mapping[str, Any], zone: ZoneInfo | None, *, whole: bool
    ) -> Json:
        """The event as this role sees it; not to be changed. `whole`: a tombstone with its details."""
        told = event.resource
        if event.cancelled and (not whole or self._store.settings.bare_tombstones or "start" not in told):
            return resource.bare(told)
        seen = resource.shown(told, role)
        if "maxAttendees" in query:
            seen = guests.trimmed(seen, _number(query, "maxAttendees"))
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


def _find(calendar: Calendar, event_id: str) -> Event:
    event = series.find(calendar, event_id)
    if event is None:
        raise not_found()
    return event


def _number(query: Mapping[str, Any], name: str) -> int:
    try:
        return int(query[name])
    except ValueError:
        raise invalid_parameter(f"Invalid integer value: '{query[name]}'.", name) from None


def _check_match(event: Event, if_match: str | None) -> None:
    tags = ["*"] if if_match is None else [tag.strip() for tag in if_match.split(",")]
    if not {"*", event.resource["etag"]} & set(tags):
        raise condition_not_met()


def _zone_asked(query: Mapping[str, Any]) -> ZoneInfo | None:
    if "timeZone" not in query:
        return None
    zone = times.zone_named(str(query["timeZone"]))
    if zone is None:
        raise invalid("Invalid time zone.")
    return zone
