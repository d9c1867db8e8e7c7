"""What the history says of what happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.app.activity import ALONE_MAX, KEPT, LINES_MAX, RECENT_MAX, Entry, entries_of, joined
from shared.app.activity_pages import Asked, read_activity
from shared.core.activity import Because, Done, Happened
from shared.core.errors import RejectedError
from shared.core.model import Kind, Side
from shared.core.policy import CancelledEvents, Edits, Mode
from tests.app.externals import external
from tests.app.stage import Practitioner, Stage, nothing
from tests.app.test_reviews import carry_out, held, restore

DAY = timedelta(days=1)
Lines = list[tuple[str, str, str | None]]


def history(stage: Stage, whose: Practitioner, **asked: Any) -> list[Entry]:
    """The newest first."""
    page = read_activity(stage.world, stage.connection(whose), Asked(**{"limit": 200, **asked}))
    return [each.entry for each in page.lines]


def lines(stage: Stage, whose: Practitioner) -> Lines:
    return [
        (each.done.happened.value, each.done.side.value, each.done.reason) for each in history(stage, whose)
    ]


def newest(stage: Stage, whose: Practitioner) -> Done:
    return history(stage, whose)[0].done


def synced(stage: Stage, whose: Practitioner, **booked: Any) -> tuple[str, str]:
    """An appointment of a client and its event."""
    row = stage.book(whose, **booked)
    stage.sync(whose, row, look=False)
    stage.sync(whose)
    return row, str(stage.event(whose)["id"])


# --- what happened --------------------------------------------------------------------------------------


def test_what_staff_book_move_and_cancel_is_told_with_its_times(stage: Stage, ada: Practitioner) -> None:
    row, _ = synced(stage, ada)
    made = newest(stage, ada)
    assert (made.happened, made.side, made.kind) == (Happened.CREATED, Side.EHR, Kind.CLIENT)
    assert (made.appointment_id, made.before) == (row, None)
    assert made.after is not None
    assert made.after.start == stage.at(48)
    stage.clock.advance(60)
    stage.reschedule(row, hours=72)
    stage.clock.advance(2)
    stage.sync(ada, row, look=False)
    moved = newest(stage, ada)
    assert (moved.happened, moved.side, moved.before) == (Happened.MOVED, Side.EHR, made.after)
    assert moved.after is not None
    assert moved.after.start == stage.at(72) - timedelta(seconds=2)
    assert moved.took_seconds == 2
    stage.staff.cancel(appointment=row)
    stage.sync(ada, row, look=False)
    gone = newest(stage, ada)
    assert (gone.happened, gone.side, gone.before) == (Happened.CANCELLED, Side.EHR, moved.after)
    assert len(history(stage, ada)) == 3


def test_what_the_practitioner_makes_moves_renames_and_deletes_is_told(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada)
    stage.sync(ada)
    stage.move(ada, event, hours=50)
    stage.sync(ada)
    stage.edit(ada, event, summary="Another title")
    stage.sync(ada)
    stage.delete(ada, event)
    stage.sync(ada)
    assert lines(stage, ada) == [
        ("cancelled", "calendar", None),
        ("retitled", "calendar", None),
        ("moved", "calendar", None),
        ("created", "calendar", None),
    ]
    assert {each.done.appointment_id for each in history(stage, ada)} == {stage.row()["id"]}
    assert {each.done.kind for each in history(stage, ada)} == {Kind.PERSONAL}


def test_an_echo_and_a_second_look_tell_nothing(stage: Stage, ada: Practitioner) -> None:
    synced(stage, ada)
    before = history(stage, ada)
    stage.settle()
    stage.sync(ada, everything=True)
    assert history(stage, ada) == before


def test_a_move_that_is_not_allowed_is_told_as_put_back_with_both_times(
    stage: Stage, ada: Practitioner
) -> None:
    _, event = synced(stage, ada)
    stage.move(ada, event, hours=60)
    stage.sync(ada)
    back = newest(stage, ada)
    assert (back.happened, back.side, back.reason) == (Happened.PUT_BACK, Side.CALENDAR, "not_allowed")
    assert back.after is not None
    assert back.lost is not None
    assert (back.after.start, back.lost.start) == (stage.at(48), stage.at(60))


@pytest.mark.parametrize(
    ("settings", "disturb", "reason"),
    [
        ({"mode": Mode.ONE_WAY}, lambda _stage, _row: None, Because.ONE_WAY.value),
        (
            {"google_edits": Edits.ACCEPT},
            lambda stage, row: stage.staff.write_note(appointment=row),
            Because.PROTECTED.value,
        ),
    ],
)
def test_a_deletion_that_is_put_back_says_why(
    stage: Stage, settings: dict[str, Any], disturb: Callable[[Stage, str], object], reason: str
) -> None:
    ada = stage.connect(**settings)
    row, event = synced(stage, ada)
    disturb(stage, row)
    stage.delete(ada, event)
    stage.sync(ada)
    assert lines(stage, ada)[0] == ("put_back", "calendar", reason)


def test_what_the_ehr_refuses_is_put_back_with_its_code(stage: Stage) -> None:
    ada = stage.connect(google_edits=Edits.ACCEPT)
    _, event = synced(stage, ada)

    def refuse(name: str, _given: object) -> None:
        if name in ("PUT Appointment", "PATCH Appointment"):
            raise RejectedError("ehr_refused_room_taken")

    stage.before = refuse
    stage.move(ada, event, hours=60)
    stage.sync(ada)
    stage.before = nothing
    assert lines(stage, ada)[0] == ("put_back", "calendar", "ehr_refused_room_taken")


def test_a_past_appointment_that_is_moved_is_put_back_and_one_deleted_is_left(
    stage: Stage, ada: Practitioner
) -> None:
    _, event = synced(stage, ada, hours=1)
    stage.clock.advance(3 * 3600)
    stage.move(ada, event, hours=60)
    stage.sync(ada)
    assert lines(stage, ada)[0] == ("put_back", "calendar", "past")
    stage.delete(ada, event)
    stage.sync(ada)
    assert lines(stage, ada)[0] == ("left", "calendar", "past")
    told = len(history(stage, ada))
    stage.sync(ada, everything=True)
    assert len(history(stage, ada)) == told


def test_a_mark_that_is_deleted_is_left(stage: Stage) -> None:
    ada = stage.connect(cancelled_events=CancelledEvents.MARK)
    row, event = synced(stage, ada)
    stage.staff.cancel(appointment=row)
    stage.settle()
    assert lines(stage, ada)[0] == ("cancelled", "ehr", None)
    stage.clock.advance(1)
    stage.edit(ada, event, summary="Mine now")
    stage.sync(ada)
    assert lines(stage, ada)[0] == ("left", "calendar", "marker")


def test_an_event_that_was_dragged_out_is_put_back_as_moved_out(stage: Stage) -> None:
    ada = stage.connect(google_edits=Edits.ACCEPT)
    family = external(stage, ada)
    _, event = synced(stage, ada)
    ada.person.move_to(stage.calendar_id(ada), event, family.id)
    stage.sync(ada)
    assert ("put_back", "calendar", "moved_out") in lines(stage, ada)


def test_a_conflict_is_one_line_with_both_times(stage: Stage) -> None:
    ada = stage.connect(google_edits=Edits.ACCEPT)
    row, event = synced(stage, ada)
    stage.reschedule(row, hours=72)
    stage.move(ada, event, hours=60)
    stage.sync(ada, row)
    [conflict] = [each.done for each in history(stage, ada) if each.done.happened is Happened.CONFLICT]
    assert conflict.side is Side.EHR
    assert conflict.before is not None
    assert conflict.after is not None
    assert conflict.lost is not None
    times = [conflict.before.start, conflict.after.start, conflict.lost.start]
    assert times == [stage.at(48), stage.at(72), stage.at(60)]


def test_what_is_set_aside_is_told_once_and_told_again_when_it_is_done(
    stage: Stage, ada: Practitioner
) -> None:
    def refuse(name: str, _given: object) -> None:
        if name == "events.insert":
            raise RejectedError("google_invalid")

    row = stage.book(ada)
    stage.before = refuse
    stage.sync(ada, row, look=False)
    for _ in range(3):
        stage.clock.advance(DAY.total_seconds())
        stage.job(ada)
    assert lines(stage, ada) == [("set_aside", "ehr", "google_invalid")]
    stage.before = nothing
    stage.clock.advance(DAY.total_seconds())
    stage.job(ada)
    assert {each[0] for each in lines(stage, ada)} == {"taken_up", "created", "set_aside"}
    assert {each.done.appointment_id for each in history(stage, ada)} == {row}


def test_blocks_are_told_and_what_staff_do_to_them_is_put_back(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    event = family.add()
    family.sync()
    assert lines(stage, ada) == [("created", "calendar", None)]
    stage.reschedule(str(family.block["id"]), hours=90)
    family.sync(everything=True)
    assert lines(stage, ada)[0] == ("put_back", "ehr", "block")
    family.delete(event)
    family.sync()
    assert lines(stage, ada)[0] == ("cancelled", "calendar", None)
    assert {each.done.kind for each in history(stage, ada)} == {Kind.BLOCK}


def test_what_waits_for_a_person_is_told_once_and_then_as_it_was_answered(stage: Stage) -> None:
    eve = stage.connect(google_edits=Edits.ACCEPT)
    rows = held(stage, eve)
    stage.sync(eve, everything=True)
    told = [each.done for each in history(stage, eve) if each.done.happened is Happened.HELD]
    assert sorted(str(each.appointment_id) for each in told) == sorted(rows)
    stage.clock.advance(1)
    restore(stage, eve)
    carry_out(stage, eve)
    assert lines(stage, eve)[: len(rows)] == [("put_back", "calendar", "restored")] * len(rows)


# --- bounds ---------------------------------------------------------------------------------------------


def test_a_first_sync_is_one_line_with_its_count(stage: Stage) -> None:
    ada = stage.add()
    for number in range(60):
        stage.book(ada, hours=30 + number)
    stage.sync(ada)
    [only] = history(stage, ada)
    assert (only.done.happened, only.count, only.done.appointment_id) == (Happened.CREATED, 60, None)


def test_a_first_sync_in_many_slices_is_one_line_too(stage: Stage) -> None:
    ada = stage.add()
    for number in range(60):
        stage.book(ada, hours=30 + number)

    def slow(name: str, _given: object) -> None:
        if name == "events.insert":
            stage.clock.advance(1.5)

    stage.after = slow
    stage.sync(ada)
    assert stage.ledger.google.count("events.insert") == 60
    assert [each.count for each in history(stage, ada)] == [60]


def test_telling_costs_no_write_of_its_own_but_one_a_day(stage: Stage, ada: Practitioner) -> None:
    row, _ = synced(stage, ada)
    for number in range(5):
        stage.reschedule(row, hours=60 + number)
        stage.ledger.clear()
        stage.sync(ada, row, look=False)
        assert {path.split("/")[0] for commit in stage.ledger.commits for path in commit} == {"calendars"}
    stage.clock.advance(DAY.total_seconds())
    stage.reschedule(row, hours=80)
    stage.ledger.clear()
    stage.sync(ada, row, look=False)
    assert sum("/activity/" in path for commit in stage.ledger.commits for path in commit) == 1
    assert len(history(stage, ada)) == 7


def done(stage: Stage, number: int, reason: str | None = None) -> Done:
    return Done(Happened.PUT_BACK, Side.EHR, Kind.CLIENT, stage.clock.now(), f"row-{number}", reason)


def test_a_job_never_tells_more_lines_than_its_bound(stage: Stage) -> None:
    many = [done(stage, number, f"reason_{number // ALONE_MAX}") for number in range(1_000)]
    told = entries_of(many, "job", bulk=False)
    assert len(told) <= LINES_MAX
    assert sum(each.count for each in told) == ALONE_MAX * LINES_MAX
    few = entries_of(many[:ALONE_MAX], "job", bulk=False)
    assert [each.done for each in few] == many[:ALONE_MAX]


def test_what_live_jobs_tell_is_never_summed_up_across_jobs(stage: Stage) -> None:
    first = entries_of([done(stage, number) for number in range(20)], "one", bulk=False)
    second = entries_of([done(stage, number) for number in range(20)], "two", bulk=False)
    assert [each.count for each in joined(first, second)] == [20, 20]


# --- reading --------------------------------------------------------------------------------------------


def test_pages_are_turned_from_the_newest_to_the_oldest_across_days_and_calendars(
    stage: Stage, ada: Practitioner
) -> None:
    family = external(stage, ada)
    row = stage.book(ada, hours=24 * 30)
    for number in range(12):
        stage.clock.advance(DAY.total_seconds() * 2 / 3)
        stage.reschedule(row, hours=24 * 30 + number)
        stage.sync(ada, row)
        if number % 3 == 0:
            family.add(hours=100 + number)
            family.sync()
    whole = history(stage, ada)
    assert len(whole) == 16
    assert [each.done.at for each in whole] == sorted((each.done.at for each in whole), reverse=True)
    turned: list[Entry] = []
    cursor = None
    for _ in range(6):
        page = read_activity(stage.world, stage.connection(ada), Asked(limit=3, cursor=cursor))
        turned += [each.entry for each in page.lines]
        cursor = page.cursor
        if cursor is None:
            break
    assert turned == whole


def test_the_history_is_asked_for_by_what_happened_and_by_appointment(
    stage: Stage, ada: Practitioner
) -> None:
    first, second = stage.book(ada, hours=40), stage.book(ada, hours=50)
    stage.sync(ada, first, second)
    stage.clock.advance(DAY.total_seconds())
    stage.reschedule(first, hours=60)
    stage.sync(ada, first)
    assert [each.done.happened for each in history(stage, ada, appointment_id=first)] == [
        Happened.MOVED,
        Happened.CREATED,
    ]
    only = history(stage, ada, happened=frozenset({Happened.CREATED}))
    assert {each.done.appointment_id for each in only} == {first, second}


def test_what_is_older_than_ninety_days_is_told_no_more(stage: Stage, ada: Practitioner) -> None:
    row, _ = synced(stage, ada, hours=24 * 100)
    stage.clock.advance(KEPT.total_seconds() - 60)
    assert len(history(stage, ada)) == 1
    stage.clock.advance(120)
    assert history(stage, ada) == []
    stage.sync(ada, everything=True)
    assert stage.calendar(ada).recent == ()
    stage.reschedule(row, hours=200)
    stage.sync(ada, row, look=False)
    assert len(history(stage, ada)) == 1


def test_a_busy_day_is_no_more_than_the_calendars_document_holds(stage: Stage, ada: Practitioner) -> None:
    row, _ = synced(stage, ada)
    for number in range(RECENT_MAX + 5):
        stage.reschedule(row, hours=60 + number % 2)
        stage.clock.advance(10)
        stage.sync(ada, row, look=False)
    assert len(stage.calendar(ada).recent) < RECENT_MAX
    assert len(history(stage, ada, limit=500)) == RECENT_MAX + 6


def test_nothing_that_anybody_wrote_is_stored_with_it(stage: Stage, ada: Practitioner) -> None:
    event = stage.hand_made(ada, summary="Canarytitle")
    stage.sync(ada)
    stage.edit(ada, event, summary="Canaryname")
    stage.sync(ada)
    told = repr([each.done for each in history(stage, ada)])
    assert "Canary" not in told
