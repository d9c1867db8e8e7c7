"""docs/ehr-contract.md as data: its examples, its tables, and the requests that it lists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.adapters.fhir import Answer, Exchange

PAGE = Path(__file__).resolve().parent.parent / "docs/ehr-contract.md"

_EXAMPLE = re.compile(r"^```http ([a-z-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_OF_HTTP = frozenset({"accept-encoding", "connection", "content-length", "host"})


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: Any = None


@dataclass(frozen=True)
class Shown:
    """One request and its answer, as the page has them."""

    request: Request | None
    """None: any; the page shows the answer alone."""
    answer: Answer


@cache
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def section(heading: str) -> str:
    found = text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert found, heading
    return found


def table(heading: str, first: str) -> list[list[str]]:
    """Cells of the rows of the section's table whose first column is called so."""
    _, found, rest = section(heading).partition(f"\n| {first} |")
    assert found, (heading, first)
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]


def codes(cell: str) -> list[str]:
    return _CODE.findall(cell)


# --- examples -------------------------------------------------------------------------------------------


@cache
def examples() -> Mapping[str, Sequence[Shown]]:
    """By name, in the order of the page."""
    found: dict[str, list[Shown]] = {}
    for name, block in _EXAMPLE.findall(text()):
        asked, answered = re.split(r"^HTTP/1\.1 ", block, flags=re.MULTILINE)
        first, headers, body = _message(asked) if asked.strip() else ("", {}, None)
        method, _, address = first.partition(" ")
        request = request_of(method, address, headers, body) if first else None
        status, headers, body = _message(answered)
        if isinstance(body, dict) and body.pop("…", None):
            assert request is not None
            body = {**request.body, **body}
        found.setdefault(name, []).append(Shown(request, Answer(int(status[:3]), body, headers)))
    return found


def _message(part: str) -> tuple[str, dict[str, str], Any]:
    """First line, headers by lower-case name, body."""
    head, _, body = part.strip().partition("\n\n")
    first, *lines = head.splitlines()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return first, headers, json.loads(body) if body else None


def request_of(method: str, address: str, headers: Mapping[str, str], body: Any) -> Request:
    parts = urlsplit(address)
    kept = {name.lower(): value for name, value in headers.items() if name.lower() not in _OF_HTTP}
    return Request(method, unquote(parts.path), tuple(parse_qsl(parts.query)), kept, body)


def usual_headers(method: str, path: str) -> dict[str, str]:
    """Those that a request has besides what its example shows; by lower-case name."""
    kind = "batch" if (method, path) == ("POST", "") else "search" if method == "GET" else method
    if method == "GET" and (path == "metadata" or "/" in path):
        kind = "read"
    found: dict[str, str] = {}
    for on, headers in table("The requests", "on"):
        if {kind, "every"} & set(codes(on)):
            named = (header.partition(": ") for header in codes(headers))
            found |= {name.lower(): value for name, _, value in named}
    return found


# --- which requests there are ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    """`Appointment`, `Appointment/{id}`; empty: the base."""
    names: frozenset[str]
    """Of the parameters; any may be missing."""
    headers: frozenset[str]
    """Lower case; of its own."""


@cache
def operations() -> tuple[Operation, ...]:
    found = []
    for request, names, headers, _ in table("The requests", "request"):
        for code in codes(request):
            method, _, path = code.partition(" ")
            known = frozenset(each.lower() for each in codes(headers))
            found.append(Operation(method, path.removeprefix("/"), frozenset(codes(names)), known))
    return tuple(found)


def operation_of(
    method: str, url: str, params: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
) -> Operation:
    """The page's own. AssertionError: it has none for this request."""
    address = urlsplit(url)
    path = unquote(address.path).rpartition("/fhir/")[2].rstrip("/")
    known = [each for each in operations() if each.method == method and _fits(each.path, path)]
    assert known, f"not on the page: {method} {path}"
    if not address.query:  # a link to a next page is the server's own
        assert {name for name, _ in params} <= known[0].names, f"not on the page: {method} {path} {params}"
    sent = {name.lower() for name in headers or {}} - usual_headers(method, path).keys()
    assert sent <= known[0].headers, f"not on the page: {method} {path} with {sorted(sent)}"
    return known[0]


def _fits(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(w in (g, "{id}") for w, g in zip(wanted, given, strict=True))


class DocumentedExchange:
    """An `Exchange` that asserts of every request that the page has it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.met: set[Operation] = set()

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        self.met.add(operation_of(method, url, params, headers))
        return self._exchange(method, url, params=params, headers=headers, body=body)
