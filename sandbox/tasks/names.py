"""Resource names of Cloud Tasks v2: which are well formed, and what is in them."""

from __future__ import annotations

import re

from sandbox.rpc import invalid

_LOCATION = r"projects/[A-Za-z0-9:.-]+/locations/[a-z0-9-]+"
_QUEUE = rf"{_LOCATION}/queues/[A-Za-z0-9-]{{1,100}}"
_TASK = rf"({_QUEUE})/tasks/[A-Za-z0-9_-]{{1,500}}"


def check_location(name: str) -> None:
    """Raises RefusedError; so do the others."""
    _check(_LOCATION, name, "a location")


def check_queue(name: str) -> None:
    _check(_QUEUE, name, "a queue")


def queue_of(task: str) -> str:
    """The queue a task's name lies in; the name is checked on the way."""
    return _check(_TASK, task, "a task")[1]


def location_of(queue: str) -> str:
    return queue.rpartition("/queues/")[0]


def last_part(name: str) -> str:
    """The id of a queue or a task alone."""
    return name.rpartition("/")[2]


def _check(pattern: str, name: str, what: str) -> re.Match[str]:
    match = re.fullmatch(pattern, name)
    if match is None:
        raise invalid(f"{name!r} is not the name of {what}")
    return match
