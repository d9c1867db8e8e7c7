"""A connection as a consent leaves it, for those who do not go through the consent page."""

from __future__ import annotations

from shared.app.connections import start
from shared.app.records import Connection, connection_data, connection_path
from shared.app.world import World
from shared.core.policy import ConnectionSettings
from shared.ports import Put


def connected(
    world: World,
    *,
    practice: str,
    practitioner: str,
    sub: str,
    calendar_name: str,
    settings: ConnectionSettings,
) -> Connection:
    """Written down and started; no job has run. What was there of it is written over."""
    key = world.keys.connection(practice, practitioner)
    connection = Connection(
        key, practice, practitioner, sub, world.keys.calendar(key, sub), calendar_name, settings, grant=1
    )
    world.documents.commit([Put(connection_path(key), connection_data(connection))])
    return start(world, key)
