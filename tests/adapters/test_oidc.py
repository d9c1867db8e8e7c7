"""Who may call a function: tokens as the sandbox signs them, and as nobody should."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.auth import jwt as google_jwt

from sandbox.oidc import Identity, Issuer
from shared.adapters import oidc
from shared.adapters.oidc import OidcVerifier
from shared.core.errors import RejectedError, RetryableError
from tests.fakes.clock import FakeClock

jwt: Any = google_jwt  # it carries no types
EMAIL, AUDIENCE = "tasks@demo.example.com", "https://sync.example.com"
US = Identity(EMAIL, AUDIENCE)


class Certs:
    """An address that publishes keys; `answer` is a status and a body."""

    def __init__(self, issuer: Issuer) -> None:
        self.answer: tuple[int, str] = (200, json.dumps(issuer.certs()))
        self.asked = 0
        certs = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                certs.asked += 1
                status, body = certs.answer
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/certs"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def publish(self, issuer: Issuer) -> None:
        self.answer = (200, json.dumps(issuer.certs()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def stranger() -> Issuer:
    return Issuer()


@pytest.fixture
def certs(issuer: Issuer) -> Iterator[Certs]:
    certs = Certs(issuer)
    yield certs
    certs.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def verifier(certs: Certs, clock: FakeClock) -> OidcVerifier:
    return OidcVerifier(EMAIL, AUDIENCE, clock, certs_url=certs.url)


def bearer(issuer: Issuer, identity: Identity = US) -> str:
    return f"Bearer {issuer.token(identity)}"


def signed(issuer: Issuer, **changed: object) -> str:
    """A header with a token of ours whose claims are changed, or left out where None."""
    claims = {**jwt.decode(issuer.token(US), verify=False), **changed}
    kept = {name: value for name, value in claims.items() if value is not None}
    return f"Bearer {jwt.encode(issuer._signer, kept).decode()}"


def refused(verifier: OidcVerifier, authorization: str | None) -> str:
    with pytest.raises(RejectedError) as caught:
        verifier.verify(authorization)
    assert caught.value.__context__ is None  # google-auth's errors quote the token
    return caught.value.reason


def test_a_task_of_ours_is_let_in(verifier: OidcVerifier, issuer: Issuer, certs: Certs) -> None:
    for scheme in ("Bearer", "bearer"):
        verifier.verify(f"{scheme} {issuer.token(US)}")
    assert certs.asked == 1


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi"])
def test_who_brings_no_token_is_not_let_in(
    verifier: OidcVerifier, certs: Certs, authorization: str | None
) -> None:
    assert refused(verifier, authorization) == "oidc_missing"
    assert certs.asked == 0


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "ä.ä.ä", "e30.e30.e30", "bnVsbA.e30.e30", "x" * 9000])
def test_what_is_no_token_is_refused_without_asking_for_keys(
    verifier: OidcVerifier, certs: Certs, token: str
) -> None:
    assert refused(verifier, f"Bearer {token}") == "oidc_invalid"
    assert certs.asked == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "https://other.example.com"}, "oidc_invalid"),
        ({"aud": None}, "oidc_invalid"),
        ({"exp": int(time.time()) - 60}, "oidc_invalid"),
        ({"exp": None}, "oidc_invalid"),
        ({"iat": int(time.time()) + 600}, "oidc_invalid"),
        ({"iss": "https://accounts.example.com"}, "oidc_issuer"),
        ({"iss": None}, "oidc_issuer"),
        ({"email": "other@demo.example.com"}, "oidc_email"),
        ({"email": None}, "oidc_email"),
        ({"email_verified": False}, "oidc_email"),
        ({"email_verified": None}, "oidc_email"),
        ({"email_verified": "true"}, "oidc_email"),
    ],
)
def test_each_claim_must_hold(
    verifier: OidcVerifier, issuer: Issuer, changed: dict[str, object], reason: str
) -> None:
    assert refused(verifier, signed(issuer, **changed)) == reason


def test_another_key_opens_nothing(verifier: OidcVerifier, issuer: Issuer, stranger: Issuer) -> None:
    assert refused(verifier, bearer(stranger)) == "oidc_invalid"
    stranger_as_us = jwt.encode(
        stranger._signer, jwt.decode(issuer.token(US), verify=False), key_id=issuer._signer.key_id
    )
    assert refused(verifier, f"Bearer {stranger_as_us.decode()}") == "oidc_invalid"


def test_a_token_signed_with_nothing_opens_nothing(verifier: OidcVerifier, issuer: Issuer) -> None:
    _, payload, signature = issuer.token(US).split(".")
    for algorithm in ("none", "HS256", None, ["RS256"]):
        header = json.dumps({"alg": algorithm, "kid": issuer._signer.key_id}).encode()
        forged = f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{payload}.{signature}"
        assert refused(verifier, f"Bearer {forged}") == "oidc_invalid"


def test_a_key_that_came_later_is_asked_for_but_not_too_often(
    verifier: OidcVerifier, issuer: Issuer, stranger: Issuer, certs: Certs, clock: FakeClock
) -> None:
    verifier.verify(bearer(issuer))
    certs.publish(stranger)
    assert refused(verifier, bearer(stranger)) == "oidc_invalid"
    clock.advance(oidc.ASK_AGAIN_SECONDS)
    verifier.verify(bearer(stranger))
    assert certs.asked == 2
    assert refused(verifier, bearer(issuer)) == "oidc_invalid"
    assert certs.asked == 2


@pytest.mark.parametrize(
    "answer", [(500, "{}"), (200, "<html>"), (200, "{}"), (200, '{"keys": []}'), (302, "")]
)
def test_keys_are_used_for_a_day_while_they_cannot_be_read_again(
    verifier: OidcVerifier, issuer: Issuer, certs: Certs, clock: FakeClock, answer: tuple[int, str]
) -> None:
    verifier.verify(bearer(issuer))
    certs.answer = answer
    clock.advance(oidc.CERTS_SECONDS_MAX - 1)
    verifier.verify(bearer(issuer))
    assert certs.asked == 2
    clock.advance(1)
    for _ in range(2):
        with pytest.raises(RetryableError):
            verifier.verify(bearer(issuer))
    assert certs.asked == 2  # not more often than once a minute
    clock.advance(oidc.ASK_AGAIN_SECONDS)
    certs.publish(issuer)
    verifier.verify(bearer(issuer))


def test_without_keys_it_is_worth_another_try(issuer: Issuer, clock: FakeClock) -> None:
    certs = Certs(issuer)
    certs.close()
    with pytest.raises(RetryableError):
        OidcVerifier(EMAIL, AUDIENCE, clock, certs_url=certs.url).verify(bearer(issuer))


@pytest.mark.parametrize(("email", "audience"), [("", AUDIENCE), (EMAIL, "")])
def test_a_lock_that_fits_everybody_is_not_made(clock: FakeClock, email: str, audience: str) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        OidcVerifier(email, audience, clock)
