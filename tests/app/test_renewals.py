"""What comes due by the clock: every slot in its turn, once, and again where a run was missed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from shared.app.jobs import CalendarTask, FeedTask, Job, LooksTask, job_of
from shared.app.records import (
    CURSOR_FORMAT,
    LOOK_SLOTS,
    Calendar,
    Practice,
    Progress,
    calendar_data,
    calendar_path,
    parked,
    practice_data,
    practice_path,
)
from shared.app.renewals import LOOKS_MAX, MINUTES_BACK, Every, Renewed, renew
from shared.ports import Put, Queue
from tests.fakes.clock import START, FakeClock
from tests.fakes.documents import MemoryDocuments
from tests.fakes.tasks import MemoryTasks

MINUTE = timedelta(minutes=1)
IN_SYNC = Calendar(
    "key", "connection", "account", calendar_id="c", cursor="token", cursor_format=CURSOR_FORMAT
)
PRACTICES = frozenset({"one", "two"})
USUAL = Every()


class Turn:
    """Scheduler, store and queue."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.documents = MemoryDocuments()
        self.tasks = MemoryTasks(self.clock)

    def keep(self, calendars: Iterable[Calendar]) -> None:
        for calendar in calendars:
            self.documents.commit([Put(calendar_path(calendar.key), calendar_data(calendar))])

    def run(self, every: Every = USUAL) -> Renewed:
        return renew(self.documents, self.tasks, self.clock.now(), PRACTICES, every)

    def hour(self, every: Every = USUAL) -> list[tuple[int, Job]]:
        """Everything that an hour of runs asks for, with the minute in which it was."""
        asked: list[tuple[int, Job]] = []
        for minute in range(60):
            self.run(every)
            asked += [(minute, job) for job in self.taken()]
            self.clock.advance(60)
        return asked

    def taken(self) -> list[Job]:
        return [job_of(body) for body in self.tasks.take_due()]


@pytest.fixture
def turn() -> Turn:
    return Turn()


def named(count: int) -> list[Calendar]:
    return [replace(IN_SYNC, key=f"key-{number}") for number in range(count)]


def looked_at(asked: Iterable[Job]) -> list[str]:
    return [key for job in asked if isinstance(job, LooksTask) for key in job.calendar_keys]


def test_every_calendar_is_looked_at_four_times_an_hour_at_even_distances(turn: Turn) -> None:
    turn.keep(named(40))
    turn.hour()  # the first runs make good what nobody missed
    minutes: dict[str, list[int]] = {}
    for minute, job in turn.hour():
        for key in looked_at([job]):
            minutes.setdefault(key, []).append(minute)
    assert len(minutes) == 40
    for at in minutes.values():
        assert [later - sooner for sooner, later in pairwise(at)] == [LOOK_SLOTS] * 3


def test_the_looks_are_spread_over_the_slots(turn: Turn) -> None:
    turn.keep(named(300))
    turn.hour()
    a_minute = [len(looked_at([job])) for minute, job in turn.hour() if minute < LOOK_SLOTS]
    assert sum(a_minute) == 300
    assert max(a_minute) < 3 * 300 / LOOK_SLOTS


@pytest.mark.parametrize("minutes", [1, 3, 5])
def test_a_shorter_interval_looks_more_often(turn: Turn, minutes: int) -> None:
    turn.keep(named(5))
    turn.hour(Every(look=minutes))
    asked = looked_at(job for _, job in turn.hour(Every(look=minutes)))
    assert {asked.count(f"key-{number}") for number in range(5)} == {60 // minutes}


def test_a_run_that_comes_twice_asks_for_nothing_more(turn: Turn) -> None:
    turn.keep(named(60))
    turn.run()
    first = turn.taken()
    assert looked_at(first)
    turn.run()
    turn.clock.advance(20)
    turn.run()
    assert turn.taken() == []


def test_missed_runs_are_made_good(turn: Turn) -> None:
    turn.keep(named(60))
    turn.hour()
    turn.clock.advance(60 * MINUTES_BACK)
    turn.run()
    made_good = looked_at(turn.taken())
    slots = {replace(IN_SYNC, key=key).look_slot for key in made_good}
    assert len(slots) == MINUTES_BACK + 1


def test_many_calendars_of_a_slot_are_several_tasks(turn: Turn) -> None:
    turn.keep(named(LOOK_SLOTS * LOOKS_MAX * 2))
    turn.run()
    looks = [job for job in turn.taken() if isinstance(job, LooksTask)]
    assert max(len(job.calendar_keys) for job in looks) == LOOKS_MAX
    assert len(looked_at(looks)) == len(set(looked_at(looks)))


@pytest.mark.parametrize("change", [{"missing": True}, {"active": False}])
def test_what_is_not_active_is_neither_looked_at_nor_due(turn: Turn, change: dict[str, bool]) -> None:
    turn.keep([replace(IN_SYNC, due_at=START, **change)])  # type: ignore[arg-type]
    turn.keep([parked(replace(IN_SYNC, key="other", due_at=START))])
    assert turn.hour() == []


def test_a_practice_is_read_every_five_minutes_if_it_is_served(turn: Turn) -> None:
    for key in ("one", "unserved"):
        turn.documents.commit([Put(practice_path(key), practice_data(Practice(key)))])
    turn.hour()
    assert [job for _, job in turn.hour()] == [FeedTask("one")] * 12
    turn.hour(Every(poll=1))
    assert len(turn.hour(Every(poll=1))) == 60


# --- what is due ----------------------------------------------------------------------------------------


def test_a_calendar_that_is_due_is_asked_for_once_an_hour_until_somebody_moves_it(turn: Turn) -> None:
    turn.keep([replace(IN_SYNC, due_at=START)])
    due = [minute for minute, job in turn.hour() if isinstance(job, CalendarTask)]
    again = [minute for minute, job in turn.hour() if isinstance(job, CalendarTask)]
    assert (len(due), len(again)) in {(1, 1), (2, 1)}  # the hour of the clock may end within the first
    turn.keep([replace(IN_SYNC, due_at=turn.clock.now() + timedelta(hours=3))])
    assert [job for _, job in turn.hour() if isinstance(job, CalendarTask)] == []


def test_what_is_not_due_yet_waits(turn: Turn) -> None:
    turn.keep([replace(IN_SYNC, due_at=START + 10 * MINUTE)])
    assert [minute for minute, job in turn.hour() if isinstance(job, CalendarTask)] == [10]


@pytest.mark.parametrize(
    ("calendar", "queue"),
    [
        (IN_SYNC, Queue.LIVE),
        (replace(IN_SYNC, retry_at=START, pass_at=START + timedelta(days=1)), Queue.LIVE),
        (replace(IN_SYNC, pass_at=START), Queue.BULK),
        (replace(IN_SYNC, cursor=None), Queue.BULK),
        (replace(IN_SYNC, cursor_format=CURSOR_FORMAT + 1), Queue.BULK),
        (replace(IN_SYNC, progress=Progress(1, 2)), Queue.BULK),
        (replace(IN_SYNC, progress=Progress(2, 2)), Queue.LIVE),
    ],
)
def test_a_pass_and_what_it_left_is_bulk_work(turn: Turn, calendar: Calendar, queue: Queue) -> None:
    turn.keep([replace(calendar, due_at=START)])
    turn.run()
    assert CalendarTask("key", queue=queue) in turn.taken()


def test_what_a_run_did_is_counted(turn: Turn) -> None:
    turn.keep([replace(each, due_at=START) for each in named(LOOK_SLOTS * 4)])
    turn.documents.commit([Put(practice_path("one"), practice_data(Practice("one")))])
    done = turn.run()
    jobs = turn.taken()
    assert done.looks == len(looked_at(jobs)) > 0
    assert done.due == LOOK_SLOTS * 4 == len([job for job in jobs if isinstance(job, CalendarTask)])
    assert done.polls == len([job for job in jobs if isinstance(job, FeedTask)])
    assert not done.full
