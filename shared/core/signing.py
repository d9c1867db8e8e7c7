"""What is signed: the token of a channel, the state of a consent, the hooks of an EHR.

Whatever does not verify, for whatever reason, is answered the same way: None or False. Signatures are
HMAC-SHA256 and are compared in constant time; keys, time and nonces are arguments.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

KEY_BYTES_MIN = 32
"""As long as the hash (RFC 2104, section 3)."""
CHANNEL_TOKEN_MAX = 256
"""Characters; a calendar service takes no more."""
STATE_MAX = 1024
"""Characters; a state travels in addresses."""
HOOK_SECONDS_MAX = 300
"""How far the time of a hook may be from ours, either way."""
HOOK_SECRETS_MAX = 2
"""Two while they are rotated: what is older opens nothing, even where it was forgotten."""
HOOK_SECRET_BYTES_MIN = 16
"""A shorter secret verifies nothing: an empty one would verify everything."""

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_CONTENT = re.compile(r"[A-Za-z0-9_-]+")
_SEALED = re.compile(r"(v1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]+)\.([0-9]{1,11}))\.([A-Za-z0-9_-]{43})")
"""(signed part: version, key id, content, expiry in Unix seconds), signature."""
_TIMED_SIGNATURE = re.compile(r"t=([0-9]{1,11}),v1=([0-9a-f]{64})")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_TIMED_MESSAGE = re.compile(rb"[0-9]{1,11}\.")


@dataclass(frozen=True)
class KeyRing:
    """Keys that overlap while they are rotated: the first signs and seals, each of them opens.

    Raises ValueError: no key, one shorter than KEY_BYTES_MIN, an id that is not 1-16 of `A-Za-z0-9_-`.
    """

    keys: Mapping[str, bytes] = field(repr=False)
    """By key id, the current one first."""

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("a key ring needs a key")
        for key_id, key in self.keys.items():
            if not _KEY_ID.fullmatch(key_id):
                raise ValueError("a key id has 1-16 letters, digits, hyphens or underscores")
            if len(key) < KEY_BYTES_MIN:
                raise ValueError(f"the key {key_id} is shorter than {KEY_BYTES_MIN} bytes")

    @classmethod
    def of(cls, keys: Iterable[bytes]) -> KeyRing:
        """Keys that have no ids of their own, newest first: each is named by a hash under itself."""
        return cls({hmac.digest(key, b"key id", hashlib.sha256)[:4].hex(): key for key in keys})

    @property
    def current_id(self) -> str:
        return next(iter(self.keys))


# --- the token of a channel -----------------------------------------------------------------------------


def seal_channel_token(calendar_key: str, channel_id: str, expires: datetime, keys: KeyRing) -> str:
    """`v1.{key id}.{calendar key}.{expiry}.{signature over these and the channel id}`.

    Raises ValueError where that is longer than CHANNEL_TOKEN_MAX, or the key is not of `A-Za-z0-9_-`.
    """
    return _seal("channel", calendar_key, channel_id, expires, keys, CHANNEL_TOKEN_MAX)


def open_channel_token(token: str, channel_id: str, keys: KeyRing, now: datetime) -> str | None:
    """The calendar key, if the token is ours, for this channel, and has not expired."""
    opened = _open("channel", token, channel_id, keys, now, CHANNEL_TOKEN_MAX)
    return opened[0] if opened else None


# --- the state of a consent -----------------------------------------------------------------------------


@dataclass(frozen=True)
class ConsentState:
    """Whose consent is asked for. It is signed, not secret: ids only."""

    practice: str
    practitioner: str
    nonce: str
    """Names the record that makes the state single use."""
    expires: datetime
    """Whole seconds."""


def seal_state(state: ConsentState, keys: KeyRing) -> str:
    """Raises ValueError where it would be longer than STATE_MAX."""
    content = json.dumps([state.practice, state.practitioner, state.nonce], separators=(",", ":"))
    return _seal("state", _base64url(content.encode()), "", state.expires, keys, STATE_MAX)


def open_state(text: str, keys: KeyRing, now: datetime) -> ConsentState | None:
    """The state, if it is ours and has not expired. Whether it was used before, only its record knows."""
    opened = _open("state", text, "", keys, now, STATE_MAX)
    if opened is None:
        return None
    content, expires = opened
    practice, practitioner, nonce = json.loads(urlsafe_b64decode(content + "=" * (-len(content) % 4)))
    return ConsentState(practice, practitioner, nonce, expires)


# --- both -----------------------------------------------------------------------------------------------


def _seal(
    purpose: str, content: str, bound_to: str, expires: datetime, keys: KeyRing, length_max: int
) -> str:
    if not _CONTENT.fullmatch(content):
        raise ValueError(f"the content of a {purpose} token has letters, digits, hyphens and underscores")
    assert expires.tzinfo, "expires is naive"
    signed = f"v1.{keys.current_id}.{content}.{int(expires.timestamp())}"
    token = f"{signed}.{_signature(keys.keys[keys.current_id], purpose, signed, bound_to)}"
    if len(token) > length_max:
        raise ValueError(f"a {purpose} token has at most {length_max} characters, not {len(token)}")
    return token


def _open(
    purpose: str, token: str, bound_to: str, keys: KeyRing, now: datetime, length_max: int
) -> tuple[str, datetime] | None:
    """Content and expiry, once both are known to be ours."""
    found = _SEALED.fullmatch(token) if len(token) <= length_max else None
    if found is None:
        return None
    signed, key_id, content, expiry, signature = found.groups()
    key = keys.keys.get(key_id)
    if key is None or not hmac.compare_digest(_signature(key, purpose, signed, bound_to), signature):
        return None
    expires = datetime.fromtimestamp(int(expiry), UTC)
    return (content, expires) if now < expires else None


def _signature(key: bytes, purpose: str, signed: str, bound_to: str) -> str:
    """One key may sign for several purposes: a token of one is worth nothing to another."""
    return _base64url(hmac.digest(key, f"{purpose}\n{signed}\n{bound_to}".encode(), hashlib.sha256))


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


# --- hooks of an EHR ------------------------------------------------------------------------------------


def verify_hook(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the hook comes from who knows one of the secrets, newest first. The strongest form that is
    there decides alone:

    1. `X-Calsync-Signature: t=<unix>,v1=<hex HMAC-SHA256(secret, t + "." + raw body)>`, HOOK_SECONDS_MAX
    2. `X-Signature: <hex HMAC-SHA256(secret, raw body)>`
    3. `Authorization: <secret>`, or with `Bearer` before it; `X-Calsync-Secret` where there is none

    The last two can be replayed by whoever saw them once. `headers`: looked up by lower-case names.
    """
    active = [secret for secret in secrets[:HOOK_SECRETS_MAX] if len(secret) >= HOOK_SECRET_BYTES_MIN]
    timed, plain = headers.get("x-calsync-signature"), headers.get("x-signature")
    if timed is not None:
        return _is_signed_in_time(timed.lower(), body, active, now)
    if plain is not None:
        return _is_signed(plain.lower(), body, active)
    return _is_told(headers.get("authorization") or headers.get("x-calsync-secret", ""), active)


def sign_message(body: bytes, secret: bytes, now: datetime) -> str:
    """The `X-Calsync-Signature` of what we tell an EHR: the first form above, the other way round.

    Sent back to us, one would be a hook that says "look now", and no more. Raises ValueError: a short secret.
    """
    if len(secret) < HOOK_SECRET_BYTES_MIN:
        raise ValueError(f"a hook secret has at least {HOOK_SECRET_BYTES_MIN} bytes")
    sent = int(now.timestamp())
    return f"t={sent},v1={hmac.digest(secret, f'{sent}.'.encode() + body, hashlib.sha256).hex()}"


def _is_signed_in_time(header: str, body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    found = _TIMED_SIGNATURE.fullmatch(header)
    if found is None:
        return False
    sent, signature = found.groups()
    if abs(now.timestamp() - int(sent)) > HOOK_SECONDS_MAX:
        return False
    return _any_signs(secrets, f"{sent}.".encode() + body, signature)


def _is_signed(header: str, body: bytes, secrets: Sequence[bytes]) -> bool:
    # What was signed for the first form, `t.body`, would live for ever as a body of this one.
    if not _SIGNATURE.fullmatch(header) or _TIMED_MESSAGE.match(body):
        return False
    return _any_signs(secrets, body, header)


def _any_signs(secrets: Sequence[bytes], message: bytes, signature: str) -> bool:
    return any(
        hmac.compare_digest(hmac.digest(secret, message, hashlib.sha256).hex(), signature)
        for secret in secrets
    )


def _is_told(header: str, secrets: Sequence[bytes]) -> bool:
    scheme, _, credentials = header.partition(" ")
    told = [header, credentials] if scheme.lower() == "bearer" else [header]
    return any(hmac.compare_digest(each.encode(), secret) for each in told for secret in secrets)
