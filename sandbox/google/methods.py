"""The API's methods: which path and verb is which call of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from sandbox.google import colors
from sandbox.google.calendar import GoogleCalendar
from sandbox.google.calls import Call
from sandbox.google.errors import Json

BASE = "/calendar/v3/"


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


# --- the shapes of calls: everything begins with the account and the ids of the path ---------------------

Of = Callable[[GoogleCalendar], Callable[..., Any]]


def _read(of: Of) -> Run:
    return lambda google, who, call: of(google)(who.sub, *call.ids, call.query)


def _write(of: Of) -> Run:
    return lambda google, who, call: of(google)(who.sub, *call.ids, call.body, call.query)


def _write_for_client(of: Of) -> Run:
    return lambda google, who, call: of(google)(who.sub, *call.ids, call.body, call.query, who.client_id)


def _change(of: Of) -> Run:
    return lambda google, who, call: of(google)(who.sub, *call.ids, call.body, call.query, call.if_match)


def _change_without_body(of: Of) -> Run:
    return lambda google, who, call: of(google)(who.sub, *call.ids, call.query, call.if_match)


# --- the table ------------------------------------------------------------------------------------------

_ACL = "calendars/{}/acl"
_RULE = _ACL + "/{}"
_LIST = "users/me/calendarList"
_ENTRY = _LIST + "/{}"
_CALENDAR = "calendars/{}"
_EVENTS = "calendars/{}/events"
_EVENT = _EVENTS + "/{}"
_SETTINGS = "users/me/settings"


def _method(method_id: str, http: str, path: str, run: Run) -> Method:
    return Method(method_id, http, tuple(path.split("/")), run)


METHODS = (
    _method("acl.list", "GET", _ACL, _read(lambda g: g.acl.list)),
    _method("acl.get", "GET", _RULE, _read(lambda g: g.acl.get)),
    _method("acl.insert", "POST", _ACL, _write(lambda g: g.acl.insert)),
    _method("acl.patch", "PATCH", _RULE, _change(lambda g: g.acl.patch)),
    _method("acl.update", "PUT", _RULE, _change(lambda g: g.acl.update)),
    _method("acl.delete", "DELETE", _RULE, _change_without_body(lambda g: g.acl.delete)),
    _method("acl.watch", "POST", _ACL + "/watch", _write_for_client(lambda g: g.channels.watch_acl)),
    _method("calendarList.list", "GET", _LIST, _read(lambda g: g.calendar_list.list)),
    _method("calendarList.get", "GET", _ENTRY, _read(lambda g: g.calendar_list.get)),
    _method("calendarList.insert", "POST", _LIST, _write(lambda g: g.calendar_list.insert)),
    _method("calendarList.patch", "PATCH", _ENTRY, _change(lambda g: g.calendar_list.patch)),
    _method("calendarList.update", "PUT", _ENTRY, _change(lambda g: g.calendar_list.update)),
    _method("calendarList.delete", "DELETE", _ENTRY, _read(lambda g: g.calendar_list.delete)),
    _method(
        "calendarList.watch", "POST", _LIST + "/watch", _write_for_client(lambda g: g.channels.watch_list)
    ),
    _method("calendars.insert", "POST", "calendars", _write_for_client(lambda g: g.calendars.insert)),
    _method("calendars.get", "GET", _CALENDAR, _read(lambda g: g.calendars.get)),
    _method("calendars.patch", "PATCH", _CALENDAR, _change(lambda g: g.calendars.patch)),
    _method("calendars.update", "PUT", _CALENDAR, _change(lambda g: g.calendars.update)),
    _method("calendars.delete", "DELETE", _CALENDAR, _read(lambda g: g.calendars.delete)),
    _method("calendars.clear", "POST", _CALENDAR + "/clear", _read(lambda g: g.calendars.clear)),
    _method(
        "calendars.transferOwnership",
        "POST",
        _CALENDAR + "/transferOwnership",
        _read(lambda g: g.calendars.transfer),
    ),
    _method("channels.stop", "POST", "channels/stop", _write_for_client(lambda g: g.channels.stop)),
    _method("colors.get", "GET", "colors", lambda _google, _who, call: colors.get(call.query)),
    _method("events.list", "GET", _EVENTS, _read(lambda g: g.events.list)),
    _method("events.get", "GET", _EVENT, _read(lambda g: g.events.get)),
    _method("events.instances", "GET", _EVENT + "/instances", _read(lambda g: g.events.instances)),
    _method("events.insert", "POST", _EVENTS, _write(lambda g: g.events.insert)),
    _method("events.import", "POST", _EVENTS + "/import", _write(lambda g: g.transfers.import_)),
    _method("events.quickAdd", "POST", _EVENTS + "/quickAdd", _read(lambda g: g.transfers.quick_add)),
    _method("events.patch", "PATCH", _EVENT, _change(lambda g: g.events.patch)),
    _method("events.update", "PUT", _EVENT, _change(lambda g: g.events.update)),
    _method("events.delete", "DELETE", _EVENT, _change_without_body(lambda g: g.events.delete)),
    _method("events.move", "POST", _EVENT + "/move", _change_without_body(lambda g: g.transfers.move)),
    _method("events.watch", "POST", _EVENTS + "/watch", _write_for_client(lambda g: g.channels.watch)),
    _method("freebusy.query", "POST", "freeBusy", _write(lambda g: g.freebusy.query)),
    _method("settings.list", "GET", _SETTINGS, _read(lambda g: g.user_settings.list)),
    _method("settings.get", "GET", _SETTINGS + "/{}", _read(lambda g: g.user_settings.get)),
    _method(
        "settings.watch",
        "POST",
        _SETTINGS + "/watch",
        _write_for_client(lambda g: g.channels.watch_settings),
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
