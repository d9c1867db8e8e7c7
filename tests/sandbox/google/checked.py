"""A connection that holds what passes over it to Google's own description of the API."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httplib2

from sandbox.google.calls import read_call
from sandbox.google.methods import BASE, find_method
from tests.sandbox.google.discovery import methods
from tests.sandbox.google.schema import answer_problems, read_only, request_problems


class CheckedHttp(httplib2.Http):  # type: ignore[misc]  # the library carries no types
    """Every answer is checked; a request when it was granted: tests of refusals send wrong ones.

    `strict`: nor may a request name what is read-only, which Google ignores. `seen`: the methods granted.
    """

    def __init__(self, timeout: float, *, strict: bool = False) -> None:
        super().__init__(timeout=timeout)
        self.seen: set[str] = set()
        self._strict = strict

    def request(self, uri: str, *args: Any, **named: Any) -> tuple[Any, bytes]:
        response, content = super().request(uri, *args, **named)
        method = args[0] if args else named.get("method", "GET")
        body = args[1] if len(args) > 1 else named.get("body")
        headers = (args[2] if len(args) > 2 else named.get("headers")) or {}
        if urlsplit(uri).path.startswith(BASE):
            self._check(uri, method, body, headers, response, content)
        return response, content

    def _check(self, uri: str, verb: str, body: Any, headers: Any, response: Any, content: bytes) -> None:
        parts = urlsplit(uri)
        sent = body.encode() if isinstance(body, str) else body or b""
        named = {name.lower(): value for name, value in headers.items()}
        method, call = find_method(read_call(verb, parts.path, parts.query, named, sent))
        assert method is not None, uri
        _check_answer(method.id, response.status, content)
        if response.status < 300:
            self.seen.add(method.id)
            written = call.body if sent and call.http_method != "GET" else None
            assert request_problems(method.id, call.query, written) == []
            assert not self._strict or not written or read_only(method.id, written) == []


def _check_answer(method: str, status: int, content: bytes) -> None:
    """Raises AssertionError. What is no JSON is a 204, or comes from a fault that made it so."""
    try:
        answer = json.loads(content)
    except ValueError:
        return
    if status >= 400:
        assert {"code", "message"} <= answer["error"].keys()
        assert answer["error"]["code"] == status
    else:
        assert answer_problems(methods()[method]["response"]["$ref"], answer) == []
