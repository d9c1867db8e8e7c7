"""Whether the EHR's hooks arrive, as its practice's document tells it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

from shared.app.records import Practice, practice_data, practice_of, practice_path
from shared.app.world import World
from shared.core.errors import StaleError
from shared.ports import Expect, Put

NOTED_SECONDS = 3_600
"""A write at most so often: whether hooks arrive is asked in hours."""


def note_hook(world: World, practice: str) -> None:
    """Write down that one arrived, unless that was done not long ago. Raises RetryableError.

    Never under the lease of a job that reads the practice: a write would take it away. The next one is noted.
    """
    path, now = practice_path(practice), world.clock.now()
    document = world.documents.get(path).get(path)
    record = practice_of(document) if document else Practice(practice)
    leased = record.lease is not None and record.lease.until > now
    noted = record.hooked_at is not None and now - record.hooked_at < timedelta(seconds=NOTED_SECONDS)
    if leased or noted:
        return
    put = Put(
        path, practice_data(replace(record, hooked_at=now)), document.version if document else Expect.ABSENT
    )
    with contextlib.suppress(StaleError):  # somebody was faster: then the next one is noted
        world.documents.commit([put])
