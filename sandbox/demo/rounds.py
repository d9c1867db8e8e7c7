"""Many changes on each side, by all practitioners at the same time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from itertools import count, islice
from math import ceil
from typing import Any

from sandbox.demo.first_sync import local
from sandbox.demo.measure import Both, Change, Step, measured
from sandbox.demo.setting import Person, Setting
from sandbox.demo.story import AN_HOUR, SESSION, Hands

REST_SECONDS = 1.0
"""At most, before each change: at any moment of the second within which what arrives is one job."""
_FIRST_DAY = 20


class Direction(Enum):
    EHR_TO_GOOGLE = "ehr_to_google"
    GOOGLE_TO_EHR = "google_to_ehr"


ONE_WAY = {
    Direction.EHR_TO_GOOGLE: ("ehr_reschedule", "ehr_cancel", "ehr_create", "ehr_edit_personal"),
    Direction.GOOGLE_TO_EHR: (
        *("google_create", "google_move", "google_edit", "google_delete"),
        *("primary_create", "primary_move", "primary_delete"),
    ),
}
"""Changes of the story that go the same ways."""


def play_rounds(setting: Setting, changes: int, seed: int) -> dict[Direction, list[Change]]:
    """First so many of each practitioner on one side, then on the other."""
    chance = random.Random(f"{seed}/rounds")

    def rest() -> float:
        return chance.uniform(0, REST_SECONDS)

    makers = {Direction.EHR_TO_GOOGLE: _at_the_practice, Direction.GOOGLE_TO_EHR: _in_the_calendar}
    found: dict[Direction, list[Change]] = {}
    for direction, steps in makers.items():
        lanes = [islice(steps(setting, person), changes) for person in setting.people if not person.own]
        found[direction] = list(_shown(setting, direction, changes, measured(setting, lanes, rest)))
    return found


def p95_ms(latencies: Sequence[float | None]) -> float | None:
    """By nearest rank; None: one never arrived, or there are none."""
    known = sorted(each for each in latencies if each is not None)
    return known[ceil(0.95 * len(known)) - 1] if known and len(known) == len(latencies) else None


def latencies(
    story: Sequence[Change], rounds: Mapping[Direction, Sequence[Change]]
) -> dict[Direction, list[float | None]]:
    """Of every change that one side made and the other had to take over."""
    return {
        direction: [
            change.latency_ms
            for change in (*(each for each in story if each.key in ONE_WAY[direction]), *rounds[direction])
        ]
        for direction in rounds
    }


def _shown(setting: Setting, direction: Direction, each: int, changes: Iterator[Change]) -> Iterator[Change]:
    total = each * sum(not person.own for person in setting.people)
    for number, change in enumerate(changes, 1):
        setting.console.progress(direction.value.replace("_", " "), number, total)
        yield change


def _at_the_practice(setting: Setting, person: Person) -> Iterator[Step]:
    """Client appointments, one a day: booked, moved, cancelled."""
    hands = Hands(setting, person)
    for day in count(_FIRST_DAY):
        yield from _booked_moved_cancelled(person, hands, local(person, setting, day, 6))


def _booked_moved_cancelled(person: Person, hands: Hands, begins: datetime) -> Iterator[Step]:
    later, row = begins + AN_HOUR / 2, dict[str, Any]()
    yield Step(
        "book", "one of many is booked", lambda: row.update(hands.book(begins)), _shows(person, begins)
    )
    yield Step(
        "reschedule",
        "one of many is moved",
        lambda: hands.reschedule(row["id"], later, SESSION),
        _shows(person, later),
    )
    gone = _shows(person, later)
    yield Step(
        "cancel",
        "one of many is cancelled",
        lambda: hands.staff("cancel", appointment=row["id"]),
        lambda both: not gone(both),
    )


def _shows(person: Person, begins: datetime) -> Callable[[Both], bool]:
    """Whether the calendar has an event that begins there."""
    return lambda both: any(shown.start == begins for shown in both.events(person).values())


def _in_the_calendar(setting: Setting, person: Person) -> Iterator[Step]:
    """Events made by hand, one a day: made, moved, edited, deleted."""
    hands = Hands(setting, person)
    for day in count(_FIRST_DAY):
        title = f"Choir {person.practitioner.id} {day}"
        yield from _made_moved_edited_deleted(hands, title, local(person, setting, day, 21))


def _made_moved_edited_deleted(hands: Hands, title: str, begins: datetime) -> Iterator[Step]:
    later, edited, made = begins + AN_HOUR / 2, f"{title}, edited", dict[str, str]()
    yield Step(
        "make",
        "one of many events is made",
        lambda: made.update(id=hands.make(title, begins)),
        lambda both: both.personal(title) == begins,
    )
    yield Step(
        "move",
        "one of many events is moved",
        lambda: hands.move(made["id"], later, AN_HOUR),
        lambda both: both.personal(title) == later,
    )
    yield Step(
        "edit",
        "one of many events is edited",
        lambda: hands.user("edit", event=made["id"], body={"summary": edited}),
        lambda both: both.personal(edited) == later,
    )
    yield Step(
        "delete",
        "one of many events is deleted",
        lambda: hands.user("delete", event=made["id"]),
        lambda both: both.personal(edited, status="cancelled") is not None,
    )
