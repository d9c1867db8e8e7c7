"""Bearer tokens that the EHR signs for its users: JWTs (RFC 7519), checked with its JWKS (RFC 7517).

What is wrong with a token is a RejectedError with one of these codes; nothing of the token is in it:

    jwt_malformed      not three parts of base64url that hold two JSON objects, or too long
    jwt_algorithm      neither RS256 nor ES256, or a header that must be understood and is not (`crit`)
    jwt_unknown_key    its key id is missing, or no key of the EHR has it for that algorithm
    jwt_signature      the key did not sign this
    jwt_claims         a claim is missing or of another type
    jwt_issuer, jwt_audience, jwt_practice      another's token
    jwt_not_yet, jwt_expired                    not its time
    jwt_too_long_lived                          it lives longer than LIFE_SECONDS_MAX
"""

from __future__ import annotations

import json
import re
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256

from shared.core.errors import RejectedError, RetryableError
from shared.ports import Clock
from shared.retry_after import after_seconds

LIFE_SECONDS_MAX = 15 * 60
SKEW_SECONDS = 60
"""How far the EHR's clock may be ahead of ours. An expiry is taken at its word."""
TOKEN_MAX = 8192
"""Characters."""
JWKS_SECONDS = 5 * 60
"""How long a JWKS that was read is believed."""
JWKS_ASK_SECONDS = 30
"""A key id that nobody knows makes us ask again, but not more often than this."""
JWKS_FAILED_SECONDS = 5
"""Where the JWKS could not be read, nobody waits for it again before this has passed."""
JWKS_KEYS_MAX = 50
"""Keys beyond it are not read."""
TIMEOUT_SECONDS = (3.0, 5.0)
"""To connect, and to read."""

_ALGORITHMS = ("RS256", "ES256")
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")
_RSA_BITS_MIN = 2048
_P256_BYTES = 32
_UNIX_MAX = 10**11
"""Larger is no time; neither are NaN and Infinity, which Python's JSON has."""

_PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Role(Enum):
    """What the EHR says the user is, in this practice only."""

    PRACTITIONER = "practitioner"
    ADMIN = "admin"


@dataclass(frozen=True)
class Claims:
    """Who calls."""

    practice: str
    practitioner: str
    role: Role


@dataclass(frozen=True)
class Trust:
    """Whose tokens a practice takes. Raises ValueError where a part is empty: it would match anything."""

    practice: str
    issuer: str
    audience: str
    jwks_url: str

    def __post_init__(self) -> None:
        if not (self.practice and self.issuer and self.audience and self.jwks_url):
            raise ValueError("practice, issuer, audience and jwks_url must not be empty")


def practice_named(token: str) -> str:
    """The practice that the token says it is of, unchecked: to choose who checks it, and for nothing else.

    Raises RejectedError jwt_malformed, jwt_claims.
    """
    return _text(_parse(token).claims, "practice")


class JwtVerifier:
    """Checks tokens for one practice. Safe between threads; reads the JWKS on first use."""

    def __init__(self, trust: Trust, clock: Clock) -> None:
        self._trust = trust
        self._clock = clock
        self._keys = _Keys(trust.jwks_url, clock)

    def verify(self, token: str) -> Claims:
        """Raises RejectedError with a code of this module, RetryableError where the JWKS cannot be had."""
        parsed = _parse(token)
        algorithm = parsed.header.get("alg")
        if algorithm not in _ALGORITHMS or "crit" in parsed.header:
            raise RejectedError("jwt_algorithm")
        _check_signature(parsed, self._keys.get(algorithm, parsed.header.get("kid")))
        self._check_origin(parsed.claims)
        self._check_time(parsed.claims)
        return self._claims(parsed.claims)

    def _check_origin(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self._trust.issuer:
            raise RejectedError("jwt_issuer")
        if self._trust.audience not in _texts(claims.get("aud")):
            raise RejectedError("jwt_audience")

    def _check_time(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        issued, expires = _unix(claims, "iat"), _unix(claims, "exp")
        begins = _unix(claims, "nbf") if "nbf" in claims else issued
        if max(issued, begins) > now + SKEW_SECONDS:
            raise RejectedError("jwt_not_yet")
        if expires <= now:
            raise RejectedError("jwt_expired")
        if expires - issued > LIFE_SECONDS_MAX:
            raise RejectedError("jwt_too_long_lived")

    def _claims(self, claims: Mapping[str, Any]) -> Claims:
        _text(claims, "sub")
        practice, role = _text(claims, "practice"), _text(claims, "role")
        if practice != self._trust.practice:
            raise RejectedError("jwt_practice")
        if role not in {each.value for each in Role}:
            raise RejectedError("jwt_claims")
        return Claims(practice, _text(claims, "practitioner"), Role(role))


# --- reading a token ------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class _Token:
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def _parse(token: str) -> _Token:
    found = _COMPACT.fullmatch(token) if len(token) <= TOKEN_MAX else None
    if found is None:
        raise RejectedError("jwt_malformed")
    header, claims, signature = found.groups()
    try:
        return _Token(_object(header), _object(claims), f"{header}.{claims}".encode(), _decoded(signature))
    except (ValueError, RecursionError):  # its text would quote the token
        raise RejectedError("jwt_malformed") from None


def _object(part: str) -> Mapping[str, Any]:
    value = json.loads(_decoded(part))
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the token's fault, answered with the others
    return value


def _decoded(part: str) -> bytes:
    """Raises ValueError (binascii.Error is one)."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise RejectedError("jwt_claims")
    return value


def _texts(value: object) -> frozenset[str]:
    """One text or a list of them (RFC 7519, section 4.1.3)."""
    values = value if isinstance(value, list) else [value]
    return frozenset(each for each in values if isinstance(each, str))


def _unix(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _UNIX_MAX:
        raise RejectedError("jwt_claims")
    return value


# --- signatures -----------------------------------------------------------------------------------------


def _check_signature(token: _Token, key: _PublicKey) -> None:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(token.signature, token.signed, padding.PKCS1v15(), SHA256())
        else:
            key.verify(_der(token.signature), token.signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise RejectedError("jwt_signature") from None


def _der(signature: bytes) -> bytes:
    """A JWS has r and s side by side (RFC 7518, section 3.4)."""
    if len(signature) != 2 * _P256_BYTES:
        raise InvalidSignature
    r, s = signature[:_P256_BYTES], signature[_P256_BYTES:]
    return utils.encode_dss_signature(int.from_bytes(r), int.from_bytes(s))


# --- the keys of the EHR --------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class _Jwks:
    keys: Mapping[tuple[str, str], _PublicKey]
    """By algorithm and key id."""
    read_at: datetime


class _Keys:
    """The JWKS at an address. Who waits for it holds nobody up who has the key already."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._jwks: _Jwks | None = None
        self._asked_at: datetime | None = None
        """The last attempt, whether it succeeded or not."""

    def get(self, algorithm: str, key_id: object) -> _PublicKey:
        """Raises RejectedError jwt_unknown_key, RetryableError."""
        if not isinstance(key_id, str):
            raise RejectedError("jwt_unknown_key")
        jwks = self._jwks
        if jwks is None or self._seconds_since(jwks.read_at) >= JWKS_SECONDS:
            jwks = self._newer(jwks, JWKS_FAILED_SECONDS)
        if (algorithm, key_id) not in jwks.keys:
            jwks = self._newer(jwks, JWKS_ASK_SECONDS)
        key = jwks.keys.get((algorithm, key_id))
        if key is None:
            raise RejectedError("jwt_unknown_key")
        return key

    def _newer(self, known: _Jwks | None, apart_seconds: float) -> _Jwks:
        """What another thread read meanwhile, or what the EHR answers now. Asked less than `apart_seconds`
        ago, it is not asked again: that is `known` if it answered then, else RetryableError.
        """
        with self._lock:
            if self._jwks is not None and self._jwks is not known:
                return self._jwks
            if self._asked_at is not None and self._seconds_since(self._asked_at) < apart_seconds:
                if known is not None and known.read_at == self._asked_at:
                    return known
                raise RetryableError("jwks_unavailable", apart_seconds)
            self._asked_at = self._clock.now()
            self._jwks = _Jwks(_fetch(self._url), self._asked_at)
            return self._jwks

    def _seconds_since(self, moment: datetime) -> float:
        return (self._clock.now() - moment).total_seconds()


def _fetch(url: str) -> Mapping[tuple[str, str], _PublicKey]:
    try:
        response = requests.get(
            url, headers={"Accept": "application/json"}, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
        if response.status_code != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise RetryableError("jwks_unavailable", after_seconds(headers))
        listed = response.json()["keys"][:JWKS_KEYS_MAX]
        return dict(found for jwk in listed if (found := _read(jwk)) is not None)
    except (requests.RequestException, ValueError, TypeError, LookupError):
        raise RetryableError("jwks_unavailable") from None


def _read(jwk: object) -> tuple[tuple[str, str], _PublicKey] | None:
    """((algorithm, key id), key); None of one that cannot be read or is for something else."""
    if not isinstance(jwk, dict) or not isinstance(key_id := jwk.get("kid"), str):
        return None
    algorithm, read = _KINDS.get(str(jwk.get("kty")), ("", None))
    if read is None or jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        key = read(jwk)
    except ValueError:  # its text may quote the key
        return None
    return None if key is None else ((algorithm, key_id), key)


def _rsa_key(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey | None:
    modulus, exponent = _number(jwk.get("n")), _number(jwk.get("e"))
    if modulus.bit_length() < _RSA_BITS_MIN:
        return None
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _p256_key(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey | None:
    if jwk.get("crv") != "P-256":
        return None
    point = _number(jwk.get("x")), _number(jwk.get("y"))
    return ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()


def _number(value: object) -> int:
    """Raises ValueError."""
    return int.from_bytes(_decoded(value)) if isinstance(value, str) else 0


_KINDS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], _PublicKey | None]]] = {
    "RSA": ("RS256", _rsa_key),
    "EC": ("ES256", _p256_key),
}
