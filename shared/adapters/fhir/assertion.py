"""What a client signs to show who it is: a JWT (RFC 7523) as SMART Backend Services wants it.

Source: hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html.
"""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.core.errors import BlockedError

LIFE_SECONDS = 240
"""Five minutes are allowed; the rest is for a server whose clock is behind."""
RSA_BITS_MIN = 2048

_P384_BYTES = 48

_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class SigningKey:
    """A key pair of ours, as it is configured. The server knows the public half by `kid`."""

    kid: str
    pem: str = field(repr=False)
    """PKCS #8 or the older forms, not encrypted."""


class Signer:
    """Signs with RS384 or ES384, by the kind of key."""

    def __init__(self, key: SigningKey) -> None:
        """Raises BlockedError for a key that is neither RSA of 2048 bits and more nor EC on P-384."""
        self._kid = key.kid
        self._private = _private(key.pem)

    def sign(self, claims: Mapping[str, object]) -> str:
        """The JWT in its compact form (RFC 7515)."""
        algorithm = "RS384" if isinstance(self._private, rsa.RSAPrivateKey) else "ES384"
        header = {"alg": algorithm, "kid": self._kid, "typ": "JWT"}
        signed = f"{_text(_json(header))}.{_text(_json(claims))}"
        return f"{signed}.{_text(self._signature(signed.encode()))}"

    def _signature(self, message: bytes) -> bytes:
        """An ES384 signature is r and s side by side (RFC 7518, section 3.4)."""
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(message, padding.PKCS1v15(), SHA384())
        r, s = utils.decode_dss_signature(self._private.sign(message, ec.ECDSA(SHA384())))
        return r.to_bytes(_P384_BYTES) + s.to_bytes(_P384_BYTES)


def client_assertion(signer: Signer, client_id: str, token_url: str, now: datetime, unique: bytes) -> str:
    """For one request at `token_url`. `unique`: bytes of which no other assertion has the same."""
    issued = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "iat": issued,
        "exp": issued + LIFE_SECONDS,
        "jti": unique.hex(),
    }
    return signer.sign(claims)


def _private(pem: str) -> _PrivateKey:
    key = None
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):  # their texts may tell of the key
        key = load_pem_private_key(pem.encode(), password=None)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= RSA_BITS_MIN:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return key
    raise BlockedError("ehr_signing_key_unfit")


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
