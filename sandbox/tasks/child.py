"""Run the server as a child process; unlike the other servers it has two addresses."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.children import running

_ROOT = Path(__file__).resolve().parent.parent.parent
_ADDRESSES = re.compile(
    r"^sandbox tasks on (\S+)$.*^sandbox tasks control on (\S+)$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Addresses:
    grpc: str
    """`127.0.0.1:PORT`"""
    control: str
    """`http://127.0.0.1:PORT`"""


@contextlib.contextmanager
def tasks_server(*args: str) -> Iterator[Addresses]:
    """Run `python -m sandbox.tasks --port 0 ARGS` for the length of the block."""
    command = (sys.executable, "-m", "sandbox.tasks", "--port", "0", *args)
    with running(command, _addresses, env=dict(os.environ), cwd=_ROOT) as addresses:
        yield addresses


def _addresses(output: str) -> Addresses | None:
    found = _ADDRESSES.search(output)
    return Addresses(*found.groups()) if found else None
