"""`oauth_callback` without its framework: Google sends the browser here, and it is sent on to the EHR.

Where it goes is the practice's registered page, whatever the request says: the practice stands in the signed
state. Where there is none to send it to, a page of our own says what to do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from shared.api.problems import why
from shared.api.wire import Call, Reply
from shared.app.connect import Connecting, practice_of_state, receive
from shared.core.errors import BlockedError, RejectedError, RetryableError, SyncError
from shared.log import Severity, log
from shared.wiring import Wiring

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>
</head>
<body>
<main>
<h1>{heading}</h1>
<p>{text}</p>
</main>
</body>
</html>
"""

UNAVAILABLE = "unavailable"
"""What the EHR's page is told where somebody has to mend something of ours."""


@dataclass(frozen=True)
class _Ended:
    """How a visit ended: the answer, and the code it goes by."""

    reply: Reply
    code: str
    why: Mapping[str, str] = field(default_factory=dict)
    """What operators are told beyond the code, where something is wrong on our side."""


class Callback:
    """Safe between threads."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def answer(self, call: Call) -> Reply:
        began = time.monotonic()
        try:
            ended = self._ended(call)
        except RetryableError as error:
            ended = _Ended(_not_now(), "try_again", why(error))
        except SyncError as error:  # before it was known where to send the browser
            ended = _Ended(_out_of_order(503), UNAVAILABLE, why(error))
        except Exception as error:  # noqa: BLE001 - the last line of defence: no text of an error gets out
            ended = _Ended(_out_of_order(500), "bug", why(error))
        log(
            Severity.ERROR if ended.why else Severity.INFO,
            "oauth_callback",
            status=ended.reply.status,
            code=ended.code,
            duration_ms=round((time.monotonic() - began) * 1000),
            **ended.why,
        )
        return ended.reply

    def _ended(self, call: Call) -> _Ended:
        if call.method != "GET":  # whoever only looks must not use the state up
            return _Ended(_page(405, "Not here", "This page is opened by Google.", Allow="GET"), "method")
        state = call.query.get("state")
        if not state:
            return _Ended(_unknown(), "state_missing")
        connecting = self._wiring.connecting()
        practice = practice_of_state(connecting, state)
        front_end = self._wiring.front_end(practice) if practice else None
        if front_end is None:
            return _Ended(_unknown(), "state_unknown")
        try:
            code = _received(connecting, call, state)
        except RejectedError as error:
            return _Ended(_sent_on(front_end.return_page, error=error.reason), error.reason)
        except BlockedError as error:
            reply = _sent_on(front_end.return_page, error=UNAVAILABLE)
            return _Ended(reply, UNAVAILABLE, why(error))
        return _Ended(_sent_on(front_end.return_page, code=code), "ok")


def _received(connecting: Connecting, call: Call, state: str) -> str:
    return receive(connecting, state=state, code=call.query.get("code"), error=call.query.get("error"))


def _sent_on(page: str, **answer: str) -> Reply:
    """303: whatever is sent on is fetched with GET. `page`: it has neither query nor fragment."""
    return Reply(303, headers={**_HEADERS, "Location": f"{page}?{urlencode(answer)}"})


def _unknown() -> Reply:
    text = "Nothing was connected. Please go back to your practice software and connect your calendar there."
    return _page(400, "This link is not valid", text)


def _not_now() -> Reply:
    text = "Please reload this page in a moment. Your consent is not lost."
    return _page(503, "That did not work just now", text, **{"Retry-After": "5"})


def _out_of_order(status: int) -> Reply:
    text = "Nothing was connected. Please try again later from your practice software."
    return _page(status, "The calendar sync is out of order", text)


def _page(status: int, heading: str, text: str, **headers: str) -> Reply:
    """Fixed sentences only: nothing of a request is ever shown."""
    content = {"Content-Type": "text/html; charset=utf-8"}
    return Reply(status, _PAGE.format(heading=heading, text=text), {**_HEADERS, **content, **headers})
