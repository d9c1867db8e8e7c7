"""What differs between a resource and what is to be in its place, as a PATCH says it. No I/O.

Only what a write of ours may change can be in a patch: all else of the row is the EHR's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

_OURS_TO_CHANGE = frozenset(
    {
        "start",
        "end",
        "minutesDuration",
        "status",
        "cancelationReason",
        "cancellationReason",
        "cancellationDate",
        "description",
        "comment",
        "extension",
        "identifier",
    }
)
_TESTED = ("status", "start", "end")

Resource = Mapping[str, Any]


def changed(before: Resource, after: Resource) -> list[str]:
    """Names of the elements that differ, in order. AssertionError: one that is not ours to change."""
    names = sorted(name for name in {**before, **after} if before.get(name) != after.get(name))
    assert _OURS_TO_CHANGE.issuperset(names), "a write changes what is not ours"
    return names


def json_patch(before: Resource, after: Resource) -> list[dict[str, Any]]:
    """RFC 6902. Status and times are tested first: over another row than the one read nothing is changed."""
    tests = [{"op": "test", "path": f"/{name}", "value": before[name]} for name in _TESTED if name in before]
    return [*tests, *(_operation(name, before, after) for name in changed(before, after))]


def merge_patch(before: Resource, after: Resource) -> dict[str, Any]:
    """RFC 7386: null takes an element away, an object is merged, all else is replaced."""
    return {name: _merged(before.get(name), after.get(name)) for name in changed(before, after)}


def _operation(name: str, before: Resource, after: Resource) -> dict[str, Any]:
    if name not in after:
        return {"op": "remove", "path": f"/{name}"}
    return {"op": "replace" if name in before else "add", "path": f"/{name}", "value": after[name]}


def _merged(before: object, after: object) -> object:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    names = sorted({*before, *after})
    return {
        name: _merged(before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }
