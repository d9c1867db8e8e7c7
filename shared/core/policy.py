"""Who may change what: the ownership table, and the settings of a connection it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from zoneinfo import ZoneInfo

from shared.core.model import Facts, Kind, Side
from shared.core.window import instants

HORIZON_DAYS_DEFAULT = 201
HORIZON_DAYS_MAX = 730


class Mode(Enum):
    TWO_WAY = "two_way"
    ONE_WAY = "one_way"
    """Google never changes the EHR: our events are put back, hand-made ones are left and not read."""
    OFF = "off"


class LabelMode(Enum):
    """What an event says of its client, the least revealing first."""

    INTERNAL_ID = "internal_id"
    INITIALS = "initials"
    FIRST_NAME = "first_name"
    FULL_NAME = "full_name"


class Edits(Enum):
    """What a move or deletion of a client appointment in the calendar does."""

    REVERT = "revert"
    ACCEPT = "accept"


class PersonalText(Enum):
    """What the event of a personal appointment made in the EHR says."""

    BUSY = "Busy"
    TITLE = "title"


class ExternalTitles(Enum):
    """What the EHR shows of events in external calendars; private ones are always hidden."""

    HIDE = "hide"
    SHOW = "show"


class CancelledEvents(Enum):
    """What becomes of the event of a client appointment that the EHR cancels."""

    REMOVE = "remove"
    MARK = "mark"
    """It stays as a marker: Free, and without its label."""


class FreeEvents(Enum):
    """Whether the EHR shows events of external calendars that do not take the time."""

    HIDE = "hide"
    SHOW = "show"


@dataclass(frozen=True)
class ConnectionSettings:
    """What a practitioner chose. Days are local days of `zone`."""

    start_from: date
    zone: ZoneInfo
    mode: Mode = Mode.TWO_WAY
    client_label: LabelMode = LabelMode.INTERNAL_ID
    google_edits: Edits = Edits.REVERT
    personal_text: PersonalText = PersonalText.BUSY
    horizon_days: int = HORIZON_DAYS_DEFAULT
    external_titles: ExternalTitles = ExternalTitles.HIDE
    free_events: FreeEvents = FreeEvents.HIDE
    cancelled_events: CancelledEvents = CancelledEvents.REMOVE
    review_threshold: int = 3
    """Deletions in the calendar that are applied without asking, in `review_window_minutes`."""
    review_window_minutes: int = 10
    telehealth_link: bool = False
    """Whether events of client appointments have the link to the session: whoever has it can join."""
    service_line: bool = False
    """Whether they say what kind of appointment it is."""

    def __post_init__(self) -> None:
        assert 1 <= self.horizon_days <= HORIZON_DAYS_MAX


class Right(Enum):
    APPLY = "apply"
    """It may: the other side follows."""
    PUT_BACK = "put_back"
    """It may not: the other side's value is written over it."""
    LEAVE = "leave"
    """It may not, and nothing is written."""
    HOLD = "hold"
    """It may, once a person has confirmed it."""


class Verdict(Enum):
    """What was settled about a deletion in the calendar, saved with it in one write."""

    APPLY = "apply"
    HELD = "held"
    CONFIRMED = "confirmed"
    RESTORE = "restore"


_DELETION = {
    Verdict.APPLY: Right.APPLY,
    Verdict.HELD: Right.HOLD,
    Verdict.CONFIRMED: Right.APPLY,
    Verdict.RESTORE: Right.PUT_BACK,
}


@dataclass(frozen=True)
class SideRights:
    """What one side may do to an item. `created` is making it and bringing it back."""

    moved: Right = Right.APPLY
    edited: Right = Right.APPLY
    deleted: Right = Right.APPLY
    created: Right = Right.APPLY


@dataclass(frozen=True)
class Rights:
    ehr: SideRights
    calendar: SideRights
    winner: Side
    """Whose value stands when both changed it differently."""
    ehr_cancellation_is_final: bool

    def of(self, side: Side) -> SideRights:
        return self.ehr if side is Side.EHR else self.calendar


@dataclass(frozen=True)
class Traits:
    """What the rights to one item depend on."""

    kind: Kind
    origin: Side
    past: bool = False
    """The EHR has it ended."""
    protected: bool = False
    """A clinical note, an invoice, arrived or later: no deletion or move from the calendar."""
    verdict: Verdict = Verdict.APPLY
    reassigned: bool = False
    """The row lives on, with other practitioners."""
    cancelled_from_calendar: bool = False
    """It is over in the EHR because its event was deleted, and nobody has touched it there since."""
    refused: bool = False
    """The EHR has just refused what the calendar wants."""
    marker: bool = False
    """What is left of it is a mark in the calendar that it was cancelled."""
    moved_out: bool = False
    """Its event lives on in another calendar of the practitioner: that is no deletion."""


_PUT_BACK = SideRights(Right.PUT_BACK, Right.PUT_BACK, Right.PUT_BACK, Right.PUT_BACK)
_MARKER = SideRights(Right.LEAVE, Right.LEAVE, Right.LEAVE, Right.LEAVE)
"""It is the practitioner's to move, to rewrite and to throw away; the EHR hears of none of it."""
_PUT_BACK_OR_LEFT = SideRights(Right.PUT_BACK, Right.PUT_BACK, Right.PUT_BACK, created=Right.LEAVE)


def rights(traits: Traits, settings: ConnectionSettings) -> Rights:
    """The rights of both sides; first rule that fits, from the top."""
    return Rights(
        ehr=_ehr_rights(traits),
        calendar=_calendar_rights(traits, settings),
        winner={Kind.CLIENT: Side.EHR, Kind.PERSONAL: traits.origin, Kind.BLOCK: Side.CALENDAR}[traits.kind],
        ehr_cancellation_is_final=traits.reassigned
        or traits.kind is Kind.CLIENT
        or (traits.kind is Kind.PERSONAL and traits.origin is Side.EHR),
    )


class EditIn(Enum):
    """Where a person can move an item, so that it stays moved."""

    EHR = "ehr"
    GOOGLE = "google"
    BOTH = "both"
    NOWHERE = "nowhere"


def edit_in(traits: Traits, settings: ConnectionSettings) -> EditIn:
    may = rights(traits, settings)
    applies = may.ehr.moved is Right.APPLY, may.calendar.moved is Right.APPLY
    return {
        (True, True): EditIn.BOTH,
        (True, False): EditIn.EHR,
        (False, True): EditIn.GOOGLE,
        (False, False): EditIn.NOWHERE,
    }[applies]


def _ehr_rights(traits: Traits) -> SideRights:
    """The EHR may do everything, except that it only shadows a block."""
    if traits.kind is Kind.BLOCK:
        return SideRights(Right.PUT_BACK, Right.PUT_BACK, deleted=Right.LEAVE, created=Right.PUT_BACK)
    return SideRights()


def _calendar_rights(traits: Traits, settings: ConnectionSettings) -> SideRights:
    made_there = traits.kind is Kind.PERSONAL and traits.origin is Side.CALENDAR
    if traits.kind is Kind.BLOCK:  # a block has no past and no owner but the calendar
        return SideRights()
    if traits.marker:
        return _MARKER
    if traits.refused:
        return _PUT_BACK_OR_LEFT
    if traits.moved_out:
        return _PUT_BACK
    if traits.past:
        back = Right.LEAVE if made_there else Right.PUT_BACK
        return SideRights(Right.PUT_BACK, Right.PUT_BACK, deleted=Right.LEAVE, created=back)
    if settings.mode is Mode.ONE_WAY:
        return _PUT_BACK_OR_LEFT if made_there else _PUT_BACK
    deleted = _DELETION[traits.verdict]
    created = Right.APPLY if made_there or traits.cancelled_from_calendar else Right.PUT_BACK
    if traits.kind is Kind.PERSONAL:
        return SideRights(deleted=deleted, created=created)
    if traits.protected or settings.google_edits is Edits.REVERT:
        return _PUT_BACK
    return SideRights(Right.APPLY, Right.PUT_BACK, deleted, created)


def is_past(*held: Facts | None, now: datetime, zone: ZoneInfo) -> bool:
    """Whether an item has ended, by the first of `held` that is known.

    These are what the EHR holds, what it last agreed to, and, of an item that it has had, what the calendar
    holds. An item that the EHR never had is not past: a hand-made event of this morning is taken in.
    """
    facts = next((facts for facts in held if facts is not None), None)
    return facts is not None and instants(facts.when, zone)[1] <= now
