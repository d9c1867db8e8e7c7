"""When a series occurs, and which lines Google takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from sandbox.google.errors import ApiError
from sandbox.google.recurrence import Recurrence, read


def timed(*lines: str, start: str = "2026-03-10T10:00:00", zone: str = "Europe/Berlin") -> Recurrence:
    begins = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return read(list(lines), {"dateTime": start, "timeZone": zone}, begins, timedelta(hours=1))


def of_days(*lines: str, start: str = "2026-03-10") -> Recurrence:
    begins = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return read(list(lines), {"date": start}, begins, timedelta(days=1))


def first(recurrence: Recurrence, count: int = 10) -> list[str]:
    """What the ids of its first instances end with."""
    return [recurrence.suffix(original) for original in islice(recurrence, count)]


# --- rules ----------------------------------------------------------------------------------------------


def test_a_rule_is_on_the_wall_of_its_zone() -> None:
    assert first(timed("RRULE:FREQ=WEEKLY;COUNT=4", start="2026-03-17T10:00:00")) == [
        "20260317T090000Z",
        "20260324T090000Z",
        "20260331T080000Z",
        "20260407T080000Z",
    ]


def test_a_time_that_clocks_skip_is_told_by_the_offset_before() -> None:
    daily = timed("RRULE:FREQ=DAILY;COUNT=3", start="2026-03-28T02:30:00")
    assert first(daily) == ["20260328T013000Z", "20260329T013000Z", "20260330T003000Z"]


def test_a_time_that_comes_twice_is_the_first_of_the_two() -> None:
    daily = timed("RRULE:FREQ=DAILY;COUNT=3", start="2026-10-24T02:30:00")
    assert first(daily) == ["20261024T003000Z", "20261025T003000Z", "20261026T013000Z"]


def test_a_series_that_begins_in_the_second_of_two_hours_begins_there() -> None:
    start = {"dateTime": "2026-10-25T02:30:00+01:00", "timeZone": "Europe/Berlin"}
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    daily = read(["RRULE:FREQ=DAILY;COUNT=3"], start, second, timedelta(hours=1))
    assert first(daily) == ["20261025T013000Z", "20261026T013000Z", "20261027T013000Z"]


def test_occurrences_are_in_order_where_a_gap_turns_the_wall_around() -> None:
    found = first(timed("RRULE:FREQ=DAILY;BYHOUR=2,3;BYMINUTE=15,45", start="2026-03-28T02:15:00"), 8)
    assert found == sorted(set(found))
    assert found[4:7] == ["20260329T011500Z", "20260329T014500Z", "20260330T001500Z"]


def test_half_an_hour_of_summer_time_is_right_too() -> None:
    weekly = timed(
        "RRULE:FREQ=WEEKLY;COUNT=2", start="2026-04-02T09:00:00", zone="Australia/Lord_Howe"
    )  # the clocks go back by 30 minutes on April 5th
    assert first(weekly) == ["20260401T220000Z", "20260408T223000Z"]


def test_days_are_days_in_every_zone() -> None:
    assert first(of_days("RRULE:FREQ=DAILY;COUNT=3", start="2026-03-28")) == [
        "20260328",
        "20260329",
        "20260330",
    ]


def test_the_29th_of_february_comes_in_leap_years() -> None:
    assert first(of_days("RRULE:FREQ=YEARLY", start="2024-02-29"), 3) == ["20240229", "20280229", "20320229"]


def test_positions_week_starts_and_intervals_count() -> None:
    last_workday = "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3"
    assert first(of_days(last_workday, start="2026-01-30")) == ["20260130", "20260227", "20260331"]
    fortnight = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4;WKST="
    assert first(of_days(fortnight + "MO", start="1997-08-05")) == [
        "19970805",
        "19970810",
        "19970819",
        "19970824",
    ]
    assert first(of_days(fortnight + "SU", start="1997-08-05")) == [
        "19970805",
        "19970817",
        "19970819",
        "19970831",
    ]


def test_a_start_outside_the_rule_is_one_more_occurrence() -> None:
    """As Google does: COUNT=5 makes six (googleapis/google-api-nodejs-client#2214)."""
    rule = "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=TU,TH,SA;COUNT=5"
    found = first(timed(rule, start="2020-06-08T13:00:00", zone="UTC"))
    assert [text[6:8] for text in found] == ["08", "09", "11", "13", "16", "18"]


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("20260312T090000Z", 3),
        ("20260312T085959Z", 2),
        ("20260312", 3),
        ("20260311T225959Z", 2),
        ("20260309", 1),  # the start itself is there whatever the rule says
    ],
)
def test_until_lets_its_own_moment_through_and_a_date_its_day(until: str, days: int) -> None:
    assert len(list(timed(f"RRULE:FREQ=DAILY;UNTIL={until}"))) == days


def test_a_series_of_days_takes_until_in_both_forms() -> None:
    assert len(list(of_days("RRULE:FREQ=DAILY;UNTIL=20260312"))) == 3
    assert len(list(of_days("RRULE:FREQ=DAILY;UNTIL=20260312T000000Z"))) == 3


def test_rules_can_be_several_and_take_away() -> None:
    both = of_days(
        "RRULE:FREQ=DAILY;COUNT=4", "RRULE:FREQ=WEEKLY;COUNT=2", "EXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2"
    )
    assert first(both) == ["20260311", "20260313", "20260317"]


# --- dates ----------------------------------------------------------------------------------------------

WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=3"


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE;TZID=Europe/Berlin:20260317T100000",
        'EXDATE;TZID="Europe/Berlin":20260317T100000',
        "EXDATE;TZID=Asia/Tokyo:20260317T180000",
        "EXDATE:20260317T090000Z",
        "EXDATE;VALUE=DATE-TIME:20260317T090000Z,20200101T000000Z",
        "EXDATE:20260317T100000",
    ],
)
def test_an_excluded_time_is_understood_in_every_spelling(line: str) -> None:
    assert first(timed(WEEKLY, line)) == ["20260310T090000Z", "20260324T090000Z"]


def test_what_is_excluded_and_never_was_excludes_nothing() -> None:
    for line in ("EXDATE:20260317T090001Z", "EXDATE;VALUE=DATE:20260317"):
        assert len(first(timed(WEEKLY, line))) == 3
    assert len(first(of_days(WEEKLY, "EXDATE:20260317T000000Z"))) == 3


@pytest.mark.parametrize("line", ["EXDATE;VALUE=DATE:20260317,20260318", "EXDATE:20260317"])
def test_an_excluded_day_is_understood_in_every_spelling(line: str) -> None:
    assert first(of_days(WEEKLY, line)) == ["20260310", "20260324"]


def test_extra_dates_come_in_several_and_once() -> None:
    extra = "RDATE;TZID=Europe/Berlin:20260312T100000,20260401T100000,20260310T100000"
    assert first(timed("RRULE:FREQ=WEEKLY;COUNT=2", extra)) == [
        "20260310T090000Z",
        "20260312T090000Z",
        "20260317T090000Z",
        "20260401T080000Z",
    ]
    assert first(of_days("RDATE;VALUE=DATE:20260312,20251224")) == ["20251224", "20260310", "20260312"]


# --- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "DTSTART;TZID=Europe/Berlin:20260310T100000",
        "DTEND:20260310T100000Z",
        "RRULE=WEEKLY",
        "FREQ=WEEKLY",
        "rrule:FREQ=WEEKLY",
        "RRULE:",
        "RRULE:COUNT=3",
        "RRULE:FREQ=SOMETIMES",
        "RRULE:FREQ=HOURLY",
        "RRULE:FREQ=DAILY;UNTIL=20260401T000000Z;COUNT=3",
        "RRULE:FREQ=DAILY;UNTIL=20260401T000000",
        "RRULE:FREQ=DAILY;UNTIL=2026-04-01",
        "RRULE:FREQ=DAILY;UNTIL=20261332",
        "RRULE:FREQ=DAILY;COUNT=0",
        "RRULE:FREQ=DAILY;COUNT=1,2",
        "RRULE:FREQ=DAILY;INTERVAL=-1",
        "RRULE:FREQ=DAILY;FREQ=WEEKLY",
        "RRULE:FREQ=DAILY;",
        "RRULE:FREQ=DAILY;X-OWN=1",
        "RRULE:FREQ=WEEKLY;BYDAY=XX",
        "RRULE:FREQ=WEEKLY;BYDAY=2TU",
        "RRULE:FREQ=MONTHLY;BYDAY=0TU",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=32",
        "RRULE:FREQ=YEARLY;BYMONTH=13",
        "RRULE:FREQ=MONTHLY;BYSETPOS=1",
        "RRULE;TZID=UTC:FREQ=DAILY",
        "EXDATE;TZID=Mars/Olympus:20260317T100000",
        "EXDATE:tomorrow",
        "EXDATE;VALUE=DATE:20260317T100000",
        "EXDATE:00000101T000000Z",
        "RDATE;VALUE=PERIOD:20260401T100000Z/PT1H",
        "RDATE;VALUE=DATE:20260401",
        "RDATE;X-OWN=1:20260401T100000Z",
        "every day",
    ],
)
def test_a_line_google_does_not_take_is_refused(line: str) -> None:
    with pytest.raises(ApiError, match="400 invalid: Invalid recurrence rule"):
        timed(line)


@pytest.mark.parametrize("line", ["RDATE:20260401T100000Z", "RRULE:FREQ=DAILY;BYHOUR=9"])
def test_days_take_no_times(line: str) -> None:
    with pytest.raises(ApiError, match="Invalid recurrence rule"):
        of_days(line)


def test_a_list_of_dates_can_be_too_long() -> None:
    """As kewisch/gdata-provider#713 met it."""
    dates = ",".join(
        f"{day:%Y%m%d}T090000Z"
        for day in (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(n) for n in range(500))
    )
    with pytest.raises(ApiError, match="A provided value exceeds the allowed size limit"):
        timed("RRULE:FREQ=DAILY", f"EXDATE:{dates}")


# --- bounds ---------------------------------------------------------------------------------------------


def test_an_endless_series_ends_after_a_century() -> None:
    found = list(of_days("RRULE:FREQ=YEARLY"))
    assert len(found) == 101
    assert list(timed("RRULE:FREQ=DAILY;COUNT=99999"))[-1].year == 2126
    assert len(list(timed("RRULE:FREQ=DAILY;UNTIL=99991231T235959Z"))) > 36_000


def test_a_rule_that_never_comes_true_leaves_the_start_alone() -> None:
    never = timed("RRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3")
    assert first(never) == ["20260310T090000Z"]


def test_only_what_is_asked_for_is_worked_out() -> None:
    daily = of_days("RRULE:FREQ=DAILY")
    assert next(daily.since(datetime(2026, 4, 1, tzinfo=UTC))) == datetime(2026, 4, 1, tzinfo=UTC)
    assert len(daily._known) < 30


@pytest.mark.parametrize("start", ["0002-01-01", "9998-12-30"])
def test_series_at_the_ends_of_the_calendar_do_no_harm(start: str) -> None:
    assert first(of_days("RRULE:FREQ=DAILY", start=start))[0] == start.replace("-", "")


def test_an_id_names_an_occurrence_or_none() -> None:
    weekly = timed(WEEKLY)
    assert weekly.named("20260317T090000Z") == datetime(2026, 3, 17, 9, tzinfo=UTC)
    for suffix in (
        "20260317T090001Z",
        "20260318T090000Z",
        "20260317",
        "20261399T000000Z",
        "20260407T080000Z",
    ):
        assert weekly.named(suffix) is None
    assert of_days(WEEKLY).named("20260317") == datetime(2026, 3, 17, tzinfo=UTC)
    assert of_days(WEEKLY).named("20260317T000000Z") is None
