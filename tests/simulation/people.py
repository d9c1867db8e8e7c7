"""The practitioners of a story, and their accounts as the product reaches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.calendar import GoogleCalendar
from sandbox.google.user import Person
from shared.core.errors import GrantDeadError
from shared.core.identity import Keys
from shared.core.policy import ConnectionSettings
from tests.fakes.calendar import FakeCalendarService, ModelCalls

PRACTICE = "practice-1"
KEYS = Keys(b"simulation")
FAMILY = "Canaryname"
"""Every synthetic client's family name: it must be found nowhere but where a label may carry it."""
PRIVATE = "Canaryprivate"
"""The title of private events: it must be found nowhere at all."""


@dataclass
class Practitioner:
    id: str
    zone: ZoneInfo
    sub: str
    person: Person
    settings: ConnectionSettings
    """As they were chosen last."""

    @property
    def key(self) -> str:
        return KEYS.connection(PRACTICE, self.id)

    @property
    def calendar_key(self) -> str:
        return KEYS.calendar(self.key, self.sub)


class WatchedCalls(ModelCalls):
    """Of a grant that may die; every write is noted."""

    def __init__(
        self,
        google: GoogleCalendar,
        sub: str,
        *,
        is_alive: Callable[[], bool],
        writes: list[tuple[str, dict[str, Any]]],
    ) -> None:
        super().__init__(google, sub)
        self._is_alive, self._writes = is_alive, writes

    def __call__(self, operation: str, *, if_match: str | None = None, **parameters: Any) -> dict[str, Any]:
        if not self._is_alive():
            raise GrantDeadError
        if operation.split(".")[1] in ("insert", "patch", "update", "delete"):
            self._writes.append((operation, dict(parameters)))
        return super().__call__(operation, if_match=if_match, **parameters)


class WatchedService(FakeCalendarService):
    def __init__(self, calls: ModelCalls, zone: ZoneInfo) -> None:
        super(FakeCalendarService, self).__init__(calls, zone=zone)
