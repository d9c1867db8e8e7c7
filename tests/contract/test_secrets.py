"""What the secrets must do, said once for every implementation of them.

`memory` is the one that simulations use; `sandbox` is the real adapter against our own server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.adapters.secret_manager import SecretManager
from shared.core.errors import BlockedError
from shared.ports import Secrets
from tests.fakes.clock import FakeClock
from tests.fakes.secrets import MemorySecrets

pytest_plugins = ["tests.secrets_servers"]

FIVE_MINUTES = 300.0


@dataclass
class Stage:
    secrets: Secrets
    clock: FakeClock
    add: Callable[[str, bytes], int]
    """A new version, from outside; its number."""
    disable: Callable[[str, int], None]


@pytest.fixture(params=["memory", "sandbox"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    clock = FakeClock()
    if request.param == "memory":
        secrets = MemorySecrets()
        yield Stage(secrets, clock, secrets.add, secrets.disable)
    else:
        yield from sandbox_stage(request, clock)


def sandbox_stage(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Stage]:
    client: Any = request.getfixturevalue("secrets_client")
    project: str = request.getfixturevalue("secrets_project")
    parent, known = f"projects/{project}", set[str]()

    def add(name: str, value: bytes) -> int:
        if name not in known:
            client.create_secret(parent=parent, secret_id=name, secret={"replication": {"automatic": {}}})
            known.add(name)
        made = client.add_secret_version(parent=f"{parent}/secrets/{name}", payload={"data": value})
        return int(made.name.rpartition("/")[2])

    def disable(name: str, number: int) -> None:
        client.disable_secret_version(name=f"{parent}/secrets/{name}/versions/{number}")

    secrets = SecretManager(project, clock, host=request.getfixturevalue("secrets_address"))
    yield Stage(secrets, clock, add, disable)
    secrets.close()


def test_a_secret_is_its_newest_version(stage: Stage) -> None:
    for value in (b"old", b"", bytes(range(256))):
        stage.add("key", value)
    assert stage.secrets.get("key") == bytes(range(256))


def test_every_secret_is_one_of_its_own(stage: Stage) -> None:
    for name in ("one", "two"):
        stage.add(name, name.encode())
    assert [stage.secrets.get(name) for name in ("one", "two", "one")] == [b"one", b"two", b"one"]
    assert [list(stage.secrets.versions(name)) for name in ("one", "two")] == [[b"one"], [b"two"]]


def test_versions_are_those_that_are_enabled_newest_first(stage: Stage) -> None:
    numbers = [stage.add("key", b"%d" % n) for n in range(1, 12)]
    stage.disable("key", numbers[1])
    assert list(stage.secrets.versions("key")) == [b"%d" % n for n in (11, 10, 9, 8, 7, 6, 5, 4, 3, 1)]


def test_a_disabled_version_gives_way_to_the_one_before(stage: Stage) -> None:
    stage.add("key", b"old")
    stage.disable("key", stage.add("key", b"new"))
    assert stage.secrets.get("key") == b"old"


def test_what_is_missing_is_for_a_person(stage: Stage) -> None:
    for read in (stage.secrets.get, stage.secrets.versions):
        with pytest.raises(BlockedError):
            read("none")


def test_what_is_disabled_is_for_a_person(stage: Stage) -> None:
    stage.disable("key", stage.add("key", b"x"))
    for read in (stage.secrets.get, stage.secrets.versions):
        with pytest.raises(BlockedError):
            read("key")


def test_a_rotation_is_seen_within_five_minutes(stage: Stage) -> None:
    stage.add("key", b"old")
    assert stage.secrets.get("key") == b"old"
    assert list(stage.secrets.versions("key")) == [b"old"]
    stage.add("key", b"new")
    stage.clock.advance(FIVE_MINUTES)
    assert stage.secrets.get("key") == b"new"
    assert list(stage.secrets.versions("key")) == [b"new", b"old"]


def test_a_version_that_was_disabled_is_out_of_use_within_five_minutes(stage: Stage) -> None:
    number = stage.add("key", b"x")
    stage.secrets.get("key")
    stage.secrets.versions("key")
    stage.disable("key", number)
    stage.clock.advance(FIVE_MINUTES)
    for read in (stage.secrets.get, stage.secrets.versions):
        with pytest.raises(BlockedError):
            read("key")


def test_what_was_missing_is_found_once_it_is_there(stage: Stage) -> None:
    with pytest.raises(BlockedError):
        stage.secrets.get("key")
    stage.add("key", b"x")
    assert stage.secrets.get("key") == b"x"
