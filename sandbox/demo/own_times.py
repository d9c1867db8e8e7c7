"""When somebody's own appointments are: their zone, and all of them moved by whole weeks. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.ehr import urls
from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import dicts

Json = dict[str, Any]

_ZONE_R5 = "http://hl7.org/fhir/StructureDefinition/timezone"
_TAGS = frozenset({urls.TZ_CODE, _ZONE_R5})
_TIMED = frozenset({"Appointment", "Slot"})


def zone_of(practitioner: Json, appointments: Iterable[Json]) -> ZoneInfo | None:
    """As the practitioner has it, else as most of the appointments; None: nothing says it."""
    own = _zone_in(practitioner, _TAGS | {urls.TIME_ZONE})
    if own is not None:
        return own
    tagged = Counter(zone.key for each in appointments if (zone := _tagged(each)) is not None)
    return ZoneInfo(max(tagged, key=lambda key: tagged[key])) if tagged else None


def weeks_to(today: date, rows: Sequence[Json], zone: tzinfo | None) -> int:
    """From the week of the earliest appointment to this one; 0 where none has a time."""
    starts = [_local(each, "start", zone).date() for each in rows if _is(each, "Appointment")]
    return (_monday(today) - _monday(min(starts))).days // 7 if starts else 0


def moved(rows: Iterable[Json], weeks: int, zone: tzinfo | None) -> list[Json]:
    """Appointments and slots so many weeks later: at the same local time, where their zone is known."""
    return [
        _moved(row, timedelta(weeks=weeks), zone) if row["resourceType"] in _TIMED else row for row in rows
    ]


def _moved(row: Json, by: timedelta, zone: tzinfo | None) -> Json:
    later = dict(row)
    for name in ("start", "end"):
        if name in row:
            later[name] = (_local(row, name, zone) + by).isoformat()
    return later


def _is(row: Json, resource_type: str) -> bool:
    return row["resourceType"] == resource_type and "start" in row


def _local(row: Json, name: str, zone: tzinfo | None) -> datetime:
    """In the zone that the row is tagged with, else in `zone`, else at the offset that it is written with."""
    moment = parse_instant(row[name])
    return moment.astimezone(_tagged(row) or zone or moment.tzinfo)


def _tagged(row: Json) -> ZoneInfo | None:
    return _zone_in(row.get("_start", {}), _TAGS)


def _zone_in(holder: Json, extensions: Collection[str]) -> ZoneInfo | None:
    for each in dicts(holder.get("extension")):
        if each.get("url") in extensions:
            name = each.get("valueCode") or each.get("valueString")
            try:
                return ZoneInfo(str(name))
            except (KeyError, ValueError, OSError):  # unknown; no zone's name; a folder of zones
                continue
    return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
