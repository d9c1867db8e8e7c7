"""One practitioner's part of an EHR that cannot tell what changed in the whole practice.

Where it tells what changed for one practitioner, that is read from a cursor on. Where it tells nothing, all
that lies in the window is read, and compared by version with what was read before: a row that is not found
any more is one to be looked at, too. The first time everything counts as changed.
"""

from __future__ import annotations

from dataclasses import replace

from shared.app.feed import Dispatch, FeedOutcome, hooks_are_missed, tell
from shared.app.gathering import LASTS_AT_MOST
from shared.app.records import (
    Connection,
    Followed,
    Practice,
    connection_of,
    connection_path,
    followed_data,
    followed_of,
    followed_path,
    practice_of,
    practice_path,
)
from shared.app.world import World
from shared.core.errors import StaleError
from shared.core.model import Appointment
from shared.core.window import scan_window, window
from shared.ports import Expect, Listing, Put


def run_follow_job(world: World, key: str, dispatch: Dispatch) -> FeedOutcome:
    """Read what changed for the practitioner of this connection. Raises RetryableError and BlockedError.

    Two at once name the same rows twice, which is harmless; the first that saves is the one that counts.
    """
    path = connection_path(key)
    document = world.documents.get(path).get(path)
    connection = connection_of(document) if document else None
    practice = _practice(world, connection.practice) if connection else None
    can = practice.capabilities if practice else None
    listing = can.listing if can else Listing.PRACTICE
    if connection is None or practice is None or not connection.moves or listing is Listing.PRACTICE:
        return FeedOutcome()
    job = _Job(world, connection, dispatch)
    try:
        outcome = job.changes() if listing is Listing.PRACTITIONER else job.window()
    except StaleError:  # another job has read it meanwhile
        outcome = job.outcome
    if outcome.overdue and job.before is not None:
        hooks_are_missed(world, practice)
    return outcome


def _practice(world: World, practice: str) -> Practice | None:
    path = practice_path(practice)
    document = world.documents.get(path).get(path)
    return practice_of(document) if document else None


class _Job:
    def __init__(self, world: World, connection: Connection, dispatch: Dispatch) -> None:
        self.world, self.connection, self.dispatch = world, connection, dispatch
        self.ehr = world.ehr(connection.practice)
        self.outcome = FeedOutcome()
        path = followed_path(connection.key)
        document = world.documents.get(path).get(path)
        self.before = followed_of(document) if document else None
        self.version: Expect | str = document.version if document else Expect.ABSENT

    def changes(self) -> FeedOutcome:
        practitioner = self.connection.practitioner
        if self.before is None or self.before.cursor is None:
            cursor = self.ehr.cursor_now(practitioner)
            self._tell(self._scanned())
            self._save(Followed(self.connection.practice, cursor=cursor))
            return self.outcome
        cursor = self.before.cursor
        for _ in range(self.world.limits.feed_pages_max):
            page = self.ehr.changes(cursor, practitioner)
            self._tell(page.rows)
            cursor = page.cursor
            if cursor != self.before.cursor:
                self._save(Followed(self.connection.practice, cursor=cursor))
            if page.complete:
                return self.outcome
        return replace(self.outcome, complete=False)

    def window(self) -> FeedOutcome:
        rows = self._scanned()
        before = self.before.versions if self.before else {}
        now = {row.id: row.version for row in rows}
        changed = [row for row in rows if before.get(row.id) != row.version]
        self._tell(changed, sorted(before.keys() - now.keys()))
        if now != before:
            self._save(Followed(self.connection.practice, versions=now))
        return self.outcome

    def _scanned(self) -> list[Appointment]:
        settings, now = self.connection.settings, self.world.clock.now()
        taken_in = window(settings.start_from, settings.horizon_days, now=now, zone=settings.zone)
        reach = scan_window(taken_in, now=now)
        return self.ehr.scan(self.connection.practitioner, reach.start - LASTS_AT_MOST, reach.end)

    def _tell(self, rows: list[Appointment] | tuple[Appointment, ...], gone: list[str] | None = None) -> None:
        practice = self.connection.practice
        self.outcome = tell(self.world, practice, rows, self.dispatch, self.outcome, gone or ())

    def _save(self, followed: Followed) -> None:
        put = Put(followed_path(self.connection.key), followed_data(followed), self.version)
        [self.version] = self.world.documents.commit([put])
