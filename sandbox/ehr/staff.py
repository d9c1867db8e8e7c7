"""What staff do in the EHR, on the same store: they book, move, cancel, and obey no rule of the sync's.

    staff = Staff(store)
    appointment = staff.book(patients=[p], practitioners=[d], start=start, end=end, zone="America/Denver")

Ids are bare. Times are aware datetimes; they are written in the appointment's zone, with its offset. Every
method answers the resource as written and raises FhirError where the store refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.ehr import urls
from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.instants import format_instant
from sandbox.ehr.outcome import FhirError, Resource, dicts


class Staff:
    """The people at the practice's own screens."""

    def __init__(self, store: FhirStore) -> None:
        self._store = store

    # --- appointments -----------------------------------------------------------------------------------

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
        appointment = self._timed(status, start, end, zone)
        if service is not None:
            appointment["serviceType"] = [{"text": service}]
        appointment["participant"] = [
            *(self._participant("Patient", patient) for patient in patients),
            *(self._participant("Practitioner", practitioner) for practitioner in practitioners),
            *([self._participant("Location", location)] if location is not None else ()),
        ]
        return self._store.create(appointment, by=By.STAFF).resource

    def book_personal(
        self, *, practitioner: str, start: datetime, end: datetime, zone: str, title: str
    ) -> Resource:
        """The practitioner's own time: no patient."""
        appointment = self._timed("booked", start, end, zone)
        appointment["appointmentType"] = {"text": "personal"}
        appointment["description"] = title
        appointment["participant"] = [self._participant("Practitioner", practitioner)]
        return self._store.create(appointment, by=By.STAFF).resource

    def request(self, *, patient: str, practitioner: str) -> Resource:
        """A patient asked for an appointment; there is no time yet."""
        actors = (self._participant("Patient", patient), self._participant("Practitioner", practitioner))
        appointment = {"resourceType": "Appointment", "status": "proposed", "participant": list(actors)}
        return self._store.create(appointment, by=By.STAFF).resource

    def reschedule(self, *, appointment: str, start: datetime, end: datetime) -> Resource:
        """Another time in the zone it has."""
        resource = self._read("Appointment", appointment)
        return self._update(_at(resource, start, end, _zone(resource)))

    def change_title(self, *, appointment: str, title: str) -> Resource:
        return self._update({**self._read("Appointment", appointment), "description": title})

    def cancel(self, *, appointment: str, reason: str = "pat") -> Resource:
        """The row stays. `reason`: a code of the standard cancellation reasons."""
        coding = {"system": urls.CANCELLATION_REASON, "code": reason}
        resource = self._read("Appointment", appointment)
        return self._update({**resource, "status": "cancelled", "cancelationReason": {"coding": [coding]}})

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
        gone = "Practitioner/" if instead_of is None else f"Practitioner/{instead_of}"
        kept = [each for each in resource["participant"] if not _reference(each).startswith(gone)]
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

    def protect(self, *, appointment: str) -> Resource:
        """A note or an invoice now hangs on it."""
        resource = self._read("Appointment", appointment)
        flag = {"url": urls.DELETION_PROTECTED, "valueBoolean": True}
        others = [each for each in dicts(resource.get("extension")) if each.get("url") != flag["url"]]
        return self._update({**resource, "extension": [*others, flag]})

    def erase(self, *, appointment: str) -> Resource:
        """A hard delete; answers what was there."""
        resource = self._read("Appointment", appointment)
        self._store.delete("Appointment", appointment, by=By.STAFF)
        return resource

    # --- people -----------------------------------------------------------------------------------------

    def register_patient(
        self,
        *,
        family: str | None = None,
        given: Sequence[str] = (),
        text: str | None = None,
        internal_id: str | None = None,
    ) -> Resource:
        """A new patient; a one-word name has `text` alone."""
        patient: Resource = {"resourceType": "Patient", "name": [_name(family, given, text)]}
        if internal_id is not None:
            patient["identifier"] = [{"system": urls.INTERNAL_ID, "value": internal_id}]
        return self._store.create(patient, by=By.STAFF).resource

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
        return self._update({**resource, "name": [_name(family, given, text), *before]})

    # --- inside -----------------------------------------------------------------------------------------

    def _timed(self, status: str, start: datetime, end: datetime, zone: str) -> Resource:
        created = format_instant(self._store.now())
        appointment = {"resourceType": "Appointment", "status": status, "created": created}
        return _at(appointment, start, end, zone)

    def _participant(self, resource_type: str, resource_id: str) -> Resource:
        """Named as screens name it: the display is the full name at the time of booking."""
        resource = self._read(resource_type, resource_id)
        actor = {"reference": f"{resource_type}/{resource_id}"}
        display = _display(resource)
        return {"actor": {**actor, "display": display} if display else actor, "status": "accepted"}

    def _set_status(self, appointment: str, status: str) -> Resource:
        resource = self._read("Appointment", appointment)
        resource.pop("cancelationReason", None)
        return self._update({**resource, "status": status})

    def _read(self, resource_type: str, resource_id: str) -> Resource:
        return self._store.read(resource_type, resource_id, by=By.STAFF)

    def _update(self, resource: Resource) -> Resource:
        return self._store.update(resource, by=By.STAFF).resource


def _at(appointment: Resource, start: datetime, end: datetime, zone: str) -> Resource:
    """The appointment at that time. minutesDuration is a positiveInt: one without length has none."""
    assert start.tzinfo, "start is naive"
    assert end.tzinfo, "end is naive"
    info = ZoneInfo(zone)
    tagged = {"extension": [{"url": urls.TZ_CODE, "valueCode": zone}]}
    timed = {
        **appointment,
        "start": start.astimezone(info).isoformat(timespec="seconds"),
        "_start": tagged,
        "end": end.astimezone(info).isoformat(timespec="seconds"),
        "_end": tagged,
    }
    minutes = round((end - start).total_seconds() / 60)
    timed.pop("minutesDuration", None)
    if minutes > 0:
        timed["minutesDuration"] = minutes
    return timed


def _zone(appointment: Resource) -> str:
    """The zone tagged on the start; UTC where the sync wrote none."""
    for extension in dicts(appointment.get("_start", {}).get("extension")):
        if extension.get("url") == urls.TZ_CODE:
            return str(extension["valueCode"])
    return "UTC"


def _name(family: str | None, given: Sequence[str], text: str | None) -> Resource:
    parts = {"use": "official", "text": text, "family": family, "given": list(given)}
    return {key: value for key, value in parts.items() if value}


def _display(resource: Resource) -> str:
    name = resource.get("name")
    if isinstance(name, str):
        return name
    first = next(iter(dicts(name)), {})
    return str(first.get("text") or " ".join([*first.get("given", []), first.get("family", "")]).strip())


def _reference(participant: Resource) -> str:
    return str(participant.get("actor", {}).get("reference", ""))
