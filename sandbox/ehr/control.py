"""The control API's arguments: JSON fields become a function's keyword arguments, parsed by annotation.

What staff can do over HTTP is thereby what sandbox.ehr.staff can do, under the same names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import Resource
from sandbox.ehr.staff import Staff

ACTIONS = tuple(name for name in dir(Staff) if not name.startswith("_"))


def act(staff: Staff, data: Mapping[str, object]) -> Resource:
    """The staff action `data["action"]` names. Raises ValueError naming what is wrong, and FhirError."""
    action = data.get("action")
    if action not in ACTIONS:
        raise ValueError(f"'action' must be one of {', '.join(ACTIONS)}; it is {action!r}")
    method = getattr(staff, str(action))
    fields = {name: value for name, value in data.items() if name != "action"}
    resource: Resource = method(**arguments(method, fields))
    return resource


def arguments(function: Callable[..., object], data: Mapping[str, object]) -> dict[str, Any]:
    """Keyword arguments for `function`. Raises ValueError naming the field that is wrong."""
    known = inspect.signature(function).parameters
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; fields: {', '.join(known)}")
    missing = [name for name, field in known.items() if field.default is field.empty and name not in data]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    return {name: _parse(name, str(known[name].annotation), value) for name, value in data.items()}


def _parse(name: str, annotation: str, value: object) -> object:
    try:
        return _zone(value) if name == "zone" else _PARSERS[annotation](value)
    except (ValueError, TypeError, LookupError, OSError) as error:
        raise ValueError(f"'{name}' must be {_MEANING.get(annotation, annotation)}: {error}") from error


def _zone(value: object) -> str:
    return ZoneInfo(_instance(str, value)).key


def _instance(kind: type[Any], value: object) -> Any:
    """The value itself; a bool is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"it is {value!r}")
    return value


def _texts(value: object) -> list[str]:
    return [_instance(str, item) for item in _instance(list, value)]


def _number(value: object) -> float:
    number = float(_instance(int, value) if isinstance(value, int) else _instance(float, value))
    if not 0 <= number < float("inf"):
        raise ValueError(f"it is {value!r}")
    return number


_PARSERS: dict[str, Callable[[object], object]] = {
    "str": lambda value: _instance(str, value),
    "str | None": lambda value: None if value is None else _instance(str, value),
    "Sequence[str]": _texts,
    "Resource": lambda value: _instance(dict, value),
    "Resource | None": lambda value: None if value is None else _instance(dict, value),
    "tuple[str, ...]": lambda value: tuple(_texts(value)),
    "time": lambda value: time.fromisoformat(_instance(str, value)),
    "datetime": parse_instant,
    "date": lambda value: date.fromisoformat(_instance(str, value)),
    "bool": lambda value: _instance(bool, value),
    "int": lambda value: _instance(int, value),
    "float": _number,
}
_MEANING = {
    "str": "a text",
    "str | None": "a text",
    "Sequence[str]": "a list of texts",
    "Resource": "an object",
    "Resource | None": "an object",
    "tuple[str, ...]": "a list of texts",
    "time": "a time of day (hh:mm)",
    "datetime": "an instant with seconds and offset",
    "date": "a date (YYYY-MM-DD)",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number, not negative",
}
