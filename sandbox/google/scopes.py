"""Which OAuth scope allows which method, and on which calendars.

From Google's discovery document; methods that are not served here are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "https://www.googleapis.com/auth/"

DEFAULT = (
    "openid",
    PREFIX + "userinfo.email",
    PREFIX + "calendar.app.created",
    PREFIX + "calendar.calendarlist.readonly",
    PREFIX + "calendar.events.owned.readonly",
)
"""What an account grants unless told otherwise."""

SIGN_IN = frozenset({"openid", PREFIX + "userinfo.email", PREFIX + "userinfo.profile"})
"""Those that say who the account is and nothing more."""

_READ = frozenset({"events.get", "events.list", "events.watch", "channels.stop"})
_WRITE = frozenset({"events.insert", "events.patch", "events.update", "events.delete"})
_LIST_READ = frozenset({"calendarList.list", "calendarList.get", "channels.stop"})
_LIST_ENTRY = frozenset({"calendarList.get", "calendarList.patch", "calendarList.delete"})
_CALENDARS = frozenset({"calendars.get", "calendars.insert", "calendars.patch", "calendars.delete"})

ANY, OWNED, CREATED = "any", "owned", "created"
"""Reach: every calendar the account sees, those it owns, those this OAuth client made."""


@dataclass(frozen=True)
class Scope:
    methods: frozenset[str]
    reach: str = ANY


SCOPES: dict[str, Scope] = {
    "openid": Scope(frozenset()),
    PREFIX + "userinfo.email": Scope(frozenset()),
    PREFIX + "userinfo.profile": Scope(frozenset()),
    PREFIX + "calendar": Scope(_READ | _WRITE | _LIST_READ | _LIST_ENTRY | _CALENDARS),
    PREFIX + "calendar.readonly": Scope(_READ | _LIST_READ | {"calendars.get"}),
    PREFIX + "calendar.events": Scope(_READ | _WRITE),
    PREFIX + "calendar.events.readonly": Scope(_READ),
    PREFIX + "calendar.events.owned": Scope(_READ | _WRITE, OWNED),
    PREFIX + "calendar.events.owned.readonly": Scope(_READ, OWNED),
    PREFIX + "calendar.freebusy": Scope(frozenset()),
    PREFIX + "calendar.app.created": Scope(_READ | _WRITE | _LIST_ENTRY | _CALENDARS, CREATED),
    PREFIX + "calendar.calendarlist": Scope(_LIST_READ | _LIST_ENTRY),
    PREFIX + "calendar.calendarlist.readonly": Scope(_LIST_READ),
    PREFIX + "calendar.calendars": Scope(_CALENDARS),
    PREFIX + "calendar.calendars.readonly": Scope(frozenset({"calendars.get"})),
}

SHORT = {"email": "userinfo.email", "profile": "userinfo.profile"}


def full_name(scope: str) -> str:
    """The scope as Google writes it; `email` and `calendar.events` are accepted too. ValueError: unknown."""
    for name in (scope, PREFIX + SHORT.get(scope, scope)):
        if name in SCOPES:
            return name
    raise ValueError(f"unknown scope {scope!r}; there are: {', '.join(SCOPES)}")


def reaches(granted: Iterable[str], method: str) -> frozenset[str]:
    """How far the granted scopes allow the method; empty: not at all."""
    return frozenset(SCOPES[name].reach for name in granted if method in SCOPES[name].methods)


def covers(reach: Iterable[str], role: str, *, made_by_client: bool) -> bool:
    """Whether one of the reaches takes in a calendar of this role and maker."""
    true_of = {ANY: True, OWNED: role == "owner", CREATED: made_by_client}
    return any(true_of[name] for name in reach)
