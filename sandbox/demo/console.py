"""What is printed: lines, and one that is written over where a person watches."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_BAR = 24
_SPARSE_SECONDS = 5.0
"""Between lines of progress where nobody can write over the last one."""


class Console:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._open = False
        self._last = time.monotonic()

    def say(self, line: str = "") -> None:
        self.end_line()
        self._write(line + "\n")

    def end_line(self) -> None:
        """Take away a line of progress that stands open."""
        if self._open:
            self._write("\r\033[K")
            self._open = False

    def progress(self, label: str, done: int, total: int) -> None:
        """How far something is; in a file or a pipe, a line every few seconds."""
        if not total:
            return
        if self._live:
            filled = _BAR * done // total
            self._write(f"\r\033[K  {label:<18}{'█' * filled}{'░' * (_BAR - filled)}  {done}/{total}")
            self._open = True
        elif time.monotonic() - self._last >= _SPARSE_SECONDS:
            self._last = time.monotonic()
            self._write(f"  {label}  {done}/{total}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
