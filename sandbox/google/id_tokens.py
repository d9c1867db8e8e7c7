"""ID tokens (OpenID Connect Core 1.0, section 2) and the keys they are checked with (RFC 7517)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.google.errors import Json
from sandbox.google.grants import Grant
from sandbox.google.scopes import PREFIX
from sandbox.google.store import Account

ISSUER = "https://accounts.google.com"
LIFE_SECONDS = 3600
KEY_BITS = 2048


class IdTokens:
    """The key is made when it is first needed, from the machine's own chance: no seed brings it again."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def issue(self, account: Account, grant: Grant, access_token: str, nonce: str | None) -> str:
        """A signed JWT (RS256) that says who the account is to the client of the grant."""
        now = int(self._now().timestamp())
        claims: Json = {
            "iss": ISSUER,
            "azp": grant.client_id,
            "aud": grant.client_id,
            "sub": account.sub,
            "at_hash": _text(hashlib.sha256(access_token.encode()).digest()[:16]),
            "iat": now,
            "exp": now + LIFE_SECONDS,
        }
        if PREFIX + "userinfo.email" in grant.scopes:
            claims |= {"email": account.email, "email_verified": True}
        if account.hosted_domain:
            claims["hd"] = account.hosted_domain
        if nonce is not None:
            claims["nonce"] = nonce
        header = {"alg": "RS256", "kid": self._key_id, "typ": "JWT"}
        signed = f"{_text(_json(header))}.{_text(_json(claims))}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_text(signature)}"

    def keys(self) -> Json:
        """The JWK set."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._key_id}
        return {"keys": [{**key, "n": _number(numbers.n), "e": _number(numbers.e)}]}

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)

    @cached_property
    def _key_id(self) -> str:
        return hashlib.sha256(_number(self._key.public_key().public_numbers().n).encode()).hexdigest()[:40]


def _json(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))
