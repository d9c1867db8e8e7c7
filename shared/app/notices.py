"""What a person should know: that something happened, to whom, when and how often; never its content.

A notice of a kind is one a day, with its count, however many jobs add to it; of what has a name of its own,
as a grant that died, it is one of each. It is told to the EHR once: `send_at` says when that is to be tried,
and whoever sees to what is due asks for the job. Nothing is lost with a task, and who notes needs no queue.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from shared.app.world import World
from shared.core.errors import BlockedError, RetryableError, StaleError
from shared.ports import Document, Documents, Expect, Put, Where

NOTICES = "notices"
KEPT = timedelta(days=90)
TRIES = 3
"""Jobs of the same connection that add to a notice at the same time."""
LISTED_MAX = 1_000
"""Of one practitioner: more than a year has of every kind that is one a day is never kept."""
WAIT = timedelta(minutes=1)
"""Before an EHR that did not take a notice is told again; then twice as long each time."""
WAIT_MAX = timedelta(hours=4)
TELLS_MAX = 13
"""Tries to tell an EHR, which take a day."""


class NoticeKind(Enum):
    REVIEW = "review"
    """Deletions wait for an answer."""
    OVERLAP = "overlap"
    """Something from the calendar now takes time that a client's appointment has."""
    RECONNECT_NEEDED = "reconnect_needed"
    """The grant is dead: one for each that dies."""
    SET_ASIDE = "set_aside"
    """Items that cannot be done as they stand, each counted when it is first set aside."""
    CALENDAR_MISSING = "calendar_missing"
    """The appointments calendar was deleted."""
    FAILING = "failing"
    """Nothing goes on before a person acts, or nothing has gone on for hours."""
    LAPSES_SOON = "lapses_soon"
    """The time that was agreed on ends in some days."""
    LAPSED = "lapsed"
    """It has ended: the sync pauses."""
    INVITED = "invited"
    """The practice asks the practitioner to connect."""
    HOOKS_SILENT = "hooks_silent"
    """Of the practice: its hooks stopped, though its appointments change."""
    EHR_UNREACHABLE = "ehr_unreachable"
    """Of the practice: its EHR has not been read for an hour."""


class Whom(Protocol):
    """A connection, or somebody who may have one some day."""

    @property
    def key(self) -> str: ...
    @property
    def practice(self) -> str: ...
    @property
    def practitioner(self) -> str: ...


@dataclass(frozen=True)
class Addressee:
    key: str
    practice: str
    practitioner: str = ""


def the_practice(practice: str) -> Addressee:
    """What is nobody's in particular, but the practice's."""
    return Addressee(practice, practice)


@dataclass(frozen=True)
class Notice:
    practice: str
    connection: str
    """Of the practitioner; of a notice of the whole practice its own key."""
    kind: NoticeKind
    day: str
    """UTC, as `2026-03-09`; or the name of what it is one of, as `grant-2`."""
    count: int
    at: datetime
    """When it last happened."""
    practitioner: str = ""
    """"" of a notice of the whole practice."""
    seen_at: datetime | None = None
    """When somebody has said that they know; None again where it happened once more."""
    sent_at: datetime | None = None
    """When the EHR was told."""
    send_at: datetime | None = None
    """When it is to be told; None: it was, or cannot be."""
    tries: int = 0

    @property
    def id(self) -> str:
        return f"{self.connection}-{self.kind.value}-{self.day}"


def notice_path(connection: str, kind: NoticeKind, day: str) -> str:
    return f"{NOTICES}/{connection}-{kind.value}-{day}"


def notice_data(notice: Notice) -> dict[str, object]:
    data: dict[str, object] = {
        "practice": notice.practice,
        "connection": notice.connection,
        "practitioner": notice.practitioner,
        "kind": notice.kind.value,
        "day": notice.day,
        "count": notice.count,
        "at": notice.at,
        "seen_at": notice.seen_at,
        "sent_at": notice.sent_at,
        "tries": notice.tries,
        "expire_at": notice.at + KEPT,
    }
    if notice.seen_at is None:  # absent otherwise, as the next: who looks for them does not find it
        data["unseen"] = _unseen(notice.practice, notice.kind)
    if notice.send_at is not None:
        data["send_at"] = notice.send_at
    return data


def _unseen(practice: str, kind: NoticeKind) -> str:
    """What the unseen ones of a kind have in common: they are counted by this one field."""
    return f"{practice}/{kind.value}"


def notice_of(document: Document) -> Notice:
    data: dict[str, Any] = dict(document.data)
    for name in ("expire_at", "unseen"):
        data.pop(name, None)
    return Notice(kind=NoticeKind(data.pop("kind")), **data)


# --- noting ---------------------------------------------------------------------------------------------


def new_notice(whom: Whom, kind: NoticeKind, now: datetime, *, count: int = 1, of: str = "") -> Notice:
    """`of`: the name of what it is one of; else the day."""
    day = of or now.date().isoformat()
    return Notice(whom.practice, whom.key, kind, day, count, now, whom.practitioner, send_at=now)


def note(world: World, whom: Whom, kind: NoticeKind, count: int) -> None:
    """Add to the day's. Best effort: a job does not fail for want of a notice."""
    new = new_notice(whom, kind, world.clock.now(), count=count)

    def more(before: Notice | None) -> Notice:
        if before is None:
            return new
        return replace(before, count=before.count + count, at=new.at, seen_at=None)

    with contextlib.suppress(RetryableError):
        change(world, new.id, more)


def note_once(world: World, whom: Whom, kind: NoticeKind, *, of: str = "") -> None:
    """Unless it was said already: that day, or of what has this name. Best effort."""
    new = new_notice(whom, kind, world.clock.now(), of=of)
    path = notice_path(new.connection, kind, new.day)
    with contextlib.suppress(StaleError, RetryableError):
        world.documents.commit([Put(path, notice_data(new), Expect.ABSENT)])


class _To(Protocol):
    def __call__(self, before: Notice | None, /) -> Notice | None: ...


def change(world: World, notice_id: str, to: _To) -> Notice | None:
    """The notice as `to` makes it of the stored one; None, or the same: nothing is written.

    Where others are always faster it is left as they make it. Raises RetryableError.
    """
    path = f"{NOTICES}/{notice_id}"
    for _ in range(TRIES):
        document = world.documents.get(path).get(path)
        before = notice_of(document) if document else None
        after = to(before)
        if after is None or after == before:
            return before
        expect = document.version if document else Expect.ABSENT
        with contextlib.suppress(StaleError):
            world.documents.commit([Put(path, notice_data(after), expect)])
            return after
    return None


# --- reading --------------------------------------------------------------------------------------------


def notices_of(world: World, connection: str) -> list[Notice]:
    """Of one practitioner, the latest first."""
    found = world.documents.find(NOTICES, Where("connection", "==", connection), limit=LISTED_MAX)
    now = world.clock.now()
    listed = [notice_of(each) for each in found if _lives(each, now)]
    return sorted(listed, key=lambda notice: (notice.at, notice.id), reverse=True)


def _lives(document: Document, now: datetime) -> bool:
    """What is over is removed by the store, some day."""
    expires = document.data["expire_at"]
    assert isinstance(expires, datetime)
    return expires > now


def see(world: World, connection: str, ids: Sequence[str]) -> None:
    """These of a practitioner's notices are known to them. Others' are left alone. Raises RetryableError."""
    now = world.clock.now()

    def seen(before: Notice | None) -> Notice | None:
        if before is None or before.connection != connection:
            return None
        return before if before.seen_at else replace(before, seen_at=now)

    for each in ids:
        change(world, each, seen)


def unseen_of(world: World, practice: str) -> Mapping[NoticeKind, int]:
    """How many of each kind nobody has said that they know, in the whole practice."""

    def unseen(kind: NoticeKind) -> int:
        return world.documents.count(NOTICES, Where("unseen", "==", _unseen(practice, kind)))

    counts = {kind: unseen(kind) for kind in NoticeKind}
    return {kind: count for kind, count in counts.items() if count}


# --- telling the EHR ------------------------------------------------------------------------------------


def due(documents: Documents, now: datetime, limit: int) -> list[Notice]:
    """Those that the EHR is to be told of now, the first first."""
    found = documents.find(NOTICES, Where("send_at", "<=", now), order_by="send_at", limit=limit)
    return [notice_of(each) for each in found]


def message(notice: Notice) -> dict[str, object]:
    """What the EHR is told: the same each time but for the count, under the same `id`."""
    return {
        "id": notice.id,
        "kind": notice.kind.value,
        "practitioner": notice.practitioner or None,
        "count": notice.count,
        "time": notice.at.isoformat().replace("+00:00", "Z"),
    }


def tell(world: World, notice_id: str) -> bool:
    """Tell the EHR of a notice, if that is due; whether it was told. Raises RetryableError of the store.

    An EHR that does not take it is told again, later and later, TELLS_MAX times in all.
    """
    path, now = f"{NOTICES}/{notice_id}", world.clock.now()
    document = world.documents.get(path).get(path)
    notice = notice_of(document) if document else None
    if notice is None or notice.send_at is None or notice.send_at > now:
        return False
    told, again_at = _told(world, notice, now)

    def after(before: Notice | None) -> Notice | None:
        if before is None:
            return None
        sent_at = now if told else before.sent_at
        return replace(before, sent_at=sent_at, send_at=again_at, tries=before.tries + 1)

    change(world, notice_id, after)
    return told


def _told(world: World, notice: Notice, now: datetime) -> tuple[bool, datetime | None]:
    """Whether it was told, and when else that is tried again."""
    try:
        told = world.tell is not None and world.tell(notice.practice, message(notice))
    except (RetryableError, BlockedError) as error:
        asked = error.after_seconds if isinstance(error, RetryableError) else None
        wait = max(timedelta(seconds=asked or 0), min(WAIT * 2**notice.tries, WAIT_MAX))
        return False, now + wait if notice.tries + 1 < TELLS_MAX else None
    return told, None
