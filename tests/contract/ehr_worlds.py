"""A practice twice: as the fake that simulations use, and as the sandbox's EHR on a server."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import requests

from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.profiles import PROFILES
from sandbox.ehr.staff import Staff
from shared.adapters.fhir import Exchange, FhirEhr, FhirSettings, HttpExchange, bearer
from shared.core.model import Appointment
from shared.ports import Capabilities, Ehr, FeedCursor
from tests.ehr_contract import DocumentedExchange
from tests.fakes.clock import START, FakeClock
from tests.fakes.ehr import SETTINGS, ModelExchange
from tests.fhir_valid import ValidExchange

Json = dict[str, Any]
PAGES_MAX = 50
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEXT = START + DAY
SMALL = replace(SETTINGS, page_size=5)
TOKEN = "sandbox-ehr-token"


class World(Protocol):
    """A practice: our side of it, and what staff and time do there."""

    ehr: Ehr

    def exchange(self) -> Exchange:
        """What an EHR of ours speaks through; what it sends is held to be FHIR, and on the page for EHRs."""

    def with_settings(self, settings: FhirSettings, can: Capabilities | None = None) -> Ehr: ...
    def put(self, resource: Json) -> str:
        """A resource of any type, made by whoever; its id."""

    def staff(self, action: str, **arguments: Any) -> Json: ...
    def settings(self, **values: Any) -> None:
        """Facts of the server; with `profile` all others are as that one has them."""

    def advance(self, seconds: float) -> None: ...


class ModelWorld:
    def __init__(self) -> None:
        self._clock = FakeClock()
        self._store = FhirStore(now=self._clock.now, rng=random.Random(7))
        self.ehr = self.with_settings(SETTINGS)

    def exchange(self) -> Exchange:
        return DocumentedExchange(ValidExchange(ModelExchange(self._store)))

    def with_settings(self, settings: FhirSettings, can: Capabilities | None = None) -> Ehr:
        return FhirEhr(self.exchange(), settings, can)

    def put(self, resource: Json) -> str:
        return str(self._store.create(resource).resource["id"])

    def staff(self, action: str, **arguments: Any) -> Json:
        result: Json = getattr(Staff(self._store), action)(**arguments)
        return result

    def settings(self, **values: Any) -> None:
        base = PROFILES[values["profile"]] if "profile" in values else self._store.settings
        self._store.settings = replace(base, **values)

    def advance(self, seconds: float) -> None:
        self._clock.advance(seconds)


class ServerWorld:
    """The practice on a server; every test leaves its rows there and begins a day after the last one."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._open: list[HttpExchange] = []
        self.ehr: Ehr = self.connect()

    def connect(self, address: str | None = None, *, token: str = TOKEN) -> FhirEhr:
        return FhirEhr(self.exchange(address, token), SETTINGS)

    def exchange(self, address: str | None = None, token: str = TOKEN) -> Exchange:
        exchange = HttpExchange(f"{address or self.address}/fhir", bearer(token), read_seconds=10)
        self._open.append(exchange)
        return DocumentedExchange(ValidExchange(exchange))

    def with_settings(self, settings: FhirSettings, can: Capabilities | None = None) -> Ehr:
        return FhirEhr(self.exchange(), settings, can)

    def close(self) -> None:
        for exchange in self._open:
            exchange.close()

    def control(self, method: str, what: str, **data: Any) -> Any:
        answer = requests.request(method, f"{self.address}/control/{what}", json=data, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def put(self, resource: Json) -> str:
        url = f"{self.address}/fhir/{resource['resourceType']}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = requests.post(url, json=resource, headers=headers, timeout=10)
        return answer.headers["Location"].partition(f"{resource['resourceType']}/")[2].partition("/")[0]

    def staff(self, action: str, **arguments: Any) -> Json:
        plain = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in arguments.items()
        }
        result: Json = self.control("POST", "staff", action=action, **plain)
        return result

    def settings(self, **values: Any) -> None:
        self.control("POST", "settings", **values)

    def advance(self, seconds: float) -> None:
        now = datetime.fromisoformat(self.control("GET", "clock")["now"])
        later = now + timedelta(seconds=seconds)
        self.control("PUT", "clock", now=later.isoformat(), running=False)

    def fault(self, operation: str, **fault: Any) -> None:
        self.control("POST", "faults", operation=operation, **fault)

    def asked(self) -> list[Json]:
        """Every request so far."""
        found: list[Json] = self.control("GET", "requests")
        return found


def add_practitioner(world: World, **more: Any) -> str:
    name = [{"use": "official", "family": "Musterfrau", "given": ["Robin"]}]
    return world.put({"resourceType": "Practitioner", "name": name, **more})


def book(world: World, robin: str, patient: str, start: datetime = NEXT, **more: Any) -> str:
    """A client appointment of an hour; its id."""
    times = {"start": start, "end": start + HOUR, "zone": "America/Denver"}
    row = world.staff("book", patients=[patient], practitioners=[robin], **times, **more)
    return str(row["id"])


def book_personal(world: World, robin: str, title: str = "Dentist", start: datetime = NEXT) -> str:
    times = {"start": start, "end": start + HOUR, "zone": "America/Denver"}
    return str(world.staff("book_personal", practitioner=robin, title=title, **times)["id"])


def read(world: World, row_id: str) -> Appointment:
    row = world.ehr.read([row_id])[row_id]
    assert row is not None
    return row


def changes(
    ehr: Ehr, cursor: FeedCursor, practitioner: str | None = None
) -> tuple[list[Appointment], FeedCursor]:
    """All pages as one."""
    rows: list[Appointment] = []
    for _ in range(PAGES_MAX):
        page = ehr.changes(cursor, practitioner)
        rows += page.rows
        cursor = page.cursor
        if page.complete:
            return rows, cursor
    raise AssertionError("the feed did not end")


def ids(rows: list[Appointment]) -> list[str]:
    return [row.id for row in rows]
