"""Ctrl-C and its kin end the demo between two jobs, and leave no server behind."""

from __future__ import annotations

import signal
import time
from types import FrameType

_STEP_SECONDS = 0.1


class StoppedError(KeyboardInterrupt):
    """Somebody ended the demo by signal `number`."""

    def __init__(self, number: int, *, forced: bool) -> None:
        super().__init__()
        self.number = number
        self.forced = forced
        """It struck anywhere, not where it was looked for."""


class Interrupts:
    """Notes the first signal that ends a program, for `check`; a second one ends it on the spot.

    Not the first one: gRPC, interrupted inside a call, may wait for itself for ever, and a child interrupted
    at its birth would stay. After StoppedError signals are ignored, so that children are stopped in peace.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._stopped = False

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._arrive)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else it runs under nohup
            signal.signal(signal.SIGHUP, self._arrive)

    def check(self) -> None:
        """Raises StoppedError when a signal has come."""
        if self._number is not None:
            self._stop(self._number, forced=False)

    def sleep(self, seconds: float) -> None:
        """Raises StoppedError when a signal has come or comes."""
        until = time.monotonic() + seconds
        self.check()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _STEP_SECONDS))
            self.check()

    def _arrive(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number = number
        elif not self._stopped:
            self._stop(number, forced=True)

    def _stop(self, number: int, *, forced: bool) -> None:
        self._stopped = True
        raise StoppedError(number, forced=forced)
