"""What must hold of both sides after every run, read from the two models alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from shared.core.model import Side
from shared.core.policy import LabelMode, PersonalText
from shared.core.window import midnight
from tests.simulation.at_the_ehr import OWN_TIME
from tests.simulation.expected import REACH
from tests.simulation.in_externals import OUTSIDE
from tests.simulation.in_the_calendar import COPY, HAND_MADE
from tests.simulation.notes import Notes
from tests.simulation.people import FAMILY, PRACTICE, PRIVATE, Practitioner
from tests.simulation.reading import LIVE, instant_of, is_block, is_client, start_of, tag_of
from tests.simulation.stage import Stage

_NAMED = re.compile(rf".*{FAMILY}|[A-Z][a-z]{{1,2}}|[A-Z]{FAMILY[0]}")
"""Labels made of a client's name: full, first (of two or three letters here), initials."""

Shown = tuple[datetime, str]
"""What a person sees of an item: its start and its text."""


def check(stage: Stage, notes: Notes) -> None:
    """Raises AssertionError that names the seed and the promise."""
    check_agreement(stage)
    _check_client_rows(stage, notes)
    _check_one_sided_edits(stage, notes)
    _check_writes(stage)
    _check_nothing_of_a_client_is_stored(stage)


def check_agreement(stage: Stage, *, names: bool = True) -> None:
    """`names` False: whatever the clients are called by now; only a complete pass hears of a new name."""
    for person in stage.people:
        _check_agreement(stage, person, names=names)


def check_channels(stage: Stage) -> None:
    """Every calendar is told of by a channel that its record knows, and no id was used twice."""
    for person in stage.people:
        calendar = stage.calendar(person)
        assert calendar is not None
        assert calendar.watch_problem is None, f"seed {stage.seed}: {calendar.watch_problem}"
        known = {row.id for row in calendar.channels if row.resource_id}
        alive = {channel.id for channel in stage.channels(person)}
        assert known & alive, f"seed {stage.seed}: {person.id} has no channel"


def live_events(stage: Stage, person: Practitioner) -> list[dict[str, Any]]:
    calendar_id = stage.calendar_id(person)
    assert calendar_id is not None
    start, end = stage.clock.now() - REACH, stage.clock.now() + REACH
    live = stage.google.on_screen(calendar_id, start.isoformat(), end.isoformat())
    return [event for event in live if not (stage.losses and _is_left_over(stage, person, event))]


def _is_left_over(stage: Stage, person: Practitioner, event: dict[str, Any]) -> bool:
    """Ours, of an appointment that left this practitioner or the window while its mapping was lost.

    Nothing tells any more whose it was: it is left and counted, not deleted on a guess.
    """
    settings, key = person.settings, person.key
    start = midnight(settings.start_from, settings.zone)
    found = [row for row in rows_of(stage, person) if instant_of(row["start"]) >= start]
    known = {stage.world.keys.k_of_appointment(PRACTICE, key, row["id"]) for row in found}
    known |= {name["value"].partition(".")[2] for row in found for name in row.get("identifier", ())}
    k = event.get("extendedProperties", {}).get("private", {}).get("k", "").partition(".")[2]
    return bool(k) and k not in known


def live_rows(stage: Stage, person: Practitioner) -> list[dict[str, Any]]:
    return [row for row in rows_of(stage, person) if row["status"] in LIVE and not is_block(row)]


def rows_of(stage: Stage, person: Practitioner) -> list[dict[str, Any]]:
    actor = f"Practitioner/{person.id}"
    return [
        row
        for row in stage.store.resources("Appointment")
        if any(part.get("actor", {}).get("reference") == actor for part in row["participant"])
    ]


def _check_agreement(stage: Stage, person: Practitioner, *, names: bool) -> None:
    """What is to come stands once on both sides; what is past may have been left as somebody left it."""
    now = stage.clock.now()
    shown_events = [_shown_event(event, person) for event in live_events(stage, person)]
    shown_rows = [_shown_row(stage, row, person) for row in live_rows(stage, person)]
    end = now + timedelta(days=person.settings.horizon_days - 2)  # of endless series; all else is nearer
    events = _ahead(shown_events, now, end, names=names)
    rows = _ahead(shown_rows, now, end, names=names)
    missing, surplus = rows - events, events - rows
    assert not missing, f"seed {stage.seed}: {person.id} lacks {dict(missing)}, has {dict(surplus)}"
    assert not surplus, f"seed {stage.seed}: {person.id} has without an appointment {dict(surplus)}"


def _ahead(shown: Iterable[Shown], now: datetime, end: datetime, *, names: bool) -> Counter[Shown]:
    margin = timedelta(hours=26)  # the longest item here is a day, and it may just have ended
    ahead = (item for item in shown if now + margin < item[0] < end)
    return Counter((start, text if names or not _NAMED.fullmatch(text) else FAMILY) for start, text in ahead)


def _shown_event(event: dict[str, Any], person: Practitioner) -> Shown:
    return start_of(event, person.zone), event.get("summary", "")


def _shown_row(stage: Stage, row: dict[str, Any], person: Practitioner) -> Shown:
    return instant_of(row["start"]), _text(stage, row, person)


def _text(stage: Stage, row: dict[str, Any], person: Practitioner) -> str:
    connection = stage.connection(person)
    assert connection is not None
    settings = connection.settings
    if is_client(row):
        return _label(stage, row, settings.client_label)
    made_in_ehr = "identifier" not in row
    hidden = made_in_ehr and settings.personal_text is PersonalText.BUSY
    return "Busy" if hidden else str(row.get("description", ""))


def _label(stage: Stage, row: dict[str, Any], mode: LabelMode) -> str:
    patients = [
        part["actor"]["reference"].partition("/")[2]
        for part in row["participant"]
        if part.get("actor", {}).get("reference", "").startswith("Patient/")
    ]
    if len(patients) > 1:
        return f"Group ({len(patients)})"
    patient = stage.store.read("Patient", patients[0])
    name = patient["name"][0]
    given, family = name["given"], name["family"]
    return {
        LabelMode.INTERNAL_ID: str(patient["identifier"][0]["value"]),
        LabelMode.INITIALS: f"{given[0][0]}{family[0]}",
        LabelMode.FIRST_NAME: str(given[0]),
        LabelMode.FULL_NAME: f"{' '.join(given)} {family}",
    }[mode]


def _check_client_rows(stage: Stage, notes: Notes) -> None:
    """The calendar never changes a client appointment that it may not change."""
    now = {row["id"]: row for row in stage.store.resources("Appointment")}
    for row_id, written in notes.clients.items():
        for name in ("status", "start", "end"):
            assert now[row_id].get(name) == written.get(name), (
                f"seed {stage.seed}: {name} of a client appointment"
            )


def _check_one_sided_edits(stage: Stage, notes: Notes) -> None:
    """An item that people edited on one side only ends as they left it, on both.

    Where mappings were lost, or a job died between a write and its note of it, nobody can tell any more which
    side had changed what: that is a conflict, and the side of origin wins.
    """
    if stage.losses:
        return
    rows = {
        tag_of(row.get("description", "")): row
        for row in stage.store.resources("Appointment")
        if not is_client(row) and not is_block(row)
    }
    for tag, last in notes.last.items():
        edited = notes.edited.get(tag, set())
        if len(edited) > 1 or (stage.one_way and Side.CALENDAR in edited):
            continue
        if tag in notes.aged or last.start <= stage.clock.now() + timedelta(days=1):
            continue  # what is past follows rules of its own
        row = rows.get(tag)
        if _was_never_saved(stage, tag, row):
            continue
        if last.deleted:
            assert row is None or row["status"] not in LIVE, f"seed {stage.seed}: {last.title} is back"
            continue
        assert row is not None, f"seed {stage.seed}: {last.title} never reached the EHR"
        assert row["status"] in LIVE, f"seed {stage.seed}: {last.title} is cancelled and nobody did it"
        assert instant_of(row["start"]) == last.start, f"seed {stage.seed}: the time of {last.title} was lost"
        assert row["description"] == last.title, f"seed {stage.seed}: the title of {last.title} was lost"


def _was_never_saved(stage: Stage, tag: str, row: dict[str, Any] | None) -> bool:
    ids = {
        event["id"]
        for person in stage.people
        for event in _all_events(stage, person)
        if tag_of(event.get("summary", "")) == tag
    }
    return bool((ids | {row["id"] if row else ""}) & stage.chaos.never_saved)


def _all_events(stage: Stage, person: Practitioner) -> list[dict[str, Any]]:
    return stage.google.all_events(stage.calendar_id(person) or "")


def _check_writes(stage: Stage) -> None:
    """Only the appointments calendars are written, and nobody is ever notified."""
    ours = {stage.calendar_id(person) for person in stage.people}
    for operation, parameters in stage.google_writes:
        if operation.startswith("events."):
            assert parameters["calendarId"] in ours, operation
            assert parameters["sendUpdates"] == "none", operation
            assert "attendees" not in parameters.get("body", {}), operation
        else:
            assert operation in ("calendars.insert", "calendars.delete"), operation


def _check_nothing_of_a_client_is_stored(stage: Stage) -> None:
    stored = repr(stage.documents._stored)
    for word in (FAMILY, HAND_MADE, OWN_TIME, COPY, OUTSIDE, PRIVATE, "Group ("):
        assert word not in stored, f"seed {stage.seed}: {word!r} is stored"
