"""The changes of a practice, by `_lastUpdated`: complete, although rows appear late and move meanwhile.

A server stamps a row inside its transaction and shows it when that ends, so a reader that goes on from the
newest stamp it has seen skips rows. Every poll therefore begins an overlap before it and drops what it has
seen, by id and version. Within a poll the next page is asked for by the last stamp (a keyset), never by the
server's offset: a row that changes meanwhile moves to the end and would make an offset skip its neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.adapters.fhir.appointments import actor, version_of
from shared.adapters.fhir.bundles import Page
from shared.adapters.fhir.elements import instant, instant_text, object_of
from shared.adapters.fhir.settings import FhirSettings
from shared.core.errors import BlockedError
from shared.ports import FeedCursor

ROWS_ENOUGH = 1000
"""New rows after which one reading ends: a slice of work."""
PAGES_MAX = 300
"""Of one reading. Above it the overlap alone holds more rows than one reading can pass."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Params = Sequence[tuple[str, str]]
NEWEST: Params = (("_sort", "-_lastUpdated"), ("_count", "1"))
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Changes:
    """Rows oldest first, each in its newest version; `complete`: nothing newer was there."""

    rows: tuple[Row, ...]
    cursor: FeedCursor
    complete: bool


@dataclass
class _Reading:
    """One reading as it goes on: the newest stamp and version of every row met, and which rows are new."""

    cursor: FeedCursor
    position: datetime
    met: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    new: dict[str, Row] = field(default_factory=dict)

    def take(self, stamped: Sequence[tuple[datetime, Row]]) -> None:
        for stamp, row in stamped:
            row_id, version = row["id"], version_of(row)
            if self.met.get(row_id) == (stamp, version):
                continue
            self.met[row_id] = (stamp, version)
            if self.cursor.seen.get(row_id) != version:
                self.new.pop(row_id, None)  # again at its new place
                self.new[row_id] = row

    def done(self, settings: FhirSettings, *, complete: bool) -> Changes:
        newest = max([self.cursor.high_water, *(stamp for stamp, _ in self.met.values())])
        near = newest - settings.overlap
        seen = {row_id: version for row_id, (stamp, version) in self.met.items() if stamp >= near}
        return Changes(tuple(self.new.values()), FeedCursor(newest, seen), complete)


def read_changes(
    first_page: Callable[[Params], Page],
    next_page: Callable[[str], Page],
    cursor: FeedCursor,
    settings: FhirSettings,
    enough: int | None = None,
) -> Changes:
    """Rows changed since the cursor. Raises BlockedError where the server does not do as it is asked.

    `enough`: new rows after which it ends; None: ROWS_ENOUGH.
    """
    enough = ROWS_ENOUGH if enough is None else enough
    reading = _Reading(cursor, cursor.high_water - settings.overlap)
    page = _understood(first_page(_since(reading.position, settings)))
    for _ in range(PAGES_MAX):
        stamped = _stamped(page, reading.position)
        reading.take(stamped)
        if page.next_url is None and len(stamped) < settings.page_size:
            return reading.done(settings, complete=True)
        last = stamped[-1][0] if stamped else reading.position
        if last > reading.position:
            if len(reading.new) >= enough:
                return reading.done(settings, complete=False)
            reading.position = last
            page = _understood(first_page(_since(last, settings)))
        elif page.next_url is not None:  # one instant fills the page: only the server can go on
            page = next_page(page.next_url)
        else:
            return reading.done(settings, complete=True)
    raise BlockedError("ehr_feed_endless")


def of_practitioner(practitioner_id: str | None) -> Params:
    """Of one practitioner's appointments; of the whole practice's for None."""
    return (("actor", actor(practitioner_id)),) if practitioner_id is not None else ()


def stamps_since(
    first_page: Callable[[Params], Page], position: datetime, settings: FhirSettings
) -> list[datetime]:
    """Of the first page of what changed since. Raises BlockedError as `read_changes` does."""
    page = _understood(first_page(_since(position, settings)))
    return [stamp for stamp, _ in _stamped(page, position)]


def newest_cursor(page: Page) -> FeedCursor:
    """From the newest row alone, the only one of `page`; the epoch where there is none."""
    stamps = [stamp for row in page.resources if (stamp := stamp_of(row)) is not None]
    if len(stamps) != len(page.resources):
        raise _cannot_list()
    return FeedCursor(max(stamps, default=EPOCH), {})


def stamp_of(row: Row) -> datetime | None:
    return instant(object_of(row.get("meta")).get("lastUpdated"))


def _since(position: datetime, settings: FhirSettings) -> Params:
    return (
        ("_lastUpdated", f"ge{instant_text(position)}"),
        ("_sort", "_lastUpdated"),
        ("_count", str(settings.page_size)),
    )


def _understood(page: Page) -> Page:
    """The page, once it is sure that its server looked at `_lastUpdated`.

    By default a server answers a parameter that it does not know with everything, and says so only by
    leaving it out of the `self` link.
    """
    if all(name != "_lastUpdated" for name, _ in parse_qsl(urlsplit(page.self_url).query)):
        raise _cannot_list()
    return page


def _stamped(page: Page, position: datetime) -> list[tuple[datetime, Row]]:
    """The rows with their stamps. Raises BlockedError where they are not in order from `position` on."""
    stamped = [(stamp, row) for row in page.resources if (stamp := stamp_of(row)) is not None]
    stamps = [position, *(stamp for stamp, _ in stamped)]
    if len(stamped) != len(page.resources) or stamps != sorted(stamps):
        raise _cannot_list()
    return stamped


def _cannot_list() -> BlockedError:
    return BlockedError("ehr_cannot_list_changes")
