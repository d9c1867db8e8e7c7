"""Until when a practice has agreed on a practitioner's sync. What is over pauses; nothing is ever removed.

The day stands in a document of its own, for it may be said before anybody connects, and in the connection, so
that whoever works on a calendar has read it anyway: the first job, look or push after that moment lets the
connection lapse, and nobody has to search for those that do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.connections import TRIES, asleep, awakened
from shared.app.notices import NoticeKind, note_once
from shared.app.records import (
    Connection,
    Status,
    connection_data,
    connection_of,
    connection_path,
    entitlement_path,
)
from shared.app.world import World
from shared.core.errors import RetryableError, StaleError
from shared.ports import Document, Expect, Put

NOTICE_BEFORE = timedelta(days=14)
"""So long before the end its practitioner is told, once."""


@dataclass(frozen=True)
class Entitlement:
    practice: str
    practitioner: str
    active_until: datetime | None = None
    """None: without an end."""

    def lapsed(self, now: datetime) -> bool:
        return self.active_until is not None and self.active_until <= now


def entitlement_data(entitlement: Entitlement) -> dict[str, object]:
    return {
        "practice": entitlement.practice,
        "practitioner": entitlement.practitioner,
        "active_until": entitlement.active_until,
    }


def entitlement_of(document: Document) -> Entitlement:
    data: Mapping[str, Any] = document.data
    return Entitlement(data["practice"], data["practitioner"], data["active_until"])


def read_entitlement(world: World, practice: str, practitioner: str) -> Entitlement:
    """Of one that nobody has spoken of: without an end."""
    path = entitlement_path(world.keys.connection(practice, practitioner))
    document = world.documents.get(path).get(path)
    return entitlement_of(document) if document else Entitlement(practice, practitioner)


def entitle(world: World, entitlement: Entitlement) -> Connection | None:
    """Until then and no longer: what has lapsed goes on with a complete pass, what is over lapses now.

    The connection as it is then, if there is one. Raises RetryableError `connection_contested`.
    """
    key = world.keys.connection(entitlement.practice, entitlement.practitioner)
    path, at = entitlement_path(key), connection_path(key)
    for _ in range(TRIES):
        found = world.documents.get(path, at)
        expect = found[path].version if path in found else Expect.ABSENT
        said = Put(path, entitlement_data(entitlement), expect)
        before = connection_of(found[at]) if at in found else None
        after = _entitled(before, entitlement, world.clock.now()) if before else None
        with contextlib.suppress(StaleError):
            world.documents.commit([said, *_changed(world, found.get(at), before, after)])
            if before and after and after.status is Status.LAPSED is not before.status:
                _note(world, after, NoticeKind.LAPSED)
            return after
    raise RetryableError("connection_contested")


def _changed(
    world: World, document: Document | None, before: Connection | None, after: Connection | None
) -> list[Put]:
    if document is None or before is None or after is None:
        return []
    put = Put(document.path, connection_data(after), document.version)
    if after.status is before.status:
        return [put]
    return [put, *(awakened(world, after) if after.moves else asleep(world, after))]


def _entitled(connection: Connection, entitlement: Entitlement, now: datetime) -> Connection:
    lapsed = entitlement.lapsed(now)
    status = connection.status
    if status is Status.LAPSED and not lapsed:
        status = Status.ACTIVE
    if status is Status.ACTIVE and lapsed:
        status = Status.LAPSED
    epoch = connection.epoch + (status is not connection.status)
    return replace(connection, active_until=entitlement.active_until, status=status, epoch=epoch)


# --- as time passes -------------------------------------------------------------------------------------


def is_to_be_told(connection: Connection, now: datetime) -> bool:
    """Whether this moves and is over, or is about to be and nobody was told."""
    until = connection.active_until
    if until is None or connection.status is not Status.ACTIVE:
        return False
    soon = until - NOTICE_BEFORE <= now and connection.noticed_until != until
    return until <= now or soon


def tell(world: World, connection: Connection) -> None:
    """The notice, or the end. Best effort: whoever works on it next meets it again."""
    now = world.clock.now()
    path = connection_path(connection.key)
    document = world.documents.get(path).get(path)
    stored = connection_of(document) if document else connection
    if document is None or not is_to_be_told(stored, now):
        return
    over = stored.active_until is not None and stored.active_until <= now
    if over:
        after = replace(stored, status=Status.LAPSED, epoch=stored.epoch + 1)
    else:
        after = replace(stored, noticed_until=stored.active_until)
    writes = [Put(path, connection_data(after), document.version), *(asleep(world, after) if over else ())]
    with contextlib.suppress(StaleError):
        world.documents.commit(writes)
        _note(world, after, NoticeKind.LAPSED if over else NoticeKind.LAPSES_SOON)


def _note(world: World, connection: Connection, kind: NoticeKind) -> None:
    """One for each day that it may end on."""
    until = connection.active_until
    note_once(world, connection, kind, of=until.date().isoformat() if until else "")
