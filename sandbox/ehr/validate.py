"""What makes a resource acceptable, whoever writes it.

Appointment: the value set of `status`, the cardinalities a calendar relies on, and the invariants app-1 to
app-4 of R4 (hl7.org/fhir/R4/appointment.html).
"""

from __future__ import annotations

import re

from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import FhirError, Resource

STATUSES = frozenset(
    (
        "proposed",
        "pending",
        "booked",
        "arrived",
        "checked-in",
        "fulfilled",
        "cancelled",
        "noshow",
        "entered-in-error",
        "waitlist",
    )
)
PARTICIPATION = frozenset(("accepted", "declined", "tentative", "needs-action"))
TIMELESS = frozenset(("proposed", "cancelled", "waitlist"))
"""Statuses that may lack start and end (the expression of app-3 names three, its text two)."""
REASONED = frozenset(("cancelled", "noshow"))

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


def check(resource: Resource) -> None:
    """Raises FhirError 400 where it is no resource, 422 where a rule of its type is broken."""
    resource_type = resource.get("resourceType")
    if not isinstance(resource_type, str) or not _TYPE.fullmatch(resource_type):
        raise FhirError(400, "structure", "resource-type", "resourceType is missing or no type name")
    if not isinstance(resource.get("meta", {}), dict):
        raise FhirError(400, "structure", "meta", "meta is not an object")
    if resource_type == "Appointment":
        _check_appointment(resource)


def _check_appointment(appointment: Resource) -> None:
    status = appointment.get("status")
    if not isinstance(status, str) or status not in STATUSES:
        raise FhirError(422, "code-invalid", "status", "status is missing or outside the value set")
    _check_participants(appointment.get("participant"))
    _check_times(appointment, timeless=status in TIMELESS)
    if "cancelationReason" in appointment and status not in REASONED:
        raise _broken("app-4", "cancelationReason is only for cancelled and noshow")


def _check_participants(participants: object) -> None:
    if not isinstance(participants, list) or not participants:
        raise FhirError(422, "required", "participant", "an appointment needs at least one participant")
    for participant in participants:
        if not isinstance(participant, dict) or not isinstance(participant.get("actor", {}), dict):
            raise FhirError(422, "structure", "participant", "a participant or its actor is not an object")
        status = participant.get("status")
        if not isinstance(status, str) or status not in PARTICIPATION:
            raise FhirError(422, "required", "participant-status", "a participant has no valid status")
        if not participant.get("actor") and not participant.get("type"):
            raise _broken("app-1", "a participant has neither actor nor type")


def _check_times(appointment: Resource, *, timeless: bool) -> None:
    if ("start" in appointment) != ("end" in appointment):
        raise _broken("app-2", "either start and end are given, or neither")
    if "start" not in appointment:
        if not timeless:
            raise _broken("app-3", "only proposed, cancelled and waitlist may lack start and end")
        return
    try:
        start, end = parse_instant(appointment["start"]), parse_instant(appointment["end"])
    except ValueError as error:
        raise FhirError(422, "value", "instant", f"start or end: {error}") from error
    if end < start:
        raise FhirError(422, "value", "end-before-start", "end is before start")


def _broken(invariant: str, text: str) -> FhirError:
    return FhirError(422, "invariant", invariant, text)
