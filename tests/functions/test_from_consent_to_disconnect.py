"""A practitioner's whole way, through every function as a process of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from sandbox.controls import Account, PractitionerSeed
from sandbox.deployment.deployment import Deployment, deployed
from sandbox.deployment.plan import Plan
from shared.settings import Function
from tests.eventually import eventually

TIMEOUT_SECONDS = 30


class Browser:
    """A practitioner's: signed in at the EHR, whose front end calls for them."""

    def __init__(self, deployment: Deployment, practitioner: PractitionerSeed) -> None:
        self.deployment = deployment
        self.practitioner = practitioner
        self.seen: list[str] = []
        """Every address it was at."""
        self._session = requests.Session()
        signed_in = {"practitioner": practitioner.id}
        self._session.post(f"{deployment.at.ehr}/app/sign-in", json=signed_in, timeout=TIMEOUT_SECONDS)

    def sync(self, method: str, rest: str = "", body: object = None) -> Any:
        api = self.deployment.at.functions[Function.SETTINGS_API]
        url = f"{api}/v1/practitioners/{self.practitioner.id}/sync{rest}"
        headers = {"Authorization": f"Bearer {self.deployment.ehr.token(self.practitioner.id)}"}
        answer = requests.request(method, url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def follow(self, url: str) -> requests.Response:
        answer = self._session.get(url, timeout=TIMEOUT_SECONDS)
        self.seen += [each.url for each in (*answer.history, answer)]
        return answer

    def press(self, page: requests.Response) -> requests.Response:
        """The one button there is."""
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        return self._session.post(page.url.partition("?")[0], data=fields, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        self._session.close()

    # --- what is seen of it -----------------------------------------------------------------------------

    @property
    def status(self) -> str:
        return str(self.sync("GET")["status"])

    def events(self) -> list[Any]:
        """The live ones of the appointments calendar."""
        [ours] = [each["id"] for each in self.sync("GET", "/calendars") if each["reason"] == "ours"]
        return [each for each in self.deployment.google.events(ours) if each["status"] != "cancelled"]


def consents(deployment: Deployment, account: Account) -> None:
    """The person agrees to whatever is asked next."""
    url = f"{deployment.at.google}/control/consents"
    assert requests.post(url, json={"sub": account.sub}, timeout=TIMEOUT_SECONDS).ok


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed(Plan()) as deployment:
        yield deployment


@pytest.fixture
def browser(deployment: Deployment) -> Iterator[Browser]:
    today = datetime.now(UTC).date().isoformat()
    [practitioner, *_], _patients = deployment.ehr.seed(today=today, seed=1, appointments=60)
    browser = Browser(deployment, practitioner)
    yield browser
    browser.close()


def test_from_consent_to_disconnect(deployment: Deployment, browser: Browser) -> None:
    account = deployment.google.add_account("practitioner@example.com", "America/Denver", "Practitioner")
    consents(deployment, account)
    page = browser.follow(browser.sync("POST", "/connect")["url"])
    assert browser.status == "not_connected"
    assert "Your calendar is connected with practitioner@example.com." in browser.press(page).text
    assert browser.status == "connected"

    assert browser.sync("POST", "/start", {"calendar_name": "My practice"})["status"] == "syncing"
    eventually(lambda: browser.status == "in_sync", "everything was read and written")
    state = browser.sync("GET")
    assert (state["calendar"]["name"], state["calendar"]["ready"]) == ("My practice", True)
    assert state["calendar"]["push"]["live"]
    assert (state["pending"], state["set_aside"]) == (0, [])
    synced = len(browser.events())
    assert synced > 10

    assert browser.sync("POST", "/disconnect", {"events": "keep"})["status"] == "disconnected"
    consents(deployment, account)
    again = browser.press(browser.follow(browser.sync("POST", "/connect")["url"]))
    assert "Your calendar is connected" in again.text
    assert (browser.status, len(browser.events())) == ("connected", synced)
    told_nobody(deployment, browser, account)


def told_nobody(deployment: Deployment, browser: Browser, account: Account) -> None:
    """Neither function has printed whom it was about, or what would have let somebody else in."""
    printed = "".join(deployment.printed(each) for each in (Function.OAUTH_CALLBACK, Function.SETTINGS_API))
    queries = [value for url in browser.seen for _, value in parse_qsl(urlsplit(url).query)]
    secrets = [value for value in queries if len(value) > 20]
    assert len(secrets) >= 4
    assert not [each for each in (*secrets, browser.practitioner.id, account.email) if each in printed]
    assert deployment.lines(Function.OAUTH_CALLBACK)[0]["code"] == "ok"
