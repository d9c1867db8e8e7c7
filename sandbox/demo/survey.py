"""Reads both sandboxes and judges them; then has everything synced once more, which must write nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time

from sandbox.controls import Json, last_number
from sandbox.demo.check import Found, View, broken_rules, compare, ehr_writes, google_writes
from sandbox.demo.errors import DemoError
from sandbox.demo.setting import Person, Setting
from shared.core.policy import LabelMode

PASS_SECONDS_MAX = 120.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Verdict:
    found: tuple[Found, ...]
    """In the order of the setting's people."""
    rewrites: Mapping[str, int]
    """Writes that one more complete pass made, by side; there should be none."""
    broken: tuple[str, ...]
    """Rules of writing to Google that were broken, in words."""
    bugs: tuple[str, ...] = ()
    """Types of unexpected exceptions; the sync has set their items aside."""

    @property
    def duplicates(self) -> int:
        return sum(found.duplicates for found in self.found)

    @property
    def differences(self) -> list[str]:
        """In words."""
        both = (difference for found in self.found for difference in found.differences)
        again = (f"one more complete pass wrote to {side}: {n}" for side, n in self.rewrites.items() if n)
        bugs = (f"an item was set aside as a bug: {bug}" for bug in self.bugs)
        return [*both, *again, *self.broken, *bugs]

    @property
    def agree(self) -> bool:
        return not self.differences


def survey(setting: Setting) -> Verdict:
    """Judge, pass once more, judge the writes."""
    found = tuple(compare(view) for view in views(setting))
    google, ehr = last_number(setting.google.requests()), last_number(setting.ehr.requests())
    _pass_once_more(setting)
    rewrites = {
        "Google": len(google_writes(setting.google.requests(google))),
        "the EHR": len(ehr_writes(setting.ehr.requests(ehr))),
    }
    calendars = {person.account.sub: setting.calendar_id(person) for person in setting.people}
    broken = tuple(broken_rules(setting.google.requests(), calendars))
    bugs = tuple(bug for lane in setting.driver.lanes.values() for bug in lane.totals.bugs)
    return Verdict(found, rewrites, broken, bugs)


def views(setting: Setting) -> list[View]:
    """Both sides of every practitioner, as they are now."""
    appointments, patients = setting.ehr.appointments(), setting.ehr.patients()
    return [_view(setting, person, appointments=appointments, patients=patients) for person in setting.people]


def _view(setting: Setting, person: Person, *, appointments: list[Json], patients: dict[str, Json]) -> View:
    chosen = person.connection.settings
    today = setting.clock.now().astimezone(chosen.zone).date()
    after = today + timedelta(days=chosen.horizon_days + 1)
    return View(
        practitioner=person.practitioner.id,
        zone=chosen.zone,
        full_names=chosen.client_label is LabelMode.FULL_NAME,
        starts=datetime.combine(chosen.start_from, wall_time.min, chosen.zone).astimezone(UTC),
        ends=datetime.combine(after, wall_time.min, chosen.zone).astimezone(UTC),
        appointments=appointments,
        patients=patients,
        events=setting.google.events(setting.calendar_id(person)),
    )


def _pass_once_more(setting: Setting) -> None:
    """A complete pass of every calendar, to its end. Raises DemoError when that does not come."""
    deadline = time.monotonic() + PASS_SECONDS_MAX
    for person in setting.people:
        key, everything = person.connection.calendar_key, True
        while time.monotonic() < deadline:
            outcome = setting.driver.job(key, everything=everything)
            if setting.driver.lanes[key].blocked:
                raise DemoError(f"{person.name}: the sync cannot go on: {setting.driver.lanes[key].blocked}")
            everything &= outcome is None
            if outcome is not None and not setting.driver.wants_more(outcome):
                break
            time.sleep(_PAUSE_SECONDS)
        else:
            raise DemoError(f"one more complete pass did not end within {PASS_SECONDS_MAX:g} s")
