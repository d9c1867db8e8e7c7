"""What hangs on an appointment: notes and invoices, found as a client would find them, in two steps."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.ehr.rows import Rows

BY_ENCOUNTER: Mapping[str, str] = {
    "ChargeItem": "context",
    "Claim": "encounter",
    "ClinicalImpression": "encounter",
    "Composition": "encounter",
    "DocumentReference": "encounter",
}
"""Types that are a record, and the parameter that finds them by their encounter."""


def has_record(rows: Rows, appointment_id: str) -> bool:
    """An encounter without anything written about it is none: it may be there from the booking on."""
    wanted = f"Appointment/{appointment_id}"
    encounters = {
        f"Encounter/{each.id}"
        for each in rows.visible("Encounter")
        if wanted in each.facts.tokens["appointment"]
    }
    return bool(encounters) and any(
        not encounters.isdisjoint(each.facts.tokens[parameter])
        for resource_type, parameter in BY_ENCOUNTER.items()
        for each in rows.visible(resource_type)
    )
