"""A notice on its whole way to the EHR: through secrets, queue and signature, as they are deployed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from shared.app.jobs import job_of, perform
from shared.app.renewals import renew
from shared.app.world import World
from shared.core.errors import BlockedError
from shared.settings import Function, load
from shared.wiring import Wiring
from tests.functions.deployed import ONE, TWO, UNSERVED, Deployment, Front
from tests.functions.practice_calls import as_admin

pytest_plugins = ["tests.functions.deployment"]

SECRET = "a synthetic secret of hooks"
MESSAGE = {"id": "n-1", "kind": "overlap", "practitioner": "7", "count": 1, "time": "2026-03-09T14:00:00Z"}


@pytest.fixture
def wiring(front: Front) -> Iterator[Wiring]:
    """The EHR takes notices of practice one."""
    deployment = front.deployment
    ehr = deployment.ehr
    deployment.control(ehr, "POST", "notices", secret=SECRET, status=204)
    deployment.control(ehr, "DELETE", "notices")
    deployment.secrets.put(f"practice-{ONE}", deployment.practice(ONE, notice_url=f"{ehr}/notices"))
    deployment.secrets.put(f"practice-{ONE}-hooks", SECRET)
    yield Wiring(load(Function.SETTINGS_API, deployment.environment))
    deployment.secrets.put(f"practice-{ONE}", deployment.practice(ONE))


def told(deployment: Deployment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = deployment.control(deployment.ehr, "GET", "notices")
    return found


def tell(world: World, practice: str) -> bool:
    assert world.tell is not None
    return world.tell(practice, MESSAGE)


def test_the_ehr_is_told_whom_somebody_has_invited(front: Front, wiring: Wiring) -> None:
    deployment = front.deployment
    as_admin(front, "POST", "/v1/invites", {"practitioner": front.practitioner})
    for _ in range(2):
        renew(wiring.documents, wiring.tasks, wiring.clock.now(), frozenset())
    jobs = [job_of(body) for body in deployment.waiting("live") if body["kind"] == "notice"]
    for job in jobs * 2:
        perform(wiring.world(), wiring.tasks, job)
    [notice] = [each for each in told(deployment) if each["message"]["practitioner"] == front.practitioner]
    assert (notice["status"], notice["repeated"]) == (204, False)
    assert (notice["message"]["kind"], notice["message"]["count"]) == ("invited", 1)


def test_a_practice_without_an_address_is_not_told(wiring: Wiring) -> None:
    assert tell(wiring.world(), ONE)
    assert not tell(wiring.world(), TWO)


def test_what_is_not_signed_by_it_the_ehr_refuses(front: Front, wiring: Wiring) -> None:
    deployment = front.deployment
    deployment.control(deployment.ehr, "POST", "notices", secret="another one altogether")
    del wiring
    answer = requests.post(f"{deployment.ehr}/notices", json=MESSAGE, timeout=10)
    assert (answer.status_code, told(deployment)) == (401, [])


@pytest.mark.parametrize("practice", [UNSERVED, "nobody"])
def test_nobody_is_told_of_what_is_not_served(wiring: Wiring, practice: str) -> None:
    with pytest.raises(BlockedError, match=r"^practice_not_served$"):
        tell(wiring.world(), practice)


@pytest.mark.parametrize("secret", ["short", '{"sns": {"topics": []}}'])
def test_without_a_secret_that_signs_nothing_is_told(front: Front, wiring: Wiring, secret: str) -> None:
    deployment = front.deployment
    address = f"{deployment.ehr}/notices"
    deployment.secrets.put("practice-two", deployment.practice(TWO, notice_url=address))
    deployment.secrets.put("practice-two-hooks", secret)
    fresh = Wiring(wiring.settings)
    with pytest.raises(BlockedError, match=r"^hooks_secret_missing$"):
        tell(fresh.world(), TWO)
    deployment.secrets.put("practice-two", deployment.practice(TWO))
    assert told(deployment) == []
