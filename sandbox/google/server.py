"""Calendar v3 and Google's OAuth endpoints over HTTP.

Endpoints do their work without waiting for anything (but for a `sync` message, when the work is done), so the
one event loop lets requests at the model one at a time: that is its lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google import batch, consent_page, control, scopes, web_page
from sandbox.google.answers import done, no_such_page, refused
from sandbox.google.calls import Call, read_call
from sandbox.google.errors import ApiError, Json, invalid_parameter, refusal
from sandbox.google.faults import instead, spoiled
from sandbox.google.grants import Grant, OAuthError
from sandbox.google.methods import BASE, Caller, Method, find_method
from sandbox.google.service import Service
from sandbox.lost import LosingApplication


def application(service: Service) -> LosingApplication:
    """The sandbox as an ASGI application."""
    api = _Api(service)
    return LosingApplication(
        routes=[
            Route(BASE + "{rest:path}", api.calendar, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route(batch.PATH, api.batch, methods=["POST"]),
            Route("/token", api.token, methods=["POST"]),
            Route("/revoke", api.revoke, methods=["POST"]),
            *consent_page.routes(service),
            *control.routes(service),
            *web_page.routes(service),
        ]
    )


class _Api:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def calendar(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode(errors="replace")
        headers = dict(request.headers)
        call = read_call(request.method, path, request.url.query, headers, await request.body())
        response = self._respond(call)
        await self._sync_first(call)
        return response

    async def batch(self, request: Request) -> Response:
        headers = {name: v for name, v in request.headers.items() if name == "authorization"}
        try:
            parts = batch.read(await request.body(), request.headers.get("content-type", ""), headers)
        except ApiError as error:
            return refused(error)

        def answer() -> Response:
            order = self._service.chance.sample(range(len(parts)), len(parts))  # Google promises none
            answers = {index: self._respond(parts[index].call) for index in order}
            return batch.answer([(part.id, answers[index]) for index, part in enumerate(parts)])

        entry: Json = {"method": "POST", "path": batch.PATH, "query": {}, "body": None, "sub": None}
        response = self._answered("batch", answer, entry)
        await self._sync_first(*(part.call for part in parts))
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

    def _respond(self, call: Call) -> Response:
        """The answer to one request at the API, alone or as a part of a batch."""
        method, call = find_method(call)
        if method is None:
            return no_such_page()
        grant = self._service.grants.holder(call.bearer)
        entry = {
            "method": call.http_method,
            "path": call.path,
            "query": {name: value for name, value in call.query.items() if name != "oauth_token"},
            "body": None if isinstance(call.body, ValueError) else call.body or None,
            "if_match": call.if_match,
            "headers": {name: value for name, value in call.headers.items() if name != "authorization"},
            "sub": grant.sub if grant else None,
        }
        return self._answered(method.id, lambda: self._perform(method, call, grant), entry)

    def _answered(self, operation: str, perform: Callable[[], Response], entry: Json) -> Response:
        """The one place where faults strike and requests are recorded."""
        fault = self._service.faults.take(operation)
        response = perform() if fault is None or fault.works else instead(fault, operation)
        lost = fault is not None and fault.lost
        status = response.status_code
        self._service.requests.add({"operation": operation, **entry, "status": status, "lost": lost})
        if fault is None or not fault.works:
            return response
        return spoiled(fault, response, self._service.released)

    def _perform(self, method: Method, call: Call, grant: Grant | None) -> Response:
        try:
            result = self._run(method, call, grant)
        except ApiError as error:
            return refused(error)
        if result is not None and call.knows(result.get("etag")):
            return Response(status_code=304)
        return done(result)

    def _run(self, method: Method, call: Call, grant: Grant | None) -> Json | None:
        """The method's result, once the caller may ask for it. Raises ApiError."""
        if grant is None:
            raise refusal("authError")
        google = self._service.google
        self._service.quota.spend(grant.sub, method.id, google.settings.quota_units_a_minute)
        most = self._most_allowed(method, call, grant)
        if isinstance(call.body, ValueError):
            raise refusal("parseError")
        if call.query.get("alt", "json") != "json":
            raise invalid_parameter(f"Invalid value '{call.query['alt']}'. Values are: [json]", "alt")
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
        for calendar_id in call.calendars:
            found = google.store.find(grant.sub, calendar_id)
            if found is not None:
                calendar, role = found
                target = scopes.Target(role, calendar.app == grant.client_id, calendar.rules.is_public)
                allowing = [scope for scope in allowing if scopes.covers(scope, target)]
        if not allowing:
            raise refusal("insufficientPermissions")
        return scopes.most(allowing)

    async def _sync_first(self, *calls: Call) -> None:
        """The `sync` message of a channel just made, where it is to come before the answer."""
        watching = any(call.path.endswith("/watch") for call in calls)
        if watching and self._service.google.settings.sync_before_answer:
            await self._service.dispatcher.deliver()


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
