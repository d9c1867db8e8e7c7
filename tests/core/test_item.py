"""What is known of an item: agreed, seen, and neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.item import Item, Seen, agreed_gone, settled, unsettled
from shared.core.model import Base, Facts, Kind, Reading, Side, timed

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def facts(what: str) -> Facts:
    return Facts(timed(NINE, NINE + timedelta(hours=1)), what, "1")


EHR, CALENDAR, NEWS = facts("ehr"), facts("calendar"), facts("news")
AGREED = Item(
    "k", Kind.CLIENT, Side.EHR, generation=2, appointment_id="a", event_id="e", base=Base(EHR, CALENDAR)
)
GONE = Reading(None)


# --- known ----------------------------------------------------------------------------------------------


def test_a_side_is_known_as_it_was_agreed() -> None:
    assert (AGREED.known(Side.EHR), AGREED.known(Side.CALENDAR)) == (EHR, CALENDAR)


def test_what_was_seen_since_is_known_better() -> None:
    item = replace(AGREED, seen=Seen(calendar=Reading(NEWS)))
    assert (item.known(Side.EHR), item.known(Side.CALENDAR)) == (EHR, NEWS)


def test_to_have_seen_nothing_there_is_knowledge_too() -> None:
    item = replace(AGREED, seen=Seen(ehr=GONE))
    assert (item.known(Side.EHR), item.known(Side.CALENDAR)) == (None, CALENDAR)


# --- over -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "over"),
    [
        ({"base": Base()}, True),
        ({}, False),
        ({"base": Base(), "seen": Seen(calendar=Reading(NEWS))}, False),
        ({"base": Base(), "aside": "bug"}, False),
        ({"base": Base(ehr=EHR)}, False),
    ],
)
def test_an_item_is_over_when_both_sides_agree_on_nothing(changed: dict[str, object], *, over: bool) -> None:
    assert replace(AGREED, **changed).over is over  # type: ignore[arg-type]


# --- a calendar made anew -------------------------------------------------------------------------------


def test_in_a_calendar_made_anew_an_item_keeps_its_ehr_side_alone() -> None:
    item = replace(
        AGREED, seen=Seen(ehr=Reading(NEWS), calendar=GONE), verify=True, tries=2, cancelled_version="7"
    )
    assert item.without_calendar() == replace(
        item, event_id=None, generation=0, base=Base(ehr=EHR), seen=Seen(ehr=Reading(NEWS)), verify=False
    )


# --- settled and not ------------------------------------------------------------------------------------


def test_what_was_read_and_is_not_settled_is_kept_as_seen() -> None:
    item = unsettled(AGREED, Reading(NEWS), GONE)
    assert item.seen == Seen(Reading(NEWS), GONE)
    assert item.base == AGREED.base


def test_what_is_as_it_was_agreed_is_not_kept_as_seen() -> None:
    item = replace(AGREED, seen=Seen(Reading(NEWS), GONE))
    assert unsettled(item, Reading(replace(EHR, version="9")), Reading(CALENDAR)).seen == Seen()


def test_to_settle_takes_everything_that_was_open_off() -> None:
    item = replace(
        AGREED, seen=Seen(ehr=Reading(NEWS)), retry_at=NINE, tries=4, aside="contested", verify=True
    )
    assert settled(item, Base(NEWS, CALENDAR)) == replace(AGREED, base=Base(NEWS, CALENDAR))


def test_to_settle_keeps_what_later_jobs_have_to_know() -> None:
    item = replace(AGREED, cancelled_version="7", put_back_at=(NINE,))
    assert settled(item, Base()) == replace(item, base=Base())


# --- gone on both sides ---------------------------------------------------------------------------------

MET_DELETED = replace(AGREED, carrying=Side.CALENDAR)
CANCELLED = replace(AGREED, carrying=Side.EHR)


@pytest.mark.parametrize(
    ("item", "ehr", "calendar", "gone"),
    [
        (AGREED, EHR, CALENDAR, False),
        (AGREED, None, CALENDAR, False),
        (AGREED, EHR, None, False),
        (AGREED, None, None, False),
        (MET_DELETED, None, None, True),
        (MET_DELETED, None, NEWS, True),
        (MET_DELETED, EHR, None, False),
        (MET_DELETED, EHR, NEWS, False),
        (CANCELLED, None, None, True),
        (CANCELLED, NEWS, None, True),
        (CANCELLED, None, CALENDAR, False),
        (CANCELLED, NEWS, CALENDAR, False),
        (replace(AGREED, seen=Seen(ehr=GONE)), NEWS, None, False),
        (replace(AGREED, seen=Seen(calendar=GONE)), None, NEWS, False),
    ],
)
def test_a_deletion_that_was_being_carried_over_is_agreed_on_once_the_other_side_lacks_it_too(
    item: Item, ehr: Facts | None, calendar: Facts | None, *, gone: bool
) -> None:
    assert agreed_gone(item, ehr, calendar) is gone
