"""One process of a deployment: started, waited for, stopped or killed, and started again in its place."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.children import ChildFailedError

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
"""From SIGTERM to SIGKILL, as Cloud Run has it."""
SILENT_SECONDS = 2.0
_POLL_SECONDS = 0.02
_TAIL_BYTES = 4 * 1024


@dataclass(frozen=True)
class Program:
    """What is run, and how one sees that it can be used."""

    command: Sequence[str]
    environment: Mapping[str, str]
    answers: Callable[[], bool]


class Process:
    """Runs a program as a child in a session of its own: Ctrl-C is for us, and its workers end with it."""

    def __init__(self, name: str, program: Program, log: Path) -> None:
        self.name = name
        self.program = program
        self.log = log
        """What it prints, over all its lives."""
        self._child: subprocess.Popen[bytes] | None = None
        self._begins = 0

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    def start(self) -> None:
        """Returns at once. Where it runs already nothing happens."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._begins = log.tell()
            self._child = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                self.program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.program.environment),
                cwd=ROOT,
                start_new_session=True,
            )

    def wait(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until it answers; `meanwhile` is called often. Raises ChildFailedError."""
        deadline = time.monotonic() + READY_SECONDS
        while self.running and time.monotonic() < deadline:
            meanwhile()
            if self.program.answers():
                return
            time.sleep(_POLL_SECONDS)
        ended = self._child.poll() if self._child is not None else None
        what = f"was not ready after {READY_SECONDS:g} s" if ended is None else f"ended with {ended}"
        raise ChildFailedError(f"{self.name} {what}; it printed:\n{self._tail()}")

    def terminate(self) -> None:
        """Ask it to end."""
        if self.running:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and its workers at once, whatever they are at."""
        if self._child is not None and self.running:  # once it is waited for, its id may be another's
            os.killpg(self.pid, signal.SIGKILL)
            self._child.wait()
            self._until_silent()

    def join(self, deadline: float) -> None:
        """Wait until it has ended; at the deadline, of the monotonic clock, it is killed."""
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(max(0.0, deadline - time.monotonic()))
            self.kill()

    def _until_silent(self) -> None:
        """Its workers go a moment after it; if they do not, that is for whoever asks it next to see."""
        deadline = time.monotonic() + SILENT_SECONDS
        while self.program.answers() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _tail(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(self._begins, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return log.read().decode(errors="replace").strip() or "(nothing)"


def stop(processes: Iterable[Process], seconds: float = STOP_SECONDS) -> None:
    """All of them side by side: SIGTERM, after so many seconds SIGKILL."""
    known = list(processes)
    for process in known:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in known:
        process.join(deadline)
