"""What each refusal of a FHIR server means (hl7.org/fhir/R4/http.html, and what servers make of it)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from shared.adapters.fhir.errors import ExistsError, UnsupportedError, translate
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError, SyncError
from shared.ports import GoneError, ProtectedError
from tests.fhir_script import Json, outcome

READS = ("Appointment.read", "Practitioner.read")
SEARCHES = ("Appointment.search", "Patient.search")
CHANGES = ("Appointment.changes",)
CREATE, UPDATE, DELETE = (f"Appointment.{action}" for action in ("create", "update", "delete"))
WRITES = (CREATE, UPDATE, DELETE)
OPERATIONS = (*READS, *SEARCHES, *CHANGES, *WRITES)

PROTECTED = outcome("business-rule", "appointment-protected")
RULES: list[tuple[Json, type[SyncError], str]] = [
    (PROTECTED, ProtectedError, "ehr_protected"),
    (outcome("business-rule", "occupied"), RejectedError, "ehr_refused_occupied"),
    (outcome("business-rule", "opening-hours"), RejectedError, "ehr_refused_opening_hours"),
    (outcome("business-rule", "Erika Mustermann is away"), RejectedError, "ehr_refused"),
    (outcome("business-rule", "x" * 41), RejectedError, "ehr_refused"),
    (outcome("business-rule"), RejectedError, "ehr_refused"),
    (outcome("processing", "appointment-protected"), ProtectedError, "ehr_protected"),
]
TABLE: list[tuple[int, object, Sequence[str], type[SyncError], str]] = [
    *(
        (status, body, WRITES, kind, reason)
        for status in (400, 403, 409, 412, 422)
        for body, kind, reason in RULES
    ),
    (302, None, OPERATIONS, BlockedError, "ehr_redirects"),
    (400, outcome("invalid"), SEARCHES, BlockedError, "ehr_search_refused"),
    (400, outcome("not-supported"), CHANGES, BlockedError, "ehr_cannot_list_changes"),
    (400, None, (*READS, *WRITES), RejectedError, "ehr_refused"),
    (401, None, OPERATIONS, BlockedError, "ehr_unauthorized"),
    (403, None, OPERATIONS, BlockedError, "ehr_forbidden"),
    (403, outcome("forbidden"), OPERATIONS, BlockedError, "ehr_forbidden"),
    (404, None, (*READS, UPDATE, DELETE), GoneError, "ehr_gone"),
    (404, None, (*SEARCHES, *CHANGES), BlockedError, "ehr_address_wrong"),
    (404, None, (CREATE,), RejectedError, "ehr_refused"),
    (405, None, WRITES, UnsupportedError, "ehr_unsupported"),
    (408, None, OPERATIONS, RetryableError, "ehr_unavailable"),
    (409, outcome("conflict"), (UPDATE, DELETE), StaleError, "ehr_stale"),
    (409, None, (UPDATE, DELETE), StaleError, "ehr_stale"),
    (409, outcome("duplicate"), (CREATE,), ExistsError, "ehr_exists"),
    (410, outcome("deleted"), (*READS, UPDATE, DELETE), GoneError, "ehr_gone"),
    (410, None, (*SEARCHES, *CHANGES), RetryableError, "ehr_page_expired"),
    (412, outcome("conflict", "stale-version"), (UPDATE, DELETE), StaleError, "ehr_stale"),
    (412, outcome("multiple-matches"), (CREATE,), ExistsError, "ehr_exists"),
    (422, outcome("invariant", "app-3"), WRITES, RejectedError, "ehr_refused_app_3"),
    (422, None, WRITES, RejectedError, "ehr_refused"),
    (423, None, OPERATIONS, RetryableError, "ehr_locked"),
    (424, None, OPERATIONS, RetryableError, "ehr_unavailable"),
    (428, None, WRITES, RejectedError, "ehr_without_versions"),
    (429, None, OPERATIONS, RetryableError, "ehr_rate_limit"),
    (500, outcome("exception"), OPERATIONS, RetryableError, "ehr_unavailable"),
    (501, outcome("not-supported"), WRITES, UnsupportedError, "ehr_unsupported"),
    (502, None, OPERATIONS, RetryableError, "ehr_unavailable"),
    (503, PROTECTED, OPERATIONS, RetryableError, "ehr_unavailable"),
    (504, None, OPERATIONS, RetryableError, "ehr_unavailable"),
]
ROWS = [
    (status, body, operation, kind, reason)
    for status, body, operations, kind, reason in TABLE
    for operation in operations
]


@pytest.mark.parametrize(("status", "body", "operation", "kind", "reason"), ROWS)
def test_a_refusal_is_named_by_its_remedy(
    status: int, body: object, operation: str, kind: type[SyncError], reason: str
) -> None:
    error = translate(status, body, operation, {})
    assert (type(error), error.reason) == (kind, reason)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_status_has_a_remedy_and_tells_nothing_of_its_body(operation: str) -> None:
    odd: list[object] = [
        None,
        [],
        "text",
        {},
        {"resourceType": "OperationOutcome", "issue": [5, {"details": {"coding": [{"code": 5}, 6]}}]},
    ]
    for status in range(300, 600):
        for body in [*odd, *(body for _, body, *_ in TABLE)]:
            error = translate(status, body, operation, {})
            assert isinstance(error, SyncError)
            assert re.fullmatch(r"ehr(_[a-z0-9]+)*", error.reason)
            assert str(error) == error.reason


def test_the_wait_an_ehr_asks_for_is_kept() -> None:
    for status in (423, 429, 503):
        error = translate(status, None, UPDATE, {"retry-after": "30"})
        assert isinstance(error, RetryableError)
        assert error.after_seconds == 30.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ('"requests";r=0;t=55', 55.0),
        ('"requests"; r=0; t=55, "cost";r=1;t=9', 55.0),
        ('"requests";r=12;t=55', None),  # there is something left: the refusal has another reason
        ('"requests";r=0', None),
        ("t=55", None),
        ("", None),
    ],
)
def test_a_rate_limit_tells_when_it_opens_again(header: str, seconds: float | None) -> None:
    error = translate(429, None, UPDATE, {"ratelimit": header})
    assert isinstance(error, RetryableError)
    assert error.after_seconds == seconds


def test_a_wait_that_is_asked_for_goes_before_a_rate_limit() -> None:
    error = translate(429, None, UPDATE, {"ratelimit": '"requests";r=0;t=55', "retry-after": "7"})
    assert isinstance(error, RetryableError)
    assert error.after_seconds == 7.0
