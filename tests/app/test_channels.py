"""Channels: made and renewed under the lease, one at a time alive, and never what a sync depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.jobs import CalendarTask, job_of
from shared.app.outcome import State
from shared.app.world import Push
from shared.core.errors import BlockedError, OverLimitError, RejectedError, RetryableError
from tests.app.stage import PUSH, Crash, Hook, Practitioner, Stage, at_step, both, nothing, once, raising

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def stage() -> Stage:
    return Stage(push=True)


def renewable(stage: Stage, whose: Practitioner) -> None:
    """Let the time come at which the channel is to be made anew."""
    renew_at = stage.calendar(whose).renew_at
    assert renew_at is not None
    stage.clock.advance((renew_at - stage.clock.now()).total_seconds())
    stage.ledger.clear()


def noting_watches(ids: list[str]) -> Hook:
    """Notes the id of every channel that is asked for."""

    def hook(name: str, given: Mapping[str, Any]) -> None:
        if name == "events.watch":
            ids.append(given["body"]["id"])

    return hook


# --- made -----------------------------------------------------------------------------------------------


def test_the_first_pass_makes_a_channel(stage: Stage) -> None:
    ada = stage.add()
    stage.sync(ada)
    [channel], [row] = stage.channels(ada), stage.calendar(ada).channels
    assert (row.id, row.resource_id, row.expires) == (channel.id, channel.resource_id, channel.expires)
    assert channel.address == PUSH.address
    assert stage.calendar(ada).watch_problem is None


def test_what_happened_before_there_was_a_channel_is_looked_for_at_once(stage: Stage) -> None:
    ada = stage.add()
    stage.before = once("events.watch", lambda: stage.hand_made(ada))
    outcome = stage.job(ada)
    assert (outcome.state, outcome.again_at, outcome.look) == (State.MORE, stage.clock.now(), True)
    stage.before = nothing
    stage.job(ada)
    assert stage.row()["status"] == "booked"
    stage.clock.advance((WEEK * 5 / 6).total_seconds())
    assert not stage.job(ada).look  # a renewal leaves no gap


def test_its_row_is_stored_before_it_is_asked_for(stage: Stage) -> None:
    ada = stage.add()
    stored: list[bool] = []

    def note(name: str, given: Mapping[str, Any]) -> None:
        if name == "events.watch":
            [row] = stage.calendar(ada).channels
            stored.append((row.id, row.resource_id) == (given["body"]["id"], None))

    stage.before = note
    stage.sync(ada)
    assert stored == [True]


def test_a_push_that_comes_before_the_answer_is_believed(stage: Stage) -> None:
    ada = stage.add()

    def change_and_tell() -> None:
        stage.hand_made(ada)
        stage.pushes()

    stage.after = once("events.watch", change_and_tell)
    stage.sync(ada)
    assert [job_of(task.body) for task in stage.tasks.waiting] == [CalendarTask(ada.connection.calendar_key)]
    stage.drain()
    assert stage.item(ada).appointment_id == stage.row()["id"]


def test_a_change_in_the_calendar_is_told_and_taken_in(stage: Stage, ada: Practitioner) -> None:
    stage.pushes()
    assert stage.tasks.waiting == []  # that the channel is there asks for nothing
    stage.hand_made(ada)
    stage.pushes()
    stage.drain()
    assert stage.row()["id"] == stage.item(ada).appointment_id


def test_without_push_there_are_no_channels() -> None:
    stage = Stage()
    ada = stage.connect()
    stage.clock.advance(30 * DAY.total_seconds())
    stage.sync(ada, stage.book(ada), everything=True)
    assert stage.channels(ada) == []
    assert stage.calendar(ada).channels == ()
    assert stage.calendar(ada).renew_at is None


def test_what_is_settled_is_saved_before_a_channel_is_asked_for(stage: Stage) -> None:
    ada = stage.add()
    stage.book(ada)
    stage.before = once("events.watch", raising(Crash()))
    with pytest.raises(Crash):
        stage.sync(ada)
    assert stage.item(ada).event_id == stage.event(ada)["id"]


# --- renewed --------------------------------------------------------------------------------------------


def test_it_is_renewed_in_the_last_third_of_its_life(stage: Stage, ada: Practitioner) -> None:
    [row], made = stage.calendar(ada).channels, stage.clock.now()
    renew_at = stage.calendar(ada).renew_at
    assert renew_at is not None
    assert made + WEEK * 2 / 3 <= renew_at < row.expires - WEEK / 20
    stage.clock.advance((renew_at - made).total_seconds() - 1)
    stage.live(ada)
    assert "events.watch" not in stage.ledger.google
    stage.clock.advance(1)
    stage.live(ada)
    [channel] = stage.channels(ada)
    assert channel.id != row.id
    assert [each.id for each in stage.calendar(ada).channels] == [channel.id]


def test_those_made_at_the_same_time_are_not_renewed_at_the_same_time(stage: Stage) -> None:
    times = sorted(stage.calendar(stage.connect()).renew_at or stage.clock.now() for _ in range(12))
    assert len(set(times)) > 6
    assert times[-1] - times[0] > DAY / 2


def test_a_look_that_is_idle_but_for_the_channel_makes_it(stage: Stage, ada: Practitioner) -> None:
    renewable(stage, ada)
    assert stage.live(ada).state is State.DONE
    assert stage.ledger.google == ["events.list", "events.watch", "channels.stop"]


def test_the_new_one_lives_before_the_old_one_is_stopped(stage: Stage, ada: Practitioner) -> None:
    [old] = stage.channels(ada)
    renewable(stage, ada)
    alive: list[set[str]] = []

    def note(name: str, given: Mapping[str, Any]) -> None:
        if name == "channels.stop":
            assert given["body"]["id"] == old.id
            known = {row.id for row in stage.calendar(ada).channels if row.resource_id}
            alive.extend([{each.id for each in stage.channels(ada)}, known])

    stage.before = note
    stage.live(ada)
    [new] = stage.channels(ada)
    assert alive == [{old.id, new.id}] * 2


def test_the_expiry_that_the_answer_names_counts(stage: Stage) -> None:
    stage.google.settings = replace(stage.google.settings, channel_seconds_max=3_600)
    ada = stage.connect()
    [row], renew_at = stage.calendar(ada).channels, stage.calendar(ada).renew_at
    assert row.expires == stage.clock.now() + HOUR
    assert renew_at is not None
    assert 40 * MINUTE <= renew_at - stage.clock.now() < HOUR


def test_stopping_one_that_is_gone_is_no_error(stage: Stage, ada: Practitioner) -> None:
    stage.google.channels.end(ada.sub, "")
    renewable(stage, ada)
    assert stage.live(ada).state is State.DONE
    [channel] = stage.channels(ada)
    assert [row.id for row in stage.calendar(ada).channels] == [channel.id]


def test_one_that_cannot_be_stopped_does_not_hold_up_the_new_one(stage: Stage, ada: Practitioner) -> None:
    renewable(stage, ada)
    stage.before = once("channels.stop", raising(RetryableError("google_unavailable")))
    assert stage.live(ada).state is State.DONE
    newest = stage.calendar(ada).channels[-1]
    assert newest.id in {each.id for each in stage.channels(ada)}
    stage.clock.advance(WEEK.total_seconds() / 3)
    assert [each.id for each in stage.channels(ada)] == [newest.id]  # the other ended by itself


# --- not made -------------------------------------------------------------------------------------------


def test_after_a_lost_answer_another_id_is_asked_for_and_the_old_one_is_stopped(
    stage: Stage, ada: Practitioner
) -> None:
    [old] = stage.channels(ada)
    renewable(stage, ada)
    stage.after = once("events.watch", raising(RetryableError("google_unreachable")))
    assert stage.live(ada).state is State.DONE
    [known, lost] = stage.calendar(ada).channels
    assert (known.id, lost.resource_id) == (old.id, None)
    assert stage.calendar(ada).renew_at == stage.clock.now() + 5 * MINUTE
    assert {each.id for each in stage.channels(ada)} == {old.id, lost.id}
    renewable(stage, ada)
    stage.live(ada)
    [channel] = stage.channels(ada)
    assert channel.id not in {old.id, lost.id}
    assert [row.id for row in stage.calendar(ada).channels] == [channel.id]


def test_an_outage_of_the_watch_is_no_outage_of_the_sync(stage: Stage) -> None:
    ada = stage.add()
    stage.book(ada)
    stage.before = once("events.watch", raising(RetryableError("google_unavailable")))
    outcome = stage.bulk(ada)
    assert outcome.state is State.DONE
    assert len(stage.events(ada)) == 1
    assert stage.calendar(ada).lease is None
    assert stage.calendar(ada).watch_problem == "google_unavailable"


def test_there_are_never_more_than_three_rows(stage: Stage, ada: Practitioner) -> None:
    lost = RetryableError("google_unreachable")
    for _ in range(6):
        renewable(stage, ada)
        stage.after = once("events.watch", raising(lost))
        stage.live(ada)
        assert len(stage.calendar(ada).channels) <= 3
    renewable(stage, ada)
    stage.live(ada)
    [row] = stage.calendar(ada).channels
    assert row.id in {each.id for each in stage.channels(ada)}


def test_the_one_that_is_known_to_live_is_not_forgotten_for_those_that_may(
    stage: Stage, ada: Practitioner
) -> None:
    [old] = stage.channels(ada)
    for _ in range(4):
        renewable(stage, ada)
        stage.after = once("events.watch", raising(RetryableError("google_unreachable")))
        stage.live(ada)
    assert old.id in {row.id for row in stage.calendar(ada).channels}
    renewable(stage, ada)
    stage.live(ada)
    assert old.id not in {each.id for each in stage.channels(ada)}


def test_one_whose_time_is_over_is_forgotten(stage: Stage, ada: Practitioner) -> None:
    [old] = stage.calendar(ada).channels
    stage.clock.advance(WEEK.total_seconds())
    stage.before = once("events.watch", raising(RetryableError("google_unavailable")))
    stage.live(ada)
    [row] = stage.calendar(ada).channels
    assert row.id != old.id


def test_a_calendar_that_knows_no_channels_is_looked_at_only(stage: Stage) -> None:
    ada = stage.add()
    stage.before = once("events.watch", lambda: unwatchable(stage, ada))
    stage.sync(ada)
    calendar = stage.calendar(ada)
    assert (calendar.watch_problem, calendar.problem) == ("google_not_watchable", None)
    assert calendar.channels == ()
    stage.ledger.clear()
    stage.clock.advance(29 * DAY.total_seconds())
    stage.hand_made(ada)
    stage.live(ada)
    assert "events.watch" not in stage.ledger.google
    assert stage.item(ada).appointment_id is not None


def unwatchable(stage: Stage, whose: Practitioner) -> None:
    ids = frozenset({stage.calendar_id(whose)})
    stage.google.settings = replace(stage.google.settings, unwatchable=ids)


def test_it_is_asked_again_after_a_month(stage: Stage) -> None:
    ada = stage.add()
    stage.before = once("events.watch", lambda: unwatchable(stage, ada))
    stage.sync(ada)
    stage.google.settings = replace(stage.google.settings, unwatchable=frozenset())
    stage.clock.advance(30 * DAY.total_seconds())
    stage.live(ada)
    assert len(stage.channels(ada)) == 1
    assert stage.calendar(ada).watch_problem is None


def test_an_address_that_is_refused_does_not_stop_the_sync(stage: Stage) -> None:
    stage.world = replace(stage.world, push=Push("http://calsync.example/google", PUSH.keys))
    ada = stage.add()
    stage.book(ada)
    stage.sync(ada)
    calendar = stage.calendar(ada)
    assert (calendar.watch_problem, calendar.problem) == ("google_push_address", None)
    assert calendar.channels == ()
    assert calendar.renew_at == stage.clock.now() + HOUR
    assert len(stage.events(ada)) == 1


@pytest.mark.parametrize(
    "error", [BlockedError("google_push_address"), RejectedError("google_not_watchable")]
)
def test_a_refusal_leaves_the_channel_that_lives(stage: Stage, ada: Practitioner, error: Exception) -> None:
    before = stage.calendar(ada).channels
    renewable(stage, ada)
    stage.before = once("events.watch", raising(error))
    stage.live(ada)
    assert stage.calendar(ada).channels == before
    assert [each.id for each in stage.channels(ada)] == [before[0].id]


def test_a_limit_met_by_the_watch_is_the_accounts(stage: Stage, ada: Practitioner) -> None:
    renewable(stage, ada)
    before = stage.calendar(ada).channels
    stage.before = once("events.watch", raising(OverLimitError("google_rate_limit", 600)))
    assert stage.live(ada).state is State.DONE
    pause_until = stage.connection(ada).pause_until
    assert pause_until is not None
    assert pause_until >= stage.clock.now() + timedelta(seconds=600)
    assert stage.calendar(ada).channels == before  # a refusal: nothing was made


def test_an_account_over_its_limit_is_not_asked_for_a_channel(stage: Stage) -> None:
    ada = stage.add()
    stage.book(ada)
    stage.before = once("events.insert", raising(OverLimitError("google_rate_limit")))
    stage.bulk(ada)
    assert "events.watch" not in stage.ledger.google
    stage.before = nothing
    stage.clock.advance(60)
    stage.sync(ada)
    assert len(stage.channels(ada)) == 1


def test_a_calendar_that_is_gone_is_found_out_by_the_watch_too(stage: Stage, ada: Practitioner) -> None:
    renewable(stage, ada)
    stage.before = once("events.watch", lambda: ada.person.delete_calendar(stage.calendar_id(ada)))
    with pytest.raises(BlockedError, match="calendar_missing"):
        stage.live(ada)
    assert (stage.calendar(ada).missing, stage.calendar(ada).lease) == (True, None)


# --- crashes --------------------------------------------------------------------------------------------


STEPS = 7
"""Look, lease, row, watch, answer, stop, end: it dies between any two of them."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", range(STEPS))
def test_wherever_a_renewal_dies_it_ends_with_one_channel_and_no_id_twice(
    stage: Stage, ada: Practitioner, moment: str, step: int
) -> None:
    renewable(stage, ada)
    ids: list[str] = []
    dying, noting = at_step(step, raising(Crash())), noting_watches(ids)
    stage.before = both(noting, dying if moment == "before" else nothing)
    stage.after = dying if moment == "after" else nothing
    with pytest.raises(Crash):
        stage.live(ada)
    stage.before, stage.after = noting, nothing
    stage.clock.advance(91)
    stage.sync(ada)
    newest = stage.calendar(ada).channels[-1].id
    assert newest in {each.id for each in stage.channels(ada)}
    stage.clock.advance(WEEK.total_seconds() / 3)  # what nobody knows of any more ends by itself
    stage.sync(ada)
    assert [each.id for each in stage.channels(ada)] == [newest]
    assert len(ids) == len(set(ids))


def test_a_renewal_has_as_many_steps(stage: Stage, ada: Practitioner) -> None:
    renewable(stage, ada)
    names: list[str] = []
    stage.before = lambda name, _given: names.append(name)
    stage.live(ada)
    assert len(names) == STEPS
