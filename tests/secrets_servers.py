"""Fixtures: a Secret Manager to test against; taken with `pytest_plugins = ["tests.secrets_servers"]`.

Every test has a project of its own, so that tests never meet on one server.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from tests.servers import server


@pytest.fixture(scope="session")
def secrets_address() -> Iterator[str]:
    """The server as a child process: `host:port`."""
    with server("sandbox.secrets") as address:
        yield address


@pytest.fixture
def secrets_client(secrets_address: str) -> Iterator[Any]:
    """Google's own client, unchanged, on a plain channel."""
    channel = grpc.insecure_channel(secrets_address, options=[("grpc.enable_http_proxy", 0)])
    library: Any = secretmanager_v1  # it carries no types
    client = library.SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
    yield client
    client.transport.close()


@pytest.fixture
def secrets_project() -> str:
    return f"demo-{uuid.uuid4().hex[:12]}"
