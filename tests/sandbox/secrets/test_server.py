"""The sandbox's Secret Manager behind the unmodified client."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions as google_errors
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from sandbox.secrets.crc32c import crc32c
from tests.servers import server

pytest_plugins = ["tests.secrets_servers"]

library: Any = secretmanager_v1  # it carries no types
State = library.SecretVersion.State
REPLICATION: dict[str, Any] = {"replication": {"automatic": {}}}


@pytest.fixture
def client(secrets_client: Any) -> Any:
    return secrets_client


@pytest.fixture
def secret(client: Any, secrets_project: str) -> str:
    """An empty one."""
    parent = f"projects/{secrets_project}"
    made = client.create_secret(parent=parent, secret_id="channel-key", secret=REPLICATION)
    return str(made.name)


def add(client: Any, secret: str, *payloads: bytes) -> list[str]:
    return [client.add_secret_version(parent=secret, payload={"data": data}).name for data in payloads]


def accessed(client: Any, name: str) -> bytes:
    return bytes(client.access_secret_version(name=name).payload.data)


def test_a_version_is_read_by_its_number_or_as_the_latest(client: Any, secret: str) -> None:
    first, second = add(client, secret, b"one", b"two")
    assert (first, second) == (f"{secret}/versions/1", f"{secret}/versions/2")
    assert accessed(client, first) == b"one"
    latest = client.access_secret_version(name=f"{secret}/versions/latest")
    assert (latest.name, latest.payload.data, latest.payload.data_crc32c) == (second, b"two", crc32c(b"two"))


def test_bytes_of_every_kind_are_kept_up_to_the_limit(client: Any, secret: str) -> None:
    data = bytes(range(256)) * 256
    add(client, secret, data)
    assert accessed(client, f"{secret}/versions/latest") == data
    with pytest.raises(google_errors.InvalidArgument):
        add(client, secret, data + b"x")


@pytest.mark.parametrize(
    ("data", "checksum"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)]
)
def test_the_checksum_is_that_of_the_standard(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum  # RFC 3720 B.4, and the check value of the catalogue


def test_a_payload_that_was_damaged_on_its_way_is_refused(client: Any, secret: str) -> None:
    with pytest.raises(google_errors.InvalidArgument):
        client.add_secret_version(parent=secret, payload={"data": b"x", "data_crc32c": crc32c(b"y")})
    payload = {"data": b"x", "data_crc32c": crc32c(b"x")}
    assert client.add_secret_version(parent=secret, payload=payload).client_specified_payload_checksum


def test_what_is_missing_is_not_found(client: Any, secret: str) -> None:
    for name in (f"{secret}/versions/latest", f"{secret}/versions/1", f"{secret}x/versions/latest"):
        with pytest.raises(google_errors.NotFound):
            client.access_secret_version(name=name)
    with pytest.raises(google_errors.NotFound):
        client.get_secret(name=f"{secret}x")
    with pytest.raises(google_errors.NotFound):
        add(client, f"{secret}x", b"x")
    with pytest.raises(google_errors.InvalidArgument):
        client.access_secret_version(name=f"{secret}/versions/first")


def test_a_disabled_version_is_closed_until_it_is_enabled(client: Any, secret: str) -> None:
    _, second = add(client, secret, b"one", b"two")
    assert client.disable_secret_version(name=second).state == State.DISABLED
    for name in (second, f"{secret}/versions/latest"):  # the latest is the newest, whatever its state
        with pytest.raises(google_errors.FailedPrecondition):
            client.access_secret_version(name=name)
    assert client.enable_secret_version(name=second).state == State.ENABLED
    assert accessed(client, second) == b"two"


def test_a_destroyed_version_stays_destroyed(client: Any, secret: str) -> None:
    (name,) = add(client, secret, b"one")
    destroyed = client.destroy_secret_version(name=name)
    assert destroyed.state == State.DESTROYED
    assert client.destroy_secret_version(name=name).destroy_time == destroyed.destroy_time
    for refused in (client.access_secret_version, client.enable_secret_version):
        with pytest.raises(google_errors.FailedPrecondition):
            refused(name=name)
    assert add(client, secret, b"two") == [f"{secret}/versions/2"]


def test_versions_are_listed_newest_first_by_state_and_in_pages(client: Any, secret: str) -> None:
    names = add(client, secret, b"1", b"2", b"3")
    client.disable_secret_version(name=names[1])
    assert [each.name for each in client.list_secret_versions(parent=secret)] == names[::-1]
    enabled = client.list_secret_versions(request={"parent": secret, "filter": "state:ENABLED"})
    assert [each.name for each in enabled] == [names[2], names[0]]
    pages = client.list_secret_versions(request={"parent": secret, "page_size": 2}).pages
    assert [len(page.versions) for page in pages] == [2, 1]
    with pytest.raises(google_errors.MethodNotImplemented):
        client.list_secret_versions(request={"parent": secret, "filter": "create_time > 2026"})


def test_secrets_are_those_of_their_project(client: Any, secret: str, secrets_project: str) -> None:
    assert [each.name for each in client.list_secrets(parent=f"projects/{secrets_project}")] == [secret]
    assert "automatic" in client.get_secret(name=secret).replication
    with pytest.raises(google_errors.AlreadyExists):
        client.create_secret(
            parent=f"projects/{secrets_project}", secret_id="channel-key", secret=REPLICATION
        )


@pytest.mark.parametrize("secret_id", ["", "a.b", "a/b", "a" * 256])
def test_a_secret_has_a_name_of_letters_digits_hyphens_and_underscores(
    client: Any, secrets_project: str, secret_id: str
) -> None:
    with pytest.raises(google_errors.InvalidArgument):
        client.create_secret(parent=f"projects/{secrets_project}", secret_id=secret_id, secret=REPLICATION)


def test_a_secret_says_how_it_is_replicated(client: Any, secrets_project: str) -> None:
    with pytest.raises(google_errors.InvalidArgument):
        client.create_secret(parent=f"projects/{secrets_project}", secret_id="a", secret={})


def test_what_is_not_known_is_refused_with_its_name(client: Any, secret: str) -> None:
    with pytest.raises(google_errors.MethodNotImplemented, match="DeleteSecret"):
        client.delete_secret(name=secret)
    (name,) = add(client, secret, b"x")
    with pytest.raises(google_errors.MethodNotImplemented, match="etag"):
        client.disable_secret_version(request={"name": name, "etag": "x"})


def test_the_server_starts_with_the_secrets_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    secrets = {"projects/demo/secrets/one": "ü", "projects/demo/secrets/two": ["old", "new"]}
    file.write_text(json.dumps(secrets), encoding="utf-8")
    with server("sandbox.secrets", "--secrets", str(file)) as address:
        transport = SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(address))
        client = library.SecretManagerServiceClient(transport=transport)
        assert accessed(client, "projects/demo/secrets/one/versions/latest") == "ü".encode()
        assert accessed(client, "projects/demo/secrets/two/versions/1") == b"old"
        assert accessed(client, "projects/demo/secrets/two/versions/latest") == b"new"
        client.transport.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "no JSON object"),
        ("{", "--secrets"),
        ('{"projects/demo/secrets/a": 1}', "neither a text nor a list"),
        ('{"a": "hidden"}', "not the name of a secret"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_without_its_secrets(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(text)
    command = [sys.executable, "-m", "sandbox.secrets", "--port", "0", "--secrets", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert says in ended.stderr
    assert "hidden" not in ended.stderr
