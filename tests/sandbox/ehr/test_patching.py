from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.fhir import By, FhirError, FhirStore
from sandbox.ehr.patching import OPERATIONS_MAX, json_patched, merge_patched
from sandbox.ehr.staff import Staff
from tests.sandbox.ehr.samples import appointment

ROW: dict[str, Any] = {"id": "1", "a/b": 1, "list": [{"x": 1}, {"x": 2}], "~": {"deep": None}}


def refusal(patch: object) -> tuple[int, str]:
    with pytest.raises(FhirError) as caught:
        json_patched(ROW, patch)
    return caught.value.status, caught.value.details


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "/new", "value": 5}, {"new": 5}),
        ({"op": "add", "path": "/id", "value": "2"}, {"id": "2"}),
        ({"op": "add", "path": "/list/-", "value": 5}, {"list": [{"x": 1}, {"x": 2}, 5]}),
        ({"op": "add", "path": "/list/0", "value": 5}, {"list": [5, {"x": 1}, {"x": 2}]}),
        ({"op": "add", "path": "/list/2", "value": 5}, {"list": [{"x": 1}, {"x": 2}, 5]}),
        ({"op": "replace", "path": "/list/1/x", "value": 5}, {"list": [{"x": 1}, {"x": 5}]}),
        ({"op": "replace", "path": "/a~1b", "value": None}, {"a/b": None}),
        ({"op": "replace", "path": "/~0/deep", "value": 1}, {"~": {"deep": 1}}),
        ({"op": "remove", "path": "/list/0"}, {"list": [{"x": 2}]}),
        ({"op": "test", "path": "/list/0", "value": {"x": 1}}, {}),
    ],
)
def test_an_operation_changes_one_place(operation: dict[str, Any], changed: dict[str, Any]) -> None:
    before = {**ROW}
    assert json_patched(ROW, [operation]) == {**ROW, **changed}
    assert before == ROW


def test_a_place_that_was_removed_is_not_there() -> None:
    assert "id" not in json_patched(ROW, [{"op": "remove", "path": "/id"}])
    assert refusal([{"op": "remove", "path": "/id"}, {"op": "test", "path": "/id", "value": "1"}]) == (
        422,
        "patch",
    )


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, (400, "patch")),
        (["add"], (400, "patch")),
        ([{"op": "add", "value": 1}], (400, "patch")),
        ([{"op": "add", "path": "/new"}], (400, "patch")),
        ([{"op": "test", "path": "/id", "value": "1"}] * (OPERATIONS_MAX + 1), (400, "patch")),
        ([{"op": "move", "path": "/id", "from": "/list"}], (422, "patch")),
        ([{"op": "copy", "path": "/id", "from": "/list"}], (422, "patch")),
        ([{"op": "add", "path": "", "value": {}}], (422, "patch")),
        ([{"op": "add", "path": "/none/at/all", "value": 1}], (422, "patch")),
        ([{"op": "add", "path": "/id/x", "value": 1}], (422, "patch")),
        ([{"op": "add", "path": "/list/3", "value": 1}], (422, "patch")),
        ([{"op": "replace", "path": "/list/-", "value": 1}], (422, "patch")),
        ([{"op": "replace", "path": "/new", "value": 1}], (422, "patch")),
        ([{"op": "remove", "path": "/list/x"}], (422, "patch")),
        ([{"op": "test", "path": "/id", "value": "2"}], (422, "patch-test")),
    ],
)
def test_a_patch_that_cannot_be_done_changes_nothing(patch: object, expected: tuple[int, str]) -> None:
    before = {**ROW}
    assert refusal(patch) == expected
    assert before == ROW


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_standard_shows(
    target: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    assert merge_patched(target, patch) == result


def test_a_merge_patch_is_an_object() -> None:
    with pytest.raises(FhirError):
        merge_patched(ROW, [])


# --- in the store ---------------------------------------------------------------------------------------


def test_a_patch_makes_a_version_unless_it_changes_nothing(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    changed = store.patch("Appointment", made["id"], lambda row: merge_patched(row, {"description": "b"}))
    again = store.patch("Appointment", made["id"], lambda row: merge_patched(row, {"description": "b"}))
    assert (changed.changed, again.changed) == (True, False)
    assert again.resource == changed.resource
    assert changed.resource["meta"]["versionId"] != made["meta"]["versionId"]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"status": "postponed"}, (422, "status")),
        ({"status": None}, (422, "status")),
        ({"end": None}, (422, "app-2")),
        ({"id": "other"}, (400, "id")),
        ({"resourceType": "Slot"}, (400, "id")),
    ],
)
def test_a_patched_row_is_a_valid_one(
    store: FhirStore, patch: dict[str, Any], expected: tuple[int, str]
) -> None:
    made = store.create(appointment()).resource
    with pytest.raises(FhirError) as caught:
        store.patch("Appointment", made["id"], lambda row: merge_patched(row, patch))
    assert (caught.value.status, caught.value.details) == expected
    assert store.read("Appointment", made["id"]) == made


def test_a_protected_row_is_not_patched_away(store: FhirStore, staff: Staff) -> None:
    made = staff.protect(appointment=store.create(appointment()).resource["id"])
    with pytest.raises(FhirError) as caught:
        store.patch("Appointment", made["id"], lambda row: merge_patched(row, {"status": "cancelled"}))
    assert (caught.value.status, caught.value.details) == (422, "appointment-protected")
    by_staff = store.patch(
        "Appointment", made["id"], lambda row: merge_patched(row, {"status": "cancelled"}), by=By.STAFF
    )
    assert by_staff.resource["status"] == "cancelled"


def test_a_stamp_is_the_servers_own(store: FhirStore) -> None:
    made = store.create(appointment()).resource
    forged = {"meta": {"versionId": "mine", "lastUpdated": "2020-01-01T00:00:00Z"}, "comment": "a"}
    changed = store.patch("Appointment", made["id"], lambda row: merge_patched(row, forged)).resource
    assert changed["meta"]["versionId"] not in ("mine", made["meta"]["versionId"])
    assert changed["meta"]["lastUpdated"] == made["meta"]["lastUpdated"]
