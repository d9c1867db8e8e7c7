"""The CapabilityStatement: what this server says of itself, which its settings may make a lie."""

from __future__ import annotations

from dataclasses import replace

from sandbox.ehr import urls
from sandbox.ehr.outcome import FhirError, Resource
from sandbox.ehr.profiles import MEDPLUM, Settings
from sandbox.ehr.search_parameters import parameters

SERVED = (
    "Appointment",
    "ChargeItem",
    "Claim",
    "ClinicalImpression",
    "Composition",
    "DocumentReference",
    "Encounter",
    "Invoice",
    "Location",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Schedule",
    "Slot",
)
"""The types it names; any other type is stored and found by id and identifier."""


def statement(settings: Settings) -> Resource:
    """Raises FhirError 404 where the server has none."""
    if settings.statement == "missing":
        raise FhirError(404, "not-found", "metadata", "there is no metadata here")
    told = settings
    if settings.statement == "lies":
        told = replace(MEDPLUM, fhir_version=settings.fhir_version, r5=settings.r5)
    hidden = ("Slot", "Schedule") if told.slots == "missing" else ()
    served = [name for name in SERVED if name not in hidden]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-01",
        "kind": "instance",
        "implementation": {"description": "Sandbox EHR", "url": urls.BASE},
        "fhirVersion": "5.0.0" if told.r5 else told.fhir_version,
        "format": ["application/fhir+json"],
        **({"patchFormat": [f"application/{form}+json" for form in told.patches]} if told.patches else {}),
        "rest": [{"mode": "server", "resource": [_of_type(name, told) for name in served]}],
    }


def _of_type(name: str, settings: Settings) -> Resource:
    if settings.statement == "bare":
        return {"type": name}
    return {
        "type": name,
        "interaction": [{"code": code} for code in _interactions(name, settings)],
        "versioning": _versioning(settings),
        "conditionalCreate": settings.conditional_create,
        "searchParam": [
            {"name": each, "type": kind.value} for each, kind in parameters(name, settings).items()
        ],
    }


def _interactions(name: str, settings: Settings) -> list[str]:
    codes = ["read", "search-type"]
    if name == "Slot" and settings.slots == "read":
        return codes
    offered = {"update": settings.updates, "patch": bool(settings.patches), "delete": settings.deletes}
    return [*codes, "create", *(code for code, there in offered.items() if there)]


def _versioning(settings: Settings) -> str:
    if settings.versions == "none":
        return "no-version"
    checked = settings.if_match_honoured if settings.updates else settings.if_match_on_patch
    return "versioned-update" if checked else "versioned"
