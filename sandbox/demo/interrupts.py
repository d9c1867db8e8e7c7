"""Ctrl-C and its kin: one of them ends the demo, none of them leaves a server behind."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class StoppedError(KeyboardInterrupt):
    """Somebody ended the demo."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Interrupts:
    """Turns the first signal that ends a program into StoppedError; those after it are ignored.

    So everything that is being stopped is stopped in peace.
    """

    def __init__(self) -> None:
        self._held = False
        self._waiting: int | None = None
        self._stopped = False

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._arrive)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, self._arrive)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Put a signal off to the end of the block; a second one does not wait.

        For the start of a child: interrupted between its birth and the moment its id is known, it would stay.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._waiting is not None:
            self._stop(self._waiting)

    def _arrive(self, number: int, _frame: FrameType | None) -> None:
        if self._stopped:
            return
        if self._held and self._waiting is None:
            self._waiting = number
            return
        self._stop(number)

    def _stop(self, number: int) -> None:
        self._stopped = True
        raise StoppedError(number)
