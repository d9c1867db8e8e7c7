"""Single events of external calendars: what of them takes the practitioner's time, and what the EHR shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.choosing import choose, leave
from shared.app.connections import change_settings, pause, resume
from shared.app.outcome import State
from shared.core.blocking import BlockRules
from shared.core.errors import RetryableError
from shared.core.policy import ExternalTitles, FreeEvents, LabelMode, Mode
from tests.app.externals import External, begins, chosen, external, is_free, span
from tests.app.stage import FAMILY, TITLE, Practitioner, Stage, once, raising

DAY = timedelta(days=1)


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    return external(stage, ada)


# --- taken in -------------------------------------------------------------------------------------------


def test_an_event_takes_its_time_without_saying_what_it_is(stage: Stage, family: External) -> None:
    family.add(hours=48)
    family.sync()
    assert span(family.block) == (stage.at(48), stage.at(49))
    assert family.block["description"] == "Busy"
    assert not is_free(family.block)
    assert [each["actor"]["reference"] for each in family.block["participant"]] == [
        f"Practitioner/{family.whose.id}"
    ]


def test_what_was_there_before_it_was_chosen_is_taken_in(stage: Stage, ada: Practitioner) -> None:
    calendar = External(stage, ada, str(ada.person.create_calendar("Work")["id"]))
    calendar.add(hours=24)
    calendar.add(hours=24 * 300)  # beyond the horizon
    chosen(calendar)
    assert begins(calendar.block) == stage.at(24)


def test_nothing_is_ever_written_to_it(stage: Stage, family: External) -> None:
    event = family.add()
    family.sync()
    family.move(event, hours=50)
    family.sync()
    stage.staff.cancel(appointment=family.block["id"])
    family.sync(*[row["id"] for row in family.rows])
    family.sync(everything=True)
    assert stage.ledger.google_writes == []


def test_a_second_pass_writes_nothing(stage: Stage, family: External) -> None:
    for hours in (24, 48, 72):
        family.add(hours=hours)
    family.sync()
    stage.ledger.clear()
    family.sync(everything=True)
    family.sync()
    assert stage.ledger.side_writes == []
    assert len(family.blocks) == 3


def test_an_event_that_moves_takes_its_block_along(stage: Stage, family: External) -> None:
    event = family.add(hours=48)
    family.sync()
    before = family.block["id"]
    family.move(event, hours=72, length=2)
    family.sync()
    assert (family.block["id"], span(family.block)) == (before, (stage.at(72), stage.at(74)))


def test_a_deleted_event_frees_the_time_and_back_it_takes_it_again(family: External) -> None:
    event = family.add()
    family.sync()
    before = family.block["id"]
    family.delete(event)
    family.sync()
    assert family.blocks == []
    family.whose.person.undelete(family.id, event)
    family.sync()
    assert family.block["id"] == before


def test_what_moves_out_of_the_window_stops_blocking_at_once_and_comes_back(
    stage: Stage, family: External
) -> None:
    event = family.add()
    family.sync()
    family.move(event, hours=24 * 400)
    family.sync()
    assert family.blocks == []
    family.move(event, hours=30)
    family.sync()
    assert begins(family.block) == stage.at(30)


def test_what_lies_beyond_the_horizon_comes_in_by_itself_later(stage: Stage, family: External) -> None:
    family.add(hours=24 * 203)
    family.sync()
    assert family.blocks == []
    begin = stage.at(24 * 203)
    stage.clock.advance((3 * DAY).total_seconds())
    family.sync()
    assert begins(family.block) == begin


# --- what takes the time --------------------------------------------------------------------------------

ME_AND = [{"email": "somebody@example.com", "responseStatus": "accepted"}]


def answered(response: str) -> dict[str, Any]:
    return {
        "attendees": [
            *ME_AND,
            {"email": "practitioner1@example.com", "self": True, "responseStatus": response},
        ]
    }


@pytest.mark.parametrize(
    "change",
    [
        {"transparency": "transparent"},
        answered("declined"),
        {"status": "cancelled"},
    ],
)
def test_what_does_not_take_the_time_has_no_block(family: External, change: dict[str, Any]) -> None:
    event = family.add()
    family.sync()
    assert len(family.blocks) == 1
    family.edit(event, **change)
    family.sync()
    assert family.blocks == []
    family.sync(everything=True)
    assert family.blocks == []


def test_free_events_are_shown_as_free_where_that_is_wanted(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    event = family.add(transparency="transparent")
    declined = family.add(hours=60, **answered("declined"))
    stage.change_settings(ada, free_events=FreeEvents.SHOW)
    family.sync(everything=True)
    assert is_free(family.block)
    family.edit(event, transparency="opaque")
    family.sync()
    assert not is_free(family.block)
    family.delete(declined)
    family.sync()
    assert len(family.blocks) == 1


@pytest.mark.parametrize(
    ("rules", "body"),
    [
        (BlockRules(tentative=False), {"status": "tentative"}),
        (BlockRules(tentative=False), answered("tentative")),
        (BlockRules(unanswered=False), answered("needsAction")),
    ],
)
def test_a_rule_can_let_it_pass(
    stage: Stage, ada: Practitioner, rules: BlockRules, body: dict[str, Any]
) -> None:
    strict, lenient = external(stage, ada), external(stage, ada, rules)
    strict.add(**body)
    strict.sync()
    assert len(strict.blocks) == 1
    strict.delete(strict.items[0].event_id or "")
    strict.sync()
    lenient.add(**body)
    lenient.sync()
    assert lenient.blocks == []
    choose(stage.world, ada.connection.key, lenient.id, BlockRules())
    lenient.sync()
    assert len(lenient.blocks) == 1


# --- titles ---------------------------------------------------------------------------------------------


def test_titles_are_shown_where_that_is_wanted_but_never_private_ones(
    stage: Stage, ada: Practitioner
) -> None:
    stage.change_settings(ada, external_titles=ExternalTitles.SHOW)
    family = external(stage, ada)
    event = family.add(summary=TITLE)
    family.add(hours=60, summary="Canarysecret", visibility="private")
    family.sync()
    assert [row["description"] for row in family.blocks] == [TITLE, "Busy"]
    family.edit(event, visibility="confidential", summary="Canaryother")
    family.sync()
    family.sync(everything=True)
    assert [row["description"] for row in family.blocks] == ["Busy", "Busy"]
    stored = repr(stage.documents.find("items", group=True))
    assert "Canary" not in stored


# --- the EHR --------------------------------------------------------------------------------------------


def test_a_block_that_staff_move_is_put_back(stage: Stage, family: External) -> None:
    family.add(hours=48)
    family.sync()
    stage.reschedule(family.block["id"], hours=60)
    stage.poke()
    assert begins(family.block) == stage.at(48)


def test_a_block_that_staff_remove_stays_removed_until_its_event_changes_in_time(
    stage: Stage, family: External
) -> None:
    event = family.add(hours=48)
    family.sync()
    stage.staff.cancel(appointment=family.block["id"])
    stage.poke()
    family.sync(everything=True)
    family.edit(event, summary="Another title")
    family.sync()
    assert family.blocks == []
    family.move(event, hours=50)
    family.sync()
    assert begins(family.block) == stage.at(50)


def test_state_lost_finds_its_blocks_again(stage: Stage, family: External) -> None:
    for hours in (24, 48):
        family.add(hours=hours)
    family.sync()
    before = {row["id"] for row in family.rows}
    stage.lose_everything()
    chosen(family)
    family.sync(everything=True)
    assert {row["id"] for row in family.rows} == before
    assert len(family.blocks) == 2


def test_a_block_whose_event_nobody_knows_goes_with_the_second_listing_that_lacks_it(
    stage: Stage, family: External
) -> None:
    event = family.add(hours=48)
    family.sync()
    stage.lose_everything()
    stage.unlisted.add(event)
    family.delete(event)
    chosen(family)
    assert len(family.blocks) == 1
    stage.clock.advance((DAY + timedelta(hours=2)).total_seconds())
    family.sync()
    assert family.blocks == []


def test_an_event_without_a_readable_start_is_set_aside_and_its_block_stays(
    stage: Stage, family: External, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = family.add(hours=48)
    family.sync()
    family.edit(event, summary="Elsewhere")
    with monkeypatch.context() as patch:
        patch.setattr("shared.adapters.google_calendar.events._when", lambda *_: None)
        family.sync()
    assert span(family.block) == (stage.at(48), stage.at(49))
    assert [item.aside for item in family.items] == ["event_without_start"]


def test_one_way_removes_every_block_and_two_ways_bring_them_back(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    for hours in (24, 48):
        family.add(hours=hours)
    family.sync()
    before = {row["id"] for row in family.blocks}
    change_settings(stage.world, ada.connection.key, replace(ada.connection.settings, mode=Mode.ONE_WAY))
    family.add(hours=72)
    family.sync()
    assert family.blocks == []
    change_settings(stage.world, ada.connection.key, ada.connection.settings)
    family.sync()
    assert {row["id"] for row in family.blocks} > before
    assert len(family.blocks) == 3


# --- choosing -------------------------------------------------------------------------------------------


def test_one_that_is_chosen_during_a_pause_is_read_once_that_is_over(stage: Stage, ada: Practitioner) -> None:
    family = External(stage, ada, str(ada.person.create_calendar("Family")["id"]))
    family.add(hours=48)
    pause(stage.world, ada.connection.key)
    chosen(family)
    assert family.blocks == []
    resume(stage.world, ada.connection.key)
    family.sync()
    assert begins(family.block) == stage.at(48)


def test_leaving_takes_its_blocks_and_nothing_else(stage: Stage, ada: Practitioner, family: External) -> None:
    work = external(stage, ada)
    family.add(hours=48)
    work.add(hours=60)
    family.sync()
    work.sync()
    row = stage.book(ada, hours=72)
    stage.poke()
    leave(stage.world, ada.connection.key, family.id)
    family.sync()
    assert begins(work.block) == stage.at(60)
    assert stage.row(row)["status"] == "booked"
    assert not family.calendar.active
    assert family.job().state is State.IDLE


def test_chosen_again_it_has_its_blocks_again_under_the_same_rows(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    family.add(hours=48)
    family.sync()
    before = {row["id"] for row in family.rows}
    leave(stage.world, ada.connection.key, family.id)
    family.sync()
    chosen(family)
    assert {row["id"] for row in family.blocks} == before


def test_an_ehr_that_is_down_while_a_calendar_leaves_frees_the_time_later(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    family.add(hours=48)
    family.sync()
    leave(stage.world, ada.connection.key, family.id)
    stage.before = once("PUT Appointment", raising(RetryableError("ehr_unavailable")))
    family.sync()
    assert family.blocks == []
    assert not family.calendar.active


def test_a_calendar_that_is_gone_loses_its_blocks_after_a_while(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    family.add(hours=48)
    family.sync()
    ada.person.delete_calendar(family.id)
    family.sync()
    assert len(family.blocks) == 1
    assert family.calendar.problem == "external_calendar_unreadable"
    stage.clock.advance(16 * 60)
    family.sync()
    assert family.blocks == []
    assert family.calendar.problem == "external_calendar_gone"


def test_the_same_event_on_two_calendars_is_two_blocks(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    work = external(stage, ada)
    event = family.add(hours=48)
    ada.person.duplicate(family.id, event)
    work.add(hours=48)
    family.sync()
    work.sync()
    assert len(family.blocks) == 3


# --- dragged --------------------------------------------------------------------------------------------


def test_a_clients_event_that_is_dragged_there_is_put_back_and_its_stray_says_nothing(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    stage.change_settings(ada, external_titles=ExternalTitles.SHOW, client_label=LabelMode.FULL_NAME)
    row = stage.book(ada, hours=48)
    stage.poke()
    event = str(stage.event(ada)["id"])
    ada.person.move_to(stage.calendar_id(ada), event, family.id)
    stage.sync(ada)
    family.sync()
    assert FAMILY in stage.event(ada)["summary"]
    assert stage.row(row)["status"] == "booked"
    assert family.block["description"] == "Busy"


def test_a_personal_one_that_is_dragged_there_is_not_cancelled(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    event = stage.hand_made(ada, hours=48)
    stage.sync(ada)
    row = stage.row()["id"]
    ada.person.move_to(stage.calendar_id(ada), event, family.id)
    stage.sync(ada)
    assert stage.row(row)["status"] == "booked"
    assert len(stage.events(ada)) == 1


def test_one_that_is_dragged_to_a_calendar_that_was_not_chosen_is_gone(
    stage: Stage, ada: Practitioner
) -> None:
    other = str(ada.person.create_calendar("Elsewhere")["id"])
    event = stage.hand_made(ada, hours=48)
    stage.sync(ada)
    ada.person.move_to(stage.calendar_id(ada), event, other)
    stage.sync(ada)
    assert stage.row()["status"] == "cancelled"


def test_one_that_is_dragged_there_and_then_deleted_is_deleted(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    event = stage.hand_made(ada, hours=48)
    stage.sync(ada)
    ada.person.move_to(stage.calendar_id(ada), event, family.id)
    family.delete(event)
    stage.sync(ada)
    assert stage.row()["status"] == "cancelled"
