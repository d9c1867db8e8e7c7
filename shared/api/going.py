"""Endpoints for the ways out of a sync and back: disconnect, start over, repair, and how long it may run."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from shared.api.endpoints import PAST_DAYS_MAX, show_state
from shared.api.models import Answer, Body, StateAnswer
from shared.api.problems import invalid
from shared.api.routing import Endpoint, Table, Use
from shared.app import connections, entitlements
from shared.app.disconnect import disconnect
from shared.app.entitlements import Entitlement
from shared.app.jobs import CalendarTask
from shared.app.records import Connection, Status
from shared.app.repair import repair
from shared.app.start_over import start_over
from shared.core.errors import SyncError
from shared.log import Severity, log
from shared.ports import Queue

# --- disconnect -----------------------------------------------------------------------------------------


class DisconnectBody(Body):
    events: Literal["keep", "remove"] = Field(default="keep", description="what becomes of synced events")


def end(use: Use, body: DisconnectBody) -> StateAnswer:
    remove = body.events == "remove"
    practice = use.caller.practice
    connection = disconnect(
        use.connecting, use.world, practice=practice, practitioner=use.practitioner, remove=remove
    )
    if connection.status is Status.REMOVING:
        _remove_soon(use)
    return show_state(use, None)


def _remove_soon(use: Use) -> None:
    """Best effort: each calendar is due by itself."""
    for calendar in connections.calendars_of(use.world, use.key):
        if calendar.active:
            try:
                use.enqueue(CalendarTask(calendar.key, look=False, queue=Queue.BULK))
            except SyncError as error:
                log(Severity.WARNING, "api.not_enqueued", reason=error.reason)


# --- start over and repair ------------------------------------------------------------------------------


class StartOverBody(Body):
    start_from: date = Field(description="the first day that is taken in")
    confirm: Literal["start_over"] = Field(description="that it is meant: nothing else does")


def begin_again(use: Use, body: StartOverBody) -> StateAnswer:
    check_start_from(use, connections.load(use.world, use.key), body.start_from)
    use.read_again_soon(start_over(use.world, use.key, body.start_from))
    return show_state(use, None)


def check_start_from(use: Use, connection: Connection, start_from: date) -> None:
    """Raises ProblemError `invalid`."""
    today = use.world.clock.now().astimezone(connection.settings.zone).date()
    if not today - timedelta(days=PAST_DAYS_MAX) <= start_from <= today:
        raise invalid({"start_from": "out_of_range"})


def make_again(use: Use, _: Body) -> StateAnswer:
    connection = repair(use.world, use.key)
    use.read_soon(connection, connection.calendar_key)
    return show_state(use, None)


# --- entitlements ---------------------------------------------------------------------------------------


class EntitlementBody(Body):
    active_until: AwareDatetime | Literal["open"] = Field(
        description="an instant with its offset; `open`: without an end"
    )


class EntitlementAnswer(Answer):
    practitioner: str
    active_until: datetime | None
    lapsed: bool


def show_entitlement(use: Use, _: None) -> EntitlementAnswer:
    found = entitlements.read_entitlement(use.world, use.caller.practice, use.practitioner)
    return _entitlement_answer(use, found)


def put_entitlement(use: Use, body: EntitlementBody) -> EntitlementAnswer:
    until = None if body.active_until == "open" else body.active_until
    said = Entitlement(use.caller.practice, use.practitioner, until)
    connection = entitlements.entitle(use.world, said)
    if connection is not None:
        use.read_again_soon(connection)
    return _entitlement_answer(use, said)


def _entitlement_answer(use: Use, said: Entitlement) -> EntitlementAnswer:
    lapsed = said.lapsed(use.world.clock.now())
    return EntitlementAnswer(practitioner=said.practitioner, active_until=said.active_until, lapsed=lapsed)


_ENDING = ("not_connected", "stopping")
_BEGINNING = (*_ENDING, "not_started", "reconnect_needed", "removing", "lapsed", "calendar_missing")
PATHS: Table = {
    "/disconnect": {"POST": Endpoint(end, DisconnectBody, admin=True, problems=_ENDING)},
    "/start-over": {"POST": Endpoint(begin_again, StartOverBody, problems=_BEGINNING)},
    "/repair": {"POST": Endpoint(make_again, Body, problems=(*_ENDING, "not_syncing"))},
}
"""By what follows a practitioner's sync."""
OF_A_PRACTICE: Table = {
    "/v1/entitlements/{id}": {
        "GET": Endpoint(show_entitlement, admin=True, own=False, problems=()),
        "PUT": Endpoint(put_entitlement, EntitlementBody, admin=True, own=False, problems=()),
    },
}
