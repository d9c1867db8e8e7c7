"""The errors of Google's cloud libraries, for the tests of each adapter's table."""

from __future__ import annotations

from inspect import getmembers, isclass
from typing import Any

from google.api_core import exceptions as google_errors
from google.auth import exceptions as auth_errors

from shared.core.errors import BlockedError, RetryableError


def error_classes(module: Any) -> dict[str, type[Exception]]:
    return {
        name: kind
        for name, kind in getmembers(module, isclass)
        if issubclass(kind, Exception) and kind.__module__ == module.__name__
    }


def made(kind: Any) -> Exception:
    wants_cause = kind is google_errors.RetryError
    error: Exception = kind(*(("message", None) if wants_cause else ("message",)))
    return error


GOOGLE_ERROR_CLASSES = error_classes(google_errors)
CREDENTIAL_ERRORS = [
    kind for kind in error_classes(auth_errors).values() if issubclass(kind, auth_errors.GoogleAuthError)
]

BUG = None
REMEDIES: dict[str, type | None] = {
    "Aborted": RetryableError,
    "AlreadyExists": BUG,
    "AsyncRestUnsupportedParameterError": BUG,
    "BadGateway": RetryableError,
    "BadRequest": BUG,
    "Cancelled": RetryableError,
    "ClientError": BUG,
    "Conflict": BUG,
    "DataLoss": BUG,
    "DeadlineExceeded": RetryableError,
    "DuplicateCredentialArgs": BUG,
    "FailedPrecondition": BlockedError,
    "Forbidden": BlockedError,
    "GatewayTimeout": RetryableError,
    "GoogleAPICallError": BUG,
    "GoogleAPIError": BUG,
    "InternalServerError": RetryableError,
    "InvalidArgument": BUG,
    "LengthRequired": BUG,
    "MethodNotAllowed": BUG,
    "MethodNotImplemented": BUG,
    "MissingStatusHeaderError": BUG,
    "MovedPermanently": BUG,
    "NotFound": BlockedError,
    "NotModified": BUG,
    "OutOfRange": BUG,
    "PermissionDenied": BlockedError,
    "PreconditionFailed": BUG,
    "Redirection": BUG,
    "RequestRangeNotSatisfiable": BUG,
    "ResourceExhausted": RetryableError,
    "ResumableTransferError": BUG,
    "ResumeIncomplete": BUG,
    "RetryError": RetryableError,
    "ServerError": BUG,
    "ServiceUnavailable": RetryableError,
    "TemporaryRedirect": BUG,
    "TooManyRequests": RetryableError,
    "TransferStalledError": BUG,
    "Unauthenticated": BlockedError,
    "Unauthorized": BlockedError,
    "Unknown": RetryableError,
    "UnseekableStreamError": BUG,
    "UploadCancelledError": BUG,
}
"""Of a client without preconditions: queues and secrets alike."""
