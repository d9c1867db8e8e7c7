"""When a series occurs."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sandbox.google.errors import Json, invalid
from sandbox.google.recurrence_lines import (
    LAST,
    ONE_DAY,
    Dates,
    Line,
    Rule,
    basic,
    instant_of,
    localised,
    read_line,
)
from sandbox.google.times import zone_named

CENTURY = timedelta(days=36_525)
"""A series ends so long after its start, whatever its rules say."""
CHARACTERS_MAX = 8192
"""Of all lines together."""


class Recurrence:
    """The original starts of a series, in order, worked out as far as they are asked for.

    Each is an instant in UTC; of an all-day series midnight in UTC of its day, whatever the calendar's zone.
    """

    def __init__(
        self, lines: tuple[Line, ...], first: datetime, zone: tzinfo | None, length: timedelta
    ) -> None:
        """`first`: the start, an instant; `zone`: the series' own, None of an all-day one."""
        self.lines = lines
        self.first = first
        self.all_day = zone is None
        self.zone = zone or UTC
        wall = first.astimezone(self.zone).replace(tzinfo=None)
        self._wall = wall
        self._last = min(LAST - length, wall + min(CENTURY, LAST - wall))
        self._known: list[datetime] = []
        self._source = self._originals()

    def since(self, low: datetime) -> Iterator[datetime]:
        """The original starts from `low` on."""
        while (not self._known or self._known[-1] < low) and self._advance():
            pass
        index = bisect_left(self._known, low)
        while index < len(self._known) or self._advance():
            yield self._known[index]
            index += 1

    def before(self, high: datetime) -> datetime | None:
        """The last original start before `high`."""
        next(self.since(high), None)
        index = bisect_left(self._known, high)
        return self._known[index - 1] if index else None

    def __iter__(self) -> Iterator[datetime]:
        return self.since(datetime.min.replace(tzinfo=UTC))

    def __contains__(self, instant: datetime) -> bool:
        return next(self.since(instant), None) == instant

    @property
    def shape(self) -> tuple[object, ...]:
        """Two with the same shape differ at most in where they end."""
        return (self.first, str(self.zone), self.all_day, *(line.shape for line in self.lines))

    def suffix(self, original: datetime) -> str:
        """What an instance's id ends with."""
        return basic(original)[:8] if self.all_day else basic(original) + "Z"

    def named(self, suffix: str) -> datetime | None:
        """The original start an instance's id ends with; None when the series does not occur there."""
        if (len(suffix) == 8) != self.all_day:
            return None
        try:
            instant = instant_of(suffix, UTC)
        except ValueError:
            return None
        return instant if instant in self else None

    def of(self, rule: Rule) -> Iterator[datetime]:
        """What one of its rules yields; a wall time in a gap is told with the offset before it."""
        for wall in rule.walls(self._wall, self._last, self.zone):
            instant = localised(wall, self.zone)
            if instant >= self.first:  # the start may be the second of two hours of one name
                yield instant

    def _advance(self) -> bool:
        """Work out one more; False at the end, a century after the start at the latest."""
        found = next(self._source, None)
        if found is not None:
            self._known.append(found)
        return found is not None

    def _originals(self) -> Iterator[datetime]:
        excluded = {instant for instants in self._from("EXRULE", "EXDATE") for instant in instants}
        included = [[self.first] if self.lines else [], *self._from("RRULE", "RDATE")]
        newest = None
        for instant in _in_order(heapq.merge(*included)):
            if instant != newest and instant not in excluded:
                yield instant
            newest = instant

    def _from(self, *names: str) -> list[Iterable[datetime]]:
        """What the lines of these names say."""
        found: list[Iterable[datetime]] = []
        for line in self.lines:
            if isinstance(line, Dates) and line.head.startswith(names):
                found.append(line.instants)
            elif isinstance(line, Rule) and line.name in names:
                found.append(self.of(line))
        return found


NONE = Recurrence((), datetime(2, 1, 1, tzinfo=UTC), None, timedelta())
"""Of an event that is no series any more: it occurs nowhere."""


def read(lines: Any, start: Json, starts: datetime, length: timedelta) -> Recurrence:
    """The recurrence of an event with this `start`, in Google's form.

    Raises ApiError 400 for what is no line Google takes: DTSTART and DTEND, UNTIL together with COUNT, an
    UNTIL in local time, parts unknown, doubled or out of range, extra dates of another kind than the start.
    """
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise invalid("Invalid recurrence rule.")
    if sum(map(len, lines)) > CHARACTERS_MAX:
        raise invalid("A provided value exceeds the allowed size limit.")
    zone = None if "date" in start else zone_named(start["timeZone"])
    first = datetime.fromisoformat(start["date"]).replace(tzinfo=UTC) if "date" in start else starts
    try:
        found = tuple(read_line(line, zone) for line in lines)
    except ValueError:
        raise invalid("Invalid recurrence rule.") from None
    return Recurrence(found, first, zone, length)


def _in_order(instants: Iterable[datetime]) -> Iterator[datetime]:
    """Where clocks change, wall times in order can be instants that are not, by an hour or two."""
    waiting: list[datetime] = []
    for instant in instants:
        heapq.heappush(waiting, instant)
        while waiting[0] < instant - ONE_DAY:
            yield heapq.heappop(waiting)
    yield from (heapq.heappop(waiting) for _ in range(len(waiting)))
