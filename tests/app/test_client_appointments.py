"""Client appointments: the EHR's word goes; what the calendar does is put back or, by choice, taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.ehr.fhir import Settings as EhrSettings
from shared.core.policy import Edits, LabelMode
from tests.app.stage import FAMILY, Json, Practitioner, Stage, clock_time, starts


def booked(stage: Stage, whose: Practitioner, **when: float) -> tuple[str, str]:
    """A client appointment in sync: its row and its event."""
    row = stage.book(whose, **when)
    stage.sync(whose, row)
    stage.sync(whose)
    stage.ledger.clear()
    return row, stage.event(whose)["id"]


def shown(event: Json) -> Json:
    """What a person sees of an event that is ours to say."""
    names = ("summary", "start", "end", "location", "description", "transparency", "visibility", "recurrence")
    return {name: event[name] for name in names if name in event}


# --- out to the calendar --------------------------------------------------------------------------------


def test_an_appointment_appears_under_its_label_private_quiet_and_without_guests(
    stage: Stage, ada: Practitioner
) -> None:
    booked(stage, ada)
    event = stage.event(ada)
    assert (event["summary"], event["visibility"]) == ("ID-1", "private")
    assert event["reminders"] == {"useDefault": False}
    assert "attendees" not in event
    assert starts(event) == stage.at(48)


def test_every_write_notifies_nobody(stage: Stage, ada: Practitioner) -> None:
    told: list[Any] = []

    def note(name: str, given: Mapping[str, Any]) -> None:
        if name in ("events.insert", "events.patch", "events.delete"):
            told.append(given["sendUpdates"])

    stage.before = note
    row, event = booked(stage, ada)
    stage.edit(ada, event, summary="Other")
    stage.sync(ada)
    stage.staff.cancel(appointment=row)
    stage.sync(ada, row)
    assert told == ["none"] * 3


@pytest.mark.parametrize(
    ("mode", "patients", "expected"),
    [
        (LabelMode.INTERNAL_ID, 1, "ID-1"),
        (LabelMode.FULL_NAME, 1, f"Ada {FAMILY}"),
        (LabelMode.INTERNAL_ID, 2, "Group (2)"),
        (LabelMode.FULL_NAME, 3, "Group (3)"),
    ],
)
def test_the_label_is_what_was_chosen(stage: Stage, mode: LabelMode, patients: int, expected: str) -> None:
    ada = stage.connect(client_label=mode)
    row = stage.staff.book(
        patients=[stage.patient() for _ in range(patients)],
        practitioners=[ada.id],
        start=stage.at(48),
        end=stage.at(49),
        zone=ada.zone.key,
    )
    stage.sync(ada, row["id"])
    assert stage.event(ada)["summary"] == expected


def test_no_name_is_asked_for_where_none_is_shown(stage: Stage, ada: Practitioner) -> None:
    booked(stage, ada)
    assert FAMILY not in repr(stage.google.all_events(stage.calendar_id(ada)))


def test_nothing_of_a_client_is_stored(stage: Stage) -> None:
    ada = stage.connect(client_label=LabelMode.FULL_NAME)
    _, event = booked(stage, ada)
    stage.edit(ada, event, summary=f"Other {FAMILY}")
    stage.sync(ada)
    assert stage.event(ada)["summary"] == f"Ada {FAMILY}"
    assert FAMILY not in repr(stage.documents._stored)


def test_a_new_label_rewrites_the_events_that_are_there(stage: Stage, ada: Practitioner) -> None:
    _, event = booked(stage, ada)
    stage.change_settings(ada, client_label=LabelMode.FULL_NAME)
    stage.sync(ada, everything=True)
    assert stage.event(ada, event)["summary"] == f"Ada {FAMILY}"
    assert stage.ledger.google_writes == ["events.patch"]


def test_an_appointment_without_length_is_shown_as_one_minute(stage: Stage, ada: Practitioner) -> None:
    _, event_id = booked(stage, ada, length=0)
    event = stage.event(ada, event_id)
    assert event["end"]["dateTime"] > event["start"]["dateTime"]
    stage.sync(ada)
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


@pytest.mark.parametrize("goes", ["cancel", "no_show", "enter_in_error", "erase"])
def test_an_appointment_that_is_over_has_no_event(stage: Stage, ada: Practitioner, goes: str) -> None:
    row, _ = booked(stage, ada)
    getattr(stage.staff, goes)(appointment=row)
    stage.sync(ada, row)
    assert stage.events(ada) == []
    assert stage.ledger.side_writes == ["events.delete"]


@pytest.mark.parametrize("stays", ["unconfirm", "arrive", "fulfil"])
def test_an_appointment_that_goes_on_keeps_its_event(stage: Stage, ada: Practitioner, stays: str) -> None:
    row, event = booked(stage, ada)
    getattr(stage.staff, stays)(appointment=row)
    stage.sync(ada, row)
    assert stage.event(ada)["id"] == event
    assert stage.ledger.side_writes == []


def test_a_request_has_no_event_until_it_is_booked(stage: Stage, ada: Practitioner) -> None:
    row = stage.staff.request(patient=stage.patient(), practitioner=ada.id)
    stage.sync(ada, row["id"])
    assert stage.events(ada) == []
    stage.reschedule(row["id"], hours=48)
    stage.staff.restore(appointment=row["id"])
    stage.sync(ada, row["id"])
    assert starts(stage.event(ada)) == stage.at(48)


@pytest.mark.parametrize("revive", ["works", "forbidden"])
def test_a_restored_appointment_has_an_event_again(stage: Stage, ada: Practitioner, revive: str) -> None:
    stage.google.settings = replace(stage.google.settings, revive=revive)
    row, event = booked(stage, ada)
    stage.staff.cancel(appointment=row)
    stage.sync(ada, row)
    stage.staff.restore(appointment=row)
    stage.sync(ada, row)
    again = stage.event(ada)
    assert starts(again) == stage.at(48)
    assert (again["id"] == event) is (revive == "works")


# --- put back -------------------------------------------------------------------------------------------

EDITS: dict[str, Json] = {
    "text": {"summary": "Other"},
    "text taken away": {"summary": None},
    "description": {"description": "A note"},
    "place": {"location": "Elsewhere"},
    "free": {"transparency": "transparent"},
    "made public": {"visibility": "public"},
    "a recurrence rule": {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]},
}


@pytest.mark.parametrize("body", EDITS.values(), ids=EDITS)
def test_what_was_edited_in_the_calendar_is_put_back(stage: Stage, ada: Practitioner, body: Json) -> None:
    _, event = booked(stage, ada)
    before = shown(stage.event(ada))
    if "recurrence" in body:
        ada.person.repeat(stage.calendar_id(ada), event, body["recurrence"])
    else:
        stage.edit(ada, event, **body)
    outcome = stage.sync(ada)
    after = shown(stage.event(ada, event))
    assert {k: v for k, v in after.items() if k != "transparency"} == before
    assert after.get("transparency", "opaque") == "opaque"
    assert outcome.counts.put_back == 1
    assert stage.ledger.side_writes == ["events.patch"]


def test_a_move_in_the_calendar_is_put_back(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    stage.move(ada, event, hours=72)
    stage.sync(ada)
    assert starts(stage.event(ada, event)) == stage.at(48) == starts(stage.row(row))
    assert stage.ledger.side_writes == ["events.patch"]


def test_a_move_to_all_day_is_put_back(stage: Stage, ada: Practitioner) -> None:
    _, event = booked(stage, ada)
    ada.person.move(stage.calendar_id(ada), event, {"date": "2026-03-05"}, {"date": "2026-03-06"})
    stage.sync(ada)
    assert starts(stage.event(ada, event)) == stage.at(48)


def test_a_put_back_is_written_over_what_was_observed(stage: Stage, ada: Practitioner) -> None:
    _, event = booked(stage, ada)
    stage.edit(ada, event, summary="Other")
    observed = stage.event(ada)["etag"]
    versions: list[Any] = []

    def note(name: str, given: Mapping[str, Any]) -> None:
        if name == "events.patch":
            versions.append(given["if_match"])

    stage.before = note
    stage.sync(ada)
    assert versions == [observed]


def test_an_edit_meanwhile_is_put_back_too_and_never_written_over_unread(
    stage: Stage, ada: Practitioner
) -> None:
    _, event = booked(stage, ada)
    stage.edit(ada, event, summary="Other")
    edits = ["Yet another"]

    def edit_again(name: str, _given: Mapping[str, Any]) -> None:
        if name == "events.patch" and edits:
            stage.edit(ada, event, summary=edits.pop(), colorId="5")

    stage.before = edit_again
    stage.sync(ada)
    assert (stage.event(ada)["summary"], stage.event(ada)["colorId"]) == ("ID-1", "5")
    assert stage.ledger.google_writes == ["events.patch", "events.patch"]


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("revive", ["works", "forbidden"])
def test_a_deletion_is_put_back(stage: Stage, ada: Practitioner, revive: str, *, bare: bool) -> None:
    stage.google.settings = replace(stage.google.settings, revive=revive, bare_tombstones=bare)
    row, event = booked(stage, ada)
    stage.delete(ada, event)
    stage.sync(ada)
    again = stage.event(ada)
    assert (again["summary"], starts(again)) == ("ID-1", stage.at(48))
    assert (again["id"] == event) is (revive == "works")
    assert stage.row(row)["status"] == "booked"
    stage.ledger.clear()
    stage.settle()
    assert stage.ledger.side_writes == []


def test_an_event_dragged_to_another_calendar_is_put_back(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    own = ada.person.create_calendar("Private")["id"]
    ada.person.move_to(stage.calendar_id(ada), event, own)
    stage.sync(ada)
    assert starts(stage.event(ada)) == stage.at(48)
    assert stage.row(row)["status"] == "booked"
    assert [each["id"] for each in stage.google.all_events(own)] == [event]


def test_what_comes_back_under_another_id_is_ours_to_follow(stage: Stage, ada: Practitioner) -> None:
    stage.google.settings = replace(stage.google.settings, revive="forbidden")
    row, event = booked(stage, ada)
    for _ in range(2):
        stage.delete(ada, stage.event(ada)["id"])
        stage.sync(ada)
    stage.reschedule(row, hours=72)
    stage.sync(ada, row)
    assert starts(stage.event(ada)) == stage.at(72)
    assert len({each["id"] for each in stage.google.all_events(stage.calendar_id(ada))} - {event}) == 2


def test_what_is_the_users_own_is_never_touched(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    own: Json = {"colorId": "7", "reminders": {"useDefault": False, "overrides": [_ten_minutes()]}}
    stage.edit(ada, event, **own)
    stage.sync(ada)
    assert stage.ledger.side_writes == []
    stage.reschedule(row, hours=72)
    stage.sync(ada, row)
    found = stage.event(ada, event)
    assert {name: found[name] for name in own} == own


def _ten_minutes() -> Json:
    return {"method": "popup", "minutes": 10}


def test_a_calendar_that_keeps_changing_what_is_put_back_is_left_for_an_hour(
    stage: Stage, ada: Practitioner
) -> None:
    _, event = booked(stage, ada)
    for _ in range(3):
        stage.edit(ada, event, summary="Other")
        assert stage.sync(ada).counts.put_back == 1
    stage.edit(ada, event, summary="Other")
    assert stage.sync(ada).counts.aside == 1
    assert (stage.event(ada)["summary"], stage.item(ada).aside) == ("Other", "contested")
    assert stage.calendar(ada).retry_at == stage.clock.now() + timedelta(hours=1)
    stage.clock.advance(3_600)
    stage.sync(ada)
    assert (stage.event(ada)["summary"], stage.item(ada).aside) == ("ID-1", None)


def argued(stage: Stage, whose: Practitioner, event: str) -> None:
    """The title was edited and put back as often as it is in an hour, and edited once more."""
    for _ in range(3):
        stage.edit(whose, event, summary="Other")
        stage.sync(whose)
    stage.edit(whose, event, summary="Other")
    stage.sync(whose)
    assert stage.item(whose).aside == "contested"


def test_a_contested_one_is_cancelled_by_staff_all_the_same(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    argued(stage, ada, event)
    stage.staff.cancel(appointment=row)
    stage.poke()
    assert stage.events(ada) == []
    assert stage.item(ada).aside is None


def test_a_contested_one_is_rescheduled_by_staff_all_the_same(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    stage.move(ada, event, hours=60)
    for _ in range(3):
        stage.sync(ada)
        stage.move(ada, event, hours=60)
    stage.reschedule(row, hours=72)
    stage.sync(ada, row)
    assert starts(stage.event(ada)) == stage.at(72)


def test_put_backs_of_hours_ago_do_not_count(stage: Stage, ada: Practitioner) -> None:
    _, event = booked(stage, ada)
    for _ in range(8):
        stage.edit(ada, event, summary="Other")
        stage.sync(ada)
        assert stage.event(ada)["summary"] == "ID-1"
        stage.clock.advance(1_201)


# --- the past -------------------------------------------------------------------------------------------


def test_a_past_one_that_was_deleted_is_left(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada, hours=-3)
    stage.delete(ada, event)
    assert stage.sync(ada).counts.left == 1
    stage.sync(ada, everything=True)
    assert stage.events(ada) == []
    assert stage.row(row)["status"] == "booked"
    assert stage.ledger.side_writes == []


def test_a_past_one_that_was_deleted_is_not_brought_back_by_a_new_label(
    stage: Stage, ada: Practitioner
) -> None:
    _, event = booked(stage, ada, hours=-3)
    stage.delete(ada, event)
    stage.sync(ada)
    stage.change_settings(ada, client_label=LabelMode.FULL_NAME)
    stage.sync(ada, everything=True)
    assert stage.events(ada) == []


def test_a_past_one_that_was_deleted_comes_back_when_it_is_rescheduled(
    stage: Stage, ada: Practitioner
) -> None:
    row, event = booked(stage, ada, hours=-3)
    stage.delete(ada, event)
    stage.sync(ada)
    stage.reschedule(row, hours=24)
    stage.sync(ada, row)
    assert starts(stage.event(ada)) == stage.at(24)


def test_a_past_one_that_was_moved_is_put_back(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada, hours=-3)
    stage.move(ada, event, hours=72)
    stage.sync(ada)
    assert starts(stage.event(ada)) == stage.at(-3) == starts(stage.row(row))


# --- edits accepted -------------------------------------------------------------------------------------


@pytest.fixture
def eve(stage: Stage) -> Practitioner:
    """One whose moves and deletions in the calendar are taken."""
    return stage.connect(google_edits=Edits.ACCEPT)


def test_an_accepted_move_is_a_reschedule(stage: Stage, eve: Practitioner) -> None:
    row, event = booked(stage, eve)
    stage.move(eve, event, hours=72)
    stage.sync(eve)
    assert starts(stage.row(row)) == stage.at(72) == starts(stage.event(eve))
    assert stage.ledger.side_writes == ["PUT Appointment"]


def test_an_accepted_deletion_is_a_cancellation_and_no_erasure(stage: Stage, eve: Practitioner) -> None:
    row, event = booked(stage, eve)
    stage.delete(eve, event)
    stage.sync(eve)
    assert stage.row(row)["status"] == "cancelled"
    assert stage.ledger.side_writes == ["PUT Appointment"]
    stage.settle()
    assert stage.events(eve) == []


def test_a_text_is_put_back_although_moves_are_accepted(stage: Stage, eve: Practitioner) -> None:
    _, event = booked(stage, eve)
    stage.edit(eve, event, summary="Other", start=clock_time(stage.at(72)), end=clock_time(stage.at(73)))
    stage.sync(eve)
    found = stage.event(eve)
    assert (found["summary"], starts(found)) == ("ID-1", stage.at(72))
    assert starts(stage.row()) == stage.at(72)


@pytest.mark.parametrize("protect", ["protect", "arrive", "fulfil"])
def test_a_protected_one_is_put_back(stage: Stage, eve: Practitioner, protect: str) -> None:
    row, event = booked(stage, eve)
    getattr(stage.staff, protect)(appointment=row)
    stage.sync(eve, row)
    status = stage.row(row)["status"]
    stage.move(eve, event, hours=72)
    stage.sync(eve)
    assert starts(stage.event(eve)) == stage.at(48)
    stage.delete(eve, event)
    stage.sync(eve)
    assert starts(stage.event(eve)) == stage.at(48)
    assert stage.row(row)["status"] == status


def test_a_move_that_the_ehr_refuses_is_put_back(stage: Stage, eve: Practitioner) -> None:
    _, event = booked(stage, eve)
    other = stage.book(eve, hours=72)
    stage.sync(eve, other)
    stage.store.settings = EhrSettings(occupied_rule=True)
    stage.move(eve, event, hours=72)
    outcome = stage.sync(eve)
    assert starts(stage.event(eve, event)) == stage.at(48)
    assert (outcome.counts.put_back, outcome.counts.aside) == (1, 0)


def test_a_deletion_loses_to_a_reschedule(stage: Stage, eve: Practitioner) -> None:
    row, event = booked(stage, eve)
    stage.delete(eve, event)
    stage.reschedule(row, hours=72)
    stage.sync(eve, row)
    assert starts(stage.event(eve)) == stage.at(72)
    assert stage.row(row)["status"] == "booked"


def test_an_accepted_deletion_can_be_taken_back_in_the_calendar(stage: Stage, eve: Practitioner) -> None:
    row, event = booked(stage, eve)
    stage.delete(eve, event)
    stage.sync(eve)
    stage.undelete(eve, event)
    stage.sync(eve)
    assert stage.row(row)["status"] == "booked"
    assert stage.event(eve)["id"] == event


def test_what_staff_cancelled_cannot_be_brought_back_in_the_calendar(stage: Stage, eve: Practitioner) -> None:
    row, event = booked(stage, eve)
    stage.staff.cancel(appointment=row)
    stage.sync(eve, row)
    stage.undelete(eve, event)
    stage.sync(eve)
    assert stage.row(row)["status"] == "cancelled"
    assert stage.events(eve) == []


def test_where_both_moved_it_the_ehr_wins(stage: Stage, eve: Practitioner) -> None:
    row, event = booked(stage, eve)
    stage.move(eve, event, hours=72)
    stage.reschedule(row, hours=96)
    stage.sync(eve, row)
    assert starts(stage.event(eve)) == stage.at(96) == starts(stage.row(row))
