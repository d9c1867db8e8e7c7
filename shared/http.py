"""What all HTTP entry points share."""

from __future__ import annotations

HEALTH_PATH = "/healthz"

Answer = tuple[dict[str, str], int]


def health(path: str, function: str) -> Answer:
    """The health check; every other path is not found."""
    if path == HEALTH_PATH:
        return {"status": "ok", "function": function}, 200
    return {"status": "not found", "function": function}, 404
