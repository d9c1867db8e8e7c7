"""The history a practitioner can read: stored with what it tells of, read newest first.

The newest lines stand in the calendar's own document, which a job writes anyway; so telling costs no write.
When a day is over, or it would be too many, they become a page of their own under the connection. A page
holds one calendar's lines of one day, and its name begins with its time, so that the newest comes first.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.core.activity import Done, Happened
from shared.core.model import Kind, Side, When
from shared.ports import Put

KEPT = timedelta(days=90)
ALONE_MAX = 10
"""Lines of one sort that a job tells one by one; more are one line with their count."""
LINES_MAX = 60
"""Lines of one job; where there would be more, every sort is one line."""
RECENT_MAX = 120
"""Lines that stand in the calendar's document."""
SLICES_APART = timedelta(minutes=15)
"""Two slices of the same bulk work follow each other sooner: what they tell in counts is one line."""

_LATEST_MS = 10**14
"""Later than any time of a page, in milliseconds: names count down from it."""


@dataclass(frozen=True)
class Entry:
    """A line as it is kept: of one appointment, or of several alike."""

    id: str
    done: Done
    count: int = 1
    bulk: bool = False
    """Told by a job that works through many."""


# --- what a job tells -------------------------------------------------------------------------------------


def entries_of(done: Sequence[Done], job: str, *, bulk: bool) -> list[Entry]:
    """The lines of a job, the oldest first; bounded by LINES_MAX. `job`: a name that no other has."""
    many = _crowded(Counter(map(_sort, done)), ALONE_MAX)
    if len(done) - sum(many.values()) + len(many) > LINES_MAX:
        many = _crowded(Counter(map(_sort, done)), 1)
    alone = [each for each in done if _sort(each) not in many]
    last = {_sort(each): each for each in done if _sort(each) in many}
    together = [(_without_details(each), many[sort]) for sort, each in last.items()]
    lines = sorted([*((each, 1) for each in alone), *together][:LINES_MAX], key=lambda line: line[0].at)
    return [Entry(f"{job}-{number:02}", each, count, bulk) for number, (each, count) in enumerate(lines)]


def joined(recent: Sequence[Entry], new: Iterable[Entry]) -> tuple[Entry, ...]:
    """Old lines and new ones; what goes on counting is one line."""
    lines = list(recent)
    for entry in new:
        same = next((each for each in lines if _goes_on(each, entry)), None)
        if same is not None:
            lines.remove(same)
        count = entry.count + (same.count if same else 0)
        lines.append(replace(entry, count=count, done=_without_details(entry.done)) if same else entry)
    return tuple(lines)


def _goes_on(before: Entry, entry: Entry) -> bool:
    alike = before.bulk and entry.bulk and before.count > 1 and _sort(before.done) == _sort(entry.done)
    return alike and entry.done.at - before.done.at <= SLICES_APART


def _sort(done: Done) -> tuple[Happened, Side, Kind, str | None]:
    return done.happened, done.side, done.kind, done.reason


def _crowded(counts: Mapping[Any, int], alone_max: int) -> dict[Any, int]:
    return {sort: count for sort, count in counts.items() if count > alone_max}


def _without_details(done: Done) -> Done:
    return replace(done, appointment_id=None, before=None, after=None, lost=None, took_seconds=None)


@dataclass
class Told:
    """What one job tells, and where it goes."""

    connection: str
    calendar: str
    practice: str
    recent: tuple[Entry, ...]
    """What the calendar's document told before."""
    bulk: bool

    def __post_init__(self) -> None:
        self.done: list[Done] = []

    def now(self, job: str, at: datetime) -> tuple[tuple[Entry, ...], Put | None]:
        """The lines that are to stand in the calendar's document, and the page that older ones become.

        The same until `paged` says that the page is written.
        """
        new = entries_of(self.done, job, bulk=self.bulk)
        recent = tuple(entry for entry in self.recent if at - entry.done.at <= KEPT)
        if not new or not recent:
            return (tuple(new) or recent), None
        whole = joined(recent, new)
        if recent[-1].done.at.date() == at.date() and len(whole) <= RECENT_MAX:
            return whole, None
        return tuple(new), page(self.connection, self.calendar, self.practice, recent, job)

    def paged(self) -> None:
        self.recent = ()


# --- pages ------------------------------------------------------------------------------------------------


def pages_path(connection: str) -> str:
    return f"connections/{connection}/activity"


def page_path(connection: str, at: datetime, name: str) -> str:
    return f"{pages_path(connection)}/{_LATEST_MS - round(at.timestamp() * 1000):014}-{name}"


def page(connection: str, calendar: str, practice: str, entries: Sequence[Entry], name: str) -> Put:
    at = max(entry.done.at for entry in entries)
    return Put(page_path(connection, at, name), page_data(calendar, practice, entries, at))


def page_data(calendar: str, practice: str, entries: Sequence[Entry], at: datetime) -> dict[str, object]:
    """`appointments`: to find the pages that speak of one."""
    named = sorted({entry.done.appointment_id for entry in entries if entry.done.appointment_id})
    return {
        "practice": practice,
        "calendar": calendar,
        "at": at,
        "appointments": named,
        "packed": packed(entries),
        "expire_at": at + KEPT,
    }


def packed(entries: Sequence[Entry]) -> bytes:
    """Nobody searches in them."""
    return zlib.compress(
        json.dumps([_entry_data(entry) for entry in entries], separators=(",", ":")).encode()
    )


def unpacked(data: bytes) -> Iterator[Entry]:
    yield from map(_entry_of, json.loads(zlib.decompress(data)))


def _entry_data(entry: Entry) -> dict[str, object]:
    done = entry.done
    data = {
        "id": entry.id,
        "happened": done.happened.value,
        "side": done.side.value,
        "kind": done.kind.value,
        "at": done.at.isoformat(),
        "count": entry.count,
        "bulk": entry.bulk,
        "appointment": done.appointment_id,
        "reason": done.reason,
        "before": _span(done.before),
        "after": _span(done.after),
        "lost": _span(done.lost),
        "took": done.took_seconds,
    }
    return {name: value for name, value in data.items() if value not in (None, False)}


def _entry_of(data: Mapping[str, Any]) -> Entry:
    done = Done(
        Happened(data["happened"]),
        Side(data["side"]),
        Kind(data["kind"]),
        datetime.fromisoformat(data["at"]),
        appointment_id=data.get("appointment"),
        reason=data.get("reason"),
        before=_when(data.get("before")),
        after=_when(data.get("after")),
        lost=_when(data.get("lost")),
        took_seconds=data.get("took"),
    )
    return Entry(data["id"], done, data["count"], data.get("bulk", False))


def _span(when: When | None) -> list[object] | None:
    return [when.start.isoformat(), when.end.isoformat(), when.busy] if when else None


def _when(data: Sequence[Any] | None) -> When | None:
    return When(_moment(data[0]), _moment(data[1]), busy=data[2]) if data else None


def _moment(text: str) -> datetime | date:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if "T" in text else date.fromisoformat(text)
