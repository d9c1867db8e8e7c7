"""What makes a resource acceptable, whoever writes it.

Appointment: the value set of `status`, the cardinalities a calendar relies on, and the invariants app-1 to
app-4 of R4 (hl7.org/fhir/R4/appointment.html). Slot and Schedule: what they must have.
"""

from __future__ import annotations

import re

from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import FhirError, Resource, dicts
from sandbox.ehr.profiles import Settings

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
SLOT_STATUSES = frozenset(("busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"))
PARTICIPATION = frozenset(("accepted", "declined", "tentative", "needs-action"))
TIMELESS = frozenset(("proposed", "cancelled", "waitlist"))
"""Statuses that may lack start and end (the expression of app-3 names three, its text two)."""
REASONED = frozenset(("cancelled", "noshow"))

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


def check(resource: Resource, settings: Settings) -> None:
    """Raises FhirError 400 where it is no resource, 422 where a rule of its type is broken."""
    resource_type = resource.get("resourceType")
    if not isinstance(resource_type, str) or not _TYPE.fullmatch(resource_type):
        raise FhirError(400, "structure", "resource-type", "resourceType is missing or no type name")
    if not isinstance(resource.get("meta", {}), dict):
        raise FhirError(400, "structure", "meta", "meta is not an object")
    if resource_type == "Appointment":
        _check_appointment(resource, settings)
    elif resource_type == "Slot":
        _check_slot(resource)
    elif resource_type == "Schedule" and not dicts(resource.get("actor")):
        raise FhirError(422, "required", "actor", "a schedule needs somebody whose it is")


def _check_appointment(appointment: Resource, settings: Settings) -> None:
    status = appointment.get("status")
    if not isinstance(status, str) or status not in STATUSES:
        raise FhirError(422, "code-invalid", "status", "status is missing or outside the value set")
    _check_participants(appointment.get("participant"))
    _check_times(appointment, timeless=status in TIMELESS)
    reasons = {"cancelationReason", "cancellationReason"} & appointment.keys()
    if reasons and status not in REASONED:
        raise _broken("app-4", "a reason is only for cancelled and noshow")
    if settings.r5 and "cancelationReason" in appointment:
        raise FhirError(422, "structure", "unknown-element", "cancelationReason is a name of R4")


def _check_slot(slot: Resource) -> None:
    status, schedule = slot.get("status"), slot.get("schedule")
    if not isinstance(status, str) or status not in SLOT_STATUSES:
        raise FhirError(422, "code-invalid", "status", "status is missing or outside the value set")
    if not isinstance(schedule, dict) or not schedule.get("reference"):
        raise FhirError(422, "required", "schedule", "a slot is of a schedule")
    if "start" not in slot or "end" not in slot:
        raise FhirError(422, "required", "instant", "a slot has start and end")
    _check_span(slot)


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
    _check_span(appointment)


def _check_span(resource: Resource) -> None:
    try:
        start, end = parse_instant(resource["start"]), parse_instant(resource["end"])
    except ValueError as error:
        raise FhirError(422, "value", "instant", f"start or end: {error}") from error
    if end < start:
        raise FhirError(422, "value", "end-before-start", "end is before start")


def _broken(invariant: str, text: str) -> FhirError:
    return FhirError(422, "invariant", invariant, text)
