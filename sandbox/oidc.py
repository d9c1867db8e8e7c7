"""OIDC tokens as Google signs them for tasks and scheduled jobs; the key is made anew at every start."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.auth import crypt as google_crypt
from google.auth import jwt as google_jwt

ISSUER = "https://accounts.google.com"
LIFETIME_SECONDS = 3600
_KEY_BITS = 2048

crypt: Any = google_crypt  # they carry no types
jwt: Any = google_jwt


@dataclass(frozen=True)
class Identity:
    """Whom a token is to name, and for whom it is meant."""

    email: str
    audience: str


class Issuer:
    """Times are the machine's, whatever the sandbox's clock says: whoever checks a token asks the machine."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        public = key.public_key()
        self._key_id = f"{public.public_numbers().n % 2**64:016x}"
        private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self._signer = crypt.RSASigner.from_string(private_pem, self._key_id)
        self._public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def certs(self) -> dict[str, str]:
        """Public keys in PEM by key id, the form that google-auth reads and Google publishes under v1."""
        return {self._key_id: self._public_pem}

    def token(self, identity: Identity) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": identity.audience,
            "azp": identity.email,
            "sub": identity.email,
            "email": identity.email,
            "email_verified": True,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        }
        signed: bytes = jwt.encode(self._signer, claims)
        return signed.decode("ascii")
