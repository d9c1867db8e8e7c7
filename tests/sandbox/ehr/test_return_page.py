from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import requests

from sandbox.ehr.identity import ISSUER, audience_of
from shared.adapters.jwt_verifier import Claims, JwtVerifier, Role, Trust
from tests.fakes.clock import FakeClock
from tests.receiver import Receiver, Reply, receiver
from tests.sandbox.ehr.samples import NOON
from tests.servers import server

PAGE = "/app/calendar-connected"
TIMEOUT_SECONDS = 10
HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """What a reader and a form-filling browser make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.inputs: dict[str, str] = {}
        self.labelled: set[str] = set()
        self.attributes: dict[str, dict[str, str | None]] = {}
        self._texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.attributes[tag] = values
        if tag == "form":
            self.forms.append(values)
        if tag == "input":
            self.inputs[str(values["name"])] = values.get("value") or ""
        if tag == "label":
            self.labelled.add(str(values["for"]))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._texts).split())


class Browser:
    """A person at the EHR's screens: cookies are kept, forms are filled in."""

    def __init__(self, address: str, product: Receiver) -> None:
        self.address = address
        self.product = product
        self.session = requests.Session()

    def get(self, **query: str) -> requests.Response:
        return self.session.get(f"{self.address}{PAGE}", params=query, timeout=TIMEOUT_SECONDS)

    def submit(self, answer: requests.Response, **fields: str) -> requests.Response:
        """Send the one form of the page."""
        page = Page(answer.text)
        (form,) = page.forms
        assert form["method"] == "post"
        url = f"{self.address}{form['action']}"
        return self.session.post(url, data={**page.inputs, **fields}, timeout=TIMEOUT_SECONDS)

    def sign_in(self, practitioner: str) -> requests.Response:
        url, data = f"{self.address}/app/sign-in", {"practitioner": practitioner}
        return self.session.post(url, json=data, timeout=TIMEOUT_SECONDS)

    def finish(self, code: str = "one-time-code") -> requests.Response:
        return self.submit(self.get(code=code))


@pytest.fixture(scope="module")
def product() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def address(product: Receiver) -> Iterator[str]:
    options = ("--now", "2026-11-20T12:00:00Z", "--calsync-api", f"{product.url}/api/")
    with server("sandbox.ehr", *options) as address:
        yield address


@pytest.fixture
def browser(address: str, product: Receiver) -> Iterator[Browser]:
    product.received.clear()
    product.reply = lambda _: says(200, {"google_email": "robin@example.com"})
    browser = Browser(address, product)
    with browser.session:
        yield browser


def says(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


# --- the way through ------------------------------------------------------------------------------------


def test_the_code_goes_to_the_product_under_the_token_of_whoever_is_signed_in(browser: Browser) -> None:
    browser.sign_in("d1")
    answer = browser.finish("one-time-code")
    (call,) = browser.product.received
    assert (call.method, call.path) == ("POST", "/api/v1/practitioners/d1/sync/connect/complete")
    assert json.loads(call.body) == {"code": "one-time-code"}
    scheme, _, token = call.headers["authorization"].partition(" ")
    trust = Trust("demo", ISSUER, audience_of("demo"), f"{browser.address}/jwks")
    claims = JwtVerifier(trust, FakeClock(NOON)).verify(token)
    assert (scheme, claims) == ("Bearer", Claims("demo", "d1", Role.PRACTITIONER))
    assert answer.status_code == 200
    assert "Connected Your calendar is connected with robin@example.com." in Page(answer.text).text


def test_nothing_is_finished_before_the_practitioner_says_so(browser: Browser) -> None:
    browser.sign_in("d1")
    page = browser.get(code="one-time-code")
    assert "You are signed in as practitioner d1." in Page(page.text).text
    assert browser.product.received == []


def test_whoever_is_not_signed_in_signs_in_and_comes_back_with_the_code(browser: Browser) -> None:
    asked = browser.get(code="a+b/c=&d")
    assert asked.status_code == 401
    back = browser.submit(asked, practitioner="d2")
    assert (back.status_code, back.history[0].status_code) == (200, 303)
    browser.submit(back)
    (call,) = browser.product.received
    assert json.loads(call.body) == {"code": "a+b/c=&d"}
    assert call.path == "/api/v1/practitioners/d2/sync/connect/complete"


def test_a_form_without_a_session_finishes_nothing(browser: Browser) -> None:
    answer = browser.session.post(f"{browser.address}{PAGE}", data={"code": "c"}, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 401
    assert Page(answer.text).inputs["query"] == "code=c"
    assert browser.product.received == []


@pytest.mark.parametrize("cookie", ["", "guessed"])
def test_a_cookie_that_was_not_given_is_nobody(browser: Browser, cookie: str) -> None:
    browser.session.cookies.set("sandbox_ehr_session", cookie)
    assert browser.get(code="c").status_code == 401


def test_the_session_comes_along_from_google_and_no_script_reads_it(browser: Browser) -> None:
    cookie = browser.sign_in("d1").headers["Set-Cookie"].lower()
    assert "samesite=lax" in cookie
    assert "httponly" in cookie
    assert "path=/app" in cookie


@pytest.mark.parametrize("data", [{}, {"practitioner": ""}, {"practitioner": 5}])
def test_nobody_cannot_sign_in(browser: Browser, data: dict[str, Any]) -> None:
    answer = browser.session.post(f"{browser.address}/app/sign-in", json=data, timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "'practitioner' must be a practitioner's id"},
    )
    assert "Set-Cookie" not in answer.headers


def test_signing_in_leads_nowhere_else(browser: Browser) -> None:
    answer = browser.session.post(
        f"{browser.address}/app/sign-in",
        data={"practitioner": "d1", "query": "code=c#//else.example/\r\nX: y"},
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
    )
    assert answer.headers["Location"] == f"{PAGE}?code=c%23%2F%2Felse.example%2F%0D%0AX%3A+y"


# --- what can go wrong ----------------------------------------------------------------------------------


def test_a_refusal_at_google_is_told_in_words(browser: Browser) -> None:
    browser.sign_in("d1")
    page = Page(browser.get(error="consent_denied").text)
    assert "You did not allow access to Google Calendar. Nothing was connected. (consent_denied)" in page.text
    assert page.forms == []


def test_an_error_nobody_knows_is_shown_and_finishes_nothing(browser: Browser) -> None:
    browser.sign_in("d1")
    page = Page(browser.get(error="state_expired", code="c").text)
    assert "Please start again from your calendar settings. (state_expired)" in page.text
    assert page.forms == []


def test_a_page_without_a_code_has_nothing_to_finish(browser: Browser) -> None:
    browser.sign_in("d1")
    answer = browser.get()
    assert answer.status_code == 400
    assert "This page was opened without a code." in Page(answer.text).text


@pytest.mark.parametrize(
    ("reply", "status", "sentence"),
    [
        (
            says(409, {"title": "Conflict", "detail": "Another account is connected", "code": "other"}),
            409,
            "Another account is connected",
        ),
        (says(403, {"title": "Another practitioner asked"}), 403, "Another practitioner asked"),
        (says(500, {"detail": 5}), 502, "an unexpected answer (500)"),
        (says(200, {}), 502, "an unexpected answer (200)"),
        (says(200, {"google_email": None}), 502, "an unexpected answer (200)"),
        (says(200, ["robin@example.com"]), 502, "an unexpected answer (200)"),
        (Reply(200, b"<html>"), 502, "an unexpected answer (200)"),
        (Reply(302, headers={"Location": "/"}), 502, "an unexpected answer (302)"),
    ],
)
def test_what_the_product_answers_is_what_is_shown(
    browser: Browser, reply: Reply, status: int, sentence: str
) -> None:
    browser.product.reply = lambda _: reply
    browser.sign_in("d1")
    answer = browser.finish()
    assert answer.status_code == status
    assert sentence in Page(answer.text).text
    assert Page(answer.text).attributes["p"]["role"] == "alert"


def test_a_product_that_is_not_there_is_told(browser: Browser) -> None:
    with receiver() as gone:
        url = gone.url
    control = f"{browser.address}/control/app"
    browser.session.post(control, json={"calsync_api": url}, timeout=TIMEOUT_SECONDS)
    try:
        browser.sign_in("d1")
        answer = browser.finish()
        assert answer.status_code == 502
        assert "The calendar sync could not be reached." in Page(answer.text).text
        browser.session.post(control, json={"calsync_api": ""}, timeout=TIMEOUT_SECONDS)
        assert browser.finish().status_code == 503
    finally:
        data = {"calsync_api": f"{browser.product.url}/api"}
        browser.session.post(control, json=data, timeout=TIMEOUT_SECONDS)


# --- what a page is made of -----------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [says(200, {"google_email": HOSTILE}), says(400, {"detail": HOSTILE})])
def test_nothing_that_came_from_outside_becomes_markup(browser: Browser, reply: Reply) -> None:
    browser.product.reply = lambda _: reply
    asked = browser.get(code=HOSTILE, error=HOSTILE)
    browser.sign_in(HOSTILE)
    refused, offered = browser.get(error=HOSTILE), browser.get(code=HOSTILE)
    result = browser.submit(offered)
    assert not any("script" in Page(answer.text).tags for answer in (asked, refused, offered, result))
    assert all(HOSTILE in Page(answer.text).text for answer in (refused, offered, result))
    assert Page(offered.text).inputs == {"code": HOSTILE}
    (call,) = browser.product.received
    assert json.loads(call.body) == {"code": HOSTILE}
    person = "%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%27%26"
    assert call.path == f"/api/v1/practitioners/{person}/sync/connect/complete"


def test_every_page_can_be_read_and_used_without_seeing_it(browser: Browser) -> None:
    asked = browser.get(code="c")
    browser.sign_in("d1")
    for answer in (asked, browser.get(code="c"), browser.get(error="e"), browser.get(), browser.finish()):
        page = Page(answer.text)
        assert answer.text.startswith("<!doctype html>")
        assert page.attributes["html"]["lang"] == "en"
        assert (page.tags.count("h1"), page.tags.count("main"), page.tags.count("title")) == (1, 1, 1)
        heading = re.search(r"<h1>(.*)</h1>", answer.text)
        assert heading is not None
        assert f"<title>{heading[1]} - Sandbox EHR</title>" in answer.text
        visible = set(page.inputs) - set(re.findall(r'type="hidden" name="(\w+)"', answer.text))
        assert visible <= page.labelled


def test_no_page_is_kept_framed_or_told_to_others(browser: Browser) -> None:
    headers = browser.get(code="c").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
