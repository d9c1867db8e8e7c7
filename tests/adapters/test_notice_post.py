"""A notice on its way to an EHR: signed, once, to that address and no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.adapters.notice_post import post_notice
from shared.core.errors import RetryableError
from shared.core.signing import verify_hook
from tests.fakes.clock import START, FakeClock
from tests.receiver import Receiver, Reply, receiver

SECRET = b"a synthetic hook secret"
MESSAGE = {"id": "c-overlap-2026-03-09", "kind": "overlap", "practitioner": "7", "count": 1, "time": "…"}


@pytest.fixture
def ehr() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


def post(url: str) -> None:
    post_notice(f"{url}/notices", SECRET, MESSAGE, FakeClock())


def test_the_ehr_can_tell_that_it_is_ours(ehr: Receiver) -> None:
    post(ehr.url)
    [told] = ehr.received
    assert (told.method, told.path, json.loads(told.body)) == ("POST", "/notices", MESSAGE)
    assert told.headers["content-type"] == "application/json"
    assert verify_hook(told.headers, told.body, [SECRET], START)
    assert not verify_hook(told.headers, told.body, [b"another hook secret"], START)
    assert not verify_hook(told.headers, told.body + b" ", [SECRET], START)
    assert not verify_hook(told.headers, told.body, [SECRET], START + timedelta(minutes=6))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_whatever_is_good_is_good(ehr: Receiver, status: int) -> None:
    ehr.reply = lambda _: Reply(status)
    post(ehr.url)
    assert len(ehr.received) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410, 429, 500, 503])
def test_whatever_is_not_comes_again(ehr: Receiver, status: int) -> None:
    ehr.reply = lambda _: Reply(status, headers={"Retry-After": "600", "Location": f"{ehr.url}/elsewhere"})
    with pytest.raises(RetryableError, match=r"^notice_refused$") as raised:
        post(ehr.url)
    assert raised.value.after_seconds == 600
    assert [each.path for each in ehr.received] == ["/notices"]


def test_where_nobody_answers_it_comes_again_and_the_address_is_in_no_text() -> None:
    with receiver() as listening:
        url = listening.url
    with pytest.raises(RetryableError, match=r"^notice_unanswered$") as raised:
        post(url)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_proxy_of_the_environment_is_not_asked(ehr: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    post(ehr.url)
    assert len(ehr.received) == 1
