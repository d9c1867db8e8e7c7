"""What a practitioner may have events say of their clients: it depends on the practice and on the account.

A full name in an account of an organization stays with whoever the practice has a contract with. In anybody
else's it is out of their hands: who wants that says so once, and when is kept with the connection.
"""

from __future__ import annotations

from dataclasses import replace

from shared.app.grants import grant_of, grant_path
from shared.app.records import Connection
from shared.app.world import World
from shared.core.errors import RejectedError
from shared.core.labels import default_label
from shared.core.policy import LabelMode
from shared.ports import Ehr


def with_label(world: World, connection: Connection, mode: LabelMode, *, acknowledged: bool) -> Connection:
    """The connection with this label chosen; the one it has is not chosen again.

    `acknowledged`: they have just said that a full name may stand in an account of no organization. Raises
    RejectedError: `internal_id_unavailable`, the practice has no numbers for its clients;
    `full_name_unacknowledged`.
    """
    settings = connection.settings
    if mode is settings.client_label:
        return connection
    if mode is LabelMode.INTERNAL_ID and not world.ehr(connection.practice).has_internal_ids:
        raise RejectedError("internal_id_unavailable")
    at = connection.full_name_acknowledged_at
    if mode is LabelMode.FULL_NAME and at is None and not _is_hosted(world, connection):
        if not acknowledged:
            raise RejectedError("full_name_unacknowledged")
        at = world.clock.now()
    return replace(connection, settings=replace(settings, client_label=mode), full_name_acknowledged_at=at)


def in_other_account(connection: Connection, ehr: Ehr, *, hosted: bool) -> Connection:
    """The connection once it has an account that nothing was said about. `hosted`: an organization's."""
    settings = connection.settings
    if settings.client_label is LabelMode.FULL_NAME and not hosted:
        label = default_label(has_internal_ids=ehr.has_internal_ids)
        settings = replace(settings, client_label=label)
    return replace(connection, settings=settings, full_name_acknowledged_at=None)


def _is_hosted(world: World, connection: Connection) -> bool:
    """Whether the account is an organization's; of one that is gone nobody knows, so it is not."""
    path = grant_path(connection.key)
    document = world.documents.get(path).get(path)
    return document is not None and grant_of(document).hosted
