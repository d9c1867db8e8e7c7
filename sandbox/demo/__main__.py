"""`python -m sandbox.demo`: the whole product on one machine, from the consent to both sides in agreement."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence

from sandbox.controls import ControlError
from sandbox.demo.arguments import Options, parse
from sandbox.demo.connecting import connect
from sandbox.demo.console import Console
from sandbox.demo.day import richest_day, show_day
from sandbox.demo.errors import DemoError
from sandbox.demo.first_sync import first_sync, load
from sandbox.demo.interrupts import Interrupts, StoppedError
from sandbox.demo.primary import choose_primary, primary_changes
from sandbox.demo.report import Result, show_result, write_json
from sandbox.demo.rest import at_rest
from sandbox.demo.rounds import play_rounds
from sandbox.demo.setting import Setting, set_up
from sandbox.demo.stack import STORES, running_stack, store_of
from sandbox.demo.stay import stay
from sandbox.demo.story import tell
from sandbox.demo.survey import survey
from sandbox.demo.views import views
from sandbox.serving import LOOPBACK
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
        console.say("starting the functions and the world around them")
        with running_stack(options, interrupts, console.say) as deployment:
            store = store_of(deployment.plan)
            console.say(f"  {len(deployment.plan.parts)} processes; the store is {STORES[store]}")
            setting = set_up(deployment, options, console, interrupts)
            result = _play(setting, options, store, began)
            if not options.once:
                stays = True
                stay(setting)
    except StoppedError as stopped:
        console.say("stopped; so is every process")
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


def _play(setting: Setting, options: Options, store: str, began: float) -> Result:
    say = setting.console.say
    say(f"a practice on {setting.now():%A, %Y-%m-%d %H:%M} UTC; everybody connects a Google account")
    connect(setting)
    say("first sync, all at the same time, each at Google's pace: 9 units of its quota a second")
    first_sync(setting)
    choose_primary(setting)
    loaded = load(setting, options.ics)
    at_rest(setting)  # all that it wrote comes back as pushes
    say("changes on both sides, and how long the other side took to have them")
    changes = [*tell(setting), *tell(setting, primary_changes(setting, setting.people[0]))]
    say("and many more, by all practitioners at the same time")
    rounds = play_rounds(setting, options.changes, options.seed)
    say("both sides, and one more complete pass")
    verdict = survey(setting)
    _show_a_day(setting)
    aside = [_set_aside(person.front_end.state()) for person in setting.people]
    result = Result(verdict, changes, rounds, loaded, aside, store, time.monotonic() - began)
    show_result(setting, result, setting.console)
    if options.json_file is not None:
        write_json(options.json_file, result)
    return result


def _set_aside(state: dict[str, list[dict[str, int]]]) -> int:
    return sum(each["count"] for each in state["set_aside"])


def _show_a_day(setting: Setting) -> None:
    """Of the first practitioner, to whom everything happened, and of who came from a file."""
    shown = {setting.people[0].practitioner.id, setting.watched.practitioner.id}
    for view in views(setting):
        day = richest_day(view, after=setting.now())
        if day is not None and view.practitioner in shown:
            show_day(view, day, setting.console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
