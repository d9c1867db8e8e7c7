"""Errors of Google's cloud clients, named by their remedy: one table for every service."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.api_core import exceptions as google_errors
from google.auth import exceptions as auth_errors

from shared.core.errors import BlockedError, RetryableError, SyncError

_RETRYABLE = {
    google_errors.Aborted: "aborted",
    google_errors.BadGateway: "unavailable",
    google_errors.Cancelled: "cancelled",
    google_errors.GatewayTimeout: "timeout",  # and DeadlineExceeded
    google_errors.InternalServerError: "internal",
    google_errors.RetryError: "timeout",
    google_errors.ServiceUnavailable: "unavailable",
    google_errors.TooManyRequests: "exhausted",  # and ResourceExhausted
    google_errors.Unknown: "unknown",
    auth_errors.TransportError: "credentials_unavailable",
}
_BLOCKED = {
    google_errors.Forbidden: "forbidden",  # and PermissionDenied
    google_errors.Unauthorized: "unauthenticated",  # and Unauthenticated
    auth_errors.GoogleAuthError: "unauthenticated",
}

Own = Mapping[Any, str]
"""Codes by class of exception."""


def translate(error: Exception, service: str, own: Own | None = None) -> SyncError | None:
    """The remedy of a foreign error; None for a bug of ours, which crashes as it is.

    The reason is `{service}_{code}`. `own`: what else blocks at this service.
    """
    for kind, code in _RETRYABLE.items():
        if isinstance(error, kind):
            return RetryableError(f"{service}_{code}")
    for kind, code in {**(own or {}), **_BLOCKED}.items():
        if isinstance(error, kind):
            return BlockedError(f"{service}_{code}")
    return None


@contextlib.contextmanager
def translated(known: Callable[[Exception], SyncError | None]) -> Iterator[None]:
    """Calls of a client inside raise our errors, or what no table knows as it is."""
    try:
        yield
    except (google_errors.GoogleAPIError, auth_errors.GoogleAuthError) as error:
        remedy = known(error)
        if remedy is None:
            raise
        raise remedy from error
