from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.ehr import urls
from sandbox.ehr.fhir import By, FhirError, FhirStore
from sandbox.ehr.staff import Staff
from tests.sandbox.ehr.samples import ManualClock

START = datetime(2026, 12, 1, 17, tzinfo=UTC)
END = datetime(2026, 12, 1, 17, 50, tzinfo=UTC)
ZONE = "America/Denver"


@pytest.fixture
def people(store: FhirStore, staff: Staff) -> dict[str, str]:
    """Ids by role."""

    def practitioner(family: str) -> str:
        resource = {"resourceType": "Practitioner", "name": [{"family": family, "given": ["Sample"]}]}
        return str(store.create(resource).resource["id"])

    location = store.create({"resourceType": "Location", "name": "Room 1"}).resource["id"]
    return {
        "client": staff.register_patient(family="Example", given=["Ada"], internal_id="C-1")["id"],
        "other": staff.register_patient(text="Placeholder")["id"],
        "first": practitioner("One"),
        "second": practitioner("Two"),
        "room": location,
    }


@pytest.fixture
def booked(staff: Staff, people: dict[str, str]) -> dict[str, Any]:
    return staff.book(
        patients=[people["client"]],
        practitioners=[people["first"]],
        start=START,
        end=END,
        zone=ZONE,
        service="Follow-up",
        location=people["room"],
    )


def actors(appointment: dict[str, Any]) -> list[str]:
    return [participant["actor"]["reference"] for participant in appointment["participant"]]


def test_a_booking_names_everybody_and_its_zone(booked: dict[str, Any], people: dict[str, str]) -> None:
    assert (booked["status"], booked["start"], booked["end"], booked["minutesDuration"]) == (
        "booked",
        "2026-12-01T10:00:00-07:00",
        "2026-12-01T10:50:00-07:00",
        50,
    )
    assert booked["_start"]["extension"] == [{"url": urls.TZ_CODE, "valueCode": ZONE}]
    assert booked["serviceType"] == [{"text": "Follow-up"}]
    assert actors(booked) == [
        f"Patient/{people['client']}",
        f"Practitioner/{people['first']}",
        f"Location/{people['room']}",
    ]
    assert [each["actor"]["display"] for each in booked["participant"]] == [
        "Ada Example",
        "Sample One",
        "Room 1",
    ]


def test_personal_time_has_no_patient(staff: Staff, people: dict[str, str]) -> None:
    made = staff.book_personal(
        practitioner=people["first"], start=START, end=END, zone=ZONE, title="Paperwork"
    )
    assert actors(made) == [f"Practitioner/{people['first']}"]
    assert (made["description"], made["appointmentType"]) == ("Paperwork", {"text": "personal"})


def test_a_request_has_no_time_yet(staff: Staff, people: dict[str, str]) -> None:
    made = staff.request(patient=people["client"], practitioner=people["first"])
    assert (made["status"], "start" in made) == ("proposed", False)


def test_an_appointment_without_length_has_no_duration(staff: Staff, booked: dict[str, Any]) -> None:
    moved = staff.reschedule(appointment=booked["id"], start=START, end=START)
    assert (moved["start"], "minutesDuration" in moved) == (moved["end"], False)


def test_a_move_keeps_the_zone_and_follows_its_offset(staff: Staff, booked: dict[str, Any]) -> None:
    july = datetime(2027, 7, 1, 16, tzinfo=UTC)
    moved = staff.reschedule(appointment=booked["id"], start=july, end=july.replace(hour=17))
    assert (moved["start"], moved["_start"], moved["minutesDuration"]) == (
        "2027-07-01T10:00:00-06:00",
        booked["_start"],
        60,
    )


def test_a_cancelled_appointment_is_restored_without_its_reason(staff: Staff, booked: dict[str, Any]) -> None:
    cancelled = staff.cancel(appointment=booked["id"], reason="prov")
    restored = staff.restore(appointment=booked["id"])
    assert cancelled["cancelationReason"]["coding"][0]["code"] == "prov"
    assert (cancelled["status"], restored["status"]) == ("cancelled", "booked")
    assert "cancelationReason" not in restored


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("unconfirm", "pending"),
        ("arrive", "arrived"),
        ("fulfil", "fulfilled"),
        ("no_show", "noshow"),
        ("enter_in_error", "entered-in-error"),
    ],
)
def test_staff_set_the_status_even_of_a_protected_row(
    staff: Staff, booked: dict[str, Any], action: str, status: str
) -> None:
    staff.protect(appointment=booked["id"])
    assert getattr(staff, action)(appointment=booked["id"])["status"] == status


def test_protection_is_flagged_once(staff: Staff, booked: dict[str, Any]) -> None:
    flag = {"url": urls.DELETION_PROTECTED, "valueBoolean": True}
    staff.protect(appointment=booked["id"])
    assert staff.protect(appointment=booked["id"])["extension"] == [flag]


def test_a_title_is_changed_alone(staff: Staff, booked: dict[str, Any]) -> None:
    changed = staff.change_title(appointment=booked["id"], title="Intake")
    assert {**changed, "meta": 0} == {**booked, "meta": 0, "description": "Intake"}


def test_another_practitioner_takes_over(
    staff: Staff, booked: dict[str, Any], people: dict[str, str]
) -> None:
    moved = staff.reassign(appointment=booked["id"], practitioner=people["second"])
    assert f"Practitioner/{people['first']}" not in actors(moved)
    assert f"Practitioner/{people['second']}" in actors(moved)
    assert f"Patient/{people['client']}" in actors(moved)


def test_only_the_practitioner_named_is_replaced(staff: Staff, people: dict[str, str]) -> None:
    both = [people["first"], people["second"]]
    made = staff.book(patients=[people["client"]], practitioners=both, start=START, end=END, zone=ZONE)
    moved = staff.reassign(appointment=made["id"], practitioner=people["first"], instead_of=people["second"])
    assert f"Practitioner/{people['second']}" not in actors(moved)


def test_nobody_takes_over_from_one_who_is_not_named(
    staff: Staff, booked: dict[str, Any], people: dict[str, str]
) -> None:
    with pytest.raises(FhirError) as caught:
        staff.reassign(appointment=booked["id"], practitioner=people["first"], instead_of=people["second"])
    assert caught.value.details == "not-named"


def test_personal_time_given_a_client_is_personal_no_more(staff: Staff, people: dict[str, str]) -> None:
    made = staff.book_personal(practitioner=people["first"], start=START, end=END, zone=ZONE, title="Hold")
    given = staff.add_client(appointment=made["id"], patient=people["client"])
    assert actors(given) == [f"Patient/{people['client']}", f"Practitioner/{people['first']}"]
    assert "appointmentType" not in given


def test_a_rename_does_not_touch_the_appointments(
    store: FhirStore, staff: Staff, clock: ManualClock, booked: dict[str, Any], people: dict[str, str]
) -> None:
    clock.advance(60)
    renamed = staff.rename_patient(patient=people["client"], family="van der Test", given=["Ada"])
    assert [name["use"] for name in renamed["name"]] == ["official", "old"]
    assert renamed["meta"]["lastUpdated"] > booked["meta"]["lastUpdated"]
    assert store.read("Appointment", booked["id"]) == booked


def test_an_erased_appointment_is_gone(store: FhirStore, staff: Staff, booked: dict[str, Any]) -> None:
    assert staff.erase(appointment=booked["id"]) == booked
    with pytest.raises(FhirError) as caught:
        store.read("Appointment", booked["id"], by=By.STAFF)
    assert caught.value.status == 410


def test_nobody_is_booked_who_is_not_registered(staff: Staff, people: dict[str, str]) -> None:
    with pytest.raises(FhirError) as caught:
        staff.book(patients=["nobody"], practitioners=[people["first"]], start=START, end=END, zone=ZONE)
    assert caught.value.status == 404


def test_a_patient_without_a_name_can_be_booked_and_named(
    store: FhirStore, staff: Staff, people: dict[str, str]
) -> None:
    nameless = store.create({"resourceType": "Patient"}).resource["id"]
    made = staff.book(patients=[nameless], practitioners=[people["first"]], start=START, end=END, zone=ZONE)
    assert made["participant"][0]["actor"] == {"reference": f"Patient/{nameless}"}
    assert staff.rename_patient(patient=nameless, text="Placeholder")["name"] == [
        {"use": "official", "text": "Placeholder"}
    ]


def test_a_naive_time_is_a_programmers_error(staff: Staff, booked: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="naive"):
        staff.reschedule(appointment=booked["id"], start=START.replace(tzinfo=None), end=END)
