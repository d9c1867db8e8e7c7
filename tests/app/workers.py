"""A second worker, whose steps a test takes one by one: between two of them anything may happen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from shared.app.world import World
from tests.app.stage import Crash, Stage
from tests.fakes.clock import FakeClock

STEPS_MAX = 1_000


class Worker:
    """`do` in a thread of its own, which stands still before each of its calls of a port.

    Only one of the two ever runs: the test, or the worker while a step is taken.

        with Worker(stage, lambda: stage.live(ada)) as worker:
            worker.steps(3)              # it has made two calls and is about to make its third
            pause(worker.meanwhile, …)   # whoever sleeps there lets the worker take a step
            worker.finish()
    """

    def __init__(self, stage: Stage, do: Callable[[], object]) -> None:
        self._stage, self._do = stage, do
        self._go, self._came = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._killed = False
        self.about_to: list[str] = []
        """The calls that it has come to, the last of them not made yet."""
        self.done = False
        self.answer: object = None
        self.error: Exception | None = None

    @property
    def meanwhile(self) -> World:
        """The world for who works beside it: time that is slept away is the worker's to go on."""
        return replace(self._stage.world, clock=_Yielding(self._stage.clock, self))

    def step(self) -> None:
        """Go on until it stands before its next call, or has ended."""
        if not self.done:
            self._go.release()
            self._came.acquire()

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.step()

    def finish(self) -> object:
        """Go on to its end; what `do` answered. Raises what it raised."""
        for _ in range(STEPS_MAX):
            self.step()
            if self.done:
                break
        assert self.done, "it does not end"
        if self.error is not None:
            raise self.error
        return self.answer

    def __enter__(self) -> Self:
        self._stage.before = self._stand
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._killed = True
        self.step()
        self._thread.join()

    def _run(self) -> None:
        self._go.acquire()
        try:
            self.answer = self._do()
        except Exception as error:  # noqa: BLE001 - it is the test's to look at
            self.error = error
        except Crash:
            pass
        finally:
            self.done = True
            self._came.release()

    def _stand(self, name: str, _given: Mapping[str, Any]) -> None:
        if threading.current_thread() is not self._thread:
            return
        if self._killed:
            raise Crash
        self.about_to.append(name)
        self._came.release()
        self._go.acquire()
        if self._killed:
            raise Crash


class _Yielding(FakeClock):
    """Shows the stage's time."""

    def __init__(self, clock: FakeClock, worker: Worker) -> None:
        super().__init__(clock.now())
        self._clock, self._worker = clock, worker

    def now(self) -> Any:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._worker.step()
        self._clock.advance(seconds)
