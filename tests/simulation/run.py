"""One seed from beginning to end: a troubled time, then calm, then the invariants."""

from __future__ import annotations

from datetime import timedelta

from shared.ports import Queue
from tests.simulation.actors import Actors
from tests.simulation.invariants import check, check_agreement
from tests.simulation.stage import Practitioner, Stage, Task

STEPS = 80
CALM_ROUNDS_MAX = 60
"""More than any backoff, pause or wait the product has; beyond it the jobs do not come to rest."""


def simulate(seed: int, steps: int = STEPS) -> Stage:
    """Raises AssertionError where a promise is broken; the same seed tells the same story."""
    stage = Stage(seed)
    actors = Actors(stage)
    stage.between = lambda: _between(stage, actors)  # type: ignore[method-assign]
    stage.chaos.aftermath = actors.at_the_worst_moment
    try:
        _begin(stage, actors)
        for _ in range(steps):
            _step(stage, actors)
        _calm(stage)
        check(stage, actors)
        written = stage.chaos.written
        for person in stage.people:
            _pass(stage, person)
        assert stage.chaos.written == written, f"seed {seed}: one more pass of everything wrote something"
    except AssertionError as error:
        error.add_note("\n".join(["the story:", *stage.story, "the faults:", *stage.chaos.happened]))
        raise
    return stage


def _begin(stage: Stage, actors: Actors) -> None:
    """A practice that has appointments; every other one is in sync when the trouble begins."""
    for _ in range(6):
        actors.book_client()
    actors.book_own_time()
    stage.connect()
    if stage.rng.random() < 0.5:
        stage.chaos.calm = True
        _drain(stage)
        stage.chaos.calm = False


def _step(stage: Stage, actors: Actors) -> None:
    roll = stage.rng.random()
    if roll < 0.45:
        actors.act()
    elif roll < 0.60:
        stage.story.append("feed")
        stage.run_feed()
    elif roll < 0.75:
        _deliver(stage)
    elif roll < 0.87:
        stage.story.append("look")
        stage.run_task(Task(stage.rng.choice(stage.people).calendar_key))
    elif roll < 0.93:
        stage.clock.advance(stage.rng.choice([1, 10, 100, 3_700, 40_000]))
    elif roll < 0.95:
        if stage.unlucky:
            _misfortune(stage)
    else:
        stage.story.append("a complete pass")
        stage.run_task(Task(stage.rng.choice(stage.people).calendar_key, everything=True))


def _deliver(stage: Stage) -> None:
    """A task out of the queue, in any order; now and then it is delivered twice, or late."""
    if not stage.queue:
        return
    task = stage.queue.pop(stage.rng.randrange(len(stage.queue)))
    if stage.rng.random() < 0.2:
        stage.queue.append(task)
    stage.story.append(f"deliver {len(task.ids)} ids, look {task.look}")
    stage.run_task(task)


def _misfortune(stage: Stage) -> None:
    if stage.rng.random() < 0.7:
        stage.story.append("a mapping is lost")
        stage.lose_a_mapping()
    else:
        stage.story.append("all state is lost")
        stage.lose_everything()


def _between(stage: Stage, actors: Actors) -> None:
    """What happens between two calls of a running job."""
    if stage.chaos.calm:
        return
    for edit in stage.rng.choice([[], [actors.act], [actors.regret]]):
        edit()
    stage.run_task(Task(stage.rng.choice(stage.people).calendar_key))


def _calm(stage: Stage) -> None:
    """No more faults: everything that waits is done, and everything is read once more."""
    stage.chaos.calm = True
    stage.clock.advance(200)  # leases of the dead run out
    for _ in range(CALM_ROUNDS_MAX):
        if stage.run_feed():
            break
        stage.clock.advance(100)
    for person in stage.people:
        stage.queue += [Task(person.calendar_key), Task(person.calendar_key, look=False, queue=Queue.BULK)]
    _drain(stage)
    if not stage.losses and not any("partial listing" in fault for fault in stage.chaos.happened):
        check_agreement(stage, names=False)  # by looks, feed and retries alone
    for person in stage.people:
        _pass(stage, person)
    stage.clock.advance(timedelta(days=1, hours=2).total_seconds())  # a daily pass; what was set aside
    for person in stage.people:
        stage.queue += [Task(person.calendar_key), Task(person.calendar_key, look=False, queue=Queue.BULK)]
    _drain(stage)
    for person in stage.people:
        _pass(stage, person)


def _drain(stage: Stage) -> None:
    for _ in range(1_000):
        if not stage.queue:
            return
        task = stage.queue.pop(0)
        outcome = stage.run_task(task)
        if outcome is not None and outcome.again_at is not None:
            wait = (outcome.again_at - stage.clock.now()).total_seconds()
            if wait < 3_600:
                stage.clock.advance(max(0.0, wait))
                queue = Queue.BULK if task.everything else task.queue
                stage.queue.append(Task(task.calendar_key, queue=queue))
    raise AssertionError(f"seed {stage.seed}: the jobs do not come to rest")


def _pass(stage: Stage, person: Practitioner) -> None:
    stage.queue.append(Task(person.calendar_key, everything=True))
    _drain(stage)
