"""An external calendar on the stage: chosen by a practitioner, its jobs, and what the EHR shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.app.calendar_job import run_calendar_job
from shared.app.choosing import choose
from shared.app.outcome import Outcome
from shared.app.records import (
    Calendar,
    calendar_of,
    calendar_path,
    item_of,
    items_path,
    occurrences_of,
    series_path,
)
from shared.core.blocking import BlockRules
from shared.core.item import Item
from shared.ports import Queue
from tests.app.stage import HOUR, JOBS_MAX, TITLE, Practitioner, Stage, clock_time
from tests.fakes.documents import MemoryDocuments

Json = dict[str, Any]
BLOCK_SYSTEM = "/block"


@dataclass
class External:
    """One calendar of a practitioner's own."""

    stage: Stage
    whose: Practitioner
    id: str
    key: str = ""

    # --- the practitioner -------------------------------------------------------------------------------

    def add(self, *, hours: float = 48, length: float = 1, **body: Any) -> str:
        """A new event; its id."""
        return self.put({**self.times(hours, length), **body})

    def put(self, body: Json) -> str:
        made = self.whose.person.create(self.id, {"summary": TITLE, **body})
        return str(made["id"])

    def times(self, hours: float, length: float = 1) -> Json:
        start, end = self.stage.at(hours), self.stage.at(hours + length)
        return {"start": clock_time(start), "end": clock_time(end)}

    def move(self, event: str, *, hours: float, length: float = 1) -> None:
        times = self.times(hours, length)
        self.whose.person.move(self.id, event, times["start"], times["end"])

    def edit(self, event: str, **body: Any) -> None:
        self.whose.person.edit(self.id, event, body)

    def delete(self, event: str) -> None:
        self.whose.person.delete(self.id, event)

    # --- jobs -------------------------------------------------------------------------------------------

    def job(self, *ids: str, look: bool = True, everything: bool = False) -> Outcome:
        """One slice, of the bulk job too where the live one asks for it."""
        bulk = everything or self.calendar.in_pass
        queue = Queue.BULK if bulk else Queue.LIVE
        world = self.stage.world
        outcome = run_calendar_job(world, self.key, ids=ids, look=look, everything=everything, queue=queue)
        if outcome.pass_due:
            return run_calendar_job(world, self.key, ids=ids, look=look, queue=Queue.BULK)
        return outcome

    def sync(self, *ids: str, look: bool = True, everything: bool = False) -> Outcome:
        """Slices until nothing follows within the hour."""
        outcome = self.job(*ids, look=look, everything=everything)
        for _ in range(JOBS_MAX):
            wait = (outcome.again_at or self.stage.clock.now()) - self.stage.clock.now()
            if outcome.again_at is None or wait >= HOUR:
                return outcome
            self.stage.clock.advance(max(0, wait.total_seconds()))
            outcome = self.job()
        raise AssertionError("the jobs do not come to rest")

    # --- what is there ----------------------------------------------------------------------------------

    @property
    def calendar(self) -> Calendar:
        path = calendar_path(self.key)
        return calendar_of(MemoryDocuments.get(self.stage.documents, path)[path])

    @property
    def rows(self) -> list[Json]:
        """Every row in the EHR that is a block, cancelled ones too."""
        return [row for row in self.stage.store.resources("Appointment") if _is_block(row)]

    @property
    def blocks(self) -> list[Json]:
        """The living ones, by start."""
        living = [row for row in self.rows if row["status"] not in ("cancelled", "entered-in-error")]
        return sorted(living, key=lambda row: str(row["start"]))

    @property
    def block(self) -> Json:
        blocks = self.blocks
        assert len(blocks) == 1, f"{len(blocks)} blocks"
        return blocks[0]

    @property
    def items(self) -> list[Item]:
        documents, calendar = self.stage.documents, self.calendar
        single = MemoryDocuments.find(documents, items_path(self.key))
        packed = MemoryDocuments.find(documents, series_path(self.key))
        occurrences = [item for document in packed for item in occurrences_of(document, calendar)]
        return [item_of(document, calendar) for document in single] + occurrences


def external(stage: Stage, whose: Practitioner, rules: BlockRules | None = None, zone: str = "") -> External:
    """A calendar of the practitioner's, chosen and in sync; the ledger is clear."""
    found = External(stage, whose, str(whose.person.create_calendar("Family", zone)["id"]))
    return chosen(found, rules)


def chosen(calendar: External, rules: BlockRules | None = None) -> External:
    stage = calendar.stage
    calendar.key = choose(stage.world, calendar.whose.connection.key, calendar.id, rules).key
    calendar.sync()
    stage.ledger.clear()
    return calendar


def begins(row: Json) -> datetime:
    return datetime.fromisoformat(row["start"])


def span(row: Json) -> tuple[datetime, datetime]:
    return begins(row), datetime.fromisoformat(row["end"])


def is_free(row: Json) -> bool:
    return any(each.get("valueBoolean") is True for each in row.get("extension", []))


def _is_block(row: Json) -> bool:
    return any(each["system"].endswith(BLOCK_SYSTEM) for each in row.get("identifier", []))
