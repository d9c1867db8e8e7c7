"""Both sides of every practitioner, as their servers hold them now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from datetime import time as wall_time

from sandbox.controls import Json
from sandbox.demo.blocks import Block, blocks_of
from sandbox.demo.check import View
from sandbox.demo.setting import Person, Setting

_A_DAY = timedelta(days=1)
"""Days of another zone begin and end so much sooner or later."""


def views(setting: Setting) -> list[View]:
    ehr = setting.deployment.ehr
    appointments, patients = ehr.appointments(), ehr.patients()
    blocks = blocks_of(ehr)
    return [
        _view(setting, person, appointments=appointments, patients=patients, blocks=blocks)
        for person in setting.people
    ]


def _view(
    setting: Setting,
    person: Person,
    *,
    appointments: list[Json],
    patients: dict[str, Json],
    blocks: list[Block],
) -> View:
    today = setting.now().astimezone(person.zone).date()
    after = today + timedelta(days=person.settings["horizon_days"] + 1)
    starts = datetime.combine(person.starts_from, wall_time.min, person.zone).astimezone(UTC)
    ends = datetime.combine(after, wall_time.min, person.zone).astimezone(UTC)
    google = setting.deployment.google
    return View(
        practitioner=person.practitioner.id,
        zone=person.zone,
        label=person.label,
        starts=starts,
        ends=ends,
        appointments=appointments,
        patients=patients,
        events=google.screen(person.calendar, starts - _A_DAY, ends + _A_DAY),
        external=google.screen(person.account.email, starts - _A_DAY, ends + _A_DAY) if person.chose else (),
        blocks=blocks,
    )
