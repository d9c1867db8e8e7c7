"""Fixtures: the functions that people come to, deployed on this machine, and somebody who does.

Taken with `pytest_plugins = ["tests.functions.deployment"]`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from sandbox.tasks.child import Addresses
from tests.functions.deployed import (
    CALLBACK,
    ONE,
    Account,
    Deployment,
    Front,
    Secrets,
    account,
    fill,
    function,
    practitioner,
    settings,
)
from tests.servers import server
from tests.tasks import Control, tasks_client

pytest_plugins = ["tests.cloud_tasks", "tests.firestores", "tests.secrets_servers"]


@pytest.fixture(scope="session")
def deployment(
    tasks_addresses: Addresses,
    sandbox_firestore: str,
    secrets_address: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    project = f"demo-{uuid.uuid4().hex[:12]}"
    channel = grpc.insecure_channel(secrets_address, options=[("grpc.enable_http_proxy", 0)])
    library: Any = secretmanager_v1  # it carries no types
    transport: Any = SecretManagerServiceGrpcTransport(channel=channel)
    secrets = Secrets(library.SecretManagerServiceClient(transport=transport), project)
    tasks = tasks_client(tasks_addresses.grpc)
    clock_file = tmp_path_factory.mktemp("clock") / "clock"
    with (
        server("sandbox.google", "--redirect-uri", CALLBACK) as google,
        server("sandbox.ehr", "--practice", ONE) as ehr,
    ):
        made = Deployment(google, ehr, secrets, clock_file, tasks)
        made.pass_time()
        fill(made)
        given = settings(made, project, tasks_addresses, sandbox_firestore, secrets_address)
        made.environment = {f"CALSYNC_{name}": value for name, value in given.items()}
        with pytest.MonkeyPatch.context() as environment:  # read once, when a function is loaded
            for name, value in made.environment.items():
                environment.setenv(name, value)
            made.callback, made.api = function("oauth_callback"), function("settings_api")
        yield made
    tasks.transport.close()
    transport.close()


@pytest.fixture
def front(deployment: Deployment, control: Control) -> Iterator[Front]:
    """Somebody new, of practice one, in Denver."""
    control.stand_at(datetime.now(UTC) + timedelta(seconds=deployment.ahead))  # it takes no task of next year
    deployment.empty_queues()
    yield Front(deployment, practitioner(deployment, "America/Denver"))
    for address in (deployment.google, deployment.ehr):
        deployment.control(address, "DELETE", "faults")
    deployment.control(deployment.google, "DELETE", "consents")


@pytest.fixture
def google_account(deployment: Deployment) -> Account:
    return account(deployment)
