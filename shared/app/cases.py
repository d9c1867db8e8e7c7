"""One item with what a job has read of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from shared.app.render import Renderer
from shared.core.identity import series_of
from shared.core.item import Item, agreed_gone
from shared.core.model import Appointment, Base, Event, Facts, Kind, Reading, Side
from shared.core.policy import Verdict, is_past


@dataclass
class Case:
    """An item on its way through a job. `ehr` and `calendar` are None where that side was not read."""

    item: Item
    stored: Item | None = None
    """The item as the store has it; None: not stored yet."""
    row: Appointment | None = field(default=None, repr=False)
    event: Event | None = field(default=None, repr=False)
    ehr: Reading | None = None
    calendar: Reading | None = None
    half_done: bool = False
    """An earlier job was carrying a deletion over, and may have done so before it died."""
    verify: bool = False
    """A complete listing lacked the event: an absence met by id counts."""
    extras: list[Event] = field(default_factory=list)
    """Further live events of ours for this item: too many."""
    unreadable: str | None = None
    """Why a side could be read and not understood; what it held before is then still as known."""
    moved_out: bool | None = None
    """Its event lives on in another calendar of the connection; None: nobody has looked."""
    protected: bool | None = None
    """A note or an invoice hangs on it; None: it is not known. Its row may say so itself."""
    protection_asked: bool = False
    """In this job; once is enough."""
    refused: bool = False
    """The EHR has refused, in this job, what the calendar wants."""
    refusal: str | None = None
    """With which code."""
    found: Item | None = field(init=False)
    """As the store had it when the job began."""

    def __post_init__(self) -> None:
        self.found = self.stored

    @property
    def marker(self) -> bool:
        """The EHR has cancelled it, and a mark of that stays in the calendar."""
        facts = self.known(Side.EHR)
        return self.item.kind is Kind.CLIENT and facts is not None and not facts.when.busy

    def known(self, side: Side) -> Facts | None:
        """As read now, else as last known."""
        read = self.ehr if side is Side.EHR else self.calendar
        return self.item.known(side) if read is None else read.facts

    def agree_on_absence(self) -> None:
        """Both sides were without it: whatever is there now has come back since."""
        if self.marker and self.known(Side.CALENDAR) is None:
            self.ehr = Reading(None)  # a cancelled appointment without its marker is just that
        if not agreed_gone(self.item, self.known(Side.EHR), self.known(Side.CALENDAR)):
            return
        from_calendar = self.item.carrying is Side.CALENDAR and self.row is not None
        version = self.row.version if self.row is not None and from_calendar else None
        self.item = replace(self.item, base=Base(), carrying=None, cancelled_version=version)

    def cut_anew(self, *, now: datetime, zone: ZoneInfo) -> None:
        """A day made in the calendar is that day in every zone: in another one the row's instants are not it.

        Nobody has changed the row, so it follows the day; what is over is left as it is.
        """
        base, item = self.item.base, self.item
        row = self.ehr.facts if self.ehr is not None else None
        if item.kind is not Kind.PERSONAL or item.origin is Side.EHR or row is None:
            return
        if base.ehr is None or base.calendar is None or not base.ehr.when.all_day:
            return
        if row.when == base.ehr.when or row.version != base.ehr.version:
            return
        over = is_past(row, now=now, zone=zone)
        calendar = base.calendar if over else replace(base.calendar, when=row.when)
        self.item = replace(item, base=Base(replace(base.ehr, when=row.when), calendar))

    def met_deleted(self) -> Side | None:
        """The side that has deleted what the other still holds."""
        for side in Side:
            if self.known(side) is None and self.item.base.of(side) is not None:
                return side if self.known(side.other) is not None else None
        return None

    def to_be_written_down(self) -> bool:
        """Whether the store has to know of it before anything is done: it is new, or was met deleted.

        Else a deletion that a job carried over before it died would look like the other side's own.
        """
        if self.item.verdict is Verdict.HELD:
            return self.stored is None or self.stored.verdict is not Verdict.HELD
        return self.stored is None or self.met_deleted() not in (None, self.item.carrying)

    def readings(self) -> tuple[Reading, Reading]:
        return Reading(self.known(Side.EHR)), Reading(self.known(Side.CALENDAR))


def see_row(case: Case, row: Appointment | None, renderer: Renderer) -> None:
    """Take in what the EHR holds now; `renderer` has learned the row's clients."""
    if row is not None and case.item.kind is Kind.BLOCK is not row.kind:
        row = None  # somebody made an appointment of a block: it is one of the EHR's own now
    case.row = row
    if row is not None:  # a client may have been given to a personal one, and be cancelled by now
        case.item = replace(case.item, appointment_id=row.id, kind=row.kind)
    if row is not None and renderer.has(row) and row.when is None:
        case.unreadable = "appointment_without_start"
        return
    before = case.item.base.ehr
    if row is not None and renderer.marks(row) and before is not None and case.known(Side.CALENDAR):
        case.ehr = renderer.mark(row, before)
    else:
        case.ehr = renderer.row(row, case.item.origin)


def see_event(case: Case, event: Event | None, renderer: Renderer) -> None:
    """Take in what the calendar holds now."""
    if event is not None and _is_series_now(case.item, event):
        event = None
    case.event = event
    if event is not None:
        case.item = replace(case.item, event_id=event.id)
        if not event.cancelled and event.when is None:
            case.unreadable = "event_without_start"
            return
    case.calendar = renderer.event(event, case.item.kind)


def _is_series_now(item: Item, event: Event) -> bool:
    """What was a single event of their own has become a series: its occurrences are other items."""
    theirs = item.kind is Kind.BLOCK or (item.origin is Side.CALENDAR and event.marker is None)
    return theirs and event.master and not event.cancelled and series_of(item.k) is None
