"""A browser as far as these pages need one: redirects, cookies, forms without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from sandbox.demo.errors import DemoError

_SECONDS = 60.0


@dataclass(frozen=True)
class Form:
    action: str
    """Absolute."""
    fields: tuple[tuple[str, str], ...]
    """What would be sent as it stands: hidden and text fields, what is ticked, and of the radio buttons the
    one that is chosen."""
    choices: Mapping[str, tuple[str, ...]]
    """Values of the radio buttons, by name."""


@dataclass(frozen=True)
class Page:
    url: str
    status: int
    text: str
    """What a person reads."""
    form: Form | None


class Browser:
    """With its own cookies. What cannot be reached raises DemoError."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and loopback

    def open(self, url: str) -> Page:
        return self._page("GET", url)

    def submit(self, page: Page, **filled: str) -> Page:
        """Send the page's form; `filled`: what a person writes, chooses or presses."""
        if page.form is None:
            raise DemoError(f"there is nothing to fill in at {page.url.partition('?')[0]}: {page.text}")
        kept = [(name, value) for name, value in page.form.fields if name not in filled]
        return self._page("POST", page.form.action, [*kept, *filled.items()])

    def _page(self, method: str, url: str, data: list[tuple[str, str]] | None = None) -> Page:
        try:
            answer = self._session.request(method, url, data=data, timeout=_SECONDS)
        except requests.RequestException as error:
            where = url.partition("?")[0]
            raise DemoError(f"the browser cannot open {where} ({type(error).__name__})") from None
        reader = _Reader(answer.url)
        reader.feed(answer.text)
        return Page(answer.url, answer.status_code, " ".join(reader.words), reader.form())


@dataclass
class _Reader(HTMLParser):
    """The first form of a page, and its words."""

    url: str
    words: list[str] = field(default_factory=list)
    _action: str | None = None
    _fields: list[tuple[str, str]] = field(default_factory=list)
    _choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _inside: bool = False
    _silent: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def form(self) -> Form | None:
        if self._action is None:
            return None
        return Form(urljoin(self.url, self._action), tuple(self._fields), self._choices)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = self._action is None
            self._action = given.get("action", "") if self._inside else self._action
        elif tag == "input" and "name" in given and self._inside:
            self._input(given, ticked="checked" in given)
        elif tag in ("style", "title"):
            self._silent += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag in ("style", "title"):
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._silent:
            self.words.append(data.strip())

    def _input(self, given: Mapping[str, str], *, ticked: bool) -> None:
        name, value = given["name"], given.get("value", "")
        if given.get("type") == "radio":
            self._choices[name] = (*self._choices.get(name, ()), value)
        if ticked or given.get("type") not in ("radio", "checkbox"):
            self._fields.append((name, value))
