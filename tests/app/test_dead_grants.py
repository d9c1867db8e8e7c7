"""A dead grant: noted once, by whoever meets it, for the connection that lives on it; a new one goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.connections import grant_died
from shared.app.jobs import CalendarTask, LooksTask
from shared.app.outcome import Outcome, State
from shared.app.records import Lease, Status
from shared.core.errors import BlockedError, GrantDeadError, RetryableError
from tests.app.consents import ConsentingStage
from tests.app.stage import ELSEWHERE, Crash, Practitioner, once, raising
from tests.app.workers import Worker


@pytest.fixture
def stage() -> ConsentingStage:
    return ConsentingStage(push=True)


def meet(stage: ConsentingStage, whose: Practitioner) -> None:
    with pytest.raises(GrantDeadError):
        stage.live(whose)


# --- met ------------------------------------------------------------------------------------------------


def test_whoever_meets_it_notes_it_and_everything_waits(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.withdraw(ada)
    meet(stage, ada)
    before, calendar = stage.connection(ada), stage.calendar(ada)
    assert before.status is Status.RECONNECT_NEEDED
    assert (calendar.active, calendar.due_at, calendar.lease) == (False, None, None)
    stage.ledger.clear()
    row = stage.book(ada)
    assert stage.live(ada, row) == stage.bulk(ada, everything=True) == Outcome(State.IDLE)
    stage.minutes(60)
    assert stage.ledger.google == []
    assert stage.connection(ada) == before


@pytest.mark.parametrize("met_by", ["a pass", "an item", "the channel", "a look"])
def test_it_is_noted_wherever_it_is_met(stage: ConsentingStage, ada: Practitioner, met_by: str) -> None:
    row = stage.book(ada)
    at = {"a pass": "events.list", "an item": "events.insert", "the channel": "events.watch"}
    if met_by == "the channel":
        stage.change_calendar(ada, renew_at=stage.clock.now())
    stage.before = once(at.get(met_by, "events.list"), lambda: stage.withdraw(ada))
    if met_by == "a look":
        stage.ask(LooksTask((ada.connection.calendar_key,)))
        stage.drain()
        assert stage.dropped == ["reconnect_needed"]
    else:
        with pytest.raises(GrantDeadError):
            stage.bulk(ada, everything=True) if met_by == "a pass" else stage.live(ada, row, look=False)
    assert stage.connection(ada).status is Status.RECONNECT_NEEDED
    assert not stage.calendar(ada).active


def test_what_is_told_of_it_twice_is_written_once(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.withdraw(ada)
    meet(stage, ada)
    stage.ledger.clear()
    grant_died(stage.world, ada.connection)
    assert stage.ledger.commits == []


def test_pushes_and_pokes_come_to_nothing(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.pushes()
    stage.withdraw(ada)
    stage.drain()
    assert stage.dropped == ["reconnect_needed"]
    for _ in range(3):
        stage.ask(CalendarTask(ada.connection.calendar_key, (stage.book(ada),)))
        stage.drain()
    assert stage.dropped == ["reconnect_needed"]


def test_another_connection_of_the_account_finds_out_for_itself(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    bea = stage.add(sub=ada.sub, practice=ELSEWHERE)
    stage.sync(bea)
    stage.withdraw(ada)
    meet(stage, ada)
    assert stage.connection(bea).status is Status.ACTIVE
    meet(stage, bea)
    assert stage.connection(bea).status is Status.RECONNECT_NEEDED


@pytest.mark.parametrize("reason", ["google_unauthorized", "google_client_configuration"])
def test_no_other_refusal_is_a_dead_grant(stage: ConsentingStage, ada: Practitioner, reason: str) -> None:
    stage.before = once("events.list", raising(BlockedError(reason)))
    with pytest.raises(BlockedError, match=reason):
        stage.live(ada)
    assert stage.connection(ada).status is Status.ACTIVE
    assert stage.calendar(ada).active
    assert stage.calendar(ada).problem == reason


def test_a_store_that_fails_leaves_it_to_be_met_again(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.withdraw(ada)
    stage.before = once("commit", raising(RetryableError("store_unavailable")))
    meet(stage, ada)
    assert stage.connection(ada).status is Status.ACTIVE
    meet(stage, ada)
    assert stage.connection(ada).status is Status.RECONNECT_NEEDED


# --- old and new ----------------------------------------------------------------------------------------


def test_a_late_refusal_of_the_old_token_after_a_reconnect_parks_nobody(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.withdraw(ada)
    with Worker(stage, lambda: stage.live(ada)) as late:
        late.step()  # with the old token, about to look
        meet(stage, ada)
        stage.consents_again(ada)
        outcome = late.finish()
    assert isinstance(outcome, Outcome)
    assert outcome.pass_due
    assert stage.connection(ada).status is Status.ACTIVE
    assert stage.calendar(ada).active
    stage.minutes(16)
    assert stage.calendar(ada).epoch == stage.connection(ada).epoch


def test_what_was_named_to_a_job_with_the_old_token_is_done_with_the_new(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    """The new consent came before anybody had met the death of the old."""
    row = stage.book(ada)
    with Worker(stage, lambda: stage.live(ada, row, look=False)) as late:
        late.steps(3)
        stage.withdraw(ada)
        stage.consents_again(ada)
        late.finish()
    assert stage.connection(ada).status is Status.ACTIVE
    assert len(stage.events(ada)) == 1


def test_a_reconnect_while_the_death_is_noted_does_not_leave_it_asleep(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.withdraw(ada)
    with Worker(stage, lambda: grant_died(stage.world, ada.connection)) as late:
        late.step()
        meet(stage, ada)
        stage.consents_again(ada)
        late.finish()
    assert stage.connection(ada).status is Status.ACTIVE
    assert stage.calendar(ada).active


def test_a_disconnection_that_ends_the_grant_of_a_job_alarms_nobody(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.withdraw(ada)
    with Worker(stage, lambda: stage.live(ada)) as late:
        late.step()
        stage.disconnect(ada)
        assert late.finish() == Outcome(State.IDLE)
    assert stage.connection(ada).status is Status.DISCONNECTED


def test_a_calendar_that_a_dead_job_left_leased_goes_to_sleep_too(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.change_calendar(ada, lease=Lease("dead", stage.clock.now()))
    stage.withdraw(ada)
    meet(stage, ada)
    assert (stage.calendar(ada).active, stage.calendar(ada).lease) == (False, None)


def test_a_calendar_that_another_job_has_is_left_to_it(stage: ConsentingStage, ada: Practitioner) -> None:
    leased = Lease("another", stage.clock.now() + timedelta(seconds=60))
    stage.change_calendar(ada, lease=leased)
    grant_died(stage.world, ada.connection)
    assert stage.connection(ada).status is Status.RECONNECT_NEEDED
    assert stage.calendar(ada).lease == leased


# --- and on ---------------------------------------------------------------------------------------------


def test_a_new_consent_goes_on_with_everything_that_came_meanwhile(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada, hours=60)
    stage.settle()
    stage.withdraw(ada)
    meet(stage, ada)
    stage.book(ada)
    stage.delete(ada, event)
    stage.poke()
    stage.consents_again(ada)
    stage.minutes(3)
    assert len(stage.events(ada)) == 1
    assert sorted(row["status"] for row in stage.store.resources("Appointment")) == ["booked", "cancelled"]
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


def test_it_has_a_channel_of_its_own_then(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.withdraw(ada)
    meet(stage, ada)
    assert stage.channels(ada) == []
    stage.consents_again(ada)
    stage.minutes(2)
    [channel] = stage.channels(ada)
    assert [row.id for row in stage.calendar(ada).channels] == [channel.id]


def test_what_happened_before_there_was_one_is_looked_for_at_once(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    settings = stage.google.settings
    stage.google.settings = replace(settings, channels_outlive_grants=True)  # nobody can rely on it
    stage.withdraw(ada)
    meet(stage, ada)
    stage.consents_again(ada)
    stage.before = once("events.watch", lambda: stage.hand_made(ada))
    outcome = stage.bulk(ada)
    assert (outcome.state, outcome.look) == (State.MORE, True)
    stage.live(ada)
    assert stage.item(ada).appointment_id == stage.row()["id"]


def test_a_consent_given_again_before_anybody_met_the_death_has_a_channel_too(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.withdraw(ada)
    stage.consents_again(ada)
    assert stage.channels(ada) == []
    stage.minutes(16)
    assert len(stage.channels(ada)) == 1
    assert stage.connection(ada).status is Status.ACTIVE


def test_a_job_that_dies_while_it_asks_for_that_one_leaves_it_to_the_next(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.withdraw(ada)
    stage.consents_again(ada)
    stage.before = once("events.watch", raising(Crash()))
    with pytest.raises(Crash):
        stage.live(ada)
    stage.clock.advance(91)
    stage.live(ada)
    assert len(stage.channels(ada)) == 1


def test_a_channel_that_outlived_its_grant_is_stopped_once_there_is_another(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    settings = stage.google.settings
    stage.google.settings = replace(settings, channels_outlive_grants=True)
    [old] = stage.channels(ada)
    stage.withdraw(ada)
    meet(stage, ada)
    stage.consents_again(ada)
    stage.minutes(2)
    [new] = stage.channels(ada)
    assert new.id != old.id
