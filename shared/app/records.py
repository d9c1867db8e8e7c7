"""The stored documents: their paths, their form, and back.

Ids are keyed hashes or the other side's own opaque ids; times stand in clear, texts only as keyed hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.item import Item, Seen
from shared.core.model import Base, Facts, Kind, Reading, Side, When
from shared.core.policy import ConnectionSettings, Edits, LabelMode, Mode, PersonalText
from shared.ports import Document, FeedCursor

CURSOR_FORMAT = 1
"""Version of our own reading parameters; a stored cursor of another one is not used."""


KEPT_WHEN_OVER = timedelta(days=30)
"""How long an item on neither side is remembered: so long it comes back without a complete pass."""


# --- connections ----------------------------------------------------------------------------------------


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


def connection_path(key: str) -> str:
    return f"connections/{key}"


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
    )
    return Connection(
        key=document.id,
        practice=data["practice"],
        practitioner=data["practitioner"],
        sub=data["sub"],
        calendar_key=data["calendar_key"],
        calendar_name=data["calendar_name"],
        settings=settings,
    )


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
class Calendar:
    """One calendar taking part."""

    key: str
    connection: str
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

    @property
    def usable_cursor(self) -> str | None:
        return self.cursor if self.cursor_format == CURSOR_FORMAT else None


def calendar_path(key: str) -> str:
    return f"calendars/{key}"


def calendar_data(calendar: Calendar) -> dict[str, object]:
    lease, progress = calendar.lease, calendar.progress
    return {
        "connection": calendar.connection,
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
    }


def calendar_of(document: Document) -> Calendar:
    data: dict[str, Any] = dict(document.data)
    lease, progress = data.pop("lease"), data.pop("progress")
    return Calendar(
        key=document.id,
        lease=Lease(**lease) if lease else None,
        progress=Progress(**progress) if progress else None,
        **data,
    )


# --- items ----------------------------------------------------------------------------------------------


def items_path(calendar_key: str) -> str:
    return f"calendars/{calendar_key}/items"


def item_data(item: Item, calendar: Calendar, practice: str, now: datetime) -> dict[str, object]:
    data: dict[str, object] = {
        "practice": practice,
        "calendar_id": calendar.calendar_id,
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
    item = Item(
        k=document.id,
        kind=Kind(data["kind"]),
        origin=Side(data["origin"]),
        generation=data["generation"],
        appointment_id=data["appointment_id"],
        event_id=data["event_id"],
        base=Base(_facts_of(data["base_ehr"]), _facts_of(data["base_calendar"])),
        seen=Seen(_reading_of(data["seen_ehr"]), _reading_of(data["seen_calendar"])),
        retry_at=data.get("retry_at"),
        tries=data["tries"],
        aside=data["aside"],
        carrying=Side(data["carrying"]) if data["carrying"] else None,
        cancelled_version=data["cancelled_version"],
        verify=data["verify"],
        put_back_at=tuple(data["put_back_at"]),
    )
    return item if data["calendar_id"] == calendar.calendar_id else item.without_calendar()


def _facts_data(facts: Facts | None) -> dict[str, object] | None:
    if facts is None:
        return None
    when = facts.when
    return {
        "start": when.start.isoformat(),
        "end": when.end.isoformat(),
        "what": facts.what,
        "version": facts.version,
    }


def _facts_of(data: Mapping[str, str] | None) -> Facts | None:
    if data is None:
        return None
    when = When(_moment(data["start"]), _moment(data["end"]))
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
    """How far the EHR of a practice was read."""

    key: str
    cursor: FeedCursor | None = None
    lease: Lease | None = None


def practice_path(key: str) -> str:
    return f"practices/{key}"


def practice_data(practice: Practice) -> dict[str, object]:
    cursor, lease = practice.cursor, practice.lease
    return {
        "high_water": cursor.high_water if cursor else None,
        "seen": dict(cursor.seen) if cursor else {},
        "lease": {"holder": lease.holder, "until": lease.until} if lease else None,
    }


def practice_of(document: Document) -> Practice:
    data: Mapping[str, Any] = document.data
    cursor = FeedCursor(data["high_water"], data["seen"]) if data["high_water"] else None
    return Practice(document.id, cursor, Lease(**data["lease"]) if data["lease"] else None)
