"""Who takes part in an appointment, and for whom it is (hl7.org/fhir/R4/appointment.html). No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.adapters.fhir.elements import object_of, objects, text_of
from shared.adapters.fhir.settings import ParticipantStatus

_CLIENTS = frozenset({"Patient", "RelatedPerson", "Group"})
"""Whoever an appointment may be for: where there is one, its texts stay in the EHR."""

_REFERENCE = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[^/|#?]+)(?:/_history/[^/]+)?$")


@dataclass(frozen=True, repr=False)
class Participant:
    """`id` is "" where the reference names a type, but nobody of this server."""

    type: str
    id: str
    display: str = ""
    state: str = ""
    """What the vendor's extension says, lower case."""

    @property
    def is_client(self) -> bool:
        return self.type in _CLIENTS


def participants_of(raw: Mapping[str, Any], vendor: ParticipantStatus | None) -> list[Participant]:
    """All who refer to a resource of some type. R5's `subject` stands in where they name no client."""
    contained = {f"#{text_of(each.get('id'))}": each for each in objects(raw.get("contained"))}
    found = _participants(objects(raw.get("participant")), contained, vendor)
    if any(each.is_client for each in found):
        return found
    return found + _participants([{"actor": raw.get("subject")}], contained, vendor)


def practitioner_ids(participants: Iterable[Participant]) -> frozenset[str]:
    """Bare ids of Practitioners; those of PractitionerRoles keep their type, a number may be in both."""
    named = [each for each in participants if each.id]
    bare = {each.id for each in named if each.type == "Practitioner"}
    return frozenset(bare | {f"{each.type}/{each.id}" for each in named if each.type == "PractitionerRole"})


def reference_of(value: object) -> tuple[str, str]:
    """Type and id in a reference, whether it is relative, absolute or versioned; ("", "") of any other."""
    match = _REFERENCE.search(text_of(object_of(value).get("reference")))
    return (match["type"], match["id"]) if match else ("", "")


def _participants(
    parts: Iterable[Mapping[str, Any]],
    contained: Mapping[str, Mapping[str, Any]],
    vendor: ParticipantStatus | None,
) -> list[Participant]:
    found = []
    for part in parts:
        actor = object_of(part.get("actor"))
        of, actor_id = reference_of(actor)
        inside = contained.get(text_of(actor.get("reference")), {})
        of = of or text_of(inside.get("resourceType")) or text_of(actor.get("type"))
        if of:
            found.append(Participant(of, actor_id, text_of(actor.get("display")), _state(part, vendor)))
    return found


def _state(part: Mapping[str, Any], vendor: ParticipantStatus | None) -> str:
    for each in (*objects(part.get("modifierExtension")), *objects(part.get("extension"))):
        if vendor is not None and each.get("url") == vendor.extension:
            codings = [*objects(object_of(each.get("valueCodeableConcept")).get("coding")), {}]
            coding = object_of(each.get("valueCoding")) or codings[0]
            said = coding.get("code") or each.get("valueCode") or each.get("valueString")
            return text_of(said).casefold()
    return ""
