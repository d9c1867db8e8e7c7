"""`settings_api` without its framework: one request in, one answer out, one line of log.

CORS preflight, or: route → token → role → body → endpoint
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from shared.api import openapi
from shared.api.callers import Caller, Callers
from shared.api.feeds import FEED, Reads, is_feed, serve_feed
from shared.api.models import Body
from shared.api.problems import ProblemError, invalid, problem_of, reply_of, why
from shared.api.routing import Endpoint, Found, Query, Use, found, template_of
from shared.api.table import ENDPOINTS
from shared.api.wire import Call, Reply
from shared.log import Severity, log
from shared.wiring import Wiring

BODY_MAX = 64 * 1024
"""Bytes."""
PREFLIGHT_SECONDS = 7200
"""How long a browser need not ask again; none keeps it much longer."""

_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Origin"}


@dataclass
class _Visit:
    """One request, as far as it has got."""

    call: Call
    endpoint: str = "none"
    """As a template: what stands in a path is nobody's business in a log."""
    caller: Caller | None = None


class Api:
    """Safe between threads."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._callers = Callers(wiring)
        self._reads = Reads()

    def answer(self, call: Call) -> Reply:
        began, visit = time.monotonic(), _Visit(call)
        failed: Mapping[str, str] = {}
        try:
            reply, code = self._preflight(visit) if call.method == "OPTIONS" else self._served(visit), "ok"
        except Exception as error:  # noqa: BLE001 - the last line of defence: no text of an error gets out
            problem = problem_of(error)
            reply, code, failed = reply_of(problem), problem.code, why(error)
        log(
            Severity.ERROR if reply.status >= 500 else Severity.INFO,
            "api",
            method=call.method if call.method in _METHODS else "other",
            endpoint=visit.endpoint,
            status=reply.status,
            code=code,
            duration_ms=round((time.monotonic() - began) * 1000),
            **failed,
        )
        return Reply(reply.status, reply.body, {**_ALWAYS, **reply.headers, **self._cors(visit)})

    # --- steps ------------------------------------------------------------------------------------------

    def _served(self, visit: _Visit) -> Reply:
        if visit.call.path == openapi.PATH and visit.call.method == "GET":
            visit.endpoint = openapi.PATH
            return openapi.serve_document(visit.call)
        if is_feed(visit.call.path):
            visit.endpoint = FEED
            return serve_feed(self._wiring.world(), self._reads, visit.call)
        visit.endpoint = template_of(ENDPOINTS, visit.call.path) or visit.endpoint
        at = found(ENDPOINTS, visit.call.method, visit.call.path)
        endpoint = at.endpoint
        visit.caller = self._callers.caller(visit.call.headers.get("authorization", ""))
        visit.caller.check(at.practitioner, admin=endpoint.admin, own=endpoint.own)
        answer = endpoint.do(self._use(visit.caller, at), _given(visit.call, endpoint))
        return _json(endpoint.status, answer)

    def _use(self, caller: Caller, at: Found) -> Use:
        wiring = self._wiring
        return Use(
            world=wiring.world(),
            connecting=wiring.connecting(),
            tasks=wiring.tasks,
            reach=wiring.reach,
            bucket_seconds=wiring.settings.bucket_s,
            caller=caller,
            practitioner=at.practitioner,
            steps=at.steps,
        )

    # --- CORS -------------------------------------------------------------------------------------------

    def _preflight(self, visit: _Visit) -> Reply:
        """A browser asks whether a page may call. It brings no token: any practice's origin will do."""
        visit.endpoint = "preflight"
        if not self._callers.know(visit.call.headers.get("origin", "")):
            raise ProblemError("origin")
        return Reply(
            204,
            headers={
                "Access-Control-Allow-Methods": ", ".join(_USED),
                "Access-Control-Allow-Headers": "Authorization, Content-Type",
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    def _cors(self, visit: _Visit) -> Mapping[str, str]:
        """Whether the page that called may read the answer: one of the caller's practice.

        Where no token was accepted, a page of any practice may read that.
        """
        origin = visit.call.headers.get("origin")
        if origin is None:
            return {}
        caller = visit.caller
        if not (origin in caller.origins if caller else self._callers.know(origin)):
            return {}
        return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}


_USED = sorted({method for methods in ENDPOINTS.values() for method in methods})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _given(call: Call, endpoint: Endpoint) -> Body | Query | None:
    if endpoint.query is not None:
        return _query(endpoint.query, call)
    return _body(endpoint.body, call) if endpoint.body else None


def _query(model: type[Query], call: Call) -> Query:
    try:
        return model.model_validate(dict(call.query))
    except ValidationError as error:
        raise invalid(_wrong(error)) from None


def _body(model: type[Body], call: Call) -> Body:
    """Nothing at all is the same as an empty object."""
    try:
        body = model.model_validate_json(_content(call) or b"{}")
    except ValidationError as error:
        wrong = _wrong(error)
        raise (invalid(wrong) if wrong else ProblemError("malformed")) from None
    if body.nulls():
        raise invalid(dict.fromkeys(body.nulls(), "null"))
    return body


def _wrong(error: ValidationError) -> dict[str, str]:
    """What is wrong, by field; nothing of what stood there."""
    listed = error.errors(include_url=False, include_context=False, include_input=False)
    return {str(each["loc"][0]): str(each["type"]) for each in listed if each["loc"]}


def _content(call: Call) -> bytes:
    content = call.read(BODY_MAX + 1)
    if len(content) > BODY_MAX:
        raise ProblemError("too_large")
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and media_type != "application/json":
        raise ProblemError("media_type")
    return content


def _json(status: int, answer: BaseModel) -> Reply:
    return Reply(status, answer.model_dump_json(), {"Content-Type": "application/json"})
