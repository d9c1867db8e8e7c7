"""What a stored version is known by: taken out once when it is written, read by search and by the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import Resource, dicts

_CLINICIAN = ("Practitioner/", "PractitionerRole/")
_APPOINTMENT = {
    "actor": ("",),
    "practitioner": ("Practitioner/",),
    "patient": ("Patient/",),
    "location": ("Location/",),
    "clinician": _CLINICIAN,
}
"""Reference parameters of Appointment, and the types each of them finds; `clinician` is the rules' own."""
_REFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ChargeItem": {"context": ("context",), "subject": ("subject",)},
    "Claim": {"encounter": ("item", "encounter"), "patient": ("patient",)},
    "ClinicalImpression": {"encounter": ("encounter",), "subject": ("subject",)},
    "Composition": {"encounter": ("encounter",), "subject": ("subject",)},
    "DocumentReference": {"encounter": ("context", "encounter"), "subject": ("subject",)},
    "Encounter": {"appointment": ("appointment",), "subject": ("subject",)},
    "Invoice": {"subject": ("subject",), "patient": ("subject",)},
    "PractitionerRole": {"practitioner": ("practitioner",)},
    "Schedule": {"actor": ("actor",)},
    "Slot": {"schedule": ("schedule",)},
}
"""Reference parameters of the other types: where the reference stands; lists on the way are gone through."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What searching and the business rules need of a resource, taken out once when it is written."""

    tokens: Mapping[str, frozenset[str]]
    """By parameter, every spelling that finds it: `system|value` and `value`, `Type/id` and `id`."""
    words: tuple[str, ...]
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version. `text` is its JSON, "" once it is deleted."""

    id: str
    version_id: str
    last_updated: datetime
    text: str
    facts: Facts

    def parse(self) -> Resource:
        resource: Resource = json.loads(self.text)
        return resource


def facts_of(resource: Resource) -> Facts:
    resource_type = resource["resourceType"]
    tokens = {
        "_id": frozenset((str(resource.get("id", "")),)),
        "identifier": frozenset(_identifiers(resource)),
    }
    if resource_type == "Appointment":
        actors = list(_actors(resource))
        for name, prefixes in _APPOINTMENT.items():
            tokens[name] = _spellings(actor for actor in actors if actor.startswith(prefixes))
    for name, path in _REFERENCES.get(resource_type, {}).items():
        tokens[name] = _spellings(_references(resource, path))
    if resource_type not in ("Appointment", "Slot"):
        return Facts(tokens, tuple(_words(resource)), None, None)
    tokens["status"] = frozenset((resource["status"],))
    if "start" not in resource:
        return Facts(tokens, (), None, None)
    return Facts(tokens, (), parse_instant(resource["start"]), parse_instant(resource["end"]))


def _actors(appointment: Resource) -> Iterator[str]:
    """Of the participants, and R5's subject."""
    yield from _references(appointment, ("participant", "actor"))
    yield from _references(appointment, ("subject",))


def _references(value: object, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item, path)
    elif isinstance(value, dict):
        if path:
            yield from _references(value.get(path[0]), path[1:])
        elif value.get("reference"):
            yield str(value["reference"])


def _spellings(references: Iterable[str]) -> frozenset[str]:
    found = list(references)
    return frozenset(found) | {each.rpartition("/")[2] for each in found}


def _identifiers(resource: Resource) -> Iterable[str]:
    for identifier in dicts(resource.get("identifier")):
        system, value = identifier.get("system", ""), identifier.get("value", "")
        yield from (f"{system}|{value}", str(value), f"{system}|")


def _words(resource: Resource) -> Iterable[str]:
    for name in dicts(resource.get("name")):
        given = name.get("given")
        parts = [name.get("text", ""), name.get("family", ""), *(given if isinstance(given, list) else [])]
        for part in parts:
            word = str(part).casefold()
            yield from (word, *word.split())
