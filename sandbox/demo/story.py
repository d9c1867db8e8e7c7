"""What happens on both sides, one thing after the other, told to whoever watches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from itertools import islice
from typing import Any

from sandbox.controls import Json
from sandbox.demo.check import Shown, View, patients_of, shown_appointments, shown_events
from sandbox.demo.day import richest_day
from sandbox.demo.first_sync import HAND_MADE_TITLE, google_time, local
from sandbox.demo.measure import Both, Change, Step, measured
from sandbox.demo.setting import Person, Setting
from sandbox.demo.views import views
from sandbox.ehr import urls

AN_HOUR = timedelta(hours=1)
SESSION = timedelta(minutes=50)
_BOOKED_TITLE, _EDITED_TITLE, _RENAMED_TITLE = "Choir", "Choir practice", "Piano tuner, moved by staff"
_TARGETS = 4
_QUIET_DAYS = 2
"""The story leaves what is nearer alone."""


@dataclass(frozen=True)
class Target:
    """A client appointment and its event, as that was before."""

    appointment: str
    event: str
    shown: Shown


class Hands:
    """What a practitioner and the practice's staff do."""

    def __init__(self, setting: Setting, person: Person) -> None:
        self._setting = setting
        self._person = person

    def staff(self, action: str, **details: object) -> Json:
        return self._setting.deployment.ehr.staff(action, **details)

    def user(self, action: str, **details: object) -> Json:
        sub, calendar = self._person.account.sub, self._person.calendar
        return self._setting.deployment.google.user(sub, action, calendar=calendar, **details)

    def reschedule(self, appointment: str, to: datetime, length: timedelta) -> Json:
        return self.staff("reschedule", appointment=appointment, start=_utc(to), end=_utc(to + length))

    def make(self, title: str, begins: datetime) -> str:
        """An event by hand; its id."""
        times = {"start": google_time(begins), "end": google_time(begins + AN_HOUR)}
        return str(self.user("create", body={"summary": title, **times})["id"])

    def move(self, event: str, to: datetime, length: timedelta) -> Json:
        return self.user("move", event=event, start=google_time(to), end=google_time(to + length))

    def book(self, begins: datetime) -> Json:
        return self.staff(
            "book",
            patients=[self._setting.patients[0]],
            practitioners=[self._person.practitioner.id],
            start=_utc(begins),
            end=_utc(begins + SESSION),
            zone=self._person.zone.key,
        )


def tell(setting: Setting, steps: Iterator[Step] | None = None) -> list[Change]:
    """These steps, or those of the appointments calendar; everything happens to the first practitioner."""
    changes = []
    for change in measured(setting, [steps or _steps(setting, setting.people[0])]):
        took = "never" if change.latency_ms is None else f"{change.latency_ms:.0f} ms"
        setting.console.say(f"  {took:>8}  {change.told}")
        changes.append(change)
    return changes


def _steps(setting: Setting, person: Person) -> Iterator[Step]:
    """What needs client appointments is left out, and counts as a change, where too few have an event."""
    hands, told = Hands(setting, person), f"{_TARGETS} client appointments that have an event"
    targets = list(islice(targets_of(views(setting)[0], setting.now()), _TARGETS))
    if len(targets) == _TARGETS:
        moved, cancelled, dragged, deleted = targets
        yield from _ehr_changes(setting, person, hands, moved, cancelled)
        yield from _put_backs(person, hands, dragged, deleted)
    else:
        yield Step("client_appointments", told, lambda: None, lambda _: False)
    yield from _made_in_google(setting, person, hands)
    yield from _made_by_hand_before(setting, person, hands)


# --- chapters -------------------------------------------------------------------------------------------


def _ehr_changes(
    setting: Setting, person: Person, hands: Hands, moved: Target, cancelled: Target
) -> Iterator[Step]:
    to = moved.shown.start + AN_HOUR / 2
    yield Step(
        "ehr_reschedule",
        "EHR: a client appointment is moved; the event moves",
        lambda: hands.reschedule(moved.appointment, to, SESSION),
        lambda both: starts(both, person, moved.event) == to,
    )
    yield Step(
        "ehr_cancel",
        "EHR: a client appointment is cancelled; the event goes",
        lambda: hands.staff("cancel", appointment=cancelled.appointment),
        lambda both: cancelled.event not in both.events(person),
    )
    begins, before = local(person, setting, 5, 7), Both(setting).events(person)
    yield Step(
        "ehr_create",
        "EHR: a client appointment is booked; an event appears",
        lambda: hands.book(begins),
        lambda both: any(s.start == begins and e not in before for e, s in both.events(person).items()),
    )


def _put_backs(person: Person, hands: Hands, dragged: Target, deleted: Target) -> Iterator[Step]:
    to = dragged.shown.start + AN_HOUR / 2
    yield Step(
        "google_move_put_back",
        "Google: a client appointment is moved; it is put back",
        lambda: hands.move(dragged.event, to, SESSION),
        lambda both: both.events(person).get(dragged.event) == dragged.shown,
    )
    yield Step(
        "google_delete_put_back",
        "Google: a client appointment is deleted; it is put back",
        lambda: hands.user("delete", event=deleted.event),
        lambda both: deleted.shown in both.events(person).values(),
    )


def _made_in_google(setting: Setting, person: Person, hands: Hands) -> Iterator[Step]:
    begins = local(person, setting, 4, 20)
    made: dict[str, str] = {}
    yield Step(
        "google_create",
        "Google: an event is made by hand; the EHR has a personal appointment",
        lambda: made.update(id=hands.make(_BOOKED_TITLE, begins)),
        lambda both: both.personal(_BOOKED_TITLE) == begins,
    )
    later = begins + timedelta(days=1)
    yield Step(
        "google_move",
        "Google: that event is moved; the appointment follows",
        lambda: hands.move(made["id"], later, AN_HOUR),
        lambda both: both.personal(_BOOKED_TITLE) == later,
    )
    yield Step(
        "google_edit",
        "Google: its title is edited; the appointment follows",
        lambda: hands.user("edit", event=made["id"], body={"summary": _EDITED_TITLE}),
        lambda both: both.personal(_EDITED_TITLE) == later,
    )
    yield Step(
        "google_delete",
        "Google: it is deleted; the appointment is cancelled",
        lambda: hands.user("delete", event=made["id"]),
        lambda both: both.personal(_EDITED_TITLE, status="cancelled") == later,
    )


def _made_by_hand_before(setting: Setting, person: Person, hands: Hands) -> Iterator[Step]:
    """Of the event that was there before the first sync had ended."""
    row = Both(setting).personal_row(HAND_MADE_TITLE)
    to = datetime.combine(_busy_day(setting), wall_time(20), person.zone)

    def change() -> None:
        if row is not None:
            hands.staff("change_title", appointment=row["id"], title=_RENAMED_TITLE)
            hands.reschedule(row["id"], to, AN_HOUR)

    yield Step(
        "ehr_edit_personal",
        "EHR: a personal appointment made in Google gets another title and time; the event follows",
        change,
        lambda both: any((s.text, s.start) == (_RENAMED_TITLE, to) for s in both.events(person).values()),
    )


def starts(both: Both, person: Person, event: str) -> datetime | None:
    shown = both.events(person).get(event)
    return shown.start if shown else None


def _busy_day(setting: Setting) -> date:
    """One to look at afterwards."""
    now = setting.now()
    return richest_day(views(setting)[0], after=now) or now.date() + timedelta(days=_QUIET_DAYS)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def targets_of(view: View, now: datetime) -> Iterator[Target]:
    """Client appointments to come that nothing protects, of one practitioner, each with its one event."""
    events = shown_events(view)
    rows = {row["id"]: row for row in view.appointments}
    for appointment, shown in sorted(shown_appointments(view).items(), key=lambda item: item[1]):
        alike = [event for event, other in events.items() if other.times == shown.times]
        far_enough = shown.start > now + timedelta(days=_QUIET_DAYS)
        if far_enough and len(alike) == 1 and _is_ordinary(rows[appointment]):
            yield Target(appointment, alike[0], events[alike[0]])


def _is_ordinary(row: Mapping[str, Any]) -> bool:
    actors = [each["actor"]["reference"] for each in row["participant"]]
    flags = {each["url"] for each in row.get("extension", ())}
    alone = sum(actor.startswith("Practitioner/") for actor in actors) == 1
    return (
        alone
        and len(patients_of(row)) == 1
        and row["status"] == "booked"
        and urls.DELETION_PROTECTED not in flags
    )
