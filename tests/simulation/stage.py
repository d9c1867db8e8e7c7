"""The whole world of one seed: both sides, the store, the queue, the consents."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, cast
from zoneinfo import ZoneInfo

from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.fhir import Settings as EhrSettings
from sandbox.ehr.staff import Staff
from sandbox.google.calendar import GoogleCalendar, Settings
from sandbox.google.user import Person
from shared.app.connect import Connecting
from shared.app.feed import FeedOutcome
from shared.app.jobs import CalendarTask, FeedTask, Job, LooksTask, arriving, job_of, perform
from shared.app.looks import Looked
from shared.app.outcome import Outcome
from shared.app.records import Connection, items_path
from shared.app.renewals import renew
from shared.app.webhook import Arrivals, google_push
from shared.app.world import Limits, Push, World
from shared.core.errors import BlockedError, RetryableError
from shared.core.model import Kind
from shared.core.policy import ConnectionSettings, ExternalTitles, FreeEvents, LabelMode, PersonalText
from shared.core.signing import KeyRing
from shared.ports import CalendarService, Consent, Documents, Ehr, NewTask, Remove, Tasks
from tests.consents import AccountConsent, Consents
from tests.fakes.clock import FakeClock
from tests.fakes.documents import MemoryDocuments
from tests.fakes.ehr import FakeEhr
from tests.simulation.blocks import Blocks
from tests.simulation.by_hand import ByHand
from tests.simulation.chaos import Chaos, Crash, Port
from tests.simulation.externals import Externals
from tests.simulation.people import FAMILY, KEYS, PRACTICE, Practitioner, WatchedCalls, WatchedService
from tests.simulation.queue import AnyOrder
from tests.simulation.stored import Stored
from tests.simulation.watch import Watch

ZONES = ("America/New_York", "America/Denver")
GIVEN = ("Ada", "Bo", "Cy", "Di")
PUSH = Push("https://calsync.example/google", KeyRing({"p1": b"p" * 32}))


@dataclass
class Stage(Stored):
    """One practice with two practitioners; everything in it follows from the seed."""

    seed: int
    clock: FakeClock = field(default_factory=FakeClock)
    google_writes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    losses: int = 0
    """How often mappings were lost."""
    lost_tasks: int = 0
    """How often the queue gave a task up."""
    one_way: bool = False
    """Somebody had it one way for a while: what was done in Google then, or shortly before, was put back."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        kind = self.rng.random()
        self.unlucky = kind < 0.25
        """State gets lost in this story. What is then known of the past is little, and less can be asked."""
        self.lively = kind < 0.1 or kind > 0.6
        """People pause, change settings, disconnect: each of it ends in a complete pass, which hides much."""
        self.wide = random.Random(f"{self.seed}/wide").random() < 0.6
        """Calendars of the practitioners' own take part."""
        self.serial = random.Random(f"{self.seed}/serial").random() < 0.4
        """They make series by hand."""
        self.chaos = Chaos(random.Random(self.seed + 1), self.clock)
        self.chaos.interlude = self._interlude
        self.documents = MemoryDocuments()
        self.watch = Watch(self.documents)
        self.chaos.on_ehr_write = self._ehr_written
        self.chaos.on_commit = self.watch.cursors_go_forward
        self.chaos.on_begin = self.watch.begins
        self._google()
        self.store = FhirStore(now=self.clock.now, rng=random.Random(self.seed + 3))
        self.store.settings = EhrSettings(late_visibility_seconds=self.rng.choice([0, 0, 5]))
        self.staff = Staff(self.store)
        self.tasks = AnyOrder(self.clock, self.rng)
        self.in_interlude = False
        self._names = 0
        self.people = self._people()
        self.externals = Externals(self.google, random.Random(f"{self.seed}/externals"), self.people)
        if self.wide:
            self.externals.open()
        self.by_hand = ByHand(self, self.people)
        self.blocks = Blocks(self, self.externals, self._is_forgetful)
        self.patients = [
            self.staff.register_patient(family=FAMILY, given=[given], internal_id=f"ID-{index}")["id"]
            for index, given in enumerate(GIVEN)
        ]
        self.world = self._world()

    def _google(self) -> None:
        self.google = GoogleCalendar(self.clock.now, random.Random(self.seed + 2))
        self.google.settings = Settings(
            revive=self.rng.choice(["works", "forbidden"]),
            bare_tombstones=self.rng.random() < 0.3,
            withhold_sync_tokens=False,
            push_drop_chance=self.rng.choice([0, 0.2]),
            push_duplicate_chance=0.1,
        )
        self.consent = AccountConsent(self.google)

    def _people(self) -> list[Practitioner]:
        """Each with an account of their own, or both with the same."""
        subs = [self.google.add_account(f"practitioner{n}@example.com", ZONES[n]).sub for n in range(2)]
        if self.rng.random() < 0.3:
            subs[1] = subs[0]
        return [self._practitioner(index, sub) for index, sub in enumerate(subs)]

    def _practitioner(self, index: int, sub: str) -> Practitioner:
        name = {"resourceType": "Practitioner", "name": [{"text": f"Practitioner {index}"}]}
        id_, zone = self.store.create(name, by=By.STAFF).resource["id"], ZoneInfo(ZONES[index])
        rng = random.Random(f"{self.seed}/{id_}")
        settings = ConnectionSettings(
            start_from=(self.clock.now() - timedelta(days=rng.choice([0, 3]))).date(),
            zone=zone,
            client_label=rng.choice(list(LabelMode)),
            personal_text=rng.choice(list(PersonalText)),
            horizon_days=rng.choice([25, 40]),
            external_titles=rng.choice(list(ExternalTitles)),
            free_events=rng.choice(list(FreeEvents)),
            review_threshold=1_000,  # nobody here answers a review
        )
        return Practitioner(id_, zone, sub, Person(self.google, sub), settings)

    def _world(self) -> World:
        def calendars(connection: Connection, *, paced: bool) -> CalendarService:
            del paced
            token = self.consents.token(self.documents, connection)
            if token is None:
                raise BlockedError("not_connected")
            alive = partial(self.consent.is_live, token)
            calls = WatchedCalls(self.google, connection.sub, is_alive=alive, writes=self.google_writes)
            service = WatchedService(calls, connection.settings.zone)
            return cast(
                "CalendarService", Port("calendar", service, self.chaos, whose=connection.practitioner)
            )

        documents = cast("Documents", Port("documents", self.documents, self.chaos))
        consent = cast("Consent", Port("consent", self.consent, self.chaos))
        self.queue = cast("Tasks", Port("tasks", self.tasks, self.chaos))
        self.consents = Consents(documents, self.clock, KEYS, self.consent, consent)
        return World(
            documents=documents,
            clock=self.clock,
            keys=KEYS,
            ehr=lambda _practice: cast("Ehr", Port("ehr", FakeEhr(self.store), self.chaos)),
            calendars=calendars,
            new_id=self._new_name,
            chance=self.rng.random,
            push=PUSH,
            limits=Limits(
                lease_seconds=self.rng.choice([9, 90]),
                flush_items=self.rng.choice([1, 3, 20]),
                lapses_max=10_000,  # crashes are the rule here: nobody rests from them
            ),
        )

    @property
    def connecting(self) -> Connecting:
        return self.consents.connecting

    def _new_name(self) -> str:
        self._names += 1
        return f"job-{self._names}"

    def _ehr_written(self, method: str, given: tuple[Any, ...], said: dict[str, Any]) -> None:
        broken = self.blocks.broken_by(method, given, said)
        if broken is not None:
            self.watch.breaks(broken)
        if method == "cancel" and given[0].kind is not Kind.BLOCK:
            self.watch.has_evidence(given[0], ceased=self._has_ceased(given[0].identifier or ""))

    def _has_ceased(self, name: str) -> bool:
        """Or nobody can tell: what was forgotten is made again beside a series that a listing lacks."""
        occurrence = name.count(".") == 2
        return name in self.by_hand.ceased or (occurrence and self._is_forgetful())

    def _is_forgetful(self) -> bool:
        """Blocks whose event nobody knows any more go with the second listing that lacks it."""
        return bool(self.losses) and self.chaos.partial_listings

    # --- losses -----------------------------------------------------------------------------------------

    def lose_everything(self) -> None:
        """The database is gone."""
        self.losses += 1
        self.documents = MemoryDocuments()
        self.watch.forget(self.documents)
        documents = cast("Documents", Port("documents", self.documents, self.chaos))
        self.world = replace(self.world, documents=documents)
        self.consents.connecting = replace(self.consents.connecting, documents=documents)
        self.tasks.waiting.clear()

    def lose_a_mapping(self) -> None:
        person = self.rng.choice(self.people)
        items = self.documents.find(items_path(person.calendar_key))
        if items:
            self.losses += 1
            self.documents.commit([Remove(self.rng.choice(items).path)])

    # --- jobs -------------------------------------------------------------------------------------------

    def ask(self, job: Job) -> None:
        """Somebody asks for it, and the queue is well."""
        self.tasks.enqueue(arriving(job, self.clock.now()))

    def look(self, person: Practitioner) -> None:
        self.run(arriving(LooksTask((person.calendar_key,)), self.clock.now()))

    def deliver(self) -> bool:
        """One task that is due, out of the queue in any order; False: there is none."""
        task = self.tasks.take()
        if task is None:
            return False
        if self.unlucky and not self.chaos.calm and self.rng.random() < 0.03:
            self.lost_tasks += 1
            self.story.append("a task is lost")
        else:
            self.run(task)
        return True

    def run(self, task: NewTask) -> Outcome | FeedOutcome | Looked | None:
        """One delivery of a task; what did not get through is delivered again."""
        self.chaos.crashed = False
        job = job_of(task.body)
        try:
            outcome = perform(self.world, self.queue, job)
        except (Crash, RetryableError):
            self.tasks.again(task, seconds=1)
            return None
        except BlockedError as error:
            self.story.append(f"blocked: {error.reason}")
            return None
        finally:
            self.chaos.job_ended()
            if not self.in_interlude:
                self.watch.overslept = False
        assert not self.watch.broken, f"seed {self.seed}: {self.watch.broken[0]}"
        if isinstance(outcome, Outcome):
            assert not outcome.counts.bugs, f"seed {self.seed}: {outcome.counts.bugs}"
        return outcome

    def hear(self) -> None:
        """Google's messages arrive."""
        self.chaos.crashed = False
        for message in self.google.channels.due():
            headers = {name.lower(): value for name, value in message.headers().items()}
            try:
                status = google_push(headers, PUSH.keys, Arrivals(self.queue, self.clock.now()))
            except Crash:
                self.chaos.crashed = False
                status = 502
            self.google.channels.answered(message, status)

    def minute(self) -> None:
        """A run of the scheduler's."""
        self.chaos.crashed = False
        try:
            renew(self.world.documents, self.queue, self.clock.now(), frozenset({PRACTICE}))
        except (Crash, RetryableError):
            self.story.append("a run of the scheduler fails")

    def poke(self) -> None:
        self.ask(FeedTask(PRACTICE))

    def _interlude(self) -> None:
        """Between two calls of a job: people go on, and another job runs."""
        if self.in_interlude:
            return
        self.in_interlude = True
        crashed = self.chaos.crashed
        self.between()
        self.in_interlude = False
        self.chaos.crashed = crashed

    def between(self) -> None:
        """Replaced by the story; alone, another look at some calendar."""
        self.run(arriving(CalendarTask(self.some_calendar()), self.clock.now()))

    def some_calendar(self) -> str:
        """The key of any that somebody has; of the appointments ones more often."""
        person = self.rng.choice(self.people)
        others = [each.key for each in self.calendars(person)] if self.rng.random() < 0.6 else []
        return self.rng.choice([person.calendar_key, *others])
