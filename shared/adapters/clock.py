"""Clocks, as `shared.ports.Clock`: the machine's own, and one that a file sets, for demos and tests.

The file holds one of these, and nothing else but white space around it:

    2026-03-02T09:00:00+01:00    an ISO 8601 instant with an offset (or Z): time stands still there
    +3600, -90                   seconds that the machine's time is ahead, or behind; time passes
    +1h30m, -2d, +90s            the same in days, hours, minutes and seconds, in this order

Whoever changes it writes another file and moves it there, for one that is only half written is wrong.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from shared.ports import Clock

NO_OFFSET = timedelta(0)
OFFSET_MAX = timedelta(days=36_525)
"""A century: beyond it instants run out of years."""
SETTLED_NS = 2_000_000_000
"""A younger file may be written again without a new mtime, for file systems count in coarse steps."""

_FILE_BYTES_MAX = 100
_SECONDS = re.compile(r"[+-][0-9]{1,10}")
_PARTS = re.compile(r"[+-](?=[0-9])(?:([0-9]{1,5})d)?(?:([0-9]{1,7})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,10})s)?")

_Stamp: TypeAlias = tuple[int, int, int]
_Setting: TypeAlias = datetime | timedelta
"""Where time stands still, or what the machine's time is off by."""


class SystemClock:
    """`offset` ahead of the machine's time (behind where negative); time passes as it does there."""

    def __init__(self, offset: timedelta = NO_OFFSET) -> None:
        self._offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class FileClock:
    """What a file says it is, read again whenever it changes. Safe between threads.

    Making one, `now` and `sleep` raise ValueError when the file is missing, cannot be read, or says no time.
    It tells what is wrong, and nothing of what is there.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._known: tuple[_Stamp | None, _Setting] = (None, NO_OFFSET)
        self._setting()

    def now(self) -> datetime:
        setting = self._setting()
        return setting if isinstance(setting, datetime) else datetime.now(UTC) + setting

    def sleep(self, seconds: float) -> None:
        """Really, where time passes; where it stands still there is nothing to wait for."""
        if isinstance(self._setting(), timedelta):
            time.sleep(seconds)

    def _setting(self) -> _Setting:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            known, setting = self._known
            if stamp == known:
                return setting
            with self._path.open("rb") as file:
                content = file.read(_FILE_BYTES_MAX + 1)
        except OSError as error:
            raise ValueError(f"the clock file cannot be read: {type(error).__name__}") from None
        setting = _parsed(content)
        settled = time.time_ns() - status.st_mtime_ns > SETTLED_NS
        self._known = (stamp if settled else None, setting)
        return setting


def clock_of(clock_file: str) -> Clock:
    """The machine's clock, or with a path the one of that file. Raises ValueError as FileClock does."""
    return FileClock(clock_file) if clock_file else SystemClock()


def _parsed(content: bytes) -> _Setting:
    """Raises ValueError; those of the library quote what they were given, so they end here."""
    if len(content) > _FILE_BYTES_MAX:
        raise ValueError(f"the clock file is longer than {_FILE_BYTES_MAX} bytes")
    text = content.decode("ascii", errors="replace").strip()
    if not text:
        raise ValueError("the clock file is empty")
    setting = _offset(text) if text[0] in "+-" else _instant(text)
    if setting is None:
        raise ValueError(
            "the clock file holds neither an ISO 8601 instant nor an offset such as +3600 or +1h30m"
        )
    return setting


def _offset(text: str) -> timedelta | None:
    if _SECONDS.fullmatch(text):
        offset = timedelta(seconds=int(text))
    elif parts := _PARTS.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        ahead = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        offset = -ahead if text[0] == "-" else ahead
    else:
        return None
    if abs(offset) > OFFSET_MAX:
        raise ValueError(f"the clock file's offset is beyond {OFFSET_MAX.days} days")
    return offset


def _instant(text: str) -> datetime | None:
    """In UTC. Raises ValueError where it has no offset of its own."""
    try:
        instant = datetime.fromisoformat(text)
        moved = None if instant.utcoffset() is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if moved is None:
        raise ValueError("the clock file's instant has no offset: add Z, or one such as +01:00")
    return moved
