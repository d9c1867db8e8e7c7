"""The secret of a practice: read whole, or refused by a name that says nothing of it."""

from __future__ import annotations

import json

import pytest

from shared.core.errors import BlockedError
from shared.practices import front_end_of, oauth_client_of, practice_of

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
        assert (str(caught.value), caught.value.__cause__) == (reason, None)


def test_no_credential_is_shown() -> None:
    client = oauth_client_of(b'{"client_id": "id", "client_secret": "a synthetic secret"}')
    assert "synthetic" not in repr((client, practice_of(secret()), front_end_of(secret())))
