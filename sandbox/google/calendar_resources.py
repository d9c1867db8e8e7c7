"""The methods of `calendars`, and how a calendar comes to be, is shared and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import fields, resource
from sandbox.google.errors import ApiError, Json, condition_not_met, forbidden, invalid, required
from sandbox.google.events import NOTHING, organizer
from sandbox.google.store import Account, Calendar, ListEntry, Store

OWN_FIELDS = ("summary", "description", "location", "timeZone")


class CalendarResources:
    """One method per API method."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        calendar, _ = self._store.open(sub, calendar_id)
        return self._answer(calendar, query)

    def insert(self, sub: str, body: Json, query: Mapping[str, Any] = NOTHING, app: str = "") -> Json:
        """A secondary calendar, owned by the account and on its list. `app`: the OAuth client that asks.

        ApiError 403 `quotaExceeded` past what an account may make; deleting one gives nothing back.
        """
        store = self._store
        account = store.accounts[sub]
        details = self._details(resource.without_nulls(body), {"timeZone": "UTC"})
        if store.lists[sub].calendars_made >= store.settings.calendars_per_account_max:
            raise ApiError(403, "quotaExceeded", "Calendar usage limits exceeded.", "usageLimits")
        store.lists[sub].calendars_made += 1
        name = "".join(store.rng.choices("0123456789abcdef", k=64))
        prefix = "c_" if account.hosted_domain else ""
        calendar = self.create(account, f"{prefix}{name}@group.calendar.google.com", details, app)
        return self._answer(calendar, query)

    def patch(
        self,
        sub: str,
        calendar_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        calendar, _ = self._store.open_for("owner", sub, calendar_id)
        if if_match is not None and if_match not in ("*", calendar.etag):
            raise condition_not_met()
        details = self._details(resource.merged(calendar.details, body), {})
        if details != calendar.details:
            self._change(calendar, details)
        return self._answer(calendar, query)

    def delete(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> None:  # noqa: ARG002
        """Gone for everyone at once; every list keeps a deleted entry."""
        store = self._store
        calendar, _ = store.open_for("owner", sub, calendar_id)
        if calendar.primary:
            raise forbidden("The primary calendar of an account cannot be deleted.")
        calendar.deleted = True
        for member in calendar.roles:
            self._drop_entry(member, calendar)

    # --- without rights: for the methods above and for what a person does -------------------------------

    def create(self, owner: Account, calendar_id: str, details: Json, app: str) -> Calendar:
        store = self._store
        calendar = Calendar(
            id=calendar_id,
            owner=owner.sub,
            app=app,
            primary=calendar_id == owner.primary,
            details=details,
            etag=store.etag(store.next_number()),
            roles={},
        )
        store.calendars[calendar_id] = calendar
        self.share(calendar, owner.sub, "owner")
        return calendar

    def share(self, calendar: Calendar, sub: str, role: str | None) -> None:
        """Give the account a role, and the calendar a place on its list; None takes both away.

        Who may see what has changed, so the calendar's sync tokens expire.
        """
        calendar.epoch += 1
        if role is None:
            calendar.roles.pop(sub, None)
            self._drop_entry(sub, calendar)
            return
        calendar.roles[sub] = role
        entry = self._store.lists[sub].entries.get(calendar.id)
        if entry is None or entry.deleted:
            self._add_entry(sub, calendar)

    def _add_entry(self, sub: str, calendar: Calendar) -> None:
        store, owned = self._store, self._store.lists[sub]
        number = store.next_number()
        entry = owned.entries.get(calendar.id)
        if entry is not None:
            entry.deleted, entry.etag = False, store.etag(number)
            owned.history.touch(entry, number)
            return
        own: Json = {"colorId": "14", "backgroundColor": "#9fe1e7", "foregroundColor": "#000000"}
        if calendar.primary:
            own |= {"selected": True, "defaultReminders": [{"method": "popup", "minutes": 10}]}
        entry = ListEntry(calendar, own, store.etag(number), number, number)
        owned.entries[calendar.id] = entry
        owned.history.add(entry)

    def _drop_entry(self, sub: str, calendar: Calendar) -> None:
        store, owned = self._store, self._store.lists[sub]
        entry = owned.entries.get(calendar.id)
        if entry is None or entry.deleted:
            return
        number = store.next_number()
        entry.deleted, entry.etag = True, store.etag(number)
        owned.history.touch(entry, number)

    def _change(self, calendar: Calendar, details: Json) -> None:
        """Its events follow a new title or zone without a change of their own."""
        zone_moved = details["timeZone"] != calendar.details["timeZone"]
        calendar.details = details
        calendar.etag = self._store.etag(self._store.next_number())
        for stored in calendar.events.values():
            kept = {**stored.resource, "organizer": organizer(calendar)}
            if zone_moved and "start" in kept:
                kept, stored.starts, stored.ends = resource.normal(kept, calendar, self._store.settings)
            stored.resource = kept

    def _answer(self, calendar: Calendar, query: Mapping[str, Any]) -> Json:
        shown = {
            "kind": "calendar#calendar",
            "etag": calendar.etag,
            "id": calendar.id,
            **calendar.details,
            "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
            **data_owner(self._store, calendar),
        }
        return fields.answer(shown, "calendar", query)

    def _details(self, body: Any, defaults: Json) -> Json:
        """The calendar's own fields from a request. Raises ApiError 400."""
        if not isinstance(body, dict):
            raise ApiError(400, "parseError", "Parse Error")
        details = {**defaults, **{name: body[name] for name in OWN_FIELDS if name in body}}
        if not all(isinstance(text, str) for text in details.values()):
            raise invalid("Invalid Value")
        if not details.get("summary"):
            raise required("Missing title.")
        if not self._store.knows_zone(details.get("timeZone", "")):
            raise invalid("Invalid time zone.")
        return {name: text for name, text in details.items() if text}


def data_owner(store: Store, calendar: Calendar) -> Json:
    """The e-mail of the one data owner, told of secondary calendars only."""
    return {} if calendar.primary else {"dataOwner": store.accounts[calendar.owner].email}
