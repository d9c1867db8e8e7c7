"""The whole world of one seed: both sides, the store, the jobs in their queue."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from sandbox.connected import connected
from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.fhir import Settings as EhrSettings
from sandbox.ehr.staff import Staff
from sandbox.google.calendar import GoogleCalendar, Settings
from sandbox.google.tokens import unseal_sync
from sandbox.google.user import Person
from shared.app.calendar_job import run_calendar_job
from shared.app.feed import run_feed_job
from shared.app.outcome import Outcome, State
from shared.app.records import Connection, calendar_path, items_path
from shared.app.world import Limits, World
from shared.core.errors import BlockedError, RetryableError
from shared.core.identity import Keys
from shared.core.model import Appointment
from shared.core.policy import ConnectionSettings, LabelMode, PersonalText
from shared.ports import CalendarService, Documents, Ehr, Put, Queue, Remove, Where
from tests.fakes.calendar import FakeCalendarService, ModelCalls
from tests.fakes.clock import FakeClock
from tests.fakes.documents import MemoryDocuments
from tests.fakes.ehr import FakeEhr
from tests.simulation.chaos import Chaos, Crash, Port

PRACTICE = "practice-1"
ZONES = ("America/New_York", "America/Denver")
GIVEN = ("Ada", "Bo", "Cy", "Di")
FAMILY = "Canaryname"
"""Every synthetic client's family name: it must be found nowhere but where a label may carry it."""


@dataclass(frozen=True)
class Task:
    calendar_key: str
    ids: tuple[str, ...] = ()
    look: bool = True
    everything: bool = False
    queue: Queue = Queue.LIVE


class WatchedCalls(ModelCalls):
    """Notes every write, for the invariants."""

    def __init__(self, google: GoogleCalendar, sub: str, stage: Stage) -> None:
        super().__init__(google, sub)
        self._stage = stage

    def __call__(self, operation: str, *, if_match: str | None = None, **parameters: Any) -> dict[str, Any]:
        if operation.split(".")[1] in ("insert", "patch", "update", "delete"):
            self._stage.google_writes.append((operation, dict(parameters)))
        return super().__call__(operation, if_match=if_match, **parameters)


class WatchedService(FakeCalendarService):
    def __init__(self, calls: ModelCalls, zone: ZoneInfo) -> None:
        super(FakeCalendarService, self).__init__(calls, zone=zone)


@dataclass
class Practitioner:
    id: str
    zone: ZoneInfo
    sub: str
    person: Person
    connection: Connection | None = None

    @property
    def calendar_key(self) -> str:
        assert self.connection is not None
        return self.connection.calendar_key


@dataclass
class Stage:
    """One practice with two practitioners; everything in it follows from the seed."""

    seed: int
    clock: FakeClock = field(default_factory=FakeClock)
    queue: list[Task] = field(default_factory=list)
    google_writes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    losses: int = 0
    """How often mappings were lost."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.unlucky = self.rng.random() < 0.4
        """State gets lost in this story. What is then known of the past is little, and less can be asked."""
        self.chaos = Chaos(random.Random(self.seed + 1), self.clock)
        self.chaos.interlude = self._interlude
        self.chaos.on_cancel = self._has_evidence
        self.chaos.on_commit = self._cursors_go_forward
        self.deleted_by_people: set[str] = set()
        """Ids of events that a person deleted at some time."""
        self._cursors: dict[str, int] = {}
        self.google = GoogleCalendar(self.clock.now, random.Random(self.seed + 2))
        self.google.settings = Settings(
            revive=self.rng.choice(["works", "forbidden"]),
            bare_tombstones=self.rng.random() < 0.3,
            withhold_sync_tokens=False,
        )
        self.store = FhirStore(now=self.clock.now, rng=random.Random(self.seed + 3))
        self.store.settings = EhrSettings(late_visibility_seconds=self.rng.choice([0, 0, 5]))
        self.staff = Staff(self.store)
        self.documents = MemoryDocuments()
        self._in_interlude = False
        self._names = 0
        self.people = [self._practitioner(index) for index in range(2)]
        self.patients = [
            self.staff.register_patient(family=FAMILY, given=[given], internal_id=f"ID-{index}")["id"]
            for index, given in enumerate(GIVEN)
        ]
        self.world = self._world()

    def _practitioner(self, index: int) -> Practitioner:
        zone = ZONES[index % len(ZONES)]
        account = self.google.add_account(f"practitioner{index}@example.com", zone)
        name = {"resourceType": "Practitioner", "name": [{"text": f"Practitioner {index}"}]}
        resource = self.store.create(name, by=By.STAFF).resource
        return Practitioner(resource["id"], ZoneInfo(zone), account.sub, Person(self.google, account.sub))

    def _world(self) -> World:
        subs = {person.id: person for person in self.people}

        def calendars(connection: Connection, *, paced: bool) -> CalendarService:
            del paced
            person = subs[connection.practitioner]
            service = WatchedService(WatchedCalls(self.google, person.sub, self), person.zone)
            return cast("CalendarService", Port("calendar", service, self.chaos))

        return World(
            documents=cast("Documents", Port("documents", self.documents, self.chaos)),
            clock=self.clock,
            keys=Keys(b"simulation"),
            ehr=lambda _practice: cast("Ehr", Port("ehr", FakeEhr(self.store), self.chaos)),
            calendars=calendars,
            new_id=self._new_name,
            chance=self.rng.random,
            limits=Limits(
                lease_seconds=self.rng.choice([9, 90]),
                flush_items=self.rng.choice([1, 3, 20]),
                lapses_max=10_000,  # crashes are the rule here: nobody rests from them
            ),
        )

    def _new_name(self) -> str:
        self._names += 1
        return f"job-{self._names}"

    def settings_of(self, person: Practitioner) -> ConnectionSettings:
        rng = random.Random(f"{self.seed}/{person.id}")
        return ConnectionSettings(
            start_from=(self.clock.now() - timedelta(days=rng.choice([0, 3]))).date(),
            zone=person.zone,
            client_label=rng.choice(list(LabelMode)),
            personal_text=rng.choice(list(PersonalText)),
        )

    # --- beginnings and losses ---

    def connect(self) -> None:
        """Connect everybody; nobody is disturbed, setting up is not what is simulated here."""
        calm, self.chaos.calm, self.chaos.crashed = self.chaos.calm, True, False
        for person in self.people:
            settings = person.connection.settings if person.connection else self.settings_of(person)
            person.connection = connected(
                self.world,
                practice=PRACTICE,
                practitioner=person.id,
                sub=person.sub,
                calendar_name="Appointments",
                settings=settings,
            )
            self.queue.append(Task(person.calendar_key))
        self.chaos.calm = calm

    def lose_everything(self) -> None:
        """The database is gone; the same deployment starts again with nothing."""
        self.losses += 1
        self._cursors.clear()
        self.documents = MemoryDocuments()
        self.world = replace(
            self.world, documents=cast("Documents", Port("documents", self.documents, self.chaos))
        )
        self.queue.clear()
        self.connect()

    def lose_a_mapping(self) -> None:
        person = self.rng.choice(self.people)
        items = self.documents.find(items_path(person.calendar_key))
        if items:
            self.losses += 1
            self.documents.commit([Remove(self.rng.choice(items).path)])

    def calendar_id(self, person: Practitioner) -> str | None:
        path = calendar_path(person.calendar_key)
        document = self.documents.get(path).get(path)
        return cast("str | None", document.data["calendar_id"]) if document else None

    def row_of(self, person: Practitioner, event_id: str) -> str | None:
        """The appointment an event is mapped to."""
        found = self.documents.find(items_path(person.calendar_key), Where("event_id", "==", event_id))
        return cast("str | None", found[0].data["appointment_id"]) if found else None

    # --- watched all the time ---

    def _has_evidence(self, row: Appointment) -> None:
        """Nothing is cancelled in the EHR unless somebody deleted its event."""
        found = self.documents.find("items", Where("appointment_id", "==", row.id), group=True)
        events = {item.data["event_id"] for item in found}
        assert events & self.deleted_by_people, f"seed {self.seed}: cancelled without evidence"

    def _cursors_go_forward(self, puts: Sequence[Put | Remove]) -> None:
        """A cursor that goes back means that a job went on from what another had left behind."""
        for put in puts:
            cursor = put.data.get("cursor") if isinstance(put, Put) else None
            if put.path.count("/") == 1 and isinstance(cursor, str):
                since = unseal_sync(cursor).since
                assert since >= self._cursors.get(put.path, 0), f"seed {self.seed}: a cursor went back"
                self._cursors[put.path] = since

    # --- jobs ---

    def run_task(self, task: Task) -> Outcome | None:
        """One delivery of a task; what did not get through is delivered again."""
        self.chaos.crashed = False
        try:
            outcome = run_calendar_job(
                self.world,
                task.calendar_key,
                ids=task.ids,
                look=task.look,
                everything=task.everything,
                queue=Queue.BULK if task.everything else task.queue,
            )
        except (Crash, RetryableError):
            self.queue.append(task)
            return None
        except BlockedError as error:
            self.story.append(f"blocked: {error.reason}")
            return None
        finally:
            self.chaos.job_ended()
        assert not outcome.counts.bugs, f"seed {self.seed}: {outcome.counts.bugs}"
        if outcome.pass_due:
            self.queue.append(Task(task.calendar_key, look=False, queue=Queue.BULK))
        if outcome.state is State.BUSY:
            self.queue.append(task)
        elif outcome.state is State.MORE:
            self.queue.append(Task(task.calendar_key, look=outcome.look, queue=task.queue))
        return outcome

    def run_feed(self) -> bool:
        """Read the practice's changes once; whether all of them were read."""
        self.chaos.crashed = False

        def dispatch(calendar_key: str, appointment_ids: Sequence[str]) -> None:
            self.queue.append(Task(calendar_key, tuple(appointment_ids), look=False))

        try:
            return run_feed_job(self.world, PRACTICE, dispatch).complete
        except (Crash, RetryableError):
            return False

    def _interlude(self) -> None:
        """Between two calls of a job: people go on, and another job runs."""
        if self._in_interlude:
            return
        self._in_interlude = True
        crashed = self.chaos.crashed
        self.between()
        self._in_interlude = False
        self.chaos.crashed = crashed

    def between(self) -> None:
        """Replaced by the story; alone, another look at some calendar."""
        self.run_task(Task(self.rng.choice(self.people).calendar_key))
