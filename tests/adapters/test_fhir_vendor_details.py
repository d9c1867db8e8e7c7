"""What is not ours outlives what we write: unknown fields, extensions, contained resources, remarks."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.ehr.fhir import PROFILES, By, FhirStore
from sandbox.ehr.practice_details import vendored
from sandbox.ehr.staff import Staff
from shared.adapters.fhir import FhirEhr
from shared.core.model import Appointment
from shared.ports import Capabilities, Writes
from tests.fakes.clock import START, FakeClock
from tests.fakes.ehr import SETTINGS, ModelExchange

Json = dict[str, Any]
HOUR = timedelta(hours=1)
SORTS = {
    "medplum": Capabilities(),
    "minimal": Capabilities(checks_versions=False, creates_once=False),
    "windowed": Capabilities(writes=Writes.JSON_PATCH, creates_once=False),
    "patch-only": Capabilities(writes=Writes.MERGE_PATCH, creates_once=False),
}
OURS = frozenset(("meta", "start", "end", "minutesDuration", "status", "cancelationReason"))


class Practice:
    """One appointment with everything a vendor and the staff can add."""

    def __init__(self, profile: str) -> None:
        clock = FakeClock()
        settings = replace(PROFILES[profile], roles=False)
        self.store = FhirStore(now=clock.now, rng=random.Random(3), settings=settings)
        staff = Staff(self.store)
        patient = staff.register_patient(family="Mustermann")["id"]
        who = self.store.create({"resourceType": "Practitioner", "name": [{"family": "Muster"}]}).resource[
            "id"
        ]
        start = START + timedelta(days=1)
        row = staff.book(
            patients=[patient], practitioners=[who], start=start, end=start + HOUR, zone="America/Denver"
        )
        self.store.update(vendored(row), by=By.STAFF)
        link = "https://video.example/9"
        staff.meet_online(appointment=row["id"], url=link, form="contained pair")
        staff.meet_online(appointment=row["id"], url=link, form="extension")
        self.ehr = FhirEhr(ModelExchange(self.store), SETTINGS, SORTS[profile])
        self.id = str(row["id"])

    def stored(self) -> Json:
        return self.store.read("Appointment", self.id)

    def row(self) -> Appointment:
        row = self.ehr.read([self.id])[self.id]
        assert row is not None
        return row


def not_ours(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if name not in OURS}


@pytest.mark.parametrize("profile", SORTS)
def test_a_move_and_a_cancellation_leave_everything_else_as_it_was(profile: str) -> None:
    practice = Practice(profile)
    before = practice.stored()
    span = (START + timedelta(days=2), START + timedelta(days=2) + HOUR)
    practice.ehr.update(practice.row(), span=span)
    moved = practice.stored()
    practice.ehr.cancel(practice.row())
    cancelled = practice.stored()
    assert not_ours(before) == not_ours(moved) == not_ours(cancelled)
    assert {"vendorRoom", "_vendorRoom", "contained", "implicitRules", "comment"} <= not_ours(before).keys()
    assert (moved["start"] != before["start"], cancelled["status"]) == (True, "cancelled")
