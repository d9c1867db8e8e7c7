"""What the connections of one account share: a pause that a limit asked for, and one bulk job at a time.

A calendar service counts by account, whatever the practice; so the records of bulk work, and only these, are
named without one. The pause stands in the connections, which every job reads anyway.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.records import connection_data, connection_of, connection_path
from shared.app.world import World
from shared.core.errors import RetryableError, StaleError
from shared.ports import Expect, Put, Remove, Where

TRIES = 3
"""Times a connection may move while its pause is written."""
CONNECTIONS_MAX = 100
"""Of one account."""


def holder_path(account: str) -> str:
    return f"accounts/{account}"


def holder_data(holder: str, until: datetime) -> dict[str, object]:
    return {"holder": holder, "held_until": until}


def take(world: World, account: str, holder: str) -> bool:
    """Whether this bulk job has the account now, for the length of a lease at most."""
    now, path = world.clock.now(), holder_path(account)
    document = world.documents.get(path).get(path)
    held_until: Any = document.data["held_until"] if document else None
    if held_until is not None and held_until > now:
        return False
    until = now + timedelta(seconds=world.limits.lease_seconds)
    put = Put(path, holder_data(holder, until), document.version if document else Expect.ABSENT)
    try:
        world.documents.commit([put])
    except StaleError:  # another was faster
        return False
    return True


def let_go(world: World, account: str, holder: str) -> None:
    path = holder_path(account)
    with contextlib.suppress(StaleError, RetryableError):  # else it runs out by itself
        document = world.documents.get(path).get(path)
        if document is not None and document.data["holder"] == holder:
            world.documents.commit([Remove(path, document.version)])


def pause(world: World, sub: str, seconds: float | None) -> None:
    """Nobody works on the account for so long, give or take: they are not to come back all at once.

    None: as long as such limits mostly ask for. Best effort: whoever goes on meets the limit again.
    """
    wait = (seconds or world.limits.pause_seconds) * (1 + world.chance() / 4)
    until = world.clock.now() + timedelta(seconds=wait)
    with contextlib.suppress(RetryableError):
        for document in world.documents.find("connections", Where("sub", "==", sub), limit=CONNECTIONS_MAX):
            _pause(world, document.id, until)


def _pause(world: World, key: str, until: datetime) -> None:
    path = connection_path(key)
    for _ in range(TRIES):
        document = world.documents.get(path)[path]
        connection = connection_of(document)
        if connection.pause_until is not None and connection.pause_until >= until:
            return
        paused = replace(connection, pause_until=until)
        with contextlib.suppress(StaleError):
            world.documents.commit([Put(path, connection_data(paused), document.version)])
            return
