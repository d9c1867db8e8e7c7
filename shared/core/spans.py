"""Very long series: what no document could hold one by one is taken in by days, and never left free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from shared.core.model import Event, EventType, Origin, Response, What, When
from shared.core.text import BUSY
from shared.core.window import instants

OCCURRENCES_MAX = 1_000
"""Of one series within the window; above it the days are what is blocked."""


def occurrences_or_spans(events: Iterable[Event], zone: ZoneInfo) -> Iterator[Event]:
    """The events as they are, but for series with more than OCCURRENCES_MAX: those as one span a local day.

    A span reaches from the first start to the last end of the occurrences that begin on its day and take the
    time; it says no title.
    """
    by_series: dict[str, list[Event]] = {}
    for event in events:
        if event.origin is None:
            yield event
        else:
            by_series.setdefault(event.origin.series_id, []).append(event)
    for series_id, occurrences in by_series.items():
        if len(occurrences) <= OCCURRENCES_MAX:
            yield from occurrences
        else:
            yield from _spans(series_id, occurrences, zone)


def _spans(series_id: str, occurrences: list[Event], zone: ZoneInfo) -> Iterator[Event]:
    days: dict[date, list[Event]] = {}
    for event in occurrences:
        if event.when is not None and event.what.busy and event.response is not Response.DECLINED:
            start, _ = instants(event.when, zone)
            days.setdefault(start.astimezone(zone).date(), []).append(event)
    for day, same in sorted(days.items()):
        yield _span(series_id, day, same, zone)


def _span(series_id: str, day: date, same: list[Event], zone: ZoneInfo) -> Event:
    ends = [instants(event.when, zone) for event in same if event.when is not None]
    when = When(min(start for start, _ in ends), max(end for _, end in ends))
    first = min(same, key=lambda event: instants(event.when, zone) if event.when else _NEVER)
    return replace(
        first,
        version="",
        when=when,
        what=What(BUSY),
        origin=Origin(series_id, day),
        type=EventType.DEFAULT,
        response=Response.NONE,
        tentative=False,
    )


_NEVER = (datetime.max.replace(tzinfo=UTC),) * 2
