"""PATCH: what a patch makes of a resource. JSON Patch (RFC 6902: test, add, replace, remove) and merge patch
(RFC 7386).

A resource is changed as a copy; whether what comes out is a valid one is not asked here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sandbox.ehr.outcome import FhirError, Resource

OPERATIONS_MAX = 100


def json_patched(resource: Resource, patch: object) -> Resource:
    """Raises FhirError 400: no JSON Patch; 422 `patch-test`: a test fails; 422 `patch`: a place is not there,
    or the operation is another than these four.
    """
    if not isinstance(patch, list) or len(patch) > OPERATIONS_MAX:
        raise FhirError(400, "structure", "patch", f"a JSON Patch is a list of at most {OPERATIONS_MAX}")
    document: Any = copy.deepcopy(resource)
    for operation in patch:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise FhirError(400, "structure", "patch", "an operation is an object with a path")
        perform = _OPERATIONS.get(str(operation.get("op")))
        if perform is None:
            raise _impossible("the operation is not supported")
        if perform is not _remove and "value" not in operation:
            raise FhirError(400, "structure", "patch", "the operation has no value")
        perform(*_place(document, operation["path"]), copy.deepcopy(operation.get("value")))
    whole: Resource = document
    return whole


def merge_patched(resource: Resource, patch: object) -> Resource:
    """Null removes, objects merge, all else replaces. Raises FhirError 400: the patch is no object."""
    if not isinstance(patch, dict):
        raise FhirError(400, "structure", "patch", "a merge patch is an object")
    return _merged(resource, patch)


def _merged(target: object, patch: Resource) -> Resource:
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value) if isinstance(value, dict) else value
    return result


# --- JSON Patch -----------------------------------------------------------------------------------------


def _place(document: Any, path: str) -> tuple[Any, str]:
    """What holds the place, and the place's name in it (RFC 6901)."""
    if not path.startswith("/"):
        raise _impossible("a path begins with / here: the whole document is not replaced")
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    for name in way:
        document = _get(document, name)
    return document, last


def _get(holder: Any, name: str) -> Any:
    if isinstance(holder, dict) and name in holder:
        return holder[name]
    if isinstance(holder, list):
        return holder[_index(holder, name, len(holder) - 1)]
    raise _impossible("the place is not there")


def _index(holder: list[Any], name: str, last: int) -> int:
    if name.isascii() and name.isdigit() and int(name[:9]) <= last:
        return int(name)
    raise _impossible(f"no such place in a list of {len(holder)}")


def _test(holder: Any, name: str, value: object) -> None:
    if _get(holder, name) != value:
        raise FhirError(422, "conflict", "patch-test", "a test of the patch fails")


def _add(holder: Any, name: str, value: object) -> None:
    if isinstance(holder, list):
        holder.insert(len(holder) if name == "-" else _index(holder, name, len(holder)), value)
    elif isinstance(holder, dict):
        holder[name] = value
    else:
        raise _impossible("the place is not there")


def _replace(holder: Any, name: str, value: object) -> None:
    _get(holder, name)
    holder[int(name) if isinstance(holder, list) else name] = value


def _remove(holder: Any, name: str, _value: object) -> None:
    _get(holder, name)
    del holder[int(name) if isinstance(holder, list) else name]


_OPERATIONS: dict[str, Callable[[Any, str, object], None]] = {
    "test": _test,
    "add": _add,
    "replace": _replace,
    "remove": _remove,
}


def _impossible(why: str) -> FhirError:
    return FhirError(422, "processing", "patch", why)
