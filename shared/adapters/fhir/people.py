"""FHIR's Patient and Practitioner, as much of them as is needed. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from shared.adapters.fhir.elements import objects
from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Client
from shared.core.policy import LabelMode

_USE_RANK = {"usual": 0, "official": 1}
_PAST_USES = frozenset({"old", "maiden"})

ELEMENTS = {LabelMode.INTERNAL_ID: "identifier", LabelMode.FULL_NAME: "name,identifier"}
"""What is asked for of a patient, by mode: no name where none is shown."""


def client_from_json(raw: Mapping[str, Any], mode: LabelMode, settings: FhirSettings) -> Client:
    """What labels of this mode need, even where the server answered more than it was asked for."""
    name = full_name(raw) if mode is LabelMode.FULL_NAME else ""
    return Client(full_name=name, internal_id=_internal_id(raw, settings.internal_id_system))


def zone_of(raw: Mapping[str, Any], extension_url: str | None) -> str | None:
    """The IANA name in a practitioner's extension, whatever its value type; None of one unknown here."""
    for extension in objects(raw.get("extension")):
        zone = extension.get("valueCode") or extension.get("valueString")
        if extension.get("url") == extension_url and isinstance(zone, str) and _is_zone(zone):
            return zone
    return None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a zone's name; the name of a folder of zones
        return False
    return True


def _internal_id(raw: Mapping[str, Any], system: str | None) -> str:
    values = (item.get("value") for item in objects(raw.get("identifier")) if item.get("system") == system)
    return next((value for value in values if system and isinstance(value, str)), "")


def full_name(raw: Mapping[str, Any]) -> str:
    """The usual name, else the official one, else any that is not of the past."""
    names = [name for name in objects(raw.get("name")) if name.get("use") not in _PAST_USES]
    names.sort(key=lambda name: _USE_RANK.get(name.get("use", ""), len(_USE_RANK)))
    return next((text for name in names if (text := _name_text(name))), "")


def _name_text(name: Mapping[str, Any]) -> str:
    given, family, text = name.get("given"), name.get("family"), name.get("text")
    if isinstance(text, str) and text.strip():
        return text.strip()
    parts = [*(given if isinstance(given, list) else ()), family]
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
