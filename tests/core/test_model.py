"""Values that cannot be wrong: what is refused, and what is put right."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from shared.core.model import Base, Facts, Side, When, all_day, timed

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NINE, MONDAY),
        (MONDAY, NINE),
        (NINE.replace(tzinfo=None), NINE.replace(tzinfo=None)),
        (NINE, NINE.replace(tzinfo=None)),
        (NINE.astimezone(ZoneInfo("America/New_York")), NINE + HOUR),
        (NINE.astimezone(timezone(timedelta())), NINE.astimezone(ZoneInfo("Europe/London"))),
        (NINE.replace(microsecond=1), NINE + HOUR),
        (NINE, (NINE + HOUR).replace(microsecond=1)),
        (NINE, NINE - SECOND),
        (MONDAY, MONDAY),
        (MONDAY, MONDAY - timedelta(days=1)),
    ],
)
def test_a_span_that_makes_no_sense_cannot_be_made(start: datetime | date, end: datetime | date) -> None:
    with pytest.raises(AssertionError):
        When(start, end)


def test_a_point_is_a_span() -> None:
    assert When(NINE, NINE).start == NINE


def test_a_span_of_dates_is_all_day_and_one_of_instants_is_not() -> None:
    assert all_day(MONDAY, MONDAY + timedelta(days=1)).all_day
    assert not timed(NINE, NINE + HOUR).all_day


def test_instants_of_any_zone_become_utc() -> None:
    when = timed(NINE.astimezone(ZoneInfo("Asia/Kathmandu")), (NINE + HOUR).astimezone(ZoneInfo("UTC")))
    assert when == When(NINE, NINE + HOUR)
    assert isinstance(when.end, datetime)
    assert when.end.tzinfo is UTC


def test_parts_of_a_second_are_dropped() -> None:
    assert timed(NINE + 0.9 * SECOND, NINE + HOUR + 0.9 * SECOND) == When(NINE, NINE + HOUR)


@pytest.mark.parametrize("end", [NINE, NINE - HOUR, NINE + 0.5 * SECOND])
def test_an_end_not_after_the_start_makes_a_point(end: datetime) -> None:
    assert timed(NINE, end) == When(NINE, NINE)


@pytest.mark.parametrize("end", [MONDAY, MONDAY - timedelta(days=3)])
def test_an_all_day_item_lasts_a_day_at_least(end: date) -> None:
    assert all_day(MONDAY, end) == When(MONDAY, MONDAY + timedelta(days=1))


def test_a_version_says_nothing_about_the_content() -> None:
    when = timed(NINE, NINE + HOUR)
    assert Facts(when, "what", "1") == Facts(when, "what", "2")
    assert Facts(when, "what") != Facts(when, "other")
    assert Facts(when, "what") != Facts(timed(NINE, NINE), "what")


def test_a_base_keeps_a_value_per_side() -> None:
    ehr, calendar = Facts(timed(NINE, NINE), "ehr"), Facts(timed(NINE, NINE), "calendar")
    base = Base(ehr, calendar)
    assert (base.of(Side.EHR), base.of(Side.CALENDAR)) == (ehr, calendar)


def test_each_side_has_the_other() -> None:
    assert [side.other for side in Side] == [Side.CALENDAR, Side.EHR]
