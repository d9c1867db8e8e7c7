"""`freebusy.query`: when calendars are busy, and nothing else of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google import fields, series, times
from sandbox.google.bodies import object_of
from sandbox.google.errors import ApiError, Json, bad_request, invalid, required
from sandbox.google.events import NOTHING
from sandbox.google.store import Calendar, Store

CALENDARS_MAX = 50
GROUP_MAX = 100
RANGE_MAX = timedelta(days=92)
"""Three months, as observed."""

Period = tuple[datetime, datetime]


class FreeBusy:
    def __init__(self, store: Store) -> None:
        self._store = store

    def query(self, sub: str, body: Json, query: Mapping[str, Any] = NOTHING) -> Json:
        """Busy periods by calendar; what cannot be told is an error inside the answer, never free.

        Raises ApiError 400 for a request that is wrong as a whole.
        """
        body = object_of(body)
        low, high = _bound(body, "timeMin"), _bound(body, "timeMax")
        _check_range(low, high)
        zone = _zone(body)
        names = _names(body)
        most = _number(body, "calendarExpansionMax", CALENDARS_MAX)
        _number(body, "groupExpansionMax", GROUP_MAX)
        answer = {
            "kind": "calendar#freeBusy",
            "timeMin": times.rendered(low, zone),
            "timeMax": times.rendered(high, zone),
            "calendars": {
                name: _failed("tooManyCalendarsRequested")
                if len(names) > most
                else self._calendar(sub, name, (low, high), zone)
                for name in names
            },
        }
        return fields.answer(answer, "freeBusy", query)

    def _calendar(self, sub: str, name: str, asked: Period, zone: ZoneInfo) -> Json:
        found = self._store.find(sub, name)
        if found is None:
            return _failed("notFound")
        return {
            "busy": [
                {"start": times.rendered(start, zone), "end": times.rendered(end, zone)}
                for start, end in merged(busy(found[0], asked))
            ]
        }


def busy(calendar: Calendar, asked: Period) -> Iterator[Period]:
    """The parts of opaque events inside the period asked for, in no order."""
    low, high = asked
    for stored in calendar.history:
        if stored.cancelled or not _blocks(stored.resource):
            continue
        for event in series.within(calendar, stored, low, high):
            if event.starts < high and low < event.ends and event.starts < event.ends:
                yield max(event.starts, low), min(event.ends, high)


def _blocks(resource: Json) -> bool:
    """Whether an event takes time: not one marked as free, and none its guest has declined."""
    declined = any(
        guest.get("self") and guest.get("responseStatus") == "declined"
        for guest in resource.get("attendees", [])
    )
    return resource.get("transparency", "opaque") == "opaque" and not declined


def merged(periods: Iterable[Period]) -> list[Period]:
    """In order, those that touch or overlap made one."""
    whole: list[Period] = []
    for start, end in sorted(periods):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def _failed(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


def _bound(body: Json, name: str) -> datetime:
    if not body.get(name):
        raise required(f"Missing required field: {name}")
    return times.parse_bound(str(body[name]))


def _check_range(low: datetime, high: datetime) -> None:
    if low >= high:
        raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.", "calendar")
    if high - low > RANGE_MAX:
        raise ApiError(400, "timeRangeTooLong", "The requested time range is too long.", "calendar")


def _zone(body: Json) -> ZoneInfo:
    zone = times.zone_named(str(body.get("timeZone") or "UTC"))
    if zone is None:
        raise invalid("Invalid time zone.")
    return zone


def _names(body: Json) -> list[str]:
    items = body.get("items") or []
    if not isinstance(items, list) or not all(
        isinstance(i, dict) and isinstance(i.get("id"), str) for i in items
    ):
        raise bad_request("Invalid value for: items")
    return [item["id"] for item in items]


def _number(body: Json, name: str, most: int) -> int:
    number = body.get(name) or most
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= most:
        raise invalid(f"Invalid value for: {name}")
    return number
