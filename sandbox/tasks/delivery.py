"""Send one attempt over HTTP and say what came of it."""

from __future__ import annotations

import http.client
from datetime import timedelta
from urllib.parse import urlsplit

from sandbox.tasks.model import Dispatch, Outcome
from sandbox.tasks.outgoing import Outgoing, outgoing, set_header
from sandbox.tasks.tokens import Issuer

_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
_BODY_READ_MAX = 64 * 1024
_RETRY_AFTER_SECONDS_MAX = 3600


def deliver(dispatch: Dispatch, target: bytes, issuer: Issuer) -> Outcome:
    """Blocks until there is an answer, none can come, or the deadline has passed on the machine's clock."""
    try:
        request = outgoing(dispatch, target)
        if request.identity:
            set_header(request.headers, "Authorization", f"Bearer {issuer.token(request.identity)}")
        return _exchange(request, dispatch.task.deadline)
    except TimeoutError:
        return Outcome(0, "DEADLINE_EXCEEDED")
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a URL or header of no use
        return Outcome(0, f"UNAVAILABLE: {type(error).__name__}")


def _exchange(request: Outgoing, deadline: timedelta) -> Outcome:
    parts = urlsplit(request.url)
    connection = _CONNECTIONS[parts.scheme](parts.netloc, timeout=deadline.total_seconds())
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    try:
        connection.request(request.method, path, request.body or None, request.headers)
        response = connection.getresponse()
        response.read(_BODY_READ_MAX)
        return Outcome(
            response.status,
            "" if 200 <= response.status < 300 else f"HTTP {response.status}",
            _seconds(response.getheader("Retry-After")),
        )
    finally:
        connection.close()


def _seconds(header: str | None) -> timedelta | None:
    """Retry-After in its form of seconds, an hour at most; dates are not looked at."""
    if not header or not header.isdecimal():
        return None
    return timedelta(seconds=min(int(header), _RETRY_AFTER_SECONDS_MAX))
