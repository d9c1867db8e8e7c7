"""Whether what came from the calendar takes time that clients have. Both stay: a person decides what goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from shared.app.notices import NoticeKind, note
from shared.app.tools import Tools
from shared.core.errors import SyncError
from shared.core.model import Appointment, Kind, Status, When
from shared.core.window import instants

BEGAN_BEFORE = timedelta(days=1)
"""An appointment of a client lasts less."""


@dataclass(frozen=True)
class Taken:
    """Time that an appointment or a block takes now because of the calendar."""

    appointment_id: str
    when: When


def note_overlaps(tools: Tools, taken: Sequence[Taken]) -> int:
    """How many appointments of clients overlap; where there are any it is a notice, too.

    Best effort: where the EHR cannot be read nothing is said.
    """
    now, zone = tools.world.clock.now(), tools.connection.settings.zone
    spans = [(each.appointment_id, *instants(each.when, zone)) for each in taken]
    spans = [span for span in spans if span[2] > now]
    if not spans:
        return 0
    practitioner = tools.connection.practitioner
    first, last = min(start for _, start, _ in spans), max(end for _, _, end in spans)
    try:
        rows = tools.ehr.scan(practitioner, max(first, now) - BEGAN_BEFORE, last)
    except SyncError:
        return 0
    count = sum(_overlaps(row, spans, zone) for row in rows if practitioner in row.practitioner_ids)
    if count:
        note(tools.world, tools.connection, NoticeKind.OVERLAP, count)
    return count


def _overlaps(row: Appointment, spans: Iterable[tuple[str, datetime, datetime]], zone: ZoneInfo) -> bool:
    if row.kind is not Kind.CLIENT or row.status is not Status.LIVE or row.when is None:
        return False
    start, end = instants(row.when, zone)
    return any(other != row.id and begins < end and start < ends for other, begins, ends in spans)
