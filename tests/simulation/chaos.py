"""What can go wrong at any call of a port, drawn from the seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shared.core.errors import OverLimitError, RetryableError, StaleError
from shared.core.model import Appointment, Event
from shared.ports import CursorLostError, EventPage, Put
from tests.fakes.clock import FakeClock

OVER_A_VERSION = frozenset({"update", "restore", "delete", "unmark", "cancel", "rebook"})
WRITES = OVER_A_VERSION | {"commit", "add_calendar", "create"}
LOSABLE = WRITES | {"watch", "stop", "revoke", "enqueue"}
"""What may be done although its answer is lost."""
WRITE_TROUBLE = 4
"""How much more often a write to one of the sides meets a fault: that is where it hurts."""


class Crash(BaseException):
    """The process is killed: nothing of ours runs any more."""


class Chaos:
    """Rolls the dice at every port call. `calm` turns every fault off; time still passes."""

    def __init__(self, rng: random.Random, clock: FakeClock) -> None:
        self._rng = rng
        self._clock = clock
        self.calm = False
        self.crashed = False
        self.fault_chance = rng.choice([0.0, 0.02, 0.05, 0.15])
        self.interlude: Callable[[], None] = lambda: None
        """Another job, or people, between two calls of this one."""
        self.aftermath: Callable[[str, Any], None] = lambda _method, _about: None
        """People, right after a job died that had just made such a write: the worst moment."""
        self.on_ehr_write: Callable[[str, tuple[Any, ...], dict[str, Any]], None] = lambda *_given: None
        self.on_commit: Callable[[Sequence[Put]], None] = lambda _puts: None
        self.on_begin: Callable[[str, str, tuple[Any, ...]], None] = lambda _whose, _method, _given: None
        """What is watched all the time; the last one when a write to a side begins."""
        self.happened: list[str] = []
        self.partial_listings = rng.random() < 0.2
        self.written = 0
        """Writes to either side."""
        self._unsaved: set[str] = set()
        self.never_saved: set[str] = set()
        """Ids of rows and events that a job wrote and did not live to write down: what it had agreed on is
        then not known, and an edit of the other side meanwhile is a conflict."""

    def call(
        self, port: str, method: str, arguments: dict[str, Any], do: Callable[[], Any], subject: Any = None
    ) -> Any:
        """`subject`: what the call is about, its last positional argument."""
        if self.crashed:
            raise Crash
        self._clock.advance(self._rng.choice([0.05, 0.1, 0.3]))
        if self.calm:
            return do()
        listing = method == "events" and arguments.get("cursor") is None
        if listing and self.partial_listings and self._rng.random() < 0.3:
            return self._partial(do())
        writes = port != "documents" and method in WRITES
        if self._rng.random() >= self.fault_chance * (WRITE_TROUBLE if writes else 1):
            return do()
        return self._fault(port, method, arguments, do, subject)

    def wrote(self, port: str, given: tuple[Any, ...], answer: Any) -> None:
        """Note what a write was about; a commit of its item takes it off the list."""
        if port == "documents":
            self.on_commit(given[0])
            for put in (write for write in given[0] if isinstance(write, Put)):
                self._unsaved -= {put.data.get("appointment_id"), put.data.get("event_id")}
            return
        self.written += 1
        self._unsaved |= {value.id for value in (*given, answer) if isinstance(value, Appointment | Event)}

    def job_ended(self) -> None:
        self.never_saved |= self._unsaved
        self._unsaved.clear()

    def _fault(
        self, port: str, method: str, arguments: dict[str, Any], do: Callable[[], Any], subject: Any
    ) -> Any:
        fault = self._rng.choice(self._faults(port, method, arguments))
        self.happened.append(f"{fault} at {port}.{method}")
        if fault == "slow worker":
            self._clock.advance(self._rng.choice([5, 100]))
        if fault in ("slow worker", "interlude"):
            self.interlude()
            return do()
        if fault in ("crash after", "lost answer"):
            answer = do()
            self.never_saved |= self._unsaved if port != "documents" else set()
            if port != "documents":
                self.aftermath(method, answer or subject)
        if fault.startswith("crash"):
            self.crashed = True
            raise Crash
        raise {
            "lost answer": RetryableError("answer_lost"),
            "unavailable": RetryableError("unavailable"),
            "slow down": RetryableError("slow_down", self._rng.choice([1.0, 30.0])),
            "rate limit": OverLimitError("rate_limit", self._rng.choice([None, 1.0, 30.0])),
            "stale": StaleError("stale"),
            "cursor lost": CursorLostError("cursor_lost"),
        }[fault]

    def _partial(self, page: EventPage) -> EventPage:
        """A listing that says it is whole and is not."""
        self.happened.append("partial listing")
        kept = tuple(event for event in page.events if self._rng.random() < 0.5)
        return EventPage(kept, page.next_page, page.cursor)

    def _faults(self, port: str, method: str, arguments: dict[str, Any]) -> list[str]:
        faults = ["crash before", "crash after", "unavailable", "interlude", "interlude", "slow worker"]
        if port in ("calendar", "ehr"):
            faults.append("slow down")
        if port == "calendar":
            faults.append("rate limit")
        if method in LOSABLE:
            faults += ["lost answer", "lost answer"]
        if method in WRITES and port != "documents":
            faults += ["crash after"] * 3
        if method in OVER_A_VERSION:
            faults += ["stale", "stale"]
        if method == "events" and arguments.get("cursor") is not None:
            faults.append("cursor lost")
        return faults


class Port:
    """A port behind the dice; `whose`: the practitioner whose it is, where it is one's own."""

    def __init__(self, name: str, target: object, chaos: Chaos, whose: str = "") -> None:
        self._name, self._target, self._chaos, self._whose = name, target, chaos, whose

    def __getattr__(self, method: str) -> Callable[..., Any]:
        real = getattr(self._target, method)
        to_a_side = self._name != "documents" and method in WRITES

        def call(*args: Any, **kwargs: Any) -> Any:
            if to_a_side and not self._chaos.crashed:
                self._chaos.on_begin(self._whose, method, args)
            subject = args[-1] if args else None
            return self._chaos.call(self._name, method, kwargs, lambda: do(*args, **kwargs), subject)

        def do(*args: Any, **kwargs: Any) -> Any:
            if self._name == "ehr" and method in WRITES:
                self._chaos.on_ehr_write(method, args, kwargs)
            answer = _whole(real(*args, **kwargs))
            if method in WRITES:
                self._chaos.wrote(self._name, args, answer)
            return answer

        return call


def _whole(answer: Any) -> Any:
    return list(answer) if isinstance(answer, Iterator) else answer
