"""The lines of a series' recurrence, as RFC 5545 has them and Google takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, takewhile

from dateutil.rrule import rrulestr

from sandbox.google.times import zone_named

LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[A-Z-]+=[^;:]+)*):([^:]+)", re.ASCII)
DATE_VALUE = re.compile(r"\d{8}", re.ASCII)
TIME_VALUE = re.compile(r"\d{8}T\d{6}Z?", re.ASCII)
ENDS = frozenset({"UNTIL", "COUNT"})

LAST = datetime(9998, 1, 1)  # noqa: DTZ001 - a wall time, as all that a rule works with
"""Nothing recurs later: every instant can still be told in every zone."""
ANY = datetime(2026, 1, 1)  # noqa: DTZ001 - as above
CYCLE_YEARS = 400
ONE_DAY = timedelta(days=1)


def _numbers(low: int, high: int, *, signed: bool = False) -> Callable[[str], bool]:
    shape = re.compile(r"[+-]?\d{1,5}" if signed else r"\d{1,5}", re.ASCII)

    def fits(text: str) -> bool:
        return all(shape.fullmatch(n) is not None and low <= abs(int(n)) <= high for n in text.split(","))

    return fits


def _one(number: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: "," not in text and number(text)


def _words(shape: str) -> Callable[[str], bool]:
    pattern = re.compile(shape, re.ASCII)
    return lambda text: pattern.fullmatch(text) is not None


DAY = "(?:SU|MO|TU|WE|TH|FR|SA)"
NUMBERED_DAY = rf"(?:[+-]?\d{{1,2}})?{DAY}"
PARTS: Mapping[str, Callable[[str], bool]] = {
    "FREQ": _words("DAILY|WEEKLY|MONTHLY|YEARLY"),  # Google knows nothing that repeats within a day
    "INTERVAL": _one(_numbers(1, 9999)),
    "COUNT": _one(_numbers(1, 99_999)),
    "UNTIL": _words(r"\d{8}(?:T\d{6}Z)?"),
    "WKST": _words(DAY),
    "BYDAY": _words(f"{NUMBERED_DAY}(?:,{NUMBERED_DAY})*"),
    "BYMONTH": _numbers(1, 12),
    "BYMONTHDAY": _numbers(1, 31, signed=True),
    "BYYEARDAY": _numbers(1, 366, signed=True),
    "BYWEEKNO": _numbers(1, 53, signed=True),
    "BYSETPOS": _numbers(1, 366, signed=True),
    "BYHOUR": _numbers(0, 23),
    "BYMINUTE": _numbers(0, 59),
    "BYSECOND": _numbers(0, 59),
}
OF_TIMES = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})


@dataclass(frozen=True)
class Rule:
    """An RRULE or EXRULE line."""

    name: str
    parts: Mapping[str, str]

    @property
    def line(self) -> str:
        return f"{self.name}:" + ";".join(f"{name}={value}" for name, value in self.parts.items())

    @property
    def shape(self) -> tuple[object, ...]:
        """All of it but where it ends."""
        return (self.name, *sorted(part for part in self.parts.items() if part[0] not in ENDS))

    def walls(self, first: datetime, last: datetime, zone: tzinfo) -> Iterator[datetime]:
        """The wall times it yields from `first` to `last`. Raises ValueError for what dateutil cannot take.

        dateutil looks for the next one up to the year 9999, so a rule that never comes true keeps it busy.
        The calendar repeats itself every 400 years: it works as late in time as leaves room for a century.
        """
        until = min(last, until_wall(self.parts["UNTIL"], zone)) if "UNTIL" in self.parts else last
        later = max(0, (LAST.year - 101 - first.year) // CYCLE_YEARS) * CYCLE_YEARS
        text = ";".join(f"{name}={value}" for name, value in self.parts.items() if name not in ENDS)
        found: Iterable[datetime] = rrulestr(text, dtstart=first.replace(year=first.year + later))
        walls = takewhile(lambda wall: wall <= until, (w.replace(year=w.year - later) for w in found))
        return islice(walls, int(self.parts["COUNT"]) if "COUNT" in self.parts else None)


@dataclass(frozen=True)
class Dates:
    """An RDATE or EXDATE line."""

    head: str
    """All before the colon."""
    values: tuple[tuple[str, datetime | None], ...]
    """As written, and when that is; None for a date among times, or a time among dates."""

    @property
    def line(self) -> str:
        return f"{self.head}:" + ",".join(text for text, _ in self.values)

    @property
    def shape(self) -> tuple[object, ...]:
        return (self.head, self.values)

    @property
    def instants(self) -> list[datetime]:
        return sorted(instant for _, instant in self.values if instant is not None)


Line = Rule | Dates


def read_line(text: str, zone: tzinfo | None) -> Line:
    """Raises ValueError."""
    match = LINE.fullmatch(text)
    if match is None:
        raise ValueError("no line of a recurrence")
    name, parameters, value = match.groups()
    if name.endswith("DATE"):
        return _dates(name, parameters, value, zone)
    if parameters:
        raise ValueError("a rule has no parameters")
    rule = Rule(name, _parts(value.upper(), all_day=zone is None))
    rule.walls(ANY, ANY, UTC)  # dateutil's opinion
    return rule


def _parts(text: str, *, all_day: bool) -> dict[str, str]:
    pairs = [part.split("=") for part in text.split(";")]
    if not all(len(pair) == 2 and pair[0] in PARTS and PARTS[pair[0]](pair[1]) for pair in pairs):
        raise ValueError("an unknown part, or one out of range")
    parts = dict(pairs)
    if len(parts) < len(pairs) or "FREQ" not in parts or parts.keys() >= ENDS:
        raise ValueError("a part twice, none that says how often, or two ends")
    if all_day and parts.keys() & OF_TIMES:
        raise ValueError("times of a series of days")
    if parts["FREQ"] in ("DAILY", "WEEKLY") and any(c.isdigit() for c in parts.get("BYDAY", "")):
        raise ValueError("a numbered weekday within no month or year")
    if "BYSETPOS" in parts and sum(name.startswith("BY") for name in parts) == 1:
        raise ValueError("positions of nothing")
    if "UNTIL" in parts:
        until_wall(parts["UNTIL"], UTC)
    return parts


def _dates(name: str, parameters: str, value: str, zone: tzinfo | None) -> Dates:
    given = dict(parameter.split("=", 1) for parameter in parameters.split(";")[1:])
    if given.keys() - {"TZID", "VALUE"} or given.get("VALUE", "DATE-TIME") not in ("DATE", "DATE-TIME"):
        raise ValueError("an unknown parameter")
    named = zone_named(given["TZID"].strip('"')) if "TZID" in given else zone or UTC
    if named is None:
        raise ValueError("an unknown time zone")
    values: list[tuple[str, datetime | None]] = []
    for text in value.split(","):
        is_date = DATE_VALUE.fullmatch(text) is not None
        if not is_date and (TIME_VALUE.fullmatch(text) is None or given.get("VALUE") == "DATE"):
            raise ValueError("neither a date nor a time")
        instant = instant_of(text, UTC if is_date else named)
        fits = is_date == (zone is None)
        if name == "RDATE" and not fits:
            raise ValueError("a date of another kind than the start")
        values.append((text, instant if fits else None))
    return Dates(name + parameters, tuple(values))


def until_wall(text: str, zone: tzinfo) -> datetime:
    """The last wall time that UNTIL lets through: of a date, the end of that day. Raises ValueError."""
    wall = _wall(text)
    if wall.year >= LAST.year:
        return LAST
    if "T" not in text:
        return wall + ONE_DAY - timedelta(seconds=1)
    return localised(wall, UTC).astimezone(zone).replace(tzinfo=None)


def instant_of(text: str, zone: tzinfo) -> datetime:
    """A value in RFC 5545's form as an instant. Raises ValueError, also for years beyond all calendars."""
    wall = _wall(text)
    if not 2 <= wall.year < LAST.year:
        raise ValueError("a year no calendar reaches")
    return localised(wall, UTC if text.endswith("Z") else zone)


def _wall(text: str) -> datetime:
    return datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d")  # noqa: DTZ007 - a wall time


def localised(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def basic(moment: datetime) -> str:
    """The wall time in RFC 5545's form."""
    return moment.isoformat()[:19].replace("-", "").replace(":", "")
