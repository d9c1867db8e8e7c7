"""The job of a poke that says which: read these appointments, and name them to everyone they concern.

Without the practice's lease and without its cursor, so that pokes hold up neither each other nor the reading
of its changes. That one meets these rows again; by then their calendars know the versions.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.app.feed import Dispatch, FeedOutcome, tell
from shared.app.world import World


def run_rows_job(world: World, practice: str, ids: Sequence[str], dispatch: Dispatch) -> FeedOutcome:
    """Raises RetryableError and BlockedError. Of what is in no calendar and of nobody here nothing comes."""
    read = world.ehr(practice).read(ids)
    rows = [row for row in read.values() if row is not None]
    gone = [each for each, row in read.items() if row is None]
    return tell(world, practice, rows, dispatch, FeedOutcome(), gone)
