"""The token endpoint of a FHIR server: where it is, and one request to it (RFC 6749, section 4.4).

Where credentials go is the operator's word. A configured address is used as it stands, if it is https,
loopback or on the origin of the FHIR base. A discovered one is what some answer says, so it is used on that
origin only; a server that has its tokens elsewhere needs `token_url`. No redirect is followed.

    ehr_authentication_refused    Blocked     the client, its key, secret or scope is not accepted
    ehr_token_endpoint_unknown    Blocked     nothing is discovered, and no address is configured
    ehr_token_endpoint_elsewhere  Blocked     what is discovered is on another origin
    ehr_token_endpoint_unsafe     Blocked     what is configured would send credentials in the clear
    ehr_token_endpoint_wrong      Blocked     a redirect, or no token endpoint there
    ehr_token_unavailable         Retryable   no answer, 408, 425, 429, 5xx; waits as long as it asks
    ehr_token_unreadable          Retryable   a success without a token that can be used

Nothing that a server says is in an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests

from shared.adapters.fhir.elements import object_of
from shared.adapters.fhir.exchange import USER_AGENT, Answer, Header, answer_of, origin
from shared.adapters.fhir.tokens import AccessToken
from shared.core.errors import BlockedError, RetryableError, SyncError
from shared.ports import Clock
from shared.retry_after import after_seconds

DISCOVERED_SECONDS = 3600.0
"""How long a discovered address is used; a request that fails there ends it sooner."""
LIFE_SECONDS = 300.0
"""Of a token that does not say how long it lives."""
TIMEOUT_SECONDS = (3.0, 10.0)
"""To connect, and to read."""
WELL_KNOWN = ".well-known/smart-configuration"

_LATER = frozenset({408, 425, 429})
_REFUSED = frozenset({400, 401, 403})
_TRANSIENT = frozenset({"server_error", "temporarily_unavailable", "slow_down"})


class TokenEndpoint:
    """One thread's own. No connection is kept: a token is asked for every few minutes."""

    def __init__(
        self,
        fhir_base: str,
        clock: Clock,
        *,
        token_url: str | None = None,
        timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS,
    ) -> None:
        """`token_url`: None has it discovered."""
        self._base = fhir_base.rstrip("/") + "/"
        self._clock = clock
        self._configured = token_url
        self._timeout_seconds = timeout_seconds
        self._discovered: tuple[str, datetime] | None = None
        """The address, and until when it is used."""

    def url(self) -> str:
        """Where tokens are asked for. Raises RetryableError and BlockedError."""
        if self._configured is not None:
            if not _keeps_secrets(self._configured, self._base):
                raise BlockedError("ehr_token_endpoint_unsafe")
            return self._configured
        if self._discovered is None or self._clock.now() >= self._discovered[1]:
            until = self._clock.now() + timedelta(seconds=DISCOVERED_SECONDS)
            self._discovered = (self._discover(), until)
        return self._discovered[0]

    def ask(self, form: Callable[[str], Mapping[str, str]], authorization: str | None = None) -> AccessToken:
        """`form`: what is sent to that address. `authorization`: the header, where the secret stands in it.

        Nothing is sent twice. Raises RetryableError and BlockedError.
        """
        url = self.url()
        answer = self._send("POST", url, form=form(url), authorization=authorization)
        if not 200 <= answer.status < 300:
            self._discovered = None
            raise _refusal(answer)
        return _token(object_of(answer.body))

    def _discover(self) -> str:
        answer = self._send("GET", self._base + WELL_KNOWN)
        if answer.status in _LATER or answer.status >= 500:
            raise _unavailable(answer)
        url = object_of(answer.body).get("token_endpoint") if answer.status == 200 else None
        if not isinstance(url, str):
            raise BlockedError("ehr_token_endpoint_unknown")
        if not _same_origin(url, self._base):
            raise BlockedError("ehr_token_endpoint_elsewhere")
        return url

    def _send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        authorization: str | None = None,
    ) -> Answer:
        response = None
        with contextlib.suppress(requests.RequestException):
            response = requests.request(
                method,
                url,
                data=form,
                headers={"Accept": "application/json", "User-Agent": USER_AGENT},
                auth=Header(authorization),
                timeout=self._timeout_seconds,
                allow_redirects=False,
            )
        if response is None:  # outside the handler: no address hangs on it
            raise RetryableError("ehr_token_unavailable")
        return answer_of(response)


def _refusal(answer: Answer) -> SyncError:
    """What an answer that is no success means (RFC 6749, section 5.2). Its texts are not passed on."""
    error = object_of(answer.body).get("error")
    if answer.status in _LATER or answer.status >= 500 or error in _TRANSIENT:
        return _unavailable(answer)
    return BlockedError(
        "ehr_authentication_refused" if answer.status in _REFUSED else "ehr_token_endpoint_wrong"
    )


def _unavailable(answer: Answer) -> RetryableError:
    return RetryableError("ehr_token_unavailable", after_seconds(answer.headers))


def _token(body: Mapping[str, Any]) -> AccessToken:
    """RFC 6749, section 5.1. Some servers write the seconds as a text, or leave the type out."""
    value, kind, life = body.get("access_token"), body.get("token_type"), body.get("expires_in")
    if isinstance(life, str) and life.isascii() and life.isdigit():
        life = float(life)
    seconds = LIFE_SECONDS if life is None else life
    usable = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    if not isinstance(value, str) or not usable or str(kind or "bearer").lower() != "bearer":
        raise RetryableError("ehr_token_unreadable")
    return AccessToken(value, seconds)


def _keeps_secrets(url: str, base: str) -> bool:
    if _same_origin(url, base):
        return True
    scheme, host, _ = _origin(url)
    return scheme == "https" or (scheme == "http" and _is_loopback(host or ""))


def _same_origin(url: str, base: str) -> bool:
    return _origin(url) == _origin(base)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """That of no place where it cannot be read: nothing is sent there."""
    try:
        return origin(urlsplit(url))
    except ValueError:
        return "", None, None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
