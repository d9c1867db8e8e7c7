"""One day of one practitioner, as the EHR has it and as Google shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
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

_LINES_MAX = 12
_TEXT = 45


def richest_day(view: View, *, after: datetime) -> date | None:
    """The local day after that instant's with most kinds of appointments, then most of the EHR's own."""
    rows = {row["id"]: row for row in view.appointments}
    kinds: dict[date, list[tuple[int, bool]]] = {}
    for appointment, shown in shown_appointments(view).items():
        kind = min(len(patients_of(rows[appointment])), 2), is_from_google(rows[appointment])
        kinds.setdefault(_day(shown, view.zone), []).append(kind)
    days = sorted(day for day in kinds if day > after.astimezone(view.zone).date())

    def richness(day: date) -> tuple[int, int]:
        return len(set(kinds[day])), sum(not from_google for _, from_google in kinds[day])

    return max(days, key=richness, default=None)


def show_day(view: View, day: date, console: Console) -> None:
    rows = {row["id"]: row for row in view.appointments}
    ehr = {shown: _in_ehr(rows[each], view) for each, shown in shown_appointments(view).items()}
    google = {shown: shown.text for shown in shown_events(view).values()}
    ehr, google = _of_day(ehr, day, view.zone), _of_day(google, day, view.zone)
    console.say(f"  {day:%A, %Y-%m-%d}")
    console.say(f"  {'':<15}{'in the EHR':<{_TEXT}}in Google")
    for shown in sorted(ehr.keys() | google.keys())[:_LINES_MAX]:
        left, right = ehr.get(shown, "-"), google.get(shown, "-")
        console.say(f"  {_clock(shown, view.zone):<15}{_cut(left):<{_TEXT}}{right}")


def _of_day(texts: Mapping[Shown, str], day: date, zone: ZoneInfo) -> dict[Shown, str]:
    return {shown: text for shown, text in texts.items() if _day(shown, zone) == day}


def _in_ehr(row: Json, view: View) -> str:
    patients = patients_of(row)
    if not patients:
        return f"{row.get('description', '')} (personal)"
    names = [full_name(view.patients.get(patient, {})) for patient in patients]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _day(shown: Shown, zone: ZoneInfo) -> date:
    return shown.start.astimezone(zone).date()


def _clock(shown: Shown, zone: ZoneInfo) -> str:
    if shown.all_day:
        return "all day"
    return f"{shown.start.astimezone(zone):%H:%M} - {shown.end.astimezone(zone):%H:%M}"


def _cut(text: str) -> str:
    return text if len(text) < _TEXT else text[: _TEXT - 2] + "…"
