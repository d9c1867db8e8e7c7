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


def _of(*functions: Function, **field: Any) -> Any:
    return Field(**field, json_schema_extra={"functions": [function.value for function in functions]})


_ENQUEUE = (Function.PUSH_WEBHOOK,)


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

    @property
    def practice_keys(self) -> frozenset[str]:
        return frozenset(key.strip() for key in self.practices.split(",") if key.strip())


OPTIONAL = frozenset({"queue_live", "queue_bulk", "tasks_host", "secrets_host"})
"""Everything else has to be set for a function that reads it."""


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
    missing = [name for name in reads if name not in OPTIONAL and not given.get(name)]
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
        default = f"`{field.default}`" if field.default else ("none" if name in OPTIONAL else "must be set")
        lines.append(f"| `{_variable(name)}` | {users} | {default} | {field.description} |")
    lines += [
        "",
        "Secrets are read from Secret Manager, every enabled version, the newest first:",
        "",
        "| secret | functions | holds |",
        "|---|---|---|",
        f"| `{SecretName.CHANNEL_KEYS}` | push_webhook | keys that sign the tokens of push channels |",
        f"| `{SecretName.hooks_of('{practice}')}` | push_webhook | secrets of its hooks, two at most |",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(documentation())
