"""One change after the other in each of several lanes, and how long the other side takes to have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sandbox.controls import Json
from sandbox.demo.blocks import Block, blocks_of
from sandbox.demo.check import Shown, live_events, patients_of
from sandbox.demo.setting import Person, Setting

SECONDS_MAX = 20.0
"""After which a change is taken not to arrive."""
_POLL_SECONDS = 0.03


class Both:
    """What both servers hold at a moment; each is asked when it is looked at, and once."""

    def __init__(self, setting: Setting) -> None:
        self._deployment = setting.deployment
        self._events: dict[str, dict[str, Shown]] = {}

    @cached_property
    def appointments(self) -> list[Json]:
        return self._deployment.ehr.appointments()

    @cached_property
    def blocks(self) -> list[Block]:
        return blocks_of(self._deployment.ehr)

    def events(self, person: Person) -> dict[str, Shown]:
        """Live events of the appointments calendar, by id."""
        if person.calendar not in self._events:
            events = self._deployment.google.events(person.calendar)
            self._events[person.calendar] = live_events(events, person.zone)
        return self._events[person.calendar]

    def personal_row(self, title: str, status: str = "booked") -> Json | None:
        """The personal appointment of this title; None: there is none."""
        named = (row for row in self.appointments if row.get("description") == title)
        return next((row for row in named if row["status"] == status and not patients_of(row)), None)

    def personal(self, title: str, status: str = "booked") -> datetime | None:
        """When it begins."""
        row = self.personal_row(title, status)
        return datetime.fromisoformat(row["start"]) if row else None


@dataclass(frozen=True)
class Step:
    key: str
    told: str
    """What is done, and what the other side must make of it."""
    act: Callable[[], object]
    arrived: Callable[[Both], bool]


@dataclass(frozen=True)
class Change:
    """A step that was made."""

    key: str
    told: str
    latency_ms: float | None
    """From the answer to the change until the other side's own server shows it; None: it never did."""


@dataclass
class _Lane:
    steps: Iterator[Step]
    begins: float
    """On the clock of `perf_counter`: of the step that is made, or of the next one."""
    step: Step | None = None
    over: bool = False

    def go_on(self) -> None:
        """Make the next step, if it is time for one."""
        if self.step is None and not self.over and time.perf_counter() >= self.begins:
            self.step = next(self.steps, None)
            self.over = self.step is None
            if self.step is not None:
                self.step.act()
                self.begins = time.perf_counter()

    def change(self, both: Both) -> Change | None:
        """What has become of the step; None: it is not known yet."""
        if self.step is None:
            return None
        waited = time.perf_counter() - self.begins
        if self.step.arrived(both):
            return Change(self.step.key, self.step.told, waited * 1000)
        return Change(self.step.key, self.step.told, None) if waited > SECONDS_MAX else None


def measured(
    setting: Setting, lanes: Sequence[Iterator[Step]], rest: Callable[[], float] = lambda: 0.0
) -> Iterator[Change]:
    """Changes in the order in which they arrive; `rest`: seconds before each of a lane."""
    known = [_Lane(steps, time.perf_counter() + rest()) for steps in lanes]
    while not all(lane.over for lane in known):
        setting.interrupts.sleep(_POLL_SECONDS)
        for lane in known:
            lane.go_on()
        both = Both(setting)
        for lane in known:
            change = lane.change(both)
            if change is not None:
                lane.step, lane.begins = None, time.perf_counter() + rest()
                yield change
