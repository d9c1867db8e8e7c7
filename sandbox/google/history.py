"""Rows in the order they were made and in the order they last changed.

Both orders are numbered by one counter, so a listing can be bounded by a single number and a delta costs
what changed, not what there is.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from operator import attrgetter, itemgetter
from typing import Any, Generic, Protocol, TypeVar


class Row(Protocol):
    created: int
    """Number of the change that made it."""
    changed: int
    """Number of its last change."""


R = TypeVar("R", bound=Row)

COMPACT_FROM = 64


class History(Generic[R]):
    def __init__(self, place: Callable[[R], Any] = attrgetter("created")) -> None:
        """`place`: what rows are listed in the order of, when they were made unless said otherwise."""
        self._place = place
        self._made: list[R] = []
        self._changes: list[tuple[int, R]] = []
        self.last = 0
        """Number of the last change; 0 while there is none."""

    def add(self, row: R) -> None:
        """A new row; `created` and `changed` are set and equal."""
        insort(self._made, row, key=self._place)
        self._changes.append((row.changed, row))
        self.last = row.changed

    def touch(self, row: R, number: int) -> None:
        """The row changed again."""
        row.changed = number
        self._changes.append((number, row))
        self.last = number
        if len(self._changes) > 2 * len(self._made) + COMPACT_FROM:
            self._changes = [(at, row) for at, row in self._changes if row.changed == at]

    def made_between(self, after: Any, until: int) -> Iterator[R]:
        """Rows after the place `after` that were made up to change `until`, in the order of their places."""
        for index in range(bisect_right(self._made, after, key=self._place), len(self._made)):
            row = self._made[index]
            if row.created <= until:
                yield row

    def changed_between(self, after: int, until: int) -> Iterator[R]:
        """Rows whose last change lies in (after, until], each once; one changed since then is left out."""
        for index in range(bisect_right(self._changes, after, key=itemgetter(0)), len(self._changes)):
            number, row = self._changes[index]
            if number > until:
                return
            if row.changed == number:
                yield row

    def newest(self) -> R | None:
        """The row changed last."""
        return self._changes[-1][1] if self._changes else None

    def __iter__(self) -> Iterator[R]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
