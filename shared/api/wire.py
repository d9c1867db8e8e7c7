"""A request and its answer, free of the framework that carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Request


@dataclass(frozen=True, repr=False)
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case names."""
    query: Mapping[str, str]
    read: Callable[[int], bytes]
    """At most so many bytes of the body."""


@dataclass(frozen=True, repr=False)
class Reply:
    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def call_of(request: Request) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, request.path, headers, request.args, request.stream.read)
