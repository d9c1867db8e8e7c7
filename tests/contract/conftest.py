from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from sandbox.ehr.fhir import Settings as StoreSettings
from tests.contract.ehr_worlds import DAY, ModelWorld, ServerWorld, World, add_practitioner
from tests.fakes.clock import START
from tests.servers import server


@pytest.fixture(scope="session")
def ehr_server() -> Iterator[str]:
    with server("sandbox.ehr", "--now", START.isoformat()) as address:
        yield address


@pytest.fixture
def wire(ehr_server: str) -> Iterator[ServerWorld]:
    """The real adapter on a server whose faults and settings are back to none afterwards."""
    world = ServerWorld(ehr_server)
    world.advance(DAY.total_seconds())
    yield world
    world.close()
    world.control("DELETE", "faults")
    world.settings(**asdict(StoreSettings()))


@pytest.fixture(params=["model", "server"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "model":
        return ModelWorld()
    found: World = request.getfixturevalue("wire")
    return found


@pytest.fixture
def robin(world: World) -> str:
    return add_practitioner(world)


@pytest.fixture
def patient(world: World) -> str:
    return str(
        world.staff("register_patient", family="Mustermann", given=["Erika"], internal_id="C-1001")["id"]
    )
