"""What happens to people, told once for all tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.controls import Json
from shared.settings import Function
from tests.eventually import eventually
from tests.process.judge import at_rest
from tests.process.people import Person, Practice

HALF_AN_HOUR = timedelta(minutes=30)


def asked(practice: Practice, person: Person, operation: str) -> list[Json]:
    """Of Google, in the name of a person's account."""
    requests = practice.asked_of_google()
    return [each for each in requests if (each["sub"], each["operation"]) == (person.sub, operation)]


@contextmanager
def held(practice: Practice, operation: str, skip: int = 0) -> Iterator[None]:
    """One call of Google, the first or a later one, is done, and not answered before the end of the block."""
    practice.google.fault(operation, held=True, skip=skip)
    try:
        yield
    finally:
        practice.google.clear_faults()


def reached(practice: Practice, person: Person, operation: str, skip: int = 0) -> None:
    """Wait until the call was made, which is held."""
    eventually(lambda: len(asked(practice, person, operation)) > skip, f"{operation} was asked")


@contextmanager
def configured(practice: Practice, function: Function, **settings: str) -> Iterator[None]:
    """A function with other settings for the length of the block."""
    deployment = practice.deployment
    before = deployment.environment(function)
    deployment.configure(function, settings)
    deployment.restart(function)
    try:
        yield
    finally:
        deployment.configure(function, {name: before[f"CALSYNC_{name}"] for name in settings})
        deployment.restart(function)


def next_minute(practice: Practice) -> None:
    """Its first seconds: a run of the scheduler asks for this minute's slots once."""
    practice.skip(62 - practice.now().second)


# --- changes --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settled:
    """Somebody who is in sync, and has made two events by hand."""

    person: Person
    moving: str
    going: str


def settled(practice: Practice, appointments: int = 6) -> Settled:
    person = practice.connected(appointments)
    eventually(lambda: practice.record(person).renew_at, "there is a channel")
    found = Settled(person, practice.make(person, 0), practice.make(person, 1))
    at_rest(practice, person)
    return found


@dataclass(frozen=True)
class Changes:
    """Made on both sides, each to an item of its own; none of them is to be taken back."""

    begins: Mapping[str, datetime]
    """Of appointments that staff moved and booked, by id."""
    cancelled: str
    """An appointment."""
    events: Mapping[str, datetime]
    """That the owner of the account moved and made, by id."""
    deleted: str
    """An event."""

    def check(self, practice: Practice, person: Person) -> None:
        rows = {row["id"]: row for row in practice.ehr.appointments()}
        for row, begins in self.begins.items():
            assert (rows[row]["status"], instant(rows[row]["start"])) == ("booked", begins)
        assert rows[self.cancelled]["status"] == "cancelled"
        events = {event["id"]: event for event in practice.google.events(practice.calendar_id(person))}
        for event, begins in self.events.items():
            found = events[event]
            assert (found["status"], instant(found["start"]["dateTime"])) == ("confirmed", begins)
        assert events[self.deleted]["status"] == "cancelled"


def change_both_sides(practice: Practice, found: Settled) -> Changes:
    person, count = found.person, len(found.person.appointments)
    moved, cancelled = person.appointments[3], person.appointments[5]
    practice.reschedule(moved, practice.at(3) + HALF_AN_HOUR)
    practice.move(person, found.moving, practice.at(2) + HALF_AN_HOUR)
    practice.ehr.staff("cancel", appointment=cancelled)
    practice.user(person, "delete", event=found.going)
    booked = practice.book(person, count)
    made = practice.make(person, 4)
    return Changes(
        begins={moved: practice.at(3) + HALF_AN_HOUR, booked: practice.at(count)},
        cancelled=cancelled,
        events={found.moving: practice.at(2) + HALF_AN_HOUR, made: practice.by_hand(4)},
        deleted=found.going,
    )


def starts(practice: Practice, person: Person, event: str) -> datetime:
    events = {each["id"]: each for each in practice.google.events(practice.calendar_id(person))}
    return instant(events[event]["start"]["dateTime"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
