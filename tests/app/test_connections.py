"""The life of a connection: begun once, paused for certain, and gone on with from where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.connections import TRIES, pause, resume, start
from shared.app.outcome import Outcome, State
from shared.app.records import (
    Calendar,
    Connection,
    Lease,
    Practice,
    Status,
    connection_data,
    connection_of,
    connection_path,
    practice_data,
    practice_of,
    practice_path,
)
from shared.core.errors import RejectedError, RetryableError
from shared.core.policy import LabelMode
from shared.ports import Document, Put
from tests.app.stage import (
    FAMILY,
    NEW_YORK,
    PRACTICE,
    Crash,
    Practitioner,
    Stage,
    once,
    raising,
    starts,
)
from tests.app.workers import Worker
from tests.fakes.documents import MemoryDocuments


def test_connection_and_calendar_are_written_down_and_nothing_is_made(stage: Stage) -> None:
    ada = stage.add()
    connection = ada.connection
    path = connection_path(connection.key)
    assert connection_of(stage.documents.get(path)[path]) == connection
    account = stage.world.keys.account(ada.sub)
    due_at = stage.clock.now()
    assert stage.calendar(ada) == Calendar(connection.calendar_key, connection.key, account, due_at=due_at)
    assert stage.ledger.google == []
    assert stage.ledger.ehr_writes == []


def test_the_keys_are_those_of_practice_practitioner_and_account(stage: Stage) -> None:
    ada = stage.add()
    keys = stage.world.keys
    assert ada.connection.key == keys.connection(PRACTICE, ada.id)
    assert ada.connection.calendar_key == keys.calendar(ada.connection.key, ada.sub)


def test_a_repeat_changes_nothing_of_what_is_there(stage: Stage, ada: Practitioner) -> None:
    calendar = stage.calendar(ada)
    path = connection_path(ada.connection.key)
    stored = stage.documents.get(path)[path]
    start(stage.world, ada.connection.key, "Another name")
    assert stage.documents.get(path)[path] == stored
    assert stage.calendar(ada) == calendar


def test_practitioners_share_nothing_but_the_practice(stage: Stage) -> None:
    ada, bea = stage.add(), stage.add("America/Denver")
    assert ada.connection.key != bea.connection.key
    assert ada.connection.calendar_key != bea.connection.calendar_key
    assert {document.id for document in stage.documents.find("practices")} == {PRACTICE}


def test_no_change_falls_between_the_beginning_and_the_first_pass(stage: Stage) -> None:
    ada = stage.add()
    row = stage.book(ada)
    stage.sync(ada)
    stage.reschedule(row, hours=72)
    assert stage.feed().rows == 1


def test_the_practice_is_read_from_the_beginning_on(stage: Stage) -> None:
    stage.add()
    path = practice_path(PRACTICE)
    practice = practice_of(stage.documents.get(path)[path])
    assert practice.cursor is not None
    assert practice.lease is None


def test_a_second_practitioner_does_not_set_the_practice_back(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.poke()
    path = practice_path(PRACTICE)
    before = practice_of(stage.documents.get(path)[path]).cursor
    stage.add()
    assert practice_of(stage.documents.get(path)[path]).cursor == before
    assert stage.feed().rows == 0
    assert stage.row(row)["status"] == "booked"


def test_an_ehr_that_cannot_be_read_begins_nothing(stage: Stage) -> None:
    stage.before = once("GET Appointment", raising(RetryableError("ehr_unavailable")))
    with pytest.raises(RetryableError):
        stage.add()
    assert MemoryDocuments.find(stage.documents, "calendars") == []
    ada = stage.add()
    assert stage.calendar(ada).calendar_id is None


def test_the_first_job_makes_the_calendar_and_fills_it_with_what_is_there(stage: Stage) -> None:
    ada = stage.add(NEW_YORK)
    stage.book(ada)
    stage.own_time(ada, hours=60)
    stage.sync(ada)
    assert sorted(map(starts, stage.events(ada))) == [stage.at(48), stage.at(60)]
    assert stage.calendar(ada).passed_at == stage.clock.now()


# --- begin beside others --------------------------------------------------------------------------------


def test_a_start_swallows_nothing_that_others_are_still_to_be_told(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.add()  # before the practice's job came to it
    stage.poke()
    assert stage.item(ada).appointment_id == row
    assert len(stage.events(ada)) == 1


def test_a_start_waits_for_who_reads_the_practice_for_the_first_time(stage: Stage) -> None:
    until = stage.clock.now() + timedelta(seconds=60)
    leased = Practice(PRACTICE, lease=Lease("another", until))
    stage.documents.commit([Put(practice_path(PRACTICE), practice_data(leased))])
    with pytest.raises(RetryableError, match="practice_is_read"):
        stage.add()
    assert stage.documents.find("calendars") == []


def test_a_start_that_finds_the_cursor_set_meanwhile_reads_nothing_on_from_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, others = stage.documents.get, list[Practitioner]()

    def get(*paths: str) -> dict[str, Document]:
        found = real(*paths)
        if paths == (practice_path(PRACTICE),) and not others:
            monkeypatch.setattr(stage.documents, "get", real)
            others.append(stage.add())
            stage.clock.advance(1)
            stage.book(others[0])
        return found

    monkeypatch.setattr(stage.documents, "get", get)
    with pytest.raises(RetryableError, match="practice_is_read"):
        stage.add()
    stage.sync(others[0])
    row = stage.book(others[0], hours=60)
    stage.poke()
    assert starts(stage.row(row)) in map(starts, stage.events(others[0]))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.STOPPING, "stopping"),
        (Status.RECONNECT_NEEDED, "reconnect_needed"),
        (Status.DISCONNECTED, "reconnect_needed"),
    ],
)
def test_nothing_begins_without_a_grant_or_while_it_ends(
    stage: Stage, ada: Practitioner, status: Status, reason: str
) -> None:
    put(stage, replace(stage.connection(ada), status=status))
    with pytest.raises(RejectedError, match=reason):
        start(stage.world, ada.connection.key)
    assert stage.connection(ada).status is status


def put(stage: Stage, connection: Connection) -> None:
    stage.documents.commit([Put(connection_path(connection.key), connection_data(connection))])


def test_a_connection_that_nobody_made_is_not_connected(stage: Stage) -> None:
    for act in (start, pause, resume):
        with pytest.raises(RejectedError, match="not_connected"):
            act(stage.world, "nobodys")


# --- pause and resume -----------------------------------------------------------------------------------


def test_while_paused_nothing_is_asked_and_nothing_moves(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    row = stage.book(ada, hours=60)
    pause(stage.world, ada.connection.key)
    stage.ledger.clear()
    assert stage.live(ada, row) == stage.bulk(ada, everything=True) == Outcome(State.IDLE)
    stage.minutes(60)
    assert stage.ledger.google == []
    assert stage.ledger.ehr_writes == []
    assert stage.items(ada) == []


def test_a_pause_leaves_the_calendar_to_nobody(stage: Stage, ada: Practitioner) -> None:
    pause(stage.world, ada.connection.key)
    calendar = stage.calendar(ada)
    assert (calendar.active, calendar.lease, calendar.due_at) == (False, None, None)
    assert stage.connection(ada).status is Status.PAUSED


def test_its_channel_lives_through_a_pause() -> None:
    stage = Stage(push=True)
    ada = stage.connect()
    before = stage.channels(ada)
    pause(stage.world, ada.connection.key)
    resume(stage.world, ada.connection.key)
    stage.minutes(2)
    assert stage.channels(ada) == before
    assert len(before) == 1


def test_after_a_resume_what_happened_meanwhile_is_made_good_on_both_sides(
    stage: Stage, ada: Practitioner
) -> None:
    row, event = stage.own_time(ada), stage.hand_made(ada, hours=72)
    stage.settle()
    pause(stage.world, ada.connection.key)
    stage.staff.cancel(appointment=row)
    stage.edit(ada, event, summary="Moved on")
    made = stage.book(ada, hours=96)
    stage.poke()
    resume(stage.world, ada.connection.key)
    stage.minutes(2)
    assert starts(stage.row(made)) in map(starts, stage.events(ada))
    assert len(stage.events(ada)) == 2
    assert "Moved on" in {each.get("description") for each in stage.store.resources("Appointment")}
    assert stage.row(row)["status"] == "cancelled"


def test_a_pause_of_what_is_paused_and_a_resume_of_what_runs_are_nothing(
    stage: Stage, ada: Practitioner
) -> None:
    stage.ledger.clear()
    before = stage.connection(ada)
    assert resume(stage.world, before.key) == before
    paused = pause(stage.world, before.key)
    stage.ledger.clear()
    assert pause(stage.world, before.key) == paused
    assert stage.ledger.commits == []


def test_only_what_is_begun_is_paused_and_only_what_is_paused_resumed(
    stage: Stage, ada: Practitioner
) -> None:
    put(stage, replace(stage.connection(ada), status=Status.CONNECTED))
    with pytest.raises(RejectedError, match="not_started"):
        pause(stage.world, ada.connection.key)
    with pytest.raises(RejectedError, match="not_paused"):
        resume(stage.world, ada.connection.key)


def test_settings_that_are_changed_while_paused_hold_after_it(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.settle()
    pause(stage.world, ada.connection.key)
    stage.change_settings(ada, client_label=LabelMode.FULL_NAME)
    assert not stage.calendar(ada).active
    resume(stage.world, ada.connection.key)
    stage.minutes(1)
    assert FAMILY in stage.event(ada)["summary"]


def test_a_connection_that_keeps_moving_is_left_as_it_is(stage: Stage, ada: Practitioner) -> None:
    moves: list[int] = []

    def move(_name: str, _given: Mapping[str, Any]) -> None:
        moves.append(1)
        moved = replace(stage.connection(ada), pause_until=stage.at(len(moves)))
        MemoryDocuments.commit(stage.documents, [Put(connection_path(moved.key), connection_data(moved))])

    stage.before = move
    with pytest.raises(RetryableError, match="connection_contested"):
        pause(stage.world, ada.connection.key)
    assert len(moves) == TRIES
    assert stage.connection(ada).status is Status.ACTIVE


# --- stopping in the middle -----------------------------------------------------------------------------


def much_to_do(stage: Stage, ada: Practitioner) -> list[str]:
    """On both sides; the ids of a poke."""
    for hours in (60, 62):
        stage.hand_made(ada, hours=hours)
    return [stage.book(ada, hours=hours) for hours in (48, 50)]


def live(stage: Stage, ada: Practitioner, rows: list[str]) -> Outcome:
    return stage.live(ada, *rows)


def bulk(stage: Stage, ada: Practitioner, _rows: list[str]) -> Outcome:
    return stage.bulk(ada, everything=True)


CALLS = {live: 10, bulk: 20}
"""Of each job, for what there is to do."""
MOMENTS = [(job, step) for job, calls in CALLS.items() for step in range(1, calls + 1)]


@pytest.mark.parametrize(("job", "step"), MOMENTS)
def test_wherever_a_job_is_nothing_is_written_once_a_pause_has_returned(
    stage: Stage, ada: Practitioner, job: Any, step: int
) -> None:
    rows = much_to_do(stage, ada)
    with Worker(stage, lambda: job(stage, ada, rows)) as worker:
        worker.steps(step)
        pause(worker.meanwhile, ada.connection.key)
        items = stage.items(ada)
        stage.ledger.clear()
        outcome = worker.finish()
    assert isinstance(outcome, Outcome)
    assert stage.ledger.side_writes == []
    assert stage.items(ada) == items
    assert (stage.calendar(ada).active, stage.calendar(ada).lease) == (False, None)
    resume(stage.world, ada.connection.key)
    stage.minutes(2)
    assert len(stage.events(ada)) == len(stage.store.resources("Appointment")) == 4
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


@pytest.mark.parametrize("job", CALLS)
def test_the_jobs_make_as_many_calls(stage: Stage, ada: Practitioner, job: Any) -> None:
    rows = much_to_do(stage, ada)
    calls: list[str] = []
    stage.before = lambda name, _given: calls.append(name)
    job(stage, ada, rows)
    assert len(calls) == CALLS[job]


def test_a_running_job_comes_to_its_end_and_what_it_did_is_saved(stage: Stage, ada: Practitioner) -> None:
    rows = much_to_do(stage, ada)
    with Worker(stage, lambda: stage.live(ada, *rows)) as worker:
        worker.steps(5)
        assert worker.about_to[-1] == "events.insert"
        pause(worker.meanwhile, ada.connection.key)
        assert worker.done
    assert all(item.event_id and item.appointment_id for item in stage.items(ada))
    assert len(stage.items(ada)) == 4


def test_a_job_that_had_read_the_connection_before_takes_no_lease(stage: Stage, ada: Practitioner) -> None:
    rows = much_to_do(stage, ada)
    with Worker(stage, lambda: stage.live(ada, *rows, look=False)) as worker:
        worker.step()  # it has read connection and calendar, and is about to read the EHR
        pause(stage.world, ada.connection.key)
        assert worker.finish() == Outcome(State.IDLE)
    assert stage.items(ada) == []


def test_a_killed_job_is_waited_for_as_long_as_its_lease(stage: Stage, ada: Practitioner) -> None:
    rows = much_to_do(stage, ada)
    stage.before = once("events.insert", raising(Crash()))
    with pytest.raises(Crash):
        stage.live(ada, *rows)
    began = stage.clock.now()
    pause(stage.world, ada.connection.key)
    assert stage.clock.now() - began == timedelta(seconds=90)
    assert not stage.calendar(ada).active


def test_a_job_that_does_not_end_is_told_and_the_same_call_goes_on(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, lease=Lease("endless", stage.clock.now() + timedelta(minutes=3)))
    with pytest.raises(RetryableError, match="stopping"):
        pause(stage.world, ada.connection.key)
    assert stage.connection(ada).status is Status.STOPPING
    assert stage.bulk(ada) == Outcome(State.IDLE)  # nothing new begins
    stage.clock.advance(90)
    assert pause(stage.world, ada.connection.key).status is Status.PAUSED
    assert not stage.calendar(ada).active


def test_a_worker_asleep_beyond_its_lease_does_what_it_was_about_to_and_no_more(
    stage: Stage, ada: Practitioner
) -> None:
    rows = much_to_do(stage, ada)
    with Worker(stage, lambda: stage.live(ada, *rows)) as worker:
        worker.steps(5)
        pause(stage.world, ada.connection.key)  # whose waiting does not wake it
        stage.ledger.clear()
        assert isinstance(worker.finish(), Outcome)
    assert stage.ledger.side_writes == []
    assert len(stage.events(ada)) == 3  # two by hand
    resume(stage.world, ada.connection.key)
    stage.minutes(2)
    assert len(stage.events(ada)) == 4


# --- several at once ------------------------------------------------------------------------------------


def test_two_pauses_at_once_are_one(stage: Stage, ada: Practitioner) -> None:
    with Worker(stage, lambda: pause(stage.world, ada.connection.key)) as other:
        other.step()
        pause(stage.world, ada.connection.key)
        assert other.finish() == stage.connection(ada)
    assert stage.connection(ada).status is Status.PAUSED


@pytest.mark.parametrize("step", [2, 3])
def test_a_pause_that_comes_late_does_not_stop_what_was_resumed(
    stage: Stage, ada: Practitioner, step: int
) -> None:
    """Two pauses and a resume, in this order for who asked."""
    with Worker(stage, lambda: pause(stage.world, ada.connection.key)) as late:
        late.steps(step)
        pause(stage.world, ada.connection.key)
        resume(stage.world, ada.connection.key)
        with pytest.raises(RetryableError, match="connection_contested"):
            late.finish()
    stage.book(ada)
    stage.minutes(6)
    assert stage.connection(ada).status is Status.ACTIVE
    assert len(stage.events(ada)) == 1
