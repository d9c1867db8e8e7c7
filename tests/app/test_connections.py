"""Begin: what is written down before the first job, once."""

from __future__ import annotations

import pytest

from shared.app.connections import start
from shared.app.records import Calendar, connection_of, connection_path, practice_of, practice_path
from shared.core.errors import RetryableError
from tests.app.stage import NEW_YORK, PRACTICE, Practitioner, Stage, once, raising, starts
from tests.fakes.documents import MemoryDocuments


def test_connection_and_calendar_are_written_down_and_nothing_is_made(stage: Stage) -> None:
    ada = stage.add()
    connection = ada.connection
    path = connection_path(connection.key)
    assert connection_of(stage.documents.get(path)[path]) == connection
    account = stage.world.keys.account(ada.sub)
    due_at = stage.clock.now()
    assert stage.calendar(ada) == Calendar(connection.calendar_key, connection.key, account, due_at=due_at)
    assert stage.ledger.google == []
    assert stage.ledger.ehr_writes == []


def test_the_keys_are_those_of_practice_practitioner_and_account(stage: Stage) -> None:
    ada = stage.add()
    keys = stage.world.keys
    assert ada.connection.key == keys.connection(PRACTICE, ada.id)
    assert ada.connection.calendar_key == keys.calendar(ada.connection.key, ada.sub)


def test_a_repeat_changes_nothing_of_what_is_there(stage: Stage, ada: Practitioner) -> None:
    calendar = stage.calendar(ada)
    path = connection_path(ada.connection.key)
    stored = stage.documents.get(path)[path]
    start(stage.world, ada.connection.key, "Another name")
    assert stage.documents.get(path)[path] == stored
    assert stage.calendar(ada) == calendar


def test_practitioners_share_nothing_but_the_practice(stage: Stage) -> None:
    ada, bea = stage.add(), stage.add("America/Denver")
    assert ada.connection.key != bea.connection.key
    assert ada.connection.calendar_key != bea.connection.calendar_key
    assert {document.id for document in stage.documents.find("practices")} == {PRACTICE}


def test_no_change_falls_between_the_beginning_and_the_first_pass(stage: Stage) -> None:
    ada = stage.add()
    row = stage.book(ada)
    stage.sync(ada)
    stage.reschedule(row, hours=72)
    assert stage.feed().rows == 1


def test_the_practice_is_read_from_the_beginning_on(stage: Stage) -> None:
    stage.add()
    path = practice_path(PRACTICE)
    practice = practice_of(stage.documents.get(path)[path])
    assert practice.cursor is not None
    assert practice.lease is None


def test_a_second_practitioner_does_not_set_the_practice_back(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.poke()
    path = practice_path(PRACTICE)
    before = practice_of(stage.documents.get(path)[path]).cursor
    stage.add()
    assert practice_of(stage.documents.get(path)[path]).cursor == before
    assert stage.feed().rows == 0
    assert stage.row(row)["status"] == "booked"


def test_an_ehr_that_cannot_be_read_begins_nothing(stage: Stage) -> None:
    stage.before = once("GET Appointment", raising(RetryableError("ehr_unavailable")))
    with pytest.raises(RetryableError):
        stage.add()
    assert MemoryDocuments.find(stage.documents, "calendars") == []
    ada = stage.add()
    assert stage.calendar(ada).calendar_id is None


def test_the_first_job_makes_the_calendar_and_fills_it_with_what_is_there(stage: Stage) -> None:
    ada = stage.add(NEW_YORK)
    stage.book(ada)
    stage.own_time(ada, hours=60)
    stage.sync(ada)
    assert sorted(map(starts, stage.events(ada))) == [stage.at(48), stage.at(60)]
    assert stage.calendar(ada).passed_at == stage.clock.now()
