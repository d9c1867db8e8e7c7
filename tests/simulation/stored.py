"""What the product has stored, and how Google knows it, read past the dice."""

from __future__ import annotations

from typing import cast

from sandbox.google.calendar import GoogleCalendar
from sandbox.google.channels import Channel
from shared.app.records import (
    Calendar,
    Connection,
    calendar_of,
    calendar_path,
    connection_of,
    connection_path,
    items_path,
)
from shared.ports import Where
from tests.fakes.clock import FakeClock
from tests.fakes.documents import MemoryDocuments
from tests.simulation.people import Practitioner


class Stored:
    clock: FakeClock
    documents: MemoryDocuments
    google: GoogleCalendar

    def connection(self, person: Practitioner) -> Connection | None:
        path = connection_path(person.key)
        document = self.documents.get(path).get(path)
        return connection_of(document) if document else None

    def calendar(self, person: Practitioner) -> Calendar | None:
        """Of their appointments."""
        path = calendar_path(person.calendar_key)
        document = self.documents.get(path).get(path)
        return calendar_of(document) if document else None

    def calendars(self, person: Practitioner) -> list[Calendar]:
        """That one and the external ones, those that were left too."""
        found = self.documents.find("calendars", Where("connection", "==", person.key))
        return [calendar_of(document) for document in found]

    def calendar_id(self, person: Practitioner) -> str | None:
        calendar = self.calendar(person)
        return calendar.calendar_id if calendar else None

    def channels(self, person: Practitioner) -> list[Channel]:
        """Those that Google tells of the calendar by."""
        made, now = self.google.channels._by_id.values(), self.clock.now()
        ours = [each for each in made if each.calendar == self.calendar_id(person)]
        return [each for each in ours if each.stopped is None and not each.ended and each.expires > now]

    def row_of(self, person: Practitioner, event_id: str) -> str | None:
        """The appointment an event is mapped to."""
        found = self.documents.find(items_path(person.calendar_key), Where("event_id", "==", event_id))
        return cast("str | None", found[0].data["appointment_id"]) if found else None
