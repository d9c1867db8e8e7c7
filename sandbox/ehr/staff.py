"""What staff do in the EHR, on the same store: they book, move, cancel, and obey no rule of the sync's.

    staff = Staff(store)
    appointment = staff.book(patients=[p], practitioners=[d], start=start, end=end, zone="America/Denver")

Ids are bare. Times are aware datetimes; they are written in the appointment's zone, with its offset. Every
method answers the resource as written and raises FhirError where the store refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sandbox.ehr import urls
from sandbox.ehr.desk import at, reference_of, zone_of
from sandbox.ehr.fhir import By
from sandbox.ehr.outcome import FhirError, Resource, dicts
from sandbox.ehr.staff_meetings import Meetings
from sandbox.ehr.staff_people import People
from sandbox.ehr.staff_records import RecordKeeping

BULK_MAX = 500


class Staff(People, RecordKeeping, Meetings):
    """The people at the practice's own screens."""

    def book(
        self,
        *,
        patients: Sequence[str],
        practitioners: Sequence[str],
        start: datetime,
        end: datetime,
        zone: str,
        service: str | None = None,
        location: str | None = None,
        status: str = "booked",
    ) -> Resource:
        """A client appointment; several patients make it a group session. `zone`: IANA name."""
        r5 = self._store.settings.r5
        appointment = self._timed(status, start, end, zone)
        if service is not None:
            appointment["serviceType"] = [{"concept": {"text": service}} if r5 else {"text": service}]
        if r5 and patients:
            appointment["subject"] = {"reference": f"Patient/{patients[0]}"}
        appointment["participant"] = [
            *(self._participant("Patient", patient) for patient in patients),
            *(self._participant("Practitioner", practitioner) for practitioner in practitioners),
            *([self._participant("Location", location)] if location is not None else ()),
        ]
        return self._create(appointment)

    def bulk_book(
        self,
        *,
        patient: str,
        practitioner: str,
        start: datetime,
        zone: str,
        count: int,
        commit_seconds: float = 0.0,
    ) -> Resource:
        """`count` sessions of 50 minutes, an hour apart, in one transaction; a Bundle of them.

        They are stamped now and seen together `commit_seconds` later. Raises ValueError: `count` is not from
        1 to BULK_MAX.
        """
        if not 1 <= count <= BULK_MAX:
            raise ValueError(f"'count' must be from 1 to {BULK_MAX}; it is {count}")
        starts = [start + timedelta(hours=index) for index in range(count)]
        length = timedelta(minutes=50)
        with self._store.transaction(commit_seconds=commit_seconds):
            made = [
                self.book(
                    patients=[patient], practitioners=[practitioner], start=each, end=each + length, zone=zone
                )
                for each in starts
            ]
        return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": row} for row in made]}

    def book_personal(
        self, *, practitioner: str, start: datetime, end: datetime, zone: str, title: str
    ) -> Resource:
        """The practitioner's own time: no patient."""
        appointment = self._timed("booked", start, end, zone)
        appointment["appointmentType"] = {"text": "personal"}
        appointment["description"] = title
        appointment["participant"] = [self._participant("Practitioner", practitioner)]
        return self._create(appointment)

    def request(self, *, patient: str, practitioner: str) -> Resource:
        """A patient asked for an appointment; there is no time yet."""
        actors = (self._participant("Patient", patient), self._participant("Practitioner", practitioner))
        appointment = {"resourceType": "Appointment", "status": "proposed", "participant": list(actors)}
        return self._create(appointment)

    def reschedule(self, *, appointment: str, start: datetime, end: datetime) -> Resource:
        """Another time in the zone it has."""
        resource = self._read("Appointment", appointment)
        return self._update(at(resource, start, end, zone_of(resource)))

    def change_title(self, *, appointment: str, title: str) -> Resource:
        return self._update({**self._read("Appointment", appointment), "description": title})

    def cancel(self, *, appointment: str, reason: str = "pat") -> Resource:
        """The row stays. `reason`: a code of the standard cancellation reasons.

        Where clients' participants tell it, that and nothing else changes.
        """
        resource = self._read("Appointment", appointment)
        settings = self._store.settings
        if settings.status_in_participants and any(map(_is_client, resource["participant"])):
            participants = [_told(each) if _is_client(each) else each for each in resource["participant"]]
            return self._update({**resource, "participant": participants})
        name = "cancellationReason" if settings.r5 else "cancelationReason"
        coding = {"system": urls.CANCELLATION_REASON, "code": reason}
        return self._update({**resource, "status": "cancelled", name: {"coding": [coding]}})

    def restore(self, *, appointment: str) -> Resource:
        """Booked again, whatever it was."""
        return self._set_status(appointment, "booked")

    def unconfirm(self, *, appointment: str) -> Resource:
        """Pending: somebody has still to agree."""
        return self._set_status(appointment, "pending")

    def arrive(self, *, appointment: str) -> Resource:
        return self._set_status(appointment, "arrived")

    def fulfil(self, *, appointment: str) -> Resource:
        return self._set_status(appointment, "fulfilled")

    def no_show(self, *, appointment: str) -> Resource:
        return self._set_status(appointment, "noshow")

    def enter_in_error(self, *, appointment: str) -> Resource:
        return self._set_status(appointment, "entered-in-error")

    def reassign(self, *, appointment: str, practitioner: str, instead_of: str | None = None) -> Resource:
        """Another practitioner takes over: from all who were named, or only from `instead_of`."""
        resource = self._read("Appointment", appointment)
        gone = None if instead_of is None else {f"Practitioner/{instead_of}", *self._roles(instead_of)}
        kept = [each for each in resource["participant"] if not _is_among(each, gone)]
        if len(kept) == len(resource["participant"]):
            raise FhirError(422, "business-rule", "not-named", "that practitioner is not on the appointment")
        return self._update(
            {**resource, "participant": [*kept, self._participant("Practitioner", practitioner)]}
        )

    def add_client(self, *, appointment: str, patient: str) -> Resource:
        """A personal appointment becomes a client one; a client one becomes a group."""
        resource = self._read("Appointment", appointment)
        resource.pop("appointmentType", None)
        participants = [self._participant("Patient", patient), *resource["participant"]]
        return self._update({**resource, "participant": participants})

    def erase(self, *, appointment: str) -> Resource:
        """A hard delete; answers what was there."""
        resource = self._read("Appointment", appointment)
        self._store.delete("Appointment", appointment, by=By.STAFF)
        return resource

    def _set_status(self, appointment: str, status: str) -> Resource:
        resource = self._read("Appointment", appointment)
        reasons = ("cancelationReason", "cancellationReason")
        kept = {name: value for name, value in resource.items() if name not in reasons}
        participants = [_untold(each) for each in resource["participant"]]
        return self._update({**kept, "status": status, "participant": participants})


def _is_client(participant: Resource) -> bool:
    return reference_of(participant).startswith("Patient/")


def _is_among(participant: Resource, references: set[str] | None) -> bool:
    """None: any practitioner."""
    reference = reference_of(participant)
    return reference.startswith("Practitioner") if references is None else reference in references


def _told(participant: Resource) -> Resource:
    """The participant, cancelled by the modifier of this EHR."""
    told = {"url": urls.PARTICIPANT_STATUS, "valueString": "cancelled"}
    others = dicts(_untold(participant).get("modifierExtension"))
    return {**participant, "modifierExtension": [*others, told]}


def _untold(participant: Resource) -> Resource:
    modifiers = dicts(participant.get("modifierExtension"))
    others = [each for each in modifiers if each.get("url") != urls.PARTICIPANT_STATUS]
    rest = {name: value for name, value in participant.items() if name != "modifierExtension"}
    return {**rest, "modifierExtension": others} if others else rest
