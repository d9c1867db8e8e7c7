"""What a deployment sets: one environment variable each, `CALSYNC_` and the field's name in capitals.

A function reads those that name it. What is missing, unknown or wrong is said all at once, before anything is
served. Secrets are not here: they come from Secret Manager by the names in `SecretName`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PREFIX = "CALSYNC_"


class SecretName:
    """Names in Secret Manager."""

    CHANNEL_KEYS = "channel-keys"
    IDENTITY_KEY = "identity-key"
    OAUTH_CLIENT = "google-oauth-client"
    TOKEN_KEYS = "token-keys"  # noqa: S105 - a name

    @staticmethod
    def of_practice(practice: str) -> str:
        return f"practice-{practice}"

    @staticmethod
    def hooks_of(practice: str) -> str:
        return f"practice-{practice}-hooks"


class Function(Enum):
    OAUTH_CALLBACK = "oauth_callback"
    PUSH_WEBHOOK = "push_webhook"
    SYNC_TASK = "sync_task"
    CHANNEL_RENEWER = "channel_renewer"
    SETTINGS_API = "settings_api"


class SettingsError(Exception):
    """The text names every setting that is missing, unknown or wrong; never a value."""


SECRETS = (
    (SecretName.CHANNEL_KEYS, "push_webhook", "keys that sign the tokens of push channels; overlap"),
    (SecretName.hooks_of("{practice}"), "push_webhook", "secrets of a practice's hooks; two may overlap"),
    (SecretName.IDENTITY_KEY, "sync_task", "the key of all ids; made once and never changed"),
    (SecretName.TOKEN_KEYS, "sync_task", "keys that seal refresh tokens; overlap"),
    (
        SecretName.OAUTH_CLIENT,
        "sync_task",
        "JSON: `client_id`, `client_secret` of the OAuth client at Google",
    ),
    (SecretName.of_practice("{practice}"), "sync_task", "JSON: see `shared/practices.py`"),
)


def _of(*functions: Function, **field: Any) -> Any:
    return Field(**field, json_schema_extra={"functions": [function.value for function in functions]})


_ENQUEUE = (Function.PUSH_WEBHOOK, Function.SYNC_TASK)
_SYNC = (Function.SYNC_TASK,)


class Settings(BaseModel):
    """Fields of other functions keep their defaults and are not read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str = _of(*_ENQUEUE, default="", description="Google Cloud project that all of it runs in")
    practices: str = _of(
        *_ENQUEUE,
        default="",
        description="keys of the practices served, separated by commas; no other is looked up",
    )
    tasks_location: str = _of(*_ENQUEUE, default="", description="region of the queues")
    queue_live: str = _of(
        *_ENQUEUE, default="live", description="id of the queue for what somebody waits for"
    )
    queue_bulk: str = _of(*_ENQUEUE, default="bulk", description="id of the queue for long work")
    sync_task_url: str = _of(*_ENQUEUE, default="", description="URL of sync_task, which runs every task")
    tasks_audience: str = _of(*_ENQUEUE, default="", description="audience of the tokens that tasks carry")
    tasks_invoker: str = _of(
        *_ENQUEUE, default="", description="e-mail of the service account in whose name tasks call sync_task"
    )
    tasks_host: str = _of(
        *_ENQUEUE, default="", description="host:port of another Cloud Tasks server; local only"
    )
    secrets_host: str = _of(
        *_ENQUEUE, default="", description="host:port of another Secret Manager server; local only"
    )

    database: str = _of(*_SYNC, default="(default)", description="Firestore database")
    firestore_host: str = _of(*_SYNC, default="", description="host:port of a Firestore emulator; local only")
    google_api_url: str = _of(
        *_SYNC, default="https://www.googleapis.com/calendar/v3/", description="base of the Calendar API"
    )
    google_token_url: str = _of(
        *_SYNC, default="https://oauth2.googleapis.com/token", description="Google's token endpoint"
    )
    oidc_certs_url: str = _of(
        *_SYNC,
        default="https://www.googleapis.com/oauth2/v1/certs",
        description="certificates (PEM) of who signs the tokens that tasks carry",
    )

    @property
    def practice_keys(self) -> frozenset[str]:
        return frozenset(key.strip() for key in self.practices.split(",") if key.strip())


OPTIONAL_EMPTY = frozenset({"tasks_host", "secrets_host", "firestore_host"})
"""Everything else without a default has to be set for a function that reads it."""


def used_by(function: Function) -> list[str]:
    """The fields that a function reads."""
    return [
        name
        for name, field in Settings.model_fields.items()
        if isinstance(field.json_schema_extra, dict)
        and function.value in list(field.json_schema_extra["functions"])  # type: ignore[arg-type]
    ]


def load(function: Function, environment: Mapping[str, str]) -> Settings:
    """The settings of one function. Raises SettingsError."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    reads = used_by(function)
    missing = [name for name in reads if _must_be_set(name) and not given.get(name)]
    unknown = sorted(set(given) - set(Settings.model_fields))
    problems = [f"{_variable(name)} is not set" for name in missing]
    problems += [f"{_variable(name)} is unknown" for name in unknown]
    if problems:
        raise SettingsError(f"{function.value}: {'; '.join(problems)}")
    try:
        return Settings(**{name: given[name] for name in reads if name in given})
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors()})
        raise SettingsError(f"{function.value}: {', '.join(map(_variable, wrong))} cannot be read") from None


def _must_be_set(name: str) -> bool:
    return not Settings.model_fields[name].default and name not in OPTIONAL_EMPTY


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def documentation() -> str:
    """`docs/configuration.md`, whole."""
    lines = [
        "# Configuration",
        "",
        "One environment variable each; made from `shared/settings.py` by `python -m shared.settings`.",
        "",
        "| variable | functions | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        users = ", ".join(each.value for each in Function if name in used_by(each))
        default = f"`{field.default}`" if field.default else ("must be set" if _must_be_set(name) else "none")
        lines.append(f"| `{_variable(name)}` | {users} | {default} | {field.description} |")
    lines += [
        "",
        "Secrets are read from Secret Manager, the newest enabled version; of those that overlap while they",
        "are rotated every enabled one:",
        "",
        "| secret | functions | holds |",
        "|---|---|---|",
        *(f"| `{name}` | {users} | {what} |" for name, users, what in SECRETS),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(documentation())
