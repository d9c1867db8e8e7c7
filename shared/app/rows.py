"""The job of a poke that says which: read these appointments, and name them to everyone they concern.

Without the practice's lease and without its cursor, so that pokes hold up neither each other nor the reading
of its changes. That one meets these rows again; by then their calendars know the versions.

Many at once, a season booked or the echoes of our own blocks, would have as many jobs wait for one calendar.
So what meets a calendar that is being worked on is left to the practice's changes: they name all in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.app.concerned import concerned
from shared.app.feed import Dispatch, FeedOutcome
from shared.app.records import calendar_of, calendar_path, practice_of, practice_path
from shared.app.world import World
from shared.ports import Listing


def run_rows_job(world: World, practice: str, ids: Sequence[str], dispatch: Dispatch) -> FeedOutcome:
    """Not complete: have the changes of the practice read, for something was left to them.

    Raises RetryableError and BlockedError. Of what is in no calendar and of nobody here nothing comes.
    """
    read = world.ehr(practice).read(ids)
    rows = [row for row in read.values() if row is not None]
    gone = {each for each, row in read.items() if row is None}
    by_calendar = concerned(world, practice, rows, gone)
    busy = _busy(world, by_calendar) if rows and _tells_changes(world, practice) else frozenset()
    now = {key: named & gone if key in busy else named for key, named in by_calendar.items()}
    for key, named in now.items():
        if named:
            dispatch(key, sorted(named))
    return FeedOutcome(
        len(rows), {key: len(named) for key, named in now.items() if named}, now == by_calendar
    )


def _busy(world: World, calendar_keys: Iterable[str]) -> frozenset[str]:
    """Those that a job has just now."""
    found = map(calendar_of, world.documents.get(*map(calendar_path, calendar_keys)).values())
    return frozenset(calendar.key for calendar in found if calendar.is_leased(world.clock.now()))


def _tells_changes(world: World, practice: str) -> bool:
    """Whether one reading of its changes names whatever there is, but for what is gone."""
    path = practice_path(practice)
    document = world.documents.get(path).get(path)
    record = practice_of(document) if document else None
    at_once = record and record.capabilities and record.capabilities.listing is Listing.PRACTICE
    return bool(record and record.cursor and at_once)
