"""The queues on Cloud Tasks (google-cloud-tasks).

A task is created again after a lost answer, by the library, for `create_seconds`. Of a named one the repeat
is told that the name is taken, by the first try or by somebody else: success either way. Of an unnamed one
two may come to be. That costs one job that finds nothing left to do; an error instead would have the whole
caller run again, and everything it had enqueued by then twice.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import grpc
from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import Credentials
from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.cloud.tasks_v2.types import cloudtasks as request_types
from google.cloud.tasks_v2.types import target as target_types

from shared import cloud_errors
from shared.core.errors import SyncError
from shared.ports import NewTask, Queue

CREATE_SECONDS = 10.0
"""For all tries together, if nothing else is said: whoever enqueues is being waited for."""
ATTEMPT_SECONDS = 180
"""How long a handler may take before its attempt has failed and the task comes again; above the handler's own
time limit, so that the two do not overlap."""
HASH_LENGTH = 32
READABLE_LENGTH_MAX = 200

_BLOCKED = {
    google_errors.FailedPrecondition: "misconfigured",  # the queue is disabled
    google_errors.NotFound: "misconfigured",  # there is no such queue
}
_CREATE_AGAIN = (google_errors.InternalServerError, google_errors.ServiceUnavailable)

# The plain protobuf messages; the library's wrappers around them cost most of a call's time.
_CreateTaskRequest = request_types.CreateTaskRequest.pb()
_POST = target_types.HttpMethod.POST


def translate(error: Exception) -> SyncError | None:
    """The remedy of a foreign error; None for a bug of ours, which crashes as it is."""
    return cloud_errors.translate(error, "tasks", _BLOCKED)


def task_id(name: str) -> str:
    """The id of a named task: a hash, so that ids are spread evenly, then the name as far as it is legal."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{digest}-{re.sub('[^A-Za-z0-9_-]', '-', name)[:READABLE_LENGTH_MAX]}"


class CloudTasks:
    """Tasks in the queues of one project. Safe between threads; connects on first use.

    Without `host`: Cloud Tasks itself, with `credentials` or else the application default ones. With `host`
    (`127.0.0.1:8085`): a local server, on a plain channel and without credentials.
    """

    def __init__(
        self,
        project: str,
        location: str,
        queues: Mapping[Queue, str],
        *,
        target: str,
        invoker: str,
        audience: str,
        host: str | None = None,
        credentials: Credentials | None = None,
        create_seconds: float = CREATE_SECONDS,
    ) -> None:
        """`queues`: the id of each; `target`: the URL that runs a task.

        `invoker`: e-mail of the service account in whose name that URL is called; `audience`: for whom its
        token is meant. `create_seconds`: for all tries to create one task.
        """
        if host and credentials:
            raise ValueError("credentials are not sent over a plain channel")
        if missing := set(Queue) - set(queues):
            raise ValueError(f"no queue for {', '.join(sorted(queue.value for queue in missing))}")
        self._parents = {
            queue: f"projects/{project}/locations/{location}/queues/{queue_id}"
            for queue, queue_id in queues.items()
        }
        self._target = target
        self._invoker = invoker
        self._audience = audience
        self._host = host
        self._credentials = credentials
        self._create_seconds = create_seconds
        self._lock = threading.Lock()
        self._client: Any = None

    def enqueue(self, task: NewTask) -> None:
        """As the port says; also ValueError for a naive `run_at` or a body that is not finite JSON."""
        request, seconds = self._request(task), self._create_seconds
        retry = Retry(predicate=if_exception_type(*_CREATE_AGAIN), initial=0.1, maximum=2.0, timeout=seconds)
        with cloud_errors.translated(translate):
            try:
                self._connected().create_task(
                    request=request_types.CreateTaskRequest.wrap(request), retry=retry, timeout=seconds
                )
            except google_errors.AlreadyExists:
                if task.name is None:  # we gave no id that could be taken
                    raise

    def close(self) -> None:
        """Let the connection go; a later call connects again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.transport.close()

    def _request(self, task: NewTask) -> Any:
        parent = self._parents[task.queue]
        request = _CreateTaskRequest(parent=parent)
        message = request.task
        if task.name is not None:
            message.name = f"{parent}/tasks/{task_id(task.name)}"
        if task.run_at is not None:
            message.schedule_time.FromDatetime(_aware(task.run_at))
        message.dispatch_deadline.seconds = ATTEMPT_SECONDS
        call = message.http_request
        call.url, call.http_method = self._target, _POST
        call.headers["Content-Type"] = "application/json"
        call.body = json.dumps(task.body, allow_nan=False, separators=(",", ":")).encode()
        call.oidc_token.service_account_email = self._invoker
        call.oidc_token.audience = self._audience
        return request

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = CloudTasksClient(transport=self._transport())
            return self._client

    def _transport(self) -> Any:
        options = [("grpc.keepalive_time_ms", 30_000)]
        if self._host:
            channel = grpc.insecure_channel(self._host, options=[*options, ("grpc.enable_http_proxy", 0)])
        else:
            channel = CloudTasksGrpcTransport.create_channel(credentials=self._credentials, options=options)
        return CloudTasksGrpcTransport(channel=channel)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("run_at has no time zone")
    return instant
