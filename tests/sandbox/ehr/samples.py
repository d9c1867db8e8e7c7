"""Appointments and a clock for the tests of the sandbox EHR."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def participant(reference: str) -> dict[str, Any]:
    return {"actor": {"reference": reference}, "status": "accepted"}


def appointment(
    start: str = "2026-12-01T10:00:00-05:00",
    end: str = "2026-12-01T10:50:00-05:00",
    *actors: str,
    **more: Any,
) -> dict[str, Any]:
    """A valid one; `actors` are references, a patient and a practitioner by default."""
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "start": start,
        "end": end,
        "participant": [participant(actor) for actor in actors or ("Patient/p1", "Practitioner/d1")],
        **more,
    }
