"""What a deployment tells its functions: settings as environment variables, and secrets."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from sandbox.deployment.addresses import Addresses
from sandbox.deployment.plan import PROJECT, Plan
from sandbox.ehr import urls
from sandbox.ehr.identity import ISSUER
from sandbox.ehr.notices import PATH as NOTICES
from sandbox.ehr.return_page import PATH as RETURN_PAGE
from sandbox.ehr.server import TOKEN
from sandbox.google.consent_page import PATH as CONSENT_PAGE
from sandbox.google.grants import CLIENT_ID, CLIENT_SECRET
from shared.settings import PREFIX, Function, SecretName, used_by

LOCATION = "here"
TASKS_INVOKER, SCHEDULER_INVOKER = "tasks@demo-calsync.example", "scheduler@demo-calsync.example"
TASKS_AUDIENCE, SCHEDULER_AUDIENCE = "sync-task", "channel-renewer"
_KEY_BYTES = 32
"""Of each key, as text."""
SYSTEM = "https://calsync.example"
"""Base of our own names in the EHR."""


def environment(function: Function, plan: Plan, at: Addresses, clock_file: Path) -> dict[str, str]:
    """The settings that a function reads, complete."""
    settings = {**_settings(plan, at, clock_file), **_certificates(function, at), **plan.settings}
    reads = {name.upper() for name in used_by(function)}
    return {f"{PREFIX}{name}": value for name, value in settings.items() if name in reads}


def _settings(plan: Plan, at: Addresses, clock_file: Path) -> dict[str, str]:
    return {
        "PROJECT": PROJECT,
        "PRACTICES": plan.practice,
        "CLOCK_FILE": str(clock_file),
        "TASKS_LOCATION": LOCATION,
        "SYNC_TASK_URL": f"{at.functions[Function.SYNC_TASK]}/run",
        "TASKS_AUDIENCE": TASKS_AUDIENCE,
        "TASKS_INVOKER": TASKS_INVOKER,
        "TASKS_HOST": at.tasks,
        "SECRETS_HOST": at.secrets,
        "FIRESTORE_HOST": at.store,
        "PUSH_URL": at.push,
        "GOOGLE_API_URL": f"{at.google}/calendar/v3/",
        "GOOGLE_TOKEN_URL": f"{at.google}/token",
        "GOOGLE_AUTH_URL": f"{at.google}{CONSENT_PAGE}",
        "GOOGLE_JWKS_URL": f"{at.google}/oauth2/v3/certs",
        "GOOGLE_REVOKE_URL": f"{at.google}/revoke",
        "OAUTH_REDIRECT_URL": at.redirect,
        "SCHEDULER_AUDIENCE": SCHEDULER_AUDIENCE,
        "SCHEDULER_INVOKER": SCHEDULER_INVOKER,
    }


def _certificates(function: Function, at: Addresses) -> dict[str, str]:
    """At Google one place has those of queue and scheduler; here each has its own."""
    issuer = at.scheduler if function is Function.CHANNEL_RENEWER else at.tasks_control
    return {"OIDC_CERTS_URL": f"{issuer}/certs"}


def new_secrets(plan: Plan, at: Addresses) -> dict[str, str]:
    """Every secret by its name; new keys each time."""
    keys = (
        SecretName.IDENTITY_KEY,
        SecretName.TOKEN_KEYS,
        SecretName.CHANNEL_KEYS,
        SecretName.STATE_KEYS,
        SecretName.hooks_of(plan.practice),
    )
    return {
        **{name: secrets.token_hex(_KEY_BYTES // 2) for name in keys},
        SecretName.OAUTH_CLIENT: json.dumps({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}),
        SecretName.of_practice(plan.practice): json.dumps(practice_secret(plan.practice, at.ehr)),
    }


def practice_secret(practice: str, ehr: str, **unlike: object) -> dict[str, object]:
    """What the sync knows of a practice. `ehr`: URL of its EHR; `unlike`: what is otherwise about it."""
    return {
        "fhir_base": f"{ehr}/fhir",
        "fhir_token": TOKEN,
        "system": SYSTEM,
        "internal_id_system": urls.INTERNAL_ID,
        "time_zone_extension": urls.TIME_ZONE,
        "protected_extension": urls.DELETION_PROTECTED,
        "jwt_issuer": ISSUER,
        "jwt_audience": f"calsync:{practice}",
        "jwks_url": f"{ehr}/jwks",
        "origins": [ehr],
        "return_page": f"{ehr}{RETURN_PAGE}",
        "notice_url": f"{ehr}{NOTICES}",
        **unlike,
    }


def write_secrets(path: Path, held: Mapping[str, str]) -> None:
    """As the sandbox Secret Manager reads them."""
    named = {f"projects/{PROJECT}/secrets/{name}": value for name, value in held.items()}
    path.touch(mode=0o600)
    path.write_text(json.dumps(named), encoding="utf-8")
