"""What became of an item, in the words of the history that its practitioner reads: times and codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from shared.core.decide import Settle, is_put_back
from shared.core.model import Base, Facts, Kind, Side, When
from shared.core.policy import ConnectionSettings, Mode, Traits, Verdict


class Happened(Enum):
    CREATED = "created"
    """It was made on `side`, and is on both now."""
    MATCHED = "matched"
    """It was found on both sides: nothing had to be made."""
    MOVED = "moved"
    RETITLED = "retitled"
    """Its text or flags are other ones."""
    CANCELLED = "cancelled"
    """Of an event: deleted."""
    RESTORED = "restored"
    """It was gone on one side and is on both again."""
    PUT_BACK = "put_back"
    """What `side` did was undone there; `reason` says why."""
    CONFLICT = "conflict"
    """Both sides changed the same: `side` won."""
    LEFT = "left"
    """What `side` did stays there, and the other side does not hear of it."""
    HELD = "held"
    """A deletion on `side` waits for a person."""
    SET_ASIDE = "set_aside"
    """It cannot be done as it stands; it is tried again daily."""
    TAKEN_UP = "taken_up"
    """What was set aside is done."""


class Because(Enum):
    """Why a change was put back or left; where the EHR has refused it, it is the EHR's code instead."""

    PAST = "past"
    """It has ended."""
    PROTECTED = "protected"
    """A note or an invoice hangs on it, or the client has arrived."""
    ONE_WAY = "one_way"
    """Nothing goes from the calendar to the EHR: so it was chosen."""
    NOT_ALLOWED = "not_allowed"
    """Of a client's appointment the EHR has the say."""
    MOVED_OUT = "moved_out"
    """The event was dragged to another calendar."""
    RESTORED = "restored"
    """A person wanted it back."""
    MARKER = "marker"
    """It is only the mark of a cancelled appointment."""
    BLOCK = "block"
    """A block follows its event: what is changed in the EHR is put back, what is removed stays removed."""


@dataclass(frozen=True)
class Done:
    """One line of the history."""

    happened: Happened
    side: Side
    """Who changed it."""
    kind: Kind
    at: datetime
    appointment_id: str | None = None
    reason: str | None = None
    """Of Because, or why it is set aside."""
    before: When | None = None
    """When it was, as both sides last agreed."""
    after: When | None = None
    """When it is now."""
    lost: When | None = None
    """When it is not: of a conflict or a put-back, the time that does not stand."""
    took_seconds: float | None = None
    """From the change on its side until the other had it; None where that is not known."""


@dataclass(frozen=True)
class Change:
    """What is about to be carried out; `because`: why it would be a put-back."""

    kind: Kind
    base: Base
    ehr: Facts | None
    calendar: Facts | None
    target: Settle
    because: str
    ehr_changed_at: datetime | None = None
    calendar_changed_at: datetime | None = None

    def known(self, side: Side) -> Facts | None:
        return self.ehr if side is Side.EHR else self.calendar

    def changed(self, side: Side, name: str) -> bool:
        before, now = self.base.of(side), self.known(side)
        return before is not None and now is not None and getattr(before, name) != getattr(now, name)

    def changed_at(self, side: Side) -> datetime | None:
        return self.ehr_changed_at if side is Side.EHR else self.calendar_changed_at


def told(change: Change, at: datetime) -> list[Done]:
    """What it is in the history now that it is carried out; nothing where no side changed."""
    return [_timed(done, change.changed_at(done.side)) for done in _lines(change, at)]


def reason_against(traits: Traits, settings: ConnectionSettings, refusal: str | None) -> str:
    """Why a side may not, by the first rule that says so: their order is that of its rights."""
    if refusal is not None:
        return Because.PROTECTED.value if refusal == "ehr_protected" else refusal
    rules = {
        Because.BLOCK: traits.kind is Kind.BLOCK,
        Because.MARKER: traits.marker,
        Because.MOVED_OUT: traits.moved_out,
        Because.PAST: traits.past,
        Because.ONE_WAY: settings.mode is Mode.ONE_WAY,
        Because.RESTORED: traits.verdict is Verdict.RESTORE,
        Because.PROTECTED: traits.protected,
    }
    return next((each.value for each, holds in rules.items() if holds), Because.NOT_ALLOWED.value)


def _timed(done: Done, since: datetime | None) -> Done:
    """Clocks of two machines may disagree: less than nothing is nothing."""
    took = None if since is None else max(0.0, round((done.at - since).total_seconds(), 3))
    return replace(done, took_seconds=took)


# --- by case ----------------------------------------------------------------------------------------------


def _lines(change: Change, at: datetime) -> Iterator[Done]:
    ehr, calendar = change.ehr, change.calendar
    if ehr is not None and calendar is not None and change.target.present:
        yield from _on_both(change, ehr, calendar, at)
    elif ehr is not None or calendar is not None:
        yield _on_one(change, at)


def _on_one(change: Change, at: datetime) -> Done:
    has = Side.CALENDAR if change.ehr is None else Side.EHR
    facts, lacks = change.known(has), has.other
    stays = change.target.present
    if is_put_back(change.base, change.target, change.ehr, change.calendar):
        who = lacks if stays else has  # who deleted it, or brought it back
        return _line(change, at, Happened.PUT_BACK, who, **({"after": facts} if stays else {"lost": facts}))
    if not stays:
        return _line(change, at, Happened.CANCELLED, lacks)
    if change.base == Base():
        return _line(change, at, Happened.CREATED, has, after=facts)
    if change.base.of(lacks) is None:
        return _line(change, at, Happened.RESTORED, has, after=facts)
    if change.kind is Kind.BLOCK:
        return _line(change, at, Happened.PUT_BACK, lacks, after=facts)
    return _line(change, at, Happened.CONFLICT, has, after=facts)  # moved here, deleted there


def _on_both(change: Change, ehr: Facts, calendar: Facts, at: datetime) -> Iterator[Done]:
    when, what = change.target.when, change.target.what
    if change.base == Base() and when is what is None:
        yield _line(change, at, Happened.MATCHED, Side.EHR, after=ehr)
    if change.kind is Kind.CLIENT and not ehr.when.busy:  # a mark of its cancellation stays
        if Side.EHR in (when, what):
            yield _line(change, at, Happened.CANCELLED, Side.EHR)
        return
    if when is not None and ehr.when != calendar.when:
        yield _changed(change, at, "when", when)
    if what is not None and ehr.what != calendar.what:
        yield _changed(change, at, "what", what)


def _changed(change: Change, at: datetime, name: str, stands: Side) -> Done:
    """One aspect that differs: of two sides that changed it one lost, of one it may be put back."""
    after, other = change.known(stands), change.known(stands.other)
    lost = other if name == "when" else None
    if not change.changed(stands.other, name):
        return _line(change, at, Happened.MOVED if name == "when" else Happened.RETITLED, stands, after=after)
    if change.changed(stands, name):
        return _line(change, at, Happened.CONFLICT, stands, after=after, lost=lost)
    return _line(change, at, Happened.PUT_BACK, stands.other, after=after, lost=lost)


def _line(
    change: Change,
    at: datetime,
    happened: Happened,
    side: Side,
    *,
    after: Facts | None = None,
    lost: Facts | None = None,
) -> Done:
    agreed = change.base.ehr or change.base.calendar
    return Done(
        happened,
        side,
        change.kind,
        at,
        reason=change.because if happened is Happened.PUT_BACK else None,
        before=agreed.when if agreed else None,
        after=after.when if after else None,
        lost=lost.when if lost else None,
    )
