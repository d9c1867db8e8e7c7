"""Who takes part: a practice in the EHR, and one Google account for each practitioner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.controls import Account, Json, PractitionerSeed
from sandbox.demo.arguments import Options
from sandbox.demo.console import Console
from sandbox.demo.errors import DemoError
from sandbox.demo.front_end import FrontEnd
from sandbox.demo.interrupts import Interrupts
from sandbox.demo.own_practice import load
from sandbox.deployment.deployment import Deployment
from shared.core.policy import LabelMode
from shared.settings import Function

CALENDAR_NAME = "Practice appointments"
_LABELS = (LabelMode.INTERNAL_ID, LabelMode.FULL_NAME, LabelMode.INTERNAL_ID)
_OWN_EMAIL = "own.calendar@example.com"
_WESTERNMOST = timedelta(hours=12)
POLL_SECONDS = 0.1


@dataclass
class Person:
    """A practitioner with both sides."""

    practitioner: PractitionerSeed
    account: Account
    label: LabelMode
    front_end: FrontEnd
    calendar: str = ""
    """Google's id of the appointments calendar, once it is made."""
    settings: Json = field(default_factory=dict)
    """As the product tells them, once it is connected."""
    chose: bool = False
    """Whether what stands in their primary calendar takes their time."""
    own: bool = False
    """Somebody from the files of `--fhir`: nothing of theirs is changed in the story."""

    @property
    def name(self) -> str:
        return self.practitioner.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.practitioner.zone)

    @property
    def starts_from(self) -> date:
        return date.fromisoformat(self.settings["start_from"])


@dataclass(frozen=True)
class Setting:
    deployment: Deployment
    console: Console
    interrupts: Interrupts
    people: tuple[Person, ...]
    patients: tuple[str, ...]

    @property
    def watched(self) -> Person:
        """Whose calendar one is shown, and invited to try: of the person from a file, if there is one."""
        return next((person for person in self.people if person.own), self.people[0])

    def now(self) -> datetime:
        """The time that everything goes by."""
        return datetime.now(UTC) + self.deployment.ahead

    def until(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait. Raises DemoError when it does not come to pass in time, StoppedError on Ctrl-C."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise DemoError(f"{what} did not come to pass within {seconds:g} s{self.troubles()}")
            self.interrupts.sleep(POLL_SECONDS)

    def troubles(self) -> str:
        """What the functions say of it."""
        said = sorted({trouble for function in Function for trouble in troubles(self.deployment, function)})
        return f"; the functions say: {', '.join(said)}" if said else ""


def troubles(deployment: Deployment, function: Function) -> Iterator[str]:
    """Errors in a function's log: its name, the event, and the reason."""
    for line in deployment.lines(function):
        if line.get("severity") == "ERROR":
            why = line.get("reason") or line.get("bug") or line.get("status")
            yield f"{function.value} {line['event']} {why}"


def set_up(deployment: Deployment, options: Options, console: Console, interrupts: Interrupts) -> Setting:
    """A practice and its people, and who comes from a file; nobody is connected."""
    now = datetime.now(UTC) + deployment.ahead
    # Wherever a practitioner is, the day has begun: nothing seeded lies beyond anybody's horizon.
    today = (now - _WESTERNMOST).date().isoformat()
    practitioners, patients = deployment.ehr.seed(
        today=today, seed=options.seed, appointments=options.appointments
    )
    people = [
        _person(deployment, practitioner, label)
        for practitioner, label in zip(practitioners, _LABELS, strict=True)
    ]
    if options.own is not None:
        practitioner, told = load(deployment.ehr, options.own, now, shift=options.shift)
        people.append(replace(_person(deployment, practitioner, LabelMode.FULL_NAME, _OWN_EMAIL), own=True))
        for line in told:
            console.say(f"  {line}")
    return Setting(deployment, console, interrupts, tuple(people), tuple(patients))


def _person(
    deployment: Deployment, practitioner: PractitionerSeed, label: LabelMode, email: str | None = None
) -> Person:
    email = email or practitioner.name.lower().replace(" ", ".") + "@example.com"
    account = deployment.google.add_account(email, practitioner.zone, practitioner.name)
    deployment.google.revoke_grants(account.sub)  # an account comes with one; ours is to be consented to
    api = deployment.at.functions[Function.SETTINGS_API]
    return Person(practitioner, account, label, FrontEnd(api, deployment.ehr, practitioner.id))
