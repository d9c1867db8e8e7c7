"""Everything one running sandbox Google holds, and the record of what it was asked."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import datetime

from sandbox.faults import Waiting
from sandbox.google.calendar import GoogleCalendar
from sandbox.google.clock import Clock
from sandbox.google.codes import Codes
from sandbox.google.consent import Consents
from sandbox.google.dispatcher import Dispatcher
from sandbox.google.errors import Json, refusal
from sandbox.google.faults import GoogleFault
from sandbox.google.grants import Grant, Grants, OAuthError
from sandbox.google.id_tokens import IdTokens
from sandbox.google.record import Record

MINUTE_SECONDS = 60.0
PATCH_COST = 3
"""Quota units; every other method costs 1."""


class Quota:
    """Units an account used in the last minute of real time, whatever the sandbox's clock says."""

    def __init__(self) -> None:
        self._used: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)

    def spend(self, sub: str, method: str, units_a_minute: int) -> None:
        """Raises ApiError 403 when the minute is used up; a refused call costs nothing."""
        now, used = time.monotonic(), self._used[sub]
        while used and used[0][0] <= now - MINUTE_SECONDS:
            used.popleft()
        cost = PATCH_COST if method.endswith(".patch") else 1
        if units_a_minute and sum(units for _, units in used) + cost > units_a_minute:
            raise refusal("userRateLimitExceeded")
        used.append((now, cost))


class Service:
    """One sandbox Google. `start`: what its clock shows first; `seed`: the source of its chance."""

    def __init__(self, start: datetime | None = None, seed: int = 0) -> None:
        self.clock = Clock(start)
        self.google = GoogleCalendar(self.clock.now, random.Random(f"{seed}/calendar"))
        self.grants = Grants(
            self.clock.now, random.Random(f"{seed}/grants"), settings=lambda: self.google.settings
        )
        channels = self.google.channels
        self.dispatcher = Dispatcher(channels)
        channels.on_waiting = self.dispatcher.wake
        channels.granted, self.grants.ended = self.grants.lives, channels.end
        self.id_tokens = IdTokens(self.clock.now)
        self.codes = Codes(self.grants, self._identify)
        self.consents = Consents(self.grants, self.codes, self.google.store.accounts)
        self.chance = random.Random(f"{seed}/server")
        self.faults: Waiting[GoogleFault] = Waiting()
        self.released = asyncio.Event()
        """Set once the answers that are kept back now may go."""
        self.requests = Record()
        self.quota = Quota()

    def token(self, form: Mapping[str, str]) -> Json:
        """The token endpoint's answer to a form. Raises OAuthError."""
        client_id = self.grants.authenticate(form)
        kind = form.get("grant_type", "")
        if kind == "authorization_code":
            return self.codes.exchange(client_id, form)
        if kind == "refresh_token":
            return self.grants.refresh(client_id, form)
        raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")

    def clear_faults(self) -> None:
        self.faults.clear()
        self.released.set()
        self.released = asyncio.Event()

    def _identify(self, grant: Grant, access_token: str, nonce: str | None) -> str:
        return self.id_tokens.issue(self.google.store.accounts[grant.sub], grant, access_token, nonce)
