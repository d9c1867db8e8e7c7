"""What staff do about people: they register, rename and merge them."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.ehr import urls
from sandbox.ehr.desk import Desk, name_of, reference_of
from sandbox.ehr.outcome import FhirError, Resource, dicts


class People(Desk):
    """Patients, and when practitioners can be booked."""

    def register_patient(
        self,
        *,
        family: str | None = None,
        given: Sequence[str] = (),
        text: str | None = None,
        internal_id: str | None = None,
    ) -> Resource:
        """A new patient; a one-word name has `text` alone."""
        patient: Resource = {"resourceType": "Patient", "name": [name_of(family, given, text)]}
        if internal_id is not None:
            patient["identifier"] = [{"system": urls.INTERNAL_ID, "value": internal_id}]
        return self._create(patient)

    def rename_patient(
        self,
        *,
        patient: str,
        family: str | None = None,
        given: Sequence[str] = (),
        text: str | None = None,
    ) -> Resource:
        """The name before stays as an old one. Appointments keep the name they were booked under."""
        resource = self._read("Patient", patient)
        before = [{**name, "use": "old"} for name in dicts(resource.get("name"))]
        return self._update({**resource, "name": [name_of(family, given, text), *before]})

    def merge_patients(self, *, patient: str, into: str, repoint: bool = True) -> Resource:
        """Two were one: `patient` stays as an inactive row that names the one who is left.

        `repoint`: appointments name that one from now on; else they are left as they are. Answers `patient`.
        Raises FhirError 422: both are one already.
        """
        if patient == into:
            raise FhirError(422, "business-rule", "same-patient", "nobody is merged into themselves")
        gone, left = self._read("Patient", patient), self._read("Patient", into)
        self._update({**left, "link": [*dicts(left.get("link")), _link(patient, "replaces")]})
        if repoint:
            self._repoint(patient, into)
        links = [*dicts(gone.get("link")), _link(into, "replaced-by")]
        return self._update({**gone, "active": False, "link": links})

    def open_schedule(self, *, practitioner: str) -> Resource:
        """Slots are made in it."""
        actor = {"reference": f"Practitioner/{practitioner}"}
        return self._create({"resourceType": "Schedule", "active": True, "actor": [actor]})

    def _repoint(self, patient: str, into: str) -> None:
        both = {f"Patient/{patient}", f"Patient/{into}"}
        for row in self._store.resources("Appointment"):
            if not any(reference_of(each) == f"Patient/{patient}" for each in row["participant"]):
                continue
            others = [each for each in row["participant"] if reference_of(each) not in both]
            subject = {"subject": {"reference": f"Patient/{into}"}} if "subject" in row else {}
            self._update({**row, **subject, "participant": [self._participant("Patient", into), *others]})


def _link(patient: str, kind: str) -> Resource:
    return {"other": {"reference": f"Patient/{patient}"}, "type": kind}
