"""What a person should know: that something happened, to whom, when and how often; never its content.

A notice of a kind is one a day, with its count, however many jobs add to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from shared.app.records import Connection
from shared.app.world import World
from shared.core.errors import RetryableError, StaleError
from shared.ports import Document, Expect, Put

KEPT = timedelta(days=90)
TRIES = 3
"""Jobs of the same connection that add to a notice at the same time."""


class NoticeKind(Enum):
    REVIEW = "review"
    """Deletions wait for an answer."""
    OVERLAP = "overlap"
    """Something from the calendar now takes time that a client's appointment has."""


@dataclass(frozen=True)
class Notice:
    practice: str
    connection: str
    kind: NoticeKind
    day: str
    """UTC, as `2026-03-09`."""
    count: int
    at: datetime
    """When it last happened."""


def notice_path(connection: str, kind: NoticeKind, day: str) -> str:
    return f"notices/{connection}-{kind.value}-{day}"


def notice_data(notice: Notice) -> dict[str, object]:
    return {
        "practice": notice.practice,
        "connection": notice.connection,
        "kind": notice.kind.value,
        "day": notice.day,
        "count": notice.count,
        "at": notice.at,
        "expire_at": notice.at + KEPT,
    }


def notice_of(document: Document) -> Notice:
    data: Mapping[str, Any] = document.data
    return Notice(
        data["practice"],
        data["connection"],
        NoticeKind(data["kind"]),
        data["day"],
        data["count"],
        data["at"],
    )


def note(world: World, connection: Connection, kind: NoticeKind, count: int) -> None:
    """Best effort: a job does not fail for want of a notice."""
    now = world.clock.now()
    day = now.date().isoformat()
    path = notice_path(connection.key, kind, day)
    new = Notice(connection.practice, connection.key, kind, day, count, now)
    with contextlib.suppress(RetryableError):
        for _ in range(TRIES):
            document = world.documents.get(path).get(path)
            whole = replace(new, count=count + notice_of(document).count) if document else new
            expect = document.version if document else Expect.ABSENT
            with contextlib.suppress(StaleError):
                world.documents.commit([Put(path, notice_data(whole), expect)])
                return
