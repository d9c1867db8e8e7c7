"""The items of one calendar: as a job finds them, and as it leaves them.

A document holds one item, but for the occurrences of a series, which share one: a change of a series is then
a write or two, not hundreds. Nothing outside this module knows the difference. Documents are saved over the
version that was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.app.records import (
    Calendar,
    item_data,
    item_of,
    items_path,
    occurrences_data,
    occurrences_of,
    series_path,
)
from shared.core.identity import series_of
from shared.core.item import Item
from shared.ports import Document, Documents, Expect, Put, Remove, Where

IN_MAX = 30
"""Values in one `in` condition."""
PAGE = 300
OPEN_SERIES_MAX = 50
"""Series with anything open of which somebody is told."""
DOCUMENTS_MAX = 1_000_000
"""Documents of one calendar that a complete pass reads; the bound of its loop."""


@dataclass
class _Held:
    """One document as it is to be."""

    version: str | None = None
    """None: not stored yet."""
    items: dict[str, Item] = field(default_factory=dict)


class Items:
    """What was read so far, found by k, by appointment and by event; and what of it is not saved yet."""

    def __init__(self, documents: Documents, calendar: Calendar, practice: str) -> None:
        self._documents = documents
        self._calendar = calendar
        self._practice = practice
        self._held: dict[str, _Held] = {}
        self._k_by_appointment: dict[str, str] = {}
        self._k_by_event: dict[str, str] = {}
        self._unsaved: dict[str, None] = {}
        """Paths, in the order in which they were changed."""
        self._stored_open: set[str] = set()
        """Paths of held documents with something open, as the store has them."""
        self._all = False

    # --- read -------------------------------------------------------------------------------------------

    def load_all(self) -> None:
        for path in self._collections:
            self._load_all(path)
        self._all = True

    def _load_all(self, path: str) -> None:
        after = None
        for _ in range(DOCUMENTS_MAX // PAGE):
            page = self._documents.find(path, limit=PAGE, after=after)
            self._keep(page)
            if len(page) < PAGE:
                return
            after = page[-1].path
        raise AssertionError("more items than a calendar can have")

    def load_named(self, field: str, values: Iterable[str]) -> None:
        """Items of their own whose `field` (`appointment_id` or `event_id`) is one of these."""
        for chunk in chunks(sorted(set(values)), IN_MAX):
            self._keep(self._documents.find(items_path(self._calendar.key), Where(field, "in", chunk)))

    def load_ks(self, ks: Iterable[str]) -> None:
        missing = sorted({path for path in map(self._path, ks) if path not in self._held})
        if missing:
            self._keep(self._documents.get(*missing).values())

    def load_open(self, now: datetime, limit: int) -> None:
        """Items to be taken up again by now."""
        due = Where("retry_at", "<=", now)
        for path in self._collections:
            self._keep(self._documents.find(path, due, order_by="retry_at", limit=limit))

    def _keep(self, documents: Iterable[Document]) -> None:
        for document in documents:
            if document.path not in self._held:  # what is held may have been changed since
                items = self._items_of(document)
                self._held[document.path] = _Held(document.version, {item.k: item for item in items})
                self._note_open(document.path, document.data)
                for item in items:
                    self._index(item)

    def _note_open(self, path: str, data: Mapping[str, object]) -> None:
        (self._stored_open.add if "retry_at" in data else self._stored_open.discard)(path)

    def _items_of(self, document: Document) -> list[Item]:
        if document.path.startswith(series_path(self._calendar.key)):
            return occurrences_of(document, self._calendar)
        return [item_of(document, self._calendar)]

    def _index(self, item: Item) -> None:
        if item.appointment_id:
            self._k_by_appointment[item.appointment_id] = item.k
        if item.event_id:
            self._k_by_event[item.event_id] = item.k

    def get(self, k: str) -> Item | None:
        held = self._held.get(self._path(k))
        return held.items.get(k) if held else None

    def k_of_appointment(self, appointment_id: str) -> str | None:
        return self._k_by_appointment.get(appointment_id)

    def k_of_event(self, event_id: str) -> str | None:
        return self._k_by_event.get(event_id)

    def of_series(self, series: str) -> list[Item]:
        """The occurrences known of a series, by the first half of their k; it has been loaded."""
        held = self._held.get(f"{series_path(self._calendar.key)}/{series}")
        return list(held.items.values()) if held else []

    def __iter__(self) -> Iterator[Item]:
        return iter([item for held in self._held.values() for item in held.items.values()])

    # --- save -------------------------------------------------------------------------------------------

    def put(self, item: Item) -> None:
        """To be saved."""
        path = self._path(item.k)
        self._held.setdefault(path, _Held()).items[item.k] = item
        self._unsaved[path] = None

    def drop(self, k: str) -> None:
        """To be removed: another item has taken its place."""
        path = self._path(k)
        item = self._held[path].items.pop(k)
        self._unsaved[path] = None
        for index, name in ((self._k_by_appointment, item.appointment_id), (self._k_by_event, item.event_id)):
            if name is not None and index.get(name) == k:
                del index[name]

    @property
    def unsaved(self) -> int:
        """Documents."""
        return len(self._unsaved)

    def writes(self, now: datetime, limit: int) -> list[Put | Remove]:
        """At most so many of what is not saved, the oldest first."""
        return [self._write(path, now) for path in list(self._unsaved)[:limit]]

    def saved(self, writes: Sequence[Put | Remove], versions: Sequence[str]) -> None:
        for write, version in zip(writes, versions, strict=True):
            self._held[write.path].version = version or None
            self._note_open(write.path, write.data if isinstance(write, Put) else {})
            self._unsaved.pop(write.path, None)

    def first_open(self) -> datetime | None:
        """When the first item is to be taken up again: as they stand here, the others as in the store."""
        here = [item.retry_at for item in self if item.retry_at is not None]
        others = self._first_stored() if self._calendar.retry_at is not None and not self._all else ()
        return min([*here, *others], default=None)

    def _first_stored(self) -> Iterator[datetime]:
        for path in self._collections:
            held = sum(each.startswith(f"{path}/") for each in self._stored_open)
            found = self._documents.find(path, order_by="retry_at", limit=held + 1)
            others = [document.data["retry_at"] for document in found if document.path not in self._held]
            yield from (at for at in others[:1] if isinstance(at, datetime))

    def _write(self, path: str, now: datetime) -> Put | Remove:
        held = self._held[path]
        items = list(held.items.values())
        expect = Expect.ABSENT if held.version is None else held.version
        in_series = path.startswith(series_path(self._calendar.key))
        open_or_there = [item for item in items if not (in_series and item.over)]
        if not open_or_there and held.version is not None:
            return Remove(path, held.version)
        if not in_series:
            [item] = items
            return Put(path, item_data(item, self._calendar, self._practice, now), expect)
        return Put(path, occurrences_data(open_or_there, self._calendar, self._practice), expect)

    @property
    def _collections(self) -> tuple[str, str]:
        return items_path(self._calendar.key), series_path(self._calendar.key)

    def _path(self, k: str) -> str:
        series = series_of(k)
        if series is not None:
            return f"{series_path(self._calendar.key)}/{series}"
        return f"{items_path(self._calendar.key)}/{k}"


def chunks(values: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
