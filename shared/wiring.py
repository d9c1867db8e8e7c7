"""The world that a function's use cases are given, from its settings and secrets.

Nothing is connected before it is used: the framework forks after import. What may not be shared between
threads, Google's HTTP client and the EHR's session, is made once a thread.
"""

from __future__ import annotations

import os
import threading
import uuid
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from shared.adapters.cloud_tasks import CloudTasks
from shared.adapters.fhir import FhirEhr, FhirSettings, HttpExchange, bearer
from shared.adapters.firestore import FirestoreDocuments
from shared.adapters.google_calendar import GoogleCalendarService, GoogleCalls, google_credentials
from shared.adapters.sealing import Sealer
from shared.adapters.secret_manager import SecretManager
from shared.app.grants import Purpose, bound_to, grant_of, grant_path
from shared.app.records import Connection
from shared.app.world import World
from shared.core.errors import BlockedError
from shared.core.identity import Keys
from shared.core.signing import KeyRing
from shared.ports import CalendarService, Clock, Ehr, Queue
from shared.practices import oauth_client_of, practice_of
from shared.settings import SecretName, Settings

SERVICE_MINUTES = 5
"""How long a connection's grant is used before it is read again: as long as any secret."""


class Wiring:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._mine = threading.local()

    @cached_property
    def secrets(self) -> SecretManager:
        return SecretManager(self._settings.project, self._clock, host=self._settings.secrets_host or None)

    @cached_property
    def tasks(self) -> CloudTasks:
        settings = self._settings
        return CloudTasks(
            settings.project,
            settings.tasks_location,
            {Queue.LIVE: settings.queue_live, Queue.BULK: settings.queue_bulk},
            target=settings.sync_task_url,
            invoker=settings.tasks_invoker,
            audience=settings.tasks_audience,
            host=settings.tasks_host or None,
        )

    @cached_property
    def documents(self) -> FirestoreDocuments:
        settings = self._settings
        return FirestoreDocuments(settings.project, settings.database, host=settings.firestore_host or None)

    def world(self) -> World:
        """For the calling thread."""
        return World(
            documents=self.documents,
            clock=self._clock,
            keys=Keys(self.secrets.get(SecretName.IDENTITY_KEY)),
            ehr=self._ehr,
            calendars=self._calendars,
            new_id=lambda: uuid.uuid4().hex,
        )

    def _ehr(self, practice: str) -> Ehr:
        if practice not in self._settings.practice_keys:
            raise BlockedError("practice_not_served")
        secret = practice_of(self.secrets.get(SecretName.of_practice(practice)))
        known: dict[object, FhirEhr] = self._of_thread("ehrs")
        if secret not in known:
            settings = FhirSettings(
                system=secret.system,
                internal_id_system=secret.internal_id_system,
                time_zone_extension=secret.time_zone_extension,
                protected_extension=secret.protected_extension,
            )
            known[secret] = FhirEhr(HttpExchange(secret.fhir_base, bearer(secret.fhir_token)), settings)
        return known[secret]

    def _calendars(self, connection: Connection) -> CalendarService:
        known: dict[str, tuple[datetime, CalendarService]] = self._of_thread("calendars")
        now = self._clock.now()
        until, service = known.get(connection.key, (now, None))
        if service is None or until <= now:
            service = self._service(connection)
            known[connection.key] = (now + timedelta(minutes=SERVICE_MINUTES), service)
        return service

    def _service(self, connection: Connection) -> CalendarService:
        path = grant_path(connection.key)
        document = self.documents.get(path).get(path)
        if document is None:
            raise BlockedError("reconnect_needed")
        sealer = Sealer(KeyRing.of(self.secrets.versions(SecretName.TOKEN_KEYS)), os.urandom)
        associated = bound_to(Purpose.GRANT_TOKEN, connection.key)
        client = oauth_client_of(self.secrets.get(SecretName.OAUTH_CLIENT))
        credentials = google_credentials(
            sealer.open(grant_of(document).sealed_token, associated),
            client_id=client.client_id,
            client_secret=client.client_secret,
            token_uri=self._settings.google_token_url,
        )
        calls = GoogleCalls(credentials, api_endpoint=self._settings.google_api_url)
        return GoogleCalendarService(calls, zone=ZoneInfo(connection.settings.zone.key))

    def _of_thread(self, name: str) -> dict:  # type: ignore[type-arg]
        if not hasattr(self._mine, name):
            setattr(self._mine, name, {})
        found: dict = getattr(self._mine, name)  # type: ignore[type-arg]
        return found
