"""Local days as instants and back, where clocks change too, and what the window takes in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import When, all_day, timed
from shared.core.window import (
    LOOK_BACK_DAYS,
    Window,
    at_least_a_minute,
    instants,
    midnight,
    scan_window,
    whole_days,
    window,
)

NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "America/New_York",
        "Europe/London",
        "Europe/Berlin",
        "Asia/Kolkata",
        "Asia/Kathmandu",  # +05:45
        "Australia/Lord_Howe",  # changes by half an hour
        "Pacific/Chatham",  # +12:45
        "Pacific/Apia",  # first to see a day
        "Pacific/Pago_Pago",  # last
        "America/Asuncion",  # no midnight on the day of the change until 2024
        "America/Santiago",  # nor here
        "Africa/Cairo",  # nor here
        "Asia/Beirut",  # nor here
        "America/Havana",  # no midnight in spring, two in autumn
    )
]
SKIPPED_MIDNIGHT = [
    ("America/Asuncion", date(2023, 10, 1)),
    ("America/Santiago", date(2026, 9, 6)),
    ("America/Havana", date(2026, 3, 8)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("Asia/Beirut", date(2026, 3, 29)),
]

zones = st.sampled_from(ZONES)
dates = st.dates(date(2020, 1, 1), date(2031, 12, 31))


def utc(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


# --- midnight -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "day"), SKIPPED_MIDNIGHT)
def test_a_day_without_midnight_begins_with_the_first_instant_it_has(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    begins = midnight(day, zone)
    local = begins.astimezone(zone)
    assert (local.date(), local.time()) == (day, time(1))
    assert (begins - SECOND).astimezone(zone).date() == day - DAY


def test_a_day_with_two_midnights_begins_with_the_first() -> None:
    day = date(2026, 11, 1)
    assert midnight(day, ZoneInfo("America/Havana")) == datetime(2026, 11, 1, 4, tzinfo=UTC)


@given(dates, zones)
def test_midnight_is_the_first_instant_of_its_day(day: date, zone: ZoneInfo) -> None:
    begins = midnight(day, zone)
    assert begins.tzinfo is UTC
    assert begins.astimezone(zone).date() == day
    assert (begins - SECOND).astimezone(zone).date() < day


# --- instants -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 7), 24), (date(2026, 3, 8), 23), (date(2026, 11, 1), 25)]
)
def test_an_all_day_item_is_as_long_as_the_local_day(day: date, hours: int) -> None:
    start, end = instants(all_day(day, day + DAY), NEW_YORK)
    assert end - start == timedelta(hours=hours)


def test_the_instants_of_a_timed_item_are_its_own() -> None:
    assert instants(timed(utc(2, 9), utc(2, 10)), NEW_YORK) == (utc(2, 9), utc(2, 10))


# --- whole days -----------------------------------------------------------------------------------------


@given(dates, st.integers(1, 40), zones)
def test_days_written_as_instants_are_read_as_the_same_days(day: date, length: int, zone: ZoneInfo) -> None:
    days = all_day(day, day + length * DAY)
    assert whole_days(timed(*instants(days, zone)), zone) == days


@pytest.mark.parametrize(("name", "day"), SKIPPED_MIDNIGHT)
def test_a_day_without_midnight_is_read_as_that_day(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    days = all_day(day, day + DAY)
    assert whole_days(timed(*instants(days, zone)), zone) == days


@given(dates, st.integers(0, 25), st.integers(0, 60), zones)
def test_reading_a_span_as_days_never_changes_its_instants(
    day: date, hours: int, minutes: int, zone: ZoneInfo
) -> None:
    start = midnight(day, zone)
    span = timed(start, start + timedelta(hours=hours, minutes=minutes))
    assert instants(whole_days(span, zone), zone) == instants(span, zone)


@given(dates, zones, st.sampled_from([(SECOND, 0 * SECOND), (0 * SECOND, SECOND), (SECOND, SECOND)]))
def test_a_span_that_is_off_by_a_second_is_not_whole_days(
    day: date, zone: ZoneInfo, off: tuple[timedelta, timedelta]
) -> None:
    start, end = instants(all_day(day, day + DAY), zone)
    span = timed(start + off[0], end + off[1])
    assert whole_days(span, zone) == span


def test_the_days_of_another_zone_are_no_whole_days_here() -> None:
    span = timed(*instants(all_day(date(2026, 3, 2), date(2026, 3, 3)), ZoneInfo("Asia/Kolkata")))
    assert whole_days(span, NEW_YORK) == span


def test_a_point_at_midnight_is_not_a_day() -> None:
    point = timed(midnight(date(2026, 3, 2), NEW_YORK), midnight(date(2026, 3, 2), NEW_YORK))
    assert whole_days(point, NEW_YORK) == point


def test_an_all_day_item_stays_one() -> None:
    days = all_day(date(2026, 3, 2), date(2026, 3, 4))
    assert whole_days(days, NEW_YORK) == days


# --- zero minutes ---------------------------------------------------------------------------------------


def test_a_point_goes_out_as_one_minute() -> None:
    assert at_least_a_minute(timed(utc(2, 9), utc(2, 9))) == timed(utc(2, 9), utc(2, 9, 1))


@pytest.mark.parametrize(
    "when", [timed(utc(2, 9), utc(2, 9) + SECOND), all_day(date(2026, 3, 2), date(2026, 3, 3))]
)
def test_whatever_has_a_length_goes_out_as_it_is(when: When) -> None:
    assert at_least_a_minute(when) == when


# --- the window -----------------------------------------------------------------------------------------

WINDOW = Window(utc(10), utc(20))


@pytest.mark.parametrize(
    ("start", "end", "taken"),
    [
        (utc(9, 22), utc(9, 23), False),
        (utc(9, 23), utc(10), False),
        (utc(9, 23), utc(10) + SECOND, True),
        (utc(10), utc(10, 1), True),
        (utc(9), utc(21), True),
        (utc(19, 23), utc(20), True),
        (utc(19, 23), utc(21), True),
        (utc(20), utc(20, 1), False),
        (utc(9, 23), utc(9, 23), False),
        (utc(10), utc(10), True),
        (utc(15), utc(15), True),
        (utc(20), utc(20), False),
    ],
)
def test_the_edges_of_the_window(start: datetime, end: datetime, *, taken: bool) -> None:
    assert WINDOW.takes_in(timed(start, end), NEW_YORK) is taken


@pytest.mark.parametrize(
    ("zone", "day", "taken"),
    [
        ("UTC", 9, False),
        ("UTC", 10, True),
        ("UTC", 19, True),
        ("UTC", 20, False),
        ("America/New_York", 9, True),
        ("Asia/Kolkata", 20, True),
    ],
)
def test_an_all_day_item_is_taken_in_by_its_local_day(zone: str, day: int, *, taken: bool) -> None:
    days = all_day(date(2026, 3, day), date(2026, 3, day + 1))
    assert WINDOW.takes_in(days, ZoneInfo(zone)) is taken


def test_the_window_is_whole_local_days() -> None:
    found = window(date(2026, 3, 1), 7, now=utc(2, 12), zone=NEW_YORK)
    assert found == Window(midnight(date(2026, 3, 1), NEW_YORK), midnight(date(2026, 3, 10), NEW_YORK))


def test_today_is_the_practitioners_today() -> None:
    early = window(date(2026, 3, 1), 1, now=utc(2, 4, 59), zone=NEW_YORK)
    later = window(date(2026, 3, 1), 1, now=utc(2, 5), zone=NEW_YORK)
    assert early.end == midnight(date(2026, 3, 3), NEW_YORK)
    assert later.end == midnight(date(2026, 3, 4), NEW_YORK)


def test_a_later_scan_looks_back_thirty_days_at_most() -> None:
    now = utc(2, 12)
    since_years = Window(now - 1000 * DAY, now + 10 * DAY)
    assert scan_window(since_years, now=now) == Window(now - LOOK_BACK_DAYS * DAY, since_years.end)


def test_a_later_scan_never_looks_before_the_beginning() -> None:
    young = Window(utc(1), utc(20))
    assert scan_window(young, now=utc(2, 12)) == young
