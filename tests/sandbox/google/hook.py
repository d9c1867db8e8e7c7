"""A receiver of push messages on loopback, with the answers a test gives it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.receiver import Received, Receiver, Reply, receiver


@dataclass
class Hook:
    receiver: Receiver
    statuses: list[int] = field(default_factory=list)
    """To be answered next; then 204."""
    taken: int = 0

    @property
    def address(self) -> str:
        return f"{self.receiver.url}/google"

    def next(self) -> Received:
        """The message after the last one taken, once it is there."""
        self.taken += 1
        return self.receiver.wait_for(self.taken)[-1]

    def next_state(self) -> str:
        return self.next().headers["x-goog-resource-state"]


@contextlib.contextmanager
def listening() -> Iterator[Hook]:
    with receiver() as listener:
        hook = Hook(listener)
        listener.reply = lambda _: Reply(hook.statuses.pop(0) if hook.statuses else 204)
        yield hook
