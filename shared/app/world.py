"""What the use cases are given: the ports, the keys, the limits. Nothing here is taken from the outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.app.records import Connection
from shared.core.identity import Keys
from shared.ports import CalendarService, Clock, Documents, Ehr


@dataclass(frozen=True)
class Limits:
    """Bounds of one job. Seconds unless said otherwise."""

    lease_seconds: float = 90
    slice_share: float = 2 / 3
    """How much of the lease may go into work; the last sixth sees no write."""
    flush_items: int = 20
    """Settled items are saved at least every so many."""
    take_up_max: int = 100
    """Open items taken up in one slice."""
    listing_pages_max: int = 400
    """A million events; beyond it the calendar is refused."""
    feed_pages_max: int = 50
    stale_tries: int = 3
    """Times one item is read and decided again within a job when its version has moved."""
    tries_max: int = 5
    """Failed jobs after which an item is set aside."""
    retry_seconds: float = 30
    """First wait of an item that failed; doubles with every try."""
    aside_seconds: float = 86_400
    put_backs_an_hour: int = 3
    creating_seconds: float = 30
    """After an answer was lost, when to look whether the calendar was made."""
    passes_seconds: float = 3_600
    """A complete pass that a single unmatched row asks for: at most so often."""


@dataclass(frozen=True)
class World:
    documents: Documents
    clock: Clock
    keys: Keys
    ehr: Callable[[str], Ehr]
    """The EHR of a practice."""
    calendars: Callable[[Connection], CalendarService]
    new_id: Callable[[], str]
    """A fresh random name, for lease holders."""
    limits: Limits = field(default_factory=Limits)
