"""The methods of `calendarList`: the calendars of one account, as that account sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import fields, paging
from sandbox.google.bodies import object_of
from sandbox.google.calendar_resources import data_owner
from sandbox.google.colors import COLOUR_FIELDS, chosen
from sandbox.google.errors import (
    ApiError,
    Json,
    bad_request,
    condition_not_met,
    forbidden,
    invalid,
    invalid_parameter,
    not_found,
    required,
)
from sandbox.google.events import NOTHING
from sandbox.google.rules import RANK
from sandbox.google.sharing import Sharing
from sandbox.google.store import ListEntry, Store

PAGE_DEFAULT = 100
PAGE_MAX = 250
NOT_WITH_SYNC_TOKEN = ("minAccessRole", "showOwnOrganizationOnly")
OWN_FIELDS = (
    "summaryOverride",
    "colorId",
    "backgroundColor",
    "foregroundColor",
    "hidden",
    "selected",
    "defaultReminders",
    "notificationSettings",
)


KINDS = {
    "summaryOverride": str,
    "hidden": bool,
    "selected": bool,
    "defaultReminders": list,
    "notificationSettings": dict,
}
MINUTES_MAX = 40_320
"""Four weeks."""
NOTIFIED = ("eventCreation", "eventChange", "eventCancellation", "eventResponse", "agenda")


class CalendarLists:
    """One method per API method."""

    def __init__(self, store: Store, sharing: Sharing) -> None:
        self._store = store
        self._sharing = sharing

    def list(self, sub: str, query: Mapping[str, Any] = NOTHING) -> Json:
        """One page: hidden and deleted entries when asked for, always with `syncToken`."""
        store, owned = self._store, self._store.lists[sub]
        tokened = "syncToken" in query
        if tokened:
            _check_with_token(query)
        deleted = tokened or bool(paging.flag(query, "showDeleted"))
        hidden = tokened or bool(paging.flag(query, "showHidden"))
        least = _least_role(query)
        own_only = bool(paging.flag(query, "showOwnOrganizationOnly"))
        size = paging.page_size(query, PAGE_DEFAULT, PAGE_MAX)
        begin = paging.beginning(paging.Listed(f"list/{sub}", owned.epoch, owned.history.last), query)
        after = begin.after[0] if begin.after else max(begin.since, 0)
        history = owned.history
        between = history.changed_between if tokened else history.made_between
        rows = (
            entry
            for entry in between(after, begin.until)
            if (deleted or not entry.deleted)
            and (hidden or not entry.own.get("hidden"))
            and (entry.deleted or RANK[self._role(sub, entry)] >= least)
            and (not own_only or self._of_own_organization(sub, entry))
        )
        page = paging.cut(rows, lambda e: (e.changed if tokened else e.created,), begin, size, store)
        answer = {
            "kind": "calendar#calendarList",
            "etag": store.etag(owned.history.last),
            **page.token,
            "items": [self._shown(sub, entry) for entry in page.rows],
        }
        return fields.answer(answer, "calendarList", query)

    def get(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        entry = self._find(sub, calendar_id)
        return fields.answer(self._shown(sub, entry), "calendarListEntry", query)

    def insert(self, sub: str, body: Json, query: Mapping[str, Any] = NOTHING) -> Json:
        """A calendar the account may see, by its id; one that is on the list already is changed."""
        given = object_of(body)
        if not isinstance(given.get("id"), str) or not given["id"]:
            raise required("Missing required field: id")
        calendar, _ = self._store.open(sub, given["id"])
        own = _own_fields(given, query)
        entry = self._sharing.subscribe(sub, calendar)
        return self._change(sub, entry, {**entry.own, **own}, query)

    def patch(
        self,
        sub: str,
        calendar_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        """Null clears; the colour cannot be cleared."""
        entry = self._open(sub, calendar_id, if_match)
        given = object_of(body)
        kept = {name: v for name, v in entry.own.items() if name in COLOUR_FIELDS or given.get(name, v)}
        return self._change(sub, entry, {**kept, **_own_fields(given, query)}, query)

    def update(
        self,
        sub: str,
        calendar_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        """What the body leaves out is gone afterwards, but for the colour: every calendar has one."""
        entry = self._open(sub, calendar_id, if_match)
        colours = {name: entry.own[name] for name in COLOUR_FIELDS}
        return self._change(sub, entry, {**colours, **_own_fields(object_of(body), query)}, query)

    def delete(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> None:  # noqa: ARG002
        """Off the list; the right to see the calendar stays. The data owner cannot."""
        entry = self._find(sub, calendar_id)
        if entry.calendar.id == self._store.accounts[sub].primary:
            message = "The primary calendar of an account cannot be removed from its calendar list."
            raise ApiError(403, "cannotChangeOwnPrimarySubscription", message, "calendar")
        if entry.calendar.owner == sub:
            message = "The data owner of a calendar cannot remove such a calendar from their calendar list."
            raise forbidden(message)
        self._sharing.unsubscribe(sub, entry.calendar)

    def _find(self, sub: str, calendar_id: str) -> ListEntry:
        name = self._store.accounts[sub].primary if calendar_id == "primary" else calendar_id
        entry = self._store.lists[sub].entries.get(name)
        if entry is None or entry.deleted:
            raise not_found()
        return entry

    def _open(self, sub: str, calendar_id: str, if_match: str | None) -> ListEntry:
        """For a change: existence, version."""
        entry = self._find(sub, calendar_id)
        if if_match is not None and if_match not in ("*", entry.etag):
            raise condition_not_met()
        return entry

    def _change(self, sub: str, entry: ListEntry, own: Json, query: Mapping[str, Any]) -> Json:
        """Make the entry's own fields these, if that is a change."""
        own = {name: value for name, value in own.items() if value not in (False, "", [], {})}
        if own != entry.own:
            entry.own = own
            self._sharing.touch(sub, entry)
        return fields.answer(self._shown(sub, entry), "calendarListEntry", query)

    def _role(self, sub: str, entry: ListEntry) -> str:
        return self._store.role(sub, entry.calendar) or "freeBusyReader"

    def _of_own_organization(self, sub: str, entry: ListEntry) -> bool:
        accounts = self._store.accounts
        domain = accounts[sub].hosted_domain
        owner = entry.calendar.owner
        return owner == sub or (bool(domain) and accounts[owner].hosted_domain == domain)

    def _shown(self, sub: str, entry: ListEntry) -> Json:
        calendar = entry.calendar
        shown: Json = {
            "kind": "calendar#calendarListEntry",
            "etag": entry.etag,
            "id": calendar.id,
            **calendar.details,
            **entry.own,
            "defaultReminders": entry.own.get("defaultReminders", []),
            "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
            **data_owner(self._store, calendar),
        }
        if calendar.primary:
            shown["primary"] = True
        if entry.deleted:
            shown["deleted"] = True
        return {**shown, "accessRole": self._role(sub, entry)}


def _own_fields(given: Json, query: Mapping[str, Any]) -> Json:
    """What a request says of the account's own fields; null means absent. Raises ApiError 400."""
    own = {name: given[name] for name in OWN_FIELDS if given.get(name) is not None}
    for name, value in own.items():
        if name in KINDS and not isinstance(value, KINDS[name]):
            raise invalid(f"Invalid value for: {name}")
    for reminder in own.get("defaultReminders", []):
        _check_reminder(reminder)
    _check_notifications(own.get("notificationSettings", {}).get("notifications", []))
    colours = chosen(own, rgb=bool(paging.flag(query, "colorRgbFormat")))
    return {**{name: value for name, value in own.items() if name not in COLOUR_FIELDS}, **colours}


def _check_reminder(reminder: Any) -> None:
    if not isinstance(reminder, dict) or reminder.get("method") not in ("email", "popup"):
        raise invalid("Invalid value for: defaultReminders")
    minutes = reminder.get("minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 <= minutes <= MINUTES_MAX:
        raise invalid("Invalid value for: defaultReminders")


def _check_notifications(notifications: Any) -> None:
    if not isinstance(notifications, list) or not all(isinstance(n, dict) for n in notifications):
        raise invalid("Invalid value for: notificationSettings")
    for notification in notifications:
        if notification.get("method") != "email" or notification.get("type") not in NOTIFIED:
            raise invalid("Invalid value for: notificationSettings")


def _check_with_token(query: Mapping[str, Any]) -> None:
    named = [name for name in NOT_WITH_SYNC_TOKEN if name in query]
    refused = [name for name in ("showDeleted", "showHidden") if paging.flag(query, name) is False]
    if named or refused:
        raise bad_request(f"Sync token cannot be used together with: {', '.join(named + refused)}")


def _least_role(query: Mapping[str, Any]) -> int:
    role = query.get("minAccessRole", "freeBusyReader")
    if role not in RANK:
        raise invalid_parameter(f"Invalid string value: '{role}'.", "minAccessRole")
    return RANK[role]
