"""Deletions in the appointments calendar: which are a person's, and seen for the first time."""

from __future__ import annotations

import contextlib

from shared.app.cases import Case, see_row
from shared.app.tools import Tools, external_calendars
from shared.core.decide import Decision, Settle
from shared.core.errors import BlockedError
from shared.core.model import Kind, Side
from shared.ports import GoneError


def carries_deletion(case: Case, decision: Decision) -> bool:
    """Whether this would bring a deletion of the calendar to the EHR."""
    goes = isinstance(decision, Settle) and not decision.present
    deleted = case.known(Side.CALENDAR) is None and case.item.base.calendar is not None
    return goes and deleted and case.known(Side.EHR) is not None and case.item.kind is not Kind.BLOCK


def lives_elsewhere(tools: Tools, case: Case) -> bool:
    """An event that is dragged to another calendar keeps its id there."""
    event_id = case.event.id if case.event else case.item.event_id
    if event_id is None:
        return False
    for calendar in external_calendars(tools):
        with contextlib.suppress(GoneError, BlockedError):  # who cannot read it cannot have dragged it there
            found = tools.service.event(calendar.calendar_id or "", event_id)
            if found is not None and not found.cancelled:
                return True
    return False


def read_rows(tools: Tools, cases: list[Case]) -> None:
    """The appointments of these as they stand now, in one go."""
    unread = {
        case.item.appointment_id: case for case in cases if case.row is None and case.item.appointment_id
    }
    rows = tools.ehr.read(sorted(unread)) if unread else {}
    tools.renderer.learn(tools.ehr, rows.values())
    for appointment_id, row in rows.items():
        see_row(unread[appointment_id], row, tools.renderer)
        unread[appointment_id].agree_on_absence()
