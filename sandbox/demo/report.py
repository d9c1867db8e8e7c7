"""What is told at the end: a day side by side, a table of both sides, and the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.demo.check import (
    Json,
    Shown,
    View,
    full_name,
    is_from_google,
    patients_of,
    shown_appointments,
    shown_events,
)
from sandbox.demo.console import Console
from sandbox.demo.errors import DemoError
from sandbox.demo.setting import Setting
from sandbox.demo.story import Change
from sandbox.demo.survey import Verdict

DIFFERENCES_SHOWN = 5
_DAY_LINES_MAX = 12
_WIDTH = 60
_TEXT = _WIDTH - len("00:00 - 00:00  ")


@dataclass(frozen=True)
class Result:
    """One run."""

    verdict: Verdict
    changes: Sequence[Change]
    loaded: int
    """Events from calendar files."""
    put_back: int
    """Changes in Google that were not to be made."""
    store: str
    seconds: float

    @property
    def agree(self) -> bool:
        """Every change arrived, and both sides hold the same."""
        return self.verdict.agree and all(change.latency_ms is not None for change in self.changes)


# --- a day ----------------------------------------------------------------------------------------------


def show_day(view: View, console: Console) -> None:
    """One day of one practitioner, as the EHR has it and as Google shows it."""
    appointments, events = shown_appointments(view), shown_events(view)
    rows = {row["id"]: row for row in view.appointments}
    day = _richest_day(view, appointments, rows)
    if day is None:
        return
    ehr = {each: (shown, _in_ehr(rows[each], view)) for each, shown in appointments.items()}
    google = {each: (shown, shown.text) for each, shown in events.items()}
    console.say(f"  {day:<{_WIDTH}}Google shows")
    left, right = (_of_day(side, day, view.zone) for side in (ehr, google))
    for shown in sorted(left.keys() | right.keys())[:_DAY_LINES_MAX]:
        console.say(
            f"  {_clock(shown, view.zone)}  {_cut(left.get(shown, '-')):<{_TEXT}}{right.get(shown, '-')}"
        )


def _of_day(side: Mapping[str, tuple[Shown, str]], day: str, zone: ZoneInfo) -> dict[Shown, str]:
    return {shown: text for shown, text in side.values() if _day(shown.start, zone) == day}


def _richest_day(view: View, appointments: Mapping[str, Shown], rows: Mapping[str, Json]) -> str | None:
    """The day with most kinds of appointments on it, one made in Google above all."""

    def richness(day: str) -> tuple[bool, int, int]:
        that_day = [each for each, shown in appointments.items() if _day(shown.start, view.zone) == day]
        kinds = {(min(len(patients_of(rows[each])), 2), is_from_google(rows[each])) for each in that_day}
        return (0, True) in kinds, len(kinds), len(that_day)

    days = sorted({_day(shown.start, view.zone) for shown in appointments.values()})
    return max(days, key=richness, default=None)


def _in_ehr(row: Json, view: View) -> str:
    patients = patients_of(row)
    if not patients:
        return f"{row.get('description', '')} (personal)"
    names = [full_name(view.patients.get(patient, {})) for patient in patients]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %A}"


def _clock(shown: Shown, zone: ZoneInfo) -> str:
    if shown.all_day:
        return "all day      "
    start, end = shown.start.astimezone(zone), shown.end.astimezone(zone)
    return f"{start:%H:%M} - {end:%H:%M}"


# --- both sides -----------------------------------------------------------------------------------------


def show_result(setting: Setting, result: Result, console: Console) -> None:
    console.say(_row("practitioner", "appointments", "events", "personal", "put back", "set aside"))
    for person, found in zip(setting.people, result.verdict.found, strict=True):
        totals = setting.driver.lanes[person.connection.calendar_key].totals
        counts = (found.appointments, found.events, found.personal, totals.put_back, totals.aside)
        console.say(_row(person.name, *counts))
    for line in _summary(result):
        console.say(line)


def _cut(text: str) -> str:
    return text if len(text) < _TEXT else text[: _TEXT - 2] + "…"


def _row(name: str, *values: object) -> str:
    return f"  {name:<20}" + "".join(f"{value:>14}" for value in values)


def _summary(result: Result) -> Iterator[str]:
    rewrites = ", ".join(f"{n} to {side}" for side, n in result.verdict.rewrites.items())
    yield f"  duplicates: {result.verdict.duplicates}; writes of one more complete pass: {rewrites}"
    if not result.verdict.broken:
        yield "  every write to Google: sendUpdates=none, no attendees, appointments calendars only"
    yield f"in agreement: {'yes' if result.agree else 'no'}   ({result.seconds:.1f} s, store: {result.store})"
    late = [f"did not arrive: {change.told}" for change in result.changes if change.latency_ms is None]
    reasons = [*late, *result.verdict.differences]
    yield from (f"  - {reason}" for reason in reasons[:DIFFERENCES_SHOWN])
    if len(reasons) > DIFFERENCES_SHOWN:
        yield f"  - and {len(reasons) - DIFFERENCES_SHOWN} more"


# --- the file -------------------------------------------------------------------------------------------


def write_json(path: Path, result: Result) -> None:
    """Raises DemoError when the file cannot be written."""
    try:
        path.write_text(json.dumps(as_json(result), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DemoError(f"cannot write {path}: {error.strerror}") from None


def as_json(result: Result) -> dict[str, Any]:
    """`latencies_ms` by change, null where it never arrived; `seconds` of the whole run."""
    found = result.verdict.found
    return {
        "agree": result.agree,
        "duplicates": result.verdict.duplicates,
        "counts": {
            "practitioners": len(found),
            "appointments": sum(each.appointments for each in found),
            "events": sum(each.events for each in found),
            "personal": sum(each.personal for each in found),
            "loaded": result.loaded,
            "put_back": result.put_back,
            "differences": len(result.verdict.differences),
            "writes_of_one_more_pass": sum(result.verdict.rewrites.values()),
        },
        "latencies_ms": {
            change.key: None if change.latency_ms is None else round(change.latency_ms, 1)
            for change in result.changes
        },
        "store": result.store,
        "seconds": round(result.seconds, 1),
    }
