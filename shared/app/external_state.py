"""What becomes of the calendars that a practitioner has chosen, in words that a front end can show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.app.connections import calendars_of
from shared.app.records import Calendar, Connection, Role
from shared.app.world import World


class ExternalWord(Enum):
    READING = "reading"
    """Everything in it is being read."""
    IN_SYNC = "in_sync"
    FAILING = "failing"
    """It cannot be read now: its blocks stay as they were."""
    LEAVING = "leaving"
    """Its blocks are being removed."""
    GONE = "gone"
    """It is no more, and neither are its blocks; chosen again where it comes back."""
    WAITING = "waiting"
    """The connection itself does not move."""


@dataclass(frozen=True)
class ExternalState:
    calendar: Calendar
    word: ExternalWord


def read_external(world: World, connection: Connection) -> list[ExternalState]:
    """Those of the account that the connection has; one that was left and has no blocks any more is none."""
    account = world.keys.account(connection.sub)
    found = [
        calendar
        for calendar in calendars_of(world, connection.key)
        if calendar.role is Role.EXTERNAL and calendar.account == account
    ]
    states = [ExternalState(calendar, _word(calendar, connection)) for calendar in found]
    return [state for state in states if state.word is not ExternalWord.GONE or state.calendar.problem]


def _word(calendar: Calendar, connection: Connection) -> ExternalWord:
    if calendar.leaving:
        return ExternalWord.GONE if calendar.left else ExternalWord.LEAVING
    if not (connection.moves and calendar.active):
        return ExternalWord.WAITING
    if calendar.problem is not None:
        return ExternalWord.FAILING
    unread = calendar.passed_at is None or calendar.epoch != connection.epoch or calendar.in_pass
    return ExternalWord.READING if unread else ExternalWord.IN_SYNC
