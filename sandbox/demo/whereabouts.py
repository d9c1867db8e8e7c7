"""Where everything listens, and what one can do there: told when the demo stays up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from sandbox.demo.check import patients_of
from sandbox.demo.first_sync import google_time, local
from sandbox.demo.setting import Setting
from sandbox.ehr.front_end import PATH as EHR_PAGE
from sandbox.google.web_page import PATH as GOOGLE_PAGE
from shared.settings import Function

_WHAT = {
    Function.OAUTH_CALLBACK: "Google sends people back here after consent",
    Function.PUSH_WEBHOOK: "Google's pushes at /google, the EHR's hooks at /ehr/…; both signed",
    Function.SYNC_TASK: "does the work; the queues alone get in",
    Function.CHANNEL_RENEWER: "looks, polls, what is due; the scheduler alone gets in",
    Function.SETTINGS_API: "what the EHR's front end calls",
}


def whereabouts(setting: Setting) -> Iterator[str]:
    at = setting.deployment.at
    person = setting.watched
    yield "in a browser:"
    yield f"  the EHR        {at.ehr}{EHR_PAGE}   sign in as {person.name}; “Both” shows Google beside it"
    yield f"  Google         {at.google}{GOOGLE_PAGE}?account={person.account.email}"
    yield f"EHR              {at.ehr}/control/appointments   what it holds; …/control/deliveries: its hooks"
    yield f"Google           {at.google}/control/calendars/{person.calendar}/events"
    yield f"                   what {person.name} sees; …/control/requests: what the product asked"
    for function, url in at.functions.items():
        yield f"{function.value:<16} {url}   {_WHAT[function]}"
    yield f"queues           {at.tasks_control}/control/tasks   what waits; …/control/history: what was run"
    yield f"scheduler        {at.scheduler}/control/history   its ticks, one a minute"
    yield f"logs             {setting.deployment.folder}/*.log"


def things_to_try(setting: Setting) -> Iterator[str]:
    """For a shell: each line with what it does."""
    at, person = setting.deployment.at, setting.watched
    me = json.dumps({"practitioner": person.practitioner.id})
    token = f"$(curl -s $EHR/control/token -d '{me}' | cut -d'\"' -f4)"
    yield f"EHR={at.ehr} GOOGLE={at.google} SYNC={person.front_end.url}"
    yield f'ask() {{ curl -s -H "Authorization: Bearer {token}" "$@"; echo; }}'
    yield f"ask $SYNC  # the sync of {person.name}, in words"
    yield f"curl $GOOGLE/control/user -d '{_by_hand(setting)}'  # an event; the EHR has it a second later"
    row = _next_appointment(setting)
    if row is not None:
        cancel = json.dumps({"action": "cancel", "appointment": row})
        yield f"curl $EHR/control/staff -d '{cancel}'  # the next client cancels; the event goes"
    yield "ask $SYNC/connect -d '{}' -H 'Content-Type: application/json'  # a consent page for a browser"
    yield "ask -X POST $SYNC/pause  # nothing moves; then /resume, /check-now, /disconnect"


def _by_hand(setting: Setting) -> str:
    """What a practitioner does in the calendar, for the sandbox's control."""
    person = setting.watched
    begins = local(person, setting, 1, 18)
    times = {"start": google_time(begins), "end": google_time(begins + timedelta(hours=1))}
    details = {"sub": person.account.sub, "calendar": person.calendar}
    return json.dumps({**details, "action": "create", "body": {"summary": "Yoga", **times}})


def _next_appointment(setting: Setting) -> str | None:
    """The id of the first one to come that has a client."""
    mine = f'"Practitioner/{setting.watched.practitioner.id}"'
    rows = {
        row["id"]: datetime.fromisoformat(row["start"])
        for row in setting.deployment.ehr.appointments()
        if row["status"] == "booked" and patients_of(row) and mine in json.dumps(row["participant"])
    }
    to_come = [row for row, start in rows.items() if start > setting.now()]
    return min(to_come, key=lambda row: rows[row], default=None)
