"""Disconnected with what we made taken away: nothing else goes, and the receipt adds up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.app.connections import calendars_of, pause, resume, start
from shared.app.jobs import CalendarTask
from shared.app.outcome import Outcome, State
from shared.app.records import Connection, Lease, Receipt, Status, Tally
from shared.app.removal import LASTS
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError
from shared.core.policy import Mode
from shared.ports import Queue
from tests.app.consents import REVOKE, ConsentingStage
from tests.app.externals import External, external
from tests.app.stage import Crash, Practitioner, at_step, nothing, once, raising
from tests.app.workers import Worker


@pytest.fixture
def stage() -> ConsentingStage:
    return ConsentingStage(push=True)


@dataclass
class Full:
    """Something of every kind, in sync."""

    client: str
    own: str
    by_hand: str
    """Event that the practitioner made."""
    family: External


@pytest.fixture
def full(stage: ConsentingStage, ada: Practitioner) -> Full:
    client, own = stage.book(ada, hours=48), stage.own_time(ada, hours=52)
    by_hand = stage.hand_made(ada, hours=56)
    stage.settle()
    family = external(stage, ada)
    for hours in (60, 62):
        family.add(hours=hours)
    family.sync()
    assert len(family.blocks) == 2
    stage.ledger.clear()
    return Full(client, own, by_hand, family)


def queue(stage: ConsentingStage, whose: Practitioner) -> None:
    """What the endpoint asks for."""
    for calendar in calendars_of(stage.world, whose.connection.key):
        if calendar.active:
            stage.ask(CalendarTask(calendar.key, look=False, queue=Queue.BULK))


def remove(stage: ConsentingStage, whose: Practitioner) -> Connection:
    """To its end."""
    stage.disconnect(whose, remove=True)
    queue(stage, whose)
    stage.drain()
    return stage.connection(whose)


def receipt(stage: ConsentingStage, whose: Practitioner) -> Receipt:
    found = stage.connection(whose).receipt
    assert found is not None
    return found


def statuses(stage: ConsentingStage) -> list[str]:
    return sorted(row["status"] for row in stage.store.resources("Appointment"))


# --- what goes and what stays ---------------------------------------------------------------------------


def test_our_events_and_blocks_go_and_what_was_made_by_hand_stays_on_both_sides(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    token = stage.token(ada.connection)
    connection = remove(stage, ada)
    assert connection.status is Status.DISCONNECTED
    assert [event["id"] for event in stage.events(ada)] == [full.by_hand]
    assert full.family.blocks == []
    assert statuses(stage) == ["booked", "booked", "booked", "cancelled", "cancelled"]
    assert len(stage.google.all_events(full.family.id)) == 2
    assert token is not None
    assert not stage.consent.is_live(token)


def test_the_receipt_adds_up(stage: ConsentingStage, ada: Practitioner, full: Full) -> None:
    assert full.family.blocks
    remove(stage, ada)
    given = receipt(stage, ada)
    assert given == Receipt(
        stage.clock.now(), Tally(removed=2, kept=1), Tally(removed=2), personal_kept=1, calendar_deleted=False
    )
    assert (given.events.total, given.blocks.total) == (3, 2)


def test_the_calendar_goes_where_nothing_else_is_in_it(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.settle()
    before = stage.calendar_id(ada)
    remove(stage, ada)
    given = receipt(stage, ada)
    assert (given.events, given.calendar_deleted) == (Tally(removed=1), True)
    assert before not in [each["id"] for each in stage.google.calendar_list.list(ada.sub)["items"]]
    assert stage.calendar(ada).calendar_id is None


def test_a_calendar_that_somebody_puts_something_in_at_the_last_moment_stays(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.book(ada)
    stage.settle()
    made: list[str] = []
    stage.before = once("events.delete", lambda: made.append(stage.hand_made(ada, hours=70)))
    remove(stage, ada)
    assert [event["id"] for event in stage.events(ada)] == made
    assert not receipt(stage, ada).calendar_deleted


def test_past_events_go_too(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.book(ada, hours=2)
    stage.settle()
    stage.clock.advance(timedelta(days=40).total_seconds())
    stage.settle()
    remove(stage, ada)
    assert receipt(stage, ada).events == Tally(removed=1)
    assert statuses(stage) == ["booked"]


def test_an_event_that_was_given_a_client_goes_for_a_label_is_on_it(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    item = next(item for item in stage.items(ada) if item.event_id == full.by_hand)
    assert item.appointment_id is not None
    stage.staff.add_client(appointment=item.appointment_id, patient=stage.patient())
    stage.settle()
    remove(stage, ada)
    assert receipt(stage, ada).events == Tally(removed=3)


def test_in_one_way_what_was_made_by_hand_and_never_read_stays(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.change_settings(ada, mode=Mode.ONE_WAY)
    stage.book(ada)
    by_hand = stage.hand_made(ada, hours=70)
    stage.settle()
    remove(stage, ada)
    assert [event["id"] for event in stage.events(ada)] == [by_hand]
    assert receipt(stage, ada).events == Tally(removed=1, kept=1)


def test_an_event_of_ours_that_nothing_knows_any_more_goes_by_its_marker(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.book(ada)
    stage.settle()
    stage.lose_mappings(ada)
    remove(stage, ada)
    assert receipt(stage, ada).events == Tally(removed=1)


def test_one_that_never_made_a_calendar_is_disconnected_at_once(stage: ConsentingStage) -> None:
    ada = stage.add()
    remove(stage, ada)
    assert stage.connection(ada).status is Status.DISCONNECTED
    assert (receipt(stage, ada).events, receipt(stage, ada).calendar_deleted) == (Tally(), False)


# --- what goes on meanwhile -----------------------------------------------------------------------------


def test_nothing_but_the_removal_writes_once_it_was_asked_for(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    del full
    assert stage.disconnect(ada, remove=True).status is Status.REMOVING
    row = stage.book(ada, hours=80)
    stage.ledger.clear()
    assert stage.live(ada, row) == Outcome(State.IDLE)
    stage.poke()
    assert stage.ledger.google == []
    queue(stage, ada)
    stage.drain()
    assert set(stage.ledger.google) == {"events.list", "events.delete", "channels.stop", REVOKE}


def test_the_clock_alone_brings_it_to_its_end(stage: ConsentingStage, ada: Practitioner, full: Full) -> None:
    """No task of the call arrived."""
    stage.disconnect(ada, remove=True)
    stage.minutes(20)
    assert stage.connection(ada).status is Status.DISCONNECTED
    assert full.family.blocks == []


def test_it_goes_in_slices_and_shows_how_far_it_is() -> None:
    stage = ConsentingStage(bulk_slice_seconds=3)
    ada = stage.connect()
    for hours in range(10):
        stage.book(ada, hours=48 + hours)
    stage.settle()
    while stage.calendar(ada).in_pass:
        stage.bulk(ada)
    stage.disconnect(ada, remove=True)
    stage.before = lambda name, _given: stage.clock.advance(1) if name == "events.delete" else None
    outcome = stage.bulk(ada)
    progress = stage.calendar(ada).progress
    assert outcome.state is State.MORE
    assert progress is not None
    assert (progress.done, progress.total) == (3, 10)
    for _ in range(4):
        stage.bulk(ada)
    assert receipt(stage, ada).events == Tally(removed=10)


def test_a_call_that_comes_twice_is_one_removal(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    del full
    first = stage.disconnect(ada, remove=True)
    stage.ledger.clear()
    assert stage.disconnect(ada, remove=True) == first
    assert stage.ledger.commits == []
    after = remove(stage, ada)
    assert stage.disconnect(ada, remove=True) == after


def test_it_can_be_called_off_and_what_is_gone_is_counted(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    stage.disconnect(ada, remove=True)
    stage.bulk(ada)
    assert len(stage.events(ada)) == 1
    stage.disconnect(ada)
    given = receipt(stage, ada)
    assert (given.events, given.blocks) == (Tally(removed=2, kept=1), Tally(kept=2))
    assert len(full.family.blocks) == 2
    stage.reconnect(ada)
    stage.minutes(3)
    assert len(stage.events(ada)) == 3
    assert len(full.family.blocks) == 2


@pytest.mark.parametrize("act", [start, pause, resume])
def test_nothing_else_begins_while_it_runs(
    stage: ConsentingStage, ada: Practitioner, full: Full, act: Callable[[World, str], Connection]
) -> None:
    del full
    stage.disconnect(ada, remove=True)
    with pytest.raises(RejectedError):
        act(stage.world, ada.connection.key)
    assert stage.connection(ada).status is Status.REMOVING


def test_a_consent_meanwhile_changes_nothing(stage: ConsentingStage, ada: Practitioner, full: Full) -> None:
    del full
    stage.disconnect(ada, remove=True)
    with pytest.raises(RejectedError, match="removing"):
        stage.consents_again(ada)


# --- what goes wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", range(0, 40, 3))
def test_wherever_a_worker_is_killed_it_comes_to_the_same_end(
    stage: ConsentingStage, ada: Practitioner, full: Full, moment: str, step: int
) -> None:
    stage.disconnect(ada, remove=True)
    setattr(stage, moment, at_step(step, raising(Crash())))
    with contextlib.suppress(Crash):
        full.family.job(everything=True)
        stage.bulk(ada)
    stage.before = stage.after = nothing
    stage.minutes(45)
    assert stage.connection(ada).status is Status.DISCONNECTED
    given = receipt(stage, ada)
    assert (given.events, given.blocks) == (Tally(removed=2, kept=1), Tally(removed=2))
    assert [event["id"] for event in stage.events(ada)] == [full.by_hand]
    assert stage.documents.find("grants") == []


@pytest.mark.parametrize("after", [0, 1])
def test_a_grant_that_dies_in_the_middle_leaves_the_rest_and_says_so(
    stage: ConsentingStage, ada: Practitioner, full: Full, after: int
) -> None:
    stage.disconnect(ada, remove=True)
    deleted: list[str] = []

    def hook(name: str, _given: object) -> None:
        if name == "events.delete":
            deleted.append(name)
            if len(deleted) > after:
                stage.withdraw(ada)

    stage.before = hook
    queue(stage, ada)
    stage.drain()
    given = receipt(stage, ada)
    assert (given.events, given.problem) == (Tally(after, 1, 2 - after), "reconnect_needed")
    assert given.blocks == Tally(removed=2)
    assert given.events.total == 3
    assert len(stage.events(ada)) == 3 - after
    assert full.family.blocks == []


def test_a_grant_that_was_dead_before_leaves_every_event_and_takes_the_blocks(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    stage.withdraw(ada)
    remove(stage, ada)
    given = receipt(stage, ada)
    assert (given.events, given.blocks) == (Tally(kept=1, refused=2), Tally(removed=2))
    assert full.family.blocks == []


def test_what_google_refuses_is_counted_and_the_rest_goes(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    del full
    stage.before = once("events.delete", raising(RejectedError("google_refused")))
    remove(stage, ada)
    given = receipt(stage, ada)
    assert (given.events, given.problem) == (Tally(1, 1, 1), "google_refused")


def test_what_is_down_for_good_is_given_up_after_a_week(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    del full
    stage.disconnect(ada, remove=True)

    def down(name: str, _given: object) -> None:
        if name == "events.delete":
            raise RetryableError("google_unavailable")

    stage.before = down
    with pytest.raises(RetryableError):
        stage.bulk(ada)
    assert stage.connection(ada).status is Status.REMOVING
    stage.clock.advance(LASTS.total_seconds())
    stage.minutes(20)
    given = receipt(stage, ada)
    assert (given.events, given.problem) == (Tally(kept=1, refused=2), "google_unavailable")


def test_a_calendar_that_was_deleted_there_is_over(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    del full
    ada.person.delete_calendar(stage.calendar_id(ada))
    remove(stage, ada)
    given = receipt(stage, ada)
    assert (given.events, given.calendar_deleted, given.personal_kept) == (Tally(removed=2), True, 1)
    assert statuses(stage).count("booked") == 3


def test_who_held_the_calendar_is_waited_for(stage: ConsentingStage, ada: Practitioner, full: Full) -> None:
    del full
    stage.change_calendar(ada, lease=Lease("endless", stage.at(1)))
    with pytest.raises(RetryableError, match="stopping"):
        stage.disconnect(ada, remove=True)
    assert stage.connection(ada).status is Status.STOPPING
    stage.clock.advance(3_600)
    assert remove(stage, ada).status is Status.DISCONNECTED


@pytest.mark.parametrize("step", range(1, 12, 2))
def test_wherever_a_job_is_nothing_comes_back_once_the_removal_was_asked_for(
    stage: ConsentingStage, ada: Practitioner, step: int
) -> None:
    rows = [stage.book(ada, hours=hours) for hours in (48, 50)]
    with Worker(stage, lambda: stage.live(ada, *rows)) as worker:
        worker.steps(step)
        stage.world, real = worker.meanwhile, stage.world
        stage.disconnect(ada, remove=True)
        stage.world = real
        worker.finish()
    remove(stage, ada)
    assert receipt(stage, ada).events.refused == 0
    assert stage.ledger.google.count("events.insert") == receipt(stage, ada).events.removed


# --- and back -------------------------------------------------------------------------------------------


def test_coming_back_makes_them_again_and_takes_nothing_for_a_persons_deletion(
    stage: ConsentingStage, ada: Practitioner, full: Full
) -> None:
    remove(stage, ada)
    stage.reconnect(ada)
    assert stage.connection(ada).receipt is None
    stage.minutes(3)
    assert len(stage.events(ada)) == 3
    assert statuses(stage).count("booked") == 3
    assert full.by_hand in [event["id"] for event in stage.events(ada)]
    stage.ledger.clear()
    stage.sync(ada, everything=True)
    assert stage.ledger.side_writes == []


def test_coming_back_after_the_calendar_went_too(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.own_time(ada, hours=60)
    stage.settle()
    remove(stage, ada)
    stage.reconnect(ada)
    stage.minutes(3)
    assert len(stage.events(ada)) == 2
    assert statuses(stage) == ["booked", "booked"]


# --- where everything stays -----------------------------------------------------------------------------


def test_what_is_kept_has_a_receipt_too(stage: ConsentingStage, ada: Practitioner, full: Full) -> None:
    assert full.family.blocks
    stage.disconnect(ada)
    given = receipt(stage, ada)
    assert (given.events, given.blocks, given.personal_kept) == (Tally(kept=3), Tally(kept=2), 1)
    assert not given.calendar_deleted
