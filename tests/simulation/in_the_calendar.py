"""Practitioners in Google's web page, in their appointments calendars."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.simulation.at_the_ehr import AtTheEhr
from tests.simulation.notes import Notes
from tests.simulation.people import Practitioner
from tests.simulation.reading import Json, clock_time, tag_of
from tests.simulation.stage import Stage

HAND_MADE = "By hand"
COPY = "Copy"


class InTheCalendar:
    def __init__(self, stage: Stage, notes: Notes, staff: AtTheEhr) -> None:
        self.stage, self.rng, self.notes, self.staff = stage, stage.rng, notes, staff
        self._deleted: tuple[Practitioner, str, str] | None = None

    @property
    def actions(self) -> list[Callable[[], None]]:
        return [
            self.make_by_hand, self.make_by_hand, self.move, self.move, self.delete, self.delete,
            self.undelete, self.retitle, self.duplicate, self.free, self.all_day, self.repeat_rule,
            self.expire_cursor, self.collide, self.collide,
        ]  # fmt: skip

    def regret(self) -> bool:
        """Bring back what was deleted last, if there is such a thing."""
        if self._deleted is None:
            return False
        person, calendar_id, event_id = self._deleted
        try:
            self.notes.google_wrote(person, person.person.undelete(calendar_id, event_id))
        except ValueError:
            return False
        return True

    # --- choices ----------------------------------------------------------------------------------------

    def calendar(self) -> tuple[Practitioner, str]:
        person = self.notes.practitioner()
        calendar_id = self.stage.calendar_id(person)
        if calendar_id is None:
            raise ValueError("no calendar yet")
        return person, calendar_id

    def _event(self, *, cancelled: bool = False) -> tuple[Practitioner, str, Json]:
        person, calendar_id = self.calendar()
        events = [
            event
            for event in self.stage.google.all_events(calendar_id)
            if (event["status"] == "cancelled") == cancelled and "recurringEventId" not in event
        ]
        if not events:
            raise ValueError("no such event")
        return person, calendar_id, self.rng.choice(events)

    # --- edits ------------------------------------------------------------------------------------------

    def make_by_hand(self) -> None:
        person, calendar_id = self.calendar()
        start, end = self.notes.span()
        body = {"summary": self.notes.tag(HAND_MADE), "start": clock_time(start), "end": clock_time(end)}
        self.notes.google_wrote(person, person.person.create(calendar_id, body))

    def move(self) -> None:
        self._move_event(*self._event())

    def _move_event(self, person: Practitioner, calendar_id: str, event: Json) -> None:
        start, end = map(clock_time, self.notes.span())
        self.notes.google_wrote(person, person.person.move(calendar_id, event["id"], start, end))

    def all_day(self) -> None:
        person, calendar_id, event = self._event()
        day = self.notes.span()[0].date()
        start, end = {"date": day.isoformat()}, {"date": (day + timedelta(days=1)).isoformat()}
        self.notes.google_wrote(person, person.person.move(calendar_id, event["id"], start, end))

    def delete(self) -> None:
        person, calendar_id, event = self._event()
        person.person.delete(calendar_id, event["id"])
        self._deleted = (person, calendar_id, event["id"])
        self.stage.watch.deleted_by_people.add(event["id"])
        self.notes.google_wrote(person, {**event, "status": "cancelled"})

    def undelete(self) -> None:
        person, calendar_id, event = self._event(cancelled=True)
        self.notes.google_wrote(person, person.person.undelete(calendar_id, event["id"]))

    def retitle(self) -> None:
        self._retitle_event(*self._event())

    def _retitle_event(self, person: Practitioner, calendar_id: str, event: Json) -> None:
        if event.get("summary") == "Busy":
            raise ValueError("a hidden title is left alone: it cannot be compared")
        tag = tag_of(event.get("summary", ""))
        summary = f"{self.rng.choice(['Lunch', 'Gym'])} #{tag}" if tag else "Renamed"
        self.notes.google_wrote(person, person.person.edit(calendar_id, event["id"], {"summary": summary}))

    def duplicate(self) -> None:
        person, calendar_id, event = self._event()
        if "recurrence" in event:
            raise ValueError("a series made by hand is another matter")
        copy = person.person.duplicate(calendar_id, event["id"])
        summary = self.notes.tag(COPY)
        self.notes.google_wrote(person, person.person.edit(calendar_id, copy["id"], {"summary": summary}))

    def free(self) -> None:
        person, calendar_id, event = self._event()
        transparency = self.rng.choice(["opaque", "transparent"])
        edited = person.person.edit(calendar_id, event["id"], {"transparency": transparency})
        self.notes.google_wrote(person, edited)

    def repeat_rule(self) -> None:
        """On a client appointment: it is put back. Series made by hand are another matter."""
        person, calendar_id, event = self._event()
        personal = " #" in event.get("summary", "") or event.get("summary") == "Busy"
        if "extendedProperties" in event and not personal:
            person.person.repeat(calendar_id, event["id"], ["RRULE:FREQ=WEEKLY;COUNT=3"])

    def expire_cursor(self) -> None:
        self.stage.google.expire_sync_tokens(self.calendar()[1])

    def collide(self) -> None:
        """Both sides change the same item before either has heard of the other."""
        person, calendar_id, event = self._event()
        row_id = self.stage.row_of(person, event["id"])
        rows = {row["id"]: row for row in self.staff.rows()}
        if row_id is None or row_id not in rows:
            raise ValueError("not mapped yet")
        if self.rng.random() < 0.5 and " #" in event.get("summary", ""):
            self.staff.retitle_row(rows[row_id])
            self._move_event(person, calendar_id, event)
        else:
            self.staff.reschedule_row(rows[row_id])
            self._retitle_event(person, calendar_id, event)
