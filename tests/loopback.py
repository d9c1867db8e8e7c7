"""A second address of loopback, where the machine has one."""

from __future__ import annotations

import socket

import pytest

OTHER = "127.0.0.2"


def _is_there() -> bool:
    with socket.socket() as sock:
        try:
            sock.bind((OTHER, 0))
        except OSError:
            return False
        return True


needs_other = pytest.mark.skipif(not _is_there(), reason=f"{OTHER} is not set up here")
