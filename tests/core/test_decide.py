"""The rule as a table and as properties: every state of both sides, under every kind of rights."""

# ruff: noqa: E501 - a row of the table is a line

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.core.decide import Decision, Hold, Leave, Settle, decide
from shared.core.model import Base, Facts, Kind, Side, timed
from shared.core.policy import (
    ConnectionSettings,
    Edits,
    Mode,
    Right,
    Rights,
    SideRights,
    Traits,
    Verdict,
    rights,
)

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SETTINGS = ConnectionSettings(date(2026, 3, 1), ZoneInfo("America/New_York"))

STATES = ("absent", "base", "when", "what", "both")


def span(hours: int) -> tuple[datetime, datetime]:
    return MONDAY + timedelta(hours=hours), MONDAY + timedelta(hours=hours + 1)


def before(side: Side) -> Facts:
    """Each side's own value: they differ although they agree, as after a rounding or a cut."""
    return Facts(timed(*span(0)), f"{side.value} what", "v1")


def now(side: Side, state: str) -> Facts | None:
    facts, offset = before(side), {Side.EHR: 2, Side.CALENDAR: 4}[side]
    if state == "absent":
        return None
    if state in ("when", "both"):
        facts = replace(facts, when=timed(*span(offset)))
    if state in ("what", "both"):
        facts = replace(facts, what=f"{side.value} new what")
    return facts


TRAITS = [
    Traits(
        kind, origin, past=past, protected=protected, verdict=verdict, reassigned=reassigned, refused=refused
    )
    for kind, origin, past, protected, verdict, reassigned, refused in itertools.product(
        Kind, Side, (False, True), (False, True), Verdict, (False, True), (False, True)
    )
    if not (kind is Kind.BLOCK and origin is Side.EHR)
]
ALL_SETTINGS = [
    replace(SETTINGS, mode=mode, google_edits=edits)
    for mode, edits in itertools.product((Mode.TWO_WAY, Mode.ONE_WAY), Edits)
]
BASES = {
    "agreed": Base(before(Side.EHR), before(Side.CALENDAR)),
    "never": Base(),
    "calendar lost": Base(ehr=before(Side.EHR)),
}


def everything() -> Iterator[tuple[Base, Facts | None, Facts | None, Traits, ConnectionSettings]]:
    for base, ehr, calendar in itertools.product(BASES.values(), STATES, STATES):
        for traits, settings in itertools.product(TRAITS, ALL_SETTINGS):
            yield base, now(Side.EHR, ehr), now(Side.CALENDAR, calendar), traits, settings


def carried_out(
    decision: Settle, ehr: Facts | None, calendar: Facts | None
) -> tuple[Facts | None, Facts | None]:
    """Both sides after the target was written; a side answers in its own spelling."""
    if not decision.present:
        return None, None

    def merged(side: Side, here: Facts | None, there: Facts | None) -> Facts:
        whole = here or there
        assert whole is not None
        if there is None:
            return whole
        when = there.when if here is None or decision.when is side.other else whole.when
        what = (
            f"{there.what}, as {side.value} has it"
            if here is None or decision.what is side.other
            else whole.what
        )
        return Facts(when, what)

    return merged(Side.EHR, ehr, calendar), merged(Side.CALENDAR, calendar, ehr)


def test_every_state_settles_in_one_step() -> None:
    """Carrying out a decision and taking what is then there as the base leaves nothing to decide."""
    tried = 0
    for base, ehr, calendar, traits, settings in everything():
        allowed = rights(traits, settings)
        decision = decide(base, ehr, calendar, allowed)
        if not isinstance(decision, Settle):
            continue
        ehr_after, calendar_after = carried_out(decision, ehr, calendar)
        again = decide(Base(ehr_after, calendar_after), ehr_after, calendar_after, allowed)
        assert again == Settle(present=decision.present)
        tried += 1
    assert tried > 10_000


def one_sided(has: Side, state: str, allowed: Rights) -> Decision:
    """Both had agreed; now only `has` still holds it, in this state."""
    ehr = now(has, state) if has is Side.EHR else None
    calendar = now(has, state) if has is Side.CALENDAR else None
    return decide(BASES["agreed"], ehr, calendar, allowed)


def test_what_is_left_or_held_stays_so_for_a_new_text_and_not_for_a_new_time() -> None:
    """Until *when* changes on the side that still has it, that may move it, against what is not final."""
    tried = 0
    for traits, settings, has in itertools.product(TRAITS, ALL_SETTINGS, Side):
        allowed = rights(traits, settings)
        held = one_sided(has, "base", allowed)
        if isinstance(held, Settle):
            continue
        tried += 1
        assert one_sided(has, "what", allowed) == held
        final = has is Side.CALENDAR and allowed.ehr_cancellation_is_final
        comes_back = allowed.of(has).moved is Right.APPLY and not final
        back = Settle(present=True, when=has, what=has)
        assert one_sided(has, "when", allowed) == (back if comes_back else held)
    assert tried > 100


def test_nothing_undoes_an_ehr_cancellation_of_a_client_appointment() -> None:
    for base, _, calendar, traits, settings in everything():
        if traits.kind is Kind.CLIENT and base.ehr is not None:
            decision = decide(base, None, calendar, rights(traits, settings))
            assert decision == Settle(present=False)


def test_a_deletion_never_beats_a_move_by_a_side_that_may_make_it() -> None:
    base = BASES["agreed"]
    for traits, settings in itertools.product(TRAITS, ALL_SETTINGS):
        moved = now(Side.EHR, "when")
        allowed = rights(traits, settings)
        if allowed.ehr.moved is Right.APPLY:
            assert decide(base, moved, None, allowed) == Settle(present=True, when=Side.EHR, what=Side.EHR)


def test_a_new_label_never_brings_back_what_was_deleted_and_left() -> None:
    allowed = rights(Traits(Kind.CLIENT, Side.EHR, past=True), SETTINGS)
    assert decide(BASES["agreed"], now(Side.EHR, "what"), None, allowed) == Leave()


def test_only_a_put_back_takes_the_value_of_a_side_that_has_not_changed() -> None:
    base = BASES["agreed"]
    for a_base, ehr, calendar, traits, settings in everything():
        if a_base != base or ehr is None or calendar is None:
            continue
        allowed = rights(traits, settings)
        decision = decide(base, ehr, calendar, allowed)
        assert isinstance(decision, Settle)
        held = {Side.EHR: ehr, Side.CALENDAR: calendar}
        for name, right, source in (("when", "moved", decision.when), ("what", "edited", decision.what)):
            if source is not None and getattr(base.of(source), name) == getattr(held[source], name):
                assert getattr(allowed.of(source.other), right) is not Right.APPLY


def test_no_decision_about_a_block_ever_writes_its_calendar() -> None:
    for base, ehr, calendar, traits, settings in everything():
        if traits.kind is not Kind.BLOCK:
            continue
        decision = decide(base, ehr, calendar, rights(traits, settings))
        if isinstance(decision, Settle):
            assert decision.present == (calendar is not None)
            assert Side.EHR not in (decision.when, decision.what)


# --- the table, one row a rule --------------------------------------------------------------------------

EHR, CALENDAR = Side.EHR, Side.CALENDAR
AS_IT_IS = Settle(present=True)
GONE = Settle(present=False)
FROM_EHR = Settle(present=True, when=EHR, what=EHR)
FROM_CALENDAR = Settle(present=True, when=CALENDAR, what=CALENDAR)


def when(side: Side) -> Settle:
    return Settle(present=True, when=side)


def what(side: Side) -> Settle:
    return Settle(present=True, what=side)


CLIENT = Traits(Kind.CLIENT, EHR)
MADE_IN_EHR = Traits(Kind.PERSONAL, EHR)
MADE_BY_HAND = Traits(Kind.PERSONAL, CALENDAR)
BLOCK = Traits(Kind.BLOCK, CALENDAR)
ACCEPT = replace(SETTINGS, google_edits=Edits.ACCEPT)
ONE_WAY = replace(SETTINGS, mode=Mode.ONE_WAY)

TABLE: list[tuple[str, Traits, ConnectionSettings, str, str, Decision]] = [
    # name, traits, settings, the EHR, the calendar, decision (base: both agreed)
    ("nobody", CLIENT, SETTINGS, "base", "base", AS_IT_IS),
    ("a reschedule", CLIENT, SETTINGS, "when", "base", when(EHR)),
    ("a new label", CLIENT, SETTINGS, "what", "base", what(EHR)),
    ("a cancellation", CLIENT, SETTINGS, "absent", "base", GONE),
    ("a move is put back", CLIENT, SETTINGS, "base", "when", when(EHR)),
    ("an edited text is put back", CLIENT, SETTINGS, "base", "what", what(EHR)),
    ("a deletion is put back", CLIENT, SETTINGS, "base", "absent", FROM_EHR),
    ("both moved: the EHR", CLIENT, SETTINGS, "when", "when", when(EHR)),
    ("cancelled and moved: cancelled", CLIENT, SETTINGS, "absent", "when", GONE),
    ("gone on both sides", CLIENT, SETTINGS, "absent", "absent", GONE),
    ("accepted move", CLIENT, ACCEPT, "base", "when", when(CALENDAR)),
    ("accepted move, new label", CLIENT, ACCEPT, "what", "when", Settle(present=True, when=CALENDAR, what=EHR)),
    ("accepted deletion", CLIENT, ACCEPT, "base", "absent", GONE),
    ("accepted text is still put back", CLIENT, ACCEPT, "base", "what", what(EHR)),
    ("accepted deletion, rescheduled meanwhile", CLIENT, ACCEPT, "when", "absent", FROM_EHR),
    ("accepted deletion, held", replace(CLIENT, verdict=Verdict.HELD), ACCEPT, "base", "absent", Hold()),
    ("held, rescheduled meanwhile", replace(CLIENT, verdict=Verdict.HELD), ACCEPT, "when", "absent", FROM_EHR),
    ("held, cancelled meanwhile", replace(CLIENT, verdict=Verdict.HELD), ACCEPT, "absent", "absent", GONE),
    ("confirmed", replace(CLIENT, verdict=Verdict.CONFIRMED), ACCEPT, "base", "absent", GONE),
    ("restored", replace(CLIENT, verdict=Verdict.RESTORE), ACCEPT, "base", "absent", FROM_EHR),
    ("protected: a move", replace(CLIENT, protected=True), ACCEPT, "base", "when", when(EHR)),
    ("protected: a deletion", replace(CLIENT, protected=True), ACCEPT, "base", "absent", FROM_EHR),
    ("refused by the EHR: a move", replace(CLIENT, refused=True), ACCEPT, "base", "when", when(EHR)),
    ("past: a move", replace(CLIENT, past=True), ACCEPT, "base", "when", when(EHR)),
    ("past: a deletion is left", replace(CLIENT, past=True), ACCEPT, "base", "absent", Leave()),
    ("past: deleted, label changed", replace(CLIENT, past=True), ACCEPT, "what", "absent", Leave()),
    ("past: deleted, rescheduled", replace(CLIENT, past=True), ACCEPT, "when", "absent", FROM_EHR),
    ("past: a text", replace(CLIENT, past=True), SETTINGS, "base", "what", what(EHR)),
    ("personal: a move", MADE_IN_EHR, SETTINGS, "base", "when", when(CALENDAR)),
    ("personal: a text", MADE_IN_EHR, SETTINGS, "base", "what", what(CALENDAR)),
    ("personal: a deletion", MADE_IN_EHR, SETTINGS, "base", "absent", GONE),
    ("personal: both moved, made in the EHR", MADE_IN_EHR, SETTINGS, "when", "when", when(EHR)),
    ("personal: both moved, made by hand", MADE_BY_HAND, SETTINGS, "when", "when", when(CALENDAR)),
    ("personal: each another part", MADE_BY_HAND, SETTINGS, "when", "what", Settle(present=True, when=EHR, what=CALENDAR)),
    ("personal made in the EHR: cancelled and moved", MADE_IN_EHR, SETTINGS, "absent", "when", GONE),
    ("personal made by hand: cancelled and moved", MADE_BY_HAND, SETTINGS, "absent", "when", FROM_CALENDAR),
    ("personal made by hand: cancelled and retitled", MADE_BY_HAND, SETTINGS, "absent", "what", GONE),
    ("personal: deleted and rescheduled", MADE_BY_HAND, SETTINGS, "when", "absent", FROM_EHR),
    ("personal: deleted and retitled", MADE_BY_HAND, SETTINGS, "what", "absent", GONE),
    ("personal made by hand: given to a colleague", replace(MADE_BY_HAND, reassigned=True), SETTINGS, "absent", "when", GONE),
    ("past personal: a deletion", replace(MADE_BY_HAND, past=True), SETTINGS, "base", "absent", Leave()),
    ("one-way: a move", MADE_BY_HAND, ONE_WAY, "base", "when", when(EHR)),
    ("one-way: a deletion", CLIENT, ONE_WAY, "base", "absent", FROM_EHR),
    ("block: a move", BLOCK, SETTINGS, "base", "when", when(CALENDAR)),
    ("block: moved in the EHR", BLOCK, SETTINGS, "when", "base", when(CALENDAR)),
    ("block: deleted", BLOCK, SETTINGS, "base", "absent", GONE),
    ("block: removed by staff", BLOCK, SETTINGS, "absent", "base", Leave()),
    ("block: removed by staff, then moved", BLOCK, SETTINGS, "absent", "when", FROM_CALENDAR),
    ("block: removed by staff, then retitled", BLOCK, SETTINGS, "absent", "what", Leave()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "traits", "settings", "ehr", "calendar", "expected"), TABLE, ids=[row[0] for row in TABLE]
)
def test_the_table(
    name: str, traits: Traits, settings: ConnectionSettings, ehr: str, calendar: str, expected: Decision
) -> None:
    decision = decide(
        BASES["agreed"], now(Side.EHR, ehr), now(Side.CALENDAR, calendar), rights(traits, settings)
    )
    assert decision == expected, name


def test_a_calendar_that_was_made_anew_is_filled_again() -> None:
    for state in ("base", "what", "when", "both"):
        ehr = now(Side.EHR, state)
        for traits in (CLIENT, MADE_IN_EHR, MADE_BY_HAND, replace(CLIENT, past=True)):
            assert decide(BASES["calendar lost"], ehr, None, rights(traits, SETTINGS)) == FROM_EHR


@pytest.mark.parametrize(
    ("traits", "ehr", "calendar", "expected"),
    [
        (CLIENT, "base", "absent", FROM_EHR),
        (CLIENT, "absent", "base", GONE),
        (CLIENT, "base", "base", what(EHR)),
        (MADE_BY_HAND, "absent", "base", FROM_CALENDAR),
        (MADE_BY_HAND, "base", "base", what(CALENDAR)),
        (MADE_BY_HAND, "when", "when", FROM_CALENDAR),
        (replace(MADE_BY_HAND, past=True), "absent", "base", Leave()),
        (replace(MADE_BY_HAND, refused=True), "absent", "base", Leave()),
        (MADE_IN_EHR, "absent", "base", GONE),
    ],
)
def test_without_a_base_what_is_there_was_made_there(
    traits: Traits, ehr: str, calendar: str, expected: Decision
) -> None:
    decision = decide(Base(), now(Side.EHR, ehr), now(Side.CALENDAR, calendar), rights(traits, SETTINGS))
    assert decision == expected


def test_left_on_both_aspects_stays_left() -> None:
    leaves = replace(rights(CLIENT, SETTINGS), calendar=SideRights(moved=Right.LEAVE, edited=Right.LEAVE))
    moved, edited = now(Side.CALENDAR, "when"), now(Side.CALENDAR, "what")
    assert decide(BASES["agreed"], now(Side.EHR, "base"), moved, leaves) == Leave()
    assert decide(BASES["agreed"], now(Side.EHR, "base"), edited, leaves) == Leave()
    assert decide(BASES["agreed"], now(Side.EHR, "when"), moved, leaves) == when(EHR)
