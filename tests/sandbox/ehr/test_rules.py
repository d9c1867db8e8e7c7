from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr import urls
from sandbox.ehr.fhir import By, FhirError, FhirStore, Settings
from tests.sandbox.ehr.samples import appointment

FLAG: dict[str, Any] = {"extension": [{"url": urls.DELETION_PROTECTED, "valueBoolean": True}]}
LATER = {"start": "2026-12-01T12:00:00-05:00", "end": "2026-12-01T12:50:00-05:00"}
PROTECTED: list[dict[str, Any]] = [
    FLAG,
    {"status": "arrived"},
    {"status": "checked-in"},
    {"status": "fulfilled"},
]


def problem(store: FhirStore, resource: dict[str, Any]) -> tuple[int, str]:
    """Status and detail of the refusal; (200, "") where the store accepted it."""
    try:
        return store.update(resource).status, ""
    except FhirError as error:
        return error.status, error.details


# --- shape ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"participant": [{"status": "accepted"}]}, "app-1"),
        ({"end": None}, "app-2"),
        ({"start": None}, "app-2"),
        ({"start": None, "end": None}, "app-3"),
        ({"cancelationReason": {"text": "x"}}, "app-4"),
        ({"status": "postponed"}, "status"),
        ({"status": None}, "status"),
        ({"status": ["booked"]}, "status"),
        ({"participant": []}, "participant"),
        ({"participant": [{"actor": {"reference": "Patient/p1"}}]}, "participant-status"),
        ({"participant": [{"actor": {"reference": "Patient/p1"}, "status": []}]}, "participant-status"),
        ({"participant": ["Patient/p1"]}, "participant"),
        ({"start": "2026-12-01T10:00:00"}, "instant"),
        ({"start": "2026-12-01"}, "instant"),
        ({"end": "2026-12-01T14:00:00Z"}, "end-before-start"),
    ],
)
def test_a_broken_appointment_is_422(store: FhirStore, change: dict[str, Any], detail: str) -> None:
    broken = {name: value for name, value in appointment(**change).items() if value is not None}
    with pytest.raises(FhirError) as caught:
        store.create(broken)
    assert (caught.value.status, caught.value.details) == (422, detail)
    assert store.resources("Appointment") == []


@pytest.mark.parametrize(
    "change",
    [
        {"start": None, "end": None, "status": "proposed"},
        {"start": None, "end": None, "status": "waitlist"},
        {"start": None, "end": None, "status": "cancelled"},
        {"status": "noshow", "cancelationReason": {"text": "x"}},
        {"participant": [{"type": [{"text": "any"}], "status": "needs-action"}]},
        {"end": "2026-12-01T10:00:00-05:00"},
    ],
)
def test_what_the_invariants_allow_is_stored(store: FhirStore, change: dict[str, Any]) -> None:
    allowed = {name: value for name, value in appointment(**change).items() if value is not None}
    assert store.create(allowed).status == 201


@pytest.mark.parametrize("resource", [{}, {"resourceType": "no type"}, {"resourceType": "Slot", "meta": 1}])
def test_what_is_no_resource_is_400(store: FhirStore, resource: dict[str, Any]) -> None:
    with pytest.raises(FhirError) as caught:
        store.create(resource)
    assert caught.value.status == 400


# --- protection -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", PROTECTED)
@pytest.mark.parametrize(
    "change",
    [LATER, {"status": "cancelled"}, {"status": "entered-in-error"}, {**FLAG, "extension": [], **LATER}],
)
def test_the_sync_may_not_move_or_cancel_what_is_protected(
    store: FhirStore, why: dict[str, Any], change: dict[str, Any]
) -> None:
    made = store.create(appointment(**why), by=By.STAFF).resource
    assert problem(store, {**made, **change}) == (422, "appointment-protected")
    assert store.read("Appointment", made["id"]) == made


def test_the_sync_may_not_take_the_flag_off(store: FhirStore) -> None:
    made = store.create(appointment(**FLAG)).resource
    assert problem(store, {**made, "extension": []}) == (422, "appointment-protected")


@pytest.mark.parametrize("why", PROTECTED)
def test_the_sync_may_not_delete_what_is_protected(store: FhirStore, why: dict[str, Any]) -> None:
    made = store.create(appointment(**why), by=By.STAFF).resource
    with pytest.raises(FhirError) as caught:
        store.delete("Appointment", made["id"])
    assert caught.value.details == "appointment-protected"


@pytest.mark.parametrize("why", PROTECTED)
def test_staff_may_move_and_cancel_what_is_protected(store: FhirStore, why: dict[str, Any]) -> None:
    made = store.create(appointment(**why), by=By.STAFF).resource
    assert store.update({**made, **LATER, "status": "cancelled"}, by=By.STAFF).changed


def test_the_same_instant_under_another_offset_is_no_move(store: FhirStore) -> None:
    made = store.create(appointment(**FLAG)).resource
    same = {"start": "2026-12-01T15:00:00Z", "end": "2026-12-01T15:50:00Z"}
    assert problem(store, {**made, **same}) == (200, "")


def test_the_sync_may_move_and_cancel_what_is_not_protected(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    moved = store.update({**made, **LATER}).resource
    assert problem(store, {**moved, "status": "cancelled"}) == (200, "")


# --- occupied -------------------------------------------------------------------------------------------


@pytest.fixture
def strict(store: FhirStore) -> FhirStore:
    store.settings = Settings(occupied_rule=True)
    store.create(appointment(LATER["start"], LATER["end"]))
    return store


def test_the_sync_may_not_move_onto_a_client(strict: FhirStore) -> None:
    made = strict.create(appointment()).resource
    assert problem(strict, {**made, **LATER}) == (409, "occupied")


def test_without_the_rule_appointments_may_overlap(strict: FhirStore) -> None:
    strict.settings = Settings()
    made = strict.create(appointment()).resource
    assert problem(strict, {**made, **LATER}) == (200, "")


def test_appointments_that_touch_do_not_overlap(strict: FhirStore) -> None:
    made = strict.create(appointment()).resource
    after = {"start": LATER["end"], "end": "2026-12-01T13:30:00-05:00"}
    assert problem(strict, {**made, **after}) == (200, "")


def test_a_change_that_is_no_move_is_not_checked(strict: FhirStore) -> None:
    double = strict.create(appointment(LATER["start"], LATER["end"])).resource
    assert problem(strict, {**double, "description": "x"}) == (200, "")


def test_another_practitioners_client_occupies_nothing(strict: FhirStore) -> None:
    other = appointment("2026-12-01T10:00:00Z", "2026-12-01T10:50:00Z", "Practitioner/d2")
    made = strict.create(other).resource
    assert problem(strict, {**made, **LATER}) == (200, "")


@pytest.mark.parametrize(
    ("actors", "status"), [(("Practitioner/d1",), "booked"), (("Patient/p9", "Practitioner/d1"), "cancelled")]
)
def test_personal_time_and_cancelled_clients_occupy_nothing(
    store: FhirStore, actors: tuple[str, ...], status: str
) -> None:
    store.settings = Settings(occupied_rule=True)
    store.create(appointment(LATER["start"], LATER["end"], *actors, status=status))
    made = store.create(appointment()).resource
    assert problem(store, {**made, **LATER}) == (200, "")


def test_a_block_may_lie_over_a_client(strict: FhirStore) -> None:
    block = appointment(
        "2026-12-01T10:00:00Z",
        "2026-12-01T10:50:00Z",
        "Practitioner/d1",
        identifier=[{"system": urls.CALSYNC_BLOCK, "value": "k"}],
    )
    made = strict.create(block).resource
    assert problem(strict, {**made, **LATER}) == (200, "")


def test_staff_may_double_book(strict: FhirStore) -> None:
    made = strict.create(appointment()).resource
    assert strict.update({**made, **LATER}, by=By.STAFF).changed
