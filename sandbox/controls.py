"""The sandboxes' control APIs: what people do on both sides, and what both sides really hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from requests import RequestException, Session

Json = dict[str, Any]

_SECONDS = 30.0


class ControlError(Exception):
    """The text is a whole sentence: which sandbox refuses what, or does not answer any more."""


def last_number(requests: Sequence[Json], before: int = 0) -> int:
    """The number of the last request, or `before` where there is none."""
    return int(requests[-1]["number"]) if requests else before


class _Control:
    def __init__(self, name: str, url: str) -> None:
        self.url = url
        self._name = name
        self._session = Session()
        self._session.trust_env = False  # no proxy stands between us and loopback

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON. Raises ControlError with the server's own sentence."""
        try:
            answer = self._session.request(
                method, f"{self.url}{path}", json=body, params=params, headers=headers, timeout=_SECONDS
            )
            content = answer.json()
        except RequestException:
            raise ControlError(f"{self._name} does not answer any more ({method} {path})") from None
        if answer.status_code >= 400:
            raise ControlError(f"{self._name} refuses {method} {path}: {content.get('error', content)}")
        return content

    def fault(self, operation: str, **details: object) -> None:
        """What goes wrong next."""
        self._ask("POST", "/control/faults", {"operation": operation, **details})

    def clear_faults(self) -> None:
        self._ask("DELETE", "/control/faults")


class _Clocked(_Control):
    def set_ahead(self, seconds: float) -> None:
        """Its clock: so far ahead of the machine's."""
        self._ask("PUT", "/control/clock", {"offset_seconds": seconds})


@dataclass(frozen=True)
class Account:
    """A Google account, and the grant it has given us."""

    sub: str
    email: str
    refresh_token: str
    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Imported:
    """What became of a calendar file."""

    loaded: int
    left_out: Mapping[str, int]
    """By reason."""
    problems: tuple[str, ...]
    """Sentences with file and line."""


class GoogleSandbox(_Clocked):
    def __init__(self, url: str) -> None:
        super().__init__("the sandbox Google", url)

    def add_account(self, email: str, zone: str, name: str) -> Account:
        made = self._ask("POST", "/control/accounts", {"email": email, "time_zone": zone, "name": name})
        names = ("sub", "email", "refresh_token", "client_id", "client_secret")
        return Account(**{name: made[name] for name in names})

    def register(self, redirect_uri: str) -> None:
        """An address that a consent may lead back to."""
        self._ask("POST", "/control/redirect-uris", {"redirect_uri": redirect_uri})

    def revoke_grants(self, sub: str) -> None:
        """The person takes all consents back."""
        self._ask("POST", "/control/grants/revoke", {"sub": sub})

    def user(self, sub: str, action: str, **details: object) -> Json:
        """What the account's owner does on the screen."""
        answer: Json = self._ask("POST", "/control/user", {"sub": sub, "action": action, **details})
        return answer

    def lay_down_consent(self, sub: str) -> None:
        """The next request for consent is granted by this account, without a page."""
        self._ask("POST", "/control/consents", {"sub": sub})

    def import_ics(self, sub: str, calendar: str, name: str, text: str) -> Imported:
        """A calendar file, its series among it."""
        details = {"sub": sub, "calendar": calendar, "name": name, "text": text, "series": True}
        answer = self._ask("POST", "/control/import-ics", details)
        problems = (f"{each['file']}, line {each['line']}: {each['sentence']}" for each in answer["problems"])
        return Imported(answer["created"], answer["left_out"], tuple(problems))

    def events(self, calendar: str) -> list[Json]:
        """Every event, deleted ones too."""
        answer: list[Json] = self._ask("GET", f"/control/calendars/{quote(calendar, safe='')}/events")
        return answer

    def screen(self, calendar: str, start: datetime, end: datetime) -> list[Json]:
        """What the owner sees between two instants: living events, series as their occurrences."""
        path = f"/control/calendars/{quote(calendar, safe='')}/screen"
        between = {"start": start.isoformat(), "end": end.isoformat()}
        answer: list[Json] = self._ask("GET", path, params=between)
        return answer

    def requests(self, since: int = 0) -> list[Json]:
        """API requests with a number above `since`, oldest first."""
        answer: list[Json] = self._ask("GET", "/control/requests", params={"since": str(since)})["requests"]
        return answer

    def change(self, **settings: object) -> Json:
        """How it behaves."""
        answer: Json = self._ask("POST", "/control/settings", settings)
        return answer

    def deliveries(self, since: int = 0) -> list[Json]:
        """Outcomes of push messages with a number above `since`, oldest first."""
        answer: list[Json] = self._ask("GET", "/control/deliveries", params={"since": str(since)})[
            "deliveries"
        ]
        return answer


@dataclass(frozen=True)
class PractitionerSeed:
    id: str
    name: str
    zone: str
    role: str
    """Id of the PractitionerRole."""


class EhrSandbox(_Control):
    def __init__(self, url: str) -> None:
        super().__init__("the sandbox EHR", url)

    def set_now(self, now: datetime) -> None:
        self._ask("PUT", "/control/clock", {"now": now.isoformat()})

    def seed(self, *, today: str, seed: int, appointments: int) -> tuple[list[PractitionerSeed], list[str]]:
        """A whole practice: its practitioners and the ids of its patients."""
        made = self._ask(
            "POST", "/control/seed", {"today": today, "seed": seed, "appointments": appointments}
        )
        return [PractitionerSeed(**each) for each in made["practitioners"]], made["patients"]

    def load(self, rows: Sequence[Json]) -> None:
        """Rows from elsewhere, under their own ids; nobody is told of them."""
        self._ask("POST", "/control/rows", {"rows": list(rows)})

    def staff(self, action: str, **details: object) -> Json:
        """What staff do on the EHR's own screens."""
        answer: Json = self._ask("POST", "/control/staff", {"action": action, **details})
        return answer

    def appointments(self) -> list[Json]:
        answer: list[Json] = self._ask("GET", "/control/appointments")
        return answer

    def rows(self, resource_type: str) -> list[Json]:
        """Every row of a type that is not deleted, as it is stored."""
        answer: list[Json] = self._ask("GET", "/control/rows", params={"type": resource_type})
        return answer

    def change(self, **settings: object) -> Json:
        """What kind of server it is; with `profile` all others are as that one has them."""
        answer: Json = self._ask("POST", "/control/settings", settings)
        return answer

    def patients(self) -> dict[str, Json]:
        """By id."""
        return {row["id"]: row for row in self.rows("Patient")}

    def requests(self, since: int = 0) -> list[Json]:
        """API requests with a number above `since`, oldest first."""
        answer: list[Json] = self._ask("GET", "/control/requests", params={"since": str(since)})
        return answer

    def change_hooks(self, **settings: float) -> None:
        """How its notifications go wrong."""
        self._ask("POST", "/control/hooks/settings", settings)

    def deliveries(self, since: int = 0) -> list[Json]:
        """Tries of notifications with a number above `since`, oldest first, and what was never tried."""
        answer: list[Json] = self._ask("GET", "/control/deliveries", params={"since": str(since)})
        return answer

    def notify(self, url: str, secret: str) -> None:
        """From now on every change is told there."""
        self._ask("POST", "/control/hooks", {"url": url, "secret": secret})

    def expect_notices(self, secret: str) -> None:
        """From now on it takes notices that this signs."""
        self._ask("POST", "/control/notices", {"secret": secret})

    def notices(self) -> list[Json]:
        """Those that it was told of."""
        return list(self._ask("GET", "/control/notices"))

    def calls(self, calsync_api: str) -> None:
        """Where its pages find the sync's endpoints."""
        self._ask("POST", "/control/app", {"calsync_api": calsync_api})

    def token(self, practitioner: str, **claims: object) -> str:
        """What the EHR gives to its user; `claims`: another role, or what is wrong about it."""
        token: str = self._ask("POST", "/control/token", {"practitioner": practitioner, **claims})["token"]
        return token


class TasksSandbox(_Clocked):
    def __init__(self, url: str) -> None:
        super().__init__("the sandbox Cloud Tasks", url)

    def change(self, **settings: bool) -> Json:
        """`paused`, `duplicates`, `reorder`."""
        answer: Json = self._ask("POST", "/control/settings", settings)
        return answer

    def waiting(self) -> list[Json]:
        """What waits or runs."""
        answer: list[Json] = self._ask("GET", "/control/tasks")["tasks"]
        return answer

    def attempts(self, since: int = 0) -> list[Json]:
        """Attempts that ended with a number above `since`, oldest first."""
        answer: list[Json] = self._ask("GET", "/control/history", params={"since": str(since)})["attempts"]
        return answer


class SchedulerSandbox(_Clocked):
    def __init__(self, url: str) -> None:
        super().__init__("the sandbox Cloud Scheduler", url)

    def tick(self) -> Json:
        """Run the job now; what came of it."""
        answer: Json = self._ask("POST", "/control/tick")
        return answer
