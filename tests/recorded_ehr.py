"""The real adapter and the sandbox's EHR with a wire between them that is written down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import requests
import uvicorn
from requests.adapters import HTTPAdapter

from sandbox.controls import EhrSandbox
from sandbox.ehr.clock import SandboxClock
from sandbox.ehr.server import TOKEN, make_app
from sandbox.serving import listen
from shared.adapters.fhir import Answer, FhirEhr, FhirSettings, HttpExchange, bearer
from shared.adapters.fhir.exchange import answer_of
from tests.ehr_contract import Request, request_of
from tests.ehr_stories import NOW, ROWS, Story, outcome

Wire = Sequence[tuple[Request, Answer]]


@contextmanager
def sandbox() -> Iterator[str]:
    """The sandbox's EHR on a thread of its own: every story begins with an empty one."""
    clock = SandboxClock()
    clock.set(now=NOW, running=False)
    sock = listen(0)
    config = uvicorn.Config(make_app(clock), log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


class Recorder(HTTPAdapter):
    """What goes over the wire, as it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.wire: list[tuple[Request, Answer]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        response = super().send(request, *args, **more)
        body = json.loads(request.body) if request.body else None
        asked = request_of(str(request.method), request.path_url, request.headers, body)
        self.wire.append((asked, answer_of(response)))
        return response


class RecordedExchange(HttpExchange):
    @cached_property
    def recorder(self) -> Recorder:
        return Recorder()

    @cached_property
    def _session(self) -> requests.Session:
        session = super()._session
        session.mount("http://", self.recorder)
        return session


def play(story: Story, settings: FhirSettings) -> tuple[object, Wire]:
    """What came of it, and what went over the wire."""
    with sandbox() as address:
        control = EhrSandbox(address)
        control.change(versions="number", **story.facts)
        control.load([*ROWS, *story.rows])
        exchange = RecordedExchange(f"{address}/fhir", bearer(TOKEN))
        result = outcome(story.act, FhirEhr(exchange, settings, story.can))
        exchange.close()
        return result, exchange.recorder.wire
