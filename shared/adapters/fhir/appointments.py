"""FHIR's Appointment as it is read (hl7.org/fhir/R4/appointment.html). No I/O.

Reading is tolerant: a part that is missing or of another shape reads as its default, fields nobody here knows
stay in `raw`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from shared.adapters.fhir.details import Details, details_of
from shared.adapters.fhir.elements import (
    flag,
    identifiers_of,
    instant,
    object_of,
    text_of,
    when_of,
)
from shared.adapters.fhir.participants import Participant, participants_of, practitioner_ids
from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Appointment, Kind, Status
from shared.core.text import canonical

Json = dict[str, Any]

CANCELLED = "cancelled"
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


def appointment_from_json(raw: Mapping[str, Any], settings: FhirSettings) -> Appointment:
    """A row; `version` as `version_of` has it. KeyError without an `id`."""
    participants = participants_of(raw, settings.participant_status)
    clients = [each for each in participants if each.is_client]
    patients = [each for each in clients if each.type == "Patient"] or clients
    expected = [each for each in patients if not _is_out(each, settings)]
    identifiers = identifiers_of(raw)
    personal, block = identifiers.get(settings.personal_system), identifiers.get(settings.block_system)
    kind = Kind.CLIENT if clients else Kind.BLOCK if block else Kind.PERSONAL
    over = bool(clients) and not expected
    details = details_of(raw, participants) if clients else Details()
    return Appointment(
        id=raw["id"],
        version=version_of(raw),
        status=Status.OVER if over else _STATUS.get(text_of(raw.get("status")), Status.LIVE),
        code=text_of(raw.get("status")),
        kind=kind,
        when=when_of(raw),
        practitioner_ids=practitioner_ids(participants),
        patient_ids=_patient_ids(expected or patients),
        identifier=personal or block or None,
        title=canonical(text_of(raw.get("description"))) if kind is not Kind.CLIENT else "",
        location=details.location,
        service=details.service,
        telehealth=details.telehealth,
        busy=not (kind is not Kind.CLIENT and flag(raw, settings.free_extension)),
        protected=_protected(raw, clients, settings),
        cancelled=over or raw.get("status") == CANCELLED,
        changed_at=instant(object_of(raw.get("meta")).get("lastUpdated")),
        raw=raw,
    )


def _patient_ids(clients: list[Participant]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.id for each in clients if each.type == "Patient" and each.id))


def _is_out(client: Participant, settings: FhirSettings) -> bool:
    vendor = settings.participant_status
    return vendor is not None and client.state in vendor.cancelled


def _protected(raw: Mapping[str, Any], clients: list[Participant], settings: FhirSettings) -> bool | None:
    vendor = settings.participant_status
    if raw.get("status") in CAME or (vendor and any(each.state in vendor.came for each in clients)):
        return True
    return flag(raw, settings.protected_extension) if settings.protected_extension else None


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


def actor(practitioner_id: str) -> str:
    """The reference of a practitioner: of a Practitioner, unless the id names another type."""
    return practitioner_id if "/" in practitioner_id else f"Practitioner/{practitioner_id}"
