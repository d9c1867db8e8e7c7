"""Google's refusals, and the JSON they travel in.

Two envelopes exist: most Calendar refusals carry the older one (`errors`), those of Google's front end
(credentials, scopes, quotas, a disabled API) add `status` and `details`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

FRONT_END = {
    "authError": "CREDENTIALS_MISSING",
    "insufficientPermissions": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "accessNotConfigured": "SERVICE_DISABLED",
    "rateLimitExceeded": "RATE_LIMIT_EXCEEDED",
    "userRateLimitExceeded": "RATE_LIMIT_EXCEEDED",
    "dailyLimitExceeded": "RATE_LIMIT_EXCEEDED",
}
"""Reasons in the newer envelope: their ErrorInfo reason."""

GRPC_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""By HTTP status; of any other the newer envelope says FAILED_PRECONDITION."""

OLDER, NEWER, BARE = "older", "newer", "bare"
ENVELOPES = (OLDER, NEWER, BARE)
"""`errors` alone; `errors` with `status` and `details`; `status` and `details` alone."""


GLOBAL, CALENDAR, USAGE = "global", "calendar", "usageLimits"
"""Domains of errors."""


@dataclass(frozen=True)
class Known:
    """How Google says one reason, where a method has no sentence of its own for it."""

    status: int
    message: str
    domain: str = GLOBAL
    location: str | None = None
    location_type: str | None = None


KNOWN = {
    "timeRangeEmpty": Known(400, "The specified time range is empty.", CALENDAR),
    "invalid": Known(400, "Invalid Value"),
    "required": Known(400, "Missing end time."),
    "badRequest": Known(400, "Bad Request"),
    "parseError": Known(400, "Parse Error"),
    "channelIdNotUnique": Known(400, "Channel id not unique"),
    "pushNotSupportedForRequestedResource": Known(
        400, "Push notifications are not supported by this resource."
    ),
    "push.webhookUrlNotHttps": Known(400, "WebHook callback must be HTTPS"),
    "push.webhookUrlUnauthorized": Known(401, "Unauthorized WebHook callback channel"),
    "cannotUseDefaultRemindersAndSpecifyOverride": Known(
        400, "Cannot specify both default reminders and overrides at the same time.", CALENDAR
    ),
    "authError": Known(401, "Invalid Credentials", GLOBAL, "Authorization", "header"),
    "userRateLimitExceeded": Known(403, "User Rate Limit Exceeded", USAGE),
    "rateLimitExceeded": Known(403, "Rate Limit Exceeded", USAGE),
    "quotaExceeded": Known(403, "Calendar usage limits exceeded.", USAGE),
    "dailyLimitExceeded": Known(403, "Daily Limit Exceeded", USAGE),
    "accessNotConfigured": Known(403, "The API has not been used in this project or is disabled.", USAGE),
    "insufficientPermissions": Known(403, "Request had insufficient authentication scopes."),
    "forbidden": Known(403, "Forbidden"),
    "forbiddenForNonOrganizer": Known(
        403, "Shared properties can only be changed by the organizer of the event.", CALENDAR
    ),
    "requiredAccessLevel": Known(403, "You need to have writer access to this calendar.", CALENDAR),
    "notACalendarUser": Known(403, "The user must be signed up for Google Calendar.", CALENDAR),
    "notFound": Known(404, "Not Found"),
    "duplicate": Known(409, "The requested identifier already exists."),
    "conflict": Known(409, "Conflict"),
    "fullSyncRequired": Known(
        410,
        "Sync token is no longer valid, a full sync is required.",
        CALENDAR,
        "syncToken",
        "parameter",
    ),
    "updatedMinTooLongAgo": Known(
        410,
        "The requested minimum modification time lies too far in the past.",
        CALENDAR,
        "updatedMin",
        "parameter",
    ),
    "deleted": Known(410, "Resource has been deleted"),
    "conditionNotMet": Known(412, "Precondition Failed", GLOBAL, "If-Match", "header"),
    "failedPrecondition": Known(412, "Precondition check failed."),
    "backendError": Known(500, "Backend Error"),
}


class ApiError(Exception):
    """One refusal. `location` and `location_type` name the parameter or header at fault, if any."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        domain: str = "global",
        location: str | None = None,
        location_type: str | None = None,
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location
        self.location_type = location_type

    def body(self, envelope: str = "") -> Json:
        """The answer's JSON, in the envelope that goes with the reason unless another is named."""
        envelope = envelope or (NEWER if self.reason in FRONT_END else OLDER)
        error: Json = {"code": self.status, "message": self.message}
        if envelope != BARE:
            error = {"errors": [self._detail()], **error}
        if envelope != OLDER:
            error["status"] = GRPC_STATUS.get(self.status, "FAILED_PRECONDITION")
            error["details"] = [self._info()]
        return {"error": error}

    def _detail(self) -> Json:
        detail: Json = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location is not None:
            detail |= {"locationType": self.location_type, "location": self.location}
        return detail

    def _info(self) -> Json:
        spelled = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.reason).upper()
        return {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": FRONT_END.get(self.reason, spelled),
            "domain": "googleapis.com",
            "metadata": {"service": "calendar-json.googleapis.com"},
        }


def invalid(message: str) -> ApiError:
    return ApiError(400, "invalid", message)


def invalid_parameter(message: str, name: str) -> ApiError:
    return ApiError(400, "invalidParameter", message, location=name, location_type="parameter")


def bad_request(message: str = "Bad Request") -> ApiError:
    return ApiError(400, "badRequest", message)


def required(message: str) -> ApiError:
    return ApiError(400, "required", message)


def forbidden(message: str = "Forbidden") -> ApiError:
    return ApiError(403, "forbidden", message)


def access_required(role: str) -> ApiError:
    message = f"You need to have {role} access to this calendar."
    return ApiError(403, "requiredAccessLevel", message, "calendar")


def refusal(reason: str, status: int = 0, message: str = "") -> ApiError:
    """One of those known, with another status or sentence where one is given; an unknown reason is a 500."""
    known = KNOWN.get(reason, Known(500, "Internal Error"))
    return ApiError(
        status or known.status,
        reason,
        message or known.message,
        known.domain,
        known.location,
        known.location_type,
    )


def not_found() -> ApiError:
    return refusal("notFound")


def condition_not_met() -> ApiError:
    return refusal("conditionNotMet")


def full_sync_required() -> ApiError:
    return refusal("fullSyncRequired")
