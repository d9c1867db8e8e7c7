"""Very long series: by days, and never left free."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.core.model import Event, Origin, Response, What, timed
from shared.core.spans import OCCURRENCES_MAX, occurrences_or_spans
from shared.core.window import instants

NEW_YORK = ZoneInfo("America/New_York")
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def occurrence(number: int, series: str = "series") -> Event:
    start = BEGIN + number * HALF_HOUR
    when = timed(start, start + HALF_HOUR / 2)
    return Event(
        f"{series}_{number}", "1", cancelled=False, when=when, what=What("x"), origin=Origin(series, start)
    )


def test_up_to_the_bound_every_occurrence_stands_for_itself() -> None:
    events = [occurrence(number) for number in range(OCCURRENCES_MAX)]
    assert list(occurrences_or_spans(events, NEW_YORK)) == events


def test_above_it_every_local_day_is_one_span_that_covers_all_of_its_occurrences() -> None:
    events = [occurrence(number) for number in range(OCCURRENCES_MAX + 1)]
    spans = list(occurrences_or_spans(events, NEW_YORK))
    starts = [instants(event.when, NEW_YORK)[0] for event in events if event.when]
    days = {start.astimezone(NEW_YORK).date() for start in starts}
    assert [span.origin and span.origin.start for span in spans] == sorted(days)
    for event in events:
        assert event.when is not None
        start, end = instants(event.when, NEW_YORK)
        covering = [span for span in spans if span.when and instants(span.when, NEW_YORK)[0] <= start]
        assert any(span.when and instants(span.when, NEW_YORK)[1] >= end for span in covering)
    assert {span.what.summary for span in spans} == {"Busy"}


def test_days_on_which_nothing_takes_the_time_are_free() -> None:
    events = [
        replace(occurrence(number), response=Response.DECLINED) for number in range(OCCURRENCES_MAX + 1)
    ]
    assert list(occurrences_or_spans(events, NEW_YORK)) == []


def test_one_long_series_leaves_the_others_as_they_are() -> None:
    long = [occurrence(number) for number in range(OCCURRENCES_MAX + 1)]
    short = [occurrence(number, "other") for number in range(3)]
    single = replace(occurrence(0), id="single", origin=None)
    found = list(occurrences_or_spans([*long, *short, single], NEW_YORK))
    assert [event for event in found if event.origin is None] == [single]
    assert [event for event in found if event.origin and event.origin.series_id == "other"] == short
