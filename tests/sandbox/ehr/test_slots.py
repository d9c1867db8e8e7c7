from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr import urls
from sandbox.ehr.fhir import FhirError, FhirStore
from sandbox.ehr.staff import Staff
from tests.sandbox.ehr.samples import ManualClock

KEY = [{"system": urls.CALSYNC_BLOCK, "value": "k1"}]


def slot(schedule: str = "s1", hour: int = 10, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Slot",
        "schedule": {"reference": f"Schedule/{schedule}"},
        "status": "busy-unavailable",
        "start": f"2026-12-01T{hour:02}:00:00Z",
        "end": f"2026-12-01T{hour + 1:02}:00:00Z",
        **more,
    }


def found(store: FhirStore, *params: tuple[str, str], of: str = "Slot") -> list[str]:
    answer = store.search(of, params, strict=True)
    return [entry["resource"]["id"] for entry in answer.get("entry", [])]


def test_a_slot_is_stored_whole(store: FhirStore) -> None:
    extension = [{"url": "https://calsync.example/free", "valueBoolean": True}]
    made = store.create(slot(comment="Busy", identifier=KEY, extension=extension)).resource
    assert (made["comment"], made["identifier"], made["extension"]) == ("Busy", KEY, extension)
    assert store.read("Slot", made["id"]) == made


def test_slots_are_found_in_every_way(store: FhirStore, clock: ManualClock) -> None:
    mine = store.create(slot(identifier=KEY)).resource["id"]
    clock.advance(60)
    later = store.create(slot(hour=12, status="free")).resource["id"]
    other = store.create(slot("s2")).resource["id"]
    both = ("schedule", "Schedule/s1,Schedule/s2")
    assert found(store, ("schedule", "Schedule/s1")) == found(store, ("schedule", "s1")) == [mine, later]
    assert found(store, both, ("_sort", "-start")) == [later, *sorted([mine, other])]
    assert found(store, both, ("start", "ge2026-12-01T11:00:00Z")) == [later]
    assert found(store, both, ("start", "lt2026-12-01T12:00:00Z"), ("start", "ge2026-12-01")) == [mine, other]
    assert found(store, ("status", "free")) == [later]
    assert found(store, ("identifier", f"{urls.CALSYNC_BLOCK}|k1")) == [mine]
    assert found(store, ("_id", later)) == [later]
    assert found(store, ("_lastUpdated", "gt2026-11-20T12:00:30Z"), ("_sort", "_lastUpdated,_id")) == sorted(
        [later, other]
    )


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"status": None}, "status"),
        ({"status": "booked"}, "status"),
        ({"schedule": None}, "schedule"),
        ({"schedule": {}}, "schedule"),
        ({"start": None}, "instant"),
        ({"end": None}, "instant"),
        ({"start": "2026-12-01"}, "instant"),
        ({"end": "2026-12-01T09:00:00Z"}, "end-before-start"),
    ],
)
def test_a_broken_slot_is_422(store: FhirStore, change: dict[str, Any], detail: str) -> None:
    broken = {name: value for name, value in {**slot(), **change}.items() if value is not None}
    with pytest.raises(FhirError) as caught:
        store.create(broken)
    assert (caught.value.status, caught.value.details) == (422, detail)


def test_a_slot_is_moved_and_given_back(store: FhirStore) -> None:
    made = store.create(slot(identifier=KEY)).resource
    moved = store.update({**slot(hour=15, identifier=KEY), "id": made["id"]}).resource
    assert found(store, ("start", "ge2026-12-01T15:00:00Z")) == [moved["id"]]
    store.delete("Slot", made["id"])
    assert found(store, ("schedule", "s1")) == []


def test_a_schedule_is_found_by_whose_it_is(store: FhirStore, staff: Staff) -> None:
    mine = staff.open_schedule(practitioner="d1")["id"]
    staff.open_schedule(practitioner="d2")
    assert found(store, ("actor", "Practitioner/d1"), of="Schedule") == [mine]
    assert found(store, ("actor", "d1"), of="Schedule") == [mine]


def test_a_schedule_is_somebodys(store: FhirStore) -> None:
    with pytest.raises(FhirError) as caught:
        store.create({"resourceType": "Schedule", "actor": []})
    assert (caught.value.status, caught.value.details) == (422, "actor")
