"""What the sandbox Google knows: accounts, calendars, events, who may do what."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.errors import Json, access_required, not_found
from sandbox.google.history import History
from sandbox.google.recurrence import Recurrence
from sandbox.google.rules import RANK, Rules
from sandbox.google.times import zone_named

BASE32HEX = "0123456789abcdefghijklmnopqrstuv"


@dataclass(frozen=True)
class Settings:
    """Where the real service is free or unknown, which way this one goes."""

    empty_page_chance: float = 0.05
    """Of a page with nothing on it although rows follow; never twice in a row."""
    short_page_chance: float = 0.05
    """Of a page of half the size asked for."""
    revive: str = "works"
    """`works` or `forbidden`: what patching or putting a deleted event does (403 in the second case)."""
    bare_tombstones: bool = False
    """Deleted events keep nothing but id and status, on the organizer's calendar too."""
    withhold_sync_tokens: bool = False
    """Complete listings end without a sync token."""
    calendars_per_account_max: int = 38
    """Calendars an account can make in its life; deleting one gives nothing back."""
    exceptions_first_chance: float = 0.5
    """Of an exception that is listed before its series, of a changed series that is told after them."""
    cancelled_instances_days: int = 183
    """With `singleEvents`, of a series that was deleted or re-timed so many days are told as cancelled."""
    split_copies_private: bool = True
    """"This and following" takes private properties along to the new series."""
    self_on_secondary: bool = True
    """On a secondary calendar too an owner's entry among the guests is said to be oneself."""
    split_instances_by_base: bool = False
    """Instances of a series that was split off go by the id of the one it was split from, not by its own."""
    updated_min_days_max: int = 30
    """An older `updatedMin` is refused."""
    quota_units_a_minute: int = 600
    """Of one account in a sliding minute, counted by the HTTP server; a patch costs 3. 0 is no limit."""
    administrators: frozenset[str] = frozenset()
    """`sub` of those who administer their Workspace domain."""
    refused_zones: frozenset[str] = frozenset({"Europe/Kyiv"})
    """Names newer than Google's time zone data."""
    testing_mode: bool = False
    """Refresh tokens given out for more than signing in die after 7 days."""
    boxes_ticked: bool = True
    """Whether the boxes of a consent page arrive ticked."""
    unwatchable: frozenset[str] = frozenset()
    """Ids of calendars that know no push channels, as those of holidays and birthdays."""
    loopback_push: bool = True
    """Channels may have plain http addresses on loopback."""
    channel_seconds_max: int = 7 * 24 * 3600
    """A channel lives no longer, whatever is asked for."""
    channels_outlive_grants: bool = False
    """A channel goes on to its expiration although the consent was taken back."""
    sync_before_answer: bool = False
    """The `sync` message is delivered before `watch` is answered; else it may come before or after."""
    push_delay_seconds: float = 0.0
    """Until a change is told, on the sandbox's clock."""
    push_batch_seconds: float = 0.0
    """Changes within so long of each other are told in one message, at its end."""
    push_drop_chance: float = 0.0
    """Of a change that is never told."""
    push_duplicate_chance: float = 0.0
    """Of a message that is sent twice."""
    push_late_seconds: float = 0.0
    """Changes are still told so long after a channel was stopped."""
    push_retry_seconds: float = 1.0
    """Until a message is tried again, doubled each time."""


def changed_settings(settings: Settings, data: dict[str, Any]) -> Settings:
    """The settings with the named ones replaced. Raises ValueError naming what is wrong."""
    known = {item.name: item.default for item in fields(settings)}
    for name, value in data.items():
        if name not in known:
            raise ValueError(f"unknown setting {name!r}; there are: {', '.join(known)}")
        wanted = type(known[name])
        number = wanted is float and isinstance(value, int) and not isinstance(value, bool)
        listed = wanted is frozenset and isinstance(value, list)
        if type(value) is not wanted and not number and not listed:
            raise ValueError(f"setting {name!r} is a {wanted.__name__}, not {value!r}")
    if data.get("revive", "works") not in ("works", "forbidden"):
        raise ValueError(f"setting 'revive' is 'works' or 'forbidden', not {data['revive']!r}")
    given: dict[str, Any] = {n: frozenset(v) if isinstance(v, list) else v for n, v in data.items()}
    return replace(settings, **given)


@dataclass(frozen=True, slots=True)
class Account:
    sub: str
    email: str
    time_zone: str
    name: str
    hosted_domain: str
    """Of a Workspace account; empty for a consumer one."""
    primary: str
    """Id of its primary calendar: the e-mail it began with, whatever its e-mail is today."""


@dataclass(slots=True, eq=False)
class StoredEvent:
    resource: Json
    """The whole answer in the calendar's zone. Replaced by every change, never changed in place."""
    starts: datetime
    ends: datetime
    created: int
    changed: int
    updated: datetime
    place: tuple[int, int] = (0, 0)
    """In a complete listing: by when it was made, an exception now and then just before its series."""
    series: Series | None = None
    """Of an event that recurs, or once did."""
    deviation: Deviation | None = None
    """Of an exception: an occurrence that is otherwise than its series, or cancelled."""

    @property
    def id(self) -> str:
        return str(self.resource["id"])

    @property
    def cancelled(self) -> bool:
        return bool(self.resource["status"] == "cancelled")

    @property
    def recurs(self) -> bool:
        return "recurrence" in self.resource


@dataclass(slots=True, eq=False)
class Series:
    """What belongs to a recurring event, its master."""

    recurrence: Recurrence
    stem: str
    """What the ids of its instances begin with."""
    exceptions: dict[str, StoredEvent] = field(default_factory=dict)
    """By id, cancelled ones too."""
    dropped: dict[str, StoredEvent] = field(default_factory=dict)
    """Exceptions at times at which it does not occur any more; they stay as tombstones."""
    former: list[tuple[int, Recurrence | None]] = field(default_factory=list)
    """What it was before, and the number of the change that ended that; None: a single event."""
    tails: list[str] = field(default_factory=list)
    """Ids of the series split off from it whose instances go by its own id."""


@dataclass(slots=True, eq=False)
class Deviation:
    master: StoredEvent
    original: datetime
    """The start it has in the series' recurrence."""
    own: Json
    """Properties it has otherwise than its series; None: taken away."""


@dataclass(slots=True, eq=False)
class Calendar:
    id: str
    owner: str
    """`sub` of the data owner."""
    app: str
    """OAuth client that made it; empty for a person."""
    primary: bool
    details: Json
    """`summary`, `timeZone` and what else the calendar resource holds of its own."""
    etag: str
    rules: Rules = field(default_factory=Rules)
    events: dict[str, StoredEvent] = field(default_factory=dict)
    history: History[StoredEvent] = field(default_factory=lambda: History(attrgetter("place")))
    epoch: int = 0
    """Raised when every sync token of it expires."""
    deleted: bool = False

    @property
    def zone(self) -> ZoneInfo:
        zone = zone_named(self.details["timeZone"])
        assert zone is not None
        return zone


@dataclass(slots=True, eq=False)
class ListEntry:
    """A calendar on one account's list."""

    calendar: Calendar
    own: Json
    """`colorId`, `hidden`, `selected`, `summaryOverride`, `defaultReminders` of this account."""
    etag: str
    created: int
    changed: int
    deleted: bool = False


@dataclass(slots=True, eq=False)
class CalendarList:
    entries: dict[str, ListEntry] = field(default_factory=dict)
    history: History[ListEntry] = field(default_factory=History)
    epoch: int = 0
    calendars_made: int = 0


class Store:
    """All state of the model, and the questions every method asks first."""

    def __init__(self, now: Callable[[], datetime], rng: random.Random, settings: Settings) -> None:
        self.now = now
        self.rng = rng
        self.settings = settings
        self.accounts: dict[str, Account] = {}
        self.lists: dict[str, CalendarList] = {}
        self.calendars: dict[str, Calendar] = {}
        self.listeners: list[Callable[[str], None]] = []
        """Told of every collection that changed, by its name: `events/…`, `acl/…`, `list/…`, `settings/…`."""
        self.most = "owner"
        """No role is higher while a request's scopes allow less."""
        self._number = 0

    def next_number(self) -> int:
        """Of a change; one counter for everything, so later is larger."""
        self._number += 1
        return self._number

    def changed(self, calendar: Calendar) -> None:
        """An event of the calendar did."""
        self.tell(f"events/{calendar.id}")

    def tell(self, collection: str) -> None:
        for listener in self.listeners:
            listener(collection)

    def etag(self, number: int) -> str:
        """The version made by a change: quoted, opaque, different for every resource."""
        return f'"{3_500_000_000_000_000 + number * 2}"'

    def random_id(self, length: int = 26) -> str:
        return "".join(self.rng.choices(BASE32HEX, k=length))

    def knows_zone(self, name: str) -> bool:
        return zone_named(name) is not None and name not in self.settings.refused_zones

    def find(self, sub: str, calendar_id: str) -> tuple[Calendar, str] | None:
        """The calendar and the account's role in it, if it is alive and the account has one."""
        name = self.accounts[sub].primary if calendar_id == "primary" else calendar_id
        calendar = self.calendars.get(name)
        if calendar is None or calendar.deleted:
            return None
        role = self.role(sub, calendar)
        return (calendar, role) if role else None

    def role(self, sub: str, calendar: Calendar) -> str | None:
        """What the calendar's rules give the account, a deleted calendar's too."""
        account = self.accounts[sub]
        role = calendar.rules.role_of(account.email, account.hosted_domain)
        return role and min(role, self.most, key=RANK.__getitem__)

    def open(self, sub: str, calendar_id: str) -> tuple[Calendar, str]:
        """As `find`. Raises ApiError 404: a calendar one may not see does not exist."""
        found = self.find(sub, calendar_id)
        if found is None:
            raise not_found()
        return found

    def open_for(self, role: str, sub: str, calendar_id: str) -> tuple[Calendar, str]:
        """As `open`. Raises ApiError 403 when the account's role is below the one named."""
        calendar, held = self.open(sub, calendar_id)
        if RANK[held] < RANK[role]:
            raise access_required("writer" if role == "writerWithoutPrivateAccess" else role)
        return calendar, held
