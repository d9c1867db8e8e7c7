"""The servers of the demo, each a child process of its own, stopped in the end by its own id."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from sandbox.children import ChildFailedError, server
from sandbox.demo.arguments import EMBEDDED, EMULATOR, Options
from sandbox.demo.errors import DemoError
from sandbox.demo.interrupts import Interrupts
from sandbox.emulator import NoEmulatorError, locate_emulator, running_embedded, running_emulator

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """Where everything listens."""

    google: str
    """http://127.0.0.1:PORT"""
    ehr: str
    """http://127.0.0.1:PORT"""
    store: str
    """127.0.0.1:PORT"""
    store_kind: str
    """`emulator` or `embedded`."""


@contextlib.contextmanager
def running_stack(options: Options, interrupts: Interrupts, say: Say) -> Iterator[Stack]:
    """Everything, for the length of the block. Raises DemoError when a server does not come up."""
    kind, start_store = _store(options.store, say)
    with ExitStack() as children:

        def start(name: str, child: AbstractContextManager[str]) -> str:
            try:
                address = children.enter_context(child)
            except ChildFailedError as error:
                raise DemoError(f"{name} did not come up: {_last_words(error)}") from None
            interrupts.check()
            return address

        google = start("the sandbox Google", server("sandbox.google", "--seed", str(options.seed)))
        say(f"  Google    {google}")
        ehr = start("the sandbox EHR", server("sandbox.ehr"))
        say(f"  EHR       {ehr}")
        hint = "" if kind == EMBEDDED else " (--store embedded does without it)"
        store = start(f"the store{hint}", start_store())
        say(f"  store     {store}, {_STORES[kind]}")
        yield Stack(google, ehr, store, kind)


_STORES = {EMULATOR: "Google's Firestore emulator", EMBEDDED: "our own small Firestore"}


def _store(asked: str | None, say: Say) -> tuple[str, Callable[[], AbstractContextManager[str]]]:
    """Which store, and how to start it. Raises DemoError when the emulator is asked for and not there."""
    if asked == EMBEDDED:
        return EMBEDDED, running_embedded
    try:
        files = locate_emulator()
    except NoEmulatorError as error:
        if asked == EMULATOR:
            raise DemoError(f"--store emulator: there is none here: {error}") from None
        say(f"  (no Firestore emulator here: {error})")
        return EMBEDDED, running_embedded
    return EMULATOR, lambda: running_emulator(files)


def _last_words(error: ChildFailedError) -> str:
    """Of what the child printed, the last line that is not the inside of a stack trace."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith((" ", "\t"))]
    return lines[-1]
