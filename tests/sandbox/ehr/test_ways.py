"""The many ways in which EHRs tell one thing: who cancelled, where a session is, who somebody is now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.ehr import urls
from sandbox.ehr.fhir import PROFILES, FhirError, FhirStore, Hours
from sandbox.ehr.staff import BULK_MAX, Staff
from sandbox.ehr.staff_meetings import FORMS
from tests.sandbox.ehr.samples import ManualClock

Json = dict[str, Any]
START = datetime(2026, 12, 1, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINK = "https://video.example/7"


def practitioner(store: FhirStore) -> str:
    made = store.create({"resourceType": "Practitioner", "name": [{"family": "Demo"}]}).resource
    reference = {"reference": f"Practitioner/{made['id']}"}
    store.create({"resourceType": "PractitionerRole", "practitioner": reference})
    return str(made["id"])


def book(store: FhirStore, staff: Staff, **more: Any) -> Json:
    patient = staff.register_patient(family="Sample", given=["Alex"])["id"]
    who: Json = {"patients": [patient], "practitioners": [practitioner(store)]}
    return staff.book(**{**who, "start": START, "end": START + HOUR, "zone": "UTC", **more})


def actors(row: Json) -> list[str]:
    return [each["actor"]["reference"] for each in row["participant"]]


def refusal(store: FhirStore, row: Json) -> tuple[int, str]:
    with pytest.raises(FhirError) as caught:
        store.update(row)
    return caught.value.status, caught.value.details


# --- who cancelled --------------------------------------------------------------------------------------


def test_where_participants_tell_a_cancelled_row_looks_booked(store: FhirStore, staff: Staff) -> None:
    store.settings = replace(PROFILES["patch-only"], status_in_participants=True)
    row = book(store, staff)
    cancelled = staff.cancel(appointment=row["id"])
    client, clinician = cancelled["participant"]
    assert cancelled["status"] == "booked"
    assert client["modifierExtension"] == [{"url": urls.PARTICIPANT_STATUS, "valueString": "cancelled"}]
    assert "modifierExtension" not in clinician
    assert staff.restore(appointment=row["id"])["participant"] == row["participant"]


def test_where_participants_tell_the_status_is_not_written(store: FhirStore, staff: Staff) -> None:
    store.settings = replace(PROFILES["patch-only"], status_in_participants=True)
    row = book(store, staff)
    client, *others = row["participant"]
    told = {**client, "modifierExtension": [{"url": urls.PARTICIPANT_STATUS, "valueString": "cancelled"}]}
    assert refusal(store, {**row, "status": "cancelled"}) == (422, "status-not-writable")
    assert store.update({**row, "participant": [told, *others]}).changed


def test_a_protected_row_is_not_cancelled_by_its_participants_either(store: FhirStore, staff: Staff) -> None:
    row = staff.protect(appointment=book(store, staff)["id"])
    client, *others = row["participant"]
    told = {**client, "modifierExtension": [{"url": urls.PARTICIPANT_STATUS, "valueString": "cancelled"}]}
    assert refusal(store, {**row, "participant": [told, *others]}) == (422, "appointment-protected")


def test_a_server_of_r5_has_its_names_alone(store: FhirStore, staff: Staff) -> None:
    store.settings = replace(store.settings, r5=True)
    row = book(store, staff, service="Intake")
    assert row["subject"]["reference"] == row["participant"][0]["actor"]["reference"]
    assert row["serviceType"] == [{"concept": {"text": "Intake"}}]
    assert store.metadata()["fhirVersion"] == "5.0.0"
    reason = {"coding": [{"code": "prov"}]}
    old = {**row, "status": "cancelled", "cancelationReason": reason}
    assert refusal(store, old) == (422, "unknown-element")
    assert "cancellationReason" in staff.cancel(appointment=row["id"])
    assert "cancellationReason" not in staff.restore(appointment=row["id"])


def test_a_subject_of_r5_is_found_as_a_patient(store: FhirStore) -> None:
    row = {
        "resourceType": "Appointment",
        "status": "booked",
        "subject": {"reference": "Patient/p9"},
        "start": "2026-12-01T10:00:00Z",
        "end": "2026-12-01T11:00:00Z",
        "participant": [{"actor": {"reference": "Practitioner/d1"}, "status": "accepted"}],
    }
    made = store.create(row).resource
    found = store.search("Appointment", [("patient", "Patient/p1,Patient/p9")], strict=True)
    assert [entry["resource"]["id"] for entry in found["entry"]] == [made["id"]]


# --- who takes part -------------------------------------------------------------------------------------


def test_where_roles_are_named_staff_name_them(store: FhirStore, staff: Staff) -> None:
    store.settings = PROFILES["patch-only"]
    row = book(store, staff)
    (role, *_) = store.resources("PractitionerRole")
    assert actors(row)[1] == f"PractitionerRole/{role['id']}"
    other = practitioner(store)
    (_, second) = store.resources("PractitionerRole")
    instead = role["practitioner"]["reference"].partition("/")[2]
    moved = staff.reassign(appointment=row["id"], practitioner=other, instead_of=instead)
    assert actors(moved)[1:] == [f"PractitionerRole/{second['id']}"]


def test_a_role_is_found_by_its_practitioner(store: FhirStore) -> None:
    wanted = practitioner(store)
    practitioner(store)
    found = store.search("PractitionerRole", [("practitioner", f"Practitioner/{wanted}")], strict=True)
    assert len(found["entry"]) == 1


@pytest.mark.parametrize("repoint", [True, False])
def test_merged_patients_name_each_other(store: FhirStore, staff: Staff, repoint: bool) -> None:  # noqa: FBT001 - a table
    row = book(store, staff)
    gone, left = actors(row)[0].partition("/")[2], staff.register_patient(family="Survivor")["id"]
    before = staff.merge_patients(patient=gone, into=left, repoint=repoint)
    after = store.read("Patient", left)
    assert before["active"] is False
    assert before["link"] == [{"other": {"reference": f"Patient/{left}"}, "type": "replaced-by"}]
    assert after["link"] == [{"other": {"reference": f"Patient/{gone}"}, "type": "replaces"}]
    named = actors(store.read("Appointment", row["id"]))
    assert named[0] == f"Patient/{left if repoint else gone}"
    assert len(named) == 2


def test_two_who_were_in_one_group_are_there_once(store: FhirStore, staff: Staff) -> None:
    one, two = (staff.register_patient(family=family)["id"] for family in ("One", "Two"))
    row = book(store, staff, patients=[one, two])
    staff.merge_patients(patient=one, into=two)
    named = actors(store.read("Appointment", row["id"]))
    assert [each for each in named if each.startswith("Patient/")] == [f"Patient/{two}"]


def test_nobody_is_merged_into_themselves(staff: Staff) -> None:
    patient = staff.register_patient(family="One")["id"]
    with pytest.raises(FhirError, match="same-patient"):
        staff.merge_patients(patient=patient, into=patient)


def test_patients_are_found_by_when_they_changed(store: FhirStore, staff: Staff, clock: ManualClock) -> None:
    patients = [staff.register_patient(family=family)["id"] for family in ("One", "Two")]
    clock.advance(60)
    staff.rename_patient(patient=patients[0], family="Newname")
    since = [("_lastUpdated", "ge2026-11-20T12:01:00Z"), ("_sort", "_lastUpdated")]
    found = store.search("Patient", since, strict=True)
    assert [entry["resource"]["id"] for entry in found["entry"]] == patients[:1]


# --- where ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "element", "told"),
    [
        ("element", "virtualService", [{"addressUrl": LINK}]),
        (
            "extension",
            "extension",
            [{"url": urls.VIRTUAL_SERVICE, "extension": [{"url": "address", "valueUrl": LINK}]}],
        ),
        ("contained", "supportingInformation", [{"reference": "#link"}]),
        ("contained pair", "supportingInformation", [{"reference": "#provider"}, {"reference": "#client"}]),
    ],
)
def test_a_link_is_told_in_every_form(
    store: FhirStore, staff: Staff, form: str, element: str, told: object
) -> None:
    row = book(store, staff)
    online = staff.meet_online(appointment=row["id"], url=LINK, form=form, patient_url=f"{LINK}/client")
    assert online[element] == told
    addresses = [each["address"] for each in online.get("contained", [])]
    assert addresses == {"contained": [LINK], "contained pair": [LINK, f"{LINK}/client"]}.get(form, [])


def test_a_link_has_a_form_that_is_known(store: FhirStore, staff: Staff) -> None:
    row = book(store, staff)
    with pytest.raises(FhirError, match="one of the forms"):
        staff.meet_online(appointment=row["id"], url=LINK, form="fax")
    assert set(FORMS) == {"extension", "element", "contained", "contained pair"}


def test_a_session_is_at_one_place(store: FhirStore, staff: Staff) -> None:
    office = staff.add_location(name="Office", street="1 Example Street", city="Sampletown")
    room = staff.add_location(name="Room", url=LINK)
    row = book(store, staff, location=office["id"])
    moved = staff.relocate(appointment=row["id"], location=room["id"])
    assert actors(row)[2:] == [f"Location/{office['id']}"]
    assert actors(moved)[2:] == [f"Location/{room['id']}"]
    assert office["address"] == {"line": ["1 Example Street"], "city": "Sampletown"}
    assert room["physicalType"]["coding"][0]["code"] == "vi"
    assert room["telecom"] == [{"system": "url", "value": LINK}]


# --- when -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [409, 422])
@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        ("2026-12-01T08:00:00-07:00", "2026-12-01T09:00:00-07:00", True),
        ("2026-12-01T17:00:00-07:00", "2026-12-01T18:00:00-07:00", True),
        ("2026-12-01T07:59:00-07:00", "2026-12-01T09:00:00-07:00", False),
        ("2026-12-01T17:30:00-07:00", "2026-12-01T18:01:00-07:00", False),
        ("2026-12-05T10:00:00-07:00", "2026-12-05T11:00:00-07:00", False),
        ("2026-12-01T10:00:00-07:00", "2026-12-02T11:00:00-07:00", False),
    ],
)
def test_a_client_is_not_moved_out_of_hours(
    store: FhirStore,
    staff: Staff,
    start: str,
    end: str,
    allowed: bool,  # noqa: FBT001 - a table
    status: int,
) -> None:
    store.settings = replace(store.settings, out_of_hours_status=status)
    row = book(store, staff)
    store.hours = {actors(row)[1]: Hours(time(8), time(18), ZoneInfo("America/Denver"))}
    if allowed:
        assert store.update({**row, "start": start, "end": end}).changed
    else:
        assert refusal(store, {**row, "start": start, "end": end}) == (status, "out-of-hours")


def test_own_time_has_no_hours(store: FhirStore, staff: Staff) -> None:
    who = practitioner(store)
    store.hours = {f"Practitioner/{who}": Hours(time(8), time(9), ZoneInfo("UTC"))}
    row = staff.book_personal(practitioner=who, start=START, end=START + HOUR, zone="UTC", title="Errand")
    assert store.update({**row, "start": "2026-12-01T03:00:00Z"}).changed


def test_rows_of_one_transaction_are_stamped_inside_and_seen_together(
    store: FhirStore, staff: Staff, clock: ManualClock
) -> None:
    patient = staff.register_patient(family="Sample")["id"]
    made = staff.bulk_book(
        patient=patient, practitioner=practitioner(store), start=START, zone="UTC", count=5, commit_seconds=2
    )
    clock.advance(1)
    quick = book(store, staff)
    seen = store.search("Appointment", [("_sort", "_lastUpdated")], strict=True)
    assert [entry["resource"]["id"] for entry in seen["entry"]] == [quick["id"]]
    clock.advance(1)
    seen = store.search("Appointment", [("_sort", "_lastUpdated")], strict=True)
    ids = [entry["resource"]["id"] for entry in seen["entry"]]
    assert sorted(ids[:5]) == sorted(each["resource"]["id"] for each in made["entry"])
    assert ids[5:] == [quick["id"]]


def test_a_transaction_has_a_size(store: FhirStore, staff: Staff) -> None:
    patient, who = staff.register_patient(family="Sample")["id"], practitioner(store)
    for count in (0, BULK_MAX + 1):
        with pytest.raises(ValueError, match="'count' must be from 1 to 500"):
            staff.bulk_book(patient=patient, practitioner=who, start=START, zone="UTC", count=count)
    assert store.resources("Appointment") == []
