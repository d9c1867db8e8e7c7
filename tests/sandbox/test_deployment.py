"""A whole deployment on this machine: what it can be made to go through."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.children import ChildFailedError
from sandbox.deployment.deployment import Deployment, deployed
from sandbox.deployment.plan import PARTS, PROJECT, Plan, Server
from sandbox.serving import argument_parser
from shared.adapters.clock import FileClock
from shared.app.jobs import FeedTask, later
from shared.clients import cloud_tasks
from shared.settings import PREFIX, Function, load, used_by
from tests.eventually import eventually
from tests.loopback import OTHER, needs_other


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed(Plan(tick_seconds=0)) as deployment:
        yield deployment


def listens(url: str) -> bool:
    address = urlsplit(url if "//" in url else f"//{url}")
    with socket.socket() as sock:
        return sock.connect_ex((address.hostname, address.port)) == 0


def test_every_part_is_a_process_of_its_own_and_serves(deployment: Deployment) -> None:
    assert len({deployment.processes[part].pid for part in PARTS}) == len(PARTS) == 11
    for function, url in deployment.at.functions.items():
        assert requests.get(f"{url}/health", timeout=10).json()["function"] == function.value


@pytest.mark.parametrize("function", Function)
def test_a_function_is_given_the_settings_it_reads_and_no_others(
    deployment: Deployment, function: Function
) -> None:
    given = deployment.environment(function)
    assert {name.removeprefix(PREFIX).lower() for name in given} <= set(used_by(function))
    assert load(function, given).project == PROJECT


def test_the_scheduler_gets_in_to_the_renewer_and_nobody_else_does(deployment: Deployment) -> None:
    assert deployment.scheduler.tick()["status"] == 204
    forged = requests.post(deployment.at.functions[Function.CHANNEL_RENEWER], timeout=10)
    assert forged.status_code == 403
    assert "renewal.done" in [line["event"] for line in deployment.lines(Function.CHANNEL_RENEWER)]


def test_a_change_in_the_ehr_is_told_to_the_webhook_and_becomes_a_job(deployment: Deployment) -> None:
    today = datetime.now(UTC).date().isoformat()
    deployment.ehr.seed(today=today, seed=1, appointments=60)
    row = next(row for row in deployment.ehr.appointments() if row["status"] == "booked")
    deployment.ehr.staff("cancel", appointment=row["id"])
    heard = eventually(lambda: deployment.lines(Function.PUSH_WEBHOOK), "the hook was heard")
    assert heard[-1] == {"severity": "INFO", "event": "webhook", "status": 202}
    done = eventually(lambda: of_live(deployment), "the job was run")
    assert done[-1]["status"] == 200


def of_live(deployment: Deployment) -> list[dict[str, Any]]:
    return [attempt for attempt in deployment.tasks.attempts() if attempt["queue"] == "live"]


def test_a_function_that_is_killed_comes_back_where_it_was(deployment: Deployment) -> None:
    function = Function.SYNC_TASK
    url, pid = deployment.at.functions[function], deployment.processes[function].pid
    deployment.kill(function)
    assert not listens(url)
    deployment.start(function)
    assert requests.get(f"{url}/health", timeout=10).ok
    assert deployment.processes[function].pid != pid


def test_what_waits_in_a_queue_outlives_its_server(deployment: Deployment) -> None:
    settings = load(Function.PUSH_WEBHOOK, deployment.environment(Function.PUSH_WEBHOOK))
    tasks = cloud_tasks(settings)
    tasks.enqueue(later(FeedTask("demo"), datetime.now(UTC) + timedelta(days=1)))
    tasks.close()
    before = deployment.tasks.waiting()
    assert len(before) == 1
    deployment.kill(Server.TASKS)
    deployment.start(Server.TASKS)
    assert deployment.tasks.waiting() == before


def test_the_time_of_everything_is_set_at_once(deployment: Deployment) -> None:
    clock = FileClock(deployment.environment(Function.SYNC_TASK)["CALSYNC_CLOCK_FILE"])
    deployment.set_ahead(timedelta(days=3))
    try:
        assert clock.now() > datetime.now(UTC) + timedelta(days=2)
        assert deployment.scheduler.tick()["status"] == 204
        event = deployment.google.add_account("a@example.com", "UTC", "A").sub
        made = deployment.google.user(event, "create", calendar="primary", body=hour_from(clock.now()))
        assert made["created"] > (datetime.now(UTC) + timedelta(days=2)).isoformat()
    finally:
        deployment.set_ahead(timedelta(0))


def test_a_server_that_comes_back_has_everybodys_time(deployment: Deployment) -> None:
    deployment.set_ahead(timedelta(days=3))
    try:
        deployment.restart(Server.SCHEDULER)
        ticked = datetime.fromisoformat(deployment.scheduler.tick()["scheduled_at"])
        assert ticked > datetime.now(UTC) + timedelta(days=2)
    finally:
        deployment.set_ahead(timedelta(0))


def hour_from(now: datetime) -> dict[str, Any]:
    end = now + timedelta(hours=1)
    return {"start": {"dateTime": now.isoformat()}, "end": {"dateTime": end.isoformat()}}


# --- coming and going -------------------------------------------------------------------------------------


def test_other_settings_hold_from_the_next_start_on_and_wrong_ones_are_named(deployment: Deployment) -> None:
    function = Function.CHANNEL_RENEWER
    deployment.stop(function)
    deployment.configure(function, {"LOOK_MINUTES": "7"})
    with pytest.raises(
        ChildFailedError, match=r"channel_renewer ended(.|\n)*CALSYNC_LOOK_MINUTES cannot be read"
    ):
        deployment.start(function)
    deployment.configure(function, {"LOOK_MINUTES": "1"})
    deployment.start(function)
    assert deployment.scheduler.tick()["status"] == 204


def test_in_the_end_nobody_listens_and_no_file_is_left() -> None:
    with deployed(Plan(parts=(Server.GOOGLE, Function.OAUTH_CALLBACK))) as deployment:
        urls = [deployment.at.google, deployment.at.functions[Function.OAUTH_CALLBACK]]
        assert all(map(listens, urls))
        assert not listens(deployment.at.ehr)
    assert not any(map(listens, urls))
    assert not deployment.folder.exists()


def test_a_part_that_does_not_come_up_ends_the_others() -> None:
    plan = Plan(parts=(Server.GOOGLE, Function.PUSH_WEBHOOK), settings={"BUCKET_S": "soon"})
    with pytest.raises(ChildFailedError, match="push_webhook ended"), deployed(plan):
        raise AssertionError("it came up")


def test_whoever_waits_for_it_may_give_up() -> None:
    def give_up() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), deployed(Plan(parts=(Server.GOOGLE,)), give_up):
        raise AssertionError("it came up")


@needs_other
def test_two_deployments_live_side_by_side(deployment: Deployment) -> None:
    with deployed(Plan(parts=(Server.GOOGLE,), host=OTHER)) as other:
        other.google.add_account("b@example.com", "UTC", "B")
        assert other.at.google.startswith(f"http://{OTHER}:")
    assert listens(deployment.at.google)


def test_nobody_else_than_this_machine_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        argument_parser("google", "").parse_args(["--port", "0", "--host", "0.0.0.0"])
    assert "'0.0.0.0' is no address of loopback" in capsys.readouterr().err
