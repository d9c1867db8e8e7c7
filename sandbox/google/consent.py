"""The authorization endpoint without HTML: what a client asks for, and what the person's answer becomes.

What is wrong with a request is shown on a page and never sent to a redirect URI, as Google does.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sandbox.google.codes import Codes, Promise
from sandbox.google.grants import Grant, Grants
from sandbox.google.scopes import SIGN_IN, full_name
from sandbox.google.store import Account

PARAMETERS = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "access_type",
    "prompt",
    "include_granted_scopes",
    "login_hint",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
"""Those that mean something here; others are ignored, as Google does."""
REQUIRED = ("client_id", "redirect_uri", "response_type", "scope")
PROMPTS = frozenset({"none", "consent", "select_account"})
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43,128}", re.ASCII)


class ConsentError(Exception):
    """A request that is refused on a page: status, OAuth error code, a sentence."""

    def __init__(self, status: int, error: str, sentence: str) -> None:
        super().__init__(f"{status} {error}: {sentence}")
        self.status = status
        self.error = error
        self.sentence = sentence


@dataclass(frozen=True)
class Decision:
    """What a person answers. `scopes`: those left ticked, None for all; `error`: instead of a yes."""

    sub: str = ""
    scopes: frozenset[str] | None = None
    error: str = ""


@dataclass(frozen=True)
class Asked:
    """One authorization request that can be answered."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    """By their full names, in the order asked for."""
    parameters: Mapping[str, str]
    """As they came."""

    @property
    def boxes(self) -> tuple[str, ...]:
        """The scopes a person can untick: none when the one thing asked for is all there is to decide."""
        more = tuple(scope for scope in self.scopes if scope not in SIGN_IN)
        return more if len(self.scopes) > 1 else ()

    def left(self, ticked: Collection[str] | None) -> tuple[str, ...]:
        """The scopes granted when these boxes are ticked; None: all of them."""
        boxes = self.boxes
        return tuple(s for s in self.scopes if ticked is None or s not in boxes or s in ticked)

    def answered(self, **answers: str) -> str:
        """The redirect URI with an answer, its own query kept."""
        state = {"state": self.parameters["state"]} if "state" in self.parameters else {}
        parts = urlsplit(self.redirect_uri)
        query = [*parse_qsl(parts.query, keep_blank_values=True), *state.items(), *answers.items()]
        return urlunsplit(parts._replace(query=urlencode(query)))


def read_request(
    pairs: Iterable[tuple[str, str]], clients: Collection[str], redirect_uris: Mapping[str, Collection[str]]
) -> Asked:
    """A request from its parameters. `redirect_uris`: those registered, by client. Raises ConsentError."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise _invalid(f"OAuth 2 parameters can only have a single value: {name}")
        if name in PARAMETERS:
            given[name] = value
    for name in REQUIRED:
        if not given.get(name):
            raise _invalid(f"Missing required parameter: {name}")
        if name == "client_id" and given[name] not in clients:
            raise ConsentError(401, "invalid_client", "The OAuth client was not found.")
        if name == "redirect_uri" and given[name] not in redirect_uris.get(given["client_id"], ()):
            sentence = f"The redirect URI in the request is not registered: {given[name]}"
            raise ConsentError(400, "redirect_uri_mismatch", sentence)
    if given["response_type"] != "code":
        sentence = f"Invalid response_type: {given['response_type']}"
        raise ConsentError(400, "unsupported_response_type", sentence)
    _check_options(given)
    return Asked(given["client_id"], given["redirect_uri"], _scopes(given["scope"]), given)


def _invalid(sentence: str) -> ConsentError:
    return ConsentError(400, "invalid_request", sentence)


def _check_options(given: Mapping[str, str]) -> None:
    if given.get("access_type", "online") not in ("online", "offline"):
        raise _invalid(f"Invalid access_type: {given['access_type']}")
    prompts = given.get("prompt", "").split()
    if not PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        raise _invalid(f"Invalid parameter value for prompt: {given['prompt']}")
    if "code_challenge" in given:
        method = given.get("code_challenge_method", "plain")
        if method != "S256":
            raise _invalid(f"Only S256 is served here, not code_challenge_method {method}")
        if not CHALLENGE.fullmatch(given["code_challenge"]):
            raise _invalid("Invalid code_challenge")


def _scopes(text: str) -> tuple[str, ...]:
    names, unknown = [], []
    for name in text.split():
        try:
            names.append(full_name(name))
        except ValueError:
            unknown.append(name)
    if unknown or not names:
        sentence = f"Some requested scopes were invalid. {{valid={names}, invalid={unknown}}}"
        raise ConsentError(400, "invalid_scope", sentence)
    return tuple(dict.fromkeys(names))


class Consents:
    """Answers to requests: a person's, or those a test laid down beforehand."""

    def __init__(self, grants: Grants, codes: Codes, accounts: Mapping[str, Account]) -> None:
        self._grants = grants
        self._codes = codes
        self._accounts = accounts
        self.redirect_uris: dict[str, set[str]] = {client_id: set() for client_id in grants.clients}
        """Registered ones, by client."""
        self.laid_down: deque[Decision] = deque()
        """Answers to the next requests, in order; while there are none a person is asked."""

    def register(self, client_id: str, redirect_uri: str) -> None:
        """Raises ValueError for what Google's console refuses: a fragment, or no absolute http(s) URI."""
        parts = urlsplit(redirect_uri)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
            raise ValueError(f"{redirect_uri!r} is no absolute http or https URI without a fragment")
        self.redirect_uris[client_id].add(redirect_uri)

    def read(self, pairs: Iterable[tuple[str, str]]) -> Asked:
        """Raises ConsentError."""
        return read_request(pairs, self._grants.clients, self.redirect_uris)

    def unasked(self, asked: Asked) -> str | None:
        """Where the browser goes at once; None when a person must be asked."""
        if asked.parameters.get("prompt") == "none":
            return asked.answered(error="interaction_required")
        return self.decide(asked, self.laid_down.popleft()) if self.laid_down else None

    def decide(self, asked: Asked, decision: Decision) -> str:
        """Where the browser goes with the answer. KeyError: an account there is none of."""
        scopes = asked.left(decision.scopes)
        if decision.error or not scopes:
            return asked.answered(error=decision.error or "access_denied")
        account, parameters = self._accounts[decision.sub], asked.parameters
        earlier: tuple[str, ...] = ()
        if parameters.get("include_granted_scopes") == "true":
            earlier = self._grants.consented(account.sub, asked.client_id)
        granted = tuple(dict.fromkeys((*scopes, *earlier)))
        self._grants.consent(account.sub, asked.client_id, granted)
        prompts = parameters.get("prompt", "").split()
        promise = Promise(
            grant=Grant(account.sub, asked.client_id, granted),
            redirect_uri=asked.redirect_uri,
            challenge=parameters.get("code_challenge"),
            nonce=parameters.get("nonce"),
            offline=parameters.get("access_type") == "offline",
            anew="consent" in prompts,
        )
        domain = {"hd": account.hosted_domain} if account.hosted_domain else {}
        return asked.answered(
            code=self._codes.issue(promise),
            scope=" ".join(granted),
            authuser="0",
            **domain,
            prompt="consent" if promise.anew else "none",
        )
