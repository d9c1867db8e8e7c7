"""The server's clock: runs from any instant, or stands still at one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """The machine's clock until it is set."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)
        self._still: datetime | None = None

    def now(self) -> datetime:
        return self._still or datetime.now(UTC) + self._ahead

    def set(self, *, now: datetime, running: bool = True) -> None:
        """Go on from `now`, or stand still there."""
        self._still = None if running else now
        self._ahead = now - datetime.now(UTC)

    @property
    def running(self) -> bool:
        return self._still is None
