"""ID tokens of the service account that a function runs as, from a metadata server on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from google.auth.compute_engine import _metadata

from sandbox.oidc import Identity, Issuer
from shared.adapters.clock import SystemClock
from shared.adapters.fhir import (
    FhirEhr,
    HttpExchange,
    google_oidc,
)
from shared.core.errors import RetryableError
from tests.adapters.fhir_clients import write_and_read
from tests.fakes.clock import FakeClock
from tests.fakes.ehr import SETTINGS
from tests.receiver import Received, Receiver, Reply, receiver
from tests.servers import server

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
AUDIENCE, EMAIL = "https://ehr.example", "sync@demo-calsync.example"


class MetadataServer:
    """What a function finds at its metadata server."""

    def __init__(self, listening: Receiver, issuer: Issuer) -> None:
        self.host = listening.url.removeprefix("http://")
        self.identity: Callable[[], Reply] = lambda: Reply(
            body=issuer.token(Identity(EMAIL, AUDIENCE)).encode(), headers={"Content-Type": "text/html"}
        )
        self.there = True
        self.asked = 0
        listening.reply = self._reply

    def _reply(self, request: Received) -> Reply:
        flavor = {"Metadata-Flavor": "Google"}
        if not self.there or request.headers.get("metadata-flavor") != "Google":
            return Reply(404)
        path, _, query = request.path.partition("?")
        if path == "/":
            return Reply(headers=flavor)
        if path == "/computeMetadata/v1/instance/service-accounts/default/":
            account = json.dumps({"email": EMAIL, "aliases": ["default"], "scopes": []}).encode()
            return Reply(body=account, headers={**flavor, "Content-Type": "application/json"})
        assert path == "/computeMetadata/v1/instance/service-accounts/default/identity"
        assert parse_qs(query)["audience"] == [AUDIENCE]
        self.asked += 1
        return self.identity()


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def metadata(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataServer]:
    with receiver() as listening:
        made = MetadataServer(listening, issuer)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setenv("GCE_METADATA_IP", made.host)
        monkeypatch.setenv("GCE_METADATA_HOST", made.host)
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", made.host)  # it was read when it was imported
        yield made


def test_the_service_account_of_a_function_writes_and_reads(metadata: MetadataServer, issuer: Issuer) -> None:
    """In a process of its own, which has the metadata server's address from its environment alone."""
    with server("sandbox.ehr") as address:
        trusted = {"audience": AUDIENCE, "email": EMAIL, "certs": issuer.certs()}
        assert requests.post(f"{address}/control/auth/google", json=trusted, timeout=10).ok
        command = [sys.executable, "-m", "tests.adapters.test_fhir_google_identity", f"{address}/fhir"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "Dentist\n"), ended.stderr[-2_000:]
    assert metadata.asked == 1


def main(base: str) -> None:
    exchange = HttpExchange(base, google_oidc(AUDIENCE, SystemClock()))
    sys.stdout.write(f"{write_and_read(FhirEhr(exchange, SETTINGS))}\n")
    exchange.close()


def test_an_id_token_is_kept_until_shortly_before_its_own_end(metadata: MetadataServer) -> None:
    asked: list[Reply] = []
    give = metadata.identity

    def identity() -> Reply:
        asked.append(give())
        return asked[-1]

    metadata.identity = identity
    clock = FakeClock(datetime.now(UTC) + timedelta(seconds=3600 - 600))  # it is ten minutes from its end
    authorization = google_oidc(AUDIENCE, clock)
    first = authorization()
    assert first == f"Bearer {asked[0].body.decode()}"
    clock.advance(500)
    assert authorization() == first
    clock.advance(75)
    authorization()
    assert len(asked) == 2
    clock.advance(60)
    with pytest.raises(RetryableError, match="ehr_token_expired"):
        authorization()


@pytest.mark.parametrize(
    "identity",
    [
        Reply(403, b"no"),
        Reply(404),
        Reply(200, b"no token", {"Content-Type": "text/html"}),
        Reply(200, b"e30.e30.", {"Content-Type": "text/html"}),
    ],
)
def test_without_an_id_token_it_is_tried_later(metadata: MetadataServer, identity: Reply) -> None:
    metadata.identity = lambda: identity
    with pytest.raises(RetryableError, match=r"^ehr_identity_unavailable$") as caught:
        google_oidc(AUDIENCE, SystemClock())()
    assert caught.value.__context__ is None


def test_without_a_metadata_server_it_is_tried_later(metadata: MetadataServer) -> None:
    metadata.there = False
    with pytest.raises(RetryableError, match=r"^ehr_identity_unavailable$"):
        google_oidc(AUDIENCE, SystemClock())()


if __name__ == "__main__":
    main(sys.argv[1])
