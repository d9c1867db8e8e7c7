"""Start a server as a child process, wait until it is ready, and stop exactly that child."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

READY_SECONDS = 30.0
STOP_SECONDS = 5.0
_POLL_SECONDS = 0.02
_HEAD_BYTES = 64 * 1024
_TAIL_BYTES = 4 * 1024


class ChildFailedError(RuntimeError):
    """The child ended or stayed silent before it was ready; the text ends with what it printed last."""


@contextlib.contextmanager
def running(
    command: Sequence[str],
    ready: Callable[[str], T | None],
    *,
    ready_seconds: float = READY_SECONDS,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[T]:
    """Run `command` for the length of the block; yields what `ready` makes of its output so far.

    `ready` gets the first 64 KiB of stdout and stderr together and answers None until the child can be used.
    Raises ChildFailedError when the child ends first or `ready_seconds` pass. Leaving the block stops the
    child: SIGTERM, after STOP_SECONDS SIGKILL.
    """
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(  # noqa: S603 - the caller's own command, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,  # Ctrl-C is for us: the child is stopped after what still uses it
        )
        try:
            yield _wait(child, output.fileno(), ready, ready_seconds)
        finally:
            stop(child)


def stop(child: subprocess.Popen[bytes]) -> None:
    """End one child by its own process id, and wait for it."""
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _wait(
    child: subprocess.Popen[bytes], output: int, ready: Callable[[str], T | None], ready_seconds: float
) -> T:
    deadline = time.monotonic() + ready_seconds
    while True:
        ended = child.poll() is not None
        result = ready(os.pread(output, _HEAD_BYTES, 0).decode(errors="replace"))
        if result is not None and not ended:
            return result
        if ended or time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    what = f"ended with {child.returncode}" if ended else f"was not ready after {ready_seconds:g} s"
    size = os.fstat(output).st_size
    tail = os.pread(output, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode(errors="replace").strip()
    raise ChildFailedError(f"{Path(str(child.args[0])).name} {what}; it printed:\n{tail or '(nothing)'}")  # type: ignore[index]
