"""What can go wrong on demand, beyond what every sandbox server's faults know."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.faults import Fault, fault_of_kind
from sandbox.google.answers import HTML_TYPE, JSON_TYPE, done, refused
from sandbox.google.errors import ENVELOPES, KNOWN, refusal
from sandbox.lost import CutAnswer, HeldAnswer, LostAnswer

CUT, EMPTY, TOKENLESS = "cut", "empty", "tokenless"
ANSWERS = (CUT, EMPTY, TOKENLESS)


@dataclass(frozen=True)
class GoogleFault(Fault):
    answer: str = ""
    """Do the work, then spoil the answer: `cut` closes the connection in the middle of its body, `empty`
    lists nothing, `tokenless` ends a listing without its sync token."""
    held: bool = False
    """Do the work, and keep the answer back until the faults are cleared, for a minute at most."""
    envelope: str = ""
    """`older`, `newer`, or `bare` (newer, without the older's list): another than the reason's own."""

    def check(self) -> None:
        if not (self.status or self.works or self.reason in KNOWN):
            what = "a 'status', a known 'reason', an 'answer', 'lost': true or 'held': true"
            raise ValueError(f"a fault needs {what}")
        if self.answer not in ("", *ANSWERS):
            raise ValueError(f"'answer' is one of {', '.join(ANSWERS)}, not {self.answer!r}")
        if self.envelope not in ("", *ENVELOPES):
            raise ValueError(f"'envelope' is one of {', '.join(ENVELOPES)}, not {self.envelope!r}")

    @property
    def works(self) -> bool:
        """Whether what was asked for is done."""
        return self.lost or self.held or bool(self.answer)


def fault_from_json(data: dict[str, Any]) -> GoogleFault:
    """Raises ValueError naming what is missing, unknown or wrong."""
    return fault_of_kind(GoogleFault, data)


def instead(fault: GoogleFault, operation: str) -> Response:
    """What a fault answers: its own text, or an error in the endpoint's usual shape."""
    headers = {} if fault.retry_after_seconds is None else {"retry-after": str(fault.retry_after_seconds)}
    error = refusal(fault.reason or "backendError", fault.status, fault.message)
    if fault.body is not None:
        kind = HTML_TYPE if fault.body.lstrip().startswith("<") else JSON_TYPE
        return Response(fault.body, error.status, headers=headers, media_type=kind)
    if operation in ("token", "revoke"):
        body = {"error": fault.reason or "internal_failure", "error_description": fault.message}
        return JSONResponse(body, error.status, headers=headers)
    return refused(error, headers, fault.envelope)


def spoiled(fault: GoogleFault, response: Response, released: asyncio.Event) -> Response:
    """The answer after the work, as the fault wants it to arrive; `released`: what is held need not wait."""
    if fault.held:
        return HeldAnswer(response, released)
    if fault.lost:
        return LostAnswer()
    if fault.answer == CUT:
        return CutAnswer(response.body, response.status_code, dict(response.headers))
    if response.status_code != 200 or response.headers.get("content-type") != JSON_TYPE:
        return response
    body = json.loads(bytes(response.body))
    if fault.answer == EMPTY and "items" in body:
        body["items"] = []
    if fault.answer == TOKENLESS:
        body.pop("nextSyncToken", None)
    return done(body)
