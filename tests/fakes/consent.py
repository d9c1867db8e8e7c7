"""The consent page in memory, for one client: whoever is asked agrees or not, a code is taken once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from shared.core.errors import BlockedError, RejectedError, RetryableError
from shared.ports import Grant

PAGE = "https://accounts.calendar.example/consent"


@dataclass(frozen=True)
class _Promise:
    grant: Grant
    challenge: str
    redirect_uri: str


class MemoryConsent:
    """Tokens and codes count up; to revoke a token ends all of its account."""

    def __init__(self, scopes: Iterable[str]) -> None:
        """`scopes`: what is asked for."""
        self.loses: set[str] = set()
        """Methods of the port whose answers do not arrive; what they do is done."""
        self._scopes = frozenset(scopes)
        self._codes: dict[str, _Promise] = {}
        self._tokens: dict[str, str] = {}
        """The account of each live token."""
        self._made = 0

    # --- the person -------------------------------------------------------------------------------------

    def agree(
        self, url: str, *, sub: str, email: str, scopes: Iterable[str] | None = None, offline: bool = True
    ) -> str:
        """Somebody agrees on the page at `url`; the code that their browser brings back.

        `scopes`: the boxes that were ticked; None: all. `offline`: whether a refresh token comes.
        """
        assert url.startswith(f"{PAGE}?")
        asked = dict(parse_qsl(urlsplit(url).query))
        self._made += 1
        code, token = f"code-{self._made}", f"refresh-token-{self._made}" if offline else None
        granted = self._scopes if scopes is None else frozenset(scopes)
        grant = Grant(sub, email, None, granted, token)
        self._codes[code] = _Promise(grant, asked["code_challenge"], asked["redirect_uri"])
        return code

    def is_live(self, token: str) -> bool:
        return token in self._tokens

    # --- the port ---------------------------------------------------------------------------------------

    def consent_url(self, state: str, code_challenge: str, redirect_uri: str, login_hint: str | None) -> str:
        asked = {"state": state, "code_challenge": code_challenge, "redirect_uri": redirect_uri}
        return f"{PAGE}?{urlencode(asked | ({'login_hint': login_hint} if login_hint else {}))}"

    def exchange(self, code: str, code_verifier: str, redirect_uri: str) -> Grant:
        promise = self._codes.pop(code, None)
        if promise is None:
            raise RejectedError("consent_code_refused")
        if redirect_uri != promise.redirect_uri:
            raise BlockedError("google_client_configuration")
        if _s256(code_verifier) != promise.challenge:
            raise RejectedError("consent_code_refused")
        if promise.grant.refresh_token is not None:
            self._tokens[promise.grant.refresh_token] = promise.grant.sub
        self._answer("exchange")
        return promise.grant

    def revoke(self, token: str) -> None:
        ended = self._tokens.get(token)
        self._tokens = {each: sub for each, sub in self._tokens.items() if sub != ended}
        self._answer("revoke")

    def _answer(self, method: str) -> None:
        if method in self.loses:
            raise RetryableError("google_unreachable")


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
