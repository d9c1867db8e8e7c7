"""Authorization codes: what a consent sends back through the browser, and what it is exchanged for."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.google.errors import Json
from sandbox.google.grants import LETTERS, Grant, Grants, OAuthError

LIFE = timedelta(minutes=10)
CODES_MAX = 1000
"""Not exchanged; the oldest is forgotten."""
PREFIX = "4/0A"


@dataclass(frozen=True)
class Promise:
    """What a code is bound to and stands for."""

    grant: Grant
    redirect_uri: str
    challenge: str | None
    """PKCE, S256."""
    nonce: str | None
    offline: bool
    anew: bool
    """A refresh token is given even to a client that has one."""


@dataclass(frozen=True)
class _Code:
    promise: Promise
    expires: datetime


class Codes:
    def __init__(self, grants: Grants, identify: Callable[[Grant, str, str | None], str]) -> None:
        """`identify`: the ID token for a grant, its access token and a nonce."""
        self._grants = grants
        self._identify = identify
        self._codes: dict[str, _Code] = {}

    def issue(self, promise: Promise) -> str:
        code = PREFIX + "".join(self._grants.rng.choices(LETTERS, k=70))
        self._codes[code] = _Code(promise, self._grants.now() + LIFE)
        if len(self._codes) > CODES_MAX:
            del self._codes[next(iter(self._codes))]
        return code

    def exchange(self, client_id: str, form: Mapping[str, str]) -> Json:
        """The token endpoint's answer to `grant_type=authorization_code`, once. Raises OAuthError."""
        for name in ("code", "redirect_uri"):
            if not form.get(name):
                raise OAuthError(400, "invalid_request", f"Missing required parameter: {name}")
        promise = self._promise(client_id, form["code"])
        if form["redirect_uri"] != promise.redirect_uri:
            raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
        _check_verifier(promise.challenge, form.get("code_verifier", ""))
        del self._codes[form["code"]]
        return self._kept(promise)

    def _promise(self, client_id: str, code: str) -> Promise:
        if not code.startswith(PREFIX):
            raise OAuthError(400, "invalid_grant", "Malformed auth code.")
        held = self._codes.get(code)
        if held is None or held.expires <= self._grants.now() or held.promise.grant.client_id != client_id:
            raise OAuthError(400, "invalid_grant", "Bad Request")
        if not self._grants.lives(held.promise.grant.sub, client_id):  # taken back since
            raise OAuthError(400, "invalid_grant", "Bad Request")
        return held.promise

    def _kept(self, promise: Promise) -> Json:
        grants, grant = self._grants, promise.grant
        answer = grants.access(grant)
        if promise.offline and (promise.anew or not grants.offline(grant.sub, grant.client_id)):
            token = grants.give(grant.sub, grant.client_id, grant.scopes)
            answer["refresh_token"] = token
            seconds = grants.expires_seconds(token)
            if seconds is not None:
                answer["refresh_token_expires_in"] = seconds
        if "openid" in grant.scopes:
            answer["id_token"] = self._identify(grant, answer["access_token"], promise.nonce)
        return answer


def s256(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _check_verifier(challenge: str | None, verifier: str) -> None:
    if challenge is None:
        if verifier:
            raise OAuthError(400, "invalid_grant", "code_verifier or verifier is not needed.")
        return
    if not verifier:
        raise OAuthError(400, "invalid_grant", "Missing code verifier.")
    if not hmac.compare_digest(s256(verifier).encode(), challenge.encode()):
        raise OAuthError(400, "invalid_grant", "Invalid code verifier.")
