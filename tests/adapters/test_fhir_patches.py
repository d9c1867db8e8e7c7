"""What a PATCH says of a change."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.fhir import patched
from shared.adapters.fhir.bodies import renamed
from shared.adapters.fhir.patches import json_patch, merge_patch
from shared.core.model import What
from tests.fakes.ehr import SETTINGS
from tests.fhir_script import PERSONAL, RAW, Json, at

MOVED = patched({**RAW, "minutesDuration": 60}, SETTINGS, span=(at(18), at(19, 30)))
CANCELLED = patched(RAW, SETTINGS, status="cancelled")
NAMED = {**PERSONAL, "identifier": [{"system": SETTINGS.personal_system, "value": "c.k"}]}
CHANGES: list[tuple[Json, Json]] = [
    ({**RAW, "minutesDuration": 60}, MOVED),
    (RAW, CANCELLED),
    (CANCELLED, patched(CANCELLED, SETTINGS, status="pending", span=(at(18), at(19)))),
    (PERSONAL, patched(PERSONAL, SETTINGS, what=What("", busy=False))),
    ({**PERSONAL, "extension": [{"url": "x"}]}, patched(PERSONAL, SETTINGS, what=What("Doctor"))),
    (NAMED, renamed(NAMED, "c.k", "c.other")),
    ({**CANCELLED, "cancelationReason": {"text": "ill"}}, CANCELLED),
    (RAW, dict(RAW)),
]


def json_patched(resource: Json, patch: list[Json]) -> Json:
    """RFC 6902, of whole elements."""
    result = dict(resource)
    for operation in patch:
        name, op = operation["path"].removeprefix("/"), operation["op"]
        assert (name in result) == (op != "add")
        if op == "remove":
            del result[name]
        elif op == "test":
            assert result[name] == operation["value"]
        else:
            result[name] = operation["value"]
    return result


def merge_patched(target: object, patch: object) -> Any:
    """RFC 7386, as its section 2 has it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patched(result.get(name), value)
    return result


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_patch_makes_what_was_meant(before: Json, after: Json) -> None:
    assert json_patched(before, json_patch(before, after)) == after
    assert merge_patched(before, merge_patch(before, after)) == after


def test_a_json_patch_tests_status_and_times_as_they_were_read() -> None:
    assert json_patch(RAW, patched(RAW, SETTINGS, span=(at(16), at(18)))) == [
        {"op": "test", "path": "/status", "value": "booked"},
        {"op": "test", "path": "/start", "value": "2026-03-02T09:00:00-07:00"},
        {"op": "test", "path": "/end", "value": "2026-03-02T10:00:00-07:00"},
        {"op": "replace", "path": "/end", "value": "2026-03-02T18:00:00Z"},
    ]


def test_a_merge_patch_holds_what_changes_and_nothing_else() -> None:
    patch = merge_patch(CANCELLED, patched(CANCELLED, SETTINGS, status="booked"))
    assert patch == {"status": "booked", "cancelationReason": None}


@pytest.mark.parametrize("name", ["participant", "comment2", "id", "meta", "note", "appointmentType"])
def test_nothing_can_be_patched_that_is_not_ours_to_change(name: str) -> None:
    for patch in (json_patch, merge_patch):
        with pytest.raises(AssertionError):
            patch(RAW, {**RAW, name: "other"})
