"""An HTTP server on a thread of the test: it writes down what arrives and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_SECONDS = 20


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """`reply` may be replaced at any time; it is asked once for each request."""

    def __init__(self) -> None:
        self.url = ""
        self.reply: Callable[[Received], Reply] = lambda _: Reply()
        self.received: list[Received] = []
        self._arrived = threading.Condition()

    def take(self, request: Received) -> Reply:
        with self._arrived:
            self.received.append(request)
            self._arrived.notify_all()
        return self.reply(request)

    def wait_for(self, count: int) -> list[Received]:
        """The first `count` requests, once they are there."""
        with self._arrived:
            there = self._arrived.wait_for(lambda: len(self.received) >= count, WAIT_SECONDS)
            assert there, f"{len(self.received)} of {count} requests arrived within {WAIT_SECONDS} s"
            return self.received[:count]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listens on a free port of loopback for the length of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = receiver.take(Received(self.command, self.path, headers, body))
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = _answer  # noqa: N815 - names that the standard library asks for

        def log_message(self, *args: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
