"""A sentence read as an event, as far as one sandbox needs: `Tea at Anna's on June 3rd 10am-10:25am`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from sandbox.google.errors import Json

HOUR = timedelta(hours=1)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = r"(?P<{0}hour>\d{{1,2}})(?::(?P<{0}minute>\d\d))?\s*(?P<{0}half>am|pm)?"
TIME = re.compile(
    rf"\b(?:at\s+|from\s+)?(?:{_CLOCK.format('a')})(?:\s*(?:-|to|until)\s*(?:{_CLOCK.format('b')}))?(?![\w:-])",
    re.IGNORECASE | re.ASCII,
)
ISO_DAY = re.compile(r"\b(?:on\s+)?(\d{4}-\d\d-\d\d)\b", re.IGNORECASE | re.ASCII)
MONTH_DAY = re.compile(
    rf"\b(?:on\s+)?({'|'.join(MONTHS)})[a-z]*\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b", re.IGNORECASE | re.ASCII
)
NAMED_DAY = re.compile(
    rf"\b(?:on\s+)?(today|tomorrow|(?:{'|'.join(DAYS)})(?:[a-z]*day)?)\b", re.IGNORECASE | re.ASCII
)
PLACE = re.compile(r"\s+at\s+(\S.*)$", re.IGNORECASE)


def read(text: str, now: datetime) -> Json:
    """The event's properties. `now`: in the calendar's zone, whose time the sentence means.

    A day without a time is a whole day, a time without a day is today's, neither is the hour that begins.
    """
    rest, day = _day(text, now.date())
    rest, span = _time(rest, day or now.date(), now)
    place = PLACE.search(rest)
    location = place[1].strip(" ,.") if place else ""
    summary = (rest[: place.start()] if place else rest).strip(" ,.")
    body: Json = {"summary": " ".join(summary.split()), **({"location": location} if location else {})}
    if span is None and day is not None:
        return {
            **body,
            "start": {"date": day.isoformat()},
            "end": {"date": (day + timedelta(days=1)).isoformat()},
        }
    start, end = span or (now.replace(second=0, microsecond=0), now.replace(second=0, microsecond=0) + HOUR)
    return {**body, "start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}


def _day(text: str, today: date) -> tuple[str, date | None]:
    """What is left of the sentence, and the day it names: the next such one."""
    for pattern in (ISO_DAY, MONTH_DAY, NAMED_DAY):
        found = pattern.search(text)
        day = None if found is None else _named(pattern, found, today)
        if found is not None and day is not None:
            return text[: found.start()] + " " + text[found.end() :], day
    return text, None


def _named(pattern: re.Pattern[str], found: re.Match[str], today: date) -> date | None:
    """None for a day there is none of, as February 30th."""
    try:
        if pattern is ISO_DAY:
            return date.fromisoformat(found[1])
        if pattern is MONTH_DAY:
            month = MONTHS.index(found[1].lower()) + 1
            day = date(today.year, month, int(found[2]))
            return day if day >= today else day.replace(year=today.year + 1)
    except ValueError:
        return None
    name = found[1].lower()
    if name in ("today", "tomorrow"):
        return today + timedelta(days=name == "tomorrow")
    return today + timedelta(days=(DAYS.index(name[:3]) - today.weekday()) % 7)


def _time(text: str, day: date, now: datetime) -> tuple[str, tuple[datetime, datetime] | None]:
    """What is left of the sentence, and its span; a number alone is no time."""
    for found in TIME.finditer(text):
        if not (found["aminute"] or found["ahalf"] or found["bhalf"]):
            continue
        begins = _clock(found, "a", found["ahalf"] or found["bhalf"])
        if begins is None:
            continue
        start = datetime.combine(day, begins, now.tzinfo)
        ends = _clock(found, "b", found["bhalf"]) if found["bhour"] else None
        end = start + HOUR if ends is None else datetime.combine(day, ends, now.tzinfo)
        if end <= start:
            end += timedelta(days=1)
        return text[: found.start()] + " " + text[found.end() :], (start, end)
    return text, None


def _clock(found: re.Match[str], side: str, half: str | None) -> time | None:
    hour, minute = int(found[f"{side}hour"]), int(found[f"{side}minute"] or 0)
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None
