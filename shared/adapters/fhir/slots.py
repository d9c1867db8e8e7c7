"""FHIR's Slot as a block, read and as it is sent: the time that an external event takes. No I/O.

hl7.org/fhir/R4/slot.html.

A block that is shown Free is a slot with status `free` and our extension; without that extension a free slot
is one that was given back, so nothing is left of the block.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.adapters.fhir.appointments import version_of
from shared.adapters.fhir.bodies import set_element, set_free, set_span
from shared.adapters.fhir.elements import flag, identifiers_of, instant_text, objects, text_of, when_of
from shared.adapters.fhir.participants import Participant, practitioner_ids, reference_of
from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Appointment, Kind, Status, What
from shared.core.text import canonical

Json = dict[str, Any]

TYPE = "Slot"
BUSY = "busy-unavailable"
FREE = "free"
ENTERED_IN_ERROR = "entered-in-error"


def slot_from_json(raw: Mapping[str, Any], settings: FhirSettings, *practitioners: str) -> Appointment:
    """A slot as a row whose id is `Slot/…`, of those who have its schedule. KeyError without an `id`.

    `title` is what its `comment` shows. A slot of ours has an `identifier`; all others belong to the EHR.
    """
    shown_free = flag(raw, settings.free_extension)
    status = text_of(raw.get("status"))
    over = status == ENTERED_IN_ERROR or (status == FREE and not shown_free)
    return Appointment(
        id=f"{TYPE}/{raw['id']}",
        version=version_of(raw),
        status=Status.OVER if over else Status.LIVE,
        kind=Kind.BLOCK,
        when=when_of(raw),
        practitioner_ids=frozenset(practitioners),
        identifier=identifiers_of(raw).get(settings.block_system) or None,
        title=canonical(text_of(raw.get("comment"))),
        busy=status != FREE,
        raw=raw,
    )


def schedule_id_of(raw: Mapping[str, Any]) -> str | None:
    """Of the schedule that a slot is in; None where it names none of this server's."""
    of, schedule_id = reference_of(raw.get("schedule"))
    return schedule_id if of == "Schedule" else None


def practitioners_of(schedule: Mapping[str, Any]) -> frozenset[str]:
    """Ids of those whose time a schedule is."""
    return practitioner_ids(Participant(*reference_of(each)) for each in objects(schedule.get("actor")))


def new_slot(
    schedule_id: str,
    identifier: str,
    span: tuple[datetime, datetime],
    what: What,
    settings: FhirSettings,
) -> Json:
    """The resource of a block under our identifier."""
    resource: Json = {
        "resourceType": TYPE,
        "identifier": [{"system": settings.block_system, "value": identifier}],
        "schedule": {"reference": f"Schedule/{schedule_id}"},
        "start": instant_text(span[0]),
        "end": instant_text(span[1]),
    }
    return patched_slot(resource, settings, what=what)


def patched_slot(
    raw: Mapping[str, Any],
    settings: FhirSettings,
    *,
    span: tuple[datetime, datetime] | None = None,
    what: What | None = None,
) -> Json:
    """A copy of the resource with these parts changed; it takes its time again, if it had been given back."""
    resource = dict(raw)
    if span is not None:
        set_span(resource, span)
    if what is not None:
        set_element(resource, "comment", what.summary)
        set_free(resource, settings, free=not what.busy)
    resource["status"] = FREE if flag(resource, settings.free_extension) else BUSY
    return resource
