"""One server for the tests of a worker; every test has accounts of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from sandbox.google import fields
from tests.sandbox.google.checked import CheckedHttp
from tests.sandbox.google.schema import answer_problems, schema_of
from tests.servers import server

Json = dict[str, Any]

TIMEOUT_SECONDS = 10
NUMBERS = itertools.count()


class Sandbox:
    """The running server as a test uses it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._clients: list[Any] = []

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Status, headers and body (parsed when it is JSON) of one request on a connection of its own."""
        http = httplib2.Http(timeout=TIMEOUT_SECONDS)
        text = body if isinstance(body, str | None) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            response, content = http.request(self.address + path, method, text, named)
        finally:
            http.close()
        try:
            return response.status, response, json.loads(content)
        except ValueError:
            return response.status, response, content.decode()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        status, _, answer = self.request(method, f"/control/{path}", body)
        assert status == 200, answer
        return answer

    def fault(self, operation: str, **more: Any) -> None:
        self.control("POST", "faults", {"operation": operation, **more})

    def account(self, **more: Any) -> Json:
        """A new account, and what is needed to sign in as it."""
        email = f"anna{next(NUMBERS)}@example.com"
        return dict(self.control("POST", "accounts", {"email": email, "time_zone": "Europe/Berlin", **more}))

    def user(self, account: Json, action: str, /, **arguments: Any) -> Any:
        return self.control("POST", "user", {"sub": account["sub"], "action": action, **arguments})

    def credentials(self, account: Json) -> Any:
        return Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=account["refresh_token"],
            token_uri=self.address + "/token",
            client_id=account["client_id"],
            client_secret=account["client_secret"],
        )

    def client(self, account: Json, http: CheckedHttp | None = None) -> Any:
        """Google's own client, unchanged, on a connection that checks what passes."""
        http = AuthorizedHttp(self.credentials(account), http or CheckedHttp(TIMEOUT_SECONDS))
        options = {"api_endpoint": self.address + "/calendar/v3/"}
        client = build("calendar", "v3", http=http, client_options=options, static_discovery=True)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()

    def bearer(self, account: Json) -> str:
        """The value of an Authorization header."""
        form = (
            f"grant_type=refresh_token&refresh_token={account['refresh_token']}"
            f"&client_id={account['client_id']}&client_secret={account['client_secret']}"
        )
        status, _, answer = self.request("POST", "/token", form)
        assert status == 200, answer
        return f"Bearer {answer['access_token']}"

    def requests(self, account: Json) -> list[Json]:
        """What was asked in this account's name."""
        asked = self.control("GET", "requests")["requests"]
        return [entry for entry in asked if entry["sub"] == account["sub"]]


@pytest.fixture(autouse=True)
def checked_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the model answers, to whichever test, is what Google's description says."""
    answer = fields.answer

    def checked(value: Json, kind: str, query: Mapping[str, Any]) -> Json:
        answered = answer(value, kind, query)
        assert answer_problems(schema_of(kind), answered) == []
        return answered

    monkeypatch.setattr(fields, "answer", checked)


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with server("sandbox.google", "--now", "2026-03-02T09:00:00Z", "--seed", "7") as address:
        yield Sandbox(address)


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The server without faults, its pages as they are asked for."""
    settings = running.control("GET", "settings")
    running.control("POST", "settings", {"empty_page_chance": 0, "short_page_chance": 0})
    yield running
    running.close()
    running.control("DELETE", "faults")
    running.control("POST", "settings", settings)


def refused(request: Any) -> tuple[int, str, Json]:
    """Status, first legacy reason and whole error of the HttpError an API request must meet."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    error = json.loads(caught.value.content)["error"]
    assert error["code"] == caught.value.status_code
    return caught.value.status_code, error["errors"][0]["reason"], error
