"""Tokens with which Google's services call us: Cloud Tasks and Cloud Scheduler, in a service account's name.

The platform checks them before a function is reached; this is the second lock, for the day on which somebody
opens the first. Signature, times and audience are google-auth's business; it goes by the machine's clock.
What is wrong with a token is a RejectedError with one of these codes; nothing of the token is in it:

    oidc_missing    there is no bearer token
    oidc_invalid    not signed by these keys, expired, for another audience, or no token at all
    oidc_issuer     not Google's
    oidc_email      another account's

Source: cloud.google.com/run/docs/authenticating/service-to-service.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import requests
from google.auth import exceptions as auth_errors
from google.auth import jwt

from shared.core.errors import RejectedError, RetryableError
from shared.ports import Clock

GOOGLE_CERTS_URL = "https://www.googleapis.com/oauth2/v1/certs"
"""Certificates by key id, in PEM: the form that google-auth checks with."""
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
CERTS_SECONDS = 3600.0
"""How long keys are used before they are read again."""
CERTS_SECONDS_MAX = 86_400.0
"""How long they are used at most, where reading them again fails."""
ASK_AGAIN_SECONDS = 60.0
"""A key id that nobody knows makes us ask again, but not more often than this; so does a failure."""
SKEW_SECONDS = 10
"""How far Google's clock may be from the machine's."""
TOKEN_MAX = 8192
"""Characters."""
TIMEOUT_SECONDS = (3.0, 5.0)
"""To connect, and to read."""


class OidcVerifier:
    """Lets one service account in. Safe between threads; reads the keys on first use."""

    def __init__(self, email: str, audience: str, clock: Clock, *, certs_url: str = GOOGLE_CERTS_URL) -> None:
        if not (email and audience):
            raise ValueError("email and audience must not be empty")  # empty ones would let everybody in
        self._email = email
        self._audience = audience
        self._keys = _Keys(certs_url, clock)

    def verify(self, authorization: str | None) -> None:
        """Check the value of an Authorization header; it is fine when this returns.

        Raises RejectedError with a code of this module, RetryableError where the keys cannot be had.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RejectedError("oidc_missing")
        key_id = _key_id(token)
        claims = None if key_id is None else _claims(token, self._keys.get(key_id), self._audience)
        if claims is None:
            raise RejectedError("oidc_invalid")
        if claims.get("iss") not in ISSUERS:
            raise RejectedError("oidc_issuer")
        if claims.get("email") != self._email or claims.get("email_verified") is not True:
            raise RejectedError("oidc_email")


def _key_id(token: str) -> str | None:
    """Which key the token says it is signed with; None when it is no token or says nothing."""
    if len(token) > TOKEN_MAX:
        return None
    try:
        key_id = jwt.decode_header(token).get("kid")  # type: ignore[no-untyped-call]
    except (auth_errors.GoogleAuthError, ValueError):
        return None
    return key_id if isinstance(key_id, str) else None


def _claims(token: str, keys: Mapping[str, str], audience: str) -> Mapping[str, Any] | None:
    """None when the token does not hold. The library's errors quote it, so they end here."""
    try:
        claims: Mapping[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]
            token, certs=keys, audience=audience, clock_skew_in_seconds=SKEW_SECONDS
        )
    except (auth_errors.GoogleAuthError, ValueError):
        return None
    return claims


class _Keys:
    """The keys at an address, by key id."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, str] = {}
        self._read_at: datetime | None = None
        self._asked_at: datetime | None = None
        """The last attempt, whether it succeeded or not."""

    def get(self, key_id: str) -> Mapping[str, str]:
        """The keys; read anew where they are old or lack this one, unless that was just tried.

        Raises RetryableError.
        """
        with self._lock:
            known = key_id in self._keys and self._within(self._read_at, CERTS_SECONDS)
            if not known and not self._within(self._asked_at, ASK_AGAIN_SECONDS):
                self._asked_at = self._clock.now()
                self._read()
            if not self._within(self._read_at, CERTS_SECONDS_MAX):
                raise RetryableError("oidc_keys_unavailable", ASK_AGAIN_SECONDS)
            return self._keys

    def _read(self) -> None:
        """On failure what there is stays."""
        try:
            response = requests.get(self._url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
            found = response.json() if response.status_code == 200 else None
        except (requests.RequestException, ValueError):
            return
        if isinstance(found, dict) and found and all(isinstance(pem, str) for pem in found.values()):
            self._keys, self._read_at = found, self._clock.now()

    def _within(self, moment: datetime | None, seconds: float) -> bool:
        return moment is not None and self._clock.now() - moment < timedelta(seconds=seconds)
