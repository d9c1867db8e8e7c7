"""Sync and page tokens: opaque to clients, checked for damage, meaningful without any memory here."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SyncToken:
    scope: str
    """What was listed: a calendar's events, an account's calendar list."""
    epoch: int
    """Tokens of an earlier epoch have expired."""
    since: int
    """Number of the last change the client has seen."""


@dataclass(frozen=True, slots=True)
class PageToken:
    scope: str
    epoch: int
    since: int
    """Number a delta began after; -1 in a full listing."""
    until: int
    """Last change when the listing began: its bound, and where the next delta begins."""
    after: tuple[int, ...]
    """Sort key of the last row handed out."""
    paused: bool
    """The page before this one was empty for no reason; the next is not."""
    request: int
    """Check sum of the request's other parameters, which must not change from page to page."""


def seal(token: SyncToken | PageToken) -> str:
    text = json.dumps([type(token).__name__[0], *astuple(token)], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.crc32(text).to_bytes(4, "big") + text).decode().rstrip("=")


def unseal_sync(text: str) -> SyncToken:
    """Raises ValueError for anything but a sync token of ours."""
    scope, epoch, since = _parts(text, "S")
    return SyncToken(scope, epoch, since)


def unseal_page(text: str) -> PageToken:
    """Raises ValueError for anything but a page token of ours."""
    scope, epoch, since, until, after, paused, request = _parts(text, "P")
    return PageToken(scope, epoch, since, until, tuple(after), paused, request)


def _parts(text: str, kind: str) -> list[Any]:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("not a token") from error
    if len(raw) < 5 or zlib.crc32(raw[4:]).to_bytes(4, "big") != raw[:4]:
        raise ValueError("a damaged token")
    parts = json.loads(raw[4:])
    if parts[0] != kind:
        raise ValueError("a token of another kind")
    return list(parts[1:])
