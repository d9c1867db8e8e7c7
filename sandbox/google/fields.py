"""Partial answers: the `fields` parameter, e.g. `nextPageToken,items(id,start/dateTime)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sandbox.google.errors import Json, invalid_parameter

Mask = dict[str, Any]
"""Name → the mask under it; an empty one takes everything."""

DEPTH_MAX = 20
WORDS = re.compile(r"[A-Za-z0-9_*]+|[(),/]")


def _leaves(names: str) -> Mask:
    return {name: {} for name in names.split()}


_PERSON = _leaves("id email displayName self")
_TIME = _leaves("date dateTime timeZone")
_REMINDER = _leaves("method minutes")

EVENT: Mask = {
    **_leaves(
        "anyoneCanAddSelf attachments attendees attendeesOmitted birthdayProperties colorId conferenceData "
        "created description endTimeUnspecified etag eventLabelId eventType focusTimeProperties gadget "
        "guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests hangoutLink htmlLink iCalUID id kind "
        "location locked outOfOfficeProperties privateCopy recurrence recurringEventId sequence source "
        "status summary transparency updated visibility workingLocationProperties"
    ),
    "creator": _PERSON,
    "organizer": _PERSON,
    "start": _TIME,
    "end": _TIME,
    "originalStartTime": _TIME,
    "extendedProperties": _leaves("private shared"),
    "reminders": {"useDefault": {}, "overrides": _REMINDER},
}
EVENTS: Mask = {
    **_leaves("accessRole description etag kind nextPageToken nextSyncToken summary timeZone updated"),
    "defaultReminders": _REMINDER,
    "items": EVENT,
}
CALENDAR = _leaves(
    "autoAcceptInvitations conferenceProperties dataOwner description etag id kind labelProperties location "
    "summary timeZone workingHours"
)
LIST_ENTRY = _leaves(
    "accessRole autoAcceptInvitations backgroundColor colorId conferenceProperties dataOwner "
    "defaultReminders deleted description etag foregroundColor hidden id kind location notificationSettings "
    "primary selected summary summaryOverride timeZone"
)
CALENDAR_LIST: Mask = {**_leaves("etag kind nextPageToken nextSyncToken"), "items": LIST_ENTRY}
ACL_RULE: Mask = {**_leaves("etag id kind role"), "scope": _leaves("type value")}
ACL: Mask = {**_leaves("etag kind nextPageToken nextSyncToken"), "items": ACL_RULE}
SETTING = _leaves("etag id kind value")
SETTING_LIST: Mask = {**_leaves("etag kind nextPageToken nextSyncToken"), "items": SETTING}
FREE_BUSY = _leaves("calendars groups kind timeMax timeMin")
COLORS = _leaves("calendar event kind updated")
CHANNEL = _leaves("address expiration id kind params payload resourceId resourceUri token type")
SCHEMAS = {
    "acl": ACL,
    "aclRule": ACL_RULE,
    "channel": CHANNEL,
    "colors": COLORS,
    "freeBusy": FREE_BUSY,
    "setting": SETTING,
    "settings": SETTING_LIST,
    "event": EVENT,
    "events": EVENTS,
    "calendar": CALENDAR,
    "calendarListEntry": LIST_ENTRY,
    "calendarList": CALENDAR_LIST,
}


def answer(value: Json, kind: str, query: Mapping[str, Any]) -> Json:
    """A copy of the resource, cut to the request's `fields`. Raises ApiError 400 for a bad selection."""
    text = query.get("fields")
    selected = copied(value) if not text else _selected(value, parse(str(text), kind))
    assert isinstance(selected, dict)
    return selected


def copied(value: Any) -> Any:
    """A deep copy of a JSON value."""
    if isinstance(value, dict):
        return {name: copied(item) if isinstance(item, dict | list) else item for name, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def _selected(value: Any, mask: Mask) -> Any:
    if not mask:
        return copied(value)
    if isinstance(value, list):
        return [_selected(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _selected(value[name], under) for name, under in mask.items() if name in value}


@lru_cache(maxsize=256)
def parse(text: str, kind: str) -> Mask:
    """The mask of a `fields` value for a resource kind of SCHEMAS. Raises ApiError 400."""
    words = WORDS.findall(text)
    if "".join(words) != re.sub(r"\s", "", text):
        raise _bad(text)
    mask, rest = _list(words, 0, SCHEMAS[kind], 0)
    if rest != len(words):
        raise _bad(text)
    return mask


def _list(words: list[str], at: int, schema: Mask, depth: int) -> tuple[Mask, int]:
    """`item ("," item)*`, ending at `)` or at the end."""
    mask: Mask = {}
    while True:  # every turn consumes a word; _item refuses when there is none
        at = _item(words, at, schema, mask, depth)
        if at >= len(words) or words[at] != ",":
            return mask, at
        at += 1


def _item(words: list[str], at: int, schema: Mask, mask: Mask, depth: int) -> int:
    """`name` with `/item` or `(list)` after it, merged into the mask."""
    if at >= len(words) or words[at] in "(),/" or depth > DEPTH_MAX:
        raise _bad("".join(words[:at]) or "".join(words))
    name = words[at]
    if name != "*" and schema and name not in schema:
        raise _bad(name)
    after = words[at + 1] if at + 1 < len(words) else ""
    names = list(schema) if name == "*" else [name]
    below = schema.get(name, {})
    under: Mask = {}
    at += 1
    if after == "/":
        at = _item(words, at + 1, below, under, depth + 1)
    elif after == "(":
        under, at = _list(words, at + 1, below, depth + 1)
        if at >= len(words) or words[at] != ")":
            raise _bad("".join(words))
        at += 1
    for chosen in names:
        mask[chosen] = _union(mask[chosen], under) if chosen in mask else under
    return at


def _union(one: Mask, other: Mask) -> Mask:
    """Both selections; an empty one is everything and wins."""
    if not one or not other:
        return {}
    shared = {name: _union(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **shared}


def _bad(what: str) -> Exception:
    return invalid_parameter(f"Invalid field selection {what}", "fields")
