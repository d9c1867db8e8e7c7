"""Clients of a FHIR server: their keys, and the sandbox EHR in which they are registered."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from shared.adapters.fhir import (
    Authorization,
    FhirEhr,
    HttpExchange,
    SecretIn,
    SigningKey,
    TokenEndpoint,
    client_secret,
    private_key_jwt,
)
from shared.core.model import Kind, What
from tests.fakes.clock import START, FakeClock
from tests.fakes.ehr import SETTINGS

Json = dict[str, Any]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

SECRET = "a synthetic:secret+%"
SCOPE = "system/Appointment.cruds system/Practitioner.rs"
RSA, EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())


def pem(key: PrivateKey, encryption: KeySerializationEncryption | None = None) -> str:
    form = (Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return key.private_bytes(*form).decode()


def encoded(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size)).decode().rstrip("=")


def jwk(kid: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Json:
    if isinstance(key, rsa.RSAPrivateKey):
        of_rsa = key.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "n": encoded(of_rsa.n, 256), "e": encoded(of_rsa.e, 3)}
    of_ec = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-384", "kid": kid, "x": encoded(of_ec.x, 48), "y": encoded(of_ec.y, 48)}


JWKS = {"keys": [jwk("of-rsa", RSA), jwk("of-ec", EC)]}
WITH_KEYS = {"token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS}
OF_RSA, OF_EC = SigningKey("of-rsa", pem(RSA)), SigningKey("of-ec", pem(EC))


class Stage:
    """The sandbox EHR with three clients registered, and our side of it. Both clocks stand still together."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.base = f"{address}/fhir"
        self.clock = FakeClock()
        self._open: list[HttpExchange] = []
        self.advance(0)
        self.control("POST", "auth/settings", lifetime_seconds=300)
        self.control("POST", "auth/clients", client_id="signing", **WITH_KEYS)
        for method in SecretIn:
            known = {"client_id": method.value, "token_endpoint_auth_method": method.value}
            self.control("POST", "auth/clients", **known, client_secret=SECRET)
        self._asked = len(self.control("GET", "auth/requests"))
        self._sent = len(self.control("GET", "requests"))

    def control(self, method: str, what: str, **data: Any) -> Any:
        answer = requests.request(method, f"{self.address}/control/{what}", json=data, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.control("PUT", "clock", now=self.clock.now().isoformat(), running=False)

    def endpoint(self, token_url: str | None = None) -> TokenEndpoint:
        return TokenEndpoint(self.base, self.clock, token_url=token_url)

    def signing(
        self,
        *keys: SigningKey,
        client_id: str = "signing",
        scope: str = SCOPE,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> Authorization:
        return private_key_jwt(self.endpoint(), client_id, keys or (OF_EC,), scope, self.clock, random_bytes)

    def secret(self, secret_in: SecretIn = SecretIn.HEADER, secret: str = SECRET) -> Authorization:
        return client_secret(self.endpoint(), secret_in.value, secret, SCOPE, self.clock, secret_in=secret_in)

    def exchange(self, authorization: Authorization) -> HttpExchange:
        exchange = HttpExchange(self.base, authorization, read_seconds=10)
        self._open.append(exchange)
        return exchange

    def ehr(self, authorization: Authorization) -> FhirEhr:
        return FhirEhr(self.exchange(authorization), SETTINGS)

    def asked(self) -> list[int]:
        """Statuses of what the token endpoint was asked in this test."""
        return [each["status"] for each in self.control("GET", "auth/requests")[self._asked :]]

    def why(self) -> str:
        """What it said last."""
        return str(self.control("GET", "auth/requests")[-1]["why"])

    def sent(self) -> list[int]:
        """Statuses of FHIR requests of this test."""
        return [each["status"] for each in self.control("GET", "requests")[self._sent :]]

    def close(self) -> None:
        for exchange in self._open:
            exchange.close()
        self.control("DELETE", "faults")


def look(exchange: HttpExchange) -> int:
    """One request; its status."""
    return exchange("GET", "Appointment", params=[("_count", "1")]).status


def write_and_read(ehr: FhirEhr, start: datetime = START) -> str:
    """The title of a personal appointment, as it comes back."""
    identifier = f"d1.{os.urandom(4).hex()}"
    made = ehr.create(Kind.PERSONAL, "d1", identifier, (start, start + timedelta(hours=1)), What("Dentist"))
    row = ehr.read([made.id])[made.id]
    assert row is not None
    return str(row.title)
