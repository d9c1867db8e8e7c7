"""FHIR's Patient and Practitioner, as much of them as is needed. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from shared.adapters.fhir.elements import objects, text_of
from shared.adapters.fhir.participants import reference_of
from shared.adapters.fhir.settings import FhirSettings
from shared.core.model import Client
from shared.core.policy import LabelMode

_USE_RANK = {"usual": 0, "official": 1}
_PAST_USES = frozenset({"old", "maiden"})

_NAMES = "name,identifier,link"
ELEMENTS = {
    LabelMode.INTERNAL_ID: "identifier,link",
    LabelMode.INITIALS: _NAMES,
    LabelMode.FIRST_NAME: _NAMES,
    LabelMode.FULL_NAME: _NAMES,
}
"""What is asked for of a patient, by mode: no name where none is shown."""


# --- patients -------------------------------------------------------------------------------------------


def client_from_json(raw: Mapping[str, Any], mode: LabelMode, settings: FhirSettings) -> Client:
    """What labels of this mode need, even where the server answered more than it was asked for."""
    client = Client(internal_id=_internal_id(raw, settings.internal_id_system))
    if mode is LabelMode.INTERNAL_ID:
        return client
    name = next(_names(raw), {})
    given, family = next(iter(_given(name)), ""), _text(name.get("family"))
    whole = mode is LabelMode.FULL_NAME or not (given or family)
    return replace(client, given=given, family=family, full_name=_name_text(name) if whole else "")


def replaced_by(raw: Mapping[str, Any]) -> str | None:
    """The patient into whom this one was merged."""
    return next(_linked(raw, "replaced-by"), None)


def replaces(raw: Mapping[str, Any]) -> list[str]:
    """The patients who were merged into this one."""
    return list(_linked(raw, "replaces"))


def _linked(raw: Mapping[str, Any], how: str) -> Iterator[str]:
    for link in objects(raw.get("link")):
        of, patient = reference_of(link.get("other"))
        if of == "Patient" and link.get("type") == how:
            yield patient


def _internal_id(raw: Mapping[str, Any], system: str | None) -> str:
    values = (item.get("value") for item in objects(raw.get("identifier")) if item.get("system") == system)
    return next((value for value in values if system and isinstance(value, str)), "")


# --- names ----------------------------------------------------------------------------------------------


def full_name(raw: Mapping[str, Any]) -> str:
    """The name somebody goes by, as one text."""
    return next(map(_name_text, _names(raw)), "")


def _names(raw: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Those that say something: the usual one, then the official, then any other that is not of the past."""
    names = [name for name in objects(raw.get("name")) if name.get("use") not in _PAST_USES]
    names.sort(key=lambda name: _USE_RANK.get(name.get("use", ""), len(_USE_RANK)))
    return (name for name in names if _name_text(name))


def _name_text(name: Mapping[str, Any]) -> str:
    parts = (*_given(name), _text(name.get("family")))
    return _text(name.get("text")) or " ".join(part for part in parts if part)


def _given(name: Mapping[str, Any]) -> list[str]:
    given = name.get("given")
    texts = map(_text, given) if isinstance(given, list) else ()
    return [text for text in texts if text]


def _text(value: object) -> str:
    return text_of(value).strip()


# --- practitioners --------------------------------------------------------------------------------------


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
