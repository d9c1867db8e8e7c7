"""One seed from beginning to end: a troubled time, then calm, then the invariants."""

from __future__ import annotations

from datetime import timedelta

from shared.app.jobs import CalendarTask, arriving
from shared.ports import Queue
from tests.simulation.actors import Actors
from tests.simulation.block_invariants import check_blocks
from tests.simulation.invariants import check, check_agreement, check_channels, live_rows
from tests.simulation.lives import Lives
from tests.simulation.people import Practitioner
from tests.simulation.stage import Stage

STEPS = 80
TASKS_MAX = 300
"""Run by the queue in one go; beyond it the jobs do not come to rest."""
WAITS_MAX = 24
QUARTER = 16
"""Minutes in which every calendar is looked at and every practice is read."""


def simulate(seed: int, steps: int = STEPS) -> Stage:
    """Raises AssertionError where a promise is broken; the same seed tells the same story."""
    stage = Stage(seed)
    actors, lives = Actors(stage), Lives(stage)
    stage.between = lambda: _between(stage, actors, lives)  # type: ignore[method-assign]
    stage.chaos.aftermath = actors.at_the_worst_moment
    try:
        _begin(stage, actors, lives)
        for _ in range(steps):
            _step(stage, actors, lives)
        _calm(stage, actors, lives)
        check(stage, actors.notes)
        check_blocks(stage, slack=timedelta(hours=1))
        written = stage.chaos.written
        for person in stage.people:
            _pass(stage, person)
        assert stage.chaos.written == written, f"seed {seed}: one more pass of everything wrote something"
        for person in stage.people:
            _split(stage, actors, person)
    except AssertionError as error:
        error.add_note("\n".join(["the story:", *stage.story, "the faults:", *stage.chaos.happened]))
        raise
    return stage


def _begin(stage: Stage, actors: Actors, lives: Lives) -> None:
    """A practice that has appointments; every other one is in sync when the trouble begins."""
    for _ in range(6):
        actors.staff.book_client()
    actors.staff.book_own_time()
    if stage.wide:
        actors.outside.fill()
    stage.clock.advance(10)  # until the EHR shows them
    lives.connect()
    if stage.rng.random() < 0.5:
        stage.chaos.calm = True
        _drain(stage)
        stage.chaos.calm = False


def _step(stage: Stage, actors: Actors, lives: Lives) -> None:
    roll = stage.rng.random()
    if roll < 0.42:
        actors.act()
    elif roll > 0.94:
        if stage.lively:
            lives.act()
        elif stage.unlucky:
            _misfortune(stage, lives)
        elif stage.wide:
            lives.about_externals()
    else:
        _go_on(stage, roll)


def _go_on(stage: Stage, roll: float) -> None:
    """What happens without people; `roll`: from 0.42 to 0.94."""
    if roll < 0.55:
        stage.story.append("poke")
        stage.poke()
    elif roll < 0.76:
        _deliver(stage)
    elif roll < 0.81:
        stage.story.append("hear")
        stage.hear()
    elif roll < 0.86:
        _work(stage, stage.some_calendar(), everything=stage.rng.random() < 0.4)
    elif roll < 0.89:
        stage.story.append("a minute")
        stage.minute()
    else:
        stage.clock.advance(stage.rng.choice([1, 10, 100, 3_700, 40_000]))


def _deliver(stage: Stage) -> None:
    """A task or two, and what they ask for; time passes until there is one."""
    stage.story.append("deliver")
    for _ in range(stage.rng.randint(1, 5)):
        wait = stage.tasks.next_in()
        if wait is None or wait > 120:
            return
        stage.clock.advance(wait)
        stage.deliver()


def _work(stage: Stage, calendar_key: str, *, everything: bool = False) -> None:
    """A job, as if somebody had asked for it just now."""
    stage.story.append("a complete pass" if everything else "a job")
    queue = Queue.BULK if everything or stage.rng.random() < 0.3 else Queue.LIVE
    task = CalendarTask(calendar_key, everything=everything, queue=queue)
    stage.run(arriving(task, stage.clock.now()))


def _misfortune(stage: Stage, lives: Lives) -> None:
    if stage.rng.random() < 0.7:
        stage.story.append("a mapping is lost")
        stage.lose_a_mapping()
    else:
        stage.story.append("all state is lost")
        stage.lose_everything()
        lives.connect()


def _between(stage: Stage, actors: Actors, lives: Lives) -> None:
    """What happens between two calls of a running job."""
    if stage.chaos.calm:
        return
    people = [actors.act, actors.act, actors.regret, *([lives.act] * 2 if stage.lively else [])]
    stage.rng.choice(people)()
    _work(stage, stage.some_calendar())


# --- calm -----------------------------------------------------------------------------------------------


def _calm(stage: Stage, actors: Actors, lives: Lives) -> None:
    """No more faults: everybody goes on, everything that waits is done, and everything is read once more."""
    stage.chaos.calm = True
    stage.clock.advance(200)  # leases of the dead run out
    lives.all_go_on()
    lives.settle_wishes()
    _minutes(stage, QUARTER)
    _wait_for_what_comes_soon(stage)
    actors.notes.grow_old()
    certain = not stage.losses and not stage.lost_tasks
    if certain and not any("partial listing" in fault for fault in stage.chaos.happened):
        check_agreement(stage, names=False)  # by looks, feed and retries alone
        check_blocks(stage, slack=timedelta(days=2), soon=True)
    for person in stage.people:
        _pass(stage, person)
    stage.clock.advance(timedelta(days=1, hours=2).total_seconds())  # a daily pass; what was set aside
    _minutes(stage, QUARTER)
    check_channels(stage)
    for person in stage.people:
        _pass(stage, person)


def _split(stage: Stage, actors: Actors, person: Practitioner) -> None:
    """Part of a series made by hand is moved: its appointments move, and no other ones are made."""
    before = {row["id"] for row in live_rows(stage, person)}
    if actors.series.split_in_calm_weather(person):
        stage.by_hand.note()
        _work(stage, person.calendar_key)
        _drain(stage)
        made = {row["id"] for row in live_rows(stage, person)} - before
        assert not made, f"seed {stage.seed}: a split made {len(made)} new appointments"


def _wait_for_what_comes_soon(stage: Stage) -> None:
    """What was put back too often, and a pass that one row asks for: both come within the hour."""
    for _ in range(WAITS_MAX):
        calendars = [each for person in stage.people for each in stage.calendars(person)]
        times = [at for each in calendars for at in (each.retry_at, each.pass_at) if at]
        waits = [at - stage.clock.now() for at in times]
        soon = [wait.total_seconds() for wait in waits if wait <= timedelta(hours=1)]
        if not soon:
            return
        stage.clock.advance(max(0.0, min(soon)))
        _minutes(stage, 1)
    raise AssertionError(f"seed {stage.seed}: there is always something to be tried again")


def _minutes(stage: Stage, count: int) -> None:
    """So many runs of the scheduler, and whatever comes of them."""
    for _ in range(count):
        until = stage.clock.now() + timedelta(minutes=1)
        stage.hear()
        stage.minute()
        _drain(stage, 60)
        stage.clock.advance(max(0.0, (until - stage.clock.now()).total_seconds()))
    _drain(stage)


def _drain(stage: Stage, seconds: float = 1_000) -> None:
    """Run what is due within this time, and what follows it."""
    until = stage.clock.now() + timedelta(seconds=seconds)
    for _ in range(TASKS_MAX):
        wait = stage.tasks.next_in()
        if wait is None or stage.clock.now() + timedelta(seconds=wait) > until:
            return
        stage.clock.advance(wait)
        stage.deliver()
    raise AssertionError(f"seed {stage.seed}: the jobs do not come to rest")


def _pass(stage: Stage, person: Practitioner) -> None:
    for calendar in stage.calendars(person):
        _work(stage, calendar.key, everything=True)
        _drain(stage)
