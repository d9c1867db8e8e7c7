"""The gRPC edge: google.cloud.secretmanager.v1.SecretManagerService in front of a Vault."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.cloud.secretmanager_v1.types import resources, service
from google.protobuf.timestamp_pb2 import Timestamp

from sandbox.faults import Faults
from sandbox.rpc import Message, Method, Routes, invalid, unimplemented
from sandbox.secrets.crc32c import crc32c
from sandbox.secrets.vault import Secret, State, Vault, Version

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
PAGE_MAX = 25_000

_SecretMessage = resources.Secret.pb()
_VersionMessage = resources.SecretVersion.pb()
_AccessResponse = service.AccessSecretVersionResponse.pb()
_ListSecretsResponse = service.ListSecretsResponse.pb()
_ListVersionsResponse = service.ListSecretVersionsResponse.pb()
_STATE_FILTER = re.compile(r"state[:=](\w+)")

T = TypeVar("T")


class SecretManager:
    """The RPCs, named as in the service."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def create_secret(self, request: Message) -> Message:
        if not request.secret.HasField("replication"):
            raise invalid("a secret says how it is replicated")
        name = f"{request.parent}/secrets/{request.secret_id}"
        return _secret(self._vault.create(name, request.secret.SerializeToString(), _now()))

    def get_secret(self, request: Message) -> Message:
        return _secret(self._vault.secret(request.name))

    def list_secrets(self, request: Message) -> Message:
        if request.filter:
            raise unimplemented("ListSecrets with filter")
        secrets = [
            secret
            for name, secret in self._vault.secrets.items()
            if name.partition("/secrets/")[0] == request.parent
        ]
        page, token = _page(secrets, request)
        return _ListSecretsResponse(
            secrets=map(_secret, page), next_page_token=token, total_size=len(secrets)
        )

    def add_secret_version(self, request: Message) -> Message:
        payload = request.payload
        if payload.HasField("data_crc32c") and payload.data_crc32c != crc32c(payload.data):
            raise invalid("the payload is not what data_crc32c was made of")
        message = _version(self._vault.add(request.parent, payload.data, _now()))
        message.client_specified_payload_checksum = payload.HasField("data_crc32c")
        return message

    def get_secret_version(self, request: Message) -> Message:
        return _version(self._vault.version(request.name))

    def list_secret_versions(self, request: Message) -> Message:
        versions = self._vault.versions(request.parent)
        if request.filter:
            wanted = _STATE_FILTER.fullmatch(request.filter)
            if wanted is None or wanted[1] not in State.__members__:
                raise unimplemented(f"ListSecretVersions with filter {request.filter!r}")
            versions = [version for version in versions if version.state is State[wanted[1]]]
        page, token = _page(versions, request)
        return _ListVersionsResponse(
            versions=map(_version, page), next_page_token=token, total_size=len(versions)
        )

    def access_secret_version(self, request: Message) -> Message:
        version = self._vault.access(request.name)
        response = _AccessResponse(name=version.name)
        response.payload.data = version.payload
        response.payload.data_crc32c = crc32c(version.payload)
        return response

    def setting(self, state: State) -> Method:
        """The RPC that brings a version into this state."""

        def set_state(request: Message) -> Message:
            if request.etag:
                raise unimplemented("etag")
            return _version(self._vault.set_state(request.name, state, _now()))

        return set_state


def _now() -> datetime:
    return datetime.now(UTC)


def _secret(secret: Secret) -> Message:
    message = _SecretMessage.FromString(secret.settings)
    message.name = secret.name
    message.create_time.CopyFrom(_timestamp(secret.created_at))
    return message


def _version(version: Version) -> Message:
    message = _VersionMessage(name=version.name, state=version.state.value)
    message.create_time.CopyFrom(_timestamp(version.created_at))
    if version.destroyed_at:
        message.destroy_time.CopyFrom(_timestamp(version.destroyed_at))
    return message


def _timestamp(instant: datetime) -> Message:
    message: Message = Timestamp()
    message.FromDatetime(instant)
    return message


def _page(rows: list[T], request: Message) -> tuple[list[T], str]:
    """Rows of one page, and the token of the next: how many went before it."""
    if request.page_size < 0 or not re.fullmatch("[0-9]*", request.page_token):
        raise invalid("page_size or page_token is of no use")
    start = int(request.page_token or 0)
    end = start + min(request.page_size or PAGE_MAX, PAGE_MAX)
    return rows[start:end], str(end) if end < len(rows) else ""


def routes(vault: Vault, faults: Faults | None = None) -> Routes:
    manager, lock = SecretManager(vault), threading.Lock()
    methods: dict[str, Method] = {
        "AccessSecretVersion": manager.access_secret_version,
        "AddSecretVersion": manager.add_secret_version,
        "CreateSecret": manager.create_secret,
        "DestroySecretVersion": manager.setting(State.DESTROYED),
        "DisableSecretVersion": manager.setting(State.DISABLED),
        "EnableSecretVersion": manager.setting(State.ENABLED),
        "GetSecret": manager.get_secret,
        "GetSecretVersion": manager.get_secret_version,
        "ListSecretVersions": manager.list_secret_versions,
        "ListSecrets": manager.list_secrets,
    }
    types: Any = service
    return Routes(
        SERVICE,
        {
            name: (_alone(method, lock), getattr(types, f"{name}Request").pb())
            for name, method in methods.items()
        },
        faults,
    )


def _alone(method: Method, lock: threading.Lock) -> Callable[[Message], Message]:
    def handle(request: Message) -> Message:
        with lock:
            return method(request)

    return handle
