"""What events of special types must look like (Google's guides on event types and on status events)."""

from __future__ import annotations

from datetime import date, timedelta

from sandbox.google.errors import Json, bad_request
from sandbox.google.store import Calendar

STATUS_EVENTS = {
    "focusTime": "focusTimeProperties",
    "outOfOffice": "outOfOfficeProperties",
    "workingLocation": "workingLocationProperties",
}
"""Types that tell what a person does, and the property each must have."""


def check(event: Json, calendar: Calendar) -> None:
    """Raises ApiError 400. `event` is in normal form."""
    kind = event.get("eventType", "default")
    if kind in STATUS_EVENTS:
        _check_status_event(kind, event, calendar)
    elif kind == "birthday":
        _check_birthday(event)


def _check_status_event(kind: str, event: Json, calendar: Calendar) -> None:
    if not (calendar.primary and STATUS_EVENTS[kind] in event):
        raise bad_request(f"A {kind} event needs {STATUS_EVENTS[kind]} and the primary calendar.")
    all_day = "date" in event["start"]
    if kind == "workingLocation":
        if event.get("transparency") != "transparent" or event.get("visibility") != "public":
            raise bad_request("A workingLocation event must be transparent and public.")
        if all_day and not _is_one_day(event):
            raise bad_request("An all-day workingLocation event must be one day long.")
    elif all_day or event.get("transparency") == "transparent":
        raise bad_request(f"A {kind} event must have times and be opaque.")


def _check_birthday(event: Json) -> None:
    if (event.get("extendedProperties") or {}).get("private"):
        raise bad_request("'birthday' event type must not have private extended properties.")
    if "date" not in event["start"] or not _is_one_day(event):
        raise bad_request("A birthday event must be all-day and one day long.")
    if event.get("transparency") != "transparent" or event.get("visibility") != "private":
        raise bad_request("A birthday event must be transparent and private.")
    rules = event.get("recurrence") or []
    if "recurringEventId" not in event and not (len(rules) == 1 and rules[0].startswith("RRULE:FREQ=YEARLY")):
        raise bad_request("A birthday event must recur yearly.")


def _is_one_day(event: Json) -> bool:
    start, end = (date.fromisoformat(event[name]["date"]) for name in ("start", "end"))
    return end - start == timedelta(days=1)
