from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.signing import (
    CHANNEL_TOKEN_MAX,
    STATE_MAX,
    ConsentState,
    KeyRing,
    open_channel_token,
    open_state,
    seal_channel_token,
    seal_state,
    verify_hook,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
UNIX = int(NOW.timestamp())
LATER = NOW + timedelta(minutes=10)
OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
RING = KeyRing({"k1": OLD})
ROTATED = KeyRing({"k2": NEW, "k1": OLD})
CALENDAR = "mf2xi5dfmvzgk3tdnbqxe5dfojzgk3tf"
CHANNEL = "c0ffee00-0000-4000-8000-000000000001"
STATE = ConsentState("practice-1", "pr-7", "n0nce", LATER)

unicode_texts = st.text(max_size=40)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - the zone follows
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


# --- key rings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys", [{}, {"": OLD}, {"a.b": OLD}, {"x" * 17: OLD}, {"ü": OLD}, {"k": b"short"}, {"k": OLD, "j": b""}]
)
def test_a_key_ring_refuses_what_would_not_protect(keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="key"):
        KeyRing(keys)


def test_the_first_key_is_the_current_one() -> None:
    assert ROTATED.current_id == "k2"


def test_keys_without_ids_are_named_by_themselves_alone() -> None:
    before, after = KeyRing.of([OLD]), KeyRing.of([NEW, OLD])
    assert list(after.keys.values()) == [NEW, OLD]
    assert after.keys[before.current_id] == OLD
    assert after.current_id != before.current_id


def test_a_key_ring_shows_no_key() -> None:
    assert repr(ROTATED) == "KeyRing()"


# --- the token of a channel -----------------------------------------------------------------------------


def test_a_channel_token_has_the_form_that_is_documented() -> None:
    version, key_id, calendar, expiry, signature = seal_channel_token(CALENDAR, CHANNEL, LATER, RING).split(
        "."
    )
    assert (version, key_id, calendar, expiry) == ("v1", "k1", CALENDAR, str(UNIX + 600))
    assert len(base64.urlsafe_b64decode(signature + "=")) == hashlib.sha256().digest_size


def test_a_channel_token_opens_for_its_channel_until_it_expires() -> None:
    token = seal_channel_token(CALENDAR, CHANNEL, LATER, RING)
    opened = {
        "its own": open_channel_token(token, CHANNEL, RING, NOW),
        "the last second": open_channel_token(token, CHANNEL, RING, LATER - timedelta(seconds=1)),
        "expired": open_channel_token(token, CHANNEL, RING, LATER),
        "another channel": open_channel_token(token, "another", RING, NOW),
        "no channel": open_channel_token(token, "", RING, NOW),
    }
    assert opened == {
        "its own": CALENDAR,
        "the last second": CALENDAR,
        "expired": None,
        "another channel": None,
        "no channel": None,
    }


def test_tokens_outlive_a_rotation_and_end_with_their_key() -> None:
    before = seal_channel_token(CALENDAR, CHANNEL, LATER, RING)
    after = seal_channel_token(CALENDAR, CHANNEL, LATER, ROTATED)
    assert after.startswith("v1.k2.")
    assert open_channel_token(before, CHANNEL, ROTATED, NOW) == CALENDAR
    assert open_channel_token(after, CHANNEL, ROTATED, NOW) == CALENDAR
    assert open_channel_token(before, CHANNEL, KeyRing({"k2": NEW}), NOW) is None
    assert open_channel_token(after, CHANNEL, RING, NOW) is None


def test_a_key_under_anothers_id_opens_nothing() -> None:
    token = seal_channel_token(CALENDAR, CHANNEL, LATER, RING)
    assert open_channel_token(token, CHANNEL, KeyRing({"k1": OTHER}), NOW) is None


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "v1",
        "....",
        "v2.{1}.{2}.{3}.{4}",
        "v1.nobody.{2}.{3}.{4}",
        "v1..{2}.{3}.{4}",
        "v1.{1}.{2}.{3}",
        "v1.{1}.{2}.{3}.",
        "v1.{1}.{2}.{3}.{4}.{4}",
        "v1.{1}.another.{3}.{4}",
        "v1.{1}.{2}.9{3}.{4}",
        "v1.{1}.{2}.0{3}.{4}",
        "v1.{1}.{2}.-1.{4}",
        "v1.{1}.{2}.٣.{4}",
        "v1.{1}.{2}.{3}.{4}=",
        " v1.{1}.{2}.{3}.{4}",
        "v1.{1}.{2}.{3}.{4}\n",
        "v1.{1}.{2}.{3}." + "A" * 43,
        "v1.{1}.{2}.{3}.{4}" + "é",
    ],
)
def test_what_is_not_exactly_a_token_of_ours_is_nothing(broken: str) -> None:
    parts = seal_channel_token(CALENDAR, CHANNEL, LATER, RING).split(".")
    assert open_channel_token(broken.format(*parts), CHANNEL, RING, NOW) is None


def test_a_token_longer_than_a_calendar_service_takes_is_not_made() -> None:
    overhead = len(seal_channel_token("c", CHANNEL, LATER, RING)) - 1
    longest = "c" * (CHANNEL_TOKEN_MAX - overhead)
    assert len(seal_channel_token(longest, CHANNEL, LATER, RING)) == CHANNEL_TOKEN_MAX
    assert (
        open_channel_token(seal_channel_token(longest, CHANNEL, LATER, RING), CHANNEL, RING, NOW) == longest
    )
    with pytest.raises(ValueError, match="256"):
        seal_channel_token(longest + "c", CHANNEL, LATER, RING)


@pytest.mark.parametrize("key", ["", "a.b", "a b", "ä", "a\n"])
def test_a_calendar_key_of_another_form_is_not_sealed(key: str) -> None:
    with pytest.raises(ValueError, match="letters"):
        seal_channel_token(key, CHANNEL, LATER, RING)


@given(st.from_regex(r"[a-z2-7]{1,64}", fullmatch=True), unicode_texts, moments, st.integers(1, 10**8))
def test_every_channel_token_opens_and_only_in_time(
    calendar: str, channel: str, expires: datetime, seconds: int
) -> None:
    token = seal_channel_token(calendar, channel, expires, ROTATED)
    assert open_channel_token(token, channel, ROTATED, expires - timedelta(seconds=seconds)) == calendar
    assert open_channel_token(token, channel, ROTATED, expires + timedelta(seconds=seconds)) is None
    assert open_channel_token(token, channel + "x", ROTATED, expires - timedelta(seconds=seconds)) is None


@given(st.data())
def test_no_character_of_a_token_can_be_another(data: st.DataObject) -> None:
    token = seal_channel_token(CALENDAR, CHANNEL, LATER, RING)
    at = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(codec="utf-8").filter(lambda each: each != token[at]))
    assert open_channel_token(token[:at] + character + token[at + 1 :], CHANNEL, RING, NOW) is None


@given(unicode_texts, unicode_texts)
def test_no_text_is_a_token_by_chance(text: str, channel: str) -> None:
    assert open_channel_token(text, channel, RING, NOW) is None
    assert open_state(text, RING, NOW) is None


# --- the state of a consent -----------------------------------------------------------------------------


def test_a_state_opens_until_it_expires() -> None:
    text = seal_state(STATE, RING)
    assert open_state(text, RING, NOW) == STATE
    assert open_state(text, ROTATED, LATER - timedelta(seconds=1)) == STATE
    assert open_state(text, ROTATED, LATER) is None
    assert open_state(text, KeyRing({"k1": OTHER}), NOW) is None


def test_a_state_goes_into_an_address_as_it_is() -> None:
    assert set(seal_state(ConsentState("ü", "?&=#", "/+", LATER), RING)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    )


def test_a_state_too_long_for_an_address_is_not_made() -> None:
    with pytest.raises(ValueError, match=str(STATE_MAX)):
        seal_state(ConsentState("practice-1", "p" * STATE_MAX, "n0nce", LATER), RING)


def test_one_key_for_two_purposes_makes_no_token_of_one_a_token_of_the_other() -> None:
    state = seal_state(STATE, RING)
    assert open_channel_token(state, "", RING, NOW) is None
    token = seal_channel_token(state.split(".")[2], "", LATER, RING)
    assert open_state(token, RING, NOW) is None


@given(unicode_texts, unicode_texts, unicode_texts, moments)
def test_every_state_comes_back_as_it_was(
    practice: str, practitioner: str, nonce: str, expires: datetime
) -> None:
    state = ConsentState(practice, practitioner, nonce, expires)
    assert open_state(seal_state(state, ROTATED), ROTATED, expires - timedelta(seconds=1)) == state


# --- hooks ----------------------------------------------------------------------------------------------

Form = Callable[..., dict[str, str]]
SECRET, NEXT_SECRET, FORGOTTEN = b"first-hook-secret", b"second-hook-secret", b"third-hook-secret"
BODY = b'{"resourceType": "Appointment", "id": "a1"}'


def mac(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def timed(secret: bytes = SECRET, body: bytes = BODY, at: int = UNIX) -> dict[str, str]:
    return {"x-calsync-signature": f"t={at},v1={mac(secret, str(at).encode() + b'.' + body)}"}


def plain(secret: bytes = SECRET, body: bytes = BODY) -> dict[str, str]:
    return {"x-signature": mac(secret, body)}


def static(secret: bytes = SECRET) -> dict[str, str]:
    return {"authorization": f"Bearer {secret.decode()}"}


def test_the_timed_form_is_the_one_that_is_documented() -> None:
    # echo -n '1772438400.{}' | openssl dgst -sha256 -hmac first-hook-secret
    signature = "f971c62cfeabc845d36690c60ba9b63ace3d134113042725cd14fd2c86ad34da"
    header = {"x-calsync-signature": f"t=1772438400,v1={signature}"}
    assert verify_hook(header, b"{}", [SECRET], NOW)


@pytest.mark.parametrize("body", [b"", b"{}", BODY, b"\xff\x00not text"])
@pytest.mark.parametrize("form", [timed, plain])
def test_a_signature_holds_for_its_body_alone(form: Form, body: bytes) -> None:
    headers = form(body=body)
    assert verify_hook(headers, body, [SECRET], NOW)
    assert not verify_hook(headers, body + b" ", [SECRET], NOW)
    assert not verify_hook(headers, body, [NEXT_SECRET], NOW)


@pytest.mark.parametrize("form", [timed, plain, static])
def test_two_secrets_are_active_while_one_is_rotated(form: Form) -> None:
    headers = form(SECRET)
    assert verify_hook(headers, BODY, [SECRET, NEXT_SECRET], NOW)
    assert verify_hook(headers, BODY, [NEXT_SECRET, SECRET], NOW)
    assert not verify_hook(headers, BODY, [NEXT_SECRET, FORGOTTEN, SECRET], NOW)
    assert not verify_hook(headers, BODY, [], NOW)


@pytest.mark.parametrize(
    ("seconds", "taken"), [(0, True), (300, True), (-300, True), (301, False), (-301, False), (86400, False)]
)
def test_a_timed_signature_is_good_for_five_minutes_either_way(
    seconds: int,
    taken: bool,  # noqa: FBT001 - an outcome
) -> None:
    assert verify_hook(timed(), BODY, [SECRET], NOW + timedelta(seconds=seconds)) is taken


def test_the_time_of_a_signature_cannot_be_another() -> None:
    signature = timed()["x-calsync-signature"].replace(f"t={UNIX}", f"t={UNIX + 1}")
    assert not verify_hook({"x-calsync-signature": signature}, BODY, [SECRET], NOW)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        f"t={UNIX}",
        f"v1={'0' * 64}",
        f"t={UNIX},v1={'0' * 64}",
        f"t=-{UNIX},v1={'0' * 64}",
        f"t={UNIX}.0,v1={'0' * 64}",
        f"t={'9' * 400},v1={'0' * 64}",
        f"t={UNIX},v1={'é' * 64}",
    ],
)
def test_a_timed_header_of_another_form_is_refused(header: str) -> None:
    assert not verify_hook({"x-calsync-signature": header}, BODY, [SECRET], NOW)


def test_hexadecimal_is_taken_in_capitals_too() -> None:
    name, _, signature = timed()["x-calsync-signature"].rpartition("=")
    assert verify_hook({"x-calsync-signature": f"{name}={signature.upper()}"}, BODY, [SECRET], NOW)
    assert verify_hook({"x-signature": plain()["x-signature"].upper()}, BODY, [SECRET], NOW)


@pytest.mark.parametrize(
    "header", ["", "0" * 64, "sha256=" + mac(SECRET, BODY), mac(SECRET, BODY) + "\n", "é"]
)
def test_a_plain_header_of_another_form_is_refused(header: str) -> None:
    assert not verify_hook({"x-signature": header}, BODY, [SECRET], NOW)


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("Bearer first-hook-secret", True),
        ("bearer first-hook-secret", True),
        ("first-hook-secret", True),
        ("Basic first-hook-secret", False),
        ("Bearer first-hook-secret ", False),
        ("Bearer first-hook-secre", False),
        ("Bearer ", False),
        ("", False),
        ("Bearer é", False),
    ],
)
def test_a_static_header_is_the_secret_itself(header: str, taken: bool) -> None:  # noqa: FBT001 - an outcome
    assert verify_hook({"authorization": header}, BODY, [SECRET], NOW) is taken


def test_a_static_secret_may_name_its_own_scheme() -> None:
    for secret in (b"Basic dXNlcjpzeW50aGV0aWM=", b"Bearer first-hook-secret"):
        assert verify_hook({"authorization": secret.decode()}, BODY, [secret], NOW)


@pytest.mark.parametrize("secret", [b"", b"short", b"fifteen-letters"])
@pytest.mark.parametrize("form", [timed, plain, static])
def test_a_short_secret_verifies_nothing(form: Form, secret: bytes) -> None:
    assert not verify_hook(form(secret), BODY, [secret], NOW)


def test_the_strongest_form_that_is_there_decides_alone() -> None:
    stale = timed(at=UNIX - 3600)
    wrong = {"x-signature": "0" * 64}
    assert not verify_hook({**stale, **plain(), **static()}, BODY, [SECRET], NOW)
    assert not verify_hook({**wrong, **static()}, BODY, [SECRET], NOW)
    assert verify_hook({**timed(), **wrong}, BODY, [SECRET], NOW)


def test_a_timed_signature_is_no_plain_signature_of_a_longer_body() -> None:
    seen = timed(at=UNIX - 3600)["x-calsync-signature"].partition("v1=")[2]
    forged = f"{UNIX - 3600}.".encode() + BODY
    assert mac(SECRET, forged) == seen
    assert not verify_hook({"x-signature": seen}, forged, [SECRET], NOW)


def test_nothing_is_believed_without_a_header() -> None:
    assert not verify_hook({}, BODY, [SECRET], NOW)


@given(
    st.dictionaries(st.sampled_from(["x-calsync-signature", "x-signature", "authorization"]), unicode_texts)
)
def test_no_header_verifies_by_chance(headers: dict[str, str]) -> None:
    assert not verify_hook(headers, BODY, [SECRET, NEXT_SECRET], NOW)
