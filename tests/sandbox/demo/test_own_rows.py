"""Somebody's export as rows of the sandbox EHR: references lead somewhere, and somebody is connected."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.demo.exports import Export, read_export
from sandbox.demo.own_rows import OwnRows, actors, own_rows
from sandbox.demo.own_times import moved, weeks_to, zone_of
from sandbox.ehr import urls
from sandbox.ehr.fhir import FhirError, FhirStore
from tests.sandbox.ehr.samples import ManualClock, appointment

Json = dict[str, Any]

SAMPLE = Path(__file__).resolve().parents[2] / "data/own-practice.json"
CHICAGO = ZoneInfo("America/Chicago")


def export(*entries: tuple[str, Json]) -> Export:
    """Of addresses and resources."""
    listed = [{"fullUrl": address, "resource": resource} for address, resource in entries]
    return read_export("mine.json", json.dumps({"resourceType": "Bundle", "entry": listed}))


def own(*resources: Json, asked: str | None = None) -> OwnRows:
    return own_rows([export(*(("", resource) for resource in resources))], asked)


@pytest.fixture(scope="module")
def sample() -> OwnRows:
    return own_rows([read_export("own-practice.json", SAMPLE.read_text(encoding="utf-8"))], None)


# --- references -----------------------------------------------------------------------------------------


def test_references_of_every_form_lead_to_the_rows(sample: OwnRows) -> None:
    patient = "Patient/5f1c0000-0000-4000-8000-000000000002"
    rows = {row["id"]: actors(row) for row in sample.of("Appointment")}
    assert rows == {
        "app-role-and-urn": {patient, "Practitioner/doc-1", "Location/loc-1"},
        "app-absolute": {"Patient/pat-2", "Practitioner/doc-1"},
        "app-by-identifier": {"Patient/not-in-the-file", "Practitioner/doc-1"},
        "app-own-time": {"Practitioner/doc-1"},
        "app-other": {"Patient/pat-2", "Practitioner/doc-2"},
    }
    [schedule], [slot] = sample.of("Schedule"), sample.of("Slot")
    assert schedule["actor"] == [{"reference": "Practitioner/doc-1"}]
    assert slot["schedule"] == {"reference": "Schedule/sch-1"}


def test_what_was_not_taken_is_told_by_place_and_counted(sample: OwnRows) -> None:
    assert [problem.partition(":")[0] for problem in sample.problems] == [
        "own-practice.json, entry[13] (Appointment)",
        "own-practice.json, entry[17]",
        "own-practice.json, entry[14] (Appointment)",
    ]
    assert (sample.again, sample.left_out) == (1, {"Observation": 1})


def test_references_lead_from_one_file_to_another() -> None:
    address = "urn:uuid:00000000-0000-4000-8000-000000000001"
    first = export((address, {"resourceType": "Patient"}))
    second = export(
        ("", appointment("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z", address, "Practitioner/d1"))
    )
    found = own_rows([second, first], None)
    assert actors(found.of("Appointment")[0]) == {
        "Patient/00000000-0000-4000-8000-000000000001",
        "Practitioner/d1",
    }


def test_an_entry_without_id_and_address_gets_an_id() -> None:
    found = own({"resourceType": "Patient"}, {"resourceType": "Patient"}, appointment())
    assert [row["id"] for row in found.of("Patient")] == ["entry-1", "entry-2"]


def test_a_practitioner_whom_only_appointments_name_is_there() -> None:
    found = own(appointment())
    assert found.of("Practitioner") == [{"resourceType": "Practitioner", "id": "d1", "active": True}]


@pytest.mark.parametrize("described", [True, False])
def test_a_role_is_its_practitioner_or_one_of_its_own(described: bool) -> None:  # noqa: FBT001 - a table
    role = {
        "resourceType": "PractitionerRole",
        "id": "r1",
        "practitioner": {"reference": "https://other.example/Practitioner/d7"},
    }
    times = ("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z")
    booked = appointment(*times, "Patient/p1", "PractitionerRole/r1")
    assert own(booked, *([role] if described else [])).practitioner == ("d7" if described else "r1")


# --- who is connected -----------------------------------------------------------------------------------


def test_who_has_the_most_appointments_is_connected_unless_another_is_asked_for() -> None:
    times = ("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z")
    rows = [appointment(*times, "Patient/p1", f"Practitioner/{each}") for each in ("d1", "d2", "d2")]
    assert own(*rows).practitioner == "d2"
    assert len(own(*rows).appointments) == 2
    for asked in ("d1", "Practitioner/d1"):
        assert own(*rows, asked=asked).practitioner == "d1"


def test_nobody_to_connect_is_an_error() -> None:
    with pytest.raises(ValueError, match="no appointment that can be loaded has a practitioner"):
        own({"resourceType": "Patient"})
    with pytest.raises(ValueError, match="no appointment in the files is this practitioner's"):
        own(appointment(), asked="d9")


# --- times ----------------------------------------------------------------------------------------------


def tagged(start: str, end: str, zone: str) -> Json:
    return appointment(start, end, _start={"extension": [{"url": urls.TZ_CODE, "valueCode": zone}]})


def test_the_zone_is_the_practitioners_own_else_that_of_most_appointments() -> None:
    times = ("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z")
    denver, chicago = (tagged(*times, zone) for zone in ("America/Denver", "America/Chicago"))
    rows = [denver, chicago, chicago, tagged(*times, "Nowhere/Else"), appointment()]
    said: Json = {"extension": [{"url": urls.TIME_ZONE, "valueString": "America/New_York"}]}
    assert zone_of(said, rows) == ZoneInfo("America/New_York")
    assert zone_of({"extension": [{"url": urls.TIME_ZONE, "valueCode": "Nowhere"}]}, rows) == CHICAGO
    assert zone_of({}, [appointment()]) is None


@pytest.mark.parametrize(
    ("first", "weeks"),
    [("2024-03-07", 1), ("2024-03-10", 1), ("2024-03-14", 0), ("2024-03-11", 0), ("2024-04-01", -3)],
)
def test_the_earliest_week_is_moved_to_this_one(first: str, weeks: int) -> None:
    later = "2030-01-01T09:00:00Z", "2030-01-01T10:00:00Z"
    rows = [appointment(*later), appointment(f"{first}T09:00:00Z", f"{first}T10:00:00Z")]
    assert weeks_to(date(2024, 3, 15), rows, CHICAGO) == weeks


def test_a_week_begins_where_the_practitioner_is() -> None:
    rows = [appointment("2024-03-11T04:00:00Z", "2024-03-11T05:00:00Z")]  # Sunday, 23:00
    assert weeks_to(date(2024, 3, 15), rows, CHICAGO) == 1
    assert weeks_to(date(2024, 3, 15), rows, UTC) == 0
    assert weeks_to(date(2024, 3, 15), [], None) == 0


def test_what_is_moved_keeps_its_local_time_across_a_clock_change() -> None:
    before = appointment("2024-03-07T15:00:00Z", "2024-03-07T15:50:00Z")  # 09:00 in Chicago, standard time
    [after] = moved([before], 1, CHICAGO)
    assert (after["start"], after["end"]) == ("2024-03-14T09:00:00-05:00", "2024-03-14T09:50:00-05:00")
    [by_offset] = moved([before], 1, None)
    assert by_offset["start"] == "2024-03-14T15:00:00+00:00"
    [own_zone] = moved([tagged("2024-03-07T15:00:00Z", "2024-03-07T16:00:00Z", "UTC")], 1, CHICAGO)
    assert own_zone["start"] == "2024-03-14T15:00:00+00:00"


def test_only_appointments_and_slots_are_moved(sample: OwnRows) -> None:
    rows = moved(sample.rows, 2, CHICAGO)
    changed = {row["resourceType"] for row, before in zip(rows, sample.rows, strict=True) if row != before}
    assert changed == {"Appointment", "Slot"}
    assert [row for row in rows if row["id"] == "app-other"] == [
        row for row in sample.rows if row["id"] == "app-other"
    ]


# --- in the EHR -----------------------------------------------------------------------------------------


def test_the_ehr_takes_the_rows_under_their_own_ids(sample: OwnRows) -> None:
    store = FhirStore(now=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)).now, rng=random.Random(1))
    for row in sample.rows:
        store.take_over(row)
    found = store.search("Appointment", [("actor", "Practitioner/doc-1"), ("_sort", "_id")])
    assert [each["resource"]["id"] for each in found["entry"]] == [
        "app-absolute",
        "app-by-identifier",
        "app-own-time",
        "app-role-and-urn",
    ]
    with pytest.raises(FhirError) as caught:
        store.take_over(sample.rows[0])
    assert (caught.value.status, caught.value.details) == (409, "taken-id")
