"""Slots as blocks, read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.adapters.fhir import FhirSettings
from shared.adapters.fhir.slots import schedule_id_of, slot_from_json
from shared.core.model import Kind, Status, When

Json = dict[str, Any]

SETTINGS = FhirSettings(system="https://calsync.example")
NINE, TEN = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)
FREE = {"extension": [{"url": SETTINGS.free_extension, "valueBoolean": True}]}
RAW: Json = {
    "resourceType": "Slot",
    "id": "s1",
    "meta": {"versionId": "4"},
    "identifier": [{"system": SETTINGS.block_system, "value": "c.k"}],
    "schedule": {"reference": "Schedule/w1"},
    "status": "busy-unavailable",
    "start": "2026-03-02T02:00:00-07:00",
    "end": "2026-03-02T10:00:00Z",
    "comment": " Busy ",
}


def test_a_slot_is_a_block_of_its_schedules_practitioner() -> None:
    row = slot_from_json(RAW, SETTINGS, "d1")
    assert (row.id, row.version, row.kind, row.identifier) == ("Slot/s1", "4", Kind.BLOCK, "c.k")
    assert (row.when, row.practitioner_ids, row.title) == (When(NINE, TEN), frozenset({"d1"}), "Busy")
    assert row.raw == RAW


@pytest.mark.parametrize(
    ("changes", "status", "busy"),
    [
        ({}, Status.LIVE, True),
        ({"status": "busy"}, Status.LIVE, True),
        ({"status": "busy-tentative"}, Status.LIVE, True),
        ({"status": "by-owl"}, Status.LIVE, True),
        ({"status": None}, Status.LIVE, True),
        ({"status": "free", **FREE}, Status.LIVE, False),
        ({"status": "free"}, Status.OVER, False),
        ({"status": "entered-in-error"}, Status.OVER, True),
        ({"status": "entered-in-error", **FREE}, Status.OVER, True),
        ({"status": "busy-unavailable", **FREE}, Status.LIVE, True),
    ],
)
def test_what_the_status_of_a_slot_means(changes: Json, status: Status, busy: bool) -> None:  # noqa: FBT001 - an outcome
    row = slot_from_json({**RAW, **changes}, SETTINGS, "d1")
    assert (row.status, row.busy) == (status, busy)


def test_a_slot_of_the_ehrs_own_has_no_identifier_of_ours() -> None:
    others = [{"system": "https://else.example", "value": "9"}, {"system": SETTINGS.block_system}]
    row = slot_from_json({**RAW, "identifier": others, "comment": None}, SETTINGS, "d1")
    assert (row.identifier, row.title) == (None, "")


@pytest.mark.parametrize(
    ("schedule", "found"),
    [
        ({"reference": "Schedule/w1"}, "w1"),
        ({"reference": "https://ehr.example/fhir/Schedule/w1/_history/2"}, "w1"),
        ({"reference": "Slot/w1"}, None),
        ({"display": "of somebody"}, None),
        (None, None),
    ],
)
def test_the_schedule_of_a_slot(schedule: object, found: str | None) -> None:
    assert schedule_id_of({**RAW, "schedule": schedule}) == found
