"""Google's event resource, read and written. No I/O.

What is read is what `FIELDS` names. A part that is missing or of another shape reads as its default: one odd
event must not stop a listing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.identity import identifier, parse_marker
from shared.core.model import Event, EventType, Kind, Marker, Origin, Response, What, When, all_day, timed
from shared.core.text import canonical
from shared.ports import EventWrite

Json = dict[str, Any]

FIELDS = (
    "id,etag,status,updated,summary,description,location,start,end,transparency,visibility,"
    "recurrence,recurringEventId,originalStartTime,eventType,attendees(self,responseStatus),"
    "extendedProperties/private"
)
"""The `fields` mask of one event: nothing else of it is asked for."""

UNMARKED: Json = {"extendedProperties": {"private": {"k": None, "g": None}}}
"""The patch that takes our private properties off; null deletes a property."""

NO_END = timedelta(hours=1)
"""Length of a timed event that says no end."""
YEARS = range(2, 9999)
"""In which every day can be told in every zone; a date beyond them is none."""


_Zones = tuple[str | None, ZoneInfo]

# --- reading --------------------------------------------------------------------------------------------


def event_from_json(raw: Mapping[str, Any], calendar_zone: str | None, fallback: ZoneInfo) -> Event:
    """An event, or a tombstone with as little as `id` and `status`. KeyError without an `id`.

    A `dateTime` without offset is read in the first zone known here of: its own, `calendar_zone`, `fallback`.
    """
    zones = (calendar_zone, fallback)
    recurrence, properties = (
        raw.get("recurrence"),
        _object(_object(raw.get("extendedProperties")).get("private")),
    )
    return Event(
        id=raw["id"],
        version=_text(raw.get("etag")),
        cancelled=raw.get("status") == "cancelled",
        when=_when(_object(raw.get("start")), _object(raw.get("end")), zones),
        what=What(
            summary=canonical(_text(raw.get("summary"))),
            description=canonical(_text(raw.get("description"))),
            location=canonical(_text(raw.get("location"))),
            busy=raw.get("transparency") != "transparent",
            private=raw.get("visibility") in ("private", "confidential"),
            recurring=bool(recurrence),
        ),
        marker=parse_marker(properties.get("k"), properties.get("g")),
        master=bool(recurrence),
        origin=_origin(raw, zones),
        type=_TYPES.get(_text(raw.get("eventType")), EventType.DEFAULT),
        response=_response(raw),
        tentative=raw.get("status") == "tentative",
        changed_at=_changed_at(raw.get("updated")),
    )


def _changed_at(text: object) -> datetime | None:
    """An instant with its offset; None for anything else."""
    try:
        return datetime.fromisoformat(_text(text)).astimezone(UTC) if _text(text).endswith("Z") else None
    except (ValueError, OverflowError):
        return None


_TYPES = {
    "outOfOffice": EventType.OUT_OF_OFFICE,
    "focusTime": EventType.FOCUS_TIME,
    "workingLocation": EventType.WORKING_LOCATION,
    "birthday": EventType.BIRTHDAY,
}
_RESPONSES = {
    "accepted": Response.ACCEPTED,
    "tentative": Response.TENTATIVE,
    "declined": Response.DECLINED,
    "needsAction": Response.UNANSWERED,
}


def _origin(raw: Mapping[str, Any], zones: _Zones) -> Origin | None:
    """None for what is no occurrence."""
    series_id, place = _text(raw.get("recurringEventId")), _object(raw.get("originalStartTime"))
    when = _when(place, place, zones)
    return Origin(series_id, when.start if when else None) if series_id else None


def _response(raw: Mapping[str, Any]) -> Response:
    """The practitioner is the guest that is marked so, never one found by an address."""
    guests = raw.get("attendees")
    guests = [_object(guest) for guest in guests] if isinstance(guests, list) else []
    own = [guest for guest in guests if guest.get("self") is True]
    return _RESPONSES.get(_text(own[0].get("responseStatus")), Response.NONE) if own else Response.NONE


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _when(start: Mapping[str, Any], end: Mapping[str, Any], zones: _Zones) -> When | None:
    """None where there is no start that can be read."""
    try:
        when = _span(start, end, zones)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return when if when.start.year in YEARS and when.end.year in YEARS else None


def _span(start: Mapping[str, Any], end: Mapping[str, Any], zones: _Zones) -> When:
    if "date" in start:
        first = date.fromisoformat(start["date"])
        return all_day(first, _day(end) or first)
    begin = _instant(start, zones)
    return timed(begin, _end(end, zones) or begin + NO_END)


def _day(end: Mapping[str, Any]) -> date | None:
    try:
        return date.fromisoformat(end["date"])
    except (KeyError, TypeError, ValueError):
        return None


def _end(end: Mapping[str, Any], zones: _Zones) -> datetime | None:
    try:
        return _instant(end, zones)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _instant(point: Mapping[str, Any], zones: _Zones) -> datetime:
    moment = datetime.fromisoformat(point["dateTime"])
    if moment.tzinfo is None:
        calendar_zone, fallback = zones
        zone = _zone(point.get("timeZone")) or _zone(calendar_zone) or fallback
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _zone(name: object) -> ZoneInfo | None:
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a zone's name; the name of a folder of zones
        return None


# --- writing --------------------------------------------------------------------------------------------


def event_to_json(write: EventWrite) -> Json:
    """The patch that makes an event what `write` says; null clears a field, what is left out stays."""
    body: Json = {}
    if write.when is not None:
        body |= {"start": _point(write.when.start), "end": _point(write.when.end)}
    if write.what is not None:
        body |= _parts(write.what, write.kind)
    if write.marker is not None:
        body["extendedProperties"] = {"private": _properties(write.marker)}
    return body


def new_event_to_json(event_id: str, write: EventWrite) -> Json:
    """The body that creates an event: private, reminding nobody, without a null."""
    quiet = {"visibility": "private", "reminders": {"useDefault": False, "overrides": []}}
    body = {"id": event_id, **quiet, **event_to_json(write)}
    return {name: _without_nulls(value) for name, value in body.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: inner for name, inner in value.items() if inner is not None}


def _point(moment: datetime | date) -> Json:
    """One end. The other form is cleared, so that an all-day event can become a timed one and back."""
    if isinstance(moment, datetime):
        return {"dateTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "date": None}
    return {"date": moment.isoformat(), "dateTime": None, "timeZone": None}


def _parts(what: What, kind: Kind) -> Json:
    assert kind is not Kind.BLOCK, "a block's event is the practitioner's own and never written"
    shared = {
        "summary": what.summary or None,
        "transparency": "opaque" if what.busy else "transparent",
    }
    if kind is Kind.PERSONAL:
        return shared
    return {
        **shared,
        "description": what.description or None,
        "location": what.location or None,
        "visibility": "private" if what.private else "default",
        "recurrence": None,
    }


def _properties(marker: Marker) -> Json:
    return {"k": identifier(marker.calendar_key, marker.k), "g": str(marker.generation)}
