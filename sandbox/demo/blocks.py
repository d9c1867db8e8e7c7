"""The blocks of a practice, whatever kind of row its EHR keeps them as, told from the outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.controls import EhrSandbox
from sandbox.ehr import urls

Json = Mapping[str, Any]
_LIVE_SLOTS = ("busy-unavailable", "busy-tentative")


@dataclass(frozen=True)
class Block:
    """Time of a practitioner's that is taken."""

    practitioner: str
    start: datetime
    end: datetime
    text: str


def is_block(row: Json) -> bool:
    """The shadow of an event of an external calendar."""
    return any(each.get("system") == urls.CALSYNC_BLOCK for each in row.get("identifier", ()))


def blocks_of(ehr: EhrSandbox) -> list[Block]:
    """Those that live now."""
    schedules = {f"Schedule/{row['id']}": row for row in ehr.rows("Schedule")}
    return [*_appointments(ehr.appointments()), *_slots(ehr.rows("Slot"), schedules)]


def _appointments(rows: Sequence[Json]) -> Iterator[Block]:
    for row in rows:
        if is_block(row) and row["status"] == "booked":
            for each in row["participant"]:
                yield _block(each["actor"], row, row.get("description"))


def _slots(rows: Sequence[Json], schedules: Mapping[str, Json]) -> Iterator[Block]:
    for row in rows:
        if is_block(row) and row["status"] in _LIVE_SLOTS:
            for each in schedules[row["schedule"]["reference"]]["actor"]:
                yield _block(each, row, row.get("comment"))


def _block(actor: Json, row: Json, text: str | None) -> Block:
    start, end = (datetime.fromisoformat(row[name]).astimezone(UTC) for name in ("start", "end"))
    return Block(str(actor["reference"]).removeprefix("Practitioner/"), start, end, text or "")
