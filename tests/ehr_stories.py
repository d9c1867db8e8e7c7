"""What the product does at an EHR, one thing at a time; docs/ehr-contract.md shows some of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from shared.adapters.fhir import FhirEhr
from shared.core.errors import SyncError
from shared.core.model import Appointment, Kind, What
from shared.core.policy import LabelMode
from shared.ports import BlockAs, Capabilities, FeedCursor, FeedPage, ProtectedBy, Writes

Json = dict[str, Any]

NOW = datetime(2026, 3, 2, 16, tzinfo=UTC)
NAME = "k5tq0c.m2vd9e"
SPAN = (datetime(2026, 3, 3, 17, tzinfo=UTC), datetime(2026, 3, 3, 17, 50, tzinfo=UTC))
LATER = (datetime(2026, 3, 4, 20, tzinfo=UTC), datetime(2026, 3, 4, 20, 50, tzinfo=UTC))
MARCH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def actor(reference: str) -> Json:
    return {"actor": {"reference": reference}, "status": "accepted"}


CLIENT: Json = {
    "resourceType": "Appointment",
    "id": "a1",
    "status": "booked",
    "start": "2026-03-03T10:00:00-07:00",
    "end": "2026-03-03T10:50:00-07:00",
    "participant": [actor("Patient/p1"), actor("Practitioner/d1")],
}
OWN: Json = {
    "resourceType": "Appointment",
    "id": "a2",
    "identifier": [{"system": "https://calsync.example/personal", "value": NAME}],
    "status": "booked",
    "start": "2026-03-03T17:00:00Z",
    "end": "2026-03-03T17:50:00Z",
    "description": "Dentist",
    "participant": [actor("Practitioner/d1")],
}
BLOCK: Json = {
    "resourceType": "Slot",
    "id": "s1",
    "identifier": [{"system": "https://calsync.example/block", "value": NAME}],
    "schedule": {"reference": "Schedule/h1"},
    "status": "busy-unavailable",
    "start": "2026-03-03T17:00:00Z",
    "end": "2026-03-03T17:50:00Z",
    "comment": "Busy",
}
ROWS: tuple[Json, ...] = (
    {
        "resourceType": "Practitioner",
        "id": "d1",
        "extension": [{"url": "https://ehr.example/fhir/time-zone", "valueCode": "America/Denver"}],
        "name": [{"family": "Musterfrau", "given": ["Robin"]}],
    },
    {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "https://ehr.example/fhir/internal-id", "value": "C-1001"}],
        "name": [{"family": "Mustermann", "given": ["Erika"]}],
    },
    {
        "resourceType": "Schedule",
        "id": "h1",
        "active": True,
        "actor": [{"reference": "Practitioner/d1"}],
    },
)


@dataclass(frozen=True)
class Story:
    act: Callable[[FhirEhr], object]
    rows: tuple[Json, ...] = (CLIENT,)
    """Beside ROWS."""
    can: Capabilities = field(default_factory=Capabilities)
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of the sandbox's EHR."""
    unshown: int = 0
    """Requests of it that the page only lists."""


def outcome(act: Callable[[FhirEhr], object], ehr: FhirEhr) -> object:
    """What came of it: a value without raw rows, or an error by its class and reason."""
    try:
        return bare(act(ehr))
    except SyncError as error:
        return type(error).__name__, error.reason


def bare(value: object) -> object:
    if isinstance(value, Appointment):
        return replace(value, raw={})
    if isinstance(value, FeedPage):
        return replace(value, rows=tuple(replace(row, raw={}) for row in value.rows))
    if isinstance(value, dict):
        return {name: bare(each) for name, each in value.items()}
    return [bare(each) for each in value] if isinstance(value, list) else value


def _of(row: Json, version: str = "1") -> Callable[[FhirEhr], Appointment]:
    """The row as it was read before the story."""
    raw = {**row, "meta": {"versionId": version, "lastUpdated": "2026-03-02T16:00:00.000Z"}}

    def read(ehr: FhirEhr) -> Appointment:
        if raw["resourceType"] == "Slot":
            return replace(ehr._slot(raw), practitioner_ids=frozenset({"d1"}))
        return ehr._appointment(raw)

    return read


_client, _own, _block = _of(CLIENT), _of(OWN), _of(BLOCK)
_VISIT = {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}}
_ENCOUNTER: Json = {**_VISIT, "appointment": [{"reference": "Appointment/a1"}]}
_NOTE: Json = {
    "resourceType": "DocumentReference",
    "id": "n1",
    "status": "current",
    "content": [{"attachment": {"title": "synthetic"}}],
    "context": {"encounter": [{"reference": "Encounter/e1"}]},
}
_CANCELLED: Json = {
    **OWN,
    "status": "cancelled",
    "cancelationReason": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason",
                "code": "prov",
            }
        ]
    },
}

STORIES: Mapping[str, Story] = {
    "changes": Story(lambda ehr: ehr.changes(FeedCursor(NOW, {}))),
    "window": Story(lambda ehr: ehr.scan("d1", *MARCH), ()),
    "read": Story(lambda ehr: ehr.read(["a9"])),
    "client": Story(lambda ehr: ehr.clients(["p1"], LabelMode.INTERNAL_ID)),
    "create": Story(lambda ehr: ehr.create(Kind.PERSONAL, "d1", NAME, SPAN, What("Dentist")), ()),
    "block": Story(
        lambda ehr: ehr.create(Kind.BLOCK, "d1", NAME, SPAN, What("Busy")),
        (),
        Capabilities(block_as=BlockAs.SLOT),
        unshown=1,
    ),
    "move": Story(lambda ehr: ehr.update(_client(ehr), span=LATER)),
    "cancel": Story(lambda ehr: ehr.cancel(_own(ehr)), (OWN,)),
    "json-patch": Story(
        lambda ehr: ehr.update(_client(ehr), span=LATER), can=Capabilities(writes=Writes.JSON_PATCH)
    ),
    "protection": Story(
        lambda ehr: ehr.protection(_client(ehr)),
        (CLIENT, _ENCOUNTER, _NOTE),
        Capabilities(protected_by=ProtectedBy.QUERY),
    ),
    "protected": Story(
        lambda ehr: ehr.update(_client(ehr), span=LATER),
        (CLIENT, _ENCOUNTER, _NOTE),
    ),
}

_SLOTS = Capabilities(block_as=BlockAs.SLOT)
_JSON_PATCH = Capabilities(writes=Writes.JSON_PATCH, block_as=BlockAs.SLOT)
_NARROW = {"last_updated_needs_actor": True}


def _twice(ehr: FhirEhr) -> Appointment:
    """Two rows for the same event, as a server may make them that heeds no If-None-Exist."""
    return ehr.create(Kind.PERSONAL, "d1", NAME, SPAN, What("Dentist"))


HIDDEN: Mapping[str, Story] = {
    "capabilities": Story(lambda ehr: ehr.capabilities()),
    "capabilities by practitioner": Story(lambda ehr: ehr.capabilities(), facts=_NARROW),
    "practitioner": Story(lambda ehr: ehr.practitioner("d1")),
    "role": Story(lambda ehr: ehr.practitioner("PractitionerRole/r1")),
    "clients one by one": Story(
        lambda ehr: ehr.clients(["p1"], LabelMode.FULL_NAME), facts={"elements": False}
    ),
    "one": Story(lambda ehr: ehr.read(["a1"])),
    "changes of one": Story(lambda ehr: ehr.changes(FeedCursor(NOW, {}), "d1")),
    "clients that changed": Story(lambda ehr: ehr.clients_changed(FeedCursor(NOW, {}), NOW, str)),
    "window by practitioner": Story(lambda ehr: ehr.scan("d1", *MARCH)),
    "rebook": Story(lambda ehr: ehr.rebook(_of(_CANCELLED)(ehr)), (_CANCELLED,)),
    "merge patch": Story(
        lambda ehr: ehr.cancel(_own(ehr)),
        (OWN,),
        Capabilities(writes=Writes.MERGE_PATCH),
        {"patches": ("merge-patch",)},
    ),
    "two rows": Story(_twice, (OWN, {**OWN, "id": "a3"}), Capabilities(creates_once=False)),
    "blocks": Story(lambda ehr: ehr.scan("d1", *MARCH), (BLOCK,), _SLOTS),
    "one block": Story(lambda ehr: ehr.read(["Slot/s1", "Slot/s9"]), (BLOCK,), _SLOTS),
    "block moved": Story(lambda ehr: ehr.update(_block(ehr), span=LATER), (BLOCK,), _SLOTS),
    "block patched": Story(lambda ehr: ehr.update(_block(ehr), span=LATER), (BLOCK,), _JSON_PATCH),
    "block given back": Story(lambda ehr: ehr.cancel(_block(ehr)), (BLOCK,), _SLOTS),
    "one by one": Story(
        lambda ehr: ehr.protection(_client(ehr)),
        (CLIENT, _ENCOUNTER, _NOTE),
        Capabilities(protected_by=ProtectedBy.QUERY),
        {"batch": False},
    ),
}
"""What the page lists and does not show."""
