"""Who works at a seeded practice, who comes, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sandbox.ehr import urls
from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.names import names
from sandbox.ehr.outcome import Resource
from sandbox.ehr.staff import Staff

_PRACTITIONERS = (
    ("Robin", "Musterfrau", "America/New_York"),
    ("Sam", "Mustermann", "America/Denver"),
    ("Kim", "Exemplar", "America/New_York"),
)
_WITHOUT_INTERNAL_ID = (4, 11)
VIDEO_ROOM = "https://video.example/room/1"


@dataclass(frozen=True)
class Practitioner:
    id: str
    name: str
    zone: str
    role: str
    """Id of the PractitionerRole."""


def employ(staff: Staff, store: FhirStore) -> Iterator[Practitioner]:
    """Three practitioners in two zones, each with a role and a schedule."""
    for given, family, zone in _PRACTITIONERS:
        resource = {
            "resourceType": "Practitioner",
            "extension": [{"url": urls.TIME_ZONE, "valueCode": zone}],
            "active": True,
            "name": [{"use": "official", "family": family, "given": [given]}],
        }
        practitioner = _create(store, resource)
        reference = {"reference": f"Practitioner/{practitioner}"}
        role = {"resourceType": "PractitionerRole", "active": True, "practitioner": reference}
        made = Practitioner(practitioner, f"{given} {family}", zone, _create(store, role))
        staff.open_schedule(practitioner=practitioner)
        yield made


def furnish(staff: Staff) -> tuple[str, str]:
    """An office with an address, and a virtual place."""
    office = staff.add_location(name="Main office", street="1 Example Street", city="Sampletown")
    video = staff.add_location(name="Video visit", url=VIDEO_ROOM)
    return office["id"], video["id"]


def register(staff: Staff, store: FhirStore, count: int) -> Iterator[str]:
    """Patients with names of many shapes; two have no number of the practice's, the last one a new name."""
    patient = ""
    for index, name in enumerate(islice(names(), count)):
        internal_id = None if index in _WITHOUT_INTERNAL_ID else f"C-{1001 + index}"
        made = staff.register_patient(
            family=name.family, given=name.given, text=name.text, internal_id=internal_id
        )
        patient = made["id"]
        if name.maiden is not None:
            before = {"use": "maiden", "family": name.maiden, "given": list(name.given)}
            store.update({**made, "name": [before, *made["name"]]}, by=By.STAFF)
        yield patient
    staff.rename_patient(patient=patient, family="Newname-Sample", given=["Alex"])


def _create(store: FhirStore, resource: Resource) -> str:
    return str(store.create(resource, by=By.STAFF).resource["id"])
