"""Where the practitioner's browser lands after consent at Google: the EHR's registered page.

It finishes the connection: the one-time code goes to the sync's `connect/complete` under the token of whoever
is signed in here. The page has no script: a button posts back to the EHR, which calls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

import requests
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.ehr.identity import ROLES
from sandbox.ehr.sessions import Sessions, User

PATH = "/app/calendar-connected"
HOME = "/app/#sync"
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

    def __init__(
        self, token_of: Callable[[str], str], sessions: Sessions, calsync_api: Callable[[], str]
    ) -> None:
        self._calsync_api = calsync_api
        self._token_of = token_of
        self._sessions = sessions

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
        calsync_api = self._calsync_api()
        if not calsync_api:
            return _result(Outcome(503, "Not connected", "This EHR does not know where the sync is."))
        token = self._token_of(practitioner)
        return _result(await asyncio.to_thread(complete, calsync_api, practitioner, token, code))

    async def _sign_in(self, request: Request) -> Response:
        """`{practitioner}` and, if wanted, `role`: as JSON, or as a form, which leads back to the page."""
        body = await request.body()
        as_json = body.startswith(b"{")
        data = _json_object(body) if as_json else _form(body)
        practitioner = data.get("practitioner")
        if not isinstance(practitioner, str) or not practitioner:
            return JSONResponse({"error": "'practitioner' must be a practitioner's id"}, 400)
        role = data.get("role", "practitioner")
        if role not in ROLES:
            return JSONResponse({"error": f"'role' must be one of {', '.join(ROLES)}"}, 400)
        answer: Response
        if as_json:
            answer = JSONResponse({"practitioner": practitioner})
        else:
            answer = RedirectResponse(f"{PATH}?{urlencode(parse_qsl(data.get('query', '')))}", 303)
        self._sessions.begin(User(practitioner, role), answer)
        return answer

    def _practitioner(self, request: Request) -> str | None:
        user = self._sessions.of(request)
        return None if user is None else user.practitioner


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

_STYLE = """
:root { color-scheme: light dark; --ink: #17212b; --canvas: #f4f6f8; --surface: #fff; --accent: #0a6b66;
  --on-accent: #fff; --line: #8a97a5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eef3; --canvas: #10161c; --surface: #18212a; --accent: #5cc7bd; --on-accent: #05211f; }
}
body { font: 1rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--canvas); margin: 0;
  display: grid; justify-content: center; overflow-wrap: anywhere; }
header, main { width: min(30rem, 100vw - 2rem); }
header { margin-top: 12vh; font-weight: 650; color: var(--accent); }
main { margin-top: .75rem; padding: 1.5rem 1.75rem 1.75rem; background: var(--surface); border-radius: 1rem;
  box-shadow: 0 8px 28px rgb(16 32 48 / 12%); }
h1 { margin: 0 0 .75rem; font-size: 1.375rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
header p, p:last-child { margin: 0; }
label { display: block; font-weight: 600; font-size: .875rem; }
button, input, .button { font: inherit; padding: .5rem .875rem; border-radius: .5rem;
  border: 1px solid var(--line); }
input { display: block; width: 100%; box-sizing: border-box; margin: .25rem 0 1rem; }
button, .button { display: inline-block; font-weight: 600; text-decoration: none; background: var(--accent);
  border-color: var(--accent); color: var(--on-accent); cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""
_LAYOUT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading} - Sandbox EHR</title>
<style>
{style}</style>
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
    html = _LAYOUT.format(heading=escape(heading), content=content, style=_STYLE)
    return HTMLResponse(html, status, dict(_HEADERS))


def _result(outcome: Outcome) -> Response:
    role = "status" if outcome.status < 400 else "alert"
    said = f'<p role="{role}">{escape(outcome.text)}</p>'
    back = f'<nav><a class="button" href="{HOME}">Back to Sync Calendar</a></nav>'
    return _page(outcome.status, outcome.heading, f"{said}\n{back}")


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
