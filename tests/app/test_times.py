"""Times as people and other programs write them: what each is in the EHR, and that all comes to rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.app.answers import Answers, nothing_is_left_to_do
from tests.app.externals import begins, external, span
from tests.app.stage import NEW_YORK, Practitioner, Stage, clock_time, starts

Json = dict[str, Any]
SYDNEY = "Australia/Sydney"
TOKYO, HOWE = "Asia/Tokyo", "Australia/Lord_Howe"
BERLIN = "Europe/Berlin"
DAY = timedelta(days=1)
DAILY: Json = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}


@pytest.fixture(autouse=True)
def at_rest(stage: Stage) -> Iterator[None]:
    yield
    nothing_is_left_to_do(stage)


@pytest.fixture
def answers(stage: Stage) -> Answers:
    return Answers(stage)


def day(text: str) -> Json:
    return {"date": text}


def at(text: str, zone: str | None = None) -> Json:
    return {"dateTime": text} if zone is None else {"dateTime": text, "timeZone": zone}


def said(text: str) -> Json:
    """A date, or a time of day with its zone after the @."""
    moment, _, zone = text.partition("@")
    return at(moment, zone or None) if "T" in moment else day(moment)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def row_span(row: Json) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])


# --- every way to say a time ----------------------------------------------------------------------------

SAID = [
    # zone of the practitioner and of the calendar, start and end as said, and the instants that they mean
    (NEW_YORK, "2026-03-08", "2026-03-09", "2026-03-08 05:00", "2026-03-09 04:00"),  # 23 hours
    (SYDNEY, "2026-04-05", "2026-04-06", "2026-04-04 13:00", "2026-04-05 14:00"),  # 25 hours
    (NEW_YORK, "2026-03-06", "2026-03-10", "2026-03-06 05:00", "2026-03-10 04:00"),
    (NEW_YORK, "2026-12-31", "2027-01-02", "2026-12-31 05:00", "2027-01-02 05:00"),
    (NEW_YORK, "2026-03-10", "2026-03-09", "2026-03-10 04:00", "2026-03-11 04:00"),  # inverted
    (NEW_YORK, "2026-03-10", "2026-03-10", "2026-03-10 04:00", "2026-03-11 04:00"),  # no length
    (NEW_YORK, "2026-03-10", None, "2026-03-10 04:00", "2026-03-11 04:00"),
    (NEW_YORK, "2026-03-10", "2026-03-11T10:00:00Z", "2026-03-10 04:00", "2026-03-11 04:00"),
    (NEW_YORK, "2026-03-05T10:00:00Z", "2026-03-05T09:00:00Z", "2026-03-05 10:00", "2026-03-05 10:00"),
    (NEW_YORK, "2026-03-05T10:00:00Z", "2026-03-05T10:00:00Z", "2026-03-05 10:00", "2026-03-05 10:00"),
    (NEW_YORK, "2026-03-05T10:00:00Z", None, "2026-03-05 10:00", "2026-03-05 11:00"),
    (NEW_YORK, "2026-03-05T10:00:00Z", "2026-03-06", "2026-03-05 10:00", "2026-03-05 11:00"),
    (NEW_YORK, "2026-03-05T10:00:00.7Z", "2026-03-05T11:00:00.2z", "2026-03-05 10:00", "2026-03-05 11:00"),
    (NEW_YORK, "2026-03-05T00:00-05:00", "2026-03-06T00:00-05:00", "2026-03-05 05:00", "2026-03-06 05:00"),
    (NEW_YORK, "2026-12-31T23:00-05:00", "2027-01-01T01:00-05:00", "2027-01-01 04:00", "2027-01-01 06:00"),
    # what no clock on the wall ever showed, and what it showed twice
    (NEW_YORK, "2026-03-08T02:30:00", "2026-03-08T04:00:00", "2026-03-08 07:30", "2026-03-08 08:00"),
    (SYDNEY, "2026-04-05T02:30:00", "2026-04-05T03:30:00", "2026-04-04 15:30", "2026-04-04 17:30"),
    (SYDNEY, "2026-04-05T02:30+10:00", "2026-04-05T02:45+10:00", "2026-04-04 16:30", "2026-04-04 16:45"),
    # an offset stands before all zones, then the event's own, then the calendar's
    (
        NEW_YORK,
        f"2026-03-05T10:00@{TOKYO}",
        f"2026-03-05T11:00@{TOKYO}",
        "2026-03-05 01:00",
        "2026-03-05 02:00",
    ),
    (
        NEW_YORK,
        f"2026-03-05T10:00@{TOKYO}",
        f"2026-03-05T11:00@{BERLIN}",
        "2026-03-05 01:00",
        "2026-03-05 10:00",
    ),
    (NEW_YORK, "2026-03-05T10:00@Nowhere", "2026-03-05T11:00:00", "2026-03-05 15:00", "2026-03-05 16:00"),
    (
        NEW_YORK,
        "2026-03-05T10:00+09:00@Nowhere",
        "2026-03-05T11:00+09:00",
        "2026-03-05 01:00",
        "2026-03-05 02:00",
    ),
    (
        NEW_YORK,
        f"2026-03-05T10:00@{HOWE}",
        f"2026-03-05T11:00@{HOWE}",
        "2026-03-04 23:00",
        "2026-03-05 00:00",
    ),
]


@pytest.mark.parametrize(("zone", "start", "end", "begin", "finish"), SAID)
def test_a_block_takes_the_time_that_is_meant(
    stage: Stage, answers: Answers, zone: str, start: str, end: str | None, begin: str, finish: str
) -> None:
    whose = stage.connect(zone, horizon_days=700)
    family = external(stage, whose)
    event = family.add(hours=24)
    answers.tell(event, start=said(start), end=end and said(end))
    family.sync()
    assert span(family.block) == (utc(begin), utc(finish))


@pytest.mark.parametrize(("zone", "start", "end", "begin", "finish"), SAID)
def test_an_appointment_made_by_hand_takes_the_time_that_is_meant(
    stage: Stage, answers: Answers, zone: str, start: str, end: str | None, begin: str, finish: str
) -> None:
    whose = stage.connect(zone, horizon_days=700)
    event = stage.hand_made(whose, hours=24)
    answers.tell(event, start=said(start), end=end and said(end))
    stage.sync(whose)
    assert row_span(stage.row()) == (utc(begin), utc(finish))


# --- what is over ---------------------------------------------------------------------------------------


def test_what_took_the_time_a_month_ago_is_still_there(stage: Stage, ada: Practitioner) -> None:
    """Also what a pass does not read any more: an event, occurrences, and one of them that was moved."""
    family = external(stage, ada)
    family.add(hours=30)
    series = family.add(hours=48, **DAILY)
    second = stage.google.events.instances(ada.sub, family.id, series)["items"][1]["id"]
    family.move(second, hours=80)
    family.sync()
    before = [row["id"] for row in family.blocks]
    assert len(before) == 4
    stage.clock.advance((30 * DAY).total_seconds())
    for _ in range(8):
        stage.clock.advance(DAY.total_seconds())
        family.sync(everything=True)
        assert [row["id"] for row in family.blocks] == before


# --- what is no time ------------------------------------------------------------------------------------

ODD = [
    {"start": day("0000-01-01"), "end": day("0000-01-02")},
    {"start": day("0001-01-01"), "end": day("0001-01-02")},
    {"start": at("0001-01-01T00:00:00+01:00"), "end": at("0001-01-01T01:00:00+01:00")},
    {"start": at("0001-01-01T00:00:00"), "end": at("0001-01-01T01:00:00")},
    {"start": day("9999-12-30"), "end": day("9999-12-31")},
    {"start": day("9999-12-31"), "end": day("10000-01-01")},
    {"start": at("9999-12-31T23:59:59-05:00"), "end": at("9999-12-31T23:59:59-05:00")},
    {"start": at("9999-12-31T23:30:00Z"), "end": None},
    {"start": {}, "end": {}},
    {"start": None, "end": None},
    {"start": day("2026-02-30"), "end": day("2026-03-01")},
    {"start": at("next Tuesday"), "end": at("2026-03-05T10:00:00Z")},
]


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN])
@pytest.mark.parametrize("times", ODD)
def test_a_date_beyond_all_calendars_stops_nothing_else(
    stage: Stage, answers: Answers, zone: str, times: Json
) -> None:
    whose = stage.connect(zone)
    family = external(stage, whose)
    answers.tell(family.add(hours=24), **times)
    answers.tell(stage.hand_made(whose, hours=24), **times)
    family.add(hours=30)
    stage.hand_made(whose, hours=36)
    family.sync()
    stage.sync(whose)
    assert begins(family.block) == stage.at(30)
    made = [row for row in stage.store.resources("Appointment") if row["id"] != family.block["id"]]
    assert [starts(row) for row in made] == [stage.at(36)]


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN])
@pytest.mark.parametrize("times", ODD)
def test_where_its_time_cannot_be_told_any_more_nothing_is_freed(
    stage: Stage, answers: Answers, zone: str, times: Json
) -> None:
    family = external(stage, stage.connect(zone))
    event = family.add(hours=24)
    family.sync()
    family.edit(event, summary="Elsewhere")
    answers.tell(event, **times)
    family.sync()
    moved_far = not any(item.aside for item in family.items)
    assert len(family.blocks) == (0 if moved_far else 1)


# --- timed and all day ----------------------------------------------------------------------------------


def test_a_block_follows_from_a_time_of_day_to_a_day_and_back(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    event = family.add(hours=48)
    family.sync()
    before = family.block["id"]
    ada.person.move(family.id, event, day("2026-03-10"), day("2026-03-11"))
    family.sync()
    assert span(family.block) == (utc("2026-03-10 04:00"), utc("2026-03-11 04:00"))
    family.move(event, hours=50)
    family.sync()
    assert (span(family.block), family.block["id"]) == ((stage.at(50), stage.at(51)), before)


def test_an_event_by_hand_is_followed_from_a_time_of_day_to_a_day_and_back(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada, hours=48)
    stage.sync(ada)
    ada.person.move(stage.calendar_id(ada), event, day("2026-03-10"), day("2026-03-11"))
    stage.sync(ada)
    assert row_span(stage.row()) == (utc("2026-03-10 04:00"), utc("2026-03-11 04:00"))
    stage.move(ada, event, hours=50)
    stage.sync(ada)
    assert row_span(stage.row()) == (stage.at(50), stage.at(51))
    assert stage.ledger.google_writes == []


def test_the_form_that_is_not_used_is_cleared_when_staff_change_the_other(
    stage: Stage, ada: Practitioner
) -> None:
    sent: list[Json] = []
    stage.before = lambda name, given: sent.append(given["body"]) if name == "events.patch" else None
    event = stage.hand_made(ada, start=day("2026-03-10"), end=day("2026-03-11"))
    stage.sync(ada)
    row = stage.row()["id"]
    stage.reschedule(row, hours=48)
    stage.settle()
    assert stage.event(ada, event)["start"].keys() == {"dateTime", "timeZone"}
    stage.staff.reschedule(appointment=row, start=utc("2026-03-12 04:00"), end=utc("2026-03-13 04:00"))
    stage.settle()
    assert stage.event(ada, event)["start"] == day("2026-03-12")
    assert [each["start"].get("date", "") is None for each in sent] == [True, False]
    assert sent[1]["end"] == {"date": "2026-03-13", "dateTime": None, "timeZone": None}


def test_days_that_staff_make_and_move_stay_days(stage: Stage, ada: Practitioner) -> None:
    """Over the change of the clock: 23 hours are a day."""
    begin, end = utc("2026-03-07 05:00"), utc("2026-03-08 05:00")
    made = stage.staff.book_personal(
        practitioner=ada.id, start=begin, end=end, zone=ada.zone.key, title="Away"
    )
    stage.settle()
    stage.staff.reschedule(appointment=made["id"], start=end, end=utc("2026-03-09 04:00"))
    stage.settle()
    event = stage.event(ada)
    assert (event["start"], event["end"]) == (day("2026-03-08"), day("2026-03-09"))


# --- zones ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calendar_zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", SYDNEY])
def test_a_day_is_the_practitioners_whatever_the_zone_of_its_calendar(
    stage: Stage, ada: Practitioner, calendar_zone: str
) -> None:
    family = external(stage, ada, zone=calendar_zone)
    family.put({"start": day("2026-03-10"), "end": day("2026-03-11")})
    family.sync()
    assert span(family.block) == (utc("2026-03-10 04:00"), utc("2026-03-11 04:00"))


@pytest.mark.parametrize("rules", [{}, DAILY])
@pytest.mark.parametrize(
    ("zone", "calendar_zone"),
    [(NEW_YORK, SYDNEY), ("Pacific/Pago_Pago", "Pacific/Kiritimati"), (SYDNEY, "Pacific/Pago_Pago")],
)
def test_a_day_that_grows_old_in_a_calendar_of_another_zone_keeps_its_block(
    stage: Stage, zone: str, calendar_zone: str, rules: Json
) -> None:
    """What a daily pass reads ends thirty days back, and the two sides do not begin their days together."""
    family = external(stage, stage.connect(zone), zone=calendar_zone)
    family.put({"start": day("2026-03-03"), "end": day("2026-03-04"), **rules})
    family.sync()
    before = [row["id"] for row in family.blocks]
    stage.clock.advance((30 * DAY).total_seconds())
    for _ in range(14):
        stage.clock.advance((DAY / 4).total_seconds())
        family.sync(everything=True)
        assert [row["id"] for row in family.blocks] == before


@pytest.mark.parametrize("rules", [{}, DAILY])
@pytest.mark.parametrize(
    ("zone", "calendar_zone"),
    [("Pacific/Kiritimati", "Pacific/Pago_Pago"), ("Pacific/Pago_Pago", "Pacific/Kiritimati")],
)
def test_the_last_day_before_the_horizon_is_taken_in_by_every_way_of_reading(
    stage: Stage, zone: str, calendar_zone: str, rules: Json
) -> None:
    whose = stage.connect(zone, horizon_days=10)
    family = external(stage, whose, zone=calendar_zone)
    today = stage.clock.now().astimezone(ZoneInfo(zone)).date()
    last = today + 10 * DAY
    family.put({"start": day(last.isoformat()), "end": day((last + DAY).isoformat()), **rules})
    family.sync()
    assert begins(family.block).astimezone(ZoneInfo(zone)).date() == last
    before = family.block["id"]
    family.sync(everything=True)
    assert family.block["id"] == before


def test_a_series_keeps_to_the_wall_of_its_own_zone(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    wall = "2026-03-27T10:00:00"  # Berlin changes its clock two days later, New York did before
    zoned = {"start": at(wall, BERLIN), "end": at("2026-03-27T11:00:00", BERLIN)}
    family.put({**zoned, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]})
    family.sync()
    assert [begins(row) for row in family.blocks] == [utc("2026-03-27 09:00"), utc("2026-04-03 08:00")]


def test_days_are_cut_anew_where_the_practitioner_goes_to_another_zone(
    stage: Stage, ada: Practitioner
) -> None:
    family = external(stage, ada)
    family.put({"start": day("2026-03-10"), "end": day("2026-03-11")})
    family.sync()
    before = family.block["id"]
    stage.change_settings(ada, zone=ZoneInfo(BERLIN))
    stage.settle()
    family.sync(everything=True)
    assert span(family.block) == (utc("2026-03-09 23:00"), utc("2026-03-10 23:00"))
    assert family.block["id"] == before


def test_a_day_by_hand_stays_that_day_where_the_practitioner_goes_to_another_zone(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada, start=day("2026-03-10"), end=day("2026-03-11"))
    stage.sync(ada)
    stage.change_settings(ada, zone=ZoneInfo(BERLIN))
    stage.settle()
    assert stage.event(ada, event)["start"] == day("2026-03-10")
    assert row_span(stage.row()) == (utc("2026-03-09 23:00"), utc("2026-03-10 23:00"))
    assert stage.ledger.google_writes == []


def test_a_day_by_hand_that_is_over_is_left_where_the_practitioner_goes_to_another_zone(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada, start=day("2026-02-27"), end=day("2026-02-28"))
    stage.sync(ada)
    stage.ledger.clear()
    stage.change_settings(ada, zone=ZoneInfo(BERLIN))
    stage.settle()
    assert stage.event(ada, event)["start"] == day("2026-02-27")
    assert stage.ledger.side_writes == []


def test_a_day_that_staff_made_keeps_its_instants_where_the_practitioner_goes_to_another_zone(
    stage: Stage, ada: Practitioner
) -> None:
    begin, end = utc("2026-03-10 04:00"), utc("2026-03-11 04:00")
    made = stage.staff.book_personal(
        practitioner=ada.id, start=begin, end=end, zone=ada.zone.key, title="Away"
    )
    stage.settle()
    stage.change_settings(ada, zone=ZoneInfo(BERLIN))
    stage.settle()
    assert row_span(stage.row(made["id"])) == (begin, end)
    assert starts(stage.event(ada)) == begin


def test_a_time_of_day_does_not_move_where_the_practitioner_goes_to_another_zone(
    stage: Stage, ada: Practitioner
) -> None:
    family = external(stage, ada)
    family.add(hours=48)
    event = stage.hand_made(ada, start=clock_time(stage.at(60)), end=clock_time(stage.at(61)))
    family.sync()
    stage.sync(ada)
    stage.ledger.clear()
    stage.change_settings(ada, zone=ZoneInfo(BERLIN))
    stage.settle()
    family.sync(everything=True)
    assert stage.ledger.side_writes == []
    assert starts(stage.event(ada, event)) == stage.at(60)
    assert begins(family.block) == stage.at(48)


def test_an_event_over_midnight_is_in_one_piece(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    family.add(start=at("2026-03-05T23:00:00-05:00"), end=at("2026-03-06T01:00:00-05:00"))
    family.sync()
    assert span(family.block) == (utc("2026-03-06 04:00"), utc("2026-03-06 06:00"))
    assert begins(family.block).astimezone(ada.zone).date() == date(2026, 3, 5)
