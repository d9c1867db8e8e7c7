"""Settle one item: decide, then do. The only place that writes to either side.

What comes out is the item as it is to be stored: settled on a new base, or with what was read kept as `seen`
and a time at which it is taken up again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.app.cases import Case, see_event, see_row
from shared.app.records import Calendar, Connection
from shared.app.render import Renderer
from shared.app.world import World
from shared.core.decide import Decision, Hold, Leave, Settle, decide, is_put_back
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError
from shared.core.identity import GENERATIONS_MAX, identifier
from shared.core.item import Item, settled, unsettled
from shared.core.match import Claim, claim
from shared.core.model import Appointment, Base, Event, Facts, Marker, Reading, Side, What, When
from shared.core.policy import Rights, Traits, is_past, rights
from shared.core.window import at_least_a_minute, instants
from shared.ports import CalendarService, Ehr, EventWrite, GoneError, RefusedError, TakenError

GENERATION_TRIES = 4
"""Generations tried in one job; more in the next."""
AN_HOUR = timedelta(hours=1)


class LookWantedError(StaleError):
    """A deletion was met by id: only the delta that brings it decides about it."""


class _NotNotedError(StaleError):
    """A deletion is to be carried over that the store does not know of yet: first it is written down."""


class _ContestedError(RejectedError):
    """The calendar keeps changing what is put back: a pause, then again."""


class _RefusedByEhrError(RejectedError):
    """The EHR refuses what the calendar wants of an appointment that exists: it is put back."""


@dataclass
class Counts:
    """What a job wrote and what it could not."""

    to_ehr: int = 0
    to_calendar: int = 0
    settled: int = 0
    left: int = 0
    held: int = 0
    put_back: int = 0
    extras: int = 0
    """Superfluous events of ours that were removed."""
    aside: int = 0
    retried: int = 0
    bugs: list[str] = field(default_factory=list)
    """Types of unexpected exceptions; each is an alert."""


@dataclass
class Settler:
    world: World
    connection: Connection
    calendar: Calendar
    service: CalendarService
    ehr: Ehr
    renderer: Renderer
    counts: Counts = field(default_factory=Counts)
    look_wanted: bool = False
    stop_after: float | None = None
    """Seconds after which the whole calendar may go on: a limit was met."""

    def settle(self, case: Case) -> Item:
        """The item as it is to be stored. BlockedError and crashes pass through; nothing else does."""
        try:
            return self._settle(case)
        except _NotNotedError:
            return self._again(case, 0, tries=case.item.tries)
        except LookWantedError as error:
            self.look_wanted = True
            return self._failed(case, error.reason)
        except StaleError:
            return self._failed(case, "contested")
        except RetryableError as error:
            if error.after_seconds is not None:
                self.stop_after = max(self.stop_after or 0, error.after_seconds)
            return self._failed(case, error.reason)
        except _ContestedError as error:
            return self._set_aside(case, error.reason, AN_HOUR.total_seconds())
        except RejectedError as error:
            return self._set_aside(case, error.reason)
        except BlockedError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad item never stops the rest; the type is alerted
            self.counts.bugs.append(type(error).__name__)
            return self._set_aside(case, "bug")

    # --- what becomes of an item that is not settled ---

    def _again(self, case: Case, after_seconds: float, *, tries: int) -> Item:
        retry_at = self.world.clock.now() + timedelta(seconds=after_seconds)
        return kept(case, retry_at=retry_at, tries=tries)

    def _failed(self, case: Case, reason: str) -> Item:
        self.counts.retried += 1
        tries = case.item.tries + 1
        if tries >= self.world.limits.tries_max:
            return self._set_aside(case, reason)
        return self._again(case, self.world.limits.retry_seconds * 2 ** (tries - 1), tries=tries)

    def _set_aside(self, case: Case, reason: str, after_seconds: float | None = None) -> Item:
        self.counts.aside += 1
        wait = self.world.limits.aside_seconds if after_seconds is None else after_seconds
        item = self._again(case, wait, tries=case.item.tries)
        return replace(item, aside=reason, event_id=item.event_id or (case.event.id if case.event else None))

    # --- decide ---

    def _settle(self, case: Case) -> Item:
        self._read(case, self._doubtful(case))
        self._remove_extras(case)
        self._take_mark_off(case)
        self._refuse_unreadable(case)
        read = False
        for _ in range(self.world.limits.stale_tries + 2):  # one read for want of a text, one refusal
            decision = self._decide(case)
            if isinstance(decision, (Hold, Leave)):
                self._count_open(decision)
                return replace(kept(case, retry_at=None), carrying=None)
            missing = [] if read else self._missing(case, decision)
            if missing:
                read = True
                self._read(case, missing)
                continue
            try:
                return self._carry_out(case, decision)
            except _RefusedByEhrError:
                case.refused = True
            except _NotNotedError:
                raise
            except StaleError:
                read = True
                self._read(case)
        raise StaleError("contested")

    def _doubtful(self, case: Case) -> list[Side]:
        """The sides that were not read in this job and of which nothing known earlier is relied on."""
        item, doubtful = case.item, []
        never_settled = item.event_id is not None and item.base.calendar is None
        if case.half_done and case.ehr is None:
            doubtful.append(Side.EHR)
        if case.event is None and (never_settled or case.half_done or item.aside is not None):
            doubtful.append(Side.CALENDAR)
        return doubtful

    def _remove_extras(self, case: Case) -> None:
        while case.extras:
            with contextlib.suppress(RejectedError):  # refused: it stays, and every pass finds it again
                self._remove(case.extras[-1])
            case.extras.pop()

    def _remove(self, event: Event) -> None:
        current: Event | None = event
        for _ in range(self.world.limits.stale_tries):
            if current is None or current.cancelled:
                return
            try:
                self.service.delete(self._calendar_id, current)
            except StaleError:
                current = self.service.event(self._calendar_id, event.id)
            else:
                self.counts.extras += 1
                return
        raise StaleError("contested")

    def _take_mark_off(self, case: Case) -> None:
        """A copy of ours is made an event like any other before anything is made of it."""
        event = case.event
        mapped = case.item.base.calendar is not None
        if event is None or event.cancelled:
            return
        if claim(self.world.keys, self.calendar.key, event, mapped=mapped) is Claim.COPY:
            see_event(case, self.service.unmark(self._calendar_id, event), self.renderer)

    def _refuse_unreadable(self, case: Case) -> None:
        if case.unreadable is not None:
            raise RejectedError(case.unreadable)
        event, item = case.event, case.item
        made_by_hand = item.origin is Side.CALENDAR and item.appointment_id is None
        if made_by_hand and event is not None and event.series and not event.cancelled:
            raise RejectedError("series_not_taken_in")

    def _decide(self, case: Case) -> Decision:
        return decide(case.item.base, case.known(Side.EHR), case.known(Side.CALENDAR), self._rights(case))

    def _rights(self, case: Case) -> Rights:
        return rights(self._traits(case), self.connection.settings)

    def _traits(self, case: Case) -> Traits:
        item, ehr = case.item, case.known(Side.EHR)
        settings = self.connection.settings
        once = case.known(Side.CALENDAR) if item.appointment_id else None
        return Traits(
            kind=item.kind,
            origin=item.origin,
            past=is_past(ehr, item.base.ehr, once, now=self.world.clock.now(), zone=settings.zone),
            protected=case.row is not None and case.row.protected is True,
            reassigned=ehr is None and case.row is not None and self._is_anothers(case.row),
            cancelled_from_calendar=self._cancelled_from_calendar(case),
            refused=case.refused,
        )

    def _cancelled_from_calendar(self, case: Case) -> bool:
        """As far as is known: before anything is written over it the row is read."""
        version = case.item.cancelled_version
        return version is not None and (case.row is None or case.row.version == version)

    def _is_anothers(self, row: Appointment) -> bool:
        return self.connection.practitioner not in row.practitioner_ids

    def _count_open(self, decision: Hold | Leave) -> None:
        if isinstance(decision, Hold):
            self.counts.held += 1
        else:
            self.counts.left += 1

    # --- read by id ---

    def _missing(self, case: Case, decision: Settle) -> list[Side]:
        """The sides that were not read in this job, and have to be before anything is written."""
        ehr, calendar = case.known(Side.EHR), case.known(Side.CALENDAR)
        if case.verify and case.calendar is None:
            return list(Side)
        writes_ehr = _work(decision, Side.EHR, ehr, calendar)
        writes_calendar = _work(decision, Side.CALENDAR, calendar, ehr)
        row_read = case.row is not None or case.ehr is not None or case.item.appointment_id is None
        needs_text = writes_ehr and decision.present and decision.what is Side.CALENDAR
        needs_tombstone = writes_calendar and calendar is None and case.item.event_id is not None
        missing = []
        if (writes_ehr or writes_calendar) and not row_read:
            missing.append(Side.EHR)
        if (needs_text or needs_tombstone) and case.event is None:
            missing.append(Side.CALENDAR)
        return missing

    def _read(self, case: Case, sides: Iterable[Side] = tuple(Side)) -> None:
        """By id, as it stands now."""
        if Side.EHR in sides:
            self._read_row(case)
        if Side.CALENDAR in sides:
            self._read_event(case)
        if case.unreadable is not None:
            raise RejectedError(case.unreadable)
        case.agree_on_absence()

    def _read_row(self, case: Case) -> None:
        appointment_id = case.item.appointment_id or (case.row.id if case.row else None)
        if appointment_id is None:
            return
        row = self.ehr.read([appointment_id])[appointment_id]
        self.renderer.learn(self.ehr, [row])
        see_row(case, row, self.renderer)

    def _read_event(self, case: Case) -> None:
        event_id = case.event.id if case.event else case.item.event_id
        if event_id is None:
            return
        event = self.service.event(self._calendar_id, event_id)
        gone = event is None or event.cancelled
        by_delta = not case.verify and case.item.carrying is not Side.EHR
        if gone and case.known(Side.CALENDAR) is not None and by_delta:
            raise LookWantedError("deletion_met_by_id")
        see_event(case, event, self.renderer)

    @property
    def _calendar_id(self) -> str:
        assert self.calendar.calendar_id is not None
        return self.calendar.calendar_id

    # --- do ---

    def _carry_out(self, case: Case, decision: Settle) -> Item:
        """Write what differs from the target, the EHR first: it may refuse."""
        ehr, calendar = case.known(Side.EHR), case.known(Side.CALENDAR)
        if not decision.present and case.met_deleted() not in (None, case.item.carrying):
            raise _NotNotedError("deletion_not_noted")
        writes_calendar = _work(decision, Side.CALENDAR, calendar, ehr)
        if writes_calendar:
            self._bound_put_backs(case, decision, ehr, calendar)
        if _work(decision, Side.EHR, ehr, calendar):
            ehr = self._write_ehr(case, decision, calendar)
            case.ehr = Reading(ehr)
        if writes_calendar:
            calendar = self._write_calendar(case, decision, ehr, calendar)
        self.counts.settled += 1
        if case.event is not None and not case.event.cancelled:
            case.item = self._with_event(case.item, case.event)
        return settled(case.item, Base(ehr, calendar))

    def _with_event(self, item: Item, event: Event) -> Item:
        marker = event.marker
        generation = item.generation if marker is None else max(item.generation, marker.generation + 1)
        return replace(item, event_id=event.id, generation=generation)

    def _bound_put_backs(
        self, case: Case, decision: Settle, ehr: Facts | None, calendar: Facts | None
    ) -> None:
        """A calendar that keeps changing what we put back is not argued with for ever."""
        if not is_put_back(case.item.base, decision, ehr, calendar):
            return
        now = self.world.clock.now()
        recent = tuple(at for at in case.item.put_back_at if at > now - AN_HOUR)
        if len(recent) >= self.world.limits.put_backs_an_hour:
            raise _ContestedError("contested")
        self.counts.put_back += 1
        case.item = replace(case.item, put_back_at=(*recent, now))

    # --- the EHR ---

    def _write_ehr(self, case: Case, decision: Settle, calendar: Facts | None) -> Facts | None:
        """What the EHR holds afterwards."""
        existed = case.item.base.ehr is not None or case.known(Side.EHR) is not None
        try:
            row = self._ehr_row(case, decision, calendar)
        except RejectedError as error:
            if existed and not case.refused:
                raise _RefusedByEhrError(error.reason) from None
            raise
        self.counts.to_ehr += 1
        case.row = row
        cancelled_version = row.version if row is not None and not decision.present else None
        case.item = replace(case.item, cancelled_version=cancelled_version)
        if row is not None:
            case.item = replace(case.item, appointment_id=row.id)
            self.renderer.learn(self.ehr, [row])
        return self.renderer.row(row, case.item.origin).facts

    def _ehr_row(self, case: Case, decision: Settle, calendar: Facts | None) -> Appointment | None:
        row = case.row
        if not decision.present:
            return None if row is None else self.ehr.cancel(row)
        assert calendar is not None
        span = self._span(calendar.when) if decision.when is Side.CALENDAR else None
        what = self._what_for_ehr(case) if decision.what is Side.CALENDAR else None
        if case.known(Side.EHR) is not None:
            assert row is not None
            return self.ehr.update(row, span=span, what=what)
        assert span is not None
        assert what is not None
        if row is not None:
            return self.ehr.rebook(row, span=span, what=what)
        return self._create_row(case, span, what)

    def _create_row(self, case: Case, span: tuple[datetime, datetime], what: What) -> Appointment:
        """A new row, or the one that an earlier try made: brought back and put right where it differs."""
        name = identifier(self.calendar.key, case.item.k)
        row = self.ehr.create_personal(self.connection.practitioner, name, *span, what)
        if self._is_anothers(row):
            raise RejectedError("reassigned")
        if not self.renderer.has(row):
            return self.ehr.rebook(row, span=span, what=what)
        if (
            row.when is None
            or instants(row.when, self.connection.settings.zone) != span
            or ((row.title, row.busy) != (what.summary, what.busy))
        ):
            return self.ehr.update(row, span=span, what=what)
        return row

    def _span(self, when: When) -> tuple[datetime, datetime]:
        return instants(when, self.connection.settings.zone)

    def _what_for_ehr(self, case: Case) -> What:
        assert case.event is not None
        return self.renderer.what_for_ehr(case.row, case.event, case.item.origin)

    # --- the calendar ---

    def _write_calendar(
        self, case: Case, decision: Settle, ehr: Facts | None, calendar: Facts | None
    ) -> Facts | None:
        """What the calendar holds afterwards."""
        if not decision.present:
            self.service.delete(self._calendar_id, self._event(case, calendar))
            self.counts.to_calendar += 1
            case.event = None
            return None
        assert ehr is not None
        if calendar is None:
            event = self._bring_back(case, ehr) or self._create(case, ehr)
        else:
            write = self._write(case, decision, ehr)
            event = self.service.update(self._calendar_id, self._event(case, calendar), write)
        self.counts.to_calendar += 1
        case.event = event
        return self.renderer.event(event, case.item.kind).facts

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
            what=self.renderer.what(case.row, case.item.origin) if decision.what is Side.EHR else None,
            kind=case.item.kind,
        )

    def _whole(self, case: Case, ehr: Facts, generation: int) -> EventWrite:
        everything = Settle(present=True, when=Side.EHR, what=Side.EHR)
        marker = Marker(self.calendar.key, case.item.k, generation)
        return replace(self._write(case, everything, ehr), marker=marker)

    def _bring_back(self, case: Case, ehr: Facts) -> Event | None:
        """A deleted event under its own id: one try; None where that is refused or there is none."""
        event = case.event
        if event is None or not event.cancelled or event.id != case.item.event_id:
            return None
        everything = Settle(present=True, when=Side.EHR, what=Side.EHR)
        try:
            return self.service.restore(self._calendar_id, event, self._write(case, everything, ehr))
        except (RefusedError, GoneError):
            return None

    def _create(self, case: Case, ehr: Facts) -> Event:
        """A new event under the next free id; one that an earlier try made is taken over."""
        for _ in range(GENERATION_TRIES):
            generation = case.item.generation
            if generation >= GENERATIONS_MAX:
                raise RejectedError("event_ids_exhausted")
            event_id = self.world.keys.event_id(self.calendar.key, case.item.k, generation)
            try:
                return self.service.create(self._calendar_id, event_id, self._whole(case, ehr, generation))
            except TakenError:
                self._after_taken(case, event_id)
        raise RetryableError("event_ids_taken")

    def _after_taken(self, case: Case, event_id: str) -> None:
        """Ours and live, or past and deleted there: decided again. Anything else: the next generation."""
        event = self.service.event(self._calendar_id, event_id)
        if event is None and case.item.tries < self.world.limits.stale_tries:
            raise RetryableError("event_taken_but_not_found")
        if event is not None and self.world.keys.is_ours(self.calendar.key, event):
            if not event.cancelled:
                case.event, case.item = event, replace(case.item, event_id=event.id)
                raise StaleError("event_exists")
            if case.item.base.calendar is None and self._traits(case).past:
                case.event, case.calendar = event, Reading(None)
                case.item = replace(
                    case.item, event_id=event.id, base=Base(case.known(Side.EHR), case.known(Side.EHR))
                )
                raise StaleError("deleted_before")
        case.item = replace(case.item, generation=case.item.generation + 1)


def kept(case: Case, *, retry_at: datetime | None, tries: int = 0) -> Item:
    """The item with everything read of it kept, to be taken up at `retry_at`."""
    verify = case.verify and case.calendar is None
    item = replace(case.item, retry_at=retry_at, tries=tries, aside=None, verify=verify)
    return unsettled(item, *case.readings())


def _work(decision: Settle, side: Side, here: Facts | None, there: Facts | None) -> bool:
    """Whether this side differs from the target."""
    if not decision.present:
        return here is not None
    if here is None:
        return there is not None
    return side.other in (decision.when, decision.what)
