"""FHIR REST in terms of the store: method, path, headers and body in; status, headers and resource out.

Knows no web framework. Semantics: hl7.org/fhir/R4/http.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.client import responses
from urllib.parse import parse_qsl, urlsplit

from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import FhirError, Resource, dicts
from sandbox.ehr.search import Params

BATCH_ENTRIES_MAX = 100


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
    handler = _HANDLERS.get(operation_of(call.method, call.path).rpartition(".")[2])
    if handler is None:
        return refusal(FhirError(405, "not-supported", "interaction", f"{call.method} is not supported here"))
    try:
        return handler(store, call)
    except FhirError as error:
        return refusal(error)


def refusal(error: FhirError) -> Answer:
    return Answer(error.status, error.outcome())


def _metadata(store: FhirStore, _call: Call) -> Answer:
    return Answer(200, store.metadata())


def _read(store: FhirStore, call: Call) -> Answer:
    elements = dict(call.query).get("_elements")
    resource = store.read(*call.path, elements=elements.split(",") if elements else ())
    return Answer(200, resource, _version_headers(resource))


def _search(store: FhirStore, call: Call) -> Answer:
    params = list(call.query)
    if call.method == "POST":
        params += parse_qsl(_text(call.body))
    strict = _preference(call, "handling") == "strict"
    return Answer(200, store.search(call.path[0], params, strict=strict, base_url=call.base_url))


def _create(store: FhirStore, call: Call) -> Answer:
    resource = _resource(call)
    written = store.create(resource, if_none_exist=call.headers.get("if-none-exist"))
    return _written(call, written.resource, written.status)


def _update(store: FhirStore, call: Call) -> Answer:
    resource = _resource(call)
    if resource.get("id") != call.path[1]:
        raise FhirError(400, "invalid", "id", "the id in the body is not the one in the address")
    return _written(call, store.update(resource, if_match=_if_match(call)).resource, 200)


def _delete(store: FhirStore, call: Call) -> Answer:
    store.delete(*call.path, if_match=_if_match(call))
    return Answer(204)


_HANDLERS: dict[str, Callable[[FhirStore, Call], Answer]] = {
    "metadata": _metadata,
    "read": _read,
    "search": _search,
    "create": _create,
    "update": _update,
    "delete": _delete,
}


def _written(call: Call, resource: Resource, status: int) -> Answer:
    version = resource["meta"]["versionId"]
    location = f"{call.base_url}/{resource['resourceType']}/{resource['id']}/_history/{version}"
    headers = {**_version_headers(resource), "Location": location}
    return Answer(status, None if _preference(call, "return") == "minimal" else resource, headers)


def _version_headers(resource: Resource) -> dict[str, str]:
    changed = parse_instant(resource["meta"]["lastUpdated"])
    return {
        "ETag": f'W/"{resource["meta"]["versionId"]}"',
        "Last-Modified": format_datetime(changed, usegmt=True),
    }


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


def _json(body: bytes) -> Resource:
    try:
        value = json.loads(_text(body))
    except ValueError as error:
        raise FhirError(400, "structure", "json", "the body is not JSON") from error
    if not isinstance(value, dict):
        raise FhirError(400, "structure", "json", "the body is not a JSON object")
    return value


def _resource(call: Call) -> Resource:
    resource = _json(call.body)
    if resource.get("resourceType") != call.path[0]:
        raise FhirError(400, "invalid", "resource-type", "the body is not of the type in the address")
    return resource


# --- batch ----------------------------------------------------------------------------------------------


def batch(call: Call, perform: Callable[[Call], Answer]) -> Answer:
    """A Bundle of GETs, each done by `perform` and answered in its place; lost as a whole if one is lost."""
    try:
        entries = _batch_entries(call)
    except FhirError as error:
        return refusal(error)
    answers = [_batched(call, entry, perform) for entry in entries]
    resource = {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [_batch_answer(each) for each in answers],
    }
    return Answer(200, resource, lost=any(each.lost for each in answers))


def _batch_entries(call: Call) -> list[Resource]:
    bundle = _json(call.body)
    entries = dicts(bundle.get("entry"))
    if (bundle.get("resourceType"), bundle.get("type")) != ("Bundle", "batch"):
        raise FhirError(400, "not-supported", "batch", "only a Bundle of type batch is taken here")
    if len(entries) > BATCH_ENTRIES_MAX:
        raise FhirError(400, "too-costly", "batch", f"a batch has at most {BATCH_ENTRIES_MAX} entries")
    return entries


def _batched(call: Call, entry: Resource, perform: Callable[[Call], Answer]) -> Answer:
    request = entry.get("request")
    request = request if isinstance(request, dict) else {}
    if request.get("method") != "GET":
        return refusal(FhirError(405, "not-supported", "batch", "a batch may only GET here"))
    url = urlsplit(str(request.get("url", "")))
    path = tuple(filter(None, url.path.split("/")))
    return perform(Call("GET", path, parse_qsl(url.query), call.headers, base_url=call.base_url))


def _batch_answer(each: Answer) -> Resource:
    response: Resource = {"status": f"{each.status} {responses.get(each.status, '')}"}
    if "ETag" in each.headers:
        response["etag"] = each.headers["ETag"]
    if each.status >= 400:
        return {"response": {**response, "outcome": each.resource}}
    return {"response": response, "resource": each.resource}
