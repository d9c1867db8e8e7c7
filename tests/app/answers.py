"""Google's answers changed on their way; and that at the end of a test nothing is left to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from shared.adapters.google_calendar import GoogleCalendarService
from shared.app.calendar_job import run_calendar_job
from shared.app.outcome import Outcome
from shared.app.records import Connection, Role, calendar_of
from shared.core.errors import BlockedError
from shared.ports import Queue
from tests.app.stage import HOUR, JOBS_MAX, Calls, Stage, nothing
from tests.fakes.documents import MemoryDocuments

Json = dict[str, Any]
Change = Callable[[str, Json, Json], Json]
"""Of an operation, its parameters and its answer: the answer that arrives, or one of our errors."""


def unchanged(_operation: str, _parameters: Json, answer: Json) -> Json:
    return answer


@dataclass
class Answers:
    """What Google says to every account of a stage, where it differs from what its model says."""

    stage: Stage
    change: Change = unchanged
    told: dict[str, Json] = field(default_factory=dict)
    """By the id of an event: what its resource says instead; None leaves a field out."""

    def __post_init__(self) -> None:
        self.stage.world = replace(self.stage.world, calendars=self._service)

    def tell(self, event: str, **fields: Any) -> None:
        """The event is told so from now on, and listed as changed where it is listed at all."""
        self.told[event] = {**self.told.get(event, {}), **fields}

    def _service(self, connection: Connection, *, paced: bool) -> GoogleCalendarService:
        del paced
        calls = _Changed(self.stage, connection.sub, self)
        return GoogleCalendarService(calls, zone=connection.settings.zone)

    def as_told(self, event: Json) -> Json:
        changed = {**event, **self.told.get(event["id"], {})}
        return {name: value for name, value in changed.items() if value is not None}


class _Changed(Calls):
    def __init__(self, stage: Stage, sub: str, answers: Answers) -> None:
        super().__init__(stage, sub)
        self._answers = answers

    def answer(self, operation: str, if_match: str | None, parameters: Json) -> Json:
        asked = dict(parameters)
        answer = super().answer(operation, if_match, parameters)
        if operation == "events.get":
            answer = self._answers.as_told(answer)
        elif "items" in answer and operation.startswith("events."):
            answer = {**answer, "items": [self._answers.as_told(each) for each in answer["items"]]}
        return self._answers.change(operation, asked, answer)


def nothing_is_left_to_do(stage: Stage) -> None:
    """One more complete pass of every calendar, and what follows from it, writes nothing on either side."""
    stage.before = stage.after = nothing
    keys = [path.partition("/")[2] for path in _calendars(stage)]
    for key in keys:
        _to_rest(stage, key, everything=False)
    stage.poke()
    stage.ledger.clear()
    for key in keys:
        _to_rest(stage, key, everything=True)
    stage.poke()
    assert [each for each in stage.ledger.side_writes if each != "events.instances"] == []


def _calendars(stage: Stage) -> list[str]:
    found = MemoryDocuments.find(stage.documents, "calendars")
    ours_first = sorted(found, key=lambda each: calendar_of(each).role is Role.EXTERNAL)
    return [document.path for document in ours_first]


def _to_rest(stage: Stage, key: str, *, everything: bool) -> None:
    """Slices until nothing follows within the hour; a calendar that a person has to mend is at rest."""
    with contextlib.suppress(BlockedError):
        outcome = _slice(stage, key, everything=everything)
        for _ in range(JOBS_MAX):
            wait = (outcome.again_at or stage.clock.now()) - stage.clock.now()
            if outcome.again_at is None or wait >= HOUR:
                return
            stage.clock.advance(max(0.0, wait.total_seconds()))
            outcome = _slice(stage, key, everything=False)
        raise AssertionError("the jobs do not come to rest")


def _slice(stage: Stage, key: str, *, everything: bool) -> Outcome:
    queue = Queue.BULK if everything else Queue.LIVE
    outcome = run_calendar_job(stage.world, key, everything=everything, queue=queue)
    if outcome.pass_due or (outcome.again_at is not None and queue is Queue.LIVE):
        return run_calendar_job(stage.world, key, queue=Queue.BULK)
    return outcome
