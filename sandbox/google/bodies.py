"""The body of a request, before a method reads it."""

from __future__ import annotations

from typing import Any

from sandbox.google.errors import Json, refusal


def object_of(body: Any) -> Json:
    """A body that is to be an object. Raises ApiError 400 `parseError`."""
    if not isinstance(body, dict):
        raise refusal("parseError")
    return body
