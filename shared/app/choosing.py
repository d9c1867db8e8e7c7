"""Which of the practitioner's own calendars take their time. Who may be chosen is decided elsewhere."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from shared.app.connections import load, rewrite
from shared.app.records import Calendar, Role, calendar_data, calendar_path
from shared.app.world import World
from shared.core.blocking import BlockRules
from shared.core.errors import RejectedError, StaleError
from shared.ports import Expect, Put


def choose(world: World, connection_key: str, calendar_id: str, rules: BlockRules | None = None) -> Calendar:
    """Have this calendar's events block, by these rules or those it has; once more is nothing new.

    It is awake whether its connection moves or not, for that has the last word.
    Raises RejectedError `not_connected`, RetryableError `stopping` where a job holds the calendar too long.
    """
    connection = load(world, connection_key)
    key = world.keys.calendar(connection.key, connection.sub, calendar_id)
    account, now = world.keys.account(connection.sub), world.clock.now()
    made = Calendar(
        key,
        connection.key,
        account,
        role=Role.EXTERNAL,
        rules=rules or BlockRules(),
        calendar_id=calendar_id,
        due_at=now,
    )
    with contextlib.suppress(StaleError):
        world.documents.commit([Put(calendar_path(key), calendar_data(made), Expect.ABSENT)])
        return made

    def chosen(stored: Calendar) -> Calendar:
        same = not stored.leaving and stored.active and rules in (None, stored.rules)
        if same:
            return stored
        again = replace(stored, leaving=False, active=True, rules=rules or stored.rules)
        return replace(again, gone_at=None, problem=None, pass_at=now, due_at=now)

    return rewrite(world, key, chosen)


def leave(world: World, connection_key: str, calendar_id: str) -> Calendar:
    """Its blocks go, and nothing else does. Raises RejectedError `not_chosen`, RetryableError `stopping`."""
    connection = load(world, connection_key)
    key = world.keys.calendar(connection.key, connection.sub, calendar_id)
    if not world.documents.get(calendar_path(key)):
        raise RejectedError("not_chosen")
    now = world.clock.now()

    def leaving(stored: Calendar) -> Calendar:
        return stored if stored.left else replace(stored, leaving=True, pass_at=now, due_at=now)

    return rewrite(world, key, leaving)
