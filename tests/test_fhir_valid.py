"""That the yardstick of what we send finds what is wrong."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.fhir_script import PRACTITIONER, RAW, Json
from tests.fhir_valid import assert_valid

SLOT: Json = {
    "resourceType": "Slot",
    "schedule": {"reference": "Schedule/s1"},
    "status": "busy-unavailable",
    "start": "2026-03-02T09:00:00Z",
    "end": "2026-03-02T10:00:00Z",
}
TIMES = {"start": None, "end": None}


def changed(resource: Json, changes: Json) -> Json:
    """None takes an element away."""
    return {name: value for name, value in {**resource, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": "cancelled", "cancelationReason": {"coding": [{"code": "prov"}]}},
        {"status": "proposed", **TIMES},
        {"extension": [{"url": "https://calsync.example/free", "valueBoolean": True}]},
    ],
)
def test_what_is_right_passes(changes: Json) -> None:
    assert_valid(changed(RAW, changes))
    assert_valid(SLOT)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "busy"},
        {"status": None},
        {"participant": None},
        {"participant": [{"status": "accepted"}]},
        {"participant": [{**PRACTITIONER, "status": "yes"}]},
        {"end": None},
        TIMES,
        {"start": "2026-03-02T09:00:00"},
        {"start": "soon"},
        {"cancelationReason": {"text": "x"}},
        {"status": "cancelled", "cancellationReason": {"text": "x"}},
        {"vendor": "field"},
        {"extension": [{"valueBoolean": True}]},
        {"minutesDuration": 0},
    ],
)
def test_what_is_wrong_with_an_appointment_is_found(changes: Json) -> None:
    with pytest.raises((ValidationError, AssertionError, KeyError)):
        assert_valid(changed(RAW, changes))


@pytest.mark.parametrize(
    "changes", [{"status": "booked"}, {"schedule": None}, {"start": None}, {"title": "x"}, {"end": "10:00"}]
)
def test_what_is_wrong_with_a_slot_is_found(changes: Json) -> None:
    with pytest.raises((ValidationError, AssertionError, KeyError)):
        assert_valid(changed(SLOT, changes))


def test_a_batch_only_asks() -> None:
    entry = {"request": {"method": "GET", "url": "Claim?encounter=Encounter/1"}}
    assert_valid({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    entry["request"]["method"] = "DELETE"
    with pytest.raises(AssertionError):
        assert_valid({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
