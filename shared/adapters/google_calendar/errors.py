"""Google's refusals as our errors: one function for the API, one for the token endpoint.

The body decides by its reasons, never by one status alone: 410 is an expired cursor on a listing and success
on a deletion, 403 is anything from a rate limit to a dead scope. Reasons come in two envelopes (`errors` of
the older API, `details` of the front end, which may carry both), or not at all in the HTML of a front end.
Nothing of a body leaves this module.

Sources: developers.google.com/workspace/calendar/api/guides/errors, …/guides/quota, …/guides/sync.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from google.auth.exceptions import RefreshError

from shared.core.errors import (
    BlockedError,
    GrantDeadError,
    OverLimitError,
    RejectedError,
    RetryableError,
    StaleError,
    SyncError,
)
from shared.ports import CursorLostError, GoneError, TakenError
from shared.retry_after import after_seconds

QUOTA_SECONDS = 3600.0
"""Use limits of an account refill in hours, not in seconds."""

_ONE_EVENT = frozenset({"events.get", "events.insert", "events.patch", "events.delete", "events.instances"})
_OF_A_CALENDAR = frozenset({"events.list", "events.insert", "events.watch", "calendarList.get"})
_CONDITIONAL = frozenset({"events.patch", "events.delete"})
_READS = frozenset({"events.list", "events.get", "events.instances", "calendarList.list", "calendarList.get"})

_RATE_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
_LOST_CURSOR_WORDS = ("sync token", "page token")


def translate(status: int, body: bytes | None, operation: str, headers: Mapping[str, str]) -> SyncError:
    """What an answer that is no success means for this operation (a method of the API: `events.patch`).

    `events.patch` and `events.delete` are taken to carry If-Match. `headers`: lower-case names.
    """
    problem = _problem(body)
    if any(reason.startswith("push.") for reason in problem.reasons):  # 400, and 401 for a domain unverified
        return BlockedError("google_push_address")
    if status == 401:
        return BlockedError("google_unauthorized")
    if status == 403:
        return _forbidden(problem, operation, headers)
    if status in (408, 429) or status >= 500:
        if status == 429:
            return OverLimitError("google_rate_limit", after_seconds(headers))
        return RetryableError("google_unavailable", after_seconds(headers))
    if status in (404, 410):
        return _gone(status, problem, operation)
    if status == 409:
        return (
            TakenError("google_id_taken") if operation == "events.insert" else StaleError("google_conflict")
        )
    if status == 412:
        conditional = operation in _CONDITIONAL
        return StaleError("google_stale") if conditional else RetryableError("google_precondition")
    if status == 400:
        return _invalid(problem, operation)
    return RetryableError("google_refused") if operation in _READS else RejectedError("google_refused")


def translate_refresh(error: RefreshError) -> SyncError:
    """What a failed refresh means. Only `invalid_grant` says that the person's grant is dead.

    google-auth hands over the endpoint's JSON as its second argument; without JSON it has a text only: the
    answer as it was (a front end's HTML), or a sentence of its own.
    """
    answer = error.args[1] if len(error.args) > 1 else None
    if isinstance(answer, Mapping):
        if answer.get("error") == "invalid_grant":
            return GrantDeadError()
        transient = error.retryable or "error" not in answer
        return RetryableError("google_token") if transient else BlockedError("google_client_configuration")
    text = str(error.args[0]) if error.args else ""
    if text.startswith("Reauthentication is needed"):  # invalid_grant with the subtype of a session control
        return GrantDeadError()
    if text.startswith("The credentials do not contain"):
        return BlockedError("google_client_configuration")
    return RetryableError("google_token")


@dataclass(frozen=True)
class _Problem:
    """What a refusal says of itself."""

    reasons: frozenset[str] = frozenset()
    words: str = ""
    """Its message in lower case, to be searched, never to be shown."""


def _problem(body: bytes | None) -> _Problem:
    try:
        data = json.loads(body or b"")
    except ValueError:
        return _Problem()
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return _Problem()
    lists = [part for part in (error.get("errors"), error.get("details")) if isinstance(part, list)]
    parts = [part for each in lists for part in each if isinstance(part, dict)]
    reasons = frozenset(reason for part in parts if isinstance(reason := part.get("reason"), str))
    return _Problem(reasons, str(error.get("message", "")).lower())


def _forbidden(problem: _Problem, operation: str, headers: Mapping[str, str]) -> SyncError:
    reasons = problem.reasons
    if not reasons:  # a front end's page: it says nothing of rights
        return RetryableError("google_forbidden_without_reason", after_seconds(headers))
    if "quotaExceeded" in reasons:
        return OverLimitError("google_use_limit", QUOTA_SECONDS)
    if "dailyLimitExceeded" in reasons:
        return RetryableError("google_daily_limit", QUOTA_SECONDS)
    if reasons & _RATE_REASONS:
        return OverLimitError("google_rate_limit", after_seconds(headers))
    if reasons & {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}:
        return BlockedError("google_scope_missing")
    if reasons & {"accessNotConfigured", "SERVICE_DISABLED"}:
        return BlockedError("google_api_disabled")
    if "notACalendarUser" in reasons:
        return BlockedError("google_calendar_not_enabled")
    if operation in _ONE_EVENT:
        return RejectedError("google_forbidden")
    if operation == "channels.stop":  # it is somebody else's
        return GoneError("google_channel_gone")
    return BlockedError("google_calendar_forbidden")


def _gone(status: int, problem: _Problem, operation: str) -> SyncError:
    """404 and 410. A listing's 410 is about its cursor, unless it says that the calendar was deleted."""
    if status == 410 and operation == "events.list" and "deleted" not in problem.reasons:
        return CursorLostError("google_cursor_lost")
    if operation in _OF_A_CALENDAR:
        return GoneError("google_calendar_gone")
    if operation in _ONE_EVENT:
        return GoneError("google_event_gone")
    if operation == "channels.stop":
        return GoneError("google_channel_gone")
    return RetryableError("google_refused")  # the list of an account, and making a calendar, cannot be gone


def _invalid(problem: _Problem, operation: str) -> SyncError:
    if "pushNotSupportedForRequestedResource" in problem.reasons:
        return RejectedError("google_not_watchable")
    if "channelIdNotUnique" in problem.reasons:
        return TakenError("google_id_taken")
    if operation not in _READS:
        return RejectedError("google_invalid")
    if operation == "events.list" and any(words in problem.words for words in _LOST_CURSOR_WORDS):
        return CursorLostError("google_cursor_lost")
    return RejectedError("google_invalid") if operation in _ONE_EVENT else BlockedError("google_invalid")
