"""Single HTTP exchanges with an EHR, on requests. Nothing is sent twice and no redirect is followed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.auth import AuthBase

from shared.adapters.fhir.errors import NoAnswerError
from shared.core.errors import BlockedError

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
MEDIA_TYPE = "application/fhir+json"
USER_AGENT = "calsync"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Answer:
    """Any answer, of whatever status."""

    status: int
    body: object = None
    """Parsed JSON; None where there is none or it cannot be read."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Looked up by lower-case names."""


class Exchange(Protocol):
    """One request and its answer."""

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """`body`: JSON; a `Content-Type` among the headers names what it is of other kinds than FHIR's own.

        `url`: relative to the base, or a link that the server gave.

        Raises NoAnswerError, and BlockedError for a link to another origin: the credential stays at home.
        """


def bearer(token: str) -> Callable[[], str]:
    """The Authorization header of a fixed token."""
    return lambda: f"Bearer {token}"


class HttpExchange:
    """`Exchange` over HTTP. Connects on first use; one thread's own."""

    def __init__(
        self,
        base_url: str,
        authorization: Callable[[], str],
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """`authorization`: the Authorization header of the next request; what it raises passes through."""
        self._base_url = base_url.rstrip("/") + "/"
        self._auth = _Authorization(authorization)
        self._timeout = (connect_seconds, read_seconds)

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        content = {} if body is None else {"Content-Type": MEDIA_TYPE}
        try:
            response = self._session.request(
                method,
                self._absolute(url),
                params=list(params),
                headers={**content, **(headers or {})},
                data=None if body is None else json.dumps(body).encode(),
                auth=self._auth,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException:  # its text names the address, with ids
            raise NoAnswerError from None
        return Answer(response.status_code, _parsed(response.content), _lower(response.headers))

    def close(self) -> None:
        """Let go of the connections; a later call connects anew."""
        self._session.close()

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update({"Accept": MEDIA_TYPE, "User-Agent": USER_AGENT})
        return session

    def _absolute(self, url: str) -> str:
        absolute = urljoin(self._base_url, url)
        if _origin(urlsplit(absolute)) != _origin(urlsplit(self._base_url)):
            raise BlockedError("ehr_link_elsewhere")
        return absolute


class _Authorization(AuthBase):
    """As an auth object, so that no .netrc entry takes its place."""

    def __init__(self, authorization: Callable[[], str]) -> None:
        self._authorization = authorization

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._authorization()
        return request


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
