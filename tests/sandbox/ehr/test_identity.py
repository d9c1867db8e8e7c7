from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.ehr.identity import ISSUER, Identity, audience_of
from shared.adapters.jwt_verifier import Claims, JwtVerifier, Role, Trust
from shared.core.errors import RejectedError
from tests.fakes.clock import FakeClock
from tests.receiver import Receiver, Reply, receiver
from tests.sandbox.ehr.samples import NOON, ManualClock
from tests.servers import server

TIMEOUT_SECONDS = 10


@pytest.fixture
def identity(clock: ManualClock) -> Identity:
    return Identity(clock.now)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]
    )
    return header, claims


def ids(jwks: dict[str, Any]) -> list[str]:
    return [key["kid"] for key in jwks["keys"]]


class Product:
    """What trusts this EHR, with the product's own verifier."""

    def __init__(self, serving: Receiver, identity: Identity) -> None:
        self.clock = FakeClock(NOON)
        serving.reply = lambda _: Reply(body=json.dumps(identity.jwks()).encode())
        trust = Trust("demo", ISSUER, audience_of("demo"), f"{serving.url}/jwks")
        self.verify: Callable[[str], Claims] = JwtVerifier(trust, self.clock).verify

    def reason(self, token: str) -> str:
        with pytest.raises(RejectedError) as caught:
            self.verify(token)
        return caught.value.reason


def test_a_token_says_who_signed_in(identity: Identity) -> None:
    header, claims = parts(identity.token(practitioner="d1", role="admin"))
    noon = int(NOON.timestamp())
    assert header == {"alg": "RS256", "kid": ids(identity.jwks())[0], "typ": "JWT"}
    assert claims == {
        "iss": "https://ehr.example",
        "aud": "calsync:demo",
        "sub": "user-d1",
        "practice": "demo",
        "practitioner": "d1",
        "role": "admin",
        "iat": noon,
        "exp": noon + 600,
    }


def test_another_practice_is_another_audience(identity: Identity) -> None:
    claims = parts(identity.token(practitioner="d1", practice="p2", minutes=15))[1]
    assert (claims["practice"], claims["aud"]) == ("p2", "calsync:p2")
    assert claims["exp"] - claims["iat"] == 900


def test_the_jwks_has_a_key_for_each_algorithm_and_nothing_private(identity: Identity) -> None:
    for_rsa, for_ec = identity.jwks()["keys"]
    assert set(for_rsa) == {"kty", "n", "e", "kid", "alg", "use"}
    assert set(for_ec) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (for_rsa["alg"], for_ec["alg"], for_ec["crv"]) == ("RS256", "ES256", "P-256")
    assert identity.jwks() == identity.jwks()


def test_no_key_of_another_start_has_the_same_id(clock: ManualClock, identity: Identity) -> None:
    assert not set(ids(Identity(clock.now).jwks())) & set(ids(identity.jwks()))


def test_the_product_believes_what_it_should_and_nothing_else(identity: Identity) -> None:
    with receiver() as serving:
        product = Product(serving, identity)
        for alg in ("RS256", "ES256"):
            assert product.verify(identity.token(practitioner="d1", alg=alg)) == Claims(
                "demo", "d1", Role.PRACTITIONER
            )
        wrong: dict[str, dict[str, Any]] = {
            "jwt_algorithm": {"alg": "none"},
            "jwt_unknown_key": {"kid": "nobody"},
            "jwt_audience": {"audience": "somebody"},
            "jwt_issuer": {"issuer": "https://else.example"},
            "jwt_expired": {"expired": True},
            "jwt_too_long_lived": {"minutes": 16},
            "jwt_practice": {"practice": "p2", "audience": "calsync:demo"},
        }
        assert {
            reason: product.reason(identity.token(practitioner="d1", **more))
            for reason, more in wrong.items()
        } == {reason: reason for reason in wrong}
        assert product.reason(identity.token(practitioner="d1", alg="HS256")) == "jwt_algorithm"


def test_a_rotated_key_signs_no_more_and_is_known_until_it_is_forgotten(identity: Identity) -> None:
    before = identity.token(practitioner="d1")
    old = ids(identity.jwks())
    both = ids(identity.rotate())
    assert both[2:] == old
    assert parts(identity.token(practitioner="d1"))[0]["kid"] == both[0] not in old
    with receiver() as serving:
        product = Product(serving, identity)
        assert product.verify(before) == product.verify(identity.token(practitioner="d1"))
        assert ids(identity.forget()) == both[:2]
        product.clock.advance(300)
        assert product.reason(before) == "jwt_unknown_key"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"role": "owner"}, "'role' must be one of practitioner, admin"),
        ({"minutes": 0}, "'minutes' must be at least 1"),
        ({"alg": "RS384"}, "'alg' must be one of RS256, ES256, HS256, none"),
    ],
)
def test_a_token_that_means_nothing_is_not_made(
    identity: Identity, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        identity.token(practitioner="d1", **arguments)


def test_tokens_and_keys_over_http() -> None:
    options = ("--now", "2026-11-20T12:00:00Z", "--practice", "p7")
    with server("sandbox.ehr", *options) as ehr, requests.Session() as session:
        control = f"{ehr}/control"
        signed = session.post(f"{control}/token", json={"practitioner": "d1"}, timeout=TIMEOUT_SECONDS).json()
        served = session.get(f"{ehr}/jwks", timeout=TIMEOUT_SECONDS).json()
        trust = Trust("p7", ISSUER, audience_of("p7"), f"{ehr}/jwks")
        assert JwtVerifier(trust, FakeClock(NOON)).verify(signed["token"]).practitioner == "d1"
        rotated = session.post(f"{control}/keys/rotate", timeout=TIMEOUT_SECONDS).json()
        assert ids(rotated)[2:] == ids(served)
        assert (
            session.post(f"{control}/keys/forget", timeout=TIMEOUT_SECONDS).json()["keys"]
            == rotated["keys"][:2]
        )
        wrong = session.post(
            f"{control}/token", json={"practitioner": "d1", "minutes": "x"}, timeout=TIMEOUT_SECONDS
        )
        assert (wrong.status_code, wrong.json()["error"][:9]) == (400, "'minutes'")
