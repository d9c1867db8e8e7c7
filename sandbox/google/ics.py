"""Calendar files (RFC 5545) as events of the Calendar API, one by one: a bad one does not stop the rest."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from icalendar import Event
from icalendar.error import GloballyUniqueTZIDGuessed

from sandbox.google.errors import Json
from sandbox.google.ics_values import BadEventError, Origin, first, origin, rules, short, times, word
from sandbox.google.times import zone_named

LINE_BREAK = re.compile(r"\r\n|\r|\n")
CONTENT_LINE = re.compile(r"[A-Za-z0-9-]+[;:]")

SERIES = {"RRULE": "recurring", "RDATE": "recurring", "RECURRENCE-ID": "changed occurrence"}
VISIBILITY = {"PUBLIC": "public", "CONFIDENTIAL": "confidential"}
"""Of CLASS; an unknown one counts as private, says RFC 5545."""
TEXTS = {"SUMMARY": "summary", "DESCRIPTION": "description", "LOCATION": "location"}
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError)
"""What the library lets through on wild input; OSError for a TZID that is a folder of the zone database."""


@dataclass(frozen=True)
class Problem:
    """Something in a file that was not taken, for a person to find."""

    file: str
    line: int
    sentence: str


@dataclass
class CalendarFile:
    """What a file holds. `lines[i]` is where `events[i]` begins, `origins[i]` what of a series it changes."""

    events: list[Json] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)
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


def read_ics(text: str, name: str, default_zone: str = "UTC", *, series: bool = False) -> CalendarFile:
    """The events of a calendar file in the form of the Calendar API, without ids.

    `name` is the file's, for the problems; times without a zone are in X-WR-TIMEZONE, else in `default_zone`.
    Recurring events, their changed occurrences and cancelled events are left out and counted, unless
    `series`: then they come with their rules, and all events with the UID by which they belong together.
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
            event = _parsed(block)
            reason = _why_left_out(event, series=series)
            if reason is not None:
                left_out[reason] += 1
                continue
            body, changes = _read(event, zone if zone_named(zone) else default_zone, series=series)
        except BadEventError as error:
            where = next((line.number for line in block if line.name == error.name), block[0].number)
            found.problems.append(Problem(name, where, str(error)))
            continue
        found.events.append(body)
        found.lines.append(block[0].number)
        found.origins.append(changes)
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


def _why_left_out(event: Event, *, series: bool) -> str | None:
    if series:
        changed = event.get("RECURRENCE-ID")
        later = changed is not None and "RANGE" in getattr(changed, "params", {})
        return "change of all that follow" if later else None
    reason = next((why for name, why in SERIES.items() if name in event), None)
    return reason or ("cancelled" if word(event, "STATUS") == "CANCELLED" else None)


def _read(event: Event, default_zone: str, *, series: bool) -> tuple[Json, Origin | None]:
    """One event's body, and what of a series it changes. Raises BadEventError."""
    try:
        body = _body(event, default_zone)
        more = _of_series(event, body["start"]) if series else {}
        return {**body, **more}, origin(event, default_zone)
    except OverflowError:
        raise BadEventError("the event lies where no calendar reaches", "DTSTART") from None


def _body(event: Event, default_zone: str) -> Json:
    body = times(event, default_zone)
    for name, field_name in TEXTS.items():
        body[field_name] = str(first(event, name) or "")
    if word(event, "TRANSP") == "TRANSPARENT":
        body["transparency"] = "transparent"
    if word(event, "CLASS"):
        body["visibility"] = VISIBILITY.get(word(event, "CLASS"), "private")
    if word(event, "STATUS") == "TENTATIVE":
        body["status"] = "tentative"
    return {key: value for key, value in body.items() if value != ""}


def _of_series(event: Event, start: Json) -> Json:
    """What else is told of events when series are taken. Raises BadEventError."""
    uid = str(first(event, "UID") or "").strip()
    found = {
        "iCalUID": uid,
        "recurrence": [] if "RECURRENCE-ID" in event else rules(event, start),
        "status": "cancelled" if word(event, "STATUS") == "CANCELLED" else "",
    }
    return {name: value for name, value in found.items() if value}


def _parsed(block: list[Line]) -> Event:
    for line in block:
        if not CONTENT_LINE.match(line.text):
            raise BadEventError(f"line {line.number} is no property: it has no name", line.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)  # a guess is better than no event
            event = Event.from_ical("\r\n".join(line.text for line in block) + "\r\n")
    except UNREADABLE as error:
        raise BadEventError(f"the event cannot be read: {short(error)}") from error
    if not isinstance(event, Event):
        raise BadEventError("the event cannot be read")
    for name, message in event.errors:
        if name is None:
            raise BadEventError(f"the event cannot be read: {short(message)}")
    return event
