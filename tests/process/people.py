"""People of a deployment: a practitioner in the EHR, an account at Google, and what connects the two."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import requests

from sandbox.controls import Account, EhrSandbox, Json, last_number
from sandbox.deployment.deployment import Deployment
from sandbox.ehr.server import TOKEN
from shared.app.records import (
    Calendar,
    Connection,
    Role,
    calendar_of,
    calendar_path,
    connection_of,
    items_path,
)
from shared.core.identity import Keys
from shared.ports import Documents, Where
from shared.settings import Function, SecretName
from tests.process.ehrs import DEMO, EhrKind
from tests.process.resources import FAMILY, GIVEN, OWN_TITLE, TITLE, appointment, patient, practitioner

ZONE = ZoneInfo("Europe/Berlin")
SECONDS = 60.0
_HOURS = (8, 9, 10, 11, 13, 14, 15, 16)
_MINUTES = timedelta(minutes=50)
_CLIENTS = 8
_OWN_TIME_EVERY = 6
"""Every so many appointments one is the practitioner's own time."""


@dataclass
class Person:
    """A practitioner with both sides."""

    staff: str
    """Id of the Practitioner."""
    practitioner: str
    """As appointments name them: that id, or a role's with its type."""
    account: Account
    appointments: list[str] = field(default_factory=list)
    """Of clients, by time."""
    own_times: list[str] = field(default_factory=list)

    @property
    def reference(self) -> str:
        role = self.practitioner.startswith("PractitionerRole/")
        return self.practitioner if role else f"Practitioner/{self.practitioner}"

    @property
    def sub(self) -> str:
        return self.account.sub


class Practice:
    """A deployment as its people use it: staff, practitioners at the EHR, owners of accounts at Google."""

    def __init__(
        self,
        deployment: Deployment,
        documents: Documents,
        kind: EhrKind = DEMO,
        ehr: EhrSandbox | None = None,
    ) -> None:
        """`ehr`: of the practice that `kind` is of; None: the one that came with the deployment."""
        self.deployment = deployment
        self.documents = documents
        self.kind = kind
        self.google, self.ehr, self.tasks = deployment.google, ehr or deployment.ehr, deployment.tasks
        self.keys = Keys(deployment.secrets[SecretName.IDENTITY_KEY].encode())
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Connection"] = "close"  # one kept might be closed just as it is used again
        self._numbers = itertools.count(1)
        self._tomorrow = self.now().astimezone(ZONE).date() + timedelta(days=1)
        self._patients: list[str] = []
        self._of_google: list[Json] = []
        self._of_the_ehr: list[Json] = []
        self.codes: list[str] = []
        """Of consents, Google's and our own."""

    def close(self) -> None:
        self._session.close()

    def now(self) -> datetime:
        """The time that everything goes by."""
        return datetime.now(UTC) + self.deployment.ahead

    def skip(self, seconds: int) -> None:
        """So much of everybody's time is over at once."""
        self.deployment.set_ahead(self.deployment.ahead + timedelta(seconds=seconds))
        if self.ehr is not self.deployment.ehr:
            self.ehr.set_now(self.now())

    def asked_of_google(self) -> Sequence[Json]:
        """Every request at its API so far."""
        self._of_google += self.google.requests(last_number(self._of_google))
        return self._of_google

    def asked_of_the_ehr(self) -> Sequence[Json]:
        self._of_the_ehr += self.ehr.requests(last_number(self._of_the_ehr))
        return self._of_the_ehr

    # --- who there is -----------------------------------------------------------------------------------

    def person(self, appointments: int = 6, *, account: Account | None = None) -> Person:
        """A practitioner with so many client appointments from tomorrow on, not connected."""
        number = next(self._numbers)
        account = account or self.google.add_account(
            f"{self.kind.name}-{number}@example.com", ZONE.key, f"Practitioner {number}"
        )
        person = Person(*self._practitioner(number), account)
        for index in range(appointments):
            self.book(person, index)
            if index % _OWN_TIME_EVERY == 0:
                self._own_time(person, index)
        return person

    def connected(self, appointments: int = 6, *, account: Account | None = None) -> Person:
        """With the account connected, and the first sync begun."""
        person = self.person(appointments, account=account)
        self.consent(person)
        self.start(person)
        return person

    def at(self, index: int) -> datetime:
        """When the appointment with this index begins."""
        days, hour = divmod(index, len(_HOURS))
        return datetime.combine(self._tomorrow + timedelta(days=days), time(_HOURS[hour]), ZONE)

    def book(self, person: Person, index: int) -> str:
        begins = self.at(index)
        row = self.ehr.staff(
            "book",
            patients=[self._patient(index)],
            practitioners=[person.staff],
            start=begins.isoformat(),
            end=(begins + _MINUTES).isoformat(),
            zone=ZONE.key,
        )
        person.appointments.append(row["id"])
        return str(row["id"])

    def bring(self, person: Person, index: int) -> str:
        """An appointment from another system, with texts of its own and what only its vendor knows."""
        begins = self.at(index)
        body = appointment(index, self._patient(index), person.reference, begins, begins + _MINUTES)
        person.appointments.append(self.put(body))
        return person.appointments[-1]

    def _own_time(self, person: Person, index: int) -> None:
        begins = self.at(index) + timedelta(hours=10)
        row = self.ehr.staff(
            "book_personal",
            practitioner=person.staff,
            start=begins.isoformat(),
            end=(begins + _MINUTES).isoformat(),
            zone=ZONE.key,
            title=f"{OWN_TITLE} {index}",
        )
        person.own_times.append(row["id"])

    def _practitioner(self, number: int) -> tuple[str, str]:
        """Id, and how appointments name them."""
        made = self.put(practitioner(number, ZONE))
        actors = [f"Practitioner/{made}"]
        if self.kind.settings.roles:
            role = {"resourceType": "PractitionerRole", "practitioner": {"reference": actors[0]}}
            actors.append(f"PractitionerRole/{self.put(role)}")
        if self.kind.schedules:
            self.put({"resourceType": "Schedule", "actor": [{"reference": each} for each in actors]})
        return made, actors[-1].removeprefix("Practitioner/")

    def give(self, appointment: str, index: int) -> None:
        """Staff have it be one of the client who has the appointment with this index."""
        self.ehr.staff("add_client", appointment=appointment, patient=self._patient(index))

    def rename(self, index: int) -> None:
        """The client of the appointment with this index is called otherwise."""
        self.ehr.staff("rename_patient", patient=self._patient(index), family=FAMILY, given=[f"Neu{GIVEN}"])

    def _patient(self, index: int) -> str:
        """One of a few clients."""
        while len(self._patients) <= index % _CLIENTS:
            self._patients.append(self.put(patient(len(self._patients))))
        return self._patients[index % _CLIENTS]

    # --- what they call ---------------------------------------------------------------------------------

    def put(self, resource: Json) -> str:
        """A new one, as any client of the EHR makes it; its id."""
        resource_type = resource["resourceType"]
        answer = self._session.post(
            f"{self.ehr.url}/fhir/{resource_type}",
            json=resource,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=SECONDS,
        )
        assert answer.ok, (resource_type, answer.status_code)
        return answer.headers["Location"].partition(f"{resource_type}/")[2].partition("/")[0]

    def ask(self, person: Person, method: str, path: str = "", body: object = None) -> Json:
        """What settings_api answers the practitioner's page; it succeeds."""
        answer = self._ask(person, method, path, body)
        assert answer.ok, (path, answer.status_code, answer.text)
        found: Json = answer.json()
        return found

    def refused(self, person: Person, method: str, path: str, body: object) -> str:
        """The code of the answer; it does not succeed."""
        answer = self._ask(person, method, path, body)
        assert not answer.ok, (path, answer.status_code)
        return str(answer.json()["code"])

    def _ask(self, person: Person, method: str, path: str, body: object) -> requests.Response:
        api = self.deployment.at.functions[Function.SETTINGS_API]
        return self._session.request(
            method,
            f"{api}/v1/practitioners/{person.practitioner}/sync{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.ehr.token(person.practitioner)}"},
            timeout=SECONDS,
        )

    def consent(self, person: Person) -> Json:
        """From the EHR's page to Google's, through oauth_callback, and back."""
        url = self.ask(person, "POST", "/connect", {"login_hint": person.account.email})["url"]
        self.google.lay_down_consent(person.sub)
        landed = self._session.get(url, timeout=SECONDS)
        addresses = [each.headers["location"] for each in landed.history]
        self.codes += [code for each in addresses for code in parse_qs(urlsplit(each).query).get("code", ())]
        code = self.codes[-1]
        return self.ask(person, "POST", "/connect/complete", {"code": code})

    def start(self, person: Person) -> None:
        self.ask(person, "POST", "/start", {"calendar_name": "Appointments"})

    def status(self, person: Person) -> str:
        return str(self.ask(person, "GET")["status"])

    # --- at Google --------------------------------------------------------------------------------------

    def user(self, person: Person, action: str, **details: object) -> Json:
        """What the owner of the account does in the appointments calendar."""
        return self.google.user(person.sub, action, calendar=self.calendar_id(person), **details)

    def make(self, person: Person, index: int, title: str = TITLE) -> str:
        """An event made by hand, away from all appointments; its id."""
        begins = self.by_hand(index)
        times = {"start": google_time(begins), "end": google_time(begins + _MINUTES)}
        return str(self.user(person, "create", body={"summary": title, **times})["id"])

    def by_hand(self, index: int) -> datetime:
        return self.at(index) + timedelta(hours=11)

    def move(self, person: Person, event: str, begins: datetime) -> None:
        times = {"start": google_time(begins), "end": google_time(begins + _MINUTES)}
        self.user(person, "move", event=event, **times)

    def reschedule(self, appointment: str, begins: datetime) -> None:
        """By staff."""
        times = {"start": begins.isoformat(), "end": (begins + _MINUTES).isoformat()}
        self.ehr.staff("reschedule", appointment=appointment, **times)

    # --- what is stored ---------------------------------------------------------------------------------

    def connection(self, person: Person) -> Connection:
        path = f"connections/{self.keys.connection(self.kind.name, person.practitioner)}"
        return connection_of(self.documents.get(path)[path])

    def record(self, person: Person) -> Calendar:
        path = calendar_path(self.connection(person).calendar_key)
        return calendar_of(self.documents.get(path)[path])

    def external(self, person: Person) -> list[Calendar]:
        """Their calendars that were chosen, and those that are about to be left."""
        key = self.connection(person).key
        found = map(calendar_of, self.documents.find("calendars", Where("connection", "==", key)))
        return [each for each in found if each.role is Role.EXTERNAL and each.active]

    def calendars(self, person: Person) -> list[Calendar]:
        return [self.record(person), *self.external(person)]

    def event_of(self, person: Person, appointment: str) -> str:
        """Id of the event that an appointment has."""
        return self._item(person, "appointment_id", appointment, "event_id")

    def row_of(self, person: Person, event: str) -> str:
        """Id of the appointment that an event has."""
        return self._item(person, "event_id", event, "appointment_id")

    def _item(self, person: Person, name: str, value: str, wanted: str) -> str:
        path = items_path(self.record(person).key)
        [found] = self.documents.find(path, Where(name, "==", value))
        return str(found.data[wanted])

    def calendar_id(self, person: Person) -> str:
        found = self.record(person).calendar_id
        assert found is not None, "the first sync makes it"
        return found


def google_time(moment: datetime) -> Mapping[str, str]:
    return {"dateTime": moment.isoformat(), "timeZone": ZONE.key}
