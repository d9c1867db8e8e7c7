"""One series becomes two: "this and following"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from sandbox.google.recurrence import Recurrence
from sandbox.google.recurrence_lines import Dates, Line, Rule, basic

TAIL = re.compile(r"(.+)_R\d{8}(?:T\d{6})?", re.ASCII | re.DOTALL)
SECOND = timedelta(seconds=1)
OF_THE_FIRST = frozenset({"kind", "etag", "id", "htmlLink", "created", "updated", "sequence"})
"""What the second series has of its own."""


def tail_id(master_id: str, recurrence: Recurrence, cut: datetime) -> str:
    """The id of the series that goes on from `cut`; one that was split off itself leaves its own mark out."""
    match = TAIL.fullmatch(master_id)
    when = basic(cut)[:8] if recurrence.all_day else basic(cut)
    return f"{match[1] if match else master_id}_R{when}"


def divided(recurrence: Recurrence, cut: datetime) -> tuple[list[str], list[str]]:
    """The lines of the series that ends before `cut`, an original start, and of that which goes on then."""
    before = [_until(line, recurrence, cut) for line in recurrence.lines]
    after = [_from(line, recurrence, cut) for line in recurrence.lines]
    return _lines(before), _lines(after)


def _until(line: Line, recurrence: Recurrence, cut: datetime) -> Line | None:
    if isinstance(line, Dates):
        return _kept(line, (value for value in line.values if value[1] is None or value[1] < cut))
    if line.name == "EXRULE" or not _goes_on(line, recurrence, cut):
        return line
    parts = {name: value for name, value in line.parts.items() if name not in ("COUNT", "UNTIL")}
    return replace(line, parts={**parts, "UNTIL": _last(recurrence, cut)})


def _from(line: Line, recurrence: Recurrence, cut: datetime) -> Line | None:
    if isinstance(line, Dates):
        return _kept(line, (value for value in line.values if value[1] is None or value[1] >= cut))
    if line.name == "EXRULE":
        return line
    if not _goes_on(line, recurrence, cut):
        return None
    if "COUNT" not in line.parts:
        return line
    passed = sum(1 for _ in takewhile(lambda instant: instant < cut, recurrence.of(line)))
    return replace(line, parts={**line.parts, "COUNT": str(int(line.parts["COUNT"]) - passed)})


def _goes_on(rule: Rule, recurrence: Recurrence, cut: datetime) -> bool:
    return any(instant >= cut for instant in recurrence.of(rule))


def _kept(line: Dates, values: Iterable[tuple[str, datetime | None]]) -> Dates | None:
    kept = tuple(values)
    return replace(line, values=kept) if kept else None


def _last(recurrence: Recurrence, cut: datetime) -> str:
    """UNTIL of the series that ends before `cut`: the end of the day before it, as the page writes it."""
    if recurrence.all_day:
        return basic(cut - timedelta(days=1))[:8]
    midnight = cut.astimezone(recurrence.zone).replace(hour=0, minute=0, second=0)
    end = midnight.astimezone(UTC) - SECOND
    last = recurrence.before(cut)
    return basic(end if last is None or last <= end else cut - SECOND) + "Z"


def _lines(lines: Iterable[Line | None]) -> list[str]:
    return [line.line for line in lines if line is not None]
