"""Secrets in Secret Manager (google-cloud-secret-manager), kept in memory for at most CACHE_SECONDS.

They are read again from REFRESH_SECONDS on. Where that fails because Secret Manager is unavailable, what was
read goes on to be given until CACHE_SECONDS, and it is asked again every ASK_AGAIN_SECONDS: a short outage is
not noticed. Beyond that nothing is given: who disables a version may count on it being out of use after five
minutes. A refusal (missing, disabled, forbidden) is passed on at once and what was read is forgotten.

`get` needs the right to access versions, `versions` also the right to list them; so does `get` where the
newest version is disabled. Values are in no error, and no object here shows them when it is printed.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import Credentials
from google.cloud.secretmanager_v1.services.secret_manager_service import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from shared import cloud_errors
from shared.core.errors import BlockedError, RetryableError, SyncError
from shared.ports import Clock

CACHE_SECONDS = 300.0
REFRESH_SECONDS = 240.0
ASK_AGAIN_SECONDS = 10.0
READ_SECONDS = 5.0
"""For all tries of one call together."""
VERSIONS_MAX = 20
"""Enabled versions of one secret. More is a rotation that nobody finished: BlockedError."""

LIST_PAGES_MAX = 5

_BLOCKED = {google_errors.FailedPrecondition: "disabled", google_errors.NotFound: "missing"}
_READ_AGAIN = (google_errors.InternalServerError, google_errors.ServiceUnavailable)
_NEVER = timedelta.max


def translate(error: Exception) -> SyncError | None:
    """The remedy of a foreign error; None for a bug of ours, which crashes as it is."""
    return cloud_errors.translate(error, "secrets", _BLOCKED)


class SecretManager:
    """The secrets of one project. Safe between threads; connects on first use.

    Without `host`: Secret Manager itself, with `credentials` or else the application default ones. With
    `host` (`127.0.0.1:8087`): a local server, on a plain channel and without credentials.
    """

    def __init__(
        self, project: str, clock: Clock, *, host: str | None = None, credentials: Credentials | None = None
    ) -> None:
        if host and credentials:
            raise ValueError("credentials are not sent over a plain channel")
        self._project = project
        self._clock = clock
        self._host = host
        self._credentials = credentials
        self._lock = threading.Lock()
        self._client: Any = None
        self._newest: dict[str, _Cached] = {}
        self._enabled: dict[str, _Cached] = {}

    def get(self, name: str) -> bytes:
        return self._cached(self._newest, name).get(self._clock, lambda: [self._read_newest(name)])[0]

    def versions(self, name: str) -> Sequence[bytes]:
        """Never empty: raises BlockedError where none is enabled, or more than VERSIONS_MAX are."""
        return self._cached(self._enabled, name).get(self._clock, lambda: self._read_enabled(name))

    def close(self) -> None:
        """Let the connection go; a later call connects again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.transport.close()

    def _cached(self, cache: dict[str, _Cached], name: str) -> _Cached:
        with self._lock:
            return cache.setdefault(name, _Cached())

    def _read_newest(self, name: str) -> bytes:
        """`latest` is the newest version whatever its state: where it is disabled, an older one may do."""
        newest = self._access(f"{self._secret(name)}/versions/latest")
        return self._read_enabled(name)[0] if newest is None else newest

    def _read_enabled(self, name: str) -> Sequence[bytes]:
        request = {"parent": self._secret(name), "filter": "state:ENABLED", "page_size": VERSIONS_MAX + 1}
        with cloud_errors.translated(translate):
            listed = self._connected().list_secret_versions(request=request, **_limits())
            pages = itertools.islice(listed.pages, LIST_PAGES_MAX)  # a page may be short, even empty
            names = [version.name for page in pages for version in page.versions]
        if len(names) > VERSIONS_MAX or listed.next_page_token:
            raise BlockedError("secrets_too_many_versions")
        payloads = [self._access(version) for version in sorted(names, key=_number, reverse=True)]
        values = [value for value in payloads if value is not None]  # None: disabled since it was listed
        if not values:
            raise BlockedError("secrets_disabled")
        return values

    def _access(self, version: str) -> bytes | None:
        """None where the version is disabled or destroyed."""
        with cloud_errors.translated(translate):
            try:
                answer = self._connected().access_secret_version(request={"name": version}, **_limits())
            except google_errors.FailedPrecondition:
                return None
        return bytes(answer.payload.data)

    def _secret(self, name: str) -> str:
        return f"projects/{self._project}/secrets/{name}"

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = SecretManagerServiceClient(transport=self._transport())
            return self._client

    def _transport(self) -> Any:
        if self._host:
            channel = grpc.insecure_channel(self._host, options=[("grpc.enable_http_proxy", 0)])
        else:
            channel = SecretManagerServiceGrpcTransport.create_channel(credentials=self._credentials)
        return SecretManagerServiceGrpcTransport(channel=channel)


class _Cached:
    """What was read of one secret. Threads that want it while it is read wait for that one reading."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Sequence[bytes] = ()
        self._read_at: datetime | None = None
        self._ask_at: datetime | None = None
        """After a failure: when to ask again."""

    def get(self, clock: Clock, read: Callable[[], Sequence[bytes]]) -> Sequence[bytes]:
        with self._lock:
            now = clock.now()
            if self._age(now) < self._refresh_after(now):
                return self._values
            try:
                values = read()
            except RetryableError:
                self._ask_at = clock.now() + timedelta(seconds=ASK_AGAIN_SECONDS)
                if self._age(clock.now()) < timedelta(seconds=CACHE_SECONDS):
                    return self._values
                raise
            except BlockedError:
                self._values, self._read_at = (), None
                raise
            self._values, self._read_at, self._ask_at = tuple(values), now, None
            return self._values

    def _age(self, now: datetime) -> timedelta:
        return _NEVER if self._read_at is None else now - self._read_at

    def _refresh_after(self, now: datetime) -> timedelta:
        waits = self._ask_at is not None and now < self._ask_at
        return timedelta(seconds=CACHE_SECONDS if waits else REFRESH_SECONDS)


def _number(version: str) -> int:
    return int(version.rpartition("/")[2])


def _limits() -> dict[str, Any]:
    retry = Retry(predicate=if_exception_type(*_READ_AGAIN), initial=0.1, maximum=1.0, timeout=READ_SECONDS)
    return {"retry": retry, "timeout": READ_SECONDS}
