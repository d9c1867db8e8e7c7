"""What was made by hand and is given a client is the EHR's own from then on, whenever the sync hears it."""

from __future__ import annotations

import pytest

from tests.app.stage import Crash, Practitioner, Stage, nothing, once, raising, starts


def test_a_client_given_before_the_making_was_noted_is_met_by_the_repeated_create(
    stage: Stage, ada: Practitioner
) -> None:
    event, begins = stage.hand_made(ada, hours=48), stage.at(48)
    stage.after = once("POST Appointment", raising(Crash()))
    with pytest.raises(Crash):
        stage.sync(ada)
    stage.after = nothing
    row = stage.row()["id"]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.move(ada, event, hours=50)
    stage.clock.advance(100)
    stage.sync(ada)
    assert starts(stage.row(row)) == begins
    assert [(starts(each), each["summary"]) for each in stage.events(ada)] == [(begins, "ID-1")]


def test_a_client_given_and_cancelled_before_anybody_looked_is_not_booked_again(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada, hours=48)
    stage.sync(ada)
    row = stage.row()["id"]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.staff.cancel(appointment=row)
    stage.move(ada, event, hours=50)
    stage.settle()
    assert (stage.row(row)["status"], starts(stage.row(row))) == ("cancelled", stage.at(48))
    assert stage.events(ada) == []
