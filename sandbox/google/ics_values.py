"""The values of a calendar file's events (RFC 5545) in the form of the Calendar API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from icalendar import Event
from icalendar.prop import vBroken

from sandbox.google.errors import Json
from sandbox.google.recurrence_lines import basic
from sandbox.google.times import zone_named

ONE_DAY = timedelta(days=1)
FLOATING_UNTIL = re.compile(r"(?<=UNTIL=)\d{8}T\d{6}(?!Z)", re.ASCII)


class BadEventError(Exception):
    def __init__(self, sentence: str, name: str = "BEGIN") -> None:
        """`name`: the property at fault."""
        super().__init__(sentence)
        self.name = name


@dataclass(frozen=True)
class Origin:
    """Which instance of a series an event is instead of."""

    original: datetime
    """The start it would have; of a day, midnight in UTC."""
    all_day: bool


def short(error: object) -> str:
    return " ".join(str(error).split())[:200]


def first(event: Event, name: str) -> Any:
    """A property's value, the first if it stands there twice; None when it does not. It may be broken."""
    value = event.get(name)
    return value[0] if isinstance(value, list) else value


def word(event: Event, name: str) -> str:
    return str(first(event, name) or "").strip().upper()


def times(event: Event, default_zone: str) -> Json:
    """`start` and `end`. Raises BadEventError."""
    start, zone = _moment(event, "DTSTART", default_zone)
    if start is None:
        raise BadEventError("the event has no DTSTART")
    end, end_zone = _moment(event, "DTEND", default_zone)
    if end is None:
        end, end_zone = _after(event, start, zone), zone
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise BadEventError("DTSTART and DTEND must both be dates or both be times", "DTEND")
    if not isinstance(start, datetime) and end == start:
        end = start + ONE_DAY  # a common slip: all-day ends are exclusive
    if _instant(end, end_zone) < _instant(start, zone):
        raise BadEventError("the event ends before it begins", "DTEND")
    return {"start": _google(start, zone), "end": _google(end, end_zone)}


def rules(event: Event, start: Json) -> list[str]:
    """`recurrence` of an event with this start. Raises BadEventError."""
    lines: list[str] = []
    for name in ("RRULE", "EXRULE"):
        for rule in _all(event, name):
            text = rule.to_ical().decode()
            lines.append(f"{name}:{FLOATING_UNTIL.sub(lambda until: _in_utc(until[0], start), text)}")
    for name in ("RDATE", "EXDATE"):
        moments = [item.dt for listed in _all(event, name) for item in getattr(listed, "dts", ())]
        lines += _dates(name, [m[0] if isinstance(m, tuple) else m for m in moments], start)
    return lines


def _all(event: Event, name: str) -> list[Any]:
    value = event.get(name, [])
    found = value if isinstance(value, list) else [value]
    if any(isinstance(each, vBroken) for each in found):
        raise BadEventError(f"{name} cannot be read: {short(found[0])}", name)
    return found


def _in_utc(until: str, start: Json) -> str:
    """An UNTIL that floats is in the zone of the series."""
    wall = datetime.strptime(until, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - given its zone below
    return basic(_instant(wall, start.get("timeZone", "UTC"))) + "Z"


def _dates(name: str, moments: list[date], start: Json) -> list[str]:
    """One line each for days and for times; those that float are in the zone of the series."""
    zone = start.get("timeZone", "UTC")
    days = [m.isoformat().replace("-", "") for m in moments if not isinstance(m, datetime)]
    walls = [m for m in moments if isinstance(m, datetime)]
    instants = (m.astimezone(UTC) if m.tzinfo else _instant(m, zone) for m in walls)
    lines = {f"{name};VALUE=DATE": days, name: [basic(instant) + "Z" for instant in instants]}
    return [f"{head}:{','.join(texts)}" for head, texts in lines.items() if texts]


def origin(event: Event, default_zone: str) -> Origin | None:
    """By RECURRENCE-ID; None when it has none. Raises BadEventError."""
    moment, zone = _moment(event, "RECURRENCE-ID", default_zone)
    if moment is None:
        return None
    all_day = not isinstance(moment, datetime)
    return Origin(_instant(moment, "UTC" if all_day else zone), all_day)


def _moment(event: Event, name: str, default_zone: str) -> tuple[date | None, str]:
    """A date, or the wall time and its zone; None when there is no such property."""
    value = first(event, name)
    if value is None:
        return None, default_zone
    moment = None if isinstance(value, vBroken) else getattr(value, "dt", None)
    if not isinstance(moment, date):
        raise BadEventError(f"{name} is no date or time: {short(value)}", name)
    if not isinstance(moment, datetime):
        return moment, default_zone
    if moment.tzinfo is not None:
        return moment.replace(tzinfo=None), getattr(moment.tzinfo, "key", "UTC")
    if "TZID" in value.params:
        raise BadEventError(f"{name} is in a time zone nobody knows: {value.params['TZID']}", name)
    return moment, default_zone


def _after(event: Event, start: date, zone: str) -> date:
    """The end by DURATION; without one, a day or no time at all (RFC 5545, 3.6.1)."""
    value = first(event, "DURATION")
    if value is None:
        return start if isinstance(start, datetime) else start + ONE_DAY
    length = None if isinstance(value, vBroken) else getattr(value, "dt", None)
    if not isinstance(length, timedelta):
        raise BadEventError(f"DURATION is no duration: {short(value)}", "DURATION")
    if not isinstance(start, datetime):
        return start + timedelta(days=length.days)
    days = timedelta(days=length.days)  # days are nominal, the rest is exact
    exact = _instant(start + days, zone) + (length - days)
    return exact.astimezone(_tz(zone)).replace(tzinfo=None)


def _tz(zone: str) -> tzinfo:
    found = zone_named(zone)
    assert found is not None
    return found


def _instant(moment: date, zone: str) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - given its zone below
    return moment.replace(tzinfo=_tz(zone)).astimezone(UTC)


def _google(moment: date, zone: str) -> Json:
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat()}
    return {"dateTime": moment.isoformat(timespec="seconds"), "timeZone": zone}
