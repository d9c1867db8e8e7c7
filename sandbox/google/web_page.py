"""Google Calendar's own page, as far as a person needs one here: the week of an account, all its calendars.

GET  /app/               the page; with `?account=` the e-mail of an account, else one chooses
GET  /app/data/accounts  who there is
GET  /app/data/week      `account`, `from`, `days` → zone, now, calendars, events, in the account's wall time

What a person does there goes through `POST /control/user`, as in tests. Nobody signs in: it is a sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.google.errors import ApiError, Json
from sandbox.google.rules import RANK
from sandbox.google.service import Service
from sandbox.google.store import Account
from sandbox.week.files import page_headers, static_routes

PATH = "/app/"
DAYS_MAX = 31
_PAGE = Path(__file__).parent / "front" / "index.html"
_FRAMED_BY = "http://127.0.0.1:* http://localhost:*"
"""The EHR's page shows this one beside its own."""


def routes(service: Service) -> list[Route]:
    async def page(_: Request) -> Response:
        return HTMLResponse(
            _PAGE.read_text(encoding="utf-8"), headers=dict(page_headers(framed_by=_FRAMED_BY))
        )

    async def accounts(_: Request) -> Response:
        found = service.google.store.accounts.values()
        return JSONResponse([{"email": each.email, "name": each.name} for each in found])

    async def week(request: Request) -> Response:
        try:
            return JSONResponse(_week(service, dict(request.query_params)))
        except (ValueError, KeyError, ApiError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return [
        Route("/app", lambda request: RedirectResponse(f"{PATH}?{request.url.query}", 308)),
        Route(PATH, page, methods=["GET"]),
        Route("/app/data/accounts", accounts, methods=["GET"]),
        Route("/app/data/week", week, methods=["GET"]),
        *static_routes("/app/static", _PAGE.parent),
    ]


def _week(service: Service, asked: dict[str, str]) -> Json:
    account = _account(service, asked.get("account", ""))
    first, days = date.fromisoformat(asked["from"]), int(asked["days"])
    if not 1 <= days <= DAYS_MAX:
        raise ValueError(f"'days' is from 1 to {DAYS_MAX}")
    zone = ZoneInfo(account.time_zone)
    begins = datetime.combine(first, time.min, zone)
    ends = datetime.combine(first + timedelta(days=days), time.min, zone)
    calendars = service.google.calendar_list.list(account.sub)["items"]
    return {
        "sub": account.sub,
        "email": account.email,
        "zone": zone.key,
        "now": _wall(service.clock.now(), zone),
        "calendars": [_calendar(each) for each in calendars],
        "events": [
            event for entry in calendars for event in _events(service, account.sub, entry, begins, ends, zone)
        ],
    }


def _account(service: Service, email: str) -> Account:
    found = (each for each in service.google.store.accounts.values() if email in (each.email, each.sub))
    account = next(found, None)
    if account is None:
        raise ValueError("there is no such account")
    return account


def _calendar(entry: Json) -> Json:
    return {
        "id": entry["id"],
        "name": entry.get("summaryOverride") or entry["summary"],
        "colour": entry["backgroundColor"],
        "writable": RANK[entry["accessRole"]] >= RANK["writer"],
        "primary": bool(entry.get("primary")),
    }


def _events(
    service: Service, sub: str, entry: Json, begins: datetime, ends: datetime, zone: ZoneInfo
) -> Iterator[Json]:
    """One page of them: more than 2,500 are no week."""
    between = {"timeMin": begins.isoformat(), "timeMax": ends.isoformat(), "maxResults": 2500}
    answer = service.google.events.list(sub, entry["id"], {"singleEvents": True, **between})
    for event in answer["items"]:
        yield {
            "id": event["id"],
            "calendar": entry["id"],
            "title": event.get("summary") or "(No title)",
            "start": _time(event["start"], zone),
            "end": _time(event["end"], zone),
            "allDay": "date" in event["start"],
            "free": event.get("transparency") == "transparent",
            "place": event.get("location", ""),
            "series": "recurringEventId" in event,
        }


def _time(value: Json, zone: ZoneInfo) -> str:
    if "date" in value:
        return str(value["date"])
    return _wall(datetime.fromisoformat(value["dateTime"]), zone)


def _wall(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
