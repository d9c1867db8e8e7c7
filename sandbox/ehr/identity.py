"""The EHR signs tokens for its users: JWTs (RFC 7519) and the JWKS they are checked with (RFC 7517)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.ehr.outcome import Resource

ISSUER = "https://ehr.example"
PRACTICE = "demo"
ROLES = ("practitioner", "admin")
KEY_BITS = 2048
_P256_BYTES = 32


def audience_of(practice: str) -> str:
    """Whom a token is for: each practice is an audience of its own."""
    return f"calsync:{practice}"


@dataclass(frozen=True)
class SigningKey:
    """A key pair for one algorithm. Its id is its thumbprint: another key, another id, restarts included."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def algorithm(self) -> str:
        return "RS256" if isinstance(self.private, rsa.RSAPrivateKey) else "ES256"

    @cached_property
    def public(self) -> Resource:
        """What makes the public key, as RFC 7638 wants it for the thumbprint."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            of_rsa = self.private.public_key().public_numbers()
            return {"e": _number(of_rsa.e), "kty": "RSA", "n": _number(of_rsa.n)}
        of_ec = self.private.public_key().public_numbers()
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": _text(of_ec.x.to_bytes(_P256_BYTES)),
            "y": _text(of_ec.y.to_bytes(_P256_BYTES)),
        }

    @cached_property
    def id(self) -> str:
        return _text(hashlib.sha256(_json(self.public)).digest())

    def sign(self, message: bytes) -> bytes:
        """As RFC 7518, section 3.3 and 3.4."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(message, padding.PKCS1v15(), SHA256())
        r, s = utils.decode_dss_signature(self.private.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(_P256_BYTES) + s.to_bytes(_P256_BYTES)

    def sign_as_secret(self, message: bytes) -> bytes:
        """What an attacker tries: HS256 with the public key as the secret."""
        pem = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return hmac.digest(pem, message, hashlib.sha256)


class Identity:
    """Keys are made when they are first needed, from the machine's own chance: no seed brings them again."""

    def __init__(self, now: Callable[[], datetime], practice: str = PRACTICE) -> None:
        self._now = now
        self._practice = practice
        self._keys: list[SigningKey] = []

    def jwks(self) -> Resource:
        """Every key not forgotten, the current ones first."""
        keys = self._keys or self._make()
        return {"keys": [{**key.public, "kid": key.id, "alg": key.algorithm, "use": "sig"} for key in keys]}

    def rotate(self) -> Resource:
        """New keys sign from now on; the old ones can still be checked until they are forgotten."""
        self._make()
        return self.jwks()

    def forget(self) -> Resource:
        """Old keys leave the JWKS."""
        del self._keys[2:]
        return self.jwks()

    def token(
        self,
        *,
        practitioner: str,
        role: str = "practitioner",
        practice: str | None = None,
        minutes: int = 10,
        alg: str = "RS256",
        kid: str | None = None,
        audience: str | None = None,
        issuer: str = ISSUER,
        expired: bool = False,
    ) -> str:
        """A bearer token. Wrong ones for tests: `alg` none or HS256, `kid`, `audience`, `issuer`, `expired`,
        and more than 15 `minutes`. Raises ValueError naming what is wrong.
        """
        if role not in ROLES:
            raise ValueError(f"'role' must be one of {', '.join(ROLES)}; it is {role!r}")
        if minutes < 1:
            raise ValueError(f"'minutes' must be at least 1; it is {minutes}")
        life = minutes * 60
        issued = int(self._now().timestamp()) - (life if expired else 0)
        practice = self._practice if practice is None else practice
        claims = {
            "iss": issuer,
            "aud": audience_of(practice) if audience is None else audience,
            "sub": f"user-{practitioner}",
            "practice": practice,
            "practitioner": practitioner,
            "role": role,
            "iat": issued,
            "exp": issued + life,
        }
        key, sign = self._signer(alg)
        header = {"alg": alg, "kid": key.id if kid is None else kid, "typ": "JWT"}
        signed = f"{_text(_json(header))}.{_text(_json(claims))}"
        return f"{signed}.{_text(sign(signed.encode()))}"

    def _signer(self, alg: str) -> tuple[SigningKey, Callable[[bytes], bytes]]:
        for_rsa, for_ec = (self._keys or self._make())[:2]
        signers = {
            "RS256": (for_rsa, for_rsa.sign),
            "ES256": (for_ec, for_ec.sign),
            "HS256": (for_rsa, for_rsa.sign_as_secret),
            "none": (for_rsa, lambda _: b""),
        }
        if alg not in signers:
            raise ValueError(f"'alg' must be one of {', '.join(signers)}; it is {alg!r}")
        return signers[alg]

    def _make(self) -> list[SigningKey]:
        """One key for each algorithm, before the older ones."""
        for_rsa = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        for_ec = ec.generate_private_key(ec.SECP256R1())
        self._keys[:0] = [SigningKey(for_rsa), SigningKey(for_ec)]
        return self._keys


def _json(value: Resource) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8))
