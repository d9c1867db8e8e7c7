"""The jobs over the wire in one process, one at a time: real adapters, sandbox servers, and no queue."""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from functools import cache
from zoneinfo import ZoneInfo

from sandbox.connected import connected
from sandbox.controls import Account, EhrSandbox, GoogleSandbox
from sandbox.demo.check import View, compare
from sandbox.ehr import urls
from sandbox.ehr.server import TOKEN
from shared.adapters.clock import SystemClock
from shared.adapters.fhir import FhirEhr, FhirSettings, HttpExchange, bearer
from shared.adapters.firestore import FirestoreDocuments
from shared.adapters.google_calendar import GoogleCalendarService, GoogleCalls, google_credentials
from shared.app.records import Calendar, Connection, calendar_of, calendar_path
from shared.app.world import Limits, World
from shared.core.identity import Keys
from shared.core.policy import ConnectionSettings
from shared.ports import CalendarService
from tests.job_driver import Driver
from tests.servers import server

PRACTICE = "one"
IMPATIENT = Limits(
    retry_seconds=0.1, aside_seconds=0.5, creating_seconds=0.2, passes_seconds=0.5, slice_share=2 / 3
)
"""Waits that a test can wait for."""


@dataclass(frozen=True)
class Setting:
    """A small practice, everybody of it connected and nobody synced yet."""

    google: GoogleSandbox
    ehr: EhrSandbox
    world: World
    driver: Driver
    people: Mapping[str, Account]
    """By the key of their calendar."""
    connections: tuple[Connection, ...]

    def calendar(self, key: str) -> Calendar:
        """The calendar's record as it stands."""
        path = calendar_path(key)
        return calendar_of(self.world.documents.get(path)[path])

    def differences(self) -> list[str]:
        """Between both sides of everybody, in words."""
        appointments, patients = self.ehr.appointments(), self.ehr.patients()
        found: list[str] = []
        for connection in self.connections:
            chosen, calendar_id = connection.settings, self.calendar(connection.calendar_key).calendar_id
            assert calendar_id is not None
            first, last = chosen.start_from, _today(chosen.zone) + timedelta(days=chosen.horizon_days + 1)
            starts, ends = (
                datetime.combine(day, wall_time.min, chosen.zone).astimezone(UTC) for day in (first, last)
            )
            view = View(
                practitioner=connection.practitioner,
                zone=chosen.zone,
                label=connection.settings.client_label,
                starts=starts,
                ends=ends,
                appointments=appointments,
                patients=patients,
                events=self.google.events(calendar_id),
            )
            found += compare(view).differences
        return found


@contextlib.contextmanager
def practice() -> Iterator[Setting]:
    with (
        server("sandbox.google", "--seed", "1") as google_url,
        server("sandbox.ehr") as ehr_url,
        server("sandbox.firestore") as store,
    ):
        google, ehr = GoogleSandbox(google_url), EhrSandbox(ehr_url)
        accounts: dict[str, Account] = {}
        world = _world(google, ehr, store, accounts)
        driver = Driver(world, PRACTICE)
        today = datetime.now(UTC).date().isoformat()
        practitioners, _ = ehr.seed(today=today, seed=1, appointments=60)
        people, connections = {}, []
        for number, practitioner in enumerate(practitioners):
            account = google.add_account(f"{number}@example.com", practitioner.zone, practitioner.name)
            accounts[account.sub] = account
            zone = ZoneInfo(practitioner.zone)
            connection = connected(
                world,
                practice=PRACTICE,
                practitioner=practitioner.id,
                sub=account.sub,
                calendar_name="Appointments",
                settings=ConnectionSettings(start_from=_today(zone), zone=zone),
            )
            connections.append(connection)
            people[connection.calendar_key] = account
            driver.add(connection.calendar_key)
        yield Setting(google, ehr, world, driver, people, tuple(connections))


def _today(zone: ZoneInfo) -> date:
    return datetime.now(UTC).astimezone(zone).date()


def _world(google: GoogleSandbox, ehr: EhrSandbox, store: str, accounts: Mapping[str, Account]) -> World:
    fhir = FhirSettings(
        system="https://calsync.example",
        internal_id_system=urls.INTERNAL_ID,
        time_zone_extension=urls.TIME_ZONE,
        protected_extension=urls.DELETION_PROTECTED,
    )
    side = FhirEhr(HttpExchange(f"{ehr.url}/fhir", bearer(TOKEN)), fhir)

    @cache
    def service(connection: Connection, *, paced: bool) -> CalendarService:
        del paced
        account = accounts[connection.sub]
        credentials = google_credentials(
            account.refresh_token,
            client_id=account.client_id,
            client_secret=account.client_secret,
            token_uri=f"{google.url}/token",
        )
        calls = GoogleCalls(credentials, api_endpoint=f"{google.url}/calendar/v3/")
        return GoogleCalendarService(calls, zone=connection.settings.zone)

    return World(
        documents=FirestoreDocuments("demo-calsync", host=store),
        clock=SystemClock(),
        keys=Keys(b"an identity key for tests"),
        ehr=lambda _practice: side,
        calendars=service,
        new_id=lambda: uuid.uuid4().hex,
        chance=random.random,
        limits=IMPATIENT,
    )
