"""Consent through Google's endpoints: against the sandbox, and against answers nobody should give."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import google.auth.crypt
import google.auth.jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.google.codes import s256
from sandbox.google.grants import CLIENT_ID, CLIENT_SECRET
from shared.adapters.google_oauth import (
    APP_CREATED,
    LIST_READ,
    OWNED_READ,
    SKEW_SECONDS,
    Endpoints,
    GoogleOAuth,
)
from shared.core.errors import BlockedError, RejectedError, RetryableError, SyncError
from shared.ports import Consent, Grant
from tests.fakes.clock import START, FakeClock
from tests.receiver import Received, Receiver, Reply, receiver
from tests.servers import server

Json = dict[str, Any]
CALLBACK = "https://app.example.org/oauth/callback"
VERIFIER = "verifier-" * 6
EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
HTML = b"<!DOCTYPE html><title>Error</title>"


# --- against the sandbox --------------------------------------------------------------------------------


@dataclass
class Google:
    """The sandbox, and a person who answers its page."""

    address: str
    sub: str
    email: str

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(
            auth_url=f"{self.address}/o/oauth2/v2/auth",
            token_url=f"{self.address}/token",
            certs_url=f"{self.address}/oauth2/v3/certs",
            revoke_url=f"{self.address}/revoke",
        )

    def control(self, what: str, **data: Any) -> Json:
        answer = requests.post(f"{self.address}/control/{what}", json=data, timeout=10)
        assert answer.ok, answer.text
        result: Json = answer.json()
        return result

    def consent(self, oauth: Consent, **decision: Any) -> dict[str, str]:
        """What the browser brings back."""
        self.control("consents", **({"sub": self.sub} | decision))
        url = oauth.consent_url("a state", s256(VERIFIER), CALLBACK, self.email)
        response = requests.get(url, timeout=10, allow_redirects=False)
        assert response.status_code == 302, response.text
        assert response.headers["location"].startswith(f"{CALLBACK}?")
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))

    def code(self, oauth: Consent, **decision: Any) -> str:
        return self.consent(oauth, **decision)["code"]

    def fault(self, operation: str, **fault: Any) -> None:
        self.control("faults", operation=operation, **fault)

    def calls(self, refresh_token: str) -> int:
        """The status of a refresh."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return requests.post(self.endpoints.token_url, {**form, **client}, timeout=10).status_code


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server("sandbox.google", "--redirect-uri", CALLBACK) as running:
        requests.put(f"{running}/control/clock", json={"fixed": START.isoformat()}, timeout=10)
        yield running


@pytest.fixture
def person(address: str) -> Iterator[Google]:
    email = f"robin.{uuid.uuid4().hex[:12]}@example.org"
    account = {"email": email, "time_zone": "UTC", "hosted_domain": "example.org"}
    made = requests.post(f"{address}/control/accounts", json=account, timeout=10).json()
    yield Google(address, made["sub"], email)
    requests.delete(f"{address}/control/faults", timeout=10)
    requests.delete(f"{address}/control/consents", timeout=10)


def opened(endpoints: Endpoints, clock: FakeClock | None = None, **changed: Any) -> GoogleOAuth:
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **changed}
    return GoogleOAuth(clock=clock or FakeClock(), endpoints=endpoints, **given)


@pytest.fixture
def oauth(person: Google) -> Iterator[GoogleOAuth]:
    adapter = opened(person.endpoints)
    yield adapter
    adapter.close()


def test_a_code_stands_for_an_account_its_scopes_and_a_refresh_token(
    person: Google, oauth: GoogleOAuth
) -> None:
    back = person.consent(oauth)
    assert back["state"] == "a state"
    grant = oauth.exchange(back["code"], VERIFIER, CALLBACK)
    assert (grant.sub, grant.email, grant.hosted_domain) == (person.sub, person.email, "example.org")
    assert grant.scopes == {"openid", EMAIL_SCOPE, APP_CREATED, LIST_READ, OWNED_READ}
    assert grant.refresh_token is not None
    assert person.calls(grant.refresh_token) == 200


def test_every_consent_brings_a_refresh_token(person: Google, oauth: GoogleOAuth) -> None:
    tokens = {oauth.exchange(person.code(oauth), VERIFIER, CALLBACK).refresh_token for _ in range(2)}
    assert len(tokens) == 2
    assert None not in tokens


def test_a_consumer_account_has_no_domain(address: str, oauth: GoogleOAuth) -> None:
    account = {"email": "kim@example.com", "time_zone": "UTC"}
    made = requests.post(f"{address}/control/accounts", json=account, timeout=10).json()
    consumer = Google(address, made["sub"], "kim@example.com")
    assert oauth.exchange(consumer.code(oauth), VERIFIER, CALLBACK).hosted_domain is None


def test_what_a_person_leaves_out_is_not_granted(person: Google, oauth: GoogleOAuth) -> None:
    person.control("grants/revoke", sub=person.sub)
    grant = oauth.exchange(person.code(oauth, scopes=[LIST_READ]), VERIFIER, CALLBACK)
    assert grant.scopes == {"openid", EMAIL_SCOPE, LIST_READ}


def test_an_account_that_changed_its_address_is_the_same(person: Google, oauth: GoogleOAuth) -> None:
    new = f"new.{person.email}"
    person.control("accounts/email", sub=person.sub, email=new)
    grant = oauth.exchange(person.code(oauth), VERIFIER, CALLBACK)
    assert (grant.sub, grant.email) == (person.sub, new)


def test_a_deployment_may_ask_for_more(person: Google) -> None:
    oauth = opened(person.endpoints, scopes=("openid", "email", LIST_READ))
    url = oauth.consent_url("s", "c", CALLBACK, None)
    assert parse_qs(urlsplit(url).query)["scope"] == [f"openid email {LIST_READ}"]


def test_what_google_is_asked_for() -> None:
    url = opened(Endpoints()).consent_url("s&t", "challenge", CALLBACK, "robin@example.org")
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert dict(parse_qsl(urlsplit(url).query, strict_parsing=True)) == {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": f"openid email {APP_CREATED} {LIST_READ} {OWNED_READ}",
        "state": "s&t",
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "code_challenge": "challenge",
        "code_challenge_method": "S256",
        "login_hint": "robin@example.org",
    }
    assert "login_hint" not in opened(Endpoints()).consent_url("s", "c", CALLBACK, None)


# --- refusals -------------------------------------------------------------------------------------------


def test_a_code_is_taken_once(person: Google, oauth: GoogleOAuth) -> None:
    code = person.code(oauth)
    oauth.exchange(code, VERIFIER, CALLBACK)
    with pytest.raises(RejectedError, match="consent_code_refused"):
        oauth.exchange(code, VERIFIER, CALLBACK)


@pytest.mark.parametrize("code", ["", "nonsense", "4/0Anobody"])
def test_a_code_nobody_gave_is_refused(oauth: GoogleOAuth, code: str) -> None:
    with pytest.raises(RejectedError, match="consent_code_refused"):
        oauth.exchange(code, VERIFIER, CALLBACK)


@pytest.mark.parametrize("verifier", ["", "w" * 43])
def test_a_code_is_refused_to_whom_did_not_ask_for_it(
    person: Google, oauth: GoogleOAuth, verifier: str
) -> None:
    with pytest.raises(RejectedError, match="consent_code_refused"):
        oauth.exchange(person.code(oauth), verifier, CALLBACK)


@pytest.mark.parametrize(
    ("client_id", "client_secret"), [(CLIENT_ID, "wrong"), (CLIENT_ID, ""), ("nobody", CLIENT_SECRET)]
)
def test_a_wrong_client_is_our_own_fault(
    person: Google, oauth: GoogleOAuth, client_id: str, client_secret: str
) -> None:
    wrong = opened(person.endpoints, client_id=client_id, client_secret=client_secret)
    with pytest.raises(BlockedError, match="google_client_configuration"):
        wrong.exchange(person.code(oauth), VERIFIER, CALLBACK)
    wrong.close()


def test_another_redirect_uri_is_our_own_fault(person: Google, oauth: GoogleOAuth) -> None:
    with pytest.raises(BlockedError, match="google_client_configuration"):
        oauth.exchange(person.code(oauth), VERIFIER, CALLBACK + "/else")


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"status": 500, "reason": "internal_failure"}, None),
        ({"status": 503, "body": "<html>Sorry</html>", "retry_after_seconds": 9}, 9.0),
        ({"status": 429, "reason": "rate_limit_exceeded", "retry_after_seconds": 7}, 7.0),
        ({"status": 400, "reason": "temporarily_unavailable"}, None),
        ({"status": 403, "body": "<html>Sorry</html>"}, None),
        ({"status": 302, "body": "<html>Moved</html>"}, None),
        ({"status": 200, "body": "<html>Welcome</html>"}, None),
        ({"status": 200, "body": "[]"}, None),
        ({"status": 200, "body": "{}"}, None),
        ({"lost": True}, None),
    ],
)
def test_what_passes_is_tried_again_later(
    person: Google, oauth: GoogleOAuth, fault: Json, seconds: float | None
) -> None:
    code = person.code(oauth)
    person.fault("token", **fault)
    with pytest.raises(RetryableError) as raised:
        oauth.exchange(code, VERIFIER, CALLBACK)
    assert raised.value.after_seconds == seconds


def test_a_server_nobody_reaches_is_tried_again_later() -> None:
    gone = opened(Endpoints(token_url="http://127.0.0.1:9/", certs_url="http://127.0.0.1:9/"))
    with pytest.raises(RetryableError, match="google_unreachable"):
        gone.exchange("4/0A", VERIFIER, CALLBACK)
    gone.close()


# --- revoking -------------------------------------------------------------------------------------------


def test_a_revoked_token_is_dead_and_revoking_it_again_is_success(person: Google, oauth: GoogleOAuth) -> None:
    token = oauth.exchange(person.code(oauth), VERIFIER, CALLBACK).refresh_token
    assert token is not None
    oauth.revoke(token)
    assert person.calls(token) == 400
    oauth.revoke(token)
    oauth.revoke("nobody's")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 503, "reason": "backend"}, RetryableError),
        ({"status": 429, "body": ""}, RetryableError),
        ({"status": 400, "body": "<html>Sorry</html>"}, RetryableError),
        ({"status": 400, "reason": "unsupported_token_type"}, BlockedError),
    ],
)
def test_a_revocation_that_was_not_made_is_told(
    person: Google, oauth: GoogleOAuth, fault: Json, error: type[SyncError]
) -> None:
    person.fault("revoke", **fault)
    with pytest.raises(error):
        oauth.revoke("a token")


# --- ID tokens ------------------------------------------------------------------------------------------

NOW = int(START.timestamp())
CLAIMS: Json = {
    "iss": "https://accounts.google.com",
    "aud": CLIENT_ID,
    "sub": "1234567890",
    "email": "robin@example.org",
    "iat": NOW,
    "exp": NOW + 3600,
}


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """One for each name; made on first use."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(value: int | Json) -> str:
    raw = json.dumps(value).encode() if isinstance(value, dict) else value.to_bytes(256).lstrip(b"\0")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def jwk(kid: str) -> Json:
    numbers = key(kid).public_key().public_numbers()
    return {"kty": "RSA", "alg": "RS256", "kid": kid, "n": b64(numbers.n), "e": b64(numbers.e)}


def signed(kid: str = "a", by: str | None = None, **changed: Any) -> str:
    """An ID token; None takes a claim out."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = key(by or kid).private_bytes(*form)
    signer = google.auth.crypt.RSASigner.from_string(pem, kid)  # type: ignore[no-untyped-call]
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return str(google.auth.jwt.encode(signer, claims).decode())  # type: ignore[no-untyped-call]


@pytest.fixture
def canned() -> Iterator[Receiver]:
    with receiver() as listener:
        yield listener


def answered(canned: Receiver, answer: Json, jwks: Any = None, clock: FakeClock | None = None) -> Grant:
    """What the adapter makes of a token endpoint's answer."""
    keys = {"keys": [jwk("a"), jwk("b")]} if jwks is None else jwks

    def reply(request: Received) -> Reply:
        return Reply(200, json.dumps(keys if request.path == "/certs" else answer).encode())

    canned.reply = reply
    endpoints = Endpoints(token_url=f"{canned.url}/token", certs_url=f"{canned.url}/certs")
    oauth = opened(endpoints, clock)
    try:
        return oauth.exchange("4/0A-secret-code", VERIFIER, CALLBACK)
    finally:
        oauth.close()


def answer(id_token: object) -> Json:
    return {"access_token": "x", "scope": "openid", "refresh_token": "1//secret", "id_token": id_token}


@pytest.mark.parametrize(
    "changed",
    [{}, {"iss": "accounts.google.com"}, {"exp": NOW - SKEW_SECONDS + 1}, {"iat": NOW + 3000}],
)
@pytest.mark.parametrize("kid", ["a", "b"])
def test_a_valid_id_token_is_taken(canned: Receiver, kid: str, changed: Json) -> None:
    grant = answered(canned, answer(signed(kid, **changed)))
    assert grant == Grant("1234567890", "robin@example.org", None, frozenset({"openid"}), "1//secret")


def unsigned() -> str:
    return f"{b64({'alg': 'none', 'kid': 'a'})}.{b64(CLAIMS)}."


def hmac_of_a_public_key() -> str:
    return f"{b64({'alg': 'HS256', 'kid': 'a'})}.{b64(CLAIMS)}.{'x' * 43}"


def altered() -> str:
    header, _, signature = signed().split(".")
    return f"{header}.{b64({**CLAIMS, 'sub': '666'})}.{signature}"


@pytest.mark.parametrize(
    "id_token",
    [
        pytest.param(lambda: signed(by="c"), id="another key under a known id"),
        pytest.param(lambda: signed("c"), id="a key nobody knows"),
        pytest.param(altered, id="other claims under the signature"),
        pytest.param(unsigned, id="no signature"),
        pytest.param(hmac_of_a_public_key, id="another algorithm"),
        pytest.param(lambda: signed(iss="https://accounts.example.org"), id="another issuer"),
        pytest.param(lambda: signed(iss=None), id="no issuer"),
        pytest.param(lambda: signed(aud="another client"), id="for another client"),
        pytest.param(lambda: signed(aud=None), id="for nobody"),
        pytest.param(lambda: signed(exp=NOW - SKEW_SECONDS), id="expired"),
        pytest.param(lambda: signed(exp=None), id="for ever"),
        pytest.param(lambda: signed(exp="soon"), id="an expiry that is no number"),
        pytest.param(lambda: signed(iat=None), id="never issued"),
        pytest.param(lambda: signed(iat="then"), id="an issue that is no number"),
        pytest.param(lambda: "a.b.c", id="no JWT"),
        pytest.param(lambda: "…", id="no text of base64"),
        pytest.param(lambda: f"{b64({})}.{base64.urlsafe_b64encode(b'[' * 99_999).decode()}.x", id="deep"),
    ],
)
def test_any_other_id_token_is_refused_without_a_word_of_it(canned: Receiver, id_token: Any) -> None:
    text = id_token()
    with pytest.raises(RejectedError, match="consent_identity_refused") as raised:
        answered(canned, answer(text))
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    assert str(raised.value) == "consent_identity_refused"


def test_the_clock_that_counts_is_the_one_given(canned: Receiver) -> None:
    later = FakeClock(datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(RejectedError, match="consent_identity_refused"):
        answered(canned, answer(signed()), clock=later)
    exp = int((later.now() + timedelta(hours=1)).timestamp())
    assert answered(canned, answer(signed(exp=exp)), clock=later).sub == "1234567890"


@pytest.mark.parametrize(
    "changed",
    [
        {"id_token": None},
        {"id_token": 5},
        {"id_token": ""},
        {"scope": None},
        {"scope": ["openid"]},
        {"refresh_token": 5},
        {"refresh_token": ""},
    ],
)
def test_an_answer_without_its_parts_is_unreadable(canned: Receiver, changed: Json) -> None:
    parts = {**answer(signed()), **changed}
    with pytest.raises(RetryableError, match="google_answer_unreadable"):
        answered(canned, {name: value for name, value in parts.items() if value is not None})


@pytest.mark.parametrize("changed", [{"sub": None}, {"sub": 5}, {"email": None}, {"hd": 5}])
def test_an_id_token_without_its_parts_is_unreadable(canned: Receiver, changed: Json) -> None:
    with pytest.raises(RetryableError, match="google_answer_unreadable"):
        answered(canned, answer(signed(**changed)))


def test_a_grant_may_come_without_a_refresh_token(canned: Receiver) -> None:
    parts = answer(signed())
    del parts["refresh_token"]
    assert answered(canned, parts).refresh_token is None


@pytest.mark.parametrize(
    "odd",
    [{}, {"kid": "x"}, {"kid": "x", "e": 5, "n": "AQAB"}, {"kid": "x", "e": "AQAB", "n": "AQAB"}, 5, None],
)
def test_an_odd_key_is_left_out(canned: Receiver, odd: object) -> None:
    assert answered(canned, answer(signed()), jwks={"keys": [odd, jwk("a")]}).sub == "1234567890"


@pytest.mark.parametrize("jwks", [{}, {"keys": []}, {"keys": 5}, {"keys": [{}]}, []])
def test_without_keys_the_code_is_not_spent(canned: Receiver, jwks: Any) -> None:
    with pytest.raises(RetryableError, match="google_answer_unreadable"):
        answered(canned, answer(signed()), jwks=jwks)
    assert [request.path for request in canned.received] == ["/certs"]


def test_what_is_sent_is_the_form_and_no_credentials_of_the_machine(
    canned: Receiver, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login robin password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    answered(canned, answer(signed()))
    certs, token = canned.received
    assert (certs.method, token.method) == ("GET", "POST")
    assert not {"authorization", "cookie"} & (certs.headers.keys() | token.headers.keys())
    assert dict(parse_qsl(token.body.decode())) == {
        "grant_type": "authorization_code",
        "code": "4/0A-secret-code",
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }


def test_no_redirect_is_followed(canned: Receiver) -> None:
    canned.reply = lambda _: Reply(307, b"", {"Location": f"{canned.url}/elsewhere"})
    oauth = opened(Endpoints(revoke_url=f"{canned.url}/revoke"))
    with pytest.raises(RetryableError):
        oauth.revoke("1//secret")
    oauth.close()
    assert [request.path for request in canned.received] == ["/revoke"]


# --- secrets --------------------------------------------------------------------------------------------


def test_a_grant_shows_nothing_of_itself() -> None:
    grant = Grant("123", "robin@example.org", "example.org", frozenset({"openid"}), "1//secret")
    for part in ("123", "robin", "example.org", "secret"):
        assert part not in repr(grant) + str(replace(grant))


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 418, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"",
        b"\xff\xfe",
        b"5",
        b'{"error": {"code": 5}}',
        b'{"error": "invalid_grant", "error_description": "1//secret 4/0A-secret-code robin@example.org"}',
        b'{"error": "1//secret", "error_description": "4/0A-secret-code"}',
    ],
)
def test_an_error_is_its_code_and_nothing_else(canned: Receiver, status: int, body: bytes) -> None:
    def reply(request: Received) -> Reply:
        keys = json.dumps({"keys": [jwk("a")]}).encode()
        return Reply(200, keys) if request.path == "/certs" else Reply(status, body)

    canned.reply = reply
    here = {name: f"{canned.url}/{name}" for name in ("token_url", "revoke_url")}
    oauth = opened(Endpoints(certs_url=f"{canned.url}/certs", **here))
    with pytest.raises(SyncError) as raised:
        oauth.exchange("4/0A-secret-code", VERIFIER, CALLBACK)
    oauth.close()
    error = raised.value
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.reason)
    assert (error.args, error.__cause__, error.__context__) == ((error.reason,), None, None)
