"""Blocks in the EHR that no item is known for: a job died after it had made them, or the state was lost."""

from __future__ import annotations

import pytest

from tests.app.externals import External, begins, chosen, external
from tests.app.stage import Practitioner, Stage


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    return external(stage, ada)


def test_one_whose_event_is_listed_as_deleted_goes_at_once(stage: Stage, family: External) -> None:
    event = family.add(hours=48)
    family.sync()
    stage.lose_everything()
    family.delete(event)
    chosen(family)
    assert family.blocks == []


def test_those_that_their_series_has_no_more_go_at_once(stage: Stage, family: External) -> None:
    event = family.add(hours=48, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
    family.sync()
    before = [begins(row) for row in family.blocks]
    stage.lose_everything()
    family.edit(event, recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    chosen(family)
    assert [begins(row) for row in family.blocks] == before[:2]
