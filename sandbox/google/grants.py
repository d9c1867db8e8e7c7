"""Refresh and access tokens: what the token endpoint gives out and takes back."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.google.errors import Json
from sandbox.google.scopes import SIGN_IN
from sandbox.google.store import Settings

CLIENT_ID = "sandbox-client.apps.googleusercontent.com"
CLIENT_SECRET = "sandbox-secret"

EXPIRES_SECONDS = 3599
REFRESH_TOKENS_MAX = 100
"""Live ones of an account and client; the oldest dies without a word."""
ACCESS_TOKENS_MAX = 10_000
"""Kept; above it the expired are forgotten."""
TESTING_LIFE = timedelta(days=7)
"""Of a refresh token while the consent screen is in testing."""
UNUSED_LIFE = timedelta(days=183)
"""Of a refresh token that nobody uses: six months."""

LETTERS = string.ascii_letters + string.digits + "-_"


class OAuthError(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.body: Json = {"error": error, "error_description": description}


@dataclass(frozen=True)
class Grant:
    """One consent of an account to a client."""

    sub: str
    client_id: str
    scopes: tuple[str, ...]


@dataclass
class _Refresh:
    grant: Grant
    used: datetime
    ends: datetime | None
    """When it dies although it is used."""

    def lives(self, now: datetime) -> bool:
        return now < self.used + UNUSED_LIFE and (self.ends is None or now < self.ends)


@dataclass(frozen=True)
class _Access:
    grant: Grant
    expires: datetime


@dataclass
class _Consent:
    """All that one account lets one client do."""

    scopes: list[str] = field(default_factory=list)
    refresh_tokens: list[str] = field(default_factory=list)
    """Oldest first; dead ones too."""


def nobody_asks(sub: str, client_id: str) -> None:
    """`Grants.ended` where nothing hangs on a grant."""


@dataclass
class Grants:
    now: Callable[[], datetime]
    rng: random.Random
    clients: Mapping[str, str] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    """Secrets by client id."""
    settings: Callable[[], Settings] = Settings
    ended: Callable[[str, str], None] = nobody_asks
    """Told the account and client whose consent was taken back."""

    def __post_init__(self) -> None:
        self._refresh: dict[str, _Refresh] = {}
        self._access: dict[str, _Access] = {}
        self._consents: dict[tuple[str, str], _Consent] = {}

    # --- consents ---------------------------------------------------------------------------------------

    def consent(self, sub: str, client_id: str, scopes: Iterable[str]) -> None:
        """The account lets the client do this too; nothing granted before shrinks."""
        held = self._consents.setdefault((sub, client_id), _Consent())
        held.scopes += [scope for scope in scopes if scope not in held.scopes]

    def consented(self, sub: str, client_id: str) -> tuple[str, ...]:
        """Every scope of every consent that was not taken back."""
        held = self._consents.get((sub, client_id))
        return tuple(held.scopes) if held else ()

    def offline(self, sub: str, client_id: str) -> bool:
        """Whether a refresh token of the account and client lives."""
        held = self._consents.get((sub, client_id))
        tokens = held.refresh_tokens if held else ()
        return any(self._refresh[token].lives(self.now()) for token in tokens)

    def lives(self, sub: str, client_id: str) -> bool:
        """Whether the consent stands: not taken back, and not every refresh token of it died of age."""
        held = self._consents.get((sub, client_id))
        return held is not None and (not held.refresh_tokens or self.offline(sub, client_id))

    # --- tokens -----------------------------------------------------------------------------------------

    def authenticate(self, form: Mapping[str, str]) -> str:
        """The client that asks, by its id and secret. Raises OAuthError."""
        client_id = form.get("client_id", "")
        if client_id not in self.clients:
            raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
        if form.get("client_secret") != self.clients[client_id]:
            raise OAuthError(401, "invalid_client", "Unauthorized")
        return client_id

    def give(self, sub: str, client_id: str, scopes: tuple[str, ...]) -> str:
        """A new refresh token, and the consent that goes with it."""
        token = "1//0" + self._random(60)
        now = self.now()
        self._refresh[token] = _Refresh(Grant(sub, client_id, scopes), now, self._time_limit(scopes))
        self.consent(sub, client_id, scopes)
        held = self._consents[sub, client_id].refresh_tokens
        held.append(token)
        for oldest in held[:-REFRESH_TOKENS_MAX]:
            del self._refresh[oldest]
        del held[:-REFRESH_TOKENS_MAX]
        return token

    def refresh(self, client_id: str, form: Mapping[str, str]) -> Json:
        """The token endpoint's answer to `grant_type=refresh_token`. Raises OAuthError."""
        token = form.get("refresh_token", "")
        if not token:
            raise OAuthError(400, "invalid_request", "Missing required parameter: refresh_token")
        held, now = self._refresh.get(token), self.now()
        if held is None or not held.lives(now):
            raise OAuthError(400, "invalid_grant", "Token has been expired or revoked.")
        if held.grant.client_id != client_id:
            raise OAuthError(400, "invalid_grant", "Bad Request")
        held.used = now
        return self.access(held.grant)

    def access(self, grant: Grant) -> Json:
        """A new access token, as the token endpoint answers it."""
        token = "ya29.a0" + self._random(100)
        now = self.now()
        if len(self._access) >= ACCESS_TOKENS_MAX:
            self._access = {t: access for t, access in self._access.items() if access.expires > now}
        self._access[token] = _Access(grant, now + timedelta(seconds=EXPIRES_SECONDS))
        return {
            "access_token": token,
            "expires_in": EXPIRES_SECONDS,
            "scope": " ".join(grant.scopes),
            "token_type": "Bearer",
        }

    def expires_seconds(self, refresh_token: str) -> int | None:
        """How long a refresh token given out for a limited time still lives; None: not limited."""
        ends = self._refresh[refresh_token].ends
        return None if ends is None else int((ends - self.now()).total_seconds())

    def holder(self, access_token: str) -> Grant | None:
        """Whom an access token speaks for; None when it is unknown, expired or revoked."""
        access = self._access.get(access_token)
        return access.grant if access is not None and access.expires > self.now() else None

    # --- the end ----------------------------------------------------------------------------------------

    def revoke(self, token: str) -> None:
        """Either token of a grant ends everything this client has of the account. Raises OAuthError."""
        held = self._refresh.get(token)
        grant = held.grant if held and held.lives(self.now()) else self.holder(token)
        if grant is None:
            raise OAuthError(400, "invalid_token", "Token expired or revoked")
        self._end(grant.sub, grant.client_id)

    def revoke_account(self, sub: str) -> int:
        """The person takes every consent back; how many refresh tokens died."""
        return sum(self._end(sub, client_id) for client_id in self.clients)

    def _end(self, sub: str, client_id: str) -> int:
        consent = self._consents.pop((sub, client_id), None)
        if consent is None:
            return 0
        for token in consent.refresh_tokens:
            del self._refresh[token]
        self._access = {
            token: access
            for token, access in self._access.items()
            if (access.grant.sub, access.grant.client_id) != (sub, client_id)
        }
        self.ended(sub, client_id)
        return len(consent.refresh_tokens)

    def _time_limit(self, scopes: tuple[str, ...]) -> datetime | None:
        limited = self.settings().testing_mode and not SIGN_IN.issuperset(scopes)
        return self.now() + TESTING_LIFE if limited else None

    def _random(self, length: int) -> str:
        return "".join(self.rng.choices(LETTERS, k=length))
