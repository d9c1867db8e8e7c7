"""The sandbox's token endpoint is strict: what a permissive one lets pass is refused here, and told why."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.ehr.token_endpoint import ASSERTION_TYPE, OAuthError, TokenEndpoint
from shared.adapters.fhir.assertion import Signer, SigningKey
from shared.practices import SCOPE
from tests.adapters.fhir_clients import EC, JWKS, OF_EC, RSA, jwk, pem
from tests.sandbox.ehr.samples import NOON, ManualClock

URL = "http://127.0.0.1/auth/token"
NOW = NOON.timestamp()
GOOD: dict[str, Any] = {"iss": "us", "sub": "us", "aud": URL, "exp": NOW + 300, "jti": "1"}
GRANT = [("grant_type", "client_credentials"), ("scope", "system/Appointment.cruds")]
BASIC = f"Basic {base64.b64encode(b'them:s%3A1').decode()}"


@pytest.fixture
def endpoint(clock: ManualClock) -> TokenEndpoint:
    made = TokenEndpoint(clock.now)
    made.register(client_id="us", token_endpoint_auth_method="private_key_jwt", jwks=JWKS)
    made.register(client_id="them", token_endpoint_auth_method="client_secret_basic", client_secret="s:1")
    return made


def signed(key: SigningKey = OF_EC, **changes: object) -> str:
    """An assertion; a claim that is None is left out."""
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return Signer(key).sign(claims)


def form(assertion: str) -> list[tuple[str, str]]:
    return [*GRANT, ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]


def refused(endpoint: TokenEndpoint, fields: list[tuple[str, str]], header: str | None = None) -> str:
    with pytest.raises(OAuthError) as caught:
        endpoint.token(fields, header, URL)
    return f"{caught.value.error}: {caught.value}"


def test_a_token_is_accepted_until_it_ends_or_is_revoked(endpoint: TokenEndpoint, clock: ManualClock) -> None:
    first = endpoint.token(form(signed()), None, URL)
    second = endpoint.token(GRANT, BASIC, URL)
    assert (first["token_type"], first["expires_in"]) == ("bearer", 300)
    clock.advance(299)
    assert endpoint.accepts(first["access_token"])
    endpoint.revoke()
    assert not endpoint.accepts(first["access_token"])
    endpoint.change(lifetime_seconds=10)
    third = endpoint.token(GRANT, BASIC, URL)
    clock.advance(10)
    assert not any(endpoint.accepts(each["access_token"]) for each in (second, third))
    assert not endpoint.accepts("")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "nobody"}, "iss"),
        ({"sub": "them"}, "sub"),
        ({"sub": None}, "sub"),
        ({"aud": f"{URL}/"}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": NOW}, "exp"),
        ({"exp": NOW + 301}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": None}, "exp"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
    ],
)
def test_each_claim_must_hold(endpoint: TokenEndpoint, changes: dict[str, Any], why: str) -> None:
    said = refused(endpoint, form(signed(**changes)))
    assert said.startswith("invalid_client: ")
    assert f"'{why}'" in said


def test_an_id_is_used_once_while_the_assertion_lives(endpoint: TokenEndpoint, clock: ManualClock) -> None:
    endpoint.token(form(signed()), None, URL)
    assert "'jti'" in refused(endpoint, form(signed(exp=NOW + 200)))
    clock.advance(300)
    endpoint.token(form(signed(exp=NOW + 400)), None, URL)


def forged(header: dict[str, str], change: Callable[[bytes], bytes] = bytes) -> str:
    """Our assertion under another header, its signature changed."""
    parts = signed().split(".")
    raw = base64.urlsafe_b64decode(parts[2] + "==")
    parts[0] = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    parts[2] = base64.urlsafe_b64encode(change(raw)).decode().rstrip("=")
    return ".".join(parts)


@pytest.mark.parametrize(
    ("assertion", "why"),
    [
        ("x.y", "no JWT"),
        ("bnVsbA.e30.e30", "no JWT"),
        (forged({"alg": "none", "kid": "of-ec"}, lambda _: b""), "'alg'"),
        (forged({"alg": "HS256", "kid": "of-ec"}), "'alg'"),
        (forged({"alg": "RS384", "kid": "of-ec"}), "'alg'"),
        (forged({"alg": "ES384", "kid": "of-rsa"}), "'alg'"),
        (forged({"alg": "ES384", "kid": "nobody"}), "'kid'"),
        (forged({"alg": "ES384"}), "'kid'"),
        (forged({"alg": "ES384", "kid": "of-ec"}, lambda raw: raw[:-1]), "signature"),
        (signed(SigningKey("of-ec", pem(ec.generate_private_key(ec.SECP384R1())))), "signature"),
    ],
)
def test_another_signature_opens_nothing(endpoint: TokenEndpoint, assertion: str, why: str) -> None:
    assert why in refused(endpoint, form(assertion))


def test_a_client_shows_itself_in_one_way_its_own(endpoint: TokenEndpoint) -> None:
    in_body = [("client_id", "them"), ("client_secret", "s:1")]
    assert refused(endpoint, GRANT).startswith("invalid_request")
    assert refused(endpoint, form(signed()), BASIC).startswith("invalid_request")
    assert refused(endpoint, [*GRANT, *in_body]).startswith("invalid_client")
    assert refused(endpoint, GRANT, "Basic x").startswith("invalid_client")
    assert refused(endpoint, GRANT, f"Basic {base64.b64encode(b'them:s').decode()}").startswith(
        "invalid_client"
    )
    assert refused(endpoint, GRANT, f"Basic {base64.b64encode(b'us:').decode()}").startswith("invalid_client")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ([GRANT[1]], "unsupported_grant_type"),
        ([("grant_type", "password"), GRANT[1]], "unsupported_grant_type"),
        ([GRANT[0]], "invalid_scope"),
        ([GRANT[0], ("scope", "system/*.cruds")], "invalid_scope"),
        ([*GRANT, GRANT[1]], "invalid_request"),
    ],
)
def test_a_request_must_be_whole(endpoint: TokenEndpoint, fields: list[tuple[str, str]], error: str) -> None:
    assert refused(endpoint, fields, BASIC).startswith(f"{error}: ")


def test_the_scopes_that_the_sync_asks_for_are_given(endpoint: TokenEndpoint) -> None:
    assert endpoint.token([GRANT[0], ("scope", SCOPE)], BASIC, URL)["scope"].split() == SCOPE.split()


def keys(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": list(listed)}}


@pytest.mark.parametrize(
    ("client", "why"),
    [
        ({"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks": {}}, "keys"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "client_secret"),
        ({**keys(), "client_secret": "s"}, "client_secret"),
        (keys({**jwk("1", EC), "d": "x"}), "private"),
        (keys({**jwk("1", EC), "crv": "P-256"}), "P-384"),
        (keys({**jwk("1", EC), "kid": ""}), "kid"),
        (keys({**jwk("1", RSA), "n": "AQAB"}), "2048"),
    ],
)
def test_a_client_that_cannot_be_is_not_registered(
    endpoint: TokenEndpoint, client: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        endpoint.register(client_id="new", **client)
