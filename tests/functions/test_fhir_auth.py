"""A practice whose EHR wants signed assertions, through the deployed function."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.fhir_clients import OF_EC, OF_RSA, WITH_KEYS
from tests.functions.deployed import TWO, Account, Deployment, Front, practitioner

pytest_plugins = ["tests.functions.deployment"]

SECRETS_LIVE_SECONDS = 301
ZONE = "Europe/Vienna"


@pytest.fixture
def signing(deployment: Deployment) -> Iterator[Front]:
    """Somebody of practice two, whose secret has keys in the place of a token for as long."""
    keys = [{"kid": key.kid, "private_key": key.pem} for key in (OF_EC, OF_RSA)]
    auth = {"mode": "private_key_jwt", "client_id": "two", "keys": keys}
    use(deployment, deployment.practice(TWO, fhir_token=None, fhir_auth=auth))
    yield Front(deployment, practitioner(deployment, ZONE), TWO)
    use(deployment, deployment.practice(TWO))


def use(deployment: Deployment, secret: str) -> None:
    deployment.secrets.put(f"practice-{TWO}", secret)
    deployment.pass_time(SECRETS_LIVE_SECONDS)


def test_a_practice_with_signed_assertions_is_connected(
    deployment: Deployment, signing: Front, google_account: Account
) -> None:
    deployment.control(deployment.ehr, "POST", "auth/clients", client_id="two", **WITH_KEYS)
    signing.connect(google_account)
    assert signing.get("/settings")["time_zone"] == ZONE  # the EHR was asked for it
    asked = deployment.control(deployment.ehr, "GET", "auth/requests")
    assert [each["status"] for each in asked] == [200]
