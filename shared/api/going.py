"""Endpoints for the ways out of a sync and back: disconnect, start over, repair, and how long it may run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field, RootModel
from pydantic_core import PydanticCustomError

from shared.api.endpoints import PAST_DAYS_MAX, show_state
from shared.api.models import Answer, Body, CalendarId, ReceiptAnswer, StateAnswer
from shared.api.problems import invalid
from shared.api.routing import Endpoint, Table, Use
from shared.app import connections, entitlements, leftovers, preview
from shared.app.disconnect import disconnect
from shared.app.entitlements import Entitlement
from shared.app.jobs import CalendarTask
from shared.app.records import Connection, Status
from shared.app.rehearsal import Planned
from shared.app.repair import repair
from shared.app.set_up import set_up
from shared.app.start_over import start_over
from shared.core.errors import GrantDeadError, SyncError
from shared.core.policy import Edits, LabelMode, Mode
from shared.log import Severity, log
from shared.ports import Queue

T = TypeVar("T")
YEARS = range(2000, 2200)
"""Of an entitlement."""

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


# --- preview --------------------------------------------------------------------------------------------


class PreviewBody(Body):
    of: Literal["start", "start_over", "settings", "remove"] = Field(description="what would be done")
    mode: Mode | None = Field(default=None, description="of `settings`, as the next three")
    client_label: LabelMode | None = None
    google_edits: Edits | None = None
    start_from: date | None = Field(default=None, description="of `settings`, and of `start_over`")


class PlannedAnswer(Answer):
    created: int
    updated: int
    deleted: int

    @classmethod
    def of(cls, planned: Planned) -> PlannedAnswer:
        return cls(created=planned.created, updated=planned.updated, deleted=planned.deleted)


class PreviewAnswer(Answer):
    google: PlannedAnswer
    ehr: PlannedAnswer
    complete: bool
    receipt: ReceiptAnswer | None


def show_preview(use: Use, body: PreviewBody) -> PreviewAnswer:
    connection = connections.load(use.world, use.key)
    found = _told(use, connection, lambda: _preview(use, connection, body))
    return PreviewAnswer(
        google=PlannedAnswer.of(found.google),
        ehr=PlannedAnswer.of(found.ehr),
        complete=found.complete,
        receipt=ReceiptAnswer.of(found.receipt) if found.receipt else None,
    )


def _preview(use: Use, connection: Connection, body: PreviewBody) -> preview.Preview:
    start_from = body.start_from or connection.settings.start_from
    if body.start_from is not None:
        check_start_from(use, connection, body.start_from)
    match body.of:
        case "start":
            settings = set_up(use.world, connection).settings
            return preview.preview_start(use.world, connection, settings)
        case "start_over":
            return preview.preview_start_over(use.world, connection, start_from)
        case "settings":
            names = ("mode", "client_label", "google_edits", "start_from")
            given = {name: getattr(body, name) for name in names if getattr(body, name) is not None}
            return preview.preview_settings(use.world, connection, replace(connection.settings, **given))
        case "remove":
            return preview.preview_removal(use.world, connection)


# --- leftovers ------------------------------------------------------------------------------------------


class LeftoverAnswer(Answer):
    id: str
    calendar: bool
    name: str
    events: int | None
    by_hand: int
    since: date | None


class LeftoversAnswer(RootModel[list[LeftoverAnswer]]):
    pass


class ClearBody(Body):
    ids: list[CalendarId] = Field(min_length=1, max_length=20, description="of leftovers, each chosen")


class ClearedAnswer(Answer):
    calendars: int
    removed: int
    refused: int
    left: int


def list_leftovers(use: Use, _: None) -> LeftoversAnswer:
    connection = connections.load(use.world, use.key)
    found = _told(use, connection, lambda: leftovers.leftovers(use.world, connection))
    return LeftoversAnswer([LeftoverAnswer(**vars(each)) for each in found])


def clear_leftovers(use: Use, body: ClearBody) -> ClearedAnswer:
    connection = connections.load(use.world, use.key)
    cleared = _told(use, connection, lambda: leftovers.clear(use.world, connection, frozenset(body.ids)))
    return ClearedAnswer(**vars(cleared))


def _told(use: Use, connection: Connection, do: Callable[[], T]) -> T:
    """A grant that is met dead is noted."""
    try:
        return do()
    except GrantDeadError:
        connections.grant_died(use.world, connection)
        raise


# --- entitlements ---------------------------------------------------------------------------------------


def _instant(value: datetime) -> datetime:
    """In UTC, of a time that people live in."""
    if value.year not in YEARS:
        raise PydanticCustomError("out_of_range", "not an instant of these centuries")
    return value.astimezone(UTC).replace(microsecond=0)


class EntitlementBody(Body):
    active_until: Annotated[AwareDatetime, AfterValidator(_instant)] | Literal["open"] = Field(
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


_WITH_A_GRANT = ("not_connected", "reconnect_needed")
_STARTING_OVER = (*_WITH_A_GRANT, "not_started", "stopping", "removing", "lapsed", "calendar_missing")
_PREVIEW = (*_WITH_A_GRANT, "not_started", "practitioner_unknown")

PATHS: Table = {
    "/disconnect": {
        "POST": Endpoint(end, DisconnectBody, admin=True, problems=("not_connected", "stopping"))
    },
    "/start-over": {"POST": Endpoint(begin_again, StartOverBody, problems=_STARTING_OVER)},
    "/repair": {"POST": Endpoint(make_again, Body, problems=("not_connected", "not_syncing", "stopping"))},
    "/preview": {"POST": Endpoint(show_preview, PreviewBody, problems=_PREVIEW)},
    "/leftovers": {"GET": Endpoint(list_leftovers, problems=_WITH_A_GRANT)},
    "/leftovers/remove": {"POST": Endpoint(clear_leftovers, ClearBody, problems=_WITH_A_GRANT)},
}
"""By what follows a practitioner's sync."""
OF_A_PRACTICE: Table = {
    "/v1/entitlements/{id}": {
        "GET": Endpoint(show_entitlement, admin=True, own=False, problems=()),
        "PUT": Endpoint(put_entitlement, EntitlementBody, admin=True, own=False, problems=()),
    },
}
