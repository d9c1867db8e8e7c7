"""`python -m sandbox.demo`: the product on one machine, from the first sync to both sides in agreement."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from sandbox.controls import ControlError
from sandbox.demo.arguments import Options, parse
from sandbox.demo.console import Console
from sandbox.demo.day import richest_day, show_day
from sandbox.demo.errors import DemoError
from sandbox.demo.first_sync import first_sync
from sandbox.demo.interrupts import Interrupts, StoppedError
from sandbox.demo.report import Result, show_result, write_json
from sandbox.demo.setting import Setting, set_up
from sandbox.demo.stack import Stack, running_stack
from sandbox.demo.stay import stay
from sandbox.demo.story import Story
from sandbox.demo.survey import survey, views
from sandbox.serving import LOOPBACK
from shared.adapters.clock import SystemClock
from shared.core.errors import SyncError

AGREE, DISAGREE, CANNOT = 0, 1, 2
"""Exit statuses; 128 + n when signal n came before the end."""
_SIGNALLED = 128


def main(arguments: Sequence[str]) -> int:
    """The exit status; every child is stopped by then."""
    began = time.monotonic()
    options = parse(arguments)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = LOOPBACK  # clients of all kinds heed it
    console, interrupts = Console(), Interrupts()
    interrupts.install()
    stays = False
    try:
        console.say("starting the servers")
        with running_stack(options, interrupts, console.say) as stack:
            setting = _set_up(stack, options, console, interrupts)
            result = _play(setting, stack, options, console, began)
            if not options.once:
                stays = True
                _stay(setting, stack, console, interrupts)
    except StoppedError as stopped:
        console.say("stopped; so is every server")
        status = AGREE if stays else _SIGNALLED + stopped.number
        if stopped.forced:
            os._exit(status)  # a call of gRPC's that was interrupted must not be tidied up: it hangs
        return status
    except BrokenPipeError:  # whoever read what is printed has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGNALLED + signal.SIGPIPE
    except (DemoError, ControlError) as error:
        return _cannot(str(error), console)
    except SyncError as error:
        return _cannot(f"the sync cannot go on: {error.reason}", console)
    return AGREE if result.agree else DISAGREE


def _cannot(sentence: str, console: Console) -> int:
    console.end_line()
    print(f"demo: {sentence}", file=sys.stderr)
    return CANNOT


def _set_up(stack: Stack, options: Options, console: Console, interrupts: Interrupts) -> Setting:
    offset = timedelta(0) if options.now is None else options.now - datetime.now(UTC)
    clock = SystemClock(offset)
    console.say(f"a practice on {clock.now():%A, %Y-%m-%d %H:%M} UTC")
    setting = set_up(stack, clock, offset, options, interrupts)
    for person in setting.people:
        console.say(f"  {person.name}, {person.zone.key}: {person.account.email}")
    return setting


def _play(setting: Setting, stack: Stack, options: Options, console: Console, began: float) -> Result:
    console.say("first sync")
    loaded = first_sync(setting, options.ics, console)
    console.say("changes on both sides, and how long the other side took to have them")
    changes = Story(setting, console).tell()
    console.say("both sides")
    _show_a_day(setting, console)
    verdict = survey(setting)
    put_back = sum(lane.totals.put_back for lane in setting.driver.lanes.values())
    seconds = time.monotonic() - began
    result = Result(verdict, changes, loaded, put_back, stack.store_kind, seconds)
    show_result(setting, result, console)
    if options.json_file is not None:
        write_json(options.json_file, result)
    return result


def _show_a_day(setting: Setting, console: Console) -> None:
    """Of the first practitioner, to whom everything happened."""
    view = views(setting)[0]
    day = richest_day(view, after=setting.clock.now())
    if day is not None:
        show_day(view, day, console)


def _stay(setting: Setting, stack: Stack, console: Console, interrupts: Interrupts) -> NoReturn:
    console.say()
    console.say("everything stays in sync now; Ctrl-C ends it")
    console.say(f"  Google  {stack.google}/calendar/v3/   control: {stack.google}/control/…")
    console.say(f"  EHR     {stack.ehr}/fhir/   control: {stack.ehr}/control/…")
    stay(setting, console, interrupts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
