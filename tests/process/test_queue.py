"""The queue brings every task twice, in any order, or is killed with what waits in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.deployment.plan import Server
from tests.eventually import eventually
from tests.process.judge import agree, in_sync, waiting
from tests.process.people import Practice
from tests.process.stories import asked, change_both_sides, held, reached, settled


@contextmanager
def twice_and_in_any_order(practice: Practice) -> Iterator[None]:
    """Every task, and what follows from it: two that meet each time come to rest by luck alone."""
    practice.tasks.change(duplicates=True, reorder=True)
    try:
        yield
    finally:
        practice.tasks.change(duplicates=False, reorder=False)


def test_a_first_sync_whose_tasks_come_twice_and_in_any_order_makes_nothing_twice(practice: Practice) -> None:
    with twice_and_in_any_order(practice):
        person = practice.connected(30)
        agree(practice, person)
    in_sync(practice, person)
    assert len(asked(practice, person, "calendars.insert")) == 1
    assert {each["status"] for each in practice.google.events(practice.calendar_id(person))} == {"confirmed"}


def test_changes_whose_tasks_come_twice_and_in_any_order_end_as_they_were_made(practice: Practice) -> None:
    found = settled(practice)
    with twice_and_in_any_order(practice):
        changes = change_both_sides(practice, found)
        agree(practice, found.person)
    in_sync(practice, found.person)
    changes.check(practice, found.person)


def test_what_runs_and_what_waits_outlives_a_queue_that_is_killed(practice: Practice) -> None:
    """Somebody's first sync runs; of somebody else a poke and a push wait."""
    found = settled(practice)
    person = practice.person(30)
    practice.consent(person)
    with held(practice, "events.insert", skip=10):
        practice.start(person)
        reached(practice, person, "events.insert", skip=10)
        practice.tasks.change(paused=True)
        changes = change_both_sides(practice, found)
        eventually(lambda: waits(practice, "rows-"), "the poke waits")
        push = f"calendar-live-{practice.record(found.person).key}"
        eventually(lambda: waits(practice, push), "the push waits")
        practice.deployment.kill(Server.TASKS)
    practice.deployment.start(Server.TASKS)
    in_sync(practice, person, found.person)
    changes.check(practice, found.person)


def waits(practice: Practice, name: str) -> bool:
    return any(name in task["name"] for task in waiting(practice))
