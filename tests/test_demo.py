"""`python -m sandbox.demo` as a person runs it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.controls import EhrSandbox
from sandbox.demo.arguments import parse

ROOT = Path(__file__).resolve().parent.parent
SMALL = ("--appointments", "60")
SECONDS_MAX = 120

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Example//EN
BEGIN:VEVENT
UID:1@example.com
DTSTART:20300108T190000Z
DTEND:20300108T200000Z
SUMMARY:Book club
END:VEVENT
BEGIN:VEVENT
UID:2@example.com
DTSTART:20300199T190000Z
SUMMARY:No such day
END:VEVENT
BEGIN:VEVENT
UID:3@example.com
DTSTART;VALUE=DATE:20300110
DTEND;VALUE=DATE:20300112
SUMMARY:Away
END:VEVENT
BEGIN:VEVENT
UID:4@example.com
DTSTART:20300107T070000Z
DTEND:20300107T073000Z
RRULE:FREQ=WEEKLY;COUNT=5
SUMMARY:Run
END:VEVENT
BEGIN:VEVENT
UID:5@example.com
DTSTART:20200107T070000Z
DTEND:20200107T073000Z
SUMMARY:Long ago
END:VEVENT
END:VCALENDAR
"""


def demo(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox.demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


# --- whole runs -----------------------------------------------------------------------------------------


def test_both_sides_agree_and_every_change_arrives(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    done = demo("--once", "--json", str(file), "--store", "embedded", *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in agreement: yes" in done.stdout
    told: dict[str, Any] = json.loads(file.read_text())
    assert (told["agree"], told["duplicates"], told["store"]) == (True, 0, "embedded")
    assert told["counts"]["appointments"] == told["counts"]["events"] > 40
    assert told["counts"]["writes_of_one_more_pass"] == 0
    assert told["counts"]["put_back"] == 2
    assert len(told["latencies_ms"]) == 10
    assert all(latency > 0 for latency in told["latencies_ms"].values())
    assert told["seconds"] > 0


def test_a_calendar_file_is_loaded_but_for_its_broken_event(tmp_path: Path) -> None:
    calendar, out = tmp_path / "mine.ics", tmp_path / "out.json"
    calendar.write_text(ICS)
    only_python = {"PATH": str(tmp_path)}
    done = demo(
        "--once", "--ics", str(calendar), "--now", "2030-01-05", "--json", str(out), *SMALL, env=only_python
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{calendar}, line 12: " in done.stdout
    assert "3 events loaded; 1 left out: 1 recurring" in done.stdout
    assert "2 of the 3 loaded events are personal appointments" in done.stdout
    assert json.loads(out.read_text())["counts"]["loaded"] == 3
    assert "a practice on Saturday, 2030-01-05 12:00 UTC" in done.stdout
    assert "no Firestore emulator here: gcloud is not installed" in done.stdout


def test_it_keeps_syncing_until_an_interrupt_ends_every_server() -> None:
    with _running() as demo:
        printed = demo.read_to("everything stays in sync now")
        ehr = EhrSandbox(re.findall(r"  EHR +(http://\S+)\n", printed)[0])
        rows = [row for row in ehr.appointments() if row["status"] == "booked" and row["start"] > "2030-02"]
        ehr.staff("cancel", appointment=rows[0]["id"])
        printed += demo.read_to("→ Google: deleted an event")
        printed += demo.end(signal.SIGINT)
    assert demo.process.returncode == 0, printed
    assert printed.endswith("stopped; so is every server\n")
    assert len(_ports(printed)) == 3
    assert not any(map(_is_open, _ports(printed)))


def test_an_interrupt_at_the_start_leaves_nothing_behind() -> None:
    with _running() as demo:
        printed = demo.read_to("http://")
        printed += demo.end(signal.SIGTERM)
    assert demo.process.returncode == 128 + signal.SIGTERM
    assert printed.endswith("stopped; so is every server\n")
    assert _ports(printed)
    assert not any(map(_is_open, _ports(printed)))


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[str]

    def read_to(self, text: str) -> str:
        """What is printed, to the line with `text`."""
        assert self.process.stdout is not None
        printed = ""
        for line in self.process.stdout:
            printed += line
            if text in line:
                return printed
        raise AssertionError(f"{text!r} was not printed, but:\n{printed}")

    def end(self, number: int) -> str:
        assert self.process.stdout is not None
        self.process.send_signal(number)
        rest = self.process.stdout.read()
        self.process.wait()
        return rest


@contextlib.contextmanager
def _running() -> Iterator[Running]:
    command = [sys.executable, "-m", "sandbox.demo", "--store", "embedded", "--now", "2030-01-05", *SMALL]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Running(process)
        finally:
            process.terminate()  # nothing where it has ended


def _ports(printed: str) -> set[int]:
    return {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed)}


def _is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


# --- what cannot be done is one sentence ----------------------------------------------------------------


def test_an_emulator_that_does_not_come_up_is_one_sentence(tmp_path: Path) -> None:
    jar = tmp_path / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    (tmp_path / "bin").mkdir()
    for name, script in {
        "gcloud": "exit 0",
        "java": 'test "$1" = -version && exit 0\necho "Error: wrong class version"\necho "\tat Main"\nexit 1',
    }.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    done = demo("--once", env={"PATH": str(tmp_path / "bin")})
    assert done.returncode == 2
    assert done.stderr == (
        "demo: the store (--store embedded does without it) did not come up: Error: wrong class version\n"
    )


def test_an_emulator_that_is_not_there_is_not_replaced_when_it_is_asked_for(tmp_path: Path) -> None:
    done = demo("--once", "--store", "emulator", env={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr.startswith("demo: --store emulator: there is none here: gcloud is not installed")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--twice"], "demo: unrecognized arguments: --twice; --help lists the options"),
        (["--onc"], "demo: unrecognized arguments: --onc; --help lists the options"),
        (["--now", "soon"], "'soon' is neither a date (2026-01-31) nor an instant (2026-01-31T09:00:00Z)"),
        (["--now", "2026-02-30"], "'2026-02-30' is neither a date"),
        (["--now", "9999-12-31T23:59:59Z"], "the year 9999 is not from 1971 to 2099"),
        (["--store", "cloud"], "--store: invalid choice: 'cloud'"),
        (["--appointments", "5"], "--appointments: 5 is not from 60 to 1500"),
        (["--appointments", "many"], "'many' is not a whole number"),
        (["--seed", "1.5"], "'1.5' is not a whole number"),
        (["--ics", "{tmp}/none.ics"], "none.ics: No such file or directory"),
        (["--ics", "{tmp}/text.ics"], "text.ics, line 1: this is no calendar"),
        (["--ics", "{tmp}/bytes.ics"], "bytes.ics, line 2: this is not UTF-8"),
        (["--json", "{tmp}"], "is a folder"),
        (["--json", "{tmp}/none/out.json"], "there is no folder"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.ics").write_text("Dear diary\n")
    (tmp_path / "bytes.ics").write_bytes(b"BEGIN:VCALENDAR\r\nX-A:\xff\r\n")
    with pytest.raises(SystemExit) as ended:
        parse([argument.format(tmp=tmp_path) for argument in arguments])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert sentence in printed.err
    assert printed.err.startswith("demo: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T09:30", "2026-01-31T09:30:00+00:00"),
        ("2026-01-31T09:30:00+01:00", "2026-01-31T08:30:00+00:00"),
    ],
)
def test_now_is_a_day_or_an_instant(text: str, instant: str) -> None:
    now = parse(["--now", text]).now
    assert now is not None
    assert now.isoformat() == instant


def test_calendar_files_add_up(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.ics", "two.ics")]
    for file in files:
        file.write_text(ICS)
    options = parse([part for file in files for part in ("--ics", str(file))])
    assert [file.name for file in options.ics] == [str(file) for file in files]
