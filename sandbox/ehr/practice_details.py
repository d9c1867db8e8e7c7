"""What real rows have besides: fields and extensions of the vendor's, notes for staff, links to video rooms.

None of it is the sync's, and all of it has to outlive what the sync writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from sandbox.ehr import urls
from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.outcome import Resource, dicts
from sandbox.ehr.staff import Staff
from sandbox.ehr.staff_meetings import FORMS

VENDOR = f"{urls.BASE}/vendor"
EVERY = 7
"""Every so many of the rows given have vendor's details, the one after them a link."""


def add_details(staff: Staff, store: FhirStore, appointments: Sequence[str]) -> None:
    """`appointments`: ids of client appointments, in whatever state they are."""
    for appointment in appointments[::EVERY]:
        store.update(vendored(store.read("Appointment", appointment, by=By.STAFF)), by=By.STAFF)
    forms = [form for form in FORMS if store.settings.r5 or form != "element"]
    for appointment, form in zip(appointments[1::EVERY], cycle(forms), strict=False):
        link = f"https://video.example/{appointment}"
        staff.meet_online(appointment=appointment, url=link, form=form, patient_url=f"{link}/client")


def vendored(row: Resource) -> Resource:
    """The row as a vendor with much to say has it."""
    nested = {"url": "code", "valueCodeableConcept": {"text": "Vendor's own", "extension": [{"url": VENDOR}]}}
    extensions = [
        {"url": f"{VENDOR}/recall", "valueDateTime": "2027-01-01"},
        {"url": f"{VENDOR}/group", "extension": [nested, {"url": "rank", "valueDecimal": 0.10}]},
    ]
    first, *others = row["participant"]
    return {
        **row,
        "implicitRules": f"{VENDOR}/rules",
        "language": "en-US",
        "extension": [*dicts(row.get("extension")), *extensions],
        "participant": [{**first, "extension": [{"url": f"{VENDOR}/seat", "valueInteger": 3}]}, *others],
        "comment": "Synthetic remark for staff",
        "patientInstruction": "Bring a synthetic form",
        "vendorRoom": {"floor": 2},
        "_vendorRoom": [1, 2.50, "three"],
    }
