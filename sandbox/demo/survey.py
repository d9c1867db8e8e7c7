"""Reads both sandboxes and judges them; then has everything synced once more, which must write nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.controls import last_number
from sandbox.demo.check import Found, broken_rules, compare, ehr_writes, google_writes
from sandbox.demo.rest import at_rest
from sandbox.demo.setting import Person, Setting, troubles
from sandbox.demo.views import views
from shared.app.jobs import CalendarTask, arriving
from shared.clients import cloud_tasks
from shared.core.identity import Keys
from shared.ports import Queue
from shared.settings import Function, SecretName, load

PASS_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Verdict:
    found: tuple[Found, ...]
    """In the order of the setting's people."""
    rewrites: Mapping[str, int]
    """Writes that one more complete pass made, by side; there should be none."""
    broken: tuple[str, ...]
    """Rules of writing to Google that were broken, in words."""
    troubles: tuple[str, ...] = ()
    """Errors that the functions logged, and tasks that they did not take."""

    @property
    def duplicates(self) -> int:
        return sum(found.duplicates for found in self.found)

    @property
    def differences(self) -> list[str]:
        """In words."""
        both = (difference for found in self.found for difference in found.differences)
        again = (f"one more complete pass wrote to {side}: {n}" for side, n in self.rewrites.items() if n)
        return [*both, *again, *self.broken, *self.troubles]

    @property
    def agree(self) -> bool:
        return not self.differences


def survey(setting: Setting) -> Verdict:
    """Judge, pass once more, judge the writes. Raises DemoError when the jobs do not come to rest."""
    google, ehr = setting.deployment.google, setting.deployment.ehr
    at_rest(setting)
    found = tuple(compare(view) for view in views(setting))
    before_google, before_ehr = last_number(google.requests()), last_number(ehr.requests())
    _pass_once_more(setting)
    rewrites = {
        "Google": len(google_writes(google.requests(before_google))),
        "the EHR": len(ehr_writes(ehr.requests(before_ehr))),
    }
    calendars = {person.account.sub: person.calendar for person in setting.people}
    broken = tuple(broken_rules(google.requests(), calendars))
    return Verdict(found, rewrites, broken, tuple(sorted(_troubles(setting))))


def _pass_once_more(setting: Setting) -> None:
    """A complete pass of every calendar, as the queue brings it."""
    function = Function.SETTINGS_API
    tasks = cloud_tasks(load(function, setting.deployment.environment(function)))
    before = {person.name: _last_full_read(person) for person in setting.people}
    keys = [key for person in setting.people for key in _calendar_keys(setting, person)]
    for key in keys:
        tasks.enqueue(arriving(CalendarTask(key, everything=True, queue=Queue.BULK), setting.now()))
    tasks.close()
    setting.until(
        lambda: all(_last_full_read(person) != before[person.name] for person in setting.people),
        PASS_SECONDS_MAX,
        "one more complete pass",
    )
    at_rest(setting)


def _last_full_read(person: Person) -> str:
    """Of the calendar that was read longest ago."""
    chosen = person.front_end.external() if person.chose else []
    return min(str(each["last_full_read"]) for each in [person.front_end.state()["calendar"], *chosen])


def _calendar_keys(setting: Setting, person: Person) -> Iterator[str]:
    keys = Keys(setting.deployment.secrets[SecretName.IDENTITY_KEY].encode())
    connection = keys.connection(setting.deployment.plan.practice, person.practitioner.id)
    yield keys.calendar(connection, person.account.sub)
    if person.chose:
        yield keys.calendar(connection, person.account.sub, person.account.email)


def _troubles(setting: Setting) -> Iterator[str]:
    for function in Function:
        yield from set(troubles(setting.deployment, function))
    refused = [each for each in setting.deployment.tasks.attempts() if each["result"] != "done"]
    if refused:
        yield f"attempts at a task that failed: {len(refused)}, at first {refused[0]['reason']}"
