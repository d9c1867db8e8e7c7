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
from sandbox.emulator import find_emulator

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "tests/data/own-practice.json"
SMALL = ("--appointments", "60")
SECONDS_MAX = 180

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


def test_a_run_agrees_takes_in_files_of_ones_own_stays_in_sync_and_ends_every_process(tmp_path: Path) -> None:
    calendar, out = tmp_path / "mine.ics", tmp_path / "out.json"
    calendar.write_text(ICS)
    files = ("--ics", str(calendar), "--fhir", str(OWN), "--shift", "--json", str(out))
    with running("--now", "2030-01-05", *files, home=tmp_path) as demo:
        printed = demo.read_to("everything stays in sync now")
        assert "in agreement: yes" in printed
        printed += demo.read_to("what it does:")
        [address] = re.findall(r"EHR=(\S+)", printed)
        ehr = EhrSandbox(address)
        [cancel] = re.findall(r"control/staff -d '(.*)'", printed)
        ehr.staff(**json.loads(cancel))
        printed += demo.read_to("→ Google: deleted an event")
        assert len(ports(printed)) == 9
        assert all(map(is_open, ports(printed)))
        printed += demo.end(signal.SIGINT)
    assert demo.process.returncode == 0, printed
    assert printed.endswith("stopped; so is every process\n")
    assert not any(map(is_open, ports(printed)))
    assert left_behind(tmp_path) == []
    is_told_in_words(printed, calendar)
    is_told_to_a_program(json.loads(out.read_text()))


def is_told_in_words(printed: str, calendar: Path) -> None:
    assert "no Firestore emulator here: gcloud is not installed" in printed
    assert "a practice on Saturday, 2030-01-05 12:00 UTC" in printed
    assert f"{calendar}, line 12: " in printed
    assert "4 events loaded; 0 left out" in printed
    assert "2 Practitioner, 1 PractitionerRole, 2 Patient, 1 Location" in printed
    assert f"not loaded: {OWN}, entry[13] (Appointment): start or end is no instant" in printed
    assert "4 appointments are those of Toni Sampleperson, who is connected (America/Chicago)" in printed
    assert re.search(r"Toni Sampleperson +\d+ +\d+ +\d+ ", printed)
    assert re.search(r"from the 4 loaded events .* has 7 personal appointments", printed)
    assert "the primary calendar takes their time too, 11 blocks in the EHR" in printed
    assert "every write to Google: sendUpdates=none, no attendees, appointments calendars only" in printed


def is_told_to_a_program(told: dict[str, Any]) -> None:
    assert (told["agree"], told["duplicates"], told["store"]) == (True, 0, "embedded")
    assert told["counts"]["appointments"] == told["counts"]["events"] > 40
    assert told["counts"]["writes_of_one_more_pass"] == 0
    assert told["counts"]["put_back"] == 2
    assert told["counts"]["loaded"] == 4
    assert told["counts"]["blocks"] == 11
    assert len(told["latencies_ms"]) == 13
    assert all(latency > 0 for latency in told["latencies_ms"].values())
    assert [len(found) for found in told["samples_ms"].values()] == [7, 10]  # 4 or 7 told, 1 of each
    assert set(told["latency_p95_ms"]) == set(told["samples_ms"]) == {"ehr_to_google", "google_to_ehr"}
    assert all(latency > 0 for latency in told["latency_p95_ms"].values())
    assert told["seconds"] > 0


@pytest.mark.skipif(find_emulator() is None, reason="no Firestore emulator here")
def test_googles_emulator_does_as_well_and_once_is_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = demo("--once", "--json", str(out), "--store", "emulator", "--changes", "0", *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(out.read_text())
    assert (told["agree"], told["duplicates"], told["store"]) == (True, 0, "emulator")
    assert [len(found) for found in told["samples_ms"].values()] == [4, 7]


def test_an_interrupt_at_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    with running(home=tmp_path) as demo:
        demo.read_to("starting the functions")
        printed = demo.end(signal.SIGTERM)
    assert demo.process.returncode == 128 + signal.SIGTERM
    assert printed.endswith("stopped; so is every process\n")
    assert left_behind(tmp_path) == []


def left_behind(home: Path) -> list[str]:
    """Temporary files, and processes that were started with one, where the machine lists processes."""
    folders = [str(path) for path in home.glob("calsync-*")]
    lines = Path("/proc").glob("[0-9]*/cmdline")
    return folders + [line for line in map(read, lines) if f"{home}/calsync-" in line]


def read(path: Path) -> str:
    with contextlib.suppress(OSError):  # it has just ended
        return path.read_text(errors="replace")
    return ""


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
def running(*arguments: str, home: Path) -> Iterator[Running]:
    """One that stays up; its temporary files are in `home`, and no program is on its PATH."""
    command = [sys.executable, "-m", "sandbox.demo", "--changes", "1", *SMALL, *arguments]
    env = {**os.environ, "PATH": str(home), "TMPDIR": str(home)}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Running(process)
        finally:
            process.terminate()  # nothing where it has ended


def ports(printed: str) -> set[int]:
    return {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed)}


def is_open(port: int) -> bool:
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
        (["--changes", "101"], "--changes: 101 is not from 0 to 100"),
        (["--seed", "1.5"], "'1.5' is not a whole number"),
        (["--ics", "{tmp}/none.ics"], "none.ics: No such file or directory"),
        (["--ics", "{tmp}/text.ics"], "text.ics, line 1: this is no calendar"),
        (["--ics", "{tmp}/bytes.ics"], "bytes.ics, line 2: this is not UTF-8"),
        (["--json", "{tmp}"], "is a folder"),
        (["--fhir", "{tmp}/none.json"], "none.json: No such file or directory"),
        (["--fhir", "{tmp}/text.ics"], "text.ics, line 1: this is neither JSON nor NDJSON"),
        (["--fhir", "{tmp}/bytes.ics"], "bytes.ics, line 2: this is not UTF-8"),
        (["--fhir", "{tmp}/patient.json"], "--fhir: no appointment that can be loaded has a practitioner"),
        (["--fhir", "{own}", "--practitioner", "x"], "--practitioner: no appointment in the files is this"),
        (["--practitioner", "x"], "--practitioner: it is for --fhir, which is not given"),
        (["--shift"], "--shift: it is for --fhir, which is not given"),
        (["--json", "{tmp}/none/out.json"], "there is no folder"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.ics").write_text("Dear diary\n")
    (tmp_path / "bytes.ics").write_bytes(b"BEGIN:VCALENDAR\r\nX-A:\xff\r\n")
    (tmp_path / "patient.json").write_text('{"resourceType": "Patient"}')
    with pytest.raises(SystemExit) as ended:
        parse([argument.format(tmp=tmp_path, own=OWN) for argument in arguments])
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


def test_a_whole_hospital_is_too_much(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sandbox.demo.arguments.OWN_ROWS_MAX", 14)
    with pytest.raises(SystemExit):
        parse(["--fhir", str(OWN)])
    assert capsys.readouterr().err == "demo: --fhir: these are more than 14 resources\n"
    monkeypatch.setattr("sandbox.demo.arguments.OWN_ROWS_MAX", 15)
    assert parse(["--fhir", str(OWN)]).own


def test_files_of_ones_own_add_up(tmp_path: Path) -> None:
    patient = tmp_path / "patient.ndjson"
    patient.write_text('{"resourceType": "Patient", "id": "more"}\n')
    own = parse(["--fhir", str(OWN), "--fhir", str(patient), "--practitioner", "doc-2"]).own
    assert own is not None
    assert own.practitioner == "doc-2"
    assert [row["id"] for row in own.of("Patient")][-1] == "more"


def test_calendar_files_add_up(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.ics", "two.ics")]
    for file in files:
        file.write_text(ICS)
    options = parse([part for file in files for part in ("--ics", str(file))])
    assert [file.name for file in options.ics] == [str(file) for file in files]
