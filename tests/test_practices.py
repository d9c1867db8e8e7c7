"""The secret of a practice: read whole, or refused by a name that says nothing of it."""

from __future__ import annotations

import json
import re

import pytest

import shared.practices
from shared.adapters.fhir import ParticipantStatus, Stated
from shared.core.errors import BlockedError
from shared.ehr_settings import fhir_settings
from shared.ports import BlockAs, Listing, Writes
from shared.practices import SCOPE, Bearer, front_end_of, oauth_client_of, practice_of

GOOD = {
    "fhir_base": "https://ehr.example/fhir",
    "fhir_token": "a synthetic token",
    "system": "https://calsync.example",
    "jwt_issuer": "https://ehr.example",
    "jwt_audience": "calsync:one",
    "jwks_url": "https://ehr.example/jwks",
    "origins": ["https://one.ehr.example", "http://127.0.0.1:8080"],
    "return_page": "https://one.ehr.example/app/calendar-connected",
}


def secret(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_each_reads_its_part_of_one_secret() -> None:
    assert front_end_of(secret()).origins == ("https://one.ehr.example", "http://127.0.0.1:8080")
    assert practice_of(secret()).fhir_base == "https://ehr.example/fhir"


@pytest.mark.parametrize(
    "changes",
    [
        {"origins": ["https://one.ehr.example/"]},
        {"origins": ["https://one.ehr.example/app"]},
        {"origins": ["one.ehr.example"]},
        {"origins": ["*"]},
        {"origins": ["https://one.ehr.example https://two.ehr.example"]},
        {"origins": "https://one.ehr.example"},
        {"return_page": "https://one.ehr.example/app?next=x"},
        {"return_page": "https://one.ehr.example/app#top"},
        {"return_page": "javascript:alert(1)"},
        {"jwt_audience": ""},
        {"jwt_issuer": ""},
        {"jwks_url": None},
    ],
)
def test_a_front_end_that_would_trust_too_much_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BlockedError, match=r"^practice_secret_unreadable$"):
        front_end_of(secret(**changes))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"fhir_base": "https://ehr.example"}'])
def test_what_cannot_be_read_is_named_and_not_quoted(text: bytes) -> None:
    for read, reason in (
        (front_end_of, "practice_secret_unreadable"),
        (practice_of, "practice_secret_unreadable"),
        (oauth_client_of, "oauth_client_unreadable"),
    ):
        with pytest.raises(BlockedError) as caught:
            read(text)
        assert (str(caught.value), caught.value.__context__) == (reason, None)


def test_no_credential_is_shown() -> None:
    client = oauth_client_of(b'{"client_id": "id", "client_secret": "a synthetic secret"}')
    assert "synthetic" not in repr((client, practice_of(secret()), front_end_of(secret())))


# --- how we show the EHR who we are ---------------------------------------------------------------------

KEY = {"kid": "1", "private_key": "a synthetic key"}
SIGNING: dict[str, object] = {"mode": "private_key_jwt", "client_id": "us", "keys": [KEY]}
WITH_SECRET: dict[str, object] = {
    "mode": "client_secret",
    "client_id": "us",
    "client_secret": "a synthetic secret",
}
AUTHS: list[dict[str, object]] = [
    SIGNING,
    WITH_SECRET,
    {"mode": "bearer", "token": "a synthetic token"},
    {"mode": "google_oidc", "audience": "https://ehr.example"},
]


def with_auth(auth: object, **changes: object) -> bytes:
    return secret(fhir_token=None, fhir_auth=auth, **changes)


@pytest.mark.parametrize("auth", AUTHS)
def test_a_secret_names_one_of_four_ways_and_shows_no_credential(auth: dict[str, object]) -> None:
    read = practice_of(with_auth(auth))
    assert read.fhir_auth.mode == auth["mode"]
    assert "synthetic" not in repr(read)
    assert len({read, practice_of(with_auth(auth))}) == 1  # what is made of it is found again


def test_a_token_alone_is_short_for_a_bearer() -> None:
    short = practice_of(secret())
    assert short.fhir_auth == Bearer(mode="bearer", token="a synthetic token")
    assert short == practice_of(with_auth(AUTHS[2]))


def test_what_is_not_said_has_the_usual_value() -> None:
    signing, with_secret = (practice_of(with_auth(auth)).fhir_auth for auth in (SIGNING, WITH_SECRET))
    expected: dict[str, object] = {"scope": SCOPE, "token_url": None}
    assert signing.model_dump() | expected == signing.model_dump()
    expected |= {"method": "client_secret_basic"}
    assert with_secret.model_dump() | expected == with_secret.model_dump()


@pytest.mark.parametrize(
    "changes",
    [
        {"fhir_token": None},
        {"fhir_token": ""},
        {"fhir_auth": SIGNING},  # and the token
        {"fhir_token": None, "fhir_auth": {"mode": "basic"}},
        {"fhir_token": None, "fhir_auth": {"token": "a synthetic token"}},
        {"fhir_token": None, "fhir_auth": {**SIGNING, "keys": []}},
        {"fhir_token": None, "fhir_auth": {**SIGNING, "keys": [{"kid": "1"}]}},
        {"fhir_token": None, "fhir_auth": {**SIGNING, "token_ulr": "https://ehr.example/token"}},
        {"fhir_token": None, "fhir_auth": {**SIGNING, "token_url": "file:///token"}},
        {"fhir_token": None, "fhir_auth": {**SIGNING, "token_url": "https://a:b@ehr.example/token"}},
        {"fhir_token": None, "fhir_auth": {**SIGNING, "client_id": ""}},
        {"fhir_token": None, "fhir_auth": {**SIGNING, "scope": ""}},
        {"fhir_token": None, "fhir_auth": {**WITH_SECRET, "client_secret": ""}},
        {"fhir_token": None, "fhir_auth": {**WITH_SECRET, "method": "none"}},
        {"fhir_token": None, "fhir_auth": {"mode": "google_oidc", "audience": ""}},
    ],
)
def test_half_a_credential_or_two_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BlockedError, match=r"^practice_secret_unreadable$") as caught:
        practice_of(secret(**changes))
    assert caught.value.__context__ is None


def test_the_examples_of_the_page_can_be_read() -> None:
    page = (shared.practices.__doc__ or "").partition("by `mode`:\n")[2].partition("\n`")[0]
    examples = re.findall(r"^    \{.*?\}$", page, re.MULTILINE | re.DOTALL)
    modes = [practice_of(with_auth(json.loads(example))).fhir_auth.mode for example in examples]
    assert modes == ["private_key_jwt", "client_secret", "bearer", "google_oidc"]


# --- what is stated of the EHR --------------------------------------------------------------------------


def test_what_is_stated_of_an_ehr_arrives_at_its_adapter() -> None:
    status = {"extension": "https://ehr.example/state", "cancelled": ["Cancelled", "cancelled (no charge)"]}
    stated = {"listing": "window", "writes": "merge_patch", "creates_once": False, "block_as": "slot"}
    settings = fhir_settings(practice_of(secret(capabilities=stated, participant_status=status)))
    assert settings.stated == Stated(
        listing=Listing.WINDOW, writes=Writes.MERGE_PATCH, creates_once=False, block_as=BlockAs.SLOT
    )
    assert settings.participant_status == ParticipantStatus(
        "https://ehr.example/state", frozenset({"cancelled", "cancelled (no charge)"})
    )


def test_nothing_is_stated_unless_it_is() -> None:
    settings = fhir_settings(practice_of(secret()))
    assert (settings.stated, settings.participant_status) == (Stated(), None)
    assert {practice_of(secret())} == {practice_of(secret())}  # it is a key of what was made from it


@pytest.mark.parametrize(
    "changes",
    [
        {"capabilities": {"listing": "sometimes"}},
        {"capabilities": {"listings": "window"}},
        {"capabilities": {"checks_versions": "perhaps"}},
        {"capabilities": None},
        {"participant_status": {"extension": "https://ehr.example/state"}},
        {"participant_status": {"extension": "", "cancelled": ["cancelled"]}},
        {"participant_status": {"extension": "https://ehr.example/state", "cancelled": [""]}},
    ],
)
def test_a_statement_that_is_not_understood_is_not_passed_over(changes: dict[str, object]) -> None:
    with pytest.raises(BlockedError, match=r"^practice_secret_unreadable$"):
        practice_of(secret(**changes))


@pytest.mark.parametrize("release", [4, 5])
def test_the_release_of_fhir_is_stated(release: int) -> None:
    assert fhir_settings(practice_of(secret(fhir_release=release))).release == release


@pytest.mark.parametrize("release", [3, 6, "5"])
def test_no_other_release_is_known(release: object) -> None:
    with pytest.raises(BlockedError, match="practice_secret_unreadable"):
        practice_of(secret(fhir_release=release))


@pytest.mark.parametrize(
    "url",
    [
        "https://ehr.example/notices?of=one",
        "http://127.0.0.1:8080/notices",
        "http://[::1]:80/n",
        "http://127.1.2.3/n",
        "http://localhost/n",
        None,
    ],
)
def test_notices_go_where_nobody_else_listens(url: str | None) -> None:
    assert practice_of(secret(notice_url=url)).notice_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://ehr.example/notices",
        "http://169.254.169.254/",
        "http://127.0.0.1.ehr.example/",
        "https://user:word@ehr.example/",
        "https:///notices",
        "https://ehr.example/#there",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_address_that_others_could_read_is_refused(url: str) -> None:
    with pytest.raises(BlockedError, match=r"^practice_secret_unreadable$"):
        practice_of(secret(notice_url=url))
