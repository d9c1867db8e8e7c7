"""FHIR's Slot as a block: the time that an external event takes (hl7.org/fhir/R4/slot.html). No I/O.

A block that is shown Free is a slot with status `free` and our extension; without that extension a free slot
is one that was given back, so nothing is left of the block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.fhir.appointments import version_of
from shared.adapters.fhir.elements import flag, identifiers_of, objects, text_of, when_of
from shared.adapters.fhir.participants import Participant, practitioner_ids, reference_of
from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Appointment, Kind, Status
from shared.core.text import canonical

TYPE = "Slot"
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
