"""Who may change what: the ownership table cell by cell, as what becomes of a change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.core.decide import Decision, Hold, Leave, Settle, decide
from shared.core.model import Base, Facts, Kind, Side, all_day, timed
from shared.core.policy import (
    HORIZON_DAYS_MAX,
    ConnectionSettings,
    Edits,
    Mode,
    PersonalText,
    Right,
    Traits,
    Verdict,
    is_past,
    rights,
)

NEW_YORK = ZoneInfo("America/New_York")
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)

REVERT = ConnectionSettings(date(2026, 3, 1), NEW_YORK)
ACCEPT = replace(REVERT, google_edits=Edits.ACCEPT)
ONE_WAY = replace(REVERT, mode=Mode.ONE_WAY)
BOTH = (REVERT, ACCEPT)
ALL = (*BOTH, ONE_WAY, replace(ACCEPT, mode=Mode.ONE_WAY))

CLIENT = (Traits(Kind.CLIENT, Side.EHR), Traits(Kind.CLIENT, Side.CALENDAR))  # one given to a personal one
PROTECTED = tuple(replace(traits, protected=True) for traits in CLIENT)
MADE_IN_EHR, MADE_BY_HAND = Traits(Kind.PERSONAL, Side.EHR), Traits(Kind.PERSONAL, Side.CALENDAR)
PERSONAL = (MADE_IN_EHR, MADE_BY_HAND)
PAST = tuple(replace(traits, past=True) for traits in (*CLIENT, *PROTECTED, *PERSONAL))
REFUSED = tuple(replace(traits, refused=True) for traits in (*CLIENT, *PERSONAL))
BLOCK = tuple(
    Traits(Kind.BLOCK, Side.CALENDAR, past=past, refused=refused)
    for past in (False, True)
    for refused in (False, True)
)

AS_IT_IS, GOES = Settle(present=True), Settle(present=False)
STAYS = {side: Settle(present=True, when=side, what=side) for side in Side}
WHEN = {side: Settle(present=True, when=side) for side in Side}
WHAT = {side: Settle(present=True, what=side) for side in Side}
EHR, CALENDAR = Side.EHR, Side.CALENDAR

BASE = Base(*(Facts(timed(NINE, NINE + HOUR), f"{side.value} what") for side in (Side.EHR, Side.CALENDAR)))


def after(side: Side, change: str) -> Facts | None:
    """What a side holds after one change: nothing, moved, edited or deleted."""
    before = BASE.of(side)
    assert before is not None
    hours = {Side.EHR: 2 * HOUR, Side.CALENDAR: 4 * HOUR}[side]
    return {
        "nothing": before,
        "moved": replace(before, when=timed(NINE + hours, NINE + hours + HOUR)),
        "edited": replace(before, what=f"{side.value} new what"),
        "deleted": None,
    }[change]


Cell = tuple[str, tuple[Traits, ...], tuple[ConnectionSettings, ...], str, Decision]


def expanded(cells: list[Cell]) -> list[object]:
    """One case for each kind of item and each setting that a cell speaks of."""
    return [
        pytest.param(traits, settings, change, expected, id=f"{name} {number}")
        for name, every, each, change, expected in cells
        for number, (traits, settings) in enumerate((t, s) for t in every for s in each)
    ]


# --- what the calendar did ------------------------------------------------------------------------------

CALENDAR_DID: list[Cell] = [
    ("client moved, edits reverted", CLIENT, (REVERT,), "moved", WHEN[EHR]),
    ("client moved, edits accepted", CLIENT, (ACCEPT,), "moved", WHEN[CALENDAR]),
    ("client deleted, edits reverted", CLIENT, (REVERT,), "deleted", STAYS[EHR]),
    ("client deleted, edits accepted", CLIENT, (ACCEPT,), "deleted", GOES),
    ("client edited", CLIENT, BOTH, "edited", WHAT[EHR]),
    ("protected moved", PROTECTED, BOTH, "moved", WHEN[EHR]),
    ("protected deleted", PROTECTED, BOTH, "deleted", STAYS[EHR]),
    ("protected edited", PROTECTED, BOTH, "edited", WHAT[EHR]),
    ("personal moved", PERSONAL, BOTH, "moved", WHEN[CALENDAR]),
    ("personal deleted", PERSONAL, BOTH, "deleted", GOES),
    ("personal edited", PERSONAL, BOTH, "edited", WHAT[CALENDAR]),
    ("past moved", PAST, ALL, "moved", WHEN[EHR]),
    ("past deleted", PAST, ALL, "deleted", Leave()),
    ("past edited", PAST, ALL, "edited", WHAT[EHR]),
    ("refused by the EHR, moved", REFUSED, ALL, "moved", WHEN[EHR]),
    ("refused by the EHR, deleted", REFUSED, ALL, "deleted", STAYS[EHR]),
    ("refused by the EHR, edited", REFUSED, ALL, "edited", WHAT[EHR]),
    ("block's event moved", BLOCK, ALL, "moved", WHEN[CALENDAR]),
    ("block's event deleted", BLOCK, ALL, "deleted", GOES),
    ("block's event edited", BLOCK, ALL, "edited", WHAT[CALENDAR]),
    ("one way, moved", (*CLIENT, *PROTECTED, *PERSONAL), (ONE_WAY,), "moved", WHEN[EHR]),
    ("one way, deleted", (*CLIENT, *PROTECTED, *PERSONAL), (ONE_WAY,), "deleted", STAYS[EHR]),
    ("one way, edited", (*CLIENT, *PROTECTED, *PERSONAL), (ONE_WAY,), "edited", WHAT[EHR]),
]


@pytest.mark.parametrize(("traits", "settings", "change", "expected"), expanded(CALENDAR_DID))
def test_what_becomes_of_a_change_in_the_calendar(
    traits: Traits, settings: ConnectionSettings, change: str, expected: Decision
) -> None:
    decision = decide(BASE, after(EHR, "nothing"), after(CALENDAR, change), rights(traits, settings))
    assert decision == expected


# --- what the EHR did -----------------------------------------------------------------------------------

NO_BLOCK = (*CLIENT, *PROTECTED, *PERSONAL, *PAST, *REFUSED)

EHR_DID: list[Cell] = [
    ("moved", NO_BLOCK, ALL, "moved", WHEN[EHR]),
    ("edited", NO_BLOCK, ALL, "edited", WHAT[EHR]),
    ("cancelled", NO_BLOCK, ALL, "deleted", GOES),
    ("block moved by staff", BLOCK, ALL, "moved", WHEN[CALENDAR]),
    ("block edited by staff", BLOCK, ALL, "edited", WHAT[CALENDAR]),
    ("block removed by staff", BLOCK, ALL, "deleted", Leave()),
]


@pytest.mark.parametrize(("traits", "settings", "change", "expected"), expanded(EHR_DID))
def test_what_becomes_of_a_change_in_the_ehr(
    traits: Traits, settings: ConnectionSettings, change: str, expected: Decision
) -> None:
    decision = decide(BASE, after(EHR, change), after(CALENDAR, "nothing"), rights(traits, settings))
    assert decision == expected


# --- both -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "winner"),
    [*((each, EHR) for each in (*CLIENT, *PROTECTED, MADE_IN_EHR)), (MADE_BY_HAND, CALENDAR)],
)
def test_where_both_changed_the_ehr_wins_for_clients_and_the_origin_for_personal_ones(
    traits: Traits, winner: Side
) -> None:
    allowed = rights(traits, ACCEPT)
    assert decide(BASE, after(EHR, "moved"), after(CALENDAR, "moved"), allowed) == WHEN[winner]
    assert decide(BASE, after(EHR, "edited"), after(CALENDAR, "edited"), allowed) == WHAT[winner]


@pytest.mark.parametrize(
    ("traits", "final"),
    [
        *((each, True) for each in (*CLIENT, *PROTECTED, MADE_IN_EHR)),
        (replace(MADE_BY_HAND, reassigned=True), True),
        (MADE_BY_HAND, False),
    ],
)
def test_a_cancellation_in_the_ehr_is_final_but_for_what_was_made_by_hand(
    traits: Traits, *, final: bool
) -> None:
    decision = decide(BASE, None, after(CALENDAR, "moved"), rights(traits, ACCEPT))
    assert decision == (GOES if final else STAYS[CALENDAR])


# --- settled deletions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.APPLY, GOES),
        (Verdict.HELD, Hold()),
        (Verdict.CONFIRMED, GOES),
        (Verdict.RESTORE, STAYS[EHR]),
    ],
)
@pytest.mark.parametrize("traits", [*CLIENT, *PERSONAL])
def test_what_was_settled_about_a_deletion_is_done(
    traits: Traits, verdict: Verdict, expected: Decision
) -> None:
    allowed = rights(replace(traits, verdict=verdict), ACCEPT)
    assert decide(BASE, after(EHR, "nothing"), None, allowed) == expected


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize(
    ("every", "settings", "expected"),
    [(PAST, ACCEPT, Leave()), (PROTECTED, ACCEPT, STAYS[EHR]), (CLIENT, REVERT, STAYS[EHR])],
)
def test_nothing_that_was_settled_gives_a_right_that_is_not_there(
    every: tuple[Traits, ...], settings: ConnectionSettings, expected: Decision, verdict: Verdict
) -> None:
    for traits in every:
        allowed = rights(replace(traits, verdict=verdict), settings)
        assert decide(BASE, after(EHR, "nothing"), None, allowed) == expected


# --- brought back ---------------------------------------------------------------------------------------

BROUGHT_BACK: list[tuple[str, Traits, ConnectionSettings, Decision]] = [
    ("made by hand", MADE_BY_HAND, REVERT, STAYS[CALENDAR]),
    ("made by hand, past", replace(MADE_BY_HAND, past=True), REVERT, Leave()),
    ("made by hand, one way", MADE_BY_HAND, ONE_WAY, Leave()),
    ("made by hand, refused by the EHR", replace(MADE_BY_HAND, refused=True), REVERT, Leave()),
    ("cancelled in the EHR", MADE_IN_EHR, REVERT, GOES),
    ("deleted by mistake", replace(MADE_IN_EHR, cancelled_from_calendar=True), REVERT, STAYS[CALENDAR]),
    ("deleted by mistake, past", replace(MADE_IN_EHR, cancelled_from_calendar=True, past=True), REVERT, GOES),
    ("client, cancelled in the EHR", CLIENT[0], ACCEPT, GOES),
    ("client, deleted by mistake", replace(CLIENT[0], cancelled_from_calendar=True), ACCEPT, STAYS[CALENDAR]),
    ("client, edits reverted by now", replace(CLIENT[0], cancelled_from_calendar=True), REVERT, GOES),
    ("client, protected by now", replace(PROTECTED[0], cancelled_from_calendar=True), ACCEPT, GOES),
    ("block", BLOCK[0], REVERT, STAYS[CALENDAR]),
]


@pytest.mark.parametrize(
    ("name", "traits", "settings", "expected"), BROUGHT_BACK, ids=[row[0] for row in BROUGHT_BACK]
)
def test_an_event_that_is_there_again(
    name: str, traits: Traits, settings: ConnectionSettings, expected: Decision
) -> None:
    decision = decide(Base(), None, after(CALENDAR, "nothing"), rights(traits, settings))
    assert decision == expected, name


# --- all of it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ALL)
def test_a_move_or_an_edit_in_the_calendar_is_applied_or_put_back_and_nothing_else(
    settings: ConnectionSettings,
) -> None:
    for traits in (*NO_BLOCK, *BLOCK):
        calendar = rights(traits, settings).calendar
        assert {calendar.moved, calendar.edited} <= {Right.APPLY, Right.PUT_BACK}


@pytest.mark.parametrize("text", PersonalText)
def test_what_an_event_says_changes_no_right(text: PersonalText) -> None:
    for traits in (*NO_BLOCK, *BLOCK):
        assert rights(traits, replace(ACCEPT, personal_text=text)) == rights(traits, ACCEPT)


@pytest.mark.parametrize("days", [0, -1, HORIZON_DAYS_MAX + 1])
def test_a_horizon_out_of_bounds_is_refused(days: int) -> None:
    with pytest.raises(AssertionError):
        replace(REVERT, horizon_days=days)


# --- past -----------------------------------------------------------------------------------------------

ENDED = Facts(timed(NINE - HOUR, NINE), "what")
RUNNING = Facts(timed(NINE - HOUR, NINE + timedelta(seconds=1)), "what")


@pytest.mark.parametrize(
    ("held", "past"),
    [
        ((), False),
        ((None, None, None), False),
        ((ENDED,), True),
        ((RUNNING,), False),
        ((RUNNING, ENDED, ENDED), False),
        ((ENDED, RUNNING, RUNNING), True),
        ((None, ENDED, RUNNING), True),
        ((None, RUNNING, ENDED), False),
        ((None, None, ENDED), True),
    ],
)
def test_an_item_is_past_when_the_first_that_is_known_of_it_has_ended(
    held: tuple[Facts | None, ...], *, past: bool
) -> None:
    assert is_past(*held, now=NINE, zone=NEW_YORK) is past


def test_an_all_day_item_is_past_when_the_local_day_is_over() -> None:
    day = Facts(all_day(date(2026, 3, 1), date(2026, 3, 2)), "what")
    over = datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert is_past(day, now=over, zone=NEW_YORK)
    assert not is_past(day, now=over - timedelta(seconds=1), zone=NEW_YORK)
