"""Structured queries over documents: conditions, order, cursors, limits, projections, aggregations.

Semantics: the comments of google/firestore/v1/query.proto; where these are silent, what Google's emulator
answers. Null and NaN meet no comparison; only the unary operators find them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sandbox.firestore.messages import Message, StructuredQuery, Value, invalid, unimplemented
from sandbox.firestore.values import NAN, NULL, Order, field, field_names, name_order, order, projected

ANY_OF_MAX = 30
NONE_OF_MAX = 10
_KEY = "__name__"
_INT64 = range(-(2**63), 2**63)

Predicate = Callable[[Message], bool]
Test = Callable[[Order], bool]

_Unary = StructuredQuery.UnaryFilter
_Field = StructuredQuery.FieldFilter
_Composite = StructuredQuery.CompositeFilter

_RANGES: dict[int, Callable[[Order, Order], bool]] = {
    _Field.LESS_THAN: operator.lt,
    _Field.LESS_THAN_OR_EQUAL: operator.le,
    _Field.GREATER_THAN: operator.gt,
    _Field.GREATER_THAN_OR_EQUAL: operator.ge,
}
_UNARY: dict[int, Test] = {
    _Unary.IS_NULL: lambda found: found == NULL,
    _Unary.IS_NAN: lambda found: found == NAN,
    _Unary.IS_NOT_NULL: lambda found: found != NULL,
    _Unary.IS_NOT_NAN: lambda found: found not in (NULL, NAN),
}
_INEQUALITIES = {*_RANGES, _Field.NOT_EQUAL, _Field.NOT_IN}
_UNARY_INEQUALITIES = {_Unary.IS_NOT_NULL, _Unary.IS_NOT_NAN}


class Sort(NamedTuple):
    path: str
    descending: bool


def selector(query: Message) -> Message:
    """The collections that a query is about."""
    if len(query.from_) != 1:
        raise invalid("a query has exactly one collection selector")
    return query.from_[0]


def run(documents: Iterable[Message], query: Message) -> list[Message]:
    """What the query finds among the documents of its collections, as it wants them."""
    _check(query)
    meets = _predicate(query.where)
    sorts = _sorts(query)
    rows = [
        (document, position)
        for document in documents
        if meets(document) and (position := _position(document, sorts)) is not None
    ]
    for index, sort in reversed(list(enumerate(sorts))):
        rows.sort(key=lambda row: row[1][index], reverse=sort.descending)
    if query.HasField("start_at"):
        rows = [row for row in rows if not _is_before(row[1], query.start_at, sorts)]
    if query.HasField("end_at"):
        rows = [row for row in rows if _is_before(row[1], query.end_at, sorts)]
    end = query.offset + query.limit.value if query.HasField("limit") else None
    found = [document for document, _ in rows[query.offset : end]]
    paths = [selected.field_path for selected in query.select.fields]
    return [projected(document, paths) for document in found] if paths else found


def _check(query: Message) -> None:
    """Refuse what is wrong with a query whatever the documents are."""
    if query.offset < 0 or query.limit.value < 0:
        raise invalid("offset and limit are not negative")
    if query.HasField("find_nearest"):
        raise unimplemented("find_nearest")
    if _disjunctions(query.where) > ANY_OF_MAX:
        raise invalid(f"more than {ANY_OF_MAX} disjunctions after normalization")
    if _array_contains(query.where) > 1:
        raise invalid("a maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction")
    paths = [sort.field.field_path for sort in query.order_by]
    if _KEY in paths[:-1] or (_KEY in paths and _inequality_fields(query.where) - set(paths)):
        raise invalid("order by clause cannot contain more fields after the key")
    for cursor in (query.start_at, query.end_at):
        if len(cursor.values) > len(_sorts(query)):
            raise invalid("cursor has too many values")


def _disjunctions(where: Message) -> int:
    """Into how many queries without alternatives Firestore takes a filter apart."""
    match where.WhichOneof("filter_type"):
        case "composite_filter":
            parts = [_disjunctions(part) for part in where.composite_filter.filters]
            return sum(parts) if where.composite_filter.op == _Composite.OR else math.prod(parts)
        case "field_filter" if where.field_filter.op in (_Field.IN, _Field.ARRAY_CONTAINS_ANY):
            return len(where.field_filter.value.array_value.values)
        case _:
            return 1


def _array_contains(where: Message) -> int:
    """The most array-contains that have to be met together."""
    match where.WhichOneof("filter_type"):
        case "composite_filter":
            parts = [_array_contains(part) for part in where.composite_filter.filters]
            return max(parts, default=0) if where.composite_filter.op == _Composite.OR else sum(parts)
        case "field_filter":
            return int(where.field_filter.op == _Field.ARRAY_CONTAINS)
        case _:
            return 0


# --- conditions -----------------------------------------------------------------------------------------


def _predicate(where: Message) -> Predicate:
    kind = where.WhichOneof("filter_type")
    if kind is None:
        return lambda _document: True
    if kind == "composite_filter":
        return _composite(where.composite_filter)
    chosen = getattr(where, kind)
    path = chosen.field.field_path
    if path != _KEY:
        field_names(path)
    test = _field_test(chosen) if kind == "field_filter" else _UNARY[chosen.op]

    def meets(document: Message) -> bool:
        found = _found(document, path)
        return found is not None and test(found)

    return meets


def _composite(composite: Message) -> Predicate:
    parts = [_predicate(part) for part in composite.filters]
    if not parts:
        raise invalid("a composite filter has at least one filter")
    if composite.op == _Composite.OR:
        return lambda document: any(meets(document) for meets in parts)
    return lambda document: all(meets(document) for meets in parts)


def _field_test(chosen: Message) -> Test:
    """The test of one comparison, on the order of what the field holds."""
    if chosen.op in (_Field.IN, _Field.ARRAY_CONTAINS_ANY, _Field.NOT_IN):
        return _list_test(chosen)
    wanted = _wanted(chosen, chosen.value)
    if wanted in (NULL, NAN):
        return lambda _found: False
    if chosen.op in _RANGES:
        compare = _RANGES[chosen.op]
        return lambda found: found[0] == wanted[0] and found != NAN and compare(found, wanted)
    match chosen.op:
        case _Field.EQUAL:
            return lambda found: found == wanted
        case _Field.NOT_EQUAL:
            return lambda found: found not in (NULL, wanted)
        case _Field.ARRAY_CONTAINS:
            return lambda found: wanted in _items(found)
        case _:
            raise invalid("a comparison without an operator")


def _list_test(chosen: Message) -> Test:
    name = _Field.Operator.Name(chosen.op)
    most = NONE_OF_MAX if chosen.op == _Field.NOT_IN else ANY_OF_MAX
    if not chosen.value.array_value.values:
        raise invalid(f"'{name}' requires a non-empty ArrayValue")
    if len(chosen.value.array_value.values) > most:
        raise invalid(f"'{name}' supports up to {most} comparison values")
    all_wanted = [_wanted(chosen, item) for item in chosen.value.array_value.values]
    wanted = [item for item in all_wanted if item not in (NULL, NAN)]
    if chosen.op == _Field.IN:
        return lambda found: found in wanted
    if chosen.op == _Field.ARRAY_CONTAINS_ANY:
        return lambda found: any(item in wanted for item in _items(found))
    if NULL in all_wanted:
        return lambda _found: False
    return lambda found: found != NULL and found not in wanted


def _wanted(chosen: Message, value: Message) -> Order:
    if chosen.field.field_path == _KEY and not value.HasField("reference_value"):
        raise invalid("__key__ filter value must be a Key")
    if value.WhichOneof("value_type") is None:
        raise invalid("a comparison needs a value")
    return order(value)


def _items(found: Order) -> tuple[Order, ...]:
    items: tuple[Order, ...] = found[1] if found[0] == _ARRAY_RANK else ()
    return items


def _found(document: Message, path: str) -> Order | None:
    if path == _KEY:
        return (_REFERENCE_RANK, name_order(document.name))
    value = field(document, path)
    return None if value is None else order(value)


_REFERENCE_RANK = order(Value(reference_value="a"))[0]
_ARRAY_RANK = order(Value(array_value={}))[0]


# --- order ----------------------------------------------------------------------------------------------


def _sorts(query: Message) -> list[Sort]:
    """The order a query has: what it says, then the fields of its inequalities, then the name."""
    sorts = [
        Sort(part.field.field_path, part.direction == StructuredQuery.DESCENDING) for part in query.order_by
    ]
    descending = sorts[-1].descending if sorts else False
    paths = {sort.path for sort in sorts}
    sorts += [Sort(path, descending) for path in sorted(_inequality_fields(query.where) - paths - {_KEY})]
    if _KEY not in paths:
        sorts.append(Sort(_KEY, descending))
    return sorts


def _inequality_fields(where: Message) -> set[str]:
    match where.WhichOneof("filter_type"):
        case "composite_filter":
            return set().union(*(_inequality_fields(part) for part in where.composite_filter.filters))
        case "field_filter" if where.field_filter.op in _INEQUALITIES:
            return {where.field_filter.field.field_path}
        case "unary_filter" if where.unary_filter.op in _UNARY_INEQUALITIES:
            return {where.unary_filter.field.field_path}
        case _:
            return set()


def _position(document: Message, sorts: Sequence[Sort]) -> list[Order] | None:
    """Where a document stands in this order; None when it lacks one of the fields: it is not found then."""
    position = []
    for sort in sorts:
        found = _found(document, sort.path)
        if found is None:
            return None
        position.append(found)
    return position


def _is_before(position: Sequence[Order], cursor: Message, sorts: Sequence[Sort]) -> bool:
    """Whether a position comes before the cut that the cursor makes."""
    for value, found, sort in zip(cursor.values, position, sorts, strict=False):
        wanted = order(value)
        if found != wanted:
            return (found > wanted) == sort.descending
    return not cursor.before


# --- aggregations ---------------------------------------------------------------------------------------


def aggregate(documents: Sequence[Message], aggregations: Sequence[Message]) -> dict[str, Message]:
    """The aggregated values by alias, over the documents that have all the aggregated fields."""
    if not aggregations:
        raise invalid("aggregations can not be empty")
    paths = [path for part in aggregations if (path := _aggregated_field(part)) is not None]
    counted = [document for document in documents if all(field(document, path) is not None for path in paths)]
    return {
        part.alias or f"field_{index}": _aggregated(counted, part)
        for index, part in enumerate(aggregations, start=1)
    }


def _aggregated_field(part: Message) -> str | None:
    kind = part.WhichOneof("operator")
    if kind not in ("count", "sum", "avg"):
        raise unimplemented(f"the aggregation {kind}")
    return None if kind == "count" else str(getattr(part, kind).field.field_path)


def _aggregated(documents: Sequence[Message], part: Message) -> Message:
    path = _aggregated_field(part)
    if path is None:
        up_to = part.count.up_to.value if part.count.HasField("up_to") else len(documents)
        return Value(integer_value=min(len(documents), up_to))
    numbers = _numbers(documents, path)
    if part.HasField("avg"):
        return Value(double_value=sum(numbers) / len(numbers)) if numbers else Value(null_value=0)
    total = sum(numbers)
    if isinstance(total, int) and total in _INT64:
        return Value(integer_value=total)
    return Value(double_value=float(total))


def _numbers(documents: Sequence[Message], path: str) -> list[int | float]:
    numbers: list[int | float] = []
    for document in documents:
        value = field(document, path)
        if value is not None and value.WhichOneof("value_type") in ("integer_value", "double_value"):
            numbers.append(getattr(value, value.WhichOneof("value_type")))
    return numbers
