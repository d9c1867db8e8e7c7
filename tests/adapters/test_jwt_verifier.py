from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import google.auth.crypt
import google.auth.crypt.es
import google.auth.jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.jwt_verifier import (
    JWKS_FAILED_SECONDS,
    JWKS_SECONDS,
    Claims,
    JwtVerifier,
    Role,
    Trust,
    practice_named,
)
from shared.core.errors import RejectedError, RetryableError
from tests.fakes.clock import START, FakeClock
from tests.receiver import Receiver, Reply, receiver

Json = dict[str, Any]
PRACTICE, ISSUER, AUDIENCE = "practice-1", "https://ehr.example", "calsync:practice-1"
NOW = int(START.timestamp())
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
CLAIMS: Json = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "user-7",
    "practice": PRACTICE,
    "practitioner": "pr-7",
    "role": "practitioner",
    "iat": NOW,
    "exp": NOW + 600,
}
MISSING = object()

# --- signing, as an EHR would ---------------------------------------------------------------------------


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


def rsa_jwk(key: rsa.RSAPrivateKey = RSA_KEY, **more: Any) -> Json:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": "rsa-1", "n": number(numbers.n), "e": number(numbers.e), **more}


def ec_jwk(key: ec.EllipticCurvePrivateKey = EC_KEY, **more: Any) -> Json:
    numbers = key.public_key().public_numbers()
    point = {"x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}
    return {"kty": "EC", "crv": "P-256", "kid": "ec-1", **point, **more}


def es256(message: bytes, key: ec.EllipticCurvePrivateKey = EC_KEY) -> bytes:
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def rs256(message: bytes) -> bytes:
    return RSA_KEY.sign(message, padding.PKCS1v15(), SHA256())


def token(
    sign: Callable[[bytes], bytes] = es256, header: Json | None = None, body: str | None = None, **claims: Any
) -> str:
    """`claims` replace those of CLAIMS; MISSING takes one away."""
    algorithm = {"alg": "RS256", "kid": "rsa-1"} if sign is rs256 else {"alg": "ES256", "kid": "ec-1"}
    kept = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not MISSING}
    head = {name: value for name, value in {**algorithm, **(header or {})}.items() if value is not MISSING}
    signed = f"{b64(json.dumps(head).encode())}.{b64((body or json.dumps(kept)).encode())}"
    return f"{signed}.{b64(sign(signed.encode()))}"


class Ehr:
    """Its JWKS, and a verifier that trusts it."""

    def __init__(self, server: Receiver) -> None:
        self.server = server
        self.clock = FakeClock()
        self.verifier = JwtVerifier(Trust(PRACTICE, ISSUER, AUDIENCE, f"{server.url}/jwks"), self.clock)
        self.publish(rsa_jwk(), ec_jwk())

    def publish(self, *keys: object) -> None:
        self.answer(Reply(body=json.dumps({"keys": keys}).encode()))

    def answer(self, reply: Reply) -> None:
        self.server.reply = lambda _: reply

    def reason(self, text: str) -> str:
        with pytest.raises(RejectedError) as caught:
            self.verifier.verify(text)
        return caught.value.reason

    @property
    def asked(self) -> int:
        return len(self.server.received)


@pytest.fixture(scope="module")
def listening() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


@pytest.fixture
def ehr(listening: Receiver) -> Ehr:
    listening.received.clear()
    return Ehr(listening)


# --- whom to believe ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [rs256, es256])
@pytest.mark.parametrize("role", [Role.PRACTITIONER, Role.ADMIN])
def test_a_token_says_who_calls(ehr: Ehr, sign: Callable[[bytes], bytes], role: Role) -> None:
    assert ehr.verifier.verify(token(sign, role=role.value)) == Claims(PRACTICE, "pr-7", role)


def test_tokens_of_another_library_are_understood(ehr: Ehr) -> None:
    for kind, key, key_id in (
        (google.auth.crypt.RSASigner, RSA_KEY, "rsa-1"),
        (google.auth.crypt.es.EsSigner, EC_KEY, "ec-1"),
    ):
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        signed = google.auth.jwt.encode(kind.from_string(pem, key_id), CLAIMS)  # type: ignore[no-untyped-call]
        assert ehr.verifier.verify(signed.decode()).practitioner == "pr-7"


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["https://else.example", AUDIENCE]])
def test_an_audience_is_one_or_several(ehr: Ehr, audience: object) -> None:
    assert ehr.verifier.verify(token(aud=audience)).practice == PRACTICE


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://else.example"}, "jwt_issuer"),
        ({"iss": MISSING}, "jwt_issuer"),
        ({"iss": [ISSUER]}, "jwt_issuer"),
        ({"aud": "calsync:practice-2"}, "jwt_audience"),
        ({"aud": ["calsync:practice-2"]}, "jwt_audience"),
        ({"aud": []}, "jwt_audience"),
        ({"aud": [[AUDIENCE]]}, "jwt_audience"),
        ({"aud": {AUDIENCE: 1}}, "jwt_audience"),
        ({"aud": MISSING}, "jwt_audience"),
        ({"practice": "practice-2"}, "jwt_practice"),
        ({"practice": MISSING}, "jwt_claims"),
        ({"practice": ""}, "jwt_claims"),
        ({"practitioner": MISSING}, "jwt_claims"),
        ({"practitioner": ""}, "jwt_claims"),
        ({"practitioner": 7}, "jwt_claims"),
        ({"sub": MISSING}, "jwt_claims"),
        ({"role": MISSING}, "jwt_claims"),
        ({"role": "owner"}, "jwt_claims"),
        ({"role": "Admin"}, "jwt_claims"),
        ({"role": ["admin"]}, "jwt_claims"),
        ({"iat": MISSING}, "jwt_claims"),
        ({"iat": str(NOW)}, "jwt_claims"),
        ({"iat": -1}, "jwt_claims"),
        ({"exp": MISSING}, "jwt_claims"),
        ({"exp": True}, "jwt_claims"),
        ({"exp": None}, "jwt_claims"),
        ({"exp": float("nan")}, "jwt_claims"),
        ({"exp": float("inf")}, "jwt_claims"),
        ({"exp": 10**30}, "jwt_claims"),
        ({"nbf": "soon"}, "jwt_claims"),
    ],
)
def test_a_wrong_claim_is_refused_for_what_it_is(ehr: Ehr, claims: Json, reason: str) -> None:
    assert ehr.reason(token(**claims)) == reason


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iat": NOW, "exp": NOW + 900}, None),
        ({"iat": NOW, "exp": NOW + 901}, "jwt_too_long_lived"),
        ({"iat": NOW - 899, "exp": NOW + 1}, None),
        ({"iat": NOW - 900, "exp": NOW + 1}, "jwt_too_long_lived"),
        ({"iat": NOW - 600, "exp": NOW}, "jwt_expired"),
        ({"iat": NOW - 600, "exp": NOW + 0.5}, None),
        ({"iat": NOW + 60, "exp": NOW + 120}, None),
        ({"iat": NOW + 61, "exp": NOW + 120}, "jwt_not_yet"),
        ({"nbf": NOW + 60}, None),
        ({"nbf": NOW + 61}, "jwt_not_yet"),
    ],
)
def test_a_token_has_its_time(ehr: Ehr, claims: Json, reason: str | None) -> None:
    if reason is None:
        assert ehr.verifier.verify(token(**claims)).practice == PRACTICE
    else:
        assert ehr.reason(token(**claims)) == reason


# --- what is no token -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "...",
        "a.b.c.d",
        "e30.e30.é",
        "e30.e30.e30=",
        "Bearer e30.e30.e30",
        "e30.e30.e30\n",
        "A.e30.e30",
        "WzFd.e30.e30",
        "e30.WzFd.e30",
        "_w.e30.e30",
        f"{b64(b'[' * 5000)}.e30.e30",
        "e30." + "A" * 8192 + ".e30",
    ],
)
def test_what_is_no_token_is_malformed(ehr: Ehr, text: str) -> None:
    assert ehr.reason(text) == "jwt_malformed"
    with pytest.raises(RejectedError, match="jwt_malformed"):
        practice_named(text)
    assert ehr.asked == 0


@given(st.text(max_size=60))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    with pytest.raises(RejectedError):
        JwtVerifier(Trust(PRACTICE, ISSUER, AUDIENCE, "http://127.0.0.1:9/jwks"), FakeClock()).verify(text)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "RS384"},
        {"alg": "PS256"},
        {"alg": ["ES256"]},
        {"alg": MISSING},
        {"crit": ["exp"]},
    ],
)
def test_only_two_algorithms_are_taken(ehr: Ehr, header: Json) -> None:
    assert ehr.reason(token(header=header)) == "jwt_algorithm"
    assert ehr.asked == 0


def test_an_unsigned_token_is_refused(ehr: Ehr) -> None:
    assert ehr.reason(token(lambda _: b"", header={"alg": "none", "kid": MISSING})) == "jwt_algorithm"
    assert ehr.reason(token(lambda _: b"")) == "jwt_signature"


def test_a_public_key_is_no_shared_secret(ehr: Ehr) -> None:
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    forged = token(
        lambda message: hmac.digest(pem, message, hashlib.sha256), header={"alg": "HS256", "kid": "rsa-1"}
    )
    assert ehr.reason(forged) == "jwt_algorithm"


def test_a_key_serves_its_own_algorithm_only(ehr: Ehr) -> None:
    assert ehr.reason(token(es256, header={"alg": "RS256"})) == "jwt_unknown_key"
    assert ehr.reason(token(rs256, header={"alg": "ES256"})) == "jwt_unknown_key"


@pytest.mark.parametrize("key_id", [MISSING, None, "", "ec-2", 1, ["ec-1"]])
def test_a_token_names_a_key_of_the_ehr(ehr: Ehr, key_id: object) -> None:
    assert ehr.reason(token(header={"kid": key_id})) == "jwt_unknown_key"


def test_a_signature_is_of_the_key_over_this_token(ehr: Ehr) -> None:
    good, other = token(), token(practitioner="pr-8")
    mixed = f"{other.rpartition('.')[0]}.{good.rpartition('.')[2]}"
    assert ehr.reason(mixed) == "jwt_signature"
    assert ehr.reason(token(lambda message: es256(message, OTHER_KEY))) == "jwt_signature"
    assert ehr.reason(token(lambda message: EC_KEY.sign(message, ec.ECDSA(SHA256())))) == "jwt_signature"
    assert ehr.reason(token(lambda _: bytes(64))) == "jwt_signature"
    assert ehr.reason(token(rs256)[:-4]) == "jwt_signature"


def test_a_refusal_tells_nothing_of_the_token(ehr: Ehr) -> None:
    with pytest.raises(RejectedError) as caught:
        ehr.verifier.verify("_w.secret.content")
    assert (str(caught.value), caught.value.__cause__) == ("jwt_malformed", None)


def test_the_practice_can_be_read_to_choose_who_checks() -> None:
    assert practice_named(token(lambda _: b"anything")) == PRACTICE
    for other in (MISSING, "", 3, ["practice-1"]):
        with pytest.raises(RejectedError, match="jwt_claims"):
            practice_named(token(practice=other))


@pytest.mark.parametrize("at", range(4))
def test_trust_without_a_part_would_match_anything(at: int) -> None:
    parts = [PRACTICE, ISSUER, AUDIENCE, "https://ehr.example/jwks"]
    parts[at] = ""
    with pytest.raises(ValueError, match="empty"):
        Trust(*parts)


# --- the JWKS -------------------------------------------------------------------------------------------


def test_the_jwks_is_read_once_in_five_minutes(ehr: Ehr) -> None:
    for seconds in (0, 200, JWKS_SECONDS - 201):
        ehr.clock.advance(seconds)
        ehr.verifier.verify(token())
    assert ehr.asked == 1
    ehr.clock.advance(1)
    ehr.verifier.verify(token())
    assert ehr.asked == 2


def test_a_new_key_is_found_when_a_token_names_it(ehr: Ehr) -> None:
    ehr.verifier.verify(token())
    ehr.publish(ec_jwk(), ec_jwk(OTHER_KEY, kid="ec-2"))
    ehr.clock.advance(30)
    rotated = token(lambda message: es256(message, OTHER_KEY), header={"kid": "ec-2"})
    assert ehr.verifier.verify(rotated).practice == PRACTICE
    assert ehr.verifier.verify(token()).practice == PRACTICE
    assert ehr.asked == 2


def test_unknown_keys_ask_once_in_thirty_seconds(ehr: Ehr) -> None:
    ehr.verifier.verify(token())
    for seconds in (29, 1, 1, 28, 1):
        ehr.clock.advance(seconds)
        assert ehr.reason(token(header={"kid": "nobody"})) == "jwt_unknown_key"
    assert ehr.asked == 3


def test_a_key_that_was_taken_down_is_believed_no_longer(ehr: Ehr) -> None:
    ehr.verifier.verify(token())
    ehr.publish(rsa_jwk())
    ehr.clock.advance(JWKS_SECONDS)
    assert ehr.reason(token()) == "jwt_unknown_key"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=404),
        Reply(status=302, headers={"Location": "/elsewhere"}),
        Reply(body=b""),
        Reply(body=b"<html>"),
        Reply(body=b"[]"),
        Reply(body=b'{"keys": null}'),
        Reply(body=b'{"keys": {"a": 1}}'),
    ],
)
def test_a_jwks_that_cannot_be_had_is_a_reason_to_come_back(ehr: Ehr, reply: Reply) -> None:
    ehr.answer(reply)
    with pytest.raises(RetryableError, match="jwks_unavailable"):
        ehr.verifier.verify(token())
    assert [each.path for each in ehr.server.received] == ["/jwks"]


def test_nobody_listening_is_a_reason_to_come_back() -> None:
    with receiver() as gone:
        url = f"{gone.url}/jwks"
    with pytest.raises(RetryableError, match="jwks_unavailable"):
        JwtVerifier(Trust(PRACTICE, ISSUER, AUDIENCE, url), FakeClock()).verify(token())


def test_the_wait_an_ehr_asks_for_is_told(ehr: Ehr) -> None:
    ehr.answer(Reply(status=429, headers={"Retry-After": "7"}))
    with pytest.raises(RetryableError) as caught:
        ehr.verifier.verify(token())
    assert caught.value.after_seconds == 7


def test_a_failure_is_not_waited_for_again_at_once(ehr: Ehr) -> None:
    ehr.answer(Reply(status=500))
    for seconds, asked in ((0, 1), (JWKS_FAILED_SECONDS - 1, 1), (1, 2)):
        ehr.clock.advance(seconds)
        with pytest.raises(RetryableError, match="jwks_unavailable"):
            ehr.verifier.verify(token())
        assert ehr.asked == asked
    ehr.publish(ec_jwk())
    ehr.clock.advance(JWKS_FAILED_SECONDS)
    assert ehr.verifier.verify(token()).practice == PRACTICE


def test_known_keys_go_on_while_a_search_for_an_unknown_one_fails(ehr: Ehr) -> None:
    ehr.verifier.verify(token())
    ehr.answer(Reply(status=500))
    ehr.clock.advance(30)
    for _ in range(2):
        with pytest.raises(RetryableError, match="jwks_unavailable"):
            ehr.verifier.verify(token(header={"kid": "ec-2"}))
    assert ehr.verifier.verify(token()).practice == PRACTICE
    assert ehr.asked == 2


@pytest.mark.parametrize(
    "jwk",
    [
        ec_jwk(kid=None),
        ec_jwk(kid=1),
        ec_jwk(use="enc"),
        ec_jwk(alg="ES384"),
        ec_jwk(kty="oct", k=b64(b"x" * 32)),
        ec_jwk(kty=["EC"]),
        ec_jwk(crv="P-384"),
        ec_jwk(x=b64(b"x" * 32)),
        ec_jwk(x="é"),
        ec_jwk(y=None),
        rsa_jwk(rsa.generate_private_key(65537, 1024), kid="ec-1"),
        rsa_jwk(kid="ec-1", e="AQ"),
        "ec-1",
        None,
        [],
    ],
)
def test_a_key_that_is_not_for_us_is_passed_over(ehr: Ehr, jwk: object) -> None:
    ehr.publish(jwk, rsa_jwk(use="sig", alg="RS256"))
    assert ehr.verifier.verify(token(rs256)).practice == PRACTICE
    assert ehr.reason(token(es256)) == "jwt_unknown_key"
    assert ehr.reason(token(rs256, header={"kid": "ec-1"})) == "jwt_unknown_key"


def test_keys_beyond_the_bound_are_not_read(ehr: Ehr) -> None:
    ehr.publish(*(ec_jwk(kid=f"spare-{n}") for n in range(50)), rsa_jwk())
    assert ehr.verifier.verify(token(header={"kid": "spare-49"})).practice == PRACTICE
    assert ehr.reason(token(rs256)) == "jwt_unknown_key"


def test_many_at_once_ask_once(ehr: Ehr) -> None:
    signed = token()
    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(ehr.verifier.verify, [signed] * 24))
    assert {each.practitioner for each in claims} == {"pr-7"}
    assert ehr.asked == 1
