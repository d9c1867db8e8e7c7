"""sync_task is killed in the middle of a first sync: the queue brings its task again, and it goes on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sandbox.controls import last_number
from shared.settings import Function
from tests.eventually import eventually
from tests.process.judge import in_sync, until_none
from tests.process.people import Person, Practice
from tests.process.stories import asked, held, reached

APPOINTMENTS, OWN_TIMES = 30, 5
"""More than are saved at once, so that a slice is killed before, between and after its saves."""
EVENTS = APPOINTMENTS + OWN_TIMES


@dataclass(frozen=True)
class Killed:
    person: Person
    task: str
    """Name of the one whose handler died."""


def killed(practice: Practice, operation: str, skip: int = 0) -> Killed:
    """Somebody whose first sync is killed when this call, the first or a later one, is done, not answered."""
    person = practice.person(APPOINTMENTS)
    practice.consent(person)
    since = last_number(practice.tasks.attempts())
    with held(practice, operation, skip):
        practice.start(person)
        reached(practice, person, operation, skip)
        practice.deployment.kill(Function.SYNC_TASK)
    failed = eventually(lambda: attempts(practice, since, "retry"), "the attempt failed")
    return Killed(person, failed[0])


def attempts(practice: Practice, since: int, result: str) -> list[str]:
    """Of bulk work that ended so: the names of its tasks."""
    ended = [each for each in practice.tasks.attempts(since) if each["queue"] == "bulk"]
    return [each["name"] for each in ended if each["result"] == result]


def comes_again(practice: Practice, task: str) -> None:
    practice.deployment.start(Function.SYNC_TASK)
    until_none(practice, lambda: None if task in attempts(practice, 0, "done") else "it did not come again")


def test_a_calendar_whose_id_was_not_saved_is_found_again(practice: Practice) -> None:
    dead = killed(practice, "calendars.insert")
    assert practice.record(dead.person).calendar_id is None
    comes_again(practice, dead.task)
    in_sync(practice, dead.person)
    assert len(asked(practice, dead.person, "calendars.insert")) == 1


@pytest.mark.parametrize("after", [1, 25, EVENTS], ids=["the first", "a later", "the last"])
def test_a_slice_killed_after_an_event_goes_on_without_making_one_twice(
    practice: Practice, after: int
) -> None:
    dead = killed(practice, "events.insert", skip=after - 1)
    assert len(practice.google.events(practice.calendar_id(dead.person))) == after
    assert practice.record(dead.person).usable_cursor is None
    comes_again(practice, dead.task)
    in_sync(practice, dead.person)
    assert len(practice.google.events(practice.calendar_id(dead.person))) == EVENTS


def test_a_job_killed_between_its_channel_and_its_last_save_goes_on(practice: Practice) -> None:
    dead = killed(practice, "events.watch")
    assert practice.record(dead.person).usable_cursor is None
    comes_again(practice, dead.task)
    in_sync(practice, dead.person)
    assert len(practice.google.events(practice.calendar_id(dead.person))) == EVENTS
    assert [row.resource_id is not None for row in practice.record(dead.person).channels].count(True) == 1
