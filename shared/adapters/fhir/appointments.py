"""FHIR's Appointment, read and written (hl7.org/fhir/R4/appointment.html). No I/O.

Reading is tolerant: a part that is missing or of another shape reads as its default, fields nobody here knows
stay in `raw`. Writing changes the raw resource in the fewest places.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Appointment, Kind, Status, What, When, timed
from shared.core.text import canonical

Json = dict[str, Any]

CANCELLATION_REASONS = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
BOOKED = "booked"
CANCELLED = "cancelled"

CANCELLABLE = frozenset({"booked", "pending", "proposed", "waitlist"})
CAME = frozenset({"arrived", "checked-in", "fulfilled", "noshow"})
"""The appointment took place, or was missed: it is part of the record."""

_STATUS = {
    "proposed": Status.NOT_YET,
    "waitlist": Status.NOT_YET,
    "cancelled": Status.OVER,
    "noshow": Status.OVER,
    "entered-in-error": Status.OVER,
}
"""Every other status is live, one that nobody here knows too: better an event too many than a free hour."""

_TAG = re.compile(r"[!#-~]+")
"""What an entity tag may hold between its quotes (RFC 9110, 8.8.3), of ASCII."""

_REFERENCE = re.compile(
    r"(?:^|/)(Patient|Practitioner|PractitionerRole|Location)/([^/|#?]+)(?:/_history/[^/]+)?$"
)


# --- reading --------------------------------------------------------------------------------------------


def appointment_from_json(raw: Mapping[str, Any], settings: FhirSettings) -> Appointment:
    """A row. KeyError without an `id`; `version` is "" where `meta` has none."""
    actors = list(_actors(raw))
    patients = tuple(dict.fromkeys(each for of, each, _ in actors if of == "Patient"))
    identifiers = {item.get("system"): _text(item.get("value")) for item in objects(raw.get("identifier"))}
    personal, block = identifiers.get(settings.personal_system), identifiers.get(settings.block_system)
    kind = Kind.CLIENT if patients else Kind.BLOCK if block else Kind.PERSONAL
    return Appointment(
        id=raw["id"],
        version=_text(object_of(raw.get("meta")).get("versionId")),
        status=_STATUS.get(_text(raw.get("status")), Status.LIVE),
        kind=kind,
        when=_when(raw),
        practitioner_ids=frozenset(_practitioner_ids(actors)),
        patient_ids=patients,
        identifier=personal or block or None,
        title=canonical(_text(raw.get("description"))) if kind is not Kind.CLIENT else "",
        location=next((canonical(name) for of, _, name in actors if of == "Location"), ""),
        busy=not (kind is not Kind.CLIENT and _flag(raw, settings.free_extension)),
        protected=_protected(raw, settings),
        cancelled=raw.get("status") == CANCELLED,
        raw=raw,
    )


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; nothing where the shape is another."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def object_of(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def version_of(raw: Mapping[str, Any]) -> str:
    """Changes when the resource does: `meta.versionId`, else `meta.lastUpdated`, else a hash of its content.

    Only the first of them is one that the server compares: see `etag_of`.
    """
    meta = object_of(raw.get("meta"))
    said = meta.get("versionId") or meta.get("lastUpdated")
    if said:
        return str(said)
    content = {name: value for name, value in raw.items() if name != "meta"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def etag_of(raw: Mapping[str, Any]) -> str | None:
    """For If-Match; None where the resource has no version that its server would compare."""
    version = object_of(raw.get("meta")).get("versionId")
    tag = str(version) if isinstance(version, str | int) else ""
    return f'W/"{tag}"' if _TAG.fullmatch(tag) else None


def instant(text: object) -> datetime | None:
    """UTC; None for what is no FHIR instant (the offset is mandatory)."""
    try:
        moment = datetime.fromisoformat(_text(text))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def actor(practitioner_id: str) -> str:
    """The reference of a practitioner: of a Practitioner, unless the id names another type."""
    return practitioner_id if "/" in practitioner_id else f"Practitioner/{practitioner_id}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _actors(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(type, id, display) of every participant that refers to a resource."""
    for participant in objects(raw.get("participant")):
        reference = object_of(participant.get("actor"))
        match = _REFERENCE.search(_text(reference.get("reference")))
        if match:
            yield match[1], match[2], _text(reference.get("display"))


def _practitioner_ids(actors: list[tuple[str, str, str]]) -> Iterator[str]:
    """Bare ids of Practitioners; those of PractitionerRoles keep their type, a number may be in both."""
    for of, each, _ in actors:
        if of == "Practitioner":
            yield each
        elif of == "PractitionerRole":
            yield f"{of}/{each}"


def _when(raw: Mapping[str, Any]) -> When | None:
    """None where there is no start that can be read. Without an end: `minutesDuration`, else a point."""
    start, end, minutes = instant(raw.get("start")), instant(raw.get("end")), raw.get("minutesDuration")
    if start is None:
        return None
    try:
        lasts = timedelta(minutes=minutes) if isinstance(minutes, int) else timedelta()
        return timed(start, end or start + lasts)
    except OverflowError:
        return None


def _flag(raw: Mapping[str, Any], url: str) -> bool:
    extensions = objects(raw.get("extension"))
    return any(item.get("url") == url and item.get("valueBoolean") is True for item in extensions)


def _protected(raw: Mapping[str, Any], settings: FhirSettings) -> bool | None:
    if raw.get("status") in CAME:
        return True
    return _flag(raw, settings.protected_extension) if settings.protected_extension else None


# --- writing --------------------------------------------------------------------------------------------


def patched(
    raw: Mapping[str, Any],
    settings: FhirSettings,
    *,
    span: tuple[datetime, datetime] | None = None,
    what: What | None = None,
    status: str | None = None,
) -> Json:
    """A copy of the resource with these parts changed. `status`: `booked` or `cancelled`."""
    resource = dict(raw)
    if span is not None:
        _set_span(resource, span)
    if what is not None:
        _set_what(resource, what, settings)
    if status is not None:
        _set_status(resource, status)
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
    _set_what(resource, what, settings)
    return resource


def system_of(kind: Kind, settings: FhirSettings) -> str:
    """System of our identifiers on rows of a kind that we may make."""
    return {Kind.PERSONAL: settings.personal_system, Kind.BLOCK: settings.block_system}[kind]


def renamed(raw: Mapping[str, Any], old: str | None, new: str) -> Json:
    """The resource with our identifier `old` replaced; without it there is none of ours to replace."""
    identifiers = objects(raw.get("identifier"))
    changed = [{**each, "value": new} if each.get("value") == old else each for each in identifiers]
    return {**raw, "identifier": changed} if identifiers else dict(raw)


def moves(raw: Mapping[str, Any], span: tuple[datetime, datetime]) -> bool:
    """Whether these are other instants than those of the resource, whatever the offset."""
    return (instant(raw.get("start")), instant(raw.get("end"))) != span


def instant_text(moment: datetime) -> str:
    """UTC, with the fraction where there is one: milliseconds where they say it all, as most servers do."""
    precision = "milliseconds" if moment.microsecond and not moment.microsecond % 1000 else "auto"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def has_unknown_modifiers(raw: Mapping[str, Any]) -> bool:
    """A modifier extension changes what the resource means; who does not know it must not write it."""
    holders = (raw, *objects(raw.get("participant")))
    return any(holder.get("modifierExtension") for holder in holders)


def _set_span(resource: Json, span: tuple[datetime, datetime]) -> None:
    for name, moment in zip(("start", "end"), span, strict=True):
        if instant(resource.get(name)) != moment:
            resource[name] = instant_text(moment)
    if "minutesDuration" in resource:
        resource["minutesDuration"] = int((span[1] - span[0]) / timedelta(minutes=1))


def _set_what(resource: Json, what: What, settings: FhirSettings) -> None:
    _set(resource, "description", what.summary)
    url = settings.free_extension
    others = [item for item in objects(resource.get("extension")) if item.get("url") != url]
    free = [] if what.busy else [{"url": url, "valueBoolean": True}]
    _set(resource, "extension", [*others, *free])


def _set_status(resource: Json, status: str) -> None:
    resource["status"] = status
    reason = {"coding": [{"system": CANCELLATION_REASONS, "code": "prov"}]}
    _set(resource, "cancelationReason", reason if status == CANCELLED else None)


def _set(resource: Json, name: str, value: object) -> None:
    """An element without content is left out: FHIR allows no empty ones."""
    if value:
        resource[name] = value
    else:
        resource.pop(name, None)
