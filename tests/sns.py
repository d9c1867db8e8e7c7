"""Amazon SNS as far as its messages go: keys, certificates at their addresses, and messages signed with them.

The strings that are signed stand here as Amazon's guide has them, by name; the code sorts them.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

Message = dict[str, Any]

TOPIC = "arn:aws:sns:us-east-1:123456789012:appointments"
ADDRESS = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0f1e2d3c4b5a69788796a5b4c3d2e1f0.pem"
TOKEN = "2336412f37fb687f5d51e6e2425ba1f8"
_CONTROL = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONTROL,
    "UnsubscribeConfirmation": _CONTROL,
}
HASHES = {"1": SHA1, "2": SHA256}

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """Made once: that takes long. `number`: another one."""
    del number
    return rsa.generate_private_key(65537, bits)


def certificate(
    *,
    begins: datetime,
    days: float = 30,
    names: tuple[str, ...] = ("sns.amazonaws.com",),
    key: Key | None = None,
) -> bytes:
    """In PEM, for the public half of a key; the first name is the common one, the others are alternatives."""
    mine, subject = key or rsa_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A CA of the tests")]))
        .public_key(mine.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
    )
    if names[1:]:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names[1:]])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(rsa_key(number=9), SHA256()).public_bytes(Encoding.PEM)


def message(now: datetime, kind: str = "Notification", topic: str = TOPIC, **fields: object) -> Message:
    """One that SNS would send now; not signed."""
    told: Message = {
        "Type": kind,
        "MessageId": str(uuid.uuid4()),
        "TopicArn": topic,
        "Message": '{"resourceType":"Appointment","id":"1"}',
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z",
        "SignatureVersion": "2",
        "SigningCertURL": ADDRESS,
    }
    if kind != "Notification":
        address = (
            f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token={TOKEN}"
        )
        told |= {"Token": TOKEN, "SubscribeURL": address}
    return {**told, **fields}


def signed(told: Mapping[str, Any], key: rsa.RSAPrivateKey | None = None) -> Message:
    lines = [
        line for name in SIGNED[told["Type"]] if told.get(name) is not None for line in (name, told[name])
    ]
    text = "".join(f"{line}\n" for line in lines).encode()
    signature = (key or rsa_key()).sign(text, padding.PKCS1v15(), HASHES[told["SignatureVersion"]]())
    return {**told, "Signature": base64.b64encode(signature).decode()}


def body(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told).encode()


@dataclass
class Web:
    """What lies at which address, and what was asked for."""

    pages: dict[str, bytes | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        page = self.pages.get(url, b"")
        if isinstance(page, Exception):
            raise page
        return page
