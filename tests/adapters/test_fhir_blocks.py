"""Blocks that are slots, written to a FHIR server."""

from __future__ import annotations

import pytest

from shared.adapters.fhir import Answer, FhirEhr, NoAnswerError
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError, SyncError
from shared.core.model import Appointment, Kind, Status, What, When
from shared.ports import BlockAs, Capabilities, GoneError, Writes
from tests.fakes.ehr import SETTINGS
from tests.fhir_script import Json, at, bundle, ehr_of

SLOTS = Capabilities(block_as=BlockAs.SLOT)
SCHEDULE: Json = {"resourceType": "Schedule", "id": "s1", "actor": [{"reference": "Practitioner/d1"}]}
SLOT: Json = {
    "resourceType": "Slot",
    "id": "b1",
    "meta": {"versionId": "7", "lastUpdated": "2026-03-01T12:00:00Z"},
    "identifier": [{"system": SETTINGS.block_system, "value": "c.k"}],
    "schedule": {"reference": "Schedule/s1"},
    "status": "busy-unavailable",
    "start": "2026-03-02T09:00:00Z",
    "end": "2026-03-02T10:00:00Z",
    "comment": "Busy",
}
FREE = [{"url": SETTINGS.free_extension, "valueBoolean": True}]
SPAN = (at(9), at(10))
MOVED = (at(18), at(19))


def create(ehr: FhirEhr, what: What) -> Appointment:
    return ehr.create(Kind.BLOCK, "d1", "c.k", SPAN, what)


def block(**more: object) -> Appointment:
    """A slot as it was read."""
    ehr, _ = ehr_of(bundle({**SLOT, **more}), Answer(200, SCHEDULE), can=SLOTS)
    row = ehr.read(["Slot/b1"])["Slot/b1"]
    assert row is not None
    return row


def test_a_block_is_a_slot_of_the_practitioners_schedule() -> None:
    ehr, script = ehr_of(bundle(SCHEDULE), Answer(201, SLOT), can=SLOTS)
    made = create(ehr, What("Busy"))
    assert (made.id, made.kind, made.when, made.title) == ("Slot/b1", Kind.BLOCK, When(*SPAN), "Busy")
    assert (made.practitioner_ids, made.identifier) == (frozenset({"d1"}), "c.k")
    assert script.requests == [("GET", "Schedule"), ("POST", "Slot")]
    _, _, _, headers, body = script.asked[1]
    assert headers["If-None-Exist"] == f"identifier={SETTINGS.block_system}|c.k"
    assert body == {name: value for name, value in SLOT.items() if name not in ("id", "meta")}


def test_a_block_that_is_shown_free_is_a_free_slot_that_says_so() -> None:
    free = {**SLOT, "status": "free", "extension": FREE}
    ehr, script = ehr_of(bundle(SCHEDULE), Answer(201, free), can=SLOTS)
    made = create(ehr, What("", busy=False))
    assert (made.status, made.busy) == (Status.LIVE, False)
    body = script.asked[1][4]
    assert (body["status"], body["extension"], "comment" in body) == ("free", FREE, False)


def test_a_personal_appointment_is_none() -> None:
    ehr, script = ehr_of(Answer(201), bundle(), can=SLOTS)
    with pytest.raises(RetryableError):
        ehr.create(Kind.PERSONAL, "d1", "c.k", SPAN, What("Dentist"))
    assert script.requests[0] == ("POST", "Appointment")


@pytest.mark.parametrize("schedules", [[], [{**SCHEDULE, "active": False}]])
def test_without_a_schedule_in_use_there_is_no_place_for_a_block(schedules: list[Json]) -> None:
    ehr, script = ehr_of(bundle(*schedules), can=SLOTS)
    with pytest.raises(RejectedError, match="ehr_no_schedule"):
        create(ehr, What("Busy"))
    assert len(script.asked) == 1


def test_the_schedule_is_looked_for_once() -> None:
    ehr, script = ehr_of(bundle(SCHEDULE), Answer(201, SLOT), Answer(200, SLOT), can=SLOTS)
    create(ehr, What("Busy"))
    create(ehr, What("Busy"))
    assert [url for _, url in script.requests] == ["Schedule", "Slot", "Slot"]


def test_of_two_slots_under_one_identifier_the_oldest_stays() -> None:
    can = Capabilities(block_as=BlockAs.SLOT, creates_once=False)
    second = {**SLOT, "id": "b2", "meta": {"versionId": "1", "lastUpdated": "2026-03-01T12:00:01Z"}}
    ehr, script = ehr_of(
        bundle(SCHEDULE), bundle(), Answer(201, second), bundle(second, SLOT), Answer(204), can=can
    )
    assert create(ehr, What("Busy")).id == "Slot/b1"
    assert script.requests[4] == ("DELETE", "Slot/b2")


def test_a_slot_made_without_a_word_is_read_where_it_is_said_to_be() -> None:
    there = {"location": "https://ehr.example/fhir/Slot/b1/_history/1"}
    ehr, script = ehr_of(bundle(SCHEDULE), Answer(201, headers=there), Answer(200, SLOT), can=SLOTS)
    assert create(ehr, What("Busy")).id == "Slot/b1"
    assert script.requests[2] == ("GET", "Slot/b1")


def test_a_block_is_moved_over_the_version_that_was_read() -> None:
    moved = {
        **SLOT,
        "start": "2026-03-02T18:00:00Z",
        "end": "2026-03-02T19:00:00Z",
        "meta": {"versionId": "8"},
    }
    ehr, script = ehr_of(Answer(200, moved), can=SLOTS)
    row = ehr.update(block(), span=MOVED)
    assert (row.when, row.version, row.practitioner_ids) == (When(*MOVED), "8", frozenset({"d1"}))
    method, url, _, headers, body = script.asked[0]
    assert (method, url, headers["If-Match"]) == ("PUT", "Slot/b1", 'W/"7"')
    assert body == {**moved, "meta": SLOT["meta"]}


@pytest.mark.parametrize(("writes", "kind"), [(Writes.JSON_PATCH, list), (Writes.MERGE_PATCH, dict)])
def test_a_slot_is_patched_where_rows_are(writes: Writes, kind: type) -> None:
    busy = {**SLOT, "meta": {"versionId": "8"}}
    answers = [Answer(200, busy)]
    free = {"status": "free", "extension": FREE}
    if writes is Writes.MERGE_PATCH:
        answers = [Answer(200, {**SLOT, **free}), Answer(200, SCHEDULE), Answer(200, busy), Answer(200, busy)]
    ehr, script = ehr_of(*answers, can=Capabilities(block_as=BlockAs.SLOT, writes=writes))
    assert ehr.update(block(**free), what=What("Busy")).busy
    [patch] = [asked for asked in script.asked if asked[0] == "PATCH"]
    assert (patch[1], type(patch[4])) == ("Slot/b1", kind)


def test_a_block_that_is_over_is_deleted() -> None:
    for answer in (Answer(204), Answer(200), Answer(404), Answer(410)):
        ehr, script = ehr_of(answer, can=SLOTS)
        row = ehr.cancel(block())
        assert (row.id, row.status) == ("Slot/b1", Status.OVER)
        [(method, url, _, headers, _)] = script.asked
        assert (method, url, headers["If-Match"]) == ("DELETE", "Slot/b1", 'W/"7"')


@pytest.mark.parametrize("status", [403, 405, 501])
def test_where_no_slot_is_deleted_it_is_entered_in_error(status: int) -> None:
    over = {**SLOT, "status": "entered-in-error", "meta": {"versionId": "8"}}
    ehr, script = ehr_of(Answer(status), Answer(200, over), can=SLOTS)
    row = ehr.cancel(block())
    assert (row.status, row.version) == (Status.OVER, "8")
    assert script.asked[1][4] == {**over, "meta": SLOT["meta"]}
    assert ehr.cancel(row) is row


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Answer(412), StaleError), (Answer(401), BlockedError), (Answer(503), RetryableError)],
)
def test_a_block_that_cannot_be_taken_away_is_told(answer: Answer, kind: type[SyncError]) -> None:
    ehr, _ = ehr_of(answer, can=SLOTS)
    with pytest.raises(kind):
        ehr.cancel(block())


def test_a_deletion_without_an_answer_is_looked_for() -> None:
    ehr, _ = ehr_of(NoAnswerError(), Answer(404), can=SLOTS)
    assert ehr.cancel(block()).status is Status.OVER
    ehr, _ = ehr_of(NoAnswerError(), Answer(200, SLOT), Answer(200, SCHEDULE), can=SLOTS)
    with pytest.raises(RetryableError):
        ehr.cancel(block())


def test_where_nothing_is_compared_a_slot_is_read_before_it_is_deleted() -> None:
    can = Capabilities(block_as=BlockAs.SLOT, checks_versions=False)
    ehr, script = ehr_of(Answer(200, SLOT), Answer(200, SCHEDULE), Answer(204), can=can)
    assert ehr.cancel(block()).status is Status.OVER
    assert [method for method, _ in script.requests] == ["GET", "GET", "DELETE"]
    ehr, _ = ehr_of(Answer(200, {**SLOT, "meta": {"versionId": "8"}}), Answer(200, SCHEDULE), can=can)
    with pytest.raises(StaleError):
        ehr.cancel(block())
    ehr, script = ehr_of(Answer(404), can=can)
    assert (ehr.cancel(block()).status, len(script.asked)) == (Status.OVER, 1)


@pytest.mark.parametrize(
    ("before", "what", "status"),
    [
        ({"status": "entered-in-error"}, What("Busy"), "busy-unavailable"),
        ({"status": "free"}, What("Busy"), "busy-unavailable"),
        ({"status": "entered-in-error"}, What("Busy", busy=False), "free"),
        ({"status": "entered-in-error", "extension": FREE}, None, "free"),
        ({"status": "entered-in-error"}, None, "busy-unavailable"),
    ],
)
def test_what_was_given_back_takes_its_time_again(before: Json, what: What | None, status: str) -> None:
    row = block(**before)
    assert row.status is Status.OVER
    after = {**SLOT, "status": status, "extension": FREE if status == "free" else []}
    ehr, script = ehr_of(Answer(200, after), can=SLOTS)
    assert ehr.rebook(row, what=what).status is Status.LIVE
    assert script.asked[0][4]["status"] == status


def test_what_was_deleted_is_not_brought_back() -> None:
    ehr, _ = ehr_of(Answer(204), Answer(410), can=SLOTS)
    with pytest.raises(GoneError):
        ehr.rebook(ehr.cancel(block()), span=MOVED)
