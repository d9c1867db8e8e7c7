"""Files of a page, served under their bare names; nothing else of a folder can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SHARED = Path(__file__).parent
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


def page_headers(*, connect: str = "", frame: str = "", framed_by: str = "'none'") -> Mapping[str, str]:
    """Of a page that loads only from its own origin. `connect`, `frame`: other origins that it may call or
    show; `framed_by`: pages that may show it.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {connect}".strip(),
        "frame-src": frame or "'none'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": framed_by,
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def static_routes(prefix: str, folder: Path) -> list[Route]:
    """Those of `folder` and the shared ones, each at `{prefix}/{name}`."""
    found = {path.name: path for source in (SHARED, folder) for path in source.iterdir()}
    served = {name: path for name, path in found.items() if path.suffix in (".js", ".css", ".svg")}

    async def serve(request: Request) -> Response:
        path = served.get(request.path_params["name"])
        if path is None:
            return Response("there is no such file", 404, media_type="text/plain")
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(path.read_bytes(), headers=headers, media_type=_TYPES[path.suffix])

    return [Route(f"{prefix}/{{name}}", serve, methods=["GET"])]
