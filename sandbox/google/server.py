"""Calendar v3 and Google's OAuth endpoints over HTTP.

Endpoints do their work without waiting for anything (but for a `sync` message, when the work is done), so the
one event loop lets requests at the model one at a time: that is its lock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Fault
from sandbox.google import consent_page, control, scopes
from sandbox.google.errors import ApiError, Json, domain_of
from sandbox.google.grants import Grant, OAuthError
from sandbox.google.methods import BASE, Call, Caller, Method, find_method, if_match
from sandbox.google.service import Service
from sandbox.lost import LosingApplication, LostAnswer

JSON_TYPE = "application/json; charset=UTF-8"
REPEATED = frozenset({"eventTypes", "privateExtendedProperty", "sharedExtendedProperty"})
OVERRIDE = "x-http-method-override"


def application(service: Service) -> LosingApplication:
    """The sandbox as an ASGI application."""
    api = _Api(service)
    return LosingApplication(
        routes=[
            Route(BASE + "{rest:path}", api.calendar, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/token", api.token, methods=["POST"]),
            Route("/revoke", api.revoke, methods=["POST"]),
            *consent_page.routes(service),
            *control.routes(service),
        ]
    )


class _Api:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def calendar(self, request: Request) -> Response:
        call = _read_call(request, await request.body())
        method, call = find_method(call)
        if method is None:
            return Response(_html(404, "Not Found"), 404, media_type="text/html; charset=UTF-8")
        grant = self._service.grants.holder(_bearer(call))
        response = self._answered(
            method.id,
            lambda: self._perform(method, call, grant),
            {
                "method": call.http_method,
                "path": call.path,
                "query": dict(call.query),
                "body": None if isinstance(call.body, ValueError) else call.body or None,
                "if_match": if_match(call),
                "sub": grant.sub if grant else None,
            },
        )
        if method.id.endswith(".watch") and self._service.google.settings.sync_before_answer:
            await self._service.dispatcher.deliver()
        return response

    async def token(self, request: Request) -> Response:
        return self._oauth("token", _form(await request.body()), self._service.token)

    async def revoke(self, request: Request) -> Response:
        def ended(form: Mapping[str, str]) -> Json:
            self._service.grants.revoke(form.get("token", ""))
            return {}

        return self._oauth("revoke", {**request.query_params, **_form(await request.body())}, ended)

    def _oauth(
        self, operation: str, form: Mapping[str, str], run: Callable[[Mapping[str, str]], Json]
    ) -> Response:
        def answer() -> Response:
            try:
                return JSONResponse(run(form))
            except OAuthError as error:
                return JSONResponse(error.body, error.status)

        grant_type = {name: form[name] for name in ("grant_type", "client_id") if name in form}
        entry = {"method": "POST", "path": f"/{operation}", "query": {}, "body": grant_type, "sub": None}
        return self._answered(operation, answer, entry)

    def _answered(self, operation: str, perform: Callable[[], Response], entry: Json) -> Response:
        """The one place where faults strike and requests are recorded."""
        fault = self._service.faults.take(operation)
        response = perform() if fault is None or fault.lost else _faulty(fault, operation)
        lost = fault is not None and fault.lost
        self._service.requests.add(
            {"operation": operation, **entry, "status": response.status_code, "lost": lost}
        )
        return LostAnswer() if lost else response

    def _perform(self, method: Method, call: Call, grant: Grant | None) -> Response:
        try:
            result = self._run(method, call, grant)
        except ApiError as error:
            return _refused(error)
        if result is None:
            return Response(status_code=204)
        headers = {"etag": result["etag"]} if "etag" in result else {}
        return JSONResponse(result, headers=headers, media_type=JSON_TYPE)

    def _run(self, method: Method, call: Call, grant: Grant | None) -> Json | None:
        """The method's result, once the caller may ask for it. Raises ApiError."""
        if grant is None:
            raise ApiError(401, "authError", "Invalid Credentials", "global", "Authorization", "header")
        google = self._service.google
        self._service.quota.spend(grant.sub, method.id, google.settings.quota_units_a_minute)
        most = self._most_allowed(method, call, grant)
        if isinstance(call.body, ValueError):
            raise ApiError(400, "parseError", "Parse Error")
        google.store.most = most
        try:
            return method.run(google, Caller(grant.sub, grant.client_id), call)
        finally:
            google.store.most = "owner"

    def _most_allowed(self, method: Method, call: Call, grant: Grant) -> str:
        """The highest role the granted scopes leave the caller.

        ApiError 403 unless one of them has the method and reaches the calendars it names. Of a calendar one
        does not see the model says 404.
        """
        google = self._service.google
        allowing = scopes.allowing(grant.scopes, method.id)
        for calendar_id in call.calendars():
            found = google.store.find(grant.sub, calendar_id)
            if found is not None:
                calendar, role = found
                target = scopes.Target(role, calendar.app == grant.client_id, calendar.rules.is_public)
                allowing = [scope for scope in allowing if scopes.covers(scope, target)]
        if not allowing:
            message = "Request had insufficient authentication scopes."
            raise ApiError(403, "insufficientPermissions", message)
        return scopes.most(allowing)


def _read_call(request: Request, body: bytes) -> Call:
    """The request as meant: a long GET may come as a POST with its query in the body."""
    headers = dict(request.headers)
    http_method, query_text, content = request.method, request.url.query, body
    if http_method == "POST" and headers.get(OVERRIDE, "").upper() == "GET":
        http_method, query_text, content = "GET", body.decode(errors="replace"), b""
    names = parse_qs(query_text, keep_blank_values=True)
    query = {name: values if name in REPEATED else values[-1] for name, values in names.items()}
    path = request.scope["raw_path"].decode(errors="replace")
    return Call(http_method, path, (), query, _json(content), headers)


def _json(content: bytes) -> Any:
    """The body; an empty one is an empty object; the error itself when it is no JSON."""
    if not content:
        return {}
    try:
        return json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return ValueError(str(error))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _bearer(call: Call) -> str:
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _refused(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    if error.status == 304:
        return Response(status_code=304)
    challenge = {
        "authError": 'Bearer realm="https://accounts.google.com/", error="invalid_token"',
        "insufficientPermissions": 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"',
    }.get(error.reason)
    all_headers = {**(headers or {}), **({"www-authenticate": challenge} if challenge else {})}
    return JSONResponse(error.body(), error.status, headers=all_headers, media_type=JSON_TYPE)


def _faulty(fault: Fault, operation: str) -> Response:
    """What a fault answers: its own text, or an error in the endpoint's usual shape."""
    headers = {} if fault.retry_after_seconds is None else {"retry-after": str(fault.retry_after_seconds)}
    if fault.body is not None:
        kind = "text/html" if fault.body.lstrip().startswith("<") else "application/json"
        return Response(fault.body, fault.status, headers=headers, media_type=kind + "; charset=UTF-8")
    if operation in ("token", "revoke"):
        body = {"error": fault.reason or "internal_failure", "error_description": fault.message}
        return JSONResponse(body, fault.status, headers=headers)
    reason = fault.reason or "backendError"
    message = fault.message or "Backend Error"
    return _refused(ApiError(fault.status, reason, message, domain_of(reason)), headers)


def _html(status: int, text: str) -> str:
    return f"<!DOCTYPE html><html lang=en><title>Error {status} ({text})!!1</title><p><b>{status}.</b>"
