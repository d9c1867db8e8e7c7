"""Match before create: copies, strangers, leftovers, and what survives the loss of our own state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.app.outcome import State
from shared.core.identity import identifier
from shared.core.model import Kind
from shared.ports import GoneError
from tests.app.stage import Json, Practitioner, Stage, clock_time, starts


def marker_of(event: Json) -> Json:
    private: Json = event.get("extendedProperties", {}).get("private", {})
    return {name: value for name, value in private.items() if value is not None}


def booked(stage: Stage, whose: Practitioner, *, hours: float = 48) -> tuple[str, str]:
    """A client appointment in sync: its row and its event."""
    row = stage.book(whose, hours=hours)
    stage.sync(whose, row)
    stage.sync(whose)
    stage.ledger.clear()
    return row, stage.event(whose)["id"]


def of_every_kind(stage: Stage, whose: Practitioner) -> None:
    """A client appointment, a personal one and an event made by hand, in sync."""
    stage.book(whose)
    stage.own_time(whose, hours=50)
    stage.hand_made(whose, hours=52)
    stage.settle()
    stage.ledger.clear()


def sides(stage: Stage, whose: Practitioner) -> tuple[list[Json], list[Json]]:
    return stage.events(whose), stage.store.resources("Appointment")


# --- copies ---------------------------------------------------------------------------------------------


def test_a_copy_of_ours_loses_the_marker_and_becomes_a_personal_appointment(
    stage: Stage, ada: Practitioner
) -> None:
    row, event = booked(stage, ada)
    copy = ada.person.duplicate(stage.calendar_id(ada), event)["id"]
    stage.edit(ada, copy, summary="Mine")
    stage.sync(ada)
    assert marker_of(stage.event(ada, copy)) == {}
    item = next(item for item in stage.items(ada) if item.event_id == copy)
    assert item.kind is Kind.PERSONAL
    assert stage.row(item.appointment_id)["description"] == "Mine"
    assert marker_of(stage.event(ada, event)) != {}
    assert stage.row(row)["status"] == "booked"


def test_a_copy_goes_its_own_way(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    copy = ada.person.duplicate(stage.calendar_id(ada), event)["id"]
    stage.sync(ada)
    stage.delete(ada, copy)
    stage.settle()
    assert stage.event(ada)["id"] == event
    assert stage.row(row)["status"] == "booked"
    others = [each for each in stage.store.resources("Appointment") if each["id"] != row]
    assert [each["status"] for each in others] == ["cancelled"]


def test_a_copy_found_by_a_complete_pass_is_no_second_event_of_ours(stage: Stage, ada: Practitioner) -> None:
    _, event = booked(stage, ada)
    copy = ada.person.duplicate(stage.calendar_id(ada), event)["id"]
    stage.sync(ada, everything=True)
    assert {each["id"] for each in stage.events(ada)} == {event, copy}
    assert marker_of(stage.event(ada, copy)) == {}


# --- strangers ------------------------------------------------------------------------------------------


def test_a_foreign_marker_is_never_touched(stage: Stage, ada: Practitioner) -> None:
    private = {"k": identifier("anothercalendar", "anotherk"), "g": "0"}
    stranger = stage.hand_made(ada, extendedProperties={"private": private})
    before = stage.event(ada, stranger)
    stage.sync(ada)
    stage.sync(ada, everything=True)
    stage.move(ada, stranger, hours=72)
    stage.sync(ada)
    assert stage.event(ada, stranger)["extendedProperties"] == before["extendedProperties"]
    assert stage.ledger.side_writes == []
    assert stage.items(ada) == []


def test_a_marker_nobody_can_read_is_none(stage: Stage, ada: Practitioner) -> None:
    private = {"k": "no identifier", "g": "many"}
    event = stage.hand_made(ada, extendedProperties={"private": private})
    stage.sync(ada)
    assert stage.item(ada).event_id == event
    assert marker_of(stage.event(ada, event)) == private


# --- several events of one item -------------------------------------------------------------------------


def second_event(stage: Stage, whose: Practitioner) -> tuple[str, str, str]:
    """An appointment whose event came back under a second id: row, first and second event."""
    stage.google.settings = replace(stage.google.settings, revive="forbidden")
    row, first = booked(stage, whose)
    stage.delete(whose, first)
    stage.settle()
    second = stage.event(whose)["id"]
    assert second != first
    stage.ledger.clear()
    return row, first, second


@pytest.mark.parametrize("everything", [False, True])
def test_an_older_one_that_comes_back_from_the_bin_is_removed_and_the_mapped_one_stays(
    stage: Stage, ada: Practitioner, *, everything: bool
) -> None:
    row, first, second = second_event(stage, ada)
    stage.undelete(ada, first)
    outcome = stage.sync(ada, everything=everything)
    assert stage.event(ada)["id"] == second
    assert outcome.counts.extras == 1
    assert stage.row(row)["status"] == "booked"
    stage.ledger.clear()
    stage.settle()
    assert stage.ledger.side_writes == []


def test_without_a_mapping_the_one_of_the_highest_generation_stays(stage: Stage, ada: Practitioner) -> None:
    _, first, second = second_event(stage, ada)
    stage.undelete(ada, first)
    stage.lose_mappings(ada)
    stage.sync(ada, everything=True)
    assert stage.event(ada)["id"] == second
    assert stage.item(ada).event_id == second


def test_where_the_mapped_one_is_deleted_the_other_takes_over_and_stays(
    stage: Stage, ada: Practitioner
) -> None:
    row, first, second = second_event(stage, ada)
    stage.undelete(ada, first)
    stage.delete(ada, second)
    stage.sync(ada)
    assert stage.item(ada).event_id == first
    stage.edit(ada, first, colorId="5")
    stage.settle()
    assert stage.event(ada)["id"] == first
    assert stage.row(row)["status"] == "booked"


def test_an_event_under_our_next_id_is_never_written_over(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    k = stage.world.keys.k_of_appointment("practice-1", ada.connection.key, row)
    taken = stage.world.keys.event_id(ada.connection.calendar_key, k, 0)
    times = {"start": clock_time(stage.at(10)), "end": clock_time(stage.at(11))}
    body = {"id": taken, "summary": "Somebody else's", **times}
    stage.google.events.insert(ada.sub, stage.calendar_id(ada), body)
    stage.sync(ada, row, look=False)
    assert stage.event(ada, taken)["summary"] == "Somebody else's"
    assert len(stage.events(ada)) == 2
    assert stage.item(ada).event_id != taken


# --- lost state -----------------------------------------------------------------------------------------


def test_a_rebuild_creates_nothing_that_is_there(stage: Stage, ada: Practitioner) -> None:
    of_every_kind(stage, ada)
    before, items = sides(stage, ada), stage.items(ada)
    stage.google.expire_sync_tokens(stage.calendar_id(ada))
    stage.sync(ada)
    assert sides(stage, ada) == before
    assert stage.items(ada) == items
    assert stage.ledger.side_writes == []


def test_lost_mappings_duplicate_nothing(stage: Stage, ada: Practitioner) -> None:
    of_every_kind(stage, ada)
    before = sides(stage, ada)
    pairs = {(item.appointment_id, item.event_id) for item in stage.items(ada)}
    stage.lose_mappings(ada)
    stage.sync(ada, everything=True)
    assert sides(stage, ada) == before
    assert {(item.appointment_id, item.event_id) for item in stage.items(ada)} == pairs


def test_a_total_loss_of_state_duplicates_nothing(stage: Stage, ada: Practitioner) -> None:
    of_every_kind(stage, ada)
    before, calendar_id = sides(stage, ada), stage.calendar_id(ada)
    stage.lose_everything()
    stage.settle()
    assert stage.calendar_id(ada) == calendar_id
    assert sides(stage, ada) == before
    assert "calendars.insert" not in stage.ledger.google


def test_after_a_loss_each_pair_follows_as_before(stage: Stage, ada: Practitioner) -> None:
    row, event = booked(stage, ada)
    stage.lose_everything()
    stage.settle()
    stage.reschedule(row, hours=72)
    stage.settle()
    assert (stage.event(ada)["id"], starts(stage.event(ada))) == (event, stage.at(72))


def test_without_a_mapping_a_tombstone_deletes_nothing(stage: Stage, ada: Practitioner) -> None:
    event = stage.hand_made(ada)
    stage.settle()
    stage.delete(ada, event)
    stage.lose_mappings(ada)
    stage.sync(ada)
    assert stage.row()["status"] == "booked"


def test_a_row_of_ours_without_a_mapping_asks_for_a_complete_pass(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.settle()
    stage.clock.advance(3_600)
    row = stage.row()["id"]
    stage.lose_mappings(ada)
    stage.ledger.clear()
    outcome = stage.live(ada, row, look=False)
    assert (outcome.state, outcome.pass_due) == (State.DONE, True)
    assert stage.items(ada) == []
    assert stage.ledger.side_writes == []
    stage.sync(ada)
    assert stage.item(ada).appointment_id == row
    assert len(stage.events(ada)) == 1


def test_rows_of_ours_ask_for_a_complete_pass_once_an_hour(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.settle()
    stage.clock.advance(3_600)
    stage.sync(ada, everything=True)
    stage.lose_mappings(ada)
    outcome = stage.job(ada, stage.row()["id"], look=False)
    assert outcome.again_at == stage.at(1)


def test_an_event_of_ours_whose_appointment_is_unknown_is_left_and_counted(
    stage: Stage, ada: Practitioner
) -> None:
    row, event = booked(stage, ada)
    stage.lose_mappings(ada)
    stage.staff.erase(appointment=row)
    outcome = stage.sync(ada, everything=True)
    assert outcome.orphans == 1
    assert stage.event(ada)["id"] == event


# --- listings that lack something -----------------------------------------------------------------------


def test_an_empty_complete_listing_deletes_nothing(stage: Stage, ada: Practitioner) -> None:
    of_every_kind(stage, ada)
    before = sides(stage, ada)
    stage.unlisted = {event["id"] for event in stage.events(ada)}
    stage.sync(ada, everything=True)
    assert sides(stage, ada) == before
    stage.unlisted = set()
    stage.settle()
    assert sides(stage, ada) == before


def test_a_partial_listing_deletes_nothing_of_what_it_lacks(stage: Stage, ada: Practitioner) -> None:
    of_every_kind(stage, ada)
    before = sides(stage, ada)
    stage.unlisted = {stage.events(ada)[0]["id"], stage.events(ada)[2]["id"]}
    stage.sync(ada, everything=True)
    assert sides(stage, ada) == before


def test_what_a_listing_lacks_and_is_gone_by_its_id_too_has_been_deleted(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada)
    stage.settle()
    stage.unlisted = {event}

    def gone(name: str, _given: Mapping[str, Any]) -> None:
        if name == "events.get":
            raise GoneError("google_event_gone")

    stage.before = gone
    stage.sync(ada, everything=True)
    assert stage.row()["status"] == "cancelled"


def test_a_delta_without_an_event_says_nothing_of_it(stage: Stage, ada: Practitioner) -> None:
    of_every_kind(stage, ada)
    before = sides(stage, ada)
    stage.unlisted = {event["id"] for event in stage.events(ada)}
    stage.edit(ada, stage.events(ada)[0]["id"], colorId="5")
    stage.sync(ada)
    assert [each["id"] for each in stage.events(ada)] == [each["id"] for each in before[0]]
    assert stage.store.resources("Appointment") == before[1]


def test_an_event_seen_to_be_deleted_by_its_id_is_decided_by_the_look_that_follows(
    stage: Stage, ada: Practitioner
) -> None:
    event = stage.hand_made(ada)
    stage.settle()
    row = stage.row()["id"]
    stage.delete(ada, event)
    stage.staff.change_title(appointment=row, title="Supervision")
    outcome = stage.job(ada, row, look=False)
    assert (outcome.state, outcome.look, stage.row(row)["status"]) == (State.MORE, True, "booked")
    stage.job(ada)
    assert stage.row(row)["status"] == "cancelled"
    assert stage.row(row)["description"] == "Supervision"
    assert stage.events(ada) == []


def test_a_bare_tombstone_is_a_deletion_all_the_same(stage: Stage, ada: Practitioner) -> None:
    stage.google.settings = replace(stage.google.settings, bare_tombstones=True)
    event = stage.hand_made(ada)
    stage.settle()
    stage.delete(ada, event)
    stage.settle()
    assert stage.row()["status"] == "cancelled"
