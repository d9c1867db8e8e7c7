"""What the use cases need from outside. No vendor is named here; each method says which errors it raises.

Every method may also raise RetryableError (the other side is unavailable or slow) and BlockedError
(credentials or rights are gone); both are said once, here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

# --- state: documents -----------------------------------------------------------------------------------


COMMIT_WRITES_MAX = 400
"""Writes in one commit. Callers split; the store refuses more with ValueError."""


@dataclass(frozen=True)
class Document:
    """One stored document. `path` is `collection/id[/collection/id …]`."""

    path: str
    data: Mapping[str, object]
    version: str
    """Opaque; compared only for equality."""

    @property
    def id(self) -> str:
        return self.path.rsplit("/", 1)[1]


class Expect(Enum):
    """Preconditions that need no version."""

    ANYTHING = "anything"
    ABSENT = "absent"


@dataclass(frozen=True)
class Put:
    """Replace the whole document. `expect`: ANYTHING, ABSENT, or the version that was read."""

    path: str
    data: Mapping[str, object]
    expect: Expect | str = Expect.ANYTHING


@dataclass(frozen=True)
class Remove:
    """Delete the document; absent is fine unless a version is expected."""

    path: str
    expect: Expect | str = Expect.ANYTHING


@dataclass(frozen=True)
class Where:
    """One condition. `operator`: `==`, `<`, `<=`, `>`, `>=`, `in`, `array-contains`."""

    field: str
    operator: str
    value: object


class Documents(Protocol):
    """The state store: documents with versions, atomic commits with preconditions, simple queries."""

    def get(self, *paths: str) -> dict[str, Document]:
        """The documents that exist, by path; missing ones are left out. Any number of paths."""

    def commit(self, writes: Sequence[Put | Remove]) -> list[str]:
        """All or nothing; the new version of each write in order ("" for a removal).

        At most COMMIT_WRITES_MAX writes (else ValueError), no path twice (else ValueError).
        Raises StaleError when a precondition fails: nothing was written.
        """

    def find(
        self,
        collection: str,
        *where: Where,
        group: bool = False,
        order_by: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Document]:
        """Documents of the collection at path `collection` that meet every condition.

        `group=True`: `collection` is a bare collection id, taken wherever it stands. Order: by the field
        `order_by`, then by path; documents without that field are not found. `after`: the path of the last
        document of the page before (only without `order_by`). `limit`: at most so many.
        """

    def count(self, collection: str, *where: Where, group: bool = False) -> int:
        """How many documents `find` would return."""


# --- time -----------------------------------------------------------------------------------------------


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait; used for pacing and short bounded waits only."""
