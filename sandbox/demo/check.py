"""Whether both sides agree, judged by what the sandboxes themselves hold; nothing is asked of the product.

Everything here is told again from the outside: which appointments are to be seen, when, and under which
label. An event is tied to its appointment by what a person sees of it, its time and its text.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from sandbox.demo.blocks import Block, is_block
from sandbox.ehr import urls
from shared.core.policy import LabelMode

Json = Mapping[str, Any]

BUSY = "Busy"
NAMELESS = "Client"
_NOT_SHOWN = frozenset({"proposed", "waitlist", "cancelled", "noshow", "entered-in-error"})
_A_MINUTE = timedelta(minutes=1)
_PAST_NAMES = frozenset({"old", "maiden"})
_USED_FIRST = ("usual", "official")
_CLIENTS = ("Patient/", "RelatedPerson/", "Group/")
_MERGES_MAX = 3

_EVENT_WRITES = frozenset({"events.insert", "events.patch", "events.update", "events.delete"})
_NO_WRITES = frozenset(
    {
        "events.list",
        "events.get",
        "events.instances",
        "events.watch",
        "channels.stop",
        "calendarList.list",
        "calendarList.get",
        "calendars.get",
        "token",
        "revoke",
    }
)
_MAKES_THE_CALENDAR = "calendars.insert"
_EHR_WRITES = (".create", ".update", ".delete", ".patch")


@dataclass(frozen=True)
class View:
    """One practitioner's two sides, as their servers tell them, and what the connection promises."""

    practitioner: str
    """Id, of a role with its type."""
    zone: ZoneInfo
    label: LabelMode
    starts: datetime
    ends: datetime
    """[starts, ends) is what the sync takes in."""
    appointments: Sequence[Json]
    """Of the whole practice."""
    patients: Mapping[str, Json]
    """By id."""
    events: Sequence[Json]
    """Of the appointments calendar, series as their occurrences."""
    external: Sequence[Json] = ()
    """The same of a calendar that was chosen."""
    blocks: Sequence[Block] = ()
    """Of the whole practice."""


@dataclass(frozen=True, order=True)
class Shown:
    """What a person sees of one item."""

    start: datetime
    end: datetime
    all_day: bool
    text: str

    @property
    def times(self) -> tuple[datetime, datetime, bool]:
        return self.start, self.end, self.all_day


@dataclass(frozen=True)
class Found:
    """What one practitioner's comparison came to."""

    appointments: int
    events: int
    personal: int
    """Of the appointments."""
    blocks: int
    duplicates: int
    differences: tuple[str, ...]
    """In words, with ids and times, never a name."""


# --- each side ------------------------------------------------------------------------------------------


def shown_appointments(view: View) -> dict[str, Shown]:
    """What the calendar must show, by appointment id: live, of this practitioner, in the window."""
    found = {row["id"]: _shown_appointment(row, view) for row in view.appointments if _is_live(row, view)}
    return {each: shown for each, shown in found.items() if _is_inside(shown, view)}


def shown_events(view: View) -> dict[str, Shown]:
    """What the calendar shows, by event id."""
    found = live_events(view.events, view.zone)
    return {each: shown for each, shown in found.items() if _is_inside(shown, view)}


def live_events(events: Iterable[Json], zone: ZoneInfo) -> dict[str, Shown]:
    """All that are not deleted, by id, wherever they lie."""
    return {event["id"]: _shown_event(event, zone) for event in events if _is_there(event)}


def patients_of(row: Json) -> list[str]:
    return _actors(row, "Patient/")


def practitioners_of(row: Json) -> list[str]:
    """Ids, of roles with their type."""
    roles = [f"PractitionerRole/{each}" for each in _actors(row, "PractitionerRole/")]
    return [*_actors(row, "Practitioner/"), *roles]


def shown_blocks(view: View) -> Counter[tuple[datetime, datetime, str]]:
    """Times and texts of the practitioner's blocks."""
    mine = (block for block in view.blocks if block.practitioner == view.practitioner)
    return Counter((block.start, block.end, block.text) for block in mine)


def expected_blocks(view: View) -> Counter[tuple[datetime, datetime, str]]:
    """What the external calendar's events take of the time: all that are neither Free nor declined."""
    taking = [event for event in view.external if _takes_time(event)]
    spans = [(_instant(event["start"], view.zone), _instant(event["end"], view.zone)) for event in taking]
    inside = [(start, end) for start, end in spans if start < view.ends and end > view.starts]
    return Counter((start, end, BUSY) for start, end in inside)


def _takes_time(event: Json) -> bool:
    own = [each for each in event.get("attendees", ()) if each.get("self")]
    declined = any(each.get("responseStatus") == "declined" for each in own)
    return _is_there(event) and event.get("transparency") != "transparent" and not declined


def is_from_google(row: Json) -> bool:
    return _identifier(row) is not None


def _is_live(row: Json, view: View) -> bool:
    mine = view.practitioner in practitioners_of(row) and not is_block(row)
    return mine and "start" in row and row["status"] not in _NOT_SHOWN


def _is_there(event: Json) -> bool:
    return bool(event["status"] != "cancelled")


def _is_inside(shown: Shown, view: View) -> bool:
    return shown.start < view.ends and shown.end > view.starts


def _shown_appointment(row: Json, view: View) -> Shown:
    start, end = (datetime.fromisoformat(row[name]).astimezone(UTC) for name in ("start", "end"))
    if any(_actors(row, of) for of in _CLIENTS):
        return Shown(start, max(end, start + _A_MINUTE), all_day=False, text=_label(row, view))
    all_day = end > start and _is_midnight(start, view.zone) and _is_midnight(end, view.zone)
    text = _text(row.get("description", "")) if _identifier(row) else BUSY
    return Shown(start, end if end > start else start + _A_MINUTE, all_day, text)


def _shown_event(event: Json, zone: ZoneInfo) -> Shown:
    start, end = _instant(event["start"], zone), _instant(event["end"], zone)
    if end == start:  # a point made by hand; its appointment is a point too
        end = start + _A_MINUTE
    return Shown(start, end, "date" in event["start"], _text(event.get("summary", "")))


def _text(text: str) -> str:
    """Without what a person cannot see: the EHR keeps it so."""
    return unicodedata.normalize("NFC", text).strip()


def _instant(moment: Json, zone: ZoneInfo) -> datetime:
    if "date" in moment:
        return _midnight(date.fromisoformat(moment["date"]), zone)
    return datetime.fromisoformat(moment["dateTime"]).astimezone(UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _is_midnight(moment: datetime, zone: ZoneInfo) -> bool:
    return _midnight(moment.astimezone(zone).date(), zone) == moment


def _actors(row: Json, of: str) -> list[str]:
    references = (str(each.get("actor", {}).get("reference", "")) for each in row.get("participant", ()))
    return [reference.removeprefix(of) for reference in references if reference.startswith(of)]


def _identifier(row: Json) -> str | None:
    """Ours, on a personal appointment that came from Google."""
    values = {each.get("system"): each.get("value") for each in row.get("identifier", ())}
    return values.get(urls.CALSYNC_PERSONAL)


# --- labels ---------------------------------------------------------------------------------------------


def _label(row: Json, view: View) -> str:
    patients = patients_of(row)
    if len(patients) > 1:
        return f"Group ({len(patients)})"
    patient = _whoever_is_left(patients[0], view) if patients else {}
    return _text(_LABELS[view.label](patient) or _internal_id(patient) or NAMELESS)


def _whoever_is_left(patient: str, view: View) -> Json:
    """The patient, or into whom they were merged."""
    for _ in range(_MERGES_MAX + 1):
        row = view.patients.get(patient, {})
        others = [each.get("other", {}) for each in row.get("link", ()) if each.get("type") == "replaced-by"]
        if not others:
            return row
        patient = str(others[0].get("reference", "")).removeprefix("Patient/")
    return {}


def full_name(patient: Json) -> str:
    """The name a patient has now."""
    return next(filter(None, map(_written, _names(patient))), "")


def _names(patient: Json) -> list[Json]:
    """Those of now: the usual one, then the official one, then all others."""
    now = [each for each in patient.get("name", ()) if each.get("use") not in _PAST_NAMES]
    return sorted(now, key=lambda each: (*_USED_FIRST, each.get("use")).index(each.get("use")))


def _written(name: Json) -> str:
    return str(name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip())


def _first_name(patient: Json) -> str:
    return next((str(given) for name in _names(patient) for given in name.get("given", ())), "")


def _initials(patient: Json) -> str:
    """Of a name in two parts that begin with plain letters."""
    family = next((str(name["family"]) for name in _names(patient) if "family" in name), "")
    return _first_name(patient)[:1] + family[:1]


def _internal_id(patient: Json) -> str:
    values = {each.get("system"): each.get("value") for each in patient.get("identifier", ())}
    return str(values.get(urls.INTERNAL_ID, ""))


_LABELS = {
    LabelMode.FULL_NAME: full_name,
    LabelMode.FIRST_NAME: _first_name,
    LabelMode.INITIALS: _initials,
    LabelMode.INTERNAL_ID: _internal_id,
}


# --- both together --------------------------------------------------------------------------------------


def compare(view: View) -> Found:
    """Each appointment with exactly one event of its times and its text, and no event besides."""
    appointments, events = shown_appointments(view), shown_events(view)
    lacking, besides, surplus = _unmatched(appointments, events)
    duplicates = {f"event {event}" for event in surplus} | _same_marker(view) | _same_identifier(view)
    differences = [f"duplicate: {what}" for what in sorted(duplicates)]
    differences += _in_words(
        lacking, {event: shown for event, shown in besides.items() if event not in surplus}
    )
    blocks, expected = shown_blocks(view), expected_blocks(view)
    differences += [f"no block from {start} to {end}" for start, end, _ in sorted(expected - blocks)]
    differences += [f"a block too many from {start} to {end}" for start, end, _ in sorted(blocks - expected)]
    rows = {row["id"]: row for row in view.appointments}
    return Found(
        appointments=len(appointments),
        events=len(events),
        personal=sum(not patients_of(rows[appointment]) for appointment in appointments),
        blocks=blocks.total(),
        duplicates=len(duplicates),
        differences=tuple(differences),
    )


def _unmatched(
    appointments: Mapping[str, Shown], events: Mapping[str, Shown]
) -> tuple[dict[str, Shown], dict[str, Shown], set[str]]:
    """Appointments without an event, events without an appointment, and those of these that repeat one."""
    ids_by_shown: defaultdict[Shown, list[str]] = defaultdict(list)
    for event in sorted(events, reverse=True):
        ids_by_shown[events[event]].append(event)
    lacking = {}
    for appointment, shown in appointments.items():
        if ids_by_shown[shown]:
            ids_by_shown[shown].pop()
        else:
            lacking[appointment] = shown
    besides = {event: shown for shown, ids in ids_by_shown.items() for event in ids}
    wanted = set(appointments.values())
    return lacking, besides, {event for event, shown in besides.items() if shown in wanted}


def _same_marker(view: View) -> set[str]:
    """Live events that claim to be the same, but for the first."""
    ids_by_marker: defaultdict[str, list[str]] = defaultdict(list)
    for event in view.events:
        marker = event.get("extendedProperties", {}).get("private", {}).get("k")
        if marker and _is_there(event):
            ids_by_marker[marker].append(event["id"])
    return {f"event {event}" for ids in ids_by_marker.values() for event in sorted(ids)[1:]}


def _same_identifier(view: View) -> set[str]:
    """Live appointments made for the same event, but for the first."""
    ids_by_identifier: defaultdict[str, list[str]] = defaultdict(list)
    for row in view.appointments:
        identifier = _identifier(row)
        if identifier and _is_live(row, view):
            ids_by_identifier[identifier].append(row["id"])
    return {f"appointment {row}" for ids in ids_by_identifier.values() for row in sorted(ids)[1:]}


def _in_words(lacking: Mapping[str, Shown], besides: Mapping[str, Shown]) -> list[str]:
    """One of each at the same time is one difference: the text."""
    others = dict(besides)
    words = []
    for appointment, shown in lacking.items():
        twin = next((event for event, other in others.items() if other.times == shown.times), None)
        if twin is None:
            words.append(f"no event for appointment {appointment}, {_times(shown)}")
        else:
            del others[twin]
            words.append(f"event {twin} has not the text of appointment {appointment}, {_times(shown)}")
    words += [f"no appointment for event {event}, {_times(shown)}" for event, shown in others.items()]
    return words


def _times(shown: Shown) -> str:
    span = f"{shown.start:%Y-%m-%d %H:%M} to {shown.end:%Y-%m-%d %H:%M} UTC"
    return f"{span}, all-day" if shown.all_day else span


# --- what was asked of the servers ----------------------------------------------------------------------


def google_writes(requests: Iterable[Json]) -> list[Json]:
    return [request for request in requests if request["operation"] not in _NO_WRITES]


def ehr_writes(requests: Iterable[Json]) -> list[Json]:
    return [request for request in requests if request["operation"].endswith(_EHR_WRITES)]


def broken_rules(requests: Iterable[Json], calendars: Mapping[str, str]) -> list[str]:
    """What Google should never have been asked, in words. `calendars`: the appointments calendar by `sub`.

    Writing an event tells nobody and names no guest; nothing but the appointments calendars is written.
    """
    broken: Counter[str] = Counter()
    for request in google_writes(requests):
        operation = request["operation"]
        if operation == _MAKES_THE_CALENDAR:
            continue
        if operation not in _EVENT_WRITES:
            broken[f"{operation} was called"] += 1
            continue
        if request["query"].get("sendUpdates") != "none":
            broken[f"{operation} without sendUpdates=none"] += 1
        if "attendees" in (request["body"] or {}):
            broken[f"{operation} with attendees"] += 1
        if _calendar(request["path"]) != calendars.get(request["sub"]):
            broken[f"{operation} on another calendar"] += 1
    return [f"{what}: {count}" for what, count in sorted(broken.items())]


def _calendar(path: str) -> str:
    """The id in `/calendar/v3/calendars/{id}/events…`."""
    return unquote(path.split("/calendars/", 1)[1].split("/", 1)[0])
