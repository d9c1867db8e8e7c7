"""Practitioners in Google's web page, in calendars of their own that are no business of the EHR's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.simulation.notes import Notes, some_rule
from tests.simulation.people import PRIVATE, Practitioner
from tests.simulation.reading import Json, clock_time
from tests.simulation.stage import Stage

OUTSIDE = "Outside"
BOSS = "boss@example.com"
LOOKS: tuple[Json, ...] = (
    {"transparency": "transparent"},
    {"transparency": "opaque"},
    {"visibility": "private", "summary": PRIVATE},
    {"visibility": "confidential", "summary": PRIVATE},
    {"visibility": "default", "summary": "Open"},
    {"status": "tentative"},
    {"status": "confirmed"},
    {"summary": "Otherwise"},
    {"summary": ""},
)
STATUS_EVENTS: tuple[Json, ...] = (
    {"eventType": "outOfOffice", "outOfOfficeProperties": {}},
    {"eventType": "focusTime", "focusTimeProperties": {}},
    {
        "eventType": "workingLocation",
        "workingLocationProperties": {"type": "homeOffice", "homeOffice": {}},
        "transparency": "transparent",
        "visibility": "public",
    },
)


class InExternals:
    """Of whichever calendar: nobody asks whether it was chosen."""

    def __init__(self, stage: Stage, notes: Notes) -> None:
        self.stage, self.rng, self.notes = stage, stage.rng, notes
        self.calendars = stage.externals

    @property
    def actions(self) -> list[Callable[[], None]]:
        return [
            self.make, self.make, self.make, self.make_day, self.make_special, self.invite, self.respond,
            self.make_series, self.make_series, self.make_series, self.repeat, self.single_again,
            self.move, self.move, self.move, self.move, self.make_it_a_day, self.edit, self.edit, self.edit,
            self.delete, self.delete, self.undelete, self.drag, self.drag_in, self.expire_cursor,
        ]  # fmt: skip

    # --- choices ----------------------------------------------------------------------------------------

    def _calendar(self) -> tuple[Practitioner, str]:
        """Whose screen it is on, and its id; mostly one that somebody has chosen."""
        chosen = {calendar_id for (_, calendar_id), rules in self.calendars.wishes.items() if rules}
        among = chosen if chosen and self.rng.random() < 0.7 else set(self.calendars.owner_of)
        calendar_id = self.rng.choice(sorted(among))
        return self.calendars.owner_of[calendar_id], calendar_id

    def _event(self, fits: Callable[[Json], bool] = lambda _event: True) -> tuple[Practitioner, str, Json]:
        """One that can be seen on the screen, an occurrence maybe."""
        owner, calendar_id = self._calendar()
        now = self.stage.clock.now()
        start, end = now - timedelta(days=3), now + timedelta(days=25)
        events = self.stage.google.on_screen(calendar_id, start.isoformat(), end.isoformat())
        events = [event for event in events if fits(event)]
        if not events:
            raise ValueError("no such event")
        return owner, calendar_id, self.rng.choice(events)

    def _scope(self, event: Json) -> str | None:
        return self.rng.choice(["one", "one", "following", "all"]) if "recurringEventId" in event else None

    def _times(self) -> Json:
        start, end = self.notes.span()
        if self.rng.random() < 0.1:
            end = start + timedelta(days=2, hours=5)
        return {"start": clock_time(start), "end": clock_time(end)}

    def _days(self) -> Json:
        first = self.notes.span()[0].date()
        last = first + timedelta(days=self.rng.choice([1, 1, 3]))
        return {"start": {"date": first.isoformat()}, "end": {"date": last.isoformat()}}

    def _body(self) -> Json:
        body: Json = {"summary": self.notes.tag(OUTSIDE)}
        return body | (self.rng.choice(LOOKS) if self.rng.random() < 0.4 else {})

    # --- edits ------------------------------------------------------------------------------------------

    def _create(self, owner: Practitioner, calendar_id: str, body: Json) -> None:
        owner.person.create(calendar_id, body)
        self.stage.blocks.note(calendar_id)

    def make(self) -> None:
        self._create(*self._calendar(), {**self._times(), **self._body()})

    def make_day(self) -> None:
        self._create(*self._calendar(), {**self._days(), **self._body()})

    def make_special(self) -> None:
        """Google knows these on the primary calendar alone."""
        self._create(
            *self._calendar(), {**self._times(), "summary": "Away", **self.rng.choice(STATUS_EVENTS)}
        )

    def invite(self) -> None:
        owner, calendar_id = self._calendar()
        repeats = {"recurrence": some_rule(self.rng)} if self.rng.random() < 0.5 else {}
        owner.person.invite(calendar_id, {**self._times(), **self._body(), **repeats}, BOSS)
        self.stage.blocks.note(calendar_id)

    def make_series(self) -> None:
        when = self._days() if self.rng.random() < 0.3 else self._times()
        owner, calendar_id = self._calendar()
        rule = {"recurrence": some_rule(self.rng)}
        self._create(owner, calendar_id, {**when, **self._body(), **rule})

    def repeat(self) -> None:
        owner, calendar_id, event = self._event(lambda event: "recurringEventId" not in event)
        owner.person.repeat(calendar_id, event["id"], some_rule(self.rng))
        self.stage.blocks.note(calendar_id)

    def single_again(self) -> None:
        """Or another rule."""
        owner, calendar_id, event = self._event(lambda event: "recurringEventId" in event)
        rules = self.rng.choice([[], some_rule(self.rng)])
        owner.person.repeat(calendar_id, event["recurringEventId"], rules)
        self.stage.blocks.note(calendar_id)

    def respond(self) -> None:
        owner, calendar_id, event = self._event(lambda event: "attendees" in event)
        response = self.rng.choice(["accepted", "declined", "declined", "tentative"])
        scope = self.rng.choice(["one", "all"]) if "recurringEventId" in event else None
        owner.person.respond(calendar_id, event["id"], response, scope)
        self.stage.blocks.note(calendar_id)

    def move(self) -> None:
        self._move_to(self._times())

    def make_it_a_day(self) -> None:
        self._move_to(self._days())

    def _move_to(self, times: Json) -> None:
        owner, calendar_id, event = self._event()
        owner.person.move(calendar_id, event["id"], times["start"], times["end"], self._scope(event))
        self.stage.blocks.note(calendar_id)

    def edit(self) -> None:
        owner, calendar_id, event = self._event()
        owner.person.edit(calendar_id, event["id"], self.rng.choice(LOOKS), self._scope(event))
        self.stage.blocks.note(calendar_id)

    def delete(self) -> None:
        owner, calendar_id, event = self._event()
        owner.person.delete(calendar_id, event["id"], self._scope(event))
        self.stage.blocks.note(calendar_id)

    def undelete(self) -> None:
        owner, calendar_id = self._calendar()
        gone = [e for e in self.stage.google.all_events(calendar_id) if e["status"] == "cancelled"]
        if gone:
            owner.person.undelete(calendar_id, self.rng.choice(gone)["id"])
            self.stage.blocks.note(calendar_id)

    def drag(self) -> None:
        """To another of their calendars, chosen or not."""
        owner, calendar_id, event = self._event()
        others = [each for each in self.calendars.owner_of if self.calendars.owner_of[each] is owner]
        destination = self.rng.choice(sorted(others))
        owner.person.move_to(calendar_id, str(event.get("recurringEventId", event["id"])), destination)
        self.stage.blocks.note(calendar_id, destination)

    def drag_in(self) -> None:
        """To their appointments, where it becomes one: nothing that is private, or somebody else's."""
        owner, calendar_id, event = self._event()
        destination = self.stage.calendar_id(owner)
        top = str(event.get("recurringEventId", event["id"]))
        said = [each for each in self.stage.google.all_events(calendar_id) if each["id"].startswith(top)]
        if destination is None or PRIVATE in repr(said) or "attendees" in repr(said):
            raise ValueError("not for the EHR")
        owner.person.move_to(calendar_id, top, destination)
        self.stage.blocks.note(calendar_id)

    def expire_cursor(self) -> None:
        self.stage.google.expire_sync_tokens(self._calendar()[1])

    def fill(self) -> None:
        """Before anybody has chosen it."""
        for _ in range(self.rng.randint(0, 6)):
            self.rng.choice([self.make, self.make_day, self.make_series])()
