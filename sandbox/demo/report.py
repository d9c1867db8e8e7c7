"""What is told at the end: a table of both sides, and the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.demo.console import Console
from sandbox.demo.errors import DemoError
from sandbox.demo.setting import Setting
from sandbox.demo.story import Change
from sandbox.demo.survey import Verdict

DIFFERENCES_SHOWN = 5


@dataclass(frozen=True)
class Result:
    """One run."""

    verdict: Verdict
    changes: Sequence[Change]
    loaded: int
    """Events from calendar files."""
    put_back: int
    """Changes in Google that were not to be made."""
    store: str
    seconds: float

    @property
    def agree(self) -> bool:
        """Every change arrived, and both sides hold the same."""
        return self.verdict.agree and all(change.latency_ms is not None for change in self.changes)


# --- both sides -----------------------------------------------------------------------------------------


def show_result(setting: Setting, result: Result, console: Console) -> None:
    console.say(_row("practitioner", "appointments", "events", "personal", "put back", "set aside"))
    for person, found in zip(setting.people, result.verdict.found, strict=True):
        totals = setting.driver.lanes[person.connection.calendar_key].totals
        counts = (found.appointments, found.events, found.personal, totals.put_back, totals.aside)
        console.say(_row(person.name, *counts))
    for line in _summary(result):
        console.say(line)


def _row(name: str, *values: object) -> str:
    return f"  {name:<20}" + "".join(f"{value:>14}" for value in values)


def _summary(result: Result) -> Iterator[str]:
    rewrites = ", ".join(f"{n} to {side}" for side, n in result.verdict.rewrites.items())
    yield f"  duplicates: {result.verdict.duplicates}; writes of one more complete pass: {rewrites}"
    if not result.verdict.broken:
        yield "  every write to Google: sendUpdates=none, no attendees, appointments calendars only"
    yield f"in agreement: {'yes' if result.agree else 'no'}   ({result.seconds:.1f} s, store: {result.store})"
    late = [f"did not arrive: {change.told}" for change in result.changes if change.latency_ms is None]
    reasons = [*late, *result.verdict.differences]
    yield from (f"  - {reason}" for reason in reasons[:DIFFERENCES_SHOWN])
    if len(reasons) > DIFFERENCES_SHOWN:
        yield f"  - and {len(reasons) - DIFFERENCES_SHOWN} more"


# --- the file -------------------------------------------------------------------------------------------


def write_json(path: Path, result: Result) -> None:
    """Raises DemoError when the file cannot be written."""
    try:
        path.write_text(json.dumps(as_json(result), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DemoError(f"cannot write {path}: {error.strerror}") from None


def as_json(result: Result) -> dict[str, Any]:
    """`latencies_ms` by change, null where it never arrived; `seconds` of the whole run."""
    found = result.verdict.found
    return {
        "agree": result.agree,
        "duplicates": result.verdict.duplicates,
        "counts": {
            "practitioners": len(found),
            "appointments": sum(each.appointments for each in found),
            "events": sum(each.events for each in found),
            "personal": sum(each.personal for each in found),
            "loaded": result.loaded,
            "put_back": result.put_back,
            "differences": len(result.verdict.differences),
            "writes_of_one_more_pass": sum(result.verdict.rewrites.values()),
        },
        "latencies_ms": {
            change.key: None if change.latency_ms is None else round(change.latency_ms, 1)
            for change in result.changes
        },
        "store": result.store,
        "seconds": round(result.seconds, 1),
    }
