"""Control of the sandbox: accounts, persons, faults, clock, and what was asked of it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google import scopes
from sandbox.google.calendar import Settings
from sandbox.google.consent import Decision
from sandbox.google.errors import ApiError, Json
from sandbox.google.faults import fault_from_json
from sandbox.google.grants import CLIENT_ID
from sandbox.google.ics import read_ics
from sandbox.google.imports import Import
from sandbox.google.record import Record
from sandbox.google.service import Service
from sandbox.google.store import changed_settings
from sandbox.google.user import Person

ACTIONS = frozenset(name for name in dir(Person) if not name.startswith("_"))

TEXTS = frozenset(
    {
        *("calendar", "event", "destination", "account", "summary", "time_zone", "color", "setting", "value"),
        *("scope", "response", "organizer"),
    }
)
"""Arguments of actions that must be texts."""

Handler = Callable[[Service, Json], Any]


def routes(service: Service) -> list[Route]:
    """All of `/control`. A wrong request answers 400 with a sentence that names what is wrong."""
    table: dict[tuple[str, str], Handler] = {
        ("POST", "accounts"): _add_account,
        ("POST", "accounts/email"): _change_email,
        ("POST", "grants"): _give_grant,
        ("POST", "grants/revoke"): _revoke_grants,
        ("POST", "redirect-uris"): _register,
        ("POST", "consents"): _lay_down,
        ("DELETE", "consents"): _clear_consents,
        ("POST", "user"): _act,
        ("POST", "import-ics"): _import_ics,
        ("POST", "faults"): _add_fault,
        ("DELETE", "faults"): _clear_faults,
        ("POST", "expire-sync-tokens"): _expire_sync_tokens,
        ("GET", "settings"): _read_settings,
        ("POST", "settings"): _change_settings,
        ("GET", "clock"): _read_clock,
        ("PUT", "clock"): _set_clock,
        ("GET", "requests"): _read_requests,
        ("GET", "deliveries"): _read_deliveries,
        ("GET", "calendars/{calendar}/events"): _read_events,
        ("GET", "calendars/{calendar}/screen"): _read_screen,
    }
    return [
        Route(f"/control/{path}", _endpoint(service, handler), methods=[method])
        for (method, path), handler in table.items()
    ]


def _endpoint(service: Service, handler: Handler) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        try:
            data = _object(await request.body())
            return JSONResponse(handler(service, {**request.query_params, **request.path_params, **data}))
        except (ValueError, ApiError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return answer


def _object(body: bytes) -> Json:
    try:
        data = json.loads(body or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - answered with the others
    return data


def _text(data: Json, name: str, default: str | None = None) -> str:
    value = data.get(name, default)
    if value is None:
        raise ValueError(f"{name!r} is missing")
    if not isinstance(value, str):
        raise ValueError(f"{name!r} is a text, not {value!r}")  # noqa: TRY004 - answered with the others
    return value


def _sub(service: Service, data: Json) -> str:
    sub = _text(data, "sub")
    if sub not in service.google.store.accounts:
        raise ValueError(f"there is no account with sub {sub!r}")
    return sub


def _add_account(service: Service, data: Json) -> Json:
    asked = _asked(service, data)  # before anything is made
    account = service.google.add_account(
        _text(data, "email"),
        _text(data, "time_zone"),
        _text(data, "name", ""),
        _text(data, "hosted_domain", ""),
    )
    return {"email": account.email, "calendar": account.email, **_granted(service, account.sub, *asked)}


def _give_grant(service: Service, data: Json) -> Json:
    return _granted(service, _sub(service, data), *_asked(service, data))


def _granted(service: Service, sub: str, client_id: str, granted: tuple[str, ...]) -> Json:
    return {
        "sub": sub,
        "refresh_token": service.grants.give(sub, client_id, granted),
        "client_id": client_id,
        "client_secret": service.grants.clients[client_id],
        "scopes": list(granted),
    }


def _asked(service: Service, data: Json) -> tuple[str, tuple[str, ...]]:
    """The client a consent is for, and its scopes."""
    return _client(service, data), _scopes(data.get("scopes", scopes.DEFAULT))


def _client(service: Service, data: Json) -> str:
    client_id = _text(data, "client_id", CLIENT_ID)
    if client_id not in service.grants.clients:
        raise ValueError(f"unknown client_id {client_id!r}; there is {CLIENT_ID!r}")
    return client_id


def _scopes(named: Any) -> tuple[str, ...]:
    if not isinstance(named, list | tuple) or not all(isinstance(name, str) for name in named):
        raise ValueError(f"'scopes' is a list of texts, not {named!r}")
    return tuple(scopes.full_name(name) for name in named)


def _revoke_grants(service: Service, data: Json) -> Json:
    return {"revoked": service.grants.revoke_account(_sub(service, data))}


def _change_email(service: Service, data: Json) -> Json:
    sub = _sub(service, data)
    service.google.change_email(sub, _text(data, "email"))
    return {"sub": sub, "email": service.google.store.accounts[sub].email}


def _register(service: Service, data: Json) -> Json:
    client_id = _client(service, data)
    service.consents.register(client_id, _text(data, "redirect_uri"))
    return {"client_id": client_id, "redirect_uris": sorted(service.consents.redirect_uris[client_id])}


def _lay_down(service: Service, data: Json) -> Json:
    """The next consent answers so: `{sub}` with all or some `scopes`, or `{deny: true}`, or `{error}`."""
    if data.get("deny", False) not in (True, False):
        raise ValueError(f"'deny' is true or false, not {data['deny']!r}")
    error = _text(data, "error", "access_denied" if data.get("deny") else "")
    ticked = None if "scopes" not in data else frozenset(_scopes(data["scopes"]))
    decision = Decision("" if error else _sub(service, data), ticked, error)
    service.consents.laid_down.append(decision)
    return {"waiting": len(service.consents.laid_down)}


def _clear_consents(service: Service, _: Json) -> Json:
    service.consents.laid_down.clear()
    return {"waiting": 0}


def _act(service: Service, data: Json) -> Json:
    """`{sub, action, …}`: a method of Person with its arguments by name."""
    sub, action = _sub(service, data), _text(data, "action")
    if action not in ACTIONS:
        raise ValueError(f"unknown action {action!r}; there are: {', '.join(sorted(ACTIONS))}")
    method = getattr(Person(service.google, sub), action)
    for name in TEXTS & data.keys():
        _text(data, name)
    arguments = {name: value for name, value in data.items() if name not in ("sub", "action")}
    try:
        inspect.signature(method).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"{action}: {error}") from None
    result = method(**arguments)
    return result if isinstance(result, dict) else {}


def _import_ics(service: Service, data: Json) -> Json:
    """What a person's import does: events without client ids; what cannot be read is named.

    With `series`, recurring events come with their changed occurrences, and deleted events come too.
    """
    google, sub = service.google, _sub(service, data)
    calendar, _ = google.store.open_for("writer", sub, _text(data, "calendar"))
    name, series = _text(data, "name", "upload.ics"), data.get("series", False)
    if not isinstance(series, bool):
        raise ValueError(f"'series' is true or false, not {series!r}")  # noqa: TRY004 - as above
    found = read_ics(_text(data, "text"), name, calendar.zone.key, series=series)
    taken = Import(google.events, sub, calendar, name).take(found)
    return {
        "created": taken.created,
        "left_out": taken.left_out,
        "problems": [
            {"file": problem.file, "line": problem.line, "sentence": problem.sentence}
            for problem in taken.problems
        ],
    }


def _add_fault(service: Service, data: Json) -> Json:
    fault = fault_from_json(data)
    for name in ("status", "skip", "count", "retry_after_seconds"):
        if not isinstance(data.get(name, 0), int):
            raise ValueError(f"{name!r} is a whole number, not {data[name]!r}")  # noqa: TRY004 - as above
    if fault.status and not 200 <= fault.status <= 599:
        raise ValueError(f"'status' is an HTTP status, not {fault.status}")
    service.faults.add(fault)
    return {"waiting": len(service.faults)}


def _clear_faults(service: Service, _: Json) -> Json:
    service.clear_faults()
    return {"waiting": 0}


def _expire_sync_tokens(service: Service, data: Json) -> Json:
    """Of a calendar's events, or of an account's list of calendars."""
    if "sub" in data:
        service.google.store.lists[_sub(service, data)].epoch += 1
    else:
        service.google.expire_sync_tokens(_text(data, "calendar"))
    return {}


def _read_settings(service: Service, _: Json) -> Json:
    settings = {name: getattr(service.google.settings, name) for name in Settings.__dataclass_fields__}
    return {name: sorted(v) if isinstance(v, frozenset) else v for name, v in settings.items()}


def _change_settings(service: Service, data: Json) -> Json:
    service.google.settings = changed_settings(service.google.settings, data)
    return _read_settings(service, {})


def _read_clock(service: Service, _: Json) -> Json:
    return service.clock.state()


def _set_clock(service: Service, data: Json) -> Json:
    service.clock.set(data)
    return service.clock.state()


def _read_requests(service: Service, data: Json) -> Json:
    return _since("requests", service.requests, data)


def _read_deliveries(service: Service, data: Json) -> Json:
    return _since("deliveries", service.google.channels.deliveries, data)


def _since(name: str, record: Record, data: Json) -> Json:
    since = str(data.get("since", 0))
    if not since.isdecimal():
        raise ValueError(f"'since' is the number of an entry, not {since!r}")
    return {"last": record.number, name: record.since(int(since))}


def _read_events(service: Service, data: Json) -> list[Json]:
    return service.google.all_events(_text(data, "calendar"))


def _read_screen(service: Service, data: Json) -> list[Json]:
    return service.google.on_screen(_text(data, "calendar"), _text(data, "start"), _text(data, "end"))
