"""The items of one calendar, as a job finds and saves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from shared.app.records import Calendar, item_of, items_path
from shared.core.item import Item
from shared.ports import Document, Documents, Where

IN_MAX = 30
"""Values in one `in` condition."""
PAGE = 300
ITEMS_MAX = 1_000_000
"""Items of one calendar that a complete pass reads; the bound of its loop."""


class Items:
    """What was read so far, found by k, by appointment and by event."""

    def __init__(self, documents: Documents, calendar: Calendar) -> None:
        self._documents = documents
        self._calendar = calendar
        self._path = items_path(calendar.key)
        self._by_k: dict[str, tuple[Item, str]] = {}
        self._k_by_appointment: dict[str, str] = {}
        self._k_by_event: dict[str, str] = {}

    def load_all(self) -> None:
        after = None
        for _ in range(ITEMS_MAX // PAGE):
            page = self._documents.find(self._path, limit=PAGE, after=after)
            self._keep(page)
            if len(page) < PAGE:
                return
            after = page[-1].path
        raise AssertionError("more items than a calendar can have")

    def load_named(self, field: str, values: Iterable[str]) -> None:
        """Items whose `field` (`appointment_id` or `event_id`) is one of these."""
        for chunk in chunks(sorted(set(values)), IN_MAX):
            self._keep(self._documents.find(self._path, Where(field, "in", chunk)))

    def load_ks(self, ks: Iterable[str]) -> None:
        missing = sorted({k for k in ks if k not in self._by_k})
        if missing:
            self._keep(self._documents.get(*(f"{self._path}/{k}" for k in missing)).values())

    def load_open(self, now: datetime, limit: int) -> None:
        """Items to be taken up again by now."""
        due = Where("retry_at", "<=", now)
        self._keep(self._documents.find(self._path, due, order_by="retry_at", limit=limit))

    def next_open(self, *, besides: set[str]) -> list[datetime]:
        """When the first open item is to be taken up (none or one moment), but for the paths `besides`."""
        found = self._documents.find(self._path, order_by="retry_at", limit=len(besides) + 1)
        others = [item_of(document, self._calendar) for document in found if document.path not in besides]
        return [item.retry_at for item in others[:1] if item.retry_at is not None]

    def _keep(self, documents: Iterable[Document]) -> None:
        for document in documents:
            item = item_of(document, self._calendar)
            self._by_k[item.k] = (item, document.version)
            if item.appointment_id:
                self._k_by_appointment[item.appointment_id] = item.k
            if item.event_id:
                self._k_by_event[item.event_id] = item.k

    def get(self, k: str) -> tuple[Item, str] | None:
        return self._by_k.get(k)

    def k_of_appointment(self, appointment_id: str) -> str | None:
        return self._k_by_appointment.get(appointment_id)

    def k_of_event(self, event_id: str) -> str | None:
        return self._k_by_event.get(event_id)

    def __iter__(self) -> Iterator[tuple[Item, str]]:
        return iter(list(self._by_k.values()))


def chunks(values: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
