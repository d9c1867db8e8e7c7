"""Whether JSON is what Google's discovery document says: its schemas are a small dialect, checked here.

Values that a property may have stand in its description only, as does that it is read-only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from tests.sandbox.google.discovery import Json, document, methods

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
VALUE = re.compile(r'- "([^"]+)" -')
INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1


def schema_of(kind: str) -> str:
    """Google's name for what the sandbox answers: nearly always its own with a capital."""
    return {"freeBusy": "FreeBusyResponse"}.get(kind, kind[0].upper() + kind[1:])


def answer_problems(schema: str, value: Any) -> list[str]:
    """What is wrong with an answer, or with a part of it that was asked for."""
    return list(_problems(document()["schemas"][schema], value, schema, ""))


def request_problems(method: str, query: Mapping[str, Any], body: Any) -> list[str]:
    """What is wrong with a request: parameters and body, and what is missing in them."""
    described = methods()[method]
    found = list(_query_problems(described.get("parameters", {}), query))
    if "request" not in described:
        return found + ([] if body is None else ["a body where there is none"])
    if not isinstance(body, dict):
        return [*found, "no object for a body"]
    name = described["request"]["$ref"]
    return [*found, *_problems(document()["schemas"][name], body, name, f"calendar.{method}")]


# --- values ---------------------------------------------------------------------------------------------


def _problems(schema: Json, value: Any, path: str, writing: str) -> Iterator[str]:
    """`writing`: the method the value is a request of; empty for an answer."""
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    kind = schema.get("type", "any")
    if value is None and writing:
        return  # null clears
    if not _TYPES[kind](value):
        yield f"{path}: {type(value).__name__} where {kind} is due"
    elif kind == "object":
        yield from _object_problems(schema, value, path, writing)
    elif kind == "array":
        for index, item in enumerate(value):
            yield from _problems(schema["items"], item, f"{path}[{index}]", writing)
    elif kind == "string":
        yield from _text_problems(schema, value, path)
    elif schema.get("format") == "int32" and abs(value) > INT32_MAX:
        yield f"{path}: beyond 32 bits"


_TYPES: dict[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _object_problems(schema: Json, value: Json, path: str, writing: str) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        below = properties.get(name, others)
        if below is None:
            yield f"{path}.{name}: unknown"
        else:
            yield from _problems(below, item, f"{path}.{name}", writing)
    if not writing and "kind" in value and value["kind"] != properties.get("kind", {}).get("default"):
        yield f"{path}.kind: {value['kind']}"
    for name, below in properties.items():
        if writing and name not in value and writing in below.get("annotations", {}).get("required", []):
            yield f"{path}.{name}: missing"


def _text_problems(schema: Json, value: str, path: str) -> Iterator[str]:
    fits = _FORMATS.get(schema.get("format", ""))
    if fits is not None and not fits(value):
        yield f"{path}: no {schema['format']}"
    choices = _choices(schema.get("description", "")) or schema.get("enum", ())
    if choices and value not in choices:
        yield f"{path}: none of {', '.join(choices)}"


def _is_date(text: str) -> bool:
    return bool(DATE.fullmatch(text)) and bool(date.fromisoformat(text))


def _is_date_time(text: str) -> bool:
    return bool(DATE_TIME.fullmatch(text)) and bool(datetime.fromisoformat(text))


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date": _is_date,
    "date-time": _is_date_time,
    "int64": lambda text: text.removeprefix("-").isdecimal() and abs(int(text)) <= INT64_MAX,
}


@cache
def _choices(description: str) -> tuple[str, ...]:
    """The values a description lists, if those are all there are."""
    return () if "Some of the possible values" in description else tuple(VALUE.findall(description))


def read_only(method: str, body: Json) -> list[str]:
    """The properties of a request that Google says nobody can write."""
    schema = document()["schemas"][methods()[method]["request"]["$ref"]]
    return [
        name
        for name in body
        if "Read-only" in (said := schema["properties"][name].get("description", ""))
        and not (method == "events.import" and "except when importing" in said)
    ]


# --- parameters -----------------------------------------------------------------------------------------


def _query_problems(parameters: Json, query: Mapping[str, Any]) -> Iterator[str]:
    known = {**document()["parameters"], **parameters}
    for name, value in query.items():
        if name not in known or known[name]["location"] != "query":
            yield f"?{name}: unknown"
            continue
        values = value if isinstance(value, list) else [value]
        if len(values) > 1 and not known[name].get("repeated"):
            yield f"?{name}: given more than once"
        for text in values:
            yield from _parameter_problems(known[name], str(text), name)
    for name, described in parameters.items():
        if described.get("required") and described["location"] == "query" and name not in query:
            yield f"?{name}: missing"


def _parameter_problems(described: Json, text: str, name: str) -> Iterator[str]:
    kind = described["type"]
    if kind == "boolean" and text not in ("true", "false"):
        yield f"?{name}: no boolean"
    if kind == "integer":
        low, high = int(described.get("minimum", 0)), int(described.get("maximum", INT32_MAX))
        if not text.isdecimal() or not low <= int(text) <= high:
            yield f"?{name}: no number from {low} to {high}"
    if kind == "string":
        yield from _text_problems({**described, "description": ""}, text, f"?{name}")
