from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from sandbox.ehr import urls
from sandbox.ehr.fhir import PROFILES, Settings
from tests.sandbox.ehr.samples import appointment
from tests.servers import server

TOKEN = "sandbox-ehr-token"
PAGES_MAX = 20
TIMEOUT_SECONDS = 10
KEY: dict[str, Any] = {"identifier": [{"system": urls.CALSYNC_PERSONAL, "value": "k1"}]}
IF_NONE_EXIST = {"If-None-Exist": f"identifier={urls.CALSYNC_PERSONAL}|k1"}
DEFAULTS: dict[str, Any] = json.loads(json.dumps(asdict(Settings())))


class Client:
    """A FHIR client and a hand on the controls."""

    def __init__(self, address: str, session: requests.Session) -> None:
        self.address = address
        self.base = f"{address}/fhir"
        self.session = session

    def fhir(self, method: str, path: str, **more: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.base}/{path}".rstrip("/")
        headers = {"Authorization": f"Bearer {TOKEN}", **more.pop("headers", {})}
        return self.session.request(method, url, headers=headers, timeout=TIMEOUT_SECONDS, **more)

    def control(self, method: str, what: str, data: object = None) -> Any:
        answer = self.session.request(
            method, f"{self.address}/control/{what}", json=data, timeout=TIMEOUT_SECONDS
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.fhir("POST", "Appointment", json=appointment(**more)).json()
        return made

    def last_request(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.control("GET", "requests")[-1]
        return entry


@pytest.fixture(scope="module")
def running() -> Iterator[Client]:
    with server("sandbox.ehr", "--now", "2026-11-20T12:00:00Z") as address, requests.Session() as session:
        yield Client(address, session)


@pytest.fixture
def ehr(running: Client) -> Client:
    """A practice of 60, no faults, the clock standing still."""
    running.control("DELETE", "faults")
    running.control("POST", "settings", DEFAULTS)
    running.control("PUT", "clock", {"now": "2026-11-20T12:00:00Z", "running": False})
    running.control("POST", "seed", {"today": "2026-11-20", "seed": 1, "appointments": 60})
    return running


def problem(answer: requests.Response) -> tuple[int, str]:
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    return answer.status_code, outcome["issue"][0]["details"]["coding"][0]["code"]


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def next_link(bundle: dict[str, Any]) -> str | None:
    return next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)


# --- REST -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [{"Authorization": ""}, {"Authorization": "Bearer wrong"}])
@pytest.mark.parametrize("path", ["Appointment", "metadata"])
def test_nothing_is_answered_without_the_token(ehr: Client, header: dict[str, str], path: str) -> None:
    answer = ehr.fhir("GET", path, headers=header)
    assert problem(answer) == (401, "token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_another_token_can_be_asked_for() -> None:
    with server("sandbox.ehr", "--token", "t2") as address, requests.Session() as session:
        client = Client(address, session)
        assert client.fhir("GET", "metadata").status_code == 401
        header = {"Authorization": "Bearer t2"}
        assert client.fhir("GET", "metadata", headers=header).json()["fhirVersion"] == "4.0.1"


def test_a_create_answers_with_address_version_and_time(ehr: Client) -> None:
    answer = ehr.fhir("POST", "Appointment", json=appointment())
    made = answer.json()
    version = made["meta"]["versionId"]
    assert answer.status_code == 201
    assert answer.headers["ETag"] == f'W/"{version}"'
    assert answer.headers["Location"] == f"{ehr.base}/Appointment/{made['id']}/_history/{version}"
    assert answer.headers["Content-Type"] == "application/fhir+json"
    assert parsedate_to_datetime(answer.headers["Last-Modified"]) == datetime(2026, 11, 20, 12, tzinfo=UTC)
    read = ehr.fhir("GET", f"Appointment/{made['id']}")
    assert (read.json(), read.headers["ETag"]) == (made, answer.headers["ETag"])


def test_a_minimal_answer_has_headers_and_no_body(ehr: Client) -> None:
    prefer = {"Prefer": "handling=strict, return=minimal"}
    answer = ehr.fhir("POST", "Appointment", json=appointment(), headers=prefer)
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["ETag"]
    assert answer.headers["Location"]


@pytest.mark.parametrize("form", ['W/"{}"', '"{}"', "{}"])
def test_if_match_takes_the_version_in_every_spelling(ehr: Client, form: str) -> None:
    made = ehr.create()
    match = {"If-Match": form.format(made["meta"]["versionId"])}
    changed = ehr.fhir("PUT", f"Appointment/{made['id']}", json={**made, "description": "a"}, headers=match)
    again = ehr.fhir("PUT", f"Appointment/{made['id']}", json={**made, "description": "b"}, headers=match)
    assert (changed.status_code, changed.json()["description"]) == (200, "a")
    assert problem(again) == (412, "stale-version")


def test_if_match_with_a_star_asks_for_any_version(ehr: Client) -> None:
    made = ehr.create()
    changed = ehr.fhir(
        "PUT", f"Appointment/{made['id']}", json={**made, "description": "a"}, headers={"If-Match": "*"}
    )
    assert changed.status_code == 200


def test_an_equal_put_answers_with_the_same_etag(ehr: Client) -> None:
    made = ehr.create()
    again = ehr.fhir("PUT", f"Appointment/{made['id']}", json=made)
    assert again.headers["ETag"] == f'W/"{made["meta"]["versionId"]}"'


def test_a_conditional_create_is_201_then_200_then_412(ehr: Client) -> None:
    first, again = (
        ehr.fhir("POST", "Appointment", json=appointment(**KEY), headers=IF_NONE_EXIST) for _ in range(2)
    )
    ehr.create(**KEY)
    several = ehr.fhir("POST", "Appointment", json=appointment(**KEY), headers=IF_NONE_EXIST)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert problem(several) == (412, "multiple-matches")


def test_a_deleted_row_is_200_then_410_and_an_unknown_one_404(ehr: Client) -> None:
    path = f"Appointment/{ehr.create()['id']}"
    assert ehr.fhir("DELETE", path).status_code == 200
    assert problem(ehr.fhir("GET", path)) == (410, "deleted")
    assert problem(ehr.fhir("GET", "Appointment/nobody")) == (404, "unknown-id")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "Appointment", "{", (400, "json")),
        ("POST", "Appointment", "[]", (400, "json")),
        ("POST", "Appointment", b"\xff", (400, "utf-8")),
        ("POST", "Appointment", '{"resourceType": "Patient"}', (400, "resource-type")),
        ("PUT", "Patient/a", '{"resourceType": "Patient", "id": "b"}', (400, "id")),
        ("PATCH", "Appointment/a", "[]", (415, "media-type")),
        ("GET", "", "", (405, "interaction")),
        ("POST", "Appointment", '{"resourceType": "Appointment"}', (422, "status")),
    ],
)
def test_a_bad_request_gets_an_outcome(
    ehr: Client, method: str, path: str, body: str | bytes, expected: tuple[int, str]
) -> None:
    assert problem(ehr.fhir(method, path, data=body)) == expected


def test_a_protected_appointment_is_refused_with_its_code(ehr: Client) -> None:
    made = ehr.create()
    protected = ehr.control("POST", "staff", {"action": "protect", "appointment": made["id"]})
    answer = ehr.fhir("PUT", f"Appointment/{made['id']}", json={**protected, "status": "cancelled"})
    assert problem(answer) == (422, "appointment-protected")
    assert answer.json()["issue"][0]["code"] == "business-rule"


# --- search ---------------------------------------------------------------------------------------------


def test_a_posted_search_answers_like_the_other(ehr: Client) -> None:
    asked = ehr.fhir("GET", "Appointment?status=booked&_count=5&_sort=date").json()
    posted = ehr.fhir("POST", "Appointment/_search?status=booked", data={"_count": 5, "_sort": "date"}).json()
    assert asked == posted
    assert len(ids(asked)) == 5


def test_strict_handling_refuses_what_is_unknown(ehr: Client) -> None:
    strict = {"Prefer": "handling=strict"}
    assert problem(ehr.fhir("GET", "Appointment?colour=red", headers=strict)) == (400, "unknown-parameter")
    assert ehr.fhir("GET", "Appointment?colour=red").status_code == 200


@pytest.mark.parametrize("relative", [False, True])
def test_next_links_lead_to_the_end(ehr: Client, relative: bool) -> None:  # noqa: FBT001 - a table
    ehr.control("POST", "settings", {"relative_next_links": relative})
    seen: list[str] = []
    url: str | None = "Appointment?_sort=date&_count=25"
    for _ in range(PAGES_MAX):
        bundle = ehr.fhir("GET", urljoin(f"{ehr.base}/", url)).json()
        seen += ids(bundle)
        url = next_link(bundle)
        if url is None:
            break
        assert url.startswith("Appointment?" if relative else ehr.base)
    rows = ehr.control("GET", "appointments")
    assert len(seen) == 60
    assert sorted(seen) == sorted(row["id"] for row in rows)


def test_keyset_pages_over_last_updated_lead_to_the_end(ehr: Client) -> None:
    made = []
    for minute in range(5):
        ehr.control("PUT", "clock", {"now": f"2026-11-20T13:0{minute}:00Z", "running": False})
        made += [ehr.create()["id"] for _ in range(5)]
    seen: list[str] = []
    since = "2026-11-20T13:00:00Z"
    for _ in range(PAGES_MAX):
        query = {"_lastUpdated": f"ge{since}", "_sort": "_lastUpdated", "_count": "10"}
        page = ehr.fhir("GET", "Appointment", params=query).json()
        seen += [each for each in ids(page) if each not in seen]
        since = page["entry"][-1]["resource"]["meta"]["lastUpdated"]
        if len(ids(page)) < 10:
            break
    assert sorted(seen) == sorted(made)


def test_a_batch_answers_every_get_in_its_place(ehr: Client) -> None:
    made = ehr.create()
    entries = [
        {"request": {"method": "GET", "url": f"Appointment/{made['id']}"}},
        {"request": {"method": "GET", "url": "/Patient?_count=1&_elements=identifier"}},
        {"request": {"method": "GET", "url": "Patient/nobody"}},
        {"request": {"method": "DELETE", "url": f"Appointment/{made['id']}"}},
    ]
    answer = ehr.fhir("POST", "", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    one, found, unknown, refused = answer.json()["entry"]
    assert (answer.status_code, answer.json()["type"]) == (200, "batch-response")
    assert (one["resource"], one["response"]["status"]) == (made, "200 OK")
    assert one["response"]["etag"] == f'W/"{made["meta"]["versionId"]}"'
    assert set(found["resource"]["entry"][0]["resource"]) == {"resourceType", "id", "meta", "identifier"}
    assert unknown["response"]["status"] == "404 Not Found"
    assert unknown["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert refused["response"]["status"] == "405 Method Not Allowed"


@pytest.mark.parametrize(
    "bundle", [{}, {"resourceType": "Bundle", "type": "transaction"}, {"type": "batch", "entry": []}]
)
def test_only_a_batch_is_taken_at_the_base(ehr: Client, bundle: dict[str, Any]) -> None:
    assert problem(ehr.fhir("POST", "", json=bundle)) == (400, "batch")


def test_a_batch_has_a_limit(ehr: Client) -> None:
    entry = [{"request": {"method": "GET", "url": "metadata"}}] * 101
    answer = ehr.fhir("POST", "", json={"resourceType": "Bundle", "type": "batch", "entry": entry})
    assert problem(answer) == (400, "batch")


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(423, "lock-error"), (429, "throttled"), (503, "transient")])
def test_a_fault_answers_once_and_does_nothing(ehr: Client, status: int, code: str) -> None:
    fault = {"operation": "Appointment.create", "status": status, "retry_after_seconds": 7, "reason": "busy"}
    ehr.control("POST", "faults", fault)
    refused = ehr.fhir("POST", "Appointment", json=appointment(**KEY))
    assert problem(refused) == (status, "busy")
    assert refused.json()["issue"][0]["code"] == code
    assert refused.headers["Retry-After"] == "7"
    assert "entry" not in ehr.fhir("GET", "Appointment?identifier=k1").json()
    assert ehr.fhir("POST", "Appointment", json=appointment(**KEY)).status_code == 201


def test_a_fault_hits_its_operation_alone(ehr: Client) -> None:
    ehr.control("POST", "faults", {"operation": "Patient.search", "status": 503})
    assert ehr.fhir("GET", "Appointment").status_code == 200
    assert ehr.fhir("GET", "Patient").status_code == 503


def test_a_lost_answer_leaves_the_work_done(ehr: Client) -> None:
    ehr.control("POST", "faults", {"operation": "Appointment.create", "lost": True})
    with pytest.raises(requests.ConnectionError):
        ehr.fhir("POST", "Appointment", json=appointment(**KEY), headers=IF_NONE_EXIST)
    assert (ehr.last_request()["status"], ehr.last_request()["lost"]) == (201, True)
    again = ehr.fhir("POST", "Appointment", json=appointment(**KEY), headers=IF_NONE_EXIST)
    assert again.status_code == 200
    assert ids(ehr.fhir("GET", "Appointment?identifier=k1").json()) == [again.json()["id"]]


def test_the_server_goes_on_after_a_lost_answer(ehr: Client) -> None:
    ehr.control("POST", "faults", {"operation": "*", "lost": True, "count": 3})
    for _ in range(3):
        with pytest.raises(requests.ConnectionError):
            ehr.fhir("GET", "metadata")
    assert ehr.fhir("GET", "metadata").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"), [('{"resourceType": "Bun', "application/fhir+json"), ("<html>", "text/html")]
)
def test_a_fault_may_answer_any_text(ehr: Client, body: str, kind: str) -> None:
    ehr.control("POST", "faults", {"operation": "Appointment.search", "status": 200, "body": body})
    answer = ehr.fhir("GET", "Appointment")
    assert (answer.status_code, answer.text) == (200, body)
    assert answer.headers["Content-Type"].startswith(kind)


def test_a_fault_inside_a_batch_hits_its_entry(ehr: Client) -> None:
    ehr.control("POST", "faults", {"operation": "Patient.search", "status": 403})
    entries = [{"request": {"method": "GET", "url": url}} for url in ("Patient", "metadata")]
    answer = ehr.fhir("POST", "", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    statuses = [entry["response"]["status"] for entry in answer.json()["entry"]]
    assert statuses == ["403 Forbidden", "200 OK"]


def test_a_client_is_told_what_it_may_ask_yet_and_then_to_wait(ehr: Client) -> None:
    ehr.control("POST", "settings", {"requests_per_minute": 2})
    ehr.control("PUT", "clock", {"now": "2026-11-20T14:00:00Z", "running": False})
    answers = [ehr.fhir("GET", "Patient?_count=1") for _ in range(3)]
    left = ['"requests";r=1;t=60', '"requests";r=0;t=60', '"requests";r=0;t=60']
    assert [answer.headers["RateLimit"] for answer in answers] == left
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "60"
    assert problem(answers[2]) == (429, "rate-limit")
    ehr.control("PUT", "clock", {"now": "2026-11-20T14:01:00Z", "running": False})
    assert ehr.fhir("GET", "Patient?_count=1").headers["RateLimit"] == left[0]


# --- control --------------------------------------------------------------------------------------------


def test_a_seed_makes_the_same_practice_again(ehr: Client) -> None:
    seed = {"today": "2026-11-20", "seed": 3, "appointments": 80}
    first, rows = ehr.control("POST", "seed", seed), ehr.control("GET", "appointments")
    again, same = ehr.control("POST", "seed", seed), ehr.control("GET", "appointments")
    assert (first, rows) == (again, same)
    assert first["appointments"] == len(rows) == 80
    assert [each["zone"] for each in first["practitioners"]] == [
        "America/New_York",
        "America/Denver",
        "America/New_York",
    ]


def test_a_seed_without_more_takes_today_and_400(ehr: Client) -> None:
    assert ehr.control("POST", "seed", {})["appointments"] == 400
    starts = [row["start"][:10] for row in ehr.control("GET", "appointments") if "start" in row]
    assert "2026-11-06" <= min(starts) < "2026-11-20" <= max(starts)


def test_staff_book_and_move_over_http(ehr: Client) -> None:
    practice = ehr.control("POST", "seed", {"appointments": 60})
    booked = ehr.control(
        "POST",
        "staff",
        {
            "action": "book",
            "patients": practice["patients"][:1],
            "practitioners": [practice["practitioners"][0]["id"]],
            "start": "2026-12-01T15:00:00Z",
            "end": "2026-12-01T15:50:00Z",
            "zone": "America/New_York",
            "service": None,
        },
    )
    moved = ehr.control(
        "POST",
        "staff",
        {
            "action": "reschedule",
            "appointment": booked["id"],
            "start": "2026-12-02T15:00:00Z",
            "end": "2026-12-02T16:00:00Z",
        },
    )
    assert moved["start"] == "2026-12-02T10:00:00-05:00"
    assert ehr.fhir("GET", f"Appointment/{booked['id']}").json() == moved


def test_rows_of_any_type_are_shown_as_they_are_stored(ehr: Client) -> None:
    schedules = ehr.control("GET", "rows?type=Schedule")
    assert [each["resourceType"] for each in schedules] == ["Schedule"] * 3
    assert ehr.control("GET", "rows") == ehr.control("GET", "appointments")


def test_rows_from_elsewhere_keep_their_ids_and_nobody_is_told(ehr: Client) -> None:
    ehr.control("POST", "hooks", {"url": "http://127.0.0.1:9/hook", "secret": "synthetic-hook-secret"})
    rows = [{"resourceType": "Patient", "id": "p1"}, appointment(id="a1")]
    assert ehr.control("POST", "rows", {"rows": rows}) == {"loaded": 2}
    assert ehr.fhir("GET", "Appointment/a1").json()["participant"] == rows[1]["participant"]
    assert ehr.control("GET", "deliveries") == []
    for wrong in ({"rows": rows}, {"rows": ["p1"]}, {}):
        answer = ehr.session.post(f"{ehr.address}/control/rows", json=wrong, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 400
    ehr.control("DELETE", "hooks")


def test_rows_are_locked_and_hours_kept_over_http(ehr: Client) -> None:
    made = ehr.create()
    reference = f"Appointment/{made['id']}"
    assert ehr.control("POST", "locks", {"reference": reference}) == [reference]
    assert problem(ehr.fhir("PUT", reference, json={**made, "description": "a"})) == (423, "locked")
    ehr.control("DELETE", "locks")
    hours = {"reference": "Practitioner/d1", "start": "08:00", "end": "18:00", "zone": "America/New_York"}
    ehr.control("POST", "hours", hours)
    evening = {"start": "2026-12-01T19:00:00-05:00", "end": "2026-12-01T19:50:00-05:00"}
    assert problem(ehr.fhir("PUT", reference, json={**made, **evening})) == (422, "out-of-hours")
    ehr.control("DELETE", "hours")
    assert ehr.fhir("PUT", reference, json={**made, **evening}).status_code == 200


def test_late_visibility_is_a_setting(ehr: Client) -> None:
    made = ehr.create()
    ehr.control("POST", "settings", {"late_visibility_seconds": 5})
    ehr.control("POST", "staff", {"action": "cancel", "appointment": made["id"]})
    assert ehr.fhir("GET", f"Appointment/{made['id']}").json()["status"] == "booked"
    ehr.control("PUT", "clock", {"now": "2026-11-20T12:00:05Z", "running": False})
    assert ehr.fhir("GET", f"Appointment/{made['id']}").json()["status"] == "cancelled"


def test_settings_are_changed_one_by_one(ehr: Client) -> None:
    assert ehr.control("POST", "settings", {"occupied_rule": True}) == {**DEFAULTS, "occupied_rule": True}
    assert ehr.control("POST", "settings", {}) == {**DEFAULTS, "occupied_rule": True}
    assert ehr.control("GET", "settings") == {**DEFAULTS, "occupied_rule": True}


def test_a_profile_sets_all_that_is_not_named_beside_it(ehr: Client) -> None:
    minimal = json.loads(json.dumps(asdict(PROFILES["minimal"])))
    ehr.control("POST", "settings", {"occupied_rule": True})
    assert ehr.control("POST", "settings", {"profile": "minimal"}) == minimal
    assert ehr.control("POST", "settings", {"profile": "medplum", "etag": "none"}) == {
        **DEFAULTS,
        "etag": "none",
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_a_server_can_be_started_as_any_profile(profile: str) -> None:
    with server("sandbox.ehr", "--profile", profile) as address, requests.Session() as session:
        assert Client(address, session).control("GET", "settings")["profile"] == profile


def test_the_clock_stands_or_runs_from_where_it_is_set(ehr: Client) -> None:
    still = {"now": "2027-01-01T00:00:00.000Z", "running": False}
    assert ehr.control("PUT", "clock", {"now": "2027-01-01T01:00:00+01:00", "running": False}) == still
    assert ehr.control("GET", "clock") == still
    assert ehr.create()["meta"]["lastUpdated"] == still["now"]
    running = ehr.control("PUT", "clock", {"now": "2028-01-01T00:00:00Z"})
    assert running["running"] is True
    assert ehr.control("GET", "clock")["now"] >= running["now"] >= "2028-01-01T00:00:00.000Z"


def test_every_api_request_is_written_down(ehr: Client) -> None:
    before = ehr.last_request()["number"] if ehr.control("GET", "requests") else 0
    made = ehr.create(**KEY)
    ehr.fhir("GET", "Appointment?identifier=k1", headers={"Authorization": "none"})
    match = {"If-Match": 'W/"old"', **IF_NONE_EXIST}
    ehr.fhir("PUT", f"Appointment/{made['id']}", json=made, headers=match)
    created, searched, updated = ehr.control("GET", f"requests?since={before}")
    assert [created["number"], searched["number"], updated["number"]] == [before + 1, before + 2, before + 3]
    assert (created["operation"], created["method"], created["path"]) == (
        "Appointment.create",
        "POST",
        "/fhir/Appointment",
    )
    assert '"k1"' in created["body"]
    assert (searched["operation"], searched["query"], searched["status"]) == (
        "Appointment.search",
        "identifier=k1",
        401,
    )
    assert (updated["operation"], updated["if_match"], updated["status"]) == (
        "Appointment.update",
        'W/"old"',
        412,
    )
    assert updated["if_none_exist"] == IF_NONE_EXIST["If-None-Exist"]


@pytest.mark.parametrize(
    ("method", "what", "data", "sentence"),
    [
        ("POST", "seed", {"appointments": 5}, "appointments must be from 60 to 1500"),
        ("POST", "seed", {"today": "tomorrow"}, "'today' must be a date (YYYY-MM-DD)"),
        ("POST", "seed", {"seed": True}, "'seed' must be a whole number: it is True"),
        ("POST", "seed", {"size": 5}, "unknown: size; fields: today, seed, appointments"),
        ("POST", "staff", {"action": "dance"}, "'action' must be one of add_client, add_location, arrive"),
        ("POST", "staff", {"action": "__init__"}, "'action' must be one of"),
        ("POST", "staff", {"action": ["book"]}, "'action' must be one of"),
        ("POST", "staff", {"action": "cancel"}, "missing: appointment"),
        ("POST", "staff", {"action": "cancel", "appointment": 5}, "'appointment' must be a text: it is 5"),
        ("POST", "staff", {"action": "cancel", "appointment": "x"}, "there is no Appointment/x"),
        (
            "POST",
            "staff",
            {"action": "reschedule", "appointment": "x", "start": "2026-12-01T10:00:00", "end": ""},
            "'start' must be an instant with seconds and offset",
        ),
        (
            "POST",
            "staff",
            {"action": "register_patient", "given": "Ada"},
            "'given' must be a list of texts: it is 'Ada'",
        ),
        ("PUT", "clock", {}, "missing: now"),
        ("POST", "settings", {"occupied_rule": 1}, "'occupied_rule' must be true or false: it is 1"),
        ("POST", "settings", {"profile": "huge"}, "'profile' must be one of medplum, minimal"),
        ("POST", "settings", {"etag": "strong"}, "'etag' must be of weak, bare, none; it is 'strong'"),
        ("POST", "settings", {"patches": "json-patch"}, "'patches' must be a list of texts"),
        ("POST", "settings", {"late_visibility_seconds": -1}, "'late_visibility_seconds' must be a number"),
        ("POST", "faults", {"operation": "*"}, "a fault needs a 'status' or 'lost': true"),
        ("POST", "faults", [], "the body is not a JSON object"),
        ("GET", "requests?since=x", None, "'since' must be a request's number; it is 'x'"),
        ("GET", "seed", None, "no control GET seed; there are POST seed"),
    ],
)
def test_a_bad_control_request_is_told_what_is_wrong(
    ehr: Client, method: str, what: str, data: object, sentence: str
) -> None:
    answer = ehr.session.request(method, f"{ehr.address}/control/{what}", json=data, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc", "", 5])
def test_a_zone_nobody_knows_is_refused(ehr: Client, zone: object) -> None:
    data = {
        "action": "book_personal",
        "practitioner": "x",
        "start": "2026-12-01T10:00:00Z",
        "end": "2026-12-01T11:00:00Z",
        "zone": zone,
        "title": "Hold",
    }
    answer = ehr.session.post(f"{ehr.address}/control/staff", json=data, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("'zone' must be")
