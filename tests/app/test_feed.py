"""The practice's job: what changed is named to everybody it concerns, again rather than never."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from sandbox.ehr.fhir import Settings as EhrSettings
from shared.adapters.fhir import feed as fhir_feed
from shared.app.feed import FeedOutcome, run_feed_job
from shared.app.records import Lease, Practice, practice_data, practice_of, practice_path
from shared.core.errors import BlockedError, RetryableError
from shared.ports import Put
from tests.app.stage import PRACTICE, Crash, Practitioner, Stage, nothing, once, raising
from tests.fakes.documents import MemoryDocuments


@dataclass
class Named:
    """A dispatch that notes what was named to whom; `first` happens before."""

    first: Callable[[], object] = lambda: None
    by_calendar: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, calendar_key: str, appointment_ids: Sequence[str]) -> None:
        self.first()
        self.by_calendar.setdefault(calendar_key, []).extend(appointment_ids)

    def to(self, whose: Practitioner) -> list[str]:
        return self.by_calendar.get(whose.connection.calendar_key, [])


def run(stage: Stage, named: Named | None = None, practice: str = PRACTICE) -> FeedOutcome:
    return run_feed_job(stage.world, practice, named or Named())


def record(stage: Stage) -> Practice:
    path = practice_path(PRACTICE)
    return practice_of(MemoryDocuments.get(stage.documents, path)[path])


# --- whom it concerns -----------------------------------------------------------------------------------


def test_the_first_reading_begins_now(stage: Stage) -> None:
    stranger = stage.store.create({"resourceType": "Practitioner"}).resource["id"]
    for _ in range(3):
        stage.staff.book_personal(
            practitioner=stranger, start=stage.at(1), end=stage.at(2), zone="UTC", title="Before"
        )
        stage.clock.advance(600)
    assert run(stage) == FeedOutcome()
    assert run(stage).rows == 1  # the newest: whatever changed near it may have appeared late


def test_a_change_is_named_to_the_calendar_of_its_practitioner(stage: Stage, ada: Practitioner) -> None:
    bea = stage.connect()
    row = stage.book(ada)
    named = Named()
    outcome = run(stage, named)
    assert (named.to(ada), named.to(bea)) == ([row], [])
    assert outcome == FeedOutcome(1, {ada.connection.calendar_key: 1})


def test_a_reassigned_appointment_is_named_to_both(stage: Stage, ada: Practitioner) -> None:
    bea = stage.connect()
    row = stage.book(ada)
    stage.poke()
    stage.staff.reassign(appointment=row, practitioner=bea.id)
    named = Named()
    run(stage, named)
    assert (named.to(ada), named.to(bea)) == ([row], [row])


def test_changes_of_those_who_are_not_connected_are_named_to_nobody(stage: Stage, ada: Practitioner) -> None:
    stranger = stage.store.create({"resourceType": "Practitioner"}).resource["id"]
    stage.staff.book_personal(
        practitioner=stranger, start=stage.at(1), end=stage.at(2), zone="UTC", title="Elsewhere"
    )
    named = Named()
    assert run(stage, named).rows == 1
    assert named.to(ada) == []
    assert named.by_calendar == {}


def test_several_changes_of_one_row_are_named_once(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.reschedule(row, hours=72)
    stage.reschedule(row, hours=96)
    named = Named()
    run(stage, named)
    assert named.to(ada) == [row]


def test_what_was_named_is_not_named_again(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    run(stage)
    named = Named()
    assert run(stage, named) == FeedOutcome()
    assert named.by_calendar == {}


def test_nothing_is_named_to_another_practice(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.sync(ada, row)
    run(stage, practice="practice-2")
    stage.reschedule(row, hours=72)
    named = Named()
    assert run(stage, named, practice="practice-2").rows == 1
    assert named.by_calendar == {}


def test_only_ids_are_named_and_nothing_of_a_row_is_stored(stage: Stage, ada: Practitioner) -> None:
    row = stage.own_time(ada)
    run(stage)
    stored = repr(MemoryDocuments.get(stage.documents, practice_path(PRACTICE)))
    assert row in stored
    assert stage.row(row)["description"] not in stored


# --- again rather than never ----------------------------------------------------------------------------


def test_the_cursor_moves_once_everybody_has_been_told(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    before = record(stage).cursor
    meanwhile = []
    run(stage, Named(lambda: meanwhile.append(record(stage).cursor)))
    assert meanwhile == [before]
    after = record(stage).cursor
    assert after is not None
    assert row in after.seen


@pytest.mark.parametrize("error", [RetryableError("queue_unavailable"), Crash()])
def test_what_could_not_be_named_is_named_by_the_next_job(
    stage: Stage, ada: Practitioner, error: BaseException
) -> None:
    row = stage.book(ada)
    with pytest.raises(type(error)):
        run(stage, Named(raising(error)))
    named = Named()
    assert run(stage, named).complete
    assert named.to(ada) == [row]


def test_a_job_killed_before_it_saves_repeats_and_skips_nothing(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    commits: list[str] = []

    def die_at_the_second(name: str, _given: Mapping[str, Any]) -> None:
        if name == "commit":
            commits.append(name)
            if len(commits) >= 2:
                raise Crash

    stage.before = die_at_the_second
    with pytest.raises(Crash):
        run(stage)
    stage.before = nothing
    assert not run(stage).complete
    stage.clock.advance(91)
    named = Named()
    assert run(stage, named).complete
    assert named.to(ada) == [row]


def test_a_row_that_appears_late_is_seen(stage: Stage, ada: Practitioner) -> None:
    stage.store.settings = EhrSettings(late_visibility_seconds=60)
    late = stage.book(ada)
    stage.store.settings = EhrSettings()
    stage.clock.advance(30)
    prompt = stage.own_time(ada)
    first, second, third = Named(), Named(), Named()
    run(stage, first)
    stage.clock.advance(30)
    run(stage, second)
    run(stage, third)
    assert (first.to(ada), second.to(ada), third.to(ada)) == ([prompt], [late], [])


def test_what_one_job_does_not_come_to_the_next_one_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(feed_pages_max=1)
    ada = stage.connect()
    monkeypatch.setattr(fhir_feed, "ROWS_ENOUGH", 100)
    rows = set()
    for number in range(150):
        rows.add(stage.own_time(ada, hours=number))
        stage.clock.advance(1)
    named = Named()
    first = run(stage, named)
    assert (first.complete, first.rows) == (False, 100)
    second = run(stage, named)
    assert second.complete
    assert set(named.to(ada)) == rows


# --- the lease ------------------------------------------------------------------------------------------


def lease_to_another(stage: Stage, seconds: float) -> None:
    until = stage.clock.now() + timedelta(seconds=seconds)
    leased = Practice(PRACTICE, record(stage).cursor, Lease("another", until))
    stage.documents.commit([Put(practice_path(PRACTICE), practice_data(leased))])


def test_a_practice_that_another_job_reads_is_left_to_it(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    lease_to_another(stage, seconds=1)
    stage.ledger.clear()
    named = Named()
    assert run(stage, named) == FeedOutcome(complete=False)
    assert stage.ledger.ehr + stage.ledger.commits == []
    stage.clock.advance(1)
    assert run(stage, named).complete
    assert named.to(ada) == [row]


@pytest.mark.parametrize(
    "error", [RetryableError("ehr_unavailable"), BlockedError("ehr_unauthorized"), ZeroDivisionError()]
)
def test_no_lease_stays_after_an_error(stage: Stage, ada: Practitioner, error: Exception) -> None:
    row = stage.book(ada)
    stage.before = once("GET Appointment", raising(error))
    with pytest.raises(type(error)):
        run(stage)
    assert record(stage).lease is None
    named = Named()
    run(stage, named)
    assert named.to(ada) == [row]


def test_a_slow_job_whose_lease_was_taken_over_moves_no_cursor(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    named = Named()
    cursors = []

    def be_slow() -> None:
        stage.clock.advance(91)
        later = stage.own_time(ada)
        assert run(stage, named).complete
        cursors.append(record(stage).cursor)
        assert set(named.to(ada)) == {row, later}

    assert not run(stage, Named(be_slow)).complete
    assert record(stage).cursor == cursors[0]
