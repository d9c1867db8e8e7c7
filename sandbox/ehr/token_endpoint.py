"""A strict OAuth token endpoint for clients of the FHIR API, and how it is discovered.

Client credentials only (RFC 6749, section 4.4), by an assertion (`sandbox.ehr.assertions`) or by a secret. A
refusal is an OAuth error whose description says what was wrong. Everything is in memory.
"""

from __future__ import annotations

import binascii
import contextlib
import secrets
from base64 import b64decode
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from google.auth import exceptions as google_errors
from google.auth import jwt as google_jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.ehr.assertions import (
    Assertion,
    AssertionRefusedError,
    PublicKey,
    check_claims,
    check_signature,
    parse,
    public_keys,
)
from sandbox.ehr.control import arguments
from sandbox.ehr.outcome import Resource
from sandbox.faults import Fault, Faults

PATH = "/auth/token"
DISCOVERY = "/fhir/.well-known/smart-configuration"
LIFETIME_SECONDS = 300
REQUESTS_MAX = 1000
"""The oldest are forgotten beyond it."""
_READ = (
    "ChargeItem",
    "Claim",
    "ClinicalImpression",
    "Composition",
    "DocumentReference",
    "Encounter",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Schedule",
)
SCOPES = frozenset(
    [*(f"system/{each}.rs" for each in _READ), "system/Appointment.cruds", "system/Slot.cruds"]
)
METHODS = ("private_key_jwt", "client_secret_basic", "client_secret_post")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Endpoint = Callable[[Request], Awaitable[Response]]

_jwt: Any = google_jwt  # it carries no types


class OAuthError(Exception):
    """RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.status = 401 if error == "invalid_client" else 400


@dataclass(frozen=True)
class Client:
    method: str
    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    secret: str = ""


class TokenEndpoint:
    """Knows clients, the tokens they were given, and the Google service accounts that need none."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._clients: dict[str, Client] = {}
        self._tokens: dict[str, datetime] = {}
        self._seen: dict[tuple[str, str], float] = {}
        """Ids of assertions by client, until they end."""
        self._google: Resource | None = None
        self._lifetime_seconds = LIFETIME_SECONDS
        self._requests: deque[Resource] = deque(maxlen=REQUESTS_MAX)

    def routes(self, faults: Faults, lost: type[Response]) -> list[Route]:
        """`faults`: of operations `discovery` and `token`. `lost` ends the connection without an answer."""

        def faulty(operation: str, answer: Endpoint) -> Endpoint:
            async def endpoint(request: Request) -> Response:
                fault = faults.take(operation)
                if fault and not fault.lost:
                    return _injected(fault)
                answered = await answer(request)
                return lost() if fault else answered

            return endpoint

        return [
            Route(DISCOVERY, faulty("discovery", self._discover)),
            Route(PATH, faulty("token", self._answer), methods=["POST"]),
        ]

    def controls(self) -> dict[tuple[str, str], Callable[[Mapping[str, Any]], object]]:
        """By method and path below `/control/`."""
        return {
            ("POST", "auth/clients"): lambda data: self.register(**arguments(self.register, data)),
            ("POST", "auth/google"): lambda data: self.trust_google(**arguments(self.trust_google, data)),
            ("POST", "auth/settings"): lambda data: self.change(**arguments(self.change, data)),
            ("POST", "auth/revoke"): lambda _: self.revoke(),
            ("GET", "auth/requests"): lambda _: list(self._requests),
        }

    # --- control ----------------------------------------------------------------------------------------

    def register(
        self,
        *,
        client_id: str,
        token_endpoint_auth_method: str,
        jwks: Resource | None = None,
        client_secret: str | None = None,
    ) -> None:
        """A client, or what has changed about it, in the names of RFC 7591. Raises ValueError naming what is
        wrong.
        """
        method = token_endpoint_auth_method
        if method not in METHODS:
            raise ValueError(f"'token_endpoint_auth_method' must be one of {', '.join(METHODS)}")
        with_keys = method == "private_key_jwt"
        if with_keys != (jwks is not None) or with_keys == bool(client_secret):
            raise ValueError("'jwks' belongs to private_key_jwt, 'client_secret' to the others")
        self._clients[client_id] = Client(
            method, {} if jwks is None else public_keys(jwks), client_secret or ""
        )

    def trust_google(self, *, audience: str, email: str, certs: Resource) -> None:
        """ID tokens of this service account are access tokens here. `certs`: PEM by key id."""
        self._google = {"audience": audience, "email": email, "certs": certs}

    def change(self, *, lifetime_seconds: int) -> None:
        """Of tokens that are given from now on."""
        self._lifetime_seconds = lifetime_seconds

    def revoke(self) -> None:
        """No token given so far is accepted any more."""
        self._tokens.clear()

    # --- what the FHIR endpoints ask --------------------------------------------------------------------

    def accepts(self, token: str) -> bool:
        ends_at = self._tokens.get(token)
        return self._now() < ends_at if ends_at is not None else self._is_google(token)

    def _is_google(self, token: str) -> bool:
        if self._google is None:
            return False
        try:  # by the machine's time, as Google signs
            claims = _jwt.decode(token, certs=self._google["certs"], audience=self._google["audience"])
        except (google_errors.GoogleAuthError, ValueError):
            return False
        return bool(claims.get("email") == self._google["email"] and claims.get("email_verified"))

    # --- requests ---------------------------------------------------------------------------------------

    async def _discover(self, request: Request) -> Response:
        configuration = {
            "token_endpoint": _token_url(request),
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": list(METHODS),
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "scopes_supported": sorted(SCOPES),
            "capabilities": ["client-confidential-asymmetric", "client-confidential-symmetric"],
        }
        return JSONResponse(configuration)

    async def _answer(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        form = parse_qsl((await request.body()).decode(errors="replace"))
        try:
            given = self.token(form, request.headers.get("authorization"), _token_url(request))
        except OAuthError as error:
            status, body = error.status, {"error": error.error, "error_description": str(error)}
            headers |= {"WWW-Authenticate": "Basic"} if status == 401 else {}
        else:
            status, body = 200, given
        self._requests.append(
            {"status": status, "error": body.get("error"), "why": body.get("error_description")}
        )
        return JSONResponse(body, status, headers)

    def token(self, form: list[tuple[str, str]], authorization: str | None, token_url: str) -> Resource:
        """An access token. Raises OAuthError."""
        fields = dict(form)
        if len(fields) != len(form):
            raise OAuthError("invalid_request", "a parameter is given twice")
        if fields.get("grant_type") != "client_credentials":
            raise OAuthError("unsupported_grant_type", "'grant_type' must be client_credentials")
        self._authenticate(fields, authorization, token_url)
        asked = fields.get("scope", "").split()
        if not asked or not SCOPES.issuperset(asked):
            raise OAuthError("invalid_scope", f"'scope' must be of {', '.join(sorted(SCOPES))}")
        token, now = secrets.token_urlsafe(32), self._now()
        self._tokens = {known: ends_at for known, ends_at in self._tokens.items() if ends_at > now}
        self._tokens[token] = now + timedelta(seconds=self._lifetime_seconds)
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self._lifetime_seconds,
            "scope": " ".join(asked),
        }

    def _authenticate(self, fields: Mapping[str, str], authorization: str | None, token_url: str) -> None:
        used = [authorization is not None, "client_secret" in fields, "client_assertion" in fields]
        if sum(used) != 1:
            raise OAuthError("invalid_request", "a client shows itself in exactly one way")
        if authorization is not None:
            self._check_secret("client_secret_basic", *_basic(authorization))
        elif "client_secret" in fields:
            self._check_secret("client_secret_post", fields.get("client_id", ""), fields["client_secret"])
        else:
            self._check_assertion(fields, token_url)

    def _check_secret(self, method: str, client_id: str, secret: str) -> None:
        client = self._clients.get(client_id)
        if client is None or client.method != method:
            raise OAuthError("invalid_client", f"no client with {method} has this id")
        if not secrets.compare_digest(client.secret.encode(), secret.encode()):
            raise OAuthError("invalid_client", "the secret is wrong")

    def _check_assertion(self, fields: Mapping[str, str], token_url: str) -> None:
        if fields.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError("invalid_request", f"'client_assertion_type' must be {ASSERTION_TYPE}")
        try:
            self._accept(parse(fields["client_assertion"]), token_url)
        except AssertionRefusedError as error:
            raise OAuthError("invalid_client", str(error)) from None

    def _accept(self, assertion: Assertion, token_url: str) -> None:
        client_id, now = str(assertion.claims.get("iss")), self._now().timestamp()
        client = self._clients.get(client_id)
        if client is None or client.method != "private_key_jwt":
            raise AssertionRefusedError("no client with private_key_jwt has the id in 'iss'")
        check_signature(assertion, client.keys)
        check_claims(assertion.claims, client_id, token_url, now)
        self._use_once(client_id, assertion.claims, now)

    def _use_once(self, client_id: str, claims: Mapping[str, Any], now: float) -> None:
        self._seen = {key: ends for key, ends in self._seen.items() if ends > now}
        key = (client_id, claims["jti"])
        if key in self._seen:
            raise AssertionRefusedError("'jti' was used before")
        self._seen[key] = claims["exp"]


def _injected(fault: Fault) -> Response:
    wait = fault.retry_after_seconds
    headers = {} if wait is None else {"Retry-After": str(wait)}
    if fault.body is not None:
        return Response(fault.body, fault.status, headers)
    return JSONResponse({"error": fault.reason or "injected"}, fault.status, headers)


def _token_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{PATH}"


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret, each encoded as in a form before they were joined."""
    scheme, _, credentials = authorization.partition(" ")
    client_id, colon, secret = "", "", ""
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            client_id, colon, secret = b64decode(credentials, validate=True).decode().partition(":")
    if not colon:
        raise OAuthError("invalid_client", "the Authorization header is not Basic")
    return unquote_plus(client_id), unquote_plus(secret)
