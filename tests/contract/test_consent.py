"""What a consent must do, said once for every implementation of it.

`memory` is the one that use cases are tested with; `sandbox` is the real adapter against our own server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.google.codes import s256
from sandbox.google.grants import CLIENT_ID, CLIENT_SECRET
from shared.adapters.google_oauth import APP_CREATED, LIST_READ, SCOPES, Endpoints, GoogleOAuth
from shared.core.errors import BlockedError, RejectedError
from shared.ports import Consent
from tests.fakes.clock import START, FakeClock
from tests.fakes.consent import MemoryConsent
from tests.servers import server

CALLBACK = "https://app.example.org/oauth/callback"
VERIFIER = "verifier-" * 6
EMAILS = ("robin@example.org", "kim@example.org")


@dataclass
class Stage:
    consent: Consent
    subs: tuple[str, ...]
    """Of the accounts with EMAILS."""
    answer: Callable[..., str]
    """Somebody agrees on the page at an address (`url`, `who`, `scopes`): the code."""
    is_live: Callable[[str], bool]
    """Whether a refresh token still works."""

    def agree(self, who: int = 0, scopes: Sequence[str] | None = None) -> str:
        url = self.consent.consent_url("a state", s256(VERIFIER), CALLBACK, EMAILS[who])
        return self.answer(url=url, who=who, scopes=scopes)

    def token(self, who: int = 0) -> str:
        token = self.consent.exchange(self.agree(who), VERIFIER, CALLBACK).refresh_token
        assert token is not None
        return token


@pytest.fixture(params=["memory", "sandbox"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "memory":
        yield memory_stage()
    else:
        yield from sandbox_stage(*request.getfixturevalue("google"))


def memory_stage() -> Stage:
    consent, subs = MemoryConsent(SCOPES), ("sub-1", "sub-2")

    def answer(*, url: str, who: int, scopes: Sequence[str] | None) -> str:
        return consent.agree(url, sub=subs[who], email=EMAILS[who], scopes=scopes)

    return Stage(consent, subs, answer, consent.is_live)


@pytest.fixture(scope="module")
def google() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Its address, and the accounts with EMAILS."""
    with server("sandbox.google", "--redirect-uri", CALLBACK) as running:
        requests.put(f"{running}/control/clock", json={"fixed": START.isoformat()}, timeout=10)
        made = [control(running, "accounts", email=email, time_zone="UTC") for email in EMAILS]
        yield running, tuple(account["sub"] for account in made)


def control(address: str, what: str, **data: Any) -> dict[str, Any]:
    answer = requests.post(f"{address}/control/{what}", json=data, timeout=10)
    assert answer.ok, answer.text
    result: dict[str, Any] = answer.json()
    return result


def sandbox_stage(address: str, subs: tuple[str, ...]) -> Iterator[Stage]:
    endpoints = Endpoints(
        auth_url=f"{address}/o/oauth2/v2/auth",
        token_url=f"{address}/token",
        certs_url=f"{address}/oauth2/v3/certs",
        revoke_url=f"{address}/revoke",
    )
    for sub in subs:
        control(address, "grants/revoke", sub=sub)
    oauth = GoogleOAuth(CLIENT_ID, CLIENT_SECRET, FakeClock(), endpoints=endpoints)
    yield Stage(oauth, subs, partial(sandbox_answer, address, subs), partial(sandbox_is_live, address))
    oauth.close()


def sandbox_answer(
    address: str, subs: tuple[str, ...], *, url: str, who: int, scopes: Sequence[str] | None
) -> str:
    ticked = {} if scopes is None else {"scopes": list(scopes)}
    control(address, "consents", sub=subs[who], **ticked)
    response = requests.get(url, timeout=10, allow_redirects=False)
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def sandbox_is_live(address: str, token: str) -> bool:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return requests.post(f"{address}/token", data=form | client, timeout=10).status_code == 200


def test_a_code_stands_for_who_agreed_and_what_to(stage: Stage) -> None:
    grant = stage.consent.exchange(stage.agree(), VERIFIER, CALLBACK)
    assert (grant.sub, grant.email) == (stage.subs[0], EMAILS[0])
    assert grant.scopes >= {APP_CREATED, LIST_READ}
    assert grant.refresh_token is not None
    assert stage.is_live(grant.refresh_token)


def test_what_was_not_ticked_is_not_granted(stage: Stage) -> None:
    grant = stage.consent.exchange(stage.agree(scopes=[LIST_READ]), VERIFIER, CALLBACK)
    assert LIST_READ in grant.scopes
    assert APP_CREATED not in grant.scopes


def test_every_consent_brings_a_token_of_its_own(stage: Stage) -> None:
    first, second = stage.token(), stage.token()
    assert first != second
    assert stage.is_live(first)
    assert stage.is_live(second)


def test_a_code_is_taken_once(stage: Stage) -> None:
    code = stage.agree()
    stage.consent.exchange(code, VERIFIER, CALLBACK)
    with pytest.raises(RejectedError, match="consent_code_refused"):
        stage.consent.exchange(code, VERIFIER, CALLBACK)


@pytest.mark.parametrize("code", ["", "nonsense"])
def test_a_code_nobody_gave_is_refused(stage: Stage, code: str) -> None:
    with pytest.raises(RejectedError, match="consent_code_refused"):
        stage.consent.exchange(code, VERIFIER, CALLBACK)


def test_a_code_is_refused_to_whom_did_not_ask_for_it(stage: Stage) -> None:
    with pytest.raises(RejectedError, match="consent_code_refused"):
        stage.consent.exchange(stage.agree(), "w" * 43, CALLBACK)


def test_another_callback_is_our_own_fault(stage: Stage) -> None:
    with pytest.raises(BlockedError, match="google_client_configuration"):
        stage.consent.exchange(stage.agree(), VERIFIER, f"{CALLBACK}/else")


def test_to_revoke_one_token_ends_all_of_its_account_and_no_other(stage: Stage) -> None:
    first, second, other = stage.token(), stage.token(), stage.token(who=1)
    stage.consent.revoke(first)
    assert [stage.is_live(token) for token in (first, second, other)] == [False, False, True]


def test_to_revoke_a_dead_token_is_success(stage: Stage) -> None:
    token = stage.token()
    stage.consent.revoke(token)
    stage.consent.revoke(token)
    stage.consent.revoke("nonsense")
    assert not stage.is_live(token)
