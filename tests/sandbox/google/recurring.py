"""Series for the tests, and clients that follow a calendar: what they show of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from tests.sandbox.google.world import Json, World

BERLIN = {"timeZone": "Europe/Berlin"}


def timed(start: str, minutes: int = 60, zone: str = "Europe/Berlin") -> Json:
    """Start and end at a wall time, `2026-03-10T10:00:00`."""
    begins = datetime.fromisoformat(start)
    ends = begins + timedelta(minutes=minutes)
    return {
        name: {"dateTime": moment.isoformat(), "timeZone": zone}
        for name, moment in (("start", begins), ("end", ends))
    }


def days(start: str, count: int = 1) -> Json:
    end = datetime.fromisoformat(start) + timedelta(days=count)
    return {"start": {"date": start}, "end": {"date": end.date().isoformat()}}


def series(world: World, *rules: str, at: str = "2026-03-10T10:00:00", **body: Any) -> Json:
    """A series in the calendar of the world: four Tuesdays from March 10th, unless said otherwise."""
    span = timed(at) if "T" in at else days(at)
    return world.insert(recurrence=list(rules or ("RRULE:FREQ=WEEKLY;COUNT=4",)), **{**span, **body})


def instances(world: World, event_id: str, **query: Any) -> list[Json]:
    page = world.google.events.instances(world.sub, world.calendar, event_id, query)
    assert "nextPageToken" not in page
    return list(page["items"])


def starts(rows: list[Json]) -> list[str]:
    return [row["start"].get("dateTime", row["start"].get("date")) for row in rows]


def ids(rows: list[Json]) -> list[str]:
    return [row["id"] for row in rows]


class Follower:
    """A client that keeps a copy of the calendar by sync tokens."""

    def __init__(self, world: World, **query: Any) -> None:
        self.world = world
        self.query: Json = {"showDeleted": True, "maxResults": 7, **query}
        self.copy: dict[str, Json] = {}
        self.read()

    def read(self) -> list[Json]:
        """All pages of one listing or delta."""
        pages = self.world.pages(**self.query)
        self.query["syncToken"] = pages[-1]["nextSyncToken"]
        rows = [row for page in pages for row in page["items"]]
        self.copy |= {row["id"]: row for row in rows}
        return rows


Shown = dict[str, tuple[str, str, str]]
"""Start, end and summary by id."""


def expanded(copy: dict[str, Json]) -> Shown:
    """What a client that knows series and exceptions shows."""
    shown: dict[str, Json] = {}
    for row in copy.values():
        if row["status"] != "cancelled" and "recurrence" in row:
            shown |= _occurrences(row)
    for row in copy.values():
        if "recurringEventId" in row:
            shown.pop(row["id"], None)
        if row["status"] != "cancelled" and "recurrence" not in row:
            shown[row["id"]] = row
    return {name: told(row) for name, row in shown.items()}


def told(row: Json) -> tuple[str, str, str]:
    return _instant(row["start"]), _instant(row["end"]), row.get("summary", "")


def _instant(time: Json) -> str:
    if "date" in time:
        return str(time["date"])
    return datetime.fromisoformat(time["dateTime"]).astimezone(UTC).isoformat()


def _occurrences(master: Json) -> dict[str, Json]:
    """By dateutil alone, on wall times; of lines it knows one RRULE, and EXDATE in the zone of the series."""
    start, end = master["start"], master["end"]
    zone = ZoneInfo(start.get("timeZone", "UTC"))
    first, last = (_wall(time, zone) for time in (start, end))
    walls, excluded = {first}, set()
    for line in master["recurrence"]:
        name, _, value = line.partition(":")
        if name == "RRULE":
            walls |= set(rrulestr(_ending_by_the_wall(value, zone), dtstart=first))
        else:
            excluded |= {_name(datetime.fromisoformat(text), start, zone) for text in value.split(",")}
    exact = last.replace(tzinfo=zone).astimezone(UTC) - first.replace(tzinfo=zone).astimezone(UTC)
    found = {}
    for wall in walls:
        begins = wall.replace(tzinfo=zone).astimezone(UTC)
        times = {"start": begins, "end": begins + exact}
        span = {name: {"dateTime": moment.isoformat()} for name, moment in times.items()}
        if "date" in start:
            span = days(wall.date().isoformat(), (last - first).days)
        found[_name(wall, start, zone)] = {**master, **span}
    return {f"{master['id']}_{name}": found[name] for name in found.keys() - excluded}


def _name(wall: datetime, start: Json, zone: ZoneInfo) -> str:
    """What an instance's id ends with."""
    if "date" in start:
        return f"{wall:%Y%m%d}"
    return f"{wall.replace(tzinfo=zone).astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _wall(time: Json, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(time["date"] if "date" in time else time["dateTime"])
    return moment if moment.tzinfo is None else moment.astimezone(zone).replace(tzinfo=None)


def _ending_by_the_wall(rule: str, zone: ZoneInfo) -> str:
    """dateutil wants UNTIL as a wall time beside a start that is one."""
    head, mark, until = rule.partition("UNTIL=")
    if not until.endswith("Z"):
        return rule
    instant = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return f"{head}{mark}{instant.astimezone(zone):%Y%m%dT%H%M%S}"
