"""Somebody's own appointments in the sandbox EHR, and who of them is to be connected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.controls import EhrSandbox, PractitionerSeed
from sandbox.demo.exports import TYPES
from sandbox.demo.own_rows import OwnRows
from sandbox.demo.own_times import moved, weeks_to, zone_of
from sandbox.ehr import urls
from sandbox.ehr.desk import display_of
from sandbox.ehr.instants import parse_instant

Json = dict[str, Any]

PROBLEMS_TOLD = 20
_UTC = ZoneInfo("UTC")


def load(ehr: EhrSandbox, own: OwnRows, now: datetime, *, shift: bool) -> tuple[PractitionerSeed, list[str]]:
    """Who is to be connected, and what is told of it. Raises ControlError."""
    [practitioner] = [row for row in own.of("Practitioner") if row["id"] == own.practitioner]
    said = zone_of(practitioner, own.appointments)
    zone = said or _UTC
    rows = list(own.rows)
    weeks = weeks_to(now.astimezone(zone).date(), rows, said) if shift else 0
    if weeks:
        rows = moved(rows, weeks, said)
    zoned = _with_zone(practitioner, zone)
    ehr.load([zoned if row is practitioner else row for row in rows])
    name = display_of(practitioner) or f"Practitioner {own.practitioner}"
    mine = [row for row in rows if row["resourceType"] == "Appointment"]
    told = [
        *_told(own, weeks),
        *_of_whom(own, name, zone, said),
        *_past(mine, now.astimezone(zone), shift=shift),
    ]
    return PractitionerSeed(own.practitioner, name, zone.key, ""), told


def _with_zone(practitioner: Json, zone: ZoneInfo) -> Json:
    """As this EHR has it."""
    others = [each for each in practitioner.get("extension", []) if each.get("url") != urls.TIME_ZONE]
    return {**practitioner, "extension": [*others, {"url": urls.TIME_ZONE, "valueCode": zone.key}]}


def _told(own: OwnRows, weeks: int) -> Iterator[str]:
    counted = Counter(row["resourceType"] for row in own.rows)
    yield ", ".join(f"{counted[each]} {each}" for each in TYPES if counted[each]) + " loaded"
    left_out = [f"{count} {each}" for each, count in sorted(own.left_out.items())]
    if left_out:
        yield f"left out, because nothing here is done with it: {', '.join(left_out)}"
    if own.again:
        yield f"left out, because it was there already: {own.again}"
    yield from (f"not loaded: {problem}" for problem in own.problems[:PROBLEMS_TOLD])
    if len(own.problems) > PROBLEMS_TOLD:
        yield f"not loaded: {len(own.problems) - PROBLEMS_TOLD} more"
    if weeks:
        yield f"all of it moved by {weeks} weeks"


def _of_whom(own: OwnRows, name: str, zone: ZoneInfo, said: ZoneInfo | None) -> Iterator[str]:
    named = zone.key if said else f"{zone.key}, for nothing says another zone"
    yield f"{len(own.appointments)} appointments are those of {name}, who is connected ({named})"


def _past(appointments: list[Json], now: datetime, *, shift: bool) -> Iterator[str]:
    """`now`: in the zone of who is connected."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    past = sum("end" in row and parse_instant(row["end"]) <= midnight for row in appointments)
    if past:
        hint = "" if shift else "; --shift moves all of it to this week"
        yield f"{past} of {len(appointments)} appointments are before today, and not taken in{hint}"
