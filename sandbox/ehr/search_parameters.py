"""Which searches there are: the parameters of each type and how a server lets them be combined.

Types and names are those of R4 (hl7.org/fhir/R4/searchparameter-registry.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from sandbox.ehr.outcome import FhirError
from sandbox.ehr.profiles import Settings


class Kind(Enum):
    """Parameter types, by their FHIR codes."""

    TOKEN = "token"
    REFERENCE = "reference"
    DATE = "date"
    STRING = "string"


_COMMON = {"_id": Kind.TOKEN, "_lastUpdated": Kind.DATE, "identifier": Kind.TOKEN}
_OWN = {
    "Appointment": {
        "status": Kind.TOKEN,
        "date": Kind.DATE,
        "actor": Kind.REFERENCE,
        "practitioner": Kind.REFERENCE,
        "patient": Kind.REFERENCE,
        "location": Kind.REFERENCE,
    },
    "ChargeItem": {"context": Kind.REFERENCE, "subject": Kind.REFERENCE},
    "Claim": {"encounter": Kind.REFERENCE, "patient": Kind.REFERENCE},
    "ClinicalImpression": {"encounter": Kind.REFERENCE, "subject": Kind.REFERENCE},
    "Composition": {"encounter": Kind.REFERENCE, "subject": Kind.REFERENCE},
    "DocumentReference": {"encounter": Kind.REFERENCE, "subject": Kind.REFERENCE},
    "Encounter": {"appointment": Kind.REFERENCE, "subject": Kind.REFERENCE},
    "Invoice": {"subject": Kind.REFERENCE, "patient": Kind.REFERENCE},
    "Patient": {"name": Kind.STRING},
    "Practitioner": {"name": Kind.STRING},
    "PractitionerRole": {"practitioner": Kind.REFERENCE},
    "Schedule": {"actor": Kind.REFERENCE},
    "Slot": {"schedule": Kind.REFERENCE, "start": Kind.DATE, "status": Kind.TOKEN},
}
_SOMEBODY = frozenset(("actor", "practitioner", "patient", "location"))
_LOWER, _UPPER = frozenset(("ge", "gt", "eq")), frozenset(("le", "lt", "eq"))


def parameters(resource_type: str, settings: Settings) -> dict[str, Kind]:
    """The filters of a type; every type can be found by id and identifier."""
    known = {**_COMMON, **_OWN.get(resource_type, {})}
    if not settings.last_updated_search:
        del known["_lastUpdated"]
    return known


def check_combination(resource_type: str, params: Sequence[tuple[str, str]], settings: Settings) -> None:
    """Raises FhirError 400 where this server does not search so wide. `params`: those it understood."""
    if resource_type != "Appointment":
        return
    names = {name.partition(":")[0] for name, _ in params}
    somebody = not names.isdisjoint(_SOMEBODY)
    if settings.last_updated_needs_actor and "_lastUpdated" in names and not somebody:
        raise FhirError(400, "required", "actor-needed", "with _lastUpdated an actor has to be named")
    if settings.narrow_search and names.isdisjoint(("_id", "identifier")):
        bounds = {value[:2] if value[:2].isalpha() else "eq" for name, value in params if name == "date"}
        if not somebody or bounds.isdisjoint(_LOWER) or bounds.isdisjoint(_UPPER):
            raise FhirError(
                400, "required", "search-too-wide", "_id, identifier, or somebody and both bounds of date"
            )
