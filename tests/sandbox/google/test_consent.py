"""The consent page and what a code is exchanged for, as a browser and a client see them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.google import scopes
from sandbox.google.codes import s256
from sandbox.google.consent_page import SENTENCES
from sandbox.google.grants import CLIENT_ID, CLIENT_SECRET
from tests.sandbox.google.conftest import TIMEOUT_SECONDS, Json, Sandbox
from tests.servers import server

CALLBACK = "https://app.example.org/oauth/callback?from=google"
VERIFIER = "v" * 43
EMAIL = scopes.PREFIX + "userinfo.email"
LIST, OWNED = scopes.DEFAULT[3:]
ALL = " ".join(scopes.DEFAULT)


class Form(HTMLParser):
    """The fields of a page's form as a browser would send them untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.boxes: list[str] = []
        self.action = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert given["method"] == "post"
            self.action = given["action"]
        if tag == "input" and given["type"] == "checkbox":
            self.boxes.append(given["value"])
        if tag == "input" and (given["type"] == "hidden" or "checked" in given):
            self.fields.append((given["name"], given["value"]))


@dataclass
class Browser:
    """A person in front of the consent page."""

    address: str
    asked: dict[str, str] = field(
        default_factory=lambda: {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": f"openid email {LIST} {OWNED}",
            "state": "s&t<",
            "access_type": "offline",
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
        }
    )

    def open(self, **changed: str | None) -> requests.Response:
        asked = {name: value for name, value in {**self.asked, **changed}.items() if value is not None}
        url = f"{self.address}/o/oauth2/v2/auth"
        return requests.get(url, asked, timeout=TIMEOUT_SECONDS, allow_redirects=False)

    def form(self, **changed: str | None) -> Form:
        page = self.open(**changed)
        assert page.status_code == 200, page.text
        return Form(page.text)

    def send(self, form: Form, decision: str = "allow", untick: tuple[str, ...] = ()) -> requests.Response:
        fields = [(name, value) for name, value in form.fields if value not in untick]
        return requests.post(
            self.address + form.action,
            [*fields, ("decision", decision)],
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )

    def allow(self, *untick: str, **changed: str | None) -> dict[str, str]:
        """The answer the browser carries back."""
        return answer(self.send(self.form(**changed), untick=untick))


def answer(response: requests.Response) -> dict[str, str]:
    assert response.status_code == 302, response.text
    where = response.headers["location"]
    assert where.startswith(CALLBACK + "&")
    return dict(parse_qsl(urlsplit(where).query))


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[Browser]:
    sandbox.control("POST", "redirect-uris", {"redirect_uri": CALLBACK})
    yield Browser(sandbox.address)
    sandbox.control("DELETE", "consents")


@pytest.fixture
def person(sandbox: Sandbox, browser: Browser) -> Json:
    """An account that has granted nothing yet, and is the one the page has chosen."""
    account = sandbox.account()
    sandbox.control("POST", "grants/revoke", {"sub": account["sub"]})
    browser.asked["login_hint"] = account["email"]
    return account


def token(sandbox: Sandbox, **form: str) -> tuple[int, Json]:
    fields = {
        "grant_type": "authorization_code",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        **form,
    }
    response = requests.post(
        f"{sandbox.address}/token",
        {name: value for name, value in fields.items() if value},
        timeout=TIMEOUT_SECONDS,
    )
    return response.status_code, response.json()


def exchanged(sandbox: Sandbox, code: str, **form: str) -> Json:
    status, given = token(sandbox, code=code, **form)
    assert status == 200, given
    return given


# --- the page -------------------------------------------------------------------------------------------


def test_a_person_who_allows_comes_back_with_a_code_the_state_and_the_scopes(
    sandbox: Sandbox, browser: Browser, person: Json
) -> None:
    back = browser.allow()
    assert (back["state"], back["from"]) == ("s&t<", "google")
    assert back["scope"].split() == ["openid", EMAIL, LIST, OWNED]
    given = exchanged(sandbox, back["code"])
    assert given["scope"] == back["scope"]
    bearer = f"Bearer {given['access_token']}"
    listed = sandbox.request("GET", "/calendar/v3/users/me/calendarList", authorization=bearer)
    assert [entry["id"] for entry in listed[2]["items"]] == [person["calendar"]]


def test_a_person_who_cancels_comes_back_with_access_denied(browser: Browser, person: Json) -> None:
    assert person
    back = answer(browser.send(browser.form(), "deny"))
    assert back == {"from": "google", "state": "s&t<", "error": "access_denied"}


@pytest.mark.usefixtures("person")
def test_any_box_can_be_unticked_but_not_the_sign_in(sandbox: Sandbox, browser: Browser) -> None:
    assert browser.form().boxes == [LIST, OWNED]
    back = browser.allow(OWNED)
    assert back["scope"].split() == ["openid", EMAIL, LIST]
    assert exchanged(sandbox, back["code"])["scope"] == back["scope"]
    assert browser.allow(LIST, OWNED)["scope"].split() == ["openid", EMAIL]


@pytest.mark.usefixtures("person")
def test_the_one_thing_asked_for_has_no_box_and_two_have(browser: Browser) -> None:
    assert browser.form(scope=LIST).boxes == []
    assert browser.allow(scope=LIST)["scope"] == LIST
    assert browser.form(scope=f"openid {LIST}").boxes == [LIST]
    assert browser.form(scope=f"{LIST} {OWNED}").boxes == [LIST, OWNED]
    assert browser.form(scope="openid email").boxes == []


@pytest.mark.usefixtures("person")
def test_boxes_can_arrive_unticked_and_nothing_ticked_is_nothing_granted(
    sandbox: Sandbox, browser: Browser
) -> None:
    sandbox.control("POST", "settings", {"boxes_ticked": False})
    assert browser.form().boxes == [LIST, OWNED]
    assert browser.allow()["scope"].split() == ["openid", EMAIL]
    assert browser.allow(scope=f"{LIST} {OWNED}")["error"] == "access_denied"


def test_the_page_offers_every_account_and_has_the_one_hinted_at_chosen(
    sandbox: Sandbox, browser: Browser, person: Json
) -> None:
    other = sandbox.account(name="Berta <b>")
    page = browser.open().text
    assert "Berta &lt;b&gt;" in page
    assert "Berta <b>" not in page
    assert f'value="{other["sub"]}"' in page
    assert ("account", person["sub"]) in browser.form().fields
    assert ("account", other["sub"]) in browser.form(login_hint=other["sub"]).fields


@pytest.mark.usefixtures("person")
def test_the_page_escapes_what_it_is_given_and_runs_no_script(browser: Browser) -> None:
    page = browser.open(state='"><script>alert(1)</script>')
    assert "<script" not in page.text
    assert 'value="&quot;&gt;&lt;script&gt;' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert re.search(r'<html lang="en">.*<title>.+</title>.*<h1>.+</h1>', page.text, re.DOTALL)
    assert page.text.count("<legend>") == page.text.count("<fieldset>") == 2


@pytest.mark.usefixtures("person")
def test_every_scope_is_said_in_words(browser: Browser) -> None:
    page = browser.open(scope=" ".join(scopes.SCOPES)).text
    assert set(SENTENCES) == set(scopes.SCOPES)
    assert [scope for scope, sentence in SENTENCES.items() if sentence not in page] == []


@pytest.mark.usefixtures("person")
def test_an_answer_without_an_account_is_asked_again(browser: Browser) -> None:
    form = browser.form()
    form.fields = [(name, value) for name, value in form.fields if name != "account"]
    again = browser.send(form)
    assert again.status_code == 400
    assert 'role="alert"' in again.text
    assert answer(browser.send(Form(again.text)))["code"]


# --- what is wrong is shown, never sent ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"redirect_uri": "https://app.example.org/oauth/callback"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK + "&x=1"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://evil.example/<i>"}, 400, "redirect_uri_mismatch"),
        ({"response_type": None}, 400, "invalid_request"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": " "}, 400, "invalid_scope"),
        ({"scope": "openid everything"}, 400, "invalid_scope"),
        ({"access_type": "sometimes"}, 400, "invalid_request"),
        ({"prompt": "please"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"code_challenge_method": None}, 400, "invalid_request"),
        ({"code_challenge": "short"}, 400, "invalid_request"),
    ],
)
def test_a_wrong_request_is_answered_on_a_page(
    browser: Browser, changed: dict[str, str | None], status: int, error: str
) -> None:
    page = browser.open(**changed)
    assert page.status_code == status
    assert f"Error {status}: {error}" in page.text
    assert "<form" not in page.text
    assert "<i>" not in page.text


def test_a_parameter_given_twice_is_refused(browser: Browser) -> None:
    twice = requests.get(
        f"{browser.address}/o/oauth2/v2/auth",
        [*browser.asked.items(), ("state", "x")],
        timeout=TIMEOUT_SECONDS,
    )
    assert twice.status_code == 400
    assert "single value: state" in twice.text


def test_a_form_changed_on_its_way_is_checked_again(browser: Browser, person: Json) -> None:
    assert person
    form = browser.form()
    form.fields = [(n, "https://evil.example/" if n == "redirect_uri" else v) for n, v in form.fields]
    page = browser.send(form)
    assert page.status_code == 400
    assert "redirect_uri_mismatch" in page.text


def test_without_a_page_nobody_can_be_asked(browser: Browser, person: Json) -> None:
    assert person
    assert answer(browser.open(prompt="none"))["error"] == "interaction_required"


# --- answers laid down by a test ------------------------------------------------------------------------


def test_the_next_consents_can_be_answered_beforehand(
    sandbox: Sandbox, browser: Browser, person: Json
) -> None:
    sandbox.control("POST", "consents", {"sub": person["sub"], "scopes": [LIST]})
    sandbox.control("POST", "consents", {"deny": True})
    sandbox.control("POST", "consents", {"error": "admin_policy_enforced"})
    back = answer(browser.open())
    assert back["scope"].split() == ["openid", EMAIL, LIST]
    assert exchanged(sandbox, back["code"])["refresh_token"]
    assert answer(browser.open())["error"] == "access_denied"
    assert answer(browser.open())["error"] == "admin_policy_enforced"
    assert browser.open().status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("consents", {}, "'sub' is missing"),
        ("consents", {"sub": "0"}, "no account with sub '0'"),
        ("consents", {"deny": "yes"}, "'deny' is true or false"),
        ("consents", {"deny": True, "scopes": ["all"]}, "unknown scope"),
        ("redirect-uris", {"redirect_uri": "/callback"}, "no absolute http or https URI"),
        ("redirect-uris", {"redirect_uri": "https://x.example/#y"}, "without a fragment"),
        ("redirect-uris", {"redirect_uri": CALLBACK, "client_id": "z"}, "unknown client_id"),
        ("accounts/email", {"sub": "0", "email": "x@example.com"}, "no account with sub '0'"),
    ],
)
def test_a_wrong_control_request_is_told_what_is_wrong(
    sandbox: Sandbox, path: str, body: Any, names: str
) -> None:
    status, _, told = sandbox.request("POST", f"/control/{path}", body)
    assert status == 400
    assert names in told["error"]


def test_redirect_uris_can_be_registered_at_the_start() -> None:
    with server("sandbox.google", "--redirect-uri", CALLBACK) as address:
        page = Browser(address).open()
        assert "There are no accounts yet" in page.text
        assert "redirect_uri_mismatch" in Browser(address).open(redirect_uri="https://x.example/").text


# --- the code -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("person")
def test_a_code_is_taken_once(sandbox: Sandbox, browser: Browser) -> None:
    code = browser.allow()["code"]
    assert "/" in code
    exchanged(sandbox, code)
    status, refused = token(sandbox, code=code)
    assert (status, refused["error"], refused["error_description"]) == (400, "invalid_grant", "Bad Request")


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize(
    ("changed", "status", "error", "description"),
    [
        ({"code": "nonsense"}, 400, "invalid_grant", "Malformed auth code."),
        ({"code": "4/0Anobody"}, 400, "invalid_grant", "Bad Request"),
        ({"code": ""}, 400, "invalid_request", "Missing required parameter: code"),
        ({"redirect_uri": ""}, 400, "invalid_request", "Missing required parameter: redirect_uri"),
        ({"redirect_uri": "https://app.example.org/"}, 400, "redirect_uri_mismatch", "Bad Request"),
        ({"code_verifier": ""}, 400, "invalid_grant", "Missing code verifier."),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant", "Invalid code verifier."),
        ({"client_secret": "wrong"}, 401, "invalid_client", "Unauthorized"),
        ({"client_id": "nobody"}, 401, "invalid_client", "The OAuth client was not found."),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "Invalid grant_type: password"),
    ],
)
def test_a_wrong_exchange_names_its_error_and_leaves_the_code(
    sandbox: Sandbox, browser: Browser, changed: dict[str, str], status: int, error: str, description: str
) -> None:
    code = browser.allow()["code"]
    answered = token(sandbox, **{"code": code, **changed})
    assert answered == (status, {"error": error, "error_description": description})
    exchanged(sandbox, code)


@pytest.mark.usefixtures("person")
def test_a_verifier_without_a_challenge_is_refused(sandbox: Sandbox, browser: Browser) -> None:
    code = browser.allow(code_challenge=None, code_challenge_method=None)["code"]
    assert token(sandbox, code=code)[1]["error"] == "invalid_grant"
    exchanged(sandbox, code, code_verifier="")


@pytest.mark.usefixtures("person")
def test_a_code_dies_after_ten_minutes_and_with_the_consent(
    sandbox: Sandbox, browser: Browser, person: Json
) -> None:
    before = sandbox.control("GET", "clock")["offset_seconds"]
    late, revoked = browser.allow()["code"], browser.allow()["code"]
    sandbox.control("PUT", "clock", {"offset_seconds": before + 600})
    assert token(sandbox, code=late)[1]["error"] == "invalid_grant"
    sandbox.control("PUT", "clock", {"offset_seconds": before})
    sandbox.control("POST", "grants/revoke", {"sub": person["sub"]})
    assert token(sandbox, code=revoked)[1]["error"] == "invalid_grant"


# --- refresh tokens -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("person")
def test_a_refresh_token_comes_with_the_first_offline_consent_and_when_asked_anew(
    sandbox: Sandbox, browser: Browser
) -> None:
    def given(**changed: str | None) -> bool:
        return "refresh_token" in exchanged(sandbox, browser.allow(**changed)["code"])

    assert not given(access_type=None)
    assert given()
    assert not given()
    assert given(prompt="consent")
    assert not given(prompt="consent", access_type="online")


@pytest.mark.usefixtures("person")
def test_earlier_grants_are_told_when_they_are_asked_for(sandbox: Sandbox, browser: Browser) -> None:
    browser.allow()
    assert browser.allow(scope="openid email")["scope"].split() == ["openid", EMAIL]
    back = browser.allow(scope="openid email", include_granted_scopes="true")
    assert back["scope"].split() == ["openid", EMAIL, LIST, OWNED]
    assert exchanged(sandbox, back["code"])["scope"] == back["scope"]


@pytest.mark.usefixtures("person")
def test_testing_mode_says_how_long_a_refresh_token_lives(sandbox: Sandbox, browser: Browser) -> None:
    assert "refresh_token_expires_in" not in exchanged(sandbox, browser.allow(prompt="consent")["code"])
    sandbox.control("POST", "settings", {"testing_mode": True})
    limited = exchanged(sandbox, browser.allow(prompt="consent")["code"])
    assert 604_000 < limited["refresh_token_expires_in"] <= 604_800


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_of_an_exchange_kills_the_pair(
    sandbox: Sandbox, browser: Browser, which: str
) -> None:
    given = exchanged(sandbox, browser.allow()["code"])
    assert sandbox.request("POST", f"/revoke?token={quote(given[which], safe='')}")[0] == 200
    path = "/calendar/v3/users/me/calendarList"
    assert sandbox.request("GET", path, authorization=f"Bearer {given['access_token']}")[0] == 401
    refused = token(sandbox, grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert refused[1]["error"] == "invalid_grant"
    again = sandbox.request("POST", "/revoke", f"token={quote(given[which], safe='')}")
    assert (again[0], again[2]["error"]) == (400, "invalid_token")
    assert "refresh_token" in exchanged(sandbox, browser.allow()["code"])  # as if for the first time


# --- ID tokens ------------------------------------------------------------------------------------------


def claims(sandbox: Sandbox, id_token: str) -> Json:
    """What an ID token says, once its signature is that of a key told by the server."""
    header, payload, signature = (part + "=" * (-len(part) % 4) for part in id_token.split("."))
    told = json.loads(base64.urlsafe_b64decode(header))
    (key,) = [k for k in sandbox.request("GET", "/oauth2/v3/certs")[2]["keys"] if k["kid"] == told["kid"]]
    assert (told["alg"], key["alg"], key["kty"], key["use"]) == ("RS256", "RS256", "RSA", "sig")
    n, e = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "==")) for name in ("n", "e"))
    public = rsa.RSAPublicNumbers(e, n).public_key()
    signed = id_token.rpartition(".")[0].encode()
    public.verify(base64.urlsafe_b64decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    return dict(json.loads(base64.urlsafe_b64decode(payload)))


def test_an_id_token_says_who_the_account_is(sandbox: Sandbox, browser: Browser, person: Json) -> None:
    said = claims(sandbox, exchanged(sandbox, browser.allow(nonce="once")["code"])["id_token"])
    assert said.pop("exp") - said.pop("iat") == 3600
    assert len(said.pop("at_hash")) == 22
    assert said == {
        "iss": "https://accounts.google.com",
        "azp": CLIENT_ID,
        "aud": CLIENT_ID,
        "sub": person["sub"],
        "email": person["email"],
        "email_verified": True,
        "nonce": "once",
    }


def test_an_id_token_says_no_more_than_was_granted(sandbox: Sandbox, browser: Browser, person: Json) -> None:
    assert "id_token" not in exchanged(sandbox, browser.allow(scope=LIST)["code"])
    said = claims(sandbox, exchanged(sandbox, browser.allow(scope=f"openid {LIST}")["code"])["id_token"])
    assert said["sub"] == person["sub"]
    assert not {"email", "email_verified", "nonce", "hd"} & said.keys()


# --- accounts that change -------------------------------------------------------------------------------


def test_an_account_can_change_its_address_and_stays_who_it_is(
    sandbox: Sandbox, browser: Browser, person: Json
) -> None:
    new = f"new.{person['email']}"
    assert sandbox.control("POST", "accounts/email", {"sub": person["sub"], "email": new})["email"] == new
    taken = sandbox.request(
        "POST", "/control/accounts/email", {"sub": sandbox.account()["sub"], "email": new}
    )
    assert taken[0] == 400
    back = browser.allow(login_hint=new)
    said = claims(sandbox, exchanged(sandbox, back["code"])["id_token"])
    assert (said["sub"], said["email"]) == (person["sub"], new)
    again = sandbox.control("POST", "grants", {"sub": person["sub"]})
    primary = sandbox.client(again).calendarList().get(calendarId="primary").execute()
    assert primary["id"] == person["calendar"]  # a calendar's id never changes


def test_a_workspace_account_comes_back_with_its_domain(sandbox: Sandbox, browser: Browser) -> None:
    account = sandbox.account(hosted_domain="example.com")
    back = browser.allow(login_hint=account["sub"])
    assert back["hd"] == "example.com"
    assert claims(sandbox, exchanged(sandbox, back["code"])["id_token"])["hd"] == "example.com"
