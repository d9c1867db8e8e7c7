"""How we show a FHIR server who we are, each an `Authorization` for `HttpExchange`; `bearer` is the fourth.

private_key_jwt   SMART Backend Services: an assertion signed with our key is given for an access token
client_secret     the same with a secret
google_oidc       an ID token of the service account that a function runs as, for servers that trust Google

Sources: hl7.org/fhir/smart-app-launch/backend-services.html; RFC 6749, sections 2.3.1 and 4.4;
cloud.google.com/run/docs/securing/service-identity. Errors: `token_endpoint`, and

    ehr_signing_key_unfit     Blocked     a key of ours cannot be read, or is of another kind
    ehr_identity_unavailable  Retryable   the metadata server does not give an ID token
    ehr_token_expired         Retryable   the token was over when it came
"""

from __future__ import annotations

import contextlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any
from urllib.parse import quote_plus

import requests
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import id_token

from shared.adapters.fhir.assertion import Signer, SigningKey, client_assertion
from shared.adapters.fhir.exchange import Authorization
from shared.adapters.fhir.token_endpoint import TokenEndpoint
from shared.adapters.fhir.tokens import AccessToken, AccessTokens
from shared.core.errors import RetryableError
from shared.ports import Clock

UNIQUE_BYTES = 16
"""Of an assertion's `jti`."""

_GRANT = "client_credentials"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class SecretIn(Enum):
    """Where a client's secret stands in a request (RFC 6749, section 2.3.1)."""

    HEADER = "client_secret_basic"
    BODY = "client_secret_post"


def private_key_jwt(
    endpoint: TokenEndpoint,
    client_id: str,
    keys: Sequence[SigningKey],
    scope: str,
    clock: Clock,
    random_bytes: Callable[[int], bytes],
) -> Authorization:
    """The first of `keys` signs. All are read, so that the next one is known to be fit before its turn.

    Raises BlockedError for a key that is not.
    """
    signers = [Signer(key) for key in keys]

    def form(url: str) -> Mapping[str, str]:
        unique = random_bytes(UNIQUE_BYTES)
        return {
            "grant_type": _GRANT,
            "scope": scope,
            "client_assertion_type": _ASSERTION,
            "client_assertion": client_assertion(signers[0], client_id, url, clock.now(), unique),
        }

    return AccessTokens(lambda: endpoint.ask(form), clock)


def client_secret(
    endpoint: TokenEndpoint,
    client_id: str,
    secret: str,
    scope: str,
    clock: Clock,
    *,
    secret_in: SecretIn = SecretIn.HEADER,
) -> Authorization:
    form = {"grant_type": _GRANT, "scope": scope}
    header = _basic(client_id, secret) if secret_in is SecretIn.HEADER else None
    if header is None:
        form |= {"client_id": client_id, "client_secret": secret}
    return AccessTokens(lambda: endpoint.ask(lambda _: form, header), clock)


def google_oidc(audience: str, clock: Clock) -> Authorization:
    """From the metadata server; `GCE_METADATA_HOST` and `GCE_METADATA_IP` tell google-auth of another, and
    `GOOGLE_APPLICATION_CREDENTIALS` of a key file in its place.
    """
    return AccessTokens(lambda: _id_token(audience, clock), clock)


def _basic(client_id: str, secret: str) -> str:
    """Both are encoded as in a form before they are joined: either may have a colon."""
    joined = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(joined.encode()).decode()}"


def _id_token(audience: str, clock: Clock) -> AccessToken:
    """The metadata server keeps tokens too, so what counts is how long this one still lives."""
    token = None
    with contextlib.suppress(GoogleAuthError, ValueError, TypeError, KeyError), requests.Session() as session:
        session.trust_env = False  # no proxy stands between a function and its metadata server
        token = _read(id_token.fetch_id_token(Request(session), audience))  # type: ignore[no-untyped-call]
    if token is None:  # outside the handler: google-auth's texts quote answers
        raise RetryableError("ehr_identity_unavailable")
    value, ends_at = token
    return AccessToken(value, ends_at - clock.now().timestamp())


def _read(token: str) -> tuple[str, float]:
    """Itself and when it ends, in Unix seconds. It is not checked here: we are not who it is for."""
    claims: dict[str, Any] = jwt.decode(token, verify=False)  # type: ignore[no-untyped-call]
    return token, float(claims["exp"])
