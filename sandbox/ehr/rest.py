"""FHIR REST in terms of the store: method, path, headers and body in; status, headers and resource out.

Knows no web framework. Semantics: hl7.org/fhir/R4/http.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from urllib.parse import parse_qsl

from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import FhirError, Resource
from sandbox.ehr.patching import json_patched, merge_patched
from sandbox.ehr.profiles import JSON_PATCH, MERGE_PATCH, Settings
from sandbox.ehr.search import Params

_PATCHES: Mapping[str, Callable[[Resource, object], Resource]] = {
    JSON_PATCH: json_patched,
    MERGE_PATCH: merge_patched,
}
_WRITES = frozenset(("create", "update", "patch", "delete"))


@dataclass(frozen=True)
class Call:
    """One request below the FHIR base."""

    method: str
    path: tuple[str, ...]
    """Segments behind the base."""
    query: Params = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""
    base_url: str = ""


@dataclass(frozen=True)
class Answer:
    """What goes back. `text` replaces the resource where a fault wants another body."""

    status: int
    resource: Resource | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    lost: bool = False
    """The work is done, the connection ends without an answer."""


def operation_of(method: str, path: tuple[str, ...]) -> str:
    """The name faults and the request log know: `Appointment.search`, `metadata`, `batch`, …"""
    match (method, *path):
        case ("POST",):
            return "batch"
        case ("GET", "metadata"):
            return "metadata"
        case ("GET", name) | ("POST", name, "_search"):
            return f"{name}.search"
        case ("POST", name):
            return f"{name}.create"
        case (_, name, _) if method in _ON_ONE:
            return f"{name}.{_ON_ONE[method]}"
    return "unknown"


_ON_ONE = {"GET": "read", "PUT": "update", "DELETE": "delete", "PATCH": "patch"}


def answer(store: FhirStore, call: Call) -> Answer:
    """Does what the call asks; refusals come back as an OperationOutcome. A batch is not handled here."""
    interaction = operation_of(call.method, call.path).rpartition(".")[2]
    handler = _HANDLERS.get(interaction)
    if handler is None:
        return refusal(_unsupported(call))
    try:
        _check_offered(store.settings, call, interaction)
        return handler(store, call)
    except FhirError as error:
        return refusal(error)


def check_caller(settings: Settings, call: Call) -> None:
    """Raises FhirError 403."""
    if settings.user_agent_required and not call.headers.get("user-agent"):
        raise FhirError(403, "forbidden", "user-agent", "who asks without a User-Agent is not answered")


def _check_offered(settings: Settings, call: Call, interaction: str) -> None:
    """Raises FhirError 403, 404, 405: this server does not do it, whatever is asked."""
    check_caller(settings, call)
    resource_type = call.path[0]
    if resource_type in settings.forbidden_types:
        raise FhirError(403, "forbidden", "type", f"{resource_type} is not for this client")
    if resource_type in ("Slot", "Schedule") and settings.slots == "missing":
        raise FhirError(404, "not-supported", "unknown-type", f"there is no {resource_type} here")
    offered = {"update": settings.updates, "patch": bool(settings.patches), "delete": settings.deletes}
    read_only = resource_type == "Slot" and settings.slots == "read" and interaction in _WRITES
    if read_only or not offered.get(interaction, True):
        raise _unsupported(call)


def _unsupported(call: Call) -> FhirError:
    return FhirError(405, "not-supported", "interaction", f"{call.method} is not supported here")


def refusal(error: FhirError) -> Answer:
    return Answer(error.status, error.outcome())


def _metadata(store: FhirStore, _call: Call) -> Answer:
    return Answer(200, store.metadata())


def _read(store: FhirStore, call: Call) -> Answer:
    elements = dict(call.query).get("_elements") if store.settings.elements else None
    resource = store.read(*call.path, elements=elements.split(",") if elements else ())
    return Answer(200, resource, _version_headers(resource, store.settings))


def _search(store: FhirStore, call: Call) -> Answer:
    params = list(call.query)
    if call.method == "POST":
        params += parse_qsl(_text(call.body))
    strict = _preference(call, "handling") == "strict"
    return Answer(200, store.search(call.path[0], params, strict=strict, base_url=call.base_url))


def _create(store: FhirStore, call: Call) -> Answer:
    resource = _resource(call)
    written = store.create(resource, if_none_exist=call.headers.get("if-none-exist"))
    return _written(store.settings, call, written.resource, written.status)


def _update(store: FhirStore, call: Call) -> Answer:
    resource = _resource(call)
    if resource.get("id") != call.path[1]:
        raise FhirError(400, "invalid", "id", "the id in the body is not the one in the address")
    written = store.update(resource, if_match=_if_match(call))
    return _written(store.settings, call, written.resource, 200)


def _patch(store: FhirStore, call: Call) -> Answer:
    media_type = call.headers.get("content-type", "").partition(";")[0].strip()
    form = media_type.removeprefix("application/").removesuffix("+json")
    if form not in store.settings.patches:
        known = ", ".join(store.settings.patches)
        raise FhirError(415, "not-supported", "media-type", f"a patch is one of {known} here")
    patch, patched = _json(call.body), _PATCHES[form]
    resource_type, resource_id = call.path

    def change(before: Resource) -> Resource:
        return patched(before, patch)

    written = store.patch(resource_type, resource_id, change, if_match=_if_match(call))
    return _written(store.settings, call, written.resource, 200)


def _delete(store: FhirStore, call: Call) -> Answer:
    store.delete(*call.path, if_match=_if_match(call))
    return Answer(store.settings.deleted_status)


_HANDLERS: dict[str, Callable[[FhirStore, Call], Answer]] = {
    "metadata": _metadata,
    "read": _read,
    "search": _search,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
}


def _written(settings: Settings, call: Call, resource: Resource, status: int) -> Answer:
    version = resource.get("meta", {}).get("versionId")
    location = f"{resource['resourceType']}/{resource['id']}" + (f"/_history/{version}" if version else "")
    if settings.bodies:
        location = f"{call.base_url}/{location}"
    headers = {**_version_headers(resource, settings), "Location": location}
    bare = not settings.bodies or _preference(call, "return") == "minimal"
    return Answer(status, None if bare else resource, headers)


def _version_headers(resource: Resource, settings: Settings) -> dict[str, str]:
    """What of them this server has."""
    meta, headers = resource.get("meta", {}), {}
    if "versionId" in meta and settings.etag != "none":
        headers["ETag"] = f'W/"{meta["versionId"]}"' if settings.etag == "weak" else meta["versionId"]
    if "lastUpdated" in meta:
        headers["Last-Modified"] = format_datetime(parse_instant(meta["lastUpdated"]), usegmt=True)
    return headers


def _if_match(call: Call) -> str | None:
    """The bare version of `W/"…"`, `"…"` or a bare one; `*` asks for nothing but existence."""
    value = call.headers.get("if-match")
    return None if value in (None, "*") else value.removeprefix("W/").strip('"')


def _preference(call: Call, name: str) -> str | None:
    for part in call.headers.get("prefer", "").replace(";", ",").split(","):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise FhirError(400, "structure", "utf-8", "the body is not UTF-8") from error


def _json(body: bytes) -> object:
    try:
        return json.loads(_text(body))
    except ValueError as error:
        raise FhirError(400, "structure", "json", "the body is not JSON") from error


def json_object(body: bytes) -> Resource:
    """Raises FhirError 400."""
    value = _json(body)
    if not isinstance(value, dict):
        raise FhirError(400, "structure", "json", "the body is not a JSON object")
    return value


def _resource(call: Call) -> Resource:
    resource = json_object(call.body)
    if resource.get("resourceType") != call.path[0]:
        raise FhirError(400, "invalid", "resource-type", "the body is not of the type in the address")
    return resource
