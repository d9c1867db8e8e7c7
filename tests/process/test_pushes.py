"""Pushes and hooks: at a bad moment, too many, with nobody to take them, or none at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from sandbox.controls import Json, last_number
from sandbox.deployment.plan import Server
from shared.settings import Function
from tests.eventually import eventually
from tests.process.judge import agree, idle, in_sync
from tests.process.people import Person, Practice
from tests.process.stories import (
    HALF_AN_HOUR,
    asked,
    configured,
    held,
    instant,
    next_minute,
    reached,
    settled,
    starts,
)

PUSHES, PACE_SECONDS = 200, 0.01


def names_of(practice: Practice, person: Person, tasks: list[Json]) -> set[str]:
    """How the names of a calendar's live tasks end."""
    mine = f"-calendar-live-{practice.record(person).key}-"
    return {task["name"].partition(mine)[2] for task in tasks} - {""}


def arrived(practice: Practice, person: Person, since: int) -> set[str]:
    """Jobs for pushes, that were run: the numbers of the buckets that they came in."""
    return {name for name in names_of(practice, person, practice.tasks.attempts(since)) if name.isdecimal()}


def waiting_for(practice: Practice, person: Person) -> set[str]:
    """Jobs that look, and wait for another to end."""
    now = practice.now()
    wait = [task for task in practice.tasks.waiting() if instant(task["due_at"]) > now]
    return {name for name in names_of(practice, person, wait) if name.startswith("waiting")}


# --- at a bad moment ------------------------------------------------------------------------------------


def test_pushes_that_meet_a_job_wait_for_it_together_and_none_is_lost(practice: Practice) -> None:
    found = settled(practice)
    before = len(asked(practice, found.person, "events.patch"))
    since = last_number(practice.tasks.attempts())
    with held(practice, "events.patch"):
        practice.reschedule(found.person.appointments[2], practice.at(2) + HALF_AN_HOUR)
        reached(practice, found.person, "events.patch", skip=before)
        for index in range(2, 8):
            practice.move(found.person, found.moving, practice.at(index) + HALF_AN_HOUR)
            time.sleep(0.3)  # each in a bucket of its own
        eventually(lambda: len(arrived(practice, found.person, since)) > 3, "they came")
        # what comes within two seconds waits for the same, for two to four: two, or three at the turn
        assert len(eventually(lambda: waiting_for(practice, found.person), "they wait")) <= 3
    in_sync(practice, found.person)
    assert starts(practice, found.person, found.moving) == practice.at(7) + HALF_AN_HOUR


def test_an_event_made_just_before_the_first_channel_lives_is_not_left_to_the_next_look(
    practice: Practice,
) -> None:
    person = practice.person()
    practice.consent(person)
    with held(practice, "events.insert"):
        practice.start(person)
        reached(practice, person, "events.insert")
        practice.make(person, 3)
    in_sync(practice, person)


def test_two_hundred_pushes_are_a_few_jobs_and_every_one_is_answered(practice: Practice) -> None:
    with configured(practice, Function.PUSH_WEBHOOK, BUCKET_S="1"):
        found = settled(practice)
        ended, sent = last_number(practice.tasks.attempts()), last_number(practice.google.deliveries())
        began = time.monotonic()
        for number in range(PUSHES):
            practice.user(found.person, "edit", event=found.moving, body={"summary": f"Title {number}"})
            time.sleep(PACE_SECONDS)
        deliveries = eventually(lambda: all_of_them(practice, sent), "all were delivered")
        seconds = time.monotonic() - began
        agree(practice, found.person)
    assert {(each["outcome"], each["status"], each["attempt"]) for each in deliveries} == {
        ("delivered", 204, 1)
    }
    # those of a second are one; the first and the last second may be parts
    assert len(arrived(practice, found.person, ended)) <= seconds + 2
    # each of these may write a row, whose hook is one read of the practice and one job more; all may wait
    assert len(practice.tasks.attempts(ended)) <= 6 * (seconds + 2)
    in_sync(practice, found.person)


def all_of_them(practice: Practice, since: int) -> list[dict[str, object]]:
    deliveries = practice.google.deliveries(since)
    return deliveries if len(deliveries) >= PUSHES else []


# --- with nobody to take them ---------------------------------------------------------------------------


def test_with_the_queue_down_senders_are_asked_to_come_again_and_nothing_is_lost(practice: Practice) -> None:
    found = settled(practice)
    sent, told = last_number(practice.google.deliveries()), last_number(practice.ehr.deliveries())
    practice.deployment.kill(Server.TASKS)
    try:
        practice.move(found.person, found.moving, practice.at(6) + HALF_AN_HOUR)
        practice.reschedule(found.person.appointments[2], practice.at(2) + HALF_AN_HOUR)
        push = eventually(lambda: practice.google.deliveries(sent), "the push is answered")[0]
        assert (push["outcome"], push["status"]) == ("retried", 503)
        hook = eventually(lambda: practice.ehr.deliveries(told), "the hook is answered")[0]
        assert (hook["outcome"], hook["status"]) == ("refused", 503)
        assert forged(practice, "/google", "X-Goog-Channel-ID") == 204
        assert forged(practice, "/ehr/demo", "X-Calsync-Signature") == 401
        assert forged(practice, "/ehr/nobody", "X-Calsync-Signature") == 401
    finally:
        practice.deployment.start(Server.TASKS)
    in_sync(practice, found.person)
    assert starts(practice, found.person, found.moving) == practice.at(6) + HALF_AN_HOUR


def forged(practice: Practice, path: str, header: str) -> int:
    url = f"{practice.deployment.at.functions[Function.PUSH_WEBHOOK]}{path}"
    return requests.post(url, headers={header: "of nobody's"}, timeout=10).status_code


# --- none at all ----------------------------------------------------------------------------------------


@contextmanager
def without_pushes(practice: Practice) -> Iterator[None]:
    practice.google.change(push_drop_chance=1.0)
    practice.ehr.change_hooks(drop_chance=1.0)
    try:
        yield
    finally:
        practice.google.change(push_drop_chance=0.0)
        practice.ehr.change_hooks(drop_chance=0.0)


def test_a_change_whose_push_was_lost_is_found_by_the_look(practice: Practice) -> None:
    found = settled(practice)
    with without_pushes(practice):
        practice.move(found.person, found.moving, practice.at(6) + HALF_AN_HOUR)
        assert practice.google.deliveries()[-1]["outcome"] == "dropped"
        next_minute(practice)
        practice.deployment.scheduler.tick()
        agree(practice, found.person)
    in_sync(practice, found.person)
    assert starts(practice, found.person, found.moving) == practice.at(6) + HALF_AN_HOUR


def test_a_change_whose_hook_was_lost_is_found_by_the_poll(practice: Practice) -> None:
    found = settled(practice)
    with without_pushes(practice):
        practice.ehr.staff("cancel", appointment=found.person.appointments[2])
        assert practice.ehr.deliveries()[-1]["outcome"] == "dropped"
        next_minute(practice)
        practice.deployment.scheduler.tick()
        agree(practice, found.person)
    in_sync(practice, found.person)


def test_a_run_of_the_scheduler_that_comes_twice_asks_for_nothing_twice(practice: Practice) -> None:
    found = settled(practice)
    next_minute(practice)
    ended = last_number(practice.tasks.attempts())
    practice.deployment.scheduler.tick()
    idle(practice)
    first = asked_for(practice, ended)
    assert any("looks-" in name for name in first)
    assert any("poll-" in name for name in first)
    practice.deployment.scheduler.tick()
    idle(practice)
    assert asked_for(practice, ended) == first
    in_sync(practice, found.person)


def asked_for(practice: Practice, since: int) -> list[str]:
    """Names of the scheduler's tasks, one for each attempt."""
    names = [attempt["name"] for attempt in practice.tasks.attempts(since)]
    return sorted(name for name in names if any(of in name for of in ("-looks-", "-poll-", "-due-")))
