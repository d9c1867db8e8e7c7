"""A cancelled appointment whose event stays: Free, without its label, and from then on the practitioner's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.core.policy import CancelledEvents, Mode
from tests.app.stage import Json, Practitioner, Stage, starts
from tests.app.test_client_appointments import booked


@pytest.fixture
def ada(stage: Stage) -> Practitioner:
    return stage.connect(cancelled_events=CancelledEvents.MARK)


def marked(stage: Stage, whose: Practitioner) -> tuple[str, str]:
    """A cancelled appointment and what is left of its event."""
    row, event = booked(stage, whose)
    stage.staff.cancel(appointment=row)
    stage.sync(whose, row)
    stage.ledger.clear()
    return row, event


def said(event: Json) -> tuple[str, str]:
    return event["summary"], event.get("transparency", "opaque")


def test_the_event_of_a_cancelled_appointment_stays_as_a_marker_without_its_label(
    stage: Stage, ada: Practitioner
) -> None:
    _, event = marked(stage, ada)
    stays = stage.event(ada)
    assert stays["id"] == event
    assert said(stays) == ("Cancelled", "transparent")
    assert not {"location", "description"} & {name for name in stays if stays[name]}


def test_a_marker_is_in_sync(stage: Stage, ada: Practitioner) -> None:
    marked(stage, ada)
    stage.sync(ada)
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


@pytest.mark.parametrize("over", ["no_show", "enter_in_error"])
def test_what_was_missed_or_entered_in_error_leaves_no_marker(
    stage: Stage, ada: Practitioner, over: str
) -> None:
    row, _ = booked(stage, ada)
    getattr(stage.staff, over)(appointment=row)
    stage.sync(ada, row)
    assert stage.events(ada) == []


def test_a_personal_appointment_leaves_no_marker(stage: Stage, ada: Practitioner) -> None:
    row = stage.own_time(ada)
    stage.sync(ada, row)
    stage.staff.cancel(appointment=row)
    stage.sync(ada, row)
    assert stage.events(ada) == []


def test_what_was_cancelled_before_it_was_ever_sent_leaves_no_marker(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.staff.cancel(appointment=row)
    stage.sync(ada, row)
    stage.sync(ada, everything=True)
    assert stage.events(ada) == []


def test_a_marker_belongs_to_the_practitioner(stage: Stage, ada: Practitioner) -> None:
    row, event = marked(stage, ada)
    before = stage.row(row)
    stage.move(ada, event, hours=72)
    stage.edit(ada, event, summary="Lunch")
    stage.sync(ada)
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []
    assert stage.event(ada)["summary"] == "Lunch"
    stage.delete(ada, event)
    stage.sync(ada)
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []
    assert stage.events(ada) == []
    assert stage.row(row) == before


def test_a_deleted_marker_is_not_brought_back_and_cancels_nothing_again(
    stage: Stage, ada: Practitioner
) -> None:
    _, event = marked(stage, ada)
    stage.delete(ada, event)
    stage.sync(ada)
    stage.undelete(ada, event)
    stage.sync(ada)
    assert stage.ledger.ehr_writes == []


def booked_again(stage: Stage, row: str) -> None:
    stage.staff.restore(appointment=row)


@pytest.mark.parametrize(
    "touch",
    [
        lambda _stage, _ada, _event: None,
        lambda stage, ada, event: stage.move(ada, event, hours=72),
        lambda stage, ada, event: stage.edit(ada, event, summary="Lunch"),
        lambda stage, ada, event: stage.delete(ada, event),
    ],
    ids=["left alone", "moved", "rewritten", "deleted"],
)
def test_an_appointment_that_is_booked_again_has_its_event_again(
    stage: Stage, ada: Practitioner, touch: Callable[[Stage, Practitioner, str], None]
) -> None:
    row, event = marked(stage, ada)
    touch(stage, ada, event)
    stage.sync(ada)
    booked_again(stage, row)
    stage.sync(ada, row)
    now = stage.event(ada)
    assert said(now) == ("ID-1", "opaque")
    assert starts(now) == starts(stage.row(row))


def test_where_both_let_go_of_it_at_once_nothing_comes_back(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    stage.staff.cancel(appointment=row)
    stage.delete(ada, event)
    stage.sync(ada, row)
    stage.sync(ada, everything=True)
    assert stage.events(ada) == []
    assert stage.ledger.side_writes == []


def test_a_marker_of_another_time_stands_where_the_appointment_stood(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    was = starts(stage.event(ada))
    stage.move(ada, event, hours=90)
    stage.staff.cancel(appointment=row)
    stage.sync(ada, row)
    stage.sync(ada)
    assert starts(stage.event(ada)) == was
    assert said(stage.event(ada)) == ("Cancelled", "transparent")


def test_markers_go_when_they_are_no_longer_wanted(stage: Stage, ada: Practitioner) -> None:
    marked(stage, ada)
    stage.change_settings(ada, cancelled_events=CancelledEvents.REMOVE)
    stage.sync(ada)
    assert stage.events(ada) == []


def test_what_was_removed_before_is_not_brought_back_as_a_marker(stage: Stage, ada: Practitioner) -> None:
    stage.change_settings(ada, cancelled_events=CancelledEvents.REMOVE)
    marked(stage, ada)
    stage.change_settings(ada, cancelled_events=CancelledEvents.MARK)
    stage.sync(ada)
    assert stage.events(ada) == []


def test_a_reassigned_appointment_leaves_no_marker_with_the_colleague(
    stage: Stage, ada: Practitioner
) -> None:
    row, _ = booked(stage, ada)
    eve = stage.connect(cancelled_events=CancelledEvents.MARK)
    stage.staff.reassign(appointment=row, practitioner=eve.id)
    stage.staff.cancel(appointment=row)
    stage.sync(ada, row)
    stage.sync(eve, row)
    assert stage.events(ada) == stage.events(eve) == []


def test_a_marker_is_one_in_a_one_way_connection_too(stage: Stage, ada: Practitioner) -> None:
    stage.change_settings(ada, mode=Mode.ONE_WAY)
    stage.sync(ada)
    _, event = marked(stage, ada)
    stage.move(ada, event, hours=72)
    stage.sync(ada)
    assert stage.ledger.side_writes == []


def test_a_marker_that_nobody_remembers_goes(stage: Stage, ada: Practitioner) -> None:
    """The mappings are lost: it is an event of ours, of an appointment that is over."""
    marked(stage, ada)
    stage.lose_mappings(ada)
    stage.sync(ada, everything=True)
    assert stage.events(ada) == []
    assert stage.ledger.ehr_writes == []
