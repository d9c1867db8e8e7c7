"""One prepared Terraform for all tests of it in a process."""

from __future__ import annotations

import os

import pytest

from tests.deploy.terraforming import Terraform, prepared


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    shared = tmp_path_factory.getbasetemp()
    lock = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "terraform.lock"
    return prepared(tmp_path_factory.mktemp("terraform"), lock)
