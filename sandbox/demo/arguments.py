"""What the demo is asked for; everything that can be wrong about it is said before anything starts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import NoReturn

from sandbox.demo.exports import YEARS, Export, NoExportError, read_export
from sandbox.demo.own_rows import OwnRows, own_rows
from sandbox.ehr.practice import APPOINTMENTS_MAX, APPOINTMENTS_MIN
from sandbox.google.ics import read_ics

EMULATOR, EMBEDDED = "emulator", "embedded"
APPOINTMENTS_DEFAULT = 400
CHANGES_DEFAULT, CHANGES_MAX = 6, 100
OWN_ROWS_MAX = 20_000
"""Of all files of `--fhir` together: the demo is for a sample."""


@dataclass(frozen=True)
class IcsFile:
    name: str
    text: str


@dataclass(frozen=True)
class Options:
    once: bool = False
    json_file: Path | None = None
    store: str | None = None
    """None: the emulator where there is one."""
    ics: tuple[IcsFile, ...] = ()
    own: OwnRows | None = None
    """Of the files of `--fhir`."""
    shift: bool = False
    """Whether those are moved to this week."""
    now: datetime | None = None
    """None: the machine's time."""
    appointments: int = APPOINTMENTS_DEFAULT
    changes: int = CHANGES_DEFAULT
    """Of each practitioner on each side, after the story."""
    seed: int = 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = "; --help lists the options" if message.startswith("unrecognized") else ""
        print(f"demo: {message.removeprefix('argument ')}{hint}", file=sys.stderr)
        raise SystemExit(2)


def parse(arguments: Sequence[str]) -> Options:
    """Prints one sentence and exits with 2 when something is wrong."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        own = _own(parsed)
    except ValueError as error:
        parser.error(str(error))
    return Options(
        once=parsed.once,
        json_file=parsed.json,
        store=parsed.store,
        ics=tuple(parsed.ics),
        own=own,
        shift=parsed.shift,
        now=parsed.now,
        appointments=parsed.appointments,
        changes=parsed.changes,
        seed=parsed.seed,
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="make demo",
        usage='make demo ARGS="…"',
        description="The product on this machine, against stand-ins for Google and the EHR.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--once", action="store_true", help="end after the story: 0 when both sides agree, else 1")
    add("--json", metavar="FILE", type=_writable, help="write what was found to FILE")
    add("--store", choices=(EMULATOR, EMBEDDED), help="the state store: Google's emulator, or our own")
    add(
        "--ics",
        metavar="FILE",
        type=_ics,
        action="append",
        default=[],
        help="load a calendar file as events made by hand; may be given again",
    )
    add(
        "--fhir",
        metavar="FILE",
        type=_fhir,
        action="append",
        default=[],
        help="load a FHIR Bundle or NDJSON into the EHR, and connect whose it is; may be given again",
    )
    add("--practitioner", metavar="ID", help="with --fhir: who is connected (default: most appointments)")
    add("--shift", action="store_true", help="with --fhir: move all of it, the earliest week to this one")
    add("--now", metavar="DATE|INSTANT", type=moment, help="the time it is; a date is its noon in UTC")
    add(
        "--appointments",
        metavar="N",
        type=_appointments,
        default=APPOINTMENTS_DEFAULT,
        help=f"size of the practice, {APPOINTMENTS_MIN} to {APPOINTMENTS_MAX} (default: %(default)s)",
    )
    add(
        "--changes",
        metavar="N",
        type=_changes,
        default=CHANGES_DEFAULT,
        help=f"changes of each practitioner on each side, 0 to {CHANGES_MAX} (default: %(default)s)",
    )
    add("--seed", metavar="N", type=_whole_number, default=1, help="another number, another practice")
    return parser


def moment(text: str) -> datetime:
    """A date (its noon in UTC) or an instant (UTC unless it says so). Raises ArgumentTypeError."""
    try:
        day_only = len(text) == len("2026-01-31") and text.count("-") == 2
        found = (
            datetime.combine(date.fromisoformat(text), time(12)) if day_only else datetime.fromisoformat(text)
        )
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a date (2026-01-31) nor an instant (2026-01-31T09:00:00Z)"
        ) from None
    if found.year not in YEARS:
        raise argparse.ArgumentTypeError(f"the year {found.year} is not from {YEARS[0]} to {YEARS[-1]}")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _writable(name: str) -> Path:
    path = Path(name)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{name} is a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def _text(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise argparse.ArgumentTypeError(f"{name}, line {line}: this is not UTF-8") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {name}: {error.strerror}") from None


def _fhir(name: str) -> Export:
    """Single bad entries are no matter here."""
    try:
        return read_export(name, _text(name))
    except NoExportError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _own(parsed: argparse.Namespace) -> OwnRows | None:
    """Raises ValueError: a sentence."""
    if not parsed.fhir:
        for name, given in (("--practitioner", parsed.practitioner), ("--shift", parsed.shift)):
            if given:
                raise ValueError(f"{name}: it is for --fhir, which is not given")
        return None
    if sum(len(export.entries) for export in parsed.fhir) > OWN_ROWS_MAX:
        raise ValueError(f"--fhir: these are more than {OWN_ROWS_MAX} resources")
    try:
        return own_rows(parsed.fhir, parsed.practitioner)
    except ValueError as error:
        raise ValueError(f"{'--practitioner' if parsed.practitioner else '--fhir'}: {error}") from None


def _ics(name: str) -> IcsFile:
    """A calendar file that holds at least something; single bad events are no matter here."""
    text = _text(name)
    found = read_ics(text, name)
    if found.problems and not found.events and not found.left_out:
        problem = found.problems[0]
        raise argparse.ArgumentTypeError(f"{problem.file}, line {problem.line}: {problem.sentence}")
    return IcsFile(name, text)


def _appointments(text: str) -> int:
    number = _whole_number(text)
    if not APPOINTMENTS_MIN <= number <= APPOINTMENTS_MAX:
        raise argparse.ArgumentTypeError(f"{number} is not from {APPOINTMENTS_MIN} to {APPOINTMENTS_MAX}")
    return number


def _changes(text: str) -> int:
    number = _whole_number(text)
    if not 0 <= number <= CHANGES_MAX:
        raise argparse.ArgumentTypeError(f"{number} is not from 0 to {CHANGES_MAX}")
    return number


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
