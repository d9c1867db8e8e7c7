"""The calendar's job: what a look costs, whose the lease is, and what a slice leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.calendar_job import LEASE_TRIES, run_calendar_job
from shared.app.outcome import Outcome, State
from shared.app.records import CURSOR_FORMAT, Lease, Progress
from shared.core.errors import BlockedError, RetryableError
from shared.core.policy import Mode
from tests.app.stage import PRACTICE, Crash, Practitioner, Stage, nothing, once, raising, starts

SECOND = timedelta(seconds=1)


# --- what it costs --------------------------------------------------------------------------------------


def test_an_idle_look_makes_one_call_and_writes_nothing(stage: Stage, ada: Practitioner) -> None:
    outcome = stage.job(ada)
    assert outcome == Outcome(State.IDLE)
    assert stage.ledger.google == ["events.list"]
    assert stage.ledger.ehr == []
    assert stage.ledger.commits == []
    assert stage.ledger.reads <= 2


def test_an_idle_look_is_stamped_once_an_hour(stage: Stage, ada: Practitioner) -> None:
    written = []
    for _ in range(13):
        stage.clock.advance(600)
        stage.ledger.clear()
        stage.job(ada)
        written.append(stage.ledger.documents_written)
    assert written == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]
    assert stage.calendar(ada).checked_at == stage.clock.now() - timedelta(minutes=10)


def test_a_new_appointment_costs_one_insert_and_little_of_the_store(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.job(ada, row, look=False)
    assert stage.ledger.google == ["events.insert"]
    assert stage.ledger.ehr_writes == []
    assert stage.ledger.reads <= 3
    assert stage.ledger.documents_written <= 4
    assert len(stage.ledger.commits) <= 2


def test_a_reschedule_costs_one_patch_and_little_of_the_store(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.sync(ada, row)
    stage.reschedule(row, hours=72)
    stage.ledger.clear()
    stage.job(ada, row, look=False)
    assert stage.ledger.google == ["events.patch"]
    assert stage.ledger.ehr_writes == []
    assert stage.ledger.reads <= 3
    assert stage.ledger.documents_written <= 4
    assert len(stage.ledger.commits) <= 2
    assert starts(stage.event(ada)) == stage.at(72)


def test_a_cancellation_costs_one_deletion_and_little_of_the_store(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.sync(ada, row)
    stage.staff.cancel(appointment=row)
    stage.ledger.clear()
    stage.job(ada, row, look=False)
    assert stage.ledger.google == ["events.delete"]
    assert stage.ledger.ehr_writes == []
    assert stage.ledger.reads <= 3
    assert stage.ledger.documents_written <= 4
    assert len(stage.ledger.commits) <= 2


def test_what_was_named_for_nothing_costs_no_write_to_either_side(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.sync(ada, row)
    stage.ledger.clear()
    stage.job(ada, row, look=False)
    assert stage.ledger.google == []
    assert stage.ledger.side_writes == []


def test_a_pass_of_what_is_in_sync_writes_to_neither_side(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.own_time(ada, hours=50)
    stage.hand_made(ada, hours=52)
    stage.settle()
    items = stage.items(ada)
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []
    assert stage.items(ada) == items


def test_an_echo_of_our_own_event_changes_nothing(stage: Stage, ada: Practitioner) -> None:
    stage.sync(ada, stage.book(ada))
    item, event = stage.item(ada), stage.event(ada)
    cursor = stage.calendar(ada).cursor
    stage.ledger.clear()
    outcome = stage.job(ada)
    assert outcome.state is State.DONE
    assert stage.ledger.side_writes == []
    assert (stage.item(ada), stage.event(ada)) == (item, event)
    assert stage.calendar(ada).cursor != cursor


def test_an_echo_of_our_own_row_changes_nothing(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.sync(ada)
    item, row = stage.item(ada), stage.row()
    stage.ledger.clear()
    assert [outcome.state for outcome in stage.poke()] == [State.DONE]
    assert stage.ledger.side_writes == []
    assert (stage.item(ada), stage.row()) == (item, row)


# --- the lease ------------------------------------------------------------------------------------------


def test_a_calendar_that_another_job_has_is_left_alone(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.change_calendar(ada, lease=Lease("another", stage.clock.now() + SECOND))
    outcome = stage.job(ada, row)
    assert outcome == Outcome(State.BUSY, stage.clock.now() + 2 * SECOND, look=True)
    assert stage.ledger.google + stage.ledger.ehr + stage.ledger.commits == []


def test_a_calendar_that_is_free_again_in_a_moment_is_waited_for(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    began = stage.clock.now()
    stage.change_calendar(ada, lease=Lease("another", began + SECOND / 10))
    assert stage.job(ada, row).state is State.DONE
    assert stage.clock.now() - began < SECOND
    assert len(stage.events(ada)) == 1


def test_a_bulk_job_does_not_wait_for_it(stage: Stage, ada: Practitioner) -> None:
    began = stage.clock.now()
    stage.change_calendar(ada, lease=Lease("another", began + SECOND / 10))
    assert stage.job(ada, everything=True).state is State.BUSY
    assert stage.clock.now() == began


def test_a_busy_calendar_does_not_make_a_poke_look(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, lease=Lease("another", stage.clock.now() + SECOND))
    assert not stage.job(ada, "some-row", look=False).look


def test_a_lease_that_has_run_out_is_taken_over(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.change_calendar(ada, lease=Lease("dead", stage.clock.now()))
    assert stage.job(ada, row).state is State.DONE
    assert stage.calendar(ada).lease is None
    assert stage.events(ada)


def test_while_a_job_works_another_finds_it_busy(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    met: list[Outcome] = []
    stage.before = once("events.insert", lambda: met.append(stage.job(ada, row)))
    stage.job(ada, row)
    assert [outcome.state for outcome in met] == [State.BUSY]
    assert len(stage.events(ada)) == 1


def test_a_calendar_written_since_it_was_looked_at_is_looked_at_again(
    stage: Stage, ada: Practitioner
) -> None:
    stage.hand_made(ada)
    stage.after = once("events.list", lambda: stage.change_calendar(ada, checked_at=stage.at(1)))
    assert stage.job(ada).state is State.DONE
    assert stage.ledger.google.count("events.list") == 2
    assert len(stage.items(ada)) == 1


def test_a_calendar_written_at_every_look_is_busy(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    looks: list[str] = []

    def write(name: str, _given: Mapping[str, Any]) -> None:
        if name == "events.list":
            looks.append(name)
            stage.change_calendar(ada, checked_at=stage.at(len(looks)))

    stage.after = write
    assert stage.job(ada).state is State.BUSY
    assert len(looks) == LEASE_TRIES
    assert stage.items(ada) == []


def test_a_slow_worker_that_wakes_after_its_lease_writes_nothing_more(
    stage: Stage, ada: Practitioner
) -> None:
    rows = [stage.book(ada, hours=hours) for hours in (48, 50, 52)]

    def sleep() -> None:
        stage.clock.advance(91)
        assert stage.job(ada, *rows, look=False).state is State.DONE
        stage.ledger.clear()

    stage.before = once("events.insert", sleep)
    outcome = stage.job(ada, *rows, look=False)
    assert outcome.state is State.BUSY
    assert stage.ledger.side_writes == []
    assert stage.ledger.commits == []
    assert len(stage.events(ada)) == 3
    assert stage.calendar(ada).lease is None


def test_a_worker_whose_lease_was_taken_over_cannot_save(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    taken = Lease("another", stage.clock.now() + timedelta(minutes=5))
    stage.before = once("events.insert", lambda: stage.change_calendar(ada, lease=taken))
    assert stage.job(ada, row, look=False).state is State.BUSY
    assert stage.calendar(ada).lease == taken
    assert stage.item(ada).event_id is None


# --- slices ---------------------------------------------------------------------------------------------


def test_a_first_sync_goes_on_in_slices_and_says_how_far_it_is() -> None:
    stage = Stage()
    ada = stage.add()
    for number in range(40):
        stage.book(ada, hours=24 + number)

    def take_time(name: str, _given: Mapping[str, Any]) -> None:
        if name.startswith("events."):
            stage.clock.advance(3)

    stage.before = take_time
    told: list[Progress | None] = []
    for _ in range(10):
        began = stage.clock.now()
        outcome = stage.job(ada)
        assert stage.clock.now() - began <= timedelta(seconds=90)
        told.append(stage.calendar(ada).progress)
        if outcome.state is not State.MORE:
            break
    done = [progress.done for progress in told if progress]
    assert done == sorted(set(done))
    assert len(done) > 2
    assert told[-1] == Progress(40, 40)
    assert {progress.total for progress in told if progress} == {40}
    assert len(stage.events(ada)) == 40


def test_what_a_slice_did_not_come_to_is_done_by_the_next_without_reading_everything_again() -> None:
    stage = Stage()
    ada = stage.connect()
    rows = [stage.book(ada, hours=24 + number) for number in range(4)]
    stage.before = lambda name, _given: stage.clock.advance(31 if name == "events.insert" else 0)
    first = stage.job(ada, *rows, look=False)
    assert (first.state, len(stage.events(ada))) == (State.MORE, 2)
    stage.before = nothing
    stage.ledger.clear()
    second = stage.job(ada)
    assert (second.state, len(stage.events(ada))) == (State.DONE, 4)
    assert stage.ledger.google.count("events.list") == 1


def test_settled_items_are_saved_while_the_rest_is_worked_on() -> None:
    stage = Stage(flush_items=2)
    ada = stage.connect()
    rows = [stage.book(ada, hours=24 + number) for number in range(5)]
    inserts: list[int] = []

    def die_at_the_fifth(name: str, _given: Mapping[str, Any]) -> None:
        if name == "events.insert":
            inserts.append(1)
            if len(inserts) == 5:
                raise Crash

    stage.before = die_at_the_fifth
    with pytest.raises(Crash):
        stage.job(ada, *rows, look=False)
    assert sorted(item.event_id is not None for item in stage.items(ada)) == [False, True, True, True, True]


# --- a job that does not get through --------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", ["events.insert", "commit"])
def test_a_job_that_died_is_repeated_and_makes_nothing_twice(
    stage: Stage, ada: Practitioner, moment: str, name: str
) -> None:
    row = stage.book(ada)
    setattr(stage, moment, once(name, raising(Crash())))
    with pytest.raises(Crash):
        stage.job(ada, row, look=False)
    stage.clock.advance(91)
    stage.sync(ada, row)
    stage.settle()
    assert len(stage.events(ada)) == 1
    assert stage.item(ada).event_id == stage.event(ada)["id"]


def test_an_event_whose_answer_was_lost_is_not_made_twice(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.after = once("events.insert", raising(RetryableError("answer_lost")))
    stage.sync(ada, row)
    assert len(stage.events(ada)) == 1
    assert stage.item(ada).event_id == stage.event(ada)["id"]


def test_a_row_whose_answer_was_lost_is_not_made_twice(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.after = once("POST Appointment", raising(RetryableError("answer_lost")))
    stage.sync(ada)
    assert stage.item(ada).appointment_id == stage.row()["id"]


def test_our_own_deletion_of_an_event_is_not_taken_for_a_persons(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.settle()
    row = stage.row()["id"]
    stage.staff.cancel(appointment=row)
    stage.after = once("events.delete", raising(Crash()))
    with pytest.raises(Crash):
        stage.job(ada, row, look=False)
    stage.staff.restore(appointment=row)
    stage.clock.advance(91)
    stage.settle()
    assert stage.row(row)["status"] == "booked"
    assert starts(stage.event(ada)) == starts(stage.row(row))


def test_our_own_cancellation_of_a_row_is_not_taken_for_the_staffs(stage: Stage, ada: Practitioner) -> None:
    row = stage.own_time(ada)
    stage.settle()
    event = stage.event(ada)["id"]
    stage.delete(ada, event)
    stage.after = once("PUT Appointment", raising(Crash()))
    with pytest.raises(Crash):
        stage.job(ada)
    stage.undelete(ada, event)
    stage.clock.advance(91)
    stage.settle()
    assert stage.row(row)["status"] == "booked"
    assert stage.event(ada)["id"] == event


def test_an_unavailable_calendar_is_tried_again_by_another_job(stage: Stage, ada: Practitioner) -> None:
    stage.before = once("events.list", raising(RetryableError("google_unavailable")))
    with pytest.raises(RetryableError):
        stage.job(ada)
    assert stage.ledger.commits == []
    assert stage.job(ada).state is State.IDLE


def test_what_only_a_person_can_put_right_stops_the_job_and_lets_the_lease_go(
    stage: Stage, ada: Practitioner
) -> None:
    row = stage.book(ada)
    cursor = stage.calendar(ada).cursor
    stage.before = once("events.insert", raising(BlockedError("reconnect_needed")))
    with pytest.raises(BlockedError, match="reconnect_needed"):
        stage.job(ada, row)
    calendar = stage.calendar(ada)
    assert (calendar.lease, calendar.cursor) == (None, cursor)
    stage.sync(ada, row)
    assert len(stage.events(ada)) == 1


@pytest.mark.parametrize("error", [RetryableError("ehr_unavailable"), BlockedError("ehr_unauthorized")])
def test_a_pass_that_was_stopped_lets_the_lease_go_and_is_wanted_still(
    stage: Stage, ada: Practitioner, error: Exception
) -> None:
    stage.book(ada)
    stage.before = once("GET Appointment", raising(error))
    with pytest.raises(type(error)):
        stage.job(ada, everything=True)
    assert stage.calendar(ada).lease is None
    stage.sync(ada)
    assert len(stage.events(ada)) == 1


def test_a_rate_limit_stops_the_slice_and_says_when_to_go_on(stage: Stage, ada: Practitioner) -> None:
    rows = [stage.book(ada, hours=24 + number) for number in range(3)]
    stage.before = once("events.insert", raising(RetryableError("google_rate_limit", 45)))
    outcome = stage.job(ada, *rows, look=False)
    assert (outcome.state, outcome.again_at) == (State.DONE, stage.clock.now() + 45 * SECOND)
    assert stage.ledger.google == ["events.insert"]
    stage.sync(ada)
    assert len(stage.events(ada)) == 3


# --- cursors --------------------------------------------------------------------------------------------


def test_a_cursor_that_is_not_taken_any_more_begins_a_complete_pass(stage: Stage, ada: Practitioner) -> None:
    stage.sync(ada, stage.book(ada))
    stage.google.expire_sync_tokens(stage.calendar_id(ada))
    stage.ledger.clear()
    stage.sync(ada)
    assert stage.ledger.google.count("events.list") == 2
    assert stage.ledger.side_writes == []
    assert stage.job(ada).state is State.IDLE


def test_a_cursor_of_other_reading_parameters_is_not_used(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, cursor_format=CURSOR_FORMAT - 1)
    stage.sync(ada)
    assert stage.ledger.google == ["events.list"]
    assert "GET Appointment" in stage.ledger.ehr
    assert stage.calendar(ada).usable_cursor is not None


def test_a_pass_without_a_cursor_at_its_end_keeps_the_old_one_and_is_repeated(
    stage: Stage, ada: Practitioner
) -> None:
    stage.hand_made(ada)
    old = stage.calendar(ada).cursor
    stage.google.settings = replace(stage.google.settings, withhold_sync_tokens=True)
    outcome = stage.job(ada, everything=True)
    assert outcome.again_at == stage.clock.now() + 60 * SECOND
    assert stage.calendar(ada).cursor == old
    assert len(stage.items(ada)) == 1
    stage.google.settings = replace(stage.google.settings, withhold_sync_tokens=False)
    stage.sync(ada)
    assert stage.calendar(ada).cursor is not None
    stage.clock.advance(60)
    stage.sync(ada)
    assert stage.calendar(ada).cursor != old


def test_a_delta_without_a_cursor_at_its_end_is_applied_and_a_pass_follows(
    stage: Stage, ada: Practitioner
) -> None:
    stage.hand_made(ada)
    old = stage.calendar(ada).cursor
    stage.google.settings = replace(stage.google.settings, withhold_sync_tokens=True)
    stage.job(ada)
    assert len(stage.items(ada)) == 1
    assert stage.calendar(ada).cursor == old
    assert stage.calendar(ada).pass_at == stage.clock.now() + 60 * SECOND


def test_what_began_before_the_window_and_still_runs_is_taken_in() -> None:
    stage = Stage()
    ada = stage.add()
    stage.staff.book_personal(
        practitioner=ada.id, start=stage.at(-48), end=stage.at(96), zone=ada.zone.key, title="Away"
    )
    stage.settle()
    assert starts(stage.event(ada)) == stage.at(-48)


def test_a_listing_is_read_to_its_last_page_empty_ones_in_between_or_not() -> None:
    stage = Stage()
    stage.google.settings = replace(stage.google.settings, empty_page_chance=1)
    ada = stage.connect()
    made = {stage.hand_made(ada, hours=hours) for hours in (48, 50)}
    stage.sync(ada)
    assert {item.event_id for item in stage.items(ada)} == made
    assert stage.ledger.google == ["events.list"] * 2


def test_a_listing_that_does_not_end_is_given_up_and_the_lease_with_it() -> None:
    stage = Stage(listing_pages_max=1)
    ada = stage.connect()
    stage.hand_made(ada)
    stage.google.settings = replace(stage.google.settings, empty_page_chance=1)
    for everything in (False, True):
        with pytest.raises(BlockedError, match="listing_without_end"):
            stage.job(ada, everything=everything)
        assert stage.calendar(ada).lease is None


def test_the_cursor_moves_with_the_last_items_or_after_them(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    old = stage.calendar(ada).cursor
    before_the_last: list[str | None] = []
    stage.before = lambda name, _given: (
        before_the_last.append(stage.calendar(ada).cursor) if name == "commit" else None
    )
    stage.job(ada)
    assert len(before_the_last) == 2
    assert set(before_the_last) == {old}
    assert stage.calendar(ada).cursor != old


# --- what stops everything ------------------------------------------------------------------------------


def test_a_calendar_that_was_never_begun_is_nobodys(stage: Stage) -> None:
    with pytest.raises(BlockedError, match="no_such_calendar"):
        run_calendar_job(stage.world, "nobodys")


def test_a_calendar_that_was_deleted_stops_everything_and_changes_nothing_in_the_ehr(
    stage: Stage, ada: Practitioner
) -> None:
    stage.book(ada)
    stage.hand_made(ada, hours=60)
    stage.settle()
    rows = stage.store.resources("Appointment")
    ada.person.delete_calendar(stage.calendar_id(ada))
    with pytest.raises(BlockedError, match="calendar_missing"):
        stage.job(ada)
    stage.ledger.clear()
    with pytest.raises(BlockedError, match="calendar_missing"):
        stage.job(ada, rows[0]["id"])
    assert stage.ledger.google + stage.ledger.ehr + stage.ledger.commits == []
    assert stage.store.resources("Appointment") == rows


def test_a_calendar_that_is_gone_is_found_out_by_a_pass_too(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.sync(ada)
    row = stage.row()
    ada.person.delete_calendar(stage.calendar_id(ada))
    with pytest.raises(BlockedError, match="calendar_missing"):
        stage.job(ada, everything=True)
    assert (stage.calendar(ada).lease, stage.calendar(ada).missing) == (None, True)
    assert stage.row() == row


def test_off_means_that_nothing_is_asked_or_moved(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.change_settings(ada, mode=Mode.OFF)
    stage.ledger.clear()
    assert stage.job(ada, row, everything=True) == Outcome(State.IDLE)
    assert stage.ledger.google + stage.ledger.ehr + stage.ledger.commits == []


# --- one way --------------------------------------------------------------------------------------------


def test_one_way_puts_everything_in_the_calendar_back(stage: Stage) -> None:
    ada = stage.connect(mode=Mode.ONE_WAY)
    stage.own_time(ada)
    stage.settle()
    event = stage.event(ada)
    stage.move(ada, event["id"], hours=72)
    stage.ledger.clear()
    stage.sync(ada)
    assert starts(stage.event(ada)) == starts(event)
    stage.delete(ada, event["id"])
    stage.sync(ada)
    assert starts(stage.event(ada)) == starts(event)
    assert stage.ledger.ehr_writes == []


def test_one_way_leaves_what_is_made_by_hand_unread(stage: Stage) -> None:
    ada = stage.connect(mode=Mode.ONE_WAY)
    stage.hand_made(ada)
    stage.ledger.clear()
    stage.sync(ada)
    stage.sync(ada, everything=True)
    assert stage.items(ada) == []
    assert stage.store.resources("Appointment") == []
    assert stage.ledger.side_writes == []


def test_back_to_two_way_a_pass_takes_in_what_was_made_meanwhile(stage: Stage) -> None:
    ada = stage.connect(mode=Mode.ONE_WAY)
    stage.hand_made(ada)
    stage.sync(ada)
    stage.change_settings(ada, mode=Mode.TWO_WAY)
    stage.sync(ada, everything=True)
    assert stage.row()["id"] == stage.item(ada).appointment_id


# --- the window -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-24 * 8, 24 * 12])
def test_an_appointment_outside_the_window_is_not_taken_in(stage: Stage, hours: float) -> None:
    ada = stage.connect(horizon_days=10)
    row = stage.book(ada, hours=hours)
    stage.sync(ada, row)
    stage.sync(ada, everything=True)
    assert stage.events(ada) == []
    assert stage.items(ada) == []


@pytest.mark.parametrize("hours", [-24 * 8, 24 * 12])
def test_an_event_outside_the_window_is_not_taken_in(stage: Stage, hours: float) -> None:
    ada = stage.connect(horizon_days=10)
    stage.hand_made(ada, hours=hours)
    stage.sync(ada)
    stage.sync(ada, everything=True)
    assert stage.items(ada) == []
    assert stage.store.resources("Appointment") == []


def test_a_mapped_appointment_is_followed_out_of_the_window(stage: Stage) -> None:
    ada = stage.connect(horizon_days=10)
    row = stage.book(ada)
    stage.sync(ada, row)
    stage.reschedule(row, hours=24 * 40)
    stage.sync(ada, row)
    assert starts(stage.event(ada)) == stage.at(24 * 40)


def test_a_mapped_event_is_followed_out_of_the_window(stage: Stage) -> None:
    ada = stage.connect(horizon_days=10)
    event = stage.hand_made(ada)
    stage.sync(ada)
    stage.move(ada, event, hours=24 * 40)
    stage.sync(ada)
    assert starts(stage.row()) == stage.at(24 * 40)


def test_the_window_rolls_with_the_days(stage: Stage) -> None:
    ada = stage.connect(horizon_days=10)
    stage.book(ada, hours=24 * 12)
    stage.sync(ada, everything=True)
    assert stage.events(ada) == []
    stage.clock.advance(3 * 24 * 3_600)
    stage.sync(ada, everything=True)
    assert len(stage.events(ada)) == 1


# --- whose appointment it is ----------------------------------------------------------------------------


def test_a_reassigned_appointment_leaves_one_calendar_and_enters_the_other(stage: Stage) -> None:
    ada, bea = stage.connect(), stage.connect("America/Denver")
    row = stage.book(ada)
    stage.poke()
    assert (len(stage.events(ada)), len(stage.events(bea))) == (1, 0)
    stage.staff.reassign(appointment=row, practitioner=bea.id)
    stage.poke()
    assert (len(stage.events(ada)), len(stage.events(bea))) == (0, 1)
    assert stage.row(row)["status"] == "booked"


def test_an_appointment_of_two_has_an_event_with_each(stage: Stage) -> None:
    ada, bea = stage.connect(), stage.connect("America/Denver")
    row = stage.staff.book(
        patients=[stage.patient()],
        practitioners=[ada.id, bea.id],
        start=stage.at(48),
        end=stage.at(49),
        zone="America/New_York",
    )["id"]
    stage.poke()
    assert starts(stage.event(ada)) == starts(stage.event(bea)) == stage.at(48)
    stage.staff.cancel(appointment=row)
    stage.poke()
    assert stage.events(ada) + stage.events(bea) == []


def test_items_name_the_practice_they_are_of(stage: Stage, ada: Practitioner) -> None:
    stage.sync(ada, stage.book(ada))
    found = stage.documents.find("items", group=True)
    assert [document.data["practice"] for document in found] == [PRACTICE]
