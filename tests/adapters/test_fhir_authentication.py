"""How a FHIR server is shown who we are, against the sandbox's strict token endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PublicFormat,
)

from shared.adapters.fhir import (
    Authorization,
    SecretIn,
    SigningKey,
    bearer,
)
from shared.core.errors import BlockedError, RetryableError
from tests.adapters.fhir_clients import EC, OF_EC, OF_RSA, Stage, look, pem, write_and_read
from tests.fakes.clock import START
from tests.servers import server

STATIC = "sandbox-ehr-token"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server("sandbox.ehr", "--now", START.isoformat()) as address:
        yield address


@pytest.fixture
def stage(address: str) -> Iterator[Stage]:
    stage = Stage(address)
    yield stage
    stage.close()


MODES: Mapping[str, Callable[[Stage], Authorization]] = {
    "RS384": lambda stage: stage.signing(OF_RSA),
    "ES384": lambda stage: stage.signing(OF_EC),
    "client_secret_basic": lambda stage: stage.secret(),
    "client_secret_post": lambda stage: stage.secret(SecretIn.BODY),
    "bearer": lambda _: bearer(STATIC),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_writes_and_reads_an_appointment(stage: Stage, mode: str) -> None:
    assert write_and_read(stage.ehr(MODES[mode](stage))) == "Dentist"
    assert stage.asked() == ([] if mode == "bearer" else [200])


# --- how long a token is used ---------------------------------------------------------------------------


def test_a_token_is_used_until_thirty_seconds_before_its_end(stage: Stage) -> None:
    exchange = stage.exchange(stage.signing())
    for seconds, tokens in ((0, 1), (269.9, 1), (0.1, 2), (200, 2), (70, 3)):
        stage.advance(seconds)
        assert look(exchange) == 200
        assert len(stage.asked()) == tokens


def test_a_token_that_hardly_lives_serves_one_request(stage: Stage) -> None:
    stage.control("POST", "auth/settings", lifetime_seconds=20)
    exchange = stage.exchange(stage.secret())
    assert [look(exchange), look(exchange)] == [200, 200]
    assert stage.asked() == [200, 200]


def test_a_revoked_token_is_replaced_and_the_request_is_done_once(stage: Stage) -> None:
    exchange = stage.exchange(stage.signing())
    assert look(exchange) == 200
    stage.control("POST", "auth/revoke")
    row = {"resourceType": "Basic", "code": {"text": "once"}}
    assert exchange("POST", "Basic", body=row).status == 201
    assert (stage.sent(), stage.asked()) == ([200, 401, 201], [200, 200])


def test_who_is_refused_with_a_new_token_too_is_told_after_two_requests(stage: Stage) -> None:
    stage.control("POST", "faults", operation="Appointment.search", status=401, count=3)
    with pytest.raises(BlockedError, match="ehr_unauthorized"):
        stage.ehr(stage.signing()).cursor_now()
    assert (stage.sent(), stage.asked()) == ([401, 401], [200, 200])


def test_a_token_that_cannot_be_renewed_is_not_tried_twice(stage: Stage) -> None:
    assert look(stage.exchange(bearer("wrong"))) == 401
    assert stage.sent() == [401]


def test_another_refusal_is_not_tried_again(stage: Stage) -> None:
    stage.control("POST", "faults", operation="Appointment.search", status=403)
    assert look(stage.exchange(stage.signing())) == 403
    assert stage.sent() == [403]


def test_a_lost_answer_is_asked_for_again_by_another_assertion(stage: Stage) -> None:
    stage.control("POST", "faults", operation="token", lost=True)
    stage.control("POST", "faults", operation="discovery", lost=True)
    exchange = stage.exchange(stage.signing())
    for _ in range(2):  # the address is not found; then it is, and the token given, and lost
        with pytest.raises(RetryableError, match=r"^ehr_token_unavailable$"):
            look(exchange)
    assert stage.sent() == []
    assert look(exchange) == 200
    assert (stage.asked(), stage.sent()) == ([200, 200], [200])


# --- who we are -----------------------------------------------------------------------------------------

STRANGER = SigningKey("of-ec", pem(ec.generate_private_key(ec.SECP384R1())))
WRONG: Mapping[str, tuple[Callable[[Stage], Authorization], str]] = {
    "secret": (lambda stage: stage.secret(secret="wrong"), "secret"),
    "secret in the body": (lambda stage: stage.secret(SecretIn.BODY, secret="wrong"), "secret"),
    "kid": (lambda stage: stage.signing(SigningKey("nobody", OF_EC.pem)), "kid"),
    "key": (lambda stage: stage.signing(STRANGER), "signature"),
    "kind of key": (lambda stage: stage.signing(SigningKey("of-rsa", OF_EC.pem)), "RS384"),
    "client": (lambda stage: stage.signing(client_id="nobody"), "iss"),
    "method": (lambda stage: stage.signing(client_id="client_secret_post"), "private_key_jwt"),
    "scope": (lambda stage: stage.signing(scope="system/*.cruds"), "scope"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_who_is_not_accepted_is_blocked_and_sends_nothing_else(stage: Stage, wrong: str) -> None:
    authorization, why = WRONG[wrong]
    with pytest.raises(BlockedError, match=r"^ehr_authentication_refused$"):
        look(stage.exchange(authorization(stage)))
    assert why in stage.why()
    assert stage.sent() == []


def test_an_assertion_is_used_once(stage: Stage) -> None:
    authorization = stage.signing(random_bytes=lambda size: b"1" * size)
    exchange = stage.exchange(authorization)
    assert look(exchange) == 200
    authorization.renew()
    with pytest.raises(BlockedError, match="ehr_authentication_refused"):
        look(exchange)
    assert "jti" in stage.why()


def test_the_first_key_signs(stage: Stage) -> None:
    assert look(stage.exchange(stage.signing(OF_EC, STRANGER))) == 200
    with pytest.raises(BlockedError, match="ehr_authentication_refused"):
        look(stage.exchange(stage.signing(STRANGER, OF_EC)))


UNFIT = {
    "no PEM": "a synthetic text",
    "RSA of 1024 bits": pem(rsa.generate_private_key(65537, 1024)),
    "P-256": pem(ec.generate_private_key(ec.SECP256R1())),
    "Ed25519": pem(ed25519.Ed25519PrivateKey.generate()),
    "encrypted": pem(EC, BestAvailableEncryption(b"a synthetic password")),
    "public": EC.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_key_that_is_unfit_is_named_before_its_turn(stage: Stage, unfit: str) -> None:
    with pytest.raises(BlockedError, match=r"^ehr_signing_key_unfit$") as caught:
        stage.signing(OF_RSA, SigningKey("next", UNFIT[unfit]))
    assert caught.value.__context__ is None
