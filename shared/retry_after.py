"""The Retry-After header (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

SECONDS_MAX = 24 * 3600.0
"""A longer wait is cut: the next attempt then asks again."""


def after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long to wait; None where the answer does not say. A date counts from the answer's own Date.

    `headers`: looked up by their lower-case names.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), SECONDS_MAX)
    then, now = _date(text), _date(headers.get("date", ""))
    if then is None or now is None:
        return None
    return min(max((then - now).total_seconds(), 0.0), SECONDS_MAX)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else None
