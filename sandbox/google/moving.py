"""Dragging all of a series: its start, and the rules that name days, follow the instance that is dragged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sandbox.google.errors import Json
from sandbox.google.recurrence import Recurrence
from sandbox.google.recurrence_lines import OF_TIMES, Dates, Line, Rule, basic, until_wall
from sandbox.google.series import series_of
from sandbox.google.store import Calendar, StoredEvent
from sandbox.google.times import check_order, read_time

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
OF_DAYS = ("BYDAY", "BYMONTHDAY", "BYMONTH", "BYYEARDAY", "BYWEEKNO", "BYSETPOS")


@dataclass(frozen=True)
class Move:
    """How a series is moved: by so many days, to a time of the day, or to none."""

    first: datetime
    """Wall time the series is to start at."""
    days: timedelta
    zone: ZoneInfo
    all_day: bool


def dragged(
    calendar: Calendar, master: StoredEvent, starts: datetime, wanted: Json, refused_zones: frozenset[str]
) -> Json:
    """`start`, `end` and `recurrence` of a series whose instance at `starts` is dragged to `wanted`.

    Raises ApiError 400 for wrong times, ValueError for a rule that names days in a way of which nobody can
    say what it becomes on other days.
    """
    start, begins = read_time(wanted.get("start"), "start", calendar.zone, refused_zones)
    end, ends = read_time(wanted.get("end"), "end", calendar.zone, refused_zones)
    check_order(start, end, begins, ends)
    zone = ZoneInfo(start["timeZone"]) if "dateTime" in start else calendar.zone
    wall = _wall(begins, zone)
    days = wall.date() - _wall(starts, zone).date()
    first = datetime.combine(_wall(master.starts, zone).date() + days, wall.time())
    move = Move(first, days, zone, all_day="date" in start)
    recurrence = series_of(master).recurrence
    return {
        "start": _google(first, move),
        "end": _google(first + (_wall(ends, zone) - wall), move),
        "recurrence": [_moved(line, recurrence, move).line for line in recurrence.lines],
    }


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _google(wall: datetime, move: Move) -> Json:
    if move.all_day:
        return {"date": wall.date().isoformat()}
    return {"dateTime": wall.isoformat(timespec="seconds"), "timeZone": move.zone.key}


def _moved(line: Line, recurrence: Recurrence, move: Move) -> Line:
    if isinstance(line, Dates):
        return _moved_dates(line, recurrence, move)
    parts = {n: v for n, v in line.parts.items() if not (move.all_day and n in OF_TIMES)}
    if "UNTIL" in parts:
        day = until_wall(parts["UNTIL"], recurrence.zone).date() + move.days
        parts["UNTIL"] = _last(day, move)
    if move.days:
        parts |= _other_days(replace(line, parts=parts), move)
    return replace(line, parts=parts)


def _moved_dates(line: Dates, recurrence: Recurrence, move: Move) -> Dates:
    """Extra and excluded dates go along."""
    days = [i.astimezone(recurrence.zone).date() + move.days for i in line.instants]
    walls = [datetime.combine(day, move.first.time()) for day in days]
    texts = [basic(wall)[:8] if move.all_day else basic(wall) for wall in walls]
    name = line.head.partition(";")[0]
    head = f"{name};VALUE=DATE" if move.all_day else f"{name};TZID={move.zone.key}"
    return Dates(head, tuple((text, None) for text in texts))


def _last(day: date, move: Move) -> str:
    if move.all_day:
        return day.isoformat().replace("-", "")
    return basic(datetime.combine(day, time(23, 59, 59), move.zone).astimezone(UTC)) + "Z"


def _other_days(rule: Rule, move: Move) -> dict[str, str]:
    """The parts of a rule that name days, for a series moved to other ones."""
    named = {name: rule.parts[name] for name in OF_DAYS if name in rule.parts}
    if rule.parts["FREQ"] == "WEEKLY" and named.keys() <= {"BYDAY"}:
        return {name: _rotated(days, move.days.days) for name, days in named.items()}
    first, found = move.first, {}
    for name, value in named.items():
        if "," in value or name not in ("BYDAY", "BYMONTHDAY", "BYMONTH"):
            raise ValueError("a series with such a rule cannot be dragged to other days as a whole")
        found[name] = {
            "BYDAY": _weekday(first, value),
            "BYMONTHDAY": str(first.day),
            "BYMONTH": str(first.month),
        }[name]
    return found


def _rotated(days: str, by: int) -> str:
    return ",".join(DAYS[(DAYS.index(day) + by) % 7] for day in days.split(","))


def _weekday(day: datetime, like: str) -> str:
    """Which weekday of its month a day is, counted from the end if the rule does so."""
    name, number = DAYS[day.weekday()], like[:-2]
    if not number:
        return name
    if not number.startswith("-"):
        return f"{(day.day - 1) // 7 + 1}{name}"
    from_end = next(n for n in range(1, 6) if (day + timedelta(weeks=n)).month != day.month)
    return f"-{from_end}{name}"
