"""Where the practitioner's browser lands after consent at Google: the EHR's registered page.

It finishes the connection: the one-time code goes to the sync's `connect/complete` under the token of whoever
is signed in here. The page has no script: a button posts back to the EHR, which calls.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

import requests
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

PATH = "/app/calendar-connected"
COOKIE = "sandbox_ehr_session"
SESSIONS_MAX = 1000
"""The oldest is signed out beyond it."""
TIMEOUT_SECONDS = (3.0, 30.0)
"""To connect, and to read."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ERRORS = {
    "consent_denied": "You did not allow access to Google Calendar. Nothing was connected.",
    "consent_without_own_calendars": "The box for making calendars was not ticked. Nothing was connected.",
    "consent_without_calendar_list": "The box for your calendar list was not ticked. Nothing was connected.",
    "consent_without_calendars": "The boxes for your calendars were not ticked. Nothing was connected.",
    "unavailable": "The calendar sync is out of order. Nothing was connected. Please try again later.",
}
_OTHER_ERROR = "Google Calendar was not connected. Please start again from your calendar settings."


@dataclass(frozen=True)
class Outcome:
    """What became of the connection: an HTTP status, a heading, a sentence."""

    status: int
    heading: str
    text: str


class ReturnPage:
    """`token_of` signs for a practitioner; `calsync_api`: where the sync's endpoints begin, "" if unknown."""

    def __init__(self, token_of: Callable[[str], str], calsync_api: str = "") -> None:
        self.calsync_api = calsync_api
        self._token_of = token_of
        self._sessions: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self._show, methods=["GET"]),
            Route(PATH, self._finish, methods=["POST"]),
            Route("/app/sign-in", self._sign_in, methods=["POST"]),
        ]

    # --- requests ---------------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        practitioner = self._practitioner(request)
        if practitioner is None:
            return _page(401, "Please sign in", _sign_in_form(request.query_params.multi_items()))
        error, code = request.query_params.get("error"), request.query_params.get("code")
        if error is not None:
            return _result(Outcome(200, "Not connected", f"{_ERRORS.get(error, _OTHER_ERROR)} ({error})"))
        if not code:
            return _result(Outcome(400, "Nothing to finish", "This page was opened without a code."))
        return _page(200, "Connect Google Calendar", _finish_form(practitioner, code))

    async def _finish(self, request: Request) -> Response:
        practitioner, code = self._practitioner(request), _form(await request.body()).get("code", "")
        if practitioner is None:
            return _page(401, "Please sign in", _sign_in_form([("code", code)]))
        if not code:
            return _result(Outcome(400, "Nothing to finish", "This page was opened without a code."))
        if not self.calsync_api:
            return _result(Outcome(503, "Not connected", "This EHR does not know where the sync is."))
        token = self._token_of(practitioner)
        return _result(await asyncio.to_thread(complete, self.calsync_api, practitioner, token, code))

    async def _sign_in(self, request: Request) -> Response:
        """`{practitioner}` as JSON, or as a form, which leads back to the page with its query."""
        body = await request.body()
        as_json = body.startswith(b"{")
        data = _json_object(body) if as_json else _form(body)
        practitioner = data.get("practitioner")
        if not isinstance(practitioner, str) or not practitioner:
            return JSONResponse({"error": "'practitioner' must be a practitioner's id"}, 400)
        session = self._begin(practitioner)
        answer: Response
        if as_json:
            answer = JSONResponse({"practitioner": practitioner})
        else:
            answer = RedirectResponse(f"{PATH}?{urlencode(parse_qsl(data.get('query', '')))}", 303)
        # lax: the browser comes from Google, and the cookie must come along
        answer.set_cookie(COOKIE, session, path="/app", httponly=True, samesite="lax")
        return answer

    # --- sessions ---------------------------------------------------------------------------------------

    def _begin(self, practitioner: str) -> str:
        session = secrets.token_urlsafe(32)
        self._sessions[session] = practitioner
        if len(self._sessions) > SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        return session

    def _practitioner(self, request: Request) -> str | None:
        return self._sessions.get(request.cookies.get(COOKIE, ""))


# --- the call -------------------------------------------------------------------------------------------


def complete(calsync_api: str, practitioner: str, token: str, code: str) -> Outcome:
    """Asks the sync to finish the connection of this practitioner."""
    person = quote(practitioner, safe="")
    url = f"{calsync_api.rstrip('/')}/v1/practitioners/{person}/sync/connect/complete"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        answer = requests.post(
            url, json={"code": code}, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException:
        return Outcome(
            502, "Not connected", "The calendar sync could not be reached. Please try again later."
        )
    said = _json_object(answer.content)
    if answer.ok and isinstance(said.get("google_email"), str):
        return Outcome(200, "Connected", f"Your calendar is connected with {said['google_email']}.")
    sentence = said.get("detail", said.get("title"))
    if not answer.ok and isinstance(sentence, str):
        return Outcome(answer.status_code, "Not connected", sentence)
    return Outcome(
        502, "Not connected", f"The calendar sync gave an unexpected answer ({answer.status_code})."
    )


def _json_object(content: bytes) -> Mapping[str, str]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _form(body: bytes) -> Mapping[str, str]:
    return dict(parse_qsl(body.decode(errors="replace")))


# --- HTML -----------------------------------------------------------------------------------------------

_LAYOUT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading} - Sandbox EHR</title>
<style>
body {{ font: 1.125rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; }}
button, input {{ font: inherit; padding: .5rem 1rem; }}
label {{ display: block; }}
</style>
</head>
<body>
<header><p>Sandbox EHR</p></header>
<main>
<h1>{heading}</h1>
{content}
</main>
</body>
</html>
"""


def _page(status: int, heading: str, content: str) -> Response:
    """`content` is HTML."""
    return HTMLResponse(_LAYOUT.format(heading=escape(heading), content=content), status, dict(_HEADERS))


def _result(outcome: Outcome) -> Response:
    role = "status" if outcome.status < 400 else "alert"
    return _page(outcome.status, outcome.heading, f'<p role="{role}">{escape(outcome.text)}</p>')


def _finish_form(practitioner: str, code: str) -> str:
    return (
        f"<p>You are signed in as practitioner {escape(practitioner)}.</p>\n"
        f'<form method="post" action="{PATH}">\n'
        f'<input type="hidden" name="code" value="{escape(code)}">\n'
        "<button>Finish connecting</button>\n</form>"
    )


def _sign_in_form(query: list[tuple[str, str]]) -> str:
    return (
        "<p>Only whoever asked for the connection can finish it.</p>\n"
        '<form method="post" action="/app/sign-in">\n'
        f'<input type="hidden" name="query" value="{escape(urlencode(query))}">\n'
        '<label for="practitioner">Practitioner</label>\n'
        '<input id="practitioner" name="practitioner" required autocomplete="username">\n'
        "<button>Sign in</button>\n</form>"
    )
