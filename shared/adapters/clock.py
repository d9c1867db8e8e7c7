"""The machine's own clock, as `shared.ports.Clock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

NO_OFFSET = timedelta(0)


class SystemClock:
    """`offset` ahead of the machine's time (behind where negative); time passes as it does there."""

    def __init__(self, offset: timedelta = NO_OFFSET) -> None:
        self._offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
