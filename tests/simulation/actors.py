"""The people of the simulation: staff at the EHR's screens, practitioners in Google's web page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.ehr.outcome import FhirError
from sandbox.google.errors import ApiError
from shared.core.model import Event, Side
from shared.core.policy import PersonalText
from tests.simulation.people import PRACTICE, Practitioner
from tests.simulation.stage import FAMILY, Stage

HAND_MADE = "By hand"
OWN_TIME = "Own time"
COPY = "Copy"


@dataclass(frozen=True)
class Last:
    """How the last edit of an item left it."""

    title: str
    start: datetime
    deleted: bool


class Actors:
    """Random edits on both sides, and a note of who touched what."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rng = stage.rng
        self.clients: dict[str, dict[str, Any]] = {}
        """Client appointments as staff last wrote them."""
        self.edited: dict[str, set[Side]] = {}
        """Which sides people edited a personal item on, by the tag in its title."""
        self.last: dict[str, Last] = {}
        self.aged: set[str] = set()
        """Items that were in the past, or soon would be: a move of those is put back, a deletion left."""
        self.earliest: dict[str, datetime] = {}
        """Where each item stood first: whoever learns of a move late may find it in the past by then."""
        self._tags = 0
        self._deleted: tuple[Practitioner, str, str] | None = None

    def act(self) -> None:
        """One edit by somebody; one that is refused did not happen."""
        action = self.rng.choice([*self._staff_actions, *self._google_actions])
        self.stage.story.append(action.__name__)
        try:
            action()
        except (FhirError, ApiError, ValueError):
            self.stage.story.append("refused")

    def grow_old(self) -> None:
        """By now everybody has heard of everything."""
        self.aged |= {tag for tag, start in self.earliest.items() if start <= self.stage.clock.now()}

    def regret(self) -> None:
        """Bring back what was deleted last."""
        if self._deleted is None:
            return
        person, calendar_id, event_id = self._deleted
        with contextlib.suppress(ValueError):
            self._google_wrote(person, person.person.undelete(calendar_id, event_id))
            self.stage.story.append("regret")

    def at_the_worst_moment(self, method: str, about: object) -> None:
        """A job has just written and died: somebody changes their mind about the same item."""
        if method == "create" and isinstance(about, Event) and about.marker is not None:
            self._hand_over(about.marker.k)
        if method == "delete" and isinstance(about, Event):
            self._take_back_the_cancellation(about.id)
        if method == "cancel":
            self.regret()

    def _hand_over(self, k: str) -> None:
        """Give the client appointment of this item to the other practitioner."""
        keys = self.stage.world.keys
        for row in self._rows(client=True):
            for person, other in permutations(self.stage.people):
                if keys.k_of_appointment(PRACTICE, person.key, row["id"]) == k:
                    self.stage.story.append("hand over")
                    self._staff_wrote(self.stage.staff.reassign(appointment=row["id"], practitioner=other.id))

    def _take_back_the_cancellation(self, event_id: str) -> None:
        for person in self.stage.people:
            row_id = self.stage.row_of(person, event_id)
            rows = {row["id"]: row for row in self._rows() if row["status"] == "cancelled"}
            if row_id is not None and row_id in rows:
                self.stage.story.append("take back")
                self._staff_wrote(self.stage.staff.restore(appointment=row_id))

    @property
    def _staff_actions(self) -> list[Callable[[], None]]:
        return [
            self.book_client, self.book_client, self.book_own_time, self.book_own_time, self.reschedule,
            self.reschedule, self.cancel, self.cancel_own_time, self.restore, self.rename, self.reassign,
            self.reassign, self.retitle_in_ehr,
            self.no_show, self.collide, self.collide,
        ]  # fmt: skip

    @property
    def _google_actions(self) -> list[Callable[[], None]]:
        return [
            self.make_by_hand, self.make_by_hand, self.move, self.move, self.delete, self.delete,
            self.undelete, self.retitle, self.duplicate, self.free, self.all_day, self.repeat_rule,
            self.expire_cursor,
        ]  # fmt: skip

    # --- choices ---

    def _span(self) -> tuple[datetime, datetime]:
        """Mostly in the days to come; some in the last days, some without any length."""
        minutes = self.rng.choice([0, 15, 30, 60])
        day = self.stage.clock.now().replace(minute=0, second=0, microsecond=0)
        start = day + timedelta(days=self.rng.randint(-2, 20), hours=self.rng.randint(-3, 8))
        return start, start + timedelta(minutes=minutes)

    def _tag(self, word: str) -> str:
        self._tags += 1
        return f"{word} #{self._tags}"

    def _practitioner(self) -> Practitioner:
        return self.rng.choice(self.stage.people)

    def _rows(self, *, client: bool | None = None) -> list[dict[str, Any]]:
        rows = self.stage.store.resources("Appointment")
        return [row for row in rows if client is None or is_client(row) == client]

    def _row(self, *, client: bool | None = None) -> dict[str, Any]:
        rows = self._rows(client=client)
        if not rows:
            raise ValueError("no appointment yet")
        return self.rng.choice(rows)

    def _event(self, *, cancelled: bool = False) -> tuple[Practitioner, str, dict[str, Any]]:
        person = self._practitioner()
        calendar_id = self.stage.calendar_id(person)
        if calendar_id is None:
            raise ValueError("no calendar yet")
        events = [
            event
            for event in self.stage.google.all_events(calendar_id)
            if (event["status"] == "cancelled") == cancelled and "recurringEventId" not in event
        ]
        if not events:
            raise ValueError("no such event")
        return person, calendar_id, self.rng.choice(events)

    # --- the EHR ---

    def _staff_wrote(self, row: dict[str, Any]) -> None:
        if is_client(row):
            self.clients[row["id"]] = row
            return
        if "identifier" not in row and self._hides_titles(row):
            return  # its event says "Busy": edits of it there cannot be told apart
        deleted = row["status"] == "cancelled"
        self._edited(Side.EHR, Last(row.get("description", ""), instant_of(row["start"]), deleted))

    def _hides_titles(self, row: dict[str, Any]) -> bool:
        settings = {person.id: person.settings for person in self.stage.people}
        actors = [part["actor"]["reference"].partition("/")[2] for part in row["participant"]]
        return any(settings[actor].personal_text is PersonalText.BUSY for actor in actors)

    def _edited(self, side: Side, last: Last) -> None:
        tag = last.title.partition(" #")[2]
        if not tag:
            return
        if tag in self.last:
            self.edited.setdefault(tag, set()).add(side)
        starts = {last.start, self.last.get(tag, last).start}
        self.earliest[tag] = min(starts | {self.earliest.get(tag, last.start)})
        if min(starts) <= self.stage.clock.now() + timedelta(days=1):
            self.aged.add(tag)
        self.last[tag] = last

    def book_client(self) -> None:
        patients = self.rng.sample(self.stage.patients, self.rng.choice([1, 1, 1, 2]))
        person = self._practitioner()
        start, end = self._span()
        row = self.stage.staff.book(
            patients=patients, practitioners=[person.id], start=start, end=end, zone=person.zone.key
        )
        self._staff_wrote(row)

    def book_own_time(self) -> None:
        person = self._practitioner()
        start, end = self._span()
        row = self.stage.staff.book_personal(
            practitioner=person.id, start=start, end=end, zone=person.zone.key, title=self._tag(OWN_TIME)
        )
        self._staff_wrote(row)

    def reschedule(self) -> None:
        row, (start, end) = self._row(), self._span()
        self._staff_wrote(self.stage.staff.reschedule(appointment=row["id"], start=start, end=end))

    def cancel(self) -> None:
        self._staff_wrote(self.stage.staff.cancel(appointment=self._row()["id"]))

    def cancel_own_time(self) -> None:
        self._staff_wrote(self.stage.staff.cancel(appointment=self._row(client=False)["id"]))

    def restore(self) -> None:
        rows = [row for row in self._rows() if row["status"] == "cancelled"]
        if rows:
            self._staff_wrote(self.stage.staff.restore(appointment=self.rng.choice(rows)["id"]))

    def no_show(self) -> None:
        self._staff_wrote(self.stage.staff.no_show(appointment=self._row(client=True)["id"]))

    def rename(self) -> None:
        given = [self.rng.choice(["Eli", "Fay", "Gus"])]
        patient = self.rng.choice(self.stage.patients)
        self.stage.staff.rename_patient(patient=patient, family=FAMILY, given=given)

    def reassign(self) -> None:
        row = self._row(client=True)
        self._staff_wrote(
            self.stage.staff.reassign(appointment=row["id"], practitioner=self._practitioner().id)
        )

    def retitle_in_ehr(self) -> None:
        self._retitle_row(self._row(client=False))

    def _retitle_row(self, row: dict[str, Any]) -> None:
        tag = row.get("description", "").partition(" #")[2]
        if tag:
            title = f"{self.rng.choice(['Study', 'Supervision'])} #{tag}"
            self._staff_wrote(self.stage.staff.change_title(appointment=row["id"], title=title))

    def collide(self) -> None:
        """Both sides change the same item before either has heard of the other."""
        person, calendar_id, event = self._event()
        row_id = self.stage.row_of(person, event["id"])
        rows = {row["id"]: row for row in self._rows()}
        if row_id is None or row_id not in rows:
            raise ValueError("not mapped yet")
        if self.rng.random() < 0.5 and " #" in event.get("summary", ""):
            self._retitle_row(rows[row_id])
            start, end = self._span()
            self._google_wrote(person, person.person.move(calendar_id, event["id"], _time(start), _time(end)))
        else:
            start, end = self._span()
            self._staff_wrote(self.stage.staff.reschedule(appointment=row_id, start=start, end=end))
            self._retitle_event(person, calendar_id, event)

    # --- Google ---

    def _google_wrote(self, person: Practitioner, event: dict[str, Any]) -> None:
        deleted = event["status"] == "cancelled"
        self._edited(Side.CALENDAR, Last(event.get("summary", ""), start_of(event, person.zone), deleted))

    def make_by_hand(self) -> None:
        person = self._practitioner()
        calendar_id = self.stage.calendar_id(person)
        if calendar_id is None:
            raise ValueError("no calendar yet")
        start, end = self._span()
        body = {"summary": self._tag(HAND_MADE), "start": _time(start), "end": _time(end)}
        self._google_wrote(person, person.person.create(calendar_id, body))

    def move(self) -> None:
        person, calendar_id, event = self._event()
        start, end = self._span()
        moved = person.person.move(calendar_id, event["id"], _time(start), _time(end))
        self._google_wrote(person, moved)

    def all_day(self) -> None:
        person, calendar_id, event = self._event()
        day = self._span()[0].date()
        start, end = {"date": day.isoformat()}, {"date": (day + timedelta(days=1)).isoformat()}
        self._google_wrote(person, person.person.move(calendar_id, event["id"], start, end))

    def delete(self) -> None:
        person, calendar_id, event = self._event()
        person.person.delete(calendar_id, event["id"])
        self._deleted = (person, calendar_id, event["id"])
        self.stage.watch.deleted_by_people.add(event["id"])
        self._google_wrote(person, {**event, "status": "cancelled"})

    def undelete(self) -> None:
        person, calendar_id, event = self._event(cancelled=True)
        self._google_wrote(person, person.person.undelete(calendar_id, event["id"]))

    def retitle(self) -> None:
        self._retitle_event(*self._event())

    def _retitle_event(self, person: Practitioner, calendar_id: str, event: dict[str, Any]) -> None:
        if event.get("summary") == "Busy":
            raise ValueError("a hidden title is left alone: it cannot be compared")
        tag = event.get("summary", "").partition(" #")[2]
        summary = f"{self.rng.choice(['Lunch', 'Gym'])} #{tag}" if tag else "Renamed"
        self._google_wrote(person, person.person.edit(calendar_id, event["id"], {"summary": summary}))

    def duplicate(self) -> None:
        person, calendar_id, event = self._event()
        if "recurrence" in event:
            raise ValueError("a series made by hand is another matter")
        copy = person.person.duplicate(calendar_id, event["id"])
        summary = self._tag(COPY)
        self._google_wrote(person, person.person.edit(calendar_id, copy["id"], {"summary": summary}))

    def free(self) -> None:
        person, calendar_id, event = self._event()
        transparency = self.rng.choice(["opaque", "transparent"])
        edited = person.person.edit(calendar_id, event["id"], {"transparency": transparency})
        self._google_wrote(person, edited)

    def repeat_rule(self) -> None:
        """On a client appointment: it is put back. Series made by hand are another matter."""
        person, calendar_id, event = self._event()
        personal = " #" in event.get("summary", "") or event.get("summary") == "Busy"
        if "extendedProperties" in event and not personal:
            person.person.repeat(calendar_id, event["id"], ["RRULE:FREQ=WEEKLY;COUNT=3"])

    def expire_cursor(self) -> None:
        calendar_id = self.stage.calendar_id(self._practitioner())
        if calendar_id is not None:
            self.stage.google.expire_sync_tokens(calendar_id)


def is_client(row: dict[str, Any]) -> bool:
    actors = [part.get("actor", {}).get("reference", "") for part in row["participant"]]
    return any(actor.startswith("Patient/") for actor in actors)


def instant_of(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _time(moment: datetime) -> dict[str, str]:
    return {"dateTime": moment.isoformat()}


def start_of(event: dict[str, Any], zone: ZoneInfo) -> datetime:
    start = event["start"]
    if "date" in start:
        return datetime.fromisoformat(start["date"]).replace(tzinfo=zone).astimezone(UTC)
    return instant_of(start["dateTime"])
