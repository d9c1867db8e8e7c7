"""Client assertions (RFC 7523) as a strict server takes them: hl7.org/fhir/smart-app-launch, RS384 and ES384.

Each is a fact of its own; whatever is wrong is told in a sentence, for whoever builds a client.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA384

LIFE_SECONDS_MAX = 300
RSA_BITS_MIN = 2048
_P384_BYTES = 48

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class AssertionRefusedError(Exception):
    """The text says what is wrong."""


@dataclass(frozen=True)
class Assertion:
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def parse(text: str) -> Assertion:
    """Nothing of it is checked yet."""
    try:
        header, claims, signature = text.split(".")
        return Assertion(_object(header), _object(claims), f"{header}.{claims}".encode(), _decoded(signature))
    except (ValueError, RecursionError):
        raise AssertionRefusedError("the assertion is no JWT") from None


def check_signature(assertion: Assertion, keys: Mapping[str, PublicKey]) -> None:
    """`keys`: by key id, as the client registered them."""
    key = keys.get(str(assertion.header.get("kid")))
    if key is None:
        raise AssertionRefusedError("'kid' is no key that the client registered")
    wanted = "RS384" if isinstance(key, rsa.RSAPublicKey) else "ES384"
    if assertion.header.get("alg") != wanted:
        raise AssertionRefusedError(f"'alg' must be {wanted} for that key")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(assertion.signature, assertion.signed, padding.PKCS1v15(), SHA384())
        else:
            key.verify(_der(assertion.signature), assertion.signed, ec.ECDSA(SHA384()))
    except InvalidSignature:
        raise AssertionRefusedError("the signature is wrong") from None


def check_claims(claims: Mapping[str, Any], client_id: str, token_url: str, now: float) -> None:
    """`now`: Unix seconds. Whether `jti` was seen before is not known here."""
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise AssertionRefusedError("'iss' and 'sub' must both be the client's id")
    if claims.get("aud") != token_url:
        raise AssertionRefusedError(f"'aud' must be {token_url}")
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise AssertionRefusedError("'exp' must be a number of seconds")
    if not now < expires <= now + LIFE_SECONDS_MAX:
        raise AssertionRefusedError(f"'exp' must be within {LIFE_SECONDS_MAX} seconds from now")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise AssertionRefusedError("'jti' is missing")


def public_keys(jwks: Mapping[str, Any]) -> dict[str, PublicKey]:
    """By key id. Raises ValueError naming what is wrong with a JWKS (RFC 7517)."""
    listed = jwks.get("keys")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ValueError("'jwks' must have a list 'keys'")
    return {_text(each, "kid"): _public_key(each) for each in listed}


def _public_key(jwk: Mapping[str, Any]) -> PublicKey:
    if set(jwk) & {"d", "p", "q", "k"}:
        raise ValueError("a key of 'jwks' is private: register the public half")
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            modulus = _number(jwk, "n")
            if modulus.bit_length() < RSA_BITS_MIN:
                raise ValueError(f"an RSA key of 'jwks' has fewer than {RSA_BITS_MIN} bits")
            return rsa.RSAPublicNumbers(_number(jwk, "e"), modulus).public_key()
        case "EC", "P-384":
            point = _number(jwk, "x"), _number(jwk, "y")
            return ec.EllipticCurvePublicNumbers(*point, ec.SECP384R1()).public_key()
    raise ValueError("a key of 'jwks' is neither RSA nor EC on P-384")


def _der(signature: bytes) -> bytes:
    """A JWS has r and s side by side (RFC 7518, section 3.4)."""
    if len(signature) != 2 * _P384_BYTES:
        raise InvalidSignature
    r, s = signature[:_P384_BYTES], signature[_P384_BYTES:]
    return utils.encode_dss_signature(int.from_bytes(r), int.from_bytes(s))


def _number(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_decoded(_text(jwk, name)))


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"a key of 'jwks' has no '{name}'")
    return value


def _object(part: str) -> Mapping[str, Any]:
    value = json.loads(_decoded(part))
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the assertion's fault, answered with the others
    return value


def _decoded(part: str) -> bytes:
    """Raises ValueError (binascii.Error is one)."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
