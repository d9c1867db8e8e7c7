"""What somebody exported from an EHR: Bundles, NDJSON of a bulk export, lists of resources. No I/O.

A bad entry does not stop the rest: it is named by its place and by why, never by what stands in it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import FhirError, dicts
from sandbox.ehr.profiles import Settings
from sandbox.ehr.validate import check

Json = dict[str, Any]

TYPES = ("Practitioner", "PractitionerRole", "Patient", "Location", "Schedule", "Slot", "Appointment")
"""What is taken; all else is left out."""
YEARS = range(1971, 2100)
"""Of every date: a horizon on both sides of it must still be dates that everybody can write."""

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_LISTS = ("contained", "extension", "identifier", "link", "participant")
_OBJECTS = ("_start", "_end", "practitioner", "schedule")
_INSTANT = f"start or end is no instant (2026-01-31T09:00:00Z) of the years {YEARS[0]} to {YEARS[-1]}"


class NoExportError(ValueError):
    """The whole file is something else. The text is a sentence that names the file."""


@dataclass(frozen=True, repr=False)
class Entry:
    place: str
    """`mine.json, entry[3]`."""
    resource: Json
    full_url: str = ""


@dataclass
class Export:
    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was not taken: place, type and why."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many resources of types that nothing here is done with."""


def read_export(name: str, text: str) -> Export:
    """`name`: the file's. Raises NoExportError."""
    found = Export()
    for place, value, full_url in _values(name, text.removeprefix("\ufeff")):
        resource_type = value.get("resourceType") if isinstance(value, dict) else None
        known = resource_type if isinstance(resource_type, str) and _TYPE.fullmatch(resource_type) else None
        if known is not None and known not in TYPES:
            found.left_out[known] += 1
            continue
        why = _why_not(value)
        if why is None:
            found.entries.append(Entry(place, value, full_url))
        else:
            found.problems.append(f"{place}{f' ({known})' if known else ''}: {why}")
    return found


# --- the three forms ------------------------------------------------------------------------------------


def _values(name: str, text: str) -> Iterator[tuple[str, Any, str]]:
    """Place, what stands there, and the address that a Bundle gives it."""
    try:
        whole = _json(text)
    except ValueError as error:
        yield from _lines(name, text, error)
        return
    if isinstance(whole, list):
        yield from ((f"{name}, [{index}]", value, "") for index, value in enumerate(whole))
    elif isinstance(whole, dict) and whole.get("resourceType") == "Bundle":
        yield from _entries(name, whole)
    elif isinstance(whole, dict):
        yield f"{name}, line 1", whole, ""
    else:
        raise NoExportError(f"{name}: this is no Bundle, no list of resources and no NDJSON")


def _entries(name: str, bundle: Json) -> Iterator[tuple[str, Any, str]]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise NoExportError(f"{name}: 'entry' of the Bundle is no list")
    for index, entry in enumerate(entries):
        parts = entry if isinstance(entry, dict) else {}
        address = parts.get("fullUrl")
        yield f"{name}, entry[{index}]", parts.get("resource"), address if isinstance(address, str) else ""


def _lines(name: str, text: str, error: ValueError) -> Iterator[tuple[str, Any, str]]:
    """NDJSON: one resource a line. `error`: why the whole is no JSON."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    for index, (number, line) in enumerate(lines):
        try:
            value = _json(line)
        except ValueError:
            value = None
        if index == 0 and not isinstance(value, dict):
            at = error.lineno if isinstance(error, json.JSONDecodeError) else 1
            raise NoExportError(f"{name}, line {at}: this is neither JSON nor NDJSON") from None
        yield f"{name}, line {number}", value, ""
    if not lines:
        raise NoExportError(f"{name}, line 1: this is empty")


def _json(text: str) -> Any:
    """Raises ValueError."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("too deep") from None


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("not a number")


# --- one resource ---------------------------------------------------------------------------------------


def _why_not(value: object) -> str | None:
    """In words, without anything of its content; None: it can be loaded."""
    if not isinstance(value, dict):
        return "there is no resource, or it cannot be read"
    try:
        check(value, Settings())
    except FhirError as error:
        return _INSTANT if error.details == "instant" else error.text
    if "id" in value and not (isinstance(value["id"], str) and _ID.fullmatch(value["id"])):
        return "its id is none that FHIR allows"
    if value["resourceType"] in ("Appointment", "Slot") and not _is_near(value):
        return _INSTANT
    return _misshapen(value)


def _is_near(resource: Mapping[str, Any]) -> bool:
    """Whether everybody can write its dates."""
    moments = [parse_instant(resource[name]) for name in ("start", "end") if name in resource]
    return all(moment.year in YEARS for moment in moments)


def _misshapen(resource: Json) -> str | None:
    for name in _LISTS:
        value = resource.get(name, [])
        if not isinstance(value, list) or len(dicts(value)) != len(value):
            return f"'{name}' is not a list of objects"
    for name in _OBJECTS:
        if not isinstance(resource.get(name, {}), dict):
            return f"'{name}' is not an object"
    if resource["resourceType"] in ("Patient", "Practitioner") and not _are_names(resource.get("name", [])):
        return "'name' is not a list of names"
    return None


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _is_name(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    given = value.get("given", [])
    texts = [value.get("text", ""), value.get("family", ""), *(given if isinstance(given, list) else [None])]
    return all(isinstance(text, str) for text in texts)
