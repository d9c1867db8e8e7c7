"""What a person should know is written down once, counted, and told to the EHR once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from shared.app import notices
from shared.app.feed import HOOKS_SILENT, run_feed_job
from shared.app.jobs import FeedTask, NoticeTask, perform
from shared.app.notices import (
    TELLS_MAX,
    Notice,
    NoticeKind,
    note,
    note_once,
    notice_of,
    notices_of,
    see,
    tell,
)
from shared.app.outcome import State
from shared.app.records import Practice, practice_data, practice_of, practice_path
from shared.core.errors import BlockedError, GrantDeadError, RetryableError, StaleError
from shared.ports import Put
from tests.app.consents import ConsentingStage
from tests.app.stage import ELSEWHERE, PRACTICE, Practitioner, Stage, once, raising
from tests.fakes.documents import MemoryDocuments


@dataclass
class Listener:
    """The EHR as it is told of notices."""

    told: list[Mapping[str, object]] = field(default_factory=list)
    error: Exception | None = None
    wants: bool = True

    def __call__(self, practice: str, message: Mapping[str, object]) -> bool:
        if self.error is not None:
            raise self.error
        if self.wants:
            self.told.append({"practice": practice, **message})
        return self.wants


@pytest.fixture
def listener(stage: Stage) -> Listener:
    made = Listener()
    stage.world = replace(stage.world, tell=made)
    return made


def kept(stage: Stage) -> list[Notice]:
    return [notice_of(each) for each in MemoryDocuments.find(stage.documents, "notices")]


def kinds(stage: Stage) -> list[tuple[NoticeKind, int]]:
    return [(each.kind, each.count) for each in kept(stage)]


# --- noted ----------------------------------------------------------------------------------------------


def test_one_a_day_with_its_count(stage: Stage, ada: Practitioner) -> None:
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 2)
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    assert kinds(stage) == [(NoticeKind.OVERLAP, 3)]
    stage.clock.advance(86_400)
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    assert [each.count for each in notices_of(stage.world, ada.connection.key)] == [1, 3]


def test_what_is_said_once_a_day_is_not_counted(stage: Stage, ada: Practitioner) -> None:
    for _ in range(3):
        note_once(stage.world, ada.connection, NoticeKind.FAILING)
    assert kinds(stage) == [(NoticeKind.FAILING, 1)]


def test_what_happens_again_is_unseen_again(stage: Stage, ada: Practitioner) -> None:
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    [notice] = kept(stage)
    see(stage.world, ada.connection.key, [notice.id])
    assert notices.unseen_of(stage.world, PRACTICE) == {}
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    assert notices.unseen_of(stage.world, PRACTICE) == {NoticeKind.OVERLAP: 1}


def test_nobody_ticks_off_anothers(stage: Stage, ada: Practitioner) -> None:
    other = stage.connect()
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    [notice] = kept(stage)
    see(stage.world, other.connection.key, [notice.id, "none-there-is"])
    assert [each.seen_at for each in kept(stage)] == [None]


def test_a_practice_counts_its_own(stage: Stage, ada: Practitioner) -> None:
    there = stage.add(practice=ELSEWHERE)
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    note(stage.world, there.connection, NoticeKind.OVERLAP, 1)
    note(stage.world, there.connection, NoticeKind.SET_ASIDE, 5)
    assert notices.unseen_of(stage.world, PRACTICE) == {NoticeKind.OVERLAP: 1}
    assert notices.unseen_of(stage.world, ELSEWHERE) == {NoticeKind.OVERLAP: 1, NoticeKind.SET_ASIDE: 1}


def test_what_is_older_than_ninety_days_is_not_listed(stage: Stage, ada: Practitioner) -> None:
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    stage.clock.advance(91 * 86_400)
    assert notices_of(stage.world, ada.connection.key) == []


@pytest.mark.parametrize("error", [StaleError("contested"), RetryableError("store_unavailable")])
def test_a_store_that_fails_costs_the_notice_only(stage: Stage, ada: Practitioner, error: Exception) -> None:
    stage.before = lambda name, _given: raising(error)() if name == "commit" else None
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    note_once(stage.world, ada.connection, NoticeKind.FAILING)
    assert kept(stage) == []


# --- what is noted --------------------------------------------------------------------------------------


def test_each_grant_that_dies_is_one_notice() -> None:
    stage = ConsentingStage(push=True)
    ada = stage.connect()
    for number in (1, 2):
        stage.withdraw(ada)
        with pytest.raises(GrantDeadError):
            stage.live(ada)
        assert stage.live(ada).state is State.IDLE
        assert [each.day for each in kept(stage)] == [f"grant-{n + 1}" for n in range(number)]
        stage.consents_again(ada)
    assert kinds(stage) == [(NoticeKind.RECONNECT_NEEDED, 1)] * 2
    assert {each.practitioner for each in kept(stage)} == {ada.id}


def test_an_item_is_counted_when_it_is_first_set_aside(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.before = lambda name, _given: raising(ValueError())() if name == "events.insert" else None
    stage.settle()
    assert kinds(stage) == [(NoticeKind.SET_ASIDE, 1)]
    stage.clock.advance(86_400 + 60)
    stage.sync(ada)
    assert stage.item(ada).aside == "bug"
    assert kinds(stage) == [(NoticeKind.SET_ASIDE, 1)]


def test_a_calendar_that_was_deleted_is_one_notice(stage: Stage, ada: Practitioner) -> None:
    ada.person.delete_calendar(stage.calendar_id(ada))
    for _ in range(2):
        with pytest.raises(BlockedError, match=r"^calendar_missing$"):
            stage.live(ada)
    assert kinds(stage) == [(NoticeKind.CALENDAR_MISSING, 1)]


def test_what_a_person_has_to_mend_is_a_notice(stage: Stage, ada: Practitioner) -> None:
    stage.before = lambda name, _given: (
        raising(BlockedError("google_forbidden"))() if name == "events.list" else None
    )
    for _ in range(2):
        with pytest.raises(BlockedError):
            stage.live(ada)
    assert kinds(stage) == [(NoticeKind.FAILING, 1)]


def test_an_outage_is_one_after_two_hours(stage: Stage, ada: Practitioner) -> None:
    stage.before = lambda name, _given: (
        raising(RetryableError("google_down"))() if name == "events.list" else None
    )
    for minutes, expected in ((0, []), (100, []), (30, [(NoticeKind.FAILING, 1)])):
        stage.clock.advance(minutes * 60)
        with pytest.raises(RetryableError):
            stage.live(ada)
        assert kinds(stage) == expected


# --- of the practice ------------------------------------------------------------------------------------


def poll(stage: Stage) -> None:
    run_feed_job(stage.world, PRACTICE, lambda _key, _ids: None, poll=True)


def change_practice(stage: Stage, **changes: object) -> None:
    path = practice_path(PRACTICE)
    record: Practice = practice_of(MemoryDocuments.get(stage.documents, path)[path])
    changed = replace(record, **changes)  # type: ignore[arg-type]
    MemoryDocuments.commit(stage.documents, [Put(path, practice_data(changed))])


def test_hooks_that_stop_while_rows_change_are_one_notice_a_silence(stage: Stage, ada: Practitioner) -> None:
    change_practice(stage, hooked_at=stage.clock.now())
    stage.clock.advance(HOOKS_SILENT.total_seconds() + 60)
    poll(stage)
    assert kinds(stage) == []  # nothing changed: there was nothing to be told of
    stage.book(ada)
    poll(stage)
    assert kinds(stage) == []  # its hook may be on the way
    for _ in range(2):
        stage.clock.advance(3 * 86_400)
        stage.book(ada)
        stage.clock.advance(240)
        poll(stage)
    [notice] = kept(stage)
    assert (notice.kind, notice.connection, notice.practitioner) == (NoticeKind.HOOKS_SILENT, PRACTICE, "")


def test_where_hooks_never_arrived_none_are_missed(stage: Stage, ada: Practitioner) -> None:
    poll(stage)
    stage.clock.advance(3 * 86_400)
    stage.book(ada)
    stage.clock.advance(240)
    poll(stage)
    assert kinds(stage) == []


def test_an_ehr_that_is_down_for_an_hour_is_one_notice_an_outage(stage: Stage, ada: Practitioner) -> None:
    del ada

    def outage() -> None:
        for minutes, expected in ((5, 0), (50, 0), (10, 1), (10, 1)):
            stage.clock.advance(minutes * 60)
            with pytest.raises(RetryableError):
                poll(stage)
            assert len(kept(stage)) - before == expected

    before = 0
    stage.before = lambda name, _given: (
        raising(RetryableError("ehr_down"))() if name == "GET Appointment" else None
    )
    outage()
    working, stage.before = stage.before, lambda _name, _given: None
    poll(stage)
    before, stage.before = 1, working
    outage()
    assert {each.kind for each in kept(stage)} == {NoticeKind.EHR_UNREACHABLE}


# --- told -----------------------------------------------------------------------------------------------


def test_the_ehr_is_told_once_within_a_minute(stage: Stage, ada: Practitioner, listener: Listener) -> None:
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 2)
    at = stage.clock.now()
    stage.minutes(3)
    assert listener.told == [
        {
            "practice": PRACTICE,
            "id": f"{ada.connection.key}-overlap-{at.date()}",
            "kind": "overlap",
            "practitioner": ada.id,
            "count": 2,
            "time": at.isoformat().replace("+00:00", "Z"),
        }
    ]
    [notice] = kept(stage)
    assert (notice.send_at, notice.tries, notice.sent_at is None) == (None, 1, False)


def test_what_is_counted_after_it_was_told_is_not_told_again(
    stage: Stage, ada: Practitioner, listener: Listener
) -> None:
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 2)
    stage.minutes(2)
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 2)
    stage.minutes(2)
    assert len(listener.told) == 1


def test_a_task_that_comes_twice_tells_once(stage: Stage, ada: Practitioner, listener: Listener) -> None:
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    [notice] = kept(stage)
    for _ in range(2):
        perform(stage.world, stage.tasks, NoticeTask(notice.id))
    assert len(listener.told) == 1


def test_where_nobody_wants_to_be_told_it_is_not_tried_again(
    stage: Stage, ada: Practitioner, listener: Listener
) -> None:
    listener.wants = False
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    stage.minutes(2)
    assert [(each.send_at, each.sent_at) for each in kept(stage)] == [(None, None)]


@pytest.mark.parametrize("error", [RetryableError("notice_refused"), BlockedError("hooks_secret_missing")])
def test_an_ehr_that_does_not_take_it_is_told_for_a_day_and_no_longer(
    stage: Stage, ada: Practitioner, listener: Listener, error: Exception
) -> None:
    listener.error = error
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    times = list(tried(stage))
    assert len(times) == TELLS_MAX
    assert timedelta(hours=20) < times[-1] - times[0] <= timedelta(hours=25)
    waits = [later - sooner for sooner, later in pairwise(times)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=1)


def tried(stage: Stage) -> Iterator[datetime]:
    """When the job was run, each as soon as it was due."""
    for _ in range(TELLS_MAX + 1):
        [notice] = kept(stage)
        if notice.send_at is None:
            return
        stage.clock.advance(max(0.0, (notice.send_at - stage.clock.now()).total_seconds()))
        yield stage.clock.now()
        assert not tell(stage.world, notice.id)


def test_an_ehr_that_asks_for_a_wait_has_it(stage: Stage, ada: Practitioner, listener: Listener) -> None:
    listener.error = RetryableError("notice_refused", 600)
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    [notice] = kept(stage)
    tell(stage.world, notice.id)
    [notice] = kept(stage)
    assert notice.send_at == stage.clock.now() + timedelta(minutes=10)
    listener.error = None
    stage.minutes(9)
    assert listener.told == []
    stage.minutes(3)
    assert len(listener.told) == 1


def test_what_happens_while_it_is_told_is_kept(stage: Stage, ada: Practitioner, listener: Listener) -> None:
    note(stage.world, ada.connection, NoticeKind.OVERLAP, 1)
    [notice] = kept(stage)
    stage.before = once("commit", lambda: note(stage.world, ada.connection, NoticeKind.OVERLAP, 4))
    assert tell(stage.world, notice.id)
    [after] = kept(stage)
    assert (after.count, after.send_at) == (5, None)
    assert len(listener.told) == 1


def test_nothing_of_a_client_is_told(stage: Stage, ada: Practitioner, listener: Listener) -> None:
    stage.book(ada)
    stage.before = lambda name, _given: raising(ValueError())() if name == "events.insert" else None
    stage.settle()
    stage.minutes(2)
    assert [set(each) for each in listener.told] == [
        {"practice", "id", "kind", "practitioner", "count", "time"}
    ]


def test_a_queue_that_is_down_is_not_the_ehrs_outage(stage: Stage, ada: Practitioner) -> None:
    def dispatch(calendar_key: str, appointment_ids: object) -> None:
        del calendar_key, appointment_ids
        raise RetryableError("tasks_unavailable")

    poll(stage)
    for _ in range(3):
        stage.clock.advance(3_600)
        stage.book(ada)
        with pytest.raises(RetryableError, match=r"^tasks_unavailable$"):
            run_feed_job(stage.world, PRACTICE, dispatch, poll=True)
    assert kept(stage) == []


def test_a_feed_job_of_an_ehr_that_is_down_comes_again(stage: Stage, ada: Practitioner) -> None:
    del ada
    stage.before = lambda name, _given: (
        raising(RetryableError("ehr_down"))() if name == "GET Appointment" else None
    )
    assert perform(stage.world, stage.tasks, FeedTask(PRACTICE)) is None
    assert len(stage.tasks.waiting) == 1
