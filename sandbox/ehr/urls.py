"""Identifier systems, extensions and code systems of this EHR, in one place."""

from __future__ import annotations

BASE = "https://ehr.example/fhir"
"""Names things; it is not where the sandbox listens."""

INTERNAL_ID = f"{BASE}/internal-id"
"""Identifier system: the practice's own number of a patient."""
DELETION_PROTECTED = f"{BASE}/deletion-protected"
"""Extension of Appointment, valueBoolean: a note or an invoice hangs on it."""
TIME_ZONE = f"{BASE}/time-zone"
"""Extension of Practitioner, valueCode: IANA name of the zone the practitioner works in."""
PROBLEM = f"{BASE}/problem"
"""Code system of the details in our OperationOutcomes."""

CALSYNC_PERSONAL = "https://calsync.example/personal"
"""Identifier system the sync puts on personal time it made."""
CALSYNC_BLOCK = "https://calsync.example/block"
"""Identifier system the sync puts on time taken from another calendar."""

PARTICIPANT_STATUS = f"{BASE}/appointment-participant-status"
"""Modifier extension of a patient's participant, valueString: `cancelled`, `cancelled (no charge)`."""

TZ_CODE = "http://hl7.org/fhir/StructureDefinition/tz-code"
"""Standard extension of an instant, valueCode: IANA zone (R4)."""
VIRTUAL_SERVICE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.virtualService"
"""Standard extension of Appointment: R5's element of that name in R4."""
LOCATION_TYPE = "http://terminology.hl7.org/CodeSystem/location-physical-type"
"""Standard codes: `vi` is a virtual place."""
CANCELLATION_REASON = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
"""Standard codes: `pat`, `prov`, `maint`, `meds-inc`, `other`."""
