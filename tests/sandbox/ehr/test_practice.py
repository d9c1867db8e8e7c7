from __future__ import annotations

import random
import unicodedata
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.ehr import urls
from sandbox.ehr.fhir import PROFILES, By, FhirStore
from sandbox.ehr.practice import HORIZON_DAYS, PAST_DAYS, PracticeSummary, seed_practice
from tests.sandbox.ehr.samples import ManualClock

TODAY = date(2026, 11, 20)


def seeded(seed: int = 1, size: int = 400, today: date = TODAY) -> tuple[FhirStore, PracticeSummary]:
    store = FhirStore(now=ManualClock().now, rng=random.Random(seed))
    return store, seed_practice(store, today=today, seed=seed, appointments=size)


@pytest.fixture(scope="module")
def practice() -> tuple[FhirStore, PracticeSummary]:
    return seeded()


def timed(store: FhirStore) -> list[dict[str, Any]]:
    return [row for row in store.resources("Appointment") if "start" in row]


def references(row: dict[str, Any], kind: str) -> list[str]:
    actors = [participant["actor"]["reference"] for participant in row["participant"]]
    return [actor for actor in actors if actor.startswith(f"{kind}/")]


def zone_of(row: dict[str, Any]) -> str:
    return str(row["_start"]["extension"][0]["valueCode"])


@pytest.mark.parametrize("size", [60, 400, 1500])
def test_it_has_exactly_the_size_asked_for(size: int) -> None:
    store, summary = seeded(size=size)
    assert len(store.resources("Appointment")) == summary.appointments == size


@pytest.mark.parametrize("size", [59, 1501])
def test_a_size_it_cannot_have_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="appointments must be from 60 to 1500"):
        seeded(size=size)


def test_the_same_seed_makes_the_same_practice() -> None:
    (first, one), (second, two), (other, _) = seeded(7), seeded(7), seeded(8)
    assert first.resources("Appointment") == second.resources("Appointment")
    assert first.resources("Patient") == second.resources("Patient")
    assert one == two
    assert first.resources("Appointment") != other.resources("Appointment")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("today", [TODAY, date(2027, 3, 13), date(2027, 7, 4), date(2028, 2, 29)])
def test_it_can_be_made_on_any_day(seed: int, today: date) -> None:
    store, _ = seeded(seed, today=today)
    days = [date.fromisoformat(row["start"][:10]) for row in timed(store)]
    first, last = today - timedelta(days=PAST_DAYS), today + timedelta(days=HORIZON_DAYS)
    assert first <= min(days) < today
    assert last - timedelta(days=14) < max(days) < last


def test_every_status_a_calendar_meets_is_there(practice: tuple[FhirStore, PracticeSummary]) -> None:
    statuses = practice[1].statuses
    assert set(statuses) == {
        "booked",
        "pending",
        "arrived",
        "fulfilled",
        "cancelled",
        "noshow",
        "entered-in-error",
        "proposed",
    }
    assert statuses["booked"] > 300
    assert statuses["proposed"] == 1


def test_three_practitioners_work_in_two_zones(practice: tuple[FhirStore, PracticeSummary]) -> None:
    store, summary = practice
    zones = [
        store.read("Practitioner", each.id)["extension"] == [{"url": urls.TIME_ZONE, "valueCode": each.zone}]
        for each in summary.practitioners
    ]
    assert zones == [True, True, True]
    assert {each.zone for each in summary.practitioners} == {"America/New_York", "America/Denver"}
    roles = [role["practitioner"]["reference"] for role in store.resources("PractitionerRole")]
    assert roles == [f"Practitioner/{each.id}" for each in summary.practitioners]


def test_every_appointment_is_in_its_practitioners_zone(practice: tuple[FhirStore, PracticeSummary]) -> None:
    store, summary = practice
    zones = {f"Practitioner/{each.id}": each.zone for each in summary.practitioners}
    for row in timed(store):
        assert {zones[actor] for actor in references(row, "Practitioner")} == {zone_of(row)}
        local = datetime.fromisoformat(row["start"])
        assert local.utcoffset() == local.astimezone(ZoneInfo(zone_of(row))).utcoffset()


def test_a_weekly_series_keeps_its_local_hour_across_the_clock_change(
    practice: tuple[FhirStore, PracticeSummary],
) -> None:
    store, summary = practice
    for series in summary.series[:3]:
        starts = [datetime.fromisoformat(store.read("Appointment", each)["start"]) for each in series]
        assert {start.time() for start in starts} == {starts[0].time()}
        steps = {later.date() - start.date() for start, later in pairwise(starts)}
        assert steps == {timedelta(weeks=1)}
        assert len({start.utcoffset() for start in starts}) == 2


def test_most_clients_come_weekly(practice: tuple[FhirStore, PracticeSummary]) -> None:
    assert sum(len(series) for series in practice[1].series) >= 230
    assert len(practice[1].series) >= 10


def test_nobody_is_in_two_places_at_once(practice: tuple[FhirStore, PracticeSummary]) -> None:
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in timed(practice[0]):
        span = (datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"]))
        for actor in references(row, "Practitioner"):
            spans.setdefault(actor, []).append(span)
    for taken in spans.values():
        taken.sort()
        assert all(one[1] <= two[0] for one, two in pairwise(taken))


def test_hours_are_working_hours(practice: tuple[FhirStore, PracticeSummary]) -> None:
    starts = [datetime.fromisoformat(row["start"]) for row in timed(practice[0])]
    assert {start.hour for start in starts} <= set(range(8, 19))
    assert {start.weekday() for start in starts} == set(range(5))


def test_the_group_has_several_patients(practice: tuple[FhirStore, PracticeSummary]) -> None:
    store, summary = practice
    sizes = {len(references(store.read("Appointment", each), "Patient")) for each in summary.group}
    assert sizes == {4}
    assert len(summary.group) == 6


def test_personal_time_has_a_title_and_no_patient(practice: tuple[FhirStore, PracticeSummary]) -> None:
    store, summary = practice
    rows = [store.read("Appointment", each) for each in summary.personal]
    assert len(rows) == 33
    assert all(row["description"] and not references(row, "Patient") for row in rows)


def test_names_have_many_shapes(practice: tuple[FhirStore, PracticeSummary]) -> None:
    names = [patient["name"][0] for patient in practice[0].resources("Patient")]
    families = {name.get("family", "") for name in names}
    assert families >= {"van der Berg", "Example-Placeholder", "李", ""}
    assert any("given" not in name and "text" in name for name in names)
    assert any(name.get("given") == ["Åsa"] for name in names)
    assert any(unicodedata.combining(letter) for name in names for letter in name.get("family", ""))
    assert any(len(name.get("given", [])) == 3 for name in names)
    assert {"use": "official"} in names
    assert names[14] == {"use": "maiden", "family": "Maiden-Sample", "given": ["Nadia"]}
    assert [name["use"] for name in practice[0].resources("Patient")[-1]["name"]] == ["official", "old"]


@pytest.mark.parametrize("size", [60, 400])
def test_a_patient_without_internal_id_has_appointments(size: int) -> None:
    store, _ = seeded(size=size)
    without = [f"Patient/{each['id']}" for each in store.resources("Patient") if "identifier" not in each]
    booked = {patient for row in timed(store) for patient in references(row, "Patient")}
    numbers = [each["identifier"][0] for each in store.resources("Patient") if "identifier" in each]
    assert len(without) >= 1
    assert booked.issuperset(without)
    assert {number["system"] for number in numbers} == {urls.INTERNAL_ID}
    assert len({number["value"] for number in numbers}) == len(numbers)


def test_some_of_what_is_to_come_is_protected(practice: tuple[FhirStore, PracticeSummary]) -> None:
    store = practice[0]
    flag = {"url": urls.DELETION_PROTECTED, "valueBoolean": True}
    flagged = [row for row in timed(store) if flag in row.get("extension", [])]
    assert len(flagged) == 10
    assert all(row["start"][:10] >= "2026-11-20" and row["status"] == "booked" for row in flagged)
    encounters = [each["appointment"][0]["reference"] for each in store.resources("Encounter")]
    assert sorted(encounters) == sorted(f"Appointment/{row['id']}" for row in flagged)
    assert (len(store.resources("DocumentReference")), len(store.resources("Invoice"))) == (5, 5)


def test_every_way_to_tell_a_link_is_there(practice: tuple[FhirStore, PracticeSummary]) -> None:
    extended = [
        each["extension"][0]["valueUrl"]
        for row in timed(practice[0])
        for each in row.get("extension", [])
        if each["url"] == urls.VIRTUAL_SERVICE
    ]
    contained = [[each["address"] for each in row.get("contained", [])] for row in timed(practice[0])]
    assert all(link.startswith("https://video.example/") for link in extended)
    assert len(extended) > 5
    assert {len(links) for links in contained} == {0, 1, 2}
    virtual = [each for each in practice[0].resources("Location") if "physicalType" in each]
    assert [each["telecom"][0]["value"] for each in virtual] == ["https://video.example/room/1"]


def test_vendors_details_are_among_the_rows(practice: tuple[FhirStore, PracticeSummary]) -> None:
    detailed = [row for row in timed(practice[0]) if "vendorRoom" in row]
    assert len(detailed) > 20
    assert all("_vendorRoom" in row and "extension" in row["participant"][0] for row in detailed)


def test_every_practitioner_has_a_schedule(practice: tuple[FhirStore, PracticeSummary]) -> None:
    store, summary = practice
    for each in summary.practitioners:
        found = store.search("Schedule", [("actor", f"Practitioner/{each.id}")], strict=True)
        assert len(found["entry"]) == 1


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "more", [{}, {"r5": True}, {"versions": "none", "etag": "none"}, {"status_in_participants": True}]
)
def test_every_kind_of_server_can_have_a_practice(profile: str, more: dict[str, Any]) -> None:
    settings = replace(PROFILES[profile], **more)
    store = FhirStore(now=ManualClock().now, rng=random.Random(1), settings=settings)
    assert seed_practice(store, today=TODAY, seed=1, appointments=60).appointments == 60
    links = [row for row in store.resources("Appointment") if "virtualService" in row]
    assert bool(links) is settings.r5


def test_where_roles_are_named_every_appointment_names_them() -> None:
    store = FhirStore(now=ManualClock().now, rng=random.Random(1), settings=PROFILES["patch-only"])
    summary = seed_practice(store, today=TODAY, seed=1, appointments=60)
    roles = {f"PractitionerRole/{each.role}" for each in summary.practitioners}
    rows = store.resources("Appointment")
    assert all(set(references(row, "PractitionerRole")) <= roles for row in rows)
    assert all(references(row, "PractitionerRole") and not references(row, "Practitioner") for row in rows)


def test_what_staff_wrote_passes_the_servers_own_validation(
    practice: tuple[FhirStore, PracticeSummary],
) -> None:
    store = practice[0]
    for row in store.resources("Appointment"):
        assert not store.update(row, by=By.STAFF).changed
