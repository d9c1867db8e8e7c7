"""What one job works with on one calendar."""

from __future__ import annotations

from dataclasses import dataclass

from shared.app.records import Calendar, Connection
from shared.app.render import Renderer
from shared.app.world import World
from shared.ports import CalendarService, Ehr


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
