"""Epochs: whatever asks that everything is read again gets one complete pass, and the last word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shared.app.connections import change_settings, pause, resume
from shared.app.jobs import CalendarTask
from shared.core.errors import RetryableError
from shared.core.policy import LabelMode, Mode
from shared.ports import Queue
from tests.app.consents import ConsentingStage
from tests.app.stage import FAMILY, Practitioner, Stage, at_step, nothing, once, raising

NAMES, IDS = LabelMode.FULL_NAME, LabelMode.INTERNAL_ID


@pytest.fixture
def stage() -> ConsentingStage:
    return ConsentingStage()


def bulk_task(whose: Practitioner) -> CalendarTask:
    """What whoever raises the epoch asks for."""
    return CalendarTask(whose.connection.calendar_key, look=False, queue=Queue.BULK)


def labels(stage: Stage, whose: Practitioner) -> set[str]:
    """What the events of appointments are labelled by."""
    return {"name" if FAMILY in event["summary"] else "id" for event in stage.events(whose)}


def booked(stage: Stage, whose: Practitioner, count: int = 4) -> None:
    """In sync, with so many appointments."""
    for number in range(count):
        stage.book(whose, hours=24 + number)
    stage.settle()
    stage.ledger.clear()


# --- one pass -------------------------------------------------------------------------------------------


def test_other_settings_are_in_every_event_after_one_pass(stage: Stage, ada: Practitioner) -> None:
    booked(stage, ada)
    stage.change_settings(ada, client_label=NAMES)
    stage.ask(bulk_task(ada))
    stage.drain()
    assert labels(stage, ada) == {"name"}
    assert stage.ledger.passes == 1
    stage.ledger.clear()
    stage.minutes(60)
    assert (stage.ledger.passes, stage.ledger.side_writes) == (0, [])


def test_the_same_settings_ask_for_nothing(stage: Stage, ada: Practitioner) -> None:
    before = stage.connection(ada)
    stage.ledger.clear()
    change_settings(stage.world, before.key, before.settings)
    assert stage.ledger.commits == []
    assert stage.connection(ada) == before


def test_of_two_changes_in_a_hurry_the_last_wins_in_one_pass(stage: Stage, ada: Practitioner) -> None:
    booked(stage, ada)
    for label in (NAMES, IDS, NAMES):
        stage.change_settings(ada, client_label=label)
        stage.ask(bulk_task(ada))
    stage.drain()
    assert labels(stage, ada) == {"name"}
    assert stage.ledger.passes == 1


@pytest.mark.parametrize("step", [0, 1, 3, 5, 7, 9, 11])
def test_a_change_while_a_pass_runs_is_followed_by_another_pass(
    stage: Stage, ada: Practitioner, step: int
) -> None:
    booked(stage, ada)
    stage.change_settings(ada, client_label=NAMES)

    def change_again() -> None:
        stage.before = nothing
        stage.change_settings(ada, client_label=IDS)
        stage.ask(bulk_task(ada))

    stage.ask(bulk_task(ada))
    stage.before = at_step(step, change_again)
    stage.drain()
    assert labels(stage, ada) == {"id"}
    assert stage.calendar(ada).epoch == stage.connection(ada).epoch


def test_a_resume_is_one_pass(stage: Stage, ada: Practitioner) -> None:
    booked(stage, ada)
    pause(stage.world, ada.connection.key)
    stage.book(ada, hours=60)
    stage.feed()
    resume(stage.world, ada.connection.key)
    stage.ledger.clear()
    stage.ask(bulk_task(ada))
    stage.drain()
    assert len(stage.events(ada)) == 5
    assert stage.ledger.passes == 1


def test_a_reconnect_is_one_pass(stage: ConsentingStage, ada: Practitioner) -> None:
    booked(stage, ada)
    stage.withdraw(ada)
    stage.ask(CalendarTask(ada.connection.calendar_key))
    stage.drain()
    stage.book(ada, hours=60)
    stage.feed()
    stage.consents_again(ada)
    stage.ledger.clear()
    stage.ask(bulk_task(ada))
    stage.drain()
    assert len(stage.events(ada)) == 5
    assert stage.ledger.passes == 1


def test_back_from_off_everything_is_read_once(stage: Stage, ada: Practitioner) -> None:
    stage.change_settings(ada, mode=Mode.OFF)
    stage.book(ada)
    stage.feed()
    stage.minutes(30)
    stage.ledger.clear()
    stage.change_settings(ada, mode=Mode.TWO_WAY)
    stage.minutes(16)
    assert len(stage.events(ada)) == 1
    assert stage.ledger.passes == 1


# --- what was under way ---------------------------------------------------------------------------------


def test_an_unfinished_first_sync_goes_on_under_the_new_epoch(stage: Stage) -> None:
    ada = stage.add()
    for number in range(30):
        stage.book(ada, hours=24 + number)

    def take_time(name: str, _given: Mapping[str, Any]) -> None:
        stage.clock.advance(2 if name == "events.insert" else 0)

    stage.before = take_time
    stage.bulk(ada)
    made = len(stage.events(ada))
    assert 0 < made < 30
    stage.change_settings(ada, client_label=NAMES)
    stage.ask(bulk_task(ada))
    stage.drain()
    assert len(stage.events(ada)) == 30
    assert labels(stage, ada) == {"name"}
    assert stage.ledger.google.count("events.insert") == 30
    assert not stage.calendar(ada).in_pass


def test_what_failed_before_is_tried_under_the_new_settings(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = once("events.insert", raising(RetryableError("google_unavailable")))
    stage.live(ada, row, look=False)
    assert stage.events(ada) == []
    stage.change_settings(ada, client_label=NAMES)
    stage.bulk(ada)
    assert labels(stage, ada) == {"name"}


# --- a lost task ----------------------------------------------------------------------------------------


def test_a_change_whose_task_is_lost_is_found_by_the_next_look(stage: Stage, ada: Practitioner) -> None:
    booked(stage, ada)
    stage.change_settings(ada, client_label=NAMES)
    stage.minutes(16)
    assert labels(stage, ada) == {"name"}
    assert stage.ledger.passes == 1


def test_a_start_or_a_resume_whose_task_is_lost_is_found_by_the_next_minute(stage: Stage) -> None:
    ada = stage.add()
    stage.book(ada)
    stage.minutes(1)
    assert len(stage.events(ada)) == 1
    pause(stage.world, ada.connection.key)
    stage.book(ada, hours=60)
    stage.feed()
    resume(stage.world, ada.connection.key)
    stage.minutes(1)
    assert len(stage.events(ada)) == 2
