"""The methods of `calendarList`: the calendars of one account, as that account sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import fields, paging, resource
from sandbox.google.calendar_resources import data_owner
from sandbox.google.errors import (
    ApiError,
    Json,
    bad_request,
    condition_not_met,
    forbidden,
    invalid_parameter,
    not_found,
)
from sandbox.google.events import NOTHING
from sandbox.google.store import RANK, ListEntry, Store

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


class CalendarLists:
    """One method per API method."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, sub: str, query: Mapping[str, Any] = NOTHING) -> Json:
        """One page: hidden and deleted entries when asked for, always with `syncToken`."""
        store, owned = self._store, self._store.lists[sub]
        tokened = "syncToken" in query
        if tokened:
            _check_with_token(query)
        deleted = tokened or bool(paging.flag(query, "showDeleted"))
        hidden = tokened or bool(paging.flag(query, "showHidden"))
        least = _least_role(query)
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
            and (entry.deleted or RANK[entry.calendar.roles[sub]] >= least)
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

    def patch(
        self,
        sub: str,
        calendar_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        entry = self._find(sub, calendar_id)
        if if_match is not None and if_match not in ("*", entry.etag):
            raise condition_not_met()
        if not isinstance(body, dict):
            raise ApiError(400, "parseError", "Parse Error")
        given = {name: value for name, value in body.items() if name in OWN_FIELDS}
        own = {name: value for name, value in resource.merged(entry.own, given).items() if value != False}  # noqa: E712
        if own != entry.own:
            entry.own = own
            self._touch(sub, entry)
        return fields.answer(self._shown(sub, entry), "calendarListEntry", query)

    def delete(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> None:  # noqa: ARG002
        """Off the list; the right to see the calendar stays. The data owner cannot."""
        entry = self._find(sub, calendar_id)
        if entry.calendar.owner == sub:
            message = "The data owner of a calendar cannot remove such a calendar from their calendar list."
            raise forbidden(message)
        entry.deleted = True
        self._touch(sub, entry)

    def _find(self, sub: str, calendar_id: str) -> ListEntry:
        name = self._store.accounts[sub].primary if calendar_id == "primary" else calendar_id
        entry = self._store.lists[sub].entries.get(name)
        if entry is None or entry.deleted:
            raise not_found()
        return entry

    def _touch(self, sub: str, entry: ListEntry) -> None:
        number = self._store.next_number()
        entry.etag = self._store.etag(number)
        self._store.lists[sub].history.touch(entry, number)

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
        return {**shown, "accessRole": calendar.roles.get(sub, "reader")}


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
