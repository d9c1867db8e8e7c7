"""The mapping: what ties an appointment to an event, and what is known of both."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.core.model import Base, Facts, Kind, Reading, Side
from shared.core.policy import Verdict


@dataclass(frozen=True)
class Seen:
    """What a side was last read to hold, where that differs from its base and is not settled."""

    ehr: Reading | None = None
    calendar: Reading | None = None

    def of(self, side: Side) -> Reading | None:
        return self.ehr if side is Side.EHR else self.calendar


@dataclass(frozen=True)
class Item:
    """One appointment with its event."""

    k: str
    kind: Kind
    origin: Side
    generation: int = 0
    """The generation under which the next event would be made."""
    appointment_id: str | None = None
    event_id: str | None = None
    base: Base = field(default_factory=Base)
    seen: Seen = field(default_factory=Seen)
    retry_at: datetime | None = None
    """When it is to be taken up again; None: nothing is open."""
    tries: int = 0
    """Failed tries since it was last settled."""
    aside: str | None = None
    """Why it is set aside; the reason is a code."""
    carrying: Side | None = None
    """The side where it was met deleted, once the store knows that this is being carried over to the other.
    Whether it was done is open until the item is settled."""
    cancelled_version: str | None = None
    """Version of the row that our own cancellation made: bringing the event back undoes just that one."""
    verdict: Verdict | None = None
    """What was settled about its deletion in the calendar; None: nothing is deleted, or nobody has judged."""
    verify: bool = False
    """A complete listing lacked its event: whether it is gone is to be read by id."""
    put_back_at: tuple[datetime, ...] = ()
    """When the calendar's change was last put back, oldest first; bounded."""

    def known(self, side: Side) -> Facts | None:
        """What a side holds as far as is known: as last seen, else as last agreed."""
        seen = self.seen.of(side)
        return self.base.of(side) if seen is None else seen.facts

    @property
    def over(self) -> bool:
        """Both sides have agreed that there is nothing."""
        return self.base == Base() and self.seen == Seen() and self.aside is None

    def without_calendar(self) -> Item:
        """The same in a calendar made anew: the event is no more, and nobody deleted it."""
        return replace(
            self,
            event_id=None,
            generation=0,
            base=Base(ehr=self.base.ehr),
            seen=Seen(ehr=self.seen.ehr),
            carrying=None,
            verdict=None,
            verify=False,
        )


def agreed_gone(item: Item, ehr: Facts | None, calendar: Facts | None) -> bool:
    """Whether both sides have been without it since they last agreed, as far as is known now.

    Its deletion on one side was being carried over, and the other side lacks it now: our own job, which did
    not live to write it down, has deleted it there, or somebody else has. That is no news to be carried back.
    """
    held = {Side.EHR: ehr, Side.CALENDAR: calendar}
    return item.carrying is not None and held[item.carrying.other] is None


def unsettled(item: Item, ehr: Reading, calendar: Reading) -> Item:
    """The item with what was read now and is not settled kept as `seen`."""
    return replace(
        item,
        seen=Seen(
            ehr=None if ehr.facts == item.base.ehr else ehr,
            calendar=None if calendar.facts == item.base.calendar else calendar,
        ),
    )


def settled(item: Item, base: Base) -> Item:
    """The item when both sides agree on `base`."""
    return replace(
        item,
        base=base,
        seen=Seen(),
        retry_at=None,
        tries=0,
        aside=None,
        carrying=None,
        verdict=None,
        verify=False,
    )
