"""Deletions in bulk wait for a person; what they answer is carried out, and can be taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.app.notices import NoticeKind, notice_of
from shared.app.review_answers import Answered, answer, reviews_of_connection, show_review, take_back, waiting
from shared.app.reviews import Review
from shared.core.errors import RejectedError, RetryableError
from shared.core.policy import Edits, Verdict
from shared.core.review import Standing
from tests.app.externals import external
from tests.app.stage import HOUR, Crash, Practitioner, Stage, nothing, once, raising, starts
from tests.fakes.documents import MemoryDocuments

WINDOW = timedelta(minutes=10).total_seconds()
DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def eve(stage: Stage) -> Practitioner:
    return stage.connect(google_edits=Edits.ACCEPT)


def booked(stage: Stage, whose: Practitioner, count: int, *, hours: float = 48) -> list[str]:
    """Client appointments in sync, an hour each; their rows in order of time."""
    rows = [stage.book(whose, hours=hours + 2 * number) for number in range(count)]
    stage.sync(whose, *rows)
    stage.sync(whose)
    return rows


def events(stage: Stage, whose: Practitioner) -> list[str]:
    """The live ones, in order of time."""
    return [each["id"] for each in sorted(stage.events(whose), key=starts)]


def delete(stage: Stage, whose: Practitioner, count: int | None = None) -> None:
    """The first so many of the calendar's events, or all."""
    for event in events(stage, whose)[:count]:
        stage.delete(whose, event)


def statuses(stage: Stage, rows: list[str]) -> list[str]:
    return [stage.row(row)["status"] for row in rows]


def reviews(stage: Stage, whose: Practitioner) -> list[Review]:
    return reviews_of_connection(stage.world, whose.connection.key)


def review(stage: Stage, whose: Practitioner) -> Review:
    [found] = reviews(stage, whose)
    return found


def standings(stage: Stage, whose: Practitioner) -> list[Standing]:
    """By time."""
    entries = review(stage, whose).entries.values()
    return [entry.standing for entry in sorted(entries, key=lambda entry: entry.start)]


def held(stage: Stage, whose: Practitioner, count: int = 5) -> list[str]:
    """So many deletions that wait; the rows."""
    rows = booked(stage, whose, count)
    delete(stage, whose)
    stage.sync(whose)
    assert standings(stage, whose) == [Standing.HELD] * count
    stage.ledger.clear()
    return rows


def confirm(stage: Stage, whose: Practitioner, *rows: str) -> dict[str, Answered]:
    """These, or all that wait, as they are shown now."""
    found = review(stage, whose)
    shown = show_review(stage.world, stage.connection(whose), found)
    chosen = [each for each in shown if not rows or each.entry.appointment_id in rows]
    versions = {each.entry.k: each.version for each in chosen}
    return answer(stage.world, stage.connection(whose), found.key, versions, ())


def restore(stage: Stage, whose: Practitioner, *rows: str) -> dict[str, Answered]:
    found = review(stage, whose)
    ks = [each.k for each in found.entries.values() if not rows or each.appointment_id in rows]
    return answer(stage.world, stage.connection(whose), found.key, {}, ks)


def undo(stage: Stage, whose: Practitioner) -> dict[str, Answered]:
    return take_back(stage.world, stage.connection(whose), review(stage, whose).key)


def carry_out(stage: Stage, whose: Practitioner) -> None:
    """The bulk job that an answer asks for, and those after it."""
    for _ in range(20):
        outcome = stage.bulk(whose)
        wait = None if outcome.again_at is None else outcome.again_at - stage.clock.now()
        if wait is None or wait >= HOUR:
            return
        stage.clock.advance(max(0.0, wait.total_seconds()))
    raise AssertionError("the jobs do not come to rest")


# --- when they wait -------------------------------------------------------------------------------------


def test_a_few_deletions_are_applied(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 5)
    delete(stage, eve, 3)
    stage.sync(eve)
    assert statuses(stage, rows) == ["cancelled"] * 3 + ["booked"] * 2
    assert reviews(stage, eve) == []


def test_more_than_that_at_once_wait_all_of_them(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 5)
    stage.ledger.clear()
    delete(stage, eve, 4)
    stage.sync(eve)
    assert statuses(stage, rows) == ["booked"] * 5
    assert standings(stage, eve) == [Standing.HELD] * 4
    assert stage.ledger.side_writes == []


def test_one_after_the_other_they_add_up_within_ten_minutes(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 6)
    for _ in range(4):
        delete(stage, eve, 1)
        stage.sync(eve)
        stage.clock.advance(60)
    assert statuses(stage, rows) == ["cancelled"] * 3 + ["booked"] * 3
    assert len(review(stage, eve).entries) == 1


def test_what_was_applied_longer_ago_does_not_count(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 6)
    for _ in range(2):
        delete(stage, eve, 3)
        stage.sync(eve)
        stage.clock.advance(WINDOW)
    assert statuses(stage, rows) == ["cancelled"] * 6
    assert reviews(stage, eve) == []


def test_while_a_review_is_open_every_deletion_waits_in_it(stage: Stage, eve: Practitioner) -> None:
    held(stage, eve, 4)
    stage.clock.advance(DAY / 4)
    [row] = booked(stage, eve, 1, hours=100)
    delete(stage, eve)
    stage.sync(eve)
    assert stage.row(row)["status"] == "booked"
    assert standings(stage, eve) == [Standing.HELD] * 5


def test_after_a_review_is_answered_a_few_are_applied_again(stage: Stage, eve: Practitioner) -> None:
    held(stage, eve, 4)
    restore(stage, eve)
    carry_out(stage, eve)
    stage.clock.advance(WINDOW)
    delete(stage, eve, 1)
    stage.sync(eve)
    assert len(stage.events(eve)) == 3
    assert len(reviews(stage, eve)) == 1


def test_ones_own_time_counts_whatever_becomes_of_clients(stage: Stage, ada: Practitioner) -> None:
    made = [stage.hand_made(ada, hours=48 + 2 * number) for number in range(4)]
    stage.sync(ada)
    rows = [row["id"] for row in stage.store.resources("Appointment")]
    for event in made:
        stage.delete(ada, event)
    stage.sync(ada)
    assert set(statuses(stage, rows)) == {"booked"}
    assert len(review(stage, ada).entries) == 4


def test_the_threshold_is_the_practitioners_to_choose(stage: Stage) -> None:
    eve = stage.connect(google_edits=Edits.ACCEPT, review_threshold=1)
    rows = booked(stage, eve, 2)
    delete(stage, eve)
    stage.sync(eve)
    assert statuses(stage, rows) == ["booked"] * 2


# --- what does not count --------------------------------------------------------------------------------


def protected(stage: Stage, rows: list[str]) -> None:
    for row in rows:
        stage.staff.protect(appointment=row)


def test_protected_appointments_are_put_back_and_do_not_count(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 6)
    protected(stage, rows[:3])
    delete(stage, eve)
    stage.sync(eve)
    assert statuses(stage, rows) == ["booked"] * 3 + ["cancelled"] * 3
    assert len(stage.events(eve)) == 3
    assert reviews(stage, eve) == []


def test_clients_that_are_put_back_anyway_do_not_count(stage: Stage, ada: Practitioner) -> None:
    booked(stage, ada, 6)
    delete(stage, ada)
    stage.sync(ada)
    assert len(stage.events(ada)) == 6
    assert reviews(stage, ada) == []


def test_past_appointments_do_not_count(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 6, hours=1)
    stage.clock.advance(8 * 3_600)
    delete(stage, eve)
    stage.sync(eve)
    assert statuses(stage, rows) == ["booked"] * 4 + ["cancelled"] * 2
    assert reviews(stage, eve) == []


def test_what_was_dragged_to_another_calendar_does_not_count(stage: Stage, eve: Practitioner) -> None:
    family = external(stage, eve)
    rows = booked(stage, eve, 5)
    for event in events(stage, eve):
        eve.person.move_to(stage.calendar_id(eve), event, family.id)
    stage.sync(eve)
    assert statuses(stage, rows) == ["booked"] * 5
    assert reviews(stage, eve) == []
    assert len(stage.events(eve)) == 5


def test_appointments_that_staff_cancel_are_no_deletions(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 6)
    for row in rows:
        stage.staff.cancel(appointment=row)
    stage.sync(eve, *rows)
    stage.sync(eve)
    assert stage.events(eve) == []
    assert reviews(stage, eve) == []


def test_our_own_deletions_that_a_job_did_not_live_to_note_are_none(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 6)
    for row in rows:
        stage.staff.cancel(appointment=row)
    for _ in rows:
        stage.after = once("events.delete", raising(Crash()))
        with contextlib.suppress(Crash):
            stage.sync(eve, *rows)
        stage.after = nothing
        stage.clock.advance(100)
    stage.sync(eve, *rows)
    stage.sync(eve)
    assert reviews(stage, eve) == []
    assert set(statuses(stage, rows)) == {"cancelled"}


# --- while they wait ------------------------------------------------------------------------------------


def test_what_waits_is_written_nowhere(stage: Stage, eve: Practitioner) -> None:
    held(stage, eve)
    stage.sync(eve, everything=True)
    stage.sync(eve, everything=True)
    stage.settle()
    assert stage.ledger.side_writes == []
    assert {item.verdict for item in stage.items(eve)} == {Verdict.HELD}


def test_they_are_one_notice(stage: Stage, eve: Practitioner) -> None:
    held(stage, eve)
    stage.sync(eve, everything=True)
    found = [notice_of(each) for each in MemoryDocuments.find(stage.documents, "notices")]
    assert [(each.kind, each.count) for each in found] == [(NoticeKind.REVIEW, 5)]


def back_in_google(stage: Stage, eve: Practitioner, row: str) -> None:
    [event] = [item.event_id for item in stage.items(eve) if item.appointment_id == row]
    assert event is not None
    stage.undelete(eve, event)


def cancelled_by_staff(stage: Stage, eve: Practitioner, row: str) -> None:
    del eve
    stage.staff.cancel(appointment=row)


def moved_by_staff(stage: Stage, eve: Practitioner, row: str) -> None:
    del eve
    stage.reschedule(row, hours=200)


@pytest.mark.parametrize(
    ("happens", "status", "shown"),
    [(back_in_google, "booked", 1), (cancelled_by_staff, "cancelled", 0), (moved_by_staff, "booked", 1)],
)
def test_what_is_decided_otherwise_leaves_the_review(
    stage: Stage,
    eve: Practitioner,
    happens: Callable[[Stage, Practitioner, str], None],
    status: str,
    shown: int,
) -> None:
    rows = held(stage, eve)
    happens(stage, eve, rows[0])
    stage.sync(eve, rows[0])
    stage.sync(eve)
    assert standings(stage, eve) == [Standing.LEFT] + [Standing.HELD] * 4
    assert (stage.row(rows[0])["status"], len(stage.events(eve))) == (status, shown)
    if shown:
        assert starts(stage.event(eve)) == starts(stage.row(rows[0]))


def test_what_ends_while_it_waits_leaves_the_review_and_stays_deleted(
    stage: Stage, eve: Practitioner
) -> None:
    rows = held(stage, eve)
    stage.clock.advance(3 * DAY)
    stage.sync(eve, everything=True)
    assert standings(stage, eve) == [Standing.LEFT] * 5
    assert statuses(stage, rows) == ["booked"] * 5
    assert stage.events(eve) == []
    assert stage.ledger.side_writes == []
    assert stage.calendar(eve).reviews == ()


# --- answers --------------------------------------------------------------------------------------------


def test_what_is_confirmed_is_cancelled(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    assert set(confirm(stage, eve).values()) == {Answered.ACCEPTED}
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["cancelled"] * 5
    assert standings(stage, eve) == [Standing.CANCELLED] * 5
    assert stage.events(eve) == []
    assert stage.calendar(eve).reviews == ()


def test_what_is_restored_comes_back(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    assert set(restore(stage, eve).values()) == {Answered.ACCEPTED}
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["booked"] * 5
    assert standings(stage, eve) == [Standing.RESTORED] * 5
    assert sorted(map(starts, stage.events(eve))) == [starts(stage.row(row)) for row in rows]
    stage.ledger.clear()
    stage.sync(eve, everything=True)
    assert stage.ledger.side_writes == []


def test_some_are_confirmed_and_the_others_wait_on(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    confirm(stage, eve, *rows[:2])
    restore(stage, eve, rows[2])
    carry_out(stage, eve)
    assert standings(stage, eve) == [
        *[Standing.CANCELLED] * 2, Standing.RESTORED, *[Standing.HELD] * 2
    ]  # fmt: skip
    assert statuses(stage, rows) == ["cancelled"] * 2 + ["booked"] * 3
    assert len(stage.events(eve)) == 1


def test_the_same_answer_twice_is_the_same_answer(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    for _ in range(2):
        assert set(confirm(stage, eve).values()) <= {Answered.ACCEPTED}
    carry_out(stage, eve)
    key = review(stage, eve).key
    again = answer(stage.world, stage.connection(eve), key, dict.fromkeys(review(stage, eve).entries, ""), ())
    assert set(again.values()) == {Answered.ACCEPTED}
    stage.ledger.clear()
    carry_out(stage, eve)
    assert stage.ledger.side_writes == []
    assert set(statuses(stage, rows)) == {"cancelled"}


def test_an_answer_that_comes_too_late_is_told_so(stage: Stage, eve: Practitioner) -> None:
    held(stage, eve)
    restore(stage, eve)
    assert set(confirm(stage, eve).values()) == {Answered.NOT_WAITING}


def test_what_has_changed_since_it_was_shown_is_refused_as_stale(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    found = review(stage, eve)
    shown = show_review(stage.world, stage.connection(eve), found)
    stage.staff.add_client(appointment=rows[0], patient=stage.patient())
    versions = {each.entry.k: each.version for each in shown}
    answers = answer(stage.world, stage.connection(eve), found.key, versions, ())
    assert sorted(each.value for each in answers.values()) == ["accepted"] * 4 + ["stale"]
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["booked"] + ["cancelled"] * 4


def test_what_changes_between_the_answer_and_the_job_waits_again(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    confirm(stage, eve)
    stage.staff.add_client(appointment=rows[0], patient=stage.patient())
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["booked"] + ["cancelled"] * 4
    assert standings(stage, eve)[0] is Standing.HELD


def test_what_is_protected_meanwhile_can_only_be_restored(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    protected(stage, rows[:1])
    shown = {
        each.entry.appointment_id: each
        for each in show_review(stage.world, stage.connection(eve), review(stage, eve))
    }
    assert [shown[row].protected for row in rows] == [True] + [False] * 4
    assert Answered.PROTECTED in confirm(stage, eve).values()
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["booked"] + ["cancelled"] * 4


def test_what_the_ehr_refuses_to_cancel_comes_back(stage: Stage, eve: Practitioner) -> None:
    rows = held(stage, eve)
    confirm(stage, eve)
    first = stage.row(rows[0])
    stage.before = once(
        "PUT Appointment", lambda: stage.staff.protect(appointment=first["id"])
    )  # a note is written at the last moment
    carry_out(stage, eve)
    stage.sync(eve)
    assert statuses(stage, rows) == ["booked"] + ["cancelled"] * 4
    assert [starts(event) for event in stage.events(eve)] == [starts(first)]


def test_nobody_answers_within_thirty_days_so_they_come_back(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 4, hours=24 * 60)
    delete(stage, eve)
    stage.sync(eve)
    stage.clock.advance(30 * DAY)
    stage.sync(eve, everything=True)
    carry_out(stage, eve)
    assert standings(stage, eve) == [Standing.RESTORED] * 4
    assert statuses(stage, rows) == ["booked"] * 4
    assert len(stage.events(eve)) == 4


def test_three_hundred_are_carried_out_although_jobs_die(stage: Stage) -> None:
    eve = stage.connect(google_edits=Edits.ACCEPT)
    rows = booked(stage, eve, 300, hours=1_000)
    delete(stage, eve)
    stage.sync(eve)
    confirm(stage, eve, *rows[:200])
    restore(stage, eve, *rows[200:])
    died = 0
    for operation in ("PUT Appointment", "events.patch", "commit") * 3:
        stage.after = once(operation, raising(Crash()))
        try:
            stage.bulk(eve)
        except Crash:
            died += 1
        stage.after = nothing
        stage.clock.advance(200)
    assert died > 3
    stage.clock.advance(DAY)  # a calendar whose jobs die one after the other rests for a while
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["cancelled"] * 200 + ["booked"] * 100
    assert standings(stage, eve) == [Standing.CANCELLED] * 200 + [Standing.RESTORED] * 100
    assert len(stage.events(eve)) == 100


def test_a_review_is_nobody_elses(stage: Stage, eve: Practitioner) -> None:
    held(stage, eve)
    other = stage.connect()
    key = review(stage, eve).key
    with pytest.raises(RejectedError, match="no_such_review"):
        answer(stage.world, other.connection, key, {}, ())
    with pytest.raises(RejectedError, match="no_such_review"):
        take_back(stage.world, other.connection, key)
    assert reviews_of_connection(stage.world, other.connection.key) == []


def test_it_shows_what_the_practitioner_knows_and_keeps_nothing_of_it(
    stage: Stage, eve: Practitioner
) -> None:
    held(stage, eve)
    found = review(stage, eve)
    assert {each.text for each in show_review(stage.world, stage.connection(eve), found)} == {"ID-1"}
    assert "ID-1" not in repr(MemoryDocuments.find(stage.documents, "reviews"))
    assert waiting([found]) == 5


# --- undo -----------------------------------------------------------------------------------------------


def gone(stage: Stage, whose: Practitioner) -> list[str]:
    rows = held(stage, whose)
    confirm(stage, whose)
    carry_out(stage, whose)
    stage.ledger.clear()
    return rows


def test_what_was_confirmed_can_be_taken_back(stage: Stage, eve: Practitioner) -> None:
    rows = gone(stage, eve)
    assert set(undo(stage, eve).values()) == {Answered.ACCEPTED}
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["booked"] * 5
    assert sorted(map(starts, stage.events(eve))) == [starts(stage.row(row)) for row in rows]
    assert standings(stage, eve) == [Standing.UNDONE] * 5
    stage.ledger.clear()
    stage.settle()
    stage.sync(eve, everything=True)
    assert stage.ledger.side_writes == []


def test_it_has_the_status_it_had(stage: Stage, eve: Practitioner) -> None:
    rows = booked(stage, eve, 4)
    stage.staff.unconfirm(appointment=rows[0])
    stage.sync(eve, rows[0])
    delete(stage, eve)
    stage.sync(eve)
    confirm(stage, eve)
    carry_out(stage, eve)
    undo(stage, eve)
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["pending"] + ["booked"] * 3


def test_taking_it_back_twice_is_harmless(stage: Stage, eve: Practitioner) -> None:
    rows = gone(stage, eve)
    for _ in range(2):
        undo(stage, eve)
        carry_out(stage, eve)
    assert statuses(stage, rows) == ["booked"] * 5
    assert len(stage.events(eve)) == 5


def test_what_somebody_has_changed_since_is_not_ours_to_take_back(stage: Stage, eve: Practitioner) -> None:
    rows = gone(stage, eve)
    stage.staff.add_client(appointment=rows[0], patient=stage.patient())
    undo(stage, eve)
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["cancelled"] + ["booked"] * 4
    assert standings(stage, eve)[0] is Standing.CHANGED


def test_after_a_week_it_cannot_be_taken_back(stage: Stage, eve: Practitioner) -> None:
    gone(stage, eve)
    stage.clock.advance(7 * DAY)
    assert undo(stage, eve) == {}
    ks = list(review(stage, eve).entries)
    asked = take_back(stage.world, stage.connection(eve), review(stage, eve).key, ks)
    assert set(asked.values()) == {Answered.NOT_WAITING}


@pytest.mark.parametrize("lost", [Crash(), RetryableError("ehr_unreachable")], ids=["killed", "no answer"])
def test_an_answer_lost_on_the_way_back_changes_nothing(
    stage: Stage, eve: Practitioner, lost: BaseException
) -> None:
    rows = gone(stage, eve)
    undo(stage, eve)
    stage.after = once("PUT Appointment", raising(lost))
    with pytest.raises(type(lost)):
        carry_out(stage, eve)
    stage.after = nothing
    stage.clock.advance(100)
    carry_out(stage, eve)
    assert statuses(stage, rows) == ["booked"] * 5
    assert len(stage.events(eve)) == 5


def test_ones_own_time_comes_back_too(stage: Stage, ada: Practitioner) -> None:
    made = [stage.hand_made(ada, hours=48 + 2 * number) for number in range(4)]
    stage.sync(ada)
    for event in made:
        stage.delete(ada, event)
    stage.sync(ada)
    confirm(stage, ada)
    carry_out(stage, ada)
    assert {row["status"] for row in stage.store.resources("Appointment")} == {"cancelled"}
    undo(stage, ada)
    carry_out(stage, ada)
    assert {row["status"] for row in stage.store.resources("Appointment")} == {"booked"}
    assert len(stage.events(ada)) == 4
    stage.ledger.clear()
    stage.settle()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []
