"""The EHR's own front end under /app: its page, and the data of whoever is signed in.

The page is files without a build: HTML, CSS, modules of `front/`, and the week view of `sandbox/week/`. What
is the EHR's it asks here; what is the sync's it asks the sync itself, under the token that is given out here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.ehr import urls
from sandbox.ehr.agenda import Agenda, from_wall, wall, zone_of_practitioner
from sandbox.ehr.desk import display_of
from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.identity import Identity
from sandbox.ehr.instants import format_instant
from sandbox.ehr.outcome import FhirError, Resource, dicts
from sandbox.ehr.sessions import Sessions, User
from sandbox.ehr.staff import Staff
from sandbox.week.files import page_headers, static_routes

PATH = "/app/"
DAYS_MAX = 31
TITLE_MAX = 200
TITLES_MAX = 200
_PAGE = Path(__file__).parent / "front" / "index.html"
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass
class Whereabouts:
    """Where the other parts are; "" where that is not known."""

    calsync_api: str = ""
    """Where the sync's endpoints begin."""
    google_app: str = ""
    """The page of Google's calendar, to be shown beside one's own."""


@dataclass(frozen=True)
class _Signed:
    """A request of somebody who is signed in."""

    user: User
    zone: ZoneInfo
    store: FhirStore
    body: Mapping[str, Any]

    @property
    def agenda(self) -> Agenda:
        return Agenda(self.store, self.user.practitioner, self.zone)


class FrontEnd:
    """`store`: the present one, for a seed replaces it."""

    def __init__(
        self, store: Callable[[], FhirStore], identity: Identity, sessions: Sessions, where: Whereabouts
    ) -> None:
        self._store = store
        self._identity = identity
        self._sessions = sessions
        self._where = where

    def routes(self) -> list[Route]:
        data = {
            ("GET", "token"): self._token,
            ("GET", "week"): self._week,
            ("GET", "clients"): self._clients,
            ("GET", "titles"): self._titles,
            ("POST", "appointments"): self._book,
            ("POST", "appointments/{appointment}"): self._change,
        }
        return [
            Route("/app", lambda _: RedirectResponse(PATH, 308)),
            Route(PATH, self._page, methods=["GET"]),
            Route("/app/people", self._people, methods=["GET"]),
            Route("/app/me", self._me, methods=["GET"]),
            Route("/app/sign-out", self._sign_out, methods=["POST"]),
            *(
                Route(f"/app/data/{path}", self._signed_in(run), methods=[method])
                for (method, path), run in data.items()
            ),
            *static_routes("/app/static", _PAGE.parent),
        ]

    # --- for everybody ----------------------------------------------------------------------------------

    async def _page(self, _request: Request) -> Response:
        headers = page_headers(
            connect=_origin(self._where.calsync_api), frame=_origin(self._where.google_app)
        )
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"), headers=headers)

    async def _people(self, _request: Request) -> Response:
        """Who may sign in: in a sandbox everybody, without a password."""
        people = [
            {"id": row["id"], "name": display_of(row), "zone": zone_of_practitioner(row).key}
            for row in self._store().resources("Practitioner")
        ]
        return JSONResponse(people, headers=_NO_STORE)

    async def _me(self, request: Request) -> Response:
        """Who is signed in, and where the other parts are; null for nobody."""
        user = self._sessions.of(request)
        if user is None:
            return JSONResponse(None, headers=_NO_STORE)
        who = self._practitioner(user.practitioner)
        said = {
            "practitioner": user.practitioner,
            "name": display_of(who) or user.practitioner,
            "role": user.role,
            "zone": zone_of_practitioner(who).key,
            "now": format_instant(self._store().now()),
            "calsync": self._where.calsync_api,
            "google": self._where.google_app,
        }
        return JSONResponse(said, headers=_NO_STORE)

    async def _sign_out(self, request: Request) -> Response:
        self._sessions.end(request)
        return JSONResponse({})

    # --- for whoever is signed in -----------------------------------------------------------------------

    def _signed_in(self, run: Callable[[Request, _Signed], Any]) -> Callable[[Request], Any]:
        @wraps(run)
        async def answer(request: Request) -> Response:
            user = self._sessions.of(request)
            if user is None:
                return JSONResponse({"error": "Please sign in."}, 401)
            try:
                signed = _Signed(user, self._zone(user), self._store(), await _body(request))
                return JSONResponse(run(request, signed), headers=_NO_STORE)
            except FhirError as error:
                return JSONResponse({"error": error.text}, error.status)
            except (ValueError, KeyError) as error:
                return JSONResponse({"error": str(error)}, 400)

        return answer

    def _zone(self, user: User) -> ZoneInfo:
        return zone_of_practitioner(self._practitioner(user.practitioner))

    def _practitioner(self, practitioner: str) -> Resource:
        rows = self._store().resources("Practitioner")
        return next((row for row in rows if row["id"] == practitioner), {})

    def _token(self, _request: Request, signed: _Signed) -> Any:
        user = signed.user
        return {"token": self._identity.token(practitioner=user.practitioner, role=user.role)}

    def _week(self, request: Request, signed: _Signed) -> Any:
        first, days = date.fromisoformat(request.query_params["from"]), int(request.query_params["days"])
        if not 1 <= days <= DAYS_MAX:
            raise ValueError(f"'days' is from 1 to {DAYS_MAX}")
        now = wall(signed.store.now(), signed.zone)
        return {"zone": signed.zone.key, "now": now, "events": signed.agenda.week(first, days)}

    def _clients(self, _request: Request, signed: _Signed) -> Any:
        rows = [row for row in signed.store.resources("Patient") if row.get("active", True)]
        found = [{"id": row["id"], "name": display_of(row), "number": _number(row)} for row in rows]
        return sorted(found, key=lambda each: each["name"])

    def _titles(self, request: Request, signed: _Signed) -> Any:
        """What one's own appointments are called, by their `ids`."""
        wanted = request.query_params["ids"].split(",")[:TITLES_MAX]
        return signed.agenda.titles(frozenset(wanted))

    def _book(self, _request: Request, signed: _Signed) -> Any:
        """`start`, `end`, and `client` or `title`."""
        body, who, zone = signed.body, signed.user.practitioner, signed.zone
        start, end = _span(body, zone)
        staff = Staff(signed.store)
        if body.get("client"):
            client = str(body["client"])
            made = staff.book(patients=[client], practitioners=[who], start=start, end=end, zone=zone.key)
        else:
            title = str(body.get("title") or "Personal time")[:TITLE_MAX]
            made = staff.book_personal(practitioner=who, start=start, end=end, zone=zone.key, title=title)
        return {"id": made["id"]}

    def _change(self, request: Request, signed: _Signed) -> Any:
        """`action`: `move` with `start` and `end`, or one of the statuses that this screen sets."""
        staff, row = Staff(signed.store), request.path_params["appointment"]
        if signed.agenda.own(row) is None:
            raise FhirError(404, "not-found", "not-found", "There is no such appointment of yours.")
        action = signed.body.get("action")
        if action == "move":
            start, end = _span(signed.body, signed.zone)
            staff.reschedule(appointment=row, start=start, end=end)
        elif action in ("cancel", "restore", "arrive", "no_show"):
            getattr(staff, action)(appointment=row)
        else:
            raise ValueError(f"no action {action!r}")
        return {"id": row}


def _span(body: Mapping[str, Any], zone: ZoneInfo) -> tuple[Any, Any]:
    start, end = from_wall(body.get("start"), zone), from_wall(body.get("end"), zone)
    if end <= start:
        raise ValueError("It has to end after it begins.")
    return start, end


def _number(patient: Resource) -> str:
    """The practice's own number of a client."""
    numbers = (each for each in dicts(patient.get("identifier")) if each.get("system") == urls.INTERNAL_ID)
    return str(next((each["value"] for each in numbers), ""))


async def _body(request: Request) -> Mapping[str, Any]:
    """Of a write. Only JSON: no form of another page can send that."""
    if request.method == "GET":
        return {}
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise ValueError("the body is not application/json")
    body = json.loads(await request.body() or b"{}")
    if not isinstance(body, dict):
        raise ValueError("the body is not a JSON object")  # noqa: TRY004 - a request's fault
    return body


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
