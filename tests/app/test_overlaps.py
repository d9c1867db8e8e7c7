"""Time that the calendar takes of what clients have: both stay, and it is said."""

from __future__ import annotations

import pytest

from shared.app.notices import Notice, NoticeKind, notice_data, notice_of
from shared.core.errors import RetryableError, StaleError
from shared.core.policy import Edits
from tests.app.externals import External, external
from tests.app.stage import PRACTICE, Practitioner, Stage, once, raising
from tests.fakes.documents import MemoryDocuments


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    return external(stage, ada)


def notices(stage: Stage) -> list[Notice]:
    return [notice_of(each) for each in MemoryDocuments.find(stage.documents, "notices")]


def counts(stage: Stage) -> list[tuple[NoticeKind, int]]:
    return [(each.kind, each.count) for each in notices(stage)]


def booked(stage: Stage, whose: Practitioner, **when: float) -> str:
    row = stage.book(whose, **when)
    stage.sync(whose, row)
    return row


def test_an_event_over_an_appointment_is_a_notice_and_both_stay(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    booked(stage, ada, hours=48)
    family.add(hours=48.5)
    family.sync()
    [notice] = notices(stage)
    assert (notice.practice, notice.connection) == (PRACTICE, ada.connection.key)
    assert (notice.kind, notice.count, notice.at) == (NoticeKind.OVERLAP, 1, stage.clock.now())
    assert len(stage.events(ada)) == len(family.rows) == 1


@pytest.mark.parametrize(
    ("hours", "length"), [(47, 1), (49, 1), (72, 1)], ids=["right before", "right after", "another day"]
)
def test_an_event_beside_it_is_none(
    stage: Stage, ada: Practitioner, family: External, hours: float, length: float
) -> None:
    booked(stage, ada, hours=48)
    family.add(hours=hours, length=length)
    family.sync()
    assert notices(stage) == []


def test_a_free_event_over_it_is_none(stage: Stage, ada: Practitioner, family: External) -> None:
    booked(stage, ada)
    family.add(transparency="transparent")
    family.sync()
    assert notices(stage) == []


def test_an_event_that_moves_onto_it_is_one(stage: Stage, ada: Practitioner, family: External) -> None:
    booked(stage, ada, hours=48)
    event = family.add(hours=24)
    family.sync()
    assert notices(stage) == []
    family.move(event, hours=48)
    family.sync()
    assert counts(stage) == [(NoticeKind.OVERLAP, 1)]


def test_what_was_said_is_not_said_again(stage: Stage, ada: Practitioner, family: External) -> None:
    booked(stage, ada)
    event = family.add()
    family.sync()
    said = notices(stage)
    family.edit(event, summary="Other")
    family.sync()
    family.sync(everything=True)
    assert notices(stage) == said


def test_a_day_has_one_notice_with_their_number(stage: Stage, ada: Practitioner, family: External) -> None:
    for hours in (48, 49, 72):
        booked(stage, ada, hours=hours)
    family.add(hours=48, length=2)
    family.sync()
    family.add(hours=72)
    family.sync()
    assert counts(stage) == [(NoticeKind.OVERLAP, 3)]


def test_time_of_ones_own_made_in_the_calendar_counts_too(stage: Stage, ada: Practitioner) -> None:
    booked(stage, ada, hours=48)
    stage.hand_made(ada, hours=48)
    stage.sync(ada)
    assert counts(stage) == [(NoticeKind.OVERLAP, 1)]


def test_an_appointment_moved_in_the_calendar_onto_another_counts_and_not_onto_itself(stage: Stage) -> None:
    eve = stage.connect(google_edits=Edits.ACCEPT)
    booked(stage, eve, hours=48)
    booked(stage, eve, hours=60)
    first, second = sorted(stage.events(eve), key=lambda event: event["start"]["dateTime"])
    stage.move(eve, second["id"], hours=60.5)
    stage.sync(eve)
    assert notices(stage) == []
    stage.move(eve, second["id"], hours=48.5)
    stage.sync(eve)
    assert counts(stage) == [(NoticeKind.OVERLAP, 1)]
    assert stage.event(eve, first["id"])["status"] == "confirmed"


def test_what_staff_book_over_a_block_is_the_practices_own_doing(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    family.add(hours=48)
    family.sync()
    booked(stage, ada, hours=48)
    assert notices(stage) == []


def test_time_of_ones_own_and_cancelled_appointments_are_not_a_clients(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    stage.sync(ada, stage.own_time(ada, hours=48))
    stage.staff.cancel(appointment=booked(stage, ada, hours=48))
    family.add(hours=48)
    family.sync()
    assert notices(stage) == []


def test_an_ehr_that_cannot_be_asked_stops_nothing(stage: Stage, ada: Practitioner, family: External) -> None:
    booked(stage, ada)
    family.add()
    stage.after = once(
        "POST Appointment",
        lambda: setattr(stage, "before", once("GET Appointment", raising(RetryableError("ehr_unavailable")))),
    )
    family.sync()
    assert notices(stage) == []
    assert len(family.rows) == 1


def test_two_jobs_that_add_to_a_notice_at_once_both_count(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    booked(stage, ada)
    family.add()
    refused: list[str] = []

    def another_first(name: str, given: object) -> None:
        if name == "commit" and "notices/" in str(given) and not refused:
            refused.append(name)
            raise StaleError("moved")

    stage.before = another_first
    family.sync()
    assert refused
    assert counts(stage) == [(NoticeKind.OVERLAP, 1)]


def test_a_notice_says_nothing_of_what_it_is_about(stage: Stage, ada: Practitioner, family: External) -> None:
    booked(stage, ada)
    family.add()
    family.sync()
    [notice] = notices(stage)
    assert set(notice_data(notice)) == {
        "practice", "connection", "practitioner", "kind", "day", "count", "at", "unseen", "seen_at",
        "send_at", "sent_at", "tries", "expire_at",
    }  # fmt: skip
