"""What must hold at the end of every story, judged by what the sandboxes themselves hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from math import ceil
from urllib.parse import unquote

from sandbox.controls import Json, last_number
from sandbox.demo.blocks import blocks_of
from sandbox.demo.check import View, broken_rules, compare, ehr_writes, google_writes
from shared.app.jobs import CalendarTask, later
from shared.clients import cloud_tasks
from shared.ports import Queue
from shared.settings import Function, load
from tests.process.people import Person, Practice

SECONDS_MAX = 60.0
SOON = timedelta(minutes=2)
"""A task that is due later is not waited for."""
SHORT_SECONDS = 0.5
"""That is waited for."""
_POLL_SECONDS = 0.1
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Mark:
    """A moment in what was asked of both sides."""

    google: int
    ehr: int


def mark(practice: Practice) -> Mark:
    return Mark(last_number(practice.asked_of_google()), last_number(practice.asked_of_the_ehr()))


def writes_since(practice: Practice, when: Mark) -> list[str]:
    """By the sync, on either side."""
    both = [
        *google_writes(practice.google.requests(when.google)),
        *ehr_writes(practice.ehr.requests(when.ehr)),
    ]
    return [request["operation"] for request in both]


def until_none(practice: Practice, problem: Callable[[], str | None]) -> None:
    """Wait until there is no problem; else it fails with the last one.

    What waits for its time is not waited for: while nothing runs, the clock is moved on to the next task.
    """
    deadline = time.monotonic() + SECONDS_MAX
    while (why := problem()) is not None:
        assert time.monotonic() < deadline, why
        time.sleep(_POLL_SECONDS)
        _skip_idle_time(practice)


def _skip_idle_time(practice: Practice) -> None:
    tasks = waiting(practice)
    if not tasks or any(task["running"] for task in tasks):
        return
    first = min(datetime.fromisoformat(task["due_at"]) for task in tasks)
    seconds = (first - practice.now()).total_seconds()
    if seconds > SHORT_SECONDS:
        practice.skip(ceil(seconds))


def in_sync(practice: Practice, *people: Person) -> None:
    """All comes to rest, both sides agree, and one more complete pass writes nothing.

    Nor was Google asked anything that it should not be.
    """
    at_rest(practice, *people)
    before = mark(practice)
    for person in people:
        pass_once_more(practice, person)
    assert writes_since(practice, before) == [], "one more complete pass wrote"
    assert rules_broken(practice, people) == []


def at_rest(practice: Practice, *people: Person) -> None:
    """Nothing is left to be done, and both sides agree."""
    until_none(practice, lambda: unrest(practice, people) or _differences(practice, people))


def idle(practice: Practice) -> None:
    """The queues are."""
    until_none(practice, lambda: _work(practice))


def agree(practice: Practice, *people: Person) -> None:
    """Both sides agree; who knows for how long."""
    until_none(practice, lambda: _differences(practice, people))


def pass_once_more(practice: Practice, person: Person) -> None:
    """Of each calendar of theirs."""
    before = {each.key: each.passed_at for each in practice.calendars(person)}
    for key in before:
        enqueue(practice, CalendarTask(key, everything=True, queue=Queue.BULK))

    def problem() -> str | None:
        if any(each.passed_at == before[each.key] for each in practice.calendars(person)):
            return "no complete pass was made"
        return unrest(practice, (person,))

    until_none(practice, problem)


def enqueue(practice: Practice, job: CalendarTask) -> None:
    """As a function does."""
    tasks = cloud_tasks(load(Function.SYNC_TASK, practice.deployment.environment(Function.SYNC_TASK)))
    try:
        tasks.enqueue(later(job, practice.now()))
    finally:
        tasks.close()


def waiting(practice: Practice) -> list[Json]:
    """Tasks that run, or will before long."""
    soon = practice.now() + SOON
    return [task for task in practice.tasks.waiting() if datetime.fromisoformat(task["due_at"]) < soon]


def unrest(practice: Practice, people: tuple[Person, ...]) -> str | None:
    """What is still to be done, if anything is."""
    found = ((each, practice.connection(person)) for person in people for each in practice.calendars(person))
    for record, connection in found:
        if record.usable_cursor is None or record.epoch != connection.epoch or record.in_pass:
            return f"a pass is not over ({connection.status.value}, {record.progress}, {record.problem})"
        if record.lease is not None or record.retry_at is not None:
            return f"there is more to do ({record.lease}, {record.retry_at}, {record.problem})"
    return _work(practice)


def _work(practice: Practice) -> str | None:
    left = waiting(practice)
    return f"{len(left)} tasks wait, first {left[0]}" if left else None


def _differences(practice: Practice, people: tuple[Person, ...]) -> str | None:
    return "; ".join(each for person in people for each in differences_of(practice, person)) or None


def differences_of(practice: Practice, person: Person) -> list[str]:
    """Between both sides of a person, in words; duplicates are among them."""
    if practice.record(person).calendar_id is None:
        return ["there is no calendar"]
    return list(compare(_view(practice, person)).differences)


def _view(practice: Practice, person: Person) -> View:
    chosen = practice.connection(person).settings
    today = practice.now().astimezone(chosen.zone).date()
    after = today + timedelta(days=chosen.horizon_days + 1)
    starts = datetime.combine(chosen.start_from, wall_time.min, chosen.zone).astimezone(UTC)
    ends = datetime.combine(after, wall_time.min, chosen.zone).astimezone(UTC)
    external = [each.calendar_id for each in practice.external(person) if not each.leaving]
    return View(
        practitioner=person.practitioner,
        zone=chosen.zone,
        label=chosen.client_label,
        starts=starts,
        ends=ends,
        appointments=practice.ehr.appointments(),
        patients=practice.ehr.patients(),
        events=practice.google.events(practice.calendar_id(person)),
        external=[
            event for each in external for event in practice.google.screen(each or "", starts - _A_DAY, ends)
        ],
        blocks=blocks_of(practice.ehr),
    )


def rules_broken(practice: Practice, people: tuple[Person, ...]) -> list[str]:
    """Whatever Google should not have been asked in the name of these accounts."""
    requests = practice.asked_of_google()
    broken = []
    for person in people:
        calendar = practice.calendar_id(person)
        theirs = [
            request
            for request in requests
            if request["sub"] == person.sub and not _of_a_housemate(practice, request, person, people)
        ]
        broken += broken_rules(theirs, {person.sub: calendar})
    return broken


def _of_a_housemate(practice: Practice, request: Json, person: Person, people: tuple[Person, ...]) -> bool:
    """Whether it is about the calendar of another practitioner with the same account."""
    others = [each for each in people if each is not person and each.sub == person.sub]
    path = unquote(request["path"])
    return any(f"/calendars/{practice.calendar_id(other)}/" in path for other in others)
