"""Runs the jobs as queue and scheduler do when deployed, in one process and one at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta

from shared.app.calendar_job import run_calendar_job
from shared.app.feed import run_feed_job
from shared.app.outcome import Outcome, State
from shared.app.settle import Counts
from shared.app.world import World
from shared.core.errors import BlockedError, RetryableError
from shared.ports import Queue

RETRY_SECONDS = 1.0
"""After a failure that names no time of its own."""
SOON = timedelta(minutes=2)
"""A job wanted later than that is not waited for: what was set aside is looked at again tomorrow."""


@dataclass
class Lane:
    """What waits for one calendar, and what its jobs have done."""

    ids: set[str] = field(default_factory=set)
    not_before: float = 0.0
    """On the monotonic clock."""
    blocked: str | None = None
    """Why its jobs are not run any more: a code."""
    totals: Counts = field(default_factory=Counts)


class Driver:
    def __init__(self, world: World, practice: str) -> None:
        self._world = world
        self._practice = practice
        self._feed_not_before = 0.0
        self.lanes: dict[str, Lane] = {}
        """By calendar key."""
        self.trouble: str | None = None
        """Why the last try of something failed, if it did: a code."""

    def add(self, calendar_key: str) -> None:
        self.lanes[calendar_key] = Lane()

    def turn(self) -> None:
        """One poll of the feed and one look at every calendar. Raises BlockedError: the EHR refuses us."""
        self.trouble = None
        self._feed()
        for key in self.lanes:
            self.job(key)

    def job(self, calendar_key: str, *, everything: bool = False) -> Outcome | None:
        """None: it could not run, or is not to run yet."""
        lane = self.lanes[calendar_key]
        if lane.blocked or time.monotonic() < lane.not_before:
            return None
        ids, lane.ids = lane.ids, set()
        try:
            outcome = run_calendar_job(
                self._world, calendar_key, ids=ids, everything=everything, queue=Queue.BULK
            )
        except RetryableError as error:
            lane.ids |= ids
            lane.not_before = self._failed(error)
            return None
        except BlockedError as error:
            lane.blocked = error.reason
            return None
        if outcome.state is State.BUSY:
            lane.ids |= ids
        _add(lane.totals, outcome.counts)
        return outcome

    def wants_more(self, outcome: Outcome | None) -> bool:
        """Whether the same calendar wants another job soon."""
        if outcome is None or outcome.state in (State.MORE, State.BUSY):
            return True
        return outcome.again_at is not None and outcome.again_at <= self._world.clock.now() + SOON

    def _feed(self) -> None:
        if time.monotonic() < self._feed_not_before:
            return
        try:
            run_feed_job(self._world, self._practice, self._dispatch)
        except RetryableError as error:
            self._feed_not_before = self._failed(error)

    def _dispatch(self, calendar_key: str, appointment_ids: Sequence[str]) -> None:
        if calendar_key in self.lanes:
            self.lanes[calendar_key].ids.update(appointment_ids)

    def _failed(self, error: RetryableError) -> float:
        self.trouble = error.reason
        return time.monotonic() + (error.after_seconds or RETRY_SECONDS)


def _add(totals: Counts, counts: Counts) -> None:
    for each in fields(Counts):
        setattr(totals, each.name, getattr(totals, each.name) + getattr(counts, each.name))
