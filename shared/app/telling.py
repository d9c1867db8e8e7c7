"""What a job has to tell of an item: gathered before it is written, told once it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.app.cases import Case
from shared.core.activity import Change, Done, Happened, reason_against, told
from shared.core.decide import Settle
from shared.core.item import Item
from shared.core.model import Kind, Side
from shared.core.policy import ConnectionSettings, Traits


def change_of(case: Case, target: Settle, traits: Traits, settings: ConnectionSettings) -> Change:
    """As both sides stand before anything of it is written."""
    return Change(
        case.item.kind,
        case.item.base,
        case.known(Side.EHR),
        case.known(Side.CALENDAR),
        target,
        reason_against(traits, settings, case.refusal),
        case.row.changed_at if case.row else None,
        case.event.changed_at if case.event else None,
    )


def tell_change(case: Case, change: Change, at: datetime) -> list[Done]:
    """Once it is written: an appointment that it made has its id by now."""
    lines = [replace(done, appointment_id=case.item.appointment_id) for done in told(change, at)]
    if case.item.aside is not None:
        lines.append(_line(case, Happened.TAKEN_UP, at, case.item.aside))
    return lines


def tell_aside(case: Case, reason: str, at: datetime) -> list[Done]:
    """Every day it is tried again, and that is no news."""
    return [] if case.item.aside == reason else [_line(case, Happened.SET_ASIDE, at, reason)]


def tell_open(case: Case, item: Item, happened: Happened, reason: str, at: datetime) -> list[Done]:
    """Left or held: where it is met for the first time, for every complete pass meets it again."""
    before = case.found
    if before is not None and before.retry_at is None and before.seen == item.seen:
        return []
    side = Side.EHR if case.item.kind is Kind.BLOCK else Side.CALENDAR
    return [_line(case, happened, at, reason if happened is Happened.LEFT else None, side)]


def _line(case: Case, happened: Happened, at: datetime, reason: str | None, side: Side | None = None) -> Done:
    known = case.known(Side.EHR) or case.known(Side.CALENDAR)
    return Done(
        happened,
        side or case.item.origin,
        case.item.kind,
        at,
        appointment_id=case.item.appointment_id,
        reason=reason,
        before=known.when if known else None,
    )
