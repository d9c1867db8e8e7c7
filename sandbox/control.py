"""The HTTP side of a sandbox service that calls others: its control, and the public keys of its tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.oidc import Issuer

Json: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Json], Json]
"""Given the query and the body as one; a ValueError says what is wrong with them."""


def application(issuer: Issuer, handlers: Mapping[tuple[str, str], Handler]) -> Starlette:
    """`/certs`, and all of `/control`. A wrong request answers 400 with a sentence that says why.

    `handlers`: by method and path below `/control/`.
    """

    def certs(_: Request) -> Response:
        return JSONResponse(issuer.certs())

    return Starlette(
        routes=[
            Route("/certs", certs),
            *(
                Route(f"/control/{path}", _endpoint(handler), methods=[method])
                for (method, path), handler in handlers.items()
            ),
        ]
    )


def number_since(data: Json) -> int:
    """After which attempt a history is asked for. Raises ValueError."""
    since = str(data.get("since", 0))
    if not since.isdecimal():
        raise ValueError(f"'since' is the number of an attempt, not {since!r}")
    return int(since)


def _endpoint(handler: Handler) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        try:
            data = {**request.query_params, **_object(await request.body())}
            return JSONResponse(await run_in_threadpool(handler, data))  # some wait for the answers of others
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return answer


def _object(body: bytes) -> Json:
    try:
        data = json.loads(body or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - answered with the others
    return data
