"""What happened, numbered, the last of it kept."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field

from sandbox.google.errors import Json

ENTRIES_MAX = 100_000


@dataclass
class Record:
    """The last entries, numbered from 1."""

    kept: deque[Json] = field(default_factory=lambda: deque(maxlen=ENTRIES_MAX))
    number: int = 0

    def add(self, entry: Json) -> None:
        self.number += 1
        self.kept.append({"number": self.number, **entry})

    def since(self, number: int) -> list[Json]:
        """Those after this number, oldest first."""
        skipped = len(self.kept) - (self.number - number)
        return list(itertools.islice(self.kept, max(0, skipped), None))
