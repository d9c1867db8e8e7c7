"""FHIR's Appointment as it is read (hl7.org/fhir/R4/appointment.html). No I/O.

Reading is tolerant: a part that is missing or of another shape reads as its default, fields nobody here knows
stay in `raw`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Appointment, Kind, Status, When, timed
from shared.core.text import canonical

Json = dict[str, Any]

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
        code=_text(raw.get("status")),
        kind=kind,
        when=_when(raw),
        practitioner_ids=frozenset(_practitioner_ids(actors)),
        patient_ids=patients,
        identifier=personal or block or None,
        title=canonical(_text(raw.get("description"))) if kind is not Kind.CLIENT else "",
        location=next((canonical(name) for of, _, name in actors if of == "Location"), ""),
        busy=not (kind is not Kind.CLIENT and _flag(raw, settings.free_extension)),
        protected=_protected(raw, settings),
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


def instant_text(moment: datetime) -> str:
    """UTC, with the fraction where there is one: milliseconds where they say it all, as most servers do."""
    precision = "milliseconds" if moment.microsecond and not moment.microsecond % 1000 else "auto"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


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
