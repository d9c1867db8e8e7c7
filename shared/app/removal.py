"""What we made is taken away, because its practitioner asked for it on the way out: paced, in slices.

Of the appointments calendar: our events, by their mapping or their marker, whatever their time; what somebody
made by hand stays, and the calendar goes only where nothing else is in it. Of external calendars: their
blocks in the EHR, as where one is left. Each item is written down as without its event before that goes, so
what comes back later never takes our removal for a person's deletion. The slices are in
`shared/app/removing.py`.

Whichever job finds everything over ends the connection: channels, grant, receipt. A dead grant ends it too:
what is left is counted as refused. So does a time after which nobody waits for it any more.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

from shared.app.channels import stop_channels
from shared.app.connections import TRIES, calendar_documents, calendars_of, load
from shared.app.items import Items
from shared.app.receipts import is_block, removal_receipt
from shared.app.records import (
    Calendar,
    Connection,
    Removal,
    Role,
    Status,
    calendar_data,
    connection_data,
    connection_of,
    connection_path,
    parked,
)
from shared.app.world import World
from shared.core.errors import (
    BlockedError,
    RejectedError,
    RetryableError,
    StaleError,
)
from shared.ports import Document, Put, Remove

LASTS = timedelta(days=7)
"""How long a removal is tried; what is left then is counted as refused."""


# --- begin ----------------------------------------------------------------------------------------------


def begin_removal(world: World, stopping: Connection) -> Connection:
    """From `stopping` to `removing`, with every calendar concerned due at once, in one commit.

    Raises RetryableError `connection_contested` where it was changed or begun again meanwhile.
    """
    for _ in range(TRIES):
        document, now = _stored(world, stopping.key)
        if now.epoch != stopping.epoch:
            break
        if now.status is not Status.STOPPING:
            return now
        removing = replace(now, status=Status.REMOVING, receipt=None)
        writes = [Put(document.path, connection_data(removing), document.version)]
        for each, calendar in calendar_documents(world, now.key):
            if concerned(now, calendar):
                writes.append(Put(each.path, calendar_data(due_removal(world, calendar)), each.version))
        with contextlib.suppress(StaleError):
            world.documents.commit(writes)
            return removing
    raise RetryableError("connection_contested")


def concerned(connection: Connection, calendar: Calendar) -> bool:
    """Blocks are in the EHR, of whatever account; the appointments calendar of another is out of reach."""
    if calendar.role is Role.EXTERNAL:
        return not calendar.left
    return calendar.key == connection.calendar_key


def due_removal(world: World, calendar: Calendar) -> Calendar:
    now, external = world.clock.now(), calendar.role is Role.EXTERNAL
    return replace(
        calendar,
        active=True,
        missing=False,
        lease=None,
        pass_at=now,
        due_at=now,
        progress=None,
        problem=None,
        leaving=external,
        removal=Removal(now, was_leaving=calendar.leaving),
    )


# --- end ------------------------------------------------------------------------------------------------


def conclude(world: World, key: str) -> Connection:
    """End the connection if its removal is over, with a receipt; else it is answered as it stands.

    Raises RetryableError where the grant cannot be given back now: again.
    """
    stored, connection = _stored(world, key)
    if connection.status is not Status.REMOVING:
        return connection
    found = [(each, calendar) for each, calendar in calendar_documents(world, key) if calendar.removal]
    ended = [_ended(world, connection, calendar) for _, calendar in found]
    over = [calendar for calendar in ended if calendar is not None]
    if len(over) < len(found):
        return connection
    receipt = removal_receipt(world.clock.now(), over)
    stop_all_channels(world, connection)
    gone = world.give_back(key)
    disconnected = replace(connection, status=Status.DISCONNECTED, receipt=receipt)
    writes: list[Put | Remove] = [
        Put(stored.path, connection_data(disconnected), stored.version),
        *gone,
    ]
    for (document, _), calendar in zip(found, over, strict=True):
        writes.append(Put(document.path, calendar_data(_asleep(calendar)), document.version))
    try:
        world.documents.commit(writes)
    except StaleError:  # whoever wrote goes on
        return load(world, key)
    return disconnected


def _stored(world: World, key: str) -> tuple[Document, Connection]:
    path = connection_path(key)
    document = world.documents.get(path).get(path)
    if document is None:
        raise RejectedError("not_connected")
    return document, connection_of(document)


def stop_all_channels(world: World, connection: Connection) -> None:
    """Before the grant goes, for nobody could stop them after it. Best effort: they end by themselves."""
    with contextlib.suppress(BlockedError):
        service = world.calendars(connection, paced=False)
        for calendar in calendars_of(world, connection.key):
            stop_channels(service, calendar)


def _ended(world: World, connection: Connection, calendar: Calendar) -> Calendar | None:
    """The calendar with what is left of it, if its removal is over."""
    removal = calendar.removal
    assert removal is not None
    if calendar.role is Role.APPOINTMENTS:
        return calendar if removal.over else None
    if calendar.left:
        return replace(calendar, removal=replace(removal, left=0, over=True))
    items = Items(world.documents, calendar, connection.practice)
    items.load_all()
    unfinished = [item for item in items if item.retry_at is not None and item.aside is None]
    read = calendar.epoch == connection.epoch and calendar.passed_at is not None
    done = read and not calendar.in_pass and not unfinished
    if not done and world.clock.now() < removal.since + LASTS:
        return None
    left = [item for item in items if is_block(item)]
    why = next((item.aside for item in left if item.aside), calendar.problem)
    found = max(removal.found or 0, len(left))
    return replace(calendar, removal=replace(removal, found=found, left=len(left), over=True, problem=why))


def _asleep(calendar: Calendar) -> Calendar:
    """As a calendar that nobody has read yet, should the account come back."""
    removal = calendar.removal
    deleted = removal is not None and removal.calendar_deleted
    return replace(
        parked(calendar),
        removal=None,
        progress=None,
        problem=None,
        cursor=None,
        passed_at=None,
        renew_at=None,
        channels=(),
        calendar_id=None if deleted else calendar.calendar_id,
        pass_at=calendar.pass_at if calendar.leaving else None,
    )


def called_off(world: World, key: str) -> list[Put | Remove]:
    """What to write where a removal ends in its middle: nothing more is being taken away."""
    writes: list[Put | Remove] = []
    for document, calendar in calendar_documents(world, key):
        removal = calendar.removal
        if removal is not None:
            leaving = calendar.leaving and (removal.was_leaving or calendar.left)
            stays = replace(parked(calendar), removal=None, progress=None, leaving=leaving)
            writes.append(Put(document.path, calendar_data(stays), document.version))
    return writes
