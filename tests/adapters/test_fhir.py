from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.fhir import Settings as StoreSettings
from sandbox.ehr.staff import Staff
from shared.adapters.fhir import (
    Answer,
    FhirEhr,
    HttpExchange,
    NoAnswerError,
    bearer,
)
from shared.adapters.fhir import feed as feed_module
from shared.adapters.fhir import server as server_module
from shared.adapters.fhir.appointments import etag_of, version_of
from shared.adapters.fhir.people import client_from_json
from shared.core.errors import BlockedError, RetryableError, SyncError
from shared.core.model import Client, Kind, Status, What, When
from shared.core.policy import LabelMode
from shared.ports import FeedCursor
from tests.fakes.clock import FakeClock
from tests.fakes.ehr import SETTINGS, FakeEhr
from tests.fhir_script import (
    PATIENT,
    PERSONAL,
    PRACTITIONER,
    RAW,
    Json,
    Script,
    at,
    bundle,
    ehr_of,
    outcome,
    read,
)

# --- reading an appointment -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("booked", Status.LIVE),
        ("pending", Status.LIVE),
        ("arrived", Status.LIVE),
        ("checked-in", Status.LIVE),
        ("fulfilled", Status.LIVE),
        ("cancelled", Status.OVER),
        ("noshow", Status.OVER),
        ("entered-in-error", Status.OVER),
        ("proposed", Status.NOT_YET),
        ("waitlist", Status.NOT_YET),
        ("rescheduled-by-owl", Status.LIVE),
        (None, Status.LIVE),
    ],
)
def test_what_a_status_means(code: str | None, status: Status) -> None:
    assert read({**RAW, "status": code}).status is status


def identified(kind: str) -> Json:
    return {
        "identifier": [
            {"system": "https://else.example", "value": "9"},
            {"system": f"{SETTINGS.system}/{kind}", "value": "c.k"},
        ]
    }


@pytest.mark.parametrize(
    ("changes", "kind", "identifier"),
    [
        ({}, Kind.CLIENT, None),
        ({"participant": [PRACTITIONER]}, Kind.PERSONAL, None),
        ({"participant": [PRACTITIONER], **identified("personal")}, Kind.PERSONAL, "c.k"),
        ({"participant": [PRACTITIONER], **identified("block")}, Kind.BLOCK, "c.k"),
        (identified("personal"), Kind.CLIENT, "c.k"),
        (identified("block"), Kind.CLIENT, "c.k"),
        ({"participant": None}, Kind.PERSONAL, None),
    ],
)
def test_a_patient_makes_a_client_appointment_and_our_identifier_a_block(
    changes: Json, kind: Kind, identifier: str | None
) -> None:
    row = read({**RAW, **changes})
    assert (row.kind, row.identifier) == (kind, identifier)


def named(*references: str) -> Json:
    return {
        **RAW,
        "participant": [{"actor": {"reference": each}, "status": "accepted"} for each in references],
    }


def test_references_may_be_absolute_or_versioned() -> None:
    row = read(
        named("https://ehr.example/fhir/Patient/p1", "Patient/p2/_history/3", "Practitioner/d1", "Patient/p1")
    )
    assert (row.patient_ids, row.practitioner_ids) == (("p1", "p2"), frozenset({"d1"}))


def test_a_role_is_no_practitioner_of_the_same_number() -> None:
    assert read(named("PractitionerRole/d1")).practitioner_ids == frozenset({"PractitionerRole/d1"})


@pytest.mark.parametrize("reference", ["#contained", "urn:uuid:1", "Device/1", "Patients/1", "", None, 5])
def test_other_references_are_nobody(reference: object) -> None:
    row = read({**RAW, "participant": [{"actor": {"reference": reference}}, {"actor": "x"}, "y"]})
    assert (row.patient_ids, row.practitioner_ids, row.kind) == ((), frozenset(), Kind.PERSONAL)


@pytest.mark.parametrize(
    ("times", "when"),
    [
        ({}, When(at(16), at(17))),
        ({"start": "2026-03-02T16:00:00.900Z"}, When(at(16), at(17))),
        ({"end": None}, When(at(16), at(16))),
        ({"end": None, "minutesDuration": 50}, When(at(16), at(16, 50))),
        ({"end": "2026-03-02T08:00:00-07:00"}, When(at(16), at(16))),
        ({"start": None}, None),
        ({"start": "2026-03-02T09:00:00"}, None),  # no offset: whose nine?
        ({"start": "2026-03-02"}, None),
        ({"start": "soon"}, None),
        ({"start": 9}, None),
    ],
)
def test_when_an_appointment_is(times: Json, when: When | None) -> None:
    assert read({**RAW, **times}).when == when


def test_the_title_is_of_personal_appointments_only() -> None:
    assert read({**PERSONAL, "description": " Cafe\u0301\r\n"}).title == "Caf\u00e9"
    assert read({**RAW, "description": "about the client"}).title == ""


def test_the_location_is_the_name_beside_its_reference() -> None:
    room = {"actor": {"reference": "Location/l1", "display": "Main office"}, "status": "accepted"}
    assert read({**RAW, "participant": [PATIENT, room]}).location == "Main office"
    assert read(RAW).location == ""


def test_our_extension_marks_personal_time_that_does_not_block() -> None:
    free = {"extension": [{"url": SETTINGS.free_extension, "valueBoolean": True}]}
    assert not read({**PERSONAL, **free}).busy
    assert read(PERSONAL).busy
    assert read({**RAW, **free}).busy


@pytest.mark.parametrize(
    ("changes", "extension", "protected"),
    [
        ({}, SETTINGS.protected_extension, False),
        ({}, None, None),
        (
            {"extension": [{"url": SETTINGS.protected_extension, "valueBoolean": True}]},
            SETTINGS.protected_extension,
            True,
        ),
        ({"extension": [{"url": SETTINGS.protected_extension, "valueBoolean": True}]}, None, None),
        (
            {"extension": [{"url": SETTINGS.protected_extension, "valueBoolean": "true"}]},
            SETTINGS.protected_extension,
            False,
        ),
        ({"status": "arrived"}, None, True),
        ({"status": "checked-in"}, None, True),
        ({"status": "fulfilled"}, None, True),
        ({"status": "noshow"}, None, True),
        ({"status": "cancelled"}, None, None),
    ],
)
def test_what_protects_a_row(changes: Json, extension: str | None, protected: bool | None) -> None:  # noqa: FBT001 - an outcome
    assert read({**RAW, **changes}, replace(SETTINGS, protected_extension=extension)).protected is protected


def test_the_row_keeps_what_nobody_here_knows() -> None:
    raw = {**RAW, "recurrenceId": 4, "contained": [{"resourceType": "Endpoint"}]}
    assert read(raw).raw == raw


@pytest.mark.parametrize(
    ("meta", "version", "etag"),
    [
        ({"versionId": "7", "lastUpdated": "2026-03-01T12:00:00Z"}, "7", 'W/"7"'),
        ({"versionId": 7}, "7", 'W/"7"'),
        ({"versionId": 'a"b'}, 'a"b', None),
        ({"lastUpdated": "2026-03-01T12:00:00Z"}, "2026-03-01T12:00:00Z", None),
    ],
)
def test_a_version_is_the_servers_own_and_only_that_is_compared_by_it(
    meta: Json, version: str, etag: str | None
) -> None:
    raw = {**RAW, "meta": meta}
    assert (version_of(raw), etag_of(raw)) == (version, etag)


@pytest.mark.parametrize("meta", [None, {}, {"versionId": None}, {"source": "#1"}, "odd"])
def test_a_resource_without_a_version_is_known_by_its_content(meta: object) -> None:
    raw = {**RAW, "meta": meta}
    assert version_of(raw) == version_of({**dict(reversed(RAW.items())), "meta": {"tag": []}})
    assert version_of(raw) != version_of({**raw, "status": "cancelled"})
    assert etag_of(raw) is None


def test_a_row_always_has_a_version() -> None:
    bare = {"resourceType": "Appointment", "id": "a1", "status": "booked"}
    assert read(bare).version == version_of(bare) != ""


# --- people ---------------------------------------------------------------------------------------------


def name(use: str | None, text: str | None = None, family: str = "", *given: str) -> Json:
    parts = {"use": use, "text": text, "family": family, "given": list(given)}
    return {key: value for key, value in parts.items() if value}


@pytest.mark.parametrize(
    ("names", "full_name"),
    [
        ([name("official", "O"), name("usual", "U")], "U"),
        ([name("nickname", "N"), name("official", "O")], "O"),
        ([name("old", "X"), name("maiden", "Y"), name(None, "N")], "N"),
        ([name("old", "X"), name("maiden", "Y")], ""),
        ([name("usual", None, "Mustermann", "Erika", "Maria")], "Erika Maria Mustermann"),
        ([name("usual", None, "Mustermann")], "Mustermann"),
        ([name("usual", " ", ""), name("official", "O")], "O"),
        ([name("usual", "Text", "Mustermann", "Erika")], "Text"),
        ([], ""),
        ("Erika", ""),
    ],
)
def test_the_name_a_client_goes_by(names: object, full_name: str) -> None:
    assert client_from_json({"name": names}, LabelMode.FULL_NAME, SETTINGS).full_name == full_name


def test_the_internal_id_is_of_the_practices_own_system() -> None:
    identifiers = [
        {"system": "https://else.example", "value": "1"},
        {"value": "2"},
        {"system": SETTINGS.internal_id_system, "value": "C-3"},
    ]
    patient = {"identifier": identifiers, "name": [name("usual", "Erika Mustermann")]}
    assert client_from_json(patient, LabelMode.INTERNAL_ID, SETTINGS) == Client("", "C-3")
    without = replace(SETTINGS, internal_id_system=None)
    assert client_from_json(patient, LabelMode.INTERNAL_ID, without) == Client()


# --- the EHR over scripted exchanges --------------------------------------------------------------------


ROW = read(RAW)


def test_the_version_may_stand_in_the_etag_only() -> None:
    bare = {key: value for key, value in RAW.items() if key != "meta"}
    ehr, _ = ehr_of(bundle(), Answer(200, bare, {"etag": 'W/"3"'}))
    row = ehr.read(["a1"])["a1"]
    assert row is not None
    assert row.version == "3"


def test_ids_are_read_fifty_at_a_time_and_each_once() -> None:
    ids = [f"a{number}" for number in range(120)]
    rows = [{**RAW, "id": each} for each in ids]
    ehr, script = ehr_of(bundle(*rows[:50]), bundle(*rows[50:100]), bundle(*rows[100:]))
    found = ehr.read([*ids, *ids])
    assert [row.id for row in found.values() if row] == ids
    assert [len(params["_id"].split(",")) for _, _, params, _, _ in script.asked] == [50, 50, 20]


@pytest.mark.parametrize("status", [404, 410])
def test_a_row_is_missing_only_where_the_ehr_says_so_of_that_row(status: int) -> None:
    ehr, script = ehr_of(bundle({**RAW, "id": "else"}), Answer(status))
    assert ehr.read(["a1"]) == {"a1": None}
    assert script.asked[1][1] == "Appointment/a1"


@pytest.mark.parametrize(
    "answer", [Answer(400), Answer(401), Answer(403), Answer(500), Answer(200), NoAnswerError()]
)
def test_any_other_answer_is_no_missing_row(answer: Answer | SyncError) -> None:
    ehr, _ = ehr_of(bundle(), answer)
    with pytest.raises(SyncError):
        ehr.read(["a1"])


def test_a_row_left_out_of_the_search_but_there_is_read() -> None:
    ehr, _ = ehr_of(bundle(), Answer(200, RAW))
    assert ehr.read(["a1"]) == {"a1": ROW}


def test_an_id_cannot_leave_its_place_in_the_address() -> None:
    ehr, script = ehr_of(bundle(), Answer(404), bundle())
    assert ehr.read(["../Patient/p1"]) == {"../Patient/p1": None}
    assert script.asked[1][1] == "Appointment/..%2FPatient%2Fp1"
    assert ehr.read([".."]) == {"..": None}


def test_a_scan_goes_by_slices_and_leaves_out_what_was_not_asked_for() -> None:
    inside = {**RAW, "id": "in", "start": "2026-03-02T00:00:00Z", "end": "2026-03-02T01:00:00Z"}
    before = {**RAW, "id": "out", "start": "2026-03-01T23:59:59Z", "end": "2026-03-02T01:00:00Z"}
    others = {**inside, "id": "else", "participant": [PATIENT]}
    timeless = {
        "resourceType": "Appointment",
        "id": "none",
        "status": "cancelled",
        "participant": [PRACTITIONER],
    }
    ehr, script = ehr_of(
        bundle(before, inside, next_url="x?page=2"), bundle(others, timeless), bundle(inside)
    )
    assert [row.id for row in ehr.scan("d1", at(0), at(0) + timedelta(days=40))] == ["in"]
    assert script.asked[0][2]["actor"] == "Practitioner/d1"
    assert [asked[1] for asked in script.asked] == ["Appointment", "x?page=2", "Appointment"]


def test_a_scan_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PAGES_MAX", 3)
    ehr, _ = ehr_of(*(bundle(RAW, next_url="x") for _ in range(4)))
    with pytest.raises(BlockedError, match="ehr_search_endless"):
        ehr.scan("d1", at(0), at(23))


def test_an_error_on_a_later_page_of_a_scan_is_not_its_end() -> None:
    ehr, _ = ehr_of(bundle(RAW, next_url="x"), Answer(503))
    with pytest.raises(RetryableError):
        ehr.scan("d1", at(0), at(23))


@pytest.mark.parametrize(
    "body",
    [None, [], {}, RAW, {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Appointment"}}]}],
)
def test_what_is_no_bundle_of_rows_is_unreadable(body: object) -> None:
    ehr, _ = ehr_of(Answer(200, body))
    with pytest.raises(RetryableError, match="ehr_answer_unreadable"):
        ehr.scan("d1", at(0), at(23))


def test_what_an_ehr_says_beside_its_rows_is_no_row() -> None:
    ehr, _ = ehr_of(bundle(outcome("informational"), RAW))
    assert [row.id for row in ehr.scan("d1", at(0), at(23))] == ["a1"]


@pytest.mark.parametrize(
    ("mode", "elements", "client"),
    [
        (LabelMode.INTERNAL_ID, "identifier,link", Client()),
        (LabelMode.INITIALS, "name,identifier,link", Client(given="Erika", family="Mustermann")),
        (LabelMode.FIRST_NAME, "name,identifier,link", Client(given="Erika", family="Mustermann")),
        (LabelMode.FULL_NAME, "name,identifier,link", Client("Dr Erika", "", "Erika", "Mustermann")),
    ],
)
def test_of_a_patient_only_what_the_mode_needs_is_asked_for_and_kept(
    mode: LabelMode, elements: str, client: Client
) -> None:
    whole = name("usual", "Dr Erika", "Mustermann", "Erika", "Maria")
    patient = {"resourceType": "Patient", "id": "p1", "name": [whole]}
    ehr, script = ehr_of(bundle(patient, {**patient, "id": "unasked"}))
    assert ehr.clients(iter(["p1", "p2"]), mode) == {"p1": client}
    assert script.asked[0][2] == {"_id": "p1,p2", "_elements": elements, "_count": "50"}


def test_a_search_asks_for_strictness_and_no_cache() -> None:
    ehr, script = ehr_of(bundle())
    ehr.scan("d1", at(0), at(1))
    assert script.asked[0][3] == {"Prefer": "handling=strict", "Cache-Control": "no-cache"}


@pytest.mark.parametrize("key", ["valueCode", "valueString"])
def test_the_zone_of_a_practitioner(key: str) -> None:
    extension = [
        {"url": "https://else.example", key: "Asia/Tokyo"},
        {"url": SETTINGS.time_zone_extension, key: "America/Denver"},
    ]
    ehr, _ = ehr_of(Answer(200, {"resourceType": "Practitioner", "id": "d1", "extension": extension}))
    assert ehr.practitioner("d1").zone == "America/Denver"


def test_a_practitioner_may_be_a_role() -> None:
    ehr, script = ehr_of(Answer(200, {"resourceType": "PractitionerRole", "id": "r1"}))
    assert ehr.practitioner("PractitionerRole/r1").zone is None
    assert script.asked[0][1] == "PractitionerRole/r1"


# --- the feed -------------------------------------------------------------------------------------------

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row_at(seconds: float, row_id: str, version: str = "1") -> Json:
    stamp = (NOON + timedelta(seconds=seconds)).isoformat()
    return {**RAW, "id": row_id, "meta": {"versionId": version, "lastUpdated": stamp}}


def small(*answers: Answer | SyncError) -> tuple[FhirEhr, Script]:
    script = Script(*answers)
    return FhirEhr(script, replace(SETTINGS, page_size=2)), script


def sinces(script: Script) -> list[str]:
    return [params.get("_lastUpdated", url) for _, url, params, _, _ in script.asked]


def test_a_poll_begins_an_overlap_before_what_it_knows_and_drops_what_it_has_seen() -> None:
    cursor = FeedCursor(NOON, {"a": "1", "b": "1"})
    ehr, script = small(
        bundle(row_at(-60, "a"), next_url="n"),
        bundle(row_at(0, "b", "2"), row_at(5, "c")),
        bundle(row_at(5, "c")),
    )
    page = ehr.changes(cursor)
    assert [row.id for row in page.rows] == ["b", "c"]
    assert page.cursor == FeedCursor(NOON + timedelta(seconds=5), {"a": "1", "b": "2", "c": "1"})
    assert page.complete
    assert sinces(script)[0] == "ge2026-03-01T11:58:00Z"


def test_after_a_full_page_the_feed_goes_on_from_its_last_instant() -> None:
    ehr, script = small(
        bundle(row_at(1, "a"), row_at(2.5, "b")),
        bundle(row_at(2.5, "b"), row_at(3, "c")),
        bundle(row_at(3, "c")),
    )
    page = ehr.changes(FeedCursor(NOON, {}))
    assert [row.id for row in page.rows] == ["a", "b", "c"]
    assert sinces(script)[1:] == ["ge2026-03-01T12:00:02.500Z", "ge2026-03-01T12:00:03Z"]


def test_next_is_followed_where_one_instant_fills_a_page() -> None:
    ehr, script = small(
        bundle(row_at(1, "a"), row_at(1, "b"), next_url="n0"),
        bundle(row_at(1, "a"), row_at(1, "b"), next_url="n1"),
        bundle(row_at(1, "c"), row_at(1, "d"), next_url="n2", self_url="x?opaque=2"),
        bundle(row_at(1, "e")),
    )
    page = ehr.changes(FeedCursor(NOON, {}))
    assert [row.id for row in page.rows] == ["a", "b", "c", "d", "e"]
    assert sinces(script)[2:] == ["n1", "n2"]
    assert page.complete


def test_a_page_shorter_than_asked_for_is_not_the_end_while_there_is_a_next() -> None:
    ehr, _ = small(
        bundle(row_at(1, "a"), next_url="n"), bundle(row_at(1, "a"), next_url="n"), bundle(row_at(2, "b"))
    )
    assert [row.id for row in ehr.changes(FeedCursor(NOON, {})).rows] == ["a", "b"]


def test_a_row_that_changes_while_it_is_read_comes_once_in_its_newest_version() -> None:
    ehr, _ = small(
        bundle(row_at(1, "a"), row_at(2, "b")),
        bundle(row_at(2, "b"), row_at(3, "a", "2")),
        bundle(row_at(3, "a", "2")),
    )
    page = ehr.changes(FeedCursor(NOON, {}))
    assert [(row.id, row.version) for row in page.rows] == [("b", "1"), ("a", "2")]


def test_one_reading_ends_where_it_has_enough_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "ROWS_ENOUGH", 2)
    ehr, _ = small(bundle(row_at(1, "a"), row_at(2, "b")))
    page = ehr.changes(FeedCursor(NOON, {}))
    assert (len(page.rows), page.complete) == (2, False)
    assert page.cursor.high_water == NOON + timedelta(seconds=2)


def test_what_left_the_overlap_is_forgotten() -> None:
    ehr, _ = small(bundle(row_at(-60, "a"), row_at(90, "b")), bundle(row_at(90, "b")))
    assert ehr.changes(FeedCursor(NOON, {"a": "1"})).cursor.seen == {"b": "1"}


def test_an_empty_answer_moves_nothing() -> None:
    ehr, _ = small(bundle())
    page = ehr.changes(FeedCursor(NOON, {}))
    assert (page.rows, page.cursor, page.complete) == ((), FeedCursor(NOON, {}), True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(bundle(row_at(2, "a"), row_at(1, "b")), id="unsorted"),
        pytest.param(bundle(row_at(1, "a"), self_url="x?_sort=_lastUpdated"), id="parameter read over"),
        pytest.param(bundle(row_at(1, "a"), self_url=""), id="no self link"),
        pytest.param(bundle(row_at(-500, "a")), id="before what was asked for"),
        pytest.param(bundle({**RAW, "meta": {"versionId": "1"}}), id="no stamp"),
        pytest.param(bundle({**RAW, "meta": {"lastUpdated": "today"}}), id="a stamp nobody can read"),
        pytest.param(Answer(400, outcome("not-supported")), id="refused"),
    ],
)
def test_an_ehr_that_does_not_list_changes_as_asked_is_found_out(answer: Answer) -> None:
    ehr, _ = small(answer)
    with pytest.raises(BlockedError, match="ehr_cannot_list_changes"):
        ehr.changes(FeedCursor(NOON, {}))


def test_a_feed_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "PAGES_MAX", 3)
    ehr, _ = small(*(bundle(row_at(1, "a"), next_url="n") for _ in range(5)))
    with pytest.raises(BlockedError, match="ehr_feed_endless"):
        ehr.changes(FeedCursor(NOON, {}))


def test_the_cursor_of_now_is_the_newest_rows_stamp() -> None:
    ehr, script = ehr_of(bundle(row_at(7, "a")))
    assert ehr.cursor_now() == FeedCursor(NOON + timedelta(seconds=7), {})
    assert script.asked[0][2] == {"_sort": "-_lastUpdated", "_count": "1"}
    empty, _ = ehr_of(bundle())
    assert empty.cursor_now().high_water == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(20))
def test_no_change_is_missed_however_late_its_row_appears(seed: int) -> None:
    """Staff's rows are stamped at once and visible up to the overlap later; others are written meanwhile."""
    rng, clock = random.Random(seed), FakeClock()
    store = FhirStore(now=clock.now, rng=rng)
    ehr, staff = FakeEhr(store, replace(SETTINGS, page_size=3)), Staff(store)
    doctor = store.create(
        {"resourceType": "Practitioner", "name": [{"family": "Musterfrau", "given": ["Robin"]}]}
    ).resource["id"]
    seen: dict[str, str] = {}
    cursor = ehr.cursor_now()

    def poll(cursor: FeedCursor) -> FeedCursor:
        for _ in range(50):
            page = ehr.changes(cursor)
            seen.update({row.id: row.version for row in page.rows})
            cursor = page.cursor
            if page.complete:
                return cursor
        raise AssertionError("the feed did not end")

    def change(step: int) -> None:
        rows = store.resources("Appointment")
        if rows and rng.random() < 0.5:
            chosen = rng.choice(rows)["id"]
            staff.change_title(appointment=chosen, title=f"title {step}")
        elif rng.random() < 0.5:
            begin = clock.now() + timedelta(days=1)
            staff.book_personal(practitioner=doctor, start=begin, end=begin, zone="UTC", title=f"new {step}")
        else:
            ehr.create(Kind.PERSONAL, doctor, f"c.{step}", (clock.now(), clock.now()), What("by us"))

    for step in range(60):
        store.settings = StoreSettings(late_visibility_seconds=rng.choice([0.0, 1.0, 119.0]))
        change(step)
        if rng.random() < 0.4:
            clock.advance(rng.choice([0.001, 1, 60]))
        if rng.random() < 0.4:
            cursor = poll(cursor)
    clock.advance(120)
    poll(cursor)
    assert seen == {row["id"]: row["meta"]["versionId"] for row in store.resources("Appointment")}


# --- single exchanges -----------------------------------------------------------------------------------


class Wire(BaseAdapter):
    """What requests sends goes here instead of to a network."""

    def __init__(self, respond: Callable[[requests.PreparedRequest], requests.Response]) -> None:
        super().__init__()
        self.respond = respond
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        self.sent.append(request)
        response = self.respond(request)
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""


def response(status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> requests.Response:
    made = requests.Response()
    made.status_code, made._content = status, body
    made.headers.update(headers or {})
    return made


def wired(respond: Callable[[requests.PreparedRequest], requests.Response]) -> tuple[HttpExchange, Wire]:
    exchange, wire = HttpExchange("https://ehr.example/fhir", bearer("t")), Wire(respond)
    exchange._session.mount("https://", wire)
    return exchange, wire


def test_a_request_names_us_our_credential_and_what_we_read() -> None:
    exchange, wire = wired(lambda _: response(200, b'{"a": 1}', {"ETag": "x"}))
    answer = exchange("PUT", "Appointment/a1", headers={"If-Match": 'W/"1"'}, body={"id": "a1"})
    assert answer == Answer(200, {"a": 1}, {"etag": "x"})
    [sent] = wire.sent
    assert (sent.method, sent.url) == ("PUT", "https://ehr.example/fhir/Appointment/a1")
    assert sent.headers["Authorization"] == "Bearer t"
    assert sent.headers["User-Agent"] == "calsync"
    assert sent.headers["Accept"] == sent.headers["Content-Type"] == "application/fhir+json"


def test_a_netrc_entry_does_not_replace_the_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine ehr.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    exchange, wire = wired(lambda _: response(200))
    exchange("GET", "metadata")
    assert wire.sent[0].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("Appointment?_page=2", "https://ehr.example/fhir/Appointment?_page=2"),
        ("?_page=2", "https://ehr.example/fhir/?_page=2"),
        ("/fhir/Appointment?_page=2", "https://ehr.example/fhir/Appointment?_page=2"),
        ("https://ehr.example:443/pages/2", "https://ehr.example/pages/2"),
    ],
)
def test_a_link_may_be_relative(link: str, url: str) -> None:
    exchange, wire = wired(lambda _: response(200))
    exchange("GET", link)
    assert str(wire.sent[0].url).replace(":443", "") == url


@pytest.mark.parametrize(
    "link",
    [
        "https://else.example/fhir?_page=2",
        "http://ehr.example/fhir",
        "//else.example/x",
        "https://ehr.example:8443/fhir",
    ],
)
def test_a_link_to_another_origin_gets_no_credential(link: str) -> None:
    exchange, wire = wired(lambda _: response(200))
    with pytest.raises(BlockedError, match="ehr_link_elsewhere"):
        exchange("GET", link)
    assert wire.sent == []


def test_a_redirect_is_an_answer_not_an_order() -> None:
    exchange, wire = wired(lambda _: response(302, headers={"Location": "https://else.example/"}))
    assert exchange("GET", "Appointment").status == 302
    assert len(wire.sent) == 1


def test_no_answer_is_told_without_the_address() -> None:
    def fail(request: requests.PreparedRequest) -> requests.Response:
        raise requests.ConnectionError(f"could not reach {request.url}")

    exchange, _ = wired(fail)
    with pytest.raises(NoAnswerError) as raised:
        exchange("GET", "Appointment/a1")
    assert str(raised.value) == "ehr_unreachable"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("body", [b"", b'{"id": "a', b"<html>", b"\xff\xfe\x00"])
def test_a_body_nobody_can_read_is_none(body: bytes) -> None:
    exchange, _ = wired(lambda _: response(200, body))
    assert exchange("GET", "metadata").body is None
