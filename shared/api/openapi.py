"""The endpoints as an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.1), made from the tables that serve.

A new endpoint is in it by itself: its models say what it takes and answers, its table who may call, and every
problem that it may answer stands with its codes under its status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.api.feeds import FEED
from shared.api.problems import MEDIA_TYPE, PROBLEMS, TOKEN_CODES
from shared.api.routing import Endpoint, Table
from shared.api.wire import Call, Reply

PATH = "/openapi.json"
_BASE = "#/components/schemas/"
_PRACTITIONER = r"^(?:PractitionerRole/)?[A-Za-z0-9._-]{1,64}$"
_OF_EVERY = ("not_found", "bug", "try_again", "unavailable", *TOKEN_CODES)
_OF_A_BODY = ("malformed", "invalid", "too_large", "media_type")
_OF_A_PRACTITIONER = ("other_practitioner",)
_ELSEWHERE = ("origin", "method_not_allowed", "too_often")
"""Answered to a preflight, to another method, to a feed."""

Json = dict[str, Any]


@cache
def document_text(title: str = "Calendar sync") -> str:
    """The document of what is served, as JSON."""
    from shared.api.table import ENDPOINTS  # noqa: PLC0415 - the table has the modules that this one describes

    return json.dumps(document(ENDPOINTS, title), separators=(",", ":"))


def serve_document(call: Call) -> Reply:
    """Open to everybody: it says nothing that is not in every deployment."""
    del call
    headers = {"Content-Type": "application/json", "Cache-Control": "public, max-age=300"}
    return Reply(200, document_text(), {**headers, "Access-Control-Allow-Origin": "*"})


def document(table: Table, title: str) -> Json:
    problems = _Problems()
    models = sorted(_models(table), key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, _mode(model)) for model in models], ref_template=_BASE + "{model}"
    )
    return {
        "openapi": "3.1.1",
        "info": {"title": title, "version": "1", "description": _ABOUT},
        "paths": {
            **{template: _path(template, methods, problems) for template, methods in table.items()},
            FEED: {"get": _feed(problems)},
        },
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM},
            "responses": problems.responses,
            "securitySchemes": {"ehr": _TOKEN},
        },
        "security": [{"ehr": []}],
    }


# --- models ---------------------------------------------------------------------------------------------


def answer_of(endpoint: Endpoint) -> type[BaseModel]:
    """What it says that it answers."""
    model = get_type_hints(endpoint.do)["return"]
    assert isinstance(model, type), endpoint
    assert issubclass(model, BaseModel), endpoint
    return model


def _models(table: Table) -> set[type[BaseModel]]:
    endpoints = [endpoint for methods in table.values() for endpoint in methods.values()]
    bodies: set[type[BaseModel]] = {endpoint.body for endpoint in endpoints if endpoint.body}
    return bodies | {answer_of(endpoint) for endpoint in endpoints}


def _mode(model: type[BaseModel]) -> Any:
    return "validation" if model.__name__.endswith("Body") else "serialization"


# --- one endpoint ---------------------------------------------------------------------------------------


def _path(template: str, methods: Mapping[str, Endpoint], problems: _Problems) -> Json:
    operations = {
        method.lower(): _operation(template, method, endpoint, problems)
        for method, endpoint in methods.items()
    }
    steps = [_step(name) for name in re.findall(r"\{([a-z_]+)\}", template)]
    return {**({"parameters": steps} if steps else {}), **operations}


def _step(name: str) -> Json:
    pattern = _PRACTITIONER if name == "id" else r"^[A-Za-z0-9_-]{1,128}$"
    about = {"description": "id of a Practitioner, or PractitionerRole/ and an id"} if name == "id" else {}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": pattern},
        **about,
    }


def _operation(template: str, method: str, endpoint: Endpoint, problems: _Problems) -> Json:
    answer = {"schema": {"$ref": f"{_BASE}{answer_of(endpoint).__name__}"}}
    said: Json = {
        "operationId": _name(template, method),
        "tags": ["practitioner" if "/sync" in template else "practice"],
        "description": _who(endpoint),
        "responses": {
            str(endpoint.status): {"description": "Done.", "content": {"application/json": answer}},
            **problems.of(codes_of(template, endpoint)),
        },
    }
    if endpoint.query is not None:
        said["parameters"] = list(_parameters(endpoint.query))
    if endpoint.body is not None:
        schema = {"$ref": f"{_BASE}{endpoint.body.__name__}"}
        needed = any(field.is_required() for field in endpoint.body.model_fields.values())
        said["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schema}}}
    return said


def _name(template: str, method: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z]+", template) if word not in ("", "v", "practitioners")]
    return "_".join([method.lower(), *words])


def _who(endpoint: Endpoint) -> str:
    own = "the practitioner whose sync it is"
    if not endpoint.own:
        return "For administrators of the practice."
    return f"For {own}, and administrators of the practice." if endpoint.admin else f"For {own}."


def _parameters(model: type[BaseModel]) -> Iterator[Json]:
    schema = model.model_json_schema(ref_template=_BASE + "{model}")
    for name, about in schema.get("properties", {}).items():
        needed = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": needed, "schema": _inlined(about, schema)}


def _inlined(about: Any, schema: Json) -> Any:
    """A parameter's schema, with what it refers to in its own place; null is no value in an address."""
    if isinstance(about, dict):
        if "$ref" in about:
            return _inlined(schema["$defs"][about["$ref"].rsplit("/", 1)[1]], schema)
        given = {name: _inlined(value, schema) for name, value in about.items() if value is not None}
        kinds = [each for each in given.pop("anyOf", []) if each != {"type": "null"}]
        return {**given, **kinds[0]} if len(kinds) == 1 else {**given, **({"anyOf": kinds} if kinds else {})}
    return [_inlined(each, schema) for each in about] if isinstance(about, list) else about


# --- problems -------------------------------------------------------------------------------------------


def codes_of(template: str, endpoint: Endpoint) -> frozenset[str]:
    """Every code that it may answer."""
    codes = set(_OF_EVERY)
    if endpoint.body is not None:
        codes.update(_OF_A_BODY)
    if endpoint.query is not None:
        codes.add("invalid")
    codes.add("role" if not endpoint.admin else "admins_only" if not endpoint.own else "other_practitioner")
    if "{id}" in template and endpoint.own:
        codes.update(_OF_A_PRACTITIONER)
    return frozenset(codes.union(_business() if endpoint.problems is None else endpoint.problems))


def _business() -> Sequence[str]:
    """What hangs on the state of things, for an endpoint that does not say which of it."""
    general = {*_OF_EVERY, *_OF_A_BODY, *_OF_A_PRACTITIONER, *_ELSEWHERE, "role", "admins_only"}
    return [code for code in PROBLEMS if code not in general]


class _Problems:
    """Answers by status with their codes; the same ones stand in the document once."""

    def __init__(self) -> None:
        self.responses: dict[str, Json] = {}
        self._names: dict[tuple[int, tuple[str, ...]], str] = {}

    def of(self, codes: frozenset[str]) -> Json:
        by_status: dict[int, set[str]] = {}
        for code in codes:
            by_status.setdefault(PROBLEMS[code][0], set()).add(code)
        if "stopping" in codes:  # for a moment, or until the same call is made again
            by_status.setdefault(503, set()).add("stopping")
        return {
            str(status): {"$ref": f"#/components/responses/{self._name(status, tuple(sorted(named)))}"}
            for status, named in sorted(by_status.items())
        }

    def _name(self, status: int, codes: tuple[str, ...]) -> str:
        if (status, codes) not in self._names:
            number = 1 + sum(other == status for other, _ in self._names)
            name = f"Problem{status}" if number == 1 else f"Problem{status}_{number}"
            self._names[status, codes] = name
            self.responses[name] = _problem(codes)
        return self._names[status, codes]


def _problem(codes: Sequence[str]) -> Json:
    schema = {"allOf": [{"$ref": f"{_BASE}Problem"}, {"properties": {"code": {"enum": list(codes)}}}]}
    sentences = dict.fromkeys(PROBLEMS[code][1] for code in codes)
    return {"description": " ".join(sentences), "content": {MEDIA_TYPE: {"schema": schema}}}


_ABOUT = (
    "What an EHR's front end calls for its practitioners and administrators. Errors are problem details"
    " (RFC 9457) with a stable `code`."
)
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Signed by the EHR for its user; claims `practice`, `practitioner`, `role`.",
}
_PROBLEM: Json = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs."},
        "detail": {"type": "string", "description": "For people."},
    },
}


def _feed(problems: _Problems) -> Json:
    return {
        "operationId": "get_feed_of_a_token",
        "tags": ["feed"],
        "description": "For calendar programs: whoever has the token reads.",
        "security": [],
        "parameters": [
            {
                "name": "token",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"},
            },
            {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}},
        ],
        "responses": {
            "200": {
                "description": "A calendar (RFC 5545).",
                "content": {"text/calendar": {"schema": {"type": "string"}}},
            },
            "304": {"description": "The same as before."},
            **problems.of(frozenset({"not_found", "too_often", "bug", "try_again", "unavailable"})),
        },
    }
