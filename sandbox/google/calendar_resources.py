"""The methods of `calendars`, and how a calendar comes to be and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import fields, paging, resource
from sandbox.google.bodies import object_of
from sandbox.google.errors import (
    ApiError,
    Json,
    bad_request,
    condition_not_met,
    forbidden,
    invalid,
    invalid_parameter,
    not_found,
    refusal,
    required,
)
from sandbox.google.events import NOTHING, Events, organizer
from sandbox.google.rules import for_user
from sandbox.google.sharing import Sharing
from sandbox.google.store import Account, Calendar, Store

OWN_FIELDS = ("summary", "description", "location", "timeZone")


class CalendarResources:
    """One method per API method."""

    def __init__(self, store: Store, sharing: Sharing, events: Events) -> None:
        self._store = store
        self._sharing = sharing
        self._events = events

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
            raise refusal("quotaExceeded")
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
        calendar = self._open(sub, calendar_id, if_match)
        return self._put(calendar, resource.merged(calendar.details, object_of(body)), query)

    def update(
        self,
        sub: str,
        calendar_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        """What the body leaves out is gone afterwards, but for the time zone: every calendar has one."""
        calendar = self._open(sub, calendar_id, if_match)
        zone = {"timeZone": calendar.details["timeZone"]}
        return self._put(calendar, {**zone, **resource.without_nulls(object_of(body))}, query)

    def delete(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> None:  # noqa: ARG002
        """Gone for everyone at once; every list keeps a deleted entry."""
        store = self._store
        calendar, _ = store.open_for("owner", sub, calendar_id)
        if calendar.primary:
            message = "The primary calendar of an account cannot be deleted."
            raise ApiError(403, "cannotDeletePrimaryCalendar", message, "calendar")
        calendar.deleted = True
        for member in store.accounts:
            self._sharing.unsubscribe(member, calendar)

    def clear(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> None:  # noqa: ARG002
        """Every event of the primary calendar is deleted. ApiError 400 for any other calendar."""
        calendar, _ = self._store.open_for("owner", sub, calendar_id)
        if not calendar.primary:
            raise bad_request("Only a primary calendar can be cleared.")
        for stored in list(calendar.history):
            if not stored.cancelled:
                self._events.cancel(calendar, stored)

    def transfer(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> None:
        """`transferOwnership`: an administrator makes another account of the domain the data owner.

        Who owned it keeps the role of an owner.
        """
        store = self._store
        if paging.flag(query, "useAdminAccess") is not True:
            raise invalid_parameter("Only administrators can transfer calendars.", "useAdminAccess")
        domain = store.accounts[sub].hosted_domain
        if sub not in store.settings.administrators or not domain:
            raise forbidden()
        calendar = store.calendars.get(calendar_id)
        if calendar is None or calendar.deleted or store.accounts[calendar.owner].hosted_domain != domain:
            raise not_found()
        if calendar.primary:
            raise bad_request("A primary calendar cannot be transferred.")
        named = [a for a in store.accounts.values() if a.email == query.get("newDataOwner")]
        if not named or named[0].hosted_domain != domain:
            raise invalid_parameter("Invalid value for: newDataOwner", "newDataOwner")
        calendar.owner = named[0].sub
        self._sharing.give(calendar, for_user(named[0].email), "owner")
        self._sharing.subscribe(calendar.owner, calendar)

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
        )
        store.calendars[calendar_id] = calendar
        if not calendar.primary:
            self._sharing.give(calendar, for_user(calendar_id), "owner")  # the calendar's own address
        self._sharing.give(calendar, for_user(owner.email), "owner")
        self._sharing.subscribe(owner.sub, calendar)
        return calendar

    def restore(self, calendar: Calendar) -> None:
        """A deleted calendar lives again, on its owner's list alone. Its sync tokens have expired."""
        calendar.deleted = False
        calendar.epoch += 1
        self._sharing.subscribe(calendar.owner, calendar)

    def _open(self, sub: str, calendar_id: str, if_match: str | None) -> Calendar:
        """For a change: rights, version."""
        calendar, _ = self._store.open_for("owner", sub, calendar_id)
        if if_match is not None and if_match not in ("*", calendar.etag):
            raise condition_not_met()
        return calendar

    def _put(self, calendar: Calendar, body: Json, query: Mapping[str, Any]) -> Json:
        """Make the calendar's own fields these, if that is a change."""
        details = self._details(body, {})
        if details != calendar.details:
            self._change(calendar, details)
        return self._answer(calendar, query)

    def _change(self, calendar: Calendar, details: Json) -> None:
        """Its events follow a new title or zone without a change of their own."""
        zone_moved = details["timeZone"] != calendar.details["timeZone"]
        calendar.details = details
        calendar.etag = self._store.etag(self._store.next_number())
        for stored in calendar.events.values():
            kept = stored.resource
            if kept.get("organizer", {}).get("email") == calendar.id:  # else it is somebody's copy, or a stub
                kept = {**kept, "organizer": organizer(calendar)}
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
        given = object_of(body)
        details = {**defaults, **{name: given[name] for name in OWN_FIELDS if name in given}}
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
