"""The data behind the front end: whoever is signed in reads and changes what is theirs, nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.sandbox.ehr.samples import NOON
from tests.servers import server

SECONDS = 10
TIMES = {"start": "2026-11-23T09:00", "end": "2026-11-23T09:50"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server("sandbox.ehr", "--now", NOON.isoformat(), "--google-app", "http://127.0.0.1:9/app/") as found:
        seed = {"today": "2026-11-20", "seed": 1, "appointments": 60}
        requests.post(f"{found}/control/seed", json=seed, timeout=SECONDS).raise_for_status()
        yield found


@pytest.fixture
def nobody(address: str) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["x-address"] = address
        yield session


@pytest.fixture
def robin(nobody: requests.Session, address: str) -> requests.Session:
    people = nobody.get(f"{address}/app/people", timeout=SECONDS).json()
    who = next(each["id"] for each in people if each["name"] == "Robin Musterfrau")
    nobody.post(f"{address}/app/sign-in", json={"practitioner": who}, timeout=SECONDS).raise_for_status()
    return nobody


def get(session: requests.Session, path: str) -> Any:
    address = str(session.headers["x-address"])
    return session.get(f"{address}/app/{path}", timeout=SECONDS)


def post(session: requests.Session, path: str, body: object) -> requests.Response:
    address = str(session.headers["x-address"])
    return session.post(f"{address}/app/{path}", json=body, timeout=SECONDS)


def test_the_page_loads_from_its_own_origin_alone(nobody: requests.Session) -> None:
    answer = get(nobody, "")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "frame-src http://127.0.0.1:9;" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("name", ["week.js", "page.css", "app.js", "ehr.svg"])
def test_shared_and_own_files_are_served(nobody: requests.Session, name: str) -> None:
    assert get(nobody, f"static/{name}").ok


@pytest.mark.parametrize("name", ["index.html", "files.py", "..%2ffront_end.py", "__init__.py"])
def test_nothing_else_of_a_folder_is_served(nobody: requests.Session, name: str) -> None:
    assert get(nobody, f"static/{name}").status_code == 404


@pytest.mark.parametrize("path", ["token", "week?from=2026-11-23&days=7", "clients", "titles?ids=1"])
def test_whoever_is_not_signed_in_reads_nothing(nobody: requests.Session, path: str) -> None:
    assert get(nobody, "me").json() is None
    assert get(nobody, f"data/{path}").status_code == 401


def test_signing_out_ends_it(robin: requests.Session) -> None:
    assert get(robin, "me").json()["name"] == "Robin Musterfrau"
    post(robin, "sign-out", {})
    assert get(robin, "me").json() is None


def test_time_of_ones_own_is_booked_moved_and_cancelled(robin: requests.Session) -> None:
    made = post(robin, "data/appointments", {"title": "Errand", **TIMES}).json()["id"]
    moved = {"action": "move", "start": "2026-11-23T12:00", "end": "2026-11-23T12:30"}
    assert post(robin, f"data/appointments/{made}", moved).ok
    entries = {each["id"]: each for each in get(robin, "data/week?from=2026-11-23&days=1").json()["events"]}
    assert (entries[made]["title"], entries[made]["start"]) == ("Errand", "2026-11-23T12:00")
    assert post(robin, f"data/appointments/{made}", {"action": "cancel"}).ok
    assert get(robin, f"data/titles?ids={made},nobody").json() == {made: "Errand"}


def test_a_client_is_booked_by_id(robin: requests.Session) -> None:
    client = get(robin, "data/clients").json()[0]
    made = post(robin, "data/appointments", {"client": client["id"], **TIMES}).json()["id"]
    assert get(robin, f"data/titles?ids={made}").json() == {made: client["name"]}


def test_an_appointment_of_somebody_else_is_not_there(robin: requests.Session, address: str) -> None:
    own = get(robin, "me").json()["practitioner"]
    rows = requests.get(f"{address}/control/appointments", timeout=SECONDS).json()
    others = next(each["id"] for each in rows if f"Practitioner/{own}" not in str(each["participant"]))
    answer = post(robin, f"data/appointments/{others}", {"action": "cancel"})
    assert (answer.status_code, answer.json()) == (404, {"error": "There is no such appointment of yours."})


@pytest.mark.parametrize(
    "body",
    [
        {"start": TIMES["end"], "end": TIMES["start"]},
        {"start": "soon", "end": TIMES["end"]},
        {"end": TIMES["end"]},
    ],
)
def test_times_that_are_none_are_refused(robin: requests.Session, body: object) -> None:
    assert post(robin, "data/appointments", body).status_code == 400


def test_what_a_form_of_another_page_could_send_is_refused(robin: requests.Session, address: str) -> None:
    answer = robin.post(f"{address}/app/data/appointments", data='{"title": "x"}', timeout=SECONDS)
    assert answer.status_code == 400


def test_an_administrator_has_tokens_of_that_role(nobody: requests.Session) -> None:
    assert post(nobody, "sign-in", {"practitioner": "office", "role": "admin"}).ok
    assert get(nobody, "me").json()["role"] == "admin"
    assert post(nobody, "sign-in", {"practitioner": "office", "role": "owner"}).status_code == 400
