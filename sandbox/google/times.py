"""Times of events: reading what a client sends, rendering as Google answers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.errors import ApiError, Json, bad_request, invalid, required

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE
)

YEARS = range(2, 9999)
"""In which every instant can be told in every zone."""


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The IANA zone, or None for a name there is none for."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # not a key, a folder of the database, not found
        return None


def stamp(moment: datetime) -> str:
    """`updated`: UTC with milliseconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def stamp_whole(moment: datetime) -> str:
    """`created`: UTC, milliseconds always zero."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def rendered(instant: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 with the zone's offset at that instant; `Z` for none."""
    return instant.astimezone(zone).isoformat().replace("+00:00", "Z")


def parse_date(text: object) -> date | None:
    if not isinstance(text, str) or not DATE.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def parse_date_time(text: object) -> datetime | None:
    """A date-time with or without offset, whole seconds (Google drops fractions)."""
    if not isinstance(text, str) or not DATE_TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text).replace(microsecond=0)
    except ValueError:
        return None
    return moment if moment.year in YEARS else None


def parse_bound(text: str) -> datetime:
    """`timeMin`, `timeMax`, `updatedMin`: an instant with a mandatory offset."""
    moment = parse_date_time(text)
    if moment is None or moment.tzinfo is None:
        raise bad_request()
    return moment.astimezone(UTC)


def read_time(
    value: Any, which: str, calendar_zone: ZoneInfo, refused_zones: frozenset[str]
) -> tuple[Json, datetime]:
    """`start` or `end` as Google would answer it, and its instant in UTC.

    Raises ApiError 400. An all-day date stands for midnight in the calendar's zone and loses its time zone.
    """
    if not value:
        raise required(f"Missing {which} time.")
    if not isinstance(value, dict) or ("date" in value) == ("dateTime" in value):
        raise invalid(f"Invalid {which} time.")
    if "date" in value:
        day = parse_date(value["date"])
        if day is None:
            raise invalid(f"Invalid {which} time.")
        midnight = datetime(day.year, day.month, day.day, tzinfo=calendar_zone)
        return {"date": value["date"]}, midnight.astimezone(UTC)
    return _read_date_time(value, which, calendar_zone, refused_zones)


def _read_date_time(
    value: Json, which: str, calendar_zone: ZoneInfo, refused_zones: frozenset[str]
) -> tuple[Json, datetime]:
    moment = parse_date_time(value["dateTime"])
    if moment is None:
        raise invalid(f"Invalid {which} time.")
    name = value.get("timeZone")
    zone = calendar_zone if name is None else zone_named(str(name))
    if zone is None or name in refused_zones:
        raise invalid(f"Invalid time zone definition for {which} time.")
    if moment.tzinfo is None:
        if name is None:
            raise required(f"Missing time zone definition for {which} time.")
        moment = moment.replace(tzinfo=zone)
    instant = moment.astimezone(UTC)
    return {"dateTime": rendered(instant, calendar_zone), "timeZone": zone.key}, instant


def in_zone(resource: Json, zone: ZoneInfo) -> Json:
    """The event with its times rendered in another zone (`timeZone=` of a request)."""
    moved = {
        name: {
            **resource[name],
            "dateTime": rendered(datetime.fromisoformat(resource[name]["dateTime"]), zone),
        }
        for name in ("start", "end", "originalStartTime")
        if "dateTime" in resource.get(name, ())
    }
    return {**resource, **moved}


def check_order(start: Json, end: Json, starts: datetime, ends: datetime) -> None:
    """Both of one kind, and the end not before the start. Raises ApiError 400."""
    if ("date" in start) != ("date" in end):
        raise invalid("The start and end times must either both be date or both be dateTime.")
    if ends < starts:
        raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.", "calendar")
