"""Send one attempt over HTTP and say what came of it."""

from __future__ import annotations

from datetime import timedelta

from sandbox.exchange import exchange, unavailable
from sandbox.oidc import Issuer
from sandbox.tasks.model import Dispatch, Outcome
from sandbox.tasks.outgoing import outgoing, set_header

_RETRY_AFTER_SECONDS_MAX = 3600


def deliver(dispatch: Dispatch, target: bytes, issuer: Issuer) -> Outcome:
    """Blocks until there is an answer, none can come, or the deadline has passed on the machine's clock."""
    try:
        request = outgoing(dispatch, target)
    except ValueError as error:  # a URL of no use
        return Outcome(0, unavailable(error))
    if request.identity:
        set_header(request.headers, "Authorization", f"Bearer {issuer.token(request.identity)}")
    deadline_seconds = dispatch.task.deadline.total_seconds()
    answer = exchange(request.method, request.url, request.headers, request.body, deadline_seconds)
    return Outcome(answer.status, answer.reason, _seconds(answer.retry_after))


def _seconds(header: str | None) -> timedelta | None:
    """Retry-After in its form of seconds, an hour at most; dates are not looked at."""
    if not header or not header.isdecimal():
        return None
    return timedelta(seconds=min(int(header), _RETRY_AFTER_SECONDS_MAX))
