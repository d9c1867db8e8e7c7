"""Free and busy time as both sides have it now; what cannot be told is never free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.app import connections
from shared.app.availability import read_availability
from shared.app.span import CALENDARS_MAX, PAGES_MAX
from shared.core.availability import Availability, Span
from shared.core.blocking import BlockRules
from shared.core.errors import BlockedError, GrantDeadError, OverLimitError, RejectedError, RetryableError
from shared.core.policy import Mode
from tests.app.externals import External, external
from tests.app.stage import Practitioner, Stage, clock_time, once, raising
from tests.app.test_state import change

FREE, BUSY, UNVERIFIED = Availability.FREE, Availability.BUSY, Availability.UNVERIFIED
Spans = list[tuple[float, float, Availability, str | None]]


def availability(stage: Stage, whose: Practitioner, *, granted: bool = True) -> list[Span]:
    """Of the three days to come."""
    connection = stage.connection(whose)
    return read_availability(stage.world, connection, stage.at(0), stage.at(72), granted=granted)


def spans(stage: Stage, whose: Practitioner, **given: Any) -> Spans:
    """In hours from now."""
    told = availability(stage, whose, **given)
    return [(hours(stage, each.start), hours(stage, each.end), each.status, each.reason) for each in told]


def hours(stage: Stage, moment: datetime) -> float:
    return (moment - stage.at(0)) / timedelta(hours=1)


def not_free(stage: Stage, whose: Practitioner, **given: Any) -> Spans:
    return [each for each in spans(stage, whose, **given) if each[2] is not FREE]


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    return external(stage, ada)


# --- busy -----------------------------------------------------------------------------------------------


def test_appointments_and_events_take_their_time_before_anything_was_synced(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    stage.book(ada, hours=10)
    family.add(hours=20, length=2)
    stage.hand_made(ada, hours=30)
    assert spans(stage, ada) == [
        (0, 10, FREE, None),
        (10, 11, BUSY, None),
        (11, 20, FREE, None),
        (20, 22, BUSY, None),
        (22, 30, FREE, None),
        (30, 31, BUSY, None),
        (31, 72, FREE, None),
    ]


def test_a_block_of_an_event_that_was_just_moved_takes_no_time_any_more(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    event = family.add(hours=20)
    family.sync()
    family.move(event, hours=40)
    assert not_free(stage, ada) == [(40, 41, BUSY, None)]


def test_the_calendars_own_rules_decide(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada, BlockRules(tentative=False))
    family.add(hours=20, status="tentative")
    family.add(hours=30, transparency="transparent")
    assert not_free(stage, ada) == []
    family.add(hours=40)
    assert not_free(stage, ada) == [(40, 41, BUSY, None)]


def test_a_day_is_the_practitioners_day(stage: Stage, ada: Practitioner, family: External) -> None:
    day = (stage.at(24).astimezone(ada.zone)).date()
    family.put({"start": {"date": str(day)}, "end": {"date": str(day + timedelta(days=1))}})
    [(start, end, status, _)] = not_free(stage, ada)
    local = (stage.at(0) + timedelta(hours=start)).astimezone(ada.zone)
    assert (status, end - start, local.hour, local.date()) == (BUSY, 24, 0, day)


def test_every_occurrence_of_a_series_takes_its_time(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    family.add(hours=5, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    assert [each[:2] for each in not_free(stage, ada)] == [(5, 6), (29, 30), (53, 54)]


def test_what_reaches_into_the_span_is_cut_at_its_edges(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    family.add(hours=-2, length=4)
    stage.book(ada, hours=71, length=5)
    assert not_free(stage, ada) == [(0, 2, BUSY, None), (71, 72, BUSY, None)]


# --- what cannot be told --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RetryableError("google_unavailable"), "google_unavailable"),
        (OverLimitError("google_rate_limit"), "google_rate_limit"),
        (BlockedError("google_calendar_forbidden"), "google_calendar_forbidden"),
        (GrantDeadError(), "reconnect_needed"),
    ],
)
def test_a_calendar_that_cannot_be_read_leaves_nothing_free(
    stage: Stage, ada: Practitioner, error: Exception, reason: str
) -> None:
    external(stage, ada)
    stage.book(ada, hours=10)
    stage.before = once("events.list", raising(error))
    assert spans(stage, ada) == [
        (0, 10, UNVERIFIED, reason),
        (10, 11, BUSY, None),
        (11, 72, UNVERIFIED, reason),
    ]


def test_after_a_limit_nobody_is_asked_any_more(stage: Stage, ada: Practitioner) -> None:
    for _ in range(3):
        external(stage, ada)

    def limit(name: str, _given: object) -> None:
        if name == "events.list":
            raise OverLimitError("google_rate_limit")

    stage.before = limit
    stage.ledger.clear()
    assert {each[2] for each in spans(stage, ada)} == {UNVERIFIED}
    assert stage.ledger.google == ["events.list"]


def test_an_ehr_that_cannot_be_read_leaves_nothing_free(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    family.add(hours=10)
    stage.before = once("GET Appointment", raising(RetryableError("ehr_unavailable")))
    assert {each[2] for each in spans(stage, ada)} == {BUSY, UNVERIFIED}


def test_a_right_that_was_not_granted_leaves_nothing_free(stage: Stage, ada: Practitioner) -> None:
    assert spans(stage, ada, granted=False) == [(0, 72, UNVERIFIED, "external_calendars_not_granted")]


@pytest.mark.parametrize(
    ("still", "reason"),
    [
        (lambda stage, ada: connections.pause(stage.world, ada.connection.key), "paused"),
        (lambda stage, ada: stage.change_settings(ada, mode=Mode.OFF), "off"),
        (lambda stage, ada: change(stage, ada, pause_until=stage.at(1)), "google_rate_limit"),
    ],
)
def test_what_stands_still_leaves_nothing_free_and_asks_nobody(
    stage: Stage, ada: Practitioner, still: Callable[[Stage, Practitioner], object], reason: str
) -> None:
    still(stage, ada)
    stage.book(ada, hours=10)
    stage.ledger.clear()
    assert not_free(stage, ada) == spans(stage, ada)
    assert {each[3] for each in spans(stage, ada)} == {None, reason}
    assert stage.ledger.google == []


def test_a_calendar_that_is_gone_leaves_nothing_free(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    ada.person.delete_calendar(family.id)
    assert spans(stage, ada) == [(0, 72, UNVERIFIED, "external_calendar_unreadable")]


def test_what_is_set_aside_is_not_free_where_it_may_be(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    def refuse(name: str, _given: object) -> None:
        if name == "POST Appointment":
            raise RejectedError("ehr_refused")

    stage.before = refuse
    event = family.add(hours=20)
    family.sync()
    family.delete(event)
    assert not_free(stage, ada) == [(20, 21, UNVERIFIED, "ehr_refused")]


def test_an_event_without_a_time_leaves_nothing_free(
    stage: Stage, ada: Practitioner, family: External, monkeypatch: pytest.MonkeyPatch
) -> None:
    family.add(hours=20)
    monkeypatch.setattr("shared.adapters.google_calendar.events._when", lambda *_: None)
    assert {each[3] for each in spans(stage, ada)} == {"event_without_start"}


def test_more_calendars_or_pages_than_an_answer_reads_leave_nothing_free(
    stage: Stage, ada: Practitioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        external(stage, ada)
    monkeypatch.setattr("shared.app.span.CALENDARS_MAX", 2)
    stage.ledger.clear()
    assert spans(stage, ada) == [(0, 72, UNVERIFIED, "too_many_calendars")]
    assert stage.ledger.google == ["events.list"] * 2
    monkeypatch.setattr("shared.app.span.CALENDARS_MAX", CALENDARS_MAX)
    stage.google.settings = replace(stage.google.settings, empty_page_chance=1)
    assert PAGES_MAX > 1
    monkeypatch.setattr("shared.app.span.PAGES_MAX", 1)
    assert spans(stage, ada) == [(0, 72, UNVERIFIED, "too_many_events")]


def test_the_calendar_of_appointments_that_is_gone_leaves_nothing_free(
    stage: Stage, ada: Practitioner
) -> None:
    ada.person.delete_calendar(stage.calendar_id(ada))
    assert spans(stage, ada) == [(0, 72, UNVERIFIED, "calendar_missing")]


def test_nothing_is_written(stage: Stage, ada: Practitioner, family: External) -> None:
    family.add(hours=20)
    stage.hand_made(ada, start=clock_time(stage.at(5)), end=clock_time(stage.at(6)))
    stage.ledger.clear()
    availability(stage, ada)
    assert (stage.ledger.commits, stage.ledger.side_writes) == ([], [])
