"""The appointments calendar was deleted: made again, all of it sent anew, and the EHR hears nothing of it."""

from __future__ import annotations

import pytest

from shared.app.connections import pause
from shared.app.repair import repair
from shared.core.errors import BlockedError, RejectedError
from tests.app.stage import Practitioner, Stage


@pytest.fixture
def gone(stage: Stage, ada: Practitioner) -> str:
    """Something of every kind, and the calendar deleted; its id."""
    stage.book(ada, hours=48)
    stage.own_time(ada, hours=52)
    stage.hand_made(ada, hours=56)
    stage.settle()
    calendar_id = stage.calendar_id(ada)
    ada.person.delete_calendar(calendar_id)
    with pytest.raises(BlockedError, match="calendar_missing"):
        stage.live(ada)
    stage.ledger.clear()
    return calendar_id


def test_it_is_made_again_with_everything_in_it(stage: Stage, ada: Practitioner, gone: str) -> None:
    rows = stage.store.resources("Appointment")
    repair(stage.world, ada.connection.key)
    stage.minutes(2)
    assert stage.calendar_id(ada) != gone
    assert len(stage.events(ada)) == 3
    assert stage.store.resources("Appointment") == rows
    assert stage.ledger.ehr_writes == []
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


def test_what_happened_in_the_ehr_meanwhile_is_in_it(stage: Stage, ada: Practitioner, gone: str) -> None:
    assert gone
    row = stage.book(ada, hours=70)
    stage.feed()
    repair(stage.world, ada.connection.key)
    stage.minutes(2)
    assert len(stage.events(ada)) == 4
    assert stage.row(row)["status"] == "booked"


def test_what_was_deleted_in_it_just_before_is_nobodys_deletion(stage: Stage, ada: Practitioner) -> None:
    """The delta that would tell of it went with the calendar."""
    row = stage.own_time(ada)
    stage.settle()
    stage.delete(ada, stage.event(ada)["id"])
    ada.person.delete_calendar(stage.calendar_id(ada))
    with pytest.raises(BlockedError, match="calendar_missing"):
        stage.live(ada)
    repair(stage.world, ada.connection.key)
    stage.minutes(2)
    assert stage.row(row)["status"] == "booked"
    assert len(stage.events(ada)) == 1


def test_one_that_is_there_after_all_is_found_and_not_made(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.settle()
    before = stage.calendar_id(ada)
    stage.change_calendar(ada, missing=True)
    stage.ledger.clear()
    repair(stage.world, ada.connection.key)
    stage.minutes(2)
    assert stage.calendar_id(ada) == before
    assert stage.ledger.side_writes == []


def test_a_repeat_is_nothing(stage: Stage, ada: Practitioner, gone: str) -> None:
    assert gone
    for _ in range(2):
        repair(stage.world, ada.connection.key)
    stage.minutes(2)
    repair(stage.world, ada.connection.key)
    stage.minutes(1)
    assert stage.ledger.google.count("calendars.insert") == 1
    assert len(stage.events(ada)) == 3


def test_nothing_is_mended_of_what_does_not_move(stage: Stage, ada: Practitioner, gone: str) -> None:
    assert gone
    pause(stage.world, ada.connection.key)
    with pytest.raises(RejectedError, match="not_syncing"):
        repair(stage.world, ada.connection.key)
    assert stage.calendar(ada).missing
