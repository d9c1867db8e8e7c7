"""Disconnect: the way back from a connection, which leaves everything where it is."""

from __future__ import annotations

import contextlib

from shared.app.channels import stop_channels
from shared.app.connect import Connecting, revoke_unless_shared
from shared.app.connections import calendars_of, load, stop, stopped
from shared.app.grants import Purpose, bound_to, grant_of, grant_path
from shared.app.records import Connection, Status
from shared.app.world import World
from shared.core.errors import BlockedError
from shared.ports import Remove


def disconnect(world: Connecting, within: World, *, practice: str, practitioner: str) -> Connection:
    """End it: nothing is written any more, no channel tells us anything, and the grant is given back.

    Events, appointments and what is known of them stay, so that the same account finds its calendar again.
    Raises RejectedError `not_connected`; RetryableError where a running job does not end or the token cannot
    be revoked now: the connection stays `stopping`, and the same call goes on.
    """
    key = world.keys.connection(practice, practitioner)
    connection = load(within, key)
    if connection.status is Status.DISCONNECTED:
        return connection
    connection = stop(within, key)
    path = grant_path(key)
    document = world.documents.get(path).get(path)
    if document is None:
        return stopped(within, connection, Status.DISCONNECTED)
    _stop_channels(within, connection)
    grant = grant_of(document)
    token = world.sealing.open(grant.sealed_token, bound_to(Purpose.GRANT_TOKEN, key))
    revoke_unless_shared(world, grant.sub, token, besides=key)
    return stopped(within, connection, Status.DISCONNECTED, besides=[Remove(path, document.version)])


def _stop_channels(world: World, connection: Connection) -> None:
    """Before the grant goes, for nobody could stop them after it. Best effort: they end by themselves."""
    with contextlib.suppress(BlockedError):
        service = world.calendars(connection, paced=False)
        for calendar in calendars_of(world, connection.key):
            stop_channels(service, calendar)
