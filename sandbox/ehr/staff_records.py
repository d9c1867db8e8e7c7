"""What staff write about an appointment: clinical notes and invoices. Each is a resource of its own.

Texts are fixed: what matters to anybody here is that a record is there.
"""

from __future__ import annotations

from sandbox.ehr import urls
from sandbox.ehr.desk import Desk, reference_of
from sandbox.ehr.instants import format_instant
from sandbox.ehr.outcome import FhirError, Resource, dicts

NOTES = ("DocumentReference", "Composition", "ClinicalImpression")
NOTE_CANARY = "Synthetic note of a synthetic session"
"""Stands in every note: nobody but the EHR may ever show it."""


class RecordKeeping(Desk):
    """Notes and invoices, and the flag that says so."""

    def protect(self, *, appointment: str) -> Resource:
        """The row says that a note or an invoice hangs on it."""
        resource = self._read("Appointment", appointment)
        flag = {"url": urls.DELETION_PROTECTED, "valueBoolean": True}
        others = [each for each in dicts(resource.get("extension")) if each.get("url") != flag["url"]]
        return self._update({**resource, "extension": [*others, flag]})

    def write_note(self, *, appointment: str, kind: str = "DocumentReference") -> Resource:
        """`kind`: a type of NOTES. The appointment is flagged where this EHR flags it.

        Answers the note. Raises FhirError 422: no note is of that kind, or there is no client.
        """
        if kind not in NOTES:
            raise FhirError(422, "value", "kind", f"a note is one of {', '.join(NOTES)}")
        row = self._read("Appointment", appointment)
        subject, encounter = self._subject(row), self._encounter(row)
        note = self._create({**self._note(kind, row), "subject": subject, **_within(kind, encounter)})
        self._flag(appointment)
        return note

    def invoice(self, *, appointment: str, claim: bool = False) -> Resource:
        """A charge, and the invoice that names it; `claim`: an insurer is asked instead, by a Claim.

        Answers invoice or claim. Raises FhirError 422: there is no client.
        """
        row = self._read("Appointment", appointment)
        subject, encounter = self._subject(row), self._encounter(row)
        made = self._claim(subject, encounter) if claim else self._billed(subject, encounter)
        self._flag(appointment)
        return made

    def begin_encounter(self, *, appointment: str) -> Resource:
        """Nothing is written yet. Answers the encounter, an earlier one if there is one."""
        row = self._read("Appointment", appointment)
        wanted = f"Appointment/{appointment}"
        for encounter in self._store.resources("Encounter"):
            if any(each.get("reference") == wanted for each in dicts(encounter.get("appointment"))):
                return encounter
        ambulatory = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
        encounter = {
            "resourceType": "Encounter",
            "status": "finished",
            "class": ambulatory,
            "subject": self._subject(row),
            "appointment": [{"reference": wanted}],
        }
        return self._create(encounter)

    def _encounter(self, row: Resource) -> Resource:
        return {"reference": f"Encounter/{self.begin_encounter(appointment=row['id'])['id']}"}

    def _flag(self, appointment: str) -> None:
        if self._store.settings.flags_protection:
            self.protect(appointment=appointment)

    def _subject(self, row: Resource) -> Resource:
        clients = [each for each in map(reference_of, row["participant"]) if each.startswith("Patient/")]
        if not clients:
            raise FhirError(422, "business-rule", "no-client", "nobody is written about")
        return {"reference": clients[0]}

    def _note(self, kind: str, row: Resource) -> Resource:
        written = format_instant(self._store.now())
        if kind == "DocumentReference":
            attachment = {"contentType": "text/plain", "title": NOTE_CANARY}
            return {"resourceType": kind, "status": "current", "content": [{"attachment": attachment}]}
        if kind == "ClinicalImpression":
            return {"resourceType": kind, "status": "completed", "summary": NOTE_CANARY}
        authors = [each for each in map(reference_of, row["participant"]) if each.startswith("Practitioner")]
        return {
            "resourceType": kind,
            "status": "final",
            "type": {"text": "Progress note"},
            "date": written,
            "author": [{"reference": each} for each in authors],
            "title": NOTE_CANARY,
        }

    def _billed(self, subject: Resource, encounter: Resource) -> Resource:
        charge = {
            "resourceType": "ChargeItem",
            "status": "billable",
            "code": {"text": "Session"},
            "subject": subject,
            "context": encounter,
        }
        line = {"chargeItemReference": {"reference": f"ChargeItem/{self._create(charge)['id']}"}}
        return self._create(
            {"resourceType": "Invoice", "status": "issued", "subject": subject, "lineItem": [line]}
        )

    def _claim(self, subject: Resource, encounter: Resource) -> Resource:
        item = {"sequence": 1, "productOrService": {"text": "Session"}, "encounter": [encounter]}
        coverage = {"sequence": 1, "focal": True, "coverage": {"display": "Sample insurance"}}
        return self._create(
            {
                "resourceType": "Claim",
                "status": "active",
                "type": {"text": "professional"},
                "use": "claim",
                "patient": subject,
                "created": format_instant(self._store.now()),
                "provider": {"display": "Sample practice"},
                "priority": {"text": "normal"},
                "insurance": [coverage],
                "item": [item],
            }
        )


def _within(kind: str, encounter: Resource) -> Resource:
    """Where a note of this kind names its encounter."""
    return (
        {"context": {"encounter": [encounter]}} if kind == "DocumentReference" else {"encounter": encounter}
    )
