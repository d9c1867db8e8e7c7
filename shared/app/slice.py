"""A slice: the work of one job while it holds the lease of a calendar."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.accounts import pause
from shared.app.activity import Told
from shared.app.appointments_calendar import ensure_calendar
from shared.app.cases import Case, see_row
from shared.app.channels import channel_due, renew_channel
from shared.app.external import ExternalGatherer
from shared.app.gather import AppointmentsGatherer
from shared.app.gathering import Gathered, Gatherer
from shared.app.items import Items
from shared.app.notices import NoticeKind, note, note_once
from shared.app.outcome import Outcome, State, earliest, next_due
from shared.app.overlaps import note_overlaps
from shared.app.records import (
    CURSOR_FORMAT,
    Calendar,
    Connection,
    Lease,
    Progress,
    Role,
    calendar_data,
    calendar_path,
    parked,
)
from shared.app.render import Renderer
from shared.app.reviewing import Reviewing
from shared.app.settle import Settler, kept
from shared.app.tools import Tools
from shared.app.world import World
from shared.core.errors import OverLimitError, RetryableError, StaleError
from shared.core.identity import slot
from shared.core.item import Item
from shared.core.policy import Verdict
from shared.core.review import must_wait
from shared.core.window import window
from shared.ports import COMMIT_WRITES_MAX, Put, Remove

FAILURES_IN_A_ROW = 3
"""Retryable failures after which a slice ends: it is not the item."""
SAFE_SHARE = 5 / 6
"""Nothing is written in the last sixth of a lease."""
ITEMS_MAX = COMMIT_WRITES_MAX - 2
"""Documents of items in one commit: beside them goes the calendar's, and it may be a page of its history."""
NO_CURSOR_SECONDS = 60
"""A complete listing ended without a cursor: when to list again."""


@dataclass
class Fence:
    """The version of the calendar document that a job read or wrote last: every save of it carries that."""

    world: World
    key: str
    version: str = ""

    def save(self, calendar: Calendar, items: Iterable[Put | Remove] = ()) -> list[str]:
        """Items and the calendar document in one commit; the items' new versions.

        Raises StaleError when the fence has fallen: another job has written.
        """
        put = Put(calendar_path(self.key), calendar_data(calendar), self.version)
        *versions, self.version = self.world.documents.commit([*items, put])
        return versions

    def saves(self, calendar: Calendar) -> bool:
        """False: the fence has fallen."""
        try:
            self.save(calendar)
        except StaleError:
            return False
        return True


def takes_up(calendar: Calendar, *, bulk: bool) -> bool:
    """What a pass has found is the bulk jobs' to work through, at their pace."""
    return bulk or not calendar.in_pass


class Slice:
    """The work of one job while it holds the lease."""

    def __init__(self, fence: Fence, calendar: Calendar, connection: Connection, *, bulk: bool) -> None:
        world = fence.world
        self.fence, self.world, self.bulk = fence, world, bulk
        self.calendar, self.connection = calendar, connection
        self.service = world.calendars(connection, paced=bulk)
        self.ehr = world.ehr(connection.practice)
        self.started = world.clock.now()
        self._waited: frozenset[str] = frozenset()
        """Items that were open before this job, by k."""
        settings = connection.settings
        taken_in = window(settings.start_from, settings.horizon_days, now=self.started, zone=settings.zone)
        self.renderer = Renderer(world.keys, settings, connection.practitioner, taken_in, calendar.rules)
        self.items = Items(world.documents, calendar, connection.practice)
        self.reviewing = Reviewing(world, calendar, connection)
        self.told = Told(connection.key, calendar.key, connection.practice, calendar.recent, bulk)
        self._unseen = False
        """The first channel lives: what happened since the listing was told to nobody."""
        self._pass_follows = False

    def tools(self) -> Tools:
        return Tools(self.world, self.connection, self.calendar, self.service, self.ehr, self.renderer)

    def gatherer(self) -> Gatherer:
        external = self.calendar.role is Role.EXTERNAL
        kind = ExternalGatherer if external else AppointmentsGatherer
        return kind(self.tools(), self.world.clock.now(), self.items)

    def take_lease(self, gathered: Gathered | None) -> None:
        """With it the new items are written down. Raises StaleError: the document was written since."""
        now, limits = self.world.clock.now(), self.world.limits
        self.calendar = replace(
            self.calendar,
            lease=Lease(self.world.new_id(), now + timedelta(seconds=limits.lease_seconds)),
            lapses=self.calendar.lapses + (self.calendar.lease is not None),
            due_at=self._not_later(self.calendar, now + timedelta(seconds=limits.soon_seconds)),
        )
        self._write_down(gathered.cases if gathered else [])
        if self.calendar.lapses >= limits.lapses_max:
            note_once(self.world, self.connection, NoticeKind.FAILING)

    def _not_later(self, calendar: Calendar, due_at: datetime | None) -> datetime | None:
        """A live job does not put off the time at which a bulk job that does not come is missed."""
        return due_at if takes_up(calendar, bulk=self.bulk) else earliest(self.calendar.due_at, due_at)

    def run(self, gathered: Gathered | None) -> Outcome:
        """`gathered` None: a complete pass."""
        whole = gathered is None
        if gathered is None:
            if self.calendar.calendar_id is None:
                ensure_calendar(self.world, self.calendar, self.connection, self.service, self._save)
                self.items = Items(self.world.documents, self.calendar, self.connection.practice)
            self.take_up_decisions()
            gathered = self.gatherer().everything()
            self.calendar = replace(self.calendar, progress=Progress(0, len(gathered.cases)))
            self._write_down(gathered.cases)
        self._pass_follows = gathered.pass_wanted
        if self.bulk:
            met = {case.item.k for case in gathered.cases}
            gathered.cases += [case for case in self._undone() if case.item.k not in met]
        settler = Settler(self.tools(), done=self.told.done)
        self._settle(gathered.cases, settler, whole=whole)
        if settler.over_limit:
            pause(self.world, self.connection.sub, settler.stop_after)
        else:
            self._keep_channel()
        note_overlaps(self.tools(), settler.taken)
        if settler.counts.newly_aside:
            note(self.world, self.connection, NoticeKind.SET_ASIDE, settler.counts.newly_aside)
        return self._end(gathered, settler, whole=whole)

    def _keep_channel(self) -> None:
        push, connection = self.world.push, self.connection
        if self.calendar.leaving:
            return  # nobody is to be told of it any more, and it may be gone
        if push is not None and channel_due(self.calendar, connection, push, self.world.clock.now()):
            self._flush(keep=0)  # what is settled is not at the mercy of one more call
            told, grant = self._is_told(), connection.grant
            try:
                self.calendar = renew_channel(
                    self.world, push, self.calendar, grant, self.service, self._save
                )
            except OverLimitError as error:
                pause(self.world, connection.sub, error.after_seconds)
            self._unseen = not told and self._is_told()

    def _is_told(self) -> bool:
        """Whether a channel tells of changes; one of another grant, or that was stopped, may have ended."""
        calendar, now = self.calendar, self.world.clock.now()
        lives = any(row.resource_id is not None and row.expires > now for row in calendar.channels)
        return lives and calendar.renew_at is not None and calendar.channel_grant == self.connection.grant

    # --- reviews ---

    def take_up_decisions(self) -> None:
        """Of a bulk job: what people have decided about deletions is settled now."""
        if self.bulk:
            self.reviewing.take_up(self.items, self.ehr)

    def _judge(self, cases: list[Case]) -> None:
        """Whether deletions that are seen for the first time are applied, or wait for a person."""
        if self.calendar.role is Role.EXTERNAL:
            return
        found = Settler(self.tools()).first_seen(cases)
        now, settings = self.world.clock.now(), self.connection.settings
        since = now - timedelta(minutes=settings.review_window_minutes)
        lately = [at for at in self.calendar.deleted_at if at > since]
        verdict = Verdict.APPLY
        if must_wait(len(found), len(lately), settings.review_threshold, is_open=self.reviewing.is_open):
            self.calendar, verdict = self.reviewing.hold(found, self.calendar), Verdict.HELD
        elif found:
            self.calendar = replace(self.calendar, deleted_at=(*lately, *[now] * len(found)))
        for case in found:
            case.item = replace(case.item, verdict=verdict)

    def _undone(self) -> list[Case]:
        """Appointments that were cancelled by a review and are booked again: their events come back."""
        cases = []
        for entry, row in self.reviewing.undo(self.ehr):
            self.items.load_ks([entry.k])
            item = self.items.get(entry.k) or Item(
                entry.k, entry.kind, entry.origin, appointment_id=entry.appointment_id
            )
            case = Case(item, self.items.get(entry.k))
            self.renderer.learn(self.ehr, [row])
            see_row(case, row, self.renderer)
            cases.append(case)
        return cases

    def _write_down(self, cases: list[Case]) -> None:
        """Save what must not be forgotten, as something to be taken up, and with it the lease."""
        self._judge(cases)
        self._waited = frozenset(case.item.k for case in cases if _was_open(case))
        for case in cases:
            if case.to_be_written_down():
                held = case.item.verdict is Verdict.HELD
                item = kept(case, retry_at=None if held else self.started, tries=case.item.tries)
                carrying = None if held else case.met_deleted() or item.carrying
                case.item = case.stored = replace(item, carrying=carrying)
                self.items.put(case.item)
        self._save(self.calendar)
        self._flush(keep=0)

    def give_up(
        self, *, pass_at: datetime | None = None, missing: bool = False, problem: str | None = None
    ) -> None:
        """Let the lease go without a step forward; what was saved stays."""
        recent, page = self.told.now(self._holder, self.world.clock.now())
        calendar = replace(
            self.calendar,
            lease=None,
            lapses=0,
            pass_at=pass_at,
            missing=missing,
            problem=problem,
            recent=recent,
        )
        with contextlib.suppress(StaleError, RetryableError):  # else it runs out by itself
            self.fence.save(calendar, [page] if page else ())

    # --- settle ---

    def _settle(self, cases: list[Case], settler: Settler, *, whole: bool) -> None:
        in_a_row = 0
        cases.sort(key=lambda case: case.item.k in self._waited)  # what just happened comes first
        for index, case in enumerate(cases):
            if settler.stop_after is not None or in_a_row >= FAILURES_IN_A_ROW or self._time_is_up():
                self._postpone(cases[index:])
                return
            failed = settler.counts.retried
            self._store(case, settler.settle(case))
            self._pass_follows |= bool(case.extras)  # nothing else would bring them again
            in_a_row = in_a_row + 1 if settler.counts.retried > failed else 0
            if whole or case.item.k in self._waited:
                self._advance()
            if self.items.unsaved >= self.world.limits.flush_items:
                self._flush(keep=0)

    def _time_is_up(self) -> bool:
        limits = self.world.limits
        budget = limits.lease_seconds * min(limits.slice_share, SAFE_SHARE)
        if self.bulk:
            budget = min(budget, limits.bulk_slice_seconds)
        return (self.world.clock.now() - self.started).total_seconds() >= budget

    def _postpone(self, cases: list[Case]) -> None:
        """Keep what was read of the rest as seen; the next job takes it up."""
        now = self.world.clock.now()
        for case in cases:
            if case.item.aside is None or case.item.retry_at is None:
                self._store(case, kept(case, retry_at=now, tries=case.item.tries))
            self._pass_follows |= bool(case.extras)

    def _advance(self) -> None:
        progress = self.calendar.progress
        if progress is not None and progress.done < progress.total:
            self.calendar = replace(self.calendar, progress=replace(progress, done=progress.done + 1))

    # --- save ---

    def _store(self, case: Case, item: Item) -> None:
        if item != case.stored:
            self.items.put(item)

    def _flush(self, *, keep: int) -> None:
        """Save items until at most `keep` documents are unsaved."""
        while self.items.unsaved > keep:
            self._save(self.calendar)

    def _save(self, calendar: Calendar) -> None:
        """The calendar, and with it as many items as a commit takes."""
        now = self.world.clock.now()
        if now >= self._lease_until():
            raise StaleError("lease_over")
        writes = self.items.writes(now, ITEMS_MAX)
        recent, page = self.told.now(self._holder, now)
        calendar = replace(calendar, recent=recent)
        versions = self.fence.save(calendar, [*writes, *([page] if page else ())])
        self.items.saved(writes, versions[: len(writes)])
        if page:
            self.told.paged()
        self.calendar = calendar  # only now: giving up must not save a cursor whose items were not

    def _end(self, gathered: Gathered, settler: Settler, *, whole: bool) -> Outcome:
        """The last items and, in the same commit, the cursor with the lease let go."""
        self._flush(keep=ITEMS_MAX)
        self.reviewing.follow(self.items)
        now = self.world.clock.now()
        cursor = gathered.cursor
        retry_at = self.items.first_open()
        pass_at = self._next_pass(gathered, now, whole=whole)
        calendar = replace(
            self.calendar,
            cursor=cursor or self.calendar.cursor,
            cursor_format=CURSOR_FORMAT if cursor else self.calendar.cursor_format,
            pass_at=pass_at,
            passed_at=self.started if whole else self.calendar.passed_at,
            checked_at=now if whole or cursor else self.calendar.checked_at,
            retry_at=retry_at,
            epoch=self.connection.epoch if whole else self.calendar.epoch,
            progress=self._progress(retry_at, now),
            lease=None,
            lapses=0,
            problem=None,
            gone_at=None,
            reviews=self.reviewing.keys(),
        )
        due_at = next_due(calendar, now, self.world.limits.soon_seconds)
        calendar = replace(calendar, due_at=self._not_later(calendar, due_at))
        if calendar.leaving and retry_at is None:
            calendar = parked(replace(calendar, problem=self.calendar.problem, pass_at=None))
        self._save(calendar)
        goes_on = retry_at if takes_up(calendar, bulk=self.bulk) else None
        pass_due = pass_at is not None and pass_at <= now and not self.bulk
        next_pass = None if pass_due else pass_at
        look = settler.look_wanted or self._unseen
        again_at = earliest(goes_on, next_pass, now if look else None)
        if again_at is not None and settler.stop_after is not None:
            again_at = max(again_at, now + timedelta(seconds=settler.stop_after))
        state = State.MORE if again_at is not None and again_at <= now else State.DONE
        return Outcome(state, again_at, look, pass_due, counts=settler.counts, orphans=gathered.orphans)

    def _progress(self, retry_at: datetime | None, now: datetime) -> Progress | None:
        """A pass is at its end when nothing that it found is left to be begun."""
        progress = self.calendar.progress
        at_rest = retry_at is None or retry_at > now
        return replace(progress, done=progress.total) if progress and at_rest else progress

    @property
    def _holder(self) -> str:
        assert self.calendar.lease is not None
        return self.calendar.lease.holder

    def _lease_until(self) -> datetime:
        lease = self.calendar.lease
        assert lease is not None
        return lease.until

    def _next_pass(self, gathered: Gathered, now: datetime, *, whole: bool) -> datetime | None:
        if gathered.listed and gathered.cursor is None:
            return now + timedelta(seconds=NO_CURSOR_SECONDS)
        if self._pass_follows:
            last = self.started if whole else self.calendar.passed_at
            every = timedelta(seconds=self.world.limits.passes_seconds)
            return max(now, last + every) if last else now
        return self._tomorrow(now) if whole else self.calendar.pass_at

    def _tomorrow(self, now: datetime) -> datetime:
        """Daily, and spread: who began at the same time drifts apart."""
        spread = timedelta(minutes=slot(self.calendar.key, 120) - 60)
        return now + timedelta(seconds=self.world.limits.daily_seconds) + spread


def _was_open(case: Case) -> bool:
    return case.stored is not None and case.stored.retry_at is not None
