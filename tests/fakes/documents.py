"""The state store in memory: deterministic, and as strict as Firestore."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from shared.core.errors import StaleError
from shared.documents import check_conditions, check_document_path, check_page, check_writes
from shared.ports import Document, Expect, Put, Remove, Where

_MISSING = object()


class MemoryDocuments:
    """Documents in this process. Versions count up from "1"; nothing is shared with the caller's data."""

    def __init__(self) -> None:
        self._stored: dict[str, Document] = {}
        self._commits = 0
        self._lock = threading.Lock()

    def get(self, *paths: str) -> dict[str, Document]:
        for path in paths:
            check_document_path(path)
        with self._lock:
            return {path: _copied(self._stored[path]) for path in paths if path in self._stored}

    def commit(self, writes: Sequence[Put | Remove]) -> list[str]:
        check_writes(writes)
        with self._lock:
            for write in writes:
                self._check_precondition(write)
            self._commits += 1
            return [self._apply(write) for write in writes]

    def find(
        self,
        collection: str,
        *where: Where,
        group: bool = False,
        order_by: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Document]:
        check_conditions(collection, where, group=group)
        check_page(collection, where, group=group, order_by=order_by, limit=limit, after=after)
        with self._lock:
            found = self._matching(collection, where, group=group)
        found.sort(key=lambda document: _path_order(document.path))
        if after is not None:
            found = [document for document in found if _path_order(document.path) > _path_order(after)]
        if order_by is not None:
            found = [document for document in found if _field(document, order_by) is not _MISSING]
            found.sort(key=lambda document: _order(_field(document, order_by)))
        return [_copied(document) for document in found[:limit]]

    def count(self, collection: str, *where: Where, group: bool = False) -> int:
        check_conditions(collection, where, group=group)
        with self._lock:
            return len(self._matching(collection, where, group=group))

    def _matching(self, collection: str, where: Sequence[Where], *, group: bool) -> list[Document]:
        return [
            document
            for document in self._stored.values()
            if _is_in(document.path, collection, group=group)
            and all(_meets(document, condition) for condition in where)
        ]

    def _check_precondition(self, write: Put | Remove) -> None:
        if write.expect is Expect.ANYTHING:
            return
        stored = self._stored.get(write.path)
        version = Expect.ABSENT if stored is None else stored.version
        if write.expect != version:
            raise StaleError("store_precondition")

    def _apply(self, write: Put | Remove) -> str:
        if isinstance(write, Remove):
            self._stored.pop(write.path, None)
            return ""
        before = self._stored.get(write.path)
        data = _plain_fields(write.data)
        if before is None or _exactly(before.data) != _exactly(data):
            self._stored[write.path] = Document(write.path, data, str(self._commits))
        return self._stored[write.path].version


def _copied(document: Document) -> Document:
    return Document(document.path, _plain_fields(document.data), document.version)


def _plain_fields(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: object) -> object:
    """A copy as the store gives it back: dicts and lists of its own, datetimes in UTC."""
    match value:
        case datetime():
            return value.astimezone(UTC)
        case list():
            return [_plain(item) for item in value]
        case Mapping():
            return _plain_fields(value)
        case _:
            return value


def _exactly(value: object) -> object:
    """Equal only for equal values of equal types: 1, 1.0 and True differ, NaN does not."""
    match value:
        case list():
            return [_exactly(item) for item in value]
        case Mapping():
            return {name: _exactly(item) for name, item in value.items()}
        case _:
            return repr(value)


def _is_in(path: str, collection: str, *, group: bool) -> bool:
    above, _ = path.rsplit("/", 1)
    return (above.rsplit("/", 1)[-1] if group else above) == collection


def _path_order(path: str) -> list[str]:
    return path.split("/")


def _field(document: Document, field: str) -> object:
    value: object = document.data
    for name in field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _order(value: object) -> tuple[object, ...]:
    """Firestore's order of values: by type, then by value; int and float together, NaN before them."""
    match value:
        case None:
            return (0,)
        case bool():
            return (1, value)
        case int() | float():
            return (2, 0, 0) if math.isnan(value) else (2, 1, value)
        case datetime():
            return (3, value)
        case str():
            return (4, value)
        case bytes():
            return (5, value)
        case list():
            return (6, tuple(_order(item) for item in value))
        case Mapping():
            return (7, tuple((name, _order(value[name])) for name in sorted(value)))
        case _:
            raise TypeError(f"unchecked value of type {type(value).__name__}")


def _is_nan(order: tuple[object, ...]) -> bool:
    return order == (2, 0, 0)


_RANGES: dict[str, Callable[[tuple[object, ...], tuple[object, ...]], bool]] = {
    "<": lambda field, value: field < value,
    "<=": lambda field, value: field <= value,
    ">": lambda field, value: field > value,
    ">=": lambda field, value: field >= value,
}


def _meets(document: Document, condition: Where) -> bool:
    field = _field(document, condition.field)
    if field is _MISSING:
        return False
    order = _order(field)
    match condition.operator, condition.value:
        case "==", value:
            return order == _order(value)
        case "in", list(values):
            return any(order == _order(value) for value in values)
        case "array-contains", value:
            return isinstance(field, list) and any(_order(item) == _order(value) for item in field)
        case operator, value:
            wanted = _order(value)
            same_type = order[0] == wanted[0] and not _is_nan(order)
            return same_type and _RANGES[operator](order, wanted)
