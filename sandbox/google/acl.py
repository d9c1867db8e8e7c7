"""The methods of `acl`: the rules that say who may see a calendar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import fields, paging
from sandbox.google.bodies import object_of
from sandbox.google.errors import (
    ApiError,
    Json,
    bad_request,
    condition_not_met,
    invalid,
    not_found,
    required,
)
from sandbox.google.events import NOTHING
from sandbox.google.rules import EVERYBODY, NONE, RANK, ROLES, Rule, for_user
from sandbox.google.sharing import Sharing
from sandbox.google.store import Calendar, Store

PAGE_DEFAULT = 100
PAGE_MAX = 250
TYPES = (EVERYBODY, "user", "group", "domain")


class AccessRules:
    """One method per API method; all need the role of an owner."""

    def __init__(self, store: Store, sharing: Sharing) -> None:
        self._store = store
        self._sharing = sharing

    def list(self, sub: str, calendar_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        """One page; rules taken back when asked for, always with `syncToken`."""
        store = self._store
        calendar, _ = store.open_for("owner", sub, calendar_id)
        tokened = "syncToken" in query
        if tokened and paging.flag(query, "showDeleted") is False:
            raise bad_request("Sync token cannot be used together with: showDeleted")
        deleted = tokened or bool(paging.flag(query, "showDeleted"))
        size = paging.page_size(query, PAGE_DEFAULT, PAGE_MAX)
        history = calendar.rules.history
        begin = paging.beginning(paging.Listed(f"acl/{calendar.id}", 0, history.last), query)
        after = begin.after[0] if begin.after else max(begin.since, 0)
        between = history.changed_between if tokened else history.made_between
        rows = (rule for rule in between(after, begin.until) if deleted or rule.role != NONE)
        page = paging.cut(rows, lambda r: (r.changed if tokened else r.created,), begin, size, store)
        answer = {
            "kind": "calendar#acl",
            "etag": store.etag(history.last),
            **page.token,
            "items": [_shown(rule) for rule in page.rows],
        }
        return fields.answer(answer, "acl", query)

    def get(self, sub: str, calendar_id: str, rule_id: str, query: Mapping[str, Any] = NOTHING) -> Json:
        calendar, _ = self._store.open_for("owner", sub, calendar_id)
        return fields.answer(_shown(_find(calendar, rule_id)), "aclRule", query)

    def insert(self, sub: str, calendar_id: str, body: Json, query: Mapping[str, Any] = NOTHING) -> Json:
        """A scope that has a rule gets the new role. It puts the calendar on nobody's list."""
        calendar, _ = self._store.open_for("owner", sub, calendar_id)
        rule_id, role = _scope(body), _role(body)
        return self._put(sub, calendar, rule_id, role, query)

    def patch(
        self,
        sub: str,
        calendar_id: str,
        rule_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        calendar, rule = self._open(sub, calendar_id, rule_id, if_match)
        given = object_of(body)
        role = rule.role if given.get("role") is None else _role(given)
        return self._put(sub, calendar, rule.id, role, query)

    def update(
        self,
        sub: str,
        calendar_id: str,
        rule_id: str,
        body: Json,
        query: Mapping[str, Any] = NOTHING,
        if_match: str | None = None,
    ) -> Json:
        calendar, rule = self._open(sub, calendar_id, rule_id, if_match)
        if _scope(body) != rule.id:
            raise invalid("Invalid scope value.")
        return self._put(sub, calendar, rule.id, _role(body), query)

    def delete(
        self,
        sub: str,
        calendar_id: str,
        rule_id: str,
        query: Mapping[str, Any] = NOTHING,  # noqa: ARG002 - nothing is answered
        if_match: str | None = None,
    ) -> None:
        """The rule stays on the list as deleted, with the role `none`."""
        calendar, rule = self._open(sub, calendar_id, rule_id, if_match)
        self._check_changeable(sub, calendar, rule.id)
        self._sharing.take(calendar, rule.id)

    def _open(self, sub: str, calendar_id: str, rule_id: str, if_match: str | None) -> tuple[Calendar, Rule]:
        """For a change: rights, existence, version."""
        calendar, _ = self._store.open_for("owner", sub, calendar_id)
        rule = _find(calendar, rule_id)
        if if_match is not None and if_match not in ("*", rule.etag):
            raise condition_not_met()
        return calendar, rule

    def _put(self, sub: str, calendar: Calendar, rule_id: str, role: str, query: Mapping[str, Any]) -> Json:
        """Make the rule say this, if that is a change."""
        rule = calendar.rules.by_id.get(rule_id)
        if rule is None or rule.role != role:
            self._check_changeable(sub, calendar, rule_id)
            if rule_id == EVERYBODY and role != NONE and RANK[role] > RANK["reader"]:
                message = "The public cannot be given this role."
                raise ApiError(400, "illegalAccessRoleForDefault", message, "calendar")
            rule = self._sharing.give(calendar, rule_id, role)
        return fields.answer(_shown(rule), "aclRule", query)

    def _check_changeable(self, sub: str, calendar: Calendar, rule_id: str) -> None:
        """Nobody changes their own rule, nor the data owner's."""
        accounts = self._store.accounts
        if rule_id == for_user(accounts[sub].email):
            raise ApiError(403, "cannotChangeOwnAcl", "Cannot change your own access level.", "calendar")
        if rule_id in (for_user(accounts[calendar.owner].email), for_user(calendar.id)):
            message = "Cannot change the access level of the calendar's owner."
            raise ApiError(403, "cannotChangeOwnerAcl", message, "calendar")


def _find(calendar: Calendar, rule_id: str) -> Rule:
    rule = calendar.rules.by_id.get(rule_id)
    if rule is None or rule.role == NONE:
        raise not_found()
    return rule


def _scope(body: Any) -> str:
    """The id of the rule for a request's scope. Raises ApiError 400."""
    scope = object_of(body).get("scope")
    if not isinstance(scope, dict) or not scope.get("type"):
        raise required("Missing required field: scope")
    if scope["type"] not in TYPES:
        raise invalid("Invalid scope type.")
    value = scope.get("value") or ""
    if scope["type"] == EVERYBODY:
        return EVERYBODY
    mail = scope["type"] in ("user", "group")
    if not isinstance(value, str) or not value or ("@" in value) != mail:
        raise ApiError(400, "invalidScopeValue", "Invalid scope value.", "calendar")
    return f"{scope['type']}:{value.lower()}"


def _role(body: Json) -> str:
    role = body.get("role")
    if not role:
        raise required("Missing required field: role")
    if role not in (*ROLES, NONE):
        raise invalid("Invalid role.")
    return str(role)


def _shown(rule: Rule) -> Json:
    kind, _, value = rule.id.partition(":")
    return {
        "kind": "calendar#aclRule",
        "etag": rule.etag,
        "id": rule.id,
        "scope": {"type": kind, **({"value": value} if value else {})},
        "role": rule.role,
    }
