"""What a deployment sets: one environment variable each, `CALSYNC_` and the field's name in capitals.

A function reads those that name it. What is missing, unknown or wrong is said all at once, before anything is
served. Secrets are not here: they come from Secret Manager by the names in `SecretName`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

PREFIX = "CALSYNC_"
DEPLOYED = "K_SERVICE"
"""Set by Cloud Run, which functions run on."""


class SecretName:
    """Names in Secret Manager."""

    CHANNEL_KEYS = "channel-keys"
    IDENTITY_KEY = "identity-key"
    OAUTH_CLIENT = "google-oauth-client"
    STATE_KEYS = "state-keys"
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


_WITH_GRANTS = "oauth_callback, settings_api, sync_task"
SECRETS = (
    (
        SecretName.CHANNEL_KEYS,
        "push_webhook, sync_task",
        "keys that sign the tokens of push channels; overlap",
    ),
    (
        SecretName.hooks_of("{practice}"),
        "push_webhook, sync_task",
        "secrets of a practice's hooks, two may overlap, the newest signs notices; topics: `docs/hooks.md`",
    ),
    (SecretName.IDENTITY_KEY, _WITH_GRANTS, "the key of all ids; made once and never changed"),
    (SecretName.TOKEN_KEYS, _WITH_GRANTS, "keys that seal refresh tokens; overlap"),
    (SecretName.STATE_KEYS, "oauth_callback, settings_api", "keys that sign the state of a consent; overlap"),
    (
        SecretName.OAUTH_CLIENT,
        _WITH_GRANTS,
        "JSON: `client_id`, `client_secret` of the OAuth client at Google",
    ),
    (SecretName.of_practice("{practice}"), _WITH_GRANTS, "JSON: see `shared/practices.py`"),
)


def _of(*functions: Function, **field: Any) -> Any:
    return Field(**field, json_schema_extra={"functions": [function.value for function in functions]})


_ALL = tuple(Function)
_ENQUEUE = (Function.PUSH_WEBHOOK, Function.SYNC_TASK, Function.CHANNEL_RENEWER, Function.SETTINGS_API)
_SECRETS = (Function.OAUTH_CALLBACK, Function.PUSH_WEBHOOK, Function.SYNC_TASK, Function.SETTINGS_API)
_STORE = (Function.OAUTH_CALLBACK, Function.SYNC_TASK, Function.CHANNEL_RENEWER, Function.SETTINGS_API)
_GOOGLE = (Function.SYNC_TASK, Function.SETTINGS_API)
_CONSENT = (Function.OAUTH_CALLBACK, Function.SETTINGS_API)
_CALLED = (Function.SYNC_TASK, Function.CHANNEL_RENEWER)
_JOBS = (Function.SYNC_TASK, Function.SETTINGS_API)
_RENEW = (Function.CHANNEL_RENEWER,)


class Settings(BaseModel):
    """Fields of other functions keep their defaults and are not read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str = _of(*_ALL, default="", description="Google Cloud project that all of it runs in")
    practices: str = _of(
        *_ALL,
        default="",
        description="keys of the practices served, separated by commas; no other is looked up",
    )
    clock_file: str = _of(
        *_ALL, default="", description="file with an instant or an offset, instead of the time; local only"
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
    bucket_s: float = _of(
        *_ENQUEUE, default=1, gt=0, le=60, description="seconds within which the same request is one task"
    )
    secrets_host: str = _of(
        *_SECRETS, default="", description="host:port of another Secret Manager server; local only"
    )

    database: str = _of(*_STORE, default="(default)", description="Firestore database")
    firestore_host: str = _of(
        *_STORE, default="", description="host:port of a Firestore emulator; local only"
    )
    lease_s: float = _of(
        *_JOBS, default=90, ge=3, le=900, description="seconds for which a job has a calendar to itself"
    )
    push_url: str = _of(
        Function.SYNC_TASK,
        default="",
        description="URL of push_webhook to which Google sends messages; empty: calendars are only looked at",
    )
    google_api_url: str = _of(
        *_GOOGLE, default="https://www.googleapis.com/calendar/v3/", description="base of the Calendar API"
    )
    google_units_a_second: float = _of(
        *_GOOGLE,
        default=9,
        gt=0,
        description="quota of an account that a bulk job uses; Google grants 10 a second, a patch costs 3",
    )
    google_token_url: str = _of(
        *_GOOGLE,
        Function.OAUTH_CALLBACK,
        default="https://oauth2.googleapis.com/token",
        description="Google's token endpoint",
    )
    google_auth_url: str = _of(
        *_CONSENT,
        default="https://accounts.google.com/o/oauth2/v2/auth",
        description="Google's consent page",
    )
    google_jwks_url: str = _of(
        *_CONSENT,
        default="https://www.googleapis.com/oauth2/v3/certs",
        description="keys (JWKS) of Google's ID tokens",
    )
    google_revoke_url: str = _of(
        *_CONSENT,
        Function.SYNC_TASK,
        default="https://oauth2.googleapis.com/revoke",
        description="where a grant is given back",
    )
    google_any_calendar: bool = _of(
        *_CONSENT,
        default=False,
        description="ask for the right to read calendars of others too, not only those that a person owns",
    )
    oauth_redirect_url: str = _of(
        *_CONSENT, default="", description="URL of oauth_callback, as it is registered with Google"
    )
    scheduler_audience: str = _of(
        *_RENEW, default="", description="audience of the tokens that Cloud Scheduler carries"
    )
    scheduler_invoker: str = _of(
        *_RENEW, default="", description="e-mail of the service account in whose name Cloud Scheduler calls"
    )
    oidc_certs_url: str = _of(
        *_CALLED,
        default="https://www.googleapis.com/oauth2/v1/certs",
        description="certificates (PEM) of who signs the tokens that tasks and the scheduler carry",
    )
    look_minutes: Annotated[Literal[1, 3, 5, 15], BeforeValidator(int)] = _of(
        *_RENEW, default=15, description="minutes between two looks at a calendar"
    )
    poll_minutes: Annotated[Literal[1, 5], BeforeValidator(int)] = _of(
        *_RENEW, default=5, description="minutes between two reads of a practice's EHR"
    )

    @property
    def practice_keys(self) -> frozenset[str]:
        return frozenset(key.strip() for key in self.practices.split(",") if key.strip())


OPTIONAL_EMPTY = frozenset({"tasks_host", "secrets_host", "firestore_host", "clock_file", "push_url"})
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
    given = {name: value for name, value in given.items() if value or name not in OPTIONAL_EMPTY}
    missing = [name for name in reads if _must_be_set(name) and not given.get(name)]
    unknown = sorted(set(given) - set(Settings.model_fields))
    problems = [f"{_variable(name)} is not set" for name in missing]
    problems += [f"{_variable(name)} is unknown" for name in unknown]
    if given.get("clock_file") and environment.get(DEPLOYED):
        problems.append(f"{_variable('clock_file')} must not be set where it is deployed")
    if problems:
        raise SettingsError(f"{function.value}: {'; '.join(problems)}")
    try:
        return Settings.model_validate({name: given[name] for name in reads if name in given})
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors()})
        raise SettingsError(f"{function.value}: {', '.join(map(_variable, wrong))} cannot be read") from None


def _must_be_set(name: str) -> bool:
    return Settings.model_fields[name].default == "" and name not in OPTIONAL_EMPTY


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
        default = (
            "must be set" if _must_be_set(name) else f"`{field.default}`" if field.default != "" else "none"
        )
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
