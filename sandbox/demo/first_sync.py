"""The first sync of all calendars at the same time; the first practitioner is already at work meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from datetime import time as wall_time

from sandbox.controls import Imported, Json
from sandbox.demo.arguments import IcsFile
from sandbox.demo.check import is_from_google
from sandbox.demo.errors import DemoError
from sandbox.demo.rest import at_rest
from sandbox.demo.setting import CALENDAR_NAME, Person, Setting

HAND_MADE_TITLE = "Piano tuner"
SECONDS_MAX = 600.0
"""After which the first syncs are given up: 1,500 appointments at Google's pace take a few minutes."""
_FAILED = frozenset({"reconnect_needed", "calendar_missing", "disconnected", "off", "paused"})
"""What ends a first sync; `failing` may still mend."""
PUSH_SECONDS = 2.0
"""Within which a change has become a task, on a busy machine too."""


def first_sync(setting: Setting) -> None:
    """Every calendar to the end of its first sync. Raises DemoError when that does not come."""
    syncs = [_Sync(setting, person) for person in setting.people]

    def over() -> bool:
        for sync in syncs:
            sync.look()
        done, total = sum(sync.done for sync in syncs), sum(sync.total for sync in syncs)
        setting.console.progress("first sync", done, total)
        return all(sync.over for sync in syncs)

    setting.until(over, SECONDS_MAX, "the end of the first sync")


class _Sync:
    """One calendar's."""

    def __init__(self, setting: Setting, person: Person) -> None:
        self._setting = setting
        self._person = person
        self._began = time.monotonic()
        self.done = self.total = 0
        self.over = False
        person.front_end.start(CALENDAR_NAME)

    def look(self) -> None:
        if self.over:
            return
        state = self._person.front_end.state()
        if state["status"] in _FAILED:
            raise DemoError(f"the first sync of {self._person.name} ends: {state['status']}")
        calendar: Json = state["calendar"]
        progress = calendar["progress"] or {"done": 0, "total": 0}
        self.done, self.total = progress["done"], progress["total"]
        if calendar["ready"] and not self._person.calendar:
            self._began_to_fill()
        if state["status"] == "in_sync":
            self._ended(calendar)

    def _began_to_fill(self) -> None:
        self._person.calendar = self._person.front_end.calendar_id() or ""
        if self._person.calendar and self._person is self._setting.people[0]:
            _make_by_hand(self._setting, self._person)

    def _ended(self, calendar: Json) -> None:
        self.over = True
        if not calendar["push"]["live"]:
            raise DemoError(f"{self._person.name} is not told of changes: {calendar['push']['problem']}")
        seconds = time.monotonic() - self._began
        self._setting.console.say(
            f"  {self._person.name}: {self.total} settled in {seconds:.1f} s, push is live"
        )


def local(person: Person, setting: Setting, days: int, hour: int) -> datetime:
    """A wall time of the practitioner, so many days from today."""
    day = setting.now().astimezone(person.zone).date() + timedelta(days=days)
    return datetime.combine(day, wall_time(hour), person.zone)


def google_time(moment: datetime) -> dict[str, str]:
    return {"dateTime": moment.isoformat(timespec="seconds")}


def _make_by_hand(setting: Setting, person: Person) -> None:
    """An event that nobody but the practitioner knows of, in a calendar that is still being filled."""
    begins = local(person, setting, 3, 19)
    body = {
        "summary": HAND_MADE_TITLE,
        "start": google_time(begins),
        "end": google_time(begins + timedelta(hours=1)),
    }
    setting.deployment.google.user(person.account.sub, "create", calendar=person.calendar, body=body)


# --- calendar files -------------------------------------------------------------------------------------


def load(setting: Setting, files: Sequence[IcsFile]) -> int:
    """The files as events made by hand by the first practitioner, until the EHR has them; how many."""
    if not files:
        return 0
    person, loaded = setting.people[0], 0
    for file in files:
        setting.console.say(f"  loading {file.name} into the calendar of {person.name} …")
        found = setting.deployment.google.import_ics(
            person.account.sub, person.calendar, file.name, file.text
        )
        for line in _told(found):
            setting.console.say(f"    {line}")
        loaded += found.loaded
    setting.interrupts.sleep(PUSH_SECONDS)
    at_rest(setting)
    taken_in = _taken_in(setting)
    setting.console.say(
        f"  from the {loaded} loaded events {person.name} has {taken_in} personal appointments: of a series"
    )
    setting.console.say("  one each occurrence; what is before today or beyond the horizon is not taken in")
    return loaded


def _told(found: Imported) -> list[str]:
    reasons = "".join(f", {count} {reason}" for reason, count in sorted(found.left_out.items()))
    left_out = sum(found.left_out.values())
    return [
        f"{found.loaded} events loaded; {left_out} left out{reasons.replace(',', ':', 1)}",
        *(f"not loaded: {problem}" for problem in found.problems),
    ]


def _taken_in(setting: Setting) -> int:
    """Personal appointments that came from Google, besides the one made by hand."""
    rows = filter(is_from_google, setting.deployment.ehr.appointments())
    return sum(row.get("description") != HAND_MADE_TITLE for row in rows)
