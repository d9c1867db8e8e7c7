"""What each server does to a client, said through REST without sockets."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from sandbox.ehr import rest, urls
from sandbox.ehr.batch import batch
from sandbox.ehr.fhir import PROFILES, FhirStore, Settings
from tests.sandbox.ehr.samples import ManualClock, appointment

Json = dict[str, Any]
KEY: Json = {"identifier": [{"system": urls.CALSYNC_PERSONAL, "value": "k1"}]}
ONCE = {"If-None-Exist": f"identifier={urls.CALSYNC_PERSONAL}|k1"}
PATCHES = {
    "json-patch": [{"op": "add", "path": "/description", "value": "b"}],
    "merge-patch": {"description": "b"},
}
AGENT = {"User-Agent": "tests"}


class Place:
    """A client of a store in one profile."""

    def __init__(self, profile: str, **settings: Any) -> None:
        self.clock = ManualClock()
        self.store = FhirStore(
            now=self.clock.now, rng=random.Random(1), settings=replace(PROFILES[profile], **settings)
        )

    def ask(
        self, method: str, path: str, body: object = None, query: str = "", **headers: str
    ) -> rest.Answer:
        """`headers`: names with _ for -."""
        named = {name.lower().replace("_", "-"): value for name, value in {**AGENT, **headers}.items()}
        content = b"" if body is None else json.dumps(body).encode()
        segments = tuple(each for each in path.split("/") if each)
        call = rest.Call(method, segments, parse_qsl(query), named, content, urls.BASE)
        if (method, path) == ("POST", ""):
            return batch(self.store.settings, call, lambda each: rest.answer(self.store, each))
        return rest.answer(self.store, call)

    def make(self, **more: Any) -> Json:
        return self.store.create(appointment(**more)).resource

    def patch(self, made: Json, form: str, **headers: str) -> rest.Answer:
        path = f"Appointment/{made['id']}"
        return self.ask("PATCH", path, PATCHES[form], content_type=f"application/{form}+json", **headers)


def problem(answer: rest.Answer) -> tuple[int, str]:
    assert answer.resource is not None
    return answer.status, answer.resource["issue"][0]["details"]["coding"][0]["code"]


def rows(answer: rest.Answer) -> list[Json]:
    assert answer.resource is not None
    return [entry["resource"] for entry in answer.resource.get("entry", ())]


# --- writing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("medplum", 412), ("minimal", 200), ("windowed", 409), ("patch-only", 405)],
)
def test_a_put_over_a_stale_version(profile: str, expected: int) -> None:
    place = Place(profile)
    made = place.make()
    answer = place.ask("PUT", f"Appointment/{made['id']}", {**made, "description": "b"}, If_Match='W/"0"')
    assert answer.status == expected


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("medplum", 200), ("minimal", 200), ("windowed", 412), ("patch-only", 405)],
)
def test_a_put_that_names_no_version(profile: str, expected: int) -> None:
    place = Place(profile)
    made = place.make()
    assert place.ask("PUT", f"Appointment/{made['id']}", {**made, "description": "b"}).status == expected


@pytest.mark.parametrize(
    ("profile", "form", "stale", "bare"),
    [
        ("medplum", "json-patch", 200, 200),
        ("medplum", "merge-patch", 415, 415),
        ("minimal", "json-patch", 405, 405),
        ("windowed", "json-patch", 409, 412),
        ("patch-only", "merge-patch", 200, 200),
        ("patch-only", "json-patch", 415, 415),
    ],
)
def test_a_patch_over_a_stale_version_and_without_one(profile: str, form: str, stale: int, bare: int) -> None:
    place = Place(profile)
    assert place.patch(place.make(), form, If_Match='"0"').status == stale
    assert place.patch(place.make(), form).status == bare


@pytest.mark.parametrize(
    ("profile", "statuses"),
    [
        ("medplum", [201, 200, 412]),
        ("minimal", [201, 201, 201]),
        ("windowed", [201, 201, 201]),
        ("patch-only", [201, 201, 201]),
    ],
)
def test_a_create_asked_for_once_and_again_and_where_there_are_two(profile: str, statuses: list[int]) -> None:
    place = Place(profile)
    found = [place.ask("POST", "Appointment", appointment(**KEY), **ONCE).status for _ in range(2)]
    place.make(**KEY)
    found.append(place.ask("POST", "Appointment", appointment(**KEY), **ONCE).status)
    assert found == statuses


@pytest.mark.parametrize(
    ("profile", "etag"), [("medplum", 'W/"{}"'), ("minimal", "{}"), ("windowed", 'W/"{}"')]
)
def test_the_tag_of_a_row(profile: str, etag: str) -> None:
    place = Place(profile)
    made = place.make()
    answer = place.ask("GET", f"Appointment/{made['id']}")
    assert answer.headers["ETag"] == etag.format(made["meta"]["versionId"])


def test_a_minimal_server_answers_writes_with_a_relative_address_alone() -> None:
    place = Place("minimal")
    made = place.ask("POST", "Appointment", appointment())
    location = made.headers["Location"]
    assert (made.status, made.resource, made.headers["ETag"]) == (201, None, "1")
    assert location.startswith("Appointment/")
    row = place.ask("GET", "/".join(location.split("/")[:2])).resource
    assert row is not None
    changed = place.ask("PUT", f"Appointment/{row['id']}", row)
    assert (changed.status, changed.resource, changed.headers["ETag"]) == (200, None, "2")


def test_a_server_may_have_no_tags_and_no_versions() -> None:
    place = Place("minimal", versions="none", etag="none")
    made = place.ask("POST", "Appointment", appointment())
    assert set(made.headers) == {"Location"}
    assert "/_history/" not in made.headers["Location"]
    row = place.ask("GET", made.headers["Location"]).resource
    assert row is not None
    assert "meta" not in row
    assert place.ask("PUT", made.headers["Location"], {**row, "description": "b"}).status == 200


@pytest.mark.parametrize(
    ("profile", "first", "again", "read"),
    [
        ("medplum", 200, 200, 410),
        ("minimal", 204, 204, 410),
        ("windowed", 405, 405, 200),
        ("patch-only", 405, 405, 200),
    ],
)
def test_a_delete(profile: str, first: int, again: int, read: int) -> None:
    place = Place(profile)
    path = f"Appointment/{place.make()['id']}"
    assert [place.ask(method, path).status for method in ("DELETE", "DELETE", "GET")] == [first, again, read]


@pytest.mark.parametrize(("profile", "expected"), [("medplum", 400), ("minimal", 404), ("windowed", 404)])
def test_a_put_under_an_id_that_never_was(profile: str, expected: int) -> None:
    place = Place(profile)
    answer = place.ask("PUT", "Appointment/nobody", {**appointment(), "id": "nobody"}, If_Match='"1"')
    assert problem(answer) == (expected, "unknown-id")


@pytest.mark.parametrize(("profile", "same"), [("medplum", True), ("minimal", False), ("windowed", True)])
def test_an_equal_put(profile: str, same: bool) -> None:  # noqa: FBT001 - a table
    place = Place(profile)
    made = place.make()
    place.ask("PUT", f"Appointment/{made['id']}", made, If_Match=made["meta"]["versionId"])
    read = place.store.read("Appointment", made["id"])
    assert (read["meta"]["versionId"] == made["meta"]["versionId"]) is same


# --- searching ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "lenient", "strict"),
    [
        ("medplum", (200, True), (200, True)),
        ("minimal", (200, True), (200, True)),
        ("windowed", (200, False), (400, None)),
        ("patch-only", (200, True), (200, True)),
    ],
)
def test_last_updated_as_a_parameter(
    profile: str, lenient: tuple[int, bool], strict: tuple[int, bool | None]
) -> None:
    place = Place(profile)
    place.make()
    asked = "actor=Practitioner/d1&date=ge2026-01-01&date=lt2027-01-01&_lastUpdated=ge2020-01-01"
    for expected, headers in ((lenient, {}), (strict, {"Prefer": "handling=strict"})):
        answer = place.ask("GET", "Appointment", query=asked, **headers)
        assert answer.status == expected[0]
        if expected[1] is not None:
            assert answer.resource is not None
            assert ("_lastUpdated" in answer.resource["link"][0]["url"]) is expected[1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 400),
        ("actor=Practitioner/d1", 400),
        ("actor=Practitioner/d1&date=ge2026-01-01", 400),
        ("date=ge2026-01-01&date=lt2027-01-01", 400),
        ("status=booked", 400),
        ("practitioner=d1&date=ge2026-01-01&date=lt2027-01-01", 200),
        ("patient=p1&date=2026-12-01", 200),
        ("_id=1", 200),
        ("identifier=k1", 200),
    ],
)
def test_a_windowed_server_wants_somebody_and_both_bounds(query: str, expected: int) -> None:
    assert Place("windowed").ask("GET", "Appointment", query=query).status == expected


def test_a_server_may_search_by_change_for_one_practitioner_only() -> None:
    place = Place("medplum", last_updated_needs_actor=True)
    since = "_lastUpdated=ge2020-01-01"
    assert problem(place.ask("GET", "Appointment", query=since)) == (400, "actor-needed")
    assert place.ask("GET", "Appointment", query=f"{since}&actor=Practitioner/d1").status == 200


def test_a_minimal_server_has_small_pages_and_relative_links() -> None:
    place = Place("minimal")
    for _ in range(12):
        place.make()
    answer = place.ask("GET", "Appointment", query="_count=100&_elements=start&_sort=date")
    assert answer.resource is not None
    links = {link["relation"]: link["url"] for link in answer.resource["link"]}
    assert len(rows(answer)) == 10
    assert links["self"] == f"{urls.BASE}/Appointment?_count=10"
    assert links["next"].startswith("Appointment?_page=")
    assert "participant" in rows(answer)[0]
    assert len(rows(place.ask("GET", "Appointment", query=links["next"].partition("?")[2]))) == 2


def test_what_a_server_does_with_a_parameter_it_does_not_know() -> None:
    for unknown, expected in (("refused", (400, 0)), ("ignored", (200, 1)), ("nothing found", (200, 0))):
        place = Place("medplum", unknown_parameters=unknown)
        place.make()
        answer = place.ask("GET", "Appointment", query="colour=red", Prefer="handling=strict")
        assert (answer.status, len(rows(answer))) == expected


@pytest.mark.parametrize(
    ("profile", "expected"), [("medplum", 200), ("minimal", 405), ("windowed", 200), ("patch-only", 200)]
)
def test_a_batch(profile: str, expected: int) -> None:
    entry = [{"request": {"method": "GET", "url": "Patient"}}]
    answer = Place(profile).ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entry})
    assert answer.status == expected


# --- what it says of itself -----------------------------------------------------------------------------


def of_type(place: Place, name: str) -> Json:
    statement = place.ask("GET", "metadata").resource
    assert statement is not None
    return next(each for each in statement["rest"][0]["resource"] if each["type"] == name)


@pytest.mark.parametrize(
    ("profile", "interactions", "versioning", "conditional"),
    [
        ("medplum", ["read", "search-type", "create", "update", "patch", "delete"], "versioned-update", True),
        ("windowed", ["read", "search-type", "create", "update", "patch"], "versioned-update", False),
        ("patch-only", ["read", "search-type", "create", "patch"], "versioned", False),
    ],
)
def test_a_statement_that_is_true(
    profile: str,
    interactions: list[str],
    versioning: str,
    conditional: bool,  # noqa: FBT001 - a table
) -> None:
    told = of_type(Place(profile), "Appointment")
    assert [each["code"] for each in told["interaction"]] == interactions
    assert (told["versioning"], told["conditionalCreate"]) == (versioning, conditional)
    names = {each["name"] for each in told["searchParam"]}
    assert ("_lastUpdated" in names) is (profile != "windowed")


def test_a_minimal_server_names_types_and_no_more() -> None:
    assert of_type(Place("minimal"), "Appointment") == {"type": "Appointment"}


def test_a_statement_may_promise_what_the_server_does_not_do() -> None:
    place = Place("windowed", statement="lies")
    assert of_type(place, "Appointment") == of_type(Place("medplum"), "Appointment")
    assert problem(place.ask("DELETE", f"Appointment/{place.make()['id']}")) == (405, "interaction")


def test_a_server_may_have_no_statement() -> None:
    assert problem(Place("medplum", statement="missing").ask("GET", "metadata")) == (404, "metadata")


@pytest.mark.parametrize(
    ("profile", "version", "forms"),
    [
        ("medplum", "4.0.1", ["application/json-patch+json"]),
        ("minimal", "4.0.1", None),
        ("windowed", "4.0.1", ["application/json-patch+json"]),
        ("patch-only", "4.3.0", ["application/merge-patch+json"]),
    ],
)
def test_the_version_and_the_forms_of_patch(profile: str, version: str, forms: list[str] | None) -> None:
    statement = Place(profile).ask("GET", "metadata").resource
    assert statement is not None
    assert (statement["fhirVersion"], statement.get("patchFormat")) == (version, forms)


@pytest.mark.parametrize(
    ("profile", "read", "write", "told"),
    [
        ("medplum", 200, 201, ["read", "search-type", "create", "update", "patch", "delete"]),
        ("minimal", 404, 404, None),
        ("windowed", 200, 405, ["read", "search-type"]),
        ("patch-only", 200, 405, ["read", "search-type"]),
    ],
)
def test_slots(profile: str, read: int, write: int, told: list[str] | None) -> None:
    place = Place(profile)
    slot = {
        "resourceType": "Slot",
        "schedule": {"reference": "Schedule/s1"},
        "status": "free",
        "start": "2026-12-01T10:00:00Z",
        "end": "2026-12-01T11:00:00Z",
    }
    assert (place.ask("GET", "Slot").status, place.ask("POST", "Slot", slot).status) == (read, write)
    if told is not None:
        assert [each["code"] for each in of_type(place, "Slot")["interaction"]] == told


# --- who may come ---------------------------------------------------------------------------------------


def test_who_does_not_say_who_they_are_is_not_answered() -> None:
    place = Place("patch-only")
    assert problem(place.ask("GET", "metadata", User_Agent="")) == (403, "user-agent")
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": []}
    assert problem(place.ask("POST", "", bundle, User_Agent="")) == (403, "user-agent")


def test_a_type_may_be_closed() -> None:
    place = Place("medplum", forbidden_types=("Encounter",))
    entry = [{"request": {"method": "GET", "url": f"{name}?_count=1"}} for name in ("Encounter", "Claim")]
    answer = place.ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entry}).resource
    assert answer is not None
    assert problem(place.ask("GET", "Encounter/1")) == (403, "type")
    assert [each["response"]["status"] for each in answer["entry"]] == ["403 Forbidden", "200 OK"]


def test_a_row_that_somebody_has_open_is_not_written() -> None:
    place = Place("windowed")
    made = place.make()
    place.store.locked = frozenset((f"Appointment/{made['id']}",))
    assert problem(place.patch(made, "json-patch", If_Match="1")) == (423, "locked")
    place.store.locked = frozenset()
    assert place.patch(made, "json-patch", If_Match="1").status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"etag": "strong"},
        {"patches": ("xml-patch",)},
        {"stale_status": 418},
        {"page_rows": 0},
        {"page_rows": 200},
    ],
)
def test_a_fact_has_one_of_its_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Settings(**wrong)
