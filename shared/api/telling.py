"""What the product says about itself: its history, what is set aside, an instant, free and busy time."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta

from pydantic import AwareDatetime, Field, RootModel

from shared.api.models import Answer
from shared.api.problems import invalid
from shared.api.routing import Endpoint, Query, Table, Use
from shared.app.activity_pages import Asked, Line, Position, read_activity
from shared.app.availability import read_availability
from shared.app.connections import load
from shared.app.explain import A_MOMENT, AppointmentThen, EventThen, Explained, Standing, Told, explain
from shared.app.grants import grant_of, grant_path
from shared.app.records import Calendar, Role
from shared.app.set_aside import Aside, read_set_aside
from shared.app.span import read_span
from shared.core.activity import Happened
from shared.core.availability import Availability, Span
from shared.core.blocking import Rule
from shared.core.model import Kind, Side, When
from shared.core.policy import EditIn
from shared.core.reasons import Remedy, reason_of

LINES_MAX = 200
EXPLAINED_MAX = timedelta(days=1)
AVAILABILITY_MAX = timedelta(days=31)
YEARS = range(2000, 2100)

# --- queries ----------------------------------------------------------------------------------------------


class ActivityQuery(Query):
    cursor: str | None = Field(default=None, max_length=300, description="`cursor` of the answer before")
    limit: int = Field(default=50, ge=1, le=LINES_MAX)
    happened: Happened | None = None
    appointment: str | None = Field(default=None, min_length=1, max_length=128)


class SpanQuery(Query):
    begin: AwareDatetime = Field(alias="from", description="an instant with its offset, `Z` or `%2B01:00`")
    end: AwareDatetime = Field(alias="to")


class ExplainQuery(Query):
    at: AwareDatetime | None = None
    begin: AwareDatetime | None = Field(default=None, alias="from")
    end: AwareDatetime | None = Field(default=None, alias="to")


# --- answers ----------------------------------------------------------------------------------------------


class CalendarRef(Answer):
    role: Role
    id: str | None

    @classmethod
    def of(cls, calendar: Calendar) -> CalendarRef:
        return cls(role=calendar.role, id=calendar.calendar_id)


class WhenAnswer(Answer):
    """Instants, or days of which the last is the one after it ends."""

    start: datetime | date
    end: datetime | date
    all_day: bool

    @classmethod
    def of(cls, when: When | None) -> WhenAnswer | None:
        return cls(start=when.start, end=when.end, all_day=when.all_day) if when else None


class LineAnswer(Answer):
    id: str
    at: datetime
    happened: Happened
    side: Side
    kind: Kind
    count: int
    calendar: CalendarRef | None
    appointment: str | None
    reason: str | None
    before: WhenAnswer | None
    after: WhenAnswer | None
    lost: WhenAnswer | None
    took_seconds: float | None

    @classmethod
    def of(cls, line: Line) -> LineAnswer:
        entry, done = line.entry, line.entry.done
        return cls(
            id=entry.id,
            at=done.at,
            happened=done.happened,
            side=done.side,
            kind=done.kind,
            count=entry.count,
            calendar=CalendarRef.of(line.calendar) if line.calendar else None,
            appointment=done.appointment_id,
            reason=done.reason,
            before=WhenAnswer.of(done.before),
            after=WhenAnswer.of(done.after),
            lost=WhenAnswer.of(done.lost),
            took_seconds=done.took_seconds,
        )


class ActivityAnswer(Answer):
    lines: list[LineAnswer]
    cursor: str | None


class AsideAnswer(Answer):
    calendar: CalendarRef
    kind: Kind
    appointment: str | None
    event: str | None
    start: datetime | None
    end: datetime | None
    reason: str
    sentence: str
    remedy: Remedy
    retry_at: datetime | None
    edit_in: EditIn

    @classmethod
    def of(cls, aside: Aside) -> AsideAnswer:
        item, reason = aside.item, reason_of(aside.reason)
        return cls(
            calendar=CalendarRef.of(aside.calendar),
            kind=item.kind,
            appointment=item.appointment_id,
            event=item.event_id,
            start=aside.start,
            end=aside.end,
            reason=aside.reason,
            sentence=reason.sentence,
            remedy=reason.remedy,
            retry_at=item.retry_at,
            edit_in=aside.edit_in,
        )


class AsidesAnswer(RootModel[list[AsideAnswer]]):
    pass


class SyncedAnswer(Answer):
    """What the sync knows of one thing."""

    standing: Standing
    reason: str | None
    retry_at: datetime | None
    edit_in: EditIn

    @classmethod
    def of(cls, told: Told) -> SyncedAnswer:
        return cls(standing=told.standing, reason=told.reason, retry_at=told.retry_at, edit_in=told.edit_in)


class AppointmentThenAnswer(Answer):
    id: str
    kind: Kind
    live: bool
    start: datetime | None
    end: datetime | None
    busy: bool
    sync: SyncedAnswer

    @classmethod
    def of(cls, then: AppointmentThen) -> AppointmentThenAnswer:
        return cls(
            id=then.id,
            kind=then.kind,
            live=then.live,
            start=then.start,
            end=then.end,
            busy=then.busy,
            sync=SyncedAnswer.of(then.told),
        )


class EventThenAnswer(Answer):
    id: str
    calendar: CalendarRef
    ours: bool
    start: datetime | None
    end: datetime | None
    busy: bool
    rule: Rule | None
    appointment: str | None
    sync: SyncedAnswer

    @classmethod
    def of(cls, then: EventThen) -> EventThenAnswer:
        return cls(
            id=then.id,
            calendar=CalendarRef.of(then.calendar),
            ours=then.ours,
            start=then.start,
            end=then.end,
            busy=then.busy,
            rule=then.rule,
            appointment=then.appointment_id,
            sync=SyncedAnswer.of(then.told),
        )


class UnreadAnswer(Answer):
    """What could not be read. `calendar` null: the EHR, or nothing of the account."""

    calendar: CalendarRef | None
    reason: str
    sentence: str
    remedy: Remedy

    @classmethod
    def of(cls, code: str, calendar: Calendar | None = None) -> UnreadAnswer:
        reason = reason_of(code)
        which = CalendarRef.of(calendar) if calendar else None
        return cls(calendar=which, reason=code, sentence=reason.sentence, remedy=reason.remedy)


class ExplainAnswer(Answer):
    start: datetime
    end: datetime
    appointments: list[AppointmentThenAnswer]
    events: list[EventThenAnswer]
    set_aside: list[AsideAnswer]
    unread: list[UnreadAnswer]


class SpanAnswer(Answer):
    start: datetime
    end: datetime
    status: Availability
    reason: str | None

    @classmethod
    def of(cls, span: Span) -> SpanAnswer:
        return cls(start=span.start, end=span.end, status=span.status, reason=span.reason)


class AvailabilityAnswer(Answer):
    read_at: datetime
    spans: list[SpanAnswer]


# --- what they do -----------------------------------------------------------------------------------------


def show_activity(use: Use, query: ActivityQuery) -> ActivityAnswer:
    asked = Asked(
        limit=query.limit,
        cursor=_position(query.cursor) if query.cursor else None,
        happened=frozenset({query.happened} if query.happened else ()),
        appointment_id=query.appointment,
    )
    found = read_activity(use.world, load(use.world, use.key), asked)
    cursor = _cursor(found.cursor) if found.cursor else None
    return ActivityAnswer(lines=[LineAnswer.of(line) for line in found.lines], cursor=cursor)


def _cursor(position: Position) -> str:
    at, name = position
    return urlsafe_b64encode(f"{at.isoformat()} {name}".encode()).decode().rstrip("=")


def _position(cursor: str) -> Position:
    try:
        at, _, name = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        moment = datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        raise invalid({"cursor": "unknown"}) from None
    if moment.tzinfo is None or moment.year not in YEARS:
        raise invalid({"cursor": "unknown"})
    return moment, name


def list_set_aside(use: Use, _: None) -> AsidesAnswer:
    found = read_set_aside(use.world, load(use.world, use.key))
    return AsidesAnswer([AsideAnswer.of(each) for each in found])


def explain_then(use: Use, query: ExplainQuery) -> ExplainAnswer:
    connection = load(use.world, use.key)
    start, end = _asked(query)
    read = read_span(use.world, connection, start, end, granted=_granted(use))
    then: Explained = explain(use.world, read)
    unread = [UnreadAnswer.of(code) for code in (read.standing, read.rows_problem) if code]
    unread += [UnreadAnswer.of(each.problem, each.calendar) for each in read.listed if each.problem]
    return ExplainAnswer(
        start=start,
        end=end,
        appointments=[AppointmentThenAnswer.of(each) for each in then.appointments],
        events=[EventThenAnswer.of(each) for each in then.events],
        set_aside=[AsideAnswer.of(each) for each in then.aside],
        unread=unread,
    )


def _asked(query: ExplainQuery) -> tuple[datetime, datetime]:
    if query.at is not None and query.begin is None and query.end is None:
        return _span(query.at, query.at + A_MOMENT, EXPLAINED_MAX)
    if query.at is None and query.begin is not None and query.end is not None:
        return _span(query.begin, query.end, EXPLAINED_MAX)
    raise invalid({"at": "either_an_instant_or_a_span"})


def show_availability(use: Use, query: SpanQuery) -> AvailabilityAnswer:
    connection = load(use.world, use.key)
    start, end = _span(query.begin, query.end, AVAILABILITY_MAX)
    spans = read_availability(use.world, connection, start, end, granted=_granted(use))
    return AvailabilityAnswer(read_at=use.world.clock.now(), spans=[SpanAnswer.of(span) for span in spans])


def _span(start: datetime, end: datetime, longest: timedelta) -> tuple[datetime, datetime]:
    """In whole seconds and UTC, as every time here. Raises ProblemError."""
    if start.year not in YEARS or end.year not in YEARS:
        raise invalid({"from": "out_of_range"})
    begin, until = (each.astimezone(UTC).replace(microsecond=0) for each in (start, end))
    if not begin < until <= begin + longest:
        raise invalid({"to": "out_of_range"})
    return begin, until


def _granted(use: Use) -> bool:
    """Whether other calendars of the account may be read."""
    document = use.world.documents.get(grant_path(use.key)).get(grant_path(use.key))
    needed = use.connecting.scopes.external_events
    return document is not None and not grant_of(document).scopes.isdisjoint(needed)


_KNOWN = ("not_connected",)
PATHS: Table = {
    "/activity": {"GET": Endpoint(show_activity, query=ActivityQuery, problems=_KNOWN)},
    "/set-aside": {"GET": Endpoint(list_set_aside, problems=_KNOWN)},
    "/explain": {"GET": Endpoint(explain_then, query=ExplainQuery, problems=_KNOWN)},
    "/availability": {"GET": Endpoint(show_availability, query=SpanQuery, problems=_KNOWN)},
}
