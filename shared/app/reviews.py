"""The reviews of a calendar as they are stored: deletions that wait for a person, and what became of each.

Whether a deletion waits is told by its item; a review is where a person finds them together and answers. An
entry whose item does not wait any more has left it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError, StaleError
from shared.core.model import Kind, Side
from shared.core.review import OPEN, PENDING, Entry, Standing
from shared.ports import Document, Expect, Put

ENTRIES_MAX = 2_000
"""Of one review: a quarter of what a document may weigh. Further ones are in a review of their own."""
KEPT = timedelta(days=60)
"""From its opening: until it is answered or restored, and could be undone."""
TRIES = 5
"""People and jobs that change the same review at the same time."""


@dataclass(frozen=True)
class Review:
    key: str
    practice: str
    connection: str
    calendar: str
    opened_at: datetime
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """By k, the first that was held first."""

    @property
    def is_open(self) -> bool:
        return any(entry.standing in OPEN for entry in self.entries.values())

    @property
    def pending(self) -> list[Entry]:
        """What a person asked for and no job has done yet."""
        return [entry for entry in self.entries.values() if entry.standing in PENDING]

    def standing(self, *standings: Standing) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.standing in standings]


def review_path(key: str) -> str:
    return f"reviews/{key}"


def review_data(review: Review) -> dict[str, object]:
    packed = [_entry_data(entry) for entry in review.entries.values()]
    return {
        "practice": review.practice,
        "connection": review.connection,
        "calendar": review.calendar,
        "opened_at": review.opened_at,
        "expire_at": review.opened_at + KEPT,
        "packed": zlib.compress(json.dumps(packed, separators=(",", ":")).encode()),
    }


def review_of(document: Document) -> Review:
    data: Mapping[str, Any] = document.data
    entries = map(_entry_of, json.loads(zlib.decompress(data["packed"])))
    return Review(
        document.id,
        data["practice"],
        data["connection"],
        data["calendar"],
        data["opened_at"],
        {entry.k: entry for entry in entries},
    )


def _entry_data(entry: Entry) -> list[object]:
    at = entry.at.isoformat() if entry.at else None
    names = entry.k, entry.appointment_id, entry.kind.value, entry.origin.value
    return [*names, entry.start, entry.end, entry.standing.value, entry.code, entry.version, at]


def _entry_of(data: list[Any]) -> Entry:
    k, appointment_id, kind, origin, start, end, standing, code, version, at = data
    return Entry(
        k,
        appointment_id,
        Kind(kind),
        Side(origin),
        start,
        end,
        Standing(standing),
        code,
        version,
        datetime.fromisoformat(at) if at else None,
    )


def reviews_of(world: World, keys: Iterable[str]) -> list[Review]:
    """Those that there are, in the order of their keys' numbers."""
    found = world.documents.get(*map(review_path, keys))
    return sorted(map(review_of, found.values()), key=lambda review: review.opened_at)


def change_review(
    world: World, key: str, to: Callable[[Review], Review], new: Review | None = None
) -> Review:
    """The review as `to` makes it of the stored one, or of `new` where there is none.

    Raises RejectedError `no_such_review` and what `to` raises; RetryableError `review_contested`.
    """
    path = review_path(key)
    for _ in range(TRIES):
        document = world.documents.get(path).get(path)
        before = review_of(document) if document else new
        if before is None:
            raise RejectedError("no_such_review")
        after = to(before)
        if document is not None and after == before:
            return before
        try:
            expect = document.version if document else Expect.ABSENT
            world.documents.commit([Put(path, review_data(after), expect)])
        except StaleError:
            continue
        return after
    raise RetryableError("review_contested")


def with_entries(review: Review, entries: Iterable[Entry]) -> Review:
    """These in the place of those of the same k."""
    return replace(review, entries={**review.entries, **{entry.k: entry for entry in entries}})
