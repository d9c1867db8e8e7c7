"""The protobuf messages of google.cloud.tasks.v2, plain, and their way into the model and back.

Whatever the model does not carry is refused here with its name.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.tasks_v2.types import cloudtasks, queue, target, task
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from sandbox.rpc import Message, invalid, unimplemented
from sandbox.tasks.limits import burst_size
from sandbox.tasks.model import Attempt, Queue, Task
from sandbox.tasks.names import check_queue, queue_of
from sandbox.tasks.retry import Retry

TASK_BYTES_MAX = 100 * 1024
URL_LENGTH_MAX = 2083
SCHEDULE_MAX = timedelta(days=30)
DEADLINE_DEFAULT = timedelta(minutes=10)
DEADLINE_MIN, DEADLINE_MAX = timedelta(seconds=15), timedelta(minutes=30)
RATE_MAX = 500.0
CONCURRENT_MAX = 5000

QueueMessage = queue.Queue.pb()
RetryConfig = queue.RetryConfig.pb()
TaskMessage = task.Task.pb()
HttpRequest = target.HttpRequest.pb()
HttpTarget = target.HttpTarget.pb()
UriOverride = target.UriOverride.pb()
METHODS: Any = target.HttpMethod
"""An enumeration; its members have names."""

CreateQueueRequest = cloudtasks.CreateQueueRequest.pb()
CreateTaskRequest = cloudtasks.CreateTaskRequest.pb()
DeleteTaskRequest = cloudtasks.DeleteTaskRequest.pb()
GetQueueRequest = cloudtasks.GetQueueRequest.pb()
GetTaskRequest = cloudtasks.GetTaskRequest.pb()
ListQueuesRequest = cloudtasks.ListQueuesRequest.pb()
ListQueuesResponse = cloudtasks.ListQueuesResponse.pb()
ListTasksRequest = cloudtasks.ListTasksRequest.pb()
ListTasksResponse = cloudtasks.ListTasksResponse.pb()
PauseQueueRequest = cloudtasks.PauseQueueRequest.pb()
PurgeQueueRequest = cloudtasks.PurgeQueueRequest.pb()
ResumeQueueRequest = cloudtasks.ResumeQueueRequest.pb()
UpdateQueueRequest = cloudtasks.UpdateQueueRequest.pb()

_WITH_BODY = frozenset({METHODS.POST, METHODS.PUT, METHODS.PATCH})
_UNKNOWN, _DEADLINE_EXCEEDED = 2, 4  # of google.rpc.Code


# --- queues ---------------------------------------------------------------------------------------------


def queue_from(message: Message, before: Queue | None = None) -> Queue:
    """What the message says, defaults where it says nothing; state and purge are those of `before`.

    Raises RefusedError.
    """
    check_queue(message.name)
    for option in ("app_engine_routing_override", "stackdriver_logging_config"):
        if message.HasField(option):
            raise unimplemented(option)
    rates, default = message.rate_limits, Queue(message.name)
    rate = rates.max_dispatches_per_second or default.dispatches_per_second
    concurrent = rates.max_concurrent_dispatches or default.concurrent_max
    if not 0 < rate <= RATE_MAX:
        raise invalid(f"max_dispatches_per_second must be above 0 and at most {RATE_MAX:g}")
    if not 0 < concurrent <= CONCURRENT_MAX:
        raise invalid(f"max_concurrent_dispatches must be above 0 and at most {CONCURRENT_MAX}")
    _check_target(message.http_target)
    return Queue(
        message.name,
        retry_from(message.retry_config),
        rate,
        concurrent,
        message.http_target.SerializeToString(deterministic=True),
        paused=before is not None and before.paused,
        purged_at=before.purged_at if before else None,
    )


def queue_to(queue: Queue) -> Message:
    message = QueueMessage(name=queue.name, retry_config=_retry_to(queue.retry))
    message.state = QueueMessage.PAUSED if queue.paused else QueueMessage.RUNNING
    message.rate_limits.max_dispatches_per_second = queue.dispatches_per_second
    message.rate_limits.max_burst_size = burst_size(queue.dispatches_per_second)
    message.rate_limits.max_concurrent_dispatches = queue.concurrent_max
    if queue.target:
        message.http_target.ParseFromString(queue.target)
    if queue.purged_at:
        message.purge_time.CopyFrom(_timestamp(queue.purged_at))
    return message


def _check_target(target: Message) -> None:
    if target.HasField("oauth_token"):
        raise unimplemented("oauth_token")
    token = target.oidc_token
    if target.HasField("oidc_token") and not (token.service_account_email and token.audience):
        raise invalid("a queue's oidc_token needs service_account_email and audience")
    override = target.uri_override
    if override.HasField("host") and not override.host:
        raise invalid("uri_override.host must not be empty")
    if override.HasField("port") and override.port < 0:
        raise invalid("uri_override.port must not be negative")


def retry_from(message: Message) -> Retry:
    default = Retry()

    def span(name: str, otherwise: timedelta) -> timedelta:
        return _timedelta(getattr(message, name)) if message.HasField(name) else otherwise

    retry = Retry(
        message.max_attempts or default.max_attempts,
        span("max_retry_duration", default.max_duration),
        span("min_backoff", default.min_backoff),
        span("max_backoff", default.max_backoff),
        message.max_doublings or default.max_doublings,
    )
    if retry.max_attempts < -1:
        raise invalid("retry_config.max_attempts must be -1 or more")
    if retry.max_doublings < 0 or retry.max_duration < timedelta(0):
        raise invalid("retry_config holds a negative limit")
    if not timedelta(0) <= retry.min_backoff <= retry.max_backoff:
        raise invalid("retry_config.min_backoff must lie between 0 and max_backoff")
    return retry


def _retry_to(retry: Retry) -> Message:
    return RetryConfig(
        max_attempts=retry.max_attempts,
        max_retry_duration=_duration(retry.max_duration),
        min_backoff=_duration(retry.min_backoff),
        max_backoff=_duration(retry.max_backoff),
        max_doublings=retry.max_doublings,
    )


# --- tasks ----------------------------------------------------------------------------------------------


def task_from(message: Message, now: datetime) -> Task:
    """A new task; its name is given. Raises RefusedError."""
    queue_of(message.name)
    if message.HasField("app_engine_http_request"):
        raise unimplemented("app_engine_http_request")
    if message.ByteSize() > TASK_BYTES_MAX:
        raise invalid(f"a task has at most {TASK_BYTES_MAX} bytes")
    _check_request(message.http_request)
    scheduled_at = _datetime(message.schedule_time) if message.HasField("schedule_time") else now
    if scheduled_at > now + SCHEDULE_MAX:
        raise invalid(f"schedule_time may be at most {SCHEDULE_MAX.days} days ahead")
    deadline = DEADLINE_DEFAULT
    if message.HasField("dispatch_deadline"):
        deadline = _timedelta(message.dispatch_deadline)
    if not DEADLINE_MIN <= deadline <= DEADLINE_MAX:
        raise invalid("dispatch_deadline must lie between 15 seconds and 30 minutes")
    return Task(
        message.name,
        number=0,
        request=message.http_request.SerializeToString(deterministic=True),
        created_at=now,
        scheduled_at=max(scheduled_at, now),
        deadline=deadline,
        retry=retry_from(message.retry_config) if message.HasField("retry_config") else None,
    )


def _check_request(request: Message) -> None:
    if not request.url.startswith(("http://", "https://")):
        raise invalid("http_request.url must begin with http:// or https://")
    if len(request.url) > URL_LENGTH_MAX:
        raise invalid(f"http_request.url has at most {URL_LENGTH_MAX} characters")
    if request.body and (request.http_method or METHODS.POST) not in _WITH_BODY:
        raise invalid("a body goes with POST, PUT and PATCH only")
    if request.HasField("oauth_token"):
        raise unimplemented("oauth_token")
    if request.HasField("oidc_token") and not request.oidc_token.service_account_email:
        raise invalid("oidc_token needs service_account_email")


def task_to(task: Task, view: int) -> Message:
    """`view` as in the request; without FULL the body is left out."""
    message = TaskMessage(name=task.name, dispatch_count=task.dispatches, response_count=task.responses)
    message.view = view or TaskMessage.BASIC
    message.http_request.ParseFromString(task.request)
    message.http_request.http_method = message.http_request.http_method or METHODS.POST
    if message.view != TaskMessage.FULL:
        message.http_request.ClearField("body")
    message.schedule_time.CopyFrom(_timestamp(task.scheduled_at))
    message.create_time.CopyFrom(_timestamp(task.created_at.replace(microsecond=0)))
    message.dispatch_deadline.CopyFrom(_duration(task.deadline))
    if task.retry:
        message.retry_config.CopyFrom(_retry_to(task.retry))
    if task.first_dispatched_at:
        message.first_attempt.dispatch_time.CopyFrom(_timestamp(task.first_dispatched_at))
    if task.last:
        _put_attempt(task.last, message.last_attempt)
    return message


def _put_attempt(attempt: Attempt, message: Message) -> None:
    message.schedule_time.CopyFrom(_timestamp(attempt.scheduled_at))
    message.dispatch_time.CopyFrom(_timestamp(attempt.dispatched_at))
    if attempt.responded_at:
        message.response_time.CopyFrom(_timestamp(attempt.responded_at))
    if attempt.reason:
        deadline = attempt.reason == "DEADLINE_EXCEEDED"
        message.response_status.code = _DEADLINE_EXCEEDED if deadline else _UNKNOWN
        message.response_status.message = attempt.reason


# --- times ----------------------------------------------------------------------------------------------


def _timestamp(instant: datetime) -> Message:
    message: Message = Timestamp()
    message.FromDatetime(instant)
    return message


def _datetime(message: Message) -> datetime:
    instant: datetime = message.ToDatetime(UTC)
    return instant


def _duration(span: timedelta) -> Message:
    message: Message = Duration()
    message.FromTimedelta(span)
    return message


def _timedelta(message: Message) -> timedelta:
    span: timedelta = message.ToTimedelta()
    return span
