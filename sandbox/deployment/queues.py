"""The two queues, with the limits they have when deployed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

LIVE, BULK = "live", "bulk"
AT_ONCE = {LIVE: 32, BULK: 16}
"""Tasks of a queue that run at the same time; whoever runs them has a thread for each."""
RETRY = {
    "max_attempts": 15,
    "max_retry_duration": timedelta(hours=6),
    "min_backoff": timedelta(seconds=2),
    "max_backoff": timedelta(seconds=900),
    "max_doublings": 7,
}
"""Of a task whose handler crashed; what fails outside is made again by the handler itself. A task is given up
when attempts *and* duration are used up."""


def make_queues(address: str, project: str, location: str) -> None:
    """At the Cloud Tasks server that listens on `host:port`."""
    library: Any = tasks_v2  # it carries no types
    channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
    client = library.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    parent = f"projects/{project}/locations/{location}"
    for queue, at_once in AT_ONCE.items():
        rates = {"max_dispatches_per_second": 500, "max_concurrent_dispatches": at_once}
        name = f"{parent}/queues/{queue}"
        client.create_queue(parent=parent, queue={"name": name, "rate_limits": rates, "retry_config": RETRY})
    client.transport.close()
