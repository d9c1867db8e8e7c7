"""Write one item to a side: what differs from the target, over the version that was read.

Creating can be repeated: an id that is taken by what an earlier try made is taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.app.cases import Case
from shared.app.tools import Tools
from shared.core.decide import Settle
from shared.core.errors import RejectedError, RetryableError, StaleError
from shared.core.identity import GENERATIONS_MAX, identifier, series_of
from shared.core.match import k_from_calendar
from shared.core.model import Appointment, Base, Event, Facts, Kind, Marker, Reading, Side, What, When
from shared.core.window import at_least_a_minute, instants
from shared.ports import EventWrite, GoneError, RefusedError, TakenError

GENERATION_TRIES = 4
"""Generations tried in one job; more in the next."""


class RefusedByEhrError(RejectedError):
    """The EHR refuses what the calendar wants of an appointment that exists: it is put back."""


@dataclass(frozen=True)
class Writer:
    """Writes to both sides, for one calendar."""

    tools: Tools
    is_past: Callable[[Case], bool]

    # --- the EHR ---

    def to_ehr(self, case: Case, decision: Settle, calendar: Facts | None) -> Facts | None:
        """What the EHR holds afterwards."""
        existed = case.item.base.ehr is not None or case.known(Side.EHR) is not None
        try:
            row = self._ehr_row(case, decision, calendar)
        except RejectedError as error:
            if existed and not case.refused:
                raise RefusedByEhrError(error.reason) from None
            raise
        case.row = row
        cancelled_version = row.version if row is not None and not decision.present else None
        case.item = replace(case.item, cancelled_version=cancelled_version)
        if row is not None:
            case.item = replace(case.item, appointment_id=row.id)
            self.tools.renderer.learn(self.tools.ehr, [row])
        return self.tools.renderer.row(row, case.item.origin).facts

    def _ehr_row(self, case: Case, decision: Settle, calendar: Facts | None) -> Appointment | None:
        row = case.row
        if not decision.present:
            return None if row is None else self.tools.ehr.cancel(row)
        if calendar is None:  # it stands as it is, under the name that it should have
            assert row is not None
            return self.tools.ehr.update(row, identifier=self.right_name(case))
        block = case.item.kind is Kind.BLOCK  # its busy state is a part of both: it is written whole
        span = self._span(calendar.when) if block or decision.when is Side.CALENDAR else None
        what = self._what_for_ehr(case) if block or decision.what is Side.CALENDAR else None
        if case.known(Side.EHR) is not None:
            assert row is not None
            return self.tools.ehr.update(row, span=span, what=what, identifier=self.right_name(case))
        assert span is not None
        assert what is not None
        if row is not None:
            return self.tools.ehr.rebook(row, span=span, what=what)
        return self._create_row(case, span, what)

    def right_name(self, case: Case) -> str | None:
        """Our identifier as the row should have it; None where it has it, or has none of ours.

        What took over the appointment of another occurrence has a row that is still named after that.
        """
        name = identifier(self.tools.calendar.key, case.item.k)
        came = k_from_calendar(self.tools.calendar.key, case.row) if case.row else None
        misnamed = case.item.origin is Side.CALENDAR and came not in (None, case.item.k)
        return name if misnamed else None

    def _create_row(self, case: Case, span: tuple[datetime, datetime], what: What) -> Appointment:
        """A new row, or the one that an earlier try made: brought back and put right where it differs."""
        name = identifier(self.tools.calendar.key, case.item.k)
        row = self.tools.ehr.create(case.item.kind, self.tools.connection.practitioner, name, span, what)
        if self.tools.connection.practitioner not in row.practitioner_ids:
            raise RejectedError("reassigned")
        if row.kind is not case.item.kind:  # staff gave it a client meanwhile: nothing of it is ours to say
            case.item = replace(case.item, appointment_id=row.id)
            raise RejectedError("taken") if case.item.kind is Kind.BLOCK else StaleError("given_a_client")
        if not self.tools.renderer.has(row):
            return self.tools.ehr.rebook(row, span=span, what=what)
        if (
            row.when is None
            or instants(row.when, self.tools.connection.settings.zone) != span
            or ((row.title, row.busy) != (what.summary, what.busy))
        ):
            return self.tools.ehr.update(row, span=span, what=what)
        return row

    def _span(self, when: When) -> tuple[datetime, datetime]:
        return instants(when, self.tools.connection.settings.zone)

    def _what_for_ehr(self, case: Case) -> What:
        assert case.event is not None
        if case.item.kind is Kind.BLOCK:
            return self.tools.renderer.block_what(case.event)
        return self.tools.renderer.what_for_ehr(case.row, case.event, case.item.origin)

    # --- the calendar ---

    def to_calendar(
        self, case: Case, decision: Settle, ehr: Facts | None, calendar: Facts | None
    ) -> Facts | None:
        """What the calendar holds afterwards."""
        if not decision.present:
            self.tools.service.delete(self.tools.calendar_id, self._event(case, calendar))
            case.event = None
            return None
        assert ehr is not None
        if calendar is None:
            event = self._bring_back(case, ehr) or self._create(case, ehr)
        elif self._is_in_a_series(case):
            event = self._take_out(case, ehr, calendar)
        else:
            write = self._write(case, decision, ehr)
            event = self.tools.service.update(self.tools.calendar_id, self._event(case, calendar), write)
        case.event = event
        return self.tools.renderer.event(event, case.item.kind).facts

    def _is_in_a_series(self, case: Case) -> bool:
        """A client's appointment that began as an occurrence of somebody's series, and is still on that."""
        item, keys = case.item, self.tools.world.keys
        if item.kind is not Kind.CLIENT or series_of(item.k) is None:
            return False
        generations = range(item.generation + 1)
        return item.event_id not in [keys.event_id(self.tools.calendar.key, item.k, n) for n in generations]

    def _take_out(self, case: Case, ehr: Facts, calendar: Facts) -> Event:
        """An event of its own, which no change of the series reaches; the occurrence is one too many then."""
        occurrence = self._event(case, calendar)
        event = self._create(case, ehr)
        case.extras.append(occurrence)
        return event

    def _event(self, case: Case, calendar: Facts | None) -> Event:
        """The event to write over: as read now, else under the version last known."""
        if case.event is not None:
            return case.event
        assert calendar is not None
        assert case.item.event_id is not None
        return Event(case.item.event_id, calendar.version, cancelled=False, when=None, what=What(""))

    def _write(self, case: Case, decision: Settle, ehr: Facts) -> EventWrite:
        assert case.row is not None
        return EventWrite(
            when=at_least_a_minute(ehr.when) if decision.when is Side.EHR else None,
            what=self.tools.renderer.what(case.row, case.item.origin) if decision.what is Side.EHR else None,
            kind=case.item.kind,
        )

    def _whole(self, case: Case, ehr: Facts, generation: int) -> EventWrite:
        everything = Settle(present=True, when=Side.EHR, what=Side.EHR)
        marker = Marker(self.tools.calendar.key, case.item.k, generation)
        return replace(self._write(case, everything, ehr), marker=marker)

    def _bring_back(self, case: Case, ehr: Facts) -> Event | None:
        """A deleted event under its own id: one try; None where that is refused or there is none.

        A client's appointment does not come back into somebody's series.
        """
        event = case.event
        if event is None or not event.cancelled or event.id != case.item.event_id:
            return None
        if self._is_in_a_series(case):
            return None
        everything = Settle(present=True, when=Side.EHR, what=Side.EHR)
        try:
            return self.tools.service.restore(
                self.tools.calendar_id, event, self._write(case, everything, ehr)
            )
        except (RefusedError, GoneError):
            return None

    def _create(self, case: Case, ehr: Facts) -> Event:
        """A new event under the next free id; one that an earlier try made is taken over."""
        for _ in range(GENERATION_TRIES):
            generation = case.item.generation
            if generation >= GENERATIONS_MAX:
                raise RejectedError("event_ids_exhausted")
            event_id = self.tools.world.keys.event_id(self.tools.calendar.key, case.item.k, generation)
            try:
                return self.tools.service.create(
                    self.tools.calendar_id, event_id, self._whole(case, ehr, generation)
                )
            except TakenError:
                self._after_taken(case, event_id)
        raise RetryableError("event_ids_taken")

    def _after_taken(self, case: Case, event_id: str) -> None:
        """Ours and live, or past and deleted there: decided again. Anything else: the next generation."""
        event = self.tools.service.event(self.tools.calendar_id, event_id)
        if event is None and case.item.tries < self.tools.world.limits.stale_tries:
            raise RetryableError("event_taken_but_not_found")
        if event is not None and self.tools.world.keys.is_ours(self.tools.calendar.key, event):
            if not event.cancelled:
                case.event, case.item = event, replace(case.item, event_id=event.id)
                raise StaleError("event_exists")
            if case.item.base.calendar is None and self.is_past(case):
                case.event, case.calendar = event, Reading(None)
                case.item = replace(
                    case.item, event_id=event.id, base=Base(case.known(Side.EHR), case.known(Side.EHR))
                )
                raise StaleError("deleted_before")
        case.item = replace(case.item, generation=case.item.generation + 1)


def differs(decision: Settle, side: Side, here: Facts | None, there: Facts | None) -> bool:
    """Whether this side differs from the target."""
    if not decision.present:
        return here is not None
    if here is None:
        return there is not None
    return side.other in (decision.when, decision.what)
