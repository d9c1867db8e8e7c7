"""Over the wire, with Google's own client: answers lost, refused and late on both sides, then agreement."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.controls import last_number
from sandbox.demo.check import ehr_writes, google_writes
from tests.one_process import Setting, practice

ROOT = Path(__file__).resolve().parents[1]

ROUNDS = 12
REST_SECONDS = 60.0
PASS_JOBS_MAX = 100
GOOGLE_WRITES = ("events.insert", "events.patch", "events.delete")
EHR_WRITES = ("Appointment.update", "Appointment.create")


def faults(rng: random.Random, writes: tuple[str, ...], reads: tuple[str, ...]) -> list[dict[str, Any]]:
    """What goes wrong next on one side."""
    choices: list[dict[str, Any]] = [
        {"operation": rng.choice(writes), "lost": True, "count": 2},
        {"operation": rng.choice(writes), "status": 503, "reason": "backendError", "count": 2},
        {"operation": rng.choice(writes), "status": 412, "reason": "conditionNotMet"},
        {
            "operation": rng.choice(writes),
            "status": 429,
            "reason": "rateLimitExceeded",
            "retry_after_seconds": 1,
        },
        {"operation": rng.choice(reads), "status": 500, "reason": "backendError"},
        {"operation": rng.choice(reads), "status": 200, "body": '{"items": [{"id'},
    ]
    return rng.sample(choices, 3)


def trouble(setting: Setting, rng: random.Random) -> None:
    google = faults(rng, GOOGLE_WRITES, ("events.list", "events.get"))
    if rng.random() < 0.3:
        google.append({"operation": "events.list", "status": 410, "reason": "fullSyncRequired"})
    for fault in google:
        requests.post(f"{setting.google.url}/control/faults", json=fault, timeout=10).raise_for_status()
    for fault in faults(rng, EHR_WRITES, ("Appointment.search", "Patient.search")):
        requests.post(f"{setting.ehr.url}/control/faults", json=fault, timeout=10).raise_for_status()


def calm(setting: Setting) -> None:
    for side in (setting.google, setting.ehr):
        requests.delete(f"{side.url}/control/faults", timeout=10).raise_for_status()


def people_go_on(setting: Setting, rng: random.Random, turn: int) -> None:
    """An edit on each side, of an appointment to come, and something new."""
    now = datetime.now(UTC)
    rows = [
        row
        for row in setting.ehr.appointments()
        if row["status"] == "booked" and row["start"] > now.isoformat()
    ]
    start = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=5 + turn)
    span = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    setting.ehr.staff("reschedule", appointment=rng.choice(rows)["id"], **span)
    key = rng.choice(sorted(setting.people))
    calendar = setting.calendar(key).calendar_id
    if calendar is None:
        return
    sub = setting.people[key].sub
    times = {name: {"dateTime": value} for name, value in span.items()}
    setting.google.user(sub, "create", calendar=calendar, body={"summary": f"By hand {turn}", **times})
    live = [event for event in setting.google.events(calendar) if event["status"] != "cancelled"]
    event = rng.choice(live)["id"]
    if turn % 2:
        setting.google.user(sub, "delete", calendar=calendar, event=event)
    else:
        setting.google.user(sub, "move", calendar=calendar, event=event, **times)


def rest(setting: Setting) -> None:
    """Turns until nothing is open and nothing failed in the last one."""
    deadline = time.monotonic() + REST_SECONDS
    while (began := time.monotonic()) < deadline:
        setting.driver.turn()
        soon = setting.world.clock.now() + timedelta(minutes=5)
        waiting = [setting.calendar(key) for key in setting.people]
        at_rest = all(
            not lane.ids and lane.not_before <= time.monotonic() for lane in setting.driver.lanes.values()
        ) and all(
            calendar.usable_cursor
            and not any(at and at <= soon for at in (calendar.retry_at, calendar.pass_at))
            for calendar in waiting
        )
        feed_was_read = setting.driver._feed_not_before <= began
        if at_rest and feed_was_read and setting.driver.trouble is None:
            return
        time.sleep(0.05)
    raise AssertionError(f"the jobs do not come to rest: {setting.driver.trouble}")


def play(seed: int) -> list[str]:
    """What differs in the end, in words."""
    with practice() as setting:
        rng = random.Random(seed)
        for turn in range(ROUNDS):
            trouble(setting, rng)
            people_go_on(setting, rng, turn)
            setting.driver.turn()
        calm(setting)
        rest(setting)
        written = written_by_one_more_pass(setting)
        bugs = [bug for lane in setting.driver.lanes.values() for bug in lane.totals.bugs]
        return [*setting.differences(), *written, *bugs]


def written_by_one_more_pass(setting: Setting) -> list[str]:
    """Of everything, to its end: there should be nothing."""
    google, ehr = last_number(setting.google.requests()), last_number(setting.ehr.requests())
    for key in setting.people:
        outcome = setting.driver.job(key, everything=True)
        for _ in range(PASS_JOBS_MAX):
            if outcome is not None and not setting.driver.wants_more(outcome):
                break
            time.sleep(0.05)
            outcome = setting.driver.job(key)
        else:
            raise AssertionError(f"one more pass does not end: {setting.driver.trouble}")
    writes = google_writes(setting.google.requests(google)) + ehr_writes(setting.ehr.requests(ehr))
    return [f"one more pass wrote: {each['operation']}" for each in writes]


@pytest.mark.parametrize("seed", [3, 7])
def test_trouble_on_the_wire_ends_in_agreement(seed: int) -> None:
    """In a process of its own, whose end closes all connections."""
    command = [sys.executable, "-m", "tests.test_wire_faults", str(seed)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr[-2_000:]


if __name__ == "__main__":
    differences = play(int(sys.argv[1]))
    sys.stdout.write(f"{differences}\n")
