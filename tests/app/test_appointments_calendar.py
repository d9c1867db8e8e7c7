"""The appointments calendar is found by its mark before it is made, and never made twice."""

from __future__ import annotations

import pytest

from shared.app.outcome import State
from shared.core.errors import RetryableError
from tests.app.stage import Json, Practitioner, Stage, nothing, once, raising


@pytest.fixture
def ada(stage: Stage) -> Practitioner:
    """Connected; no job has run."""
    return stage.add()


def calendars(stage: Stage, whose: Practitioner) -> list[Json]:
    """Those of the account that are not its primary one."""
    listed: list[Json] = stage.google.calendar_list.list(whose.sub)["items"]
    return [entry for entry in listed if not entry.get("primary")]


def mark(stage: Stage, whose: Practitioner) -> str:
    connection = whose.connection
    return stage.world.keys.calendar_mark(connection.practice, connection.practitioner, connection.sub)


def lost() -> RetryableError:
    return RetryableError("google_unreachable")


def test_it_is_made_with_its_name_its_zone_and_its_mark(stage: Stage, ada: Practitioner) -> None:
    stage.sync(ada)
    (made,) = calendars(stage, ada)
    assert (made["id"], made["summary"]) == (stage.calendar_id(ada), "Appointments")
    assert made["timeZone"] == "America/New_York"
    assert mark(stage, ada) in made["description"]
    assert stage.calendar(ada).creating_at is None


def test_the_mark_tells_nothing(stage: Stage, ada: Practitioner) -> None:
    stage.sync(ada)
    (made,) = calendars(stage, ada)
    for secret in (ada.id, ada.sub, ada.connection.key, ada.connection.calendar_key):
        assert secret not in made["description"]


def test_one_that_is_there_is_taken_and_none_is_made(stage: Stage, ada: Practitioner) -> None:
    body = {"summary": "Renamed", "description": f"My own words. {mark(stage, ada)}", "timeZone": "UTC"}
    there = stage.google.calendars.insert(ada.sub, body)["id"]
    stage.sync(ada)
    assert stage.calendar_id(ada) == there
    assert "calendars.insert" not in stage.ledger.google
    assert [entry["id"] for entry in calendars(stage, ada)] == [there]


def test_one_with_another_mark_is_not_ours(stage: Stage, ada: Practitioner) -> None:
    connection = ada.connection
    for other in (
        stage.world.keys.calendar_mark("another practice", connection.practitioner, connection.sub),
        stage.world.keys.calendar_mark(connection.practice, "another", connection.sub),
        "",
    ):
        stage.google.calendars.insert(ada.sub, {"summary": "Appointments", "description": other})
    stage.sync(ada)
    assert stage.ledger.google.count("calendars.insert") == 1
    assert len(calendars(stage, ada)) == 4


def test_one_that_is_shared_with_the_account_is_not_ours(stage: Stage, ada: Practitioner) -> None:
    other = stage.google.add_account("other@example.com", "UTC")
    body = {"summary": "Appointments", "description": mark(stage, ada)}
    shared = stage.google.calendars.insert(other.sub, body)["id"]
    stage.google.share(shared, ada.sub, "writer")
    stage.sync(ada)
    assert stage.calendar_id(ada) != shared


def test_of_several_every_job_takes_the_same(stage: Stage, ada: Practitioner) -> None:
    body = {"summary": "Appointments", "description": mark(stage, ada)}
    ids = [stage.google.calendars.insert(ada.sub, body)["id"] for _ in range(3)]
    stage.sync(ada)
    assert stage.calendar_id(ada) == min(ids)
    stage.lose_everything()
    stage.sync(ada)
    assert stage.calendar_id(ada) == min(ids)


def test_after_a_lost_answer_nothing_is_made_for_half_a_minute(stage: Stage, ada: Practitioner) -> None:
    stage.after = once("calendars.insert", raising(lost()))
    with pytest.raises(RetryableError):
        stage.job(ada)
    stage.google.calendars.delete(ada.sub, calendars(stage, ada)[0]["id"])  # the list does not show it yet
    stage.clock.advance(20)
    with pytest.raises(RetryableError, match="calendar_being_made") as waiting:
        stage.job(ada)
    assert waiting.value.after_seconds == 10
    assert stage.ledger.google.count("calendars.insert") == 1


def test_what_was_made_although_its_answer_was_lost_is_found(stage: Stage, ada: Practitioner) -> None:
    stage.after = once("calendars.insert", raising(lost()))
    with pytest.raises(RetryableError):
        stage.job(ada)
    stage.sync(ada)
    (made,) = calendars(stage, ada)
    assert stage.calendar_id(ada) == made["id"]
    assert stage.ledger.google.count("calendars.insert") == 1


def test_what_was_not_made_is_made_after_half_a_minute(stage: Stage, ada: Practitioner) -> None:
    stage.before = once("calendars.insert", raising(lost()))
    with pytest.raises(RetryableError):
        stage.job(ada)
    assert stage.calendar(ada).lease is None
    stage.clock.advance(30)
    stage.sync(ada)
    (made,) = calendars(stage, ada)
    assert stage.calendar_id(ada) == made["id"]


def test_that_it_is_being_made_is_saved_before_it_is_asked_for(stage: Stage, ada: Practitioner) -> None:
    seen = []
    stage.before = once("calendars.insert", lambda: seen.append(stage.calendar(ada).creating_at))
    stage.sync(ada)
    assert seen == [stage.clock.now()]


def test_the_second_calendar_of_a_job_that_came_too_late_is_removed(stage: Stage, ada: Practitioner) -> None:
    def be_slow() -> None:
        stage.clock.advance(91)
        stage.sync(ada)

    stage.before = once("calendars.insert", be_slow)
    assert stage.job(ada).state is State.BUSY
    assert stage.ledger.google.count("calendars.insert") == 2
    (left,) = calendars(stage, ada)
    assert stage.calendar_id(ada) == left["id"]


def test_a_calendar_is_not_removed_where_nobody_took_over(stage: Stage, ada: Practitioner) -> None:
    stage.after = once("calendars.insert", lambda: stage.clock.advance(91))
    assert stage.job(ada).state is State.BUSY
    (made,) = calendars(stage, ada)
    stage.sync(ada)
    assert stage.calendar_id(ada) == made["id"]
    assert stage.ledger.google.count("calendars.insert") == 1


def test_a_list_that_cannot_be_read_whole_makes_nothing(stage: Stage, ada: Practitioner) -> None:
    stage.before = once("calendarList.list", raising(lost()))
    with pytest.raises(RetryableError):
        stage.job(ada)
    stage.before = nothing
    assert calendars(stage, ada) == []
    assert stage.calendar(ada).creating_at is None


def test_each_practitioner_has_a_calendar_of_their_own(stage: Stage, ada: Practitioner) -> None:
    bea = stage.add()
    stage.sync(ada)
    stage.sync(bea)
    assert stage.calendar_id(ada) != stage.calendar_id(bea)
    assert mark(stage, ada) != mark(stage, bea)
