"""One row for an identifier, on FHIR servers that see to that and on those that do not."""

from __future__ import annotations

import pytest

from shared.adapters.fhir import Answer, FhirEhr, NoAnswerError
from shared.core.errors import RejectedError, RetryableError, SyncError
from shared.core.model import Appointment, Kind, Status, What
from shared.ports import Capabilities
from tests.fhir_script import PATIENT, PERSONAL, PRACTITIONER, Json, at, bundle, ehr_of

NAME = "https://calsync.example/personal|c.k"
TWICE = Capabilities(creates_once=False)
"""Of a server that makes a second row for the same identifier."""


def named(row_id: str, second: int = 0, **more: object) -> Json:
    """A row under our identifier, last changed at this second."""
    return {
        **PERSONAL,
        "id": row_id,
        "meta": {"versionId": "1", "lastUpdated": f"2026-03-01T12:00:{second:02}Z"},
        "identifier": [{"system": "https://calsync.example/personal", "value": "c.k"}],
        **more,
    }


def create(ehr: FhirEhr) -> Appointment:
    return ehr.create(Kind.PERSONAL, "d1", "c.k", (at(9), at(10)), What("Dentist"))


def test_a_create_is_conditional_on_its_identifier() -> None:
    ehr, script = ehr_of(Answer(201, PERSONAL))
    ehr.create(Kind.PERSONAL, "d1", "c.k", (at(9), at(10)), What("Dentist", busy=False))
    [(method, url, _, headers, body)] = script.asked
    assert (method, url) == ("POST", "Appointment")
    assert headers["If-None-Exist"] == "identifier=https://calsync.example/personal|c.k"
    assert body == {
        "resourceType": "Appointment",
        "identifier": [{"system": "https://calsync.example/personal", "value": "c.k"}],
        "status": "booked",
        "appointmentType": {"text": "personal"},
        "start": "2026-03-02T09:00:00Z",
        "end": "2026-03-02T10:00:00Z",
        "participant": [{"actor": {"reference": "Practitioner/d1"}, "status": "accepted"}],
        "description": "Dentist",
        "extension": [{"url": "https://calsync.example/free", "valueBoolean": True}],
    }


def test_a_create_without_an_answer_is_repeated_once() -> None:
    ehr, script = ehr_of(NoAnswerError(), Answer(200, PERSONAL))
    assert ehr.create(Kind.PERSONAL, "d1", "c.k", (at(9), at(10)), What("")).id == "a1"
    assert script.asked[0] == script.asked[1]


def test_a_create_that_is_never_answered_is_looked_for_by_its_identifier() -> None:
    ehr, script = ehr_of(NoAnswerError(), NoAnswerError(), bundle(named("a1")))
    assert create(ehr).id == "a1"
    assert script.asked[2][2]["identifier"] == NAME
    ehr, script = ehr_of(NoAnswerError(), NoAnswerError(), bundle())
    with pytest.raises(RetryableError, match="ehr_unreachable"):
        create(ehr)


@pytest.mark.parametrize(
    "location",
    [
        "Appointment/a1",
        "Appointment/a1/_history/1",
        "/fhir/Appointment/a1",
        "https://ehr.example/fhir/Appointment/a1/_history/1",
    ],
)
def test_a_create_answered_without_the_row_is_read_where_it_is_said_to_be(location: str) -> None:
    ehr, script = ehr_of(Answer(201, headers={"location": location}), Answer(200, named("a1")))
    assert create(ehr).id == "a1"
    assert script.requests == [("POST", "Appointment"), ("GET", "Appointment/a1")]


@pytest.mark.parametrize("headers", [{}, {"location": "Appointment"}, {"location": "https://ehr.example/a1"}])
def test_a_create_answered_with_nothing_at_all_is_looked_for_by_its_identifier(
    headers: dict[str, str],
) -> None:
    ehr, script = ehr_of(Answer(201, headers=headers), bundle(named("a1")))
    assert create(ehr).id == "a1"
    assert script.asked[1][2]["identifier"] == NAME
    ehr, _ = ehr_of(Answer(201), bundle())
    with pytest.raises(RetryableError, match="ehr_answer_unreadable"):
        create(ehr)


@pytest.mark.parametrize("status", [409, 412])
def test_a_create_that_meets_several_rows_keeps_the_oldest(status: int) -> None:
    ehr, script = ehr_of(Answer(status), bundle(named("a2", 2), named("a1", 1)), Answer(204))
    assert create(ehr).id == "a1"
    assert script.requests[2:] == [("DELETE", "Appointment/a2")]
    assert script.asked[2][3]["If-Match"] == 'W/"1"'


def test_a_create_that_is_refused_as_a_duplicate_of_nothing_is_refused() -> None:
    ehr, _ = ehr_of(Answer(409), bundle())
    with pytest.raises(RejectedError, match="ehr_exists"):
        create(ehr)


def test_an_existing_row_is_answered_as_it_stands() -> None:
    for can in (None, TWICE):
        over = named("a1", status="cancelled")
        ehr, script = ehr_of(Answer(200, over) if can is None else bundle(over), can=can)
        assert (create(ehr).status, len(script.asked)) == (Status.OVER, 1)


# --- a server that makes a second row -------------------------------------------------------------------


def test_what_nobody_made_is_made_and_looked_for_again() -> None:
    ehr, script = ehr_of(bundle(), Answer(201, named("a1")), bundle(named("a1")), can=TWICE)
    assert create(ehr).id == "a1"
    assert script.requests == [("GET", "Appointment"), ("POST", "Appointment"), ("GET", "Appointment")]


def test_a_row_that_the_search_does_not_show_yet_is_still_the_one_that_was_made() -> None:
    ehr, _ = ehr_of(bundle(), Answer(201, named("a1")), bundle(), can=TWICE)
    assert create(ehr).id == "a1"


@pytest.mark.parametrize(("mine", "other"), [("a1", "a2"), ("a2", "a1")])
def test_of_two_who_create_at_once_both_keep_the_same_row(mine: str, other: str) -> None:
    rows = {"a1": named("a1", 1), "a2": named("a2", 2)}
    found = bundle(rows[other], rows[mine])
    ehr, script = ehr_of(bundle(), Answer(201, rows[mine]), found, Answer(204), can=TWICE)
    assert create(ehr).id == "a1"
    assert script.requests[3:] == [("DELETE", "Appointment/a2")]


def test_rows_of_one_instant_are_told_apart_by_their_ids() -> None:
    found = bundle(named("b", 1), named("a", 1))
    ehr, _ = ehr_of(bundle(), Answer(201, named("b", 1)), found, Answer(204), can=TWICE)
    assert create(ehr).id == "a"


def test_two_rows_met_before_anything_is_made_become_one() -> None:
    ehr, script = ehr_of(bundle(named("a1", 2), named("a2", 1)), Answer(404), can=TWICE)
    assert create(ehr).id == "a2"
    assert script.requests[1:] == [("DELETE", "Appointment/a1")]


def test_a_live_row_stays_before_an_older_one_that_is_over() -> None:
    over = named("a1", 1, status="entered-in-error")
    ehr, script = ehr_of(bundle(over, named("a2", 2)), can=TWICE)
    assert (create(ehr).id, len(script.asked)) == ("a2", 1)


def test_a_client_appointment_is_never_taken_away() -> None:
    client = {"participant": [PATIENT, PRACTITIONER]}
    rows = [named("a1", 1), named("a2", 2, **client), named("a3", 3, **client)]
    ehr, script = ehr_of(bundle(*rows), Answer(204), can=TWICE)
    assert create(ehr).id == "a2"
    assert script.requests[1:] == [("DELETE", "Appointment/a1")]


def test_rows_of_other_names_that_a_server_answers_are_left_alone() -> None:
    other = named("x", identifier=[{"system": "https://calsync.example/personal", "value": "c.other"}])
    foreign = named("y", identifier=[{"system": "https://else.example", "value": "c.k"}])
    rows = [other, foreign, {**PERSONAL, "id": "z"}]
    ehr, script = ehr_of(bundle(*rows), Answer(201, named("a1")), bundle(*rows), can=TWICE)
    assert (create(ehr).id, len(script.asked)) == ("a1", 3)


def test_a_lost_create_is_looked_for_and_never_repeated() -> None:
    ehr, script = ehr_of(bundle(), NoAnswerError(), bundle(named("a1")), can=TWICE)
    assert (create(ehr).id, len(script.asked)) == ("a1", 3)
    ehr, script = ehr_of(bundle(), NoAnswerError(), bundle(), can=TWICE)
    with pytest.raises(RetryableError, match="ehr_unreachable"):
        create(ehr)


@pytest.mark.parametrize("refusal", [Answer(405), Answer(403), Answer(501), Answer(400)])
def test_where_nothing_is_deleted_the_second_row_is_entered_in_error(refusal: Answer) -> None:
    in_error = named("a2", 2, status="entered-in-error")
    ehr, script = ehr_of(bundle(named("a1", 1), named("a2", 2)), refusal, Answer(200, in_error), can=TWICE)
    assert create(ehr).id == "a1"
    method, url, _, _, body = script.asked[2]
    assert (method, url, body["status"]) == ("PUT", "Appointment/a2", "entered-in-error")


@pytest.mark.parametrize("trouble", [Answer(401), Answer(412), Answer(503)])
def test_a_second_row_that_cannot_be_taken_away_now_is_told(trouble: Answer) -> None:
    ehr, _ = ehr_of(bundle(named("a1", 1), named("a2", 2)), trouble, can=TWICE)
    with pytest.raises(SyncError):
        create(ehr)


def test_a_lost_removal_is_looked_for() -> None:
    rows = bundle(named("a1", 1), named("a2", 2))
    ehr, _ = ehr_of(rows, NoAnswerError(), Answer(410), can=TWICE)
    assert create(ehr).id == "a1"
    ehr, _ = ehr_of(rows, NoAnswerError(), Answer(200, named("a2", 2)), can=TWICE)
    with pytest.raises(RetryableError):
        create(ehr)
