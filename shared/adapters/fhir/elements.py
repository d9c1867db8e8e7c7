"""What FHIR's resources are made of, read tolerantly: a part that is missing or of another shape is nothing.
No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core.model import When, timed


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; one alone is a list of it, any other shape is nothing."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]


def object_of(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def flag(raw: Mapping[str, Any], url: str) -> bool:
    """Whether an extension says true."""
    extensions = objects(raw.get("extension"))
    return any(item.get("url") == url and item.get("valueBoolean") is True for item in extensions)


def identifiers_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """Values by system, the first of each."""
    found: dict[str, str] = {}
    for each in objects(raw.get("identifier")):
        if value := text_of(each.get("value")):
            found.setdefault(text_of(each.get("system")), value)
    return found


def instant(text: object) -> datetime | None:
    """UTC; None for what is no FHIR instant (the offset is mandatory)."""
    try:
        moment = datetime.fromisoformat(text_of(text))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def instant_text(moment: datetime) -> str:
    """UTC, with the fraction where there is one: milliseconds where they say it all, as most servers do."""
    precision = "milliseconds" if moment.microsecond and not moment.microsecond % 1000 else "auto"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def when_of(raw: Mapping[str, Any]) -> When | None:
    """None where there is no start that can be read. Without an end: `minutesDuration`, else a point."""
    start, end, minutes = instant(raw.get("start")), instant(raw.get("end")), raw.get("minutesDuration")
    if start is None:
        return None
    try:
        lasts = timedelta(minutes=minutes) if isinstance(minutes, int) else timedelta()
        return timed(start, end or start + lasts)
    except OverflowError:
        return None


def begins_within(when: When | None, start: datetime, end: datetime) -> bool:
    """Whether it has a first instant, in [start, end)."""
    begins = when.start if when else None
    return isinstance(begins, datetime) and start <= begins < end
