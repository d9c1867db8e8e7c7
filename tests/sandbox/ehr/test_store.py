from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.ehr.fhir import By, FhirError, FhirStore, Settings
from tests.sandbox.ehr.samples import ManualClock, appointment

KEY: dict[str, Any] = {"identifier": [{"system": "https://calsync.example/personal", "value": "k1"}]}
KEY_QUERY = "identifier=https%3A%2F%2Fcalsync.example%2Fpersonal%7Ck1"


def refused(act: Callable[[], object]) -> FhirError:
    with pytest.raises(FhirError) as caught:
        act()
    return caught.value


def found(store: FhirStore, *params: tuple[str, str]) -> list[str]:
    bundle = store.search("Appointment", params, strict=True)
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


# --- versions -------------------------------------------------------------------------------------------


def test_a_write_is_stamped_with_a_new_version_and_the_instant(store: FhirStore, clock: ManualClock) -> None:
    made = store.create(appointment()).resource
    clock.advance(1.2345)
    changed = store.update({**made, "description": "moved rooms"}).resource
    assert made["meta"]["lastUpdated"] == "2026-11-20T12:00:00.000Z"
    assert changed["meta"]["lastUpdated"] == "2026-11-20T12:00:01.234Z"
    assert changed["meta"]["versionId"] != made["meta"]["versionId"]


def test_several_rows_may_share_an_instant(store: FhirStore) -> None:
    instants = {store.create(appointment()).resource["meta"]["lastUpdated"] for _ in range(3)}
    assert len(instants) == 1


def test_the_server_chooses_the_id(store: FhirStore) -> None:
    made = store.create(appointment(id="mine")).resource
    assert made["id"] != "mine"
    assert store.read("Appointment", made["id"]) == made


def test_the_same_seed_makes_the_same_ids(clock: ManualClock) -> None:
    stores = [FhirStore(now=clock.now, rng=random.Random(5)) for _ in range(2)]
    first, second = ([store.create(appointment()).resource for _ in range(3)] for store in stores)
    assert first == second


def test_a_put_that_changes_nothing_keeps_version_and_instant(store: FhirStore, clock: ManualClock) -> None:
    made = store.create(appointment()).resource
    clock.advance(60)
    written = store.update({**made, "meta": {"versionId": "whatever"}})
    assert (written.resource, written.changed) == (made, False)


def test_what_is_read_can_be_changed_without_changing_the_store(store: FhirStore) -> None:
    mine = appointment()
    made = store.create(mine).resource
    mine["participant"].clear()
    made["participant"].clear()
    assert len(store.read("Appointment", made["id"])["participant"]) == 2


def test_a_stale_version_is_refused(store: FhirStore) -> None:
    first = store.create(appointment()).resource
    second = store.update({**first, "description": "a"}).resource
    version = first["meta"]["versionId"]
    refusals = (
        refused(lambda: store.update({**second, "description": "b"}, if_match=version)),
        refused(lambda: store.delete("Appointment", first["id"], if_match=version)),
    )
    assert [(each.status, each.details) for each in refusals] == [(412, "stale-version")] * 2
    assert store.read("Appointment", first["id"]) == second


def test_the_current_version_is_accepted(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    written = store.update({**made, "description": "a"}, if_match=made["meta"]["versionId"])
    assert written.resource["description"] == "a"


def test_a_server_that_ignores_if_match_lets_the_last_writer_win(store: FhirStore) -> None:
    store.settings = Settings(if_match_honoured=False)
    made = store.create(appointment()).resource
    assert store.update({**made, "description": "a"}, if_match="stale").changed


# --- gone -----------------------------------------------------------------------------------------------


def test_an_unknown_id_is_404_and_a_deleted_one_410(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    store.delete("Appointment", made["id"])
    assert refused(lambda: store.read("Appointment", "nobody")).status == 404
    assert refused(lambda: store.update({**made, "id": "nobody"})).status == 400
    assert refused(lambda: store.update({**made, "id": "nobody"}, by=By.STAFF)).status == 404
    assert refused(lambda: store.read("Appointment", made["id"])).status == 410
    assert refused(lambda: store.update(made)).status == 410


def test_a_deleted_row_is_found_no_more_and_can_be_deleted_again(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    store.delete("Appointment", made["id"])
    store.delete("Appointment", made["id"])
    assert found(store) == []
    assert store.resources("Appointment") == []


def test_a_cancelled_appointment_stays_as_a_row(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    store.update({**made, "status": "cancelled"})
    assert found(store, ("status", "cancelled")) == [made["id"]]


# --- conditional create ---------------------------------------------------------------------------------


def test_a_conditional_create_makes_one_row(store: FhirStore) -> None:
    first = store.create(appointment(**KEY), if_none_exist=KEY_QUERY)
    again = store.create(appointment(**KEY, description="other"), if_none_exist=KEY_QUERY)
    assert (first.status, again.status, again.changed) == (201, 200, False)
    assert again.resource == first.resource
    assert found(store) == [first.resource["id"]]


def test_a_conditional_create_answers_with_the_cancelled_row(store: FhirStore) -> None:
    first = store.create(appointment(**KEY)).resource
    store.update({**first, "status": "cancelled"})
    again = store.create(appointment(**KEY), if_none_exist=KEY_QUERY)
    assert (again.resource["id"], again.resource["status"]) == (first["id"], "cancelled")


def test_a_conditional_create_makes_a_new_row_after_a_delete(store: FhirStore) -> None:
    first = store.create(appointment(**KEY)).resource
    store.delete("Appointment", first["id"])
    assert store.create(appointment(**KEY), if_none_exist=KEY_QUERY).status == 201


def test_a_conditional_create_that_matches_several_is_412(store: FhirStore) -> None:
    for _ in range(2):
        store.create(appointment(**KEY))
    refusal = refused(lambda: store.create(appointment(**KEY), if_none_exist=KEY_QUERY))
    assert (refusal.status, refusal.details) == (412, "multiple-matches")


@pytest.mark.parametrize("query", ["", "_count=1", "colour=red"])
def test_a_conditional_create_without_a_condition_is_refused(store: FhirStore, query: str) -> None:
    assert refused(lambda: store.create(appointment(), if_none_exist=query)).status == 400


def test_a_server_without_conditional_create_makes_a_duplicate(store: FhirStore) -> None:
    store.settings = Settings(conditional_create=False)
    statuses = [store.create(appointment(**KEY), if_none_exist=KEY_QUERY).status for _ in range(2)]
    assert statuses == [201, 201]


# --- late visibility ------------------------------------------------------------------------------------


def late(store: FhirStore) -> None:
    store.settings = Settings(late_visibility_seconds=10)


def test_a_late_row_appears_behind_rows_already_read(store: FhirStore, clock: ManualClock) -> None:
    late(store)
    slow = store.create(appointment(), by=By.STAFF).resource
    clock.advance(5)
    quick = store.create(appointment()).resource
    assert found(store, ("_sort", "_lastUpdated")) == [quick["id"]]
    clock.advance(5)
    assert found(store, ("_sort", "_lastUpdated")) == [slow["id"], quick["id"]]
    assert found(store, ("_lastUpdated", f"gt{quick['meta']['lastUpdated']}")) == []


def test_a_late_change_shows_the_version_before_until_it_is_due(store: FhirStore, clock: ManualClock) -> None:
    made = store.create(appointment()).resource
    late(store)
    changed = store.update({**made, "description": "new"}, by=By.STAFF).resource
    assert store.read("Appointment", made["id"]) == made
    assert store.read("Appointment", made["id"], by=By.STAFF) == changed
    assert store.resources("Appointment") == [changed]
    clock.advance(10)
    assert store.read("Appointment", made["id"]) == changed


def test_a_late_delete_leaves_the_row_until_it_is_due(store: FhirStore, clock: ManualClock) -> None:
    made = store.create(appointment()).resource
    late(store)
    store.delete("Appointment", made["id"], by=By.STAFF)
    assert found(store) == [made["id"]]
    clock.advance(10)
    assert found(store) == []


def test_a_write_to_a_row_in_transaction_waits_for_it_and_is_stale(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    late(store)
    changed = store.update({**made, "description": "new"}, by=By.STAFF).resource
    version = made["meta"]["versionId"]
    refusal = refused(lambda: store.update({**made, "description": "mine"}, if_match=version))
    assert refusal.status == 412
    assert store.read("Appointment", made["id"]) == changed


def test_what_the_sync_writes_is_never_late(store: FhirStore) -> None:
    late(store)
    made = store.create(appointment()).resource
    assert found(store) == [made["id"]]


# --- the rest -------------------------------------------------------------------------------------------


def test_any_type_is_stored_and_found_by_id_and_identifier(store: FhirStore) -> None:
    device: dict[str, Any] = {"resourceType": "Device", "status": "active", **KEY}
    made = store.create(device).resource
    for params in ([("_id", made["id"])], [("identifier", "k1")]):
        assert store.search("Device", params, strict=True)["entry"][0]["resource"] == made


def test_odd_shapes_in_other_types_are_stored_as_they_are(store: FhirStore) -> None:
    odd: dict[str, Any] = {
        "resourceType": "Patient",
        "name": [5, {"given": 7}],
        "identifier": [{"value": []}],
    }
    made = store.create(odd).resource
    assert {**made, "meta": 0, "id": 0} == {**odd, "meta": 0, "id": 0}


def test_a_number_that_json_does_not_know_is_refused(store: FhirStore) -> None:
    assert refused(lambda: store.create(appointment(priority=float("nan")))).status == 400
    assert store.resources("Appointment") == []


def test_the_outcome_carries_the_code_and_the_detail() -> None:
    outcome = FhirError(422, "business-rule", "appointment-protected", "a sentence").outcome()
    issue = outcome["issue"][0]
    assert (outcome["resourceType"], issue["severity"], issue["code"]) == (
        "OperationOutcome",
        "error",
        "business-rule",
    )
    assert issue["details"]["coding"][0]["code"] == "appointment-protected"
    assert issue["details"]["text"] == "a sentence"


def test_the_capability_statement_follows_the_settings(store: FhirStore) -> None:
    def of_appointment() -> dict[str, Any]:
        resources = store.metadata()["rest"][0]["resource"]
        return next(each for each in resources if each["type"] == "Appointment")

    full = of_appointment()
    store.settings = Settings(if_match_honoured=False, conditional_create=False, last_updated_search=False)
    poor = of_appointment()
    searched = [{param["name"] for param in each["searchParam"]} for each in (full, poor)]
    assert (full["versioning"], poor["versioning"]) == ("versioned-update", "versioned")
    assert (full["conditionalCreate"], poor["conditionalCreate"]) == (True, False)
    assert searched[0] - searched[1] == {"_lastUpdated"}
