"""A FHIR server that answers what it was told to, and the rows such tests are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapters.fhir import Answer, FhirEhr, FhirSettings, appointment_from_json
from shared.core.errors import SyncError
from shared.core.model import Appointment
from shared.ports import Capabilities
from tests.fakes.ehr import SETTINGS

Json = dict[str, Any]

PATIENT = {"actor": {"reference": "Patient/p1", "display": "Erika Mustermann"}, "status": "accepted"}
PRACTITIONER = {"actor": {"reference": "Practitioner/d1"}, "status": "accepted"}
RAW: Json = {
    "resourceType": "Appointment",
    "id": "a1",
    "meta": {"versionId": "7", "lastUpdated": "2026-03-01T12:00:00.123Z"},
    "status": "booked",
    "start": "2026-03-02T09:00:00-07:00",
    "end": "2026-03-02T10:00:00-07:00",
    "participant": [PATIENT, PRACTITIONER],
}
PERSONAL: Json = {**RAW, "participant": [PRACTITIONER], "description": "Dentist"}


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def read(raw: Mapping[str, Any], settings: FhirSettings = SETTINGS) -> Appointment:
    return appointment_from_json(raw, settings)


class Script:
    """`Exchange` that answers what it was given, in order, and remembers what was asked."""

    def __init__(self, *answers: Answer | SyncError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], Mapping[str, str], Any]] = []

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        self.asked.append((method, url, dict(params), headers or {}, body))
        answer = self.answers.pop(0)
        if isinstance(answer, SyncError):
            raise answer
        return answer

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and address of each."""
        return [(method, url) for method, url, *_ in self.asked]


def bundle(*rows: Json, next_url: str | None = None, self_url: str = "x?_lastUpdated=ge1") -> Answer:
    links = [{"relation": "self", "url": self_url}]
    links += [{"relation": "next", "url": next_url}] if next_url else []
    body = {"resourceType": "Bundle", "link": links, "entry": [{"resource": row} for row in rows]}
    return Answer(200, body)


def outcome(code: str, detail: str | None = None) -> Json:
    issue: Json = {"severity": "error", "code": code, "diagnostics": "Erika Mustermann"}
    if detail is not None:
        issue["details"] = {"coding": [{"system": "https://ehr.example", "code": detail}], "text": "Erika"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def ehr_of(
    *answers: Answer | SyncError, settings: FhirSettings = SETTINGS, can: Capabilities | None = None
) -> tuple[FhirEhr, Script]:
    script = Script(*answers)
    return FhirEhr(script, settings, can), script
