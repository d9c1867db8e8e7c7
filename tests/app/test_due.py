"""Due: the net under the queue. When it is to be seen to stands in the document, and moves with the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.ehr.fhir import By
from shared.app.connections import pause
from shared.app.jobs import FeedTask
from shared.app.outcome import Outcome, State
from shared.app.records import LOOK_SLOTS, Status, calendar_path, connection_data, connection_path
from shared.core.errors import BlockedError, RejectedError, RetryableError
from shared.core.policy import Mode
from shared.ports import Put
from tests.app.consents import ConsentingStage
from tests.app.stage import PRACTICE, Crash, Practitioner, Stage, nothing, once, raising
from tests.fakes.documents import MemoryDocuments

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def stored(stage: Stage, whose: Practitioner) -> dict[str, Any]:
    path = calendar_path(whose.connection.calendar_key)
    return dict(MemoryDocuments.get(stage.documents, path)[path].data)


def crash(stage: Stage, whose: Practitioner) -> None:
    """A job takes the lease and dies."""
    stage.hand_made(whose, hours=500)
    stage.before = once("POST Appointment", raising(Crash()))
    with pytest.raises(Crash):
        stage.live(whose)
    stage.before = nothing


# --- where it stands ------------------------------------------------------------------------------------


def test_what_is_active_stands_in_a_slot_and_has_its_time(stage: Stage, ada: Practitioner) -> None:
    data = stored(stage, ada)
    assert 0 <= data["look_slot"] < LOOK_SLOTS
    assert data["due_at"] == stage.calendar(ada).pass_at


def paused(stage: ConsentingStage, whose: Practitioner) -> None:
    pause(stage.world, whose.connection.key)


def disconnected(stage: ConsentingStage, whose: Practitioner) -> None:
    stage.disconnect(whose)


def dead(stage: ConsentingStage, whose: Practitioner) -> None:
    stage.withdraw(whose)
    with pytest.raises(BlockedError):
        stage.live(whose)


def gone(stage: ConsentingStage, whose: Practitioner) -> None:
    whose.person.delete_calendar(stage.calendar_id(whose))
    with pytest.raises(BlockedError):
        stage.live(whose)


@pytest.mark.parametrize("state", [paused, disconnected, dead, gone])
def test_what_is_not_active_is_found_by_nobody(
    state: Callable[[ConsentingStage, Practitioner], None],
) -> None:
    stage = ConsentingStage()
    ada = stage.connect()
    state(stage, ada)
    assert not {"look_slot", "due_at"} & stored(stage, ada).keys()
    stage.ledger.clear()
    stage.minutes(90)
    assert stage.ledger.google == []
    written = {path.split("/")[0] for commit in stage.ledger.commits for path in commit}
    assert written - {"notices"} == {"practices"}


@pytest.mark.parametrize("how", ["off", "stopped by hand"])
def test_what_does_not_move_is_due_no_more_once_it_was_seen_to(
    stage: Stage, ada: Practitioner, how: str
) -> None:
    """Else it would stand first among those that are due, for ever."""
    if how == "off":
        stage.change_settings(ada, mode=Mode.OFF)
    else:
        stopped = replace(stage.connection(ada), status=Status.RECONNECT_NEEDED)
        stage.documents.commit([Put(connection_path(stopped.key), connection_data(stopped))])
    stage.clock.advance(2 * DAY.total_seconds())
    assert stage.live(ada) == Outcome(State.IDLE)
    assert "due_at" not in stored(stage, ada)
    stage.ledger.clear()
    assert stage.live(ada) == Outcome(State.IDLE)
    assert stage.ledger.commits == []


# --- who moves it ---------------------------------------------------------------------------------------


def test_whoever_takes_the_lease_sets_it_a_quarter_of_an_hour_ahead(stage: Stage, ada: Practitioner) -> None:
    crash(stage, ada)
    assert stage.calendar(ada).due_at == stage.clock.now() + 15 * MINUTE


def test_a_job_that_died_and_whose_task_is_lost_is_made_good_then(stage: Stage, ada: Practitioner) -> None:
    crash(stage, ada)
    stage.minutes(14)
    stage.minutes(3)
    assert stage.item(ada).appointment_id == stage.row()["id"]
    assert stage.calendar(ada).lease is None


def test_at_its_end_a_job_says_what_comes_first(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = once("events.insert", raising(RetryableError("google_unavailable")))
    stage.live(ada, row, look=False)
    calendar = stage.calendar(ada)
    assert calendar.retry_at == stage.clock.now() + timedelta(seconds=30)
    assert calendar.due_at == stage.clock.now() + 15 * MINUTE  # sooner is the queue's
    stage.clock.advance(30)
    stage.live(ada)
    assert stage.calendar(ada).due_at == stage.calendar(ada).pass_at


def test_a_renewal_counts_too() -> None:
    stage = Stage(push=True)
    stage.google.settings = replace(stage.google.settings, channel_seconds_max=7_200)
    ada = stage.connect()
    calendar = stage.calendar(ada)
    assert calendar.due_at == calendar.renew_at
    stage.minutes(180)
    assert len(stage.channels(ada)) == 1


def test_what_was_set_aside_is_due_the_next_day_and_its_task_need_not_come(
    stage: Stage, ada: Practitioner
) -> None:
    row = stage.book(ada)
    stage.before = once("events.insert", raising(RejectedError("google_invalid")))
    stage.live(ada, row, look=False)
    assert stage.events(ada) == []
    assert stage.calendar(ada).due_at == stage.clock.now() + DAY
    stage.clock.advance(DAY.total_seconds())
    stage.minutes(2)
    assert len(stage.events(ada)) == 1


def test_a_look_in_the_middle_of_it_does_not_move_it(stage: Stage, ada: Practitioner) -> None:
    due_at = stage.calendar(ada).due_at
    stage.clock.advance(3_600)
    stage.live(ada)
    assert stage.calendar(ada).due_at == due_at


def test_one_that_is_due_for_nothing_is_moved_by_who_looked(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, due_at=stage.clock.now())
    stage.ledger.clear()
    stage.live(ada)
    assert stage.calendar(ada).due_at == stage.calendar(ada).pass_at
    assert stage.ledger.documents_written == 1


def test_a_live_look_does_not_move_what_a_pass_has_left_to_do(stage: Stage, ada: Practitioner) -> None:
    for number in range(3):
        stage.book(ada, hours=24 + number)
    stage.before = lambda name, _given: stage.clock.advance(20 if name == "events.insert" else 0)
    stage.bulk(ada, everything=True)
    stage.before = nothing
    stage.live(ada)  # the echo of what the pass made
    due_at = stage.calendar(ada).due_at
    assert due_at is not None
    stage.clock.advance((due_at - stage.clock.now()).total_seconds())
    stage.live(ada)
    assert stage.calendar(ada).due_at == due_at


# --- jobs that die --------------------------------------------------------------------------------------


def dies(stage: Stage, whose: Practitioner) -> bool:
    """Whether a job begins; then it is killed once it has the lease."""
    stage.after = once("commit", raising(Crash()))
    try:
        assert stage.live(whose) == Outcome(State.IDLE)
    except Crash:
        return True
    finally:
        stage.after = nothing
    return False


def hours_of_rest(stage: Stage, whose: Practitioner) -> float:
    """Until a job begins again, which dies too; to the end of its lease."""
    began = stage.clock.now()
    for _ in range(200):
        if dies(stage, whose):
            break
        stage.clock.advance(900)
    rested = stage.clock.now() - began
    stage.clock.advance(90)
    return rested / HOUR


def test_after_three_leases_in_a_row_that_ran_out_it_rests_longer_and_longer(
    stage: Stage, ada: Practitioner
) -> None:
    stage.hand_made(ada)
    assert [hours_of_rest(stage, ada) for _ in range(10)] == [0, 0, 0, 1, 2, 4, 8, 16, 24, 24]


def test_while_it_rests_nothing_is_asked_of_anybody(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    for _ in range(3):
        hours_of_rest(stage, ada)
    stage.ledger.clear()
    for outcome in (stage.live(ada), stage.bulk(ada, everything=True)):
        assert outcome == Outcome(State.IDLE)
    assert stage.ledger.google + stage.ledger.ehr + stage.ledger.commits == []


def test_that_something_was_named_to_it_then_is_written_down_once(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    for _ in range(3):
        hours_of_rest(stage, ada)
    rows = [stage.book(ada, hours=hours) for hours in (60, 70)]
    stage.ledger.clear()
    for row in rows:
        assert stage.live(ada, row, look=False) == Outcome(State.IDLE)
    assert stage.ledger.documents_written == 1
    assert stage.ledger.google + stage.ledger.ehr == []


def test_it_recovers_by_itself_and_what_was_is_forgotten(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    for _ in range(3):
        hours_of_rest(stage, ada)
    stage.minutes(140)
    assert stage.item(ada).appointment_id == stage.row()["id"]
    assert stage.calendar(ada).lapses == 0
    stage.hand_made(ada, hours=80)
    assert [hours_of_rest(stage, ada) for _ in range(4)] == [0, 0, 0, 1]


def test_what_was_named_to_it_while_it_rested_is_made_good_afterwards(
    stage: Stage, ada: Practitioner
) -> None:
    stage.hand_made(ada)
    for _ in range(3):
        hours_of_rest(stage, ada)
    row = stage.book(ada)
    stage.minutes(140)
    assert len(stage.events(ada)) == 2
    assert row in {item.appointment_id for item in stage.items(ada)}


def test_a_job_that_comes_to_its_end_begins_the_count_anew(stage: Stage, ada: Practitioner) -> None:
    for _ in range(4):
        stage.hand_made(ada)
        assert [hours_of_rest(stage, ada) for _ in range(2)] == [0, 0]
        stage.sync(ada)


# --- every day ------------------------------------------------------------------------------------------


def test_a_day_after_a_pass_the_next_one_is_due_give_or_take_an_hour(stage: Stage) -> None:
    waits = set()
    for _ in range(12):
        pass_at = stage.calendar(stage.connect()).pass_at
        assert pass_at is not None
        waits.add(pass_at - stage.clock.now())
    assert all(23 * HOUR <= wait < 25 * HOUR for wait in waits)
    assert len(waits) > 6


def a_day(stage: Stage) -> None:
    """All of it passes at once but for the two hours in which the daily pass is due."""
    stage.clock.advance(23 * HOUR.total_seconds())
    stage.minutes(120)


def test_it_is_made_once_a_day_and_costs_little(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.settle()
    stage.ledger.clear()
    for _ in range(3):
        a_day(stage)
    assert stage.ledger.passes == 3
    assert stage.ledger.side_writes == []


def test_a_row_that_left_the_ehr_without_a_trace_is_missed_by_it(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.settle()
    stage.store.delete("Appointment", row, by=By.STAFF)
    stage.minutes(30)
    assert len(stage.events(ada)) == 1
    a_day(stage)
    assert stage.events(ada) == []


def test_what_comes_into_reach_is_found_by_it(stage: Stage) -> None:
    ada = stage.connect(horizon_days=10)
    stage.book(ada, hours=24 * 12)
    stage.hand_made(ada, hours=24 * 12 + 3)
    stage.settle()
    assert stage.items(ada) == []
    a_day(stage)
    assert stage.items(ada) == []
    a_day(stage)
    a_day(stage)
    assert len(stage.items(ada)) == 2
    assert len(stage.events(ada)) == len(stage.store.resources("Appointment")) == 2


def test_what_was_lost_on_the_way_is_found_by_it(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.feed()  # whoever was told has lost it
    a_day(stage)
    assert len(stage.events(ada)) == 1


def test_what_was_named_while_only_a_person_could_mend_it_is_found_once_it_is_mended(
    stage: Stage, ada: Practitioner
) -> None:
    """Such a task is not run again, and the practice's cursor has moved on."""
    stage.book(ada)
    stage.before = lambda name, _given: blocked(name)
    stage.ask(FeedTask(PRACTICE))
    stage.drain()
    assert stage.dropped == ["google_api_disabled"]
    stage.before = nothing
    stage.minutes(20)
    assert len(stage.events(ada)) == 1


def blocked(name: str) -> None:
    if name.startswith("events."):
        raise BlockedError("google_api_disabled")
