"""The sandbox's Cloud Tasks behind the unmodified client, calling a handler over HTTP."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions as google_errors
from google.auth import jwt as google_jwt
from google.protobuf.field_mask_pb2 import FieldMask

from sandbox.tasks.child import tasks_server
from shared.adapters.oidc import OidcVerifier
from shared.core.errors import RejectedError
from tests.fakes.clock import FakeClock
from tests.tasks import LOCATION, START, Control, Target, after, library, tasks_client

pytest_plugins = ["tests.cloud_tasks"]

jwt: Any = google_jwt  # it carries no types
DAY_SECONDS = 86_400.0
SOMEBODY = {"service_account_email": "tasks@demo.example.com"}


@pytest.fixture
def queue(queue_id: str) -> str:
    return f"{LOCATION}/queues/{queue_id}"


@pytest.fixture
def add(client: Any, queue: str, target: Target, control: Control) -> Callable[..., Any]:
    """Make a task: fields of its HTTP request by name, `name` and other fields of the task in `task`."""

    def make(name: str | None = None, task: dict[str, Any] | None = None, **request: Any) -> Any:
        made = {"http_request": {"url": target.url, **request}, **(task or {})}
        if name:
            made["name"] = f"{queue}/tasks/{name}"
        return client.create_task(parent=queue, task=made)

    assert control("GET", "control/clock")["now"] == START.isoformat()
    return make


def only(target: Target) -> Any:
    (call,) = target.calls
    return call


# --- tasks ----------------------------------------------------------------------------------------------


def test_a_task_reaches_its_target_as_it_was_made(
    add: Callable[..., Any], control: Control, target: Target, queue_id: str
) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "mine", "X-Google-Mine": "1", "X-Own": "2"}
    add("a", body=b'{"n": 1}', headers=headers)
    assert control.run() == 1
    call = only(target)
    assert (call.method, call.path, call.body) == ("POST", "/run", b'{"n": 1}')
    told = {name: value for name, value in call.headers.items() if name.lower().startswith("x-")}
    assert told == {
        "X-Own": "2",
        "X-CloudTasks-QueueName": queue_id,
        "X-CloudTasks-TaskName": "a",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": f"{START.timestamp():.6f}",
    }
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert control.waiting(queue_id) == []


def test_nothing_is_sent_without_being_asked_for(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    add(http_method=library.HttpMethod.GET)
    control.run()
    call = only(target)
    assert (call.method, call.body) == ("GET", b"")
    assert "content-type" not in call.headers
    assert "authorization" not in call.headers


def test_a_task_is_answered_as_it_was_made(add: Callable[..., Any], client: Any, target: Target) -> None:
    due = after(60)
    made = add("a", {"schedule_time": due}, body=b"content")
    assert made.name.endswith("/tasks/a")
    assert (made.schedule_time, made.create_time) == (due, START)
    assert made.dispatch_deadline == timedelta(minutes=10)
    assert (made.http_request.url, made.http_request.body) == (target.url, b"")  # BASIC leaves it out
    full = client.get_task(request={"name": made.name, "response_view": library.Task.View.FULL})
    assert full.http_request.body == b"content"
    assert full.http_request.http_method == library.HttpMethod.POST


def test_a_task_without_a_name_gets_one_of_its_own(add: Callable[..., Any], queue: str) -> None:
    names = {add().name for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith(f"{queue}/tasks/") for name in names)


def test_a_task_waits_for_its_time(
    add: Callable[..., Any], control: Control, target: Target, client: Any
) -> None:
    add("later", {"schedule_time": after(60)})
    past = add("past", {"schedule_time": after(-60)})
    assert past.schedule_time == START
    assert control.run() == 1
    control.stand_at(after(60))
    assert control.run() == 1
    assert [call.headers["X-CloudTasks-TaskName"] for call in target.calls] == ["past", "later"]
    with pytest.raises(google_errors.NotFound):
        client.get_task(name=past.name)


def test_a_name_is_taken_for_a_day_after_its_task_was_done(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    add("a")
    with pytest.raises(google_errors.AlreadyExists):
        add("a")
    control.run()
    control.stand_at(after(DAY_SECONDS - 1))
    with pytest.raises(google_errors.AlreadyExists):
        add("a")
    control.stand_at(after(DAY_SECONDS))
    add("a")
    control.run()
    assert len(target.calls) == 2


def test_a_deleted_task_does_not_run_and_keeps_its_name(
    add: Callable[..., Any], client: Any, control: Control, target: Target
) -> None:
    made = add("a")
    client.delete_task(name=made.name)
    assert control.run() == 0
    assert target.calls == []
    with pytest.raises(google_errors.NotFound):
        client.delete_task(name=made.name)
    with pytest.raises(google_errors.AlreadyExists):
        add("a")


REFUSED: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "no_target": ({"http_request": {}}, google_errors.InvalidArgument),
    "other_scheme": ({"http_request": {"url": "ftp://example.com"}}, google_errors.InvalidArgument),
    "long_url": ({"http_request": {"url": f"http://{'a' * 2077}"}}, google_errors.InvalidArgument),
    "body_of_get": (
        {"http_request": {"http_method": library.HttpMethod.GET, "body": b"x"}},
        google_errors.InvalidArgument,
    ),
    "large": ({"http_request": {"body": bytes(100 * 1024)}}, google_errors.InvalidArgument),
    "far_ahead": ({"schedule_time": after(30 * DAY_SECONDS + 1)}, google_errors.InvalidArgument),
    "short_deadline": ({"dispatch_deadline": timedelta(seconds=14)}, google_errors.InvalidArgument),
    "long_deadline": ({"dispatch_deadline": timedelta(minutes=31)}, google_errors.InvalidArgument),
    "token_of_nobody": ({"http_request": {"oidc_token": {"audience": "x"}}}, google_errors.InvalidArgument),
    "oauth": ({"http_request": {"oauth_token": SOMEBODY}}, google_errors.MethodNotImplemented),
    "app_engine": ({"app_engine_http_request": {"body": b""}}, google_errors.MethodNotImplemented),
    "illegal_name": ({"name": "a.b"}, google_errors.InvalidArgument),
    "empty_name": ({"name": " "}, google_errors.InvalidArgument),
    "long_name": ({"name": "a" * 501}, google_errors.InvalidArgument),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cloud_tasks_takes_no_task_of_is_refused(
    client: Any, queue: str, target: Target, control: Control, case: str
) -> None:
    fields, error = REFUSED[case]
    task = dict(fields)
    if "app_engine_http_request" not in task:
        empty = fields.get("http_request") == {}
        task["http_request"] = {} if empty else {"url": target.url, **fields.get("http_request", {})}
    if "name" in task:
        task["name"] = f"{queue}/tasks/{task['name']}"
    with pytest.raises(error):
        client.create_task(parent=queue, task=task)
    assert control.run() == 0


def test_what_lies_just_within_the_limits_is_taken(add: Callable[..., Any]) -> None:
    add("a" * 500, {"schedule_time": after(30 * DAY_SECONDS), "dispatch_deadline": timedelta(minutes=30)})
    add("b_-9", body=bytes(100 * 1024 - 200))


def test_a_task_lies_in_the_queue_it_is_made_in(client: Any, queue: str, target: Target) -> None:
    task = {"name": f"{LOCATION}/queues/other/tasks/a", "http_request": {"url": target.url}}
    with pytest.raises(google_errors.InvalidArgument):
        client.create_task(parent=queue, task=task)
    with pytest.raises(google_errors.NotFound):
        client.create_task(parent=f"{LOCATION}/queues/other", task=task)


def test_tasks_are_listed_in_pages(add: Callable[..., Any], client: Any, queue: str) -> None:
    for name in "cab":
        add(name)
    pages = list(client.list_tasks(request={"parent": queue, "page_size": 2}).pages)
    assert [[task.name[-1] for task in page.tasks] for page in pages] == [["a", "b"], ["c"]]


# --- tokens ---------------------------------------------------------------------------------------------


def claims_of(call: Any, control: Control, audience: str) -> dict[str, Any]:
    """Checked as a function does it: signature, times and audience."""
    scheme, _, token = call.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return dict(jwt.decode(token, certs=control("GET", "certs"), audience=audience))


def test_a_token_names_the_account_and_is_meant_for_the_audience(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    token = {**SOMEBODY, "audience": "https://sync.example.com"}
    add(oidc_token=token, headers={"authorization": "mine"})
    control.run()
    claims = claims_of(only(target), control, "https://sync.example.com")
    assert (claims["iss"], claims["email"]) == ("https://accounts.google.com", "tasks@demo.example.com")
    assert claims["email_verified"] is True
    assert claims["exp"] - claims["iat"] == 3600


def test_the_products_own_check_lets_a_token_in_by_the_published_keys(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    audience = "https://sync.example.com"
    verifier = OidcVerifier(
        SOMEBODY["service_account_email"], audience, FakeClock(), certs_url=f"{control.address}/certs"
    )
    for each in (audience, "https://other.example.com"):
        add(oidc_token={**SOMEBODY, "audience": each})
    control.run()
    held = []
    for call in target.calls:
        with contextlib.suppress(RejectedError):
            verifier.verify(call.headers["Authorization"])
            held.append(call)
    assert len(held) == 1


def test_a_token_without_audience_is_meant_for_the_full_target(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    add(url=f"{target.url}?x=1", oidc_token=SOMEBODY)
    control.run()
    claims_of(only(target), control, f"{target.url}?x=1")


def test_a_token_is_no_proof_with_another_key(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    add(oidc_token=SOMEBODY)
    control.run()
    with tasks_server() as other, pytest.raises(ValueError, match="key id"):
        claims_of(only(target), Control(other.control), target.url)


# --- attempts -------------------------------------------------------------------------------------------


def test_a_failed_attempt_is_repeated_and_the_handler_is_told(
    add: Callable[..., Any], control: Control, target: Target, client: Any, queue_id: str
) -> None:
    statuses = [404, 500, 204]
    target.answer = lambda _: statuses.pop(0)
    retries = {"min_backoff": timedelta(seconds=10), "max_attempts": 5}
    made = add("a", {"retry_config": retries})
    control.run()
    told = client.get_task(name=made.name)
    assert (told.dispatch_count, told.response_count) == (1, 1)
    assert told.last_attempt.response_status.message == "HTTP 404"
    assert (told.first_attempt.dispatch_time, told.schedule_time) == (START, after(10))
    for seconds in (10, 30):
        assert control.run() == 0
        control.stand_at(after(seconds))
        assert control.run() == 1
    names = ("RetryCount", "ExecutionCount", "PreviousResponse", "RetryReason", "ETA")
    headers = [[call.headers[f"X-CloudTasks-Task{name}"] for name in names] for call in target.calls]
    assert headers == [
        ["0", "0", None, None, f"{START.timestamp():.6f}"],
        ["1", "1", "404", "HTTP 404", f"{after(10).timestamp():.6f}"],
        ["2", "1", "500", "HTTP 500", f"{after(30).timestamp():.6f}"],
    ]
    seen = [(each["attempt"], each["status"], each["result"]) for each in control.attempts(queue_id)]
    assert seen == [(1, 404, "retry"), (2, 500, "retry"), (3, 204, "done")]


def test_a_redirect_is_no_success(add: Callable[..., Any], control: Control, target: Target) -> None:
    target.answer = lambda _: (302, {"location": target.url})
    add("a")
    assert control.run() == 1
    assert len(target.calls) == 1


def test_a_task_is_dropped_after_its_last_attempt(
    add: Callable[..., Any], control: Control, target: Target, queue_id: str
) -> None:
    target.answer = lambda _: 400
    add("a", {"retry_config": {"max_attempts": 2}})
    control.run()
    control.stand_at(after(3600))
    control.run()
    assert [each["result"] for each in control.attempts(queue_id)] == ["retry", "dropped"]
    assert control.waiting(queue_id) == []


def test_a_handler_that_cannot_be_reached_is_tried_again(
    add: Callable[..., Any], control: Control, queue_id: str
) -> None:
    with socket.socket() as deaf:  # bound, so nobody else has it, but not listening
        deaf.bind(("127.0.0.1", 0))
        add("a", url=f"http://127.0.0.1:{deaf.getsockname()[1]}/run")
        control.run()
    (attempt,) = control.attempts(queue_id)
    assert (attempt["status"], attempt["result"]) == (0, "retry")
    assert attempt["reason"].startswith("UNAVAILABLE")
    (waiting,) = control.waiting(queue_id)
    assert (waiting["attempts"], waiting["responses"], waiting["running"]) == (1, 0, False)


@pytest.mark.parametrize("request_", [{"url": "http://127.0.0.1:port/"}, {"headers": {"X-Own": "a\nb"}}])
def test_a_request_that_cannot_be_sent_is_a_failed_attempt(
    add: Callable[..., Any], control: Control, queue_id: str, request_: dict[str, Any]
) -> None:
    add("a", **request_)
    control.run()
    assert [(each["status"], each["result"]) for each in control.attempts(queue_id)] == [(0, "retry")]


def test_past_its_deadline_an_attempt_is_repeated_while_the_handler_still_runs(
    add: Callable[..., Any], control: Control, target: Target, queue_id: str
) -> None:
    first_came, go_on = threading.Event(), threading.Event()

    def answer(call: Any) -> int:
        if call.headers["X-CloudTasks-TaskRetryCount"] == "0":
            first_came.set()
            assert go_on.wait(30)
        return 200

    target.answer = answer
    add("a", {"dispatch_deadline": timedelta(seconds=15)})
    control("POST", "control/settings", {"paused": False})
    assert first_came.wait(30)
    control("POST", "control/settings", {"paused": True})
    control.stand_at(after(15))
    control.run()  # the deadline is noted; the task is due again after its wait
    control.stand_at(after(20))
    assert control.run() == 1
    go_on.set()
    attempts = until(lambda: control.attempts(queue_id), lambda found: len(found) == 3)
    seen = [(each["attempt"], each["reason"], each["result"]) for each in attempts]
    assert seen == [(1, "DEADLINE_EXCEEDED", "retry"), (2, "", "done"), (1, "", "late")]
    retried = target.calls[1].headers
    assert retried["X-CloudTasks-TaskRetryReason"] == "DEADLINE_EXCEEDED"
    assert retried["X-CloudTasks-TaskPreviousResponse"] is None


def until(read: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """What `read` gives once it is enough. Fails after a bound that no healthy run comes near."""
    wait, found = threading.Event(), read()
    for _ in range(3000):
        if enough(found):
            return found
        wait.wait(0.01)
        found = read()
    pytest.fail(f"never enough: {found}")


def test_what_is_due_is_dispatched_without_being_asked(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    control("PUT", "control/clock", {"offset_seconds": 0})
    control("POST", "control/settings", {"paused": False})
    add("now")
    add("soon", {"schedule_time": after(-1)})
    until(lambda: target.calls, lambda calls: len(calls) == 2)


def test_a_change_of_the_clock_wakes_the_dispatcher(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    control("POST", "control/settings", {"paused": False})
    add("later", {"schedule_time": after(3600)})
    control.stand_at(after(3600))
    until(lambda: target.calls, lambda calls: len(calls) == 1)


def test_a_busy_handler_holds_back_its_whole_queue(
    add: Callable[..., Any], control: Control, target: Target
) -> None:
    target.answer = lambda call: (429, {"retry-after": "30"}) if call.body == b"busy" else 200
    add("a", body=b"busy")
    control.run()
    add("b")
    assert control.run() == 0
    control.stand_at(after(30))
    assert control.run() == 2


def test_a_handler_cannot_hold_a_queue_back_for_more_than_an_hour(
    add: Callable[..., Any], control: Control, target: Target, queue_id: str
) -> None:
    target.answer = lambda _: (503, {"retry-after": "9" * 30})
    add("a")
    control.run()
    assert [task["due_at"] for task in control.waiting(queue_id)] == [after(3600).isoformat()]


def test_every_attempt_is_sent_twice_when_duplicates_are_asked_for(
    add: Callable[..., Any], control: Control, target: Target, queue_id: str
) -> None:
    control("POST", "control/settings", {"duplicates": True})
    add("a", body=b"x")
    assert control.run() == 2
    assert target.bodies() == [b"x", b"x"]
    assert sorted(each["result"] for each in control.attempts(queue_id)) == ["done", "late"]


def test_no_order_is_kept_when_none_is_asked_for(
    add: Callable[..., Any], client: Any, queue: str, control: Control, target: Target
) -> None:
    limit = {"name": queue, "rate_limits": {"max_concurrent_dispatches": 1}}
    client.update_queue(queue=limit)
    made = [str(n).encode() for n in range(12)]
    for body in made:
        add(body=body)
    control("POST", "control/settings", {"reorder": True})
    assert control.run() == 12
    assert sorted(target.bodies()) == sorted(made)
    assert target.bodies() != made


# --- queues ---------------------------------------------------------------------------------------------


def test_a_queue_says_what_it_was_not_told(client: Any, queue: str) -> None:
    told = client.get_queue(name=queue)
    assert told.state == library.Queue.State.RUNNING
    limits, retries = told.rate_limits, told.retry_config
    assert (limits.max_dispatches_per_second, limits.max_concurrent_dispatches) == (500, 1000)
    assert (retries.max_attempts, retries.max_doublings) == (100, 16)
    assert (retries.min_backoff, retries.max_backoff) == (timedelta(seconds=0.1), timedelta(hours=1))
    with pytest.raises(google_errors.AlreadyExists):
        client.create_queue(parent=LOCATION, queue={"name": queue})
    assert queue in [each.name for each in client.list_queues(parent=LOCATION)]
    with pytest.raises(google_errors.NotFound):
        client.get_queue(name=f"{LOCATION}/queues/none")


def test_an_update_changes_what_its_mask_names_or_everything(client: Any, queue: str) -> None:
    retries = {"max_attempts": 7, "min_backoff": timedelta(seconds=5)}
    limits = {"max_dispatches_per_second": 5.0, "max_concurrent_dispatches": 10}
    client.update_queue(queue={"name": queue, "retry_config": retries, "rate_limits": limits})
    changed = client.update_queue(
        queue={"name": queue, "retry_config": {"max_attempts": 9}},
        update_mask=FieldMask(paths=["retry_config.max_attempts"]),
    )
    assert (changed.retry_config.max_attempts, changed.retry_config.min_backoff.seconds) == (9, 5)
    assert changed.rate_limits.max_dispatches_per_second == 5.0
    whole = client.update_queue(queue={"name": queue})
    assert (whole.retry_config.max_attempts, whole.rate_limits.max_concurrent_dispatches) == (100, 1000)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"rate_limits": {"max_dispatches_per_second": 501}}, google_errors.InvalidArgument),
        ({"rate_limits": {"max_concurrent_dispatches": 5001}}, google_errors.InvalidArgument),
        ({"retry_config": {"max_attempts": -2}}, google_errors.InvalidArgument),
        ({"retry_config": {"min_backoff": timedelta(hours=2)}}, google_errors.InvalidArgument),
        ({"http_target": {"uri_override": {"host": ""}}}, google_errors.InvalidArgument),
        ({"http_target": {"oidc_token": SOMEBODY}}, google_errors.InvalidArgument),
        ({"http_target": {"oauth_token": SOMEBODY}}, google_errors.MethodNotImplemented),
        ({"app_engine_routing_override": {"service": "x"}}, google_errors.MethodNotImplemented),
        ({"stackdriver_logging_config": {"sampling_ratio": 1}}, google_errors.MethodNotImplemented),
    ],
)
def test_a_queue_is_not_made_beyond_its_limits(
    client: Any, fields: dict[str, Any], error: type[Exception]
) -> None:
    name = f"{LOCATION}/queues/refused"
    with pytest.raises(error):
        client.create_queue(parent=LOCATION, queue={"name": name, **fields})
    with pytest.raises(google_errors.NotFound):
        client.get_queue(name=name)


@pytest.mark.parametrize("name", ["a_b", "", "a" * 101, "x/tasks/y"])
def test_a_queue_has_a_name_of_letters_digits_and_hyphens(client: Any, name: str) -> None:
    with pytest.raises(google_errors.InvalidArgument):
        client.create_queue(parent=LOCATION, queue={"name": f"{LOCATION}/queues/{name}"})


def test_a_paused_queue_keeps_its_tasks_until_it_is_resumed(
    add: Callable[..., Any], client: Any, queue: str, control: Control
) -> None:
    assert client.pause_queue(name=queue).state == library.Queue.State.PAUSED
    add("a")
    assert control.run() == 0
    client.update_queue(queue={"name": queue})  # an update changes no state
    assert control.run() == 0
    client.resume_queue(name=queue)
    assert control.run() == 1


def test_a_purged_queue_has_lost_its_tasks(
    add: Callable[..., Any], client: Any, queue: str, control: Control
) -> None:
    add("a")
    assert client.purge_queue(name=queue).purge_time == START
    assert control.run() == 0
    add("b")
    assert control.run() == 1


def test_a_queue_decides_where_its_tasks_go_and_as_whom(
    add: Callable[..., Any], client: Any, queue: str, control: Control, target: Target
) -> None:
    token = {**SOMEBODY, "audience": "https://sync.example.com"}
    override = {
        "scheme": library.UriOverride.Scheme.HTTP,
        "host": "127.0.0.1",
        "port": target.port,
        "path_override": {"path": "/elsewhere"},
        "query_override": {"query_params": "x=1"},
    }
    client.update_queue(
        queue={
            "name": queue,
            "http_target": {
                "uri_override": override,
                "http_method": library.HttpMethod.PUT,
                "header_overrides": [{"header": {"key": "x-own", "value": "queue"}}],
                "oidc_token": token,
            },
        }
    )
    add(url="https://nowhere.example.com/run?y=2", headers={"X-Own": "task"}, body=b"x")
    control.run()
    call = only(target)
    assert (call.method, call.path, call.body) == ("PUT", "/elsewhere?x=1", b"x")
    assert call.headers.get_all("x-own") == ["queue"]
    assert claims_of(call, control, "https://sync.example.com")["email"] == "tasks@demo.example.com"


def test_a_queue_may_fill_in_only_what_its_tasks_leave_out(
    add: Callable[..., Any], client: Any, queue: str, control: Control, target: Target
) -> None:
    override = {
        "uri_override_enforce_mode": library.UriOverride.UriOverrideEnforceMode.IF_NOT_EXISTS,
        "host": "nowhere.example.com",
        "path_override": {"path": "/elsewhere"},
        "query_override": {"query_params": "x=1"},
    }
    client.update_queue(queue={"name": queue, "http_target": {"uri_override": override}})
    add("a", url=f"{target.url}?y=2")
    add("b", url=target.url.removesuffix("/run"))
    control.run()
    assert sorted(call.path for call in target.calls) == ["/elsewhere?x=1", "/run?y=2"]


def test_a_method_that_is_not_known_is_refused_with_its_name(client: Any, queue: str) -> None:
    with pytest.raises(google_errors.MethodNotImplemented, match="DeleteQueue"):
        client.delete_queue(name=queue)


# --- control --------------------------------------------------------------------------------------------


def test_a_fault_refuses_or_loses_the_answer(
    add: Callable[..., Any], control: Control, queue_id: str
) -> None:
    control("POST", "control/faults", {"operation": "CreateTask", "status": 503})
    with pytest.raises(google_errors.ServiceUnavailable):
        add("refused")
    control("POST", "control/faults", {"operation": "CreateTask", "lost": True})
    with pytest.raises(google_errors.ServiceUnavailable):
        add("lost")
    assert [task["name"] for task in control.waiting(queue_id)] == ["lost"]


@pytest.mark.parametrize(
    ("method", "path", "body", "names"),
    [
        ("POST", "faults", {"operation": "CreateTask"}, "'status'"),
        ("POST", "faults", {"operation": "CreateTask", "status": 418}, "'status' is one of"),
        ("POST", "faults", {"operation": "CreateTask", "status": "503"}, "whole number"),
        ("POST", "faults", {"operation": "CreateTask", "status": 503, "body": "x"}, "for HTTP"),
        ("POST", "settings", {"pause": True}, "unknown setting 'pause'"),
        ("POST", "settings", {"paused": 1}, "true or false"),
        ("PUT", "clock", {"now": 1}, "a clock is"),
        ("GET", "history?since=x", None, "number of an attempt"),
        ("POST", "settings", "{", "no JSON"),
        ("POST", "settings", [1], "no JSON object"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    control: Control, method: str, path: str, body: object, names: str
) -> None:
    status, answer = control.request(method, f"control/{path}", body)
    assert status == 400
    assert names in answer["error"]


def test_the_history_goes_on_from_a_number(add: Callable[..., Any], control: Control) -> None:
    last = control("GET", "control/history")["last"]
    add("a")
    control.run()
    found = control("GET", f"control/history?since={last}")
    assert [entry["name"] for entry in found["attempts"]] == ["a"]
    assert found["last"] == found["attempts"][-1]["number"]


# --- another life ---------------------------------------------------------------------------------------


@pytest.fixture
def killed(tmp_path: Path, target: Target) -> Iterator[Path]:
    """What a server left that was killed in the middle of an attempt, with one task done and one waiting."""
    data, came, go_on = tmp_path / "tasks.jsonl", threading.Event(), threading.Event()

    def answer(call: Any) -> int:
        if call.body != b"done":
            came.set()
            go_on.wait(30)
        return 200

    target.answer = answer
    with started(data) as (child, address, control):
        control.stand_at(START)
        client = tasks_client(address)
        queue = f"{LOCATION}/queues/live"
        client.create_queue(parent=LOCATION, queue={"name": queue})
        for name in ("done", "running"):
            request = {"url": target.url, "body": name.encode()}
            client.create_task(parent=queue, task={"name": f"{queue}/tasks/{name}", "http_request": request})
        later = {"http_request": {"url": target.url, "body": b"later"}, "schedule_time": after(60)}
        client.create_task(parent=queue, task=later)
        assert came.wait(30)
        until(lambda: control.attempts("live"), lambda found: len(found) == 1)
        client.transport.close()
        child.kill()
        child.wait()
    target.calls.clear()
    target.answer = lambda _: 200
    yield data
    go_on.set()


@contextlib.contextmanager
def started(data: Path) -> Iterator[tuple[subprocess.Popen[str], str, Control]]:
    """A server whose process the test holds in its hands, its gRPC address and its control."""
    command = [sys.executable, "-m", "sandbox.tasks", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        grpc_address, control = (child.stdout.readline().split(" on ")[1].strip() for _ in range(2))
        try:
            yield child, grpc_address, Control(control)
        finally:
            child.kill()


def test_a_server_that_was_killed_goes_on_where_it_was(killed: Path, target: Target) -> None:
    with tasks_server("--data", str(killed), "--now", after(60).isoformat()) as addresses:
        client, queue = tasks_client(addresses.grpc), f"{LOCATION}/queues/live"
        until(target.bodies, lambda bodies: len(bodies) == 2)
        assert sorted(target.bodies()) == [b"later", b"running"]
        repeated = next(call for call in target.calls if call.body == b"running")
        assert repeated.headers["X-CloudTasks-TaskRetryCount"] == "1"
        with pytest.raises(google_errors.AlreadyExists):
            client.create_task(
                parent=queue, task={"name": f"{queue}/tasks/done", "http_request": {"url": target.url}}
            )
        unnamed = {"http_request": {"url": target.url, "body": b"another"}}  # with an id of its own again
        client.create_task(parent=queue, task=unnamed)
        until(target.bodies, lambda bodies: b"another" in bodies)
        client.transport.close()


def test_a_last_line_that_was_cut_is_dropped(killed: Path) -> None:
    with killed.open("a") as file:
        file.write('{"$":"Queue","na')
    with tasks_server("--data", str(killed)) as addresses:
        client = tasks_client(addresses.grpc)
        assert [queue.name for queue in client.list_queues(parent=LOCATION)] == [f"{LOCATION}/queues/live"]
        client.transport.close()
    assert all(json.loads(line) for line in killed.read_text().splitlines())


@pytest.mark.parametrize("line", ["[]", "{", '{"$":"Lamp"}', '{"$":"bytes","base64":"eA=="}'])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, line: str) -> None:
    data = tmp_path / "notes.txt"
    data.write_text(f"{line}\n")
    command = [sys.executable, "-m", "sandbox.tasks", "--port", "0", "--data", str(data)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "line 1: this is no journal" in ended.stderr
    assert data.read_text() == f"{line}\n"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    with started(tmp_path / "tasks.jsonl") as (child, _, _control):
        child.send_signal(how)
        assert child.wait(30) == (0 if how is signal.SIGINT else -how)
