"""One event as Google keeps it: what it takes from a request, the normal form, what a reader sees."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.google import guests, kinds
from sandbox.google.errors import ApiError, Json, bad_request, forbidden, invalid, required
from sandbox.google.store import Calendar, Settings
from sandbox.google.times import check_order, in_zone, read_time


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ORDER = _names(
    "kind etag id status htmlLink created updated summary description location colorId creator organizer "
    "start end endTimeUnspecified recurrence recurringEventId originalStartTime transparency visibility "
    "iCalUID sequence attendees attendeesOmitted extendedProperties hangoutLink conferenceData gadget "
    "anyoneCanAddSelf guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests privateCopy locked "
    "reminders source workingLocationProperties outOfOfficeProperties focusTimeProperties "
    "birthdayProperties attachments eventLabelId eventType"
)
"""Every property, in the order Google answers them."""

READ_ONLY = frozenset(
    _names(
        "kind etag htmlLink created updated creator organizer recurringEventId originalStartTime "
        "attendeesOmitted hangoutLink privateCopy locked"
    )
)
WRITABLE = frozenset(ORDER) - READ_ONLY

IDENTITY = _names(
    "kind etag id htmlLink created updated creator organizer iCalUID sequence eventType recurringEventId "
    "originalStartTime privateCopy locked"
)
"""What an update (PUT) cannot take away."""

NEEDS_PARAMETER = {
    "conferenceData": ("conferenceDataVersion", "1"),
    "attachments": ("supportsAttachments", "true"),
    "eventLabelId": ("eventLabelVersion", "1"),
}
"""Properties dropped without a word unless the request carries the parameter."""

CHOICES = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "eventType": ("default", "birthday", "focusTime", "fromGmail", "outOfOffice", "workingLocation"),
}
DEFAULTS = {
    "transparency": "opaque",
    "visibility": "default",
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "anyoneCanAddSelf": False,
}
"""Left out of answers when they hold."""

CLIENT_ID = re.compile(r"[a-v0-9]{5,1024}", re.ASCII)
DESCRIPTION_MAX = 8192
PROPERTY_KEY_MAX = 44
PROPERTY_VALUE_MAX = 1024
OVERRIDES_MAX = 5

BUSY = frozenset(
    _names(
        "kind etag id status htmlLink created updated start end recurrence recurringEventId "
        "originalStartTime transparency iCalUID sequence eventType"
    )
)
"""What is seen of an event whose details are not the reader's."""


def copy_id(uid: str) -> str:
    """The id of an event that came with its UID: an underscore, which no client may choose, and base32hex."""
    return "_" + base64.b32hexencode(uid.encode()).decode().rstrip("=").lower()


def accepted(body: Any, query: Mapping[str, Any]) -> Json:
    """The properties of a request that a client may set; unknown and read-only ones are dropped."""
    if not isinstance(body, dict):
        raise ApiError(400, "parseError", "Parse Error")
    return {
        name: value
        for name, value in body.items()
        if name in WRITABLE and (name not in NEEDS_PARAMETER or _carries(query, *NEEDS_PARAMETER[name]))
    }


def _carries(query: Mapping[str, Any], name: str, value: str) -> bool:
    return str(query.get(name, "")).lower() == value


def without_nulls(value: Any) -> Any:
    """A copy in which null means absent."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def merged(old: Json, patch: Json) -> Json:
    """PATCH: objects merge at every depth, arrays are replaced whole, null clears."""
    result = dict(old)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(old.get(name), dict):
            result[name] = merged(old[name], value)
        else:
            result[name] = without_nulls(value)
    return result


def normal(resource: Json, calendar: Calendar, settings: Settings) -> tuple[Json, datetime, datetime]:
    """The event as it is kept and answered, its start and its end in UTC. Raises ApiError 400."""
    zone = calendar.zone
    start, starts = read_time(resource.get("start"), "start", zone, settings.refused_zones)
    end, ends = read_time(resource.get("end"), "end", zone, settings.refused_zones)
    check_order(start, end, starts, ends)
    if resource.get("recurrence") and "dateTime" in start and "timeZone" not in resource["start"]:
        raise required("Missing time zone definition for start time.")
    _check_choices(resource)
    kept = {
        "status": "confirmed",
        **in_zone({n: v for n, v in resource.items() if n not in ("start", "end")}, zone),
        "start": start,
        "end": end,
        "reminders": _reminders(resource.get("reminders")),
        "extendedProperties": _properties(resource.get("extendedProperties")),
        "description": _text(resource, "description")[:DESCRIPTION_MAX],
        "summary": _text(resource, "summary"),
        "location": _text(resource, "location"),
        "attendees": guests.entries(resource, calendar, settings),
    }
    kinds.check(kept, calendar)
    return {name: kept[name] for name in ORDER if _says_something(name, kept)}, starts, ends


def ordered(body: Json) -> Json:
    return {name: body[name] for name in ORDER if name in body}


def link(event_id: str, calendar_id: str) -> str:
    """`htmlLink`: the page of the event."""
    name = base64.urlsafe_b64encode(f"{event_id} {calendar_id}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={name}"


def _says_something(name: str, kept: Json) -> bool:
    return name in kept and kept[name] not in ("", {}, []) and kept[name] != DEFAULTS.get(name, "")


def _text(resource: Json, name: str) -> str:
    value = resource.get(name, "")
    if not isinstance(value, str):
        raise bad_request(f"Invalid value for: {name}")
    return value


def _check_choices(resource: Json) -> None:
    for name, choices in CHOICES.items():
        if name in resource and resource[name] not in choices:
            raise invalid(f"Invalid value for: {resource[name]} is not a valid value")


def _reminders(value: Any) -> Json:
    if not value:
        return {"useDefault": True}
    if not isinstance(value, dict):
        raise bad_request("Invalid value for: reminders")
    overrides = value.get("overrides") or []
    if value.get("useDefault") and overrides:
        reason = "cannotUseDefaultRemindersAndSpecifyOverride"
        message = "Cannot specify both default reminders and overrides at the same time."
        raise ApiError(400, reason, message, "calendar")
    if len(overrides) > OVERRIDES_MAX:
        raise invalid("Too many reminder overrides.")
    kept: Json = {"useDefault": bool(value.get("useDefault", False))}
    return {**kept, "overrides": overrides} if overrides else kept


def _properties(value: Any) -> Json:
    """Keys too long vanish, values too long are cut: both without a word."""
    if not value:
        return {}
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        raise bad_request("Invalid value for: extendedProperties")
    kept = {
        part: {
            key: str(text)[:PROPERTY_VALUE_MAX]
            for key, text in value.get(part, {}).items()
            if len(key) <= PROPERTY_KEY_MAX
        }
        for part in ("private", "shared")
    }
    return {part: properties for part, properties in kept.items() if properties}


def check_client_id(event_id: Any) -> str:
    """Raises ApiError 400 for an id outside base32hex or of a wrong length."""
    if not isinstance(event_id, str) or not CLIENT_ID.fullmatch(event_id):
        raise invalid("Invalid resource id value.")
    return event_id


def check_sequence(given: Json, current: int) -> None:
    """A sequence number may stay or grow. Raises ApiError 400."""
    number = given.get("sequence", current)
    if not isinstance(number, int) or number < current:
        raise invalid(
            "Invalid sequence value. The specified sequence number is below the current sequence number of "
            "the resource. Re-fetch the resource and use its sequence number on the following request."
        )


def is_private(resource: Json) -> bool:
    return resource.get("visibility") in ("private", "confidential")


def shown(resource: Json, role: str) -> Json:
    """The event as this role sees it: times only of what is not its business."""
    if role in ("owner", "writer") or not (role == "freeBusyReader" or is_private(resource)):
        return resource
    return {**{name: value for name, value in resource.items() if name in BUSY}, "visibility": "private"}


def bare(resource: Json) -> Json:
    """A tombstone without details; of an occurrence, what tells which."""
    kept = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
    return {name: resource[name] for name in kept if name in resource}


def check_writable_by(role: str, resource: Json) -> None:
    if role == "writerWithoutPrivateAccess" and is_private(resource):
        raise forbidden()
