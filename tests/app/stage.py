"""A small world for one fact at a time: the real use cases and adapters over models of both sides.

    stage = Stage()
    ada = stage.connect()                    # a practitioner, connected and in sync
    row = stage.book(ada)                    # staff book a client appointment
    stage.poke()                             # the EHR's hook: feed, then the jobs it asks for
    stage.event(ada)                         # the one event in the calendar
    stage.ledger                             # what that cost, since the last clear()

    stage.ask(CalendarTask(key))             # or as it is deployed: a task,
    stage.drain()                            # and all that follows it, time passing as it has to
    stage.minutes(15)                        # the scheduler's runs, and the tasks they ask for

Whatever passes a port is noted in the ledger; `stage.before` and `stage.after` may disturb it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from sandbox.connected import connected
from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.staff import Staff
from sandbox.google.calendar import GoogleCalendar, Settings
from sandbox.google.channels import Channel
from sandbox.google.user import Person
from shared.adapters.fhir import Answer, FhirEhr
from shared.adapters.google_calendar import GoogleCalendarService
from shared.app import connections
from shared.app.calendar_job import run_calendar_job
from shared.app.feed import FeedOutcome, run_feed_job
from shared.app.jobs import Job, arriving, job_of, perform
from shared.app.outcome import Outcome
from shared.app.records import (
    Calendar,
    Connection,
    calendar_data,
    calendar_of,
    calendar_path,
    connection_of,
    connection_path,
    item_of,
    items_path,
)
from shared.app.renewals import renew
from shared.app.webhook import Arrivals, google_push
from shared.app.world import Limits, Push, World
from shared.core.errors import BlockedError
from shared.core.identity import Keys
from shared.core.item import Item
from shared.core.policy import ConnectionSettings
from shared.core.signing import KeyRing
from shared.ports import Capabilities, Document, Put, Queue, Remove, Where
from tests.fakes.calendar import ModelCalls
from tests.fakes.clock import FakeClock
from tests.fakes.documents import MemoryDocuments
from tests.fakes.ehr import SETTINGS, ModelExchange
from tests.fakes.tasks import MemoryTasks

PRACTICE, ELSEWHERE = "practice-1", "practice-2"
NEW_YORK = "America/New_York"
FAMILY, TITLE = "Canaryname", "Canarytitle"
"""Of every synthetic client and of every text somebody writes: to be found nowhere but where it belongs."""
JOBS_MAX = 50
TASKS_MAX = 1_000
"""Run by one `drain`."""
HOUR = timedelta(hours=1)
PUSH = Push("https://calsync.example/google", KeyRing({"p1": b"p" * 32}))

Json = dict[str, Any]
Hook = Callable[[str, Mapping[str, Any]], None]


@dataclass
class Ledger:
    """What passed the ports since it was last cleared."""

    reads: int = 0
    """Documents the store answered."""
    commits: list[list[str]] = field(default_factory=list)
    """The paths written, by commit."""
    google: list[str] = field(default_factory=list)
    """Operations, as `events.patch`."""
    ehr: list[str] = field(default_factory=list)
    """Requests, as `PUT Appointment`."""
    passes: int = 0
    """Listings of a whole calendar that were begun: complete passes."""

    def clear(self) -> None:
        self.reads = self.passes = 0
        for noted in (self.commits, self.google, self.ehr):
            noted.clear()

    @property
    def documents_written(self) -> int:
        return sum(map(len, self.commits))

    @property
    def google_writes(self) -> list[str]:
        return [each for each in self.google if each.split(".")[1] not in ("list", "get")]

    @property
    def ehr_writes(self) -> list[str]:
        return [each for each in self.ehr if not each.startswith("GET")]

    @property
    def side_writes(self) -> list[str]:
        return self.google_writes + self.ehr_writes


@dataclass
class Practitioner:
    """One who is connected, with their own Google account."""

    id: str
    zone: ZoneInfo
    sub: str
    person: Person
    """At Google's web page."""
    connection: Connection


class Stage:
    def __init__(self, *, push: bool = False, **limits: Any) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger()
        self.before: Hook = nothing
        """Called before whatever passes a port: its name (`events.patch`, `PUT Appointment`, `commit`) and
        what was given. It may raise one of our errors, or act for somebody else."""
        self.after: Hook = nothing
        """Called after it was done: to raise here is to lose the answer."""
        self.unlisted: set[str] = set()
        """Ids of events that listings leave out."""
        self.chance = 0.5
        """What every throw of the dice brings."""
        self.google = GoogleCalendar(self.clock.now, random.Random(1))
        self.google.settings = Settings(empty_page_chance=0, short_page_chance=0)
        self.store = FhirStore(now=self.clock.now, rng=random.Random(2))
        self.staff = Staff(self.store)
        self.ehr_settings = SETTINGS
        self.capabilities = Capabilities()
        self.documents = _Documents(self)
        self.tasks = MemoryTasks(self.clock)
        self.dropped: list[str] = []
        """Why tasks were given up: what a person has to mend."""
        self.people: dict[str, Practitioner] = {}
        self._ids = 0
        self.world = World(
            documents=self.documents,
            clock=self.clock,
            keys=Keys(b"facts"),
            ehr=lambda _practice: FhirEhr(_Exchange(self), self.ehr_settings, self.capabilities),
            calendars=self._service,
            new_id=self._new_id,
            chance=lambda: self.chance,
            push=PUSH if push else None,
            limits=Limits(**limits),
        )

    def pass_through(self, name: str, given: Mapping[str, Any], do: Callable[[], Any]) -> Any:
        self.before(name, given)
        answer = do()
        self.after(name, given)
        return answer

    def _service(self, connection: Connection, *, paced: bool) -> GoogleCalendarService:
        del paced
        return GoogleCalendarService(Calls(self, connection.sub), zone=connection.settings.zone)

    def _new_id(self) -> str:
        self._ids += 1
        return f"job-{self._ids}"

    # --- people -----------------------------------------------------------------------------------------

    def add(
        self, zone: str = NEW_YORK, *, sub: str | None = None, practice: str = PRACTICE, **settings: Any
    ) -> Practitioner:
        """A practitioner who has connected, with an account of their own or that of `sub`; no job has run."""
        number = len(self.google.store.accounts) + 1
        name = {"resourceType": "Practitioner", "name": [{"text": f"Practitioner {number}"}]}
        practitioner = self.store.create(name, by=By.STAFF).resource["id"]
        if sub is None:
            sub = self.google.add_account(f"practitioner{number}@example.com", zone).sub
        today = self.clock.now().astimezone(ZoneInfo(zone)).date()
        chosen: Json = {"start_from": today - timedelta(days=7), "zone": ZoneInfo(zone), **settings}
        connection = self.connected(practice, practitioner, sub, ConnectionSettings(**chosen))
        person = Person(self.google, sub)
        added = Practitioner(practitioner, ZoneInfo(zone), sub, person, connection)
        self.people[practitioner] = added
        return added

    def connected(
        self, practice: str, practitioner: str, sub: str, settings: ConnectionSettings
    ) -> Connection:
        return connected(
            self.world,
            practice=practice,
            practitioner=practitioner,
            sub=sub,
            calendar_name="Appointments",
            settings=settings,
        )

    def connect(self, zone: str = NEW_YORK, **settings: Any) -> Practitioner:
        """A practitioner who is connected and in sync; the ledger is clear."""
        added = self.add(zone, **settings)
        self.sync(added)
        self.ledger.clear()
        return added

    def change_settings(self, whose: Practitioner, **settings: Any) -> None:
        changed = replace(self.connection(whose).settings, **settings)
        whose.connection = connections.change_settings(self.world, whose.connection.key, changed)

    # --- jobs -------------------------------------------------------------------------------------------

    def job(self, whose: Practitioner, *ids: str, look: bool = True, everything: bool = False) -> Outcome:
        """One slice of the calendar's job; of the bulk job that it asks for, if a pass is due."""
        key = whose.connection.calendar_key
        bulk = everything or self.calendar(whose).in_pass
        queue = Queue.BULK if bulk else Queue.LIVE
        outcome = run_calendar_job(self.world, key, ids=ids, look=look, everything=everything, queue=queue)
        if outcome.pass_due:
            return run_calendar_job(self.world, key, ids=ids, look=look, queue=Queue.BULK)
        return outcome

    def sync(self, whose: Practitioner, *ids: str, look: bool = True, everything: bool = False) -> Outcome:
        """Slices of the calendar's job until it wants no more; what they wait for an hour is not awaited."""
        outcome = self.job(whose, *ids, look=look, everything=everything)
        for _ in range(JOBS_MAX):
            wait = (outcome.again_at or self.clock.now()) - self.clock.now()
            if outcome.again_at is None or wait >= HOUR:
                return outcome
            self.clock.advance(max(0, wait.total_seconds()))
            outcome = self.job(whose)
        raise AssertionError("the jobs do not come to rest")

    def feed(self) -> FeedOutcome:
        """The practice's job alone; nothing it asks for is done."""
        return run_feed_job(self.world, PRACTICE, lambda _key, _ids: None)

    def poke(self) -> list[Outcome]:
        """The practice's job, and each calendar's with the appointments it names."""
        tasks: list[tuple[str, tuple[str, ...]]] = []

        def dispatch(calendar_key: str, appointment_ids: Sequence[str]) -> None:
            tasks.append((calendar_key, tuple(appointment_ids)))

        assert run_feed_job(self.world, PRACTICE, dispatch).complete
        return [run_calendar_job(self.world, key, ids=ids, look=False) for key, ids in tasks]

    def live(self, whose: Practitioner, *ids: str, look: bool = True) -> Outcome:
        """One slice of a live job."""
        return run_calendar_job(self.world, whose.connection.calendar_key, ids=ids, look=look)

    def bulk(self, whose: Practitioner, *, look: bool = False, everything: bool = False) -> Outcome:
        """One slice of a bulk job."""
        key = whose.connection.calendar_key
        return run_calendar_job(self.world, key, look=look, everything=everything, queue=Queue.BULK)

    def settle(self) -> None:
        """Everything that has happened arrives everywhere, and its echoes come back."""
        for _ in range(3):  # the change, its echo, and nothing more
            self.poke()
            for person in list(self.people.values()):
                self.sync(person)

    # --- as it is deployed ------------------------------------------------------------------------------

    def ask(self, job: Job) -> None:
        self.tasks.enqueue(arriving(job, self.clock.now()))

    def run_due(self) -> int:
        """Run the tasks that are due; how many they were."""
        bodies = self.tasks.take_due()
        for body in bodies:
            try:
                perform(self.world, self.tasks, job_of(body))
            except BlockedError as error:
                self.dropped.append(error.reason)
        return len(bodies)

    def drain(self) -> None:
        """Run what is queued until nothing is, time passing as it has to."""
        done = 0
        while self.tasks.waiting:
            assert done < TASKS_MAX, "the queue does not come to rest"
            first = min(task.run_at for task in self.tasks.waiting if task.run_at)
            self.clock.advance(max(0.0, (first - self.clock.now()).total_seconds()))
            done += self.run_due()

    def minutes(self, count: int) -> None:
        """So many runs of the scheduler, each minute's tasks with what follows them."""
        for _ in range(count):
            until = self.clock.now() + timedelta(minutes=1)
            renew(self.documents, self.tasks, self.clock.now(), frozenset({PRACTICE}))
            for _ in range(TASKS_MAX):
                due = [task.run_at for task in self.tasks.waiting if task.run_at and task.run_at < until]
                if not due:
                    break
                self.clock.advance(max(0.0, (min(due) - self.clock.now()).total_seconds()))
                self.run_due()
            self.clock.advance(max(0.0, (until - self.clock.now()).total_seconds()))

    def pushes(self) -> None:
        """What Google has to tell by now arrives."""
        for message in self.google.channels.due():
            headers = {name.lower(): value for name, value in message.headers().items()}
            status = google_push(headers, PUSH.keys, Arrivals(self.tasks, self.clock.now()))
            self.google.channels.answered(message, status)

    # --- the EHR ----------------------------------------------------------------------------------------

    def at(self, hours: float) -> datetime:
        """So many hours from now."""
        return self.clock.now() + hours * HOUR

    def patient(self) -> str:
        """Somebody new; their id."""
        resource = self.staff.register_patient(family=FAMILY, given=["Ada"], internal_id="ID-1")
        return str(resource["id"])

    def book(self, whose: Practitioner, *, hours: float = 48, length: float = 1) -> str:
        """A client appointment of somebody new; its id."""
        row = self.staff.book(
            patients=[self.patient()],
            practitioners=[whose.id],
            start=self.at(hours),
            end=self.at(hours + length),
            zone=whose.zone.key,
        )
        return str(row["id"])

    def own_time(self, whose: Practitioner, *, hours: float = 48, title: str = TITLE) -> str:
        """A personal appointment that staff made; its id."""
        start, end = self.at(hours), self.at(hours + 1)
        row = self.staff.book_personal(
            practitioner=whose.id, start=start, end=end, zone=whose.zone.key, title=title
        )
        return str(row["id"])

    def reschedule(self, row: str, *, hours: float, length: float = 1) -> None:
        self.staff.reschedule(appointment=row, start=self.at(hours), end=self.at(hours + length))

    def row(self, row: str | None = None) -> Json:
        """The one appointment there is, or the one of this id."""
        rows = self.store.resources("Appointment")
        if row is None:
            assert len(rows) == 1, f"{len(rows)} appointments"
            return rows[0]
        return next(each for each in rows if each["id"] == row)

    # --- the calendar -----------------------------------------------------------------------------------

    def calendar_id(self, whose: Practitioner) -> str:
        calendar_id = self.calendar(whose).calendar_id
        assert calendar_id is not None
        return calendar_id

    def hand_made(self, whose: Practitioner, *, hours: float = 48, **body: Any) -> str:
        """An event that the practitioner makes in the appointments calendar; its id."""
        times = {"start": clock_time(self.at(hours)), "end": clock_time(self.at(hours + 1))}
        made = whose.person.create(self.calendar_id(whose), {"summary": TITLE, **times, **body})
        return str(made["id"])

    def move(self, whose: Practitioner, event: str, *, hours: float) -> None:
        start, end = clock_time(self.at(hours)), clock_time(self.at(hours + 1))
        whose.person.move(self.calendar_id(whose), event, start, end)

    def edit(self, whose: Practitioner, event: str, **body: Any) -> None:
        whose.person.edit(self.calendar_id(whose), event, body)

    def delete(self, whose: Practitioner, event: str) -> None:
        whose.person.delete(self.calendar_id(whose), event)

    def undelete(self, whose: Practitioner, event: str) -> None:
        whose.person.undelete(self.calendar_id(whose), event)

    def events(self, whose: Practitioner) -> list[Json]:
        """The live ones."""
        all_of_them = self.google.all_events(self.calendar_id(whose))
        return [event for event in all_of_them if event["status"] != "cancelled"]

    def event(self, whose: Practitioner, event: str | None = None) -> Json:
        """The one live event there is, or the one of this id, deleted or not."""
        if event is not None:
            all_of_them = self.google.all_events(self.calendar_id(whose))
            return next(each for each in all_of_them if each["id"] == event)
        live = self.events(whose)
        assert len(live) == 1, f"{len(live)} events"
        return live[0]

    def channels(self, whose: Practitioner) -> list[Channel]:
        """Those that Google tells of the calendar by."""
        made, now = self.google.channels._by_id.values(), self.clock.now()
        ours = [each for each in made if each.calendar == self.calendar_id(whose)]
        return [each for each in ours if each.stopped is None and not each.ended and each.expires > now]

    # --- what is stored ---------------------------------------------------------------------------------

    def calendar(self, whose: Practitioner) -> Calendar:
        path = calendar_path(whose.connection.calendar_key)
        return calendar_of(MemoryDocuments.get(self.documents, path)[path])

    def connection(self, whose: Practitioner) -> Connection:
        path = connection_path(whose.connection.key)
        return connection_of(MemoryDocuments.get(self.documents, path)[path])

    def change_calendar(self, whose: Practitioner, **changes: Any) -> None:
        """The calendar's record as some job left it."""
        changed = replace(self.calendar(whose), **changes)
        put = Put(calendar_path(changed.key), calendar_data(changed))
        MemoryDocuments.commit(self.documents, [put])

    def items(self, whose: Practitioner) -> list[Item]:
        calendar = self.calendar(whose)
        found = MemoryDocuments.find(self.documents, items_path(calendar.key))
        return [item_of(document, calendar) for document in found]

    def item(self, whose: Practitioner) -> Item:
        """The one there is."""
        items = self.items(whose)
        assert len(items) == 1, f"{len(items)} items"
        return items[0]

    def lose_mappings(self, whose: Practitioner) -> None:
        """Every item is lost; the rest of the state stays."""
        found = MemoryDocuments.find(self.documents, items_path(whose.connection.calendar_key))
        MemoryDocuments.commit(self.documents, [Remove(document.path) for document in found])

    def lose_everything(self) -> None:
        """The database is lost, and everybody connects again."""
        self.documents = _Documents(self)
        self.world = replace(self.world, documents=self.documents)
        for person in self.people.values():
            had = person.connection
            person.connection = self.connected(had.practice, had.practitioner, had.sub, had.settings)


class Crash(BaseException):
    """The process is killed."""


def nothing(_name: str, _given: Mapping[str, Any]) -> None:
    """No hook."""


def once(name: str, act: Callable[[], object]) -> Hook:
    """A hook that acts the first time something passes under this name."""
    acted: list[str] = []

    def hook(passing: str, _given: Mapping[str, Any]) -> None:
        if passing == name and not acted:
            acted.append(passing)
            act()

    return hook


def at_step(number: int, act: Callable[[], object]) -> Hook:
    """A hook that acts when the so-manieth thing passes, counted from 0."""
    passed: list[str] = []

    def hook(passing: str, _given: Mapping[str, Any]) -> None:
        passed.append(passing)
        if len(passed) == number + 1:
            act()

    return hook


def both(first: Hook, second: Hook) -> Hook:
    def hook(passing: str, given: Mapping[str, Any]) -> None:
        first(passing, given)
        second(passing, given)

    return hook


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def clock_time(moment: datetime) -> Json:
    return {"dateTime": moment.isoformat()}


def starts(resource: Json) -> datetime:
    """Of an event or an appointment with a time of day."""
    start = resource["start"]
    return datetime.fromisoformat(start["dateTime"] if isinstance(start, dict) else start)


class Calls(ModelCalls):
    def __init__(self, stage: Stage, sub: str) -> None:
        super().__init__(stage.google, sub)
        self._stage = stage

    def __call__(self, operation: str, *, if_match: str | None = None, **parameters: Any) -> Json:
        self._note(operation, parameters)
        given = {"if_match": if_match, **parameters}
        answer = self._stage.pass_through(
            operation, given, lambda: self.answer(operation, if_match, parameters)
        )
        if operation == "events.list":
            answer["items"] = [each for each in answer.get("items", ()) if not self._is_unlisted(each)]
        return cast("Json", answer)

    def answer(self, operation: str, if_match: str | None, parameters: Json) -> Json:
        return super().__call__(operation, if_match=if_match, **parameters)

    def _note(self, operation: str, parameters: Json) -> None:
        self._stage.ledger.google.append(operation)
        first = not parameters.keys() & {"syncToken", "pageToken"} and parameters.get("maxResults") != 1
        self._stage.ledger.passes += operation == "events.list" and first

    def _is_unlisted(self, event: Json) -> bool:
        return event["id"] in self._stage.unlisted


class _Exchange(ModelExchange):
    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.store)
        self._stage = stage

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        name = f"{method} {url.partition('/')[0]}"
        self._stage.ledger.ehr.append(name)
        real = super().__call__
        answer = self._stage.pass_through(
            name,
            {"url": url, "body": body},
            lambda: real(method, url, params=params, headers=headers, body=body),
        )
        return cast("Answer", answer)


class _Documents(MemoryDocuments):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def get(self, *paths: str) -> dict[str, Document]:
        found = super().get(*paths)
        self._stage.ledger.reads += len(found)
        return found

    def find(self, collection: str, *where: Where, **rest: Any) -> list[Document]:
        found = super().find(collection, *where, **rest)
        self._stage.ledger.reads += len(found)
        return found

    def commit(self, writes: Sequence[Put | Remove]) -> list[str]:
        self._stage.ledger.commits.append([write.path for write in writes])
        real = super().commit
        answer = self._stage.pass_through("commit", {"writes": writes}, lambda: real(writes))
        return cast("list[str]", answer)
