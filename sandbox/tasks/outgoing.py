"""The HTTP request of an attempt: what the task says, what its queue overrides, what Cloud Tasks adds.

Source: cloud.google.com/tasks/docs/creating-http-target-tasks and the comments of google.cloud.tasks.v2's
HttpRequest and HttpTarget.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from sandbox.oidc import Identity
from sandbox.rpc import Message
from sandbox.tasks.messages import METHODS, HttpRequest, HttpTarget, UriOverride
from sandbox.tasks.model import Dispatch
from sandbox.tasks.names import last_part

USER_AGENT = "Google-Cloud-Tasks"
_OURS = frozenset({"host", "content-length", "user-agent"})
_RESERVED = ("x-cloudtasks-", "x-google-", "x-appengine-")
_SCHEMES = {UriOverride.HTTP: "http", UriOverride.HTTPS: "https"}


@dataclass(frozen=True)
class Outgoing:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    identity: Identity | None


def outgoing(dispatch: Dispatch, target: bytes) -> Outgoing:
    """The request, without its token. `target`: the queue's HttpTarget."""
    request, override = HttpRequest.FromString(dispatch.task.request), HttpTarget.FromString(target)
    method = METHODS(override.http_method or request.http_method or METHODS.POST)
    url = _url(request.url, override.uri_override)
    headers = {name: value for name, value in request.headers.items() if _allowed(name)}
    for each in override.header_overrides:
        if _allowed(each.header.key):
            set_header(headers, each.header.key, each.header.value)
    for name, value in task_headers(dispatch).items():
        set_header(headers, name, value)
    return Outgoing(
        method.name,
        url,
        headers,
        b"" if method is METHODS.GET else request.body,
        _identity(override, url) or _identity(request, url),
    )


def task_headers(dispatch: Dispatch) -> dict[str, str]:
    task, previous = dispatch.task, dispatch.previous
    headers = {
        "User-Agent": USER_AGENT,
        "X-CloudTasks-QueueName": last_part(task.queue),
        "X-CloudTasks-TaskName": last_part(task.name),
        "X-CloudTasks-TaskRetryCount": str(task.dispatches - 1),
        "X-CloudTasks-TaskExecutionCount": str(task.executions),
        "X-CloudTasks-TaskETA": f"{task.scheduled_at.timestamp():.6f}",
    }
    if previous and previous.status:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(previous.status)
    if previous and previous.reason:
        headers["X-CloudTasks-TaskRetryReason"] = previous.reason
    return headers


def _allowed(name: str) -> bool:
    return name.lower() not in _OURS and not name.lower().startswith(_RESERVED)


def set_header(headers: dict[str, str], name: str, value: str) -> None:
    """Names of headers know no case."""
    for same in [each for each in headers if each.lower() == name.lower()]:
        del headers[same]
    headers[name] = value


def _identity(message: Message, url: str) -> Identity | None:
    if not message.HasField("oidc_token"):
        return None
    token = message.oidc_token
    return Identity(token.service_account_email, token.audience or url)


def _url(url: str, override: Message) -> str:
    """The task's URL with the parts that the queue sets; with IF_NOT_EXISTS only those that it lacks."""
    parts = urlsplit(url)
    missing_only = override.uri_override_enforce_mode == UriOverride.IF_NOT_EXISTS
    if not missing_only:
        parts = parts._replace(scheme=_SCHEMES.get(override.scheme, parts.scheme))
    if override.HasField("host") and not missing_only:
        parts = parts._replace(netloc=_netloc(override.host, parts.port))
    if override.HasField("port") and not (missing_only and parts.port):
        parts = parts._replace(netloc=_netloc(parts.hostname or "", override.port))
    if override.HasField("path_override") and not (missing_only and parts.path):
        parts = parts._replace(path=override.path_override.path)
    if override.HasField("query_override") and not (missing_only and parts.query):
        parts = parts._replace(query=override.query_override.query_params)
    return SplitResult(*parts).geturl()


def _netloc(host: str, port: int | None) -> str:
    return f"{host}:{port}" if port else host
