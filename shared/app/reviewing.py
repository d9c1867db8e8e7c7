"""A job's part in reviews: what it holds back, what it takes up of what people decided, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shared.app.cases import Case
from shared.app.items import Items
from shared.app.notices import NoticeKind, note
from shared.app.records import Calendar, Connection
from shared.app.reviews import ENTRIES_MAX, Review, change_review, reviews_of, with_entries
from shared.app.world import World
from shared.core.errors import RejectedError
from shared.core.item import Item
from shared.core.model import Appointment, Facts, Side
from shared.core.policy import Verdict
from shared.core.review import ANSWERED_WITHIN, ASKED, Entry, Standing
from shared.ports import Ehr, GoneError

_ASKED_VERDICTS = frozenset(ASKED.values())


class Reviewing:
    """The reviews of one calendar that are open or have something to be done."""

    def __init__(self, world: World, calendar: Calendar, connection: Connection) -> None:
        self._world, self._connection = world, connection
        found = reviews_of(world, calendar.reviews) if calendar.reviews else []
        self._reviews = {review.key: review for review in found}

    @property
    def is_open(self) -> bool:
        return any(review.is_open for review in self._reviews.values())

    @property
    def has_decisions(self) -> bool:
        """Whether a bulk job has something to do for them."""
        return any(review.pending or self._expired(review) for review in self._reviews.values())

    def keys(self) -> tuple[str, ...]:
        """Of those that are to be read by the next job, too."""
        return tuple(key for key, review in self._reviews.items() if review.is_open or review.pending)

    # --- held -------------------------------------------------------------------------------------------

    def hold(self, cases: Sequence[Case], calendar: Calendar) -> Calendar:
        """Have these wait, in the review that is open or in a new one; the calendar that names it."""
        entries = [_entry(case.item, case.known(Side.EHR), self._world.clock.now()) for case in cases]
        made = calendar.reviews_made
        room = [review for review in self._reviews.values() if review.is_open]
        while entries:
            last = room.pop() if room else None
            if last is None:
                made += 1
            key = last.key if last else f"{calendar.key}-{made}"
            free = ENTRIES_MAX - (len(last.entries) if last else 0)
            self._extend(key, calendar, entries[:free])
            entries = entries[free:]
        note(self._world, self._connection, NoticeKind.REVIEW, len(cases))
        return replace(calendar, reviews=self.keys(), reviews_made=made)

    def _extend(self, key: str, calendar: Calendar, entries: Sequence[Entry]) -> None:
        connection = self._connection
        new = Review(key, connection.practice, connection.key, calendar.key, self._world.clock.now())

        def extended(now: Review) -> Review:
            waiting = {entry.k for entry in now.standing(Standing.HELD, *ASKED)}
            return with_entries(now, [entry for entry in entries if entry.k not in waiting])

        self._reviews[key] = change_review(self._world, key, extended, new)

    # --- decided ----------------------------------------------------------------------------------------

    def take_up(self, items: Items, ehr: Ehr) -> None:
        """Give the items what was decided about them, to be settled by this job or the ones after it."""
        now = self._world.clock.now()
        for review in list(self._reviews.values()):
            asked = review.standing(*ASKED)
            if self._expired(review):
                asked += [replace(each, standing=Standing.RESTORE) for each in review.standing(Standing.HELD)]
            items.load_ks(entry.k for entry in asked)
            waiting = [entry for entry in asked if _is_held(items.get(entry.k))]
            rows = ehr.read(entry.appointment_id for entry in waiting) if waiting else {}
            self._change(review, [_taken_up(entry, rows[entry.appointment_id]) for entry in waiting])
            for entry in self._reviews[review.key].standing(*ASKED):
                item = items.get(entry.k)
                if item is not None and item.verdict is Verdict.HELD:
                    items.put(replace(item, verdict=ASKED[entry.standing], retry_at=now))

    def undo(self, ehr: Ehr) -> list[tuple[Entry, Appointment]]:
        """Book again what was asked for, over the version of our own cancellation alone; what is live now."""
        live: list[tuple[Entry, Appointment]] = []
        for review in list(self._reviews.values()):
            for entry in review.standing(Standing.UNDO):
                row = self._booked_again(entry, ehr)
                standing = Standing.CHANGED if row is None else Standing.UNDONE
                self._change(review, [replace(entry, standing=standing, at=self._world.clock.now())])
                if row is not None:
                    live.append((entry, row))
        return live

    def _booked_again(self, entry: Entry, ehr: Ehr) -> Appointment | None:
        row = ehr.read([entry.appointment_id])[entry.appointment_id]
        if row is None or (row.code == entry.code and row.version != entry.version):
            return row  # an earlier job did it, whose answer was lost; or somebody else
        if row.version != entry.version:
            return None
        try:
            return ehr.rebook(row, status=entry.code)
        except (RejectedError, GoneError):
            return None

    # --- done -------------------------------------------------------------------------------------------

    def follow(self, items: Items) -> None:
        """Write down what came of those that this job has met."""
        now = self._world.clock.now()
        for review in list(self._reviews.values()):
            met = [(entry, items.get(entry.k)) for entry in review.standing(Standing.HELD, *ASKED)]
            moved = [_followed(entry, item, now) for entry, item in met if item is not None]
            self._change(review, [entry for entry in moved if entry is not None])

    def _change(self, review: Review, entries: Iterable[Entry]) -> None:
        """Where a person has decided something else about one meanwhile, that stands."""
        entries = list(entries)
        if not entries:
            return

        def changed(now: Review) -> Review:
            same = [
                entry
                for entry in entries
                if now.entries[entry.k].standing is review.entries[entry.k].standing
            ]
            return with_entries(now, same)

        self._reviews[review.key] = change_review(self._world, review.key, changed)

    def _expired(self, review: Review) -> bool:
        waits = self._world.clock.now() - review.opened_at
        return waits >= ANSWERED_WITHIN and bool(review.standing(Standing.HELD))


def _entry(item: Item, facts: Facts | None, now: datetime) -> Entry:
    assert facts is not None
    assert item.appointment_id is not None
    start, end = facts.when.start.isoformat(), facts.when.end.isoformat()
    return Entry(item.k, item.appointment_id, item.kind, item.origin, start, end, at=now)


def _is_held(item: Item | None) -> bool:
    return item is not None and item.verdict is Verdict.HELD


def _taken_up(entry: Entry, row: Appointment | None) -> Entry:
    """As decided; what was confirmed and has changed since waits again, for whoever confirms it anew."""
    if entry.standing is Standing.CONFIRMED and row is not None:
        if row.version != entry.version:
            return replace(entry, standing=Standing.HELD, version="")
        return replace(entry, code=row.code)
    return entry


def _followed(entry: Entry, item: Item, now: datetime) -> Entry | None:
    """None: it stands where it stood."""
    if item.verdict is Verdict.HELD or item.verdict in _ASKED_VERDICTS:
        return None
    if entry.standing is Standing.HELD:
        return replace(entry, standing=Standing.LEFT, at=now)
    if item.known(Side.EHR) is None:
        return replace(entry, standing=Standing.CANCELLED, version=item.cancelled_version or "", at=now)
    return replace(entry, standing=Standing.RESTORED, at=now)
