"""What is really asked of the store while people live their lives has the indexes that the table says."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from shared.ports import Document, Where
from tests.deploy.checks import needed_indexes
from tests.deploy.queries import Index, Query
from tests.fakes.documents import MemoryDocuments
from tests.simulation import chaos
from tests.simulation.run import simulate

SEEDS = (1, 2, 3)


def index_of(collection: str, where: tuple[Where, ...], order_by: str | None, *, group: bool) -> Index | None:
    """Of one query as it is made."""
    equal = [each.field for each in where if each.operator in ("==", "in")]
    contains = [each.field for each in where if each.operator == "array-contains"]
    ranges = {each.field for each in where if each.field not in (*equal, *contains)}
    ordered = {*ranges, *([order_by] if order_by else [])}
    assert len(ordered) <= 1, "a range orders by its own field"
    assert len(contains) <= 1
    name = collection.rpartition("/")[2]
    return Query(
        name, tuple(equal), contains[0] if contains else None, next(iter(ordered), None), group
    ).index


def asker() -> str:
    """The module that asks the store, behind whatever makes it fail now and then."""
    frame = sys._getframe(3)
    while frame.f_back is not None and frame.f_globals["__name__"] == chaos.__name__:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])


def test_no_life_asks_what_the_store_would_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[Index] = set()
    find, count = MemoryDocuments.find, MemoryDocuments.count

    def note(collection: str, where: tuple[Where, ...], order_by: str | None, *, group: bool) -> None:
        index = index_of(collection, where, order_by, group=group)
        if index is not None and asker().startswith("shared."):  # who watches a life asks as they please
            asked.add(index)

    def finding(
        self: MemoryDocuments, collection: str, *where: Where, group: bool = False, **other: Any
    ) -> list[Document]:
        note(collection, where, other.get("order_by"), group=group)
        return find(self, collection, *where, group=group, **other)

    def counting(self: MemoryDocuments, collection: str, *where: Where, group: bool = False) -> int:
        note(collection, where, None, group=group)
        return count(self, collection, *where, group=group)

    monkeypatch.setattr(MemoryDocuments, "find", finding)
    monkeypatch.setattr(MemoryDocuments, "count", counting)
    for seed in SEEDS:
        simulate(seed)
    assert Index("items", ("practice", "appointment_id"), group=True) in asked
    assert asked - needed_indexes() == set()
