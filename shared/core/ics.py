"""A calendar as text (RFC 5545), for whoever subscribes to it: published, never answered.

Instants are in UTC, so no zone has to travel; whole days are dates. Nothing here depends on when it is made:
the same appointments are the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from shared.core.model import What, When

LINE_OCTETS_MAX = 75
"""Without the line's end (section 3.1)."""
PRODUCT = "-//calsync//appointments//EN"
_SEQUENCE_BEGINS = datetime(2020, 1, 1, tzinfo=UTC)
"""Sequences count seconds from here: an INTEGER ends at 2,147,483,647 (section 3.3.8)."""
_WITHOUT_EVENTS = (
    "BEGIN:VTIMEZONE",
    "TZID:Etc/UTC",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
)
"""A calendar has to have something in it (section 3.6)."""


@dataclass(frozen=True, repr=False)
class Entry:
    uid: str
    """The same for as long as there is the appointment."""
    changed_at: datetime
    when: When
    """Not a point."""
    what: What


def calendar_text(name: str, entries: Iterable[Entry]) -> str:
    """The whole calendar, in order of start."""
    ordered = sorted(entries, key=lambda entry: (_moment(entry.when.start), entry.uid))
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{escaped(name)}",
        *(line for entry in ordered for line in _event(entry)),
        *(() if ordered else _WITHOUT_EVENTS),
        "END:VCALENDAR",
    ]
    return "".join(f"{folded(line)}\r\n" for line in lines)


def _event(entry: Entry) -> Iterator[str]:
    what, stamp = entry.what, _instant(entry.changed_at)
    yield "BEGIN:VEVENT"
    yield f"UID:{entry.uid}"
    yield f"DTSTAMP:{stamp}"
    yield f"LAST-MODIFIED:{stamp}"
    yield f"SEQUENCE:{max(0, int((entry.changed_at - _SEQUENCE_BEGINS).total_seconds()))}"
    yield f"DTSTART{_moment(entry.when.start)}"
    yield f"DTEND{_moment(entry.when.end)}"
    yield f"SUMMARY:{escaped(what.summary)}"
    if what.description:
        yield f"DESCRIPTION:{escaped(what.description)}"
    if what.location:
        yield f"LOCATION:{escaped(what.location)}"
    yield f"TRANSP:{'OPAQUE' if what.busy else 'TRANSPARENT'}"
    yield "CLASS:PRIVATE"
    yield "END:VEVENT"


def _moment(value: datetime | date) -> str:
    if isinstance(value, datetime):
        return f":{_instant(value)}"
    return f";VALUE=DATE:{value:%Y%m%d}"


def _instant(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def escaped(text: str) -> str:
    """A TEXT value (section 3.3.11). Control characters have no place in one."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    shown = "".join(each for each in unified if each in "\n\t" or (each >= " " and each != "\x7f"))
    for special in ("\\", ";", ","):
        shown = shown.replace(special, f"\\{special}")
    return shown.replace("\n", "\\n")


def folded(line: str) -> str:
    """In lines of at most LINE_OCTETS_MAX, none of which ends within a character."""
    lines, octets = [""], 0
    for character in line:
        size = len(character.encode())
        if octets + size > LINE_OCTETS_MAX:
            lines.append(" ")
            octets = 1
        lines[-1] += character
        octets += size
    return "\r\n".join(lines)
