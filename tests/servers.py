"""Start sandbox servers as child processes, each on a free port of loopback."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sandbox.children import running

ROOT = Path(__file__).resolve().parent.parent
_ADDRESS = re.compile(r"^.* on ((?:http://)?127\.0\.0\.1:\d+)$", re.MULTILINE)


@contextlib.contextmanager
def server(module: str, *args: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `python -m MODULE --port 0 ARGS` for the length of the block; yields the address it printed.

    The address is what stands after " on " in its first such line: `http://127.0.0.1:PORT`, or
    `127.0.0.1:PORT` for servers that do not speak HTTP. `env` is added to the environment.
    """
    command = (sys.executable, "-m", module, "--port", "0", *args)
    with running(command, _address, env={**os.environ, **(env or {})}, cwd=ROOT) as address:
        yield address


def _address(output: str) -> str | None:
    line = _ADDRESS.search(output)
    return line[1] if line else None
