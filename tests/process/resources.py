"""Who and what is in the EHR, with texts that are looked for everywhere else."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.controls import Json
from sandbox.ehr import urls
from sandbox.ehr.staff_records import NOTE_CANARY

FAMILY, GIVEN, NOTE = "Kanarius", "Testamaria", "Befundnotiz"
"""In the name of every client, and in every note: to be looked for."""
BORN, PHONE, EMAIL, STREET = "1931-07-13", "+49 30 5550199", "kanarie@client.example", "Volierenweg 77"
"""Of every client, likewise."""
OWN_TITLE, TITLE, OUTSIDE_TITLE = "Eigenzeit", "Privatissimum", "Familienrat"
"""Of a practitioner's own time in the EHR, of every event made by hand, of those in other calendars."""
SECRET_TEXTS = (
    *(FAMILY, GIVEN, NOTE, NOTE_CANARY, BORN, PHONE, EMAIL, STREET),
    *(OWN_TITLE, TITLE, OUTSIDE_TITLE),
)
VENDOR_FIELD = "vendorRank"
"""In appointments from another system; FHIR knows of no such field."""


def practitioner(number: int, zone: ZoneInfo) -> Json:
    return {
        "resourceType": "Practitioner",
        "extension": [{"url": urls.TIME_ZONE, "valueCode": zone.key}],
        "active": True,
        "name": [{"use": "official", "family": f"Mustermensch {number}", "given": ["Robin"]}],
    }


def patient(number: int) -> Json:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": urls.INTERNAL_ID, "value": f"C-{1000 + number}"}],
        "name": [{"use": "official", "family": FAMILY, "given": [GIVEN]}],
        "telecom": [{"system": "phone", "value": PHONE}, {"system": "email", "value": EMAIL}],
        "birthDate": BORN,
        "address": [{"line": [STREET], "city": FAMILY}],
    }


def appointment(number: int, patient: str, practitioner: str, start: datetime, end: datetime) -> Json:
    """As another system writes it: with all the texts there are, and what only its vendor knows.

    `patient`: an id; `practitioner`: a reference.
    """
    actors = {practitioner: "Robin Mustermensch", f"Patient/{patient}": f"{GIVEN} {FAMILY}, {BORN}"}
    return {
        "resourceType": "Appointment",
        "extension": [{"url": "https://vendor.example/room", "valueString": f"{NOTE} 3"}],
        "identifier": [{"system": "https://vendor.example/appointment", "value": f"{FAMILY}-{number}"}],
        "status": "booked",
        "reasonCode": [{"text": f"{NOTE} {FAMILY}"}],
        "description": f"{NOTE} {GIVEN}",
        "supportingInformation": [{"display": f"{NOTE} {PHONE}"}],
        "start": start.isoformat(),
        "end": end.isoformat(),
        "minutesDuration": round((end - start).total_seconds() / 60),
        "comment": f"{NOTE} {STREET}",
        "patientInstruction": f"{NOTE} {EMAIL}",
        "participant": [
            {"actor": {"reference": actor, "display": display}, "status": "accepted"}
            for actor, display in actors.items()
        ],
        VENDOR_FIELD: 7,
    }
