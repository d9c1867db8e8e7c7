"""What would be written on each side, before it is: the same jobs, over ports that only count.

Nothing is written anywhere, not even that somebody asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared.app.accounts import holder_path
from shared.app.calendar_job import run_calendar_job
from shared.app.connections import calendars_of
from shared.app.records import (
    Calendar,
    Connection,
    Receipt,
    Role,
    Status,
    calendar_data,
    calendar_of,
    calendar_path,
    connection_data,
    connection_of,
    connection_path,
    items_path,
    series_path,
)
from shared.app.rehearsal import VERSION, Planned, RehearsedCalendars, RehearsedDocuments, RehearsedEhr
from shared.app.removal import concerned, due_removal
from shared.app.start_over import forgotten
from shared.app.world import World, nothing_to_give_back
from shared.core.errors import RejectedError
from shared.core.policy import ConnectionSettings
from shared.ports import CalendarService, Document, Ehr, Queue

SECONDS_MAX = 40
"""For each calendar; what is beyond it is not counted, and that is said."""


@dataclass(frozen=True)
class Preview:
    google: Planned
    ehr: Planned
    complete: bool
    """False: there is more than was counted."""
    receipt: Receipt | None = None
    """Of a removal: how it would end."""


def preview_start(world: World, connection: Connection, settings: ConnectionSettings) -> Preview:
    """Of what was not begun, or goes on after a pause, with these settings."""
    return _preview(world, _active(connection, settings), _of_account(world, connection))


def preview_settings(world: World, connection: Connection, settings: ConnectionSettings) -> Preview:
    """Of other settings. Raises RejectedError `not_started` of what does not run and is not paused."""
    if connection.status not in (Status.ACTIVE, Status.PAUSED):
        raise RejectedError("not_started")
    return _preview(world, _active(connection, settings), _of_account(world, connection))


def preview_start_over(world: World, connection: Connection, start_from: date) -> Preview:
    if connection.status not in (Status.ACTIVE, Status.PAUSED):
        raise RejectedError("not_started")
    calendars = [forgotten(calendar) for calendar in _of_account(world, connection)]
    again = _active(connection, replace(connection.settings, start_from=start_from))
    unknown = [calendar.key for calendar in calendars if not calendar.leaving]
    hidden = [path for key in unknown for path in (items_path(key), series_path(key))]
    return _preview(world, again, calendars, hidden)


def preview_removal(world: World, connection: Connection) -> Preview:
    removing = replace(connection, status=Status.REMOVING, epoch=connection.epoch + 1)
    calendars = [each for each in calendars_of(world, connection.key) if concerned(removing, each)]
    return _preview(world, removing, [due_removal(world, calendar) for calendar in calendars])


def _active(connection: Connection, settings: ConnectionSettings) -> Connection:
    return replace(connection, status=Status.ACTIVE, settings=settings, epoch=connection.epoch + 1)


def _of_account(world: World, connection: Connection) -> list[Calendar]:
    """As a start wakes them; the appointments calendar as new where it was never made."""
    account = world.keys.account(connection.sub)
    found = [
        each for each in calendars_of(world, connection.key) if each.account == account and not each.left
    ]
    if all(calendar.key != connection.calendar_key for calendar in found):
        found.append(Calendar(connection.calendar_key, connection.key, account))
    return found


def _preview(
    world: World, connection: Connection, calendars: Sequence[Calendar], hidden: Sequence[str] = ()
) -> Preview:
    google, ehr = Planned(), Planned()
    documents = RehearsedDocuments(world.documents, hidden=frozenset(hidden))
    _stands(documents, connection_path(connection.key), connection_data(connection))
    for calendar in calendars:
        awake = replace(calendar, active=True, lease=None, lapses=0, due_at=None)
        _stands(documents, calendar_path(calendar.key), calendar_data(awake))
        documents.over[holder_path(calendar.account)] = None
    rehearsed = _rehearsed(world, documents, google, ehr)
    for calendar in sorted(calendars, key=lambda each: each.role is Role.APPOINTMENTS):
        if not calendar.missing:
            run_calendar_job(rehearsed, calendar.key, look=False, everything=True, queue=Queue.BULK)
    [stored] = documents.get(connection_path(connection.key)).values()
    after = connection_of(stored)
    if connection.status is Status.REMOVING:
        complete = after.status is Status.DISCONNECTED
    else:
        complete = not connection.moves or all(_is_done(documents, calendar) for calendar in calendars)
    return Preview(google, ehr, complete, after.receipt)


def _stands(documents: RehearsedDocuments, path: str, data: dict[str, object]) -> None:
    documents.over[path] = Document(path, data, VERSION)


def _is_done(documents: RehearsedDocuments, calendar: Calendar) -> bool:
    [stored] = documents.get(calendar_path(calendar.key)).values()
    now = calendar_of(stored)
    return not now.in_pass and (now.passed_at is not None or not now.active)


def _rehearsed(world: World, documents: RehearsedDocuments, google: Planned, ehr: Planned) -> World:
    def calendars(connection: Connection, *, paced: bool) -> CalendarService:
        del paced  # nothing is written, and somebody waits for it
        return RehearsedCalendars(world.calendars(connection, paced=False), google)

    def ehr_of(practice: str) -> Ehr:
        return RehearsedEhr(world.ehr(practice), ehr)

    limits = replace(
        world.limits, lease_seconds=4 * SECONDS_MAX, slice_share=0.5, bulk_slice_seconds=SECONDS_MAX
    )
    return replace(
        world,
        documents=documents,
        ehr=ehr_of,
        calendars=calendars,
        push=None,
        tell=None,
        give_back=nothing_to_give_back,
        limits=limits,
    )
