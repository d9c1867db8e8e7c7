"""Notes and invoices: how a client finds them, and what hangs on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from sandbox.ehr import urls
from sandbox.ehr.fhir import FhirError, FhirStore
from sandbox.ehr.records import BY_ENCOUNTER
from sandbox.ehr.staff import Staff
from sandbox.ehr.staff_records import NOTES

Json = dict[str, Any]
FLAG = {"url": urls.DELETION_PROTECTED, "valueBoolean": True}
ACTIONS: list[tuple[str, Json, str]] = [
    *(("write_note", {"kind": kind}, kind) for kind in NOTES),
    ("invoice", {}, "ChargeItem"),
    ("invoice", {"claim": True}, "Claim"),
]


@pytest.fixture
def booked(store: FhirStore, staff: Staff) -> Json:
    patient = staff.register_patient(family="Sample", given=["Alex"])["id"]
    practitioner = store.create({"resourceType": "Practitioner", "name": [{"family": "Demo"}]}).resource["id"]
    start, end = datetime(2026, 12, 1, 15, tzinfo=UTC), datetime(2026, 12, 1, 16, tzinfo=UTC)
    return staff.book(patients=[patient], practitioners=[practitioner], start=start, end=end, zone="UTC")


def found(store: FhirStore, of: str, *params: tuple[str, str]) -> list[Json]:
    return [entry["resource"] for entry in store.search(of, params, strict=True).get("entry", [])]


def encounter_of(store: FhirStore, booked: Json) -> str:
    (encounter,) = found(store, "Encounter", ("appointment", f"Appointment/{booked['id']}"))
    return f"Encounter/{encounter['id']}"


@pytest.mark.parametrize(("action", "arguments", "kind"), ACTIONS)
def test_a_record_is_found_from_its_appointment_in_two_steps(
    store: FhirStore, staff: Staff, booked: Json, action: str, arguments: Json, kind: str
) -> None:
    getattr(staff, action)(appointment=booked["id"], **arguments)
    encounter = encounter_of(store, booked)
    counts = {each: len(found(store, each, (name, encounter))) for each, name in BY_ENCOUNTER.items()}
    assert counts == {each: int(each == kind) for each in BY_ENCOUNTER}
    assert found(store, kind, (BY_ENCOUNTER[kind], "Encounter/another")) == []


def test_an_invoice_names_its_charge_and_is_found_by_the_client(
    store: FhirStore, staff: Staff, booked: Json
) -> None:
    invoice = staff.invoice(appointment=booked["id"])
    subject = booked["participant"][0]["actor"]["reference"]
    (charge,) = found(store, "ChargeItem", ("context", encounter_of(store, booked)))
    line = {"chargeItemReference": {"reference": f"ChargeItem/{charge['id']}"}}
    assert found(store, "Invoice", ("subject", subject)) == [invoice]
    assert found(store, "Invoice", ("patient", subject)) == [invoice]
    assert invoice["lineItem"] == [line]


def test_one_appointment_has_one_encounter(store: FhirStore, staff: Staff, booked: Json) -> None:
    first = staff.begin_encounter(appointment=booked["id"])
    staff.write_note(appointment=booked["id"])
    staff.invoice(appointment=booked["id"])
    assert store.resources("Encounter") == [first]


@pytest.mark.parametrize("action", ["write_note", "invoice"])
def test_a_record_flags_its_appointment_where_the_ehr_does(
    store: FhirStore, staff: Staff, booked: Json, action: str
) -> None:
    getattr(staff, action)(appointment=booked["id"])
    assert store.read("Appointment", booked["id"])["extension"] == [FLAG]


def test_without_the_flag_the_row_and_its_version_stay(store: FhirStore, staff: Staff, booked: Json) -> None:
    store.settings = replace(store.settings, flags_protection=False)
    staff.write_note(appointment=booked["id"])
    assert store.read("Appointment", booked["id"]) == booked


def refusal(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(FhirError) as caught:
        act()
    return caught.value.status, caught.value.details


@pytest.mark.parametrize("flags", [True, False])
@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"end": "2026-12-01T17:00:00Z"}])
def test_the_ehr_refuses_to_lose_a_note_flagged_or_not(
    store: FhirStore,
    staff: Staff,
    booked: Json,
    change: Json,
    flags: bool,  # noqa: FBT001 - a table
) -> None:
    store.settings = replace(store.settings, flags_protection=flags)
    staff.write_note(appointment=booked["id"])
    row = store.read("Appointment", booked["id"])
    assert refusal(lambda: store.update({**row, **change})) == (422, "appointment-protected")
    assert refusal(lambda: store.delete("Appointment", row["id"])) == (422, "appointment-protected")
    assert store.update({**row, "description": "harmless"}).changed


def test_an_encounter_alone_protects_nothing(store: FhirStore, staff: Staff, booked: Json) -> None:
    staff.begin_encounter(appointment=booked["id"])
    assert store.update({**booked, "status": "cancelled"}).changed


def test_an_ehr_that_does_not_enforce_lets_the_note_be_lost(
    store: FhirStore, staff: Staff, booked: Json
) -> None:
    store.settings = replace(store.settings, enforces_protection=False)
    staff.write_note(appointment=booked["id"])
    row = store.read("Appointment", booked["id"])
    assert store.update({**row, "status": "cancelled"}).changed


def test_a_note_is_of_a_kind_and_about_somebody(store: FhirStore, staff: Staff, booked: Json) -> None:
    practitioner = booked["participant"][1]["actor"]["reference"].partition("/")[2]
    start, end = datetime(2026, 12, 2, 15, tzinfo=UTC), datetime(2026, 12, 2, 16, tzinfo=UTC)
    own = staff.book_personal(practitioner=practitioner, start=start, end=end, zone="UTC", title="Errand")
    assert refusal(lambda: staff.write_note(appointment=booked["id"], kind="Letter")) == (422, "kind")
    assert refusal(lambda: staff.write_note(appointment=own["id"])) == (422, "no-client")
    assert store.resources("Encounter") == []


@pytest.mark.parametrize(
    "kind",
    ["ChargeItem", "Claim", "ClinicalImpression", "Composition", "DocumentReference", "Encounter", "Invoice"],
)
def test_every_record_is_a_valid_resource_of_r4b(
    store: FhirStore, staff: Staff, booked: Json, kind: str
) -> None:
    for action, arguments, _ in ACTIONS:
        getattr(staff, action)(appointment=booked["id"], **arguments)
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    rows = store.resources(kind)
    assert rows
    for row in rows:
        model.model_validate(row)
