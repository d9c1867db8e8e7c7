"""An EHR whose rows do not say what hangs on them: it is asked before the calendar moves or cancels one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.fhir import FhirEhr
from shared.core.policy import Edits
from tests.app.stage import Practitioner, Stage, starts
from tests.app.test_client_appointments import booked
from tests.fakes.ehr import SETTINGS


@pytest.fixture
def asked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The appointments that the EHR was asked about; it answers whatever `answers` is."""
    stage.ehr_settings = replace(SETTINGS, protected_extension=None)
    rows: list[str] = []

    def protection(_ehr: FhirEhr, row: Any) -> bool | None:
        rows.append(row.id)
        return ANSWER["now"]

    monkeypatch.setattr(FhirEhr, "protection", protection)
    ANSWER["now"] = False
    return rows


ANSWER: dict[str, bool | None] = {}


@pytest.fixture
def eve(stage: Stage, asked: list[str]) -> Practitioner:
    del asked
    return stage.connect(google_edits=Edits.ACCEPT)


def test_what_is_not_protected_follows(stage: Stage, eve: Practitioner, asked: list[str]) -> None:
    row, event = booked(stage, eve)
    stage.move(eve, event, hours=72)
    stage.sync(eve)
    assert starts(stage.row(row)) == stage.at(72)
    stage.delete(eve, event)
    stage.sync(eve)
    assert stage.row(row)["status"] == "cancelled"
    assert set(asked) == {row}


def test_what_is_protected_is_put_back(stage: Stage, eve: Practitioner) -> None:
    ANSWER["now"] = True
    row, event = booked(stage, eve)
    was = starts(stage.row(row))
    stage.move(eve, event, hours=72)
    stage.sync(eve)
    assert starts(stage.row(row)) == starts(stage.event(eve)) == was
    stage.delete(eve, event)
    stage.sync(eve)
    assert stage.row(row)["status"] == "booked"
    assert starts(stage.event(eve)) == was


def test_what_cannot_be_told_is_asked_again_and_then_taken_for_protected(
    stage: Stage, eve: Practitioner, asked: list[str]
) -> None:
    ANSWER["now"] = None
    row, event = booked(stage, eve)
    stage.delete(eve, event)
    stage.sync(eve)
    assert stage.row(row)["status"] == "booked"
    assert len(stage.events(eve)) == 1
    assert len(asked) == stage.world.limits.stale_tries + 1


def test_what_can_be_told_at_the_second_try_follows(stage: Stage, eve: Practitioner) -> None:
    ANSWER["now"] = None
    row, event = booked(stage, eve)
    stage.delete(eve, event)
    stage.job(eve)
    assert stage.row(row)["status"] == "booked"
    ANSWER["now"] = False
    stage.clock.advance(stage.world.limits.retry_seconds)
    stage.sync(eve)
    assert stage.row(row)["status"] == "cancelled"


def test_nobody_is_asked_about_what_staff_change(stage: Stage, eve: Practitioner, asked: list[str]) -> None:
    row, _ = booked(stage, eve)
    stage.reschedule(row, hours=72)
    stage.sync(eve, row)
    stage.staff.cancel(appointment=row)
    stage.sync(eve, row)
    assert stage.events(eve) == []
    assert asked == []


def test_nobody_is_asked_where_edits_are_put_back_anyway(stage: Stage, asked: list[str]) -> None:
    ada = stage.connect()
    _, event = booked(stage, ada)
    stage.move(ada, event, hours=72)
    stage.sync(ada)
    stage.edit(ada, event, summary="Other")
    stage.sync(ada)
    assert asked == []


def test_nobody_is_asked_about_personal_time(stage: Stage, eve: Practitioner, asked: list[str]) -> None:
    event = stage.hand_made(eve)
    stage.sync(eve)
    stage.delete(eve, event)
    stage.sync(eve)
    assert stage.row()["status"] == "cancelled"
    assert asked == []
