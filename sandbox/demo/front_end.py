"""The EHR's pages as far as the sync goes: they call its endpoints in the name of whoever is signed in."""

from __future__ import annotations

import time
from typing import Any

import requests

from sandbox.controls import EhrSandbox, Json
from sandbox.demo.errors import DemoError

_SECONDS = 60.0
_TOKEN_SECONDS = 300.0


class FrontEnd:
    """One practitioner's. Refusals raise DemoError with the endpoint's own sentence."""

    def __init__(self, api: str, ehr: EhrSandbox, practitioner: str) -> None:
        self.url = f"{api}/v1/practitioners/{practitioner}/sync"
        self._ehr = ehr
        self._practitioner = practitioner
        self._token, self._until = "", 0.0
        self._session = requests.Session()
        self._session.trust_env = False

    def state(self) -> Json:
        found: Json = self._call("GET", "")
        return found

    def connect(self, email: str) -> str:
        """Where the browser is to go."""
        url: str = self._call("POST", "/connect", {"login_hint": email})["url"]
        return url

    def change(self, **settings: object) -> None:
        self._call("PATCH", "/settings", settings)

    def start(self, calendar_name: str) -> None:
        self._call("POST", "/start", {"calendar_name": calendar_name})

    def choose(self, calendar: str) -> None:
        """Have this calendar's events take the practitioner's time."""
        self._call("POST", "/external-calendars/choose", {"id": calendar})

    def external(self) -> list[Json]:
        """The calendars that were chosen."""
        found: list[Json] = self._call("GET", "/external-calendars")
        return found

    def calendar_id(self) -> str | None:
        """Google's id of the appointments calendar; None: it is not made yet."""
        found: list[Json] = self._call("GET", "/calendars")
        return next((str(each["id"]) for each in found if each["reason"] == "ours"), None)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._signed_in()}"}
        try:
            answer = self._session.request(
                method, f"{self.url}{path}", json=body, headers=headers, timeout=_SECONDS
            )
        except requests.RequestException as error:
            raise DemoError(f"settings_api does not answer ({type(error).__name__})") from None
        said: Any = answer.json() if answer.content else {}
        if not answer.ok:
            sentence = said.get("detail") or said.get("title")
            raise DemoError(f"settings_api refuses {method} …/sync{path}: {sentence} ({said.get('code')})")
        return said

    def _signed_in(self) -> str:
        if time.monotonic() > self._until:
            self._token = self._ehr.token(self._practitioner)
            self._until = time.monotonic() + _TOKEN_SECONDS
        return self._token
