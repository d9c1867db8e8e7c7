"""`ports.Ehr` over a FHIR server: practitioners here; `clients`; `reading` and `writing` of appointments and
their `protection`; what it can do in `capabilities`.
"""

from __future__ import annotations

from shared.adapters.fhir.appointments import actor
from shared.adapters.fhir.bundles import resource_from_json
from shared.adapters.fhir.capabilities import Discovering
from shared.adapters.fhir.clients import Clients
from shared.adapters.fhir.people import full_name, zone_of
from shared.adapters.fhir.protection import Protection
from shared.adapters.fhir.server import path_of
from shared.adapters.fhir.writing import Writing
from shared.ports import Practitioner


class FhirEhr(Discovering, Clients, Protection, Writing):
    """The EHR of one practice. Belongs to one thread, as its exchange does."""

    def practitioner(self, practitioner_id: str) -> Practitioner:
        """`practitioner_id`: of a Practitioner, or `PractitionerRole/…`, which has no name of its own."""
        reference = actor(practitioner_id)
        answer = self._send("Practitioner.read", "GET", path_of(*reference.split("/", 1)))
        raw = resource_from_json(answer.body, reference.partition("/")[0])
        zone = zone_of(raw, self._settings.time_zone_extension)
        return Practitioner(practitioner_id, full_name(raw), zone)
