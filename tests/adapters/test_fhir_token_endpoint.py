"""Token endpoints and what they answer, odd ones too: what is sent there, and what is made of it."""

from __future__ import annotations

import base64
import json
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.hashes import SHA384

from shared.adapters.fhir import (
    Authorization,
    SecretIn,
    SigningKey,
    TokenEndpoint,
    bearer,
    client_secret,
    private_key_jwt,
)
from shared.core.errors import BlockedError, RetryableError
from tests.adapters.fhir_clients import EC, OF_EC, OF_RSA, RSA, SCOPE, SECRET
from tests.fakes.clock import START, FakeClock
from tests.receiver import Received, Receiver, Reply, receiver


class Server:
    """A token endpoint that answers as it is told, and what it is asked."""

    def __init__(self, listening: Receiver) -> None:
        self.clock = FakeClock()
        self.base = f"{listening.url}/fhir"
        self.url = f"{listening.url}/token"
        self.discovery = Reply(body=json.dumps({"token_endpoint": self.url}).encode())
        self.answer = token()
        self._listening = listening
        listening.reply = lambda request: self.discovery if request.method == "GET" else self.answer

    def endpoint(self, token_url: str | None = None) -> TokenEndpoint:
        return TokenEndpoint(self.base, self.clock, token_url=token_url, timeout_seconds=(5, 5))

    def signing(self, key: SigningKey = OF_EC, token_url: str | None = None) -> Authorization:
        keys = (key,)
        return private_key_jwt(self.endpoint(token_url), "us", keys, SCOPE, self.clock, os.urandom)

    def of(self, method: str) -> list[Received]:
        return [each for each in self._listening.received if each.method == method]


def token(**changed: Any) -> Reply:
    answer = {"access_token": "t0k~en/+==", "token_type": "Bearer", "expires_in": 300, **changed}
    return Reply(body=json.dumps({k: v for k, v in answer.items() if v is not None}).encode())


@pytest.fixture
def odd() -> Iterator[Server]:
    with receiver() as listening:
        yield Server(listening)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(("key", "algorithm"), [(OF_RSA, "RS384"), (OF_EC, "ES384")])
def test_an_assertion_is_signed_by_our_key_for_one_request(
    odd: Server, key: SigningKey, algorithm: str
) -> None:
    authorization = odd.signing(key)
    assert authorization() == "Bearer t0k~en/+=="
    authorization.renew()
    authorization()
    first, second = (dict(parse_qsl(each.body.decode())) for each in odd.of("POST"))
    assert first["grant_type"] == "client_credentials"
    assert first["scope"] == SCOPE
    assert first["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert set(first) == {"grant_type", "scope", "client_assertion_type", "client_assertion"}
    header, claims, signature = first["client_assertion"].split(".")
    signed, raw = f"{header}.{claims}".encode(), decoded(signature)
    if algorithm == "RS384":
        RSA.public_key().verify(raw, signed, padding.PKCS1v15(), SHA384())
    else:
        assert len(raw) == 96
        r, s = int.from_bytes(raw[:48]), int.from_bytes(raw[48:])
        EC.public_key().verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(SHA384()))
    assert json.loads(decoded(header)) == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    said, again = json.loads(decoded(claims)), json.loads(decoded(second["client_assertion"].split(".")[1]))
    now = START.timestamp()
    assert (said["iss"], said["sub"], said["aud"]) == ("us", "us", odd.url)
    assert now < said["exp"] <= now + 300
    assert said["jti"] != again["jti"]


def test_a_secret_is_encoded_in_the_header_and_stands_in_the_body_alone(odd: Server) -> None:
    client_secret(odd.endpoint(), "u:s", "s:ec ret", SCOPE, odd.clock)()
    client_secret(odd.endpoint(), "u:s", "s:ec ret", SCOPE, odd.clock, secret_in=SecretIn.BODY)()
    in_header, in_body = odd.of("POST")
    assert in_header.headers["authorization"] == f"Basic {base64.b64encode(b'u%3As:s%3Aec+ret').decode()}"
    assert b"secret" not in in_header.body
    assert "authorization" not in in_body.headers
    assert parse_qs(in_body.body.decode())["client_secret"] == ["s:ec ret"]


def test_no_netrc_entry_is_sent_along(odd: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    odd.signing()()
    assert not any("authorization" in each.headers for each in odd.of("GET") + odd.of("POST"))


# --- where it is sent -----------------------------------------------------------------------------------


def test_what_is_discovered_is_kept_for_an_hour_and_not_after_a_refusal(odd: Server) -> None:
    authorization = odd.signing()
    for seconds, reads in ((0, 1), (300, 1), (3300, 2)):
        odd.clock.advance(seconds)
        authorization()
        assert len(odd.of("GET")) == reads
    odd.answer = Reply(404)
    authorization.renew()
    with pytest.raises(BlockedError, match="ehr_token_endpoint_wrong"):
        authorization()
    odd.answer = token()
    authorization()
    assert len(odd.of("GET")) == 3


def test_a_discovered_address_elsewhere_gets_no_credential(odd: Server) -> None:
    with receiver() as elsewhere:
        for url in (
            f"{elsewhere.url}/token",
            "https://else.example/token",
            odd.url.replace("http:", "https:"),
            odd.url.replace("127.0.0.1", "localhost"),
            "//else.example/token",
            "/token",
            "http://[token",
            "",
        ):
            odd.discovery = Reply(body=json.dumps({"token_endpoint": url}).encode())
            with pytest.raises(BlockedError, match=r"^ehr_token_endpoint_elsewhere$"):
                odd.signing()()
        assert (elsewhere.received, odd.of("POST")) == ([], [])


def test_a_configured_address_may_be_elsewhere_and_nothing_is_discovered(odd: Server) -> None:
    with receiver() as elsewhere:
        elsewhere.reply = lambda _: token()
        assert odd.signing(token_url=f"{elsewhere.url}/token")() == "Bearer t0k~en/+=="
        assert [each.path for each in elsewhere.received] == ["/token"]
        assert odd.of("GET") == []


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://else.example/token", True),
        ("http://localhost:8080/token", True),
        ("http://[::1]/token", True),
        ("http://ehr.internal/token", True),  # where the FHIR server itself is
        ("http://else.example/token", False),
        ("http://ehr.internal:8080/token", False),
        ("http://localhost.example/token", False),
        ("http://127.0.0.1.example/token", False),
        ("ftp://127.0.0.1/token", False),
        ("https://[token", False),
        ("", False),
    ],
)
def test_a_configured_address_must_not_send_credentials_in_the_clear(url: str, safe: bool) -> None:  # noqa: FBT001 - an outcome
    endpoint = TokenEndpoint("http://ehr.internal/fhir", FakeClock(), token_url=url)
    if safe:
        assert endpoint.url() == url
    else:
        with pytest.raises(BlockedError, match=r"^ehr_token_endpoint_unsafe$"):
            endpoint.url()


def test_no_redirect_is_followed(odd: Server) -> None:
    with receiver() as elsewhere:
        away = {"Location": f"{elsewhere.url}/token"}
        for status in (301, 302, 303, 307, 308):
            odd.answer = Reply(status, headers=away)
            with pytest.raises(BlockedError, match="ehr_token_endpoint_wrong"):
                odd.signing()()
        odd.discovery = Reply(302, headers=away)
        with pytest.raises(BlockedError, match="ehr_token_endpoint_unknown"):
            odd.signing()()
        assert elsewhere.received == []


@pytest.mark.parametrize(
    ("discovery", "error", "reason"),
    [
        (Reply(404), BlockedError, "ehr_token_endpoint_unknown"),
        (Reply(401, b"{}"), BlockedError, "ehr_token_endpoint_unknown"),
        (Reply(200, b"<html>"), BlockedError, "ehr_token_endpoint_unknown"),
        (Reply(200, b"[]"), BlockedError, "ehr_token_endpoint_unknown"),
        (Reply(200, b'{"token_endpoint": 5}'), BlockedError, "ehr_token_endpoint_unknown"),
        (Reply(429), RetryableError, "ehr_token_unavailable"),
        (Reply(503), RetryableError, "ehr_token_unavailable"),
    ],
)
def test_what_is_not_discovered_is_told(
    odd: Server, discovery: Reply, error: type[Exception], reason: str
) -> None:
    odd.discovery = discovery
    with pytest.raises(error, match=f"^{reason}$"):
        odd.signing()()
    assert odd.of("POST") == []


# --- what comes back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "body", [b'{"error": "invalid_client"}', b'{"error": "invalid_grant"}', b"<html>", b"[1]"]
)
def test_a_refusal_is_for_a_person(odd: Server, status: int, body: bytes) -> None:
    odd.answer = Reply(status, body)
    with pytest.raises(BlockedError, match=r"^ehr_authentication_refused$"):
        odd.signing()()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (408, b""),
        (425, b""),
        (429, b'{"error": "invalid_client"}'),
        (500, b"<html>"),
        (502, b""),
        (503, b'{"error": "server_error"}'),
        (400, b'{"error": "temporarily_unavailable"}'),
        (400, b'{"error": "slow_down"}'),
    ],
)
def test_what_passes_is_tried_later_and_when_it_says(odd: Server, status: int, body: bytes) -> None:
    odd.answer = Reply(status, body, {"Retry-After": "17"})
    with pytest.raises(RetryableError, match=r"^ehr_token_unavailable$") as caught:
        odd.signing()()
    assert caught.value.after_seconds == 17


@pytest.mark.parametrize("status", [301, 404, 405, 410])
def test_what_is_no_token_endpoint_is_told(odd: Server, status: int) -> None:
    odd.answer = Reply(status)
    with pytest.raises(BlockedError, match=r"^ehr_token_endpoint_wrong$"):
        odd.signing()()


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b""),
        Reply(200, b"<html>"),
        Reply(200, b"[]"),
        Reply(200, b"[" * 100_000),
        token(access_token=None),
        token(access_token=""),
        token(access_token=5),
        token(access_token="a\r\nX-Other: b"),
        token(access_token="ü"),
        token(token_type="DPoP"),
        token(expires_in=0),
        token(expires_in=-5),
        token(expires_in=True),
        token(expires_in="soon"),
        token(expires_in=float("nan")),
        token(expires_in=[300]),
    ],
)
def test_a_success_without_a_usable_token_is_tried_later(odd: Server, answer: Reply) -> None:
    odd.answer = answer
    with pytest.raises(RetryableError, match=r"^ehr_token_unreadable$"):
        odd.signing()()


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (token(expires_in=None), 270),
        (token(expires_in="600"), 570),
        (token(expires_in=90.5), 60.5),
        (token(token_type=None), 270),
        (token(expires_in=10**400), 24 * 3600 - 30),
        (token(expires_in=float("inf")), 24 * 3600 - 30),
    ],
)
def test_how_long_an_answer_is_used(odd: Server, given: Reply, seconds: float) -> None:
    odd.answer = given
    authorization = odd.signing(token_url=odd.url)
    authorization()
    odd.clock.advance(seconds - 0.001)
    authorization()
    assert len(odd.of("POST")) == 1
    odd.clock.advance(0.001)
    authorization()
    assert len(odd.of("POST")) == 2


def test_a_token_that_is_over_when_it_comes_is_not_used(odd: Server) -> None:
    class Slow(FakeClock):
        def now(self) -> datetime:
            self.advance(3)
            return super().now()

    odd.answer = token(expires_in=2)
    authorization = client_secret(odd.endpoint(odd.url), "us", SECRET, SCOPE, Slow())
    with pytest.raises(RetryableError, match="ehr_token_expired"):
        authorization()


def test_a_token_endpoint_that_nobody_serves_is_tried_later() -> None:
    with receiver() as gone:
        url = f"{gone.url}/token"
    endpoint = TokenEndpoint("https://ehr.example/fhir", FakeClock(), token_url=url)
    with pytest.raises(RetryableError, match=r"^ehr_token_unavailable$") as caught:
        client_secret(endpoint, "us", SECRET, SCOPE, FakeClock())()
    assert (caught.value.after_seconds, caught.value.__context__) == (None, None)


# --- nothing secret is shown ----------------------------------------------------------------------------


def test_no_secret_is_in_a_repr_an_error_or_a_log(odd: Server, caplog: pytest.LogCaptureFixture) -> None:
    hushed = "SYNTHETIC-HUSH"
    odd_one = SigningKey("kid", hushed)
    caplog.set_level(logging.DEBUG)
    shown = [repr(odd_one), repr(odd.endpoint()), repr(bearer(hushed))]
    authorizations: list[Callable[[], Authorization]] = [
        lambda: client_secret(odd.endpoint(), "us", hushed, SCOPE, odd.clock),
        lambda: client_secret(odd.endpoint(), "us", hushed, SCOPE, odd.clock, secret_in=SecretIn.BODY),
        lambda: odd.signing(odd_one),
    ]
    answers = [
        token(access_token=hushed),
        token(access_token=f"{hushed}\n"),
        token(access_token=f"{hushed}", expires_in=0),
        Reply(400, json.dumps({"error": hushed, "error_description": hushed}).encode()),
        Reply(503, hushed.encode()),
        Reply(302, headers={"Location": f"https://else.example/{hushed}"}),
    ]
    for answer in answers:
        odd.answer = answer
        for make in authorizations:
            try:
                authorization = make()
                shown.append(repr(authorization))
                authorization()
            except (BlockedError, RetryableError) as error:
                shown += traceback.format_exception(error, chain=True)
                shown.append(repr(error.__context__))
    shown += [record.getMessage() for record in caplog.records]
    assert len(shown) > 30
    assert "POST /token" in "".join(shown)  # something was logged
    assert hushed not in "".join(shown)
