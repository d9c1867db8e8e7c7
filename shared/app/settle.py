"""Settle one item: decide, then have it written.

What comes out is the item as it is to be stored: settled on a new base, or with what was read kept as `seen`
and a time at which it is taken up again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.app.cases import Case, see_event, see_row
from shared.app.deletions import carries_deletion, lives_elsewhere, read_rows
from shared.app.overlaps import Taken
from shared.app.telling import change_of, tell_aside, tell_change, tell_open
from shared.app.tools import Tools
from shared.app.write import RefusedByEhrError, Writer, differs
from shared.core.activity import Done, Happened, reason_against
from shared.core.decide import Decision, Hold, Leave, Settle, decide, is_put_back
from shared.core.errors import BlockedError, OverLimitError, RejectedError, RetryableError, StaleError
from shared.core.item import Item, settled, unsettled
from shared.core.match import Claim, claim
from shared.core.model import Appointment, Base, Event, Facts, Kind, Reading, Side
from shared.core.policy import Rights, Traits, Verdict, is_past, rights

AN_HOUR = timedelta(hours=1)


class LookWantedError(StaleError):
    """A deletion was met by id: only the delta that brings it decides about it."""


class _NotNotedError(StaleError):
    """A deletion is to be carried over that the store does not know of yet: first it is written down."""


class _ContestedError(RejectedError):
    """The calendar keeps changing what is put back: a pause, then again."""


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
    newly_aside: int = 0
    """Of those, the ones that were not before."""
    retried: int = 0
    bugs: list[str] = field(default_factory=list)
    """Types of unexpected exceptions; each is an alert."""


@dataclass
class Settler:
    tools: Tools
    counts: Counts = field(default_factory=Counts)
    look_wanted: bool = False
    stop_after: float | None = None
    """Seconds after which the whole calendar may go on."""
    taken: list[Taken] = field(default_factory=list)
    """Time that the EHR has as taken now because of the calendar, and had not before."""
    over_limit: bool = False
    """The account is over a limit, which concerns its other calendars too."""
    done: list[Done] = field(default_factory=list)
    """What the history is to say, in the order in which it was done."""

    def __post_init__(self) -> None:
        self._writer = Writer(self.tools, is_past=lambda case: self._traits(case).past)

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
            self._slow_down(error)
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

    def first_seen(self, cases: Iterable[Case]) -> list[Case]:
        """Deletions in the calendar that would be applied, and that nobody has judged yet.

        What lives on in another calendar was moved out, and what is protected is put back: neither counts.
        """
        new = [case for case in cases if case.item.verdict is None and self._would_apply(case)]
        read_rows(self.tools, new)
        for case in new:
            if case.moved_out is None and self._would_apply(case):
                case.moved_out = lives_elsewhere(self.tools, case)
        return [case for case in new if self._would_apply(case) and not self._turns_out_protected(case)]

    def _would_apply(self, case: Case) -> bool:
        return case.unreadable is None and carries_deletion(case, self._decide(case))

    def _turns_out_protected(self, case: Case) -> bool:
        """Or cannot be told now: then a later job judges it."""
        if case.item.kind is Kind.CLIENT and case.row is not None and case.row.protected is None:
            try:
                case.protected = self._is_protected(case)
            except RetryableError:
                return True
        return case.protected is True

    # --- what becomes of an item that is not settled ---

    def _slow_down(self, error: RetryableError) -> None:
        after = error.after_seconds
        if isinstance(error, OverLimitError):
            self.over_limit, after = True, after or self.tools.world.limits.pause_seconds
        if after is not None:
            self.stop_after = max(self.stop_after or 0, after)

    def _again(self, case: Case, after_seconds: float, *, tries: int) -> Item:
        retry_at = self.tools.world.clock.now() + timedelta(seconds=after_seconds)
        return kept(case, retry_at=retry_at, tries=tries)

    def _failed(self, case: Case, reason: str) -> Item:
        self.counts.retried += 1
        tries = case.item.tries + 1
        if tries >= self.tools.world.limits.tries_max:
            return self._set_aside(case, reason)
        return self._again(case, self.tools.world.limits.retry_seconds * 2 ** (tries - 1), tries=tries)

    def _set_aside(self, case: Case, reason: str, after_seconds: float | None = None) -> Item:
        self.counts.aside += 1
        self.counts.newly_aside += case.item.aside is None
        wait = self.tools.world.limits.aside_seconds if after_seconds is None else after_seconds
        item = self._again(case, wait, tries=case.item.tries)
        self.done += tell_aside(case, reason, self.tools.world.clock.now())
        return replace(item, aside=reason, event_id=item.event_id or (case.event.id if case.event else None))

    # --- decide ---

    def _settle(self, case: Case) -> Item:
        self._read(case, self._doubtful(case))
        self._remove_extras(case)
        self._take_mark_off(case)
        self._refuse_unreadable(case)
        read = False
        for _ in range(self.tools.world.limits.stale_tries + 2):  # one read for want of a text, one refusal
            decision = self._decide(case)
            if isinstance(decision, (Hold, Leave)):
                return self._stays_open(case, decision)
            missing = [] if read else self._missing(case, decision)
            if missing:
                read = True
                self._read(case, missing)
                continue
            if self._needs_to_know_protection(case, decision):
                case.protected = self._is_protected(case)
                if case.protected:
                    continue
            try:
                return self._carry_out(case, decision)
            except RefusedByEhrError as error:
                case.refused, case.refusal = True, error.reason
            except _NotNotedError:
                raise
            except StaleError:
                read = True
                self._read(case)
        raise StaleError("contested")

    def _stays_open(self, case: Case, decision: Hold | Leave) -> Item:
        """Nothing is written; what was read is kept."""
        held = isinstance(decision, Hold)
        verdict = Verdict.HELD if held else None
        item = replace(kept(case, retry_at=None), carrying=None, verdict=verdict)
        self.counts.held += held
        self.counts.left += not held
        reason = reason_against(self._traits(case), self.tools.connection.settings, case.refusal)
        happened = Happened.HELD if held else Happened.LEFT
        self.done += tell_open(case, item, happened, reason, self.tools.world.clock.now())
        return item

    def _doubtful(self, case: Case) -> list[Side]:
        """The sides that were not read in this job and of which nothing known earlier is relied on."""
        item, doubtful = case.item, []
        never_settled = item.event_id is not None and item.base.calendar is None
        if case.half_done and case.ehr is None:
            doubtful.append(Side.EHR)
        if case.calendar is None and (never_settled or case.half_done or item.aside is not None):
            doubtful.append(Side.CALENDAR)
        return doubtful

    def _remove_extras(self, case: Case) -> None:
        while case.extras:
            with contextlib.suppress(RejectedError):  # refused: it stays, and every pass finds it again
                self._remove(case.extras[-1])
            case.extras.pop()

    def _remove(self, event: Event) -> None:
        current: Event | None = event
        for _ in range(self.tools.world.limits.stale_tries):
            if current is None or current.cancelled:
                return
            try:
                self.tools.service.delete(self.tools.calendar_id, current)
            except StaleError:
                current = self.tools.service.event(self.tools.calendar_id, event.id)
            else:
                self.counts.extras += 1
                return
        raise StaleError("contested")

    def _take_mark_off(self, case: Case) -> None:
        """A copy of ours is made an event like any other before anything is made of it."""
        event = case.event
        mapped = case.item.base.calendar is not None
        if event is None or event.cancelled or case.item.kind is Kind.BLOCK:
            return  # an external calendar is never written
        if claim(self.tools.world.keys, self.tools.calendar.key, event, mapped=mapped) is Claim.COPY:
            see_event(case, self.tools.service.unmark(self.tools.calendar_id, event), self.tools.renderer)

    def _refuse_unreadable(self, case: Case) -> None:
        if case.unreadable is not None:
            raise RejectedError(case.unreadable)
        event, item = case.event, case.item
        made_by_hand = (
            item.kind is Kind.PERSONAL and item.origin is Side.CALENDAR and item.appointment_id is None
        )
        if made_by_hand and event is not None and event.master and not event.cancelled:
            raise RejectedError("series_not_taken_in")

    def _decide(self, case: Case) -> Decision:
        return decide(case.item.base, case.known(Side.EHR), case.known(Side.CALENDAR), self._rights(case))

    def _rights(self, case: Case) -> Rights:
        return rights(self._traits(case), self.tools.connection.settings)

    def _traits(self, case: Case) -> Traits:
        item, ehr = case.item, case.known(Side.EHR)
        settings = self.tools.connection.settings
        once = case.known(Side.CALENDAR) if item.appointment_id else None
        return Traits(
            kind=item.kind,
            origin=item.origin,
            past=is_past(ehr, item.base.ehr, once, now=self.tools.world.clock.now(), zone=settings.zone),
            protected=case.protected or (case.row is not None and case.row.protected is True),
            reassigned=ehr is None and case.row is not None and self._is_anothers(case.row),
            cancelled_from_calendar=self._cancelled_from_calendar(case),
            refused=case.refused,
            marker=case.marker,
            moved_out=case.moved_out is True,
            verdict=case.item.verdict or Verdict.APPLY,
        )

    def _needs_to_know_protection(self, case: Case, decision: Settle) -> bool:
        """Before the calendar moves or cancels a client's appointment whose row does not say."""
        if case.item.kind is not Kind.CLIENT or case.protected is not None or case.row is None:
            return False
        ehr, calendar = case.known(Side.EHR), case.known(Side.CALENDAR)
        reaches = ehr is not None and differs(decision, Side.EHR, ehr, calendar)
        return reaches and case.row.protected is None

    def _is_protected(self, case: Case) -> bool:
        """As the EHR says; where it cannot be told, again later, and at last yes.

        The EHR has the last word all the same: a note may be written between this answer and our write.
        """
        assert case.row is not None
        protected = None if case.protection_asked else self.tools.ehr.protection(case.row)
        case.protection_asked = True
        if protected is None and case.item.tries < self.tools.world.limits.stale_tries:
            raise RetryableError("protection_unknown")
        return protected is not False

    def _cancelled_from_calendar(self, case: Case) -> bool:
        """As far as is known: before anything is written over it the row is read."""
        version = case.item.cancelled_version
        return version is not None and (case.row is None or case.row.version == version)

    def _is_anothers(self, row: Appointment) -> bool:
        return self.tools.connection.practitioner not in row.practitioner_ids

    # --- read by id ---

    def _missing(self, case: Case, decision: Settle) -> list[Side]:
        """The sides that were not read in this job, and have to be before anything is written."""
        ehr, calendar = case.known(Side.EHR), case.known(Side.CALENDAR)
        if case.verify and case.calendar is None:
            return list(Side)
        writes_ehr = differs(decision, Side.EHR, ehr, calendar)
        writes_calendar = differs(decision, Side.CALENDAR, calendar, ehr)
        row_read = case.row is not None or case.ehr is not None or case.item.appointment_id is None
        block = case.item.kind is Kind.BLOCK
        needs_text = writes_ehr and decision.present and (block or decision.what is Side.CALENDAR)
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
        row = self.tools.ehr.read([appointment_id])[appointment_id]
        self.tools.renderer.learn(self.tools.ehr, [row])
        see_row(case, row, self.tools.renderer)

    def _read_event(self, case: Case) -> None:
        event_id = case.event.id if case.event else case.item.event_id
        if event_id is None or self.tools.calendar.leaving:
            return  # of a calendar that is left nothing counts any more
        event = self.tools.service.event(self.tools.calendar_id, event_id)
        gone = event is None or event.cancelled
        by_delta = not case.verify and case.item.carrying is not Side.EHR
        if gone and case.known(Side.CALENDAR) is not None and by_delta:
            raise LookWantedError("deletion_met_by_id")
        see_event(case, event, self.tools.renderer)

    # --- do ---

    def _carry_out(self, case: Case, decision: Settle) -> Item:
        """Write what differs from the target, the EHR first: it may refuse."""
        ehr, calendar = case.known(Side.EHR), case.known(Side.CALENDAR)
        change = change_of(case, decision, self._traits(case), self.tools.connection.settings)
        unjudged = case.item.verdict is None and carries_deletion(case, decision)
        if unjudged or (not decision.present and case.met_deleted() not in (None, case.item.carrying)):
            raise _NotNotedError("deletion_not_noted")
        writes_calendar = differs(decision, Side.CALENDAR, calendar, ehr)
        if writes_calendar:
            self._bound_put_backs(case, decision, ehr, calendar)
        misnamed = decision.present and ehr is not None and self._writer.right_name(case) is not None
        if misnamed or differs(decision, Side.EHR, ehr, calendar):
            before, ehr = ehr, self._writer.to_ehr(case, decision, calendar)
            case.ehr = Reading(ehr)
            self.counts.to_ehr += 1
            self._note_taken(case, before, ehr)
        if writes_calendar:
            calendar = self._writer.to_calendar(case, decision, ehr, calendar)
            self.counts.to_calendar += 1
            self._remove_extras(case)
        self.counts.settled += 1
        if case.event is not None and not case.event.cancelled:
            case.item = self._with_event(case.item, case.event)
        self.done += tell_change(case, change, self.tools.world.clock.now())
        return settled(case.item, Base(ehr, calendar))

    def _note_taken(self, case: Case, before: Facts | None, ehr: Facts | None) -> None:
        if ehr is None or case.row is None or (before is not None and before.when == ehr.when):
            return
        if case.row.busy:
            self.taken.append(Taken(case.row.id, ehr.when))

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
        now = self.tools.world.clock.now()
        recent = tuple(at for at in case.item.put_back_at if at > now - AN_HOUR)
        if len(recent) >= self.tools.world.limits.put_backs_an_hour:
            raise _ContestedError("contested")
        self.counts.put_back += 1
        case.item = replace(case.item, put_back_at=(*recent, now))


def kept(case: Case, *, retry_at: datetime | None, tries: int = 0) -> Item:
    """The item with everything read of it kept, to be taken up at `retry_at`."""
    verify = case.verify and case.calendar is None
    item = replace(case.item, retry_at=retry_at, tries=tries, aside=None, verify=verify)
    return unsettled(item, *case.readings())
