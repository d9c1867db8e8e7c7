"""FHIR dates and instants (R4 datatypes; search precision: R4 search, section date)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_PARTIAL = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<minute>\d\d:\d\d)(?P<second>:\d\d(?P<fraction>\.\d+)?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)


def parse_instant(text: object) -> datetime:
    """An aware datetime. Raises ValueError unless seconds and offset are there, as `instant` demands."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise ValueError("not an instant (YYYY-MM-DDThh:mm:ss with Z or an offset)")
    return datetime.fromisoformat(text)


def format_instant(moment: datetime) -> str:
    """UTC with milliseconds: `2026-11-20T15:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_range(text: str) -> tuple[datetime, datetime]:
    """The span [low, high) a date parameter names at its own precision; without a zone it is UTC.

    Raises ValueError where it is no FHIR date, dateTime or instant.
    """
    match = _PARTIAL.fullmatch(text)
    if not match:
        raise ValueError("not a FHIR date")
    part = match.groupdict()
    try:
        return _range(text, part)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error


def _range(text: str, part: dict[str, str | None]) -> tuple[datetime, datetime]:
    if part["minute"]:
        moment = datetime.fromisoformat(text)
        low = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return low, low + _precision(part["second"], part["fraction"])
    low = datetime(int(text[:4]), int(part["month"] or 1), int(part["day"] or 1), tzinfo=UTC)
    if part["day"]:
        return low, low + timedelta(days=1)
    months = 1 if part["month"] else 12
    year, month = divmod(low.month - 1 + months, 12)
    return low, low.replace(year=low.year + year, month=month + 1)


def _precision(second: str | None, fraction: str | None) -> timedelta:
    if not second:
        return timedelta(minutes=1)
    if not fraction:
        return timedelta(seconds=1)
    return timedelta(milliseconds=1) if len(fraction) <= 4 else timedelta(microseconds=1)
