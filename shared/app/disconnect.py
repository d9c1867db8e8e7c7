"""Disconnect: the way back from a connection, leaving everything where it is or taking away what we made.

To remove takes jobs (`shared/app/removal.py`): the connection is `removing` until they have come to their
end, and only then the grant is given back.
"""

from __future__ import annotations

from shared.app.connect import Revoking, revoke_unless_shared
from shared.app.connections import load, stop, stopped
from shared.app.grants import Purpose, bound_to, grant_of, grant_path
from shared.app.receipts import kept_receipt
from shared.app.records import Connection, Status
from shared.app.removal import begin_removal, called_off, conclude, stop_all_channels
from shared.app.world import World
from shared.ports import Remove


def disconnect(
    world: Revoking, within: World, *, practice: str, practitioner: str, remove: bool = False
) -> Connection:
    """End it: nothing is written any more, no channel tells us anything, and the grant is given back.

    Events, appointments and what is known of them stay, so that the same account finds its calendar again;
    `remove`: what we made is taken away first, in the background. Without it a removal ends where it is. Of
    one that is disconnected there is nothing more to remove: who wants that connects again.
    Raises RejectedError `not_connected`; RetryableError where a running job does not end or the token cannot
    be revoked now: the connection stays `stopping`, and the same call goes on.
    """
    key = within.keys.connection(practice, practitioner)
    connection = load(within, key)
    if connection.status is Status.DISCONNECTED:
        return connection
    if remove and connection.status is Status.REMOVING:
        return conclude(within, key)
    connection = stop(within, key)
    if remove:
        begin_removal(within, connection)
        return conclude(within, key)
    receipt = kept_receipt(within, connection)
    if within.documents.get(grant_path(key)):
        stop_all_channels(within, connection)
    gone = [*give_back(world, key), *called_off(within, key)]
    return stopped(within, connection, Status.DISCONNECTED, receipt=receipt, besides=gone)


def give_back(world: Revoking, key: str) -> list[Remove]:
    """Revoke the grant of a connection, unless another lives on it; the write that forgets it here.

    Raises RetryableError, and BlockedError `seal_broken`.
    """
    path = grant_path(key)
    document = world.documents.get(path).get(path)
    if document is None:
        return []
    grant = grant_of(document)
    token = world.sealing.open(grant.sealed_token, bound_to(Purpose.GRANT_TOKEN, key))
    revoke_unless_shared(world, grant.sub, token, besides=key)
    return [Remove(path, document.version)]
