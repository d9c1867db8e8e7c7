"""What practitioners made by hand in their appointments calendars, and what of it is no more."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.core.identity import identifier
from tests.simulation.expected import expanded, k_of
from tests.simulation.people import Practitioner
from tests.simulation.stored import Stored


@dataclass
class ByHand:
    """An appointment of theirs is cancelled only where its event, or its place in a series, has gone."""

    stored: Stored
    people: list[Practitioner]
    ceased: set[str] = field(default_factory=set)
    """Identifiers of what was there at some time, and was not there any more when somebody had edited."""
    _live: dict[str, set[str]] = field(default_factory=dict)

    def note(self) -> None:
        for person in self.people:
            calendar_id = self.stored.calendar_id(person)
            if calendar_id is not None:
                self._note(person, calendar_id)

    def _note(self, person: Practitioner, calendar_id: str) -> None:
        events = expanded(self.stored.google, person.sub, calendar_id, self.stored.clock.now())
        key = person.calendar_key
        live = {identifier(key, k_of(key, event)) for event in events if event["status"] != "cancelled"}
        self.ceased |= self._live.get(key, set()) - live
        self._live[key] = live
