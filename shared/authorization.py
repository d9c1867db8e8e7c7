"""How a practice's FHIR server is shown who we are: its secret's `fhir_auth`, ready to be used."""

from __future__ import annotations

from collections.abc import Callable

from shared.adapters.fhir import (
    Authorization,
    SecretIn,
    SigningKey,
    TokenEndpoint,
    bearer,
    client_secret,
    google_oidc,
    private_key_jwt,
)
from shared.ports import Clock
from shared.practices import Bearer, ClientSecret, GoogleOidc, PracticeSecret, PrivateKeyJwt


def fhir_authorization(
    secret: PracticeSecret, clock: Clock, random_bytes: Callable[[int], bytes]
) -> Authorization:
    """For the calling thread; it asks for nothing before it is used. Raises BlockedError: a key is unfit."""
    auth = secret.fhir_auth
    match auth:
        case Bearer():
            return bearer(auth.token)
        case GoogleOidc():
            return google_oidc(auth.audience, clock)
        case ClientSecret():
            endpoint = TokenEndpoint(secret.fhir_base, clock, token_url=auth.token_url)
            where = SecretIn(auth.method)
            return client_secret(
                endpoint, auth.client_id, auth.client_secret, auth.scope, clock, secret_in=where
            )
        case PrivateKeyJwt():
            endpoint = TokenEndpoint(secret.fhir_base, clock, token_url=auth.token_url)
            keys = [SigningKey(key.kid, key.private_key) for key in auth.keys]
            return private_key_jwt(endpoint, auth.client_id, keys, auth.scope, clock, random_bytes)
