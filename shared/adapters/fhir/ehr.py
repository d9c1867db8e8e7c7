"""`ports.Ehr` over a FHIR server: people here, appointments in `reading`, `writing` and
`protection`.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.adapters.fhir.appointments import actor
from shared.adapters.fhir.bundles import resource_from_json
from shared.adapters.fhir.people import ELEMENTS, client_from_json, full_name, zone_of
from shared.adapters.fhir.protection import Protection
from shared.adapters.fhir.server import IDS_AT_ONCE, in_chunks, path_of
from shared.adapters.fhir.writing import Writing
from shared.core.model import Client
from shared.core.policy import LabelMode
from shared.ports import Practitioner


class FhirEhr(Protection, Writing):
    """The EHR of one practice. Belongs to one thread, as its exchange does."""

    def practitioner(self, practitioner_id: str) -> Practitioner:
        """`practitioner_id`: of a Practitioner, or `PractitionerRole/…`, which has no name of its own."""
        reference = actor(practitioner_id)
        answer = self._send("Practitioner.read", "GET", path_of(*reference.split("/", 1)))
        raw = resource_from_json(answer.body, reference.partition("/")[0])
        zone = zone_of(raw, self._settings.time_zone_extension)
        return Practitioner(practitioner_id, full_name(raw), zone)

    def clients(self, patient_ids: Iterable[str], mode: LabelMode) -> dict[str, Client]:
        clients = {}
        for chunk in in_chunks(patient_ids):
            params = (("_id", ",".join(chunk)), ("_elements", ELEMENTS[mode]), ("_count", str(IDS_AT_ONCE)))
            for raw in self._search("Patient", params):
                if raw["id"] in chunk:
                    clients[raw["id"]] = client_from_json(raw, mode, self._settings)
        return clients
