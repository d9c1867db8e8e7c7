"""The life of a connection: started, changed, paused, resumed, disconnected, and its grant dead.

Whoever raises the epoch asks for one complete pass under the new one: a calendar's document says under which
epoch everything was last read, and the next bulk job compares. So the request cannot be lost, made twice, or
overtaken by a later one. A task only makes it soon; without it the calendar is due by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from math import ceil
from typing import Any

from shared.app.feed import run_feed_job
from shared.app.notices import NoticeKind, new_notice, notice_data, notice_path
from shared.app.records import (
    Calendar,
    Connection,
    Receipt,
    Status,
    calendar_data,
    calendar_of,
    calendar_path,
    connection_data,
    connection_of,
    connection_path,
    entitlement_path,
    parked,
    practice_of,
    practice_path,
)
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError, StaleError
from shared.core.policy import ConnectionSettings
from shared.ports import Document, Expect, Put, Remove, Where

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
    return [calendar for _, calendar in calendar_documents(world, key)]


def calendar_documents(world: World, key: str) -> list[tuple[Document, Calendar]]:
    """The same, with what is stored."""
    found = world.documents.find("calendars", Where("connection", "==", key), limit=CALENDARS_MAX)
    return [(document, calendar_of(document)) for document in found]


# --- begin ----------------------------------------------------------------------------------------------


def start(world: World, key: str, calendar_name: str | None = None) -> Connection:
    """Begin to sync, in the calendar that this account had before if it had one; once more is nothing.

    The practice's cursor is set first, so that no change falls between it and the first pass. Raises
    RejectedError: `not_connected`, `reconnect_needed` where there is no grant to start on, `stopping`,
    `removing`, `lapsed`; RetryableError `practice_is_read`, where somebody else is about to set that cursor.
    """
    _set_cursor(world, load(world, key).practice)

    def begun(now: Connection) -> Connection:
        if now.status in (Status.ACTIVE, Status.PAUSED):
            return now
        if now.status is not Status.CONNECTED:
            known = now.status in (Status.STOPPING, Status.REMOVING, Status.LAPSED)
            raise RejectedError(now.status.value if known else "reconnect_needed")
        until = _active_until(world, key)
        if until is not None and until <= world.clock.now():
            raise RejectedError("lapsed")
        begins = replace(now, status=Status.ACTIVE, epoch=now.epoch + 1, active_until=until)
        return replace(begins, calendar_name=calendar_name or now.calendar_name)

    return change(world, key, begun)


def _active_until(world: World, key: str) -> datetime | None:
    """What the practice has said of it, maybe before there was a connection."""
    path = entitlement_path(key)
    document = world.documents.get(path).get(path)
    data: Mapping[str, Any] = document.data if document else {}
    return data.get("active_until")


def _set_cursor(world: World, practice: str) -> None:
    """Where there is none. Nothing is read from one that is there: others would have to be told of it."""
    path = practice_path(practice)
    document = world.documents.get(path).get(path)
    if document is not None and practice_of(document).cursor is not None:
        return

    def refuse(calendar_key: str, appointment_ids: Sequence[str]) -> None:
        del calendar_key, appointment_ids  # the cursor was set meanwhile: they are the practice's job's
        raise RetryableError("practice_is_read")

    if not run_feed_job(world, practice, refuse).complete:
        raise RetryableError("practice_is_read")


def resume(world: World, key: str) -> Connection:
    """Go on after a pause, with a complete pass. Raises RejectedError `not_paused`, `lapsed`."""

    def resumed(now: Connection) -> Connection:
        if now.status is Status.ACTIVE:
            return now
        if now.status is not Status.PAUSED:
            raise RejectedError("lapsed" if now.status is Status.LAPSED else "not_paused")
        if now.active_until is not None and now.active_until <= world.clock.now():
            raise RejectedError("lapsed")
        return replace(now, status=Status.ACTIVE, epoch=now.epoch + 1)

    return change(world, key, resumed)


def change_settings(world: World, key: str, settings: ConnectionSettings) -> Connection:
    """Other settings: all that is synced is read again under them. The same ones are nothing."""

    def changed(now: Connection) -> Connection:
        if now.settings == settings:
            return now
        return replace(now, settings=settings, epoch=now.epoch + 1)

    return change(world, key, changed)


def change(
    world: World, key: str, to: Callable[[Connection], Connection], *, besides: Sequence[Put | Remove] = ()
) -> Connection:
    """The connection as `to` makes it of the stored one, together with its appointments calendar's record.

    `besides`: goes in the same commit. Raises RejectedError `not_connected`, and what `to` raises;
    RetryableError `connection_contested`.
    """
    for _ in range(TRIES):
        document = _document(world, key)
        if document is None:
            raise RejectedError("not_connected")
        before = connection_of(document)
        after = to(before)
        if after == before:
            return before
        writes: list[Put | Remove] = [Put(connection_path(key), connection_data(after), document.version)]
        writes += besides
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
    ours = calendar_documents(world, connection.key)
    puts = [
        Put(document.path, calendar_data(replace(calendar, active=True, due_at=now)), document.version)
        for document, calendar in ours
        if calendar.account == account and not calendar.active and not calendar.left
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
    park_calendars(world, connection)
    return stopped(world, connection, Status.PAUSED)


def stop(world: World, key: str) -> Connection:
    """Like a pause, on the way out: the connection is left `stopping`, and its channels may be stopped."""
    connection = change(world, key, _stopping)
    park_calendars(world, connection, lambda calendar: replace(parked(calendar), renew_at=None))
    return connection


def _stopping(now: Connection) -> Connection:
    if now.status is Status.STOPPING:  # several may stop it, each waits for its calendars
        return now
    return replace(now, status=Status.STOPPING, epoch=now.epoch + 1)


def stopped(
    world: World,
    stopping: Connection,
    status: Status,
    *,
    receipt: Receipt | None = None,
    start_from: date | None = None,
    besides: Sequence[Put | Remove] = (),
) -> Connection:
    """The end of what `stopping` began, and `besides` with it; of a pause and a disconnection the latter.

    `start_from`: it goes on at once, from that day, and all is read.
    Raises RetryableError `connection_contested` where the connection was changed or begun again meanwhile.
    """

    def ended(now: Connection) -> Connection:
        _check_stopping(now, stopping)
        if now.status is Status.DISCONNECTED:
            return now
        if start_from is None:
            return replace(now, status=status, receipt=receipt)
        settings = replace(now.settings, start_from=start_from)
        return replace(now, status=status, settings=settings, epoch=now.epoch + 1)

    return change(world, stopping.key, ended, besides=besides)


def park_calendars(world: World, stopping: Connection, to: Callable[[Calendar], Calendar] = parked) -> None:
    """Take every calendar of the connection from whoever works on it, at the end of what they do.

    A job that has read the connection before sees the calendar's document change under it, and stops.
    Raises RetryableError: `stopping`; `connection_contested` where it was begun again meanwhile.
    """
    for calendar in calendars_of(world, stopping.key):
        rewrite(world, calendar.key, to, during=stopping)


def rewrite(
    world: World, calendar_key: str, to: Callable[[Calendar], Calendar], *, during: Connection | None = None
) -> Calendar:
    """Change a calendar's record while no job has it; with `during`, only while that stopping is under way.

    Raises RetryableError: `stopping`, where some job always has it; `connection_contested`.
    """
    path = calendar_path(calendar_key)
    for _ in range(ceil(world.limits.lease_seconds / POLL_SECONDS) + 1):
        document = world.documents.get(path)[path]
        calendar = calendar_of(document)
        if not calendar.is_leased(world.clock.now()):
            changed = to(calendar)
            writes = [Put(path, calendar_data(changed), document.version), *_still(world, during)]
            with contextlib.suppress(StaleError):
                world.documents.commit(writes)
                return changed
        world.clock.sleep(POLL_SECONDS)
    raise RetryableError("stopping")


def _still(world: World, stopping: Connection | None) -> list[Put]:
    """The stored connection as it stands, for a commit that holds only while it does."""
    document = _document(world, stopping.key) if stopping else None
    if stopping is None or document is None:
        return []
    connection = connection_of(document)
    _check_stopping(connection, stopping)
    return [Put(document.path, connection_data(connection), document.version)]


def _check_stopping(now: Connection, stopping: Connection) -> None:
    if now.epoch != stopping.epoch:
        raise RetryableError("connection_contested")


# --- a dead grant ---------------------------------------------------------------------------------------


def grant_died(world: World, connection: Connection) -> bool:
    """The grant that this connection had when it was read is dead: nothing moves before a new one.

    False: that was known, or it does not live on that grant any more. Best effort: who is not told here
    meets it again.
    """
    for _ in range(TRIES):
        try:
            writes = _dead(world, connection)
            if writes:
                world.documents.commit(writes)
        except StaleError:
            continue
        except RetryableError:
            return True
        return bool(writes)
    return True


def _dead(world: World, connection: Connection) -> list[Put]:
    """What says so, in one commit: a new grant that comes between finds the calendars awake or wakes them.

    One that a job holds stays awake: whoever has it goes on to their end, and tells of it again.
    """
    document = _document(world, connection.key)
    now = connection_of(document) if document else connection
    if document is None or now.grant != connection.grant:
        return []
    if now.status not in (Status.ACTIVE, Status.RECONNECT_NEEDED):
        return []
    calendars = asleep(world, connection)
    dead = replace(now, status=Status.RECONNECT_NEEDED)
    writes = [Put(document.path, connection_data(dead), document.version), *calendars]
    if dead != now:
        return [*writes, _notice_of_death(world, dead)]
    return writes if calendars else []


def asleep(world: World, connection: Connection) -> list[Put]:
    """The records of its calendars as nobody sees to them, but for those that a job holds."""
    return [
        Put(each.path, calendar_data(parked(calendar)), each.version)
        for each, calendar in calendar_documents(world, connection.key)
        if calendar.active and not calendar.is_leased(world.clock.now())
    ]


def _notice_of_death(world: World, dead: Connection) -> Put:
    """In the same commit: of each grant that dies it is one."""
    kind = NoticeKind.RECONNECT_NEEDED
    notice = new_notice(dead, kind, world.clock.now(), of=f"grant-{dead.grant}")
    return Put(notice_path(notice.connection, kind, notice.day), notice_data(notice))


def _document(world: World, key: str) -> Document | None:
    path = connection_path(key)
    return world.documents.get(path).get(path)
