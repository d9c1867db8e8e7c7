"""What tests of Cloud Tasks hold in their hands: the server's control, Google's client, a handler."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
LOCATION = "projects/demo/locations/here"
TIMEOUT_SECONDS = 30.0

library: Any = tasks_v2  # it carries no types


class Control:
    """The server's control API."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.request(method, path, body)
        assert status == 200, answer
        return answer

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        data = body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
        request = urllib.request.Request(f"{self.address}/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def run(self) -> int:
        """Dispatch what is due and wait for the answers; how many requests were sent."""
        ran = self("POST", "control/run")
        assert ran["unanswered"] == 0
        return int(ran["sent"])

    def stand_at(self, now: datetime) -> None:
        self("PUT", "control/clock", {"fixed": now.isoformat()})

    def attempts(self, queue: str) -> list[dict[str, Any]]:
        """The attempts of one queue that came to an end, oldest first."""
        entries = self("GET", "control/history")["attempts"]
        return [entry for entry in entries if entry["queue"] == queue]

    def waiting(self, queue: str) -> list[dict[str, Any]]:
        tasks = self("GET", "control/tasks")["tasks"]
        return [task for task in tasks if task["queue"] == queue]


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: Message
    body: bytes


class Target:
    """An HTTP handler on a port of its own; answers `answer(call)`: a status, or a status and headers."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Callable[[Call], int | tuple[int, dict[str, str]]] = lambda _: 200
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                call = Call(self.command, self.path, self.headers, body)
                target.calls.append(call)
                answer = target.answer(call)
                status, headers = (answer, {}) if isinstance(answer, int) else answer
                self.send_response(status)
                for name, value in {**headers, "content-length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any  # noqa: N815 - names of http.server

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/run"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def bodies(self) -> list[bytes]:
        return [call.body for call in self.calls]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def tasks_client(address: str) -> Any:
    """Google's own client, unchanged, on a plain channel."""
    channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
    return library.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)
