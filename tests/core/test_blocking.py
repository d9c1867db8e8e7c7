"""What takes the practitioner's time: the table, cell by cell."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.blocking import BlockRules, Effect, block_what, effect
from shared.core.model import Event, EventType, Response, What, all_day, timed

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TIMED, DAY = timed(NOW, NOW + timedelta(hours=1)), all_day(date(2026, 3, 2), date(2026, 3, 3))
PLAIN = Event("e", "1", cancelled=False, when=TIMED, what=What("Canarytitle", private=False))
NONE_OF_THEM = BlockRules(
    all_day=False, tentative=False, unanswered=False, focus_time=False, out_of_office=False
)

events = st.builds(
    replace,
    st.just(PLAIN),
    cancelled=st.booleans(),
    when=st.sampled_from([TIMED, DAY]),
    what=st.builds(What, st.text(max_size=5), busy=st.booleans(), private=st.booleans()),
    type=st.sampled_from(EventType),
    response=st.sampled_from(Response),
    tentative=st.booleans(),
)
rules = st.builds(BlockRules, *[st.booleans() for _ in fields(BlockRules)])


@pytest.mark.parametrize(
    ("event", "does"),
    [
        (PLAIN, Effect.TAKES),
        (replace(PLAIN, when=DAY), Effect.TAKES),
        (replace(PLAIN, response=Response.ACCEPTED), Effect.TAKES),
        (replace(PLAIN, response=Response.TENTATIVE), Effect.TAKES),
        (replace(PLAIN, response=Response.UNANSWERED), Effect.TAKES),
        (replace(PLAIN, tentative=True), Effect.TAKES),
        (replace(PLAIN, type=EventType.FOCUS_TIME), Effect.TAKES),
        (replace(PLAIN, type=EventType.OUT_OF_OFFICE), Effect.TAKES),
        (replace(PLAIN, what=What("x", busy=False)), Effect.FREE),
        (replace(PLAIN, type=EventType.FOCUS_TIME, what=What("x", busy=False)), Effect.FREE),
        (replace(PLAIN, cancelled=True), Effect.NOTHING),
        (replace(PLAIN, response=Response.DECLINED), Effect.NOTHING),
        (replace(PLAIN, type=EventType.BIRTHDAY), Effect.NOTHING),
        (replace(PLAIN, type=EventType.WORKING_LOCATION), Effect.NOTHING),
    ],
)
def test_by_the_usual_rules(event: Event, does: Effect) -> None:
    assert effect(event, BlockRules()) is does


@pytest.mark.parametrize(
    ("rule", "event"),
    [
        ("all_day", replace(PLAIN, when=DAY)),
        ("tentative", replace(PLAIN, tentative=True)),
        ("tentative", replace(PLAIN, response=Response.TENTATIVE)),
        ("unanswered", replace(PLAIN, response=Response.UNANSWERED)),
        ("focus_time", replace(PLAIN, type=EventType.FOCUS_TIME)),
        ("out_of_office", replace(PLAIN, type=EventType.OUT_OF_OFFICE)),
        ("out_of_office", replace(PLAIN, type=EventType.OUT_OF_OFFICE, when=DAY)),
    ],
)
def test_each_rule_lets_just_its_own_events_pass(rule: str, event: Event) -> None:
    assert effect(event, replace(BlockRules(), **{rule: False})) is Effect.FREE
    assert effect(event, replace(NONE_OF_THEM, **{rule: True})) is Effect.TAKES
    assert effect(PLAIN, NONE_OF_THEM) is Effect.TAKES


@given(events, rules)
def test_nothing_takes_the_time_that_its_owner_declined_deleted_or_called_free(
    event: Event, by: BlockRules
) -> None:
    if event.cancelled or event.response is Response.DECLINED or not event.what.busy:
        assert effect(event, by) is not Effect.TAKES


@given(event=events, titles=st.booleans(), busy=st.booleans())
def test_a_private_title_is_never_shown(*, event: Event, titles: bool, busy: bool) -> None:
    shown = block_what(event, titles=titles, busy=busy)
    assert shown.busy is busy
    if event.what.private or not titles:
        assert (shown.summary, shown.description, shown.location) == ("Busy", "", "")
    assert shown.summary


def test_a_title_is_shown_where_that_is_wanted() -> None:
    assert block_what(PLAIN, titles=True, busy=True).summary == "Canarytitle"
