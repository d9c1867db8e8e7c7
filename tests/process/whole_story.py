"""The whole product in one story: everything that people do on both sides, on any kind of EHR.

Each chapter ends with both sides in agreement, as `judge` has it; what it asserts itself is who was followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.controls import Json
from sandbox.demo.blocks import is_block
from shared.app.records import practice_of, practice_path
from shared.ports import Listing, ProtectedBy, Remove
from tests.process.judge import at_rest, in_sync, pass_once_more
from tests.process.people import Person, Practice, google_time
from tests.process.resources import OUTSIDE_TITLE, SECRET_TEXTS
from tests.process.stories import HALF_AN_HOUR, instant, next_minute, starts

APPOINTMENTS, BROUGHT = 13, (13, 14, 15)
"""How many staff have booked, and where those lie that came from another system."""
OURS = frozenset({"meta", "start", "end", "minutesDuration", "status", "cancelationReason"})
"""What the sync may write in a client's appointment."""
TOLD = f"<html>{' '.join(SECRET_TEXTS)}</html>"
"""What is answered where something goes wrong."""
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Story:
    practice: Practice
    person: Person
    """With `APPOINTMENTS`, and then those that were brought."""
    colleague: Person
    brought: Sequence[Json]
    """As they were."""

    def rest(self) -> None:
        at_rest(self.practice, self.person, self.colleague)

    def told(self) -> None:
        """What staff did is known: hooks tell it at once, else the clock has it looked for."""
        if not self.practice.kind.hooks:
            self.a_minute_later()
        self.rest()

    def a_minute_later(self) -> None:
        next_minute(self.practice)
        self.practice.deployment.scheduler.tick()

    def event(self, index: int) -> str:
        return self.practice.event_of(self.person, self.person.appointments[index])

    def row(self, appointment: str) -> Json:
        return {row["id"]: row for row in self.practice.ehr.appointments()}[appointment]

    def moved_by_owner(self, index: int, by: timedelta = HALF_AN_HOUR) -> datetime:
        """The event of an appointment; when it begins now."""
        later = self.practice.at(index) + by
        self.practice.move(self.person, self.event(index), later)
        return later


def lived_through(practice: Practice) -> Story:
    """To the end; both are still connected."""
    story = begun(practice)
    staff_work(story)
    what_is_the_practices_is_put_back(story)
    events_are_made_by_hand(story)
    another_calendar_takes_time(story)
    moves_and_deletions_are_accepted(story)
    in_sync(practice, story.person, story.colleague)
    return story


def begun(practice: Practice) -> Story:
    person, colleague = practice.person(APPOINTMENTS), practice.person(2)
    brought = [practice.bring(person, index) for index in BROUGHT]
    story = Story(practice, person, colleague, [])
    chosen = {"client_label": practice.kind.label.value, "full_name_acknowledged": True}
    for each in (person, colleague):
        practice.consent(each)
        practice.ask(each, "PATCH", "/settings", chosen)
        practice.start(each)
    story.rest()
    path = practice_path(practice.kind.name)
    found = practice_of(practice.documents.get(path)[path]).capabilities
    assert found is not None
    assert (found.listing, found.protected_by, found.block_as) == (
        practice.kind.listing,
        practice.kind.protected_by,
        practice.kind.block_as,
    )
    return Story(practice, person, colleague, [story.row(each) for each in brought])


def staff_work(story: Story) -> None:
    practice, person, booked = story.practice, story.person, story.person.appointments
    practice.google.fault("events.insert", lost=True)
    practice.google.fault("events.patch", status=503, body=TOLD)
    practice.google.fault("events.delete", reason="rateLimitExceeded", retry_after_seconds=3)
    practice.book(person, len(booked))
    practice.reschedule(booked[3], practice.at(3) + HALF_AN_HOUR)
    practice.ehr.staff("cancel", appointment=booked[5])
    practice.ehr.staff("no_show", appointment=booked[7])
    practice.ehr.staff("reassign", appointment=booked[8], practitioner=story.colleague.staff)
    practice.rename(9)
    story.a_minute_later()
    if practice.kind.listing is Listing.WINDOW:  # it tells of no new name before everything is read again
        for each in (person, story.colleague):
            pass_once_more(practice, each)
    story.rest()
    practice.ehr.staff("restore", appointment=booked[5])
    story.told()
    assert story.event(5)


def what_is_the_practices_is_put_back(story: Story) -> None:
    practice, person, booked = story.practice, story.person, story.person.appointments
    before = [story.row(booked[index]) for index in (1, 2, 4)]
    story.moved_by_owner(1)
    practice.user(person, "delete", event=story.event(2))
    practice.user(person, "edit", event=story.event(4), body={"summary": "Other", "description": "More"})
    story.rest()
    assert [story.row(row["id"]) for row in before] == before


def events_are_made_by_hand(story: Story) -> None:
    practice, person = story.practice, story.person
    practice.ehr.fault("Appointment.create", lost=True)
    practice.ehr.fault("Appointment.create", status=503, retry_after_seconds=2, body=TOLD)
    kept, gone, given = (practice.make(person, index) for index in range(3))
    story.rest()
    assert {story.row(practice.row_of(person, each))["status"] for each in (kept, gone, given)} == {"booked"}
    practice.ehr.fault(practice.kind.write, lost=True)
    practice.ehr.fault(practice.kind.write, status=429, retry_after_seconds=2, body=TOLD)
    practice.move(person, kept, practice.by_hand(4))
    practice.user(person, "delete", event=gone)
    practice.give(given_row := practice.row_of(person, given), 10)
    own = practice.event_of(person, person.own_times[0])
    practice.move(person, own, practice.by_hand(5))
    story.told()
    rows = {row["id"]: row for row in practice.ehr.appointments()}
    assert instant(rows[practice.row_of(person, kept)]["start"]) == practice.by_hand(4)
    assert rows[practice.row_of(person, gone)]["status"] == "cancelled"
    assert instant(rows[person.own_times[0]]["start"]) == practice.by_hand(5)
    assert practice.event_of(person, given_row) == given


def another_calendar_takes_time(story: Story) -> None:
    practice, sub = story.practice, story.person.sub
    family = practice.google.user(sub, "create_calendar", summary=OUTSIDE_TITLE)["id"]

    def put(days: int, **more: object) -> str:
        begins = practice.by_hand(0) + timedelta(days=days)
        times = {"start": google_time(begins), "end": google_time(begins + HALF_AN_HOUR)}
        body = {"summary": OUTSIDE_TITLE, **times, **more}
        return str(practice.google.user(sub, "create", calendar=family, body=body)["id"])

    moving, going, _ = put(10), put(11), put(12, transparency="transparent")
    put(20, recurrence=["RRULE:FREQ=WEEKLY;COUNT=5"])
    practice.ehr.fault(f"{practice.kind.block}.create", lost=True)
    practice.ehr.fault(f"{practice.kind.block}.create", status=503, retry_after_seconds=2)
    practice.ask(story.person, "POST", "/external-calendars/choose", {"id": family})
    story.rest()
    assert {kind for kind in ("Slot", "Appointment") if any(map(is_block, practice.ehr.rows(kind)))} == {
        practice.kind.block
    }
    first, later = practice.by_hand(0) + timedelta(days=20), practice.by_hand(0) + timedelta(days=26)
    week = [each["id"] for each in practice.google.screen(family, first, first + 5 * _WEEK)]
    for event, begins in ((moving, later), (week[1], later + _WEEK)):
        times = {"start": google_time(begins), "end": google_time(begins + HALF_AN_HOUR)}
        practice.google.user(sub, "move", calendar=family, event=event, **times)
    for event in (going, week[3]):
        practice.google.user(sub, "delete", calendar=family, event=event)
    story.rest()


def moves_and_deletions_are_accepted(story: Story) -> None:
    """Where it can be told what hangs on an appointment; else that cannot be chosen."""
    practice, person, booked = story.practice, story.person, story.person.appointments
    accept = {"google_edits": "accept"}
    if practice.kind.protected_by is ProtectedBy.NONE:
        assert practice.refused(person, "PATCH", "/settings", accept) == "accept_unavailable"
        return
    practice.ask(person, "PATCH", "/settings", accept)
    practice.ehr.staff("write_note", appointment=booked[6])
    practice.ehr.staff("invoice", appointment=booked[11])
    story.told()
    practice.ehr.fault(practice.kind.write, lost=True)
    moved = story.moved_by_owner(BROUGHT[1], timedelta(hours=3))
    story.moved_by_owner(6)
    practice.move(person, story.event(4), practice.at(1) + HALF_AN_HOUR)  # there is somebody: the EHR refuses
    for index in (BROUGHT[0], 11):
        practice.user(person, "delete", event=story.event(index))
    story.rest()
    rows = {row["id"]: row for row in practice.ehr.appointments()}
    assert instant(rows[booked[BROUGHT[1]]]["start"]) == moved
    assert [instant(rows[booked[index]]["start"]) for index in (4, 6)] == [practice.at(4), practice.at(6)]
    assert [rows[booked[index]]["status"] for index in (BROUGHT[0], 11)] == ["cancelled", "booked"]
    assert starts(practice, person, story.event(6)) == practice.at(6)


def ended(story: Story) -> None:
    """The calendar is left, both are disconnected, and nobody asks the EHR any more."""
    practice = story.practice
    for each in practice.external(story.person):
        practice.ask(story.person, "POST", "/external-calendars/leave", {"id": each.calendar_id})
    story.rest()
    for person in (story.person, story.colleague):
        practice.ask(person, "POST", "/disconnect", {})
    practice.documents.commit([Remove(practice_path(practice.kind.name))])
