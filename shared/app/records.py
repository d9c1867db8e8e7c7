"""The stored documents: their paths, their form, and back.

Ids are keyed hashes or the other side's own opaque ids; times stand in clear, texts only as keyed hashes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from shared.app.activity import Entry, packed, unpacked
from shared.core.blocking import BlockRules
from shared.core.identity import slot
from shared.core.item import Item, Seen
from shared.core.model import Base, Facts, Kind, Reading, Side, When
from shared.core.policy import (
    CancelledEvents,
    ConnectionSettings,
    Edits,
    ExternalTitles,
    FreeEvents,
    LabelMode,
    Mode,
    PersonalText,
    Verdict,
)
from shared.ports import BlockAs, Capabilities, Document, FeedCursor, Listing, ProtectedBy, Writes

CURSOR_FORMAT = 1
"""Version of our own reading parameters; a stored cursor of another one is not used."""


KEPT_WHEN_OVER = timedelta(days=30)
"""How long an item on neither side is remembered: so long it comes back without a complete pass."""


LOOK_SLOTS = 15
"""Minutes between two looks at a calendar; the looks of all calendars are spread over them."""
POLL_SLOTS = 5
"""The same of the practices whose EHR is read."""


# --- connections ----------------------------------------------------------------------------------------


class Status(Enum):
    CONNECTED = "connected"
    """The account is known; nothing was started."""
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPING = "stopping"
    """Nothing new begins; what runs comes to its end."""
    RECONNECT_NEEDED = "reconnect_needed"
    """The grant is dead: everything waits for the practitioner."""
    REMOVING = "removing"
    """On the way out: what we made is being removed on both sides; then the grant goes."""
    LAPSED = "lapsed"
    """The practitioner's time is over: everything waits, nothing is removed."""
    DISCONNECTED = "disconnected"
    """No grant; what was synced stays known, so that coming back finds it."""


@dataclass(frozen=True)
class Tally:
    """What became of so many things at the end of a connection."""

    removed: int = 0
    kept: int = 0
    refused: int = 0
    """They were to be removed and could not be."""

    @property
    def total(self) -> int:
        return self.removed + self.kept + self.refused


@dataclass(frozen=True)
class Receipt:
    """How a connection ended. Counts only."""

    at: datetime
    events: Tally = Tally()
    """In the appointments calendar."""
    blocks: Tally = Tally()
    """In the EHR, of external calendars."""
    personal_kept: int = 0
    """Appointments that began in the appointments calendar: the practice's own, they stay in the EHR."""
    calendar_deleted: bool = False
    """The appointments calendar itself: nothing else was in it."""
    problem: str | None = None
    """Why something was refused, as a code."""


@dataclass(frozen=True)
class Connection:
    """One practitioner of one practice with one account."""

    key: str
    practice: str
    practitioner: str
    sub: str
    """The account's own stable id."""
    calendar_key: str
    """Of the appointments calendar."""
    calendar_name: str
    settings: ConnectionSettings
    status: Status = Status.CONNECTED
    epoch: int = 0
    """One more with whatever asks that everything is read again: settings, a pause, another account."""
    grant: int = 0
    """Number of the last grant it had, kept where that is gone: the next one has a higher."""
    pause_until: datetime | None = None
    """Its account is over a limit: nothing is read or written before."""
    full_name_acknowledged_at: datetime | None = None
    """When they said that full names may stand in an account of no organization."""
    receipt: Receipt | None = None
    """Of its end; None while there is none."""
    active_until: datetime | None = None
    """When it lapses; None: not at all."""
    noticed_until: datetime | None = None
    """The `active_until` of which a notice was given."""

    @property
    def moves(self) -> bool:
        """Whether anything is read and written for it."""
        return self.status is Status.ACTIVE and self.settings.mode is not Mode.OFF


def connection_path(key: str) -> str:
    return f"connections/{key}"


def entitlement_path(key: str) -> str:
    return f"entitlements/{key}"


def connection_data(connection: Connection) -> dict[str, object]:
    settings = connection.settings
    return {
        "practice": connection.practice,
        "practitioner": connection.practitioner,
        "sub": connection.sub,
        "calendar_key": connection.calendar_key,
        "calendar_name": connection.calendar_name,
        "start_from": settings.start_from.isoformat(),
        "zone": settings.zone.key,
        "mode": settings.mode.value,
        "client_label": settings.client_label.value,
        "google_edits": settings.google_edits.value,
        "personal_text": settings.personal_text.value,
        "horizon_days": settings.horizon_days,
        "external_titles": settings.external_titles.value,
        "free_events": settings.free_events.value,
        "cancelled_events": settings.cancelled_events.value,
        "review_threshold": settings.review_threshold,
        "review_window_minutes": settings.review_window_minutes,
        "telehealth_link": settings.telehealth_link,
        "service_line": settings.service_line,
        "status": connection.status.value,
        "epoch": connection.epoch,
        "grant": connection.grant,
        "pause_until": connection.pause_until,
        "full_name_acknowledged_at": connection.full_name_acknowledged_at,
        "receipt": asdict(connection.receipt) if connection.receipt else None,
        "active_until": connection.active_until,
        "noticed_until": connection.noticed_until,
    }


def connection_of(document: Document) -> Connection:
    data: Mapping[str, Any] = document.data
    settings = ConnectionSettings(
        start_from=date.fromisoformat(data["start_from"]),
        zone=ZoneInfo(data["zone"]),
        mode=Mode(data["mode"]),
        client_label=LabelMode(data["client_label"]),
        google_edits=Edits(data["google_edits"]),
        personal_text=PersonalText(data["personal_text"]),
        horizon_days=data["horizon_days"],
        external_titles=ExternalTitles(data["external_titles"]),
        free_events=FreeEvents(data["free_events"]),
        cancelled_events=CancelledEvents(data["cancelled_events"]),
        review_threshold=data["review_threshold"],
        review_window_minutes=data["review_window_minutes"],
        telehealth_link=data["telehealth_link"],
        service_line=data["service_line"],
    )
    return Connection(
        key=document.id,
        practice=data["practice"],
        practitioner=data["practitioner"],
        sub=data["sub"],
        calendar_key=data["calendar_key"],
        calendar_name=data["calendar_name"],
        settings=settings,
        status=Status(data["status"]),
        epoch=data["epoch"],
        grant=data["grant"],
        pause_until=data["pause_until"],
        full_name_acknowledged_at=data["full_name_acknowledged_at"],
        receipt=_receipt_of(data["receipt"]),
        active_until=data["active_until"],
        noticed_until=data["noticed_until"],
    )


def _receipt_of(data: Mapping[str, Any] | None) -> Receipt | None:
    if data is None:
        return None
    rest = {name: value for name, value in data.items() if name not in ("events", "blocks")}
    return Receipt(events=Tally(**data["events"]), blocks=Tally(**data["blocks"]), **rest)


# --- calendars ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lease:
    holder: str
    until: datetime


@dataclass(frozen=True)
class Progress:
    """How much of what a pass found is settled."""

    done: int
    total: int


@dataclass(frozen=True)
class ChannelRow:
    """A channel that was asked for."""

    id: str
    expires: datetime
    resource_id: str | None = None
    """None: the answer is awaited, or was lost."""


@dataclass(frozen=True)
class Removal:
    """How far the removal of what we made for one calendar has come: its events, or its blocks in the EHR."""

    since: datetime
    was_leaving: bool = False
    """An external one that was being left anyway."""
    found: int | None = None
    """So many were to be removed; None: nobody has counted yet."""
    left: int = 0
    """Of these, still there."""
    kept: int = 0
    """Beside them: what is not ours to remove."""
    personal: int = 0
    """Appointments in the EHR that began in this calendar."""
    over: bool = False
    """Nothing more is tried."""
    calendar_deleted: bool = False
    problem: str | None = None
    """Why something is left."""


class Role(Enum):
    APPOINTMENTS = "appointments"
    """Made by us; both ways."""
    EXTERNAL = "external"
    """The practitioner's own: read only, and shown as blocks in the EHR."""


@dataclass(frozen=True)
class Calendar:
    """One calendar taking part."""

    key: str
    connection: str
    account: str
    """Key of the account whose limits it shares."""
    active: bool = True
    """It is looked at. Its connection has the last word."""
    epoch: int = 0
    """Of its connection, when everything was last read."""
    role: Role = Role.APPOINTMENTS
    rules: BlockRules = field(default_factory=BlockRules)
    """Of an external one."""
    leaving: bool = False
    """An external one that was chosen and is no more: its blocks go, then it sleeps."""
    gone_at: datetime | None = None
    """When an external one was first met gone."""
    calendar_id: str | None = None
    """The service's id; None: not made yet."""
    creating_at: datetime | None = None
    """When the calendar was last asked for; its answer may have been lost."""
    cursor: str | None = None
    cursor_format: int = 0
    pass_at: datetime | None = None
    """When everything is to be read and matched (also at once, where there is no usable cursor)."""
    passed_at: datetime | None = None
    """When everything was last read."""
    checked_at: datetime | None = None
    """When the calendar was last looked at."""
    retry_at: datetime | None = None
    """When the first open item is to be taken up again."""
    lease: Lease | None = None
    progress: Progress | None = None
    missing: bool = False
    """The calendar is gone there; nothing moves until it is repaired."""
    problem: str | None = None
    """Why its last job came to nothing."""
    lapses: int = 0
    """Leases in a row that ran out because nobody let them go."""
    due_at: datetime | None = None
    """When somebody is to see to it, should no task come."""
    renew_at: datetime | None = None
    """When its channel is to be made anew; None: it has none yet."""
    watch_problem: str | None = None
    """Why it has no channel: it is only looked at."""
    channel_grant: int = 0
    """Number of the grant under which its channel was last asked for: it may end with that."""
    channels: tuple[ChannelRow, ...] = ()
    removal: Removal | None = None
    """While its connection ends so."""
    deleted_at: tuple[datetime, ...] = ()
    """When deletions were last applied without asking; those that still count."""
    reviews: tuple[str, ...] = ()
    """Keys of the reviews that are open, or have something to be done."""
    reviews_made: int = 0
    recent: tuple[Entry, ...] = ()
    """The newest lines of its history, the oldest first."""

    @property
    def look_slot(self) -> int:
        return slot(self.key, LOOK_SLOTS)

    @property
    def left(self) -> bool:
        """It was left, and its blocks are gone. One that sleeps before that has still its pass to come."""
        return self.leaving and not self.active and self.pass_at is None

    @property
    def in_pass(self) -> bool:
        """What a complete pass found is still being worked through."""
        return self.progress is not None and self.progress.done < self.progress.total

    def is_leased(self, now: datetime) -> bool:
        """A job has it, or had it and died not long ago."""
        return self.lease is not None and self.lease.until > now

    @property
    def usable_cursor(self) -> str | None:
        return self.cursor if self.cursor_format == CURSOR_FORMAT else None


def calendar_path(key: str) -> str:
    return f"calendars/{key}"


def calendar_data(calendar: Calendar) -> dict[str, object]:
    lease, progress = calendar.lease, calendar.progress
    data: dict[str, object] = {
        "connection": calendar.connection,
        "account": calendar.account,
        "active": calendar.active,
        "role": calendar.role.value,
        "rules": asdict(calendar.rules),
        "leaving": calendar.leaving,
        "gone_at": calendar.gone_at,
        "epoch": calendar.epoch,
        "calendar_id": calendar.calendar_id,
        "creating_at": calendar.creating_at,
        "cursor": calendar.cursor,
        "cursor_format": calendar.cursor_format,
        "pass_at": calendar.pass_at,
        "passed_at": calendar.passed_at,
        "checked_at": calendar.checked_at,
        "retry_at": calendar.retry_at,
        "lease": {"holder": lease.holder, "until": lease.until} if lease else None,
        "progress": {"done": progress.done, "total": progress.total} if progress else None,
        "missing": calendar.missing,
        "problem": calendar.problem,
        "lapses": calendar.lapses,
        "renew_at": calendar.renew_at,
        "watch_problem": calendar.watch_problem,
        "channel_grant": calendar.channel_grant,
        "deleted_at": list(calendar.deleted_at),
        "reviews": list(calendar.reviews),
        "reviews_made": calendar.reviews_made,
        "channels": [
            {"id": row.id, "expires": row.expires, "resource_id": row.resource_id}
            for row in calendar.channels
        ],
        "removal": asdict(calendar.removal) if calendar.removal else None,
        "recent": packed(calendar.recent) if calendar.recent else None,
    }
    if calendar.active and not calendar.missing:  # absent otherwise: who looks for work does not find it
        data["look_slot"] = calendar.look_slot
        if calendar.due_at is not None:
            data["due_at"] = calendar.due_at
    return data


def calendar_of(document: Document) -> Calendar:
    data: dict[str, Any] = dict(document.data)
    lease, progress, recent = data.pop("lease"), data.pop("progress"), data.pop("recent")
    removal = data.pop("removal")
    data.pop("look_slot", None)
    return Calendar(
        key=document.id,
        lease=Lease(**lease) if lease else None,
        progress=Progress(**progress) if progress else None,
        removal=Removal(**removal) if removal else None,
        channels=tuple(ChannelRow(**row) for row in data.pop("channels")),
        deleted_at=tuple(data.pop("deleted_at")),
        reviews=tuple(data.pop("reviews")),
        role=Role(data.pop("role")),
        rules=BlockRules(**data.pop("rules")),
        recent=tuple(unpacked(recent)) if recent else (),
        **data,
    )


def parked(calendar: Calendar) -> Calendar:
    """As it stands while nothing moves."""
    return replace(calendar, active=False, lease=None, due_at=None)


# --- items ----------------------------------------------------------------------------------------------


def items_path(calendar_key: str) -> str:
    return f"calendars/{calendar_key}/items"


def series_path(calendar_key: str) -> str:
    return f"calendars/{calendar_key}/series"


def item_data(item: Item, calendar: Calendar, practice: str, now: datetime) -> dict[str, object]:
    data: dict[str, object] = {
        "practice": practice,
        "calendar_id": calendar.calendar_id,
        **_core_data(item),
        "put_back_at": list(item.put_back_at),
    }
    if item.retry_at is not None:  # absent otherwise: the query for open items does not find it
        data["retry_at"] = item.retry_at
    if item.over:
        data["expire_at"] = now + KEPT_WHEN_OVER
    return data


def item_of(document: Document, calendar: Calendar) -> Item:
    """The item; when it speaks of an earlier calendar that is gone, without its calendar side."""
    data: Mapping[str, Any] = document.data
    item = _core_of(document.id, data, data.get("retry_at"), tuple(data["put_back_at"]))
    return item if data["calendar_id"] == calendar.calendar_id else item.without_calendar()


def occurrences_data(items: Iterable[Item], calendar: Calendar, practice: str) -> dict[str, object]:
    """All occurrences of one series in one document, packed: nobody searches in them."""
    items = list(items)
    packed = {item.k.partition(".")[2]: _packed(item) for item in items}
    data: dict[str, object] = {
        "practice": practice,
        "calendar_id": calendar.calendar_id,
        "packed": zlib.compress(json.dumps(packed, separators=(",", ":")).encode()),
    }
    retry_at = min((item.retry_at for item in items if item.retry_at is not None), default=None)
    if retry_at is not None:
        data["retry_at"] = retry_at
    return data


def occurrences_of(document: Document, calendar: Calendar) -> list[Item]:
    data: Mapping[str, Any] = document.data
    packed = json.loads(zlib.decompress(data["packed"]))
    items = [_unpacked(f"{document.id}.{start}", each) for start, each in packed.items()]
    same = data["calendar_id"] == calendar.calendar_id
    return items if same else [item.without_calendar() for item in items]


def _packed(item: Item) -> dict[str, object]:
    return {
        **{name: value for name, value in _core_data(item).items() if value not in (None, False)},
        "put_back_at": [at.isoformat() for at in item.put_back_at],
        "retry_at": item.retry_at.isoformat() if item.retry_at else None,
    }


def _unpacked(k: str, packed: Mapping[str, Any]) -> Item:
    data = {**dict.fromkeys(_CORE), **packed}
    retry_at = datetime.fromisoformat(packed["retry_at"]) if packed["retry_at"] else None
    return _core_of(k, data, retry_at, tuple(map(datetime.fromisoformat, packed["put_back_at"])))


def _core_data(item: Item) -> dict[str, object]:
    return {
        "kind": item.kind.value,
        "origin": item.origin.value,
        "generation": item.generation,
        "appointment_id": item.appointment_id,
        "event_id": item.event_id,
        "base_ehr": _facts_data(item.base.ehr),
        "base_calendar": _facts_data(item.base.calendar),
        "seen_ehr": _reading_data(item.seen.ehr),
        "seen_calendar": _reading_data(item.seen.calendar),
        "tries": item.tries,
        "aside": item.aside,
        "carrying": item.carrying.value if item.carrying else None,
        "cancelled_version": item.cancelled_version,
        "verify": item.verify,
        "verdict": item.verdict.value if item.verdict else None,
    }


_CORE = (
    "kind",
    "origin",
    "generation",
    "appointment_id",
    "event_id",
    "base_ehr",
    "base_calendar",
    "seen_ehr",
    "seen_calendar",
    "tries",
    "aside",
    "carrying",
    "cancelled_version",
    "verify",
    "verdict",
)


def _core_of(
    k: str, data: Mapping[str, Any], retry_at: datetime | None, put_back_at: tuple[datetime, ...]
) -> Item:
    return Item(
        k=k,
        kind=Kind(data["kind"]),
        origin=Side(data["origin"]),
        generation=data["generation"] or 0,
        appointment_id=data["appointment_id"],
        event_id=data["event_id"],
        base=Base(_facts_of(data["base_ehr"]), _facts_of(data["base_calendar"])),
        seen=Seen(_reading_of(data["seen_ehr"]), _reading_of(data["seen_calendar"])),
        retry_at=retry_at,
        tries=data["tries"] or 0,
        aside=data["aside"],
        carrying=Side(data["carrying"]) if data["carrying"] else None,
        cancelled_version=data["cancelled_version"],
        verify=bool(data["verify"]),
        verdict=Verdict(data["verdict"]) if data["verdict"] else None,
        put_back_at=put_back_at,
    )


def _facts_data(facts: Facts | None) -> dict[str, object] | None:
    if facts is None:
        return None
    when = facts.when
    return {
        "start": when.start.isoformat(),
        "end": when.end.isoformat(),
        "what": facts.what,
        "version": facts.version,
        **({} if when.busy else {"free": True}),
    }


def _facts_of(data: Mapping[str, str] | None) -> Facts | None:
    if data is None:
        return None
    when = When(_moment(data["start"]), _moment(data["end"]), busy="free" not in data)
    return Facts(when, data["what"], data["version"])


def _moment(text: str) -> datetime | date:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if "T" in text else date.fromisoformat(text)


def _reading_data(reading: Reading | None) -> dict[str, object] | None:
    return None if reading is None else {"facts": _facts_data(reading.facts)}


def _reading_of(data: Mapping[str, Any] | None) -> Reading | None:
    return None if data is None else Reading(_facts_of(data["facts"]))


# --- practices ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Practice:
    """How far the EHR of a practice was read, and what it can do."""

    key: str
    cursor: FeedCursor | None = None
    lease: Lease | None = None
    capabilities: Capabilities | None = None
    capabilities_at: datetime | None = None
    """When they were found out; None: they are to be found out anew."""
    hooked_at: datetime | None = None
    """When a hook of the EHR last arrived, give or take an hour; None: never."""
    clients: FeedCursor | None = None
    """How far the changes of its clients were read: their names are in labels."""
    read_at: datetime | None = None
    """When what changed in its EHR was last read."""
    problem: str | None = None
    """Why it could not be read the last time."""
    unreached_at: datetime | None = None
    """Since when it could not be read; None: it can."""


def practice_path(key: str) -> str:
    return f"practices/{key}"


def practice_data(practice: Practice) -> dict[str, object]:
    lease = practice.lease
    return {
        **_cursor_data(practice.cursor),
        "clients": _cursor_data(practice.clients),
        "lease": {"holder": lease.holder, "until": lease.until} if lease else None,
        "poll_slot": slot(practice.key, POLL_SLOTS),
        "capabilities": _capabilities_data(practice.capabilities),
        "capabilities_at": practice.capabilities_at,
        "hooked_at": practice.hooked_at,
        "read_at": practice.read_at,
        "problem": practice.problem,
        "unreached_at": practice.unreached_at,
    }


def practice_of(document: Document) -> Practice:
    data: Mapping[str, Any] = document.data
    return Practice(
        document.id,
        _cursor_of(data),
        Lease(**data["lease"]) if data["lease"] else None,
        _capabilities_of(data["capabilities"]),
        data["capabilities_at"],
        data["hooked_at"],
        _cursor_of(data["clients"]),
        data["read_at"],
        data["problem"],
        data["unreached_at"],
    )


def _cursor_data(cursor: FeedCursor | None) -> dict[str, object]:
    return {
        "high_water": cursor.high_water if cursor else None,
        "seen": dict(cursor.seen) if cursor else {},
    }


def _cursor_of(data: Mapping[str, Any]) -> FeedCursor | None:
    return FeedCursor(data["high_water"], data["seen"]) if data["high_water"] else None


def _capabilities_data(capabilities: Capabilities | None) -> dict[str, object] | None:
    if capabilities is None:
        return None
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in asdict(capabilities).items()
    }


def _capabilities_of(data: Mapping[str, Any] | None) -> Capabilities | None:
    if data is None:
        return None
    return Capabilities(
        listing=Listing(data["listing"]),
        writes=Writes(data["writes"]),
        checks_versions=data["checks_versions"],
        creates_once=data["creates_once"],
        protected_by=ProtectedBy(data["protected_by"]),
        block_as=BlockAs(data["block_as"]),
    )


# --- practitioners that are followed one by one -----------------------------------------------------------


@dataclass(frozen=True)
class Followed:
    """How far one practitioner's part of an EHR was read: a cursor, or the version of every row."""

    practice: str
    cursor: FeedCursor | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    """By appointment id."""


def followed_path(connection_key: str) -> str:
    return f"followed/{connection_key}"


def followed_data(followed: Followed) -> dict[str, object]:
    return {
        "practice": followed.practice,
        **_cursor_data(followed.cursor),
        "versions": zlib.compress(json.dumps(followed.versions, separators=(",", ":")).encode()),
    }


def followed_of(document: Document) -> Followed:
    data: Mapping[str, Any] = document.data
    return Followed(data["practice"], _cursor_of(data), json.loads(zlib.decompress(data["versions"])))
