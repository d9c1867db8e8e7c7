"""Somebody's export: each form is read, what is bad is named by its place, and nothing of it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.demo.exports import NoExportError, read_export
from tests.sandbox.ehr.samples import appointment, participant

Json = dict[str, Any]

PATIENT: Json = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Invented", "given": ["Uma"]}]}
NAME = "mine.json"


def bundle(*resources: object, of: str = "searchset") -> str:
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": of, "entry": entries})


def ndjson(*resources: object) -> str:
    return "".join(f"{json.dumps(resource)}\n" for resource in resources)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (bundle(PATIENT, appointment()), ["entry[0]", "entry[1]"]),
        (bundle(PATIENT, appointment(), of="transaction"), ["entry[0]", "entry[1]"]),
        (json.dumps([PATIENT, appointment()], indent=2), ["[0]", "[1]"]),
        (ndjson(PATIENT, appointment()), ["line 1", "line 2"]),
        (ndjson(PATIENT) + "\n\r\n" + ndjson(appointment()), ["line 1", "line 4"]),
        ("\ufeff" + ndjson(PATIENT, appointment()), ["line 1", "line 2"]),
        (json.dumps(PATIENT), ["line 1"]),
    ],
)
def test_each_form_is_read_and_every_resource_has_its_place(text: str, places: list[str]) -> None:
    found = read_export(NAME, text)
    assert [entry.place for entry in found.entries] == [f"{NAME}, {place}" for place in places]
    assert found.entries[0].resource == PATIENT
    assert found.problems == []


def test_an_entry_keeps_the_address_it_is_known_by() -> None:
    whole = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": PATIENT}]}
    assert [entry.full_url for entry in read_export(NAME, json.dumps(whole)).entries] == ["urn:uuid:1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Dear diary", "line 1: this is neither JSON nor NDJSON"),
        ('{\n "resourceType": "Bundle",\n oops\n}', "line 3: this is neither JSON nor NDJSON"),
        ("[1, 2", "line 1: this is neither JSON nor NDJSON"),
        ("", "line 1: this is empty"),
        ("7", "this is no Bundle, no list of resources and no NDJSON"),
        ('{"resourceType": "Bundle", "entry": {}}', "'entry' of the Bundle is no list"),
        ("[" * 100_000, "line 1: this is neither JSON nor NDJSON"),
    ],
)
def test_what_is_no_export_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(NoExportError) as caught:
        read_export(NAME, text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(NAME)


SECRET = "Secretname"


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (None, "entry[0]: there is no resource, or it cannot be read"),
        (SECRET, "entry[0]: there is no resource, or it cannot be read"),
        ({"id": SECRET}, "entry[0]: resourceType is missing or no type name"),
        ({"resourceType": f"{SECRET}!"}, "entry[0]: resourceType is missing or no type name"),
        ({**PATIENT, "id": f"{SECRET} 1"}, "entry[0] (Patient): its id is none that FHIR allows"),
        ({**PATIENT, "id": 7}, "entry[0] (Patient): its id is none that FHIR allows"),
        ({**PATIENT, "name": SECRET}, "entry[0] (Patient): 'name' is not a list of names"),
        ({**PATIENT, "name": [{"given": SECRET}]}, "entry[0] (Patient): 'name' is not a list of names"),
        ({**PATIENT, "identifier": [SECRET]}, "entry[0] (Patient): 'identifier' is not a list of objects"),
        (appointment(status=SECRET), "entry[0] (Appointment): status is missing or outside the value set"),
        (appointment(start=SECRET), "entry[0] (Appointment): start or end is no instant"),
        (appointment(start="2026-12-01T10:00:00"), "entry[0] (Appointment): start or end is no instant"),
        (appointment(start="2026-13-01T10:00:00Z"), "entry[0] (Appointment): start or end is no instant"),
        (
            appointment(start="0001-01-01T00:00:00Z", end="0001-01-01T01:00:00Z"),
            "entry[0] (Appointment): start or end is no instant",
        ),
        (appointment(end="2026-11-01T10:00:00Z"), "entry[0] (Appointment): end is before start"),
        (
            appointment(participant=[]),
            "entry[0] (Appointment): an appointment needs at least one participant",
        ),
        (appointment(_start=SECRET), "entry[0] (Appointment): '_start' is not an object"),
        ({"resourceType": "Slot", "status": "free"}, "entry[0] (Slot): a slot is of a schedule"),
        (
            {"resourceType": "PractitionerRole", "practitioner": [SECRET]},
            "entry[0] (PractitionerRole): 'practitioner' is not an object",
        ),
    ],
)
def test_a_bad_entry_is_named_by_place_and_reason_and_the_next_one_is_read(
    resource: object, why: str
) -> None:
    found = read_export(NAME, bundle(resource, PATIENT))
    [problem] = found.problems
    assert problem.startswith(f"{NAME}, {why}")
    assert SECRET not in problem
    assert [entry.place for entry in found.entries] == [f"{NAME}, entry[1]"]


def test_a_bad_line_does_not_stop_the_next() -> None:
    found = read_export(NAME, f"{json.dumps(PATIENT)}\n{{oops\n[1]\n{json.dumps(appointment())}\n")
    assert [entry.place for entry in found.entries] == [f"{NAME}, line 1", f"{NAME}, line 4"]
    assert found.problems == [
        f"{NAME}, line {line}: there is no resource, or it cannot be read" for line in (2, 3)
    ]


def test_other_types_are_left_out_and_counted() -> None:
    observation = {"resourceType": "Observation", "status": "final"}
    found = read_export(NAME, bundle(observation, PATIENT, observation, {"resourceType": "Encounter"}))
    assert found.left_out == {"Observation": 2, "Encounter": 1}
    assert len(found.entries) == 1


def test_what_a_vendor_adds_is_no_problem() -> None:
    odd = appointment(vendorField={"x": [1, None]}, participant=[{**participant("Patient/p1"), "more": 1}])
    assert read_export(NAME, bundle(odd)).entries[0].resource == odd
