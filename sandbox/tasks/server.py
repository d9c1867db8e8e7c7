"""The gRPC edge: google.cloud.tasks.v2.CloudTasks in front of a Service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty

from sandbox.rpc import Message, Method, Routes, invalid, unimplemented
from sandbox.tasks import messages
from sandbox.tasks.messages import queue_from, queue_to, task_from, task_to
from sandbox.tasks.names import check_location, check_queue, location_of, queue_of
from sandbox.tasks.service import Service

SERVICE = "google.cloud.tasks.v2.CloudTasks"
QUEUES_PAGE_MAX = 9800
TASKS_PAGE_MAX = 1000

_KEPT = frozenset({"rate_limits", "retry_config", "http_target"})
_OUTPUT_ONLY = frozenset({"state", "purge_time"})

T = TypeVar("T")


class CloudTasks:
    """The RPCs, named as in the service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    # --- queues -----------------------------------------------------------------------------------------

    def create_queue(self, request: Message) -> Message:
        check_location(request.parent)
        queue = queue_from(request.queue)
        if location_of(queue.name) != request.parent:
            raise invalid(f"queue {queue.name!r} lies outside of {request.parent!r}")
        with self._service.using() as (model, _):
            return queue_to(model.create_queue(queue))

    def get_queue(self, request: Message) -> Message:
        check_queue(request.name)
        with self._service.using() as (model, _):
            return queue_to(model.queue(request.name))

    def list_queues(self, request: Message) -> Message:
        check_location(request.parent)
        if request.filter:
            raise unimplemented("ListQueues with filter")
        with self._service.using() as (model, _):
            queues = [queue for queue in model.queues.values() if location_of(queue.name) == request.parent]
        page, token = _page(queues, request, QUEUES_PAGE_MAX, lambda queue: queue.name)
        return messages.ListQueuesResponse(queues=map(queue_to, page), next_page_token=token)

    def update_queue(self, request: Message) -> Message:
        """Makes the queue where there is none, as Cloud Tasks does."""
        check_queue(request.queue.name)
        with self._service.using() as (model, _):
            before = model.queues.get(request.queue.name)
            wanted = request.queue
            if before and request.update_mask.paths:
                wanted = _merged(queue_to(before), request)
            return queue_to(model.put_queue(queue_from(wanted, before)))

    def pause_queue(self, request: Message) -> Message:
        return self._set_paused(request.name, paused=True)

    def resume_queue(self, request: Message) -> Message:
        return self._set_paused(request.name, paused=False)

    def _set_paused(self, name: str, *, paused: bool) -> Message:
        check_queue(name)
        with self._service.using() as (model, _):
            return queue_to(model.put_queue(replace(model.queue(name), paused=paused)))

    def purge_queue(self, request: Message) -> Message:
        check_queue(request.name)
        with self._service.using() as (model, now):
            return queue_to(model.purge(request.name, now))

    # --- tasks ------------------------------------------------------------------------------------------

    def create_task(self, request: Message) -> Message:
        check_queue(request.parent)
        message = messages.TaskMessage()
        message.CopyFrom(request.task)
        if not message.name:
            message.name = self._service.free_name(request.parent)
        if queue_of(message.name) != request.parent:
            raise invalid(f"task {message.name!r} lies outside of {request.parent!r}")
        with self._service.using() as (model, now):
            return task_to(model.add(task_from(message, now), now), request.response_view)

    def get_task(self, request: Message) -> Message:
        queue_of(request.name)
        with self._service.using() as (model, _):
            return task_to(model.task(request.name), request.response_view)

    def list_tasks(self, request: Message) -> Message:
        check_queue(request.parent)
        with self._service.using() as (model, _):
            model.queue(request.parent)
            tasks = [task for task in model.tasks.values() if task.queue == request.parent]
        page, token = _page(tasks, request, TASKS_PAGE_MAX, lambda task: task.name)
        listed = [task_to(task, request.response_view) for task in page]
        return messages.ListTasksResponse(tasks=listed, next_page_token=token)

    def delete_task(self, request: Message) -> Message:
        queue_of(request.name)
        with self._service.using() as (model, now):
            model.delete(request.name, now)
        return Empty()


def _merged(before: Message, request: Message) -> Message:
    """The queue with the fields of the mask taken from the request, the others as they were."""
    fields = {path.partition(".")[0] for path in request.update_mask.paths}
    if unknown := fields - _KEPT - _OUTPUT_ONLY:
        raise unimplemented(f"update_mask of {', '.join(sorted(unknown))}")
    request.update_mask.MergeMessage(
        request.queue, before, replace_message_field=True, replace_repeated_field=True
    )
    return before


def _page(
    rows: Iterable[T], request: Message, size_max: int, name: Callable[[T], str]
) -> tuple[list[T], str]:
    """Rows of one page in the order of names, and the token of the next: the last name of this one."""
    if request.page_size < 0:
        raise invalid("page_size must not be negative")
    left = sorted((row for row in rows if name(row) > request.page_token), key=name)
    page = left[: min(request.page_size or size_max, size_max)]
    return page, name(page[-1]) if len(page) < len(left) else ""


def routes(service: Service) -> Routes:
    tasks = CloudTasks(service)
    methods: dict[str, tuple[Method, Any]] = {
        "CreateQueue": (tasks.create_queue, messages.CreateQueueRequest),
        "CreateTask": (tasks.create_task, messages.CreateTaskRequest),
        "DeleteTask": (tasks.delete_task, messages.DeleteTaskRequest),
        "GetQueue": (tasks.get_queue, messages.GetQueueRequest),
        "GetTask": (tasks.get_task, messages.GetTaskRequest),
        "ListQueues": (tasks.list_queues, messages.ListQueuesRequest),
        "ListTasks": (tasks.list_tasks, messages.ListTasksRequest),
        "PauseQueue": (tasks.pause_queue, messages.PauseQueueRequest),
        "PurgeQueue": (tasks.purge_queue, messages.PurgeQueueRequest),
        "ResumeQueue": (tasks.resume_queue, messages.ResumeQueueRequest),
        "UpdateQueue": (tasks.update_queue, messages.UpdateQueueRequest),
    }
    return Routes(SERVICE, methods, service.faults)
