from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from sandbox.ehr.fhir import FhirError, FhirStore, Settings
from tests.sandbox.ehr.samples import ManualClock, appointment

PAGES_MAX = 20


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def search(store: FhirStore, *params: tuple[str, str], kind: str = "Appointment") -> list[str]:
    return ids(store.search(kind, params, strict=True))


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


def params_of(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query)


def create(store: FhirStore, *args: str, **more: Any) -> str:
    return str(store.create(appointment(*args, **more)).resource["id"])


def days(store: FhirStore, *numbers: int) -> list[str]:
    return [
        create(store, f"2026-12-{day:02}T10:00:00-05:00", f"2026-12-{day:02}T10:50:00-05:00")
        for day in numbers
    ]


# --- filters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["ge2026-12-02T15:00:00Z"], [2, 3]),
        (["gt2026-12-02T15:00:00Z"], [3]),
        (["le2026-12-02T10:00:00-05:00"], [1, 2]),
        (["lt2026-12-02T15:00:00Z"], [1]),
        (["2026-12-02"], [2]),
        (["eq2026-12-02T15:00Z"], [2]),
        (["2026-12"], [1, 2, 3]),
        (["2027"], []),
        (["gt2026-12-02"], [3]),
        (["le2026-12-02"], [1, 2]),
        (["ge2026-12-02", "lt2026-12-03"], [2]),
    ],
)
def test_dates_compare_at_the_precision_given(
    store: FhirStore, values: Sequence[str], expected: list[int]
) -> None:
    made = dict(zip((1, 2, 3), days(store, 1, 2, 3), strict=True))
    assert search(store, *(("date", value) for value in values)) == [made[day] for day in expected]


def test_last_updated_takes_several_bounds_to_the_millisecond(store: FhirStore, clock: ManualClock) -> None:
    made = []
    for _ in range(4):
        made.append(create(store))
        clock.advance(0.001)
    bounds = (("_lastUpdated", "ge2026-11-20T12:00:00.001Z"), ("_lastUpdated", "lt2026-11-20T12:00:00.003Z"))
    assert search(store, *bounds) == made[1:3]
    assert search(store, ("_lastUpdated", "gt2026-11-20T12:00:00.001Z")) == made[2:]
    assert search(store, ("_lastUpdated", "le2026-11-20T12:00:00.001Z")) == made[:2]


def test_a_row_is_found_at_the_millisecond_it_is_stamped_with(store: FhirStore, clock: ManualClock) -> None:
    clock.advance(0.0005)
    made = store.create(appointment()).resource
    assert made["meta"]["lastUpdated"] == "2026-11-20T12:00:00.000Z"
    assert search(store, ("_lastUpdated", "lt2026-11-20T12:00:00.000100Z")) == [made["id"]]


def test_a_participant_without_an_actor_is_nobody(store: FhirStore) -> None:
    store.create(appointment(participant=[{"type": [{"text": "any"}], "status": "needs-action"}]))
    assert search(store, ("actor", "d1,")) == []


def test_a_row_without_times_matches_no_date(store: FhirStore) -> None:
    bare = appointment(status="proposed")
    del bare["start"], bare["end"]
    store.create(bare)
    assert search(store, ("date", "ge1970-01-01")) == []
    assert len(search(store)) == 1


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([("actor", "Practitioner/d1")], "ab"),
        ([("actor", "d1")], "ab"),
        ([("actor", "https://elsewhere.example/fhir/Practitioner/d1")], "ab"),
        ([("practitioner", "d1,d2")], "abc"),
        ([("practitioner", "p1")], ""),
        ([("patient", "Patient/p1")], "ac"),
        ([("patient", "p1"), ("practitioner", "d1")], "a"),
        ([("location", "l1")], "c"),
        ([("actor", "PractitionerRole/r1")], "d"),
        ([("practitioner", "r1")], ""),
    ],
)
def test_references_are_found_in_every_spelling(
    store: FhirStore, params: list[tuple[str, str]], expected: str
) -> None:
    span = ("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z")
    made = {
        "a": create(store, *span, "Patient/p1", "Practitioner/d1"),
        "b": create(store, *span, "Practitioner/d1"),
        "c": create(store, *span, "Patient/p1", "Practitioner/d2", "Location/l1"),
        "d": create(store, *span, "PractitionerRole/r1"),
    }
    assert search(store, *params) == [made[name] for name in expected]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([("status", "booked")], "a"),
        ([("status", "booked,cancelled")], "ab"),
        ([("status:not", "cancelled")], "ac"),
        ([("status:not", "cancelled,noshow")], "a"),
        ([("status:not", "cancelled"), ("status:not", "noshow")], "a"),
    ],
)
def test_statuses_are_chosen_or_left_out(
    store: FhirStore, params: list[tuple[str, str]], expected: str
) -> None:
    statuses = {"a": "booked", "b": "cancelled", "c": "noshow"}
    made = {name: create(store, status=status) for name, status in statuses.items()}
    assert search(store, *params) == [made[name] for name in expected]


@pytest.mark.parametrize(
    ("value", "matches"),
    [("urn:a|1", True), ("1", True), ("urn:a|", True), ("urn:b|1", False), ("|1", False)],
)
def test_identifiers_match_by_system_and_value(store: FhirStore, value: str, matches: bool) -> None:  # noqa: FBT001 - a table
    create(store, identifier=[{"system": "urn:a", "value": "1"}])
    assert bool(search(store, ("identifier", value))) is matches


def test_ids_are_given_as_a_list(store: FhirStore) -> None:
    first, _, third = days(store, 1, 2, 3)
    assert search(store, ("_id", f"{first},{third},nobody")) == [first, third]


@pytest.mark.parametrize(("name", "matches"), [("åsa", True), ("berg", True), ("VAN", True), ("erg", False)])
def test_patients_are_found_by_the_beginning_of_a_name(store: FhirStore, name: str, matches: bool) -> None:  # noqa: FBT001 - a table
    store.create({"resourceType": "Patient", "name": [{"family": "van der Berg", "given": ["Åsa"]}]})
    assert bool(search(store, ("name", name), kind="Patient")) is matches


# --- what the server does not know ----------------------------------------------------------------------


def test_an_unknown_parameter_is_ignored_and_missing_from_self(store: FhirStore) -> None:
    create(store)
    answer = store.search("Appointment", [("colour", "red"), ("status", "booked")])
    assert len(ids(answer)) == 1
    assert params_of(links(answer)["self"]) == [("status", "booked")]


@pytest.mark.parametrize("param", [("colour", "red"), ("_sort", "end"), ("name", "x"), ("_total", "maybe")])
def test_an_unknown_parameter_is_refused_when_handling_is_strict(
    store: FhirStore, param: tuple[str, str]
) -> None:
    assert status(lambda: store.search("Appointment", [param], strict=True)) == 400
    assert store.search("Appointment", [param])["type"] == "searchset"


@pytest.mark.parametrize(
    "param",
    [
        ("_count", "many"),
        ("_count", "-1"),
        ("date", "ap2026-12-01"),
        ("date", "yesterday"),
        ("date", "2026-13-01"),
        ("date", "9999-12-31"),
        ("_lastUpdated", "ge2026-12-01T99:00:00Z"),
        ("status:exact", "booked"),
        ("actor:Practitioner", "d1"),
        ("_page", "bm90aGluZw=="),
        ("_page", "%%%"),
    ],
)
def test_what_cannot_be_read_is_refused_even_when_lenient(store: FhirStore, param: tuple[str, str]) -> None:
    assert status(lambda: store.search("Appointment", [param])) == 400


def test_a_server_without_last_updated_search_does_not_know_the_parameter(store: FhirStore) -> None:
    create(store)
    store.settings = Settings(last_updated_search=False)
    answer = store.search("Appointment", [("_lastUpdated", "gt2027"), ("_sort", "_lastUpdated")])
    assert len(ids(answer)) == 1
    assert params_of(links(answer)["self"]) == []


def status(act: Callable[[], object]) -> int:
    with pytest.raises(FhirError) as caught:
        act()
    return caught.value.status


# --- order and pages ------------------------------------------------------------------------------------


def test_rows_are_sorted_by_start_or_by_change(store: FhirStore, clock: ManualClock) -> None:
    made = []
    for day in (3, 1, 2):
        made.extend(days(store, day))
        clock.advance(1)
    third, first, second = made
    assert search(store, ("_sort", "_lastUpdated")) == [third, first, second]
    assert search(store, ("_sort", "-_lastUpdated")) == [second, first, third]
    assert search(store, ("_sort", "date")) == [first, second, third]
    assert search(store, ("_sort", "-date")) == [third, second, first]


def test_rows_of_one_instant_come_in_one_stable_order(store: FhirStore) -> None:
    made = days(store, *range(1, 10))
    ordered = search(store, ("_sort", "_lastUpdated,_id"))
    assert ordered == search(store, ("_sort", "_lastUpdated")) == sorted(made)


def test_rows_without_start_come_last_in_either_direction(store: FhirStore) -> None:
    bare = appointment(status="proposed")
    del bare["start"], bare["end"]
    timeless = store.create(bare).resource["id"]
    (dated,) = days(store, 1)
    assert search(store, ("_sort", "date")) == search(store, ("_sort", "-date")) == [dated, timeless]


def test_a_page_holds_20_rows_unless_asked_and_never_over_100(store: FhirStore) -> None:
    for _ in range(101):
        create(store)
    assert len(search(store)) == 20
    answer = store.search("Appointment", [("_count", "1000")])
    assert len(ids(answer)) == 100
    assert params_of(links(answer)["self"]) == [("_count", "100")]


def test_next_links_lead_through_every_row_once(store: FhirStore) -> None:
    made = days(store, *range(1, 8))
    create(store, status="cancelled")
    seen: list[str] = []
    params = [("status", "booked"), ("_count", "3"), ("_sort", "date")]
    for _ in range(PAGES_MAX):
        answer = store.search("Appointment", params, strict=True)
        seen += ids(answer)
        if "next" not in links(answer):
            break
        params = params_of(links(answer)["next"])
    assert seen == made


def test_next_links_are_absolute_unless_the_server_is_told(store: FhirStore) -> None:
    days(store, 1, 2)
    count = [("_count", "1")]
    absolute = store.search("Appointment", count, base_url="http://127.0.0.1:1/fhir")
    store.settings = Settings(relative_next_links=True)
    relative = store.search("Appointment", count, base_url="http://127.0.0.1:1/fhir")
    assert links(absolute)["next"].startswith("http://127.0.0.1:1/fhir/Appointment?_page=")
    assert links(relative)["next"].startswith("Appointment?_page=")
    assert absolute["entry"][0]["fullUrl"].startswith("http://127.0.0.1:1/fhir/Appointment/")


def test_offset_pages_skip_rows_that_move_meanwhile(store: FhirStore, clock: ManualClock) -> None:
    made = []
    for _ in range(3):
        made.append(create(store))
        clock.advance(1)
    first = store.search("Appointment", [("_sort", "_lastUpdated"), ("_count", "1")])
    store.update({**store.read("Appointment", made[0]), "description": "touched"})
    second = store.search("Appointment", params_of(links(first)["next"]))
    assert ids(first) + ids(second) == [made[0], made[2]]


def test_a_total_is_given_only_when_asked_for(store: FhirStore) -> None:
    days(store, 1, 2, 3)
    assert "total" not in store.search("Appointment", [])
    assert store.search("Appointment", [("_total", "accurate"), ("_count", "1")])["total"] == 3
    counted = store.search("Appointment", [("_count", "0")])
    assert (counted["total"], "entry" in counted, list(links(counted))) == (3, False, ["self"])


def test_elements_leave_out_everything_else(store: FhirStore) -> None:
    patient = store.create(
        {
            "resourceType": "Patient",
            "name": [{"text": "Sample"}],
            "identifier": [{"system": "urn:a", "value": "1"}],
        }
    ).resource
    for part in (
        store.search("Patient", [("_elements", "identifier")])["entry"][0]["resource"],
        store.read("Patient", patient["id"], elements=("identifier",)),
    ):
        assert set(part) == {"resourceType", "id", "meta", "identifier"}
        assert part["meta"]["tag"][0]["code"] == "SUBSETTED"


def test_elements_keep_what_an_appointment_must_have(store: FhirStore) -> None:
    store.create(appointment(_start={"extension": []}, description="x"))
    part = store.search("Appointment", [("_elements", "start")])["entry"][0]["resource"]
    assert set(part) == {"resourceType", "id", "meta", "status", "participant", "start", "_start"}
