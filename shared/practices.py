r"""What a deployment knows of a practice: the secret `practice-{practice}`, JSON.

How we show its FHIR server who we are is `fhir_auth`, by `mode`:

    {"mode": "private_key_jwt", "client_id": "calsync",
     "keys": [{"kid": "2026-11", "private_key": "-----BEGIN PRIVATE KEY-----\n…"}]}
    {"mode": "client_secret", "client_id": "calsync", "client_secret": "…"}
    {"mode": "bearer", "token": "…"}
    {"mode": "google_oidc", "audience": "https://ehr.example"}

`"fhir_token": "…"` is short for the third. To rotate a key, put the new one first once the EHR knows it.
"""

from __future__ import annotations

import contextlib
from ipaddress import ip_address
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.core.errors import BlockedError
from shared.stated import StatedCapabilities, StatedParticipantStatus

_Model = TypeVar("_Model", bound=BaseModel)

Origin = Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$")]
"""As a browser sends it: no path, no slash at its end."""
SCOPE = (
    "system/Appointment.cruds system/Patient.rs system/Practitioner.rs system/PractitionerRole.rs"
    " system/Schedule.rs system/Slot.cruds system/Encounter.rs system/DocumentReference.rs"
    " system/Composition.rs system/ClinicalImpression.rs system/ChargeItem.rs system/Claim.rs"
)
"""What the sync does at the EHR, in scopes of SMART 2; of an encounter's records, whether there are any."""
Scope = Annotated[str, Field(min_length=1, description="scopes that are asked for, separated by spaces")]
TokenUrl = Annotated[
    str | None,
    Field(
        pattern=r"^https?://[^/?#\s@]+(/[^#\s]*)?$",
        description="token endpoint; without it, it is discovered, on the origin of `fhir_base` only",
    ),
]


def _told_in_secret(url: str) -> str:
    """Raises ValueError: it would be told to whoever listens."""
    at = urlsplit(url)
    if at.scheme != "https" and not (at.scheme == "http" and _is_loopback(at.hostname or "")):
        raise ValueError("https")
    if not at.hostname or at.username is not None or at.fragment:
        raise ValueError("address")
    return url


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):  # it is a name
        return ip_address(host).is_loopback
    return host == "localhost"


NoticeUrl = Annotated[
    str | None,
    AfterValidator(lambda url: None if url is None else _told_in_secret(url)),
    Field(description="where the EHR is told of notices: https, or http of loopback; without it, it is not"),
]


class SigningKeyPem(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kid: str = Field(min_length=1, description="id by which the EHR knows the public key")
    private_key: str = Field(
        min_length=1, repr=False, description="PEM, not encrypted: RSA of 2048 bits and more, or EC on P-384"
    )


class PrivateKeyJwt(BaseModel):
    """SMART Backend Services."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["private_key_jwt"]
    client_id: str = Field(min_length=1, description="we, as the EHR has us registered")
    keys: tuple[SigningKeyPem, ...] = Field(min_length=1, description="the first signs")
    token_url: TokenUrl = None
    scope: Scope = SCOPE


class ClientSecret(BaseModel):
    """OAuth client credentials with a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["client_secret"]
    client_id: str = Field(min_length=1, description="we, as the EHR has us registered")
    client_secret: str = Field(min_length=1, repr=False, description="our secret there")
    method: Literal["client_secret_basic", "client_secret_post"] = Field(
        default="client_secret_basic", description="whether it stands in the header or in the body"
    )
    token_url: TokenUrl = None
    scope: Scope = SCOPE


class Bearer(BaseModel):
    """A token that does not end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["bearer"]
    token: str = Field(min_length=1, repr=False, description="the token")


class GoogleOidc(BaseModel):
    """ID tokens of the service account that a function runs as."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["google_oidc"]
    audience: str = Field(min_length=1, description="`aud` of the tokens, as the EHR wants it")


FhirAuth = Annotated[PrivateKeyJwt | ClientSecret | Bearer | GoogleOidc, Field(discriminator="mode")]


class PracticeSecret(BaseModel):
    """Fields that other functions read are let pass here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    fhir_base: str = Field(description="base URL of the EHR's FHIR API")
    fhir_auth: FhirAuth = Field(description="how we show it who we are; or `fhir_token`, a bearer token")
    system: str = Field(description="base of our own names in the EHR: identifier systems and extensions")
    internal_id_system: str | None = Field(default=None, description="identifier system of patient numbers")
    time_zone_extension: str | None = Field(default=None, description="extension of Practitioner: their zone")
    protected_extension: str | None = Field(
        default=None, description="extension of Appointment: it may not be moved or cancelled"
    )
    notice_url: NoticeUrl = None
    fhir_release: Literal[4, 5] = Field(default=4, description="release of FHIR: 5 names some elements anew")
    participant_status: StatedParticipantStatus | None = None
    capabilities: StatedCapabilities = StatedCapabilities()

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: object) -> object:
        """`fhir_token` becomes what it is short for. Raises ValueError where both are given."""
        if not isinstance(given, dict) or given.get("fhir_token") is None:
            return given
        if given.get("fhir_auth") is not None:
            raise ValueError("fhir_auth and fhir_token")
        return {**given, "fhir_auth": {"mode": "bearer", "token": given["fhir_token"]}}


class FrontEnd(BaseModel):
    """The same secret, as those read it whom the EHR's front end calls."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    jwt_issuer: str = Field(min_length=1, description="`iss` of the tokens that the EHR signs for its users")
    jwt_audience: str = Field(min_length=1, description="`aud` of them: this practice here, and no other")
    jwks_url: str = Field(min_length=1, description="where the keys of those tokens are")
    origins: tuple[Origin, ...] = Field(
        description="origins whose pages may call us, as `https://ehr.example`"
    )
    return_page: str = Field(
        pattern=r"^https?://[^?#]+$",
        description="page of the EHR that people come back to after consent; no query, no fragment",
    )


class OAuthClient(BaseModel):
    """The secret `google-oauth-client`, JSON."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    client_id: str
    client_secret: str = Field(repr=False)


def practice_of(text: bytes) -> PracticeSecret:
    """Raises BlockedError: somebody has to mend the secret."""
    return _read(PracticeSecret, text, "practice_secret_unreadable")


def front_end_of(text: bytes) -> FrontEnd:
    """Raises BlockedError: somebody has to mend the secret."""
    return _read(FrontEnd, text, "practice_secret_unreadable")


def oauth_client_of(text: bytes) -> OAuthClient:
    """Raises BlockedError: somebody has to mend the secret."""
    return _read(OAuthClient, text, "oauth_client_unreadable")


def _read(model: type[_Model], text: bytes, reason: str) -> _Model:
    with contextlib.suppress(ValidationError):
        return model.model_validate_json(text)
    raise BlockedError(reason)  # outside the handler: pydantic's error quotes the secret
