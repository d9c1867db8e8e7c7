"""Practitioners in Google's web page: series that they make in their appointments calendars."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.simulation.in_the_calendar import InTheCalendar
from tests.simulation.notes import Notes, some_rule
from tests.simulation.people import Practitioner
from tests.simulation.reading import Json, clock_time, instant_of
from tests.simulation.stage import Stage

WEEKLY = "Weekly"


class SeriesByHand:
    """Their titles carry no tag: an occurrence is known by its series and its place in it."""

    def __init__(self, stage: Stage, notes: Notes, calendar: InTheCalendar) -> None:
        self.stage, self.rng, self.notes, self.calendar = stage, stage.rng, notes, calendar

    @property
    def actions(self) -> list[Callable[[], None]]:
        return [
            self.make_series, self.make_series, self.make_it_a_series, self.single_again,
            self.move_occurrence, self.move_occurrence, self.move_occurrence, self.move_occurrence,
            self.delete_occurrence, self.delete_occurrence, self.undelete_occurrence,
            self.retitle_occurrence, self.free_occurrence,
        ]  # fmt: skip

    def _occurrence(self) -> tuple[Practitioner, str, Json]:
        """None of an event of ours that was given a rule: that is put right."""
        person, calendar_id = self.calendar.calendar()
        now = self.stage.clock.now()
        start, end = now - timedelta(days=3), now + timedelta(days=25)
        seen = self.stage.google.on_screen(calendar_id, start.isoformat(), end.isoformat())
        found = [each for each in seen if _is_by_hand(each)]
        if not found:
            raise ValueError("no series yet")
        return person, calendar_id, self.rng.choice(found)

    def _scope(self) -> str:
        return self.rng.choice(["one", "one", "following", "following", "all"])

    def make_series(self) -> None:
        person, calendar_id = self.calendar.calendar()
        start, end = self.notes.span()
        body = {"summary": WEEKLY, "start": clock_time(start), "end": clock_time(end)}
        person.person.create(calendar_id, {**body, "recurrence": some_rule(self.rng)})

    def make_it_a_series(self) -> None:
        """What was made by hand as a single event."""
        person, calendar_id = self.calendar.calendar()
        singles = [
            event
            for event in self.stage.google.all_events(calendar_id)
            if event["status"] != "cancelled"
            and not {"recurringEventId", "extendedProperties"} & event.keys()
        ]
        if not singles:
            raise ValueError("nothing by hand yet")
        event = self.rng.choice(singles)
        self.notes.left_the_calendar(event.get("summary", ""))
        person.person.repeat(calendar_id, event["id"], some_rule(self.rng))

    def single_again(self) -> None:
        """Or another rule."""
        person, calendar_id, event = self._occurrence()
        rules = self.rng.choice([[], some_rule(self.rng)])
        person.person.repeat(calendar_id, event["recurringEventId"], rules)

    def move_occurrence(self) -> None:
        """It alone, it and those after it, or all of them; an hour or a day."""
        by = self.rng.choice([timedelta(hours=2), timedelta(hours=-1), timedelta(days=1)])
        self._move(*self._occurrence(), by, self._scope())

    def _move(self, person: Practitioner, calendar_id: str, event: Json, by: timedelta, scope: str) -> None:
        if "date" in event["start"]:
            raise ValueError("days are moved as a whole")
        start, end = [clock_time(instant_of(event[name]["dateTime"]) + by) for name in ("start", "end")]
        person.person.move(calendar_id, event["id"], start, end, scope)

    def split_in_calm_weather(self, person: Practitioner) -> bool:
        """All after some occurrence two hours later, of a series that is as its rule says; False: none."""
        calendar_id = self.stage.calendar_id(person) or ""
        now = self.stage.clock.now()
        times = (now + timedelta(days=2)).isoformat(), (now + timedelta(days=25)).isoformat()
        events = self.stage.google.all_events(calendar_id)
        otherwise = {event.get("recurringEventId") for event in events}
        otherwise |= {
            event["id"] for event in events if "UNTIL" in repr(event.get("recurrence"))
        }  # a day more
        seen = [each for each in self.stage.google.on_screen(calendar_id, *times) if _is_by_hand(each)]
        timed = [each for each in seen if "dateTime" in each["start"]]
        found = [each for each in timed if each["recurringEventId"] not in otherwise]
        for event in found[1:2]:
            self._move(person, calendar_id, event, timedelta(hours=2), "following")
        return len(found) > 1

    def delete_occurrence(self) -> None:
        person, calendar_id, event = self._occurrence()
        person.person.delete(calendar_id, event["id"], self._scope())

    def undelete_occurrence(self) -> None:
        person, calendar_id = self.calendar.calendar()
        gone = [
            event
            for event in self.stage.google.all_events(calendar_id)
            if event["status"] == "cancelled" and {"recurringEventId", "recurrence"} & event.keys()
        ]
        if gone:
            person.person.undelete(calendar_id, self.rng.choice(gone)["id"])

    def retitle_occurrence(self) -> None:
        person, calendar_id, event = self._occurrence()
        body = {"summary": self.rng.choice(["Supervision", "Intervision"])}
        person.person.edit(calendar_id, event["id"], body, self._scope())

    def free_occurrence(self) -> None:
        person, calendar_id, event = self._occurrence()
        body = {"transparency": self.rng.choice(["opaque", "transparent"])}
        person.person.edit(calendar_id, event["id"], body, self._scope())


def _is_by_hand(event: Json) -> bool:
    """An occurrence, and none of an event of ours that was given a rule."""
    return "recurringEventId" in event and "extendedProperties" not in event
