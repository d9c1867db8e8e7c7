"""Start over: everything that was known is forgotten, and found again; nothing comes twice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.app.connections import pause
from shared.app.records import Status
from shared.app.start_over import start_over
from shared.core.errors import RejectedError, RetryableError
from tests.app.externals import external
from tests.app.stage import Crash, Practitioner, Stage, at_step, nothing, once, raising


def day(stage: Stage, whose: Practitioner, back: int = 7) -> date:
    return stage.clock.now().astimezone(whose.zone).date() - timedelta(days=back)


def again(stage: Stage, whose: Practitioner, back: int = 7) -> None:
    whose.connection = start_over(stage.world, whose.connection.key, day(stage, whose, back))


def full(stage: Stage, whose: Practitioner) -> None:
    stage.book(whose, hours=48)
    stage.own_time(whose, hours=52)
    stage.hand_made(whose, hours=56)
    stage.settle()
    stage.ledger.clear()


def test_everything_is_found_again_and_nothing_is_written(stage: Stage, ada: Practitioner) -> None:
    full(stage, ada)
    family = external(stage, ada)
    family.add(hours=60)
    family.sync()
    before = stage.items(ada)
    stage.ledger.clear()
    again(stage, ada)
    assert stage.items(ada) == []
    stage.minutes(3)
    assert stage.ledger.side_writes == []
    assert {item.k for item in stage.items(ada)} == {item.k for item in before}
    assert (len(stage.events(ada)), len(family.blocks)) == (3, 1)
    assert stage.calendar(ada).passed_at is not None


def test_an_earlier_day_brings_what_was_before(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada, hours=-24 * 20)
    stage.settle()
    assert stage.events(ada) == []
    again(stage, ada, back=30)
    stage.minutes(2)
    assert len(stage.events(ada)) == 1
    assert stage.connection(ada).settings.start_from == day(stage, ada, back=30)


def test_a_later_day_takes_nothing_away(stage: Stage, ada: Practitioner) -> None:
    full(stage, ada)
    again(stage, ada, back=0)
    stage.minutes(2)
    assert len(stage.events(ada)) == 3


def test_what_was_changed_in_google_meanwhile_is_put_right(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.settle()
    stage.edit(ada, stage.event(ada)["id"], summary="Something else")
    again(stage, ada)
    stage.minutes(2)
    assert stage.event(ada)["summary"] == "ID-1"
    assert stage.row(row)["status"] == "booked"


def test_a_repeat_before_the_first_sync_is_nothing(stage: Stage, ada: Practitioner) -> None:
    full(stage, ada)
    again(stage, ada)
    after = stage.connection(ada)
    stage.ledger.clear()
    again(stage, ada)
    assert stage.connection(ada) == after
    assert stage.ledger.commits == []


def test_a_repeat_after_it_finds_the_same_and_writes_nothing(stage: Stage, ada: Practitioner) -> None:
    full(stage, ada)
    for _ in range(2):
        again(stage, ada)
        stage.minutes(2)
    assert stage.ledger.side_writes == []
    assert len(stage.events(ada)) == 3


def test_what_is_paused_goes_on_with_it(stage: Stage, ada: Practitioner) -> None:
    full(stage, ada)
    pause(stage.world, ada.connection.key)
    again(stage, ada)
    stage.minutes(2)
    assert stage.connection(ada).status is Status.ACTIVE
    assert stage.calendar(ada).passed_at is not None


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", range(5))
def test_wherever_it_breaks_off_the_same_call_goes_on(
    stage: Stage, ada: Practitioner, moment: str, step: int
) -> None:
    full(stage, ada)
    setattr(stage, moment, at_step(step, raising(Crash())))
    try:
        again(stage, ada)
    except Crash:
        stage.before = stage.after = nothing
        again(stage, ada)
    stage.before = stage.after = nothing
    stage.minutes(3)
    assert stage.connection(ada).status is Status.ACTIVE
    assert len(stage.events(ada)) == len(stage.store.resources("Appointment")) == 3
    assert stage.ledger.side_writes == []


def test_it_waits_for_who_is_at_work(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.before = once("events.insert", raising(Crash()))
    with pytest.raises(Crash):
        stage.settle()
    again(stage, ada)
    stage.minutes(3)
    assert len(stage.events(ada)) == 1


def test_a_calendar_that_is_gone_is_mended_first(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, missing=True)
    with pytest.raises(RejectedError, match="calendar_missing"):
        again(stage, ada)


def test_what_cannot_be_read_now_is_read_later(stage: Stage, ada: Practitioner) -> None:
    full(stage, ada)
    again(stage, ada)
    stage.before = once("events.list", raising(RetryableError("google_unavailable")))
    stage.minutes(20)
    assert stage.ledger.side_writes == []
    assert len(stage.items(ada)) == 3
