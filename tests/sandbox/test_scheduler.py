"""The sandbox's Cloud Scheduler: its schedule without a clock, and all of it calling a handler over HTTP."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth import jwt as google_jwt

from sandbox.exchange import exchange
from sandbox.oidc import Identity
from sandbox.scheduler.__main__ import parse
from sandbox.scheduler.model import Attempt, Result, Schedule
from sandbox.scheduler.sending import Job, headers
from sandbox.scheduler.service import Settings
from shared.adapters.oidc import OidcVerifier
from shared.core.errors import RejectedError
from tests.fakes.clock import FakeClock
from tests.receiver import WAIT_SECONDS, Received, Receiver, Reply, receiver
from tests.servers import server
from tests.tasks import START, Control, after

jwt: Any = google_jwt  # it carries no types
MINUTE = timedelta(minutes=1)
EMAIL, AUDIENCE = "scheduler@demo.example.com", "https://renew.example.com"


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as target:
        yield target


# --- the schedule ---------------------------------------------------------------------------------------


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(MINUTE, START)


def only(attempts: list[Attempt]) -> Attempt:
    (attempt,) = attempts
    return attempt


def fail(schedule: Schedule, attempt: Attempt, now: datetime, retry_count: int = 0) -> Result:
    return schedule.end(attempt, now, succeeded=False, retry_count=retry_count)


def succeed(schedule: Schedule, attempt: Attempt, now: datetime) -> Result:
    return schedule.end(attempt, now, succeeded=True, retry_count=5)


def test_it_ticks_on_the_minute_and_names_it(schedule: Schedule) -> None:
    assert schedule.begin(START) == []
    assert schedule.next_time() == after(60)
    assert schedule.begin(after(59.9)) == []
    attempt = only(schedule.begin(after(61)))
    assert (attempt.scheduled_at, attempt.number, attempt.forced) == (after(60), 1, False)
    assert schedule.begin(after(61)) == []
    assert schedule.next_time() == after(120)


def test_ticks_do_not_depend_on_when_it_was_started() -> None:
    schedule = Schedule(MINUTE, after(59.9))
    assert schedule.next_time() == after(60)
    assert only(schedule.begin(after(60))).scheduled_at == after(60)


def test_of_the_ticks_that_went_by_only_the_last_one_is_made_up_for(schedule: Schedule) -> None:
    assert only(schedule.begin(after(3600 + 30))).scheduled_at == after(3600)


def test_a_tick_is_lost_while_a_run_is_open(schedule: Schedule) -> None:
    running = only(schedule.begin(after(60)))
    assert schedule.begin(after(120)) == []
    succeed(schedule, running, after(130))
    assert schedule.begin(after(131)) == []
    assert only(schedule.begin(after(180))).scheduled_at == after(180)


def test_a_failure_is_not_tried_again_unless_that_was_asked_for(schedule: Schedule) -> None:
    assert fail(schedule, only(schedule.begin(after(60))), after(61)) is Result.FAILED
    assert schedule.next_time() == after(120)
    assert only(schedule.begin(after(120))).number == 1


def test_retries_wait_twice_as_long_each_time_and_keep_their_instant(schedule: Schedule) -> None:
    attempt, now = only(schedule.begin(after(60))), after(60)
    for number, seconds in enumerate((5, 10, 20, 40, 80), start=2):
        assert fail(schedule, attempt, now, 5) is Result.RETRY
        due = now + timedelta(seconds=seconds)
        assert schedule.begin(due - timedelta(microseconds=1)) == []
        attempt, now = only(schedule.begin(due)), due
        assert (attempt.scheduled_at, attempt.number) == (after(60), number)
    assert fail(schedule, attempt, now, 5) is Result.FAILED
    assert only(schedule.begin(after(240))).scheduled_at == after(240)


def test_a_retry_that_succeeds_ends_its_run(schedule: Schedule) -> None:
    fail(schedule, only(schedule.begin(after(60))), after(60), 1)
    assert schedule.next_time() == after(65)
    assert succeed(schedule, only(schedule.begin(after(65))), after(66)) is Result.DONE
    assert only(schedule.begin(after(120))).scheduled_at == after(120)


def test_what_is_forced_waits_for_nothing_and_is_said_to_be_for_the_next_tick(schedule: Schedule) -> None:
    running = only(schedule.begin(after(60)))
    forced = schedule.force(after(70))
    assert (forced.scheduled_at, forced.forced) == (after(120), True)
    succeed(schedule, running, after(80))
    assert schedule.begin(after(120)) == []  # the forced run is open
    succeed(schedule, forced, after(130))
    assert only(schedule.begin(after(180))).forced is False


def test_without_a_period_it_runs_only_when_it_is_told_to() -> None:
    schedule = Schedule(timedelta(0), START)
    assert schedule.next_time() is None
    assert schedule.begin(after(86_400)) == []
    forced = schedule.force(after(7))
    assert forced.scheduled_at == after(7)
    assert fail(schedule, forced, after(7), 1) is Result.RETRY
    assert only(schedule.begin(after(12))).number == 2


def test_what_is_skipped_does_not_come_back(schedule: Schedule) -> None:
    schedule.skip(after(600))
    assert schedule.begin(after(659)) == []
    assert schedule.next_time() == after(660)
    schedule.skip(START)  # a clock that was set back
    assert only(schedule.begin(after(60))).scheduled_at == after(60)


# --- the request ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheduled_at", "written"),
    [
        (datetime(2026, 3, 2, 8, tzinfo=UTC), "2026-03-02T00:00:00-08:00"),
        (datetime(2026, 7, 1, 12, 30, 0, 416739, tzinfo=UTC), "2026-07-01T05:30:00.416739-07:00"),
    ],
)
def test_instants_are_written_with_an_offset_that_is_not_that_of_utc(
    scheduled_at: datetime, written: str
) -> None:
    told = headers(Job("renew", "http://127.0.0.1/", Identity(EMAIL, AUDIENCE)), scheduled_at)
    assert told["X-CloudScheduler-ScheduleTime"] == written
    assert datetime.fromisoformat(written) == scheduled_at


def test_a_handler_that_takes_too_long_has_not_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = exchange("POST", f"http://127.0.0.1:{silent.getsockname()[1]}", {}, b"", 0.05)
    assert (answer.status, answer.reason) == (0, "DEADLINE_EXCEEDED")


def test_a_handler_that_is_not_there_has_not_answered() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # the port is taken, and nobody listens
        answer = exchange("POST", f"http://127.0.0.1:{deaf.getsockname()[1]}", {}, b"", 20)
    assert (answer.status, answer.reason) == (0, "UNAVAILABLE: ConnectionRefusedError")


def test_no_redirect_is_followed(target: Receiver) -> None:
    target.reply = lambda _: Reply(302, headers={"Location": "/elsewhere"})
    answer = exchange("POST", target.url, {}, b"", 20)
    assert (answer.status, answer.reason) == (302, "HTTP 302")
    assert len(target.received) == 1


# --- the server -----------------------------------------------------------------------------------------


@pytest.fixture
def control(target: Receiver) -> Iterator[Control]:
    """A scheduler whose clock stands at START."""
    arguments = ("--target", f"{target.url}/renew?all=1", "--audience", AUDIENCE, "--email", EMAIL)
    with server("sandbox.scheduler", *arguments, "--job", "renew", "--now", START.isoformat()) as address:
        control = Control(address)
        control.stand_at(START)
        yield control


def ended(control: Control, count: int) -> list[dict[str, Any]]:
    """The first attempts, once so many have come to an end: the target knows of each a little sooner."""
    give_up = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < give_up:
        attempts: list[dict[str, Any]] = control("GET", "control/history")["attempts"]
        if len(attempts) >= count:
            return attempts[:count]
        time.sleep(0.01)
    raise AssertionError(f"fewer than {count} attempts ended within {WAIT_SECONDS} s")


def instant(request: Received) -> datetime:
    return datetime.fromisoformat(request.headers["x-cloudscheduler-scheduletime"])


def test_a_tick_calls_the_target_as_cloud_scheduler_does(control: Control, target: Receiver) -> None:
    ticked = control("POST", "control/tick")
    assert (ticked["status"], ticked["reason"], ticked["result"], ticked["forced"]) == (200, "", "done", True)
    (request,) = target.received
    assert (request.method, request.path, request.body) == ("POST", "/renew?all=1", b"")
    assert request.headers["user-agent"] == "Google-Cloud-Scheduler"
    assert request.headers["content-length"] == "0"
    assert {name: value for name, value in request.headers.items() if name.startswith("x-")} == {
        "x-cloudscheduler": "true",
        "x-cloudscheduler-jobname": "renew",
        "x-cloudscheduler-scheduletime": "2026-03-02T00:01:00-08:00",
    }
    assert control("GET", "control/history") == {"last": 1, "attempts": [ticked]}
    assert control("GET", "control/history?since=1") == {"last": 1, "attempts": []}


def test_its_token_opens_its_audience_and_no_other(control: Control, target: Receiver) -> None:
    control("POST", "control/tick")
    authorization = target.received[0].headers["authorization"]
    scheme, _, token = authorization.partition(" ")
    assert scheme == "Bearer"
    assert jwt.decode_header(token)["alg"] == "RS256"
    claims = jwt.decode(token, verify=False)
    assert claims["iss"] == "https://accounts.google.com"
    assert (claims["aud"], claims["email"], claims["email_verified"]) == (AUDIENCE, EMAIL, True)

    certs_url = f"{control.address}/certs"
    OidcVerifier(EMAIL, AUDIENCE, FakeClock(), certs_url=certs_url).verify(authorization)
    for email, audience, reason in (
        (EMAIL, "https://other.example.com", "oidc_invalid"),
        ("other@demo.example.com", AUDIENCE, "oidc_email"),
    ):
        with pytest.raises(RejectedError) as refused:
            OidcVerifier(email, audience, FakeClock(), certs_url=certs_url).verify(authorization)
        assert refused.value.reason == reason


def test_it_ticks_by_itself_when_its_clock_comes_to_the_minute(control: Control, target: Receiver) -> None:
    for number in (1, 2):
        control.stand_at(after(60 * number))
        assert ended(control, number)[-1]["forced"] is False
    assert [instant(request) for request in target.received] == [after(60), after(120)]


def test_a_failure_is_tried_again_as_often_as_was_set(control: Control, target: Receiver) -> None:
    target.reply = lambda _: Reply(500)
    settings = {"retry_count": 1, "attempt_deadline_seconds": 30}
    assert control("POST", "control/settings", settings) == {"paused": False, **settings}
    first = control("POST", "control/tick")
    assert (first["status"], first["reason"], first["result"]) == (500, "HTTP 500", "retry")
    control.stand_at(after(5))
    assert [(each["attempt"], each["result"]) for each in ended(control, 2)] == [(1, "retry"), (2, "failed")]
    one, other = ({**request.headers, "authorization": ""} for request in target.received)
    assert one == other  # nothing tells a retry


def test_paused_it_sends_only_what_it_is_told_to_and_makes_up_for_nothing(
    control: Control, target: Receiver
) -> None:
    control("POST", "control/settings", {"paused": True})
    control.stand_at(after(600))
    control("POST", "control/tick")
    control("POST", "control/settings", {"paused": False})
    control.stand_at(after(720))
    assert [each["forced"] for each in ended(control, 2)] == [True, False]
    assert [instant(request) for request in target.received] == [after(660), after(720)]


def test_a_clock_that_was_set_back_ticks_on_from_there(control: Control, target: Receiver) -> None:
    control.stand_at(after(600))
    ended(control, 1)
    control.stand_at(START)
    control.stand_at(after(60))
    ended(control, 2)
    assert [instant(request) for request in target.received] == [after(600), after(60)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"paused": 1}, "'paused'"),
        ({"retry_count": 6}, "'retry_count'"),
        ({"retry_count": -1}, "'retry_count'"),
        ({"retry_count": True}, "'retry_count'"),
        ({"attempt_deadline_seconds": 14.9}, "'attempt_deadline_seconds'"),
        ({"attempt_deadline_seconds": 1801}, "'attempt_deadline_seconds'"),
        ({"attempt_deadline_seconds": "30"}, "'attempt_deadline_seconds'"),
        ({"every": 1}, "unknown: every"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings().changed({"retry_count": 1, **wrong})


def test_a_wrong_request_is_told_why(control: Control) -> None:
    for method, path, body in (
        ("POST", "control/settings", {"paused": "yes"}),
        ("PUT", "control/clock", {"fixed": "noon"}),
        ("GET", "control/history?since=x", None),
        ("POST", "control/tick", "{"),
    ):
        status, answer = control.request(method, path, body)
        assert (status, list(answer)) == (400, ["error"])
    assert control("GET", "control/settings") == vars(Settings())
    assert control("GET", "control/clock")["now"] == START.isoformat()


# --- the program ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--target", "ftp://127.0.0.1/"),
        ("--target", "127.0.0.1:80"),
        ("--audience", ""),
        ("--email", ""),
        ("--every", "-1"),
        ("--every", "1.5"),
        ("--job", "a/b"),
        ("--now", "noon"),
    ],
)
def test_a_wrong_argument_is_named(name: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"--target": "http://127.0.0.1:9/", "--audience": AUDIENCE, "--email": EMAIL, name: value}
    with pytest.raises(SystemExit):
        parse([f"{each}={text}" for each, text in given.items()])
    assert f"argument {name}: " in capsys.readouterr().err


def test_by_default_it_ticks_every_minute_on_a_free_port() -> None:
    arguments = parse(["--target", "https://renew.example.com", "--audience", AUDIENCE, "--email", EMAIL])
    assert (arguments.every, arguments.port, arguments.now) == (MINUTE, 0, None)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_when_it_is_told_to(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "sandbox.scheduler", "--target", "http://127.0.0.1:9/"]
    command += ["--audience", AUDIENCE, "--email", EMAIL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().startswith("sandbox scheduler on http://127.0.0.1:")
            child.send_signal(how)
            assert child.wait(30) == (0 if how is signal.SIGINT else -how)
        finally:
            child.kill()
