"""The errors of Google's cloud libraries, for the tests of each adapter's table."""

from __future__ import annotations

from inspect import getmembers, isclass
from typing import Any

from google.api_core import exceptions as google_errors
from google.auth import exceptions as auth_errors


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
