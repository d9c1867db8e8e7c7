"""One request to the API, parsed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

REPEATED = frozenset({"eventTypes", "privateExtendedProperty", "sharedExtendedProperty"})
OVERRIDE = "x-http-method-override"
OVERRIDING = ("DELETE", "GET", "PATCH", "PUT")


@dataclass(frozen=True)
class Call:
    http_method: str
    path: str
    """As it came, percent-encoded."""
    ids: tuple[str, ...]
    """Those of the path, decoded, once its method is known."""
    query: Mapping[str, Any]
    body: Any
    """Of a write; a ValueError when it is no JSON."""
    headers: Mapping[str, str]
    """By their names in lower case."""

    @property
    def bearer(self) -> str:
        """The access token, from its header or the parameter for it; empty without one."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else str(self.query.get("oauth_token", ""))

    def knows(self, etag: str | None) -> bool:
        """Whether it asks for nothing but news of this version."""
        known = [tag.strip() for tag in (self.if_none_match or "").split(",")]
        return self.http_method == "GET" and etag is not None and bool({"*", etag} & set(known))

    @property
    def if_match(self) -> str | None:
        return self.headers.get("if-match")

    @property
    def if_none_match(self) -> str | None:
        return self.headers.get("if-none-match")

    @property
    def calendars(self) -> list[str]:
        """Ids of the calendars it names in its address."""
        destination = self.query.get("destination")
        return [*self.ids[:1], *([str(destination)] if destination else [])]


def read_call(http_method: str, path: str, query: str, headers: Mapping[str, str], content: bytes) -> Call:
    """The request as meant: any may come as a POST that names its verb, a GET with its query in the body."""
    if http_method == "POST" and headers.get(OVERRIDE, "").upper() in OVERRIDING:
        http_method = headers[OVERRIDE].upper()
        if http_method == "GET":
            query, content = content.decode(errors="replace"), b""
    given = parse_qs(query, keep_blank_values=True)
    parameters = {name: values if name in REPEATED else values[-1] for name, values in given.items()}
    return Call(http_method, path, (), parameters, _json(content), headers)


def _json(content: bytes) -> Any:
    """The body; an empty one is an empty object; the error itself when it is no JSON."""
    if not content:
        return {}
    try:
        return json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return ValueError(str(error))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
