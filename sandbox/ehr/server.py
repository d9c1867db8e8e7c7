"""The sandbox EHR over HTTP: FHIR under /fhir, keys at /jwks, its own page under /app, and /control for tests
and for people who try things.

Endpoints do their work without waiting for anything but the network, so the one event loop is the lock.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox.ehr import rest
from sandbox.ehr.api import Api, body_of
from sandbox.ehr.clock import SandboxClock
from sandbox.ehr.control import act, arguments
from sandbox.ehr.fhir import PROFILES, FhirStore, Hours, Settings
from sandbox.ehr.front_end import FrontEnd, Whereabouts
from sandbox.ehr.hooks import Hooks, HookSettings
from sandbox.ehr.identity import PRACTICE, Identity
from sandbox.ehr.instants import format_instant
from sandbox.ehr.notices import Notices
from sandbox.ehr.outcome import FhirError, Resource
from sandbox.ehr.practice import seed_practice
from sandbox.ehr.return_page import ReturnPage
from sandbox.ehr.sessions import Sessions
from sandbox.ehr.staff import Staff
from sandbox.ehr.token_endpoint import TokenEndpoint
from sandbox.faults import fault_from_json

TOKEN = "sandbox-ehr-token"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_CONTROL_METHODS = ["GET", "POST", "PUT", "DELETE"]
_TRANSPORT = "sandbox.transport"
_RECEIVE_MAX = 10


def make_app(
    clock: SandboxClock,
    *,
    token: str = TOKEN,
    practice: str = PRACTICE,
    calsync_api: str = "",
    google_app: str = "",
    settings: Settings | None = None,
) -> Starlette:
    """An empty EHR. `calsync_api`: where the sync's own endpoints begin; `google_app`: Google's own page."""
    tokens = TokenEndpoint(clock.now)
    store = FhirStore(now=clock.now, rng=random.Random(0), settings=settings)
    api = Api(store, token, tokens.accepts)
    identity = Identity(clock.now, practice)

    def commit_due() -> None:  # a seed replaces the store
        api.store.commit_due()

    hooks = Hooks(clock.now, random.Random(0), commit_due)
    sessions, where = Sessions(), Whereabouts(calsync_api, google_app)
    page = ReturnPage(
        lambda practitioner: identity.token(practitioner=practitioner), sessions, lambda: where.calsync_api
    )
    front_end = FrontEnd(lambda: api.store, identity, sessions, where)
    notices = Notices(clock.now)
    control = _Control(api, clock, identity, hooks, where, {**tokens.controls(), **notices.controls()})

    async def fhir(request: Request) -> Response:
        return _response(api.handle(await _call(request)))

    async def jwks(_request: Request) -> Response:
        return JSONResponse(identity.jwks(), headers={"Cache-Control": "max-age=300"})

    async def run_control(request: Request) -> Response:
        return control.run(
            request.method, request.path_params["what"], await request.body(), request.query_params
        )

    return _App(
        routes=[
            *tokens.routes(api.faults, _Lost),  # before what is below the FHIR base
            Route("/fhir", fhir, methods=_METHODS),
            Route("/fhir/{path:path}", fhir, methods=_METHODS),
            Route("/jwks", jwks),
            *page.routes(),
            *front_end.routes(),
            *notices.routes(),
            Route("/control/{what:path}", run_control, methods=_CONTROL_METHODS),
        ]
    )


# --- FHIR over the wire ---------------------------------------------------------------------------------


async def _call(request: Request) -> rest.Call:
    path = request.path_params.get("path", "")
    return rest.Call(
        method=request.method,
        path=tuple(segment for segment in path.split("/") if segment),
        query=[(name, value) for name, value in request.query_params.multi_items() if value],
        headers=dict(request.headers),
        body=await request.body(),
        base_url=f"{request.url.scheme}://{request.url.netloc}/fhir",
    )


def _response(answer: rest.Answer) -> Response:
    if answer.lost:
        return _Lost()
    text = body_of(answer)
    kind = "text/html" if text.startswith("<") else "application/fhir+json"
    return Response(text, answer.status, dict(answer.headers), media_type=kind if text else None)


class _App(Starlette):
    """Keeps uvicorn's transport in the scope: nothing else can end a connection without an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


class _Lost(Response):
    """The connection ends; not a byte of the answer was sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        scope[_TRANSPORT].abort()
        for _ in range(_RECEIVE_MAX):  # uvicorn notices in its loop's next turn; before, it would answer 500
            if (await receive())["type"] == "http.disconnect":
                return


# --- control --------------------------------------------------------------------------------------------


class _Control:
    """Each request is one method and one name: `POST seed`, `PUT clock`, `POST keys/rotate`, …"""

    def __init__(
        self,
        api: Api,
        clock: SandboxClock,
        identity: Identity,
        hooks: Hooks,
        where: Whereabouts,
        others: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], object]],
    ) -> None:
        """`others`: controls of parts that bring their own."""
        self._api = api
        self._clock = clock
        self._hooks = hooks
        self._where = where
        api.store.on_change = hooks.notify
        self._handlers: dict[tuple[str, str], Callable[[Mapping[str, Any]], object]] = {
            ("POST", "seed"): self._seed,
            ("POST", "rows"): self._load,
            ("POST", "staff"): lambda data: act(Staff(api.store), data),
            ("POST", "faults"): lambda data: api.faults.add(fault_from_json(dict(data))),
            ("DELETE", "faults"): lambda _: api.faults.clear(),
            ("GET", "clock"): lambda _: self._time(),
            ("PUT", "clock"): self._set_clock,
            ("GET", "settings"): lambda _: asdict(api.store.settings),
            ("POST", "settings"): self._settings,
            ("GET", "locks"): lambda _: sorted(api.store.locked),
            ("POST", "locks"): lambda data: self._lock(**arguments(self._lock, data)),
            ("DELETE", "locks"): lambda _: self._unlock(),
            ("POST", "hours"): lambda data: self._hours(**arguments(self._hours, data)),
            ("DELETE", "hours"): lambda _: self._always(),
            ("GET", "requests"): lambda query: api.requests(_since(query)),
            ("GET", "appointments"): lambda _: api.store.resources("Appointment"),
            ("GET", "rows"): lambda query: api.store.resources(query.get("type", "Appointment")),
            ("POST", "token"): lambda data: {"token": identity.token(**arguments(identity.token, data))},
            ("POST", "keys/rotate"): lambda _: identity.rotate(),
            ("POST", "keys/forget"): lambda _: identity.forget(),
            ("GET", "hooks"): lambda _: hooks.receivers(),
            ("POST", "hooks"): lambda data: hooks.register(**arguments(hooks.register, data)),
            ("DELETE", "hooks"): lambda _: hooks.clear(),
            ("POST", "hooks/heartbeat"): lambda _: hooks.heartbeat(),
            ("POST", "hooks/settings"): self._hook_settings,
            ("GET", "deliveries"): lambda query: hooks.deliveries(_since(query)),
            ("POST", "app"): lambda data: self._app(**arguments(self._app, data)),
            **others,
        }

    def run(self, method: str, what: str, body: bytes, query: Mapping[str, str]) -> Response:
        """The handler's result as JSON; 400 with a sentence where the request is wrong."""
        handler = self._handlers.get((method, what))
        if handler is None:
            known = ", ".join(" ".join(names) for names in self._handlers)
            return JSONResponse({"error": f"no control {method} {what}; there are {known}"}, 400)
        try:
            result = handler(query if method == "GET" else _object(body))
        except (ValueError, FhirError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({} if result is None else result)

    def _seed(self, data: Mapping[str, Any]) -> Resource:
        today = self._clock.now().date().isoformat()
        return self._fill(**arguments(self._fill, {"today": today, **data}))

    def _fill(self, *, today: date, seed: int = 1, appointments: int = 400) -> Resource:
        """A new store in the place of the old one; settings stay."""
        rng = random.Random(seed)
        store = FhirStore(now=self._clock.now, rng=rng, settings=self._api.store.settings)
        summary = seed_practice(store, today=today, seed=seed, appointments=appointments)
        store.on_change = self._hooks.notify  # from here on: the practice was there before
        self._api.store = store
        return {**asdict(summary), "appointments": summary.appointments}

    def _load(self, data: Mapping[str, Any]) -> Resource:
        """Rows from elsewhere, under their own ids; nobody is told. Raises ValueError, FhirError."""
        rows = data.get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError("'rows' must be a list of resources")
        store = self._api.store
        store.on_change = lambda _change: None
        try:
            for row in rows:
                store.take_over(row)
        finally:
            store.on_change = self._hooks.notify
        return {"loaded": len(rows)}

    def _settings(self, data: Mapping[str, Any]) -> Resource:
        """Some of them anew; with `profile` all others are as that one has them."""
        store = self._api.store
        changed = arguments(Settings, data)
        if changed.get("profile", "medplum") not in PROFILES:
            raise ValueError(f"'profile' must be one of {', '.join(PROFILES)}; it is {changed['profile']!r}")
        base = PROFILES[changed["profile"]] if "profile" in changed else store.settings
        store.settings = replace(base, **changed)
        return asdict(store.settings)

    def _lock(self, *, reference: str) -> list[str]:
        """Somebody has it open until all locks are taken away."""
        self._api.store.locked |= {reference}
        return sorted(self._api.store.locked)

    def _unlock(self) -> None:
        self._api.store.locked = frozenset()

    def _hours(self, *, reference: str, start: time, end: time, zone: str) -> None:
        """When a practitioner sees clients, Monday to Friday."""
        store = self._api.store
        store.hours = {**store.hours, reference: Hours(start, end, ZoneInfo(zone))}

    def _always(self) -> None:
        self._api.store.hours = {}

    def _set_clock(self, data: Mapping[str, Any]) -> Resource:
        self._clock.set(**arguments(self._clock.set, data))
        return self._time()

    def _time(self) -> Resource:
        return {"now": format_instant(self._clock.now()), "running": self._clock.running}

    def _hook_settings(self, data: Mapping[str, Any]) -> Resource:
        self._hooks.settings = replace(self._hooks.settings, **arguments(HookSettings, data))
        return asdict(self._hooks.settings)

    def _app(self, *, calsync_api: str | None = None, google_app: str | None = None) -> Resource:
        """What is left out stays."""
        if calsync_api is not None:
            self._where.calsync_api = calsync_api
        if google_app is not None:
            self._where.google_app = google_app
        return asdict(self._where)


def _since(query: Mapping[str, str]) -> int:
    since = query.get("since", "0")
    if not since.isascii() or not since.isdigit():
        raise ValueError(f"'since' must be a request's number; it is {since!r}")
    return int(since)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body or b"{}")
    except ValueError as error:
        raise ValueError("the body is not JSON") from error
    if not isinstance(data, dict):
        raise ValueError("the body is not a JSON object")  # noqa: TRY004 - the request's fault, not a type's
    return data
