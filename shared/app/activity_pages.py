"""Reading the history: the lines in the calendars' own documents and those on pages, merged, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.app.activity import KEPT, Entry, page_path, pages_path, unpacked
from shared.app.connections import calendars_of
from shared.app.records import Calendar, Connection
from shared.app.world import World
from shared.core.activity import Happened
from shared.ports import Document, Where

PAGES_AT_ONCE = 20
READS_MAX = 20
"""Queries of one answer; where they do not fill it, it says from where to go on."""
PAGE_LASTS = timedelta(hours=25)
"""From the first line of a page to its last, and more: a page is of one day."""
_AFTER_ALL = "~"
"""Sorts after every id."""

Position = tuple[datetime, str]
"""A line's place: its time and its id."""


@dataclass(frozen=True)
class Asked:
    """`cursor`: where the answer before ended; `happened`: empty for all."""

    limit: int
    cursor: Position | None = None
    happened: frozenset[Happened] = frozenset()
    appointment_id: str | None = None


@dataclass(frozen=True)
class Line:
    entry: Entry
    calendar: Calendar | None
    """Whose history it is; None where the calendar is known no more."""

    @property
    def position(self) -> Position:
        return self.entry.done.at, self.entry.id


@dataclass(frozen=True)
class Activity:
    lines: list[Line]
    cursor: Position | None
    """None: there are no older ones."""


def read_activity(world: World, connection: Connection, asked: Asked) -> Activity:
    """What a connection's history says of the last KEPT; at most READS_MAX queries."""
    oldest = world.clock.now() - KEPT
    calendars = {calendar.key: calendar for calendar in calendars_of(world, connection.key)}
    found = [Line(entry, calendar) for calendar in calendars.values() for entry in calendar.recent]
    until: Position = (datetime.max.replace(tzinfo=UTC), "")
    for pages in _pages(world, connection.key, asked):
        for page in pages:
            calendar = calendars.get(str(page.data["calendar"]))
            packed = page.data["packed"]
            assert isinstance(packed, bytes)
            found += [Line(entry, calendar) for entry in unpacked(packed)]
        until = _read_until(pages, oldest)
        lines = _wanted(found, asked, max(until, (oldest, "")))
        if len(lines) > asked.limit:
            return Activity(lines[: asked.limit], lines[asked.limit - 1].position)
        if until[0] <= oldest:
            return Activity(lines, None)
    return Activity(_wanted(found, asked, until), until)


def _pages(world: World, connection: str, asked: Asked) -> Iterator[list[Document]]:
    """The newest first; an empty list at the end."""
    path = pages_path(connection)
    after = page_path(connection, asked.cursor[0] + PAGE_LASTS, "") if asked.cursor else None
    where = [Where("appointments", "array-contains", asked.appointment_id)] if asked.appointment_id else []
    for _ in range(READS_MAX):
        pages = world.documents.find(path, *where, limit=PAGES_AT_ONCE, after=after)
        yield pages
        if len(pages) < PAGES_AT_ONCE:
            return
        after = pages[-1].path


def _read_until(pages: list[Document], oldest: datetime) -> Position:
    """No page that was not read yet has anything later than this."""
    last = pages[-1].data["at"] if len(pages) == PAGES_AT_ONCE else oldest
    assert isinstance(last, datetime)
    return last, _AFTER_ALL


def _wanted(found: list[Line], asked: Asked, until: Position) -> list[Line]:
    chosen = [
        line
        for line in found
        if line.position > until
        and (asked.cursor is None or line.position < asked.cursor)
        and (not asked.happened or line.entry.done.happened in asked.happened)
        and asked.appointment_id in (None, line.entry.done.appointment_id)
    ]
    return sorted(chosen, key=lambda line: line.position, reverse=True)
