"""A receiver of push messages on loopback, with the answers a test gives it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_SECONDS = 20


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    address: str
    statuses: list[int] = field(default_factory=list)
    """To be answered next; then 204."""
    received: queue.Queue[Received] = field(default_factory=queue.Queue)

    def next(self) -> Received:
        return self.received.get(timeout=WAIT_SECONDS)

    def next_state(self) -> str:
        return self.next().headers["X-Goog-Resource-State"]


@contextlib.contextmanager
def listening() -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.received.put(Received(self.path, dict(self.headers.items()), body))
            self.send_response(hook.statuses.pop(0) if hook.statuses else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        hook = Hook(f"http://127.0.0.1:{receiver.server_port}/google")
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hook
        finally:
            receiver.shutdown()
            thread.join()
