"""A practitioner's week as the EHR's own screen has it: names and titles, in the wall time of their zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.ehr import urls
from sandbox.ehr.desk import display_of, reference_of, zone_of
from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.outcome import Resource, dicts

Json = dict[str, Any]

FREE_EXTENSION = "https://calsync.example/free"
"""The sync marks time with it that is shown and does not block."""
_SHOWN = frozenset({"booked", "pending", "arrived", "checked-in", "fulfilled", "noshow", "cancelled"})
_MOVABLE = frozenset({"booked", "pending"})
_SLOTS = frozenset({"busy-unavailable", "busy-tentative", "busy", "free"})


def zone_of_practitioner(practitioner: Resource) -> ZoneInfo:
    """UTC where nothing is said."""
    for extension in dicts(practitioner.get("extension")):
        if extension.get("url") == urls.TIME_ZONE:
            return ZoneInfo(str(extension["valueCode"]))
    return ZoneInfo("UTC")


def wall(moment: datetime, zone: ZoneInfo) -> str:
    """`2026-11-20T09:30`."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def from_wall(text: object, zone: ZoneInfo) -> datetime:
    """The instant of a wall time. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no time of day")  # noqa: TRY004 - a request's fault, as the next one
    return datetime.fromisoformat(text).replace(tzinfo=zone)


class Agenda:
    """Of one practitioner."""

    def __init__(self, store: FhirStore, practitioner: str, zone: ZoneInfo) -> None:
        self._store = store
        self._zone = zone
        roles = [
            f"PractitionerRole/{role['id']}"
            for role in store.resources("PractitionerRole")
            if role.get("practitioner", {}).get("reference") == f"Practitioner/{practitioner}"
        ]
        self._names = frozenset({f"Practitioner/{practitioner}", *roles})

    def week(self, first: date, days: int) -> list[Json]:
        """All that touches these days: appointments, own time, blocks."""
        begins = datetime.combine(first, time.min, self._zone)
        ends = datetime.combine(first + timedelta(days=days), time.min, self._zone)
        clients, rows = self._clients(), [*self._appointments(), *self._slots()]
        return [
            self._entry(row, clients)
            for row in rows
            if _instant(row, "start") < ends and _instant(row, "end") > begins
        ]

    def titles(self, appointments: frozenset[str]) -> dict[str, str]:
        """By id, of those among them that are theirs."""
        clients = self._clients()
        rows = (row for row in self._appointments() if row["id"] in appointments)
        return {row["id"]: self._entry(row, clients)["title"] for row in rows}

    def own(self, appointment: str) -> Resource | None:
        """The appointment, if this practitioner takes part and it is no block."""
        found = (row for row in self._appointments() if row["id"] == appointment and not _is_block(row))
        return next(found, None)

    def _clients(self) -> dict[str, str]:
        return {f"Patient/{row['id']}": display_of(row) for row in self._store.resources("Patient")}

    def _appointments(self) -> Iterator[Resource]:
        for row in self._store.resources("Appointment"):
            named = {reference_of(each) for each in dicts(row.get("participant"))}
            over = _is_block(row) and row["status"] != "booked"
            if "start" in row and row["status"] in _SHOWN and not over and not self._names.isdisjoint(named):
                yield row

    def _slots(self) -> Iterator[Resource]:
        schedules = {
            f"Schedule/{row['id']}"
            for row in self._store.resources("Schedule")
            if any(actor.get("reference") in self._names for actor in dicts(row.get("actor")))
        }
        for row in self._store.resources("Slot"):
            freed = row["status"] == "free" and not _is_free(row)
            block = _is_block(row) and row["status"] in _SLOTS and not freed
            if block and row["schedule"]["reference"] in schedules:
                yield row

    def _entry(self, row: Resource, clients: dict[str, str]) -> Json:
        start, end = (_instant(row, name).astimezone(self._zone) for name in ("start", "end"))
        all_day = start.time() == end.time() == time.min and end > start
        size = 10 if all_day else 16
        return {
            "id": row["id"],
            "start": wall(start, self._zone)[:size],
            "end": wall(end, self._zone)[:size],
            "allDay": all_day,
            **(_block(row) if _is_block(row) else _appointment(row, clients)),
        }


def _block(row: Resource) -> Json:
    free = _is_free(row)
    text = str(row.get("description") or row.get("comment") or "")
    return {"type": "block", "title": text or ("Free" if free else "Busy"), "free": free, "movable": False}


def _appointment(row: Resource, clients: dict[str, str]) -> Json:
    participants = dicts(row.get("participant"))
    named = [
        clients.get(reference_of(each), str(each.get("actor", {}).get("display", "Client")))
        for each in participants
        if reference_of(each).startswith("Patient/")
    ]
    status = "cancelled" if _all_cancelled(participants) else row["status"]
    common = {"status": status, "movable": status in _MOVABLE, "zone": zone_of(row)}
    if not named:
        made = any(each.get("system") == urls.CALSYNC_PERSONAL for each in dicts(row.get("identifier")))
        title = str(row.get("description") or "Personal time")
        return {"type": "personal", "title": title, "fromGoogle": made, **common}
    title = named[0] if len(named) == 1 else f"Group: {', '.join(named)}"
    return {"type": "client", "title": title, "clients": named, **_details(row, participants), **common}


def _details(row: Resource, participants: list[Resource]) -> Json:
    places = [
        str(each["actor"].get("display", ""))
        for each in participants
        if reference_of(each).startswith("Location/")
    ]
    service = next((_service(each) for each in dicts(row.get("serviceType"))), "")
    return {"service": service, "place": next(iter(places), "")}


def _service(element: Resource) -> str:
    """R4 has a concept there, R5 a reference or a concept."""
    return str(element.get("text") or element.get("concept", {}).get("text") or "")


def _all_cancelled(participants: list[Resource]) -> bool:
    """Where the status stands in the clients' participants."""
    told = [
        any(
            each.get("url") == urls.PARTICIPANT_STATUS
            and str(each.get("valueString", "")).startswith("cancelled")
            for each in dicts(participant.get("modifierExtension"))
        )
        for participant in participants
        if reference_of(participant).startswith("Patient/")
    ]
    return bool(told) and all(told)


def _instant(row: Resource, name: str) -> datetime:
    return datetime.fromisoformat(row[name])


def _is_block(row: Resource) -> bool:
    return any(each.get("system") == urls.CALSYNC_BLOCK for each in dicts(row.get("identifier")))


def _is_free(row: Resource) -> bool:
    extensions = dicts(row.get("extension"))
    return any(each.get("url") == FREE_EXTENSION and each.get("valueBoolean") is True for each in extensions)
