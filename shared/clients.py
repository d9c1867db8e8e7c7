"""Clients of the platform from a function's settings. Each connects on first use, after the fork."""

from __future__ import annotations

from shared.adapters.cloud_tasks import CREATE_SECONDS, CloudTasks
from shared.adapters.firestore import FirestoreDocuments
from shared.adapters.secret_manager import SecretManager
from shared.ports import Clock, Queue
from shared.settings import Settings

FOR_SENDERS_SECONDS = 3.0
"""Whoever tells us of a change gives up after a few seconds, and comes again where it is asked to in time."""


def cloud_tasks(settings: Settings, create_seconds: float = CREATE_SECONDS) -> CloudTasks:
    return CloudTasks(
        settings.project,
        settings.tasks_location,
        {Queue.LIVE: settings.queue_live, Queue.BULK: settings.queue_bulk},
        target=settings.sync_task_url,
        invoker=settings.tasks_invoker,
        audience=settings.tasks_audience,
        host=settings.tasks_host or None,
        create_seconds=create_seconds,
    )


def firestore(settings: Settings) -> FirestoreDocuments:
    return FirestoreDocuments(settings.project, settings.database, host=settings.firestore_host or None)


def secret_manager(settings: Settings, clock: Clock) -> SecretManager:
    return SecretManager(settings.project, clock, host=settings.secrets_host or None)
