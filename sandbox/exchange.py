"""One HTTP request of a sandbox service to whom it calls, and what came of it."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
_BODY_READ_MAX = 64 * 1024


@dataclass(frozen=True)
class Answer:
    status: int
    """0 where there was none."""
    reason: str
    """Empty for 2xx."""
    retry_after: str | None = None
    """The header as it came."""


def exchange(
    method: str, url: str, headers: Mapping[str, str], body: bytes, deadline_seconds: float
) -> Answer:
    """Blocks until there is an answer, none can come, or a step of it took `deadline_seconds`.

    `url`: http or https. No redirect is followed. What goes wrong is not raised but is the reason.
    """
    try:
        return _exchange(method, url, headers, body, deadline_seconds)
    except TimeoutError:
        return Answer(0, "DEADLINE_EXCEEDED")
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a URL or header of no use
        return Answer(0, unavailable(error))


def unavailable(error: Exception) -> str:
    """The reason where nothing could be sent, or nothing came back."""
    return f"UNAVAILABLE: {type(error).__name__}"


def _exchange(
    method: str, url: str, headers: Mapping[str, str], body: bytes, deadline_seconds: float
) -> Answer:
    parts = urlsplit(url)
    connection = _CONNECTIONS[parts.scheme](parts.netloc, timeout=deadline_seconds)
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        response.read(_BODY_READ_MAX)
        reason = "" if 200 <= response.status < 300 else f"HTTP {response.status}"
        return Answer(response.status, reason, response.getheader("Retry-After"))
    finally:
        connection.close()
