"""One deployment for the tests of a worker; each has people of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.deployment.deployment import Deployment, deployed
from sandbox.deployment.plan import Plan
from shared.clients import firestore
from shared.settings import Function, load
from tests.process.ehrs import DEMO, EVERY_KIND, KINDS, EhrKind, served
from tests.process.people import Practice

SETTINGS = {
    "LEASE_S": "10",  # a test may look on while a job is held; nobody waits for its end, the clock is moved
    "BUCKET_S": "0.2",
    "GOOGLE_UNITS_A_SECOND": "1000",  # the sandbox asks for no pace here, and nobody waits for it
    "LOOK_MINUTES": "1",
    "POLL_MINUTES": "1",
    "PRACTICES": ",".join(kind.name for kind in (DEMO, *KINDS, *EVERY_KIND)),
}


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    with deployed(Plan(tick_seconds=0, settings=SETTINGS)) as deployment:
        deployment.google.change(quota_units_a_minute=0)
        yield deployment


@pytest.fixture(scope="session")
def practice(deployment: Deployment) -> Iterator[Practice]:
    settings = load(Function.SYNC_TASK, deployment.environment(Function.SYNC_TASK))
    documents = firestore(settings)
    practice = Practice(deployment, documents)
    yield practice
    practice.close()
    documents.close()


@pytest.fixture
def elsewhere(
    deployment: Deployment, practice: Practice, request: pytest.FixtureRequest
) -> Iterator[Practice]:
    """Another practice of the deployment, by the kind of its EHR."""
    kind: EhrKind = request.param
    with served(deployment, kind) as ehr:
        found = Practice(deployment, practice.documents, kind, ehr)
        found.skip(0)
        yield found
        found.close()


@pytest.fixture(autouse=True)
def _left_running(practice: Practice) -> Iterator[None]:
    """A test that fails half-way leaves nothing behind that would fail the next."""
    yield
    for part, process in practice.deployment.processes.items():
        if not process.running:
            practice.deployment.start(part)
    for sandbox in (practice.google, practice.ehr, practice.tasks):
        sandbox.clear_faults()
    practice.tasks.change(paused=False, duplicates=False, reorder=False)
