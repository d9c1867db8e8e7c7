"""Single HTTP exchanges with an EHR, on requests. Nothing is sent twice and no redirect is followed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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


class Authorization(Protocol):
    """What requests are sent with. One thread's own."""

    def __call__(self) -> str:
        """The Authorization header of the next request. Raises before anything is sent."""

    def renew(self) -> bool:
        """A request that carried it was answered 401: the next one has another. False: there is no other."""


def bearer(token: str) -> Authorization:
    """A fixed token."""
    return _Fixed(token)


class _Fixed:
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def __call__(self) -> str:
        return self._header

    def renew(self) -> bool:
        return False


class HttpExchange:
    """`Exchange` over HTTP. Connects on first use; one thread's own."""

    def __init__(
        self,
        base_url: str,
        authorization: Authorization,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """What `authorization` raises passes through."""
        self._base_url = base_url.rstrip("/") + "/"
        self._authorization = authorization
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
        request = requests.Request(
            method,
            self._absolute(url),
            params=list(params),
            headers={**content, **(headers or {})},
            data=None if body is None else json.dumps(body).encode(),
        )
        answer = self._send(request)
        if answer.status == 401 and self._authorization.renew():  # a 401 did nothing: it may be sent again
            answer = self._send(request)
        return answer

    def close(self) -> None:
        """Let go of the connections; a later call connects anew."""
        self._session.close()

    def _send(self, request: requests.Request) -> Answer:
        try:
            response = self._session.request(
                request.method,
                request.url,
                params=request.params,
                headers=request.headers,
                data=request.data,
                auth=Header(self._authorization()),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException:  # its text names the address, with ids
            raise NoAnswerError from None
        return answer_of(response)

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update({"Accept": MEDIA_TYPE, "User-Agent": USER_AGENT})
        return session

    def _absolute(self, url: str) -> str:
        absolute = urljoin(self._base_url, url)
        if origin(urlsplit(absolute)) != origin(urlsplit(self._base_url)):
            raise BlockedError("ehr_link_elsewhere")
        return absolute


class Header(AuthBase):
    """An Authorization header, or none. As an auth object, so that no .netrc entry takes its place."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


def answer_of(response: requests.Response) -> Answer:
    return Answer(response.status_code, _parsed(response.content), _lower(response.headers))


def origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port. Raises ValueError for a port that is none."""
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
