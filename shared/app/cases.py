"""One item with what a job has read of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.core.item import Item
from shared.core.model import Appointment, Event, Facts, Reading, Side


@dataclass
class Case:
    """An item on its way through a job. `ehr` and `calendar` are None where that side was not read."""

    item: Item
    version: str | None
    """Of the stored document; None: not stored yet."""
    row: Appointment | None = field(default=None, repr=False)
    event: Event | None = field(default=None, repr=False)
    ehr: Reading | None = None
    calendar: Reading | None = None
    verify: bool = False
    """A complete listing lacked the event: an absence met by id counts."""
    extras: list[Event] = field(default_factory=list)
    """Further live events of ours for this item: too many."""
    refused: bool = False
    """The EHR has refused, in this job, what the calendar wants."""

    def known(self, side: Side) -> Facts | None:
        """As read now, else as last known."""
        read = self.ehr if side is Side.EHR else self.calendar
        return self.item.known(side) if read is None else read.facts

    def readings(self) -> tuple[Reading, Reading]:
        return Reading(self.known(Side.EHR)), Reading(self.known(Side.CALENDAR))
