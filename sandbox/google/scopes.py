"""Which OAuth scope allows which method, and on which calendars. The methods are those of Google's discovery
document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.google.rules import RANK

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


def _of(resource: str, names: str) -> frozenset[str]:
    return frozenset(f"{resource}.{name}" for name in names.split())


_STOP = frozenset({"channels.stop"})
_COLORS = frozenset({"colors.get"})
_FREE_BUSY = frozenset({"freebusy.query"})
_READ = _STOP | _of("events", "get instances list watch")
_READ_HERE = _READ | _COLORS
_CHANGE = _of("events", "delete import insert patch quickAdd update")
_WRITE = _READ | _CHANGE | {"events.move"}
_LIST_READ = _STOP | _COLORS | _of("calendarList", "get list watch")
_LIST = _LIST_READ | _of("calendarList", "delete insert patch update")
_RULES_READ = _STOP | _of("acl", "get list watch")
_RULES = _RULES_READ | _of("acl", "delete insert patch update")
_SETTINGS = _STOP | _of("settings", "get list watch")
_CALENDARS = _of("calendars", "delete get insert patch update")
_EVERY_CALENDAR = _CALENDARS | _of("calendars", "clear transferOwnership")
_ENTRY = _of("calendarList", "delete get patch update")

ANY, OWNED, CREATED, PUBLIC = "any", "owned", "created", "public"
"""Reach: every calendar the account sees, those it owns, those this OAuth client made, those all may see."""


@dataclass(frozen=True)
class Scope:
    methods: frozenset[str]
    reach: str = ANY
    most: str = "owner"
    """No role is higher under it: what is not the role's to see is not the scope's."""


def _calendar(name: str) -> str:
    return f"{PREFIX}calendar{name}"


SCOPES: dict[str, Scope] = {
    "openid": Scope(frozenset()),
    PREFIX + "userinfo.email": Scope(frozenset()),
    PREFIX + "userinfo.profile": Scope(frozenset()),
    _calendar(""): Scope(_RULES | _LIST | _EVERY_CALENDAR | _WRITE | _FREE_BUSY | _SETTINGS),
    _calendar(".readonly"): Scope(
        _READ | _LIST_READ | _FREE_BUSY | _SETTINGS | {"acl.get", "calendars.get"}  # but not acl.list
    ),
    _calendar(".acls"): Scope(_RULES),
    _calendar(".acls.readonly"): Scope(_RULES_READ),
    _calendar(".app.created"): Scope(_READ_HERE | _CHANGE | _ENTRY | _CALENDARS, CREATED),
    _calendar(".calendarlist"): Scope(_LIST),
    _calendar(".calendarlist.readonly"): Scope(_LIST_READ),
    _calendar(".calendars"): Scope(_EVERY_CALENDAR),
    _calendar(".calendars.readonly"): Scope(frozenset({"calendars.get"})),
    _calendar(".events"): Scope(_WRITE),
    _calendar(".events.readonly"): Scope(_READ),
    _calendar(".events.freebusy"): Scope(_READ_HERE | _FREE_BUSY, most="freeBusyReader"),
    _calendar(".events.owned"): Scope(_WRITE | _COLORS, OWNED),
    _calendar(".events.owned.readonly"): Scope(_READ_HERE, OWNED),
    _calendar(".events.public.readonly"): Scope(_READ_HERE, PUBLIC),
    _calendar(".freebusy"): Scope(_FREE_BUSY),
    _calendar(".settings"): Scope(_SETTINGS),
    _calendar(".settings.readonly"): Scope(_SETTINGS),
}

SHORT = {"email": "userinfo.email", "profile": "userinfo.profile"}


def full_name(scope: str) -> str:
    """The scope as Google writes it; `email` and `calendar.events` are accepted too. ValueError: unknown."""
    for name in (scope, PREFIX + SHORT.get(scope, scope)):
        if name in SCOPES:
            return name
    raise ValueError(f"unknown scope {scope!r}; there are: {', '.join(SCOPES)}")


@dataclass(frozen=True)
class Target:
    """What a scope may or may not reach of one calendar."""

    role: str
    """The account's."""
    made_by_client: bool
    public: bool


def allowing(granted: Iterable[str], method: str) -> list[Scope]:
    """The granted scopes that have the method."""
    return [SCOPES[name] for name in granted if method in SCOPES[name].methods]


def covers(scope: Scope, target: Target) -> bool:
    """Whether the scope takes in such a calendar."""
    return {
        ANY: True,
        OWNED: target.role == "owner",
        CREATED: target.made_by_client,
        PUBLIC: target.public,
    }[scope.reach]


def most(scopes: Iterable[Scope]) -> str:
    """The highest role that one of these scopes leaves an account."""
    return max((scope.most for scope in scopes), key=RANK.__getitem__)
