"""Pokes that say which: the row is read and named to all it concerns, with no lease and no cursor."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.app.hook_health import NOTED_SECONDS
from shared.app.jobs import CalendarTask, FeedTask, RowsTask, job_of, perform
from shared.app.records import Lease, Practice, practice_data, practice_of, practice_path
from shared.core.errors import RetryableError, StaleError
from shared.ports import Put
from tests.app.stage import PRACTICE, Practitioner, Stage, once, raising, starts
from tests.fakes.documents import MemoryDocuments


def poke(stage: Stage, *rows: str) -> None:
    for row in rows:
        stage.ask(RowsTask(PRACTICE, (row,)))
    stage.drain()


def named(stage: Stage, *rows: str, practice: str = PRACTICE) -> dict[str, set[str]]:
    """What the job of a poke asks for, by calendar."""
    perform(stage.world, stage.tasks, RowsTask(practice, rows))
    jobs = [job_of(task.body) for task in stage.tasks.waiting]
    assert not any(isinstance(job, CalendarTask) and job.look for job in jobs)
    stage.tasks.waiting.clear()
    return {job.calendar_key: set(job.ids) for job in jobs if isinstance(job, CalendarTask)}


def record(stage: Stage) -> Practice:
    path = practice_path(PRACTICE)
    document = MemoryDocuments.get(stage.documents, path).get(path)
    return practice_of(document) if document else Practice(PRACTICE)


# --- whom it concerns -----------------------------------------------------------------------------------


def test_a_new_appointment_reaches_the_calendar(stage: Stage, ada: Practitioner) -> None:
    poke(stage, stage.book(ada))
    assert starts(stage.event(ada)) > stage.clock.now()


def test_a_moved_appointment_moves_and_one_poked_twice_is_written_once(
    stage: Stage, ada: Practitioner
) -> None:
    row = stage.book(ada)
    poke(stage, row)
    stage.reschedule(row, hours=72)
    poke(stage, row)
    assert starts(stage.event(ada)) == datetime.fromisoformat(stage.row(row)["start"])
    stage.ledger.clear()
    poke(stage, row)
    assert stage.ledger.side_writes == []


def test_a_row_gone_from_the_ehr_concerns_those_that_have_it_mapped(stage: Stage, ada: Practitioner) -> None:
    bea = stage.connect()
    row = stage.book(ada)
    poke(stage, row)
    stage.store.delete("Appointment", row)
    assert named(stage, row) == {ada.connection.calendar_key: {row}}
    poke(stage, row)
    assert stage.events(ada) == stage.events(bea) == []


def test_a_reassigned_appointment_concerns_both(stage: Stage, ada: Practitioner) -> None:
    bea = stage.connect()
    row = stage.book(ada)
    poke(stage, row)
    stage.staff.reassign(appointment=row, practitioner=bea.id)
    assert named(stage, row) == {whose.connection.calendar_key: {row} for whose in (ada, bea)}
    poke(stage, row)
    assert (len(stage.events(ada)), len(stage.events(bea))) == (0, 1)


def test_an_id_that_nobody_knows_concerns_nobody(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    assert named(stage, "nobody-knows-it") == {}


def test_nothing_is_named_to_another_practice(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    poke(stage, row)
    assert named(stage, row, practice="practice-2") == {}


def test_several_rows_are_named_in_one_task_a_calendar(stage: Stage, ada: Practitioner) -> None:
    rows = [stage.book(ada, hours=hours) for hours in (24, 48, 72)]
    assert named(stage, *rows) == {ada.connection.calendar_key: set(rows)}


# --- beside the practice's job --------------------------------------------------------------------------


def test_a_practice_that_is_being_read_holds_no_poke_up(stage: Stage, ada: Practitioner) -> None:
    stage.feed()
    lease = Lease("another", stage.clock.now() + timedelta(seconds=90))
    held = replace(record(stage), lease=lease)
    stage.documents.commit([Put(practice_path(PRACTICE), practice_data(held))])
    poke(stage, stage.book(ada))
    assert len(stage.events(ada)) == 1
    assert record(stage) == held


def test_a_poke_moves_no_cursor_and_the_next_reading_finds_nothing_to_write(
    stage: Stage, ada: Practitioner
) -> None:
    stage.feed()
    before = record(stage)
    row = stage.book(ada)
    poke(stage, row)
    after = record(stage)
    assert after.cursor == before.cursor
    stage.ledger.clear()
    stage.ask(FeedTask(PRACTICE))
    stage.drain()
    assert record(stage) != after
    assert stage.ledger.side_writes == []


def take(stage: Stage, whose: Practitioner) -> None:
    """Another job has the calendar for a while."""
    stage.change_calendar(whose, lease=Lease("another", stage.clock.now() + timedelta(seconds=10)))


def test_a_burst_at_a_busy_calendar_is_one_reading_of_the_practices_changes(
    stage: Stage, ada: Practitioner
) -> None:
    rows = [stage.book(ada, hours=hours) for hours in range(24, 54)]
    take(stage, ada)
    for row in rows:
        perform(stage.world, stage.tasks, RowsTask(PRACTICE, (row,)))
    assert [job_of(task.body) for task in stage.tasks.waiting] == [FeedTask(PRACTICE)]
    stage.drain()
    assert len(stage.events(ada)) == len(rows)


def test_what_is_gone_is_named_to_a_busy_calendar_all_the_same(stage: Stage, ada: Practitioner) -> None:
    """No reading of changes would tell it."""
    row, other = stage.book(ada), stage.book(ada, hours=72)
    poke(stage, row)
    stage.store.delete("Appointment", row)
    take(stage, ada)
    perform(stage.world, stage.tasks, RowsTask(PRACTICE, (row, other)))
    jobs = [job_of(task.body) for task in stage.tasks.waiting]
    assert jobs == [CalendarTask(ada.connection.calendar_key, (row,), look=False), FeedTask(PRACTICE)]
    stage.drain()
    assert len(stage.events(ada)) == 1


def test_a_free_calendar_does_not_wait_for_a_busy_one(stage: Stage, ada: Practitioner) -> None:
    bea = stage.connect()
    row = stage.book(ada)
    poke(stage, row)
    stage.staff.reassign(appointment=row, practitioner=bea.id)
    take(stage, ada)
    assert named(stage, row) == {bea.connection.calendar_key: {row}}


@pytest.mark.parametrize("lacks", ["cursor", "capabilities"])
def test_where_changes_cannot_be_read_in_one_a_busy_calendar_is_waited_for(
    stage: Stage, ada: Practitioner, lacks: str
) -> None:
    bare = replace(record(stage), **{lacks: None})  # type: ignore[arg-type]
    stage.documents.commit([Put(practice_path(PRACTICE), practice_data(bare))])
    row = stage.book(ada)
    take(stage, ada)
    assert named(stage, row) == {ada.connection.calendar_key: {row}}


def test_an_outage_of_the_ehr_makes_the_poke_again(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = once("GET Appointment", raising(RetryableError("ehr_unavailable")))
    assert perform(stage.world, stage.tasks, RowsTask(PRACTICE, (row,))) is None
    assert [job_of(task.body) for task in stage.tasks.waiting] == [RowsTask(PRACTICE, (row,), tries=1)]
    stage.drain()
    assert len(stage.events(ada)) == 1


# --- whether hooks arrive -------------------------------------------------------------------------------


@pytest.mark.parametrize("job", [RowsTask(PRACTICE, ("1",)), FeedTask(PRACTICE, hooked=True)])
def test_a_hook_is_noted_once_an_hour(stage: Stage, job: RowsTask | FeedTask) -> None:
    first = stage.clock.now()
    noted = set()
    for _ in range(4):
        perform(stage.world, stage.tasks, job)
        noted.add(record(stage).hooked_at)
        stage.clock.advance(NOTED_SECONDS / 3)
    assert noted == {first, first + timedelta(seconds=NOTED_SECONDS)}


@pytest.mark.parametrize(
    "job", [FeedTask(PRACTICE), RowsTask(PRACTICE, ("1",), tries=1), FeedTask(PRACTICE, hooked=True, tries=1)]
)
def test_what_is_no_hook_or_comes_again_is_not_noted(stage: Stage, job: RowsTask | FeedTask) -> None:
    perform(stage.world, stage.tasks, job)
    assert record(stage).hooked_at is None


def test_the_reading_of_a_practice_keeps_what_was_noted(stage: Stage) -> None:
    at = stage.clock.now()
    perform(stage.world, stage.tasks, FeedTask(PRACTICE, hooked=True))
    stage.clock.advance(60)
    perform(stage.world, stage.tasks, FeedTask(PRACTICE))
    assert (record(stage).hooked_at, record(stage).lease) == (at, None)


def test_the_lease_of_a_practice_is_not_taken_by_a_note(stage: Stage) -> None:
    stage.feed()
    stage.before = once(
        "GET Appointment", lambda: perform(stage.world, stage.tasks, RowsTask(PRACTICE, ("1",)))
    )
    assert stage.feed().complete
    assert (record(stage).hooked_at, record(stage).lease) == (None, None)


def test_a_note_that_somebody_was_faster_than_is_left_to_the_next_hook(
    stage: Stage, ada: Practitioner
) -> None:
    stage.before = once("commit", raising(StaleError("precondition_failed")))
    poke(stage, stage.book(ada))
    assert record(stage).hooked_at is None
    assert len(stage.events(ada)) == 1
