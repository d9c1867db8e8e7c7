"""Where the EHR is told of notices: each checked by its signature, kept in the order they came."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.ehr.outcome import Resource

PATH = "/notices"
RECEIVED_MAX = 10_000
"""The oldest are forgotten beyond it."""
BODY_MAX = 4_096
SECONDS_MAX = 300
"""How old a signature may be."""
_SIGNED = re.compile(r"t=([0-9]{1,11}),v1=([0-9a-f]{64})")
_FIELDS = {"id", "kind", "practitioner", "count", "time"}


class Notices:
    """What came; a notice that comes again is told by its id, and answered as the first time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._secret = b""
        self._status = 204
        self._received: deque[Resource] = deque(maxlen=RECEIVED_MAX)

    def routes(self) -> list[Route]:
        return [Route(PATH, self._receive, methods=["POST"])]

    def controls(self) -> dict[tuple[str, str], Callable[[Mapping[str, Any]], object]]:
        return {
            ("GET", "notices"): lambda _: list(self._received),
            ("POST", "notices"): lambda data: self._expect(**data),
            ("DELETE", "notices"): lambda _: self._received.clear(),
        }

    def _expect(self, *, secret: str | None = None, status: int | None = None) -> None:
        """What signs them, and what a good one is answered; what is left out stays. Raises ValueError."""
        if status is not None and not 200 <= status < 600:
            raise ValueError(f"'status' must be one of HTTP's; it is {status!r}")
        self._secret = self._secret if secret is None else secret.encode()
        self._status = self._status if status is None else status

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        if not self._is_signed(request.headers.get("x-calsync-signature", ""), body):
            return Response(status_code=401)
        message = _message(body)
        if message is None:
            return Response(status_code=400)
        repeated = any(each["message"]["id"] == message["id"] for each in self._received)
        self._received.append({"message": message, "status": self._status, "repeated": repeated})
        return Response(status_code=self._status)

    def _is_signed(self, header: str, body: bytes) -> bool:
        found = _SIGNED.fullmatch(header)
        if found is None or not self._secret:
            return False
        sent, signature = found.groups()
        if abs(self._now().timestamp() - int(sent)) > SECONDS_MAX:
            return False
        expected = hmac.new(self._secret, f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, signature)


def _message(body: bytes) -> Resource | None:
    """None: it is none, or says more than a notice may."""
    try:
        message = json.loads(body) if len(body) <= BODY_MAX else None
    except ValueError:
        return None
    return message if isinstance(message, dict) and set(message) == _FIELDS else None
