"""What a stored version is known by: taken out once when it is written, read by search and by the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import Resource, dicts

_PARTICIPANTS = {
    "actor": ("",),
    "practitioner": ("Practitioner/",),
    "patient": ("Patient/",),
    "location": ("Location/",),
    "clinician": ("Practitioner/", "PractitionerRole/"),
}
"""Reference parameters of Appointment, and the types each of them finds; `clinician` is the rules' own."""


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
    tokens = {
        "_id": frozenset((str(resource.get("id", "")),)),
        "identifier": frozenset(_identifiers(resource)),
    }
    if resource["resourceType"] != "Appointment":
        return Facts(tokens, tuple(_words(resource)), None, None)
    actors = [str(each.get("actor", {}).get("reference", "")) for each in dicts(resource.get("participant"))]
    for name, prefixes in _PARTICIPANTS.items():
        chosen = [actor for actor in actors if actor and actor.startswith(prefixes)]
        tokens[name] = frozenset(chosen) | {actor.rpartition("/")[2] for actor in chosen}
    tokens["status"] = frozenset((resource["status"],))
    if "start" not in resource:
        return Facts(tokens, (), None, None)
    return Facts(tokens, (), parse_instant(resource["start"]), parse_instant(resource["end"]))


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
