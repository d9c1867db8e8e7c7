"""Whether a practitioner's time is taken, as far as that can be told. What cannot be told is never free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import groupby, pairwise


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

    def covers(self, start: datetime, end: datetime) -> bool:
        return self.start <= start and end <= self.end


def busy(start: datetime, end: datetime) -> Span:
    return Span(start, end, Availability.BUSY)


def unverified(start: datetime, end: datetime, reason: str) -> Span:
    return Span(start, end, Availability.UNVERIFIED, reason)


def tiled(start: datetime, end: datetime, known: Iterable[Span]) -> list[Span]:
    """[`start`, `end`) without a gap: busy where anything says so, else unverified, else free.

    Neighbours that say the same are one. What covers nothing of it, or no time at all, says nothing.
    """
    told = [each for each in known if each.start < end and start < each.end and each.start < each.end]
    told.sort(key=lambda each: (-_WEIGHT[each.status], each.reason or ""))
    edges = sorted(
        {start, end, *(edge for each in told for edge in (each.start, each.end) if start < edge < end)}
    )
    tiles = [_tile(begin, until, told) for begin, until in pairwise(edges)]
    merged = (list(same) for _, same in groupby(tiles, key=lambda tile: (tile.status, tile.reason)))
    return [Span(same[0].start, same[-1].end, same[0].status, same[0].reason) for same in merged]


_WEIGHT = {Availability.BUSY: 2, Availability.UNVERIFIED: 1, Availability.FREE: 0}


def _tile(start: datetime, end: datetime, told: list[Span]) -> Span:
    """By the first that covers it, the heaviest being first."""
    by = next((each for each in told if each.covers(start, end)), None)
    return Span(start, end, by.status if by else Availability.FREE, by.reason if by else None)
