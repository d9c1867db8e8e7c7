"""A calendar that is left has no blocks in the end, whatever becomes of it and its connection meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.app.calendar_job import run_calendar_job
from shared.app.choosing import choose, leave
from shared.app.connections import pause, resume
from shared.app.external_state import ExternalWord, read_external
from shared.ports import Queue
from tests.app.externals import External, external
from tests.app.stage import Practitioner, Stage, once


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    found = external(stage, ada)
    found.add(hours=48)
    found.sync()
    return found


def word(calendar: External) -> list[ExternalWord]:
    return [each.word for each in read_external(calendar.stage.world, calendar.whose.connection)]


def leave_it(calendar: External) -> None:
    leave(calendar.stage.world, calendar.whose.connection.key, calendar.id)


def pause_it(calendar: External) -> None:
    pause(calendar.stage.world, calendar.whose.connection.key)


@pytest.mark.parametrize("steps", [(leave_it, pause_it), (pause_it, leave_it)], ids=["before", "after"])
def test_one_that_is_left_around_a_pause_loses_its_blocks_with_the_resume(
    family: External, steps: tuple[Callable[[External], None], ...]
) -> None:
    for step in steps:
        step(family)
    assert len(family.blocks) == 1
    assert word(family) == [ExternalWord.LEAVING]
    resume(family.stage.world, family.whose.connection.key)
    family.sync()
    assert family.blocks == []
    assert word(family) == []


def test_a_block_that_staff_change_while_its_calendar_leaves_goes_all_the_same(family: External) -> None:
    staff, row = family.stage.staff, family.block["id"]
    leave_it(family)
    family.stage.before = once("PUT Appointment", lambda: staff.cancel(appointment=row))
    family.sync()
    assert family.blocks == []
    assert not family.calendar.active


def test_one_that_was_left_before_a_pause_sleeps_on_after_it(family: External) -> None:
    leave_it(family)
    family.sync()
    pause_it(family)
    resume(family.stage.world, family.whose.connection.key)
    assert not family.calendar.active
    assert word(family) == []


def test_one_that_is_deleted_and_left_asks_for_no_channel_any_more() -> None:
    stage = Stage(push=True)
    family = external(stage, stage.connect())
    family.add(hours=48)
    family.sync()
    family.whose.person.delete_calendar(family.id)
    stage.clock.advance(6 * 86_400)  # its channel is due
    leave_it(family)
    run_calendar_job(stage.world, family.key, queue=Queue.BULK)
    assert family.blocks == []
    assert not family.calendar.active


def test_one_that_is_gone_before_it_was_ever_read_to_its_end_loses_its_blocks_after_a_while(
    stage: Stage, family: External
) -> None:
    stage.lose_everything()
    choose(stage.world, family.whose.connection.key, family.id)
    family.whose.person.delete_calendar(family.id)
    family.job()
    assert len(family.blocks) == 1
    stage.clock.advance(16 * 60)
    assert family.job().pass_due
    family.job()
    assert family.blocks == []
    assert word(family) == [ExternalWord.GONE]
