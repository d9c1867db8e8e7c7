"""Close a connection without an answer, as a network does."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

DROP = "sandbox.drop"


class LosingApplication(Starlette):
    """An application whose endpoints may return a LostAnswer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[DROP] = send  # the server's own, before any layer wraps it
        await super().__call__(scope, receive, send)


class LostAnswer(Response):
    """No status, no byte: the client sees the connection end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        cycle = scope[DROP].__self__  # uvicorn's request cycle: ASGI itself has no way to hang up
        cycle.transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass  # what is left of the request body, then the disconnect just caused
