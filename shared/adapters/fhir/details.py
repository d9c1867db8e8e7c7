"""What an appointment is about besides its people and its time: what kind, where, and the video link. No I/O.

A client's note, reason, comment and instructions are not read at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shared.adapters.fhir.elements import object_of, objects, text_of
from shared.adapters.fhir.participants import Participant
from shared.core.text import canonical

Json = Mapping[str, Any]

VIRTUAL_SERVICE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.virtualService"
"""R5's element in a resource of R4 (hl7.org/fhir/uv/xver-r5.r4)."""
LINK_MAX = 2_000
"""Characters; what is longer opens nowhere."""

_VIRTUAL = "vi"
"""Of http://terminology.hl7.org/CodeSystem/location-physical-type."""
_MEETING_PLACES = frozenset({"Endpoint", "HealthcareService", "Location"})


@dataclass(frozen=True, repr=False)
class Details:
    """Empty is what it does not say."""

    service: str = ""
    location: str = ""
    telehealth: str = ""


def details_of(raw: Json, participants: Sequence[Participant]) -> Details:
    """Of an appointment with a client."""
    return Details(_service(raw), _location(participants), _telehealth(raw))


# --- the kind -------------------------------------------------------------------------------------------


def _service(raw: Json) -> str:
    """The first that has a name; R5 has the concept one level down."""
    concepts = (object_of(each.get("concept")) or each for each in objects(raw.get("serviceType")))
    return next((name for concept in concepts if (name := _name(concept))), "")


def _name(concept: Json) -> str:
    names = (concept.get("text"), *(each.get("display") for each in objects(concept.get("coding"))))
    return next((text for name in names if (text := canonical(text_of(name)))), "")


# --- the place ------------------------------------------------------------------------------------------


def _location(participants: Sequence[Participant]) -> str:
    """As the row names it. A place that stands in the row itself, or has a client's name in it, is theirs.

    Whether a Location of its own is somebody's home only that resource says, and it is not read.
    """
    clients = {word for each in participants if each.is_client for word in _words(each.display)}
    places = (canonical(each.display) for each in participants if each.type == "Location" and each.id)
    return next((place for place in places if place and clients.isdisjoint(_words(place))), "")


def _words(text: str) -> list[str]:
    """Of two letters and more, small, without what clings to them: `Mustermann's` is `mustermann`."""
    cut = "".join(letter if letter.isalnum() else " " for letter in text.casefold())
    return [word for word in cut.split() if len(word) > 1]


# --- the link -------------------------------------------------------------------------------------------


def _telehealth(raw: Json) -> str:
    """The practitioner's own, by https; the first of these that is one:

    1. R5's `virtualService`, as an element or an extension
    2. a contained Endpoint
    3. the first contained resource, if it is something to be reached at: the second is the client's
    4. a contained Location that is virtual
    """
    return next((link for link in _links(raw) if _is_https(link)), "")


def _links(raw: Json) -> Iterator[str]:
    for service in objects(raw.get("virtualService")):
        yield text_of(service.get("addressUrl"))
    for extension in objects(raw.get("extension")):
        if extension.get("url") == VIRTUAL_SERVICE:
            yield from map(_address, objects(extension.get("extension")))
    contained = objects(raw.get("contained"))
    endpoints = [each for each in contained if each.get("resourceType") == "Endpoint"]
    first = [each for each in contained[:1] if each.get("resourceType") in _MEETING_PLACES]
    virtual = [each for each in contained if each.get("resourceType") == "Location" and _is_virtual(each)]
    for resource in (*endpoints[:1], *first, *virtual[:1]):
        yield text_of(resource.get("address"))
        yield from (
            text_of(point.get("value"))
            for point in objects(resource.get("telecom"))
            if point.get("system") == "url"
        )


def _address(extension: Json) -> str:
    """Drafts of the extension differ in its name, and in the type of its value."""
    values = (text_of(extension.get(name)) for name in ("valueUrl", "valueUri", "valueString"))
    return next(filter(None, values), "") if extension.get("url") in ("address", "addressUrl") else ""


def _is_virtual(location: Json) -> bool:
    codings = objects(object_of(location.get("physicalType")).get("coding"))
    return any(coding.get("code") == _VIRTUAL for coding in codings)


def _is_https(link: str) -> bool:
    if len(link) > LINK_MAX or not link.isprintable() or " " in link:
        return False
    try:
        parts = urlsplit(link)
        return parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False
