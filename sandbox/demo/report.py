"""What is told at the end: a table of both sides, and the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.demo.console import Console
from sandbox.demo.errors import DemoError
from sandbox.demo.measure import Change
from sandbox.demo.rounds import Direction, latencies, p95_ms
from sandbox.demo.setting import Setting
from sandbox.demo.survey import Verdict

DIFFERENCES_SHOWN = 5
PUT_BACKS = ("google_move_put_back", "google_delete_put_back")


@dataclass(frozen=True)
class Result:
    """One run."""

    verdict: Verdict
    changes: Sequence[Change]
    """Of the story."""
    rounds: Mapping[Direction, Sequence[Change]]
    """Many changes of all practitioners, by where they go."""
    loaded: int
    """Events from calendar files."""
    set_aside: Sequence[int]
    """Items of each practitioner that a person has to look at."""
    store: str
    seconds: float

    @property
    def agree(self) -> bool:
        """Every change arrived, and both sides hold the same."""
        return self.verdict.agree and all(change.latency_ms is not None for change in self.all_changes)

    @property
    def all_changes(self) -> list[Change]:
        return [*self.changes, *(change for changes in self.rounds.values() for change in changes)]

    @property
    def latencies(self) -> dict[Direction, list[float | None]]:
        """Of what one side changed and the other took over."""
        return latencies(self.changes, self.rounds)

    @property
    def put_back(self) -> int:
        """Changes in Google that were not to be made."""
        return sum(change.key in PUT_BACKS and change.latency_ms is not None for change in self.changes)


# --- both sides -----------------------------------------------------------------------------------------


def show_result(setting: Setting, result: Result, console: Console) -> None:
    console.say(_row("practitioner", "appointments", "events", "personal", "blocks", "set aside"))
    for person, found, aside in zip(setting.people, result.verdict.found, result.set_aside, strict=True):
        counts = (found.appointments, found.events, found.personal, found.blocks, aside)
        console.say(_row(person.name, *counts))
    for line in _summary(result):
        console.say(line)


def _row(name: str, *values: object) -> str:
    return f"  {name:<20}" + "".join(f"{value:>14}" for value in values)


def _summary(result: Result) -> Iterator[str]:
    for direction, found in result.latencies.items():
        yield f"  {_in_words(direction, found)}"
    rewrites = ", ".join(f"{n} to {side}" for side, n in result.verdict.rewrites.items())
    yield f"  duplicates: {result.verdict.duplicates}; writes of one more complete pass: {rewrites}"
    if not result.verdict.broken:
        yield "  every write to Google: sendUpdates=none, no attendees, appointments calendars only"
    yield f"in agreement: {'yes' if result.agree else 'no'}   ({result.seconds:.1f} s, store: {result.store})"
    late = [f"did not arrive: {change.told}" for change in result.all_changes if change.latency_ms is None]
    reasons = [*late, *result.verdict.differences]
    yield from (f"  - {reason}" for reason in reasons[:DIFFERENCES_SHOWN])
    if len(reasons) > DIFFERENCES_SHOWN:
        yield f"  - and {len(reasons) - DIFFERENCES_SHOWN} more"


def _in_words(direction: Direction, found: Sequence[float | None]) -> str:
    way = {Direction.EHR_TO_GOOGLE: "EHR to Google", Direction.GOOGLE_TO_EHR: "Google to EHR"}[direction]
    worst = p95_ms(found)
    told = "not all arrived" if worst is None else f"19 of 20 within {worst / 1000:.1f} s"
    return f"{way}: {len(found)} changes, {told}"


# --- the file -------------------------------------------------------------------------------------------


def write_json(path: Path, result: Result) -> None:
    """Raises DemoError when the file cannot be written."""
    try:
        path.write_text(json.dumps(as_json(result), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DemoError(f"cannot write {path}: {error.strerror}") from None


def as_json(result: Result) -> dict[str, Any]:
    """`latencies_ms` by change, null where it never arrived; `samples_ms` of every change that one side made
    and the other took over, and of these `latency_p95_ms`; `seconds` of the whole run.
    """
    found = result.verdict.found
    return {
        "agree": result.agree,
        "duplicates": result.verdict.duplicates,
        "counts": {
            "practitioners": len(found),
            "appointments": sum(each.appointments for each in found),
            "events": sum(each.events for each in found),
            "personal": sum(each.personal for each in found),
            "blocks": sum(each.blocks for each in found),
            "loaded": result.loaded,
            "put_back": result.put_back,
            "differences": len(result.verdict.differences),
            "writes_of_one_more_pass": sum(result.verdict.rewrites.values()),
        },
        "latencies_ms": {change.key: _rounded(change.latency_ms) for change in result.changes},
        "latency_p95_ms": {
            direction.value: _rounded(p95_ms(found)) for direction, found in result.latencies.items()
        },
        "samples_ms": {
            direction.value: [_rounded(each) for each in found]
            for direction, found in result.latencies.items()
        },
        "store": result.store,
        "seconds": round(result.seconds, 1),
    }


def _rounded(latency_ms: float | None) -> float | None:
    return None if latency_ms is None else round(latency_ms, 1)
