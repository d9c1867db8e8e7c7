"""Secrets, their versions and what state allows what. No clock and no I/O; every instant is given.

Source: cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

import grpc

from sandbox.rpc import RefusedError, invalid, not_found

PAYLOAD_BYTES_MAX = 64 * 1024
LATEST = "latest"

_SECRET = re.compile(r"projects/[A-Za-z0-9:.-]+/secrets/[A-Za-z0-9_-]{1,255}")


class State(Enum):
    """Named as in the API."""

    ENABLED = 1
    DISABLED = 2
    DESTROYED = 3


@dataclass(frozen=True)
class Version:
    name: str
    created_at: datetime
    payload: bytes = field(repr=False)
    state: State = State.ENABLED
    destroyed_at: datetime | None = None


@dataclass(frozen=True)
class Secret:
    name: str
    created_at: datetime
    settings: bytes
    """The Secret as it was asked for, as a protobuf; nothing here looks into it."""


class Vault:
    def __init__(self) -> None:
        self.secrets: dict[str, Secret] = {}
        self._versions: dict[str, list[Version]] = {}

    def create(self, name: str, settings: bytes, now: datetime) -> Secret:
        """Without versions. All methods raise RefusedError."""
        if not _SECRET.fullmatch(name):
            raise invalid(f"{name!r} is not the name of a secret")
        if name in self.secrets:
            raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"secret {name!r} exists")
        self.secrets[name] = Secret(name, now, settings)
        self._versions[name] = []
        return self.secrets[name]

    def secret(self, name: str) -> Secret:
        if name not in self.secrets:
            raise not_found(f"secret {name!r} does not exist")
        return self.secrets[name]

    def versions(self, secret: str) -> list[Version]:
        """Newest first."""
        self.secret(secret)
        return self._versions[secret][::-1]

    def add(self, secret: str, payload: bytes, now: datetime) -> Version:
        self.secret(secret)
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise invalid(f"a payload has at most {PAYLOAD_BYTES_MAX} bytes")
        versions = self._versions[secret]
        versions.append(Version(f"{secret}/versions/{len(versions) + 1}", now, payload))
        return versions[-1]

    def version(self, name: str) -> Version:
        """By its number, or `latest`: the newest one, whatever its state."""
        secret, _, number = name.partition("/versions/")
        versions = self.versions(secret)
        if number != LATEST and not re.fullmatch("[1-9][0-9]*", number):
            raise invalid(f"{name!r} is not the name of a version")
        wanted = f"{secret}/versions/{len(versions) if number == LATEST else number}"
        for version in versions:
            if version.name == wanted:
                return version
        raise not_found(f"version {name!r} does not exist")

    def access(self, name: str) -> Version:
        version = self.version(name)
        if version.state is not State.ENABLED:
            raise _precondition(f"version {version.name!r} is in {version.state.name} state")
        return version

    def set_state(self, name: str, state: State, now: datetime) -> Version:
        """What is destroyed stays so, and its payload is gone."""
        version = self.version(name)
        if version.state is State.DESTROYED and state is not State.DESTROYED:
            raise _precondition(f"version {version.name!r} is in DESTROYED state")
        changed = replace(version, state=state)
        if state is State.DESTROYED:
            changed = replace(changed, payload=b"", destroyed_at=version.destroyed_at or now)
        secret, _, number = version.name.partition("/versions/")
        self._versions[secret][int(number) - 1] = changed
        return changed


def filled(texts: Mapping[str, object], now: datetime) -> Vault:
    """A vault with the secrets of a JSON object: full name to text, or to a list of texts, oldest first.

    Raises ValueError naming what is wrong, never a value.
    """
    vault = Vault()
    for name, value in texts.items():
        versions = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in versions):
            raise ValueError(f"{name!r} is neither a text nor a list of texts")
        try:
            vault.create(name, b"", now)
            for text in versions:
                vault.add(name, str(text).encode(), now)
        except RefusedError as error:
            raise ValueError(error.message) from None
    return vault


def _precondition(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.FAILED_PRECONDITION, message)
