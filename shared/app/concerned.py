"""Whose calendars an appointment of the EHR concerns.

Those of the practitioners it names and those that have it mapped, so that a reassignment is seen by both.
One that is gone names nobody: it concerns those that have it mapped. What came from a calendar names that
itself: a block, and an occurrence, which is stored with its whole series and found by no query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.app.items import IN_MAX, chunks
from shared.app.records import calendar_of, calendar_path, connection_of, connection_path
from shared.app.world import World
from shared.core.identity import parse_identifier
from shared.core.model import Appointment, Kind
from shared.ports import Where


def concerned(
    world: World, practice: str, rows: Iterable[Appointment], gone: Iterable[str] = ()
) -> dict[str, set[str]]:
    """Appointment ids by calendar key; `gone`: ids that the EHR no longer knows."""
    rows = list(rows)
    by_calendar: dict[str, set[str]] = {}
    for found in (
        _named(world, practice, rows),
        _mapped(world, practice, [*(row.id for row in rows), *gone]),
        _made_of_events(world, practice, rows),
    ):
        for key, ids in found.items():
            by_calendar.setdefault(key, set()).update(ids)
    return by_calendar


def _named(world: World, practice: str, rows: Sequence[Appointment]) -> dict[str, set[str]]:
    """Those of the practitioners on it."""
    by_connection: dict[str, set[str]] = {}
    for row in rows:
        if row.kind is Kind.BLOCK:
            continue
        for practitioner in sorted(row.practitioner_ids):
            key = world.keys.connection(practice, practitioner)
            by_connection.setdefault(key, set()).add(row.id)
    found = world.documents.get(*map(connection_path, by_connection))
    return {connection_of(each).calendar_key: by_connection[each.id] for each in found.values()}


def _mapped(world: World, practice: str, ids: Sequence[str]) -> dict[str, set[str]]:
    """Those that hold it."""
    by_calendar: dict[str, set[str]] = {}
    for chunk in chunks(list(ids), IN_MAX):
        mapped = world.documents.find(
            "items", Where("practice", "==", practice), Where("appointment_id", "in", chunk), group=True
        )
        for document in mapped:
            key = document.path.split("/")[1]
            by_calendar.setdefault(key, set()).add(str(document.data["appointment_id"]))
    return by_calendar


def _made_of_events(world: World, practice: str, rows: Sequence[Appointment]) -> dict[str, set[str]]:
    """The one that its identifier names; one that names none of this practice concerns nobody."""
    named: dict[str, set[str]] = {}
    for row in rows:
        parts = parse_identifier(row.identifier or "")
        if parts is not None:
            named.setdefault(parts[0], set()).add(row.id)
    found = world.documents.get(*map(calendar_path, named)) if named else {}
    calendars = [calendar_of(document) for document in found.values()]
    connections = world.documents.get(*{connection_path(each.connection) for each in calendars})
    ours = {path for path, document in connections.items() if connection_of(document).practice == practice}
    return {each.key: named[each.key] for each in calendars if connection_path(each.connection) in ours}
