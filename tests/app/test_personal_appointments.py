"""Personal appointments: made on either side, followed both ways; a hidden title stays hidden and whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.identity import identifier
from shared.core.model import Kind, Side
from shared.core.policy import PersonalText
from tests.app.stage import TITLE, Json, Practitioner, Stage, clock_time, starts
from tests.fakes.ehr import SETTINGS


def by_hand(stage: Stage, whose: Practitioner, *, hours: float = 48) -> str:
    """An event made by hand and taken in; its id."""
    event = stage.hand_made(whose, hours=hours)
    stage.settle()
    stage.ledger.clear()
    return event


def own_time(stage: Stage, whose: Practitioner, *, hours: float = 48) -> tuple[str, str]:
    """Staff's personal appointment in sync: its row and its event."""
    row = stage.own_time(whose, hours=hours)
    stage.settle()
    stage.ledger.clear()
    return row, stage.event(whose)["id"]


def is_free(row: Json) -> bool:
    return {"url": SETTINGS.free_extension, "valueBoolean": True} in row.get("extension", [])


# --- made by hand ---------------------------------------------------------------------------------------


def test_an_event_made_by_hand_becomes_a_personal_appointment_under_our_identifier(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada)
    stage.sync(ada)
    row, item = stage.row(), stage.item(ada)
    key = ada.connection.calendar_key
    assert item.k == stage.world.keys.k_of_event(key, event)
    assert row["identifier"] == [{"system": SETTINGS.personal_system, "value": identifier(key, item.k)}]
    assert (row["status"], row["description"], starts(row)) == ("booked", TITLE, stage.at(48))
    assert (item.kind, item.origin, item.event_id) == (Kind.PERSONAL, Side.CALENDAR, event)
    assert stage.ledger.side_writes == ["POST Appointment"]


def test_an_event_made_by_hand_keeps_everything_it_has(stage: Stage, ada: Practitioner) -> None:
    event = stage.hand_made(ada, description="A note", location="Elsewhere", colorId="5")
    before = stage.event(ada, event)
    stage.settle()
    stage.sync(ada, everything=True)
    assert stage.event(ada, event) == before


def test_an_event_of_this_morning_is_taken_in(stage: Stage, ada: Practitioner) -> None:
    by_hand(stage, ada, hours=-3)
    assert starts(stage.row()) == stage.at(-3)


def test_a_move_by_hand_is_followed(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    stage.move(ada, event, hours=72)
    stage.sync(ada)
    assert starts(stage.row()) == stage.at(72)
    assert stage.ledger.side_writes == ["PUT Appointment"]


def test_a_title_is_followed(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    stage.edit(ada, event, summary="Lunch")
    stage.sync(ada)
    assert stage.row()["description"] == "Lunch"
    assert stage.ledger.side_writes == ["PUT Appointment"]


def test_free_and_busy_are_followed(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    stage.edit(ada, event, transparency="transparent")
    stage.sync(ada)
    assert is_free(stage.row())
    stage.edit(ada, event, transparency="opaque")
    stage.sync(ada)
    assert not is_free(stage.row())


def test_a_day_by_hand_is_the_local_day_in_the_ehr_and_stays_a_day(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    ada.person.move(stage.calendar_id(ada), event, {"date": "2026-03-08"}, {"date": "2026-03-09"})
    stage.settle()
    row = stage.row()
    assert (row["start"], row["end"]) == ("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z")
    assert stage.event(ada, event)["start"] == {"date": "2026-03-08"}
    assert stage.ledger.google_writes == []
    stage.reschedule(row["id"], hours=96)
    stage.settle()
    assert starts(stage.event(ada, event)) == stage.at(96)


def test_a_deletion_by_hand_cancels_and_does_not_erase(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    stage.delete(ada, event)
    stage.sync(ada)
    assert stage.row()["status"] == "cancelled"
    assert stage.ledger.side_writes == ["PUT Appointment"]


def test_what_was_deleted_by_hand_is_booked_again_when_it_is_brought_back(
    stage: Stage, ada: Practitioner
) -> None:
    event = by_hand(stage, ada)
    row = stage.row()["id"]
    stage.delete(ada, event)
    stage.settle()
    stage.undelete(ada, event)
    stage.settle()
    assert stage.row(row)["status"] == "booked"
    assert len(stage.store.resources("Appointment")) == 1


def test_what_is_the_users_own_does_not_reach_the_ehr(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    row = stage.row()
    stage.edit(ada, event, description="A note", location="Elsewhere", colorId="5", visibility="public")
    stage.settle()
    assert stage.row() == row
    assert stage.ledger.side_writes == []


def test_a_change_in_the_ehr_is_followed_in_the_event_made_by_hand(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    row = stage.row()["id"]
    stage.reschedule(row, hours=72)
    stage.staff.change_title(appointment=row, title="Supervision")
    stage.settle()
    found = stage.event(ada, event)
    assert (starts(found), found["summary"]) == (stage.at(72), "Supervision")


def test_a_cancellation_in_the_ehr_deletes_the_event_made_by_hand(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    stage.staff.cancel(appointment=stage.row()["id"])
    stage.settle()
    assert stage.event(ada, event)["status"] == "cancelled"


def test_where_both_moved_it_the_calendar_it_came_from_wins(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    stage.move(ada, event, hours=72)
    stage.reschedule(stage.row()["id"], hours=96)
    stage.settle()
    assert starts(stage.row()) == stage.at(72) == starts(stage.event(ada))


def test_an_event_without_length_is_an_appointment_without_length(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada, end=clock_time(stage.at(48)))
    stage.settle()
    row = stage.row()
    assert row["start"] == row["end"]
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


def test_no_title_is_stored(stage: Stage, ada: Practitioner) -> None:
    event = by_hand(stage, ada)
    stage.edit(ada, event, summary=f"Other {TITLE}")
    stage.settle()
    own_time_row = stage.own_time(ada, hours=60)
    stage.sync(ada, own_time_row)
    assert TITLE not in repr(stage.documents._stored)


# --- made in the EHR ------------------------------------------------------------------------------------


def test_the_title_of_what_staff_made_is_hidden_unless_chosen(stage: Stage) -> None:
    ada, eve = stage.connect(), stage.connect(personal_text=PersonalText.TITLE)
    stage.own_time(ada)
    stage.own_time(eve)
    stage.settle()
    assert (stage.event(ada)["summary"], stage.event(eve)["summary"]) == ("Busy", TITLE)


def test_free_in_the_calendar_is_followed_and_leaves_the_hidden_title_alone(
    stage: Stage, ada: Practitioner
) -> None:
    row, event = own_time(stage, ada)
    stage.edit(ada, event, transparency="transparent")
    stage.settle()
    assert is_free(stage.row(row))
    assert stage.row(row)["description"] == TITLE
    assert stage.event(ada)["summary"] == "Busy"


def test_a_title_given_in_the_calendar_is_followed(stage: Stage) -> None:
    eve = stage.connect(personal_text=PersonalText.TITLE)
    row, event = own_time(stage, eve)
    stage.edit(eve, event, summary="Supervision")
    stage.settle()
    assert stage.row(row)["description"] == "Supervision" == stage.event(eve)["summary"]


def test_a_move_of_what_staff_made_is_followed(stage: Stage, ada: Practitioner) -> None:
    row, event = own_time(stage, ada)
    stage.move(ada, event, hours=72)
    stage.settle()
    assert starts(stage.row(row)) == stage.at(72)
    assert stage.row(row)["description"] == TITLE


def test_a_deletion_of_what_staff_made_cancels_and_bringing_it_back_books_again(
    stage: Stage, ada: Practitioner
) -> None:
    row, event = own_time(stage, ada)
    stage.delete(ada, event)
    stage.settle()
    assert stage.row(row)["status"] == "cancelled"
    stage.undelete(ada, event)
    stage.settle()
    assert (stage.row(row)["status"], stage.row(row)["description"]) == ("booked", TITLE)
    assert stage.event(ada)["id"] == event


def test_what_staff_touched_since_is_not_booked_again_from_the_calendar(
    stage: Stage, ada: Practitioner
) -> None:
    row, event = own_time(stage, ada)
    stage.delete(ada, event)
    stage.settle()
    stage.staff.change_title(appointment=row, title="Closed")
    stage.undelete(ada, event)
    stage.settle()
    assert stage.row(row)["status"] == "cancelled"
    assert stage.events(ada) == []


def test_days_off_in_the_ehr_are_days_in_the_calendar(stage: Stage, ada: Practitioner) -> None:
    midnight = stage.at(21)  # 05:00 in UTC is midnight in New York
    row = stage.staff.book_personal(
        practitioner=ada.id,
        start=midnight,
        end=midnight + timedelta(days=2),
        zone=ada.zone.key,
        title=TITLE,
    )["id"]
    stage.sync(ada, row)
    event = stage.event(ada)
    assert (event["start"], event["end"]) == ({"date": "2026-03-03"}, {"date": "2026-03-05"})
    stage.ledger.clear()
    stage.settle()
    assert stage.ledger.side_writes == []


# --- the past -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", Side)
def test_a_past_one_that_was_deleted_stays_in_the_ehr(stage: Stage, ada: Practitioner, origin: Side) -> None:
    event = own_time(stage, ada, hours=-3)[1] if origin is Side.EHR else by_hand(stage, ada, hours=-3)
    stage.delete(ada, event)
    stage.settle()
    stage.sync(ada, everything=True)
    assert stage.row()["status"] == "booked"
    assert stage.events(ada) == []
    assert stage.ledger.side_writes == []


@pytest.mark.parametrize("origin", Side)
def test_a_past_one_that_was_moved_is_put_back(stage: Stage, ada: Practitioner, origin: Side) -> None:
    event = own_time(stage, ada, hours=-3)[1] if origin is Side.EHR else by_hand(stage, ada, hours=-3)
    stage.move(ada, event, hours=72)
    stage.settle()
    assert starts(stage.event(ada)) == stage.at(-3) == starts(stage.row())


# --- given a client -------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", Side)
def test_a_personal_one_that_is_given_a_client_keeps_its_event(
    stage: Stage, ada: Practitioner, origin: Side
) -> None:
    event = own_time(stage, ada)[1] if origin is Side.EHR else by_hand(stage, ada)
    row = stage.row()["id"]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.settle()
    found = stage.event(ada)
    assert (found["id"], found["summary"], found["visibility"]) == (event, "ID-1", "private")
    assert stage.item(ada).kind is Kind.CLIENT


@pytest.mark.parametrize("origin", Side)
def test_once_it_has_a_client_the_rules_of_clients_hold(
    stage: Stage, ada: Practitioner, origin: Side
) -> None:
    event = own_time(stage, ada)[1] if origin is Side.EHR else by_hand(stage, ada)
    row = stage.row()["id"]
    stage.staff.add_client(appointment=row, patient=stage.patient())
    stage.settle()
    stage.move(ada, event, hours=72)
    stage.settle()
    assert starts(stage.row(row)) == stage.at(48) == starts(stage.event(ada))
    stage.delete(ada, event)
    stage.settle()
    assert stage.row(row)["status"] == "booked"
    assert starts(stage.event(ada)) == stage.at(48)


def test_edits_of_both_sides_that_do_not_meet_are_no_argument(stage: Stage) -> None:
    ada = stage.connect(personal_text=PersonalText.TITLE)
    row, event = own_time(stage, ada)
    for turn in range(6):
        stage.edit(ada, event, summary=f"Lunch {turn}")
        stage.reschedule(row, hours=48 + turn)
        stage.sync(ada, row)
        assert (stage.row(row)["description"], stage.item(ada).aside) == (f"Lunch {turn}", None)
        assert starts(stage.event(ada)) == stage.at(48 + turn)
