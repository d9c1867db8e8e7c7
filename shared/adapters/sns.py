"""Messages of Amazon SNS: whether SNS sent them, and what they tell.

SNS signs with a key whose certificate lies at an address that the message names. It is only asked where it
is SNS's own, in the region of a topic that is expected:
`https://sns.{region}.{domain}/SimpleNotificationService-{name}.pem`. TLS to that host is the chain of trust,
as in Amazon's own libraries: what lies there is a single certificate, without those that vouch for it. Beside
the signature we check that it is valid now and was issued to SNS. What is wrong with a message is a
RejectedError with one of these codes:

    sns_malformed    not JSON with the fields that its type has
    sns_topic        of a topic that is not expected, or an ARN that cannot be read
    sns_stale        its time is not near ours
    sns_address      its certificate lies somewhere else
    sns_certificate  it is not there, not valid now, not SNS's, or no RSA key of a length that holds
    sns_signature    that key did not sign this, or in a version that is not known
    sns_refused      a subscription could not be confirmed

Sources: docs.aws.amazon.com/sns/latest/dg: sns-verify-signature-of-message, sns-message-and-json-formats,
sns-message-delivery-retries; the names in certificates: github.com/aws/aws-sdk-java-v2, SnsHostProvider.
"""

from __future__ import annotations

import binascii
import json
import re
import threading
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from shared.core.errors import RejectedError, RetryableError
from shared.log import Severity, log
from shared.ports import Clock

AGE_SECONDS_MAX = 3_900
"""From publishing to us: an endpoint is tried again for an hour at most, and the message keeps its time."""
AHEAD_SECONDS_MAX = 300
"""How far SNS's clock may be ahead of ours."""
CERTIFICATES_MAX = 8
"""Kept until they expire; the oldest is forgotten beyond it."""
CERTIFICATE_BYTES_MAX = 16_384
READS_A_MINUTE = 10
"""Certificates that are not known yet: who makes up addresses has us ask no more often."""
TIMEOUT_SECONDS = (2.0, 3.0)
"""To connect, and to read: SNS itself waits fifteen for us."""

Fetch = Callable[[str], bytes]
"""What lies at an address. Raises RejectedError, RetryableError."""

_TOPIC = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]+)+-[0-9]):[0-9]{12}:[A-Za-z0-9_-]{1,256}"
)
_DOMAINS = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
_CERTIFICATE = re.compile(r"SimpleNotificationService-[A-Za-z0-9_-]{1,64}\.pem")
_ALWAYS = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
_SIGNED = {
    "Notification": (*_ALWAYS, "Subject"),
    "SubscriptionConfirmation": (*_ALWAYS, "SubscribeURL", "Token"),
    "UnsubscribeConfirmation": (*_ALWAYS, "SubscribeURL", "Token"),
}
_OPTIONAL = ("Subject",)
_RSA_BITS_MIN = 2048

_Fields = Mapping[str, str]


def fetch(url: str) -> bytes:
    """At most CERTIFICATE_BYTES_MAX of a successful answer of this very address. Any other is an error."""
    try:
        with requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as response:
            content = response.raw.read(CERTIFICATE_BYTES_MAX + 1, decode_content=True)
            status = response.status_code
    except requests.RequestException:
        raise RetryableError("sns_unavailable") from None
    if status >= 500 or status == 429:
        raise RetryableError("sns_unavailable")
    if status != 200 or len(content) > CERTIFICATE_BYTES_MAX:
        raise RejectedError("sns_refused")
    return bytes(content)


class SnsMessages:
    """Opens messages. Safe between threads; reads certificates on first use."""

    def __init__(self, clock: Clock, read: Fetch = fetch) -> None:
        self._clock = clock
        self._read = read
        self._certificates = _Certificates(clock, read)

    def open(self, body: bytes, topics: frozenset[str]) -> bytes | None:
        """What was published; None: it was about the subscription, which is confirmed, or has ended.

        Raises RejectedError with a code of this module: it is not believed; and RetryableError where SNS
        could not be asked.
        """
        try:
            return self._open(_fields(body), topics)
        except RejectedError as error:
            log(Severity.WARNING, "sns.refused", reason=error.reason)
            raise

    def _open(self, fields: _Fields, topics: frozenset[str]) -> bytes | None:
        host = _Host.of(fields["TopicArn"]) if fields["TopicArn"] in topics else None
        if host is None:
            raise RejectedError("sns_topic")
        self._check_time(fields["Timestamp"])
        _check_signature(fields, self._certificates.key(fields["SigningCertURL"], host))
        if fields["Type"] == "Notification":
            return fields["Message"].encode()
        if fields["Type"] == "SubscriptionConfirmation":
            self._confirm(fields, host)
        log(Severity.WARNING, "sns.subscription", type=fields["Type"], topic=fields["TopicArn"])
        return None

    def _check_time(self, timestamp: str) -> None:
        try:
            age = (self._clock.now() - datetime.fromisoformat(timestamp)).total_seconds()
        except (ValueError, TypeError):  # TypeError: it has no zone
            raise RejectedError("sns_malformed") from None
        if not -AHEAD_SECONDS_MAX <= age <= AGE_SECONDS_MAX:
            raise RejectedError("sns_stale")

    def _confirm(self, fields: _Fields, host: _Host) -> None:
        """Asked by what was signed: the address in the message says the same, and is not followed."""
        asked = {"Action": "ConfirmSubscription", "TopicArn": fields["TopicArn"], "Token": fields["Token"]}
        self._read(f"https://{host.name}/?{urlencode(asked)}")


@dataclass(frozen=True)
class _Host:
    """Where SNS is in one region."""

    region: str
    domain: str

    @classmethod
    def of(cls, topic: str) -> _Host | None:
        found = _TOPIC.fullmatch(topic)
        return cls(found[2], _DOMAINS[found[1]]) if found else None

    @property
    def name(self) -> str:
        return f"sns.{self.region}.{self.domain}"

    @property
    def issued_to(self) -> frozenset[str]:
        """Names, of which its certificates have one: it differs by the age of a region."""
        gov = {"sns-us-gov-west-1.amazonaws.com"} if self.region.startswith("us-gov-") else set()
        of_region = {f"{sns}{self.region}.{self.domain}" for sns in ("sns.", "sns-", "sns-signing.")}
        return frozenset({f"sns.{self.domain}", *of_region, *gov})


# --- the message ----------------------------------------------------------------------------------------


def _fields(body: bytes) -> _Fields:
    """Those of its type, each a text."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise RejectedError("sns_malformed") from None
    kind = message.get("Type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or kind not in _SIGNED:
        raise RejectedError("sns_malformed")
    wanted = (*_SIGNED[kind], "SigningCertURL", "Signature", "SignatureVersion")
    fields = {name: message[name] for name in wanted if message.get(name) is not None}
    texts = all(isinstance(value, str) for value in fields.values())
    if not texts or any(name not in fields for name in wanted if name not in _OPTIONAL):
        raise RejectedError("sns_malformed")
    return fields


def _signed(fields: _Fields) -> bytes:
    """Names and values, in the order of the names, each with a line's end behind it."""
    names = sorted(name for name in _SIGNED[fields["Type"]] if name in fields)
    return "".join(f"{name}\n{fields[name]}\n" for name in names).encode()


def _check_signature(fields: _Fields, key: rsa.RSAPublicKey) -> None:
    hashes = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - what topics sign with unless they are told otherwise
    algorithm = hashes.get(fields["SignatureVersion"])
    if algorithm is None:
        raise RejectedError("sns_signature")
    try:
        signature = b64decode(fields["Signature"], validate=True)
        key.verify(signature, _signed(fields), padding.PKCS1v15(), algorithm)
    except (binascii.Error, ValueError, InvalidSignature):  # ValueError: it is not ASCII
        raise RejectedError("sns_signature") from None


# --- certificates ---------------------------------------------------------------------------------------


class _Certificates:
    """Those of SNS, by address. Two threads may read the same one; neither waits for the other."""

    def __init__(self, clock: Clock, read: Fetch) -> None:
        self._clock = clock
        self._read = read
        self._lock = threading.Lock()
        self._known: dict[str, x509.Certificate] = {}
        self._reads: deque[datetime] = deque(maxlen=READS_A_MINUTE)

    def key(self, url: str, host: _Host) -> rsa.RSAPublicKey:
        """The key in the certificate at an address of this host."""
        prefix = f"https://{host.name}/"
        if not url.startswith(prefix) or not _CERTIFICATE.fullmatch(url.removeprefix(prefix)):
            raise RejectedError("sns_address")
        certificate = self._known.get(url)
        if certificate is None or not self._is_valid(certificate):
            certificate = self._certificate(url)
        key, ours = certificate.public_key(), not _names(certificate).isdisjoint(host.issued_to)
        if not (isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS_MIN):
            raise RejectedError("sns_certificate")
        if not ours or not self._is_valid(certificate):
            raise RejectedError("sns_certificate")
        self._keep(url, certificate)
        return key

    def _certificate(self, url: str) -> x509.Certificate:
        self._count_read()
        try:
            return x509.load_pem_x509_certificate(self._read(url))
        except (ValueError, RejectedError):
            raise RejectedError("sns_certificate") from None

    def _count_read(self) -> None:
        with self._lock:
            now = self._clock.now()
            full = len(self._reads) == READS_A_MINUTE
            if full and now - self._reads[0] < timedelta(minutes=1):
                raise RetryableError("sns_too_many_certificates")
            self._reads.append(now)

    def _keep(self, url: str, certificate: x509.Certificate) -> None:
        with self._lock:
            self._known[url] = certificate
            while len(self._known) > CERTIFICATES_MAX:
                del self._known[next(iter(self._known))]

    def _is_valid(self, certificate: x509.Certificate) -> bool:
        return certificate.not_valid_before_utc <= self._clock.now() <= certificate.not_valid_after_utc


def _names(certificate: x509.Certificate) -> frozenset[str]:
    """Whom it was issued to: the alternative names, or else the common one (RFC 6125, section 6.4.4)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return frozenset(found.get_values_for_type(x509.DNSName))
    except (x509.ExtensionNotFound, ValueError):
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return frozenset(str(each.value) for each in common)
