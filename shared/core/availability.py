"""Whether a practitioner's time is taken, as far as that can be told. What cannot be told is never free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import groupby


class Availability(Enum):
    FREE = "free"
    UNVERIFIED = "unverified"
    """Whether it is taken cannot be told now; `reason` says why."""
    BUSY = "busy"


@dataclass(frozen=True)
class Span:
    """[`start`, `end`) as instants."""

    start: datetime
    end: datetime
    status: Availability
    reason: str | None = None
    """Of what is unverified."""


def busy(start: datetime, end: datetime) -> Span:
    return Span(start, end, Availability.BUSY)


def unverified(start: datetime, end: datetime, reason: str) -> Span:
    return Span(start, end, Availability.UNVERIFIED, reason)


def tiled(start: datetime, end: datetime, known: Iterable[Span]) -> list[Span]:
    """[`start`, `end`) without a gap: busy where anything says so, else unverified, else free.

    Neighbours that say the same are one. What covers nothing of it, or no time at all, says nothing.
    """
    tiles = (Span(begin, until, *said) for begin, until, said in _tiles(start, end, known))
    merged = (list(same) for _, same in groupby(tiles, key=lambda tile: (tile.status, tile.reason)))
    return [Span(same[0].start, same[-1].end, same[0].status, same[0].reason) for same in merged]


_Said = tuple[Availability, str | None]


def _tiles(
    start: datetime, end: datetime, known: Iterable[Span]
) -> Iterator[tuple[datetime, datetime, _Said]]:
    """From edge to edge, with what is said there; how much is known costs little more than its sorting."""
    steps: list[tuple[datetime, int, _Said]] = []
    for each in known:
        begin, until = max(each.start, start), min(each.end, end)
        if begin < until and each.status is not Availability.FREE:
            steps += [(begin, 1, (each.status, each.reason)), (until, -1, (each.status, each.reason))]
    steps.sort(key=lambda step: step[0])
    said: Counter[_Said] = Counter()
    reached = start
    for at, one, what in steps:
        if at > reached:
            yield reached, at, _heaviest(said)
            reached = at
        said[what] += one
    if reached < end:
        yield reached, end, _heaviest(said)


def _heaviest(said: Counter[_Said]) -> _Said:
    """Of reasons, the first by its name."""
    now = [each for each, count in said.items() if count > 0]
    busy_now = next((each for each in now if each[0] is Availability.BUSY), None)
    return busy_now or min(now, key=lambda each: each[1] or "", default=(Availability.FREE, None))
