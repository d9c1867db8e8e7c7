"""The first sync of every calendar, in slices; the first practitioner is already at work meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from datetime import time as wall_time

from sandbox.controls import Imported
from sandbox.demo.arguments import IcsFile
from sandbox.demo.check import is_from_google
from sandbox.demo.console import Console
from sandbox.demo.errors import DemoError
from sandbox.demo.setting import Person, Setting
from shared.app.records import Progress

HAND_MADE_TITLE = "Piano tuner"
SECONDS_MAX = 180.0
"""After which one first sync is given up; Google's quota of a minute may hold it up twice."""
_PAUSE_SECONDS = 0.2


def first_sync(setting: Setting, files: Sequence[IcsFile], console: Console) -> int:
    """Every calendar to the end of its first sync; how many events were loaded from files."""
    loaded, first = 0, setting.people[0]

    def at_work() -> None:
        nonlocal loaded
        _make_by_hand(setting, first)
        loaded = _load(setting, first, files, console)

    for person in setting.people:
        began = time.monotonic()
        sync = _Sync(setting, person, console)
        sync.to_the_end(after_first_slice=at_work if person is first else None)
        total = sync.progress.total
        seconds = time.monotonic() - began
        label = person.connection.settings.client_label.value
        console.say(
            f"  {person.name}: {total} settled in {seconds:.1f} s, {sync.slices} slices, labels: {label}"
        )
    if loaded:
        taken_in = _taken_in(setting)
        console.say(
            f"  {taken_in} of the {loaded} loaded events are personal appointments of {first.name} now;"
        )
        console.say("  days before today and beyond the horizon are not taken in")
    return loaded


def local(person: Person, setting: Setting, days: int, hour: int) -> datetime:
    """A wall time of the practitioner, so many days from today."""
    day = setting.clock.now().astimezone(person.zone).date() + timedelta(days=days)
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
    setting.google.user(person.account.sub, "create", calendar=setting.calendar_id(person), body=body)


class _Sync:
    def __init__(self, setting: Setting, person: Person, console: Console) -> None:
        self._setting = setting
        self._person = person
        self._console = console
        self.slices = 0
        self.progress = Progress(0, 0)

    def to_the_end(self, after_first_slice: Callable[[], None] | None) -> None:
        """Jobs until none asks for another. Raises DemoError when that does not come."""
        driver, key = self._setting.driver, self._person.connection.calendar_key
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline:
            outcome = driver.job(key)
            if outcome is None:
                self._check(driver.lanes[key].blocked)
                time.sleep(_PAUSE_SECONDS)
                continue
            self._show()
            if after_first_slice is not None:
                after_first_slice()
                after_first_slice = None
            elif not driver.wants_more(outcome):
                return
            elif outcome.again_at is not None and outcome.again_at > self._setting.clock.now():
                time.sleep(_PAUSE_SECONDS)
        why = f": {driver.trouble}" if driver.trouble else ""
        raise DemoError(f"the first sync of {self._person.name} did not end within {SECONDS_MAX:g} s{why}")

    def _check(self, blocked: str | None) -> None:
        if blocked:
            raise DemoError(f"the first sync of {self._person.name} cannot go on: {blocked}")

    def _show(self) -> None:
        self.slices += 1
        self.progress = self._setting.calendar(self._person).progress or self.progress
        self._console.progress(self._person.name, self.progress.done, self.progress.total)


def _load(setting: Setting, person: Person, files: Sequence[IcsFile], console: Console) -> int:
    loaded = 0
    for file in files:
        console.say(f"  loading {file.name} into the calendar of {person.name} …")
        found = setting.google.import_ics(
            person.account.sub, setting.calendar_id(person), file.name, file.text
        )
        for line in _told(found):
            console.say(f"    {line}")
        loaded += found.loaded
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
    rows = filter(is_from_google, setting.ehr.appointments())
    return sum(row.get("description") != HAND_MADE_TITLE for row in rows)
