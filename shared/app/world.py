"""What the use cases are given: the ports, the keys, the limits. Nothing here is taken from the outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.app.records import Connection
from shared.core.identity import Keys
from shared.core.signing import KeyRing
from shared.ports import CalendarService, Clock, Documents, Ehr, Remove


@dataclass(frozen=True)
class Limits:
    """Bounds of one job. Seconds unless said otherwise."""

    lease_seconds: float = 90
    slice_share: float = 2 / 3
    """How much of the lease may go into work; the last sixth sees no write."""
    bulk_slice_seconds: float = 20
    """The same of a bulk job, where that is less: others wait for the account."""
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
    daily_seconds: float = 86_400
    """From one complete pass to the next, give or take an hour: the window's edge, rows gone silently."""
    soon_seconds: float = 900
    """What is to be done sooner goes on in the queue; what is later waits in the calendar's document."""
    pause_seconds: float = 30
    """Of an account over a limit, where the answer does not say how long."""
    lapses_max: int = 3
    """Leases that ran out one after the other, after which the calendar rests."""
    rest_seconds: float = 3_600
    """The first time; then doubling."""
    rest_seconds_max: float = 86_400
    gone_seconds: float = 900
    """An external calendar is missed for so long before its blocks go."""
    channel_seconds: int = 604_800
    """Asked for; the answer may say less."""
    channels_max: int = 3
    watch_again_seconds: float = 300
    """After a channel could not be made."""


@dataclass(frozen=True)
class Push:
    """How a calendar is to tell us of changes."""

    address: str
    """Where its messages go: push_webhook."""
    keys: KeyRing
    """They sign the tokens that come with them."""


class Services(Protocol):
    def __call__(self, connection: Connection, *, paced: bool) -> CalendarService:
        """The calendars of a connection's account; `paced`: a bulk job's, which leaves room for others.

        Raises BlockedError where there is no grant.
        """


class SideBySide(Protocol):
    def __call__(self, do: Callable[[str], str | None], these: Sequence[str]) -> list[str | None]:
        """`do` for each of these, some at the same time; the answers in their order."""


def one_by_one(do: Callable[[str], str | None], these: Sequence[str]) -> list[str | None]:
    return [do(each) for each in these]


def nothing_to_give_back(_connection_key: str) -> list[Remove]:
    return []


class TellEhr(Protocol):
    def __call__(self, practice: str, message: Mapping[str, object]) -> bool:
        """Tell the EHR of a practice of a notice; False: it wants to be told of none.

        Raises RetryableError where it did not take it, BlockedError where a secret has to be mended.
        """


@dataclass(frozen=True)
class World:
    documents: Documents
    clock: Clock
    keys: Keys
    ehr: Callable[[str], Ehr]
    """The EHR of a practice."""
    calendars: Services
    new_id: Callable[[], str]
    """A fresh random name, for lease holders and channels."""
    chance: Callable[[], float]
    """Evenly from 0 up to 1, for waits that must not meet."""
    push: Push | None = None
    """None: calendars are only looked at."""
    side_by_side: SideBySide = one_by_one
    give_back: Callable[[str], list[Remove]] = nothing_to_give_back
    """Ends the grant of a connection, by its key; the writes that forget it."""
    tell: TellEhr | None = None
    """None: no EHR is told of notices."""
    limits: Limits = field(default_factory=Limits)
