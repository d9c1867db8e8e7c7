"""One bad item is set aside with its reason, or tried again later, and never stops the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.fhir import FhirEhr
from shared.app.outcome import State
from shared.core.errors import RejectedError, RetryableError, StaleError
from shared.core.model import Appointment
from shared.core.policy import PersonalText
from tests.app.stage import Practitioner, Stage, nothing, starts

DAY = timedelta(days=1)
Given = Mapping[str, Any]


def refusing(name: str, error: Callable[[], Exception], *, of: str = "") -> Callable[[str, Given], None]:
    """A hook: whatever passes under this name and has `of` in it is refused."""

    def hook(passing: str, given: Given) -> None:
        if passing == name and of in repr(given):
            raise error()

    return hook


def refused() -> Exception:
    return RejectedError("google_invalid")


def unavailable() -> Exception:
    return RetryableError("google_unavailable")


def event_id(stage: Stage, whose: Practitioner, row: str) -> str:
    """The id under which the event of this appointment is made."""
    k = stage.world.keys.k_of_appointment("practice-1", whose.connection.key, row)
    return stage.world.keys.event_id(whose.connection.calendar_key, k, 0)


# --- refused for ever -----------------------------------------------------------------------------------


def test_what_the_calendar_refuses_is_set_aside_and_the_others_go_on(stage: Stage, ada: Practitioner) -> None:
    rows = [stage.book(ada, hours=hours) for hours in (48, 50, 52)]
    stage.before = refusing("events.insert", refused, of=event_id(stage, ada, rows[1]))
    outcome = stage.sync(ada, *rows, look=False)
    assert {starts(event) for event in stage.events(ada)} == {stage.at(48), stage.at(52)}
    assert (outcome.counts.aside, outcome.counts.settled) == (1, 2)
    assert {item.appointment_id: item.aside for item in stage.items(ada)} == {
        rows[0]: None,
        rows[1]: "google_invalid",
        rows[2]: None,
    }


def test_what_was_set_aside_is_tried_again_a_day_later(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = refusing("events.insert", refused)
    outcome = stage.sync(ada, row, look=False)
    assert outcome.again_at == stage.calendar(ada).retry_at == stage.clock.now() + DAY
    stage.clock.advance(DAY.total_seconds())
    stage.job(ada)
    assert stage.item(ada).retry_at == stage.clock.now() + DAY
    stage.before = nothing
    stage.clock.advance(DAY.total_seconds())
    stage.job(ada)
    assert (len(stage.events(ada)), stage.item(ada).aside) == (1, None)


def test_what_was_set_aside_is_tried_again_by_a_complete_pass(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = refusing("events.insert", refused)
    stage.sync(ada, row, look=False)
    stage.before = nothing
    stage.sync(ada, everything=True)
    assert (len(stage.events(ada)), stage.item(ada).aside) == (1, None)


def test_what_was_set_aside_is_read_anew(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = refusing("events.insert", refused)
    stage.sync(ada, row, look=False)
    stage.before = nothing
    stage.reschedule(row, hours=72)
    stage.clock.advance(DAY.total_seconds())
    stage.job(ada)
    assert starts(stage.event(ada)) == starts(stage.row(row))


def test_what_the_ehr_refuses_is_set_aside_and_the_event_stays(stage: Stage, ada: Practitioner) -> None:
    bad = stage.hand_made(ada, hours=48)
    good = stage.hand_made(ada, hours=50)
    made: list[str] = []

    def refuse_the_first(name: str, _given: Given) -> None:
        if name == "POST Appointment":
            made.append(name)
            if len(made) == 1:
                raise RejectedError("ehr_refused")

    stage.before = refuse_the_first
    stage.sync(ada)
    assert {item.event_id: item.aside for item in stage.items(ada)} == {bad: "ehr_refused", good: None}
    assert {event["id"] for event in stage.events(ada)} == {bad, good}
    assert starts(stage.row()) == stage.at(50)


def test_the_cursor_passes_what_was_set_aside(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada)
    stage.before = refusing("POST Appointment", lambda: RejectedError("ehr_refused"))
    stage.sync(ada)
    assert stage.job(ada).state is State.IDLE


# --- bugs -----------------------------------------------------------------------------------------------


def test_an_unexpected_exception_sets_its_item_aside_and_is_counted_by_its_type_alone(
    stage: Stage, ada: Practitioner
) -> None:
    rows = [stage.book(ada, hours=hours) for hours in (48, 50)]

    def bug() -> Exception:
        return ZeroDivisionError("something of a client")

    stage.before = refusing("events.insert", bug, of=event_id(stage, ada, rows[0]))
    outcome = stage.sync(ada, *rows, look=False)
    assert outcome.counts.bugs == ["ZeroDivisionError"]
    assert "something of a client" not in repr(outcome) + repr(stage.documents._stored)
    assert {item.aside for item in stage.items(ada)} == {"bug", None}
    assert starts(stage.event(ada)) == stage.at(50)


# --- tried again ----------------------------------------------------------------------------------------


def test_an_item_that_fails_is_tried_again_at_doubling_distances_and_then_set_aside(
    stage: Stage, ada: Practitioner
) -> None:
    row = stage.book(ada)
    stage.before = refusing("events.insert", unavailable)
    waits = []
    outcome = stage.job(ada, row, look=False)
    for _ in range(4):
        assert outcome.again_at is not None
        waits.append((outcome.again_at - stage.clock.now()).total_seconds())
        stage.clock.advance(waits[-1])
        outcome = stage.job(ada)
    assert waits == [30, 60, 120, 240]
    item = stage.item(ada)
    assert (item.aside, item.retry_at) == ("google_unavailable", stage.clock.now() + DAY)


def test_an_item_that_failed_is_not_taken_up_before_its_time(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = refusing("events.insert", unavailable)
    stage.job(ada, row, look=False)
    stage.before = nothing
    stage.clock.advance(29)
    assert stage.job(ada).state is State.IDLE
    stage.clock.advance(1)
    stage.job(ada)
    assert len(stage.events(ada)) == 1


def test_after_it_is_settled_the_tries_begin_anew(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.before = refusing("events.insert", unavailable)
    stage.job(ada, row, look=False)
    stage.before = nothing
    stage.sync(ada)
    assert (stage.item(ada).tries, stage.item(ada).retry_at, stage.calendar(ada).retry_at) == (0, None, None)


def test_three_failures_in_a_row_end_the_slice(stage: Stage, ada: Practitioner) -> None:
    rows = [stage.book(ada, hours=24 + number) for number in range(6)]
    stage.before = refusing("events.insert", unavailable)
    outcome = stage.job(ada, *rows, look=False)
    assert stage.ledger.google == ["events.insert"] * 3
    assert outcome.counts.retried == 3
    assert all(item.retry_at is not None for item in stage.items(ada))
    stage.before = nothing
    stage.sync(ada)
    assert len(stage.events(ada)) == 6


def test_single_failures_do_not_end_the_slice(stage: Stage, ada: Practitioner) -> None:
    rows = [stage.book(ada, hours=24 + number) for number in range(6)]
    bad = {event_id(stage, ada, row) for row in rows[::2]}

    def every_other(name: str, given: Given) -> None:
        if name == "events.insert" and given["body"]["id"] in bad:
            raise unavailable()

    stage.before = every_other
    stage.job(ada, *rows, look=False)
    assert len(stage.events(ada)) == 3
    assert len(stage.ledger.google) == 6


def test_an_ehr_that_is_unavailable_for_one_item_is_asked_again_later(
    stage: Stage, ada: Practitioner
) -> None:
    stage.hand_made(ada)
    stage.before = refusing("POST Appointment", lambda: RetryableError("ehr_unavailable"))
    stage.job(ada)
    assert stage.store.resources("Appointment") == []
    stage.before = nothing
    stage.clock.advance(30)
    stage.job(ada)
    assert len(stage.store.resources("Appointment")) == 1


def test_whoever_always_writes_first_is_tried_again_in_another_job(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.sync(ada, row)
    stage.reschedule(row, hours=72)
    stage.before = refusing("events.patch", lambda: StaleError("google_stale"))
    stage.ledger.clear()
    outcome = stage.job(ada, row, look=False)
    assert 3 <= stage.ledger.google.count("events.patch") <= 5
    assert outcome.counts.retried == 1
    stage.before = nothing
    stage.sync(ada)
    assert starts(stage.event(ada)) == starts(stage.row(row))


@pytest.mark.parametrize("seconds", [1, 45])
def test_a_limit_is_waited_for_as_long_as_it_says(stage: Stage, ada: Practitioner, seconds: float) -> None:
    rows = [stage.book(ada, hours=24 + number) for number in range(3)]
    stage.before = refusing("events.insert", lambda: RetryableError("google_rate_limit", seconds))
    outcome = stage.job(ada, *rows, look=False)
    assert outcome.again_at is not None
    assert outcome.again_at >= stage.clock.now() + timedelta(seconds=seconds)
    assert stage.ledger.google == ["events.insert"]
    assert len(stage.items(ada)) == 3


# --- unreadable -----------------------------------------------------------------------------------------


HALF = json.loads('"Caf\\ud83d"')
"""An emoji that somebody cut in two."""


def test_half_an_emoji_in_a_title_of_the_ehr_arrives_as_a_replacement_character(stage: Stage) -> None:
    ada = stage.connect(personal_text=PersonalText.TITLE)
    stage.own_time(ada, title=HALF)
    stage.settle()
    assert stage.event(ada)["summary"] == "Caf\N{REPLACEMENT CHARACTER}"


def test_half_an_emoji_in_a_title_made_by_hand_stops_nothing(stage: Stage, ada: Practitioner) -> None:
    stage.hand_made(ada, summary=HALF)
    other = stage.hand_made(ada, hours=72)
    stage.settle()
    assert sorted(item.event_id == other for item in stage.items(ada)) == [False, True]
    assert [item.aside for item in stage.items(ada)] == [None, None]


def unreadable_starts(patch: pytest.MonkeyPatch) -> None:
    """Rows that are read by id have lost their start."""
    real = FhirEhr.read

    def read(self: FhirEhr, ids: Iterable[str]) -> dict[str, Appointment | None]:
        return {row_id: row and replace(row, when=None) for row_id, row in real(self, ids).items()}

    patch.setattr(FhirEhr, "read", read)


def test_a_live_row_without_a_start_is_set_aside_and_its_event_stays(
    stage: Stage, ada: Practitioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.hand_made(ada)
    stage.settle()
    with monkeypatch.context() as patch:
        unreadable_starts(patch)
        stage.staff.change_title(appointment=stage.row()["id"], title="Elsewhere")
        stage.poke()
    assert len(stage.events(ada)) == 1
    assert stage.item(ada).aside == "appointment_without_start"
    stage.clock.advance(DAY.total_seconds())
    stage.sync(ada)
    assert (stage.event(ada)["summary"], stage.item(ada).aside) == ("Elsewhere", None)


def test_a_new_row_without_a_start_is_set_aside_and_not_forgotten(
    stage: Stage, ada: Practitioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, begins = stage.book(ada), stage.at(48)
    with monkeypatch.context() as patch:
        unreadable_starts(patch)
        stage.sync(ada, row)
    assert (stage.events(ada), stage.item(ada).aside) == ([], "appointment_without_start")
    stage.clock.advance(DAY.total_seconds())
    stage.sync(ada)
    assert starts(stage.event(ada)) == begins
