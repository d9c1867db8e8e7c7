"""The sandbox's clock: the wall clock shifted, or standing still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any


def instant(text: object) -> datetime:
    """An ISO instant or date in UTC; one without offset is UTC. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"{text!r} is no ISO instant") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Clock:
    def __init__(self, start: datetime | None = None) -> None:
        """`start`: the instant it is now; time runs on from there."""
        self._offset = timedelta() if start is None else start - datetime.now(UTC)
        self._fixed: datetime | None = None

    def now(self) -> datetime:
        return self._fixed or datetime.now(UTC) + self._offset

    def set(self, data: dict[str, Any]) -> None:
        """`{"fixed": INSTANT}` stands still, `{"offset_seconds": N}` is the wall clock and so much.

        Raises ValueError naming what is wrong.
        """
        match data:
            case {"fixed": str(text), **rest} if not rest:
                self._fixed = instant(text)
            case {"offset_seconds": int() | float() as seconds, **rest} if not rest:
                self._fixed, self._offset = None, timedelta(seconds=seconds)
            case _:
                raise ValueError('a clock is {"fixed": INSTANT} or {"offset_seconds": N}')

    def state(self) -> dict[str, Any]:
        how = (
            {"offset_seconds": self._offset.total_seconds()}
            if self._fixed is None
            else {"fixed": self._fixed.isoformat()}
        )
        return {"now": self.now().isoformat(), **how}
