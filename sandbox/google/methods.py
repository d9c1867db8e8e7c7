"""The API's methods: which path and verb is which call of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from sandbox.google.calendar import GoogleCalendar
from sandbox.google.errors import Json

BASE = "/calendar/v3/"


@dataclass(frozen=True)
class Call:
    """One request to the API, parsed."""

    http_method: str
    path: str
    ids: tuple[str, ...]
    query: Mapping[str, Any]
    body: Any
    """Of a write; a ValueError when it is no JSON."""
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Caller:
    sub: str
    client_id: str


Run = Callable[[GoogleCalendar, Caller, Call], Json | None]


@dataclass(frozen=True)
class Method:
    """One API method. A `{}` of the path is an id."""

    id: str
    http_method: str
    path: tuple[str, ...]
    run: Run


def _method(method_id: str, http: str, path: str, run: Run) -> Method:
    return Method(method_id, http, tuple(path.split("/")), run)


def if_match(call: Call) -> str | None:
    return call.headers.get("if-match")


def _none_match(call: Call) -> str | None:
    return call.headers.get("if-none-match")


_LIST = "users/me/calendarList"
_CALENDAR = "calendars/{}"
_EVENTS = "calendars/{}/events"
_EVENT = _EVENTS + "/{}"

METHODS = (
    _method("calendarList.list", "GET", _LIST, lambda g, who, c: g.calendar_list.list(who.sub, c.query)),
    _method(
        "calendarList.get",
        "GET",
        _LIST + "/{}",
        lambda g, who, c: g.calendar_list.get(who.sub, *c.ids, c.query),
    ),
    _method(
        "calendarList.patch",
        "PATCH",
        _LIST + "/{}",
        lambda g, who, c: g.calendar_list.patch(who.sub, *c.ids, c.body, c.query, if_match(c)),
    ),
    _method(
        "calendarList.delete",
        "DELETE",
        _LIST + "/{}",
        lambda g, who, c: g.calendar_list.delete(who.sub, *c.ids),
    ),
    _method(
        "calendars.insert",
        "POST",
        "calendars",
        lambda g, who, c: g.calendars.insert(who.sub, c.body, c.query, who.client_id),
    ),
    _method("calendars.get", "GET", _CALENDAR, lambda g, who, c: g.calendars.get(who.sub, *c.ids, c.query)),
    _method(
        "calendars.patch",
        "PATCH",
        _CALENDAR,
        lambda g, who, c: g.calendars.patch(who.sub, *c.ids, c.body, c.query, if_match(c)),
    ),
    _method("calendars.delete", "DELETE", _CALENDAR, lambda g, who, c: g.calendars.delete(who.sub, *c.ids)),
    _method("events.list", "GET", _EVENTS, lambda g, who, c: g.events.list(who.sub, *c.ids, c.query)),
    _method(
        "events.insert", "POST", _EVENTS, lambda g, who, c: g.events.insert(who.sub, *c.ids, c.body, c.query)
    ),
    _method(
        "events.get",
        "GET",
        _EVENT,
        lambda g, who, c: g.events.get(who.sub, *c.ids, c.query, _none_match(c)),
    ),
    _method(
        "events.patch",
        "PATCH",
        _EVENT,
        lambda g, who, c: g.events.patch(who.sub, *c.ids, c.body, c.query, if_match(c)),
    ),
    _method(
        "events.update",
        "PUT",
        _EVENT,
        lambda g, who, c: g.events.update(who.sub, *c.ids, c.body, c.query, if_match(c)),
    ),
    _method(
        "events.delete",
        "DELETE",
        _EVENT,
        lambda g, who, c: g.events.delete(who.sub, *c.ids, c.query, if_match(c)),
    ),
    _method(
        "events.watch",
        "POST",
        _EVENTS + "/watch",
        lambda g, who, c: g.channels.watch(who.sub, *c.ids, c.body, c.query, who.client_id),
    ),
    _method(
        "channels.stop",
        "POST",
        "channels/stop",
        lambda g, who, c: g.channels.stop(who.sub, c.body, c.query, who.client_id),
    ),
)


def find_method(call: Call) -> tuple[Method | None, Call]:
    """The method a path and verb name, and the call with the ids found in the path."""
    parts = tuple(call.path.removeprefix(BASE).split("/"))
    for method in METHODS:
        if method.http_method != call.http_method or len(method.path) != len(parts):
            continue
        pairs = list(zip(method.path, parts, strict=True))
        if all(wanted in ("{}", part) for wanted, part in pairs):
            ids = tuple(unquote(part) for wanted, part in pairs if wanted == "{}")
            return method, replace(call, ids=ids)
    return None, call
