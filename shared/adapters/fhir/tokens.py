"""Access tokens, as `Authorization`: asked for when needed, kept in memory until shortly before they end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.core.errors import RetryableError
from shared.ports import Clock

MARGIN_SECONDS = 30.0
"""So long before its end a token is not used any more: a request takes its time, and clocks differ."""
LIFE_SECONDS_MAX = 24 * 3600.0
"""No token is kept for longer, whatever it says."""

_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750, section 2.1. Anything else would not fit into a header."""


@dataclass(frozen=True)
class AccessToken:
    """As it was answered: `life_seconds` from when it was asked for."""

    value: str = field(repr=False)
    life_seconds: float


class AccessTokens:
    """The current token of one client, one thread's own. A token that lives no longer than the margin serves
    one request.
    """

    def __init__(self, fetch: Callable[[], AccessToken], clock: Clock) -> None:
        """`fetch` raises RetryableError and BlockedError, which pass through."""
        self._fetch = fetch
        self._clock = clock
        self._kept: tuple[str, datetime] | None = None
        """The header, and until when it may be used."""

    def __call__(self) -> str:
        if self._kept is None or self._clock.now() >= self._kept[1]:
            self._kept = self._new()
        return self._kept[0]

    def renew(self) -> bool:
        self._kept = None
        return True

    def _new(self) -> tuple[str, datetime]:
        asked_at = self._clock.now()
        token = self._fetch()
        if not _BEARER.fullmatch(token.value):
            raise RetryableError("ehr_token_unreadable")
        ends_at = asked_at + timedelta(seconds=min(token.life_seconds, LIFE_SECONDS_MAX))
        if self._clock.now() >= ends_at:
            raise RetryableError("ehr_token_expired")
        return f"Bearer {token.value}", ends_at - timedelta(seconds=MARGIN_SECONDS)
