"""Start sandbox servers as child processes, each on a free port of loopback."""

from __future__ import annotations

from sandbox.children import server

__all__ = ["server"]
