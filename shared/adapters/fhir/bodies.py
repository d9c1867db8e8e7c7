"""Appointments as they are sent to a FHIR server: what was read, changed in the fewest places. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.fhir.appointments import CANCELLED, actor
from shared.adapters.fhir.elements import instant, instant_text, objects
from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Kind, What

Json = dict[str, Any]

CANCELLATION_REASONS = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
BOOKED = "booked"
IN_ERROR = "entered-in-error"
CANCELLABLE = frozenset({"booked", "pending", "proposed", "waitlist"})

_REASON = "cancelationReason"
_REASON_R5 = "cancellationReason"
_OF_A_CANCELLATION = (_REASON, _REASON_R5, "cancellationDate")


def patched(
    raw: Mapping[str, Any],
    settings: FhirSettings,
    *,
    span: tuple[datetime, datetime] | None = None,
    what: What | None = None,
    status: str | None = None,
) -> Json:
    """A copy of the resource with these parts changed. `status`: a code of AppointmentStatus."""
    resource = dict(raw)
    if span is not None:
        set_span(resource, span)
    if what is not None:
        set_element(resource, "description", what.summary)
        set_free(resource, settings, free=not what.busy)
    if status is not None:
        _set_status(resource, status, settings)
    return resource


def new_appointment(
    kind: Kind,
    practitioner_id: str,
    identifier: str,
    span: tuple[datetime, datetime],
    what: What,
    settings: FhirSettings,
) -> Json:
    """The resource of a personal appointment or a block under our identifier."""
    resource: Json = {
        "resourceType": "Appointment",
        "identifier": [{"system": system_of(kind, settings), "value": identifier}],
        "status": BOOKED,
        "appointmentType": {"text": kind.value},
        "start": instant_text(span[0]),
        "end": instant_text(span[1]),
        "participant": [{"actor": {"reference": actor(practitioner_id)}, "status": "accepted"}],
    }
    return patched(resource, settings, what=what)


def system_of(kind: Kind, settings: FhirSettings) -> str:
    """System of our identifiers on rows of a kind that we may make."""
    return {Kind.PERSONAL: settings.personal_system, Kind.BLOCK: settings.block_system}[kind]


def renamed(raw: Mapping[str, Any], old: str | None, new: str) -> Json:
    """The resource with our identifier `old` replaced; without it there is none of ours to replace."""
    identifiers = objects(raw.get("identifier"))
    changed = [{**each, "value": new} if each.get("value") == old else each for each in identifiers]
    return {**raw, "identifier": changed} if identifiers else dict(raw)


def is_named(raw: Mapping[str, Any], system: str, value: str) -> bool:
    """Whether the resource has this identifier: a search may answer more than was asked for."""
    identifiers = objects(raw.get("identifier"))
    return any((each.get("system"), each.get("value")) == (system, value) for each in identifiers)


def moves(raw: Mapping[str, Any], span: tuple[datetime, datetime]) -> bool:
    """Whether these are other instants than those of the resource, whatever the offset."""
    return (instant(raw.get("start")), instant(raw.get("end"))) != span


def without_reason(resource: Mapping[str, Any]) -> Json:
    """The resource with nothing said of why it was cancelled."""
    return {name: value for name, value in resource.items() if name not in _OF_A_CANCELLATION}


def has_unknown_modifiers(raw: Mapping[str, Any], settings: FhirSettings) -> bool:
    """A modifier extension changes what the resource means; who does not know it must not write it."""
    vendor = settings.participant_status
    known = {vendor.extension} if vendor else set()
    parts = [
        part["modifierExtension"] for part in objects(raw.get("participant")) if "modifierExtension" in part
    ]
    urls = [each.get("url") for part in parts for each in objects(part) or [{}]]
    return bool(raw.get("modifierExtension")) or not known.issuperset(urls)


def set_span(resource: Json, span: tuple[datetime, datetime]) -> None:
    """An instant that stays keeps its spelling."""
    for name, moment in zip(("start", "end"), span, strict=True):
        if instant(resource.get(name)) != moment:
            resource[name] = instant_text(moment)
    if "minutesDuration" in resource:
        set_element(resource, "minutesDuration", (span[1] - span[0]) // timedelta(minutes=1))


def set_free(resource: Json, settings: FhirSettings, *, free: bool) -> None:
    """Our extension for time that is shown as free; those of others stay."""
    url = settings.free_extension
    others = [item for item in objects(resource.get("extension")) if item.get("url") != url]
    set_element(resource, "extension", [*others, *([{"url": url, "valueBoolean": True}] if free else [])])


def set_element(resource: Json, name: str, value: object) -> None:
    """An element without content is left out: FHIR allows no empty ones."""
    if value:
        resource[name] = value
    else:
        resource.pop(name, None)


def _set_status(resource: Json, status: str, settings: FhirSettings) -> None:
    """With the provider's reason where it is a cancellation; only that may have one (app-4)."""
    spelling = _REASON_R5 if settings.release >= 5 or _REASON_R5 in resource else _REASON
    for name in _OF_A_CANCELLATION:
        resource.pop(name, None)
    resource["status"] = status
    if status == CANCELLED:
        reason = {"coding": [{"system": CANCELLATION_REASONS, "code": "prov"}]}
        resource[spelling] = reason
