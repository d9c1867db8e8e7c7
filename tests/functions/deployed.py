"""`settings_api` and `oauth_callback` as they are deployed, on this machine: their settings and secrets, a
Google, an EHR, a store and queues; and who calls them, the EHR's front end and people's browsers.

The functions run in the test's own process. Their fixtures are in `tests/functions/deployment.py`.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from functions_framework import create_app

from sandbox.ehr import urls
from sandbox.ehr.identity import ISSUER
from sandbox.ehr.server import TOKEN
from sandbox.google.grants import CLIENT_ID, CLIENT_SECRET
from sandbox.tasks.child import Addresses
from shared.api.openapi import codes_of
from shared.api.routing import template_of
from shared.api.table import ENDPOINTS
from shared.ports import Put

ROOT = Path(__file__).parents[2]
CALLBACK = "https://calsync.example/oauth/callback"
SYNC = "/v1/practitioners/{}/sync"
ONE, TWO, BROKEN, UNSERVED = "one", "two", "broken", "unserved"
NUMBERLESS = "numberless"
"""A practice that has no numbers for its clients."""
STATE_KEY = "a state key of at least 32 bytes .."
TIMEOUT_SECONDS = 20

Json = dict[str, Any]


def origin(practice: str) -> str:
    return f"https://{practice}.ehr.example"


def return_page(practice: str) -> str:
    return f"{origin(practice)}/app/calendar-connected"


# --- what is deployed -----------------------------------------------------------------------------------


@dataclass
class Secrets:
    """The project's secrets."""

    client: Any
    project: str

    def put(self, name: str, value: str) -> None:
        """A new version of it."""
        parent = f"projects/{self.project}"
        secret: Json = {"replication": {"automatic": {}}}
        known = [each.name for each in self.client.list_secrets(parent=parent)]
        if f"{parent}/secrets/{name}" not in known:
            self.client.create_secret(request={"parent": parent, "secret_id": name, "secret": secret})
        version = {"parent": f"{parent}/secrets/{name}", "payload": {"data": value.encode()}}
        self.client.add_secret_version(request=version)


@dataclass
class Deployment:
    google: str
    ehr: str
    secrets: Secrets
    clock_file: Path
    tasks: Any
    """Google's client of the queues."""
    api: Any = None
    callback: Any = None
    ahead: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the functions were loaded with."""

    def practice(self, key: str, **other: object) -> str:
        """The secret of a practice."""
        return json.dumps(
            {
                "fhir_base": f"{self.ehr}/fhir",
                "fhir_token": TOKEN,
                "system": "https://calsync.example",
                "internal_id_system": urls.INTERNAL_ID,
                "time_zone_extension": urls.TIME_ZONE,
                "protected_extension": urls.DELETION_PROTECTED,
                "jwt_issuer": ISSUER,
                "jwt_audience": f"calsync:{key}",
                "jwks_url": f"{self.ehr}/jwks",
                "origins": [origin(key)],
                "return_page": return_page(key),
                **other,
            }
        )

    def control(self, at: str, method: str, path: str, **data: Any) -> Any:
        answer = requests.request(method, f"{at}/control/{path}", json=data, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def pass_time(self, seconds: int = 0) -> None:
        """For the functions and both sides; it never goes back, for what they keep has its times."""
        self.ahead += seconds
        new = self.clock_file.with_suffix(".new")
        new.write_text(f"+{self.ahead}")
        new.replace(self.clock_file)
        now = datetime.now(UTC) + timedelta(seconds=self.ahead)
        self.control(self.ehr, "PUT", "clock", now=now.isoformat())
        self.control(self.google, "PUT", "clock", offset_seconds=self.ahead)

    def waiting(self, queue: str) -> list[Json]:
        """The bodies of the tasks that wait in a queue."""
        parent = f"projects/{self.secrets.project}/locations/here/queues/{queue}"
        found = self.tasks.list_tasks(request={"parent": parent, "response_view": "FULL"})
        return [json.loads(task.http_request.body) for task in found]

    def empty_queues(self) -> None:
        for queue in ("live", "bulk"):
            parent = f"projects/{self.secrets.project}/locations/here/queues/{queue}"
            for task in self.tasks.list_tasks(request={"parent": parent}):
                self.tasks.delete_task(name=task.name)


_KEPT: list[object] = []
"""What a function has open is closed with the process, not when a fixture ends."""


def fill(made: Deployment) -> None:
    """The project's secrets and queues."""
    held = {
        "identity-key": "an identity key for tests",
        "token-keys": "32 bytes seal the refresh tokens",
        "state-keys": STATE_KEY,
        "google-oauth-client": json.dumps({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}),
        f"practice-{BROKEN}": '{"fhir_base": "a secret text"}',
        **{f"practice-{key}": made.practice(key) for key in (ONE, TWO, UNSERVED)},
        f"practice-{NUMBERLESS}": made.practice(NUMBERLESS, internal_id_system=None),
    }
    for name, value in held.items():
        made.secrets.put(name, value)
    location = f"projects/{made.secrets.project}/locations/here"
    for queue in ("live", "bulk"):
        made.tasks.create_queue(parent=location, queue={"name": f"{location}/queues/{queue}"})


def settings(made: Deployment, project: str, tasks: Addresses, store: str, secrets: str) -> Mapping[str, str]:
    return {
        "PROJECT": project,
        "PRACTICES": f"{ONE},{TWO},{NUMBERLESS},{BROKEN}",
        "TASKS_LOCATION": "here",
        "SYNC_TASK_URL": "http://127.0.0.1:9/run",
        "TASKS_AUDIENCE": "sync-task",
        "TASKS_INVOKER": "invoker@demo.example",
        "TASKS_HOST": tasks.grpc,
        "SECRETS_HOST": secrets,
        "FIRESTORE_HOST": store,
        "CLOCK_FILE": str(made.clock_file),
        "OAUTH_REDIRECT_URL": CALLBACK,
        "GOOGLE_API_URL": f"{made.google}/calendar/v3/",
        "GOOGLE_TOKEN_URL": f"{made.google}/token",
        "GOOGLE_AUTH_URL": f"{made.google}/o/oauth2/v2/auth",
        "GOOGLE_JWKS_URL": f"{made.google}/oauth2/v3/certs",
        "GOOGLE_REVOKE_URL": f"{made.google}/revoke",
    }


def function(name: str) -> Any:
    """A client of the function under the framework."""
    app = create_app("main", str(ROOT / "functions" / name / "main.py"))  # type: ignore[no-untyped-call]
    _KEPT.append((app, sys.modules["main"]))
    return app.test_client()


def wiring() -> Any:
    """That of settings_api."""
    functions: Any = _KEPT
    return next(module.API._wiring for _, module in functions if hasattr(module, "API"))


def grows_old(path: str, days: int) -> None:
    """One stored document, by so many days; the clock is shared by all that use the deployment."""
    documents = wiring().documents
    stored = documents.get(path)[path].data
    older = {
        name: value - timedelta(days=days) if isinstance(value, datetime) else value
        for name, value in stored.items()
    }
    documents.commit([Put(path, older)])


def connection_key(front: Front) -> str:
    return str(wiring().world().keys.connection(front.practice, front.practitioner))


# --- who calls ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """Somebody's account at Google."""

    sub: str
    email: str


class Front:
    """One practitioner at the EHR's front end, and their browser."""

    def __init__(self, deployment: Deployment, practitioner: str, practice: str = ONE) -> None:
        self.deployment = deployment
        self.practitioner = practitioner
        self.practice = practice

    def token(self, **claims: object) -> str:
        asked = {"practitioner": self.practitioner, "practice": self.practice, **claims}
        return str(self.deployment.control(self.deployment.ehr, "POST", "token", **asked)["token"])

    def call(
        self, method: str, rest: str = "", body: object = None, *, token: str | None = None, **headers: str
    ) -> Any:
        """`rest`: what follows the path of their sync; `token`: another than their own."""
        authorization = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"{SYNC.format(self.practitioner)}{rest}"
        content = {} if body is None else {"json": body}
        answer = self.deployment.api.open(path, method=method, headers={**authorization, **given}, **content)
        check_documented(method, path, answer)
        return answer

    def get(self, rest: str = "") -> Any:
        answer = self.call("GET", rest)
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()

    def post(self, rest: str, body: object = None) -> Any:
        answer = self.call("POST", rest, body)
        assert answer.status_code in (200, 202), answer.get_json()
        return answer.get_json()

    def refused(
        self, method: str, rest: str, body: object = None, *, token: str | None = None
    ) -> tuple[int, str]:
        """Status and code."""
        answer = self.call(method, rest, body, token=token)
        return answer.status_code, answer.get_json()["code"]

    @property
    def status(self) -> str:
        return str(self.get()["status"])

    # --- the browser ------------------------------------------------------------------------------------

    def consent(self, account: Account | None = None, **decision: object) -> dict[str, str]:
        """Ask for the page, answer it; the query with which Google sends the browser back."""
        laid_down = {"sub": account.sub} if account else {}
        google = self.deployment.google
        self.deployment.control(google, "POST", "consents", **laid_down, **decision)
        answer = requests.get(self.post("/connect")["url"], timeout=TIMEOUT_SECONDS, allow_redirects=False)
        address = urlsplit(answer.headers["location"])
        assert answer.headers["location"].startswith(f"{CALLBACK}?")
        return dict(parse_qsl(address.query))

    def come_back(self, query: Mapping[str, str]) -> Any:
        return self.deployment.callback.get("/", query_string=query)

    def code(self, account: Account, **decision: object) -> str:
        """The one-time code of a consent."""
        return sent_on(self.come_back(self.consent(account, **decision)))["code"]

    def connect(self, account: Account, **decision: object) -> Json:
        answer: Json = self.post("/connect/complete", {"code": self.code(account, **decision)})
        return answer

    def started(self, account: Account) -> Front:
        self.connect(account)
        self.post("/start")
        self.deployment.empty_queues()
        self.deployment.pass_time(2)  # what is asked for in the same second is the same task
        return self


def check_documented(method: str, path: str, answer: Any) -> None:
    """A problem is one of those that the endpoint is said to answer."""
    template = template_of(ENDPOINTS, path.partition("?")[0])
    endpoint = ENDPOINTS[template].get(method) if template else None
    if template and endpoint and answer.mimetype == "application/problem+json":
        assert answer.get_json()["code"] in codes_of(template, endpoint), f"{method} {template}"


def sent_on(answer: Any) -> dict[str, str]:
    """The query with which a browser comes to the EHR's page."""
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def practitioner(deployment: Deployment, zone: str | None = None, name: str = "Robin Musterfrau") -> str:
    extension = [{"url": urls.TIME_ZONE, "valueCode": zone}] if zone else []
    row = {"resourceType": "Practitioner", "name": [{"text": name}], "extension": extension}
    url, headers = f"{deployment.ehr}/fhir/Practitioner", {"Authorization": f"Bearer {TOKEN}"}
    return str(requests.post(url, json=row, headers=headers, timeout=TIMEOUT_SECONDS).json()["id"])


def account(deployment: Deployment, zone: str = "America/Denver", hosted_domain: str = "") -> Account:
    """`hosted_domain`: of its organization; "" where it has none."""
    email = f"{uuid.uuid4().hex[:12]}@{hosted_domain or 'example.com'}"
    about = {"email": email, "time_zone": zone, "hosted_domain": hosted_domain}
    made = deployment.control(deployment.google, "POST", "accounts", **about)
    deployment.control(deployment.google, "POST", "grants/revoke", sub=made["sub"])
    return Account(made["sub"], email)
