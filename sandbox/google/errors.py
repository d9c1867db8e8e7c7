"""Google's refusals, and the JSON they travel in.

Two envelopes exist: most Calendar refusals carry the older one (`errors`), those of Google's front end
(credentials, scopes, quotas, a disabled API) add `status` and `details`.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

FRONT_END = {
    "authError": ("UNAUTHENTICATED", "CREDENTIALS_MISSING"),
    "insufficientPermissions": ("PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    "accessNotConfigured": ("PERMISSION_DENIED", "SERVICE_DISABLED"),
    "rateLimitExceeded": ("PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED"),
    "userRateLimitExceeded": ("PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED"),
    "dailyLimitExceeded": ("PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED"),
}
"""Reasons in the newer envelope: their gRPC status and ErrorInfo reason."""

STATUS_BY_CODE = {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"}

USAGE_LIMITS = frozenset(
    {
        "accessNotConfigured",
        "dailyLimitExceeded",
        "quotaExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
    }
)
OF_CALENDAR = frozenset(
    {
        "cannotUseDefaultRemindersAndSpecifyOverride",
        "forbiddenForNonOrganizer",
        "fullSyncRequired",
        "notACalendarUser",
        "requiredAccessLevel",
        "timeRangeEmpty",
        "updatedMinTooLongAgo",
    }
)


def domain_of(reason: str) -> str:
    """The domain Google gives with a reason."""
    if reason in USAGE_LIMITS:
        return "usageLimits"
    return "calendar" if reason in OF_CALENDAR else "global"


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

    def body(self) -> Json:
        """The answer's JSON, in the envelope that goes with the reason."""
        detail: Json = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location is not None:
            detail |= {"locationType": self.location_type, "location": self.location}
        error: Json = {"errors": [detail], "code": self.status, "message": self.message}
        if self.reason in FRONT_END:
            status, info = FRONT_END[self.reason]
            error["status"] = STATUS_BY_CODE.get(self.status, status)
            error["details"] = [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": info,
                    "domain": "googleapis.com",
                    "metadata": {"service": "calendar-json.googleapis.com"},
                }
            ]
        return {"error": error}


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


def not_found() -> ApiError:
    return ApiError(404, "notFound", "Not Found")


def condition_not_met() -> ApiError:
    return ApiError(412, "conditionNotMet", "Precondition Failed", "global", "If-Match", "header")


def full_sync_required() -> ApiError:
    message = "Sync token is no longer valid, a full sync is required."
    return ApiError(410, "fullSyncRequired", message, "calendar", "syncToken", "parameter")
