"""What an appointment is about besides people and time, and what of a client is never read."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.adapters.fhir import FhirSettings, appointment_from_json
from shared.adapters.fhir.details import LINK_MAX, VIRTUAL_SERVICE
from shared.core.labels import client_what
from shared.core.model import Appointment, Client, Kind
from shared.core.policy import ConnectionSettings

Json = dict[str, Any]

SETTINGS = FhirSettings(system="https://calsync.example")
PATIENT = {"actor": {"reference": "Patient/p1", "display": "Erika Mustermann"}}
ROBIN = {"actor": {"reference": "Practitioner/d1", "display": "Robin Musterfrau"}}
LINK, OTHER = "https://video.example/host?pwd=1", "https://video.example/other"


def row(*participants: Any, **more: Any) -> Appointment:
    resource = {"resourceType": "Appointment", "id": "a1", "status": "booked", **more}
    return appointment_from_json({**resource, "participant": [PATIENT, ROBIN, *participants]}, SETTINGS)


# --- the kind -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service_type", "service"),
    [
        ([{"text": " Follow-up "}], "Follow-up"),
        ([{"coding": [{"code": "1"}, {"code": "2", "display": "Follow-up"}]}], "Follow-up"),
        ([{"text": "", "coding": [{"display": "Follow-up"}]}], "Follow-up"),
        ([{"coding": []}, {"text": "Second"}], "Second"),
        ([{"concept": {"text": "Of R5"}}], "Of R5"),
        ([{"reference": {"reference": "HealthcareService/1", "display": "x"}}], ""),
        ([{"text": 5, "coding": "x"}], ""),
        ("Follow-up", ""),
        (None, ""),
    ],
)
def test_the_kind_of_an_appointment(service_type: object, service: str) -> None:
    assert row(serviceType=service_type).service == service


# --- the place ------------------------------------------------------------------------------------------


def place(display: object, reference: str = "Location/l1") -> Json:
    return {"actor": {"reference": reference, "display": display}}


@pytest.mark.parametrize(
    ("places", "location"),
    [
        ([place(" Room 2 ")], "Room 2"),
        ([place("Room 2", "https://ehr.example/fhir/Location/l1/_history/3")], "Room 2"),
        ([place(""), place("Room 3")], "Room 3"),
        ([place(None)], ""),
        ([], ""),
        # somebody's home
        ([place("Home", "#l1")], ""),
        ([{"actor": {"type": "Location", "display": "Home"}}], ""),
        ([place("Home of Erika Mustermann")], ""),
        ([place("MUSTERMANN's flat"), place("Room 2")], "Room 2"),
        ([place("Haus Erika")], ""),
        ([place("Mustermannstraße 5")], "Mustermannstraße 5"),
    ],
)
def test_the_place_of_an_appointment_unless_it_is_the_clients(places: list[Json], location: str) -> None:
    contained = [{"resourceType": "Location", "id": "l1", "name": "Home", "address": {"text": "Street 1"}}]
    assert row(*places, contained=contained).location == location


# --- the link -------------------------------------------------------------------------------------------


def service(url: str = LINK, name: str = "addressUrl") -> Json:
    return {"channelType": {"code": "zoom"}, name: url}


def extension(
    url: str = LINK, name: str = "address", of: str = VIRTUAL_SERVICE, key: str = "valueUrl"
) -> Json:
    return {"url": of, "extension": [{"url": "channelType"}, {"url": name, key: url}]}


def endpoint(address: str = LINK) -> Json:
    return {"resourceType": "Endpoint", "id": "e", "address": address}


def reached_at(of: str, url: str = LINK, system: str = "url", **more: Any) -> Json:
    telecom = [{"system": "phone", "value": "1"}, {"system": system, "value": url}]
    return {"resourceType": of, "id": "c", "telecom": telecom, **more}


VIRTUAL: Json = {"physicalType": {"coding": [{"code": "vi"}]}}
HOUSE: Json = {"physicalType": {"coding": [{"code": "ho"}]}}


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ({"virtualService": [service()]}, LINK),
        ({"virtualService": [service("tel:1"), service()]}, LINK),
        ({"virtualService": [service(name="addressString")]}, ""),
        ({"extension": [extension()]}, LINK),
        ({"extension": [extension(name="addressUrl", key="valueUri")]}, LINK),
        ({"extension": [extension(key="valueString")]}, LINK),
        ({"extension": [extension(name="additionalInfo")]}, ""),
        ({"extension": [extension(of="https://else.example")]}, ""),
        ({"contained": [endpoint()]}, LINK),
        ({"contained": [{"resourceType": "Slot"}, endpoint()]}, LINK),
        ({"contained": [reached_at("HealthcareService"), reached_at("HealthcareService", OTHER)]}, LINK),
        ({"contained": [reached_at("Location", **VIRTUAL)]}, LINK),
        ({"contained": [{"resourceType": "Slot"}, reached_at("Location", **VIRTUAL)]}, LINK),
        ({"contained": [{"resourceType": "Slot"}, reached_at("Location", **HOUSE)]}, ""),
        # the client's own, and what is nobody's door
        ({"contained": [reached_at("HealthcareService", "x"), reached_at("HealthcareService")]}, ""),
        ({"contained": [endpoint("x"), endpoint()]}, ""),
        ({"contained": [reached_at("Patient")]}, ""),
        ({"contained": [reached_at("Practitioner")]}, ""),
        ({"contained": [reached_at("Location", system="email", **VIRTUAL)]}, ""),
        # the first of them
        ({"virtualService": [service()], "contained": [endpoint(OTHER)]}, LINK),
        ({"virtualService": [service("x")], "contained": [endpoint()]}, LINK),
        ({"contained": [reached_at("HealthcareService", OTHER), endpoint()]}, LINK),
        ({"virtualService": 5, "contained": "x", "extension": [{"url": VIRTUAL_SERVICE}]}, ""),
        ({}, ""),
    ],
)
def test_the_link_of_the_practitioner(more: Json, link: str) -> None:
    assert row(**more).telehealth == link


@pytest.mark.parametrize(
    "address",
    [
        "http://video.example/1",
        "HTTPS:/video.example",
        "https://",
        "https:///path",
        "https://[half",
        "https://video.example/a b",
        "https://video.example/\n",
        "javascript:alert(1)",
        "//video.example",
        f"https://video.example/{'x' * LINK_MAX}",
        "",
    ],
)
def test_what_opens_no_page_safely_is_no_link(address: str) -> None:
    assert row(contained=[endpoint(address)]).telehealth == ""


# --- nothing else ---------------------------------------------------------------------------------------

CANARY = "Canary"
TEXTS = {
    "description": CANARY,
    "comment": CANARY,
    "note": [{"text": CANARY}],
    "patientInstruction": CANARY,
    "text": {"status": "generated", "div": f"<div>{CANARY}</div>"},
    "reasonCode": [{"text": CANARY}],
    "reason": [{"concept": {"text": CANARY}}],
    "reasonReference": [{"display": CANARY}],
    "specialty": [{"text": CANARY}],
    "appointmentType": {"text": CANARY},
    "serviceCategory": [{"text": CANARY}],
    "cancelationReason": {"text": CANARY},
    "supportingInformation": [{"display": CANARY}],
    "basedOn": [{"display": CANARY}],
    "account": [{"display": CANARY}],
    "subject": {"reference": "Patient/p1", "display": CANARY},
    "extension": [{"url": "https://else.example", "valueString": CANARY}],
    "contained": [
        {"resourceType": "Patient", "id": "p1", "name": [{"text": CANARY}], "contact": [{"name": CANARY}]},
        {"resourceType": "Location", "id": "l1", "name": CANARY, "address": {"text": CANARY}},
    ],
}
PEOPLE = [
    {"actor": {"reference": "Patient/p1", "display": CANARY}, "type": [{"text": CANARY}]},
    {"actor": {"reference": "RelatedPerson/r1", "display": CANARY}},
    {"actor": {"reference": "#l1", "display": CANARY}},
    {"actor": {"reference": "Location/l2", "display": f"Home of {CANARY}"}},
]


@pytest.mark.parametrize("name", [*TEXTS, "participant"])
def test_nothing_else_of_a_client_appointment_is_said(name: str) -> None:
    more = {} if name == "participant" else {name: TEXTS[name]}
    found = row(*(PEOPLE if name == "participant" else ()), **more)
    everything = ConnectionSettings(
        date(2026, 3, 1), ZoneInfo("UTC"), telehealth_link=True, service_line=True
    )
    assert found.kind is Kind.CLIENT
    what = client_what(found, [Client(internal_id="C-1")], everything)
    assert (what.summary, what.description, what.location) == ("C-1", "", "")
    assert found.title == ""
