"""`sync_task` as it is deployed: its own process under the framework, called by the queue, on this machine.

Prints what it saw as JSON. A process of its own: its end closes all connections.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from google.cloud import tasks_v2

from sandbox.children import running, server
from sandbox.connected import connected
from sandbox.demo.controls import Account, EhrSandbox, GoogleSandbox, PractitionerSeed
from sandbox.ehr import urls
from sandbox.ehr.server import TOKEN
from sandbox.tasks.child import Addresses, tasks_server
from shared.adapters.clock import SystemClock
from shared.adapters.sealing import Sealer
from shared.app.grants import Purpose, StoredGrant, bound_to, grant_data, grant_path
from shared.app.jobs import CalendarTask, FeedTask, Job, arriving
from shared.app.records import Connection, calendar_of, calendar_path
from shared.core.policy import ConnectionSettings
from shared.core.signing import KeyRing
from shared.ports import Put, Queue
from shared.settings import Function, load
from shared.wiring import Wiring
from tests.tasks import tasks_client

ROOT = Path(__file__).resolve().parents[2]
PROJECT, PRACTICE, LOCATION = "demo-queue", "one", "projects/demo-queue/locations/here"
TOKEN_KEY = "32 bytes seal the refresh tokens"
WAIT_SECONDS = 60.0


def main() -> None:
    with contextlib.ExitStack() as stack:
        google = GoogleSandbox(stack.enter_context(server("sandbox.google")))
        ehr = EhrSandbox(stack.enter_context(server("sandbox.ehr")))
        store = stack.enter_context(server("sandbox.firestore"))
        tasks = stack.enter_context(tasks_server())
        clock = SystemClock()
        today = clock.now().date().isoformat()
        [practitioner, *_], _patients = ehr.seed(today=today, seed=1, appointments=60)
        account = google.add_account("practitioner@example.com", practitioner.zone, "Practitioner")
        secrets = stack.enter_context(secrets_server(ehr, account))
        port = free_port()
        environment = settings(google, store, tasks, secrets, port)
        stack.enter_context(function(environment, port))
        wiring = Wiring(load(Function.SYNC_TASK, environment), clock)
        print(json.dumps(story(wiring, google, ehr, tasks, practitioner, account, port)))


def story(
    wiring: Wiring,
    google: GoogleSandbox,
    ehr: EhrSandbox,
    tasks: Addresses,
    practitioner: PractitionerSeed,
    account: Account,
    port: int,
) -> dict[str, Any]:
    for queue in ("live", "bulk"):
        name = f"{LOCATION}/queues/{queue}"
        tasks_client(tasks.grpc).create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=name))
    connection = connect(wiring, practitioner, account)
    run(wiring, CalendarTask(connection.calendar_key, queue=Queue.BULK))
    wait(lambda: at_rest(wiring, connection))
    calendar = record(wiring, connection).calendar_id
    assert calendar is not None
    mine = [
        row for row in ehr.appointments() if practitioner.id in json.dumps(row) and row["status"] == "booked"
    ]
    ahead = [row for row in mine if row["start"] > wiring.world().clock.now().isoformat()]
    row = max(ahead, key=lambda each: str(each["start"]))
    ehr.staff("cancel", appointment=row["id"])
    before = live(google, calendar)
    run(wiring, FeedTask(PRACTICE))
    wait(lambda: live(google, calendar) == before - 1)
    forged = requests.post(f"http://127.0.0.1:{port}", json={}, timeout=10)
    return {"synced": before, "after_a_cancellation": live(google, calendar), "forged": forged.status_code}


def connect(wiring: Wiring, practitioner: PractitionerSeed, account: Account) -> Connection:
    """A connection with its grant, as a consent leaves them."""
    world = wiring.world()
    zone = ZoneInfo(practitioner.zone)
    chosen = ConnectionSettings(start_from=world.clock.now().astimezone(zone).date(), zone=zone)
    connection = connected(
        world,
        practice=PRACTICE,
        practitioner=practitioner.id,
        sub=account.sub,
        calendar_name="Appointments",
        settings=chosen,
    )
    sealer = Sealer(KeyRing.of([TOKEN_KEY.encode()]), os.urandom)
    sealed = sealer.seal(account.refresh_token, bound_to(Purpose.GRANT_TOKEN, connection.key))
    grant = StoredGrant(account.sub, sealed, "", frozenset(), 1)
    world.documents.commit([Put(grant_path(connection.key), grant_data(grant))])
    return connection


def run(wiring: Wiring, job: Job) -> None:
    wiring.tasks.enqueue(arriving(job, wiring.world().clock.now()))


def record(wiring: Wiring, connection: Connection) -> Any:
    path = calendar_path(connection.calendar_key)
    return calendar_of(wiring.documents.get(path)[path])


def at_rest(wiring: Wiring, connection: Connection) -> bool:
    calendar = record(wiring, connection)
    return bool(calendar.usable_cursor) and calendar.retry_at is None and calendar.lease is None


def live(google: GoogleSandbox, calendar: str) -> int:
    return sum(event["status"] != "cancelled" for event in google.events(calendar))


def wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come to pass")
        time.sleep(0.05)


# --- the machine ----------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def secrets_server(ehr: EhrSandbox, account: Account) -> Iterator[str]:
    practice = {
        "fhir_base": f"{ehr.url}/fhir",
        "fhir_token": TOKEN,
        "system": "https://calsync.example",
        "internal_id_system": urls.INTERNAL_ID,
        "time_zone_extension": urls.TIME_ZONE,
        "protected_extension": urls.DELETION_PROTECTED,
    }
    client = {"client_id": account.client_id, "client_secret": account.client_secret}
    held = {
        "identity-key": "an identity key for tests",
        "token-keys": TOKEN_KEY,
        "google-oauth-client": json.dumps(client),
        f"practice-{PRACTICE}": json.dumps(practice),
    }
    named = {f"projects/{PROJECT}/secrets/{name}": value for name, value in held.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(named, file)
        file.flush()
        with server("sandbox.secrets", "--secrets", file.name) as address:
            yield address


def settings(google: GoogleSandbox, store: str, tasks: Addresses, secrets: str, port: int) -> dict[str, str]:
    given = {
        "PROJECT": PROJECT,
        "PRACTICES": PRACTICE,
        "TASKS_LOCATION": "here",
        "SYNC_TASK_URL": f"http://127.0.0.1:{port}/run",
        "TASKS_AUDIENCE": "sync-task",
        "TASKS_INVOKER": "invoker@demo.example",
        "TASKS_HOST": tasks.grpc,
        "SECRETS_HOST": secrets,
        "FIRESTORE_HOST": store,
        "GOOGLE_API_URL": f"{google.url}/calendar/v3/",
        "GOOGLE_TOKEN_URL": f"{google.url}/token",
        "OIDC_CERTS_URL": f"{tasks.control}/certs",
    }
    return {f"CALSYNC_{name}": value for name, value in given.items()}


@contextlib.contextmanager
def function(environment: dict[str, str], port: int) -> Iterator[None]:
    """`sync_task` under the framework, ready once it answers its health check."""
    source = ROOT / "functions" / "sync_task" / "main.py"
    framework = Path(sys.executable).parent / "functions-framework"
    command = [str(framework), "--source", str(source), "--target", "main", "--port", str(port)]
    path = {"PYTHONPATH": str(ROOT)}

    def ready(_output: str) -> bool | None:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1).ok or None
        return None

    with running(command, ready, env={**os.environ, **path, **environment}, cwd=ROOT):
        yield


if __name__ == "__main__":
    main()
