"""What connections of one account share: one bulk job at a time, and a pause that a limit asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.app.accounts import pause, take
from shared.app.feed import run_feed_job
from shared.app.jobs import CalendarTask, job_of, perform
from shared.app.outcome import Outcome, State
from shared.core.errors import BlockedError, OverLimitError, RetryableError, SyncError
from shared.core.policy import LabelMode
from shared.ports import Queue
from tests.app.stage import ELSEWHERE, Crash, Practitioner, Stage, once, raising
from tests.app.workers import Worker

SECOND = timedelta(seconds=1)
LIMIT = OverLimitError("google_rate_limit")


@pytest.fixture
def bea(stage: Stage, ada: Practitioner) -> Practitioner:
    """Of the same account as Ada, in another practice; not synced yet."""
    return stage.add(sub=ada.sub, practice=ELSEWHERE)


def holders(stage: Stage) -> list[str]:
    return [str(document.data["holder"]) for document in stage.documents.find("accounts")]


# --- one bulk job ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 5), (0.5, 12.5), (1.0, 20)])
def test_while_one_bulk_job_works_another_of_the_account_waits_a_while(
    stage: Stage, ada: Practitioner, bea: Practitioner, chance: float, seconds: float
) -> None:
    stage.book(ada)
    met: list[Outcome] = []
    stage.chance = chance
    stage.before = once("events.insert", lambda: met.append(stage.bulk(bea)))
    assert stage.bulk(ada, everything=True).state is State.DONE
    [outcome] = met
    assert (outcome.state, outcome.again_at) == (State.BUSY, stage.clock.now() + seconds * SECOND)
    assert stage.calendar(bea).calendar_id is None


def test_both_are_done_in_the_end(stage: Stage, ada: Practitioner, bea: Practitioner) -> None:
    for person in (ada, bea):
        for hours in (24, 25, 26):
            stage.book(person, hours=hours)
        stage.ask(CalendarTask(person.connection.calendar_key, everything=True, queue=Queue.BULK))
    stage.drain()
    assert [len(stage.events(person)) for person in (ada, bea)] == [3, 3]


def test_a_bulk_job_of_another_account_does_not_wait(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    cyd = stage.add()
    met: list[Outcome] = []
    stage.before = once("events.insert", lambda: met.append(stage.bulk(cyd)))
    stage.bulk(ada, everything=True)
    assert [outcome.state for outcome in met] == [State.DONE]


def test_a_live_job_does_not_wait_for_it(stage: Stage, ada: Practitioner, bea: Practitioner) -> None:
    stage.sync(bea)
    mine, others = stage.book(ada), stage.book(bea)
    met: list[Outcome] = []
    stage.before = once("events.insert", lambda: met.append(stage.live(bea, others, look=False)))
    stage.bulk(ada, everything=True)
    assert [outcome.state for outcome in met] == [State.DONE]
    assert (len(stage.events(ada)), len(stage.events(bea))) == (1, 1)
    stage.live(ada, mine, look=False)
    assert holders(stage) == []


@pytest.mark.parametrize(
    "error", [RetryableError("ehr_unavailable"), BlockedError("ehr_unauthorized"), ZeroDivisionError()]
)
def test_the_account_is_let_go_however_the_job_ends(
    stage: Stage, ada: Practitioner, error: Exception
) -> None:
    held: list[list[str]] = []
    stage.before = once("GET Appointment", lambda: held.append(holders(stage)))
    stage.bulk(ada, everything=True)
    assert len(held[0]) == 1
    assert holders(stage) == []
    stage.before = once("GET Appointment", raising(error))
    with pytest.raises(type(error)):
        stage.bulk(ada, everything=True)
    assert holders(stage) == []


def test_the_hold_of_a_killed_bulk_job_runs_out(stage: Stage, ada: Practitioner, bea: Practitioner) -> None:
    stage.book(ada)
    stage.before = once("events.insert", raising(Crash()))
    with pytest.raises(Crash):
        stage.bulk(ada, everything=True)
    stage.clock.advance(89)
    assert stage.bulk(bea).state is State.BUSY
    stage.clock.advance(1)
    assert stage.bulk(bea).state is State.DONE
    assert holders(stage) == []


def test_a_late_job_does_not_let_go_what_another_has_taken(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    with Worker(stage, lambda: stage.bulk(ada, everything=True)) as late:
        while "events.insert" not in late.about_to:
            late.step()
        stage.clock.advance(91)
        assert take(stage.world, stage.calendar(ada).account, "another")
        late.finish()
    assert holders(stage) == ["another"]


def test_of_two_that_take_it_at_once_one_has_it(stage: Stage, ada: Practitioner) -> None:
    with Worker(stage, lambda: stage.bulk(ada, everything=True)) as worker:
        worker.step()
        assert worker.about_to == ["commit"]
        assert take(stage.world, stage.calendar(ada).account, "another")
        outcome = worker.finish()
    assert isinstance(outcome, Outcome)
    assert outcome.state is State.BUSY
    assert holders(stage) == ["another"]


def test_a_bulk_job_of_a_calendar_that_is_busy_does_not_hold_the_account(
    stage: Stage, ada: Practitioner
) -> None:
    stage.book(ada)
    met: list[Outcome] = []

    def while_it_works() -> None:
        met.append(stage.bulk(ada))
        assert holders(stage) == []

    stage.before = once("events.insert", while_it_works)
    stage.live(ada, stage.row()["id"], look=False)
    assert (met[0].state, met[0].again_at) == (State.BUSY, stage.clock.now() + 20 * SECOND)


# --- a pause --------------------------------------------------------------------------------------------


def met_by_a_look(stage: Stage, whose: Practitioner) -> None:
    stage.before = once("events.list", raising(LIMIT))
    with pytest.raises(OverLimitError):
        stage.live(whose)


def met_by_an_item(stage: Stage, whose: Practitioner) -> None:
    row = stage.book(whose)
    stage.before = once("events.insert", raising(LIMIT))
    stage.live(whose, row, look=False)


def met_by_a_pass(stage: Stage, whose: Practitioner) -> None:
    stage.before = once("events.list", raising(LIMIT))
    with pytest.raises(OverLimitError):
        stage.bulk(whose, everything=True)


@pytest.mark.parametrize("meet", [met_by_a_look, met_by_an_item, met_by_a_pass])
def test_a_limit_pauses_every_connection_of_the_account_and_nobody_else(
    stage: Stage, ada: Practitioner, bea: Practitioner, meet: Callable[[Stage, Practitioner], None]
) -> None:
    cyd = stage.connect()
    meet(stage, ada)
    pauses = [stage.connection(person).pause_until for person in (ada, bea, cyd)]
    assert pauses == [stage.clock.now() + 33.75 * SECOND] * 2 + [None]  # 30 s and half of the quarter


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 30), (0.999, 37.4925)])
def test_nobody_comes_back_at_the_same_moment(
    stage: Stage, ada: Practitioner, chance: float, seconds: float
) -> None:
    stage.chance = chance
    met_by_a_look(stage, ada)
    assert stage.connection(ada).pause_until == stage.clock.now() + seconds * SECOND


@pytest.mark.parametrize("meets", ["events.list", "events.insert"])
def test_the_wait_that_the_answer_names_counts(stage: Stage, ada: Practitioner, meets: str) -> None:
    row = stage.book(ada)
    stage.chance = 0
    stage.before = once(meets, raising(OverLimitError("google_rate_limit", 120)))
    perform(stage.world, stage.tasks, CalendarTask(ada.connection.calendar_key, (row,)))
    assert stage.connection(ada).pause_until == stage.clock.now() + 120 * SECOND


def test_a_shorter_pause_does_not_end_a_longer_one(stage: Stage, ada: Practitioner) -> None:
    pause(stage.world, ada.sub, 3_600)
    until = stage.connection(ada).pause_until
    pause(stage.world, ada.sub, 1)
    assert stage.connection(ada).pause_until == until


def test_while_it_holds_nothing_is_asked_of_anybody(
    stage: Stage, ada: Practitioner, bea: Practitioner
) -> None:
    met_by_a_look(stage, ada)
    until = stage.connection(bea).pause_until
    stage.ledger.clear()
    for outcome in (stage.live(ada, "row"), stage.bulk(ada, everything=True), stage.bulk(bea)):
        assert (outcome.state, outcome.again_at) == (State.BUSY, until)
    assert stage.ledger.google + stage.ledger.ehr + stage.ledger.commits == []


def test_it_ends_by_itself(stage: Stage, ada: Practitioner) -> None:
    met_by_a_look(stage, ada)
    until = stage.connection(ada).pause_until
    assert until is not None
    stage.clock.advance((until - stage.clock.now()).total_seconds())
    assert stage.live(ada).state is State.IDLE


@pytest.mark.parametrize("meets", ["events.list", "events.insert"])
def test_the_ids_of_a_poke_survive_it(stage: Stage, ada: Practitioner, meets: str) -> None:
    row = stage.book(ada)
    stage.before = once(meets, raising(OverLimitError("google_rate_limit")))
    stage.ask(CalendarTask(ada.connection.calendar_key, (row,)))
    stage.drain()
    assert stage.item(ada).event_id == stage.event(ada)["id"]


def test_a_poke_that_comes_while_it_holds_comes_again_with_its_ids(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    met_by_a_look(stage, ada)
    until = stage.connection(ada).pause_until
    poke = CalendarTask(ada.connection.calendar_key, (row,), look=False)
    perform(stage.world, stage.tasks, poke)
    [task] = stage.tasks.waiting
    assert job_of(task.body) == poke
    assert until is not None
    assert task.run_at is not None
    assert until < task.run_at <= until + timedelta(seconds=2)
    stage.drain()
    assert len(stage.events(ada)) == 1


def test_the_practices_job_reads_on(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    met_by_a_look(stage, ada)
    named: dict[str, list[str]] = {}
    run_feed_job(stage.world, ada.connection.practice, lambda key, ids: named.update({key: list(ids)}))
    assert named == {ada.connection.calendar_key: [row]}


def test_it_undoes_no_change_that_is_made_at_the_same_time(stage: Stage, ada: Practitioner) -> None:
    label = LabelMode.FULL_NAME
    stage.before = once("commit", lambda: stage.change_settings(ada, client_label=label))
    pause(stage.world, ada.sub, 60)
    connection = stage.connection(ada)
    assert connection.settings.client_label is label
    assert connection.pause_until is not None


@pytest.mark.parametrize(
    "error", [RetryableError("google_unavailable", 60), RetryableError("google_daily_limit", 3_600)]
)
def test_an_outage_or_a_limit_of_the_whole_project_pauses_no_account(
    stage: Stage, ada: Practitioner, error: SyncError
) -> None:
    stage.before = once("events.list", raising(error))
    with pytest.raises(RetryableError):
        stage.live(ada)
    assert stage.connection(ada).pause_until is None
