"""The channel of a calendar: made anew in the last third of its life, the old one stopped once the new lives,
and under a new grant, for nobody knows whether it outlived the old.

Its row is written before it is asked for, since its first message may come before the answer. An answer that
is lost leaves a row without the other side's id; the next try has an id of its own. Without a channel a
calendar is looked at, and that is all it loses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.app.records import Calendar, ChannelRow, Connection
from shared.app.world import Push, World
from shared.core.errors import (
    BlockedError,
    GrantDeadError,
    OverLimitError,
    RejectedError,
    RetryableError,
    StaleError,
)
from shared.core.identity import slot
from shared.core.signing import seal_channel_token
from shared.ports import CalendarService, Channel, GoneError, NewChannel, TakenError

BLOCKED_SECONDS = 3_600
"""Somebody has to mend the address or the rights first."""
UNWATCHABLE_SECONDS = 30 * 86_400
"""A calendar that knows no channels rarely learns."""

Save = Callable[[Calendar], object]


def channel_due(calendar: Calendar, connection: Connection, push: Push | None, now: datetime) -> bool:
    if push is None or calendar.calendar_id is None:
        return False
    over = calendar.renew_at is None or calendar.renew_at <= now
    return over or calendar.channel_grant != connection.grant


def renew_channel(
    world: World, push: Push, calendar: Calendar, grant: int, service: CalendarService, save: Save
) -> Calendar:
    """The calendar with a channel of full length, or with the reason why there is none.

    `save` stores the calendar under the caller's lease. Raises what `save` raises, GoneError, GrantDeadError,
    and OverLimitError, with the calendar stored as it is then: others of the account have to know.
    """
    now = world.clock.now()
    row = ChannelRow(world.new_id(), now + timedelta(seconds=world.limits.channel_seconds))
    kept = _kept(calendar, now, world.limits.channels_max - 1)
    calendar = replace(calendar, channels=(*kept, row), renew_at=now, channel_grant=grant)
    save(calendar)
    try:
        made = _watch(world, push, calendar, service, row)
    except (GrantDeadError, GoneError):
        raise
    except OverLimitError as error:  # a refusal: nothing was made
        wait = max(error.after_seconds or 0, world.limits.watch_again_seconds)
        save(_later(world, replace(calendar, channels=tuple(kept)), error.reason, wait))
        raise
    except (RetryableError, TakenError) as error:  # whether it was made is not known: its row stays
        return _later(world, calendar, error.reason, world.limits.watch_again_seconds)
    except BlockedError as error:
        return _later(world, replace(calendar, channels=tuple(kept)), error.reason, BLOCKED_SECONDS)
    except RejectedError as error:
        return _later(world, replace(calendar, channels=tuple(kept)), error.reason, UNWATCHABLE_SECONDS)
    row = ChannelRow(made.id, made.expires, made.resource_id)
    calendar = replace(
        calendar, channels=(*kept, row), renew_at=_renew_at(calendar, now, made.expires), watch_problem=None
    )
    save(calendar)  # the new one lives: now the old ones may go
    stop_channels(service, calendar, but=row)
    return replace(calendar, channels=(row,))


def stop_channels(service: CalendarService, calendar: Calendar, *, but: ChannelRow | None = None) -> None:
    """Best effort: what is not stopped tells us of changes until it ends by itself."""
    known = next((row.resource_id for row in reversed(calendar.channels) if row.resource_id), None)
    for row in calendar.channels:
        resource_id = row.resource_id or known  # the same calendar for the same account
        if row != but and resource_id is not None:
            with contextlib.suppress(RetryableError, BlockedError, RejectedError, StaleError):
                service.stop(Channel(row.id, resource_id, row.expires))


def _kept(calendar: Calendar, now: datetime, count: int) -> list[ChannelRow]:
    """The rows to go on with: those that may never have become a channel are forgotten first."""
    alive = [row for row in calendar.channels if row.expires > now]
    by_worth = sorted(alive, key=lambda row: row.resource_id is not None)  # and the oldest first
    forgotten = by_worth[: max(0, len(alive) - count)]
    return [row for row in alive if row not in forgotten]


def _watch(
    world: World, push: Push, calendar: Calendar, service: CalendarService, row: ChannelRow
) -> Channel:
    token = seal_channel_token(calendar.key, row.id, row.expires, push.keys)
    assert calendar.calendar_id is not None
    wanted = NewChannel(row.id, push.address, token, ttl_seconds=world.limits.channel_seconds)
    return service.watch(calendar.calendar_id, wanted)


def _later(world: World, calendar: Calendar, reason: str, seconds: float) -> Calendar:
    renew_at = world.clock.now() + timedelta(seconds=seconds)
    return replace(calendar, watch_problem=reason, renew_at=renew_at)


def _renew_at(calendar: Calendar, now: datetime, expires: datetime) -> datetime:
    """In the last third, spread over most of it: a fleet connected on one day does not renew in one hour."""
    third = (expires - now) / 3
    return now + 2 * third + third * 0.8 * (slot(calendar.key, 1000) / 1000)
