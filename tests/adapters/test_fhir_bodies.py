"""Appointments as they are sent."""

from __future__ import annotations

import json

from shared.adapters.fhir import patched
from shared.core.model import What
from tests.fakes.ehr import SETTINGS
from tests.fhir_script import PERSONAL, RAW, at


def test_a_move_changes_the_times_and_nothing_else() -> None:
    moved = patched(RAW, SETTINGS, span=(at(18), at(19)))
    assert moved == {**RAW, "start": "2026-03-02T18:00:00Z", "end": "2026-03-02T19:00:00Z"}


def test_an_equal_instant_keeps_its_spelling() -> None:
    moved = patched(RAW, SETTINGS, span=(at(16), at(18)))
    assert moved == {**RAW, "end": "2026-03-02T18:00:00Z"}


def test_minutes_follow_where_they_are_said() -> None:
    moved = patched({**RAW, "minutesDuration": 60}, SETTINGS, span=(at(18), at(18, 45)))
    assert moved["minutesDuration"] == 45
    assert "minutesDuration" not in patched({**RAW, "minutesDuration": 60}, SETTINGS, span=(at(18), at(18)))


def test_a_cancellation_gives_the_providers_reason() -> None:
    cancelled = patched(RAW, SETTINGS, status="cancelled")
    assert cancelled.pop("cancelationReason")["coding"][0]["code"] == "prov"
    assert cancelled == {**RAW, "status": "cancelled"}


def test_a_booking_brought_back_has_no_reason_for_its_cancellation() -> None:
    cancelled = patched(PERSONAL, SETTINGS, status="cancelled")
    assert patched(cancelled, SETTINGS, status="booked") == PERSONAL


def test_text_and_free_flag_are_set_and_taken_away() -> None:
    foreign = {"url": "https://else.example", "valueCode": "x"}
    raw = {**PERSONAL, "extension": [foreign]}
    changed = patched(raw, SETTINGS, what=What("", busy=False))
    assert "description" not in changed
    assert changed["extension"] == [foreign, {"url": SETTINGS.free_extension, "valueBoolean": True}]
    assert patched(changed, SETTINGS, what=What("Dentist")) == raw
    assert "extension" not in patched(PERSONAL, SETTINGS, what=What("x"))


def test_the_resource_that_was_read_stays_as_it_was() -> None:
    before = json.dumps(RAW)
    patched(RAW, SETTINGS, span=(at(1), at(2)), what=What("x", busy=False), status="cancelled")
    assert json.dumps(RAW) == before
