"""Settings alone point the functions at other servers, on another host; nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import requests

from sandbox.demo.connecting import consent
from sandbox.demo.front_end import FrontEnd
from sandbox.demo.setting import Person
from sandbox.deployment.deployment import Deployment, deployed
from sandbox.deployment.plan import PROJECT, Plan, Server
from shared.adapters.firestore import FirestoreDocuments
from shared.core.policy import LabelMode
from shared.settings import PREFIX, Function, SecretName
from tests.eventually import eventually
from tests.loopback import OTHER, needs_other

ROOT = Path(__file__).resolve().parents[2]
HERE = Plan(parts=tuple(Server), tick_seconds=0)
THERE = Plan(
    host=OTHER,
    parts=(Server.GOOGLE, Server.EHR, Server.TASKS, Server.SECRETS, Server.STORE),
    switched_on=False,
)
POINTERS = (
    "FIRESTORE_HOST",
    "TASKS_HOST",
    "SECRETS_HOST",
    "GOOGLE_API_URL",
    "GOOGLE_TOKEN_URL",
    "GOOGLE_AUTH_URL",
    "GOOGLE_JWKS_URL",
    "GOOGLE_REVOKE_URL",
    "OIDC_CERTS_URL",
)
"""The EHR is not among them: it is in the practice's secret, which is there."""


@needs_other
def test_every_function_goes_where_its_settings_say_and_nowhere_else() -> None:
    """In a process of its own, whose end closes all connections."""
    command = [sys.executable, "-m", "tests.functions.test_elsewhere"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert (ended.returncode, ended.stdout) == (0, "all of it there\n"), ended.stderr[-3_000:]


def main() -> None:
    with deployed(HERE) as here, deployed(THERE) as there:
        point(here, there)
        for function in Function:
            here.processes[function].start()
        for function in Function:
            here.start(function)
        person = somebody(here, there)
        everything_works_there(here, there, person)
        nothing_stayed_behind(here)
    sys.stdout.write("all of it there\n")


def point(here: Deployment, there: Deployment) -> None:
    """The functions of `here` at what is there; who calls them still finds them."""
    for function in Function:
        given = there.environment(function)
        named = {name: given[f"{PREFIX}{name}"] for name in POINTERS if f"{PREFIX}{name}" in given}
        if function is Function.CHANNEL_RENEWER:  # it is called by the scheduler from here
            del named["OIDC_CERTS_URL"]
            named["LOOK_MINUTES"] = "1"
        here.configure(function, named)
    there.google.register(here.at.redirect)
    there.ehr.calls(here.at.functions[Function.SETTINGS_API])
    there.ehr.notify(here.at.hook("demo"), there.secrets[SecretName.hooks_of("demo")])


def somebody(here: Deployment, there: Deployment) -> Person:
    today = datetime.now(UTC).date().isoformat()
    [practitioner, *_], _ = there.ehr.seed(today=today, seed=1, appointments=60)
    account = there.google.add_account("somebody@example.com", practitioner.zone, practitioner.name)
    there.google.revoke_grants(account.sub)
    api = here.at.functions[Function.SETTINGS_API]
    return Person(practitioner, account, LabelMode.INTERNAL_ID, FrontEnd(api, there.ehr, practitioner.id))


def everything_works_there(here: Deployment, there: Deployment, person: Person) -> None:
    stranger = here.ehr.token(person.practitioner.id)  # by keys that are not those of the EHR there
    assert answered(person, stranger, "GET", "") == 401
    page = consent(there.at.ehr, person)  # settings_api and oauth_callback
    assert "somebody@example.com" in page.text, page.text
    person.front_end.start("Appointments")
    eventually(lambda: person.front_end.state()["status"] == "in_sync", "the first sync")  # sync_task
    before = heard(there, "rows-demo")
    mine = [row for row in there.ehr.appointments() if person.practitioner.id in str(row["participant"])]
    there.ehr.staff("cancel", appointment=next(row["id"] for row in mine if row["status"] == "booked"))
    eventually(lambda: heard(there, "rows-demo") > before, "the job of a hook")  # push_webhook
    assert here.scheduler.tick()["status"] == 204  # channel_renewer
    eventually(lambda: heard(there, "looks-"), "a look")
    assert documents(there)["grants"] == 1
    assert answered(person, there.ehr.token(person.practitioner.id), "POST", "/disconnect") == 200
    used = {request["operation"] for request in there.google.requests()}
    assert {"token", "calendars.insert", "events.insert", "events.watch", "channels.stop", "revoke"} <= used


def answered(person: Person, token: str, method: str, path: str) -> int:
    """The status of an endpoint."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, f"{person.front_end.url}{path}", headers=headers, timeout=60).status_code


def heard(there: Deployment, name: str) -> int:
    """How many tasks of that name were run."""
    return sum(name in attempt["name"] for attempt in there.tasks.attempts())


def nothing_stayed_behind(here: Deployment) -> None:
    assert here.google.requests() == []
    assert here.ehr.requests() == []
    assert (here.tasks.waiting(), here.tasks.attempts()) == ([], [])
    assert set(documents(here).values()) == {0}


def documents(deployment: Deployment) -> Mapping[str, int]:
    """How many the store holds, by collection."""
    store = FirestoreDocuments(PROJECT, host=deployment.at.store)
    collections = ("practices", "connections", "calendars", "accounts", "oauth_states", "grants")
    return {name: store.count(name) for name in collections}


if __name__ == "__main__":
    main()
