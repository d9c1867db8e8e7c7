"""The demo's browser: what it takes from a page, and what it sends."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest

from sandbox.demo.browser import Browser
from sandbox.demo.errors import DemoError

PAGE = """<html><head><title>T</title><style>body { color: red }</style></head><body><h1>Choose</h1>
<form method="post" action="/answer"><input type="hidden" name="state" value="s&amp;1">
<input type="radio" name="account" value="1"><input type="radio" name="account" value="2" checked>
<input type="checkbox" name="granted" value="a" checked><input type="checkbox" name="granted" value="b">
<input type="checkbox" name="granted" value="c" checked><input name="practitioner">
<button name="decision" value="deny">Cancel</button><button name="decision" value="allow">Allow</button>
</form><form action="/other"><input type="hidden" name="not" value="sent"></form></body></html>"""


class Site(http.server.BaseHTTPRequestHandler):
    sent: list[list[tuple[str, str]]]

    def do_GET(self) -> None:
        if self.path == "/old":
            self.answer(302, "", {"Location": "/page", "Set-Cookie": "session=1; Path=/"})
        else:
            self.answer(200, PAGE if self.path == "/page" else f"<p>{self.headers['Cookie']}</p>", {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.sent.append(parse_qsl(body, keep_blank_values=True))
        self.answer(303, "", {"Location": "/end"})

    def answer(self, status: int, body: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[tuple[str, list[list[tuple[str, str]]]]]:
    sent: list[list[tuple[str, str]]] = []
    handler = type("Handler", (Site,), {"sent": sent})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()
        thread.join()


def test_what_a_person_reads_is_neither_title_nor_style(site: tuple[str, object]) -> None:
    assert Browser().open(f"{site[0]}/page").text == "Choose Cancel Allow"


def test_a_form_is_sent_as_it_stands_but_for_what_is_filled_in(
    site: tuple[str, list[list[tuple[str, str]]]],
) -> None:
    url, sent = site
    browser = Browser()
    page = browser.open(f"{url}/page")
    assert page.form is not None
    assert page.form.choices == {"account": ("1", "2")}
    browser.submit(page, decision="allow", practitioner="p")
    browser.submit(page, account="1")
    hidden, boxes = ("state", "s&1"), [("granted", "a"), ("granted", "c")]
    assert sent == [
        [hidden, ("account", "2"), *boxes, ("decision", "allow"), ("practitioner", "p")],
        [hidden, *boxes, ("practitioner", ""), ("account", "1")],
    ]


def test_redirects_are_followed_with_the_cookies_of_the_way(site: tuple[str, object]) -> None:
    browser = Browser()
    page = browser.open(f"{site[0]}/old")
    assert page.url == f"{site[0]}/page"
    assert browser.submit(page).text == "session=1"


def test_a_page_without_a_form_says_what_it_said(site: tuple[str, object]) -> None:
    browser = Browser()
    with pytest.raises(DemoError, match=r"there is nothing to fill in at http://127\.0\.0\.1:\d+/end: None"):
        browser.submit(browser.open(f"{site[0]}/end"))


def test_a_page_that_is_not_there_is_one_sentence_without_its_query() -> None:
    with pytest.raises(DemoError, match=r"cannot open http://127\.0\.0\.1:1/a \(ConnectionError\)"):
        Browser().open("http://127.0.0.1:1/a?code=secret")
