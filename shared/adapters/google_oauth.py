"""Google's OAuth endpoints, as `shared.ports.Consent`.

Authorization code with PKCE (RFC 7636); whose consent it is, an ID token says, which is checked by signature,
issuer, audience and expiry. Sources: developers.google.com/identity/protocols/oauth2/web-server,
…/identity/openid-connect/openid-connect#validatinganidtoken.
"""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.auth import jwt

from shared.core.errors import BlockedError, RejectedError, RetryableError, SyncError
from shared.ports import Clock, Grant
from shared.retry_after import after_seconds

_PREFIX = "https://www.googleapis.com/auth/calendar."
APP_CREATED = _PREFIX + "app.created"
"""Make calendars, and write those alone."""
LIST_READ = _PREFIX + "calendarlist.readonly"
OWNED_READ = _PREFIX + "events.owned.readonly"
ANY_READ = _PREFIX + "events.readonly"
"""In place of OWNED_READ where calendars of others may take part too."""
SCOPES = ("openid", "email", APP_CREATED, LIST_READ, OWNED_READ)

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
SKEW_SECONDS = 60
"""How far Google's clock may be from ours."""
TIMEOUT_SECONDS = (3.0, 10.0)
"""To connect, and to read."""
KEYS_MAX = 50
"""Of a JWKS; what comes after is not read."""

_ANY_TIME_SECONDS = 10**11
"""As a clock skew: google-auth knows the machine's clock only, so the time is checked here, by ours."""
_TRANSIENT = frozenset({"internal_failure", "server_error", "temporarily_unavailable", "rate_limit_exceeded"})


@dataclass(frozen=True)
class Endpoints:
    auth_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    certs_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    revoke_url: str = "https://oauth2.googleapis.com/revoke"


class GoogleOAuth:
    """Connects on first use; one thread's own."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        clock: Clock,
        *,
        scopes: tuple[str, ...] = SCOPES,
        endpoints: Endpoints = Endpoints(),
        timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS,
    ) -> None:
        """`scopes`: what is asked for, `openid` among it."""
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._scopes = scopes
        self._endpoints = endpoints
        self._timeout_seconds = timeout_seconds

    def consent_url(self, state: str, code_challenge: str, redirect_uri: str, login_hint: str | None) -> str:
        """`prompt=consent`: else Google gives no refresh token to whom it has given one before."""
        asked = {
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(self._scopes),
            "state": state,
            "access_type": "offline",
            "prompt": "consent",
            "include_granted_scopes": "true",
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            **({"login_hint": login_hint} if login_hint else {}),
        }
        return f"{self._endpoints.auth_url}?{urlencode(asked)}"

    def exchange(self, code: str, code_verifier: str, redirect_uri: str) -> Grant:
        """The keys are fetched each time, a consent being rare; and first, as a code is taken only once."""
        if not code:
            raise RejectedError("consent_code_refused")
        keys = _keys(self._answer("GET", self._endpoints.certs_url))
        answer = self._answer(
            "POST",
            self._endpoints.token_url,
            {
                "grant_type": "authorization_code",
                "code": code,
                "code_verifier": code_verifier,
                "redirect_uri": redirect_uri,
                "client_id": self._client_id,
                "client_secret": self._client_secret,
            },
        )
        scopes, id_token = _text(answer, "scope"), _text(answer, "id_token")
        claims = self._claims(id_token, keys)
        if claims is None:
            raise RejectedError("consent_identity_refused")
        return Grant(
            sub=_text(claims, "sub"),
            email=_text(claims, "email"),
            hosted_domain=_text(claims, "hd") if "hd" in claims else None,
            scopes=frozenset(scopes.split()),
            refresh_token=_text(answer, "refresh_token") if "refresh_token" in answer else None,
        )

    def revoke(self, token: str) -> None:
        response = self._send("POST", self._endpoints.revoke_url, {"token": token})
        if response.status_code == 200:
            return
        if response.status_code == 400 and _error(response) in ("invalid_token", "invalid_grant"):
            return  # dead already
        raise _refusal(response)

    def close(self) -> None:
        """Let go of the connections; a later call connects anew."""
        self._session.close()

    # --- ID tokens --------------------------------------------------------------------------------------

    def _claims(self, id_token: str, keys: Mapping[str, bytes]) -> Mapping[str, Any] | None:
        """What a valid ID token for us says; None of any other."""
        now, skew = self._clock.now().timestamp(), _ANY_TIME_SECONDS
        try:
            claims: Mapping[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]
                id_token, keys, audience=self._client_id, clock_skew_in_seconds=skew
            )
            valid = claims.get("iss") in ISSUERS and float(claims["exp"]) + SKEW_SECONDS > now
        except (ValueError, TypeError, RecursionError):  # google-auth's are ValueErrors, and quote the token
            return None
        return claims if valid else None

    # --- HTTP -------------------------------------------------------------------------------------------

    def _answer(self, method: str, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON of a success."""
        response = self._send(method, url, form)
        if response.status_code != 200:
            raise _refusal(response)
        answer = _json(response)
        if not isinstance(answer, dict):
            raise RetryableError("google_answer_unreadable")
        return answer

    def _send(self, method: str, url: str, form: Mapping[str, str] | None) -> requests.Response:
        response = None
        with contextlib.suppress(requests.RequestException):
            response = self._session.request(
                method,
                url,
                data=form,
                auth=_no_other_credentials,
                timeout=self._timeout_seconds,
                allow_redirects=False,
            )
        if response is None:  # outside the handler: no address hangs on it
            raise RetryableError("google_unreachable")
        return response

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update({"Accept": "application/json"})
        return session


def _no_other_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """As an auth object, so that no .netrc entry is sent along."""
    return request


def _refusal(response: requests.Response) -> SyncError:
    """What an answer that is no success means (RFC 6749, section 5.2). Its description is not passed on."""
    status, error = response.status_code, _error(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    if status in (408, 429) or status >= 500 or error in _TRANSIENT or not error:
        return RetryableError("google_token", after_seconds(headers))
    if error == "invalid_grant":
        return RejectedError("consent_code_refused")
    return BlockedError("google_client_configuration")


def _error(response: requests.Response) -> str:
    """The error's code; empty where it is no OAuth answer, as a front end's HTML."""
    answer = _json(response)
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, str) else ""


def _json(response: requests.Response) -> object:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise RetryableError("google_answer_unreadable")
    return value


def _keys(jwks: Mapping[str, Any]) -> dict[str, bytes]:
    """RSA keys of a JWK set (RFC 7517) in the form google-auth takes, by key id; odd ones are left out."""
    listed = jwks.get("keys")
    keys = {}
    for jwk in listed[:KEYS_MAX] if isinstance(listed, list) else ():
        try:
            numbers = rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"]))
            form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            keys[str(jwk["kid"])] = numbers.public_key().public_bytes(*form)
        except (KeyError, TypeError, ValueError):
            continue
    if not keys:
        raise RetryableError("google_answer_unreadable")
    return keys


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
