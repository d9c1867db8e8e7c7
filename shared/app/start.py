"""Begin: write down a connection and its appointments calendar, ready for the first job."""

from __future__ import annotations

from shared.app.feed import run_feed_job
from shared.app.records import (
    Calendar,
    Connection,
    calendar_data,
    calendar_path,
    connection_data,
    connection_of,
    connection_path,
)
from shared.app.world import World
from shared.core.errors import StaleError
from shared.core.policy import ConnectionSettings
from shared.ports import Expect, Put


def start(
    world: World,
    *,
    practice: str,
    practitioner: str,
    sub: str,
    calendar_name: str,
    settings: ConnectionSettings,
) -> Connection:
    """The connection as it is stored: a repeat changes nothing of what is there and answers that.

    The practice's cursor is set first, so that no change falls between it and the first pass.
    """
    run_feed_job(world, practice, lambda _key, _ids: None)
    key = world.keys.connection(practice, practitioner)
    calendar_key = world.keys.calendar(key, sub)
    connection = Connection(key, practice, practitioner, sub, calendar_key, calendar_name, settings)
    calendar = Calendar(calendar_key, key)
    try:
        world.documents.commit(
            [
                Put(connection_path(key), connection_data(connection), Expect.ABSENT),
                Put(calendar_path(calendar_key), calendar_data(calendar), Expect.ABSENT),
            ]
        )
    except StaleError:
        path = connection_path(key)
        return connection_of(world.documents.get(path)[path])
    return connection
