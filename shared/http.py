"""What all HTTP entry points share."""

from __future__ import annotations

from collections.abc import Callable

from shared.core.errors import BlockedError, RetryableError
from shared.log import Severity, log

HEALTH_PATH = "/health"

Answer = tuple[dict[str, str], int]
Empty = tuple[str, int]


def health(path: str, function: str) -> Answer:
    """The health check; every other path is not found."""
    if path == HEALTH_PATH:
        return {"status": "ok", "function": function}, 200
    return {"status": "not found", "function": function}, 404


def not_found() -> Empty:
    return "", 404


def guarded(event: str, handle: Callable[[], Answer | Empty]) -> Answer | Empty:
    """The answer of `handle`, or an empty one that says whether to come again; one line of log either way.

    Nothing of an exception reaches the caller: the framework would answer its text. What is not ours to name
    is logged by its type.
    """
    try:
        answer = handle()
    except (RetryableError, BlockedError) as error:
        log(Severity.ERROR, event, status=503, reason=error.reason)
        return "", 503
    except Exception as error:  # noqa: BLE001 - the last line of defence, see above
        log(Severity.ERROR, event, status=500, bug=type(error).__name__)
        return "", 500
    log(Severity.INFO, event, status=answer[1])
    return answer
