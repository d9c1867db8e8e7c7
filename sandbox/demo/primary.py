"""The first practitioner's own calendar: it takes their time, and the EHR is not told what it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sandbox.controls import Json
from sandbox.demo.blocks import blocks_of
from sandbox.demo.first_sync import google_time, local
from sandbox.demo.measure import Both, Step
from sandbox.demo.setting import Person, Setting
from sandbox.demo.story import AN_HOUR

SECONDS_MAX = 120.0
WEEKS = 10


def choose_primary(setting: Setting) -> None:
    """A life outside the practice, and its calendar chosen. Raises DemoError when it is not read in time."""
    person = setting.people[0]
    for body in _life(setting, person):
        setting.deployment.google.user(person.account.sub, "create", calendar=person.account.email, body=body)
    person.front_end.choose(person.account.email)
    person.chose = True

    def read() -> bool:
        return all(each["status"] == "in_sync" for each in person.front_end.external())

    setting.until(read, SECONDS_MAX, "the reading of the primary calendar")
    blocks = len(blocks_of(setting.deployment.ehr))
    setting.console.say(
        f"  {person.name}: the primary calendar takes their time too, {blocks} blocks in the EHR"
    )


def _life(setting: Setting, person: Person) -> Iterator[Json]:
    evening, noon = local(person, setting, 2, 21), local(person, setting, 6, 12)
    named = {"timeZone": person.zone.key}
    yield {
        "summary": "Choir",
        "start": {**google_time(evening), **named},
        "end": {**google_time(evening + AN_HOUR), **named},
        "recurrence": [f"RRULE:FREQ=WEEKLY;COUNT={WEEKS}"],
    }
    day = local(person, setting, 9, 0).date()
    yield {
        "summary": "Day off",
        "start": {"date": day.isoformat()},
        "end": {"date": (day + timedelta(days=2)).isoformat()},
    }
    yield {
        "summary": "Lunch, perhaps",
        "transparency": "transparent",
        "start": google_time(noon),
        "end": google_time(noon + AN_HOUR),
    }


# --- changes --------------------------------------------------------------------------------------------


def primary_changes(setting: Setting, person: Person) -> Iterator[Step]:
    begins = local(person, setting, 7, 22)
    made: dict[str, str] = {}

    def act(action: str, **details: object) -> None:
        answer = setting.deployment.google.user(
            person.account.sub, action, calendar=person.account.email, **details
        )
        made.setdefault("id", str((answer or {}).get("id", "")))

    times = {"start": google_time(begins), "end": google_time(begins + AN_HOUR)}
    yield Step(
        "primary_create",
        "Google: an event is made in the primary calendar; the EHR has a block",
        lambda: act("create", body={"summary": "Concert", **times}),
        lambda both: begins in _blocks(both),
    )
    later = begins + timedelta(days=1)
    moved = {"start": google_time(later), "end": google_time(later + AN_HOUR)}
    yield Step(
        "primary_move",
        "Google: that event is moved; the block follows",
        lambda: act("move", event=made["id"], **moved),
        lambda both: later in _blocks(both) and begins not in _blocks(both),
    )
    yield Step(
        "primary_delete",
        "Google: it is deleted; the time is free again",
        lambda: act("delete", event=made["id"]),
        lambda both: later not in _blocks(both),
    )


def _blocks(both: Both) -> set[datetime]:
    """When blocks begin."""
    return {block.start for block in both.blocks}
