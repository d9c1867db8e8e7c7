"""What a deployment knows of a practice: the secret `practice-{practice}`, JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.core.errors import BlockedError

Origin = Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$")]
"""As a browser sends it: no path, no slash at its end."""


class PracticeSecret(BaseModel):
    """Fields that other functions read are let pass here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    fhir_base: str = Field(description="base URL of the EHR's FHIR API")
    fhir_token: str = Field(repr=False, description="bearer token for it")
    system: str = Field(description="base of our own names in the EHR: identifier systems and extensions")
    internal_id_system: str | None = Field(default=None, description="identifier system of patient numbers")
    time_zone_extension: str | None = Field(default=None, description="extension of Practitioner: their zone")
    protected_extension: str | None = Field(
        default=None, description="extension of Appointment: it may not be moved or cancelled"
    )


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
    try:
        return PracticeSecret.model_validate_json(text)
    except ValidationError:
        raise BlockedError("practice_secret_unreadable") from None


def front_end_of(text: bytes) -> FrontEnd:
    """Raises BlockedError: somebody has to mend the secret."""
    try:
        return FrontEnd.model_validate_json(text)
    except ValidationError:
        raise BlockedError("practice_secret_unreadable") from None


def oauth_client_of(text: bytes) -> OAuthClient:
    """Raises BlockedError: somebody has to mend the secret."""
    try:
        return OAuthClient.model_validate_json(text)
    except ValidationError:
        raise BlockedError("oauth_client_unreadable") from None
