"""What one write makes of one document."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from sandbox.firestore.messages import Document, Message, RefusedError, Value, invalid, unimplemented
from sandbox.firestore.values import check_document, field, order, place, remove, truncate_times

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_NUMBERS = ("integer_value", "double_value")


def target(write: Message) -> str:
    """The name of the document that a write is about."""
    match write.WhichOneof("operation"):
        case "update":
            return str(write.update.name)
        case "delete":
            return str(write.delete)
        case "transform":
            return str(write.transform.document)
        case _:
            raise invalid("empty write operation")


def check_precondition(write: Message, before: Message | None) -> None:
    condition = write.current_document
    match condition.WhichOneof("condition_type"):
        case "exists" if condition.exists and before is None:
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"no document to update: {target(write)}")
        case "exists" if not condition.exists and before is not None:
            raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"document already exists: {target(write)}")
        case "update_time" if before is None or before.update_time != condition.update_time:
            raise RefusedError(
                grpc.StatusCode.FAILED_PRECONDITION,
                "the stored version does not match the required base version",
            )


def applied(write: Message, before: Message | None, now: Message) -> tuple[Message | None, list[Message]]:
    """The document after the write (None: deleted), and the results of its transforms.

    `before` is left as it is. A write that changes nothing keeps the update time.
    """
    if write.WhichOneof("operation") == "delete":
        return None, []
    after = Document(name=target(write))
    if before is not None and (write.HasField("update_mask") or write.HasField("transform")):
        after.CopyFrom(before)
    if write.HasField("update_mask"):
        _merge(write.update, write.update_mask.field_paths, after)
    else:
        after.MergeFrom(Document(fields=write.update.fields))
    transforms = [*write.update_transforms, *write.transform.field_transforms]
    results = [_transform(after, transform, now) for transform in transforms]
    check_document(after)
    truncate_times(after.fields)
    after.create_time.CopyFrom(now if before is None else before.create_time)
    unchanged = before is not None and _exactly(before) == _exactly(after)
    after.update_time.CopyFrom(before.update_time if before is not None and unchanged else now)
    return after, results


def _merge(update: Message, paths: list[str], after: Message) -> None:
    for path in paths:
        value = field(update, path)
        if value is None:
            remove(after, path)
        else:
            place(after, path, value)


def _exactly(document: Message) -> bytes:
    content: bytes = Document(fields=document.fields).SerializeToString(deterministic=True)
    return content


# --- transforms -----------------------------------------------------------------------------------------


def _transform(document: Message, transform: Message, now: Message) -> Message:
    """Apply one field transform to the document; what the client is told of it."""
    kind = transform.WhichOneof("transform_type")
    if kind not in _TRANSFORMS:
        raise unimplemented(f"the field transform {kind}")
    result = _TRANSFORMS[kind](field(document, transform.field_path), transform, now)
    place(document, transform.field_path, result)
    return Value(null_value=0) if result.HasField("array_value") else result


def _server_value(_current: Message | None, transform: Message, now: Message) -> Message:
    if transform.set_to_server_value != transform.ServerValue.REQUEST_TIME:
        raise unimplemented(f"the server value {transform.set_to_server_value}")
    result = Value(timestamp_value=now)
    result.timestamp_value.nanos -= now.nanos % 1_000_000  # "with millisecond precision"
    return result


def _increment(current: Message | None, transform: Message, _now: Message) -> Message:
    by = transform.increment
    if current is None or not _is_number(current):
        return by
    total = _number(current) + _number(by)
    if isinstance(total, float):
        return Value(double_value=total)
    return Value(integer_value=max(_INT64_MIN, min(_INT64_MAX, total)))


def _maximum(current: Message | None, transform: Message, _now: Message) -> Message:
    other = transform.maximum
    kept = current is not None and _is_number(current) and order(current) >= order(other)
    return current if kept else other


def _minimum(current: Message | None, transform: Message, _now: Message) -> Message:
    other = transform.minimum
    kept = current is not None and _is_number(current) and order(current) <= order(other)
    return current if kept else other


def _append_missing(current: Message | None, transform: Message, _now: Message) -> Message:
    items = _items(current)
    for item in transform.append_missing_elements.values:
        if order(item) not in [order(present) for present in items]:
            items.append(item)
    return _array(items)


def _remove_all(current: Message | None, transform: Message, _now: Message) -> Message:
    unwanted = [order(item) for item in transform.remove_all_from_array.values]
    return _array([item for item in _items(current) if order(item) not in unwanted])


_TRANSFORMS: dict[str, Callable[[Message | None, Message, Message], Message]] = {
    "set_to_server_value": _server_value,
    "increment": _increment,
    "maximum": _maximum,
    "minimum": _minimum,
    "append_missing_elements": _append_missing,
    "remove_all_from_array": _remove_all,
}


def _is_number(value: Message) -> bool:
    return value.WhichOneof("value_type") in _NUMBERS


def _number(value: Message) -> int | float:
    if not _is_number(value):
        raise invalid("a number is needed")
    plain: int | float = getattr(value, value.WhichOneof("value_type"))
    return plain


def _items(value: Message | None) -> list[Message]:
    return list(value.array_value.values) if value is not None else []


def _array(items: list[Message]) -> Message:
    result = Value()
    result.array_value.SetInParent()
    result.array_value.values.extend(items)
    return result
