"""What an error of ours is to whoever called, and what operators are told of it."""

from __future__ import annotations

import json

import pytest

from shared.api.problems import PROBLEMS, RETRY_SECONDS, ProblemError, problem_of, reply_of, why
from shared.core.errors import (
    BlockedError,
    GrantDeadError,
    OverLimitError,
    RejectedError,
    RetryableError,
    StaleError,
)
from shared.ports import GoneError


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ProblemError("too_large"), 413, "too_large"),
        (RejectedError("not_connected"), 404, "not_connected"),
        (RejectedError("stopping"), 409, "stopping"),
        (RejectedError("jwt_expired"), 401, "jwt_expired"),
        (RejectedError("google_refused"), 503, "unavailable"),
        (BlockedError("not_connected"), 404, "not_connected"),
        (BlockedError("seal_broken"), 503, "unavailable"),
        (GrantDeadError(), 409, "reconnect_needed"),
        (GoneError("ehr_gone"), 404, "practitioner_unknown"),
        (RetryableError("stopping"), 503, "stopping"),
        (RetryableError("store_unavailable"), 503, "try_again"),
        (OverLimitError("google_rate_limit", 30), 503, "try_again"),
        (StaleError("store_precondition"), 500, "bug"),
        (KeyError("somebody's name"), 500, "bug"),
    ],
)
def test_an_error_has_its_status_and_code_and_shows_no_text(error: Exception, status: int, code: str) -> None:
    reply = reply_of(problem_of(error))
    body = json.loads(reply.body)
    assert (reply.status, body["status"], body["code"]) == (status, status, code)
    assert body["detail"] == PROBLEMS[code][1]
    assert not any(text in reply.body for text in ("seal", "google_", "ehr_", "store_", "somebody"))


@pytest.mark.parametrize(("after", "header"), [(None, str(RETRY_SECONDS)), (0.2, "1"), (30, "30")])
def test_what_passes_by_itself_says_when_to_come_again(after: float | None, header: str) -> None:
    reply = reply_of(problem_of(RetryableError("google_unavailable", after)))
    assert reply.headers["Retry-After"] == header


@pytest.mark.parametrize("error", [BlockedError("seal_broken"), RejectedError("stopping"), KeyError("name")])
def test_what_does_not_pass_says_nothing_of_when(error: Exception) -> None:
    assert "Retry-After" not in reply_of(problem_of(error)).headers


def test_operators_are_told_reasons_and_types_and_no_text() -> None:
    assert why(BlockedError("seal_broken")) == {"reason": "seal_broken"}
    assert why(KeyError("somebody's name")) == {"bug": "KeyError"}
    assert why(ProblemError("too_large")) == {}


def test_every_sentence_is_one_that_people_may_read() -> None:
    for code, (status, sentence) in PROBLEMS.items():
        assert 400 <= status < 600, code
        assert sentence[0].isupper(), code
        assert sentence.endswith("."), code
