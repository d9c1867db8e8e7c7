"""A sync is paused or ended in the middle of a slice: once that is answered, nothing is written any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.settings import Function
from tests.eventually import eventually
from tests.process.judge import idle, in_sync, mark, writes_since
from tests.process.people import Person, Practice
from tests.process.stories import HALF_AN_HOUR, asked, held, next_minute, reached

SHOWN = {"/pause": "paused", "/disconnect": "disconnected"}


@pytest.mark.parametrize("how", SHOWN)
def test_what_runs_comes_to_its_end_before_the_answer_and_nothing_follows_it(
    practice: Practice, how: str
) -> None:
    person = practice.person(30)
    practice.consent(person)
    with ThreadPoolExecutor(1) as other, held(practice, "events.insert", skip=10):
        practice.start(person)
        reached(practice, person, "events.insert", skip=10)
        answer = other.submit(practice.ask, person, "POST", how)
        eventually(lambda: practice.status(person) == "stopping", "it is being stopped")
        practice.google.clear_faults()
        assert answer.result()["status"] == SHOWN[how]
    before = mark(practice)
    stir(practice, person)
    assert writes_since(practice, before) == []
    go_on(practice, person, how)
    assert len(asked(practice, person, "calendars.insert")) == 1


@pytest.mark.parametrize("how", SHOWN)
def test_a_job_that_stalls_beyond_its_lease_is_not_waited_for_and_writes_nothing_after(
    practice: Practice, how: str
) -> None:
    person = practice.person(30)
    practice.consent(person)
    with ThreadPoolExecutor(1) as other, held(practice, "events.insert", skip=10):
        practice.start(person)
        reached(practice, person, "events.insert", skip=10)
        answer = other.submit(practice.ask, person, "POST", how)
        eventually(lambda: practice.status(person) == "stopping", "it is being stopped")
        practice.skip(int(practice.deployment.environment(Function.SYNC_TASK)["CALSYNC_LEASE_S"]) + 1)
        assert answer.result()["status"] == SHOWN[how]
        before = mark(practice)
    stir(practice, person)
    assert writes_since(practice, before) == []
    go_on(practice, person, how)


def stir(practice: Practice, person: Person) -> None:
    """Something happens on both sides, and whatever runs comes to its end."""
    practice.reschedule(person.appointments[2], practice.at(2) + HALF_AN_HOUR)
    practice.make(person, 3)
    next_minute(practice)
    practice.deployment.scheduler.tick()
    idle(practice)


def go_on(practice: Practice, person: Person, how: str) -> None:
    """What was done meanwhile is taken in, in the same calendar."""
    if how == "/pause":
        practice.ask(person, "POST", "/resume")
    else:
        practice.consent(person)
        practice.start(person)
    in_sync(practice, person)
