"""Results and refusals as HTTP answers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from sandbox.google.errors import ApiError, Json

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"


def done(result: Json | None) -> Response:
    """A method's result; None for those that answer nothing."""
    if result is None:
        return Response(status_code=204)
    headers = {"etag": result["etag"]} if "etag" in result else {}
    return JSONResponse(result, headers=headers, media_type=JSON_TYPE)


def refused(error: ApiError, headers: Mapping[str, str] | None = None, envelope: str = "") -> Response:
    """`envelope`: another than the one that goes with the reason."""
    challenge = {
        "authError": 'Bearer realm="https://accounts.google.com/", error="invalid_token"',
        "insufficientPermissions": 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"',
    }.get(error.reason)
    named = {**(headers or {}), **({"www-authenticate": challenge} if challenge else {})}
    return JSONResponse(error.body(envelope), error.status, headers=named, media_type=JSON_TYPE)


def no_such_page() -> Response:
    """Google's front end, of a path that is nothing."""
    text = (
        "<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p><b>404.</b> "
        "The requested URL was not found on this server."
    )
    return Response(text, 404, media_type=HTML_TYPE)
