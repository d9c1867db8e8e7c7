"""The EHR's refusals as our errors. Nothing of a body leaves this module but a code.

A conflict is 412 in R4 and was 409 in STU3; servers follow either. The same statuses, with an
OperationOutcome of code `business-rule`, are a rule of the practice: reading again does not help there.
To a create they say that there is such a row already: whoever creates looks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from shared.adapters.fhir.elements import object_of, objects
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError, SyncError
from shared.ports import GoneError, ProtectedError
from shared.retry_after import SECONDS_MAX, after_seconds

PROTECTED_CODE = "appointment-protected"

_LATER = {423: "ehr_locked", 429: "ehr_rate_limit"}
_LATER_TOO = frozenset({408, 424, 425})
_NOT_IMPLEMENTED = 501
"""No state that passes: waiting does not help."""
_NOT_OFFERED = frozenset({405, _NOT_IMPLEMENTED})
_WRITES = frozenset({"create", "update", "delete"})
_RATE_LIMIT = re.compile(r";\s*r=0\s*;\s*t=(\d{1,6})(?:;|,|$)")
"""Seconds until a `RateLimit` with nothing left is filled up again (draft-ietf-httpapi-ratelimit-headers)."""
_SHORT_CODE = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_CODE_MAX = 40


class NoAnswerError(RetryableError):
    """The request may or may not have reached the EHR; nothing readable came back."""

    def __init__(self) -> None:
        super().__init__("ehr_unreachable")


class ExistsError(RejectedError):
    """What was to be made is perhaps there already."""


class UnsupportedError(RejectedError):
    """The EHR does not offer this interaction for any row."""


def translate(status: int, body: object, operation: str, headers: Mapping[str, str]) -> SyncError:
    """What an answer that is no success means for this operation: a type with `search`, `read`, `create`,
    `update` or `delete`, or `Appointment.changes`.

    `body`: parsed JSON, None where there is none. `headers`: lower-case names.
    """
    action = operation.rpartition(".")[2]
    if action in _WRITES and 400 <= status < 500:
        rule = _business_rule(body)
        if rule is not None:
            return rule
    if status == 401:
        return BlockedError("ehr_unauthorized")
    if status == 403:
        return BlockedError("ehr_forbidden")
    if action in _WRITES and status in _NOT_OFFERED:
        return UnsupportedError("ehr_unsupported")
    if status in _LATER or status in _LATER_TOO or (status >= 500 and status != _NOT_IMPLEMENTED):
        return RetryableError(_LATER.get(status, "ehr_unavailable"), _wait(headers))
    if status < 400:
        return BlockedError("ehr_redirects")
    return _of_action(status, body, action)


def _of_action(status: int, body: object, action: str) -> SyncError:
    if action == "changes" and status not in (404, 410):
        return BlockedError("ehr_cannot_list_changes")
    if action in ("changes", "search"):
        if status == 410:  # a link to a next page does not live for ever
            return RetryableError("ehr_page_expired")
        return BlockedError("ehr_search_refused" if status != 404 else "ehr_address_wrong")
    if status in (404, 410) and action != "create":
        return GoneError("ehr_gone")
    if status in (409, 412) and action in _WRITES:
        return ExistsError("ehr_exists") if action == "create" else StaleError("ehr_stale")
    if status == 428:  # sent wherever the row has a version
        return RejectedError("ehr_without_versions")
    return RejectedError(_refused(_detail_codes(body)))


def _business_rule(body: object) -> SyncError | None:
    codes = list(_detail_codes(body))
    if PROTECTED_CODE in codes:
        return ProtectedError("ehr_protected")
    if any(issue.get("code") == "business-rule" for issue in _issues(body)):
        return RejectedError(_refused(iter(codes)))
    return None


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds, as `Retry-After` says, else as the rate limit that is used up does."""
    asked = after_seconds(headers)
    window = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    return min(float(window[1]), SECONDS_MAX) if asked is None and window else asked


def _refused(codes: Iterator[str]) -> str:
    """With the EHR's own code where it can be one: short, lower case, without a space."""
    fit = (code for code in codes if len(code) <= _CODE_MAX and _SHORT_CODE.fullmatch(code))
    code = next(fit, None)
    return "ehr_refused" if code is None else f"ehr_refused_{code.replace('-', '_')}"


def _issues(body: object) -> list[Mapping[str, object]]:
    outcome = object_of(body)
    return objects(outcome.get("issue")) if outcome.get("resourceType") == "OperationOutcome" else []


def _detail_codes(body: object) -> Iterator[str]:
    for issue in _issues(body):
        for coding in objects(object_of(issue.get("details")).get("coding")):
            code = coding.get("code")
            if isinstance(code, str):
                yield code
