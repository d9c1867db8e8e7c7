from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from sandbox.ehr.fhir import By, FhirStore, Settings
from sandbox.ehr.hooks import LATE_SECONDS, Hooks, HookSettings
from sandbox.ehr.staff import Staff
from shared.core.signing import verify_hook
from tests.receiver import Received, Receiver, Reply, receiver
from tests.sandbox.ehr.samples import NOON, ManualClock, appointment
from tests.servers import server

Json = dict[str, Any]
URL = "http://127.0.0.1:9/ehr/demo"
SECRET = "synthetic-hook-secret"
TIMEOUT_SECONDS = 10
POLLS_MAX = 10_000
SLEEP = asyncio.sleep
FAST = HookSettings(backoff_seconds=0.001)


@dataclass(frozen=True)
class Posted:
    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Stage:
    """A store, its hooks, and a receiver that answers what it is told: a status, or None for silence."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, clock: ManualClock, *answers: int | None, seed: int = 1) -> None:
        self.clock = clock
        self.store = FhirStore(now=clock.now, rng=random.Random(1))
        self.posted: list[Posted] = []
        self.during_posts: list[Callable[[], object]] = []
        """Done on the event loop while a post waits for its answer, one for each post."""
        self._answers = list(answers)
        self._lock = threading.Lock()
        self.hooks = Hooks(clock.now, random.Random(seed), self.store.commit_due, self._post)
        self.hooks.settings = FAST
        self.store.on_change = self.hooks.notify

    def _post(self, url: str, body: bytes, headers: Mapping[str, str], _timeout: float) -> int | None:
        with self._lock:
            self.posted.append(Posted(url, body, headers))
            if self.during_posts:
                self.loop.call_soon_threadsafe(self.during_posts.pop(0))
            return self._answers.pop(0) if self._answers else 202

    def register(self, **more: str) -> Json:
        return self.hooks.register(**{"url": URL, "secret": SECRET, **more})

    def create(self, **more: Any) -> Json:
        return self.store.create(appointment(**more)).resource

    def change(self, row: Json, text: str = "changed") -> Json:
        return self.store.update({**row, "description": text}).resource

    async def settled(self, deliveries: int) -> list[Json]:
        """The log, once it is so long."""
        for _ in range(POLLS_MAX):
            if len(log := self.hooks.deliveries(0)) >= deliveries:
                return log
            await SLEEP(0.001)
        raise AssertionError(f"{deliveries} deliveries were not written down")


def played(stage: Stage, act: Callable[[Stage], Awaitable[None]]) -> Stage:
    """`act` on an event loop; what is still under way at its end is stopped."""

    async def run() -> None:
        stage.loop = asyncio.get_running_loop()
        await act(stage)
        stage.hooks.clear()

    asyncio.run(run())
    return stage


def outcomes(log: list[Json]) -> list[tuple[int, str]]:
    return [(each["attempt"], each["outcome"]) for each in log]


# --- what is told ---------------------------------------------------------------------------------------


def test_every_change_of_an_appointment_is_told_whoever_made_it(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register()
        by_sync = stage.create()
        by_staff = stage.store.create(appointment(), by=By.STAFF).resource
        Staff(stage.store).cancel(appointment=by_sync["id"])
        stage.store.delete("Appointment", by_staff["id"])
        log = await stage.settled(4)
        told = {(each["interaction"], each["reference"]) for each in log}
        assert told == {
            ("create", f"Appointment/{by_sync['id']}"),
            ("create", f"Appointment/{by_staff['id']}"),
            ("update", f"Appointment/{by_sync['id']}"),
            ("delete", f"Appointment/{by_staff['id']}"),
        }

    assert {each.url for each in played(Stage(clock), act).posted} == {URL}


def test_nothing_is_told_where_nothing_changed(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register()
        made = stage.create(identifier=[{"system": "s", "value": "1"}])
        stage.store.update(made)
        stage.store.create(made, if_none_exist="identifier=s|1")
        stage.store.create({"resourceType": "Patient", "name": [{"text": "Erika Mustermann"}]})
        stage.change(made)
        assert [each["interaction"] for each in await stage.settled(2)].count("create") == 1
        await asyncio.sleep(0.01)

    assert len(played(Stage(clock), act).posted) == 2


def test_what_is_visible_late_is_told_once_it_is_visible(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register()
        stage.store.settings = Settings(late_visibility_seconds=5)
        made = stage.store.create(appointment(), by=By.STAFF).resource
        await asyncio.sleep(0.1)
        assert stage.hooks.deliveries(0) == []
        clock.advance(5)
        (told,) = await stage.settled(1)
        assert told["version"] == made["meta"]["versionId"]

    played(Stage(clock), act)


def test_receivers_are_listed_without_their_secrets_and_can_go(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        first = stage.register()
        stage.register(form="static", body="backport", content="empty", status="untyped")
        assert first == {
            "id": "hook-1",
            "url": URL,
            "form": "calsync",
            "body": "id",
            "state": "active",
            "events": 0,
        }
        assert [each["id"] for each in stage.hooks.receivers()] == ["hook-1", "hook-2"]
        assert SECRET not in str(stage.hooks.receivers())
        stage.hooks.clear()
        stage.create()
        assert stage.hooks.receivers() == []
        assert stage.register()["id"] == "hook-3"
        stage.create()
        assert [each["hook"] for each in await stage.settled(1)] == ["hook-3"]

    played(Stage(clock), act)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"url": "ftp://127.0.0.1/"}, "'url' must be an http or https address"),
        ({"secret": ""}, "'secret' must be printable ASCII"),
        ({"secret": "two\r\nlines"}, "'secret' must be printable ASCII"),
        ({"form": "pgp"}, "'form' must be one of calsync, medplum, static; it is 'pgp'"),
        ({"body": "xml"}, "'body' must be one of empty, braces, resource, id, backport"),
        ({"content": "all"}, "'content' must be one of empty, id-only, full-resource"),
        ({"status": "R4"}, "'status' must be one of Parameters, SubscriptionStatus, untyped"),
    ],
)
def test_a_receiver_nobody_can_serve_is_refused(
    clock: ManualClock, wrong: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Stage(clock).register(**wrong)


# --- bodies ---------------------------------------------------------------------------------------------


def posts(clock: ManualClock, **shape: str) -> tuple[Json, list[Posted]]:
    """The row, and what is posted when it is made, changed and deleted."""
    rows: list[Json] = []

    async def act(stage: Stage) -> None:
        stage.register(**shape)
        handshakes = 1 if shape["body"] == "backport" else 0
        await stage.settled(handshakes)
        rows.append(stage.create())
        await stage.settled(handshakes + 1)
        rows.append(stage.change(rows[0]))
        await stage.settled(handshakes + 2)
        stage.store.delete("Appointment", rows[0]["id"])
        await stage.settled(handshakes + 3)

    stage = played(Stage(clock), act)
    return rows[1], stage.posted[-3:]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("empty", ("", "", "")),
        ("braces", ("{}", "{}", "{}")),
        ("id", ('{"resourceType": "Appointment", "id": "ID"}',) * 3),
    ],
)
def test_a_body_may_say_next_to_nothing(
    clock: ManualClock, body: str, expected: tuple[str, str, str]
) -> None:
    row, told = posts(clock, body=body)
    assert tuple(each.body.decode() for each in told) == tuple(
        each.replace("ID", row["id"]) for each in expected
    )
    assert {each.headers.get("Content-Type") for each in told} == (
        {None} if body == "empty" else {"application/fhir+json"}
    )


def test_a_bare_row_is_told_and_a_deleted_one_named_in_a_header(clock: ManualClock) -> None:
    row, (made, changed, deleted) = posts(clock, body="resource", form="medplum")
    assert made.json["id"] == row["id"]
    assert changed.json == row
    assert deleted.body == b"{}"
    named = [each.headers.get("X-Medplum-Deleted-Resource") for each in (made, changed, deleted)]
    assert named == [None, None, f"Appointment/{row['id']}"]


def test_a_bundle_names_the_row_behind_its_parameters(clock: ManualClock) -> None:
    row, told = posts(clock, body="backport")
    reference = f"https://ehr.example/fhir/Appointment/{row['id']}"
    for number, each in enumerate(told, 1):
        bundle = each.json
        status, focus = bundle["entry"]
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "history")
        assert status["resource"]["resourceType"] == "Parameters"
        values = {
            parameter["name"]: next((v for k, v in parameter.items() if k.startswith("value")), None)
            for parameter in status["resource"]["parameter"]
        }
        assert values["type"] == "event-notification"
        assert values["status"] == "active"
        assert values["events-since-subscription-start"] == str(number)
        event = status["resource"]["parameter"][-1]
        assert event["name"] == "notification-event"
        assert event["part"][0] == {"name": "event-number", "valueString": str(number)}
        assert event["part"][-1] == {"name": "focus", "valueReference": {"reference": reference}}
        assert focus["fullUrl"] == reference
        assert "resource" not in focus
    methods = [each.json["entry"][1]["request"]["method"] for each in told]
    assert methods == ["POST", "PUT", "DELETE"]


@pytest.mark.parametrize(
    ("status", "named"), [("SubscriptionStatus", "SubscriptionStatus"), ("untyped", None)]
)
def test_a_bundle_of_r4b_has_a_status_of_its_own(clock: ManualClock, status: str, named: str | None) -> None:
    row, told = posts(clock, body="backport", status=status, content="full-resource")
    first = told[1].json["entry"][0]["resource"]
    assert first.get("resourceType") == named
    assert (first["type"], first["eventsSinceSubscriptionStart"]) == ("event-notification", "2")
    assert first["notificationEvent"][0]["focus"]["reference"].endswith(f"/Appointment/{row['id']}")
    assert told[1].json["entry"][1]["resource"] == row
    assert "resource" not in told[2].json["entry"][1]


def test_an_empty_bundle_tells_that_something_changed_and_not_what(clock: ManualClock) -> None:
    row, told = posts(clock, body="backport", content="empty")
    assert all(len(each.json["entry"]) == 1 for each in told)
    assert not any(row["id"] in each.body.decode() for each in told)


def test_bundles_begin_with_a_handshake_and_what_happens_before_its_answer_is_lost(
    clock: ManualClock,
) -> None:
    async def act(stage: Stage) -> None:
        assert stage.register(body="backport")["state"] == "requested"
        stage.create()
        await stage.settled(2)
        assert stage.hooks.receivers()[0]["state"] == "active"
        stage.create()
        log = await stage.settled(3)
        assert [(each["kind"], each["outcome"]) for each in log] == [
            ("handshake", "refused"),
            ("handshake", "delivered"),
            ("event-notification", "delivered"),
        ]

    stage = played(Stage(clock, 503), act)
    handshake = stage.posted[0].json["entry"]
    values = {parameter["name"]: parameter for parameter in handshake[0]["resource"]["parameter"]}
    assert len(handshake) == 1
    assert values["type"]["valueCode"] == "handshake"
    assert values["status"]["valueCode"] == "requested"
    assert values["events-since-subscription-start"]["valueString"] == "0"


def test_a_receiver_that_refuses_the_handshake_is_told_nothing(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register(body="backport")
        await stage.settled(4)
        assert stage.hooks.receivers()[0]["state"] == "error"
        stage.create()
        assert stage.hooks.heartbeat() == {"sent": 0}
        await asyncio.sleep(0.01)

    assert len(played(Stage(clock, 401, 401, 401, None), act).posted) == 4


def test_a_heartbeat_counts_no_event(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register(body="backport", status="SubscriptionStatus")
        stage.register(body="id")
        await stage.settled(1)
        stage.create()
        await stage.settled(3)
        assert stage.hooks.heartbeat() == {"sent": 1}
        assert (await stage.settled(4))[-1]["kind"] == "heartbeat"

    status = played(Stage(clock), act).posted[-1].json["entry"][0]["resource"]
    assert (status["type"], status["eventsSinceSubscriptionStart"]) == ("heartbeat", "1")
    assert "notificationEvent" not in status


# --- signatures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["empty", "braces", "resource", "id", "backport"])
@pytest.mark.parametrize("form", ["calsync", "medplum", "static"])
def test_the_product_verifies_every_form_of_every_body(clock: ManualClock, form: str, body: str) -> None:
    _, told = posts(clock, form=form, body=body)
    for each in told:
        headers = {name.lower(): value for name, value in each.headers.items()}
        assert verify_hook(headers, each.body, [SECRET.encode()], NOON)
        assert not verify_hook(headers, each.body, [b"another-hook-secret"], NOON)


def test_a_timed_signature_is_made_anew_for_each_try(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.during_posts = [lambda: clock.advance(400)]
        stage.register()
        stage.create()
        await stage.settled(2)

    first, second = played(Stage(clock, 500), act).posted
    assert first.body == second.body
    sent = [each.headers["X-Calsync-Signature"].partition(",")[0] for each in (first, second)]
    noon = int(NOON.timestamp())
    assert sent == [f"t={noon}", f"t={noon + 400}"]


# --- tries ----------------------------------------------------------------------------------------------


def test_a_notification_is_tried_four_times_and_then_lost(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register()
        stage.create()
        log = await stage.settled(4)
        await asyncio.sleep(0.02)
        assert outcomes(log) == [(1, "refused"), (2, "unreachable"), (3, "refused"), (4, "refused")]
        assert [each["status"] for each in log] == [500, None, 503, 302]

    assert len(played(Stage(clock, 500, None, 503, 302), act).posted) == 4


def test_the_waits_double(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        await SLEEP(0)

    async def act(stage: Stage) -> None:
        stage.hooks.settings = HookSettings(delay_seconds=0.25)
        stage.register()
        stage.create()
        await stage.settled(4)

    monkeypatch.setattr("sandbox.ehr.hooks.asyncio.sleep", noted)
    played(Stage(clock, 500, 500, 500, 500), act)
    assert [wait for wait in waits if wait != LATE_SECONDS] == [0.25, 1.0, 2.0, 4.0]


def test_a_retry_of_what_is_superseded_is_dropped(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register()
        made = stage.create()
        stage.during_posts = [lambda: stage.change(made)]
        log = await stage.settled(3)
        assert sorted((each["interaction"], each["attempt"], each["outcome"]) for each in log) == [
            ("create", 1, "refused"),
            ("create", 2, "superseded"),
            ("update", 1, "delivered"),
        ]

    played(Stage(clock, 500), act)


def test_a_retry_of_one_row_is_not_superseded_by_another(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.register()
        stage.create()
        await stage.settled(1)
        stage.create()
        log = await stage.settled(3)
        assert sorted(outcomes(log)) == [(1, "delivered"), (1, "refused"), (2, "delivered")]

    played(Stage(clock, 500), act)


def test_chance_drops_and_doubles(clock: ManualClock) -> None:
    async def act(stage: Stage) -> None:
        stage.hooks.settings = replace(FAST, drop_chance=1.0)
        stage.register()
        stage.create()
        assert outcomes(stage.hooks.deliveries(0)) == [(0, "dropped")]
        stage.hooks.settings = replace(FAST, double_chance=1.0)
        stage.create()
        log = await stage.settled(3)
        assert outcomes(log) == [(0, "dropped"), (1, "delivered"), (1, "delivered")]
        assert [each["event"] for each in log] == [1, 2, 2]

    assert len(played(Stage(clock), act).posted) == 2


def test_the_same_seed_drops_the_same(clock: ManualClock) -> None:
    def dropped(seed: int) -> list[int]:
        async def act(stage: Stage) -> None:
            stage.hooks.settings = replace(FAST, drop_chance=0.5)
            stage.register()
            for _ in range(20):
                stage.create()
            await stage.settled(20)

        stage = played(Stage(clock, seed=seed), act)
        return sorted(each["event"] for each in stage.hooks.deliveries(0) if each["outcome"] == "dropped")

    assert dropped(1) == dropped(1) != dropped(2)
    assert 0 < len(dropped(1)) < 20


@pytest.mark.parametrize("name", ["drop_chance", "double_chance"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_chance_is_between_never_and_always(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"'{name}' must be from 0 to 1"):
        replace(HookSettings(), **{name: value})


# --- over HTTP ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    address: str
    session: requests.Session

    def control(self, method: str, what: str, data: object = None) -> Any:
        answer = self.session.request(
            method, f"{self.address}/control/{what}", json=data, timeout=TIMEOUT_SECONDS
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with server("sandbox.ehr", "--now", "2026-11-20T12:00:00Z") as address, requests.Session() as session:
        yield Running(address, session)


@pytest.fixture
def ehr(running: Running) -> Running:
    running.control("DELETE", "hooks")
    running.control("PUT", "clock", {"now": "2026-11-20T12:00:00Z", "running": False})
    running.control("POST", "hooks/settings", {"backoff_seconds": 0.01, "drop_chance": 0, "double_chance": 0})
    running.control("POST", "seed", {"today": "2026-11-20", "seed": 1, "appointments": 60})
    return running


@pytest.fixture
def product() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


def an_appointment(ehr: Running) -> str:
    rows = ehr.control("GET", "appointments")
    return str(next(row["id"] for row in rows if row["status"] == "booked"))


def register(ehr: Running, product: Receiver, **more: str) -> None:
    data = {"url": f"{product.url}/ehr/demo", "secret": SECRET, **more}
    ehr.control("POST", "hooks", data)


def written_down(ehr: Running, since: int, count: int) -> list[Json]:
    """What the server noted of so many tries: it does so after the receiver has answered."""
    for _ in range(1000):
        log: list[Json] = ehr.control("GET", f"deliveries?since={since}")
        if len(log) >= count:
            return log
    raise AssertionError(f"{count} deliveries were not written down")


@pytest.mark.parametrize("form", ["calsync", "medplum", "static"])
def test_a_change_by_staff_reaches_the_product_signed(ehr: Running, product: Receiver, form: str) -> None:
    since = max((each["number"] for each in ehr.control("GET", "deliveries")), default=0)
    register(ehr, product, form=form)
    row = an_appointment(ehr)
    ehr.control("POST", "staff", {"action": "cancel", "appointment": row})
    (hook,) = product.wait_for(1)
    assert (hook.method, hook.path) == ("POST", "/ehr/demo")
    assert json.loads(hook.body) == {"resourceType": "Appointment", "id": row}
    assert verify_hook(hook.headers, hook.body, [SECRET.encode()], NOON)
    log = written_down(ehr, since, 1)
    assert [(each["reference"], each["outcome"]) for each in log] == [(f"Appointment/{row}", "delivered")]


def test_an_empty_hook_has_no_body_at_all(ehr: Running, product: Receiver) -> None:
    register(ehr, product, body="empty", form="medplum")
    ehr.control("POST", "staff", {"action": "cancel", "appointment": an_appointment(ehr)})
    (hook,) = product.wait_for(1)
    assert hook.body == b""
    assert verify_hook(hook.headers, hook.body, [SECRET.encode()], NOON)


def test_a_refused_hook_comes_again(ehr: Running, product: Receiver) -> None:
    def once_refused(_: Received) -> Reply:
        return Reply(503 if len(product.received) == 1 else 202)

    product.reply = once_refused
    register(ehr, product)
    ehr.control("POST", "staff", {"action": "cancel", "appointment": an_appointment(ehr)})
    first, second = product.wait_for(2)
    assert first.body == second.body


def test_the_practice_that_a_seed_makes_is_no_change(ehr: Running, product: Receiver) -> None:
    register(ehr, product)
    ehr.control("POST", "seed", {"today": "2026-11-20", "seed": 2, "appointments": 60})
    ehr.control("POST", "staff", {"action": "cancel", "appointment": an_appointment(ehr)})
    product.wait_for(1)
    assert [each["events"] for each in ehr.control("GET", "hooks")] == [1]


@pytest.mark.parametrize(
    ("what", "data", "sentence"),
    [
        ("hooks", {"url": "http://127.0.0.1:9"}, "missing: secret"),
        ("hooks", {"url": "x", "secret": "s"}, "'url' must be an http or https address"),
        ("hooks", {"url": 5, "secret": "s"}, "'url' must be a text"),
        ("hooks/settings", {"drop_chance": 2}, "'drop_chance' must be from 0 to 1"),
        ("hooks/settings", {"speed": 2}, "unknown: speed"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(ehr: Running, what: str, data: Json, sentence: str) -> None:
    answer = ehr.session.post(f"{ehr.address}/control/{what}", json=data, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
