"""After the story: everything stays in sync until somebody ends it, and says what it carries over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from sandbox.controls import last_number
from sandbox.demo.check import ehr_writes, google_writes
from sandbox.demo.setting import Setting, troubles
from sandbox.demo.whereabouts import things_to_try, whereabouts
from sandbox.deployment.plan import PARTS
from shared.settings import Function

LOOK_SECONDS = 1.0
_DONE = {
    "events.insert": "made an event",
    "events.patch": "changed an event",
    "events.update": "changed an event",
    "events.delete": "deleted an event",
    "Appointment.create": "made a personal appointment",
    "Appointment.update": "changed an appointment",
}


def stay(setting: Setting) -> NoReturn:
    """Until StoppedError."""
    console = setting.console
    console.say()
    console.say("everything stays in sync now; Ctrl-C ends it")
    for line in whereabouts(setting):
        console.say(f"  {line}")
    console.say("to try, in another shell:")
    for line in things_to_try(setting):
        console.say(f"  {line}")
    console.say("what it does:")
    news, trouble = _News(setting), _Trouble(setting)
    while True:
        for line in (*news.lines(), *trouble.lines()):
            console.say(f"  {line}")
        setting.interrupts.sleep(LOOK_SECONDS)


class _Trouble:
    """What goes wrong in the functions, each thing once, and what has ended."""

    def __init__(self, setting: Setting) -> None:
        self._deployment = setting.deployment
        self._said: set[str] = set()

    def lines(self) -> Iterator[str]:
        for line in sorted(set(self._found()) - self._said):
            self._said.add(line)
            yield line

    def _found(self) -> Iterator[str]:
        for function in Function:
            yield from troubles(self._deployment, function)
        for part in PARTS:
            if not self._deployment.processes[part].running:
                yield f"{part.value} has ended; its last words are in {self._deployment.processes[part].log}"


class _News:
    """What was written since the last time, as the servers' own logs have it."""

    def __init__(self, setting: Setting) -> None:
        self._sandboxes = setting.deployment.google, setting.deployment.ehr
        self._people = {person.account.sub: person for person in setting.people}
        self._google, self._ehr = (last_number(sandbox.requests()) for sandbox in self._sandboxes)

    def lines(self) -> Iterator[str]:
        google = self._sandboxes[0].requests(self._google)
        ehr = self._sandboxes[1].requests(self._ehr)
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
