"""Sealing of refresh tokens at rest: AES-256-GCM under keys that overlap while they are rotated.

Form: `v1.{key id}.{base64url of nonce and ciphertext}`. Form and key id are authenticated with the rest.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.core.errors import BlockedError
from shared.core.signing import KeyRing

KEY_BYTES = 32
NONCE_BYTES = 12
"""NIST SP 800-38D, section 8.2.2: at random, good for 2^32 seals under one key."""

_SEALED = re.compile(r"v1\.([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]+)")


class Sealer:
    """Seals under the current key, opens under each. Safe between threads."""

    def __init__(self, keys: KeyRing, random_bytes: Callable[[int], bytes]) -> None:
        """`random_bytes`: so many, unforeseeable. Raises ValueError: a key that is not of KEY_BYTES."""
        if any(len(key) != KEY_BYTES for key in keys.keys.values()):
            raise ValueError(f"a sealing key has {KEY_BYTES} bytes")
        self._current_id = keys.current_id
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.keys.items()}
        self._random_bytes = random_bytes

    def seal(self, plaintext: str, associated_data: str) -> str:
        """Opens with the same `associated_data` only: what the plaintext belongs to."""
        nonce = self._random_bytes(NONCE_BYTES)
        assert len(nonce) == NONCE_BYTES, "not as many random bytes as were asked for"
        bound_to = _bound_to(self._current_id, associated_data)
        sealed = nonce + self._ciphers[self._current_id].encrypt(nonce, plaintext.encode(), bound_to)
        return f"v1.{self._current_id}.{urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def open(self, sealed: str, associated_data: str) -> str:
        """Raises BlockedError seal_broken: altered, of another key, or bound to something else."""
        found = _SEALED.fullmatch(sealed)
        cipher = self._ciphers.get(found[1]) if found else None
        if found is None or cipher is None:
            raise BlockedError("seal_broken")
        try:
            content = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
            nonce, ciphertext = content[:NONCE_BYTES], content[NONCE_BYTES:]
            return cipher.decrypt(nonce, ciphertext, _bound_to(found[1], associated_data)).decode()
        except (InvalidTag, ValueError):
            raise BlockedError("seal_broken") from None

    def is_current(self, sealed: str) -> bool:
        """Whether it is under the current key; else it is to be sealed anew before that key may go."""
        return sealed.startswith(f"v1.{self._current_id}.")


def _bound_to(key_id: str, associated_data: str) -> bytes:
    return f"v1.{key_id}.{associated_data}".encode()
