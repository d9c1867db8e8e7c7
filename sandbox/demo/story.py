"""What happens on both sides, one thing after the other, and how long the other side takes to have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from itertools import islice
from typing import Any

from sandbox.demo.check import Shown, View, live_events, patients_of, shown_appointments, shown_events
from sandbox.demo.console import Console
from sandbox.demo.day import richest_day
from sandbox.demo.first_sync import HAND_MADE_TITLE, google_time, local
from sandbox.demo.setting import Setting
from sandbox.demo.survey import views
from sandbox.ehr import urls

SECONDS_MAX = 20.0
"""After which a change is taken not to arrive."""
_AN_HOUR = timedelta(hours=1)
_SESSION = timedelta(minutes=50)
_BOOKED_TITLE, _EDITED_TITLE, _RENAMED_TITLE = "Choir", "Choir practice", "Piano tuner, moved by staff"
_TARGETS = 4
_QUIET_DAYS = 2
"""The story leaves what is nearer alone."""


@dataclass(frozen=True)
class Change:
    key: str
    told: str
    """What was done, and what the other side must make of it."""
    latency_ms: float | None
    """Until the other side had it; None: it never did."""


@dataclass(frozen=True)
class Target:
    """A client appointment and its event, as that was before."""

    appointment: str
    event: str
    shown: Shown


class Story:
    """Everything happens to the first practitioner."""

    def __init__(self, setting: Setting, console: Console) -> None:
        self._setting = setting
        self._console = console
        self._person = setting.people[0]
        self._sub = self._person.account.sub
        self._calendar = setting.calendar_id(self._person)
        self.changes: list[Change] = []

    def tell(self) -> list[Change]:
        """What needs client appointments is left out, and counts as a change, where too few have an event."""
        targets = list(islice(_targets(views(self._setting)[0], self._setting.clock.now()), _TARGETS))
        if len(targets) == _TARGETS:
            moved, cancelled, dragged, deleted = targets
            self._ehr_changes(moved, cancelled)
            self._put_backs(dragged, deleted)
        else:
            self._keep(
                Change("client_appointments", f"{_TARGETS} client appointments that have an event", None)
            )
        self._made_in_google()
        self._made_by_hand_before()
        return self.changes

    # --- chapters ---------------------------------------------------------------------------------------

    def _ehr_changes(self, moved: Target, cancelled: Target) -> None:
        to = moved.shown.start + _AN_HOUR / 2
        self._measure(
            "ehr_reschedule",
            "EHR: a client appointment is moved; the event moves",
            lambda: self._staff(
                "reschedule", appointment=moved.appointment, start=_utc(to), end=_utc(to + _SESSION)
            ),
            lambda: self._starts(moved.event) == to,
        )
        self._measure(
            "ehr_cancel",
            "EHR: a client appointment is cancelled; the event goes",
            lambda: self._staff("cancel", appointment=cancelled.appointment),
            lambda: cancelled.event not in self._events(),
        )
        begins, before = local(self._person, self._setting, 5, 7), self._events()
        self._measure(
            "ehr_create",
            "EHR: a client appointment is booked; an event appears",
            lambda: self._book(begins),
            lambda: any(s.start == begins and e not in before for e, s in self._events().items()),
        )

    def _put_backs(self, dragged: Target, deleted: Target) -> None:
        to = dragged.shown.start + _AN_HOUR / 2
        self._measure(
            "google_move_put_back",
            "Google: a client appointment is moved; it is put back",
            lambda: self._move(dragged.event, to, _SESSION),
            lambda: self._events().get(dragged.event) == dragged.shown,
        )
        self._measure(
            "google_delete_put_back",
            "Google: a client appointment is deleted; it is put back",
            lambda: self._user("delete", event=deleted.event),
            lambda: deleted.shown in self._events().values(),
        )

    def _made_in_google(self) -> None:
        begins = local(self._person, self._setting, 4, 20)
        times = {"start": google_time(begins), "end": google_time(begins + _AN_HOUR)}
        made: dict[str, str] = {}
        self._measure(
            "google_create",
            "Google: an event is made by hand; the EHR has a personal appointment",
            lambda: made.update(id=self._user("create", body={"summary": _BOOKED_TITLE, **times})["id"]),
            lambda: self._personal(_BOOKED_TITLE) == begins,
        )
        later = begins + timedelta(days=1)
        self._measure(
            "google_move",
            "Google: that event is moved; the appointment follows",
            lambda: self._move(made["id"], later, _AN_HOUR),
            lambda: self._personal(_BOOKED_TITLE) == later,
        )
        self._measure(
            "google_edit",
            "Google: its title is edited; the appointment follows",
            lambda: self._user("edit", event=made["id"], body={"summary": _EDITED_TITLE}),
            lambda: self._personal(_EDITED_TITLE) == later,
        )
        self._measure(
            "google_delete",
            "Google: it is deleted; the appointment is cancelled",
            lambda: self._user("delete", event=made["id"]),
            lambda: self._personal(_EDITED_TITLE, status="cancelled") == later,
        )

    def _made_by_hand_before(self) -> None:
        """Of the event that was there before the first sync had ended."""
        told = "EHR: a personal appointment made in Google gets another title and time; the event follows"
        row = self._personal_row(HAND_MADE_TITLE)
        if row is None:
            self._keep(Change("ehr_edit_personal", told, None))
            return
        to = datetime.combine(self._busy_day(), wall_time(20), self._person.zone)

        def change() -> None:
            self._staff("change_title", appointment=row["id"], title=_RENAMED_TITLE)
            self._staff("reschedule", appointment=row["id"], start=_utc(to), end=_utc(to + _AN_HOUR))

        self._measure(
            "ehr_edit_personal",
            told,
            change,
            lambda: any((s.text, s.start) == (_RENAMED_TITLE, to) for s in self._events().values()),
        )

    # --- measuring --------------------------------------------------------------------------------------

    def _measure(self, key: str, told: str, act: Callable[[], object], arrived: Callable[[], bool]) -> None:
        """From the answer to the change until the other side's own server shows it."""
        act()
        began = time.perf_counter()
        latency_ms = None
        while latency_ms is None and time.perf_counter() - began < SECONDS_MAX:
            self._setting.driver.turn()
            if arrived():
                latency_ms = (time.perf_counter() - began) * 1000
        self._keep(Change(key, told, latency_ms))

    def _keep(self, change: Change) -> None:
        self.changes.append(change)
        took = "never" if change.latency_ms is None else f"{change.latency_ms:.0f} ms"
        self._console.say(f"  {took:>8}  {change.told}")

    # --- both sides -------------------------------------------------------------------------------------

    def _staff(self, action: str, **details: object) -> dict[str, Any]:
        return self._setting.ehr.staff(action, **details)

    def _user(self, action: str, **details: object) -> dict[str, Any]:
        return self._setting.google.user(self._sub, action, calendar=self._calendar, **details)

    def _move(self, event: str, to: datetime, length: timedelta) -> None:
        self._user("move", event=event, start=google_time(to), end=google_time(to + length))

    def _book(self, begins: datetime) -> None:
        self._staff(
            "book",
            patients=[self._setting.patients[0]],
            practitioners=[self._person.practitioner.id],
            start=_utc(begins),
            end=_utc(begins + _SESSION),
            zone=self._person.zone.key,
        )

    def _busy_day(self) -> date:
        """One to look at afterwards."""
        now = self._setting.clock.now()
        return richest_day(views(self._setting)[0], after=now) or now.date() + timedelta(days=_QUIET_DAYS)

    def _events(self) -> dict[str, Shown]:
        return live_events(self._setting.google.events(self._calendar), self._person.zone)

    def _starts(self, event: str) -> datetime | None:
        shown = self._events().get(event)
        return shown.start if shown else None

    def _personal_row(self, title: str, status: str = "booked") -> dict[str, Any] | None:
        rows = self._setting.ehr.appointments()
        found = (row for row in rows if row.get("description") == title and row["status"] == status)
        return next((row for row in found if not patients_of(row)), None)

    def _personal(self, title: str, status: str = "booked") -> datetime | None:
        """When the personal appointment of this title begins; None: there is none."""
        row = self._personal_row(title, status)
        return datetime.fromisoformat(row["start"]) if row else None


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _targets(view: View, now: datetime) -> Iterator[Target]:
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
