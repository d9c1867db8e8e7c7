"""Waiting for what other processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS_MAX = 60.0
_POLL_SECONDS = 0.05


def eventually(find: Callable[[], T | None], what: str, seconds: float = SECONDS_MAX) -> T:
    """The first answer of `find` that is true; else it fails with `what` did not come to pass."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"it did not come to pass: {what}")
