"""What every screen of the practice shares: reading, writing, naming who takes part and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.ehr import urls
from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.instants import format_instant
from sandbox.ehr.outcome import Resource, dicts


class Desk:
    """Somebody at the practice who reads and writes."""

    def __init__(self, store: FhirStore) -> None:
        self._store = store

    def _timed(self, status: str, start: datetime, end: datetime, zone: str) -> Resource:
        created = format_instant(self._store.now())
        return at({"resourceType": "Appointment", "status": status, "created": created}, start, end, zone)

    def _participant(self, resource_type: str, resource_id: str) -> Resource:
        """Named as screens name it: the display is the full name at the time of booking."""
        resource = self._read(resource_type, resource_id)
        reference = f"{resource_type}/{resource_id}"
        if resource_type == "Practitioner" and self._store.settings.roles:
            reference = next(iter(self._roles(resource_id)), reference)
        actor, display = {"reference": reference}, display_of(resource)
        return {"actor": {**actor, "display": display} if display else actor, "status": "accepted"}

    def _roles(self, practitioner: str) -> list[str]:
        """References of a practitioner's roles."""
        wanted = f"Practitioner/{practitioner}"
        roles = self._store.resources("PractitionerRole")
        return [f"PractitionerRole/{each['id']}" for each in roles if _names(each, wanted)]

    def _read(self, resource_type: str, resource_id: str) -> Resource:
        return self._store.read(resource_type, resource_id, by=By.STAFF)

    def _create(self, resource: Resource) -> Resource:
        return self._store.create(resource, by=By.STAFF).resource

    def _update(self, resource: Resource) -> Resource:
        return self._store.update(resource, by=By.STAFF).resource


def at(appointment: Resource, start: datetime, end: datetime, zone: str) -> Resource:
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


def zone_of(appointment: Resource) -> str:
    """The zone tagged on the start; UTC where the sync wrote none."""
    for extension in dicts(appointment.get("_start", {}).get("extension")):
        if extension.get("url") == urls.TZ_CODE:
            return str(extension["valueCode"])
    return "UTC"


def name_of(family: str | None, given: Sequence[str], text: str | None) -> Resource:
    parts = {"use": "official", "text": text, "family": family, "given": list(given)}
    return {key: value for key, value in parts.items() if value}


def display_of(resource: Resource) -> str:
    name = resource.get("name")
    if isinstance(name, str):
        return name
    current = [each for each in dicts(name) if each.get("use") not in ("old", "maiden")]
    first = next(iter(current), {})
    return str(first.get("text") or " ".join([*first.get("given", []), first.get("family", "")]).strip())


def reference_of(participant: Resource) -> str:
    """Of a participant's actor."""
    return str(participant.get("actor", {}).get("reference", ""))


def _names(role: Resource, practitioner: str) -> bool:
    return bool(role.get("practitioner", {}).get("reference") == practitioner)
