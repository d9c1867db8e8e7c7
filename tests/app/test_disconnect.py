"""Disconnect and back: nothing more is written, everything stays, the same account finds its own again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.app.connections import pause, resume, start
from shared.app.outcome import Outcome, State
from shared.app.records import Lease, Status
from shared.core.errors import BlockedError, RejectedError, RetryableError
from tests.app.consents import REVOKE, ConsentingStage
from tests.app.stage import ELSEWHERE, Crash, Practitioner, Stage, at_step, nothing, once, raising, starts
from tests.app.workers import Worker


@pytest.fixture
def stage() -> ConsentingStage:
    return ConsentingStage(push=True)


def full(stage: Stage, whose: Practitioner) -> None:
    """In sync, with something of every kind."""
    stage.book(whose, hours=48)
    stage.own_time(whose, hours=52)
    stage.hand_made(whose, hours=56)
    stage.settle()
    stage.ledger.clear()


# --- what is left ---------------------------------------------------------------------------------------


def test_events_appointments_and_what_is_known_of_them_stay(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    full(stage, ada)
    events, rows = stage.events(ada), stage.store.resources("Appointment")
    items = stage.items(ada)
    stage.disconnect(ada)
    assert (stage.events(ada), stage.store.resources("Appointment")) == (events, rows)
    assert stage.items(ada) == items


def test_the_grant_is_given_back_and_forgotten(stage: ConsentingStage, ada: Practitioner) -> None:
    token = stage.token(ada.connection)
    assert token is not None
    connection = stage.disconnect(ada)
    assert connection.status is Status.DISCONNECTED
    assert connection == stage.connection(ada)
    assert not stage.consent.is_live(token)
    assert stage.documents.find("grants") == []


def test_channels_are_stopped_before_the_grant_goes(stage: ConsentingStage, ada: Practitioner) -> None:
    [channel] = stage.channels(ada)
    stage.disconnect(ada)
    assert stage.ledger.google == ["channels.stop", REVOKE]
    assert channel.stopped is not None


def test_nothing_is_asked_or_moved_after_it(stage: ConsentingStage, ada: Practitioner) -> None:
    full(stage, ada)
    stage.disconnect(ada)
    row = stage.book(ada, hours=60)
    stage.ledger.clear()
    assert stage.live(ada, row) == stage.bulk(ada, everything=True) == Outcome(State.IDLE)
    stage.pushes()
    stage.minutes(60)
    assert stage.ledger.google + stage.ledger.ehr_writes == []


@pytest.mark.parametrize("status", [Status.CONNECTED, Status.PAUSED, Status.RECONNECT_NEEDED])
def test_whatever_is_not_disconnected_can_be(
    stage: ConsentingStage, ada: Practitioner, status: Status
) -> None:
    if status is Status.PAUSED:
        pause(stage.world, ada.connection.key)
    if status is Status.RECONNECT_NEEDED:
        stage.withdraw(ada)
        with pytest.raises(BlockedError):
            stage.live(ada)
    if status is Status.CONNECTED:
        stage.disconnect(ada)
        stage.consents_again(ada)
    assert stage.connection(ada).status is status
    assert stage.disconnect(ada).status is Status.DISCONNECTED
    assert stage.documents.find("grants") == []


def test_a_second_time_is_nothing(stage: ConsentingStage, ada: Practitioner) -> None:
    connection = stage.disconnect(ada)
    stage.ledger.clear()
    assert stage.disconnect(ada) == connection
    assert (stage.ledger.google, stage.ledger.commits) == ([], [])


def test_what_was_never_connected_is_not(stage: ConsentingStage, ada: Practitioner) -> None:
    ada.connection = replace(ada.connection, practitioner="nobody")
    with pytest.raises(RejectedError, match="not_connected"):
        stage.disconnect(ada)


# --- whose grant it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("practice", ["practice-1", ELSEWHERE])
def test_a_grant_that_another_connection_lives_on_too_is_not_revoked(
    stage: ConsentingStage, ada: Practitioner, practice: str
) -> None:
    bea = stage.add(sub=ada.sub, practice=practice)
    stage.sync(bea)
    stage.ledger.clear()
    stage.disconnect(ada)
    assert REVOKE not in stage.ledger.google
    assert len(stage.documents.find("grants")) == 1
    stage.sync(bea, stage.book(bea))
    assert len(stage.events(bea)) == 1
    stage.disconnect(bea)
    assert stage.ledger.google.count(REVOKE) == 1


# --- in the middle --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(1, 10))
def test_wherever_a_job_is_nothing_is_written_once_it_has_returned(
    stage: ConsentingStage, ada: Practitioner, step: int
) -> None:
    stage.hand_made(ada, hours=60)
    stage.hand_made(ada, hours=62)
    rows = [stage.book(ada, hours=hours) for hours in (48, 50)]
    with Worker(stage, lambda: stage.live(ada, *rows)) as worker:
        worker.steps(step)
        stage.world, real = worker.meanwhile, stage.world
        stage.disconnect(ada)
        stage.world = real
        items = stage.items(ada)
        stage.ledger.clear()
        assert isinstance(worker.finish(), Outcome)
    assert stage.ledger.side_writes == []
    assert stage.items(ada) == items
    stage.reconnect(ada)
    stage.minutes(2)
    assert len(stage.events(ada)) == len(stage.store.resources("Appointment")) == 4


def test_a_job_that_does_not_end_is_told_and_the_same_call_goes_on(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.change_calendar(ada, lease=Lease("endless", stage.at(1)))
    with pytest.raises(RetryableError, match="stopping"):
        stage.disconnect(ada)
    assert stage.connection(ada).status is Status.STOPPING
    assert stage.token(ada.connection) is not None
    stage.clock.advance(3_600)
    assert stage.disconnect(ada).status is Status.DISCONNECTED


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("error", [RetryableError("google_unavailable"), Crash()])
@pytest.mark.parametrize("step", range(5))
def test_wherever_it_breaks_off_the_same_call_goes_on(
    stage: ConsentingStage, ada: Practitioner, moment: str, error: BaseException, step: int
) -> None:
    """Stopping, parked, channel stopped, revoked, gone."""
    token = stage.token(ada.connection)
    setattr(stage, moment, at_step(step, raising(error)))
    try:
        stage.disconnect(ada)
    except (RetryableError, Crash):
        assert stage.connection(ada).status is not Status.ACTIVE or (step, moment) == (0, "before")
    stage.before = stage.after = nothing
    assert stage.disconnect(ada).status is Status.DISCONNECTED
    assert token is not None
    assert not stage.consent.is_live(token)
    assert stage.documents.find("grants") == []
    assert not stage.calendar(ada).active
    assert stage.channels(ada) == []


def test_it_makes_five_calls(stage: ConsentingStage, ada: Practitioner) -> None:
    calls: list[str] = []
    stage.before = lambda name, _given: calls.append(name)
    stage.disconnect(ada)
    assert calls == ["commit", "commit", "channels.stop", REVOKE, "commit"]


def test_a_channel_that_cannot_be_stopped_does_not_keep_the_grant(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.before = once("channels.stop", raising(RetryableError("google_unavailable")))
    assert stage.disconnect(ada).status is Status.DISCONNECTED
    assert stage.documents.find("grants") == []


# --- several at once ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(1, 6))
def test_a_pause_in_the_middle_of_it_does_not_bring_it_back(
    stage: ConsentingStage, ada: Practitioner, step: int
) -> None:
    with Worker(stage, lambda: stage.disconnect(ada)) as worker:
        worker.steps(step)
        pause(worker.meanwhile, ada.connection.key)
        worker.finish()
    assert stage.connection(ada).status is Status.DISCONNECTED
    with pytest.raises(RejectedError):
        resume(stage.world, ada.connection.key)


@pytest.mark.parametrize("step", range(2, 4))
def test_a_pause_that_comes_late_does_not_undo_it(
    stage: ConsentingStage, ada: Practitioner, step: int
) -> None:
    with Worker(stage, lambda: pause(stage.world, ada.connection.key)) as late:
        late.steps(step)
        stage.disconnect(ada)
        late.finish()
    assert stage.connection(ada).status is Status.DISCONNECTED


@pytest.mark.parametrize("step", range(2, 6))
def test_what_was_begun_again_in_the_middle_of_it_is_not_taken_for_ended(
    stage: ConsentingStage, ada: Practitioner, step: int
) -> None:
    """A pause came to its end in between, and a resume: the disconnection is to be asked for again."""
    with Worker(stage, lambda: stage.disconnect(ada)) as worker:
        worker.steps(step)
        pause(stage.world, ada.connection.key)
        resume(stage.world, ada.connection.key)
        with pytest.raises(RetryableError, match="connection_contested"):
            worker.finish()
    assert stage.connection(ada).status is Status.ACTIVE
    assert stage.calendar(ada).active
    assert stage.disconnect(ada).status is Status.DISCONNECTED
    assert stage.documents.find("grants") == []


def test_a_consent_given_in_the_middle_of_it_is_not_lost_without_being_given_back(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    """Between the revocation and the end; a pause made it possible."""
    with Worker(stage, lambda: stage.disconnect(ada)) as worker:
        worker.steps(5)
        pause(stage.world, ada.connection.key)
        stage.consents_again(ada)
        token = stage.token(ada.connection)
        with pytest.raises(RetryableError):
            worker.finish()
    assert stage.disconnect(ada).status is Status.DISCONNECTED
    assert token is not None
    assert not stage.consent.is_live(token)


# --- and back -------------------------------------------------------------------------------------------


def test_the_same_account_lands_in_the_same_calendar_with_nothing_twice(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    full(stage, ada)
    before = stage.calendar_id(ada)
    stage.disconnect(ada)
    stage.reconnect(ada)
    stage.minutes(2)
    assert stage.calendar_id(ada) == before
    assert stage.ledger.passes == 1
    assert not {"calendars.insert", "events.insert"} & set(stage.ledger.google)
    assert len(stage.events(ada)) == len(stage.store.resources("Appointment")) == 3
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


def test_what_happened_meanwhile_on_both_sides_is_made_good(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    full(stage, ada)
    by_hand = next(event for event in stage.events(ada) if event["summary"] not in ("ID-1", "Busy"))
    stage.disconnect(ada)
    new = stage.book(ada, hours=70)
    stage.delete(ada, by_hand["id"])
    stage.feed()
    stage.reconnect(ada)
    stage.minutes(3)
    assert stage.row(new)["status"] == "booked"
    assert starts(stage.row(new)) in map(starts, stage.events(ada))
    assert len(stage.events(ada)) == 3
    statuses = sorted(row["status"] for row in stage.store.resources("Appointment"))
    assert statuses == ["booked", "booked", "booked", "cancelled"]


def test_it_has_a_channel_again_at_once(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.disconnect(ada)
    assert stage.channels(ada) == []
    stage.reconnect(ada)
    stage.minutes(2)
    [channel] = stage.channels(ada)
    assert [row.id for row in stage.calendar(ada).channels] == [channel.id]


def test_one_that_was_not_brought_to_its_end_and_is_gone_on_from_has_a_channel_again(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.before = once(REVOKE, raising(RetryableError("google_unavailable")))
    with pytest.raises(RetryableError):
        stage.disconnect(ada)
    assert stage.channels(ada) == []
    pause(stage.world, ada.connection.key)
    resume(stage.world, ada.connection.key)
    stage.minutes(2)
    assert len(stage.channels(ada)) == 1


def test_no_number_of_a_grant_comes_twice(stage: ConsentingStage, ada: Practitioner) -> None:
    before = stage.connection(ada).grant
    stage.disconnect(ada)
    stage.consents_again(ada)
    assert stage.connection(ada).grant == before + 1


@pytest.mark.parametrize("ends", [True, False])
def test_what_happened_before_it_had_one_is_looked_for_at_once(
    stage: ConsentingStage, ada: Practitioner, *, ends: bool
) -> None:
    if not ends:
        stage.before = once(REVOKE, raising(RetryableError("google_unavailable")))
        with pytest.raises(RetryableError):
            stage.disconnect(ada)
        pause(stage.world, ada.connection.key)
        resume(stage.world, ada.connection.key)
    else:
        stage.disconnect(ada)
        stage.reconnect(ada)
    stage.before = once("events.watch", lambda: stage.hand_made(ada))
    outcome = stage.bulk(ada)
    assert (outcome.state, outcome.look) == (State.MORE, True)
    stage.live(ada)
    assert stage.item(ada).appointment_id == stage.row()["id"]


def test_it_waits_to_be_begun(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.disconnect(ada)
    stage.consents_again(ada)
    assert stage.connection(ada).status is Status.CONNECTED
    stage.minutes(20)
    assert not stage.calendar(ada).active
    assert start(stage.world, ada.connection.key).status is Status.ACTIVE
    assert stage.calendar(ada).active


def test_another_account_has_a_calendar_of_its_own_and_the_first_stays_as_it_is(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    full(stage, ada)
    first, left = ada.connection.calendar_key, stage.events(ada)
    other = stage.google.add_account("another@example.com", "America/New_York").sub
    stage.disconnect(ada)
    stage.reconnect(ada, other)
    stage.minutes(2)
    assert ada.connection.calendar_key != first
    assert len(stage.events(ada)) == 3  # in the new one
    row = stage.book(ada, hours=90)
    stage.poke()
    assert starts(stage.row(row)) in map(starts, stage.events(ada))
    ada.connection = replace(ada.connection, calendar_key=first)
    assert stage.events(ada) == left
    assert not stage.calendar(ada).active
    ehr: list[dict[str, Any]] = stage.store.resources("Appointment")
    assert len(ehr) == 4
