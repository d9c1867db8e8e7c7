"""Close a connection without an answer or in the middle of one, or keep an answer back, as networks do."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

DROP = "sandbox.drop"
HELD_SECONDS_MAX = 60.0
"""After which an answer that is kept back comes by itself."""


class LosingApplication(Starlette):
    """An application whose endpoints may return a LostAnswer, a CutAnswer or a HeldAnswer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[DROP] = send  # the server's own, before any layer wraps it
        await super().__call__(scope, receive, send)


class LostAnswer(Response):
    """No status, no byte: the client sees the connection end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        _transport(scope).abort()
        await _disconnected(receive)


class CutAnswer(Response):
    """The whole head and half of the body: the client sees the connection end too soon."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        half = bytes(self.body)[: len(self.body) // 2]
        await scope[DROP](start)
        await scope[DROP]({"type": "http.response.body", "body": half, "more_body": True})
        _transport(scope).close()  # what was sent still arrives
        await _disconnected(receive)


class HeldAnswer(Response):
    """Another answer, which comes once it is released. Whoever hangs up meanwhile gets none."""

    def __init__(self, answer: Response, released: asyncio.Event) -> None:
        super().__init__()
        self.answer = answer
        self.released = released

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone, released = map(asyncio.ensure_future, (_disconnected(receive), self.released.wait()))
        try:
            await asyncio.wait(
                (gone, released), timeout=HELD_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED
            )
            if not gone.done():
                await self.answer(scope, receive, send)
        finally:
            gone.cancel()
            released.cancel()


def _transport(scope: Scope) -> asyncio.Transport:
    """Of uvicorn's request cycle: ASGI itself has no way to hang up."""
    transport: asyncio.Transport = scope[DROP].__self__.transport
    return transport


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what is left of the request body, then the disconnect just caused
