"""Who takes part: a practice in the EHR, one Google account for each practitioner, a connection for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from sandbox.connected import connected
from sandbox.controls import Account, EhrSandbox, GoogleSandbox, PractitionerSeed
from sandbox.demo.arguments import Options
from sandbox.demo.composition import PRACTICE, make_world
from sandbox.demo.driver import Driver
from sandbox.demo.interrupts import Interrupts
from sandbox.demo.stack import Stack
from shared.adapters.clock import SystemClock
from shared.app.records import Calendar, Connection, calendar_of, calendar_path
from shared.app.world import World
from shared.core.policy import ConnectionSettings, LabelMode

CALENDAR_NAME = "Practice appointments"
_LABELS = (LabelMode.INTERNAL_ID, LabelMode.FULL_NAME, LabelMode.INTERNAL_ID)
_WESTERNMOST = timedelta(hours=12)


@dataclass(frozen=True)
class Person:
    """A practitioner with both sides."""

    practitioner: PractitionerSeed
    account: Account
    connection: Connection

    @property
    def name(self) -> str:
        return self.practitioner.name

    @property
    def zone(self) -> ZoneInfo:
        return self.connection.settings.zone


@dataclass(frozen=True)
class Setting:
    google: GoogleSandbox
    ehr: EhrSandbox
    clock: SystemClock
    world: World
    driver: Driver
    people: tuple[Person, ...]
    patients: tuple[str, ...]

    def calendar(self, person: Person) -> Calendar:
        """The calendar's record as it stands."""
        path = calendar_path(person.connection.calendar_key)
        return calendar_of(self.world.documents.get(path)[path])

    def calendar_id(self, person: Person) -> str:
        """Google's id of the appointments calendar, once it is made."""
        found = self.calendar(person).calendar_id
        assert found is not None, "the first sync makes it"
        return found


def set_up(
    stack: Stack, clock: SystemClock, offset: timedelta, options: Options, interrupts: Interrupts
) -> Setting:
    """A practice and its connections, begun and not synced yet. `offset` is the clock's."""
    google, ehr = GoogleSandbox(stack.google), EhrSandbox(stack.ehr)
    google.set_ahead(offset.total_seconds())
    ehr.set_now(clock.now())
    # Wherever a practitioner is, the day has begun: nothing seeded lies beyond anybody's horizon.
    today = (clock.now() - _WESTERNMOST).date().isoformat()
    practitioners, patients = ehr.seed(today=today, seed=options.seed, appointments=options.appointments)
    accounts: dict[str, Account] = {}
    world = make_world(stack, clock, accounts)
    driver = Driver(world, PRACTICE, interrupts)
    people = []
    for practitioner, label in zip(practitioners, _LABELS, strict=True):
        email = practitioner.name.lower().replace(" ", ".") + "@example.com"
        account = google.add_account(email, practitioner.zone, practitioner.name)
        accounts[account.sub] = account
        connection = _connect(world, practitioner.id, account.sub, label)
        driver.add(connection.calendar_key)
        people.append(Person(practitioner, account, connection))
    return Setting(google, ehr, clock, world, driver, tuple(people), tuple(patients))


def _connect(world: World, practitioner: str, sub: str, label: LabelMode) -> Connection:
    """A connection with the practitioner's own zone, from today on."""
    zone = ZoneInfo(world.ehr(PRACTICE).practitioner(practitioner).zone or "UTC")
    settings = ConnectionSettings(
        start_from=world.clock.now().astimezone(zone).date(), zone=zone, client_label=label
    )
    return connected(
        world,
        practice=PRACTICE,
        practitioner=practitioner,
        sub=sub,
        calendar_name=CALENDAR_NAME,
        settings=settings,
    )
