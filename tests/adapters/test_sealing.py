from __future__ import annotations

import base64
import secrets
from itertools import count

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.sealing import NONCE_BYTES, Sealer
from shared.core.errors import BlockedError
from shared.core.signing import KeyRing

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
TOKEN = "1//synthetic-refresh-token"
OWNER = "connection-1"


def sealer(keys: dict[str, bytes]) -> Sealer:
    return Sealer(KeyRing(keys), secrets.token_bytes)


BEFORE, AFTER = sealer({"k1": OLD}), sealer({"k2": NEW, "k1": OLD})


def refusal(sealer: Sealer, sealed: str, associated_data: str = OWNER) -> str:
    with pytest.raises(BlockedError) as caught:
        sealer.open(sealed, associated_data)
    assert caught.value.__cause__ is None
    return caught.value.reason


def content(sealed: str) -> bytes:
    part = sealed.rpartition(".")[2]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def with_content(sealed: str, changed: bytes) -> str:
    return f"{sealed.rpartition('.')[0]}.{base64.urlsafe_b64encode(changed).decode().rstrip('=')}"


def test_what_is_sealed_can_be_opened_and_not_be_read() -> None:
    sealed = BEFORE.seal(TOKEN, OWNER)
    assert BEFORE.open(sealed, OWNER) == TOKEN
    assert TOKEN.encode() not in content(sealed)
    assert sealed.startswith("v1.k1.")


def test_the_form_is_aes_256_gcm_under_the_nonce_in_front() -> None:
    sealed = Sealer(KeyRing({"k1": OLD}), lambda size: b"\x07" * size).seal(TOKEN, OWNER)
    nonce, ciphertext = content(sealed)[:NONCE_BYTES], content(sealed)[NONCE_BYTES:]
    assert nonce == b"\x07" * NONCE_BYTES
    assert AESGCM(OLD).decrypt(nonce, ciphertext, b"v1.k1.connection-1").decode() == TOKEN


def test_every_seal_has_a_nonce_of_its_own() -> None:
    numbers = count()
    asked = Sealer(KeyRing({"k1": OLD}), lambda size: next(numbers).to_bytes(size))
    first, second = asked.seal(TOKEN, OWNER), asked.seal(TOKEN, OWNER)
    assert [content(each)[:NONCE_BYTES] for each in (first, second)] == [
        (0).to_bytes(NONCE_BYTES),
        (1).to_bytes(NONCE_BYTES),
    ]
    assert content(first)[NONCE_BYTES:] != content(second)[NONCE_BYTES:]


def test_too_few_random_bytes_seal_nothing() -> None:
    with pytest.raises(AssertionError):
        Sealer(KeyRing({"k1": OLD}), lambda _: b"few").seal(TOKEN, OWNER)


def test_a_seal_is_bound_to_what_it_belongs_to() -> None:
    assert refusal(BEFORE, BEFORE.seal(TOKEN, OWNER), "connection-2") == "seal_broken"


def test_a_rotated_key_opens_until_it_is_gone() -> None:
    old, new = BEFORE.seal(TOKEN, OWNER), AFTER.seal(TOKEN, OWNER)
    assert AFTER.open(old, OWNER) == AFTER.open(new, OWNER) == TOKEN
    assert (AFTER.is_current(old), AFTER.is_current(new)) == (False, True)
    assert refusal(sealer({"k2": NEW}), old) == "seal_broken"
    assert refusal(BEFORE, new) == "seal_broken"


def test_another_key_under_the_same_id_opens_nothing() -> None:
    assert refusal(sealer({"k1": OTHER}), BEFORE.seal(TOKEN, OWNER)) == "seal_broken"


def test_one_key_under_two_ids_opens_each_under_its_own() -> None:
    twins = sealer({"k1": OLD, "k2": OLD})
    assert refusal(twins, twins.seal(TOKEN, OWNER).replace("v1.k1.", "v1.k2.")) == "seal_broken"


@given(st.data())
def test_not_a_bit_can_be_changed(data: st.DataObject) -> None:
    sealed = BEFORE.seal(TOKEN, OWNER)
    changed = bytearray(content(sealed))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    assert refusal(BEFORE, with_content(sealed, bytes(changed))) == "seal_broken"


@given(st.integers(0, 50))
def test_nothing_can_be_cut_off(length: int) -> None:
    sealed = BEFORE.seal(TOKEN, OWNER)
    assert length < len(content(sealed))
    assert refusal(BEFORE, with_content(sealed, content(sealed)[:length])) == "seal_broken"


@pytest.mark.parametrize("text", ["", "v1", "v1.k1", "v1.k1.", "v1.k1.A", "v2.k1.AAAA", "v1..AAAA", "é.é.é"])
def test_what_is_no_seal_is_a_broken_one(text: str) -> None:
    assert refusal(BEFORE, text) == "seal_broken"


@pytest.mark.parametrize("bits", [384, 512])
def test_a_key_of_another_size_is_refused_at_the_start(bits: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sealer({"k2": NEW, "k1": b"k" * (bits // 8)})


def test_nothing_shows_a_key_or_a_token() -> None:
    shown = f"{AFTER!r} {AFTER} {KeyRing({'k1': OLD})!r}"
    with pytest.raises(BlockedError) as caught:
        AFTER.open(AFTER.seal(TOKEN, OWNER), "connection-2")
    shown += repr(caught.value)
    assert not any(secret in shown for secret in (TOKEN, OLD.decode(), NEW.decode()))


@given(st.text(max_size=600), st.text(max_size=60))
def test_every_text_comes_back_as_it_was(plaintext: str, owner: str) -> None:
    assert AFTER.open(AFTER.seal(plaintext, owner), owner) == plaintext
