"""What one job works with on one calendar."""

from __future__ import annotations

from dataclasses import dataclass

from shared.app.records import Calendar, Connection, Role, calendar_of
from shared.app.render import Renderer
from shared.app.world import World
from shared.ports import CalendarService, Ehr, Where


@dataclass(frozen=True)
class Tools:
    world: World
    connection: Connection
    calendar: Calendar
    service: CalendarService
    ehr: Ehr
    renderer: Renderer

    @property
    def calendar_id(self) -> str:
        """The service's id of a calendar that is made by now."""
        assert self.calendar.calendar_id is not None
        return self.calendar.calendar_id


EXTERNAL_MAX = 100
"""Calendars of one connection."""


def external_calendars(tools: Tools) -> list[Calendar]:
    """Those of the connection that are chosen, in the account it has now."""
    of_connection = Where("connection", "==", tools.connection.key)
    found = tools.world.documents.find("calendars", of_connection, limit=EXTERNAL_MAX)
    calendars = [calendar_of(document) for document in found]
    return [
        calendar
        for calendar in calendars
        if calendar.role is Role.EXTERNAL
        and calendar.account == tools.calendar.account
        and not calendar.leaving
    ]
