"""Start a server as a child process, wait until it is ready, and stop exactly that child."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
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
_ROOT = Path(__file__).resolve().parent.parent
_ADDRESS = re.compile(r"^.* on ((?:http://)?127\.0\.0\.1:\d+)$", re.MULTILINE)


class ChildFailedError(RuntimeError):
    """The child ended or stayed silent before it was ready; the text ends with what it printed last."""


@contextlib.contextmanager
def server(module: str, *args: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `python -m MODULE --port 0 ARGS` for the length of the block; yields the address it printed.

    The address is what stands after " on " in its first such line: `http://127.0.0.1:PORT`, or
    `127.0.0.1:PORT` for servers that do not speak HTTP. `env` is added to the environment.
    """
    command = (sys.executable, "-m", module, "--port", "0", *args)
    with running(command, _address, env={**os.environ, **(env or {})}, cwd=_ROOT) as address:
        yield address


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
    while child.poll() is None and time.monotonic() < deadline:
        # pread: the child's own position in the file must not move
        result = ready(os.pread(output, _HEAD_BYTES, 0).decode(errors="replace"))
        if result is not None:
            return result
        time.sleep(_POLL_SECONDS)
    ended = child.poll()
    what = f"was not ready after {ready_seconds:g} s" if ended is None else f"ended with {ended}"
    tail_at = max(0, os.fstat(output).st_size - _TAIL_BYTES)
    tail = os.pread(output, _TAIL_BYTES, tail_at).decode(errors="replace").strip()
    raise ChildFailedError(f"{child.args!r} {what}; it printed:\n{tail or '(nothing)'}")


def _address(output: str) -> str | None:
    line = _ADDRESS.search(output)
    return line[1] if line else None
