"""What went wrong, as problem details (RFC 9457): a status, a stable code, a sentence that people may read.

Nothing of an error's own text is in an answer; a field that is wrong is named, what stood in it is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

from shared.api.wire import Reply
from shared.core.errors import BlockedError, GrantDeadError, RejectedError, RetryableError, SyncError
from shared.ports import GoneError

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""Where an error does not say how long it lasts."""

_SIGN_IN = "The sign-in is not valid (any more). Please sign in again."
_TOKEN_CODES = (
    "malformed",
    "algorithm",
    "unknown_key",
    "signature",
    "claims",
    "issuer",
    "audience",
    "practice",
    "not_yet",
    "expired",
    "too_long_lived",
)

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "malformed": (400, "The body is not a JSON object."),
    "invalid": (400, "Fields of the body or of the address are unknown or have values that are not taken."),
    "token_missing": (401, "A bearer token is needed."),
    **{f"jwt_{code}": (401, _SIGN_IN) for code in _TOKEN_CODES},
    "other_practitioner": (403, "This is the calendar sync of somebody else."),
    "origin": (403, "Pages of this origin may not call."),
    "role": (403, "An administrator may see the sync, pause it and disconnect it, and nothing else."),
    "admins_only": (403, "This is for administrators of the practice."),
    "connect_other_practitioner": (403, "Another practitioner has asked for this connection."),
    "not_found": (404, "There is nothing at this address."),
    "not_connected": (404, "No Google account is connected."),
    "calendar_unknown": (404, "This calendar is not on the account's list."),
    "not_chosen": (404, "This calendar was not chosen."),
    "practitioner_unknown": (404, "The practice software does not know this practitioner."),
    "method_not_allowed": (405, "This address is not used in this way."),
    "already_connected": (409, "This practitioner is connected."),
    "already_started": (409, "The calendar has its name already: it is changed in Google Calendar."),
    "not_paused": (409, "The sync is not paused."),
    "not_started": (409, "The sync was not started."),
    "not_syncing": (409, "The sync is not running."),
    "other_account": (409, "Another Google account is connected. Disconnect that one first."),
    "reconnect_needed": (409, "Google does not let us in any more. Please connect again."),
    "removing": (409, "What the sync has made is just being removed; then it is disconnected."),
    "lapsed": (409, "The time that was agreed on for this sync is over."),
    "calendar_missing": (409, "The calendar was deleted in Google. It has to be made again first."),
    "stopping": (409, "The sync is just being stopped. Please try again in a moment."),
    "too_large": (413, "The body is too large."),
    "media_type": (415, "The body has to be application/json."),
    "accept_unavailable": (
        422,
        "The EHR does not tell which appointments are protected.",
    ),
    "no_such_review": (404, "There is no such review."),
    "calendar_not_eligible": (422, "This calendar cannot take part."),
    "connect_code_unknown": (422, "This code was used already or has expired. Please connect again."),
    "full_name_unacknowledged": (
        422,
        "This Google account belongs to no organization. Confirm that clients' full names may stand in it.",
    ),
    "internal_id_unavailable": (422, "The practice has no numbers for its clients."),
    "too_often": (429, "This was read very often. Please wait."),
    "bug": (500, "Something went wrong on our side."),
    "try_again": (503, "That did not work just now. Please try again in a moment."),
    "unavailable": (503, "The calendar sync is out of order. It has to be mended first."),
}


TOKEN_CODES = ("token_missing", *(f"jwt_{code}" for code in _TOKEN_CODES))
"""Of a call that nobody is let in by."""
_CHALLENGES = {"token_missing": "Bearer"} | dict.fromkeys(
    (f"jwt_{code}" for code in _TOKEN_CODES), 'Bearer error="invalid_token"'
)
"""RFC 6750, section 3."""


class ProblemError(Exception):
    """An answer that is none; `members`: what it says beyond its code."""

    def __init__(
        self,
        code: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status or PROBLEMS[code][0]
        self.headers = headers or {}
        self.members = members or {}


def invalid(fields: Mapping[str, str]) -> ProblemError:
    """What is wrong with each of these fields, as a code."""
    listed = [{"field": name, "problem": what} for name, what in fields.items()]
    return ProblemError("invalid", members={"fields": listed})


def problem_of(error: Exception) -> ProblemError:
    """The answer to an error of ours, or to a bug."""
    match error:
        case ProblemError():
            return error
        case GrantDeadError():
            return ProblemError("reconnect_needed")
        case RetryableError():
            wait = ceil(error.after_seconds or RETRY_SECONDS)
            code = "stopping" if error.reason == "stopping" else "try_again"
            return ProblemError(code, status=503, headers={"Retry-After": str(wait)})
        case RejectedError() | BlockedError() if error.reason in PROBLEMS:
            return ProblemError(error.reason)
        case GoneError():  # the practitioner is the one thing that is read by its id here
            return ProblemError("practitioner_unknown")
        case RejectedError() | BlockedError():
            return ProblemError("unavailable")
        case _:
            return ProblemError("bug")


def why(error: Exception) -> Mapping[str, str]:
    """What operators are told beyond the code; of what is not ours to name, its type."""
    if isinstance(error, SyncError):
        return {"reason": error.reason}
    return {} if isinstance(error, ProblemError) else {"bug": type(error).__name__}


def reply_of(problem: ProblemError) -> Reply:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": PROBLEMS[problem.code][1],
        **problem.members,
    }
    challenge = _CHALLENGES.get(problem.code)
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return Reply(problem.status, json.dumps(body), {"Content-Type": MEDIA_TYPE, **headers, **problem.headers})
