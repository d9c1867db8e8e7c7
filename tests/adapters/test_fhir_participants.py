"""For whom an appointment is, in every way that servers say it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.fhir import FhirSettings, appointment_from_json
from shared.adapters.fhir.bodies import has_unknown_modifiers
from shared.adapters.fhir.settings import ParticipantStatus
from shared.core.model import Appointment, Kind, Status

Json = dict[str, Any]

SETTINGS = FhirSettings(system="https://calsync.example")
STATE = "https://ehr.example/StructureDefinition/appointment-participant-status"
VENDOR = replace(
    SETTINGS,
    participant_status=ParticipantStatus(
        STATE, cancelled=frozenset({"cancelled", "cancelled (no charge)"}), came=frozenset({"attended"})
    ),
)
ROBIN = {"actor": {"reference": "PractitionerRole/PR-1"}, "status": "accepted"}


def row(*participants: Any, settings: FhirSettings = SETTINGS, **more: Any) -> Appointment:
    return appointment_from_json(raw(*participants, **more), settings)


def raw(*participants: Any, **more: Any) -> Json:
    return {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "description": "about somebody",
        "participant": [ROBIN, *participants],
        **more,
    }


def client(state: str | None = None, patient: str = "p1", key: str = "modifierExtension") -> Json:
    said = [{"url": STATE, "valueCoding": {"code": state}}]
    return {"actor": {"reference": f"Patient/{patient}"}, **({key: said} if state else {})}


@pytest.mark.parametrize(
    ("actor", "patients"),
    [
        ({"reference": "Patient/p1"}, ("p1",)),
        ({"reference": "https://ehr.example/fhir/Patient/p1/_history/4"}, ("p1",)),
        ({"reference": "/main/Patient/p1", "type": "Patient"}, ("p1",)),
        ({"reference": "#c1"}, ()),
        ({"reference": "urn:uuid:00000000-0000-4000-8000-000000000000", "type": "Patient"}, ()),
        ({"type": "Patient", "identifier": {"value": "C-1"}}, ()),
        ({"reference": "RelatedPerson/r1"}, ()),
        ({"reference": "Group/g1"}, ()),
    ],
)
def test_wherever_a_client_is_meant_the_text_stays_in_the_ehr(actor: Json, patients: tuple[str, ...]) -> None:
    contained = [{"resourceType": "Patient", "id": "c1"}, "odd"]
    found = row({"actor": actor}, contained=contained)
    assert (found.kind, found.title, found.patient_ids) == (Kind.CLIENT, "", patients)
    assert found.practitioner_ids == {"PractitionerRole/PR-1"}


def test_the_subject_of_r5_is_a_client_where_no_participant_is_one() -> None:
    subject = {"reference": "Patient/p2"}
    assert row(subject=subject).patient_ids == ("p2",)
    assert row(client(), subject=subject).patient_ids == ("p1",)
    assert row(subject={"reference": "Practitioner/d1"}).kind is Kind.PERSONAL


def test_a_contained_practitioner_is_nobody_of_this_server() -> None:
    found = row({"actor": {"reference": "#c1"}}, contained=[{"resourceType": "Practitioner", "id": "c1"}])
    assert found.practitioner_ids == {"PractitionerRole/PR-1"}


def test_one_participant_may_stand_without_its_list() -> None:
    assert appointment_from_json({**raw(), "participant": client()}, SETTINGS).patient_ids == ("p1",)


@pytest.mark.parametrize("key", ["modifierExtension", "extension"])
@pytest.mark.parametrize("state", ["cancelled", "Cancelled (no charge)"])
def test_a_client_may_be_out_with_nothing_at_the_top(state: str, key: str) -> None:
    found = row(client(state, key=key), settings=VENDOR)
    assert (found.status, found.patient_ids, found.kind) == (Status.OVER, ("p1",), Kind.CLIENT)
    assert row(client(state, key=key)).status is Status.LIVE


@pytest.mark.parametrize(
    "said",
    [
        {"valueCode": "cancelled"},
        {"valueString": "cancelled"},
        {"valueCodeableConcept": {"coding": [{"code": "cancelled"}]}},
    ],
)
def test_the_extension_may_have_any_type_of_text(said: Json) -> None:
    part = {**client(), "modifierExtension": [{"url": "https://else.example"}, {"url": STATE, **said}]}
    assert row(part, settings=VENDOR).status is Status.OVER


def test_a_group_lives_while_one_of_it_is_expected() -> None:
    both = row(client("cancelled"), client("booked", "p2"), settings=VENDOR)
    assert (both.status, both.patient_ids) == (Status.LIVE, ("p2",))
    none = row(client("cancelled"), client("cancelled", "p2"), settings=VENDOR)
    assert (none.status, none.patient_ids) == (Status.OVER, ("p1", "p2"))


def test_whoever_comes_along_keeps_nothing_alive() -> None:
    mother = {"actor": {"reference": "RelatedPerson/r1"}, "status": "accepted"}
    assert row(client("cancelled"), mother, settings=VENDOR).status is Status.OVER
    assert row(client("booked"), mother, settings=VENDOR).patient_ids == ("p1",)


def test_who_came_protects_the_row() -> None:
    assert row(client("attended"), settings=VENDOR).protected is True
    assert row(client("confirmed"), settings=VENDOR).protected is None
    assert row(client("attended")).protected is None


@pytest.mark.parametrize(
    ("participant", "unknown"),
    [
        (client(), False),
        (client("booked"), False),
        ({**client(), "modifierExtension": [{"url": STATE}, {"url": "https://else.example"}]}, True),
        ({**client(), "modifierExtension": "odd"}, True),
    ],
)
def test_only_the_modifier_that_is_configured_is_known(participant: Json, unknown: bool) -> None:  # noqa: FBT001 - an outcome
    assert has_unknown_modifiers(raw(participant), VENDOR) is unknown
    assert has_unknown_modifiers(raw(participant), SETTINGS) is ("modifierExtension" in participant)
    assert has_unknown_modifiers(raw(modifierExtension=[{"url": STATE}]), VENDOR)
