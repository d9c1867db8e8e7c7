"""`sync_task` as it is deployed: its own process under the framework, called by the queue, on this machine.

Prints what it saw as JSON. A process of its own: its end closes all connections.
"""

from __future__ import annotations

import json
import os
from typing import Any
from zoneinfo import ZoneInfo

import requests

from sandbox.connected import connected
from sandbox.controls import Account, GoogleSandbox, PractitionerSeed
from sandbox.deployment.deployment import Deployment, deployed
from sandbox.deployment.plan import Plan, Server
from shared.adapters.sealing import Sealer
from shared.app.grants import Purpose, StoredGrant, bound_to, grant_data, grant_path
from shared.app.jobs import CalendarTask, FeedTask, Job, arriving
from shared.app.records import Connection, calendar_of, calendar_path
from shared.core.policy import ConnectionSettings
from shared.core.signing import KeyRing
from shared.ports import Put, Queue
from shared.settings import Function, SecretName, load
from shared.wiring import Wiring
from tests.eventually import eventually

PLAN = Plan(
    practice="one",
    parts=(Server.GOOGLE, Server.EHR, Server.TASKS, Server.SECRETS, Server.STORE, Function.SYNC_TASK),
    settings={"PUSH_URL": ""},
    switched_on=False,
)


def main() -> None:
    with deployed(PLAN) as deployment:
        wiring = Wiring(load(Function.SYNC_TASK, deployment.environment(Function.SYNC_TASK)))
        print(json.dumps(story(deployment, wiring)))


def story(deployment: Deployment, wiring: Wiring) -> dict[str, Any]:
    google, ehr = deployment.google, deployment.ehr
    today = wiring.clock.now().date().isoformat()
    [practitioner, *_], _patients = ehr.seed(today=today, seed=1, appointments=60)
    account = google.add_account("practitioner@example.com", practitioner.zone, "Practitioner")
    connection = connect(wiring, deployment.secrets[SecretName.TOKEN_KEYS], practitioner, account)
    run(wiring, CalendarTask(connection.calendar_key, queue=Queue.BULK))
    eventually(lambda: at_rest(wiring, connection), "the first sync is over")
    calendar = record(wiring, connection).calendar_id
    assert calendar is not None
    mine = [
        row for row in ehr.appointments() if practitioner.id in json.dumps(row) and row["status"] == "booked"
    ]
    ahead = [row for row in mine if row["start"] > wiring.clock.now().isoformat()]
    row = max(ahead, key=lambda each: str(each["start"]))
    ehr.staff("cancel", appointment=row["id"])
    before = live(google, calendar)
    run(wiring, FeedTask(PLAN.practice))
    eventually(lambda: live(google, calendar) == before - 1, "the event is gone")
    forged = requests.post(deployment.at.functions[Function.SYNC_TASK], json={}, timeout=10)
    return {"synced": before, "after_a_cancellation": live(google, calendar), "forged": forged.status_code}


def connect(wiring: Wiring, token_key: str, practitioner: PractitionerSeed, account: Account) -> Connection:
    """A connection with its grant, as a consent leaves them."""
    world = wiring.world()
    zone = ZoneInfo(practitioner.zone)
    chosen = ConnectionSettings(start_from=world.clock.now().astimezone(zone).date(), zone=zone)
    connection = connected(
        world,
        practice=PLAN.practice,
        practitioner=practitioner.id,
        sub=account.sub,
        calendar_name="Appointments",
        settings=chosen,
    )
    sealer = Sealer(KeyRing.of([token_key.encode()]), os.urandom)
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


if __name__ == "__main__":
    main()
