"""What the adapter does beyond the contract of the secrets: errors, its cache, what it never shows."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core import exceptions as api_core_exceptions
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import AnonymousCredentials

from sandbox import rpc
from sandbox.faults import Fault, Faults
from sandbox.secrets.server import routes
from sandbox.secrets.vault import State, Vault
from shared.adapters import secret_manager as adapter
from shared.adapters.secret_manager import ASK_AGAIN_SECONDS, CACHE_SECONDS, REFRESH_SECONDS, SecretManager
from shared.core.errors import BlockedError, RetryableError
from tests.adapters.cloud_error_classes import CREDENTIAL_ERRORS, GOOGLE_ERROR_CLASSES, REMEDIES, made
from tests.fakes.clock import FakeClock

google_errors: Any = api_core_exceptions  # their constructors carry no types
auth_errors: Any = auth_exceptions

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SECRET = "projects/demo/secrets/key"

# --- errors ---------------------------------------------------------------------------------------------


def test_every_error_of_the_library_has_its_place() -> None:
    assert sorted(GOOGLE_ERROR_CLASSES) == sorted(REMEDIES)


@pytest.mark.parametrize("name", REMEDIES)
def test_a_foreign_error_is_named_by_its_remedy(name: str) -> None:
    known = adapter.translate(made(GOOGLE_ERROR_CLASSES[name]))
    assert (None if known is None else type(known)) is REMEDIES[name]


@pytest.mark.parametrize("kind", CREDENTIAL_ERRORS)
def test_errors_of_credentials_block_unless_they_pass(kind: type[Exception]) -> None:
    expected = RetryableError if issubclass(kind, auth_errors.TransportError) else BlockedError
    assert isinstance(adapter.translate(made(kind)), expected)


# --- calls ----------------------------------------------------------------------------------------------


@dataclass
class Stage:
    secrets: SecretManager
    vault: Vault
    faults: Faults
    clock: FakeClock = field(default_factory=FakeClock)

    def add(self, value: bytes) -> None:
        self.vault.add(SECRET, value, NOW)

    def refuse(self, status: int, count: int = 1000) -> None:
        self.faults.add(Fault("*", status=status, count=count))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Secret Manager in this process, with an empty secret `key`; trying again ends soon."""
    monkeypatch.setattr(adapter, "READ_SECONDS", 0.5)
    vault, faults, clock = Vault(), Faults(), FakeClock()
    vault.create(SECRET, b"", NOW)
    running, port = rpc.start(routes(vault, faults), 0)
    secrets = SecretManager("demo", clock, host=f"127.0.0.1:{port}")
    yield Stage(secrets, vault, faults, clock)
    secrets.close()
    running.stop(1).wait()


READS: dict[str, Callable[[SecretManager], bytes]] = {
    "get": lambda secrets: secrets.get("key"),
    "versions": lambda secrets: secrets.versions("key")[0],
}


@pytest.fixture(params=READS)
def read(request: pytest.FixtureRequest) -> Callable[[SecretManager], bytes]:
    return READS[request.param]


Read = Callable[[SecretManager], bytes]


def test_a_secret_is_not_asked_for_again_before_it_is_old(stage: Stage, read: Read) -> None:
    stage.add(b"old")
    assert read(stage.secrets) == b"old"
    stage.add(b"new")
    stage.clock.advance(REFRESH_SECONDS - 1)
    assert read(stage.secrets) == b"old"
    stage.clock.advance(1)
    assert read(stage.secrets) == b"new"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_short_outage_is_not_noticed(stage: Stage, read: Read, status: int) -> None:
    stage.add(b"x")
    read(stage.secrets)
    stage.refuse(status)
    stage.clock.advance(CACHE_SECONDS - 1)
    assert read(stage.secrets) == b"x"


def test_an_outage_does_not_prolong_the_life_of_a_secret(stage: Stage, read: Read) -> None:
    stage.add(b"x")
    read(stage.secrets)
    stage.refuse(429)
    stage.clock.advance(CACHE_SECONDS - 1)
    read(stage.secrets)
    stage.clock.advance(1)
    with pytest.raises(RetryableError):
        read(stage.secrets)


def test_nobody_waits_for_each_try_of_an_outage(stage: Stage, read: Read) -> None:
    stage.add(b"x")
    read(stage.secrets)
    stage.refuse(429, count=1)
    stage.clock.advance(REFRESH_SECONDS)
    read(stage.secrets)
    stage.add(b"new")
    stage.clock.advance(ASK_AGAIN_SECONDS - 1)
    assert read(stage.secrets) == b"x"  # not asked again yet
    stage.clock.advance(1)
    assert read(stage.secrets) == b"new"


@pytest.mark.parametrize(("status", "reason"), [(403, "secrets_forbidden"), (404, "secrets_missing")])
def test_a_refusal_is_passed_on_and_what_was_read_is_forgotten(
    stage: Stage, read: Read, status: int, reason: str
) -> None:
    stage.add(b"x")
    read(stage.secrets)
    stage.refuse(status, count=1)
    stage.refuse(429)
    stage.clock.advance(REFRESH_SECONDS)
    with pytest.raises(BlockedError, match=reason):
        read(stage.secrets)
    with pytest.raises(RetryableError):
        read(stage.secrets)


def test_what_passes_is_tried_again(stage: Stage, read: Read) -> None:
    stage.add(b"x")
    stage.refuse(503, count=1)
    assert read(stage.secrets) == b"x"


def test_a_secret_that_was_never_read_is_worth_another_try(
    stage: Stage, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.add(b"x")
    stage.refuse(503, count=1000)
    monkeypatch.setattr(adapter, "READ_SECONDS", 0.2)
    with pytest.raises(RetryableError):
        read(stage.secrets)
    stage.faults.clear()
    assert read(stage.secrets) == b"x"


def test_threads_that_want_the_same_secret_ask_once(stage: Stage, read: Read) -> None:
    stage.add(b"x")
    stage.faults.add(Fault("ListSecretVersions", status=403, skip=1))
    stage.faults.add(Fault("AccessSecretVersion", status=403, skip=1))
    together = threading.Barrier(8)

    def ask(_: int) -> bytes:
        together.wait(30)
        return read(stage.secrets)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {b"x"}


def test_a_bug_of_ours_crashes_as_it_is(stage: Stage, read: Read) -> None:
    stage.refuse(400)
    with pytest.raises(google_errors.InvalidArgument):
        read(stage.secrets)


# --- versions -------------------------------------------------------------------------------------------


def test_more_enabled_versions_than_a_rotation_leaves_are_for_a_person(stage: Stage) -> None:
    for _ in range(adapter.VERSIONS_MAX):
        stage.add(b"x")
    assert len(stage.secrets.versions("key")) == adapter.VERSIONS_MAX
    stage.add(b"x")
    stage.clock.advance(CACHE_SECONDS)
    with pytest.raises(BlockedError, match="secrets_too_many_versions"):
        stage.secrets.versions("key")


def test_a_version_that_is_disabled_after_it_was_listed_is_left_out(stage: Stage) -> None:
    for value in (b"1", b"2", b"3"):
        stage.add(value)
    stage.faults.add(Fault("AccessSecretVersion", status=412, skip=1))
    assert stage.secrets.versions("key") == (b"3", b"1")


def test_get_asks_for_one_version_alone(stage: Stage) -> None:
    stage.add(b"x")
    stage.faults.add(Fault("ListSecretVersions", status=403))  # the right to list is not needed
    assert stage.secrets.get("key") == b"x"


def test_a_destroyed_version_is_none(stage: Stage) -> None:
    for value in (b"1", b"2"):
        stage.add(value)
    stage.vault.set_state(f"{SECRET}/versions/2", State.DESTROYED, NOW)
    assert (stage.secrets.get("key"), stage.secrets.versions("key")) == (b"1", (b"1",))


# --- around it ------------------------------------------------------------------------------------------


def test_no_value_is_shown(stage: Stage, read: Read) -> None:
    stage.add(b"hidden")
    read(stage.secrets)
    shown = [repr(stage.secrets), *map(repr, vars(stage.secrets).values())]
    stage.vault.set_state(f"{SECRET}/versions/1", State.DISABLED, NOW)
    stage.clock.advance(CACHE_SECONDS)
    with pytest.raises(BlockedError) as caught:
        read(stage.secrets)
    assert "hidden" not in "".join([*shown, repr(caught.value), repr(caught.value.__context__)])


def test_a_server_that_cannot_be_reached_is_worth_another_try(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "READ_SECONDS", 0.3)
    with socket.socket() as deaf:  # bound, so nobody else has it, but not listening
        deaf.bind(("127.0.0.1", 0))
        secrets = SecretManager("demo", FakeClock(), host=f"127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(RetryableError):
            read(secrets)
        secrets.close()


def test_a_closed_connection_is_made_again(stage: Stage) -> None:
    stage.add(b"x")
    for read in READS.values():
        assert read(stage.secrets) == b"x"
        stage.secrets.close()


def test_credentials_are_not_sent_over_a_plain_channel() -> None:
    with pytest.raises(ValueError, match="plain channel"):
        SecretManager(
            "demo",
            FakeClock(),
            host="127.0.0.1:1",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        )
