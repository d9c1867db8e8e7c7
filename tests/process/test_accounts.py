"""Two practitioners share a Google account: its limits are one, and what is another's is not touched."""

from __future__ import annotations

from itertools import groupby
from urllib.parse import unquote

from tests.eventually import eventually
from tests.process.judge import at_rest, differences_of, in_sync, waiting
from tests.process.people import Person, Practice
from tests.process.stories import HALF_AN_HOUR, asked, held, reached, settled


def bulk_jobs(practice: Practice, person: Person) -> list[str]:
    """Names of those that have come to their end."""
    mine = f"-calendar-bulk-{practice.record(person).key}-"
    return [each["name"] for each in practice.tasks.attempts() if mine in each["name"]]


def test_first_syncs_of_one_account_go_one_after_the_other(practice: Practice) -> None:
    first = practice.person(20)
    second = practice.person(20, account=first.account)
    for person in (first, second):
        practice.consent(person)
    with held(practice, "events.insert", skip=5):
        practice.start(first)
        reached(practice, first, "events.insert", skip=5)
        practice.start(second)
        eventually(lambda: bulk_jobs(practice, second), "the other's job has come")
        idle_but_for_one(practice)
        assert practice.record(second).calendar_id is None
    in_sync(practice, first, second)
    inserts = [unquote(each["path"]) for each in asked(practice, first, "events.insert")]
    turns = [path for path, _ in groupby(inserts)]
    assert len(turns) <= len(bulk_jobs(practice, first) + bulk_jobs(practice, second)), (
        "they ran side by side"
    )
    assert practice.calendar_id(first) != practice.calendar_id(second)


def idle_but_for_one(practice: Practice) -> None:
    eventually(lambda: sum(task["running"] for task in waiting(practice)) == 1, "one job runs")


def test_a_rate_limit_holds_up_all_of_its_account_and_nobody_else(practice: Practice) -> None:
    first, third = settled(practice), settled(practice)
    second = practice.connected(account=first.person.account)
    at_rest(practice, first.person, second, third.person)
    practice.google.fault("events.patch", reason="rateLimitExceeded", retry_after_seconds=60)
    practice.reschedule(first.person.appointments[2], practice.at(2) + HALF_AN_HOUR)
    for person in (first.person, second):
        eventually(lambda person=person: practice.connection(person).pause_until, "the account waits")  # type: ignore[misc]
    assert practice.connection(third.person).pause_until is None
    writes = len(asked(practice, second, "events.patch"))
    for person in (second, third.person):
        practice.reschedule(person.appointments[3], practice.at(3) + HALF_AN_HOUR)
    eventually(lambda: not differences_of(practice, third.person), "the other account goes on")
    assert len(asked(practice, second, "events.patch")) == writes
    in_sync(practice, first.person, second, third.person)
