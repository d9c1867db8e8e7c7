"""Names, field paths and values: what is valid, how big it is, and how it is ordered.

Sources: cloud.google.com/firestore/docs/concepts/data-types (order), /firestore/quotas (limits) and
/firestore/docs/storage-size; where these are silent, what Google's emulator answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from sandbox.firestore.messages import Document, Message, invalid

DOCUMENT_BYTES_MAX = 1_048_576
VALUE_BYTES_MAX = DOCUMENT_BYTES_MAX - 89
NAME_BYTES_MAX = 1_500
DEPTH_MAX = 20

Order: TypeAlias = tuple[Any, ...]
"""Comparable with every other one, in Firestore's order; its first element is the rank of the type."""

NULL: Order = (0,)
NAN: Order = (2, 0, 0)

_SEGMENT = r"[a-zA-Z_][a-zA-Z_0-9]*|`(?:[^`\\]|\\.)+`"
_SEGMENTS = re.compile(_SEGMENT)
_FIELD_PATH = re.compile(rf"(?:{_SEGMENT})(?:\.(?:{_SEGMENT}))*")
_ESCAPED = re.compile(r"\\(.)")
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_DOCUMENTS = re.compile(r"(projects/[^/]+/databases/[^/]+)/documents(?:/(.+))?", re.DOTALL)
_NUMERIC_ID = re.compile(r"__id(-?\d+)__")
_FIXED_BYTES = {
    "null_value": 1,
    "boolean_value": 1,
    "integer_value": 8,
    "double_value": 8,
    "timestamp_value": 8,
    "geo_point_value": 16,
}


# --- names ----------------------------------------------------------------------------------------------


def check_document_name(name: str, database: str) -> None:
    """`projects/…/databases/…/documents/collection/id[/collection/id …]`, in the database of the request."""
    match = _DOCUMENTS.fullmatch(name)
    if match is None or match[1] != database:
        raise invalid(f"document name {name!r} is not in the database {database!r}")
    parts = (match[2] or "").split("/")
    if len(parts) % 2:
        raise invalid(f"document name {name!r} names no document")
    for part in parts:
        if part in ("", ".", "..") or _RESERVED.fullmatch(part):
            raise invalid(f"resource id {part!r} is invalid because it is reserved")
        if len(part.encode()) > NAME_BYTES_MAX:
            raise invalid(f"the key path element name is longer than {NAME_BYTES_MAX} bytes")


def database_of(parent: str) -> str:
    """The database of a `parent` (its documents, or one of them)."""
    match = _DOCUMENTS.fullmatch(parent)
    if match is None:
        raise invalid(f"{parent!r} is not the parent of documents")
    return match[1]


def name_order(name: str) -> Order:
    """Part by part; ids of the form `__id7__` are numbers and come first."""
    return tuple(_id_order(part) for part in name.split("/"))


def _id_order(part: str) -> Order:
    numeric = _NUMERIC_ID.fullmatch(part)
    return (0, int(numeric[1])) if numeric else (1, part)


# --- field paths ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def field_names(path: str) -> tuple[str, ...]:
    """The names along a field path: `a.b` or, for names of other characters, `` `a-1`.b ``."""
    if not _FIELD_PATH.fullmatch(path):
        raise invalid(f"invalid property path {path!r}")
    return tuple(
        _ESCAPED.sub(r"\1", part.strip("`")) if part[0] == "`" else part for part in _SEGMENTS.findall(path)
    )


def field(document: Message, path: str) -> Message | None:
    """The value at a field path; None when there is none."""
    fields = document.fields
    value = None
    for name in field_names(path):
        if fields is None or name not in fields:
            return None
        value = fields[name]
        fields = value.map_value.fields if value.HasField("map_value") else None
    return value


def place(document: Message, path: str, value: Message) -> None:
    """Set the value at a field path; what is on the way and is no map becomes one."""
    *above, last = field_names(path)
    fields = document.fields
    for name in above:
        fields[name].map_value.SetInParent()
        fields = fields[name].map_value.fields
    fields[last].CopyFrom(value)


def remove(document: Message, path: str) -> None:
    *above, last = field_names(path)
    fields = document.fields
    for name in above:
        if name not in fields or not fields[name].HasField("map_value"):
            return
        fields = fields[name].map_value.fields
    if last in fields:
        del fields[last]


def projected(document: Message, paths: Iterable[str]) -> Message:
    """The document with these fields only."""
    result = Document(name=document.name, create_time=document.create_time, update_time=document.update_time)
    for path in paths:
        value = field(document, path) if path != "__name__" else None
        if value is not None:
            place(result, path, value)
    return result


# --- what may be stored ---------------------------------------------------------------------------------


def check_document(document: Message) -> None:
    """Field names, nesting and sizes of a document about to be stored."""
    path = document.name.split("/documents/", 1)[1]
    size = (
        _fields_bytes(document.fields, depth=0) + sum(len(part.encode()) + 1 for part in path.split("/")) + 48
    )
    if size > DOCUMENT_BYTES_MAX:
        raise invalid(f"maximum entity size is {DOCUMENT_BYTES_MAX} bytes; this one has {size}")


def _fields_bytes(fields: Message, depth: int) -> int:
    size = 0
    for name, value in fields.items():
        length = len(name.encode())
        if not 0 < length <= NAME_BYTES_MAX or _RESERVED.fullmatch(name):
            raise invalid(
                f"field name {name[:50]!r} is empty, reserved or longer than {NAME_BYTES_MAX} bytes"
            )
        size += length + 1 + _value_bytes(value, depth)
    return size


def _value_bytes(value: Message, depth: int) -> int:
    kind = value.WhichOneof("value_type")
    if kind in _FIXED_BYTES:
        return _FIXED_BYTES[kind]
    if kind in ("string_value", "bytes_value", "reference_value"):
        plain = getattr(value, kind)
        length = len(plain if kind == "bytes_value" else plain.encode())
        if length > VALUE_BYTES_MAX:
            raise invalid(f"a value is longer than {VALUE_BYTES_MAX} bytes")
        return length if kind == "bytes_value" else length + 1
    if kind not in ("array_value", "map_value"):
        raise invalid(f"cannot store a value of type {kind}")
    if depth >= DEPTH_MAX:
        raise invalid(f"values nested deeper than {DEPTH_MAX} cannot be stored")
    if kind == "map_value":
        return _fields_bytes(value.map_value.fields, depth + 1)
    if any(item.HasField("array_value") for item in value.array_value.values):
        raise invalid("cannot convert an array value in an array value")
    return sum(_value_bytes(item, depth + 1) for item in value.array_value.values)


def truncate_times(fields: Message) -> None:
    """Cut all timestamps to the microseconds that Firestore keeps."""
    for value in fields.values():
        _truncate_times(value)


def _truncate_times(value: Message) -> None:
    match value.WhichOneof("value_type"):
        case "timestamp_value":
            value.timestamp_value.nanos -= value.timestamp_value.nanos % 1000
        case "array_value":
            for item in value.array_value.values:
                _truncate_times(item)
        case "map_value":
            truncate_times(value.map_value.fields)


# --- order ----------------------------------------------------------------------------------------------


def order(value: Message) -> Order:
    """Where a value stands among all values. Equal for what Firestore takes as equal: 1 and 1.0 are."""
    kind = value.WhichOneof("value_type")
    plain = getattr(value, kind)
    match kind:
        case "null_value":
            return NULL
        case "boolean_value":
            return (1, plain)
        case "integer_value" | "double_value":
            return NAN if math.isnan(plain) else (2, 1, plain)
        case "timestamp_value":
            return (3, plain.seconds, plain.nanos)
        case "string_value":  # by code point, which is the order of the UTF-8 bytes
            return (4, plain)
        case "bytes_value":
            return (5, plain)
        case "reference_value":
            return (6, name_order(plain))
        case "geo_point_value":
            return (7, plain.latitude, plain.longitude)
        case "array_value":
            return (8, tuple(order(item) for item in plain.values))
        case _:
            return (9, tuple((name, order(plain.fields[name])) for name in sorted(plain.fields)))
