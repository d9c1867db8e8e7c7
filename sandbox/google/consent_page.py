"""The consent page in a browser: plain HTML without scripts, and the keys of ID tokens.

GET  /o/oauth2/v2/auth   the page, or at once the answer a test laid down
POST /o/oauth2/v2/auth   its form → the redirect URI with `code` or `error`
GET  /oauth2/v3/certs    the JWK set
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.google.consent import Asked, ConsentError, Decision
from sandbox.google.scopes import PREFIX
from sandbox.google.service import Service
from sandbox.google.store import Account

PATH = "/o/oauth2/v2/auth"
OWN_FIELDS = frozenset({"account", "granted", "decision"})
"""What the form adds to the request's own parameters."""

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}

SENTENCES = {
    PREFIX + "calendar": "See, edit, share and permanently delete all the calendars you can access",
    PREFIX + "calendar.readonly": "See and download any calendar you can access",
    PREFIX + "calendar.events": "View and edit events on all your calendars",
    PREFIX + "calendar.events.readonly": "View events on all your calendars",
    PREFIX + "calendar.events.owned": "See, create, change and delete events on calendars you own",
    PREFIX + "calendar.events.owned.readonly": "See the events on calendars you own",
    PREFIX + "calendar.events.freebusy": "See the availability on calendars you have access to",
    PREFIX + "calendar.events.public.readonly": "See the events on public calendars",
    PREFIX + "calendar.freebusy": "View your availability in your calendars",
    PREFIX
    + "calendar.app.created": "Make secondary calendars, and see, create, change and delete events on them",
    PREFIX + "calendar.calendarlist": "See, add and remove the calendars you are subscribed to",
    PREFIX + "calendar.calendarlist.readonly": "See the list of calendars you are subscribed to",
    PREFIX
    + "calendar.calendars": "See and change the properties of calendars you can access, and create them",
    PREFIX + "calendar.calendars.readonly": "See the title, description and time zone of your calendars",
    PREFIX + "calendar.acls": "See and change the sharing permissions of calendars you own",
    PREFIX + "calendar.acls.readonly": "See the sharing permissions of calendars you own",
    PREFIX + "calendar.settings": "See and change your settings",
    PREFIX + "calendar.settings.readonly": "See your settings",
    PREFIX + "userinfo.email": "See your e-mail address",
    PREFIX + "userinfo.profile": "See your name and picture",
    "openid": "Know who you are on Google",
}

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; color: #1f1f1f; background: #f3f6fb; margin: 0;
  overflow-wrap: anywhere }
main { background: #fff; max-width: 34rem; margin: 2rem auto; padding: 1.5rem 2rem; border-radius: 1rem }
fieldset { border: 1px solid #747775; border-radius: .5rem; margin: 1rem 0; padding: .5rem 1rem }
label { display: block; padding: .375rem 0 }
button { font: inherit; padding: .5rem 1.5rem; border-radius: 1.25rem; border: 1px solid #747775;
  background: #fff; color: #0b57d0 }
button[value=allow] { background: #0b57d0; color: #fff }
:focus-visible { outline: 3px solid #a8c7fa; outline-offset: 2px }
.problem { color: #b3261e }
"""


def routes(service: Service) -> list[Route]:
    page = _ConsentPage(service)

    async def keys(_: Request) -> Response:
        return JSONResponse(service.id_tokens.keys())

    return [
        Route(PATH, page.show, methods=["GET"]),
        Route(PATH, page.answer, methods=["POST"]),
        Route("/oauth2/v3/certs", keys, methods=["GET"]),
    ]


class _ConsentPage:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def show(self, request: Request) -> Response:
        return self._answered(request.query_params.multi_items(), self._shown)

    async def answer(self, request: Request) -> Response:
        fields = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
        parameters = [(name, value) for name, value in fields if name not in OWN_FIELDS]
        return self._answered(parameters, lambda asked: self._decided(asked, fields))

    def _answered(
        self, parameters: Iterable[tuple[str, str]], respond: Callable[[Asked], Response]
    ) -> Response:
        try:
            return respond(self._service.consents.read(parameters))
        except ConsentError as error:
            return _html(_error_page(error), error.status)

    def _shown(self, asked: Asked) -> Response:
        where = self._service.consents.unasked(asked)
        return self._asking(asked) if where is None else _redirect(where)

    def _decided(self, asked: Asked, fields: list[tuple[str, str]]) -> Response:
        given = dict(fields)
        consents, accounts = self._service.consents, self._service.google.store.accounts
        if given.get("decision") == "deny":
            return _redirect(consents.decide(asked, Decision(error="access_denied")))
        if given.get("decision") != "allow" or given.get("account") not in accounts:
            return self._asking(asked, "Choose an account, then allow or cancel.", 400)
        ticked = frozenset(value for name, value in fields if name == "granted")
        return _redirect(consents.decide(asked, Decision(given["account"], ticked)))

    def _asking(self, asked: Asked, problem: str = "", status: int = 200) -> Response:
        accounts = list(self._service.google.store.accounts.values())
        ticked = self._service.google.settings.boxes_ticked
        return _html(_page(asked, accounts, problem, ticked=ticked), status)


def _redirect(where: str) -> Response:
    return RedirectResponse(where, 302, HEADERS)


def _html(body: str, status: int) -> Response:
    return HTMLResponse(body, status, HEADERS)


def _document(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body>\n</html>\n"
    )


def _error_page(error: ConsentError) -> str:
    body = (
        "<h1>Access blocked: authorization error</h1>\n"
        f"<p>{escape(error.sentence)}</p>\n"
        f"<p>Error {error.status}: {escape(error.error)}</p>"
    )
    return _document(f"Error {error.status}: {error.error}", body)


def _page(asked: Asked, accounts: list[Account], problem: str, *, ticked: bool) -> str:
    client = escape(asked.client_id)
    if not accounts:
        return _document("Sign in", "<h1>There are no accounts yet</h1>\n<p>Make one by control.</p>")
    alert = f'<p class="problem" role="alert">{escape(problem)}</p>\n' if problem else ""
    hidden = "\n".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in asked.parameters.items()
    )
    body = (
        f"<h1>{client} wants to access your Google Account</h1>\n{alert}"
        f'<form method="post" action="{PATH}">\n{hidden}\n'
        f"{_accounts(accounts, asked.parameters.get('login_hint', ''))}\n{_choices(asked, ticked=ticked)}\n"
        f"<p>You can take this back at any time in your Google Account.</p>\n"
        '<button name="decision" value="deny">Cancel</button>\n'
        '<button name="decision" value="allow">Allow</button>\n</form>'
    )
    return _document("Sign in: Google Accounts (sandbox)", body)


def _accounts(accounts: list[Account], hint: str) -> str:
    """Radio buttons; the one hinted at, by e-mail or `sub`, is chosen, else the first."""
    hinted = [a.sub for a in accounts if hint and hint in (a.sub, a.email)]
    chosen = (hinted or [accounts[0].sub])[0]
    rows = [
        f'<label><input type="radio" name="account" value="{account.sub}" required'
        f"{' checked' if account.sub == chosen else ''}> {escape(account.name)}"
        f"{f' ({escape(account.email)})' if account.name != account.email else ''}</label>"
        for account in accounts
    ]
    return "<fieldset><legend>Choose an account</legend>\n" + "\n".join(rows) + "\n</fieldset>"


def _choices(asked: Asked, *, ticked: bool) -> str:
    """Boxes for what can be unticked; what cannot is said."""
    boxes = [
        f'<label><input type="checkbox" name="granted" value="{escape(scope)}"'
        f"{' checked' if ticked else ''}> {escape(SENTENCES[scope])}</label>"
        for scope in asked.boxes
    ]
    fixed = [f"<li>{escape(SENTENCES[scope])}</li>" for scope in asked.scopes if scope not in asked.boxes]
    said = "<p>It will be able to:</p>\n<ul>\n" + "\n".join(fixed) + "\n</ul>" if fixed else ""
    if not boxes:
        return said
    legend = "<legend>Select what it can access</legend>"
    return f"{said}\n<fieldset>{legend}\n" + "\n".join(boxes) + "\n</fieldset>"
