"""Single calls of the Calendar API, through google-api-python-client: JSON or one of our errors."""

from __future__ import annotations

import contextlib
import http.client
import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import httplib2
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError, TransportError
from google.oauth2.credentials import Credentials as GrantCredentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from shared.adapters.google_calendar.errors import translate, translate_refresh
from shared.core.errors import RetryableError, SyncError

API_ENDPOINT = "https://www.googleapis.com/calendar/v3/"
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
TIMEOUT_SECONDS = 20.0
"""Of one call; the longest answer, a full page of events, takes a few."""

_NOT_REPEATABLE = frozenset({"calendars.insert", "events.watch"})
"""Everything else can be sent twice: it names its id, carries the version it is for, or reads.

A channel names its id too, but a second answer would not say what the first try made.
"""
_WITHOUT_ANSWER = frozenset({"events.delete", "calendars.delete", "channels.stop"})

logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)  # its warnings quote bodies of answers


class Calls(Protocol):
    """One call of the API."""

    def __call__(self, operation: str, *, if_match: str | None = None, **parameters: Any) -> dict[str, Any]:
        """`operation`: a method by its id, `events.patch`; `parameters`: Google's own, and `body`.

        The answer's JSON, {} where there is none. Raises the errors of `translate` and `translate_refresh`.
        """


def google_credentials(
    refresh_token: str, *, client_id: str, client_secret: str, token_uri: str = TOKEN_URI
) -> Credentials:
    """Credentials that live on a person's grant; the first call fetches an access token."""
    credentials: Credentials = GrantCredentials(  # type: ignore[no-untyped-call]
        token=None,
        refresh_token=refresh_token,
        token_uri=token_uri,
        client_id=client_id,
        client_secret=client_secret,
    )
    return credentials


class GoogleCalls:
    """`Calls` over HTTP, connecting on first use. One thread's own: httplib2 must not be shared."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        api_endpoint: str = API_ENDPOINT,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pace: Callable[[str], None] | None = None,
    ) -> None:
        """`api_endpoint` is the whole base, path included; `pace` is told every operation, and may wait."""
        self._credentials = credentials
        self._api_endpoint = api_endpoint
        self._timeout_seconds = timeout_seconds
        self._pace = pace

    def __call__(self, operation: str, *, if_match: str | None = None, **parameters: Any) -> dict[str, Any]:
        if self._pace is not None:
            self._pace(operation)
        resource, method = operation.split(".")
        request = getattr(self._resources[resource], method)(**parameters)
        if if_match is not None:
            request.headers["if-match"] = if_match
        if operation not in _NOT_REPEATABLE:
            with contextlib.suppress(_HungUpError):  # most likely while it idled: a new one will do
                return self._send(request, operation, self._http)
            self._http.close()
            return self._send(request, operation, self._http)
        once = self._authorized(_OnceHttp)
        try:
            return self._send(request, operation, once)
        finally:
            once.close()

    def close(self) -> None:
        """Let go of the connections; a later call connects anew."""
        self._http.close()

    def _send(self, request: Any, operation: str, transport: AuthorizedHttp) -> dict[str, Any]:
        failure: SyncError
        try:
            answer = request.execute(http=transport, num_retries=0)
        except HttpError as error:
            failure = translate(error.resp.status, error.content, operation, error.resp)
        except RefreshError as error:
            failure = translate_refresh(error)
        except (TransportError, httplib2.HttpLib2Error, http.client.HTTPException):
            failure = RetryableError("google_unreachable")  # a connection gone stale was taken for that there
        except (BrokenPipeError, ConnectionResetError):
            failure = _HungUpError("google_unreachable")
        except OSError:
            failure = RetryableError("google_unreachable")
        except UnicodeDecodeError:
            failure = RetryableError("google_answer_unreadable")
        else:
            if operation in _WITHOUT_ANSWER and not answer:
                return {}
            if isinstance(answer, dict):
                return answer
            # what is no JSON is handed on by the client as it came
            failure = RetryableError("google_answer_unreadable")
        raise failure  # outside the handlers: no address, no body hangs on it

    @cached_property
    def _resources(self) -> dict[str, Any]:
        """The API's collections, kept: making one anew for each call costs six times the call."""
        service = build(
            "calendar",
            "v3",
            http=self._http,
            client_options={"api_endpoint": self._api_endpoint},
            static_discovery=True,
            cache_discovery=False,
        )
        names = ("calendarList", "calendars", "channels", "events")
        return {name: getattr(service, name)() for name in names}

    @cached_property
    def _http(self) -> AuthorizedHttp:
        return self._authorized(httplib2.Http)

    def _authorized(self, kind: type[httplib2.Http]) -> AuthorizedHttp:
        return AuthorizedHttp(self._credentials, kind(timeout=self._timeout_seconds))


class _HungUpError(RetryableError):
    """The other end of a connection had gone before a request was sent: httplib2 does not try that again."""


class _HangUp:
    """A server that hangs up without an answer may have done the work, so that is an error here.

    httplib2 takes it for a connection gone stale and sends the request again, whatever its method.
    """

    def getresponse(self) -> http.client.HTTPResponse:
        try:
            return super().getresponse()  # type: ignore[misc, no-any-return]
        except (http.client.BadStatusLine, http.client.ResponseNotReady):
            raise ConnectionAbortedError from None


class _OnceConnection(_HangUp, httplib2.HTTPConnectionWithTimeout):  # type: ignore[misc]
    pass


class _OnceTlsConnection(_HangUp, httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]
    pass


class _OnceHttp(httplib2.Http):  # type: ignore[misc]
    """Sends a request once."""

    def request(self, uri: str, method: str = "GET", **rest: Any) -> Any:
        tls = uri.startswith("https:")
        rest["connection_type"] = _OnceTlsConnection if tls else _OnceConnection
        return super().request(uri, method, **rest)
