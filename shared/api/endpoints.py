"""The endpoints of a practitioner's sync: what each is given, does and answers.

What has to follow is enqueued after everything was stored, and only makes it soon: without it the calendar is
due by itself, so a queue that fails fails nobody's call.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from shared.api.models import (
    Body,
    CalendarAnswer,
    CalendarsAnswer,
    ChooseBody,
    CompleteAnswer,
    CompleteBody,
    ConnectAnswer,
    ConnectBody,
    ExternalCalendarAnswer,
    ExternalCalendarsAnswer,
    LeaveBody,
    NothingAnswer,
    SettingsAnswer,
    SettingsBody,
    StartBody,
    StateAnswer,
)
from shared.api.problems import ProblemError, invalid
from shared.api.routing import Endpoint, Table, Use
from shared.app import choosing, connect, connections
from shared.app.capable import capabilities_of
from shared.app.eligible import Candidate, candidates
from shared.app.external_state import read_external
from shared.app.grants import grant_of, grant_path
from shared.app.jobs import CalendarTask, FeedTask
from shared.app.label_choice import with_label
from shared.app.records import Connection, Status
from shared.app.set_up import set_up
from shared.app.state import calendar_state
from shared.core.blocking import BlockRules
from shared.core.errors import GrantDeadError
from shared.core.policy import HORIZON_DAYS_MAX, ConnectionSettings, Edits
from shared.ports import ProtectedBy

PAST_DAYS_MAX = HORIZON_DAYS_MAX
"""How far back a sync may begin."""


# --- state and settings ---------------------------------------------------------------------------------


def show_state(use: Use, _: None) -> StateAnswer:
    return StateAnswer.of(use.state(), own=use.caller.practitioner == use.practitioner)


def show_settings(use: Use, _: None) -> SettingsAnswer:
    return SettingsAnswer.of(connections.load(use.world, use.key))


def change_settings(use: Use, body: SettingsBody) -> SettingsAnswer:
    """In one commit, over what is stored then: another change at the same moment is not undone."""
    if body.google_edits is Edits.ACCEPT and not _tells_protection(use):
        raise ProblemError("accept_unavailable")

    def changed(now: Connection) -> Connection:
        name = body.calendar_name or now.calendar_name
        if name != now.calendar_name and now.status is not Status.CONNECTED:
            raise ProblemError("already_started")
        told = bool(body.full_name_acknowledged)
        label = body.client_label or now.settings.client_label
        chosen = with_label(use.world, now, label, acknowledged=told)
        settings = _changed(use, chosen.settings, body)
        epoch = now.epoch + (settings != now.settings)  # all is read again under others
        return replace(chosen, settings=settings, calendar_name=name, epoch=epoch)

    before = connections.load(use.world, use.key)
    connection = connections.change(use.world, use.key, changed)
    if connection.epoch != before.epoch:
        use.read_again_soon(connection)
    return SettingsAnswer.of(connection)


def _tells_protection(use: Use) -> bool:
    """Whether what hangs on a note or an invoice can be kept from being moved or cancelled."""
    return capabilities_of(use.world, use.caller.practice).protected_by is not ProtectedBy.NONE


def _changed(use: Use, settings: ConnectionSettings, body: SettingsBody) -> ConnectionSettings:
    names = (
        "mode",
        "google_edits",
        "personal_text",
        "external_titles",
        "free_events",
        "cancelled_events",
        "review_threshold",
        "review_window_minutes",
        "telehealth_link",
        "service_line",
        "horizon_days",
        "start_from",
    )
    given = {name: getattr(body, name) for name in names if getattr(body, name) is not None}
    if body.time_zone is not None:
        given["zone"] = ZoneInfo(body.time_zone)
    changed = replace(settings, **given)
    if body.start_from is not None:
        today = use.world.clock.now().astimezone(changed.zone).date()
        if not today - timedelta(days=PAST_DAYS_MAX) <= body.start_from <= today:
            raise invalid({"start_from": "out_of_range"})
    return changed


# --- connect --------------------------------------------------------------------------------------------


def ask_for_consent(use: Use, body: ConnectBody) -> ConnectAnswer:
    practice, hint = use.caller.practice, body.login_hint
    url = connect.begin(use.connecting, practice=practice, practitioner=use.practitioner, login_hint=hint)
    return ConnectAnswer(url=url)


def complete(use: Use, body: CompleteBody) -> CompleteAnswer:
    connected = connect.complete(
        use.connecting,
        use.world,
        practice=use.caller.practice,
        practitioner=use.practitioner,
        code=body.code,
    )
    state = use.state()
    if connected.other_account:
        both = {"connected_email": state.email, "new_email": connected.email}
        raise ProblemError("other_account", members=both)
    if state.connection is not None:
        use.read_again_soon(state.connection)
    return CompleteAnswer(
        google_email=connected.email,
        external_calendars=connected.external_calendars,
        status=state.status,
    )


def list_calendars(use: Use, _: None) -> CalendarsAnswer:
    found = _candidates(use, connections.load(use.world, use.key))
    return CalendarsAnswer([CalendarAnswer.of(each) for each in found])


def _candidates(use: Use, connection: Connection) -> list[Candidate]:
    grant = use.world.documents.get(grant_path(use.key)).get(grant_path(use.key))
    if grant is None:
        raise ProblemError("not_connected")
    reach = use.reach(grant_of(grant).scopes)
    try:
        return candidates(use.world, connection, reach)
    except GrantDeadError:
        connections.grant_died(use.world, connection)
        raise


# --- external calendars ---------------------------------------------------------------------------------


def list_external(use: Use, _: None) -> ExternalCalendarsAnswer:
    connection = connections.load(use.world, use.key)
    states = read_external(use.world, connection)
    shown = [(state, calendar_state(use.world, state.calendar)) for state in states]
    return ExternalCalendarsAnswer([ExternalCalendarAnswer.of(*each) for each in shown])


def choose_external(use: Use, body: ChooseBody) -> ExternalCalendarsAnswer:
    connection = connections.load(use.world, use.key)
    _check_eligible(_candidates(use, connection), body.id)
    chosen = [each.calendar for each in read_external(use.world, connection)]
    before = next((each.rules for each in chosen if each.calendar_id == body.id), BlockRules())
    rules = body.rules.on(before) if body.rules else None
    calendar = choosing.choose(use.world, use.key, body.id, rules)
    use.read_soon(connection, calendar.key)
    return list_external(use, None)


def leave_external(use: Use, body: LeaveBody) -> ExternalCalendarsAnswer:
    connection = connections.load(use.world, use.key)
    calendar = choosing.leave(use.world, use.key, body.id)
    use.read_soon(connection, calendar.key)
    return list_external(use, None)


def _check_eligible(found: list[Candidate], calendar_id: str) -> None:
    candidate = next((each for each in found if each.entry.id == calendar_id), None)
    if candidate is None:
        raise ProblemError("calendar_unknown")
    if candidate.unfit is not None:
        raise ProblemError("calendar_not_eligible", members={"reason": candidate.unfit.value})


# --- the life of the sync -------------------------------------------------------------------------------


def start(use: Use, body: StartBody) -> StateAnswer:
    name = body.calendar_name
    connection = connections.load(use.world, use.key)
    if connection.status is Status.CONNECTED:
        found = set_up(use.world, connection, name)
        connections.change_settings(use.world, use.key, found.settings)
        name = found.calendar_name
    use.read_again_soon(connections.start(use.world, use.key, name))
    return show_state(use, None)


def check_now(use: Use, _: Body) -> NothingAnswer:
    """Here the queue is all there is to it: a failure of it is told."""
    connection = connections.load(use.world, use.key)
    if not connection.moves:
        raise ProblemError("not_syncing")
    use.enqueue(CalendarTask(connection.calendar_key))
    use.enqueue(FeedTask(connection.practice))
    return NothingAnswer()


def pause(use: Use, _: Body) -> StateAnswer:
    connections.pause(use.world, use.key)
    return show_state(use, None)


def resume(use: Use, _: Body) -> StateAnswer:
    use.read_again_soon(connections.resume(use.world, use.key))
    return show_state(use, None)


_KNOWN = ("not_connected",)
_ENDS = ("stopping", "removing", "lapsed")
"""Where the sync is on its way out, or out."""
_CHANGING = (
    *_KNOWN,
    "accept_unavailable",
    "already_started",
    "full_name_unacknowledged",
    "internal_id_unavailable",
)
_COMPLETING = (
    "connect_code_unknown",
    "connect_other_practitioner",
    "other_account",
    "practitioner_unknown",
    *_ENDS,
)
_LISTING = (*_KNOWN, "reconnect_needed")
_CHOOSING = (*_LISTING, "calendar_unknown", "calendar_not_eligible", "stopping")
_LEAVING = (*_KNOWN, "not_chosen", "stopping")
_STARTING = (*_LISTING, "practitioner_unknown", *_ENDS)
PATHS: Table = {
    "": {"GET": Endpoint(show_state, admin=True, problems=())},
    "/settings": {
        "GET": Endpoint(show_settings, problems=_KNOWN),
        "PATCH": Endpoint(change_settings, SettingsBody, problems=_CHANGING),
    },
    "/connect": {"POST": Endpoint(ask_for_consent, ConnectBody, problems=())},
    "/connect/complete": {"POST": Endpoint(complete, CompleteBody, problems=_COMPLETING)},
    "/calendars": {"GET": Endpoint(list_calendars, problems=_LISTING)},
    "/external-calendars": {"GET": Endpoint(list_external, problems=_KNOWN)},
    "/external-calendars/choose": {"POST": Endpoint(choose_external, ChooseBody, problems=_CHOOSING)},
    "/external-calendars/leave": {"POST": Endpoint(leave_external, LeaveBody, problems=_LEAVING)},
    "/start": {"POST": Endpoint(start, StartBody, problems=_STARTING)},
    "/check-now": {"POST": Endpoint(check_now, Body, status=202, problems=(*_KNOWN, "not_syncing"))},
    "/pause": {"POST": Endpoint(pause, Body, admin=True, problems=(*_KNOWN, "not_started", "stopping"))},
    "/resume": {"POST": Endpoint(resume, Body, problems=(*_KNOWN, "not_paused", "lapsed"))},
}
"""By what follows `/v1/practitioners/{id}/sync`, and by method."""
