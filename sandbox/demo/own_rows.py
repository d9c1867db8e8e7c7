"""Resources of somebody's export as rows of one EHR: with ids, and references that lead to them. No I/O."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.demo.exports import Entry, Export
from sandbox.ehr.outcome import dicts

Json = dict[str, Any]

_ADDRESS = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")
_UUID = re.compile(r"urn:uuid:(?P<id>[A-Za-z0-9\-.]{1,64})")
_PRACTITIONER, _ROLE = "Practitioner/", "PractitionerRole/"


@dataclass(frozen=True, repr=False)
class OwnRows:
    rows: tuple[Json, ...]
    """References among them are `Type/id`."""
    practitioner: str
    """Id of who is to be connected: a Practitioner."""
    problems: tuple[str, ...]
    """What was not taken, each a sentence with its place."""
    left_out: Mapping[str, int]
    """By type."""
    again: int
    """Resources that were there already: exports repeat them."""

    def of(self, resource_type: str) -> list[Json]:
        return [row for row in self.rows if row["resourceType"] == resource_type]

    @property
    def appointments(self) -> list[Json]:
        """Of who is to be connected."""
        reference = f"{_PRACTITIONER}{self.practitioner}"
        return [row for row in self.of("Appointment") if reference in actors(row)]


def own_rows(exports: Sequence[Export], asked: str | None) -> OwnRows:
    """`asked`: the id of who is to be connected; None: who has the most appointments.

    Raises ValueError with a sentence where there is nobody.
    """
    found = _Found([entry for export in exports for entry in export.entries])
    told = list(found.rows())
    rows = [*told, *_strangers(told)]
    counted = Counter(actor for row in rows if row["resourceType"] == "Appointment" for actor in actors(row))
    return OwnRows(
        rows=tuple(rows),
        practitioner=_connected(counted, None if asked is None else found.resolved(_asked(asked))),
        problems=tuple([problem for export in exports for problem in export.problems] + found.problems),
        left_out=sum((export.left_out for export in exports), Counter[str]()),
        again=found.again,
    )


def _connected(counted: Counter[str], asked: str | None) -> str:
    counts = {actor: count for actor, count in counted.items() if actor.startswith(_PRACTITIONER)}
    if asked is not None and asked not in counts:
        raise ValueError("no appointment in the files is this practitioner's")
    if not counts:
        raise ValueError("no appointment that can be loaded has a practitioner")
    return (asked or max(counts, key=lambda actor: counts[actor])).removeprefix(_PRACTITIONER)


def _asked(practitioner: str) -> str:
    return practitioner if "/" in practitioner else f"{_PRACTITIONER}{practitioner}"


def actors(appointment: Json) -> set[str]:
    """References of who takes part."""
    participants = dicts(appointment.get("participant"))
    return {str(each.get("actor", {}).get("reference", "")) for each in participants}


class _Found:
    """All entries of all files, and the names that they go by."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.again = 0
        self.problems: list[str] = []
        self._kept: dict[str, Entry] = {}
        """By `Type/id`."""
        self._named: dict[str, str] = {}
        """`Type/id` by every spelling that leads there."""
        for number, entry in enumerate(entries, 1):
            self._take(entry, number)

    def rows(self) -> Iterator[Json]:
        """Those whose participants can be told."""
        for key, entry in self._kept.items():
            row = {**self._rewritten(entry.resource), "id": key.partition("/")[2]}
            if any(map(_leads_nowhere, actors(row))):
                self.problems.append(f"{entry.place} (Appointment): a participant is nobody in the files")
            else:
                yield row

    def resolved(self, reference: str) -> str:
        """As `Type/id`, where it names a type at all; a role as its practitioner."""
        key = self._key(reference)
        if not key.startswith(_ROLE):
            return key
        role = self._kept.get(key)
        practitioner = self._key(_reference(role.resource, "practitioner")) if role else ""
        return practitioner or _PRACTITIONER + key.removeprefix(_ROLE)

    def _take(self, entry: Entry, number: int) -> None:
        resource_type = entry.resource["resourceType"]
        key = f"{resource_type}/{entry.resource.get('id') or _id_in(entry.full_url) or f'entry-{number}'}"
        if key in self._kept:
            self.again += 1
        else:
            self._kept[key] = entry
        for name in _names(entry, key):
            self._named.setdefault(name, key)

    def _key(self, reference: str) -> str:
        address = _ADDRESS.search(reference)
        bare = f"{address['type']}/{address['id']}" if address else reference
        return self._named.get(reference) or self._named.get(bare, bare)

    def _rewritten(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._rewritten(item) for item in value]
        if not isinstance(value, dict):
            return value
        rewritten = {name: self._rewritten(item) for name, item in value.items()}
        if isinstance(value.get("reference"), str):
            rewritten["reference"] = self.resolved(value["reference"])
        return rewritten


def _leads_nowhere(reference: str) -> bool:
    """To nobody in the files, and to nobody whom an EHR could know by it."""
    return bool(reference) and not reference.startswith("#") and not _ADDRESS.search(reference)


def _reference(resource: Json, name: str) -> str:
    return str(resource.get(name, {}).get("reference", ""))


def _id_in(address: str) -> str:
    """Of an entry that has none itself: that of its address; "" where that has none either."""
    found = _ADDRESS.search(address) or _UUID.fullmatch(address)
    return found["id"] if found else ""


def _names(entry: Entry, key: str) -> Iterable[str]:
    """What others may call it by: its address, its id, or one of its identifiers."""
    resource_type, _, row_id = key.partition("/")
    yield from filter(None, (entry.full_url, key, f"urn:uuid:{row_id}"))
    for each in dicts(entry.resource.get("identifier")):
        yield f"{resource_type}?identifier={each.get('system', '')}|{each.get('value', '')}"


def _strangers(rows: Iterable[Json]) -> Iterator[Json]:
    """Practitioners who are on appointments, but not in the files: an EHR has them."""
    known, named = set[str](), set[str]()
    for row in rows:
        known.add(f"{row['resourceType']}/{row['id']}")
        named |= actors(row) if row["resourceType"] == "Appointment" else set()
    for key in sorted(named - known):
        if key.startswith(_PRACTITIONER):
            yield {"resourceType": "Practitioner", "id": key.removeprefix(_PRACTITIONER), "active": True}
