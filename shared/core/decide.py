"""The rule of the sync. Everything else gathers for it or carries out what it says.

An item is on a side or not, and has a *when* and a *what*. Each side is compared with its own base:

    changed by                  target, for each of presence, when and what
    nobody                      as it is
    a side that may             that side's value
    a side that may not         the other side's value: a put-back
    both, to the same           that value
    both, differently           of those that may, the winner

A deletion loses only to a change of *when* by a side that may make it; an EHR cancellation that is final
loses to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.model import Base, Facts, Side
from shared.core.policy import Right, Rights


@dataclass(frozen=True)
class Settle:
    """The target: there or not, and whose *when* and *what* it has (None: each side keeps its own)."""

    present: bool
    when: Side | None = None
    what: Side | None = None


@dataclass(frozen=True)
class Hold:
    """A deletion that waits for a person."""


@dataclass(frozen=True)
class Leave:
    """Nothing is written until that side, or *when* on the other, changes again."""


Decision = Settle | Hold | Leave


def decide(base: Base, ehr: Facts | None, calendar: Facts | None, rights: Rights) -> Decision:
    """What becomes of one item, from its base and what each side holds now (None: nothing)."""
    if ehr is None and calendar is None:
        return Settle(present=False)
    if ehr is None or calendar is None:
        return _one_sided(base, ehr, calendar, rights)
    when = _aspect(base, "when", ehr, calendar, rights)
    what = _aspect(base, "what", ehr, calendar, rights)
    if Right.LEAVE in (when, what):
        return Leave()
    assert not isinstance(when, Right)
    assert not isinstance(what, Right)
    return Settle(present=True, when=when, what=what)


def _one_sided(base: Base, ehr: Facts | None, calendar: Facts | None, rights: Rights) -> Decision:
    has, lacks = (Side.EHR, Side.CALENDAR) if calendar is None else (Side.CALENDAR, Side.EHR)
    facts = ehr or calendar
    assert facts is not None
    stays = Settle(present=True, when=has, what=has)
    goes = Settle(present=False)
    if base.of(lacks) is not None:  # the side that lacks it has deleted it
        final = lacks is Side.EHR and rights.ehr_cancellation_is_final
        if not final and _changed(base, has, "when", facts) and rights.of(has).moved is Right.APPLY:
            return stays
        return _by_right(rights.of(lacks).deleted, applied=goes, put_back=stays)
    # The side that has it made it or brought it back, or the other side was lost as a whole.
    return _by_right(rights.of(has).created, applied=stays, put_back=goes)


def _by_right(right: Right, *, applied: Decision, put_back: Decision) -> Decision:
    return {Right.APPLY: applied, Right.PUT_BACK: put_back, Right.LEAVE: Leave(), Right.HOLD: Hold()}[right]


def _aspect(base: Base, name: str, ehr: Facts, calendar: Facts, rights: Rights) -> Side | Right | None:
    """Whose value this aspect takes; None: as it is; LEAVE."""
    now = {Side.EHR: ehr, Side.CALENDAR: calendar}
    changed = [side for side in Side if _changed(base, side, name, now[side])]
    if not changed or getattr(ehr, name) == getattr(calendar, name):
        return None
    entitled = [side for side in changed if _right(rights, side, name) is Right.APPLY]
    if not entitled and any(_right(rights, side, name) is Right.LEAVE for side in changed):
        return Right.LEAVE
    if len(entitled) == 1:
        return entitled[0]
    if len(changed) == 1:
        return changed[0].other
    return rights.winner


def _changed(base: Base, side: Side, name: str, facts: Facts) -> bool:
    before = base.of(side)
    return before is None or getattr(before, name) != getattr(facts, name)


def _right(rights: Rights, side: Side, name: str) -> Right:
    return rights.of(side).moved if name == "when" else rights.of(side).edited


def is_put_back(base: Base, target: Settle, ehr: Facts | None, calendar: Facts | None) -> bool:
    """Whether the target undoes a change of the calendar, and not because the EHR has changed the same."""
    if calendar is None:
        return target.present and base.calendar is not None and _unchanged(base, "when", ehr)
    if not target.present:
        return base.calendar is None and base.ehr is None and ehr is None  # it was brought back there
    return any(
        source is Side.EHR and _changed(base, Side.CALENDAR, name, calendar) and _unchanged(base, name, ehr)
        for name, source in (("when", target.when), ("what", target.what))
    )


def _unchanged(base: Base, name: str, ehr: Facts | None) -> bool:
    return base.ehr is not None and ehr is not None and not _changed(base, Side.EHR, name, ehr)
