"""External events that block time in an EHR where a block is a slot of the practitioner's schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.ehr.fhir import By
from shared.ports import BlockAs, Capabilities
from tests.app.externals import External, external
from tests.app.stage import Practitioner, Stage

Json = dict[str, Any]


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    """A calendar that was chosen after the EHR was found to take slots."""
    stage.capabilities = Capabilities(block_as=BlockAs.SLOT)
    actor = {"reference": f"Practitioner/{ada.id}"}
    stage.store.create({"resourceType": "Schedule", "actor": [actor]}, by=By.STAFF)
    return external(stage, ada)


@pytest.fixture(autouse=True)
def nothing_is_left_to_do(stage: Stage, family: External) -> Any:
    """After every fact one more complete pass writes nothing."""
    yield
    before = stage.store.resources("Slot")
    family.sync(everything=True)
    assert stage.store.resources("Slot") == before
    assert family.rows == []


def slots(stage: Stage) -> list[Json]:
    """Those that still take their time, or are shown free, by start."""
    taken = [slot for slot in stage.store.resources("Slot") if slot["status"] != "entered-in-error"]
    return sorted(taken, key=lambda slot: str(slot["start"]))


def slot(stage: Stage) -> Json:
    [found] = slots(stage)
    return found


def begins(found: Json) -> str:
    return str(found["start"])


def test_an_event_is_a_busy_slot_without_its_title(stage: Stage, family: External) -> None:
    family.add(hours=48)
    family.sync()
    assert (slot(stage)["status"], slot(stage)["comment"]) == ("busy-unavailable", "Busy")
    assert begins(slot(stage)) == stage.at(48).isoformat().replace("+00:00", "Z")


def test_it_moves_with_its_event_and_keeps_its_id(stage: Stage, family: External) -> None:
    event = family.add(hours=48)
    family.sync()
    before = slot(stage)
    family.move(event, hours=50)
    family.sync()
    assert slot(stage)["id"] == before["id"]
    assert begins(slot(stage)) == stage.at(50).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("deletes", [True, False])
def test_a_deleted_event_gives_it_back_and_an_undeleted_one_takes_it_again(
    stage: Stage,
    family: External,
    deletes: bool,  # noqa: FBT001 - a fact of the server
) -> None:
    stage.store.settings = replace(stage.store.settings, deletes=deletes)
    event = family.add(hours=48)
    family.sync()
    family.delete(event)
    family.sync()
    assert slots(stage) == []
    family.whose.person.undelete(family.id, event)
    family.sync()
    assert slot(stage)["status"] == "busy-unavailable"


def test_one_that_staff_delete_stays_away_until_its_event_changes_in_time(
    stage: Stage, family: External
) -> None:
    event = family.add(hours=48)
    family.sync()
    stage.store.delete("Slot", slot(stage)["id"], by=By.STAFF)
    family.sync(everything=True)
    family.edit(event, summary="Another title")
    family.sync()
    assert slots(stage) == []
    family.move(event, hours=50)
    family.sync()
    assert begins(slot(stage)) == stage.at(50).isoformat().replace("+00:00", "Z")


def test_one_that_staff_move_is_put_back_by_the_complete_pass(stage: Stage, family: External) -> None:
    family.add(hours=48)
    family.sync()
    before = slot(stage)
    later = {"start": stage.at(60).isoformat(), "end": stage.at(61).isoformat()}
    stage.store.update({**before, **later}, by=By.STAFF)
    family.sync(everything=True)
    assert (begins(slot(stage)), slot(stage)["id"]) == (begins(before), before["id"])


def test_every_occurrence_of_a_series_has_its_own(stage: Stage, family: External) -> None:
    family.add(hours=24, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    family.sync()
    assert len(slots(stage)) == 3
