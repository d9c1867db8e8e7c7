"""sync_task is killed in the middle of a first sync: the queue brings its task again, and it goes on."""

from __future__ import annotations

import pytest

from sandbox.controls import Json
from shared.settings import Function
from tests.eventually import eventually
from tests.process.judge import in_sync, until_none
from tests.process.people import Person, Practice

APPOINTMENTS, OWN_TIMES = 30, 5
"""More than are saved at once, so that a slice is killed before, between and after its saves."""
EVENTS = APPOINTMENTS + OWN_TIMES


def killed(practice: Practice, operation: str, skip: int = 0) -> Person:
    """Somebody whose first sync is killed when this call, the first or a later one, is done, not answered."""
    person = practice.person(APPOINTMENTS)
    practice.consent(person)
    practice.google.fault(operation, held=True, skip=skip)
    practice.start(person)
    eventually(lambda: len(asked(practice, person, operation)) > skip, f"{operation} was asked")
    practice.deployment.kill(Function.SYNC_TASK)
    practice.google.clear_faults()
    return person


def asked(practice: Practice, person: Person, operation: str) -> list[Json]:
    requests = practice.google.requests()
    return [each for each in requests if (each["sub"], each["operation"]) == (person.sub, operation)]


def comes_again(practice: Practice) -> None:
    """The task whose handler died."""
    failed = eventually(
        lambda: [each for each in practice.tasks.attempts() if each["result"] == "retry"], "an attempt failed"
    )
    practice.deployment.start(Function.SYNC_TASK)
    done = {"name": failed[-1]["name"], "result": "done"}
    until_none(practice, lambda: None if done in ended(practice) else "the task did not come again")


def ended(practice: Practice) -> list[Json]:
    return [{"name": each["name"], "result": each["result"]} for each in practice.tasks.attempts()]


def test_a_calendar_whose_id_was_not_saved_is_found_again(practice: Practice) -> None:
    person = killed(practice, "calendars.insert")
    assert practice.record(person).calendar_id is None
    comes_again(practice)
    in_sync(practice, person)
    assert len(asked(practice, person, "calendars.insert")) == 1


@pytest.mark.parametrize("after", [1, 25, EVENTS], ids=["the first", "a later", "the last"])
def test_a_slice_killed_after_an_event_goes_on_without_making_one_twice(
    practice: Practice, after: int
) -> None:
    person = killed(practice, "events.insert", skip=after - 1)
    assert len(practice.google.events(practice.calendar_id(person))) == after
    assert practice.record(person).usable_cursor is None
    comes_again(practice)
    in_sync(practice, person)
    assert len(practice.google.events(practice.calendar_id(person))) == EVENTS


def test_a_job_killed_between_its_channel_and_its_last_save_goes_on(practice: Practice) -> None:
    person = killed(practice, "events.watch")
    assert practice.record(person).usable_cursor is None
    comes_again(practice)
    in_sync(practice, person)
    assert len(practice.google.events(practice.calendar_id(person))) == EVENTS
    assert [row.resource_id is not None for row in practice.record(person).channels].count(True) == 1
