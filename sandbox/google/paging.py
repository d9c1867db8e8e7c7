"""One page of a listing: where it begins, how much it holds, and the token that follows it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Generic, TypeVar

from sandbox.google.errors import ApiError, Json, full_sync_required, invalid, invalid_parameter
from sandbox.google.store import Store
from sandbox.google.tokens import PageToken, SyncToken, seal, unseal_page, unseal_sync

R = TypeVar("R")

PAGE_PARAMETERS = frozenset({"pageToken", "maxResults", "fields"})
"""What may differ between the requests of one listing."""

OF_TRANSPORT = frozenset({"alt", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"})


def flag(query: Mapping[str, Any], name: str) -> bool | None:
    """A boolean parameter; None when it is not given."""
    value = query.get(name)
    if value is None or isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise invalid_parameter(f"Invalid boolean value: '{value}'.", name)
    return bool(value == "true")


def page_size(query: Mapping[str, Any], default: int, most: int) -> int:
    """`maxResults`, clamped to 1 … most."""
    try:
        return max(1, min(int(query.get("maxResults", default)), most))
    except ValueError:
        value = query["maxResults"]
        raise invalid_parameter(f"Invalid integer value: '{value}'.", "maxResults") from None


def request_sum(query: Mapping[str, Any]) -> int:
    """A check sum of the parameters that must stay the same from page to page."""
    named = sorted((n, str(v)) for n, v in query.items() if n not in PAGE_PARAMETERS | OF_TRANSPORT)
    return zlib.crc32(repr(named).encode())


@dataclass(frozen=True)
class Listed:
    """What can be listed: whose tokens they are, and how far its changes have gone."""

    scope: str
    epoch: int
    last: int


def beginning(listed: Listed, query: Mapping[str, Any]) -> PageToken:
    """Where this page begins: after the page token, after the sync token, or at the start.

    Raises ApiError 400 for a token that is not of this listing, 410 for one that has expired.
    """
    since = _since(listed, query)
    request = request_sum(query)
    start = PageToken(listed.scope, listed.epoch, since, listed.last, (), False, request)
    if "pageToken" not in query:
        return start
    try:
        token = unseal_page(str(query["pageToken"]))
    except ValueError:
        raise invalid("Invalid page token value.") from None
    if (token.scope, token.request, token.since) != (start.scope, start.request, start.since):
        raise invalid("Invalid page token value.")
    if token.epoch != listed.epoch:
        raise full_sync_required()
    return token


def _since(listed: Listed, query: Mapping[str, Any]) -> int:
    """Number of the last change the client has seen; -1 without a sync token."""
    if "syncToken" not in query:
        return -1
    try:
        token = unseal_sync(str(query["syncToken"]))
    except ValueError:
        raise _bad_sync_token() from None
    if token.scope != listed.scope or token.since > listed.last or token.epoch > listed.epoch:
        raise _bad_sync_token()
    if token.epoch < listed.epoch:
        raise full_sync_required()
    return token.since


def _bad_sync_token() -> ApiError:
    return ApiError(400, "invalid", "Invalid sync token value.", "global", "syncToken", "parameter")


@dataclass(frozen=True)
class Page(Generic[R]):
    rows: list[R]
    token: Json
    """`nextPageToken` or `nextSyncToken`, or neither."""


def cut(
    rows: Iterable[R],
    key: Callable[[R], tuple[int, ...]],
    begin: PageToken,
    size: int,
    store: Store,
) -> Page[R]:
    """The next page of the rows that are left; they are in the order of their key.

    Now and then a page is short, or empty although rows follow, as the settings say.
    """
    settings, rng = store.settings, store.rng
    if not begin.paused and settings.empty_page_chance and rng.random() < settings.empty_page_chance:
        return Page([], {"nextPageToken": seal(replace(begin, paused=True))})
    if settings.short_page_chance and rng.random() < settings.short_page_chance:
        size = (size + 1) // 2
    taken = list(islice(rows, size + 1))
    if len(taken) > size:
        del taken[size:]
        return Page(taken, {"nextPageToken": seal(replace(begin, after=key(taken[-1]), paused=False))})
    if settings.withhold_sync_tokens:
        return Page(taken, {})
    return Page(taken, {"nextSyncToken": seal(SyncToken(begin.scope, begin.epoch, begin.until))})
