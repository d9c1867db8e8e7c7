"""What may be stored and asked: paths, values, sizes and conditions, checked before anything is sent.

Every implementation of the state store checks with these functions, so that a test against the in-memory one
fails where the real one would refuse. The limits are Firestore's: cloud.google.com/firestore/quotas and
/firestore/docs/storage-size. All of it is programming: TypeError for a type that cannot be stored, ValueError
for the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.ports import COMMIT_WRITES_MAX, Expect, Put, Remove, Where

DOCUMENT_BYTES_MAX = 1_048_576
VALUE_BYTES_MAX = DOCUMENT_BYTES_MAX - 89
COMMIT_BYTES_MAX = 10 * 1_048_576
ID_BYTES_MAX = 1_500
DEPTH_MAX = 20
IN_VALUES_MAX = 30
"""Values of one `in`, and of several multiplied: Firestore asks for each combination by itself."""
RANGE_OPERATORS = frozenset({"<", "<=", ">", ">="})
OPERATORS = RANGE_OPERATORS | {"==", "in", "array-contains"}

_INT64 = range(-(2**63), 2**63)
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_FIELD_PATH = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*")
_FIXED_BYTES: dict[type, int] = {type(None): 1, bool: 1, int: 8, float: 8, datetime: 8}
_DOCUMENT_OVERHEAD_BYTES = 32
_PATH_OVERHEAD_BYTES = 16


def check_document_path(path: str) -> None:
    """`collection/id[/collection/id …]`, each part an id Firestore takes."""
    if len(_checked_ids(path)) % 2:
        raise ValueError("the path of a document is collection/id, once or several times")


def check_collection(collection: str, *, group: bool) -> None:
    """The path of a collection, or with `group` its bare id."""
    parts = _checked_ids(collection)
    if len(parts) % 2 == 0 or (group and len(parts) > 1):
        raise ValueError("a collection is named by its path, a collection group by one id")


def check_writes(writes: Sequence[Put | Remove]) -> None:
    """Number, paths, versions, values and sizes of one commit."""
    if len(writes) > COMMIT_WRITES_MAX:
        raise ValueError(f"{len(writes)} writes in one commit; at most {COMMIT_WRITES_MAX}")
    if len({write.path for write in writes}) < len(writes):
        raise ValueError("the same document twice in one commit")
    total = 0
    for write in writes:
        check_document_path(write.path)
        if write.expect == "":
            raise ValueError("the version of a removal cannot be expected; use Expect.ABSENT")
        if isinstance(write, Put):
            total += _checked_document_bytes(write)
    if total > COMMIT_BYTES_MAX:
        raise ValueError(f"{total} bytes in one commit; at most {COMMIT_BYTES_MAX}")


def check_conditions(collection: str, where: Sequence[Where], *, group: bool) -> None:
    """A collection and the conditions its documents must meet."""
    check_collection(collection, group=group)
    for condition in where:
        _check_condition(condition)
    if math.prod(len(_values(condition)) for condition in where) > IN_VALUES_MAX:
        raise ValueError(f"more than {IN_VALUES_MAX} combinations of `in` values")
    if sum(condition.operator == "array-contains" for condition in where) > 1:
        raise ValueError("more than one array-contains")


def check_page(
    collection: str,
    where: Sequence[Where],
    *,
    group: bool,
    order_by: str | None,
    limit: int | None,
    after: str | None,
) -> None:
    """The order and the extent of a query whose conditions are checked.

    A range needs `order_by` on its own field (Firestore would order by that field first, not by path), and
    `after` goes with the order by path only.
    """
    for condition in where:
        if condition.operator in RANGE_OPERATORS and condition.field != order_by:
            raise ValueError(f"a range of {condition.field!r} needs order_by={condition.field!r}")
    if order_by is not None:
        _check_field(order_by)
    if limit is not None and limit < 1:
        raise ValueError(f"limit {limit}; at least 1")
    if after is not None:
        _check_after(after, collection, group=group, order_by=order_by)


def value_bytes(value: object, *, depth: int = 0) -> int:
    """The stored size of one value; refuses what cannot be stored.

    None, bool, int of 64 bits, float, str, bytes, aware datetime, list, and Mapping with str keys; exactly
    these types, so that what is read equals what was written. No list directly in a list.
    """
    kind = type(value)
    if kind in _FIXED_BYTES:
        _check_range(value)
        return _FIXED_BYTES[kind]
    if isinstance(value, str) and kind is str:
        return _checked_length(value.encode()) + 1
    if isinstance(value, bytes) and kind is bytes:
        return _checked_length(value)
    if depth >= DEPTH_MAX:
        raise ValueError(f"values nested deeper than {DEPTH_MAX} cannot be stored")
    if isinstance(value, list) and kind is list:
        if any(type(item) is list for item in value):
            raise ValueError("a list directly in a list cannot be stored")
        return sum(value_bytes(item, depth=depth + 1) for item in value)
    if isinstance(value, Mapping):
        return fields_bytes(value, depth=depth + 1)
    raise TypeError(f"a value of type {kind.__name__} cannot be stored")


def fields_bytes(fields: Mapping[str, object], *, depth: int = 0) -> int:
    """The stored size of a document's or a map's fields; refuses what cannot be stored."""
    size = 0
    for name, value in fields.items():
        if type(name) is not str:
            raise TypeError(f"a field name of type {type(name).__name__} cannot be stored")
        name_bytes = len(name.encode())
        if not 0 < name_bytes <= ID_BYTES_MAX or _RESERVED.fullmatch(name):
            raise ValueError(f"not a field name: {name!r}")
        size += name_bytes + 1 + value_bytes(value, depth=depth)
    return size


def _check_range(value: object) -> None:
    if isinstance(value, int) and value not in _INT64:
        raise ValueError("an int of more than 64 bits cannot be stored")
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise ValueError("a datetime without a time zone cannot be stored")


def _checked_length(value: bytes) -> int:
    if len(value) > VALUE_BYTES_MAX:
        raise ValueError(f"a value of {len(value)} bytes; at most {VALUE_BYTES_MAX}")
    return len(value)


def _checked_document_bytes(put: Put) -> int:
    path_bytes = sum(len(part.encode()) + 1 for part in put.path.split("/"))
    size = fields_bytes(put.data) + path_bytes + _PATH_OVERHEAD_BYTES + _DOCUMENT_OVERHEAD_BYTES
    if size > DOCUMENT_BYTES_MAX:
        raise ValueError(f"a document of {size} bytes; at most {DOCUMENT_BYTES_MAX}")
    return size


def _checked_ids(path: str) -> list[str]:
    parts = path.split("/")
    for part in parts:
        reserved = part in ("", ".", "..") or _RESERVED.fullmatch(part)
        if reserved or len(part.encode()) > ID_BYTES_MAX:
            raise ValueError("a part of the path is empty, reserved or too long")
    return parts


def _check_after(after: str, collection: str, *, group: bool, order_by: str | None) -> None:
    if order_by is not None:
        raise ValueError("`after` goes with the order by path, not with order_by")
    check_document_path(after)
    stands_in = after.rsplit("/", 1)[0]
    if (stands_in.rsplit("/", 1)[-1] if group else stands_in) != collection:
        raise ValueError("`after` is not a document of the collection")


def _check_field(field: str) -> None:
    if not _FIELD_PATH.fullmatch(field) or _RESERVED.fullmatch(field):
        raise ValueError(f"not a field path of plain names: {field!r}")


def _check_condition(condition: Where) -> None:
    _check_field(condition.field)
    if condition.operator not in OPERATORS:
        raise ValueError(f"not an operator: {condition.operator!r}")
    value_bytes(condition.value)
    if condition.operator == "in" and not (isinstance(condition.value, list) and condition.value):
        raise ValueError("`in` takes a list of values")
    if condition.operator != "==" and any(value is None or _is_nan(value) for value in _values(condition)):
        raise ValueError(f"None and NaN are found with ==, not with {condition.operator}")


def _values(condition: Where) -> list[object]:
    """The values that a condition compares with."""
    if condition.operator == "in" and isinstance(condition.value, list):
        return condition.value
    return [condition.value]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def expects(writes: Sequence[Put | Remove]) -> bool:
    """Whether any of the writes has a precondition."""
    return any(write.expect is not Expect.ANYTHING for write in writes)
