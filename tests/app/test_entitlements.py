"""Until when: a notice before, then everything pauses; nothing is removed, and a later day brings it back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.app.connections import pause, resume, start
from shared.app.entitlements import NOTICE_BEFORE, Entitlement, entitle, read_entitlement
from shared.app.notices import NoticeKind
from shared.app.records import Status
from shared.core.errors import RejectedError
from shared.core.policy import Mode
from tests.app.externals import external
from tests.app.stage import PRACTICE, Practitioner, Stage

DAY = 86_400


def until(stage: Stage, whose: Practitioner, at: datetime | None) -> None:
    entitle(stage.world, Entitlement(PRACTICE, whose.id, at))


def notices(stage: Stage) -> list[str]:
    return [str(document.data["kind"]) for document in stage.documents.find("notices")]


def test_nobody_has_said_anything_and_it_has_no_end(stage: Stage, ada: Practitioner) -> None:
    assert read_entitlement(stage.world, PRACTICE, ada.id).active_until is None
    stage.clock.advance(1_000 * DAY)
    stage.settle()
    assert stage.connection(ada).status is Status.ACTIVE


def test_a_notice_comes_before_it_once(stage: Stage, ada: Practitioner) -> None:
    until(stage, ada, stage.clock.now() + NOTICE_BEFORE + timedelta(days=1))
    stage.minutes(20)
    assert notices(stage) == []
    stage.clock.advance(DAY)
    stage.minutes(40)
    assert notices(stage) == [NoticeKind.LAPSES_SOON.value]
    assert stage.connection(ada).status is Status.ACTIVE


def test_another_day_is_a_notice_of_its_own(stage: Stage, ada: Practitioner) -> None:
    for days in (3, 4):
        until(stage, ada, stage.clock.now() + timedelta(days=days))
        stage.live(ada)
    assert notices(stage) == [NoticeKind.LAPSES_SOON.value] * 2


def test_then_everything_pauses_within_a_look_and_nothing_goes(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.settle()
    family = external(stage, ada)
    family.add(hours=60)
    family.sync()
    until(stage, ada, stage.clock.now() + timedelta(minutes=1))
    stage.ledger.clear()
    stage.minutes(17)
    assert stage.connection(ada).status is Status.LAPSED
    assert NoticeKind.LAPSED.value in notices(stage)
    assert not stage.calendar(ada).active
    assert stage.ledger.side_writes == []
    stage.ledger.clear()
    stage.book(ada, hours=70)
    stage.minutes(60)
    assert stage.ledger.google == []
    assert (len(stage.events(ada)), len(family.blocks)) == (1, 1)
    assert stage.row(row)["status"] == "booked"


def test_a_push_after_it_is_enough(stage: Stage, ada: Practitioner) -> None:
    until(stage, ada, stage.clock.now() + timedelta(seconds=10))
    stage.hand_made(ada)
    stage.clock.advance(10)
    stage.live(ada)
    assert stage.connection(ada).status is Status.LAPSED
    assert stage.items(ada) == []


def test_a_day_that_is_over_lapses_at_once(stage: Stage, ada: Practitioner) -> None:
    until(stage, ada, stage.clock.now())
    assert stage.connection(ada).status is Status.LAPSED
    assert notices(stage) == [NoticeKind.LAPSED.value]


@pytest.mark.parametrize("days", [10, None])
def test_a_later_day_brings_it_back_with_all_that_happened(
    stage: Stage, ada: Practitioner, days: int | None
) -> None:
    until(stage, ada, stage.clock.now())
    stage.book(ada)
    stage.hand_made(ada, hours=60)
    stage.feed()
    until(stage, ada, stage.clock.now() + timedelta(days=days) if days else None)
    assert stage.connection(ada).status is Status.ACTIVE
    stage.minutes(3)
    assert len(stage.events(ada)) == len(stage.store.resources("Appointment")) == 2


def test_what_is_paused_stays_paused_and_is_not_resumed_after_its_day(stage: Stage) -> None:
    ada = stage.add()
    stage.sync(ada)
    pause(stage.world, ada.connection.key)
    until(stage, ada, stage.clock.now())
    assert stage.connection(ada).status is Status.PAUSED
    with pytest.raises(RejectedError, match="lapsed"):
        resume(stage.world, ada.connection.key)
    until(stage, ada, stage.at(24))
    assert resume(stage.world, ada.connection.key).status is Status.ACTIVE


def test_nothing_starts_after_its_day(stage: Stage) -> None:
    practitioner = "somebody"
    entitle(stage.world, Entitlement(PRACTICE, practitioner, stage.clock.now()))
    ada = stage.add()
    settings = ada.connection.settings
    with pytest.raises(RejectedError, match="lapsed"):
        stage.connected(PRACTICE, practitioner, ada.sub, settings)
    entitle(stage.world, Entitlement(PRACTICE, practitioner, stage.at(24)))
    assert stage.connected(PRACTICE, practitioner, ada.sub, settings).active_until == stage.at(24)


@pytest.mark.parametrize("act", [start, resume])
def test_what_has_lapsed_is_not_begun_by_its_practitioner(
    stage: Stage, ada: Practitioner, act: object
) -> None:
    until(stage, ada, stage.clock.now())
    assert callable(act)
    with pytest.raises(RejectedError, match="lapsed"):
        act(stage.world, ada.connection.key)


def test_of_what_is_off_nothing_is_said_before_it_is_on_again(stage: Stage, ada: Practitioner) -> None:
    stage.change_settings(ada, mode=Mode.OFF)
    until(stage, ada, stage.clock.now() + timedelta(minutes=1))
    stage.minutes(20)
    assert stage.ledger.side_writes == []
    stage.change_settings(ada, mode=Mode.TWO_WAY)
    stage.minutes(20)
    assert stage.connection(ada).status is Status.LAPSED
    assert stage.ledger.side_writes == []


def test_while_it_runs_nothing_is_written_for_it(stage: Stage, ada: Practitioner) -> None:
    until(stage, ada, stage.clock.now() + timedelta(days=300))
    stage.ledger.clear()
    stage.live(ada)
    assert stage.ledger.commits == []
