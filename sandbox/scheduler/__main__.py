"""`python -m sandbox.scheduler --target URL --audience A --email E [--every SECONDS] [--now INSTANT]`."""

from __future__ import annotations

import argparse
import contextlib
import functools
import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from sandbox.google.clock import Clock, instant
from sandbox.oidc import Identity, Issuer
from sandbox.scheduler.control import application
from sandbox.scheduler.model import Schedule
from sandbox.scheduler.sending import Job, send
from sandbox.scheduler.service import Service
from sandbox.serving import argument_parser, serve

EVERY_SECONDS = 60
EVERY_SECONDS_MAX = 31 * 86_400
_JOB = re.compile(r"[A-Za-z0-9_-]{1,500}")


def _target(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError("not an http or https URL")
    return text


def _job(text: str) -> str:
    if not _JOB.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 500 of A-Z, a-z, 0-9, - and _")
    return text


def _every(text: str) -> timedelta:
    if not text.isdecimal() or int(text) > EVERY_SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"whole seconds, from 0 to {EVERY_SECONDS_MAX}")
    return timedelta(seconds=int(text))


def _given(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Of the command line where none are given; what is wrong ends the program with a sentence and 2."""
    parser = argument_parser("scheduler", "A local Cloud Scheduler with one job.", port=0)
    parser.add_argument("--target", type=_target, required=True, help="URL that the job calls, by POST")
    parser.add_argument("--audience", type=_given, required=True, help="audience of its tokens")
    parser.add_argument(
        "--email", type=_given, required=True, help="service account that its tokens name; any will do"
    )
    parser.add_argument(
        "--every",
        type=_every,
        default=str(EVERY_SECONDS),
        help="seconds between ticks, at their multiples since 1970 (default %(default)s; 0: none by itself)",
    )
    parser.add_argument("--job", type=_job, default="sandbox", help="id of the job (default %(default)s)")
    parser.add_argument("--now", type=instant, help="what its clock shows first (ISO, UTC unless it says so)")
    return parser.parse_args(arguments)


def main() -> None:
    arguments = parse()
    clock, issuer = Clock(arguments.now), Issuer()
    job = Job(arguments.job, arguments.target, Identity(arguments.email, arguments.audience))
    schedule = Schedule(arguments.every, clock.now())
    service = Service(schedule, functools.partial(send, job=job, issuer=issuer), clock)
    service.start()
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C; SIGTERM ends the process in there
        serve("sandbox scheduler", application(service, issuer), arguments.port, arguments.host)
    service.close()


if __name__ == "__main__":
    main()
