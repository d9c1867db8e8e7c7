"""Series that a practitioner makes in the appointments calendar: an appointment for every occurrence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.core.errors import RetryableError
from shared.core.policy import Mode
from tests.app.stage import TITLE, Crash, Practitioner, Stage, nothing, once, raising, starts

WEEKLY = ["RRULE:FREQ=WEEKLY;COUNT=4"]
Json = dict[str, Any]


def series(stage: Stage, ada: Practitioner, rules: list[str] = WEEKLY) -> str:
    return stage.hand_made(ada, hours=48, recurrence=rules)


def instances(stage: Stage, ada: Practitioner, event: str) -> list[str]:
    found = stage.google.events.instances(ada.sub, stage.calendar_id(ada), event)
    return [str(each["id"]) for each in found["items"]]


def booked(stage: Stage) -> list[Json]:
    rows = [row for row in stage.store.resources("Appointment") if row["status"] == "booked"]
    return sorted(rows, key=lambda row: str(row["start"]))


def times(stage: Stage) -> list[datetime]:
    return [starts(row) for row in booked(stage)]


def ids(stage: Stage) -> list[str]:
    return [str(row["id"]) for row in booked(stage)]


def at_rest(stage: Stage, ada: Practitioner) -> None:
    """A second pass writes nothing."""
    stage.settle()
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    stage.settle()
    assert stage.ledger.side_writes == []


@pytest.fixture
def made(stage: Stage, ada: Practitioner) -> str:
    """Of four weeks, taken in."""
    event = series(stage, ada)
    stage.sync(ada)
    assert len(booked(stage)) == 4
    return event


def test_every_occurrence_is_an_appointment_with_its_title(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    assert [row["description"] for row in booked(stage)] == [TITLE] * 4
    assert times(stage)[0] == stage.at(48)
    assert stage.google.events.get(ada.sub, stage.calendar_id(ada), made)["recurrence"] == WEEKLY
    at_rest(stage, ada)


def test_a_complete_pass_takes_it_in_too(stage: Stage) -> None:
    ada = stage.connect()
    series(stage, ada)
    stage.sync(ada, everything=True)
    assert len(booked(stage)) == 4
    at_rest(stage, ada)


def test_one_moved_or_renamed_there_is_followed_alone(stage: Stage, ada: Practitioner, made: str) -> None:
    second = instances(stage, ada, made)[1]
    before = [row["id"] for row in booked(stage)]
    stage.move(ada, second, hours=60)
    stage.edit(ada, second, summary="Other")
    stage.sync(ada)
    row = stage.row(before[1])
    assert (starts(row), row["description"]) == (stage.at(60), "Other")
    assert len(booked(stage)) == 4
    at_rest(stage, ada)


def test_one_moved_beyond_the_window_has_moved(stage: Stage, ada: Practitioner, made: str) -> None:
    second = instances(stage, ada, made)[1]
    row = booked(stage)[1]["id"]
    stage.move(ada, second, hours=24 * 400)
    stage.sync(ada)
    assert starts(stage.row(row)) == stage.at(24 * 400)
    assert len(booked(stage)) == 4


def test_one_deleted_there_is_cancelled_alone_and_back_with_it(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    second = instances(stage, ada, made)[1]
    row = booked(stage)[1]["id"]
    stage.delete(ada, second)
    stage.sync(ada)
    assert stage.row(row)["status"] == "cancelled"
    assert len(booked(stage)) == 3
    at_rest(stage, ada)
    stage.undelete(ada, second)
    stage.sync(ada)
    assert stage.row(row)["status"] == "booked"
    at_rest(stage, ada)


def test_a_move_in_the_ehr_moves_that_instance_and_never_the_series(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    before = times(stage)
    row = booked(stage)[2]["id"]
    stage.reschedule(row, hours=100)
    stage.settle()
    calendar = stage.calendar_id(ada)
    third = stage.google.events.get(ada.sub, calendar, instances(stage, ada, made)[2])
    assert starts(third) == stage.at(100)
    first = stage.google.events.get(ada.sub, calendar, instances(stage, ada, made)[0])
    assert starts(first) == before[0]
    assert stage.google.events.get(ada.sub, calendar, made)["recurrence"] == WEEKLY
    at_rest(stage, ada)


def test_a_cancellation_in_the_ehr_deletes_that_instance_alone(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    stage.staff.cancel(appointment=booked(stage)[2]["id"])
    stage.settle()
    assert len(instances(stage, ada, made)) == 3
    at_rest(stage, ada)


def test_all_of_it_deleted_cancels_all_of_it(stage: Stage, ada: Practitioner, made: str) -> None:
    stage.change_settings(ada, review_threshold=4)
    stage.delete(ada, made)
    stage.sync(ada)
    assert booked(stage) == []
    at_rest(stage, ada)


def test_all_of_it_deleted_waits_for_a_person_where_it_is_much(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    stage.delete(ada, made)
    stage.sync(ada)
    assert len(booked(stage)) == 4
    assert len(stage.calendar(ada).reviews) == 1
    at_rest(stage, ada)


def test_this_and_following_moved_loses_and_doubles_nothing(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    before, rows = times(stage), ids(stage)
    third = instances(stage, ada, made)[2]
    begin = before[2] + timedelta(hours=2)
    start, end = {"dateTime": begin.isoformat()}, {"dateTime": (begin + timedelta(hours=1)).isoformat()}
    ada.person.move(stage.calendar_id(ada), third, start, end, "following")
    stage.sync(ada)
    assert times(stage) == [*before[:2], *(moment + timedelta(hours=2) for moment in before[2:])]
    assert ids(stage) == rows  # it is a move: nothing was cancelled
    at_rest(stage, ada)
    stage.lose_everything()
    stage.sync(ada)
    assert ids(stage) == rows  # and the rows are named after what they belong to now
    at_rest(stage, ada)


def test_all_of_it_moved_is_a_move(stage: Stage, ada: Practitioner, made: str) -> None:
    before, rows = times(stage), ids(stage)
    begin = before[0] + timedelta(days=1)
    start, end = {"dateTime": begin.isoformat()}, {"dateTime": (begin + timedelta(hours=1)).isoformat()}
    ada.person.move(stage.calendar_id(ada), instances(stage, ada, made)[0], start, end, "all")
    stage.sync(ada)
    assert [later - sooner for sooner, later in zip(before, times(stage), strict=True)] == [
        timedelta(days=1)
    ] * 4
    assert ids(stage) == rows
    at_rest(stage, ada)


def test_another_rule_moves_what_it_can_and_cancels_only_what_is_left(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    rows = ids(stage)
    stage.edit(ada, made, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    stage.sync(ada)
    assert ids(stage) == rows[:3]
    assert [moment - stage.at(48) for moment in times(stage)] == [
        timedelta(days=number) for number in range(3)
    ]
    at_rest(stage, ada)


def test_a_move_that_the_job_does_not_live_to_finish_is_finished_by_the_next(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    before, rows = times(stage), ids(stage)
    third = instances(stage, ada, made)[2]
    begin = before[2] + timedelta(hours=2)
    start, end = {"dateTime": begin.isoformat()}, {"dateTime": (begin + timedelta(hours=1)).isoformat()}
    ada.person.move(stage.calendar_id(ada), third, start, end, "following")
    stage.before = once("PUT Appointment", raising(Crash()))
    with pytest.raises(Crash):
        stage.sync(ada)
    stage.before = nothing
    stage.clock.advance(100)
    stage.sync(ada)
    assert ids(stage) == rows
    assert times(stage)[3] == before[3] + timedelta(hours=2)
    at_rest(stage, ada)


def test_one_that_was_open_when_all_of_it_moved_hands_its_appointment_over_for_good(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    rows, first = ids(stage), instances(stage, ada, made)[0]
    stage.edit(ada, first, summary="Other")
    stage.before = once("PUT Appointment", raising(RetryableError("ehr_unavailable")))
    stage.job(ada)
    stage.before = nothing
    stage.clock.advance(30)
    begin = times(stage)[1] + timedelta(hours=2)
    start, end = {"dateTime": begin.isoformat()}, {"dateTime": (begin + timedelta(hours=1)).isoformat()}
    ada.person.move(stage.calendar_id(ada), instances(stage, ada, made)[1], start, end, "all")
    stage.sync(ada)
    assert sorted(ids(stage)) == sorted(rows)
    stage.hand_made(ada, hours=50, recurrence=WEEKLY)
    stage.sync(ada, everything=True)
    assert set(rows) < set(ids(stage))
    assert len(booked(stage)) == 8
    at_rest(stage, ada)


def test_an_occurrence_that_is_given_a_client_leaves_the_series(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    row, begins = booked(stage)[1]["id"], times(stage)[1]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.settle()
    assert len(instances(stage, ada, made)) == 3
    own = [event for event in stage.events(ada) if event["summary"] == "ID-1"]
    assert [(starts(event), "recurringEventId" in event) for event in own] == [(begins, False)]
    at_rest(stage, ada)
    stage.delete(ada, made)
    stage.sync(ada)
    assert [each["id"] for each in booked(stage)] == [row]
    assert [event["summary"] for event in stage.events(ada)] == ["ID-1"]
    at_rest(stage, ada)
    stage.lose_everything()
    stage.sync(ada)
    assert [each["id"] for each in booked(stage)] == [row]
    assert len(stage.events(ada)) == 1


def test_an_occurrence_that_is_given_a_client_leaves_though_its_series_has_changed_meanwhile(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    stage.edit(ada, made, location="Elsewhere")  # another version, which no poke reads
    stage.staff.add_client(appointment=booked(stage)[1]["id"], patient=stage.patient())
    stage.poke()
    assert len(instances(stage, ada, made)) == 3
    assert [event["summary"] for event in stage.events(ada)].count("ID-1") == 1


def test_an_occurrence_that_is_given_a_client_and_then_a_colleague_has_no_event_here(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    bea, row = stage.connect(), booked(stage)[1]["id"]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.settle()
    stage.staff.reassign(appointment=row, practitioner=bea.id)
    stage.poke()
    assert len(instances(stage, ada, made)) == 3
    assert [event["summary"] for event in stage.events(ada)].count("ID-1") == 0
    assert [event["summary"] for event in stage.events(bea)] == ["ID-1"]


def test_one_that_took_over_and_was_given_a_client_before_its_row_was_named_anew_keeps_it(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    row, begins = ids(stage)[2], times(stage)[2]
    begin = begins + timedelta(hours=2)
    start, end = {"dateTime": begin.isoformat()}, {"dateTime": (begin + timedelta(hours=1)).isoformat()}
    ada.person.move(stage.calendar_id(ada), instances(stage, ada, made)[2], start, end, "following")
    stage.before = once("PUT Appointment", raising(Crash()))
    with pytest.raises(Crash):
        stage.sync(ada)
    stage.before = nothing
    stage.staff.add_client(appointment=row, patient=stage.patient())
    [second] = [each for each in stage.events(ada) if each["id"] != made and "recurrence" in each]
    stage.delete(ada, second["id"])
    stage.clock.advance(100)
    stage.sync(ada)
    assert (stage.row(row)["status"], starts(stage.row(row))) == ("booked", begins)
    own = [event for event in stage.events(ada) if event["summary"] == "ID-1"]
    assert [starts(event) for event in own] == [begins]
    at_rest(stage, ada)


def test_one_that_was_leaving_when_the_job_died_is_left_out_where_the_series_is_moved(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    row, begins = booked(stage)[1]["id"], times(stage)[1]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.after = once("events.insert", raising(Crash()))
    with pytest.raises(Crash):
        stage.settle()
    stage.after = nothing
    begin = begins + timedelta(hours=2)
    start, end = {"dateTime": begin.isoformat()}, {"dateTime": (begin + timedelta(hours=1)).isoformat()}
    ada.person.move(stage.calendar_id(ada), instances(stage, ada, made)[1], start, end, "following")
    stage.clock.advance(100)
    stage.sync(ada)
    assert starts(stage.row(row)) == begins
    own = [event for event in stage.events(ada) if event["summary"] == "ID-1"]
    assert [starts(event) for event in own] == [begins]
    at_rest(stage, ada)


@pytest.mark.parametrize("dies_at", ["events.insert", "events.delete"])
def test_one_that_was_leaving_when_the_job_died_has_one_event_in_the_end(
    stage: Stage, ada: Practitioner, made: str, dies_at: str
) -> None:
    row = booked(stage)[1]["id"]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.after = once(dies_at, raising(Crash()))
    with pytest.raises(Crash):
        stage.settle()
    stage.after = nothing
    stage.clock.advance(100)
    stage.settle()
    stage.sync(ada, everything=True)
    assert len(instances(stage, ada, made)) == 3
    assert [event["summary"] for event in stage.events(ada)].count("ID-1") == 1
    assert len(booked(stage)) == 4
    at_rest(stage, ada)


def test_a_single_event_made_a_series_and_single_again(stage: Stage, ada: Practitioner) -> None:
    event = stage.hand_made(ada, hours=48)
    stage.sync(ada)
    row = ids(stage)[0]
    stage.edit(ada, event, recurrence=WEEKLY)
    stage.sync(ada)
    assert (len(booked(stage)), ids(stage)[0]) == (4, row)
    at_rest(stage, ada)
    stage.edit(ada, event, recurrence=[])
    stage.sync(ada)
    assert ids(stage) == [row]
    at_rest(stage, ada)


def test_state_lost_finds_every_occurrence_again(stage: Stage, ada: Practitioner, made: str) -> None:
    before = {row["id"] for row in stage.store.resources("Appointment")}
    stage.lose_everything()
    stage.sync(ada)
    assert {row["id"] for row in stage.store.resources("Appointment")} == before
    assert len(booked(stage)) == 4
    at_rest(stage, ada)
    assert made


def test_mappings_lost_make_no_second_one(stage: Stage, ada: Practitioner, made: str) -> None:
    stage.lose_mappings(ada)
    stage.sync(ada, everything=True)
    assert len(booked(stage)) == 4
    at_rest(stage, ada)
    assert made


def test_a_rule_added_to_a_clients_event_is_taken_off(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.poke()
    event = str(stage.event(ada)["id"])
    stage.edit(ada, event, recurrence=WEEKLY)
    stage.sync(ada)
    assert "recurrence" not in stage.event(ada, event)
    assert [each["id"] for each in booked(stage)] == [row]
    at_rest(stage, ada)


def test_one_that_was_put_back_by_itself_outlives_its_series(
    stage: Stage, ada: Practitioner, made: str
) -> None:
    stage.google.settings = replace(stage.google.settings, revive="forbidden")
    stage.change_settings(ada, mode=Mode.ONE_WAY)
    stage.sync(ada, everything=True)
    stage.delete(ada, instances(stage, ada, made)[1])
    stage.settle()
    own = [event for event in stage.events(ada) if not {"recurrence", "recurringEventId"} & event.keys()]
    assert len(own) == 1
    stage.change_settings(ada, mode=Mode.TWO_WAY)
    stage.sync(ada, everything=True)
    rows = ids(stage)
    stage.edit(ada, made, summary="Other")
    stage.sync(ada)
    assert ids(stage) == rows
    assert stage.event(ada, str(own[0]["id"]))["status"] == "confirmed"
    at_rest(stage, ada)


def test_one_way_reads_none(stage: Stage) -> None:
    ada = stage.connect(mode=Mode.ONE_WAY)
    series(stage, ada)
    stage.sync(ada, everything=True)
    assert booked(stage) == []
