"""Calendar files (RFC 5545) as events of the Calendar API, one by one: a bad one does not stop the rest."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from icalendar import Event
from icalendar.error import GloballyUniqueTZIDGuessed
from icalendar.prop import vBroken

from sandbox.google.errors import Json
from sandbox.google.times import zone_named

LINE_BREAK = re.compile(r"\r\n|\r|\n")
CONTENT_LINE = re.compile(r"[A-Za-z0-9-]+[;:]")

SERIES = {"RRULE": "recurring", "RDATE": "recurring", "RECURRENCE-ID": "changed occurrence"}
VISIBILITY = {"PUBLIC": "public", "CONFIDENTIAL": "confidential"}
"""Of CLASS; an unknown one counts as private, says RFC 5545."""
TEXTS = {"SUMMARY": "summary", "DESCRIPTION": "description", "LOCATION": "location"}
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError)
"""What the library lets through on wild input; OSError for a TZID that is a folder of the zone database."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Problem:
    """Something in a file that was not taken, for a person to find."""

    file: str
    line: int
    sentence: str


@dataclass
class CalendarFile:
    """What a file holds. `lines[i]` is where `events[i]` begins."""

    events: list[Json] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    """How many events were left out on purpose, by reason."""


@dataclass(frozen=True)
class Line:
    """One unfolded content line and where it begins."""

    number: int
    text: str

    @property
    def name(self) -> str:
        return re.split("[;:]", self.text, maxsplit=1)[0].upper()


class _BadEventError(Exception):
    def __init__(self, sentence: str, name: str = "BEGIN") -> None:
        """`name`: the property at fault."""
        super().__init__(sentence)
        self.name = name


def read_ics(text: str, name: str, default_zone: str = "UTC") -> CalendarFile:
    """The events of a calendar file in the form of the Calendar API, without ids.

    `name` is the file's, for the problems; times without a zone are in X-WR-TIMEZONE, else in `default_zone`.
    Recurring events, their changed occurrences and cancelled events are left out and counted.
    """
    lines = list(_unfolded(text))
    found = CalendarFile()
    if not lines or lines[0].text.strip().upper() != "BEGIN:VCALENDAR":
        found.problems.append(Problem(name, 1, "this is no calendar: it does not begin with BEGIN:VCALENDAR"))
        return found
    zone = next((line.text.partition(":")[2].strip() for line in lines if line.name == "X-WR-TIMEZONE"), "")
    left_out: Counter[str] = Counter()
    for block in _events(lines, name, found.problems):
        try:
            body = _event(block, zone if zone_named(zone) else default_zone, left_out)
        except _BadEventError as error:
            where = next((line.number for line in block if line.name == error.name), block[0].number)
            found.problems.append(Problem(name, where, str(error)))
            continue
        if body is not None:
            found.events.append(body)
            found.lines.append(block[0].number)
    found.left_out = dict(left_out)
    found.problems.sort(key=lambda problem: problem.line)
    return found


def _unfolded(text: str) -> Iterator[Line]:
    """Content lines; one that begins with white space continues the one before."""
    begins, parts = 0, list[str]()
    for number, raw in enumerate(LINE_BREAK.split(text.removeprefix("\ufeff")), start=1):
        if raw[:1] in (" ", "\t") and parts:
            parts.append(raw[1:])
        elif raw:
            if parts:
                yield Line(begins, "".join(parts))
            begins, parts = number, [raw]
    if parts:
        yield Line(begins, "".join(parts))


def _events(lines: list[Line], name: str, problems: list[Problem]) -> Iterator[list[Line]]:
    """The lines of each VEVENT, BEGIN and END included."""
    block: list[Line] = []
    for line in lines:
        word = line.text.strip().upper()
        if block and word in ("BEGIN:VEVENT", "END:VCALENDAR"):
            problems.append(_unended(name, block))
            block = []
        if block or word == "BEGIN:VEVENT":
            block.append(line)
        if block and word == "END:VEVENT":
            yield block
            block = []
    if block:
        problems.append(_unended(name, block))


def _unended(name: str, block: list[Line]) -> Problem:
    return Problem(name, block[0].number, "the event that begins here has no END:VEVENT")


def _event(block: list[Line], default_zone: str, left_out: Counter[str]) -> Json | None:
    """One event's body; None when it is left out, which is counted. Raises _BadEventError."""
    event = _parsed(block)
    reason = next((why for name, why in SERIES.items() if name in event), None)
    if reason is None and _word(event, "STATUS") == "CANCELLED":
        reason = "cancelled"
    if reason is not None:
        left_out[reason] += 1
        return None
    try:
        body = _times(event, default_zone)
    except OverflowError:
        raise _BadEventError("the event lies where no calendar reaches", "DTSTART") from None
    for name, field_name in TEXTS.items():
        body[field_name] = str(_first(event, name) or "")
    if _word(event, "TRANSP") == "TRANSPARENT":
        body["transparency"] = "transparent"
    if _word(event, "CLASS"):
        body["visibility"] = VISIBILITY.get(_word(event, "CLASS"), "private")
    if _word(event, "STATUS") == "TENTATIVE":
        body["status"] = "tentative"
    return {key: value for key, value in body.items() if value != ""}


def _parsed(block: list[Line]) -> Event:
    for line in block:
        if not CONTENT_LINE.match(line.text):
            raise _BadEventError(f"line {line.number} is no property: it has no name", line.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)  # a guess is better than no event
            event = Event.from_ical("\r\n".join(line.text for line in block) + "\r\n")
    except UNREADABLE as error:
        raise _BadEventError(f"the event cannot be read: {_short(error)}") from error
    if not isinstance(event, Event):
        raise _BadEventError("the event cannot be read")
    for name, message in event.errors:
        if name is None:
            raise _BadEventError(f"the event cannot be read: {_short(message)}")
    return event


def _short(error: object) -> str:
    return " ".join(str(error).split())[:200]


def _first(event: Event, name: str) -> Any:
    """A property's value, the first if it stands there twice; None when it does not. It may be broken."""
    value = event.get(name)
    return value[0] if isinstance(value, list) else value


def _word(event: Event, name: str) -> str:
    return str(_first(event, name) or "").strip().upper()


def _times(event: Event, default_zone: str) -> Json:
    """`start` and `end`. Raises _BadEventError."""
    start, zone = _moment(event, "DTSTART", default_zone)
    if start is None:
        raise _BadEventError("the event has no DTSTART")
    end, end_zone = _moment(event, "DTEND", default_zone)
    if end is None:
        end, end_zone = _after(event, start, zone), zone
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise _BadEventError("DTSTART and DTEND must both be dates or both be times", "DTEND")
    if not isinstance(start, datetime) and end == start:
        end = start + ONE_DAY  # a common slip: all-day ends are exclusive
    if _instant(end, end_zone) < _instant(start, zone):
        raise _BadEventError("the event ends before it begins", "DTEND")
    return {"start": _google(start, zone), "end": _google(end, end_zone)}


def _moment(event: Event, name: str, default_zone: str) -> tuple[date | None, str]:
    """A date, or the wall time and its zone; None when there is no such property."""
    value = _first(event, name)
    if value is None:
        return None, default_zone
    moment = None if isinstance(value, vBroken) else getattr(value, "dt", None)
    if not isinstance(moment, date):
        raise _BadEventError(f"{name} is no date or time: {_short(value)}", name)
    if not isinstance(moment, datetime):
        return moment, default_zone
    if moment.tzinfo is not None:
        return moment.replace(tzinfo=None), getattr(moment.tzinfo, "key", "UTC")
    if "TZID" in value.params:
        raise _BadEventError(f"{name} is in a time zone nobody knows: {value.params['TZID']}", name)
    return moment, default_zone


def _after(event: Event, start: date, zone: str) -> date:
    """The end by DURATION; without one, a day or no time at all (RFC 5545, 3.6.1)."""
    value = _first(event, "DURATION")
    if value is None:
        return start if isinstance(start, datetime) else start + ONE_DAY
    length = None if isinstance(value, vBroken) else getattr(value, "dt", None)
    if not isinstance(length, timedelta):
        raise _BadEventError(f"DURATION is no duration: {_short(value)}", "DURATION")
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
