"""The deployment that the demo plays on, with what it says while it comes up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sandbox.children import ChildFailedError
from sandbox.demo.arguments import EMBEDDED, EMULATOR, Options
from sandbox.demo.errors import DemoError
from sandbox.demo.interrupts import Interrupts
from sandbox.deployment.deployment import Deployment, deployed
from sandbox.deployment.plan import Plan, Server
from sandbox.emulator import EmulatorFiles, NoEmulatorError, locate_emulator

Say = Callable[[str], None]

STORES = {EMULATOR: "Google's Firestore emulator", EMBEDDED: "our own small Firestore"}


@contextlib.contextmanager
def running_stack(options: Options, interrupts: Interrupts, say: Say) -> Iterator[Deployment]:
    """Everything, for the length of the block. Raises DemoError when a part does not come up."""
    offset = timedelta(0) if options.now is None else options.now - datetime.now(UTC)
    plan = Plan(emulator=_emulator(options.store, say), seed=options.seed, ahead=offset)
    with contextlib.ExitStack() as stack:
        try:
            deployment = stack.enter_context(deployed(plan, interrupts.check))
        except ChildFailedError as error:
            raise DemoError(_last_words(error, plan)) from None
        interrupts.check()
        yield deployment


def store_of(plan: Plan) -> str:
    """`emulator` or `embedded`."""
    return EMBEDDED if plan.emulator is None else EMULATOR


def _emulator(asked: str | None, say: Say) -> EmulatorFiles | None:
    """None: our own store. Raises DemoError when the emulator is asked for and not there."""
    if asked == EMBEDDED:
        return None
    try:
        return locate_emulator()
    except NoEmulatorError as error:
        if asked == EMULATOR:
            raise DemoError(f"--store emulator: there is none here: {error}") from None
        say(f"  (no Firestore emulator here: {error})")
        return None


def _last_words(error: ChildFailedError, plan: Plan) -> str:
    """Which part, and of what it printed the last line that is not the inside of a stack trace."""
    first, *printed = str(error).splitlines()
    name = first.partition(" ")[0]
    if name == Server.STORE.value:
        name = "the store" if plan.emulator is None else "the store (--store embedded does without it)"
    said = [line for line in printed if line.strip() and not line.startswith((" ", "\t"))]
    return f"{name} did not come up: {said[-1] if said else first}"
