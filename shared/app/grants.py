"""The stored documents of a consent: asked for, given, and the grant that a connection lives on.

Tokens, verifiers and e-mails are sealed, each bound to its connection and its purpose: moved to another
place, it does not open. A grant stands apart from its connection, so that reading one carries no token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from shared.ports import Document


class Purpose(Enum):
    """What a sealed text is there for."""

    VERIFIER = "verifier"
    GIVEN_TOKEN = "given token"  # noqa: S105 - a purpose
    GIVEN_EMAIL = "given email"
    GRANT_TOKEN = "grant token"  # noqa: S105 - a purpose
    GRANT_EMAIL = "grant email"


def bound_to(purpose: Purpose, connection: str) -> str:
    """The associated data of a sealed text; `connection`: its key, which has no spaces."""
    return f"{connection} {purpose.value}"


# --- consents -------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class ConsentAsked:
    """A practitioner was sent to the consent page. It stands until the answer comes, once."""

    practice: str
    practitioner: str
    sealed_verifier: str
    expire_at: datetime


@dataclass(frozen=True, repr=False)
class ConsentGiven:
    """What the consent page brought, until the practitioner who asked for it takes it, once."""

    practice: str
    practitioner: str
    sub: str
    sealed_token: str
    sealed_email: str
    scopes: frozenset[str]
    expire_at: datetime
    hosted: bool = False
    """The account is an organization's; whose is not kept."""


CONSENTS = "oauth_states"


def consent_path(key: str) -> str:
    return f"{CONSENTS}/{key}"


def asked_data(asked: ConsentAsked) -> dict[str, object]:
    return {
        "practice": asked.practice,
        "practitioner": asked.practitioner,
        "sealed_verifier": asked.sealed_verifier,
        "expire_at": asked.expire_at,
    }


def asked_of(document: Document) -> ConsentAsked:
    data: dict[str, Any] = dict(document.data)
    return ConsentAsked(**data)


def given_data(given: ConsentGiven) -> dict[str, object]:
    return {
        "practice": given.practice,
        "practitioner": given.practitioner,
        "sub": given.sub,
        "sealed_token": given.sealed_token,
        "sealed_email": given.sealed_email,
        "scopes": sorted(given.scopes),
        "expire_at": given.expire_at,
        "hosted": given.hosted,
    }


def given_of(document: Document) -> ConsentGiven:
    data: dict[str, Any] = dict(document.data)
    return ConsentGiven(scopes=frozenset(data.pop("scopes")), **data)


# --- grants ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class StoredGrant:
    """What a connection may do in its account, and by which token."""

    sub: str
    sealed_token: str
    sealed_email: str
    """Of the account, to be shown to who connected it."""
    scopes: frozenset[str]
    number: int
    """From 1, one more with every new token, across disconnections too: an old one that is refused says
    nothing about a newer."""
    hosted: bool = False
    """The account is an organization's."""


GRANTS = "grants"


def grant_path(connection: str) -> str:
    return f"{GRANTS}/{connection}"


def grant_data(grant: StoredGrant) -> dict[str, object]:
    return {
        "sub": grant.sub,
        "sealed_token": grant.sealed_token,
        "sealed_email": grant.sealed_email,
        "scopes": sorted(grant.scopes),
        "number": grant.number,
        "hosted": grant.hosted,
    }


def grant_of(document: Document) -> StoredGrant:
    data: Mapping[str, Any] = document.data
    return StoredGrant(
        sub=data["sub"],
        sealed_token=data["sealed_token"],
        sealed_email=data["sealed_email"],
        scopes=frozenset(data["scopes"]),
        number=data["number"],
        hosted=data["hosted"],
    )
