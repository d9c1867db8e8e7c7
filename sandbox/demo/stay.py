"""After the story: everything stays in sync until somebody ends it, and says what it carries over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from sandbox.controls import last_number
from sandbox.demo.check import ehr_writes, google_writes
from sandbox.demo.console import Console
from sandbox.demo.interrupts import Interrupts
from sandbox.demo.setting import Setting

LOOK_SECONDS = 1.0
_DONE = {
    "events.insert": "made an event",
    "events.patch": "changed an event",
    "events.update": "changed an event",
    "events.delete": "deleted an event",
    "Appointment.create": "made a personal appointment",
    "Appointment.update": "changed an appointment",
}


def stay(setting: Setting, console: Console, interrupts: Interrupts) -> NoReturn:
    """Until StoppedError."""
    news = _News(setting)
    said: set[str] = set()
    while True:
        setting.driver.turn()
        for line in news.lines():
            console.say(f"  {line}")
        troubles = set(_troubles(setting))
        for line in sorted(troubles - said):
            console.say(f"  {line}")
        said = troubles
        interrupts.sleep(LOOK_SECONDS)


def _troubles(setting: Setting) -> Iterator[str]:
    if setting.driver.trouble:
        yield f"will be tried again: {setting.driver.trouble}"
    for person in setting.people:
        blocked = setting.driver.lanes[person.connection.calendar_key].blocked
        if blocked:
            yield f"{person.name} is not synced any more: {blocked}"


class _News:
    """What was written since the last time, as the servers' own logs have it."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._people = {person.account.sub: person for person in setting.people}
        self._google = last_number(setting.google.requests())
        self._ehr = last_number(setting.ehr.requests())

    def lines(self) -> Iterator[str]:
        google = self._setting.google.requests(self._google)
        ehr = self._setting.ehr.requests(self._ehr)
        self._google, self._ehr = last_number(google, self._google), last_number(ehr, self._ehr)
        for request in google_writes(google):
            person = self._people.get(request["sub"])
            if person is not None:  # else somebody tries the API without a token of ours
                start = _start(request["body"] or {}, person.zone)
                yield _line("→ Google", request, f"calendar of {person.name}{start}")
        for request in ehr_writes(ehr):
            yield _line("→ EHR   ", request, request["path"].removeprefix("/fhir/"))


def _line(direction: str, request: Mapping[str, Any], where: str) -> str:
    done = _DONE.get(request["operation"], request["operation"])
    refused = "" if request["status"] < 300 else f" (refused with {request['status']})"
    return f"{datetime.now(UTC).astimezone():%H:%M:%S}  {direction}: {done}, {where}{refused}"


def _start(body: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The new start in local time, where the write has one."""
    start = body.get("start") or {}
    if start.get("date"):
        return f", {start['date']} all day"
    if start.get("dateTime"):
        return f", {datetime.fromisoformat(start['dateTime']).astimezone(zone):%Y-%m-%d %H:%M}"
    return ""
