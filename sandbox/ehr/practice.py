"""A whole practice from a seed and a day: people, weekly series, and what happens around them.

Every occurrence of a series is an Appointment of its own, at the same local hour on both sides of a clock
change. The same seed, day and size on a store with the same ids make the same practice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import cycle, islice
from zoneinfo import ZoneInfo

from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.outcome import Resource
from sandbox.ehr.practice_details import add_details
from sandbox.ehr.practice_people import Practitioner, employ, furnish, register
from sandbox.ehr.staff import Staff

HORIZON_DAYS = 201
PAST_DAYS = 14
APPOINTMENTS_MIN = 60
APPOINTMENTS_MAX = 1500
"""Above it three practitioners have no free hours left to find by trying."""

_HOURS = (8, 9, 10, 11, 13, 14, 15, 16, 17)
_NOON = 12
_SESSION_MINUTES = 50
_GROUP_HOUR = 18
_GROUP_PATIENTS = 4
_GROUP_MINUTES = 90
_GROUP_WEEKS = 6
_PATIENTS_MAX = 60
_SERVICES = ("Follow-up", "Psychotherapy, 50 min", "Physiotherapy", "Intake")
_ERRANDS = ("Paperwork", "Dentist", "School run", "Supervision", "Training")
_PAST_STATUSES = (
    "fulfilled",
    "fulfilled",
    "noshow",
    "fulfilled",
    "cancelled",
    "arrived",
    "fulfilled",
    "entered-in-error",
)
_TRIES_MAX = 1000


@dataclass(frozen=True)
class PracticeSummary:
    """What was made."""

    practitioners: tuple[Practitioner, ...]
    patients: tuple[str, ...]
    locations: tuple[str, ...]
    series: tuple[tuple[str, ...], ...]
    """Appointment ids of each weekly client series, in order of time."""
    group: tuple[str, ...]
    personal: tuple[str, ...]
    statuses: dict[str, int]
    """How many appointments have which status."""

    @property
    def appointments(self) -> int:
        return sum(self.statuses.values())


def seed_practice(store: FhirStore, *, today: date, seed: int, appointments: int = 400) -> PracticeSummary:
    """Exactly so many appointments: all but one from PAST_DAYS before `today` to HORIZON_DAYS after it, and
    one request that has no time yet. Three practitioners in two zones.

    Raises ValueError where `appointments` is not from APPOINTMENTS_MIN to APPOINTMENTS_MAX.
    """
    if not APPOINTMENTS_MIN <= appointments <= APPOINTMENTS_MAX:
        raise ValueError(f"appointments must be from {APPOINTMENTS_MIN} to {APPOINTMENTS_MAX}")
    practice = _Practice(store, today, random.Random(seed), min(_PATIENTS_MAX, appointments // 5))
    practice.fill_past(appointments // 16)
    practice.fill_group()
    practice.fill_personal(appointments // 12)
    practice.fill_series(appointments * 6 // 10)
    practice.request_one()
    practice.fill_singles(appointments)
    practice.upset(max(3, appointments // 40))
    practice.detail()
    return practice.summary()


@dataclass(frozen=True)
class _Session:
    patients: tuple[str, ...]
    minutes: int
    service: str
    location: str


class _Practice:
    """Fills one store; a practitioner is never booked twice at the same hour."""

    def __init__(self, store: FhirStore, today: date, rng: random.Random, patients: int) -> None:
        self._store = store
        self._staff = Staff(store)
        self._today = today
        self._rng = rng
        self._taken: set[tuple[str, date, int]] = set()
        self._practitioners = tuple(employ(self._staff, store))
        self._locations = furnish(self._staff)
        self._patients = tuple(register(self._staff, store, patients))
        self._next_patient = cycle(self._patients)
        self._series: list[tuple[str, ...]] = []
        self._group: list[str] = []
        self._personal: list[str] = []
        self._singles: list[str] = []
        self._count = 0

    # --- appointments -----------------------------------------------------------------------------------

    def fill_past(self, count: int) -> None:
        """The last two weeks, mostly done."""
        change: dict[str, Callable[..., Resource]] = {
            "fulfilled": self._staff.fulfil,
            "noshow": self._staff.no_show,
            "cancelled": self._staff.cancel,
            "arrived": self._staff.arrive,
            "entered-in-error": self._staff.enter_in_error,
        }
        for status in islice(cycle(_PAST_STATUSES), count):
            change[status](appointment=self._single(range(-PAST_DAYS, 0)))

    def fill_group(self) -> None:
        """One evening group, weekly, several patients."""
        who = self._practitioners[0]
        first = self._weekday(range(1, 8))
        session = self._session(*islice(self._next_patient, _GROUP_PATIENTS), minutes=_GROUP_MINUTES)
        for week in range(_GROUP_WEEKS):
            self._group.append(self._book([who], first + timedelta(weeks=week), _GROUP_HOUR, session))

    def fill_personal(self, count: int) -> None:
        """A weekly meeting at noon, and errands."""
        weeks = min(count // 2, HORIZON_DAYS // 7 - 1)
        first = self._weekday(range(1, 8))
        for week in range(weeks):
            self._own_time(self._practitioners[1], first + timedelta(weeks=week), _NOON, "Team meeting")
        for who in islice(cycle(self._practitioners), count - weeks):
            day, hour = self._free([who], range(HORIZON_DAYS))
            self._own_time(who, day, hour, self._rng.choice(_ERRANDS))

    def fill_series(self, count: int) -> None:
        """Weekly clients; the first of each practitioner runs to the horizon, across every clock change."""
        whole = (HORIZON_DAYS - 7) // 7
        made = 0
        for index in range(count):
            who = self._practitioners[index % len(self._practitioners)]
            weeks = whole if index < len(self._practitioners) else self._rng.randint(6, 22)
            weeks = min(weeks, count - made)
            if weeks < 2:
                return
            self._series.append(self._weekly(who, weeks))
            made += weeks

    def request_one(self) -> None:
        who = self._practitioners[0].id
        self._staff.request(patient=next(self._next_patient), practitioner=who)
        self._count += 1

    def fill_singles(self, total: int) -> None:
        """Single sessions up to `total`; the first two with two practitioners."""
        pair = [each for each in self._practitioners if each.zone == self._practitioners[0].zone]
        for index in range(total - self._count):
            self._singles.append(self._single(range(HORIZON_DAYS), pair if index < 2 else None))

    def upset(self, count: int) -> None:
        """Of the clients to come: some cancel, some are not confirmed, some already have an invoice."""
        to_come = [
            *self._singles,
            *(each for series in self._series[len(self._practitioners) :] for each in series),
        ]
        chosen = self._rng.sample(to_come, min(3 * count, len(to_come)))
        for appointment in chosen[:count]:
            self._staff.cancel(appointment=appointment, reason=self._rng.choice(("pat", "prov")))
        for appointment in chosen[count : 2 * count]:
            self._staff.unconfirm(appointment=appointment)
        write: list[Callable[..., Resource]] = [self._staff.write_note, self._staff.invoice]
        for appointment, act in zip(chosen[2 * count :], cycle(write), strict=False):
            act(appointment=appointment)

    def detail(self) -> None:
        """What vendors add to rows, and every way to tell a video link."""
        whole = [each for series in self._series for each in series]
        add_details(self._staff, self._store, whole)

    def summary(self) -> PracticeSummary:
        statuses = Counter(row["status"] for row in self._store.resources("Appointment"))
        return PracticeSummary(
            practitioners=self._practitioners,
            patients=self._patients,
            locations=self._locations,
            series=tuple(self._series),
            group=tuple(self._group),
            personal=tuple(self._personal),
            statuses=dict(sorted(statuses.items())),
        )

    # --- one at a time ----------------------------------------------------------------------------------

    def _single(self, offsets: range, who: Sequence[Practitioner] | None = None) -> str:
        who = who or [self._rng.choice(self._practitioners)]
        day, hour = self._free(who, offsets)
        return self._book(who, day, hour, self._session(next(self._next_patient)))

    def _weekly(self, who: Practitioner, weeks: int) -> tuple[str, ...]:
        """`weeks` sessions at one hour, begun early enough to end before the horizon."""
        session = self._session(next(self._next_patient))
        starts = range(HORIZON_DAYS - 7 * (weeks - 1))
        day, hour = self._free([who], starts, weeks)
        days = [day + timedelta(weeks=week) for week in range(weeks)]
        return tuple(self._book([who], each, hour, session) for each in days)

    def _session(self, *patients: str, minutes: int = _SESSION_MINUTES) -> _Session:
        return _Session(patients, minutes, self._rng.choice(_SERVICES), self._rng.choice(self._locations))

    def _book(self, who: Sequence[Practitioner], day: date, hour: int, session: _Session) -> str:
        start, end = _span(who[0].zone, day, hour, session.minutes)
        self._taken.update((each.id, day, hour) for each in who)
        self._count += 1
        appointment = self._staff.book(
            patients=session.patients,
            practitioners=[each.id for each in who],
            start=start,
            end=end,
            zone=who[0].zone,
            service=session.service,
            location=session.location,
        )
        return str(appointment["id"])

    def _own_time(self, who: Practitioner, day: date, hour: int, title: str) -> None:
        start, end = _span(who.zone, day, hour, 60)
        self._taken.add((who.id, day, hour))
        self._count += 1
        made = self._staff.book_personal(
            practitioner=who.id, start=start, end=end, zone=who.zone, title=title
        )
        self._personal.append(made["id"])

    def _free(self, who: Sequence[Practitioner], offsets: range, weeks: int = 1) -> tuple[date, int]:
        """A weekday among `offsets` (days from today) and an hour that all of `who` have free every week."""
        for _ in range(_TRIES_MAX):
            day, hour = self._weekday(offsets), self._rng.choice(_HOURS)
            days = [day + timedelta(weeks=week) for week in range(weeks)]
            if not any((each.id, one, hour) in self._taken for each in who for one in days):
                return day, hour
        raise AssertionError(f"no free hour in {_TRIES_MAX} tries: the practice is too full")

    def _weekday(self, offsets: range) -> date:
        days = [self._today + timedelta(days=offset) for offset in offsets]
        return self._rng.choice([day for day in days if day.weekday() < 5])


def _span(zone: str, day: date, hour: int, minutes: int) -> tuple[datetime, datetime]:
    """Local wall time; working hours never fall into a clock change."""
    start = datetime.combine(day, time(hour), ZoneInfo(zone))
    return start, start + timedelta(minutes=minutes)
