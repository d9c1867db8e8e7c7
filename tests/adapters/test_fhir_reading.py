"""Reading from servers of all kinds: what is asked for by time and by id is found whole, whatever is odd."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.adapters.fhir import FhirEhr, FhirSettings, HttpExchange, bearer
from shared.adapters.fhir import server as server_module
from shared.adapters.fhir.settings import ParticipantStatus
from shared.core.errors import BlockedError
from shared.core.model import Kind, Status
from shared.ports import BlockAs, Capabilities, FeedCursor
from tests.adapters.odd_fhir import OddServer

Json = dict[str, Any]

SETTINGS = FhirSettings(system="https://calsync.example")
START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
STATE = "https://ehr.example/StructureDefinition/appointment-participant-status"


def appointment(row_id: str, start: datetime, who: str = "Practitioner/d1", **more: Any) -> Json:
    return {
        "resourceType": "Appointment",
        "id": row_id,
        "status": "booked",
        "start": start.isoformat(),
        "end": (start + timedelta(hours=1)).isoformat(),
        "participant": [{"actor": {"reference": who}}, {"actor": {"reference": "Patient/p1"}}],
        **more,
    }


def practice(who: str = "Practitioner/d1") -> list[Json]:
    """A row a day of each of two practitioners, from two months before START to three months after it."""
    days = range(-60, 90)
    own = [appointment(f"own{n + 60}", START + n * DAY, who) for n in days]
    others = [appointment(f"other{n + 60}", START + n * DAY, "Practitioner/d2") for n in days]
    return [row for pair in zip(own, others, strict=True) for row in pair]


ODD = {
    "plain": {},
    "links relative to the base": {"link": "{type}?{query}"},
    "links of a path": {"link": "/fhir/{type}?{query}"},
    "links of a query": {"link": "?{query}"},
    "links absolute": {"link": "{base}{type}?{query}"},
    "no actor": {"ignores": frozenset({"actor"})},
    "no lower bound": {"ignores": frozenset({"date:ge"})},
    "no upper bound": {"ignores": frozenset({"date:lt"})},
    "no dates": {"ignores": frozenset({"date"})},
    "nothing but everything": {"ignores": frozenset({"date", "actor"})},
    "pages that overlap": {"repeats": 3},
    "by practitioner": {"refuses": frozenset({"actor"}), "needs": frozenset({"practitioner", "date"})},
    "pages of one": {"page": 1},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_a_scan_finds_every_row_once_whatever_is_odd(odd: dict[str, Any]) -> None:
    ehr = FhirEhr(OddServer(practice(), **odd), SETTINGS)
    rows = ehr.scan("d1", START, START + 70 * DAY)
    assert [row.id for row in rows] == [f"own{n + 60}" for n in range(70)]
    assert len({row.version for row in rows}) == 70  # it keeps none of its own
    assert {row.id: row.version for row in ehr.scan("d1", START, START + DAY)} == {"own60": rows[0].version}


def test_a_server_that_knows_practitioners_only_is_asked_for_actors_once() -> None:
    server = OddServer(practice(), refuses=frozenset({"actor"}), page=200)
    FhirEhr(server, SETTINGS).scan("d1", START, START + 90 * DAY)
    assert ["actor" in dict(query) for _, query in server.asked] == [True, False, False, False]


def test_a_role_is_found_as_an_actor_and_not_as_a_practitioner() -> None:
    rows = practice("PractitionerRole/r1")
    found = FhirEhr(OddServer(rows), SETTINGS).scan("PractitionerRole/r1", START, START + DAY)
    assert [row.id for row in found] == ["own60"]
    refusing = OddServer(rows, refuses=frozenset({"actor"}))
    ehr = FhirEhr(refusing, SETTINGS)
    assert ehr.scan("d2", START, START + DAY)
    del refusing.asked[:]
    with pytest.raises(BlockedError, match="ehr_search_refused"):  # not: there is none
        ehr.scan("PractitionerRole/r1", START, START + DAY)
    assert [dict(query)["actor"] for _, query in refusing.asked] == ["PractitionerRole/r1"]


def test_a_search_that_is_refused_either_way_is_told() -> None:
    server = OddServer(practice(), refuses=frozenset({"date"}))
    ehr = FhirEhr(server, SETTINGS)
    for _ in range(2):
        with pytest.raises(BlockedError, match="ehr_search_refused"):
            ehr.scan("d1", START, START + DAY)
    assert [dict(query).keys() & {"actor", "practitioner"} for _, query in server.asked] == [
        {"actor"},
        {"practitioner"},
    ] * 2


def test_who_is_out_by_the_vendors_word_is_over_in_a_scan_too() -> None:
    out = {"url": STATE, "valueCoding": {"code": "cancelled"}}
    row = appointment("a1", START)
    row["participant"][1]["modifierExtension"] = [out]
    vendor = replace(SETTINGS, participant_status=ParticipantStatus(STATE, frozenset({"cancelled"})))
    [found] = FhirEhr(OddServer([row]), vendor).scan("d1", START, START + DAY)
    assert found.status is Status.OVER


# --- by id ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"ignores": frozenset({"_id"})},
        {"ignores": frozenset({"_id"}), "page": 100},
        {"refuses": frozenset({"_id"})},
        {"page": 1},
    ],
)
def test_rows_are_found_by_id_whatever_becomes_of_the_search(
    odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PAGES_MAX", 25)  # the whole practice has more at ten a page
    ehr = FhirEhr(OddServer(practice(), **odd), SETTINGS)
    wanted = [f"own{n}" for n in range(0, 150, 15)]
    found = ehr.read([*wanted, "never"])
    assert [row.id for row in found.values() if row] == wanted
    assert found["never"] is None


# --- changes of one practitioner ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("practitioner", "reference"),
    [("d1", "Practitioner/d1"), ("PractitionerRole/r1", "PractitionerRole/r1"), (None, None)],
)
def test_changes_are_asked_for_by_practitioner_where_one_is_named(
    practitioner: str | None, reference: str | None
) -> None:
    stamped = appointment("a1", START, reference or "Practitioner/d1")
    stamped["meta"] = {"lastUpdated": "2026-03-01T12:00:00Z", "versionId": "1"}
    server = OddServer([stamped])
    ehr = FhirEhr(server, SETTINGS)
    cursor = ehr.cursor_now(practitioner)
    page = ehr.changes(FeedCursor(cursor.high_water, {}), practitioner)
    assert [row.id for row in page.rows] == ["a1"]
    assert [dict(query).get("actor") for _, query in server.asked] == [reference, reference]


# --- slots ----------------------------------------------------------------------------------------------

BY_SLOT = Capabilities(block_as=BlockAs.SLOT)


def schedule(schedule_id: str, *actors: str, **more: Any) -> Json:
    references = [{"reference": each} for each in actors]
    return {"resourceType": "Schedule", "id": schedule_id, "actor": references, **more}


def slot(slot_id: str, start: datetime, schedule_id: str = "w1", *, ours: bool = True) -> Json:
    system = SETTINGS.block_system if ours else "https://else.example"
    return {
        "resourceType": "Slot",
        "id": slot_id,
        "meta": {"versionId": "1"},
        "identifier": [{"system": system, "value": f"c.{slot_id}"}],
        "schedule": {"reference": f"Schedule/{schedule_id}"},
        "status": "busy-unavailable",
        "start": start.isoformat(),
        "end": (start + timedelta(hours=1)).isoformat(),
    }


def with_slots() -> list[Json]:
    return [
        schedule("w1", "Practitioner/d1", "Location/l1"),
        schedule("w2", "Practitioner/d1", "PractitionerRole/r1"),
        schedule("w3", "Practitioner/d2"),
        *(slot(f"s{n}", START + n * DAY, "w1" if n % 2 else "w2") for n in range(-5, 45)),
        *(slot(f"free{n}", START + n * DAY, ours=False) for n in range(45)),
        *(slot(f"else{n}", START + n * DAY, "w3") for n in range(45)),
        appointment("a1", START + DAY),
    ]


@pytest.mark.parametrize("ignored", ["nothing", "schedule", "start", "start:lt", "actor"])
def test_a_scan_has_the_blocks_that_are_slots(ignored: str) -> None:
    ehr = FhirEhr(OddServer(with_slots(), ignores=frozenset({ignored})), SETTINGS, BY_SLOT)
    rows = ehr.scan("d1", START, START + 40 * DAY)
    assert {row.id for row in rows} == {"a1", *(f"Slot/s{n}" for n in range(40))}
    assert len(rows) == 41
    assert {row.kind for row in rows if row.id != "a1"} == {Kind.BLOCK}
    assert all(row.practitioner_ids == {"d1"} for row in rows)


def test_where_blocks_are_appointments_no_slot_is_asked_for() -> None:
    server = OddServer(with_slots())
    assert [row.id for row in FhirEhr(server, SETTINGS).scan("d1", START, START + 2 * DAY)] == ["a1"]
    assert {resource_type for resource_type, _ in server.asked} == {"Appointment"}


def test_a_practitioner_without_a_schedule_has_no_slots() -> None:
    server = OddServer(with_slots())
    assert FhirEhr(server, SETTINGS, BY_SLOT).scan("d9", START, START + DAY) == []
    assert {resource_type for resource_type, _ in server.asked} == {"Appointment", "Schedule"}


@pytest.mark.parametrize("odd", [{}, {"refuses": frozenset({"_id"})}, {"ignores": frozenset({"_id"})}])
def test_slots_are_read_by_id_with_those_whose_schedule_they_are_in(odd: dict[str, Any]) -> None:
    server = OddServer([*with_slots(), slot("lost", START, "gone")], **odd)
    found = FhirEhr(server, SETTINGS).read(["Slot/s1", "a1", "Slot/s2", "Slot/s4", "Slot/never", "Slot/lost"])
    assert {each: row and set(row.practitioner_ids) for each, row in found.items()} == {
        "Slot/s1": {"d1"},
        "a1": {"d1"},
        "Slot/s2": {"d1", "PractitionerRole/r1"},
        "Slot/s4": {"d1", "PractitionerRole/r1"},
        "Slot/never": None,
        "Slot/lost": set(),
    }
    read = [query for resource_type, query in server.asked if resource_type == "Schedule"]
    assert len(read) == 3  # each schedule once


def test_a_schedule_that_is_closed_comes_last_and_still_counts() -> None:
    rows = [schedule("w1", "Practitioner/d1", active=False), schedule("w2", "Practitioner/d1")]
    ehr = FhirEhr(OddServer([*rows, slot("s1", START)]), SETTINGS, BY_SLOT)
    assert [row.id for row in ehr.scan("d1", START, START + DAY)] == ["Slot/s1"]
    assert ehr._schedules_of("d1") == ["w2", "w1"]


# --- over the wire --------------------------------------------------------------------------------------


class Zipped(BaseHTTPRequestHandler):
    """Answers whatever is searched with one row, compressed as the client says that it may be."""

    def do_GET(self) -> None:
        assert "gzip" in self.headers["Accept-Encoding"]
        body = {"resourceType": "Bundle", "entry": [{"resource": appointment("a1", START)}]}
        content = gzip.compress(json.dumps(body).encode())
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def test_an_answer_may_be_compressed() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Zipped) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        exchange = HttpExchange(f"http://127.0.0.1:{server.server_port}/fhir", bearer("synthetic"))
        try:
            rows = FhirEhr(exchange, SETTINGS).scan("d1", START, START + DAY)
        finally:
            exchange.close()
            server.shutdown()
            serving.join()
    assert [row.id for row in rows] == ["a1"]
