"""The life of a connection: started, changed, paused, resumed, disconnected, and its grant dead.

Whoever raises the epoch asks for one complete pass under the new one: a calendar's document says under which
epoch everything was last read, and the next bulk job compares. So the request cannot be lost, made twice, or
overtaken by a later one. A task only makes it soon; without it the calendar is due by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from math import ceil

from shared.app.feed import run_feed_job
from shared.app.records import (
    Calendar,
    Connection,
    Status,
    calendar_data,
    calendar_of,
    calendar_path,
    connection_data,
    connection_of,
    connection_path,
    parked,
)
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError, StaleError
from shared.core.policy import ConnectionSettings
from shared.ports import Document, Expect, Put, Where

TRIES = 5
"""Times a connection may move while it is changed."""
POLL_SECONDS = 0.5
"""Between two looks whether a running job has come to its end."""
CALENDARS_MAX = 100
"""Of one connection."""


def load(world: World, key: str) -> Connection:
    """Raises RejectedError `not_connected`."""
    document = _document(world, key)
    if document is None:
        raise RejectedError("not_connected")
    return connection_of(document)


def calendars_of(world: World, key: str) -> list[Calendar]:
    """All calendars of a connection, those of an account it had before too."""
    found = world.documents.find("calendars", Where("connection", "==", key), limit=CALENDARS_MAX)
    return [calendar_of(document) for document in found]


# --- begin ----------------------------------------------------------------------------------------------


def start(world: World, key: str, calendar_name: str | None = None) -> Connection:
    """Begin to sync, in the calendar that this account had before if it had one; once more is nothing.

    The practice's cursor is set first, so that no change falls between it and the first pass. Raises
    RejectedError: `not_connected`, `reconnect_needed` where there is no grant to start on, `stopping`.
    """
    connection = load(world, key)
    run_feed_job(world, connection.practice, lambda _key, _ids: None)

    def begun(now: Connection) -> Connection:
        if now.status in (Status.ACTIVE, Status.PAUSED):
            return now
        if now.status is not Status.CONNECTED:
            raise RejectedError("stopping" if now.status is Status.STOPPING else "reconnect_needed")
        name = calendar_name or now.calendar_name
        return replace(now, status=Status.ACTIVE, epoch=now.epoch + 1, calendar_name=name)

    return change(world, key, begun)


def resume(world: World, key: str) -> Connection:
    """Go on after a pause, with a complete pass. Raises RejectedError `not_paused`."""

    def resumed(now: Connection) -> Connection:
        if now.status is Status.ACTIVE:
            return now
        if now.status is not Status.PAUSED:
            raise RejectedError("not_paused")
        return replace(now, status=Status.ACTIVE, epoch=now.epoch + 1)

    return change(world, key, resumed)


def change_settings(world: World, key: str, settings: ConnectionSettings) -> Connection:
    """Other settings: all that is synced is read again under them. The same ones are nothing."""

    def changed(now: Connection) -> Connection:
        if now.settings == settings:
            return now
        return replace(now, settings=settings, epoch=now.epoch + 1)

    return change(world, key, changed)


def change(world: World, key: str, to: Callable[[Connection], Connection]) -> Connection:
    """The connection as `to` makes it of the stored one, together with its appointments calendar's record.

    Raises RejectedError `not_connected`, and what `to` raises; RetryableError `connection_contested`.
    """
    for _ in range(TRIES):
        document = _document(world, key)
        if document is None:
            raise RejectedError("not_connected")
        before = connection_of(document)
        after = to(before)
        if after == before:
            return before
        writes = [Put(connection_path(key), connection_data(after), document.version)]
        if after.moves and after.epoch != before.epoch:
            writes += awakened(world, after)
        with contextlib.suppress(StaleError):
            world.documents.commit(writes)
            return after
    raise RetryableError("connection_contested")


def awakened(world: World, connection: Connection) -> list[Put]:
    """The records of the account's calendars as due at once; that of the appointments one is made if need be.

    Those that are awake are left alone: a job may hold them, and whichever comes next compares the epochs.
    """
    now, account = world.clock.now(), world.keys.account(connection.sub)
    of_connection = Where("connection", "==", connection.key)
    found = world.documents.find("calendars", of_connection, limit=CALENDARS_MAX)
    ours = [(document, calendar_of(document)) for document in found]
    puts = [
        Put(document.path, calendar_data(replace(calendar, active=True, due_at=now)), document.version)
        for document, calendar in ours
        if calendar.account == account and not calendar.active and not calendar.leaving
    ]
    if all(calendar.key != connection.calendar_key for _, calendar in ours):
        made = Calendar(connection.calendar_key, connection.key, account, due_at=now)
        puts.append(Put(calendar_path(made.key), calendar_data(made), Expect.ABSENT))
    return puts


# --- end ------------------------------------------------------------------------------------------------


def pause(world: World, key: str) -> Connection:
    """When this returns, nothing is written for the connection any more; its channels live on.

    Raises RejectedError `not_started`; RetryableError `stopping` where a running job does not end: again.
    """

    def stopping(now: Connection) -> Connection:
        if now.status is Status.PAUSED:
            return now
        if now.status not in (Status.ACTIVE, Status.STOPPING):
            raise RejectedError("not_started")
        return _stopping(now)

    connection = change(world, key, stopping)
    if connection.status is Status.PAUSED:
        return connection
    park_calendars(world, key)
    return change(world, key, lambda now: replace(now, status=Status.PAUSED))


def stop(world: World, key: str) -> Connection:
    """Like a pause, on the way out: the connection is left `stopping`."""
    connection = change(world, key, _stopping)
    park_calendars(world, key)
    return connection


def _stopping(now: Connection) -> Connection:
    return replace(now, status=Status.STOPPING, epoch=now.epoch + 1)


def park_calendars(world: World, key: str) -> None:
    """Take every calendar of the connection from whoever works on it, at the end of what they do.

    A job that has read the connection before sees the calendar's document change under it, and stops.
    """
    for calendar in calendars_of(world, key):
        rewrite(world, calendar.key, parked)


def rewrite(world: World, calendar_key: str, to: Callable[[Calendar], Calendar]) -> Calendar:
    """Change a calendar's record while no job has it. Raises RetryableError `stopping`: one always has."""
    path = calendar_path(calendar_key)
    for _ in range(ceil(world.limits.lease_seconds / POLL_SECONDS) + 1):
        document = world.documents.get(path)[path]
        calendar = calendar_of(document)
        if calendar.lease is None or calendar.lease.until <= world.clock.now():
            changed = to(calendar)
            with contextlib.suppress(StaleError):
                world.documents.commit([Put(path, calendar_data(changed), document.version)])
                return changed
        world.clock.sleep(POLL_SECONDS)
    raise RetryableError("stopping")


# --- a dead grant ---------------------------------------------------------------------------------------


def grant_died(world: World, connection: Connection) -> None:
    """The grant that this connection had when it was read is dead: nothing moves before a new one.

    Nothing happens where it has a newer one by now. Best effort: who is not told here meets it again.
    """

    def dead(now: Connection) -> Connection:
        same = now.grant == connection.grant and now.status is Status.ACTIVE
        return replace(now, status=Status.RECONNECT_NEEDED) if same else now

    with contextlib.suppress(RetryableError, RejectedError):
        if change(world, connection.key, dead).status is Status.RECONNECT_NEEDED:
            _sleep(world, connection.calendar_key)


def _sleep(world: World, calendar_key: str) -> None:
    """Nobody looks at the calendar any more; whoever has it meanwhile goes on to their end."""
    path = calendar_path(calendar_key)
    document = world.documents.get(path).get(path)
    if document is not None and calendar_of(document).lease is None:
        with contextlib.suppress(StaleError):
            world.documents.commit(
                [Put(path, calendar_data(parked(calendar_of(document))), document.version)]
            )


def _document(world: World, key: str) -> Document | None:
    path = connection_path(key)
    return world.documents.get(path).get(path)
