"""Refresh and access tokens: what the token endpoint gives out and takes back."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.google.errors import Json

CLIENT_ID = "sandbox-client.apps.googleusercontent.com"
CLIENT_SECRET = "sandbox-secret"

EXPIRES_SECONDS = 3599
REFRESH_TOKENS_MAX = 100
"""Live ones of an account and client; the oldest dies without a word."""
ACCESS_TOKENS_MAX = 10_000
"""Kept; above it the expired are forgotten."""

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


@dataclass(frozen=True)
class _Access:
    grant: Grant
    refresh_token: str
    expires: datetime


@dataclass
class Grants:
    now: Callable[[], datetime]
    rng: random.Random
    clients: Mapping[str, str] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    """Secrets by client id."""

    def __post_init__(self) -> None:
        self._refresh: dict[str, Grant] = {}  # in the order they were given
        self._access: dict[str, _Access] = {}

    def give(self, sub: str, client_id: str, scopes: tuple[str, ...]) -> str:
        """A new refresh token."""
        token = "1//0" + self._random(60)
        self._refresh[token] = Grant(sub, client_id, scopes)
        held = [t for t, grant in self._refresh.items() if (grant.sub, grant.client_id) == (sub, client_id)]
        for oldest in held[:-REFRESH_TOKENS_MAX]:
            del self._refresh[oldest]
        return token

    def token(self, form: Mapping[str, str]) -> Json:
        """The token endpoint's answer to a form. Raises OAuthError."""
        client_id = form.get("client_id", "")
        if client_id not in self.clients:
            raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
        if form.get("client_secret") != self.clients[client_id]:
            raise OAuthError(401, "invalid_client", "Unauthorized")
        if form.get("grant_type") != "refresh_token":
            kind = form.get("grant_type", "")
            raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")
        return self._refreshed(form.get("refresh_token", ""), client_id)

    def _refreshed(self, refresh_token: str, client_id: str) -> Json:
        if not refresh_token:
            raise OAuthError(400, "invalid_request", "Missing required parameter: refresh_token")
        grant = self._refresh.get(refresh_token)
        if grant is None:
            raise OAuthError(400, "invalid_grant", "Token has been expired or revoked.")
        if grant.client_id != client_id:
            raise OAuthError(400, "invalid_grant", "Bad Request")
        token = "ya29.a0" + self._random(100)
        expires = self.now() + timedelta(seconds=EXPIRES_SECONDS)
        if len(self._access) >= ACCESS_TOKENS_MAX:
            self._access = {t: access for t, access in self._access.items() if access.expires > self.now()}
        self._access[token] = _Access(grant, refresh_token, expires)
        return {
            "access_token": token,
            "expires_in": EXPIRES_SECONDS,
            "scope": " ".join(grant.scopes),
            "token_type": "Bearer",
        }

    def holder(self, access_token: str) -> Grant | None:
        """Whom an access token speaks for; None when it is unknown, expired or revoked."""
        access = self._access.get(access_token)
        return access.grant if access is not None and access.expires > self.now() else None

    def revoke(self, token: str) -> None:
        """Either token of a grant ends everything this client has of the account. Raises OAuthError."""
        access = self._access.get(token)
        grant = access.grant if access else self._refresh.get(token)
        if grant is None:
            raise OAuthError(400, "invalid_token", "Token expired or revoked")
        self._end(lambda other: (other.sub, other.client_id) == (grant.sub, grant.client_id))

    def revoke_account(self, sub: str) -> int:
        """The person takes every consent back; how many refresh tokens died."""
        return self._end(lambda grant: grant.sub == sub)

    def _end(self, is_meant: Callable[[Grant], bool]) -> int:
        ended = [token for token, grant in self._refresh.items() if is_meant(grant)]
        for token in ended:
            del self._refresh[token]
        self._access = {t: access for t, access in self._access.items() if not is_meant(access.grant)}
        return len(ended)

    def _random(self, length: int) -> str:
        return "".join(self.rng.choices(LETTERS, k=length))
