"""What travels, as models: bodies, of which nothing unknown is taken, and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from shared.app.connect import ZONE_UNKNOWN
from shared.app.eligible import Candidate, Unfit
from shared.app.external_state import ExternalState, ExternalWord
from shared.app.records import Connection, Receipt, Tally
from shared.app.set_up import NAME_MAX, zone_named
from shared.app.state import CalendarState, EhrState, Problem, PushState, Shown, SyncState
from shared.core.blocking import BlockRules
from shared.core.policy import (
    HORIZON_DAYS_MAX,
    CancelledEvents,
    Edits,
    ExternalTitles,
    FreeEvents,
    LabelMode,
    Mode,
    PersonalText,
)
from shared.core.reasons import Remedy, reason_of
from shared.ports import Listing, ProtectedBy

REVIEW_THRESHOLD_MAX = 100
REVIEW_WINDOW_MAX = 1_440
"""Minutes."""
UTC_CHOSEN = "Etc/UTC"
"""UTC as somebody's choice: under its other name it says that no zone is known."""


def _zone(name: str) -> str:
    name = UTC_CHOSEN if name == ZONE_UNKNOWN else name
    if "/" not in name or zone_named(name) is None:  # without one: abbreviations, and files that are no zones
        raise PydanticCustomError("zone_unknown", "not a zone of the IANA database")
    return name


CalendarName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=NAME_MAX, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Email = Annotated[str, StringConstraints(max_length=320, pattern=r"^[^\s@]+@[^\s@]+$")]


# --- bodies ---------------------------------------------------------------------------------------------


class Body(BaseModel):
    """By itself: one that has nothing to say. None stands for what was left out; null is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def nulls(self) -> list[str]:
        """Fields that were given and have no value."""
        return sorted(name for name in self.model_fields_set if getattr(self, name) is None)


class ConnectBody(Body):
    login_hint: Email | None = Field(default=None, description="e-mail of the account to be offered first")


class CompleteBody(Body):
    code: str = Field(min_length=1, max_length=200, description="the one-time code of the return page")


class StartBody(Body):
    calendar_name: CalendarName | None = None


class RulesBody(Body):
    """Whether such events of an external calendar take the time; what is left out stays as it is."""

    all_day: bool | None = None
    tentative: bool | None = None
    unanswered: bool | None = None
    focus_time: bool | None = None
    out_of_office: bool | None = None

    def on(self, rules: BlockRules) -> BlockRules:
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        return replace(rules, **given)


CalendarId = Annotated[str, Field(min_length=1, max_length=1024)]


class ChooseBody(Body):
    id: CalendarId
    rules: RulesBody | None = None


class LeaveBody(Body):
    id: CalendarId


class SettingsBody(Body):
    """What is left out stays as it is."""

    mode: Mode | None = None
    client_label: LabelMode | None = None
    full_name_acknowledged: bool | None = Field(
        default=None, description="full names may stand in an account of no organization"
    )
    google_edits: Edits | None = None
    personal_text: PersonalText | None = None
    external_titles: ExternalTitles | None = None
    free_events: FreeEvents | None = None
    cancelled_events: CancelledEvents | None = None
    review_threshold: int | None = Field(default=None, ge=1, le=REVIEW_THRESHOLD_MAX)
    review_window_minutes: int | None = Field(default=None, ge=1, le=REVIEW_WINDOW_MAX)
    telehealth_link: bool | None = None
    service_line: bool | None = None
    horizon_days: int | None = Field(default=None, ge=1, le=HORIZON_DAYS_MAX)
    start_from: date | None = None
    time_zone: Zone | None = None
    calendar_name: CalendarName | None = Field(default=None, description="before the sync is started only")


# --- answers --------------------------------------------------------------------------------------------


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class NothingAnswer(Answer):
    pass


class ConnectAnswer(Answer):
    url: str


class CompleteAnswer(Answer):
    google_email: str
    external_calendars: bool
    status: Shown


class SettingsAnswer(Answer):
    mode: Mode
    client_label: LabelMode
    google_edits: Edits
    personal_text: PersonalText
    external_titles: ExternalTitles
    free_events: FreeEvents
    cancelled_events: CancelledEvents
    review_threshold: int
    review_window_minutes: int
    telehealth_link: bool
    service_line: bool
    horizon_days: int
    start_from: date
    time_zone: str
    calendar_name: str
    full_name_acknowledged_at: datetime | None

    @classmethod
    def of(cls, connection: Connection) -> SettingsAnswer:
        settings = connection.settings
        return cls(
            mode=settings.mode,
            client_label=settings.client_label,
            google_edits=settings.google_edits,
            personal_text=settings.personal_text,
            external_titles=settings.external_titles,
            free_events=settings.free_events,
            cancelled_events=settings.cancelled_events,
            review_threshold=settings.review_threshold,
            review_window_minutes=settings.review_window_minutes,
            telehealth_link=settings.telehealth_link,
            service_line=settings.service_line,
            horizon_days=settings.horizon_days,
            start_from=settings.start_from,
            time_zone=settings.zone.key,
            calendar_name=connection.calendar_name,
            full_name_acknowledged_at=connection.full_name_acknowledged_at,
        )


class ProgressAnswer(Answer):
    done: int
    total: int


class PushAnswer(Answer):
    live: bool
    until: datetime | None
    problem: str | None

    @classmethod
    def of(cls, push: PushState) -> PushAnswer:
        return cls(live=push.live, until=push.until, problem=push.problem)


class AppointmentsCalendarAnswer(Answer):
    name: str | None
    ready: bool
    last_look: datetime | None
    last_full_read: datetime | None
    progress: ProgressAnswer | None
    problem: str | None
    failing: bool
    push: PushAnswer

    @classmethod
    def of(cls, state: CalendarState, name: str | None) -> AppointmentsCalendarAnswer:
        progress = state.progress
        return cls(
            name=name,
            ready=state.ready,
            last_look=state.last_look,
            last_full_read=state.last_full_read,
            progress=ProgressAnswer(done=progress.done, total=progress.total) if progress else None,
            problem=state.problem,
            failing=state.failing,
            push=PushAnswer.of(state.push),
        )


class SetAsideAnswer(Answer):
    reason: str
    count: int

    @classmethod
    def all_of(cls, counts: Mapping[str, int]) -> list[SetAsideAnswer]:
        return [cls(reason=why, count=count) for why, count in sorted(counts.items())]


class EhrAnswer(Answer):
    last_read: datetime | None
    last_hook: datetime | None
    hooks_arrive: bool
    listing: Listing | None
    protected_by: ProtectedBy | None
    problem: str | None

    @classmethod
    def of(cls, state: EhrState) -> EhrAnswer:
        return cls(**asdict(state))


class ProblemAnswer(Answer):
    code: str
    sentence: str
    remedy: Remedy
    calendar: str | None

    @classmethod
    def of(cls, problem: Problem, *, own: bool) -> ProblemAnswer:
        """`own`: the practitioner is told which calendar it is."""
        reason, calendar = reason_of(problem.code), problem.calendar
        which = calendar.calendar_id if calendar and own else None
        return cls(code=problem.code, sentence=reason.sentence, remedy=reason.remedy, calendar=which)


class TallyAnswer(Answer):
    total: int
    removed: int
    kept: int
    refused: int

    @classmethod
    def of(cls, tally: Tally) -> TallyAnswer:
        return cls(total=tally.total, removed=tally.removed, kept=tally.kept, refused=tally.refused)


class ReceiptAnswer(Answer):
    """How a connection ended."""

    at: datetime
    events: TallyAnswer
    blocks: TallyAnswer
    personal_kept: int
    calendar_deleted: bool
    problem: str | None

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptAnswer:
        return cls(
            at=receipt.at,
            events=TallyAnswer.of(receipt.events),
            blocks=TallyAnswer.of(receipt.blocks),
            personal_kept=receipt.personal_kept,
            calendar_deleted=receipt.calendar_deleted,
            problem=receipt.problem,
        )


class StateAnswer(Answer):
    status: Shown
    google_email: str | None
    external_calendars: bool
    calendar: AppointmentsCalendarAnswer | None
    pending: int
    set_aside: list[SetAsideAnswer]
    ehr: EhrAnswer
    problems: list[ProblemAnswer]
    next_look_by: datetime | None
    settings: SettingsAnswer | None
    receipt: ReceiptAnswer | None

    @classmethod
    def of(cls, state: SyncState, *, own: bool) -> StateAnswer:
        """`own`: the practitioner's; nobody else is told the account, the calendar's name, the settings."""
        connection = state.connection
        name = connection.calendar_name if connection and own else None
        return cls(
            status=state.status,
            google_email=state.email if own else None,
            external_calendars=state.external_calendars,
            calendar=AppointmentsCalendarAnswer.of(state.calendar, name) if connection else None,
            pending=state.pending,
            set_aside=SetAsideAnswer.all_of(state.set_aside),
            ehr=EhrAnswer.of(state.ehr),
            problems=[ProblemAnswer.of(each, own=own) for each in state.problems],
            next_look_by=state.next_look_by,
            settings=SettingsAnswer.of(connection) if connection and own else None,
            receipt=ReceiptAnswer.of(connection.receipt) if connection and connection.receipt else None,
        )


class CalendarAnswer(Answer):
    """A calendar of the account."""

    id: str
    name: str
    primary: bool
    eligible: bool
    reason: Unfit | None

    @classmethod
    def of(cls, candidate: Candidate) -> CalendarAnswer:
        entry, unfit = candidate.entry, candidate.unfit
        return cls(id=entry.id, name=entry.name, primary=entry.primary, eligible=unfit is None, reason=unfit)


class RulesAnswer(Answer):
    all_day: bool
    tentative: bool
    unanswered: bool
    focus_time: bool
    out_of_office: bool


class ExternalCalendarAnswer(Answer):
    """A calendar that was chosen."""

    id: str
    status: ExternalWord
    problem: str | None
    last_look: datetime | None
    last_full_read: datetime | None
    progress: ProgressAnswer | None
    pending: int
    set_aside: list[SetAsideAnswer]
    push: PushAnswer
    rules: RulesAnswer

    @classmethod
    def of(cls, state: ExternalState, shown: CalendarState) -> ExternalCalendarAnswer:
        """`shown`: what its document and its open items say."""
        calendar, progress = state.calendar, shown.progress
        return cls(
            id=calendar.calendar_id or "",
            status=state.word,
            problem=calendar.problem,
            last_look=calendar.checked_at,
            last_full_read=calendar.passed_at,
            progress=ProgressAnswer(done=progress.done, total=progress.total) if progress else None,
            pending=shown.pending,
            set_aside=SetAsideAnswer.all_of(shown.set_aside),
            push=PushAnswer.of(shown.push),
            rules=RulesAnswer(**asdict(calendar.rules)),
        )


class ExternalCalendarsAnswer(RootModel[list[ExternalCalendarAnswer]]):
    pass


class CalendarsAnswer(RootModel[list[CalendarAnswer]]):
    pass
