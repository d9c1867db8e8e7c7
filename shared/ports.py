"""What the use cases need from outside. No vendor is named here; each method says which errors it raises.

Every method may also raise RetryableError (the other side is unavailable or slow) and BlockedError
(credentials or rights are gone); both are said once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from shared.core.errors import RejectedError, StaleError
from shared.core.model import Appointment, Client, Event, Kind, Marker, What, When
from shared.core.policy import LabelMode

# --- state: documents -----------------------------------------------------------------------------------


COMMIT_WRITES_MAX = 400
"""Writes in one commit. Callers split; the store refuses more with ValueError."""


@dataclass(frozen=True)
class Document:
    """One stored document. `path` is `collection/id[/collection/id …]`."""

    path: str
    data: Mapping[str, object]
    version: str
    """Opaque; compared only for equality."""

    @property
    def id(self) -> str:
        return self.path.rsplit("/", 1)[1]


class Expect(Enum):
    """Preconditions that need no version."""

    ANYTHING = "anything"
    ABSENT = "absent"


@dataclass(frozen=True)
class Put:
    """Replace the whole document. `expect`: ANYTHING, ABSENT, or the version that was read."""

    path: str
    data: Mapping[str, object]
    expect: Expect | str = Expect.ANYTHING


@dataclass(frozen=True)
class Remove:
    """Delete the document; absent is fine unless a version is expected."""

    path: str
    expect: Expect | str = Expect.ANYTHING


@dataclass(frozen=True)
class Where:
    """One condition. `operator`: `==`, `<`, `<=`, `>`, `>=`, `in`, `array-contains`."""

    field: str
    operator: str
    value: object


class Documents(Protocol):
    """The state store: documents with versions, atomic commits with preconditions, simple queries."""

    def get(self, *paths: str) -> dict[str, Document]:
        """The documents that exist, by path; missing ones are left out. Any number of paths."""

    def commit(self, writes: Sequence[Put | Remove]) -> list[str]:
        """All or nothing; the new version of each write in order ("" for a removal).

        At most COMMIT_WRITES_MAX writes (else ValueError), no path twice (else ValueError).
        Raises StaleError when a precondition fails: nothing was written.
        """

    def find(
        self,
        collection: str,
        *where: Where,
        group: bool = False,
        order_by: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Document]:
        """Documents of the collection at path `collection` that meet every condition.

        `group=True`: `collection` is a bare collection id, taken wherever it stands. Order: by the field
        `order_by`, then by path; documents without that field are not found. `after`: the path of the last
        document of the page before (only without `order_by`). `limit`: at most so many.
        """

    def count(self, collection: str, *where: Where, group: bool = False) -> int:
        """How many documents `find` would return."""


# --- time -----------------------------------------------------------------------------------------------


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait; used for pacing and short bounded waits only."""


# --- the calendar ---------------------------------------------------------------------------------------


class CursorLostError(StaleError):
    """The sync token is no longer taken: read everything again."""


class TakenError(StaleError):
    """The id for a new event is taken, by a live or a deleted one."""


class GoneError(StaleError):
    """What was to be read or written is not there (any more)."""


class RefusedError(RejectedError):
    """A deleted event cannot be brought back under its id."""


@dataclass(frozen=True, repr=False)
class CalendarEntry:
    """One calendar on the list of an account."""

    id: str
    name: str
    """As its person sees it."""
    description: str
    owner: bool
    primary: bool
    """The one that an account begins with."""
    zone: str
    """IANA name as the service gives it."""


@dataclass(frozen=True)
class EventPage:
    """One page of a listing. `cursor` comes on the last page only, and may be missing even there."""

    events: tuple[Event, ...]
    next_page: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, repr=False)
class EventWrite:
    """What is to be written of an event; None leaves a part as it is there."""

    when: When | None = None
    what: What | None = None
    kind: Kind = Kind.CLIENT
    """Which parts of `what` are ours to write."""
    marker: Marker | None = None


@dataclass(frozen=True, repr=False)
class NewChannel:
    """A subscription to be made: changes of a calendar are told to `address` until `ttl_seconds` have passed.

    `id`: ours, never used before, at most 64 of `A-Z a-z 0-9 - _ + / =`. `token`: comes back with every
    message, at most 256 characters.
    """

    id: str
    address: str
    token: str
    ttl_seconds: int


@dataclass(frozen=True)
class Channel:
    """A subscription as it was made; `expires` may be sooner than was asked for."""

    id: str
    resource_id: str
    expires: datetime


class CalendarService(Protocol):
    """The calendars of one account. Nobody is ever notified and no guest is ever written."""

    def entries(self) -> Iterator[CalendarEntry]:
        """The whole calendar list, without deleted ones; raises rather than ends early."""

    def add_calendar(self, name: str, description: str, zone: str) -> CalendarEntry:
        """Make a calendar. A lost answer leaves it unknown whether it was made. Raises RejectedError."""

    def remove_calendar(self, calendar_id: str) -> None:
        """Delete a calendar that we made, with all that is in it; already gone is success."""

    def calendar(self, calendar_id: str) -> CalendarEntry:
        """Raises GoneError."""

    def events(self, calendar_id: str, *, cursor: str | None, page: str | None) -> EventPage:
        """One page of all events with tombstones (`cursor` None), or of those changed since the cursor.

        Recurring events come as masters and exceptions. Raises CursorLostError, GoneError (the calendar).
        """

    def occurrences(self, calendar_id: str, start: datetime, end: datetime, *, page: str | None) -> EventPage:
        """One page of what lives and overlaps [start, end), every series as its occurrences; no cursor.

        Raises GoneError (the calendar).
        """

    def instances(self, calendar_id: str, master_id: str, start: datetime, end: datetime) -> list[Event]:
        """Every occurrence of one series that lives and overlaps [start, end); all or an error.

        Raises GoneError: there is no such event (or calendar).
        """

    def event(self, calendar_id: str, event_id: str) -> Event | None:
        """One event, tombstones included; None where there is none. Raises GoneError (the calendar)."""

    def create(self, calendar_id: str, event_id: str, write: EventWrite) -> Event:
        """Raises TakenError, GoneError (the calendar), RejectedError."""

    def update(self, calendar_id: str, event: Event, write: EventWrite) -> Event:
        """Change parts of an event, over the version of `event` only.

        Raises StaleError, GoneError, RejectedError.
        """

    def restore(self, calendar_id: str, event: Event, write: EventWrite) -> Event:
        """Bring a deleted event back under its id. Raises RefusedError, StaleError, GoneError."""

    def delete(self, calendar_id: str, event: Event) -> None:
        """Over the version of `event` only; already gone is success. Raises StaleError, RejectedError."""

    def unmark(self, calendar_id: str, event: Event) -> Event:
        """Take our private properties off a copy. Raises StaleError, GoneError, RejectedError."""

    def watch(self, calendar_id: str, channel: NewChannel) -> Channel:
        """Have changes of a calendar's events told. The first message may come before this returns.

        A lost answer leaves it unknown whether the channel was made; its id is not used again then. Raises
        RejectedError("google_not_watchable") where the calendar knows no channels, TakenError when the id was
        used before, GoneError (the calendar).
        """

    def stop(self, channel: Channel) -> None:
        """End a channel; one that is unknown, gone or not ours is success. Messages may still come after."""


# --- the EHR --------------------------------------------------------------------------------------------


class Listing(Enum):
    """How an EHR tells what changed."""

    PRACTICE = "practice"
    """By change, for the whole practice in one search."""
    PRACTITIONER = "practitioner"
    """By change, for one practitioner at a time."""
    WINDOW = "window"
    """Not at all: what lies in a span of time is read, and compared with what was read before."""


class Writes(Enum):
    """How an EHR takes a change of a row."""

    WHOLE = "whole"
    JSON_PATCH = "json_patch"
    MERGE_PATCH = "merge_patch"


class ProtectedBy(Enum):
    """How an EHR keeps what hangs on a note or an invoice from being moved or cancelled."""

    ROW = "row"
    """The row says so itself."""
    QUERY = "query"
    """What hangs on it can be searched for."""
    ENFORCED = "enforced"
    """It refuses, as its operator states."""
    NONE = "none"


class BlockAs(Enum):
    """What a block is in an EHR."""

    APPOINTMENT = "appointment"
    SLOT = "slot"


@dataclass(frozen=True)
class Capabilities:
    """What an EHR can do, as it was found out."""

    listing: Listing = Listing.PRACTICE
    writes: Writes = Writes.WHOLE
    checks_versions: bool = True
    """It refuses a write over another version than the one named."""
    creates_once: bool = True
    """It makes one row for an identifier, however often it is asked to."""
    protected_by: ProtectedBy = ProtectedBy.ROW
    block_as: BlockAs = BlockAs.APPOINTMENT


class ProtectedError(RejectedError):
    """The EHR refuses: a clinical note or an invoice hangs on the appointment."""


@dataclass(frozen=True)
class FeedCursor:
    """How far the changes of a practice were read: the high-water mark, and what was seen near it.

    `high_water` is the server's own instant; `seen` pairs (id, version) of rows within the overlap before
    it, which will be read again.
    """

    high_water: datetime
    seen: Mapping[str, str]


@dataclass(frozen=True)
class FeedPage:
    """Changed rows, oldest first; `complete`: nothing newer was there. `cursor` holds once they are done."""

    rows: tuple[Appointment, ...]
    cursor: FeedCursor
    complete: bool


@dataclass(frozen=True)
class Practitioner:
    id: str
    name: str
    """As the EHR shows it; empty where it has none."""
    zone: str | None
    """IANA name, where the EHR has one that is known here too."""


class Ehr(Protocol):
    """The EHR of one practice."""

    @property
    def has_internal_ids(self) -> bool:
        """Whether the practice has numbers of its own for its clients."""

    def capabilities(self) -> Capabilities:
        """What it can do: found out, not believed, by a handful of requests."""

    def practitioner(self, practitioner_id: str) -> Practitioner:
        """Raises GoneError."""

    def cursor_now(self, practitioner_id: str | None = None) -> FeedCursor:
        """A cursor from which every later change is found: of the practice, or of one practitioner's rows.

        Raises BlockedError `ehr_cannot_list_changes`, as `changes` does.
        """

    def changes(self, cursor: FeedCursor, practitioner_id: str | None = None) -> FeedPage:
        """A bounded page of rows changed since; with a practitioner: of those at least that name them now."""

    def scan(self, practitioner_id: str, start: datetime, end: datetime) -> list[Appointment]:
        """Every row of the practitioner that starts in [start, end), whatever its status; all or an error."""

    def read(self, ids: Iterable[str]) -> dict[str, Appointment | None]:
        """Rows by id; None where the EHR positively has none (any more)."""

    def clients(self, patient_ids: Iterable[str], mode: LabelMode) -> dict[str, Client]:
        """What labels of this mode need, and nothing more; a missing patient is left out.

        One who was merged into another patient has that one's.
        """

    def clients_now(self) -> FeedCursor:
        """A cursor from which every later change of a client is found. Raises BlockedError as below."""

    def clients_changed(self, cursor: FeedCursor, start: datetime, hide: Callable[[str], str]) -> FeedPage:
        """Appointments of clients who changed since, by name or otherwise, that start at `start` or later.

        `hide` makes of a patient's id what may be stored, always the same of the same: the cursor has no
        other. Raises BlockedError `ehr_cannot_list_changes` where the EHR cannot tell: then only a complete
        pass hears of a new name.
        """

    def create(
        self, kind: Kind, practitioner_id: str, identifier: str, span: tuple[datetime, datetime], what: What
    ) -> Appointment:
        """A personal appointment or a block, once per identifier: an existing row is answered as it stands.

        Raises RejectedError.
        """

    def update(
        self,
        row: Appointment,
        *,
        span: tuple[datetime, datetime] | None = None,
        what: What | None = None,
        identifier: str | None = None,
    ) -> Appointment:
        """Change times or, of one that we made, text and our identifier, over the version of `row` only.

        Raises StaleError, GoneError, ProtectedError, RejectedError.
        """

    def protection(self, row: Appointment) -> bool | None:
        """Whether a note or an invoice hangs on it; None: it cannot be told.

        One may be written right after: the EHR may refuse all the same.
        """

    def cancel(self, row: Appointment) -> Appointment:
        """Set cancelled, never delete. Raises StaleError, GoneError, ProtectedError, RejectedError."""

    def rebook(
        self,
        row: Appointment,
        *,
        span: tuple[datetime, datetime] | None = None,
        what: What | None = None,
        status: str | None = None,
    ) -> Appointment:
        """Bring back a cancelled row: one that we made, or that we cancelled. Raises as `update`.

        `status`: the `code` that it had before; None: what the EHR calls booked.
        """


# --- tasks and secrets ----------------------------------------------------------------------------------


class Queue(Enum):
    LIVE = "live"
    """Pushes, pokes, people, looks, polls, renewals."""
    BULK = "bulk"
    """First syncs, relabels, rebuilds, removals, scans."""


@dataclass(frozen=True)
class NewTask:
    """A job for sync_task. `body` is its JSON: ids and flags, never content.

    `name`: of a second task with the same name within a day nothing comes; None: every one is run.
    `run_at`: not before; None: now.
    """

    queue: Queue
    body: Mapping[str, object]
    name: str | None = None
    run_at: datetime | None = None


class Tasks(Protocol):
    def enqueue(self, task: NewTask) -> None:
        """Durable once it returns; a name that is taken is success. Raises RetryableError, BlockedError."""


class Secrets(Protocol):
    def get(self, name: str) -> bytes:
        """The newest enabled version, at most five minutes old. Raises BlockedError where there is none."""

    def versions(self, name: str) -> Sequence[bytes]:
        """All enabled versions, newest first: for keys that overlap while they are rotated."""


# --- consent --------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Grant:
    """What a person granted with one consent, and who it was."""

    sub: str
    """The account, for ever; its e-mail may change."""
    email: str
    hosted_domain: str | None
    """Of an organization's account."""
    scopes: frozenset[str]
    """All that is granted now, by their full names: a person may leave out any that was asked for."""
    refresh_token: str | None


class Consent(Protocol):
    """A person's consent to what we do in their calendar account: an authorization code, with PKCE."""

    def consent_url(self, state: str, code_challenge: str, redirect_uri: str, login_hint: str | None) -> str:
        """Where the browser goes. `code_challenge`: S256; `login_hint`: an e-mail, to choose the account."""

    def exchange(self, code: str, code_verifier: str, redirect_uri: str) -> Grant:
        """What the code stands for; a code is taken once, so a lost answer needs a new consent.

        Raises RejectedError("consent_code_refused"), RejectedError("consent_identity_refused") where it does
        not prove whose consent it is, BlockedError("google_client_configuration") where the client is wrong.
        """

    def revoke(self, token: str) -> None:
        """End all that the account of this token granted us; a dead token is success."""


class Sealing(Protocol):
    """Texts that whoever reads the store must not read."""

    def seal(self, plaintext: str, associated_data: str) -> str:
        """Opens with the same `associated_data` only: what the text belongs to, and what it is for."""

    def open(self, sealed: str, associated_data: str) -> str:
        """Raises BlockedError("seal_broken"): altered, of another key, or bound to something else."""
