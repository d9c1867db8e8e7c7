"""The values of the sync. Whatever exists here is already parsed and cannot be wrong.

Two sides hold the same item: the EHR an *appointment*, the calendar an *event*. Each is reduced to `Facts`,
its **when** in clear and its **what** as a keyed hash, and only Facts are compared, each side with its own
past, so nothing that a side rewrites, rounds or cuts is taken for a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum


class Side(Enum):
    EHR = "ehr"
    CALENDAR = "calendar"

    @property
    def other(self) -> Side:
        return Side.CALENDAR if self is Side.EHR else Side.EHR


class Kind(Enum):
    CLIENT = "client"
    """An appointment with a patient."""
    PERSONAL = "personal"
    """An appointment without one: the practitioner's own time."""
    BLOCK = "block"
    """The EHR's shadow of one external event occurrence."""


@dataclass(frozen=True)
class When:
    """Start and end: two instants (aware, UTC, whole seconds) or two dates (all-day, `end` exclusive)."""

    start: datetime | date
    end: datetime | date
    busy: bool = True
    """Whether it takes the time: of a block, and of an appointment that is only a marker of its cancellation.
    Of other appointments that is a part of their *what*.
    """

    def __post_init__(self) -> None:
        timed = [isinstance(value, datetime) for value in (self.start, self.end)]
        assert timed[0] == timed[1], "both ends are instants or both are dates"
        if isinstance(self.start, datetime) and isinstance(self.end, datetime):
            assert self.start.tzinfo is self.end.tzinfo is UTC, "instants are UTC"
            assert self.start.microsecond == self.end.microsecond == 0, "instants are whole seconds"
            assert self.end >= self.start, "a timed span does not run backwards"
        else:
            assert self.end > self.start, "an all-day span has at least a day"

    @property
    def all_day(self) -> bool:
        return not isinstance(self.start, datetime)


def timed(start: datetime, end: datetime) -> When:
    """Aware instants of any zone. An end not after the start is a point: kept, blocking nothing."""
    begin = start.astimezone(UTC).replace(microsecond=0)
    return When(begin, max(begin, end.astimezone(UTC).replace(microsecond=0)))


def all_day(start: date, end: date) -> When:
    """Dates, `end` exclusive. An end not after the start is that one day."""
    return When(start, end if end > start else start + timedelta(days=1))


@dataclass(frozen=True, repr=False)
class What:
    """The shared text and flags, in clear: held in memory only, never stored, logged or shown in an error."""

    summary: str
    description: str = ""
    location: str = ""
    busy: bool = True
    private: bool = True
    recurring: bool = False

    def __repr__(self) -> str:
        return "What(…)"


@dataclass(frozen=True)
class Facts:
    """One item as one side holds it. `version` is the side's own and says nothing about the content."""

    when: When
    what: str
    """Keyed hash of the What, see `identity.Keys.what`."""
    version: str = field(default="", compare=False)


@dataclass(frozen=True)
class Base:
    """What each side held when both last agreed; None: nothing."""

    ehr: Facts | None = None
    calendar: Facts | None = None

    def of(self, side: Side) -> Facts | None:
        return self.ehr if side is Side.EHR else self.calendar


@dataclass(frozen=True)
class Reading:
    """A side as it was read: its facts, or None where it positively has nothing."""

    facts: Facts | None


class Status(Enum):
    """What an appointment's own state means here."""

    LIVE = "live"
    """Booked, pending, arrived, checked in, fulfilled: it has an event."""
    OVER = "over"
    """Cancelled, no-show, entered in error: the row stays, the event goes."""
    NOT_YET = "not_yet"
    """Proposed, on the waiting list: no event so far."""


@dataclass(frozen=True, repr=False)
class Appointment:
    """One row of the EHR, of the practitioners it names now."""

    id: str
    version: str
    status: Status
    kind: Kind
    when: When | None
    practitioner_ids: frozenset[str]
    patient_ids: tuple[str, ...] = ()
    identifier: str | None = None
    """Our own identifier, `{calendar key}.{k}`, on rows that we made."""
    title: str = ""
    """Of personal appointments only."""
    location: str = ""
    service: str = ""
    """Of client appointments: what kind it is, by its own name."""
    telehealth: str = ""
    """Of client appointments: where the practitioner joins the session; https."""
    busy: bool = True
    protected: bool | None = None
    """True or False as the row itself says; None where it does not say."""
    code: str = ""
    """The EHR's own name of the status: opaque, for setting it again."""
    cancelled: bool = False
    """It is over because somebody cancelled it: it was not missed, nor entered in error."""
    changed_at: datetime | None = field(default=None, compare=False)
    """When it was last changed there, by that side's clock."""
    raw: Mapping[str, object] = field(default_factory=dict, compare=False)
    """The resource as read, for writing it back whole; opaque here, never stored or logged."""

    def __repr__(self) -> str:
        return f"Appointment({self.id}, {self.version}, {self.status.value}, {self.kind.value})"


class EventType(Enum):
    """What a calendar service makes of an event; one that nobody here knows is a default one."""

    DEFAULT = "default"
    OUT_OF_OFFICE = "out_of_office"
    FOCUS_TIME = "focus_time"
    WORKING_LOCATION = "working_location"
    BIRTHDAY = "birthday"


class Response(Enum):
    """The practitioner's own answer to an invitation."""

    NONE = "none"
    """It is no invitation, or their own event."""
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"
    UNANSWERED = "unanswered"


@dataclass(frozen=True)
class Origin:
    """Where an occurrence belongs: to its series, in the place of this start."""

    series_id: str
    """Id of the master."""
    start: datetime | date | None
    """None where its place cannot be read."""


@dataclass(frozen=True)
class Marker:
    """The private properties on an event that claims to be ours."""

    calendar_key: str
    k: str
    generation: int


@dataclass(frozen=True, repr=False)
class Event:
    """One item in a calendar."""

    id: str
    version: str
    cancelled: bool
    """A tombstone: deleted, or cancelled."""
    when: When | None
    """None on a bare tombstone, and where a live event has no start we can read."""
    what: What
    marker: Marker | None = None
    master: bool = False
    """It has a rule: its occurrences are events of their own."""
    origin: Origin | None = None
    """Of an occurrence of a recurring event."""
    type: EventType = EventType.DEFAULT
    response: Response = Response.NONE
    tentative: bool = False
    changed_at: datetime | None = field(default=None, compare=False)
    """When it was last changed there, by that side's clock."""

    @property
    def series(self) -> bool:
        """The master or an occurrence of a recurring event."""
        return self.master or self.origin is not None

    def __repr__(self) -> str:
        return f"Event({self.id}, {self.version}, cancelled={self.cancelled})"


@dataclass(frozen=True, repr=False)
class Client:
    """What a label may be made of; a part that the chosen mode does not need is empty."""

    full_name: str = ""
    internal_id: str = ""
    given: str = ""
    """The first given name."""
    family: str = ""

    def __repr__(self) -> str:
        return "Client(…)"
