"""What an endpoint is, what it is given, and how an address leads to it.

Addresses are templates: `{id}` is a practitioner, or `PractitionerRole/` and an id; any other name in braces
is one step of letters, digits, `-` and `_`. Tables are by template, then by method (`shared/api/table.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from shared.api.callers import Caller
from shared.api.models import Body
from shared.api.problems import ProblemError
from shared.app import connections
from shared.app.connect import Connecting
from shared.app.eligible import Reach
from shared.app.jobs import CalendarTask, Job, arriving
from shared.app.records import Connection
from shared.app.state import SyncState, read_state
from shared.app.world import World
from shared.core.errors import SyncError
from shared.log import Severity, log
from shared.ports import Queue, Tasks

SYNC = "/v1/practitioners/{id}/sync"
"""Before what a practitioner's own endpoints are called."""


class Query(BaseModel):
    """What an address may carry behind its `?`; nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Use:
    """One call of an endpoint: whose sync it is about, who calls, and what is needed."""

    world: World
    connecting: Connecting
    tasks: Tasks
    reach: Callable[[frozenset[str]], Reach]
    bucket_seconds: float
    caller: Caller
    practitioner: str
    """"" where the address names none."""
    steps: Mapping[str, str] = field(default_factory=dict)
    """What stood in the address for the other names of its template."""

    @property
    def key(self) -> str:
        return self.world.keys.connection(self.caller.practice, self.practitioner)

    def state(self) -> SyncState:
        return read_state(
            self.world, self.connecting, practice=self.caller.practice, practitioner=self.practitioner
        )

    def enqueue(self, job: Job) -> None:
        self.tasks.enqueue(arriving(job, self.world.clock.now(), self.bucket_seconds))

    def read_again_soon(self, connection: Connection) -> None:
        """Best effort: a complete pass of each of its calendars is wanted."""
        for calendar in connections.calendars_of(self.world, connection.key):
            if calendar.active:
                self.read_soon(connection, calendar.key)

    def read_soon(self, connection: Connection, calendar_key: str) -> None:
        """Best effort: a complete pass of this calendar is wanted."""
        if not connection.moves:
            return
        try:
            self.enqueue(CalendarTask(calendar_key, look=False, queue=Queue.BULK))
        except SyncError as error:
            log(Severity.WARNING, "api.not_enqueued", reason=error.reason)


Do: TypeAlias = Callable[[Use, Any], BaseModel]


@dataclass(frozen=True)
class Endpoint:
    do: Do
    """Its second argument is the body, the query where there is one, or None."""
    body: type[Body] | None = None
    """None: there is none to be read."""
    query: type[Query] | None = None
    """None: what an address carries is not looked at. One that has a query has no body."""
    admin: bool = False
    """Open to administrators of the practice too, for everybody in it."""
    own: bool = True
    """Open to the practitioner whose sync it is; False: to administrators alone."""
    status: int = 200
    problems: tuple[str, ...] | None = None
    """Codes that it may answer, beyond those of every endpoint; None: all that depend on how things stand."""


Table: TypeAlias = Mapping[str, Mapping[str, Endpoint]]

_PRACTITIONER = r"(?P<id>(?:PractitionerRole/)?(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,64})"
"""One of FHIR's ids, with underscores, and no step in a path."""
_STEP = re.compile(r"\\\{([a-z_]+)\\\}")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.escape(template).replace(r"\{id\}", _PRACTITIONER)
    return re.compile(_STEP.sub(r"(?P<\1>[A-Za-z0-9_-]{1,128})", escaped))


@dataclass(frozen=True)
class Found:
    template: str
    endpoint: Endpoint
    practitioner: str
    steps: Mapping[str, str]


def template_of(table: Table, path: str) -> str | None:
    return next((template for template in table if _pattern(template).fullmatch(path)), None)


def found(table: Table, method: str, path: str) -> Found:
    """The endpoint at an address. Raises ProblemError `not_found`, `method_not_allowed`."""
    template = template_of(table, path)
    match = _pattern(template).fullmatch(path) if template is not None else None
    if template is None or match is None:
        raise ProblemError("not_found")
    endpoint = table[template].get(method)
    if endpoint is None:
        raise ProblemError("method_not_allowed", headers={"Allow": ", ".join(sorted(table[template]))})
    steps = dict(match.groupdict())
    return Found(template, endpoint, steps.pop("id", ""), steps)
